//! The words of a lot in one language, for a page that draws the table itself: the first line, the heads and cells in the
//! order of the units, and what is said of the findings.

use serde_json::json;

use super::table::{SHORT, first_line};
use super::{Lot, LotRenderer};
use crate::{View, message, remedy};

/// The words alone.
#[derive(Debug)]
pub(super) struct Words;

impl LotRenderer for Words {
    fn name(&self) -> &'static str {
        "words"
    }

    fn render(&self, lot: &Lot, view: &View) -> Vec<u8> {
        let lang = view.lang;
        let heads: Vec<_> = SHORT.iter().map(|column| column.head(lang)).collect();
        let cells = |unit| SHORT.iter().map(|column| (column.cell)(unit, lang)).collect::<Vec<_>>();
        let rows: Vec<_> = lot.units.iter().map(cells).collect();
        let said = |finding| json!({ "message": message(lang, finding, lot.mode), "remedy": remedy(lang, finding, lot.mode) });
        let findings: Vec<_> = lot.findings.iter().map(said).collect();
        json!({ "findings": findings, "first": first_line(lang, lot), "heads": heads, "rows": rows })
            .to_string()
            .into_bytes()
    }
}

#[cfg(test)]
mod tests {
    use kiwame_appraisal::Order;

    use super::*;
    use crate::{Common, Lang, Made, TimeOf, UnitOf};

    #[test]
    fn words_are_in_the_language_asked_for() {
        let made = Made {
            units: vec![UnitOf::unread("SN1.bin", 2, "SN1.bin: cut")],
            order: Order { count: Some(2), serials: None },
            expected: None,
            left_out: Vec::new(),
            zone: None,
            time: TimeOf { source: "not-used".to_owned(), value: None },
            core_sha256: String::new(),
        };
        let lot = Lot::new(made, Common::default());
        let words = |lang| {
            let view = View {
                lang,
                color: false,
                width: 80,
                verbose: false,
                stat: false,
                claimed: false,
                date: None,
                image: String::new(),
            };
            let words: serde_json::Value = serde_json::from_slice(&Words.render(&lot, &view)).unwrap();
            let said = &words["findings"][0]["message"];
            assert_eq!(*said, message(lang, &lot.findings[0], "lot"));
            (words["first"].to_string(), words["heads"][1].to_string(), words["rows"][0].to_string())
        };
        let first = "\"needs a person; not accepted as it is. 1 unit: 1 could not be read\"";
        let row = r#"["SN1","- not read","-","SN1.bin: cut",""]"#;
        assert_eq!(words(Lang::English), (first.to_owned(), "\"verdict\"".to_owned(), row.to_owned()));
        let (first, head, row) = words(Lang::Japanese);
        assert!(
            first.contains("全 1 台") && head.contains("判定") && row.contains("読取不能"),
            "{first} {row}"
        );
    }
}
