//! What `kiwame man` prints of a file.

use std::fmt::Write as _;

use super::rows::{Row, rows};
use super::source::{Need, Source, Table};
use super::{File, Notation, japanese};

/// Signs of a line.
const WIDTH: usize = 76;

/// The words in which it says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Words {
    English,
    Japanese,
}

impl Words {
    /// A text of the tables.
    fn of(self, english: &str) -> Result<String, String> {
        match self {
            Self::English => Ok(english.to_owned()),
            Self::Japanese => japanese::of(english).map(str::to_owned),
        }
    }

    fn pick(self, english: &'static str, japanese: &'static str) -> &'static str {
        match self {
            Self::English => english,
            Self::Japanese => japanese,
        }
    }

    /// What a field holds, whether it has to be there and what it means.
    fn row(self, row: &Row<'_>, source: &Source) -> Result<String, String> {
        let holds = row.holds(source, &str::to_owned);
        if self == Self::English {
            return Ok(format!("{holds}; {}. {}", row.need(), row.meaning()));
        }
        let need = match &row.field.need {
            Need::Required => "必須".to_owned(),
            Need::Optional => "任意".to_owned(),
            Need::Default(value) => format!("既定値 {value}"),
        };
        let only = row.field.only.iter().map(|only| format!("常に {only}。"));
        let words = Some(&row.field.words).filter(|words| !words.is_empty());
        let words = words.map(|words| format!("{} のいずれか。", words.join("、")));
        let more: String = only.chain(words).collect();
        Ok(format!("{}、{need}。{}{more}", japanese::holds(&holds), self.of(&row.field.meaning)?))
    }
}

/// # Errors
/// When something of it has no Japanese.
pub(super) fn text(source: &Source, file: &File, tables: &[Table], words: Words) -> Result<String, String> {
    let mut text = format!("{}\n{}", file.name, wrapped(&words.of(file.about)?));
    let example = words.pick("e.g.", "例");
    let rows = rows(tables);
    for row in &rows {
        let _ = write!(text, "\n{}\n", row.path);
        text += &wrapped(&words.row(row, source)?);
        if let Some(value) = &row.field.example {
            let _ = match file.notation {
                Notation::Toml => writeln!(text, "    {example} {} = {value}", row.field.name),
                Notation::Json => writeln!(text, "    {example} \"{}\": {value}", row.field.name),
            };
        }
    }
    let used = |rust: &str| rows.iter().any(|row| row.field.sort.form() == Some(rust));
    text += words.pick("\nForms\n", "\n値の形\n");
    for form in source.forms.iter().filter(|form| used(&form.rust)) {
        let value = form.example.as_ref().map(|value| format!(" {} {value}", words.pick("E.g.", "例")));
        let meaning = words.of(&form.meaning)?;
        let _ = write!(text, "\n{}\n{}", form.name(), wrapped(&(meaning + &value.unwrap_or_default())));
        if form.words.iter().all(|(_, meaning)| meaning.is_empty()) {
            let words: Vec<_> = form.words.iter().map(|(word, _)| word.as_str()).collect();
            text += &wrapped(&words.join(", "));
        } else {
            for (word, meaning) in &form.words {
                text += &wrapped(&format!("{word}: {}", words.of(meaning)?));
            }
        }
    }
    if used("Grammar") {
        text += words.pick("\nGrammars\n", "\n文法\n");
        for grammar in &source.grammars {
            let length = grammar.length.as_ref().map(|length| match (words, length.as_str()) {
                (Words::English, length) => format!(" Length: {length}."),
                (Words::Japanese, "exact") => "長さは固定。".to_owned(),
                (Words::Japanese, _) => "長さは N 以下。".to_owned(),
            });
            let takes = match grammar.takes.strip_prefix("hex ") {
                Some(bytes) => [words.pick("the bytes ", "バイト "), bytes].concat(),
                None => format!("\"{}\"", grammar.takes),
            };
            let meaning = words.of(&grammar.meaning)? + &length.unwrap_or_default();
            let _ = write!(text, "\n{}\n{}", grammar.spelling, wrapped(&meaning));
            let given = &grammar.example;
            let _ = match words {
                Words::English => writeln!(text, "    {example} {given} takes {takes}"),
                Words::Japanese => writeln!(text, "    {example} {given} で認めるもの {takes}"),
            };
        }
    }
    Ok(text)
}

/// Lines of that width, set in, without the signs around what is quoted.
fn wrapped(text: &str) -> String {
    kiwame_report::wrapped(&format!("    {}", text.replace('`', "")), WIDTH, 4)
}
