//! What `kiwame man` prints of a file.

use std::fmt::Write as _;

use super::rows::rows;
use super::source::{Source, Table};
use super::{File, Notation};

/// Signs of a line.
const WIDTH: usize = 76;

pub(super) fn text(source: &Source, file: &File, tables: &[Table]) -> String {
    let mut text = format!("{}\n{}", file.name, wrapped(file.about));
    let rows = rows(tables);
    for row in &rows {
        let _ = write!(text, "\n{}\n", row.path);
        text +=
            &wrapped(&format!("{}; {}. {}", row.holds(source, &str::to_owned), row.need(), row.meaning()));
        if let Some(example) = &row.field.example {
            let _ = match file.notation {
                Notation::Toml => writeln!(text, "    e.g. {} = {example}", row.field.name),
                Notation::Json => writeln!(text, "    e.g. \"{}\": {example}", row.field.name),
            };
        }
    }
    let used = |rust: &str| rows.iter().any(|row| row.field.sort.form() == Some(rust));
    text += "\nForms\n";
    for form in source.forms.iter().filter(|form| used(&form.rust)) {
        let example = form.example.as_ref().map(|example| format!(" E.g. {example}")).unwrap_or_default();
        let _ = write!(text, "\n{}\n{}", form.name(), wrapped(&format!("{}{example}", form.meaning)));
        if form.words.iter().all(|(_, meaning)| meaning.is_empty()) {
            let words: Vec<_> = form.words.iter().map(|(word, _)| word.as_str()).collect();
            text += &wrapped(&words.join(", "));
        } else {
            form.words.iter().for_each(|(word, meaning)| text += &wrapped(&format!("{word}: {meaning}")));
        }
    }
    if used("Grammar") {
        text += "\nGrammars\n";
        for grammar in &source.grammars {
            let length =
                grammar.length.as_ref().map(|length| format!(" Length: {length}.")).unwrap_or_default();
            let takes = match grammar.takes.strip_prefix("hex ") {
                Some(bytes) => format!("the bytes {bytes}"),
                None => format!("\"{}\"", grammar.takes),
            };
            let _ = write!(text, "\n{}\n", grammar.spelling);
            text += &wrapped(&format!("{}{length}", grammar.meaning));
            let _ = writeln!(text, "    e.g. {} takes {takes}", grammar.example);
        }
    }
    text
}

/// Lines of that width, set in, without the signs around what is quoted.
fn wrapped(text: &str) -> String {
    let (mut lines, mut line) = (String::new(), String::new());
    for word in text.replace('`', "").split_whitespace() {
        if !line.is_empty() && line.chars().count() + word.chars().count() + 5 > WIDTH {
            let _ = writeln!(lines, "    {line}");
            line.clear();
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line += word;
    }
    if !line.is_empty() {
        let _ = writeln!(lines, "    {line}");
    }
    lines
}
