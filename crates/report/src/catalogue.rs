//! What people read, in two languages: the sentences of findings are those of their kinds. Data in the report never depends
//! on the language.

use kiwame_appraisal::{Class, Effect, Family, Kind, Text, kinds};

use crate::model::{ChangeOf, ExceptionsOf, FindingOf, VerdictOf};

/// A language of the renderings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lang {
    /// English.
    English,
    /// Japanese.
    Japanese,
}

impl Lang {
    /// The language of a locale such as `ja_JP.UTF-8`; English for all others.
    #[must_use]
    pub fn of(locale: &str) -> Self {
        if locale.starts_with("ja") { Self::Japanese } else { Self::English }
    }

    /// A text in this language.
    #[must_use]
    pub fn text(self, text: Text) -> &'static str {
        self.pick(text.english, text.japanese)
    }

    /// One of the two, by the language.
    #[must_use]
    pub fn pick<'a>(self, english: &'a str, japanese: &'a str) -> &'a str {
        match self {
            Self::English => english,
            Self::Japanese => japanese,
        }
    }

    /// The same of texts that were put together.
    #[must_use]
    pub fn say(self, english: String, japanese: String) -> String {
        match self {
            Self::English => english,
            Self::Japanese => japanese,
        }
    }
}

/// First line for a tier, by its name in the report.
#[must_use]
pub fn tier_line(lang: Lang, tier: &str) -> &'static str {
    match tier {
        "affirming" => lang.pick("matches the signed reference", "署名済み基準値と一致"),
        "warning" => lang.pick("needs a person; not accepted as it is", "要確認(このままでは受入不可)"),
        "contraindicated" => {
            lang.pick("does not match the reference or the rules", "基準値または規則に不適合")
        }
        _ => lang.pick("cannot tell; this is not a pass", "判定不能(合格ではない)"),
    }
}

/// What an acceptance leaves to somebody's word, for its first line; empty when that is nothing.
#[must_use]
pub(crate) fn exceptions_line(lang: Lang, exceptions: &ExceptionsOf) -> String {
    let ExceptionsOf { by_policy, by_rule, not_judged, remains } = *exceptions;
    let said = match lang {
        Lang::English => [
            (
                by_rule,
                format!("{by_rule} difference{} by the maker's rule", if by_rule == 1 { "" } else { "s" }),
            ),
            (by_policy, format!("{by_policy} accepted or waived by your policy")),
            (not_judged, format!("{} not judged", bytes(not_judged))),
            (remains, format!("{} of dead data", bytes(remains))),
        ],
        Lang::Japanese => [
            (by_rule, format!("製造者の規則による相違 {by_rule} 件")),
            (by_policy, format!("貴方のポリシーによる容認・免除 {by_policy} 件")),
            (not_judged, format!("判定していない {} バイト", digits(&not_judged.to_string()))),
            (remains, format!("無効な旧データ {} バイト", digits(&remains.to_string()))),
        ],
    };
    let said: Vec<_> = said.into_iter().filter(|(count, _)| *count > 0).map(|(_, text)| text).collect();
    match (said.is_empty(), lang) {
        (true, _) => String::new(),
        (false, Lang::English) => format!(", with {}", said.join(", ")),
        (false, Lang::Japanese) => format!("(但し{})", said.join("、")),
    }
}

/// So many bytes, in English.
fn bytes(count: u64) -> String {
    format!("{} byte{}", digits(&count.to_string()), if count == 1 { "" } else { "s" })
}

/// How a class is called.
pub type ClassName = &'static str;

/// The name of a class for people.
#[must_use]
pub fn class_name(lang: Lang, class: Class) -> ClassName {
    match class {
        Class::Matched => lang.pick("matched", "基準値と一致"),
        Class::Mutable => lang.pick("mutable, within its rules", "可変(規則内)"),
        Class::Fill => lang.pick("fill (erased)", "消去値"),
        Class::Parsed => lang.pick("parsed, no reference value", "構造のみ判読・基準値なし"),
        Class::Unexplained => lang.pick("unexplained", "未説明"),
        Class::Differs => lang.pick("differs from the reference", "基準値と相違"),
        Class::Remains => lang.pick("remains (dead, old data)", "残存(無効な旧データ)"),
        Class::Unread => lang.pick("not read", "未読取"),
        Class::Opened => lang.pick("opened, counted inside", "展開済み"),
    }
}

/// The codes of [`crate::Report::not_seen`], with what they say.
pub static NOT_SEEN: &[(&str, &str, &str)] = &[
    ("behaviour", "what the programs do when they run", "プログラムの実行時の動作"),
    ("device", "whether this file is all that is in the device", "このファイルが機器内の全てであるか"),
    ("encrypted", "the content of encrypted or opaque regions", "暗号化または不明な領域の内容"),
    (
        "files-closed",
        "what lies in files that were taken as one (programs, archives)",
        "一体として扱ったファイル(プログラム、アーカイブ等)の内部",
    ),
    ("hardware", "circuits and parts", "回路および部品"),
    (
        "native-signatures",
        "native signatures inside the image (Authenticode and others)",
        "イメージ内の固有署名(Authenticode等)",
    ),
    (
        "not-parsed",
        "the inside of the image: its whole digest matched, so the account is as the manifest lists it (--deep looks)",
        "イメージの内部(全体のダイジェストが一致したため内訳はマニフェストの記載による。--deep で解析)",
    ),
    (
        "reference",
        "anything a signed reference would show: none was given",
        "署名済み基準値との相違(基準値が与えられていない)",
    ),
    (
        "rollback",
        "whether an older release was put back: no floor is set",
        "旧版への巻き戻し(下限の指定なし)",
    ),
    ("transparency", "whether the manifest is in a public log", "マニフェストが公開ログに載っているか"),
];

/// The sentence for a code of [`crate::Report::not_seen`].
#[must_use]
pub fn not_seen(lang: Lang, code: &str) -> &'static str {
    let entry = NOT_SEEN.iter().find(|(id, _, _)| *id == code);
    entry.map_or("", |(_, english, japanese)| lang.pick(english, japanese))
}

/// The sentence for a finding.
#[must_use]
pub fn message(lang: Lang, finding: &FindingOf, mode: &str) -> String {
    let kind = kinds::of_report(&finding.id);
    let between = kind.between.filter(|_| mode == "diff");
    let template = between.map_or(lang.pick(kind.english, kind.japanese), |text| lang.text(text));
    let mut text = fill(lang, template, finding);
    if let Some((reason, until)) = waiver(finding) {
        let whole = if is_waived(finding) {
            lang.pick("Waived by your policy", "ポリシーにより免除")
        } else {
            lang.pick(
                "Waived by your policy without the value found, so a person must look",
                "値を記さない免除のため要確認",
            )
        };
        text.push_str(&match lang {
            Lang::English => format!(" {whole}: {reason}, until {until}."),
            Lang::Japanese => format!("{whole}({reason}、期限 {until})。"),
        });
    }
    text
}

/// Reason and end of the policy's waiver that covers a finding.
fn waiver(finding: &FindingOf) -> Option<(&str, &str)> {
    finding.args.get("waiver").map(String::as_str).zip(finding.args.get("waivedUntil").map(String::as_str))
}

/// True when a waiver names the value found, and so takes the finding's effect away.
#[must_use]
pub(crate) fn is_waived(finding: &FindingOf) -> bool {
    finding.waived
}

/// The next step for a finding of a run of that mode. What compares nothing that is signed accuses nobody.
#[must_use]
pub fn remedy(lang: Lang, finding: &FindingOf, mode: &str) -> String {
    if is_waived(finding) {
        return lang.pick("Nothing until the waiver ends.", "免除の期限まで対応不要。").to_owned();
    }
    let kind = kinds::of_report(&finding.id);
    let next = lang.text(kind.next);
    let accuses =
        !["verify", "lot"].contains(&mode) && kind.family != Family::Defect && *kind != kinds::LIMIT_HIT;
    let compared = lang.pick(
        "Ask whoever made the second image whether this was meant.",
        "二つ目のイメージの作成者に、意図した変更かを確認する。",
    );
    if accuses { compared.to_owned() } else { next.to_owned() }
}

/// Puts the words of a finding, all of them escaped before, into a sentence.
fn fill(lang: Lang, template: &str, finding: &FindingOf) -> String {
    let mut text = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        text.push_str(before);
        let (name, behind) = after.split_once('}').unwrap_or((after, ""));
        match name {
            "what" => text.push_str(&what(lang, finding)),
            "place" => text.push_str(&format!("{:#x}", finding.offset)),
            "actual" => text.push_str(finding.actual.as_deref().unwrap_or("?")),
            "expected" => text.push_str(finding.expected.as_deref().unwrap_or("?")),
            // Reports of versions before have it in English only.
            "why-ja" => {
                let why = finding.args.get(name).or_else(|| finding.args.get("why"));
                text.push_str(why.map_or("?", String::as_str));
            }
            "bytes" => text.push_str(&digits(finding.args.get(name).map_or("?", String::as_str))),
            _ => text.push_str(finding.args.get(name).map_or("?", String::as_str)),
        }
        rest = behind;
    }
    text.push_str(rest);
    text
}

/// A number with its digits in groups of three.
pub(crate) fn digits(number: &str) -> String {
    let mut text = String::new();
    for (left, digit) in (0..number.len()).rev().zip(number.chars()) {
        text.push(digit);
        if left > 0 && left.is_multiple_of(3) {
            text.push(',');
        }
    }
    text
}

/// What a finding is about, in the words that the product uses: a name, what sort of thing it is, and what it is a piece of.
pub(crate) fn what(lang: Lang, finding: &FindingOf) -> String {
    let kind = finding.args.get("kind").map_or("region", String::as_str);
    let steps: Vec<_> = finding.path.split('/').filter_map(|step| step.split_once(':')).collect();
    let name = finding.args.get("name").map(String::as_str);
    let last = steps.last().copied();
    // What a file holds, as one piece, is the file.
    let file = steps.iter().rposition(|(format, _)| *format == "file");
    let content = file.is_some_and(|file| {
        steps.get(file.saturating_add(1)).is_some_and(|step| *step == ("decoded", "content"))
    });
    let whole_file = content
        && !kiwame_appraisal::is_of_program(kind)
        && !["account", "account-secret", "login-line", "boot-line", "setting", "boot-argument"]
            .contains(&kind);
    let kind = if whole_file { "file" } else { kind };
    let noun = noun(lang, kind, finding.runs);
    let key = readable(last.map_or(finding.path.as_str(), |(_, key)| key));
    // A kind says already what its own key repeats.
    let key = if kind.ends_with(key.as_str()) { String::new() } else { key };
    let own = name.filter(|_| whole_file || WHOLE_THINGS.contains(&kind));
    match (own.or(Some(key.as_str()).filter(|_| WHOLE_THINGS.contains(&kind))), name, lang) {
        (Some(label), _, Lang::English) => format!("{label} ({noun})"),
        (Some(label), _, Lang::Japanese) => format!("{label}({noun})"),
        (None, Some(name), Lang::English) if name != key => format!("{} of {name}", joined(noun, &key)),
        (None, Some(name), Lang::Japanese) if name != key => format!("{name} の {}", joined(noun, &key)),
        (None, _, _) => joined(noun, &key),
    }
}

fn joined(noun: &str, key: &str) -> String {
    if key.is_empty() { noun.to_owned() } else { format!("{noun} {key}") }
}

/// Kinds that have a name of their own.
const WHOLE_THINGS: [&str; 17] = [
    "block-device",
    "cab-entry",
    "cab-file",
    "cbfs-file",
    "character-device",
    "device-tree-property",
    "directory",
    "file",
    "part",
    "partition",
    "symbolic-link",
    "uboot-variable",
    "uefi-file",
    "uefi-pad-file",
    "uefi-volume",
    "variable",
    "whiteout",
];

/// What people call a kind of region. One that has no other word keeps its own.
pub(crate) fn noun(lang: Lang, kind: &str, runs: bool) -> &str {
    let (english, japanese) = match kind {
        "account" | "account-secret" => ("account", "アカウント"),
        "block-device" | "character-device" => ("device node", "デバイスノード"),
        "boot-argument" => ("boot argument", "起動引数"),
        "boot-line" | "login-line" => ("line", "行"),
        "cab-entry" => ("entry of the cabinet", "キャビネットの項目"),
        "cab-file" if runs => ("program", "プログラム"),
        "cab-file" => ("file in the cabinet", "キャビネット内のファイル"),
        "capsule-driver" => ("embedded driver", "組込みドライバー"),
        "capsule-payload" => ("payload of the capsule", "カプセルの本体"),
        "cbfs-file" => ("coreboot file", "corebootのファイル"),
        "device-tree-property" => ("property", "プロパティ"),
        "directory" | "dir" => ("directory", "ディレクトリ"),
        "file" if runs => ("program", "プログラム"),
        "file" => ("file", "ファイル"),
        "part" => ("part of the device", "装置の部分"),
        "partition" => ("partition", "パーティション"),
        "setting" => ("setting", "設定"),
        "symbolic-link" => ("link", "リンク"),
        "uefi-file" if runs => ("driver", "ドライバー"),
        "uefi-file" => ("UEFI file", "UEFIファイル"),
        "uefi-pad-file" => ("pad file", "パッドファイル"),
        "uefi-volume" => ("firmware volume", "ファームウェアボリューム"),
        "variable" | "uboot-variable" => ("variable", "変数"),
        _ => return kind,
    };
    lang.pick(english, japanese)
}

/// The likely reason, or why nothing can be told, in a few words for the first line.
#[must_use]
pub fn reason_line(lang: Lang, findings: &[FindingOf], verdict: &VerdictOf) -> String {
    // What keeps from telling explains no difference.
    let refuted = verdict.tier == "contraindicated";
    let brief = |finding: &FindingOf| {
        let known = CAUSES.iter().find(|(kind, _, _)| kind.id == finding.id);
        known.filter(|(kind, _, _)| !refuted || kind.effect == Effect::Refuted)
    };
    let cause = findings.iter().find_map(|finding| Some((finding, brief(finding)?)));
    match cause {
        Some((cause, (_, english, japanese))) => fill(lang, lang.pick(english, japanese), cause),
        None if verdict.tier == "none" => untold(lang, &verdict.reasons).to_owned(),
        None => String::new(),
    }
}

/// A kind of finding in a few words.
type Brief = (&'static Kind, &'static str, &'static str);

/// What explains the rest.
static CAUSES: [Brief; 7] = [
    (&kinds::SHORTER, "the file is {bytes} bytes short", "ファイルが {bytes} バイト短い"),
    (&kinds::LONGER, "the file is {bytes} bytes too long", "ファイルが {bytes} バイト長い"),
    (&kinds::NOT_READ, "{bytes} bytes not read, or erased", "{bytes} バイトが未読取または消去"),
    (&kinds::UNIFORM, "the whole file holds nothing but {value}", "ファイル全体が {value}"),
    (&kinds::UNREAD, "{bytes} bytes were not read", "{bytes} バイトが読み取られていない"),
    (&kinds::READS_DIFFER, "two readings of the chip differ", "同じチップの読取結果が一致しない"),
    (
        &kinds::OUTSIDE,
        "something lies outside the image of the release",
        "リリースのイメージの外に何かが有る",
    ),
];

/// Why nothing can be told: the first of these that is among the reasons.
fn untold(lang: Lang, reasons: &[String]) -> &'static str {
    let of_kind = UNTOLD.iter().find(|(kind, _, _)| reasons.iter().any(|reason| reason == kind.id));
    let of_kind = of_kind.map(|(_, english, japanese)| (english, japanese));
    let of_family = || {
        let of = |family: Family| reasons.iter().any(|reason| family.has(reason));
        let found = UNTOLD_FAMILIES.iter().find(|(family, _, _)| of(*family));
        found.map(|(_, english, japanese)| (english, japanese))
    };
    of_kind.or_else(of_family).map_or("", |(english, japanese)| lang.pick(english, japanese))
}

static UNTOLD: [Brief; 5] = [
    (&kinds::ANOTHER_RELEASE, "another release than was ordered", "発注と異なる版"),
    (&kinds::BELOW_FLOOR, "a release below your floor", "下限を下回る版"),
    (&kinds::NOT_FOR_THIS_IMAGE, "no manifest for this image", "このイメージのマニフェストが無い"),
    (&kinds::NO_MANIFEST, "no manifest for this image", "このイメージのマニフェストが無い"),
    (&kinds::REQUIRED_IMAGE_ABSENT, "images of the release are missing", "リリースのイメージが不足"),
];
static UNTOLD_FAMILIES: [(Family, &str, &str); 5] = [
    (Family::Trust, "a manifest is not trusted", "マニフェストを信頼できない"),
    (Family::Manifest, "the manifest does not fit", "マニフェストが適合しない"),
    (Family::Coverage, "not everything has a reference value", "基準値の無い部分が有る"),
    (Family::Mutable, "bytes that nobody judges", "判定されない部分が有る"),
    (Family::Limit, "a limit was reached", "上限に達した"),
];

/// What changed, counted: `1 file replaced, 1 account added`. Empty when nothing did.
#[must_use]
pub fn changes_line(lang: Lang, changes: &[ChangeOf]) -> String {
    let said = changes.iter().take(MOST_CHANGES).map(|change| {
        let ChangeOf { at_least, count, how, what } = change;
        let (one, many, japanese) = things(what);
        let (english_verb, japanese_verb) = match how.as_str() {
            "added" => ("added", "追加"),
            "changed" => ("changed", "変更"),
            "moved" => ("moved", "移動"),
            "packed-anew" => ("packed anew", "詰め直し"),
            "removed" => ("missing", "欠落"),
            _ => ("unreadable", "判読不能"),
        };
        match lang {
            Lang::English => {
                let least = if *at_least { "at least " } else { "" };
                format!("{least}{count} {} {english_verb}", if *count == 1 { one } else { many })
            }
            Lang::Japanese => {
                let least = if *at_least { "以上" } else { "" };
                format!("{japanese} {count} 件{least}{japanese_verb}")
            }
        }
    });
    let more = changes.iter().skip(MOST_CHANGES).fold(0_u64, |sum, change| sum.saturating_add(change.count));
    let more = (more > 0).then(|| match lang {
        Lang::English => format!("{more} more"),
        Lang::Japanese => format!("他 {more} 件"),
    });
    said.chain(more).collect::<Vec<_>>().join(lang.pick(", ", "、"))
}

/// Kinds of changes in the first line.
const MOST_CHANGES: usize = 4;

fn things(what: &str) -> (&'static str, &'static str, &'static str) {
    match what {
        "account" => ("account", "accounts", "アカウント"),
        "boot-argument" => ("boot argument", "boot arguments", "起動引数"),
        "container" => ("container", "containers", "コンテナー"),
        "directory" => ("directory", "directories", "ディレクトリ"),
        "driver" => ("driver", "drivers", "ドライバー"),
        "file" => ("file", "files", "ファイル"),
        "link" => ("link", "links", "リンク"),
        "login-line" => ("line that lets somebody in", "lines that let somebody in", "ログイン許可行"),
        "partition" => ("partition", "partitions", "パーティション"),
        "password" => ("password entry", "password entries", "パスワード記載"),
        "program" => ("program", "programs", "プログラム"),
        "property" => ("property", "properties", "プロパティ"),
        "script" => ("script", "scripts", "スクリプト"),
        "setting" => ("settings file", "settings files", "設定ファイル"),
        "special-file" => ("special file", "special files", "特殊ファイル"),
        "variable" => ("variable", "variables", "変数"),
        "volume" => ("firmware volume", "firmware volumes", "ファームウェアボリューム"),
        _ => ("part", "parts", "部分"),
    }
}

/// A key of a path with the signs in it that are harmless as they are written, such as the colons of a line.
fn readable(key: &str) -> String {
    let mut text = String::with_capacity(key.len());
    let mut rest = key;
    while let Some((before, after)) = rest.split_once('%') {
        text.push_str(before);
        let code = after.get(..2).and_then(|code| u8::from_str_radix(code, 16).ok());
        match code.filter(|code| b" !#$'()*,/:;=?[]^`{|}~".contains(code)) {
            Some(code) => {
                text.push(char::from(code));
                rest = after.get(2..).unwrap_or_default();
            }
            None => {
                text.push('%');
                rest = after;
            }
        }
    }
    text + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_read_as_they_were_written_unless_a_sign_could_do_harm() {
        assert_eq!(readable("%3A%3Arespawn%3A%2Fbin%2Fx%20-l"), "::respawn:/bin/x -l");
        assert_eq!(readable("%3Cb%3E%26%22%25%0A%E2%80%AE%zz%"), "%3Cb%3E%26%22%25%0A%E2%80%AE%zz%");
    }

    #[test]
    fn what_is_refuted_has_no_word_for_what_cannot_be_told() {
        let verdict =
            |tier: &str, reason: &str| VerdictOf { reasons: vec![reason.to_owned()], tier: tier.to_owned() };
        let said = |verdict: &VerdictOf| reason_line(Lang::English, &[], verdict);
        assert_eq!(said(&verdict("contraindicated", kinds::OUTSIDE_RULE.id)), "");
        assert_eq!(said(&verdict("none", kinds::ANOTHER_RELEASE.id)), "another release than was ordered");
    }

    #[test]
    fn what_was_not_looked_at_is_sorted() {
        assert!(NOT_SEEN.windows(2).all(|pair| pair[0].0 < pair[1].0));
    }
}
