//! For a terminal: verdict first, then the account, then the findings, worst first. Not stable; scripts read JSON.

use kiwame_appraisal::{Class, Family, Kind, kinds};
use kiwame_image::{Role, fact};

use crate::catalogue::{
    changes_line, class_name, exceptions_line, is_waived, message, not_seen, reason_line, remedy, tier_line,
    what,
};
use crate::model::{Depth, FindingOf, RegionOf};
use crate::renderers::changes;
use crate::renderers::columns::{padded, wrapped};
use crate::renderers::outline;
use crate::{DeviceOf, Lang, Renderer, Report, View, escape};

/// Findings on the first screen.
const FIRST: usize = 8;
/// Parts of a finding that are listed there.
const PARTS: usize = 6;
/// Signs of a value that are shown.
const LONGEST: usize = 100;
/// Cells of the account's bar.
const BAR: u64 = 26;

/// Text for people.
#[derive(Debug)]
pub(crate) struct Text;

impl Renderer for Text {
    fn name(&self) -> &'static str {
        "text"
    }

    fn about(&self) -> Option<&'static str> {
        Some("For people")
    }

    fn render(&self, report: &Report, view: &View) -> Vec<u8> {
        let mut page = Page { text: String::new(), view, mode: &report.mode };
        page.verdict(report);
        if report.mode == "diff" {
            page.text.push_str(&changes::list(report, view.lang, view.stat || view.verbose));
            page.line("");
        }
        if view.stat && report.mode == "diff" {
            return page.text.into_bytes();
        }
        page.account(report);
        page.findings(report);
        if report.mode == "inspect" {
            page.tree(report);
        }
        page.not_seen(report);
        page.text.into_bytes()
    }
}

/// What was found in an image, and what to do, without the account: for a paper about several.
#[must_use]
pub(crate) fn told(report: &Report, view: &View) -> String {
    let mut page = Page { text: String::new(), view, mode: &report.mode };
    let odd = || report.findings.iter().filter(|finding| finding.severity != "info");
    odd().take(FIRST).for_each(|finding| page.finding(finding));
    let more = odd().skip(FIRST).count();
    if more > 0 {
        let text =
            page.say("more findings: see the report of the unit", "件の所見は個体の報告書を参照").to_owned();
        page.line(&format!("… {more} {text}"));
    }
    page.steps(report, usize::MAX);
    page.text
}

struct Page<'a> {
    text: String,
    view: &'a View,
    mode: &'a str,
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
            _ if report.mode == "diff" && report.exit_code == 0 => ("=", "1;32"),
            _ if report.mode == "diff" => ("≠", "1;33"),
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
        let reason = reason_line(self.view.lang, &report.findings, &report.verdict);
        let told: Vec<_> = [reason, changes_line(self.view.lang, &report.changes)]
            .into_iter()
            .filter(|text| !text.is_empty() && !accepted && report.mode != "inspect")
            .collect();
        let changes = match told.is_empty() {
            true => String::new(),
            false => format!("{}{}", self.say(": ", ":"), told.join(self.say("; ", "。"))),
        };
        let head = self.paint(colour, &format!("{sign} {line}{exceptions}{changes}"));
        let tier = if report.mode == "verify" { format!("{}, ", report.verdict.tier) } else { String::new() };
        self.wrapped(&format!("{head}  [{tier}exit {}]", report.exit_code), 2);
        if self.view.claimed {
            let claimed = self.say(
                "as claimed by an unsigned report, not re-performed",
                "署名の無い報告書の記載どおり。再検証はしていない",
            );
            let date = self.view.date.as_deref().map(|date| format!(", {}", escape(date)));
            self.line(&format!("  {claimed}{}", date.unwrap_or_default()));
        }
        let image = &report.image;
        let name = escape(&self.view.image);
        let bytes = self.say("bytes", "バイト");
        self.line(&format!("  {name}  {} {bytes}, {}", grouped(image.size), image.format));
        self.line(&format!("  sha256 {}", image.sha256));
        if let Some(device) = &report.device {
            self.device(device);
        }
        for manifest in report.manifests.iter().filter(|manifest| manifest.applied) {
            let signed = self.say("signed by", "署名者");
            let by: Vec<_> = manifest.signers.iter().map(|signer| signer.id.as_str()).collect();
            self.line(&format!("  {}@{}, {signed} {}", manifest.product, manifest.release, by.join(", ")));
            for signer in &manifest.signers {
                self.line(&format!("  {}", signer.key));
            }
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

    /// The parts of a device: where each lies, what is to lie there, and what came out.
    fn device(&mut self, device: &DeviceOf) {
        let word = self.say("device", "装置");
        let by = match device.by.as_str() {
            "policy" => self.say("by your policy", "貴方のポリシーによる"),
            _ => self.say("by a manifest", "マニフェストによる"),
        };
        self.line(&format!("  {word} {} ({by})", device.name));
        for part in &device.parts {
            let (sign, colour) = match part.exit_code {
                0 => ("✓", "32"),
                1 => ("✗", "31"),
                7 => ("!", "33"),
                _ => ("?", "36"),
            };
            let release = part.release.as_ref().map(|release| format!("@{release}")).unwrap_or_default();
            let holds = match part.holds.as_str() {
                "sha256" => self.say("bytes of a known digest", "既知のダイジェストのバイト列"),
                "erased" => self.say("erased", "消去状態"),
                "any" => self
                    .say("anything that is no program, not judged", "プログラムでない任意の内容(判定しない)"),
                holds => holds,
            };
            let text =
                format!("{sign} {:#010x}+{:#x}  {}: {holds}{release}", part.offset, part.length, part.name);
            self.line(&format!("    {}", self.paint(colour, &text)));
        }
    }

    /// The content first: what is compared lies there. Erased bytes hold nothing and stand beside it, so that a share is one
    /// of what there is.
    fn account(&mut self, report: &Report) {
        if report.spaces.is_empty() {
            return;
        }
        let erased = report.content.get(Class::Fill);
        // What is missing counts, or nothing would be amiss where half of the image is gone.
        let total = report.content.total().saturating_sub(erased).saturating_add(report.missing);
        let classes = Class::ALL.into_iter().filter(|class| ![Class::Opened, Class::Fill].contains(class));
        for class in classes {
            let bytes = report.content.get(class);
            // Classes that are rare are shown where there is something to show; what compares nothing matches nothing.
            let compared = report.mode != "inspect";
            let always = match class {
                Class::Matched | Class::Differs => compared,
                Class::Unexplained => true,
                Class::Mutable
                | Class::Remains
                | Class::Fill
                | Class::Unread
                | Class::Parsed
                | Class::Opened => false,
            };
            if bytes == 0 && !always {
                continue;
            }
            let cells = bytes.saturating_mul(BAR).checked_div(total).unwrap_or(0);
            let cells = if bytes > 0 { cells.max(1) } else { 0 };
            let (glyph, colour) = picture(class);
            let bar = self.paint(colour, &glyph.repeat(usize::try_from(cells).unwrap_or(0)));
            let word = match (class, report.mode.as_str()) {
                (Class::Differs, "diff") => self.say("differs", "相違"),
                (Class::Matched, "diff") => self.say("the same", "同一"),
                _ => class_name(self.view.lang, class),
            };
            let name = padded(word, 26);
            self.line(&format!("  {name}{:>13} {:>6} %  {bar}", grouped(bytes), percent(bytes, total)));
            if class == Class::Differs && report.missing > 0 {
                let word = self.say("missing (reference only)", "欠落(基準値のみ)");
                let name = padded(word, 26);
                let missing = report.missing;
                let cells = missing.saturating_mul(BAR).checked_div(total).unwrap_or(0).max(1);
                let bar = self.paint("31", &"-".repeat(usize::try_from(cells).unwrap_or(0)));
                self.line(&format!(
                    "  {name}{:>13} {:>6} %  {bar}",
                    grouped(missing),
                    percent(missing, total)
                ));
            }
            if class == Class::Mutable && report.exceptions.not_judged > 0 {
                let word = self.say("  of them judged by nobody", "  うち判定していないもの");
                let bytes = report.exceptions.not_judged;
                self.line(&format!(
                    "  {}{:>13} {:>6} %",
                    padded(word, 26),
                    grouped(bytes),
                    percent(bytes, total)
                ));
            }
            if class == Class::Unexplained && bytes > 0 && report.mode == "inspect" {
                self.blank(report);
            }
        }
        self.account_of_file(report, total);
        self.line("");
    }

    /// How much the shares are of, and how much of the file was opened for it.
    fn account_of_file(&mut self, report: &Report, total: u64) {
        let erased = report.content.get(Class::Fill);
        let inner = report.decoded();
        let opened = report.account.get(Class::Opened);
        let (size, total, erased, opened) =
            (grouped(report.account.total()), grouped(total), grouped(erased), grouped(opened));
        let text = match (self.view.lang, inner) {
            (Lang::English, _) if report.depth == Depth::Whole => {
                format!("  of {size} bytes of the file, as the manifest lists them")
            }
            (Lang::Japanese, _) if report.depth == Depth::Whole => {
                format!("  (ファイル {size} バイト。内訳はマニフェストの記載による)")
            }
            (Lang::English, 0) => {
                format!("  of {total} bytes of the file that are not erased ({erased} are)")
            }
            (Lang::English, _) => format!(
                "  of {total} bytes of content that are not erased ({erased} are);\n  {opened} of the file's {size} bytes \
                 were opened, into {inner} decoded {}",
                if inner == 1 { "space" } else { "spaces" }
            ),
            (Lang::Japanese, 0) => {
                format!("  (消去値でない {total} バイトに対する割合。消去値 {erased} バイト)")
            }
            (Lang::Japanese, _) => format!(
                "  (消去値でない内容 {total} バイトに対する割合。消去値 {erased} バイト)\n  \
                 ファイル {size} バイトのうち {opened} バイトを {inner} 個の復号空間に展開"
            ),
        };
        self.line(&text);
    }

    /// How much of what nobody understands is erased all the same.
    fn blank(&mut self, report: &Report) {
        let of =
            |region: &RegionOf| region.attributes.get(fact::ERASED.name).and_then(serde_json::Value::as_u64);
        let unexplained =
            report.regions.iter().filter(|region| region.class.as_deref() == Some("unexplained"));
        let blank = unexplained.filter_map(|region| of(&region)).fold(0, u64::saturating_add);
        if blank > 0 {
            let word = self.say("of them in erased blocks", "うち消去済みブロック").to_owned();
            self.line(&format!("  {}{:>13}", padded(&format!("  {word}"), 26), grouped(blank)));
        }
    }

    fn findings(&mut self, report: &Report) {
        let most = if self.view.verbose { usize::MAX } else { FIRST };
        for finding in report.findings.iter().take(most) {
            self.finding(finding);
        }
        let more = report.findings.len().saturating_sub(most);
        if more > 0 {
            let text = self.say("more findings; --verbose shows all", "件の所見(--verbose で全て表示)");
            self.line(&format!("… {more} {text}"));
            self.line("");
        }
        self.steps(report, most);
    }

    /// What to do, once for all findings that ask for the same.
    fn steps(&mut self, report: &Report, most: usize) {
        let asking =
            report.findings.iter().take(most).filter(|one| one.severity != "info" && !is_waived(one));
        let mut steps = Vec::new();
        for step in asking.map(|finding| remedy(self.view.lang, finding, &report.mode)) {
            if !steps.contains(&step) {
                steps.push(step);
            }
        }
        let head = self.say("Next: ", "次の手順:").to_owned();
        for step in &steps {
            self.wrapped(&format!("{head}{step}"), 2);
        }
        if !steps.is_empty() {
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
        let reason = match Family::Image.has(&finding.id) && !finding.parts.is_empty() {
            true => self.say("Likely reason. ", "考えられる原因:"),
            false => "",
        };
        let head = self.paint(colour, &format!("{sign}{waived}"));
        let sentence = format!("{reason}{}", message(self.view.lang, finding, self.mode));
        self.wrapped(&format!("{head} {sentence}  [{}]", finding.id), 4);
        self.values(finding);
        self.parts(finding);
        self.place(finding);
        if let Some(supplier) = &finding.supplier {
            let word = self.say("answers for it", "製造者申告の担当");
            let contact =
                supplier.contact.as_deref().map(|contact| format!(", {contact}")).unwrap_or_default();
            self.line(&format!("    {word}: {}{contact}", supplier.name));
        }
        self.line("");
    }

    /// Old and new value where people read them; digests only where everything was asked for.
    fn values(&mut self, finding: &FindingOf) {
        let value = |name: &str| finding.args.get(name);
        let (before, after) = (value("before"), value("after"));
        let digest =
            |value: &&String| value.len() == 64 && value.bytes().all(|byte| byte.is_ascii_hexdigit());
        let text = |value: &&String| self.view.verbose || !digest(value);
        let expected = finding.expected.as_ref().filter(text);
        let actual = finding.actual.as_ref().filter(text);
        if before.is_some() || after.is_some() {
            let [before, after] = [before, after].map(|value| value.map_or("", String::as_str));
            let nothing = self.say("(nothing)", "(無し)");
            let common = common_start(before, after);
            let [before, after] = [before, after].map(|text| match text {
                "" => nothing.to_owned(),
                text => quoted(text, common),
            });
            self.line(&format!("    {before} → {after}"));
        }
        if let (Some(mode), Some(owner), Some(group)) = (value("mode"), value("owner"), value("group")) {
            let word = self.say("mode", "モード");
            let of = self.say("owner", "所有者");
            self.line(&format!("    {word} {mode}, {of} {owner}:{group}"));
        }
        for (word, value) in [(self.say("expected", "期待"), expected), (self.say("found", "実際"), actual)]
            .map(|(word, value)| (word.to_owned(), value))
        {
            if let Some(value) = value {
                self.wrapped(&format!("    {word}: {value}"), 6);
            }
        }
    }

    fn parts(&mut self, finding: &FindingOf) {
        let most = if self.view.verbose { usize::MAX } else { PARTS };
        for part in finding.parts.iter().take(most) {
            let has = |name: &str| part.args.contains_key(name);
            let is = |kinds: &[&Kind]| kinds.iter().any(|kind| kind.id == part.id);
            let sign = if is(&[&kinds::ADDED, &kinds::DUPLICATED]) {
                "+"
            } else if is(&[&kinds::REMOVED, &kinds::ERASED, &kinds::UNDECODABLE]) {
                "-"
            } else {
                match (has("before"), has("after")) {
                    (false, true) => "+",
                    (true, false) => "-",
                    (true, true) | (false, false) => "~",
                }
            };
            let part = part.finding();
            let value = |name: &str| part.args.get(name);
            let values = match (value("before"), value("after")) {
                (None, None) => String::new(),
                (Some(one), None) | (None, Some(one)) => format!("  {}", quoted(one, 0)),
                (Some(before), Some(after)) => {
                    let common = common_start(before, after);
                    format!("  {} → {}", quoted(before, common), quoted(after, common))
                }
            };
            let defect = part.args.contains_key("field") && part.expected.is_some();
            // A line is its own name.
            let kind = part.args.get("kind").map_or("", String::as_str);
            let line = !values.is_empty() && LINES.contains(&kind);
            let said = match (defect, line) {
                (true, _) => message(self.view.lang, &part, self.mode),
                (_, true) => String::new(),
                _ if kiwame_appraisal::is_of_program(kind) => {
                    format!("{}, {:#x}+{:#x}", what(self.view.lang, &part), part.offset, part.length)
                }
                _ => what(self.view.lang, &part),
            };
            self.line(&format!("    {sign} {}", format!("{said}{values}").trim_start()));
        }
        let more = finding.parts.len().saturating_sub(most);
        if more > 0 {
            let text = self.say("more; --verbose shows all", "件(--verbose で全て表示)");
            self.line(&format!("    … {more} {text}"));
        }
    }

    /// Where it lies: in the image, or in a content that has a name, and where that lies in the image.
    fn place(&mut self, finding: &FindingOf) {
        if finding.path == "image" {
            return;
        }
        let own = format!("{:#x}+{:#x}", finding.offset, finding.length);
        // The line of a listing is no place: what has a name is found by it.
        let entry = finding.path.rsplit('/').next().and_then(|last| last.split_once(':'));
        let entry = finding.space != "image"
            && entry.is_some_and(|(format, _)| format == "node" || Role::of(format).is_some());
        let gone = finding.id == kinds::REMOVED.id;
        let within = finding.within.as_deref().unwrap_or_else(|| self.say("its content", "内容"));
        let text = match (finding.image, self.view.lang) {
            (None, Lang::English) if finding.space == "image" => {
                format!("at {own} of the {}", if gone { "reference" } else { "image" })
            }
            (None, Lang::Japanese) if finding.space == "image" => {
                format!("{}の {own}", if gone { "基準値" } else { "イメージ" })
            }
            (None, Lang::English) => format!("at {own} of {within}"),
            (None, Lang::Japanese) => format!("{within} の {own}"),
            (Some(image), lang) => {
                let whole = match (gone, lang) {
                    (true, Lang::English) => "reference",
                    (false, Lang::English) => "image",
                    (true, Lang::Japanese) => "基準値",
                    (false, Lang::Japanese) => "イメージ",
                };
                let (offset, length) = (image.offset, image.length);
                match (entry, lang) {
                    (true, Lang::English) => {
                        format!("in {within}, in the {whole} at {offset:#x}+{length:#x}")
                    }
                    (false, Lang::English) => {
                        format!("at {own} of {within}, in the {whole} at {offset:#x}+{length:#x}")
                    }
                    (true, Lang::Japanese) => format!("{within}({whole}の {offset:#x}+{length:#x})"),
                    (false, Lang::Japanese) => {
                        format!("{within} の {own}({whole}の {offset:#x}+{length:#x})")
                    }
                }
            }
        };
        self.line(&format!("    {text}"));
        if self.view.verbose {
            self.line(&format!("    {}", finding.path));
        }
    }

    fn tree(&mut self, report: &Report) {
        if !self.view.verbose {
            for line in outline::lines(self.view.lang, report) {
                self.line(&format!("  {line}"));
            }
            self.line("");
            return;
        }
        for region in report.regions.iter() {
            self.region(&region);
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

    /// Breaks a line between words at the width of the terminal; what follows is indented.
    fn wrapped(&mut self, text: &str, indent: usize) {
        self.text.push_str(&wrapped(text, self.view.width.max(40), indent));
    }

    fn not_seen(&mut self, report: &Report) {
        let head = self.say("Not looked at:", "調べていないもの:").to_owned();
        let list: Vec<_> = report.not_seen.iter().map(|code| not_seen(self.view.lang, code)).collect();
        let text = format!("{head} {}", list.join(self.say("; ", "、")));
        self.wrapped(&text, 2);
    }
}

/// Kinds of lines of files.
const LINES: [&str; 4] = ["account", "account-secret", "boot-line", "login-line"];

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

/// Signs that two values begin with alike.
fn common_start(one: &str, other: &str) -> usize {
    one.chars().zip(other.chars()).take_while(|(one, other)| one == other).count()
}

/// A value between quotes, so that its ends are seen; of a long one the piece where it differs from the other.
fn quoted(text: &str, common: usize) -> String {
    let from = if common > LONGEST / 2 { common.saturating_sub(LONGEST / 4) } else { 0 };
    let front = if from > 0 { "…" } else { "" };
    let signs: Vec<char> = text.chars().skip(from).collect();
    let escaped = |part: &[char]| part.iter().collect::<String>().replace('"', "\\\"");
    if signs.len() <= LONGEST {
        return format!("{front}\"{}\"", escaped(&signs));
    }
    // Both ends: what matters may stand behind very many blanks.
    let (start, rest) = signs.split_at_checked(LONGEST / 2).unwrap_or_default();
    let end = rest.get(rest.len().saturating_sub(LONGEST / 2)..).unwrap_or_default();
    format!("{front}\"{}\" … \"{}\"", escaped(start), escaped(end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ends_of_a_long_value_are_shown() {
        let hidden = format!("daemon{}; nc -l -e /bin/sh", " ".repeat(150));
        let shown = quoted(&hidden, 0);
        assert!(shown.starts_with("\"daemon ") && shown.ends_with("; nc -l -e /bin/sh\""), "{shown}");
        assert!(shown.contains("\" … \""), "{shown}");
        assert_eq!(quoted("say \"hello\"", 0), "\"say \\\"hello\\\"\"");
    }

    #[test]
    fn a_hundred_per_cent_is_said_only_of_everything() {
        assert_eq!(percent(9_999_999, 10_000_000), "99.99");
        assert_eq!(percent(10, 10), "100.00");
        assert_eq!(percent(0, 0), "0.00");
        assert_eq!(grouped(3_653_632), "3,653,632");
        assert_eq!(grouped(12), "12");
    }
}
