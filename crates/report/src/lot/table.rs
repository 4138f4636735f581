//! What all tables of a lot have in common: columns, words and signs.

use super::{Lot, Totals, UNREAD, UnitOf};
use crate::Lang;

/// A column: its head in both languages, and its cell.
pub(super) struct Column {
    english: &'static str,
    japanese: &'static str,
    pub(super) cell: fn(&UnitOf, Lang) -> String,
}

impl Column {
    pub(super) fn head(&self, lang: Lang) -> &'static str {
        lang.pick(self.english, self.japanese)
    }
}

const fn column(english: &'static str, japanese: &'static str, cell: fn(&UnitOf, Lang) -> String) -> Column {
    Column { english, japanese, cell }
}

/// What people look at.
pub(super) static SHORT: &[Column] = &[
    column("unit", "機器", |unit, _| unit.serial.clone()),
    column("verdict", "判定", |unit, lang| format!("{} {}", sign(&unit.tier), verdict(lang, &unit.tier))),
    column("release", "版", |unit, _| release(unit)),
    column("remarks", "備考", |unit, _| unit.shown.clone()),
    column("whom to call", "照会先", |unit, _| whom(unit)),
];

/// What a file for other programs holds.
pub(super) static LONG: &[Column] = &[
    column("unit", "機器", |unit, _| unit.serial.clone()),
    column("file", "ファイル", |unit, _| unit.file.clone()),
    column("verdict", "判定", |unit, lang| verdict(lang, &unit.tier).to_owned()),
    column("exit", "終了コード", |unit, _| unit.exit_code.to_string()),
    column("release", "版", |unit, _| unit.release.clone().unwrap_or_default()),
    column("remarks", "備考", |unit, _| unit.shown.clone()),
    column("whom to call", "照会先", |unit, _| whom(unit)),
    column("bytes", "バイト数", |unit, _| unit.size.map(|size| size.to_string()).unwrap_or_default()),
    column("image sha256", "イメージのSHA-256", |unit, _| unit.sha256.clone().unwrap_or_default()),
    column("report sha256", "報告書のSHA-256", |unit, _| unit.report_sha256.clone().unwrap_or_default()),
];

/// The sign of a verdict; never the only one.
pub(super) fn sign(tier: &str) -> &'static str {
    match tier {
        "affirming" => "✓",
        "warning" => "!",
        "contraindicated" => "✗",
        UNREAD => "-",
        _ => "?",
    }
}

/// A verdict in a word or two.
pub(super) fn verdict(lang: Lang, tier: &str) -> &'static str {
    match tier {
        "affirming" => lang.pick("matches", "一致"),
        "warning" => lang.pick("needs a person", "要確認"),
        "contraindicated" => lang.pick("does not match", "不適合"),
        UNREAD => lang.pick("not read", "読取不能"),
        _ => lang.pick("cannot tell", "判定不能"),
    }
}

/// The release without the product: one lot is of one product. In parentheses where it is only what a unit was compared with.
fn release(unit: &UnitOf) -> String {
    let release = unit.release.as_deref().unwrap_or("-");
    let release = release.rsplit_once('@').map_or(release, |(_, release)| release);
    if unit.tier == "contraindicated" { format!("({release})") } else { release.to_owned() }
}

/// Names and contacts.
fn whom(unit: &UnitOf) -> String {
    let each = unit.suppliers.iter().map(|supplier| match &supplier.contact {
        Some(contact) => format!("{}, {contact}", supplier.name),
        None => supplier.name.clone(),
    });
    each.collect::<Vec<_>>().join("; ")
}

/// `20 units: 2 do not match, 1 needs a person, …`.
pub(super) fn totals(lang: Lang, totals: &Totals) -> String {
    let each = totals.each().into_iter().filter(|(_, count)| *count > 0);
    let each = each.map(|(tier, count)| match lang {
        Lang::English => format!("{count} {}", of_several(tier, count)),
        Lang::Japanese => format!("{} {count} 台", verdict(lang, tier)),
    });
    let each = each.collect::<Vec<_>>().join(lang.pick(", ", "、"));
    let units = totals.units;
    match lang {
        Lang::English if units == 1 => format!("1 unit: {each}"),
        Lang::English => format!("{units} units: {each}"),
        Lang::Japanese => format!("全 {units} 台:{each}"),
    }
}

fn of_several(tier: &str, count: u64) -> &'static str {
    match (tier, count) {
        ("affirming", 1) => "matches",
        ("affirming", _) => "match",
        ("warning", 1) => "needs a person",
        ("warning", _) => "need a person",
        ("contraindicated", 1) => "does not match",
        ("contraindicated", _) => "do not match",
        (UNREAD, _) => "could not be read",
        _ => "cannot be told",
    }
}

/// The first line: whether the lot can be accepted.
pub(super) fn first_line(lang: Lang, lot: &Lot) -> String {
    let totals = totals(lang, &lot.totals);
    let head = match (lot.accepted, lot.exit_code) {
        (true, _) => lang.pick("every unit matches the signed reference", "全ての機器が署名済み基準値と一致"),
        (false, 1) => lang.pick("not every unit matches", "基準値または規則に不適合の機器が有る"),
        (false, 7) => lang.pick("needs a person; not accepted as it is", "要確認(このままでは受入不可)"),
        (false, _) => {
            lang.pick("not every unit can be told; this is not a pass", "判定不能の機器が有る(合格ではない)")
        }
    };
    format!("{head}{}{totals}", lang.pick(". ", "。"))
}
