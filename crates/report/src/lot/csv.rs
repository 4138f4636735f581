//! For spreadsheets: RFC 4180, one line a unit. What a spreadsheet would take for a formula was escaped before.

use super::table::LONG;
use super::{Lot, LotRenderer};
use crate::{Lang, View};

/// Values with commas between them.
#[derive(Debug)]
pub(super) struct Csv;

impl LotRenderer for Csv {
    fn name(&self) -> &'static str {
        "csv"
    }

    fn render(&self, lot: &Lot, view: &View) -> Vec<u8> {
        // Spreadsheets take a file for one in the machine's own code page unless it begins with this.
        let mut text = if view.lang == Lang::Japanese { "\u{feff}".to_owned() } else { String::new() };
        row(&mut text, LONG.iter().map(|column| column.head(view.lang).to_owned()));
        for unit in &lot.units {
            row(&mut text, LONG.iter().map(|column| (column.cell)(unit, view.lang)));
        }
        text.into_bytes()
    }
}

fn row(text: &mut String, cells: impl Iterator<Item = String>) {
    let cells: Vec<_> = cells.map(|cell| quoted(&cell)).collect();
    text.push_str(&cells.join(","));
    text.push_str("\r\n");
}

/// Every cell is quoted, so that one in which another separator stands stays one.
fn quoted(cell: &str) -> String {
    // What comes first decides whether it is a formula; in Japanese, wide signs do as well.
    let formula = cell.trim_start().starts_with(['=', '+', '-', '@', '=', '+', '-', '@']);
    format!("\"{}{}\"", if formula { "'" } else { "" }, cell.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_quoted_where_they_have_to_be_and_are_no_formulas() {
        assert_eq!(quoted("a b"), "\"a b\"");
        assert_eq!(quoted("a, \"b\""), "\"a, \"\"b\"\"\"");
        assert_eq!(quoted(" =1+1"), "\"' =1+1\"");
        assert_eq!(quoted("=1+1"), "\"'=1+1\"");
    }
}
