//! What changed between two images, a line each, in the signs that people know from tools for source code.

use kiwame_appraisal::kinds;

use crate::catalogue::{digits, what};
use crate::model::FindingOf;
use crate::renderers::columns::padded;
use crate::{Lang, Report};

/// Lines on the first screen.
const FIRST: usize = 24;

/// The sign of a finding: added, deleted, modified, renamed (moved), packed anew, or another remark.
fn sign(finding: &FindingOf) -> &'static str {
    let is = |kind: &kiwame_appraisal::Kind| finding.id == kind.id;
    if is(&kinds::ADDED) || is(&kinds::DUPLICATED) {
        "A"
    } else if is(&kinds::REMOVED) || is(&kinds::ERASED) {
        "D"
    } else if is(&kinds::MOVED) || is(&kinds::REORDERED) {
        "R"
    } else if is(&kinds::REENCODED) || is(&kinds::HEADER_ONLY) || is(&kinds::RESIZED) {
        "E"
    } else if finding.severity == "info" {
        "·"
    } else {
        "M"
    }
}

/// The list; `all` of it, or what fits on the first screen.
pub(crate) fn list(report: &Report, lang: Lang, all: bool) -> String {
    let most = if all { usize::MAX } else { FIRST };
    let shown = report.findings.iter().filter(|finding| finding.severity != "info");
    let lines: Vec<_> = shown
        .map(|finding| {
            let bytes = digits(&finding.length.to_string());
            let parts = finding.parts.len();
            let more = match (parts, lang) {
                (0, _) => String::new(),
                (_, Lang::English) => format!(", {parts} {}", if parts == 1 { "part" } else { "parts" }),
                (_, Lang::Japanese) => format!("、部分 {parts} 件"),
            };
            let unit = lang.pick("bytes", "バイト");
            format!("  {}  {}  {bytes} {unit}{more}\n", sign(finding), padded(&what(lang, finding), 48))
        })
        .collect();
    let mut text: String = lines.iter().take(most).map(String::as_str).collect();
    let left = lines.len().saturating_sub(most);
    if left > 0 {
        text.push_str(&match lang {
            Lang::English => format!("  … {left} more; --stat lists all\n"),
            Lang::Japanese => format!("  … 他 {left} 件(--stat で全て表示)\n"),
        });
    }
    if !text.is_empty() {
        text.push_str(lang.pick(
            "  (A added, D deleted, M modified, R moved, E packed anew)\n",
            "  (A 追加、D 削除、M 変更、R 移動、E 詰め直し)\n",
        ));
    }
    text
}
