//! How wide a text is on a terminal, and how it is fitted into columns.

/// Fills up to a width in columns.
pub(crate) fn padded(text: &str, width: usize) -> String {
    format!("{text}{}", " ".repeat(width.saturating_sub(printed(text))))
}

/// Columns that a text takes; East Asian characters take two, colours none.
pub(crate) fn printed(text: &str) -> usize {
    let mut colour = false;
    let columns = text.chars().map(|sign| match sign {
        '\u{1b}' => {
            colour = true;
            0
        }
        'm' if colour => {
            colour = false;
            0
        }
        _ if colour => 0,
        _ if is_wide(sign) => 2_usize,
        _ => 1,
    });
    columns.fold(0, usize::saturating_add)
}

/// True for a sign that takes two columns (Unicode Standard Annex 11, W and F, as far as they are common).
fn is_wide(sign: char) -> bool {
    matches!(sign,
        '\u{1100}'..='\u{115f}' | '\u{2e80}'..='\u{303e}' | '\u{3041}'..='\u{a4cf}' | '\u{ac00}'..='\u{d7a3}'
        | '\u{f900}'..='\u{faff}' | '\u{fe30}'..='\u{fe6f}' | '\u{ff00}'..='\u{ff60}' | '\u{ffe0}'..='\u{ffe6}'
        | '\u{20000}'..='\u{3fffd}')
}

/// A text in lines of that width, broken between words, each with its newline; what follows the first is indented.
#[must_use]
pub fn wrapped(text: &str, width: usize, indent: usize) -> String {
    let mut lines = String::new();
    let mut line = String::new();
    let mut columns = 0_usize;
    let mut end = |line: &str| {
        lines.push_str(line.trim_end());
        lines.push('\n');
    };
    for word in text.split_inclusive(' ').flat_map(breakable) {
        let wide = printed(word.trim_end());
        if columns > indent && columns.saturating_add(wide) > width {
            end(&line);
            line = " ".repeat(indent);
            columns = indent;
        }
        line.push_str(word);
        columns = columns.saturating_add(printed(word));
    }
    end(&line);
    lines
}

/// The pieces of a word between which a line may break: East Asian text breaks behind any sign, but not before a mark that
/// closes or a sign that is spoken with the one before it, and not behind a mark that opens.
fn breakable(word: &str) -> Vec<&str> {
    let closes = |sign: char| "、。)」】]:;,ーぁぃぅぇぉっゃゅょァィゥェォッャュョ々".contains(sign);
    let opens = |sign: char| "(「【[".contains(sign);
    let mut pieces = Vec::new();
    let mut start = 0;
    let mut before = None;
    for (at, sign) in word.char_indices() {
        let apart = before.is_some_and(|before| (is_wide(before) || is_wide(sign)) && !opens(before))
            && !closes(sign)
            && sign != ' ';
        if apart && at > start {
            pieces.extend(word.get(start..at));
            start = at;
        }
        before = Some(sign);
    }
    pieces.extend(word.get(start..));
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signs_take_the_columns_that_a_terminal_gives_them() {
        assert_eq!(printed("✓ a…"), 4);
        assert_eq!(printed("\u{1b}[1;32m判定\u{1b}[0m"), 4);
        assert_eq!(padded("機器", 6), "機器  ");
    }

    #[test]
    fn lines_break_between_words_and_wide_signs() {
        assert_eq!(wrapped("one two three", 8, 2), "one two\n  three\n");
        assert_eq!(wrapped("版が揃っていない。", 8, 0), "版が揃っ\nていな\nい。\n");
        assert_eq!(wrapped("この版(旧版)", 8, 0), "この版\n(旧版)\n");
        assert_eq!(wrapped("説明とページ", 8, 0), "説明と\nページ\n");
    }
}
