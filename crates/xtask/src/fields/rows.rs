//! The fields of a file in the order in which people read them.

use super::source::{Field, Need, Sort, Source, Table};

/// A field at its place.
#[derive(Debug)]
pub(super) struct Row<'a> {
    /// Names from the root, with `[]` behind lists.
    pub(super) path: String,
    pub(super) field: &'a Field,
    /// Where the same table stood before.
    pub(super) alike: Option<String>,
}

/// All fields of a file. A table that stands in several places is listed at the first.
pub(super) fn rows(tables: &[Table]) -> Vec<Row<'_>> {
    let (mut rows, mut seen) = (Vec::new(), Vec::new());
    if let Some(root) = tables.first() {
        add(tables, root, "", &mut seen, &mut rows);
    }
    rows
}

fn add<'a>(
    tables: &'a [Table],
    table: &'a Table,
    around: &str,
    seen: &mut Vec<(&'a str, String)>,
    rows: &mut Vec<Row<'a>>,
) {
    for field in &table.fields {
        let list = if matches!(field.sort, Sort::List(_) | Sort::Some(_)) { "[]" } else { "" };
        let path = format!("{around}{}", field.name);
        let inside = field.sort.table().and_then(|name| tables.iter().find(|table| table.name == name));
        let alike = inside.and_then(|table| seen.iter().find(|(name, _)| *name == table.name));
        let alike = alike.map(|(_, path)| path.clone());
        let first = inside.filter(|_| alike.is_none());
        rows.push(Row { path: format!("{path}{list}"), field, alike });
        if let Some(table) = first {
            seen.push((&table.name, format!("{path}{list}")));
            add(tables, table, &format!("{path}{list}."), seen, rows);
        }
    }
}

impl Row<'_> {
    /// What it holds, in words; `form` writes the name of a form.
    pub(super) fn holds(&self, source: &Source, form: &dyn Fn(&str) -> String) -> String {
        match &self.alike {
            Some(path) => format!("{}, as `{path}`", phrase(&self.field.sort, source, form)),
            None => phrase(&self.field.sort, source, form),
        }
    }

    /// Whether it has to be there, in words.
    pub(super) fn need(&self) -> String {
        match &self.field.need {
            Need::Required => "required".to_owned(),
            Need::Optional => "optional".to_owned(),
            Need::Default(value) => format!("default `{value}`"),
        }
    }

    /// What it means, with its values where they are few.
    pub(super) fn meaning(&self) -> String {
        let Field { meaning, only, words, .. } = self.field;
        let words: Vec<_> = words.iter().map(|word| format!("`{word}`")).collect();
        match (only, words.as_slice()) {
            (Some(only), _) => format!("{meaning} Always `{only}`."),
            (None, []) => meaning.clone(),
            (None, words) => format!("{meaning} One of {}.", words.join(", ")),
        }
    }
}

fn phrase(sort: &Sort, source: &Source, form: &dyn Fn(&str) -> String) -> String {
    let of = |of: &Sort| phrase(of, source, form);
    match sort {
        Sort::Text => "text".to_owned(),
        Sort::Number => "whole number".to_owned(),
        Sort::Byte => "number from 0 to 255".to_owned(),
        Sort::Flag => "true or false".to_owned(),
        Sort::Form(rust) => form(&source.form(rust).name()),
        Sort::Table(_) => "table".to_owned(),
        Sort::List(inner) if matches!(**inner, Sort::Table(_)) => "list of tables".to_owned(),
        Sort::Some(inner) if matches!(**inner, Sort::Table(_)) => "list of one table at least".to_owned(),
        Sort::List(inner) => format!("list of {}", of(inner)),
        Sort::Some(inner) => format!("list of {}, one at least", of(inner)),
        Sort::Map(inner) if **inner == Sort::Anything => "table with any names".to_owned(),
        Sort::Map(inner) => format!("table of {} by name", of(inner)),
        Sort::Digests => format!("table of digests by algorithm, among them `sha256` ({})", form("sha256")),
        Sort::Sha256 => format!("table with `sha256` ({})", form("sha256")),
        Sort::Anything => "anything".to_owned(),
    }
}
