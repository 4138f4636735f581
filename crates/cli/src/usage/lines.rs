//! Help in lines that fit the terminal. The parser of the command line breaks lines at blanks only, and Japanese has none.

use crate::args::Lang;

/// Columns when nobody says how wide the terminal is.
const WIDTH: usize = 100;

/// What the parser says by itself, in every help.
const WORDS: [(&str, &str); 6] = [
    ("Usage:", "使い方:"),
    ("Commands:", "コマンド:"),
    ("Arguments:", "引数:"),
    ("Options:", "オプション:"),
    ("[OPTIONS]", "[オプション]"),
    ("<COMMAND>", "<コマンド>"),
];

/// Help in that language, in lines that fit.
pub(crate) fn fitted(help: &str, lang: Lang) -> String {
    match lang {
        // The parser has done that.
        Lang::En => help.to_owned(),
        Lang::Ja => wrapped(&in_japanese(help), width()),
    }
}

/// The parser's own words.
pub(super) fn in_japanese(text: &str) -> String {
    WORDS.iter().fold(text.to_owned(), |text, (english, japanese)| text.replace(english, japanese))
}

fn wrapped(text: &str, width: usize) -> String {
    text.lines().map(|line| kiwame_report::wrapped(line, width, indent(line))).collect()
}

/// Where the text of a line begins: behind the name that it is about.
fn indent(line: &str) -> usize {
    let plain = console::strip_ansi_codes(line);
    let text = plain.trim_start();
    let before = plain.len() - text.len();
    if text.starts_with("- ") {
        return before + 2;
    }
    if text.starts_with("使い方:") {
        return "Usage: ".len() + 1;
    }
    let name = text.find("  ").filter(|&end| text.is_char_boundary(end) && text[..end].is_ascii());
    name.map_or(before, |end| before + end + (text[end..].len() - text[end..].trim_start().len()))
}

pub(super) fn width() -> usize {
    let terminal = console::Term::stdout().size_checked().map(|(_, columns)| usize::from(columns));
    let told = || std::env::var("COLUMNS").ok()?.parse().ok();
    terminal.or_else(told).filter(|&columns| columns > 0).unwrap_or(WIDTH)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_goes_on_below_where_it_began() {
        assert_eq!(wrapped("  key  鍵を作成する\n", 13), "  key  鍵を作\n       成する\n");
        assert_eq!(wrapped("      値を指定する", 12), "      値を指\n      定する\n");
        assert_eq!(wrapped("  - a: 値を指定", 13), "  - a: 値を指\n    定\n");
        assert_eq!(wrapped("\u{1b}[1mkey\u{1b}[0m  鍵を作る", 9), "\u{1b}[1mkey\u{1b}[0m  鍵を\n     作る\n");
    }
}
