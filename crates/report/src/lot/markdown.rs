//! For a page of notes: a table in Markdown.

use super::table::{SHORT, first_line, sign};
use super::{Lot, LotRenderer};
use crate::{View, message};

/// Markdown.
#[derive(Debug)]
pub(super) struct Markdown;

impl LotRenderer for Markdown {
    fn name(&self) -> &'static str {
        "md"
    }

    fn render(&self, lot: &Lot, view: &View) -> Vec<u8> {
        let mut text = format!("**{}**\n\n", inside(&first_line(view.lang, lot)));
        let heads: Vec<_> = SHORT.iter().map(|column| column.head(view.lang).to_owned()).collect();
        row(&mut text, &heads);
        row(&mut text, &vec!["---".to_owned(); heads.len()]);
        for unit in &lot.units {
            let cells: Vec<_> = SHORT.iter().map(|column| (column.cell)(unit, view.lang)).collect();
            row(&mut text, &cells);
        }
        text.push('\n');
        for finding in &lot.findings {
            text.push_str(&format!(
                "- {} `{}`\n",
                inside(&message(view.lang, finding, lot.mode)),
                finding.id
            ));
        }
        for unit in lot.units.iter().filter(|unit| !unit.told.is_empty()) {
            text.push_str(&format!("\n{} {}\n\n", sign(&unit.tier), inside(&unit.serial)));
            // Set in by four columns nothing is markup.
            unit.told.trim_end().lines().for_each(|line| text.push_str(&format!("    {line}\n")));
        }
        text.into_bytes()
    }
}

fn row(text: &mut String, cells: &[String]) {
    let cells: Vec<_> = cells.iter().map(|cell| inside(cell)).collect();
    text.push_str(&format!("| {} |\n", cells.join(" | ")));
}

/// Signs that mean something to Markdown stand for themselves. Markup was escaped before.
fn inside(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for sign in text.chars() {
        if "\\`*_[]|#~".contains(sign) {
            shown.push('\\');
        }
        shown.push(sign);
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_ends_its_cell_or_becomes_a_link() {
        assert_eq!(inside("a|b [c](d) `e`"), r"a\|b \[c\](d) \`e\`");
    }
}
