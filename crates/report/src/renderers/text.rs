//! For a terminal: verdict first, then the account, then the findings, worst first. Not stable; scripts read JSON.

use kiwame_appraisal::Class;

use crate::catalogue::{class_name, exceptions_line, is_waived, message, not_seen, remedy, tier_line};
use crate::model::{FindingOf, RegionOf};
use crate::{Lang, Renderer, Report, View, escape};

/// Findings on the first screen.
const FIRST: usize = 8;
/// Cells of the account's bar.
const BAR: u64 = 40;

/// Text for people.
#[derive(Debug)]
pub(crate) struct Text;

impl Renderer for Text {
    fn name(&self) -> &'static str {
        "text"
    }

    fn render(&self, report: &Report, view: &View) -> Vec<u8> {
        let mut page = Page { text: String::new(), view };
        page.verdict(report);
        page.account(report);
        page.findings(report);
        if report.mode == "inspect" {
            page.tree(report);
        }
        page.not_seen(report);
        page.text.into_bytes()
    }
}

struct Page<'a> {
    text: String,
    view: &'a View,
}

impl Page<'_> {
    fn line(&mut self, text: &str) {
        self.text.push_str(text.trim_end());
        self.text.push('\n');
    }

    fn say<'a>(&self, english: &'a str, japanese: &'a str) -> &'a str {
        match self.view.lang {
            Lang::English => english,
            Lang::Japanese => japanese,
        }
    }

    fn paint(&self, code: &str, text: &str) -> String {
        if self.view.color { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }

    fn verdict(&mut self, report: &Report) {
        let (sign, colour) = match report.verdict.tier.as_str() {
            "affirming" => ("✓", "1;32"),
            "warning" => ("!", "1;33"),
            "contraindicated" => ("✗", "1;31"),
            _ => ("?", "1;36"),
        };
        let line = if report.mode == "inspect" {
            self.say(
                "inspected; nothing was compared, this is no verdict",
                "解析のみ。比較は行っておらず、判定ではない",
            )
        } else if report.mode == "diff" && report.exit_code == 0 {
            self.say(
                "the two images are the same, component by component",
                "二つのイメージは構成要素ごとに同一",
            )
        } else if report.mode == "diff" {
            self.say("the two images differ", "二つのイメージは異なる")
        } else {
            tier_line(self.view.lang, &report.verdict.tier)
        };
        let accepted = report.accepted && report.mode == "verify";
        let exceptions =
            if accepted { exceptions_line(self.view.lang, &report.exceptions) } else { String::new() };
        let head = self.paint(colour, &format!("{sign} {line}{exceptions}"));
        self.line(&format!("{head}  [{}, exit {}]", report.verdict.tier, report.exit_code));
        if self.view.claimed {
            let claimed = self.say(
                "as claimed by an unsigned report, not re-performed",
                "署名の無い報告書の記載どおり。再検証はしていない",
            );
            self.line(&format!("  {claimed}"));
        }
        let image = &report.image;
        let name = escape(&self.view.image);
        self.line(&format!(
            "  {name}  {} bytes, {}, sha256 {}",
            grouped(image.size),
            image.format,
            image.sha256
        ));
        for manifest in report.manifests.iter().filter(|manifest| manifest.applied) {
            let by: Vec<_> =
                manifest.signers.iter().map(|signer| format!("{} ({})", signer.id, signer.key)).collect();
            let signed = self.say("signed by", "署名者");
            self.line(&format!("  {}@{}, {signed} {}", manifest.product, manifest.release, by.join(", ")));
            let channel =
                manifest.channel.as_deref().map(|name| format!("{} {name}", self.say("channel", "チャネル")));
            let revisions = (!manifest.hardware_revisions.is_empty()).then(|| {
                let word = self.say("hardware revisions", "ハードウェア版");
                format!("{word} {}", manifest.hardware_revisions.join(", "))
            });
            let narrowed: Vec<_> = channel.into_iter().chain(revisions).collect();
            if !narrowed.is_empty() {
                self.line(&format!("  {}", narrowed.join(", ")));
            }
        }
        self.line("");
    }

    fn account(&mut self, report: &Report) {
        if report.spaces.is_empty() {
            return;
        }
        let total = report.content.total();
        for class in Class::ALL.into_iter().filter(|&class| class != Class::Opened) {
            let bytes = report.content.get(class);
            // Classes that are rare are shown where there is something to show.
            let always = [Class::Matched, Class::Differs, Class::Unexplained];
            if bytes == 0 && !always.contains(&class) {
                continue;
            }
            let cells = bytes.saturating_mul(BAR).checked_div(total).unwrap_or(0);
            let cells = if bytes > 0 { cells.max(1) } else { 0 };
            let (glyph, colour) = picture(class);
            let bar = self.paint(colour, &glyph.repeat(usize::try_from(cells).unwrap_or(0)));
            let name = padded(class_name(self.view.lang, class), 28);
            self.line(&format!("  {name}{:>14}  {:>6} %  {bar}", grouped(bytes), percent(bytes, total)));
        }
        let opened = report.account.get(Class::Opened);
        if opened > 0 {
            let inner = report.spaces.len().saturating_sub(1);
            let text = match self.view.lang {
                Lang::English => format!(
                    "  {} bytes of content: {} bytes of the file were opened into {inner} decoded spaces",
                    grouped(total),
                    grouped(opened)
                ),
                Lang::Japanese => format!(
                    "  内容 {} バイト(ファイルの {} バイトを {inner} 個の復号空間に展開)",
                    grouped(total),
                    grouped(opened)
                ),
            };
            self.line(&text);
        }
        self.line("");
    }

    fn findings(&mut self, report: &Report) {
        let most = if self.view.verbose { usize::MAX } else { FIRST };
        for finding in report.findings.iter().take(most) {
            self.finding(finding);
        }
        let more = report.findings.len().saturating_sub(most);
        if more > 0 {
            let text = self.say("more findings; --verbose shows all", "件の所見(--verbose で全て表示)");
            self.line(&format!("  … {more} {text}"));
            self.line("");
        }
    }

    fn finding(&mut self, finding: &FindingOf) {
        let (sign, colour) = match finding.severity.as_str() {
            _ if is_waived(finding) => ("~", "36"),
            "high" => ("✗", "1;31"),
            "medium" => ("!", "1;33"),
            _ => ("·", "36"),
        };
        let waived = if is_waived(finding) { self.say(" (waived)", "(免除)") } else { "" };
        let head = self.paint(colour, &format!("{sign} {}{waived}", finding.severity));
        self.line(&format!("{head}  {}", finding.id));
        self.line(&format!("    {}", message(self.view.lang, finding)));
        self.line(&format!("    {} {:#x}+{:#x}", finding.path, finding.offset, finding.length));
        let words = [
            (self.say("expected", "期待"), &finding.expected),
            (self.say("actual", "実際"), &finding.actual),
            (self.say("answers for it", "製造者申告の担当"), &finding.supplier),
        ];
        for (word, value) in words.map(|(word, value)| (word.to_owned(), value)) {
            if let Some(value) = value {
                self.line(&format!("    {word}: {value}"));
            }
        }
        if finding.severity != "info" {
            let next = self.say("next", "次の手順").to_owned();
            self.line(&format!("    {next}: {}", remedy(self.view.lang, finding)));
        }
        self.line("");
    }

    fn tree(&mut self, report: &Report) {
        let most = if self.view.verbose { usize::MAX } else { 200 };
        for region in report.regions.iter().take(most) {
            self.region(&region);
        }
        let more = report.regions.count().saturating_sub(most);
        if more > 0 {
            let text = self.say("more regions; --verbose shows all", "個の領域(--verbose で全て表示)");
            self.line(&format!("  … {more} {text}"));
        }
        self.line("");
    }

    fn region(&mut self, region: &RegionOf) {
        let depth = region.path.matches('/').count().min(20);
        let step = region.path.rsplit('/').next().unwrap_or(&region.path);
        let name = region.name.as_deref().map(|name| format!("  {name}")).unwrap_or_default();
        let class = region.class.as_deref().map(|class| format!("  [{class}]")).unwrap_or_default();
        let place = format!("{:#x}+{:#x}", region.offset, region.length);
        self.line(&format!(
            "  {:indent$}{step}{name}  {} {place}{class}",
            "",
            region.kind,
            indent = depth.saturating_mul(2)
        ));
    }

    fn not_seen(&mut self, report: &Report) {
        let head = self.say("Not looked at:", "調べていないもの:").to_owned();
        let list: Vec<_> = report.not_seen.iter().map(|code| not_seen(self.view.lang, code)).collect();
        self.line(&format!("{head} {}", list.join(self.say("; ", "、"))));
    }
}

/// How a class is drawn: never by colour alone.
fn picture(class: Class) -> (&'static str, &'static str) {
    match class {
        Class::Matched => ("█", "32"),
        Class::Differs => ("✗", "31"),
        Class::Mutable => ("▒", "34"),
        Class::Remains => ("░", "34"),
        Class::Fill => ("·", "90"),
        Class::Unread => ("-", "35"),
        Class::Parsed => ("▤", "33"),
        Class::Unexplained => ("?", "31"),
        Class::Opened => ("▪", "90"),
    }
}

/// Digits in groups of three.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (left, digit) in (0..digits.len()).rev().zip(digits.chars()) {
        text.push(digit);
        if left > 0 && left.is_multiple_of(3) {
            text.push(',');
        }
    }
    text
}

/// Hundredths of a per cent, rounded down, so that 100.00 is said only of everything.
fn percent(part: u64, whole: u64) -> String {
    let hundredths = u128::from(part).saturating_mul(10_000).checked_div(u128::from(whole)).unwrap_or(0);
    format!("{}.{:02}", hundredths / 100, hundredths % 100)
}

/// Fills up to a width in columns; East Asian characters take two.
fn padded(text: &str, width: usize) -> String {
    let columns: usize = text.chars().map(|c| if c >= '\u{1100}' { 2_usize } else { 1 }).sum();
    format!("{text}{}", " ".repeat(width.saturating_sub(columns)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hundred_per_cent_is_said_only_of_everything() {
        assert_eq!(percent(9_999_999, 10_000_000), "99.99");
        assert_eq!(percent(10, 10), "100.00");
        assert_eq!(percent(0, 0), "0.00");
        assert_eq!(grouped(3_653_632), "3,653,632");
        assert_eq!(grouped(12), "12");
    }
}
