//! The one escape function (RULES 27).

/// Characters of a string that are shown; the rest is cut and marked.
const MOST: usize = 256;

/// Makes a string from an image or a manifest safe to show: control characters, direction marks, invisible
/// characters, markup and what a spreadsheet would take for a formula appear as `\u{…}`; long ones are cut.
#[must_use]
pub fn escape(text: &str) -> String {
    let formula = text.chars().next().filter(|first| matches!(first, '=' | '+' | '-' | '@'));
    match formula {
        Some(first) => {
            format!("{}{}", first.escape_unicode(), escape_inside(text.get(1..).unwrap_or_default()))
        }
        None => escape_inside(text),
    }
}

/// The same for a string that stands inside a sentence of ours, where nothing takes it for a formula.
#[must_use]
pub fn escape_inside(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for (number, character) in text.chars().enumerate() {
        if number == MOST {
            shown.push('…');
            break;
        }
        if character == '\\' {
            shown.push_str(r"\\");
        } else if is_hostile(character) {
            shown.extend(character.escape_unicode());
        } else {
            shown.push(character);
        }
    }
    shown
}

/// The same for a whole sentence of ours with such a string in it: nothing is cut.
#[must_use]
pub fn escape_line(text: &str) -> String {
    escape_shown(text)
}

/// The same for a string of somebody's report, which says it went through [`escape`] before: a backslash stays.
pub(crate) fn escape_shown(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut shown, character| {
        if is_hostile(character) {
            shown.extend(character.escape_unicode())
        } else {
            shown.push(character)
        }
        shown
    })
}

fn is_hostile(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '<' | '>' | '&'
            | '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}'
            // Blanks that are not the one that people type, and what only shapes its neighbours.
            | '\u{a0}' | '\u{600}'..='\u{605}' | '\u{6dd}' | '\u{70f}' | '\u{890}'..='\u{891}' | '\u{8e2}' | '\u{1680}'
            | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{205f}' | '\u{2800}' | '\u{110bd}' | '\u{110cd}'
            | '\u{13430}'..='\u{1345f}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
            | '\u{fff0}'..='\u{fffb}' | '\u{e000}'..='\u{f8ff}' | '\u{e0000}'..='\u{10ffff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_names_are_shown_and_harmless_ones_left_alone() {
        assert_eq!(escape("Udp4Dxe"), "Udp4Dxe");
        assert_eq!(escape("極め 2.0-rc1+x"), "極め 2.0-rc1+x");
        assert_eq!(escape("=HYPERLINK(1)"), r"\u{3d}HYPERLINK(1)");
        assert_eq!(escape("a\u{1b}[2Jb"), r"a\u{1b}[2Jb");
        assert_eq!(escape("<img src=x>"), r"\u{3c}img src=x\u{3e}");
        assert_eq!(escape("a\\u{a}"), r"a\\u{a}", "what looks escaped is told from what is");
        assert_eq!(escape("a\u{200b}b"), r"a\u{200b}b");
        for hidden in ['\u{1d173}', '\u{1bca0}', '\u{13430}', '\u{2800}', '\u{a0}', '\u{2003}'] {
            assert_eq!(escape(&format!("a{hidden}")), format!("a{}", hidden.escape_unicode()));
        }
        assert_eq!(escape("機器\u{3000}一号"), "機器\u{3000}一号", "the blank of Japanese text");
        assert_eq!(escape(&"x".repeat(300)).chars().count(), 257);
    }
}
