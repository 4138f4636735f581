//! For a terminal: the table, and below it what a person has to know.

use super::table::{SHORT, first_line, sign};
use super::{Lot, LotRenderer, UnitOf};
use crate::renderers::{padded, printed, wrapped};
use crate::{Lang, View, message, remedy};

/// Columns of a cell that tells in words, at least.
const LEAST: usize = 24;
/// So many units are told of without being asked for.
const FEW: usize = 6;
/// Columns between two columns.
const GAP: usize = 2;

/// Text for people.
#[derive(Debug)]
pub(super) struct Text;

impl LotRenderer for Text {
    fn name(&self) -> &'static str {
        "text"
    }

    fn render(&self, lot: &Lot, view: &View) -> Vec<u8> {
        let mut text = head(lot, view);
        text.push_str(&table(lot, view));
        text.push_str(&each(lot, view));
        text.push_str(&findings(lot, view));
        text.push_str(&callers(lot, view));
        text.push_str(&left_out(lot, view.lang));
        text.into_bytes()
    }
}

fn paint(view: &View, tier: &str, text: &str) -> String {
    let colour = match tier {
        "affirming" => "1;32",
        "warning" => "1;33",
        "contraindicated" => "1;31",
        _ => "1;36",
    };
    if view.color { format!("\u{1b}[{colour}m{text}\u{1b}[0m") } else { text.to_owned() }
}

fn head(lot: &Lot, view: &View) -> String {
    let tier = match lot.exit_code {
        0 => "affirming",
        1 => "contraindicated",
        7 => "warning",
        _ => "none",
    };
    let line = format!("{} {}", sign(tier), first_line(view.lang, lot));
    let mut text = wrapped(&format!("{}  [exit {}]", paint(view, tier, &line), lot.exit_code), view.width, 2);
    text.push_str(&bar(lot, view));
    text.push('\n');
    text
}

/// One cell a unit, in their order, so that the eye finds the odd ones.
fn bar(lot: &Lot, view: &View) -> String {
    let room = view.width.saturating_sub(2).max(1);
    let cells: Vec<_> = lot.units.iter().map(|unit| paint(view, &unit.tier, sign(&unit.tier))).collect();
    cells.chunks(room).map(|row| format!("  {}\n", row.concat())).collect()
}

fn table(lot: &Lot, view: &View) -> String {
    let rows: Vec<Vec<String>> = lot
        .units
        .iter()
        .map(|unit| SHORT.iter().map(|column| (column.cell)(unit, view.lang)).collect())
        .collect();
    let widths = widths(&rows, view);
    let heads: Vec<_> = SHORT.iter().map(|column| column.head(view.lang).to_owned()).collect();
    let mut text = line(&heads, &widths);
    let rule: Vec<_> = widths.iter().map(|&width| "-".repeat(width)).collect();
    text.push_str(&line(&rule, &widths));
    for (unit, row) in lot.units.iter().zip(rows) {
        text.push_str(&unit_lines(unit, &row, &widths, view));
    }
    text.push('\n');
    text
}

/// Each column as wide as it needs to be; the two that tell in words share what is left.
fn widths(rows: &[Vec<String>], view: &View) -> Vec<usize> {
    let mut widths: Vec<usize> = SHORT.iter().map(|column| printed(column.head(view.lang))).collect();
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(printed(cell));
        }
    }
    let room = view.width.saturating_sub(GAP.saturating_mul(SHORT.len().saturating_sub(1)));
    if let [a, b, c, what, whom] = widths.as_mut_slice() {
        let left = room.saturating_sub(a.saturating_add(*b).saturating_add(*c));
        *whom = (*whom).min((left / 3).max(LEAST));
        *what = (*what).min(left.saturating_sub(*whom).max(LEAST));
    }
    widths
}

/// The row of a unit: words that do not fit go on below.
fn unit_lines(unit: &UnitOf, row: &[String], widths: &[usize], view: &View) -> String {
    let cells: Vec<Vec<String>> = row
        .iter()
        .zip(widths)
        .map(|(cell, &width)| wrapped(cell, width, 0).lines().map(str::to_owned).collect())
        .collect();
    let rows = cells.iter().map(Vec::len).max().unwrap_or(0).max(1);
    let mut text = String::new();
    for number in 0..rows {
        let part = |lines: &Vec<String>| lines.get(number).cloned().unwrap_or_default();
        let mut parts: Vec<_> = cells.iter().map(part).collect();
        if let (0, Some(cell)) = (number, parts.get_mut(1)) {
            *cell = paint(view, &unit.tier, cell);
        }
        text.push_str(&line(&parts, widths));
    }
    text
}

fn line(cells: &[String], widths: &[usize]) -> String {
    let cells: Vec<_> = cells.iter().zip(widths).map(|(cell, &width)| padded(cell, width)).collect();
    format!("{}\n", cells.join(&" ".repeat(GAP)).trim_end())
}

/// What was found in each unit that is not accepted: of a few at once, of many when everything is asked for.
fn each(lot: &Lot, view: &View) -> String {
    let odd: Vec<_> = lot.units.iter().filter(|unit| !unit.told.is_empty()).collect();
    if odd.len() > FEW && !view.verbose {
        let count = odd.len();
        let hint = match view.lang {
            Lang::English => format!("What was found in these {count} units: --verbose, or a --summary.\n\n"),
            Lang::Japanese => format!("上記 {count} 台の所見は --verbose 又は --summary による。\n\n"),
        };
        return wrapped(&hint, view.width, 2);
    }
    let about = |unit: &&UnitOf| {
        let head = format!("{} {} ({})", sign(&unit.tier), unit.serial, unit.file);
        let told: String = unit.told.trim_end().lines().map(|line| format!("  {line}\n")).collect();
        format!("{}\n{told}\n", paint(view, &unit.tier, &head))
    };
    odd.iter().map(about).collect()
}

fn findings(lot: &Lot, view: &View) -> String {
    let mut text = String::new();
    for finding in &lot.findings {
        let sign = if finding.severity == "medium" { "!" } else { "·" };
        let sentence = message(view.lang, finding, lot.mode);
        text.push_str(&wrapped(&format!("{sign} {sentence}  [{}]", finding.id), view.width, 4));
        text.push_str(&wrapped(&format!("    {}", remedy(view.lang, finding, lot.mode)), view.width, 4));
    }
    if !text.is_empty() {
        text.push('\n');
    }
    text
}

fn callers(lot: &Lot, view: &View) -> String {
    let say = |(name, contact): &(String, Option<String>), units: u64| {
        let contact = contact.as_deref().map(|contact| format!(", {contact}")).unwrap_or_default();
        match view.lang {
            Lang::English if units == 1 => format!("answers for 1 unit: {name}{contact}\n"),
            Lang::English => format!("answers for {units} units: {name}{contact}\n"),
            Lang::Japanese => format!("製造者申告の担当({units} 台分):{name}{contact}\n"),
        }
    };
    lot.suppliers().iter().map(|(supplier, &units)| say(supplier, units)).collect()
}

fn left_out(lot: &Lot, lang: Lang) -> String {
    if lot.left_out.is_empty() {
        return String::new();
    }
    let names = lot.left_out.join(", ");
    match lang {
        Lang::English => format!("left out, and not used: {names}\n"),
        Lang::Japanese => format!("対象外とし、使用していないファイル:{names}\n"),
    }
}
