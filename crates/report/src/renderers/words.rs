//! The words of a report in one language, for a page that shows the report itself: the sentences of findings, in
//! their order, and of what was not looked at.

use serde_json::json;

use crate::catalogue::is_waived;
use crate::{Renderer, Report, View, changes_line, message, not_seen, reason_line, remedy};

/// The words alone.
#[derive(Debug)]
pub(crate) struct Words;

impl Renderer for Words {
    fn name(&self) -> &'static str {
        "words"
    }

    fn render(&self, report: &Report, view: &View) -> Vec<u8> {
        let sentences = report.findings.iter().map(|finding| {
            let parts = finding.parts.iter().map(|part| message(view.lang, &part.finding(), &report.mode));
            json!({
                "message": message(view.lang, finding, &report.mode),
                "parts": parts.collect::<Vec<_>>(),
                "remedy": remedy(view.lang, finding, &report.mode),
                "waived": is_waived(finding),
            })
        });
        let findings: Vec<_> = sentences.collect();
        let not_seen: Vec<_> = report.not_seen.iter().map(|code| not_seen(view.lang, code)).collect();
        let changes = changes_line(view.lang, &report.changes);
        let reason = reason_line(view.lang, &report.findings, &report.verdict);
        json!({ "changes": changes, "reason": reason, "findings": findings, "notSeen": not_seen })
            .to_string()
            .into_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ImageOf, Lang, Report};
    use kiwame_image::Limits;

    #[test]
    fn what_was_not_seen_is_said_in_the_language_asked_for() {
        let image = ImageOf { format: "raw".to_owned(), sha256: String::new(), size: 0 };
        let mut report = Report::new("inspect", "", &Limits::default(), image);
        report.not_seen = vec!["hardware".to_owned()];
        let view = |lang| View {
            lang,
            color: false,
            width: 80,
            verbose: false,
            stat: false,
            claimed: false,
            date: None,
            image: String::new(),
        };
        let words = |lang| String::from_utf8(Words.render(&report, &view(lang))).unwrap();
        assert_eq!(
            words(Lang::English),
            r#"{"changes":"","findings":[],"notSeen":["circuits and parts"],"reason":""}"#
        );
        assert_eq!(
            words(Lang::Japanese),
            r#"{"changes":"","findings":[],"notSeen":["回路および部品"],"reason":""}"#
        );
    }
}
