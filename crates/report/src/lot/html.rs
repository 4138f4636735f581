//! For paper: one self-contained page that prints on A4, with what a record of an inspection on delivery has to name and
//! room for those who sign. It records a comparison; whether the delivery is accepted is written in by hand.

use super::table::{LONG, SHORT, first_line, sign, totals, verdict};
use super::{Lot, LotRenderer, UnitOf};
use crate::{Lang, View, message, remedy};
use kiwame_trust::Time;

/// HTML.
#[derive(Debug)]
pub(super) struct Html;

impl LotRenderer for Html {
    fn name(&self) -> &'static str {
        "html"
    }

    fn render(&self, lot: &Lot, view: &View) -> Vec<u8> {
        let lang = view.lang;
        let title = lang.pick("Record of firmware inspection", "ファームウェア検査記録");
        let mut page = format!(
            "<!DOCTYPE html>\n<html lang=\"{}\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
             <meta name=\"viewport\" content=\"width=device-width\">\n<title>{title}</title>\n<style>{STYLE}</style>\n</head>\n\
             <body>\n<h1>{title}</h1>\n",
            lang.pick("en", "ja")
        );
        page.push_str(&result(lot, lang));
        page.push_str(&by_hand(lot, lang));
        page.push_str(&units(lot, lang));
        page.push_str(&findings(lot, lang));
        page.push_str(&each(lot, lang));
        page.push_str(&compared(lot, lang));
        page.push_str(&signatures(lang));
        page.push_str(&digests(lot, lang));
        page.push_str("</body>\n</html>\n");
        page.into_bytes()
    }
}

const STYLE: &str = "@page{size:A4;margin:15mm}\
body{font:10pt/1.45 system-ui,'Noto Sans CJK JP','Noto Sans JP','Yu Gothic',sans-serif;margin:1rem auto;max-width:180mm;color:#111;background:#fff}\
h1{font-size:16pt;margin:0 0 .4em}h2{font-size:11.5pt;margin:1.4em 0 .3em;break-after:avoid}\
table{border-collapse:collapse;width:calc(100% - 1px)}th,td{border:1px solid #777;padding:.2em .4em;text-align:left;vertical-align:top;overflow-wrap:break-word}.sha td{overflow-wrap:anywhere}.sha td:nth-child(1){white-space:nowrap}table.kept,table.sign{break-inside:avoid}h3{font-size:10pt;margin:.9em 0 .2em;break-after:avoid}pre{font:8pt/1.4 monospace;white-space:pre-wrap;overflow-wrap:anywhere;margin:.2em 0;padding:.4em .6em;border-left:3px solid #777}\
thead{display:table-header-group}tr{break-inside:avoid}th{background:#eee}\
.result{border:2px solid #111;padding:.5em .7em;font-size:12pt}.bar{font-family:monospace;letter-spacing:.1em;overflow-wrap:anywhere}\
.contraindicated{background:#fbdcdc}.warning{background:#fff2cc}.none,.unread{background:#e3ecf7}\
.units td:nth-child(1),.units td:nth-child(2),.units td:nth-child(3),.sha td:nth-child(3){white-space:nowrap}.units td:nth-child(4){width:45%}.hand td{height:1.7em;width:35%}.hand th{width:15%}.sign td{height:3.2em}.sha{font:7.5pt/1.35 monospace}.small{font-size:8.5pt}\
@media print{body{margin:0;max-width:none}*{print-color-adjust:exact;-webkit-print-color-adjust:exact}}";

/// Text between tags. What came from outside was escaped before, and is once more.
fn text(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut shown, sign| {
        match sign {
            '<' => shown.push_str("&lt;"),
            '>' => shown.push_str("&gt;"),
            '&' => shown.push_str("&amp;"),
            _ => shown.push(sign),
        }
        shown
    })
}

fn heading(lang: Lang, english: &str, japanese: &str) -> String {
    format!("<h2>{}</h2>\n", lang.pick(english, japanese))
}

fn result(lot: &Lot, lang: Lang) -> String {
    let signs: String = lot.units.iter().map(|unit| sign(&unit.tier)).collect();
    format!(
        "<p class=\"result\"><strong>{}</strong><br><span class=\"bar\" aria-hidden=\"true\">{signs}</span></p>\n",
        text(&first_line(lang, lot))
    )
}

/// The time of the run, and whether it is that of a clock: whoever gives one could give any.
fn time(lot: &Lot, lang: Lang) -> String {
    let (given, clock) =
        (lang.pick("given by hand", "手で指定"), lang.pick("clock of the computer", "計算機の時計"));
    let by = if lot.time.source == "argument" { given } else { clock };
    let time = lot.time.value.as_deref().unwrap_or("-");
    match local(lot) {
        Some((_, local)) => format!("{local} ({time}; {by})"),
        None => format!("{time} ({by})"),
    }
}

/// Day and time of the run where it was made, with how far that is from UTC.
fn local(lot: &Lot) -> Option<(String, String)> {
    let time = Time::parse(lot.time.value.as_deref()?).ok()?;
    let Some(zone) = lot.zone else {
        return Some((format!("{} (UTC)", time.to_string().get(..10)?), time.to_string()));
    };
    let local = time.shifted(zone)?.to_string();
    let (date, clock) = (local.get(..10)?, local.get(11..16)?);
    let (sign, ahead) = if zone < 0 { ('-', zone.unsigned_abs()) } else { ('+', zone.unsigned_abs()) };
    Some((date.to_owned(), format!("{date} {clock} {sign}{:02}:{:02}", ahead / 60, ahead % 60)))
}

/// What no image says.
fn by_hand(lot: &Lot, lang: Lang) -> String {
    // The day alone; the run has its time below.
    let date = &local(lot).map_or_else(String::new, |(date, _)| date);
    let releases: Vec<_> = lot.manifests.iter().map(|manifest| manifest.release.as_str()).collect();
    let count = match (lot.ordered, lang) {
        (Some(ordered), Lang::English) => format!("{} (ordered: {ordered})", lot.totals.units),
        (Some(ordered), Lang::Japanese) => format!("{} 台(発注 {ordered} 台)", lot.totals.units),
        (None, Lang::English) => lot.totals.units.to_string(),
        (None, Lang::Japanese) => format!("{} 台", lot.totals.units),
    };
    let product = match &lot.expected {
        Some(ordered) => ordered.clone(),
        None => releases.join(", "),
    };
    let outcome = lang.pick("☐ accepted  ☐ refused  ☐ withheld", "☐ 合格 ☐ 不合格 ☐ 保留").to_owned();
    let rows = [
        [("Contract", "契約件名", ""), ("Contract number", "契約番号", "")],
        [("Supplier", "相手方", ""), ("Date of contract", "契約年月日", "")],
        [("Due on", "納入期限", ""), ("Delivered on", "納入年月日", "")],
        [("Product and release", "品名・型式・版", &product), ("Units", "数量", &count)],
        [("Inspected on", "検査年月日", date), ("Place", "検査場所", "")],
        [
            ("Method", "検査方法", lang.pick("☐ all units  ☐ sample of ____", "☐ 全数 ☐ 抜取(      台)")),
            ("Decision", "結果", &outcome),
        ],
    ];
    let cell = |(english, japanese, value): &(&str, &str, &str)| {
        format!("<th scope=\"row\">{}</th><td>{}</td>", lang.pick(english, japanese), text(value))
    };
    let rows: Vec<_> =
        rows.iter().map(|row| format!("<tr>{}</tr>\n", row.each_ref().map(cell).concat())).collect();
    let note = lang.pick(
        "Empty fields are filled in by hand. The verdicts below are those of a comparison with signed reference values; the \
         decision is that of the inspector.",
        "空欄は手書きで記入する。以下の判定は署名済み基準値との比較結果であり、合否は検査職員が決定する。",
    );
    format!(
        "{}<table class=\"hand\"><tbody>\n{}</tbody></table>\n<p class=\"small\">{note}</p>\n",
        heading(lang, "Inspection", "検査"),
        rows.concat()
    )
}

fn units(lot: &Lot, lang: Lang) -> String {
    let heads: String =
        SHORT.iter().map(|column| format!("<th scope=\"col\">{}</th>", column.head(lang))).collect();
    let row = |unit: &UnitOf| {
        let cells: String =
            SHORT.iter().map(|column| format!("<td>{}</td>", text(&(column.cell)(unit, lang)))).collect();
        format!("<tr class=\"{}\">{cells}</tr>\n", class(unit))
    };
    let rows: String = lot.units.iter().map(row).collect();
    format!(
        "{}<p>{}</p>\n<table class=\"units\"><thead><tr>{heads}</tr></thead><tbody>\n{rows}</tbody></table>\n",
        heading(lang, "Units", "機器"),
        text(&totals(lang, &lot.totals))
    )
}

/// One of our own words, whatever a report says.
fn class(unit: &UnitOf) -> &'static str {
    let known = ["affirming", "warning", "contraindicated", super::UNREAD];
    known.into_iter().find(|tier| *tier == unit.tier).unwrap_or("none")
}

fn findings(lot: &Lot, lang: Lang) -> String {
    if lot.findings.is_empty() && lot.left_out.is_empty() {
        return String::new();
    }
    let each = |finding| {
        let sentence = message(lang, finding, lot.mode);
        format!("<li>{} {}</li>\n", text(&sentence), text(&remedy(lang, finding, lot.mode)))
    };
    let mut items: String = lot.findings.iter().map(each).collect();
    if !lot.left_out.is_empty() {
        let names = text(&lot.left_out.join(", "));
        let head = lang.pick("Left out, and not used: ", "対象外とし、使用していないファイル:");
        items.push_str(&format!("<li>{head}{names}</li>\n"));
    }
    format!("{}<ul>\n{items}</ul>\n", heading(lang, "About the units together", "全体についての所見"))
}

/// What was found in each unit that is not accepted, and what to do.
fn each(lot: &Lot, lang: Lang) -> String {
    let about = |unit: &UnitOf| {
        let (name, file, told) = (text(&unit.serial), text(&unit.file), text(unit.told.trim_end()));
        format!("<h3>{} {name} ({file})</h3>\n<pre>{told}</pre>\n", sign(&unit.tier))
    };
    let told: String = lot.units.iter().filter(|unit| !unit.told.is_empty()).map(about).collect();
    if told.is_empty() {
        return told;
    }
    format!(
        "{}{told}",
        heading(lang, "What was found in each unit that does not match", "一致しない機器の所見")
    )
}

fn compared(lot: &Lot, lang: Lang) -> String {
    let mut rows = String::new();
    let mut row = |english: &str, japanese: &str, value: &str| {
        rows.push_str(&format!(
            "<tr><th scope=\"row\">{}</th><td class=\"sha\">{}</td></tr>\n",
            lang.pick(english, japanese),
            text(value)
        ));
    };
    for manifest in &lot.manifests {
        row(
            "Signed reference",
            "署名済み基準値",
            &format!("{} sha256:{}", manifest.release, manifest.payload_sha256),
        );
        manifest.signers.iter().for_each(|key| row("signed by the key", "署名鍵", key));
    }
    for policy in &lot.policies {
        row("Policy", "ポリシー", &format!("sha256:{policy}"));
    }
    if let Some(expected) = &lot.expected {
        row("Ordered", "発注品", expected);
    }
    if let Some(listed) = lot.listed {
        let listed = match lang {
            Lang::English => format!("{listed} serial numbers; what differs from it is said above"),
            Lang::Japanese => format!("製造番号 {listed} 件(相違は上記の所見による)"),
        };
        row("List of what was ordered", "発注品の一覧", &listed);
    }
    row("Time of the run", "実行時刻", &time(lot, lang));
    let tool = format!("{} {}, core sha256:{}", lot.tool.name, lot.tool.version, lot.tool.core_sha256);
    row("Tool", "使用ツール", &tool);
    format!(
        "{}<table class=\"kept\"><tbody>\n{rows}</tbody></table>\n",
        heading(lang, "What the units were compared with", "比較の条件")
    )
}

fn signatures(lang: Lang) -> String {
    let people = [("Inspector", "検査職員"), ("Witness", "立会人"), ("For the supplier", "相手方")];
    let row = |(english, japanese): (&str, &str)| {
        format!(
            "<tr><th scope=\"row\">{}</th><td></td><td></td><td></td></tr>\n",
            lang.pick(english, japanese)
        )
    };
    let heads =
        [("", ""), ("Office and name", "官職・氏名"), ("Date", "年月日"), ("Signature", "署名・押印")];
    let heads =
        heads.map(|(english, japanese)| format!("<th scope=\"col\">{}</th>", lang.pick(english, japanese)));
    format!(
        "{}<table class=\"sign\"><thead><tr>{}</tr></thead><tbody>\n{}</tbody></table>\n",
        heading(lang, "Signatures", "署名欄"),
        heads.concat(),
        people.map(row).concat()
    )
}

/// What ties this paper to files: the digests of images and reports.
fn digests(lot: &Lot, lang: Lang) -> String {
    let picked = || LONG.iter().filter(|column| DIGESTS.contains(&column.head(Lang::English)));
    let heads: String =
        picked().map(|column| format!("<th scope=\"col\">{}</th>", column.head(lang))).collect();
    let row = |unit: &UnitOf| {
        let cells: String =
            picked().map(|column| format!("<td>{}</td>", text(&(column.cell)(unit, lang)))).collect();
        format!("<tr>{cells}</tr>\n")
    };
    let rows: String = lot.units.iter().map(row).collect();
    let legend = ["affirming", "contraindicated", "warning", "none", super::UNREAD]
        .map(|tier| format!("{} {}", sign(tier), verdict(lang, tier)))
        .join(lang.pick(", ", "、"));
    format!(
        "{}<table class=\"sha\"><thead><tr>{heads}</tr></thead><tbody>\n{rows}</tbody></table>\n<p class=\"small\">{legend}</p>\n",
        heading(lang, "Files", "ファイルの一覧"),
    )
}

const DIGESTS: [&str; 5] = ["unit", "file", "bytes", "image sha256", "report sha256"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_is_markup() {
        assert_eq!(text("<b onload=x>&"), "&lt;b onload=x&gt;&amp;");
    }
}
