//! What people read, by finding id, in two languages. Data in the report never depends on the language.

use kiwame_appraisal::Class;

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

    fn pick<'a>(self, english: &'a str, japanese: &'a str) -> &'a str {
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
            (not_judged, format!("{} bytes not judged", digits(&not_judged.to_string()))),
            (remains, format!("{} bytes of dead data", digits(&remains.to_string()))),
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

struct Entry {
    id: &'static str,
    english: [&'static str; 2],
    japanese: [&'static str; 2],
}

const ACQUIRE: [&str; 2] = [
    "Acquire the dump again by another way; if it differs again, ask the maker and keep the device aside.",
    "別の方法でダンプを取り直す。再び相違する場合は製造者に照会し、機器を隔離する。",
];
const BUG: [&str; 2] = [
    "Do not accept the image, and report this: another check should have spoken first.",
    "受け入れず、本ツールの不具合として報告する。",
];
const ASK: [&str; 2] = ["Ask the maker for the right manifest.", "製造者に正しいマニフェストを請求する。"];

const fn entry(
    id: &'static str,
    english: &'static str,
    japanese: &'static str,
    next: [&'static str; 2],
) -> Entry {
    Entry { id, english: [english, next[0]], japanese: [japanese, next[1]] }
}

static ENTRIES: &[Entry] = &[
    entry(
        "component/added",
        "{what} is in the image and not in the reference.",
        "{what} は基準値に無く、イメージに有る。",
        ACQUIRE,
    ),
    entry(
        "component/attribute-unlisted",
        "{what} has the attribute {attribute}, and the manifest does not say which value it may have.",
        "{what} の属性 {attribute} の値がマニフェストに記載されていない。",
        [
            "Ask the maker for a manifest made with this version.",
            "この版で作成されたマニフェストを製造者に請求する。",
        ],
    ),
    entry(
        "component/attributes",
        "{what} has another {attribute} than the reference.",
        "{what} の {attribute} が基準値と異なる。",
        ACQUIRE,
    ),
    entry(
        "component/duplicated",
        "{what} is in the image more often than in the reference.",
        "{what} がイメージに基準値より多く存在する。",
        ACQUIRE,
    ),
    entry(
        "component/erased",
        "{what} is erased; the reference has content there.",
        "{what} が消去されている(基準値には内容が有る)。",
        ACQUIRE,
    ),
    entry("component/modified", "{what} differs from the reference.", "{what} が基準値と異なる。", ACQUIRE),
    entry(
        "component/moved",
        "{count} parts are unchanged and lie elsewhere, the first of them {what}.",
        "{count} 個の部分が内容は同じで位置が異なる(最初は {what})。",
        ["Ask the maker why.", "製造者に理由を照会する。"],
    ),
    entry(
        "component/removed",
        "{what} is in the reference and not in the image.",
        "{what} は基準値に有り、イメージに無い。",
        ACQUIRE,
    ),
    entry("component/reordered", "{what} is out of its order.", "{what} の順序が基準値と異なる。", ACQUIRE),
    entry(
        "coverage/partial",
        "{bytes} bytes have no reference value, and the policy does not accept that.",
        "{bytes} バイトに基準値が無く、ポリシーはそれを認めていない。",
        ASK,
    ),
    entry(
        "coverage/program-unreferenced",
        "{what} is a program without reference value.",
        "{what} は基準値の無いプログラム。",
        ASK,
    ),
    entry(
        "coverage/unexplained",
        "{what} is not understood and has no reference value.",
        "{what} は判読できず基準値も無い。",
        ASK,
    ),
    entry("coverage/unreferenced", "{what} has no reference value.", "{what} に基準値が無い。", ASK),
    entry(
        "encoding/accepted",
        "{what} is packed anew; its content and its normal form are equal, and the policy accepts that here.",
        "{what} は詰め直されている。内容と正規形は一致し、ポリシーがこの箇所で認めている。",
        ["Nothing to do.", "対応不要。"],
    ),
    entry(
        "encoding/around-waived",
        "{what} is packed anew around what your policy waives; what else differs in its packing, nobody has compared.",
        "{what} はポリシーが免除した相違を含めて詰め直されている。詰め方の他の相違は誰も比較していない。",
        [
            "Find out who packed it; a waiver with the digest that was found covers these bytes and no others.",
            "誰が詰め直したかを確認する。検出されたダイジェストを記した免除は、このバイト列のみに及ぶ。",
        ],
    ),
    entry(
        "encoding/form-differs",
        "{what} is packed anew: the content is equal, and what is packed with it (order, times, unused bytes) is not.",
        "{what} は詰め直されている。内容は一致するが、内容以外の記録(順序、時刻、未使用部等)が異なる。",
        [
            "Do not accept it; ask the maker what packed it.",
            "受け入れず、何が詰め直したかを製造者に照会する。",
        ],
    ),
    entry(
        "encoding/form-unknown",
        "{what} is packed anew; whether more than the encoding differs cannot be told, for want of a normal form.",
        "{what} は詰め直されている。正規形が無いため、符号化以外の相違の有無を判定できない。",
        ASK,
    ),
    entry(
        "encoding/header",
        "{what}: only fields that encode differ, and no content explains it.",
        "{what}:符号化に関する欄のみ異なるが、それを説明する内容の変化が無い。",
        ["Ask the maker why.", "製造者に理由を照会する。"],
    ),
    entry(
        "encoding/re-encoded",
        "{what} is packed anew: its bytes differ, and what it decodes to is equal as far as this tool reads it.",
        "{what} は詰め直されている。バイト列は異なるが、本ツールが読む限り内容は一致。",
        [
            "Ask who packed it. Where the manifest has a normal form of it, the policy can accept it with accept-reencoded.",
            "誰が詰め直したかを照会する。マニフェストに正規形が有れば、ポリシーの accept-reencoded で認められる。",
        ],
    ),
    entry(
        "encoding/undecodable",
        "{what} can no longer be decoded; {count} parts that the reference has in it cannot be seen.",
        "{what} を復号できない。基準値に有る {count} 個の部分を確認できない。",
        ACQUIRE,
    ),
    entry(
        "fill/not-erased",
        "{what} should be erased and is not.",
        "{what} は消去されているべきだが、データが有る。",
        ACQUIRE,
    ),
    entry(
        "fill/resized",
        "{what} is erased as it should be, and has another size.",
        "{what} は消去されているが、大きさが異なる。",
        ["Ask the maker why.", "製造者に理由を照会する。"],
    ),
    entry(
        "finding/more",
        "{count} more findings of the kind {id} are not listed.",
        "{id} の所見が他に {count} 件有る(省略)。",
        ["Those listed come first.", "掲載分から確認する。"],
    ),
    entry(
        "gate/not-compared",
        "The facts of {what} were not compared with the reference.",
        "{what} の属性が基準値と比較されていない。",
        BUG,
    ),
    entry(
        "gate/not-settled",
        "{what} was settled by no check.",
        "{what} はどの検査でも確定していない。",
        BUG,
    ),
    entry(
        "image/given-twice",
        "Another of the images given is the same, byte for byte.",
        "与えられたイメージの中に、バイト単位で同一のものが他に有る。",
        [
            "If they are to be of two units, acquire one of them again.",
            "別々の機器のものであれば、一方を取り直す。",
        ],
    ),
    entry(
        "image/longer",
        "The file is {bytes} bytes longer than the image that the maker signed.",
        "ファイルは製造者が署名したイメージより {bytes} バイト長い。",
        [
            "Check the size of the chip, and acquire the dump again with that size.",
            "チップの容量を確認し、その大きさでダンプを取り直す。",
        ],
    ),
    entry(
        "image/not-read",
        "{bytes} bytes at {place} hold nothing but {value}: not read, or erased. What lies there cannot be seen.",
        "{place} の {bytes} バイトは全て {value}(読み取り漏れ、または消去)。その内容は確認できない。",
        [
            "Acquire the dump again, by another way; compare the two.",
            "別の方法でダンプを取り直し、二つを比較する。",
        ],
    ),
    entry(
        "image/shorter",
        "The file is {bytes} bytes short of the image that the maker signed.",
        "ファイルは製造者が署名したイメージより {bytes} バイト短い。",
        [
            "Acquire the dump again, whole; if it is as long as the chip, ask the maker.",
            "ダンプ全体を取り直す。チップの容量どおりであれば製造者に照会する。",
        ],
    ),
    entry(
        "image/uniform",
        "The whole file holds nothing but {value}: the chip was not read, or is erased.",
        "ファイル全体が {value}(読み取り失敗、または消去)。",
        [
            "Check how the chip is connected, and acquire the dump again.",
            "チップの接続を確認し、ダンプを取り直す。",
        ],
    ),
    entry(
        "layout/disagrees",
        "Manifest and image disagree on where the partition {name} lies.",
        "パーティション {name} の位置について、マニフェストとイメージの記述が一致しない。",
        ACQUIRE,
    ),
    entry(
        "layout/not-stated",
        "The manifest has {name}, and the image states no layout that could agree with it.",
        "マニフェストに {name} が有るが、イメージ自身は配置を示していない。",
        ASK,
    ),
    entry(
        "limit/hit",
        "{what}: the limit \"{limit}\" was reached, and nothing behind it was looked at.",
        "{what}:上限「{limit}」に達したため、以降を調べていない。",
        [
            "Raise the limit with --limit if you trust the source enough to spend the work.",
            "必要であれば --limit で上限を上げる。",
        ],
    ),
    entry(
        "manifest/another-channel",
        "The manifest is of the channel {found}; accepted is {wanted}.",
        "マニフェストのチャネルは {found}。認めているのは {wanted}。",
        [
            "Name the channel with --channel or in the policy if it was ordered.",
            "発注どおりであれば --channel またはポリシーで指定する。",
        ],
    ),
    entry(
        "manifest/another-hardware",
        "The manifest is for the hardware revisions {found}, and neither order nor policy names one of them.",
        "マニフェストの対象ハードウェア版は {found}。発注またはポリシーで指定されていない。",
        ["Name the revision with --hardware or in the policy.", "--hardware またはポリシーで版を指定する。"],
    ),
    entry(
        "manifest/another-release",
        "The image is exactly {found}, and {wanted} was ordered.",
        "イメージは {found} そのものだが、発注は {wanted}。",
        [
            "Check which release was ordered; an older one may have known faults.",
            "発注した版を確認する。旧版には既知の不具合が有り得る。",
        ],
    ),
    entry(
        "manifest/below-floor",
        "The image is exactly {found}, whose security version {version} is below the floor {floor} of your policy.",
        "イメージは {found} そのものだが、セキュリティ版 {version} はポリシーの下限 {floor} を下回る。",
        ["Have the device updated; do not accept this release.", "機器を更新させる。この版は受け入れない。"],
    ),
    entry(
        "manifest/conflicting",
        "Two different manifests are signed for {product}.",
        "{product} に対し相異なる二つの署名済みマニフェストが有る。",
        ASK,
    ),
    entry(
        "manifest/contradicts-itself",
        "All parts match the manifest, and the whole image does not.",
        "全ての部分は一致するが、全体のダイジェストが一致しない(マニフェストの矛盾)。",
        ASK,
    ),
    entry(
        "manifest/hardware-not-accepted",
        "The unit is hardware revision {found}, and the policy accepts {wanted}.",
        "対象機のハードウェア版は {found}。ポリシーが認めるのは {wanted}。",
        ["Check which unit was ordered.", "発注した機器の版を確認する。"],
    ),
    entry(
        "manifest/includes-not-followed",
        "The manifest leaves {count} parts to sub-manifests, which this version does not follow.",
        "マニフェストは {count} 件を副マニフェストに委ねているが、この版は追跡しない。",
        ASK,
    ),
    entry(
        "manifest/none",
        "No manifest was given that speaks of this image.",
        "このイメージに関するマニフェストが与えられていない。",
        ASK,
    ),
    entry(
        "manifest/not-for-this-image",
        "The manifest speaks of another image: {why}.",
        "マニフェストは別のイメージに関するもの:{why-ja}。",
        ASK,
    ),
    entry(
        "manifest/required-image-absent",
        "The release is not complete without {name}, which was not presented.",
        "{name} が提示されておらず、リリースとして不完全。",
        ["Present all images of the release in one command.", "リリースの全イメージを一度に提示する。"],
    ),
    entry(
        "manifest/unknown-digest",
        "The manifest carries a digest of the algorithm {algorithm}, which this version does not know.",
        "マニフェストのダイジェスト方式 {algorithm} をこの版は知らない。",
        ASK,
    ),
    entry(
        "mutable/any",
        "{bytes} bytes may be anything, by the manifest; the policy does not accept that here.",
        "マニフェストは {bytes} バイトを任意としているが、ポリシーはここでは認めていない。",
        [
            "Name the path in the policy, with a byte cap, if you accept it.",
            "認める場合はポリシーに経路と上限を記す。",
        ],
    ),
    entry(
        "mutable/copy-not-taken",
        "{what} is erased or broken; the boot loader takes the other copy, which was judged.",
        "{what} は消去または破損している。ブートローダーはもう一方の(判定済みの)複製を使用する。",
        ["Nothing to do.", "対応不要。"],
    ),
    entry(
        "mutable/empty",
        "{what} is empty; the device then takes its defaults.",
        "{what} は空。機器は既定値で動作する。",
        ["Ask whether the device was reset.", "初期化した機器であるかを確認する。"],
    ),
    entry(
        "mutable/empty-by-rule",
        "{what} is empty, and the manifest says that the device then takes the defaults of the release.",
        "{what} は空。マニフェストによれば機器は版の既定値で動作する。",
        ["Nothing to do.", "対応不要。"],
    ),
    entry(
        "mutable/empty-refused",
        "{what} is empty, and the manifest says that the device does not run as it should then (when-empty).",
        "{what} は空。マニフェストによれば、この場合機器は正常に動作しない(when-empty)。",
        ACQUIRE,
    ),
    entry(
        "mutable/not-judged",
        "{bytes} bytes of {what} may be anything, by manifest and policy; nobody judged them.",
        "マニフェストとポリシーにより {what} の {bytes} バイトは任意。内容は判定していない。",
        ["Nothing to do.", "対応不要。"],
    ),
    entry(
        "mutable/not-recognised",
        "{what}: no {format} is recognised here, where the maker's rule has one.",
        "{what}:製造者の規則では {format} が有るべきだが、認識できない。",
        ACQUIRE,
    ),
    entry(
        "mutable/outside-rule",
        "{what} may differ from device to device, but not like this.",
        "{what} は可変だが、規則を外れている。",
        ACQUIRE,
    ),
    entry(
        "mutable/over-cap",
        "{what}: {bytes} bytes differ there that nobody judges or nothing reaches, more than the rule allows.",
        "{what}:判定されない、または到達しない {bytes} バイトが規則の上限を超えている。",
        ACQUIRE,
    ),
    entry(
        "mutable/remains",
        "{bytes} bytes of old data remain in {what} that nothing reaches.",
        "{what} に、どこからも参照されない旧データが {bytes} バイト残っている。",
        ["Nothing to do.", "対応不要。"],
    ),
    entry(
        "mutable/trust-anchor",
        "{what} decides what may start or who may log in, and is not as the reference has it.",
        "{what} は起動またはログインの可否を決めるものであり、基準値どおりでない。",
        ACQUIRE,
    ),
    entry(
        "mutable/within-rule",
        "{bytes} bytes of {what} differ from the reference, within the maker's rule.",
        "{what} の {bytes} バイトが製造者の規則の範囲内で基準値と異なる。",
        ["Nothing to do.", "対応不要。"],
    ),
    entry(
        "trust/known-key-accepted",
        "A key whose private half is published was accepted, as asked.",
        "秘密鍵が公開されている鍵を、指定により受け入れた。",
        ["Never do this outside tests.", "試験以外では行わない。"],
    ),
    entry(
        "trust/not-verified",
        "{file}: {why}.",
        "{file}:{why}。",
        [
            "Check the key, the policy and where the manifest came from.",
            "鍵、ポリシー、マニフェストの入手元を確認する。",
        ],
    ),
    entry("trust/unsuitable", "{file}: {why}.", "{file}:{why}。", ASK),
    entry(
        "waiver/another-value",
        "A waiver of {waived} names this place and another value; it covers what it names, and nothing else.",
        "{waived} の免除はこの箇所を指すが、値が異なるため適用されない。",
        [
            "Check the value; waive it anew only if you know where it comes from.",
            "値を確認する。由来が分かる場合のみ改めて免除する。",
        ],
    ),
    entry(
        "waiver/cannot",
        "A waiver of {waived} names this place, and that kind of finding cannot be waived there: it is no single component.",
        "{waived} の免除はこの箇所を指すが、単一の部品ではないため免除できない。",
        ["Waive what differs inside, value by value.", "内部の相違を値ごとに免除する。"],
    ),
    entry(
        "waiver/ended",
        "A waiver of {waived} names this place; it ended on {until}.",
        "{waived} の免除はこの箇所を指すが、{until} に終了している。",
        ["Decide anew.", "改めて判断する。"],
    ),
];

/// Sentences between two images, of which neither is a reference.
static BETWEEN: &[(&str, &str, &str)] = &[
    ("component/added", "{what} is in the second image only.", "{what} は二つ目のイメージのみに有る。"),
    ("component/attributes", "{what} has another {attribute}.", "{what} の {attribute} が異なる。"),
    (
        "component/duplicated",
        "{what} is in the second image more often.",
        "{what} が二つ目のイメージに多く有る。",
    ),
    (
        "component/erased",
        "{what} is erased in the second image.",
        "{what} が二つ目のイメージで消去されている。",
    ),
    ("component/modified", "{what} differs.", "{what} が異なる。"),
    ("component/removed", "{what} is in the first image only.", "{what} は一つ目のイメージのみに有る。"),
    ("component/reordered", "{what} stands in another order.", "{what} の順序が異なる。"),
    ("encoding/header", "{what}: only fields that encode differ.", "{what}:符号化に関する欄のみ異なる。"),
    (
        "fill/not-erased",
        "{what} is erased in the first image only.",
        "{what} は一つ目のイメージのみで消去されている。",
    ),
    (
        "fill/resized",
        "{what} is erased in both, and has another size.",
        "{what} は双方で消去されているが、大きさが異なる。",
    ),
    (
        "image/longer",
        "The second image is {bytes} bytes longer than the first.",
        "二つ目のイメージは一つ目より {bytes} バイト長い。",
    ),
    (
        "image/shorter",
        "The second image is {bytes} bytes shorter than the first.",
        "二つ目のイメージは一つ目より {bytes} バイト短い。",
    ),
];

static DEFECT: Entry = entry(
    "defect",
    "{what}: {field} is {actual}, should be {expected}.",
    "{what}:{field} は {actual}、正しくは {expected}。",
    [
        "Compare with the specification; ask the maker if the manifest does not record it.",
        "仕様と照合し、マニフェストに記録が無ければ製造者に照会する。",
    ],
);

fn find(id: &str) -> &'static Entry {
    ENTRIES.iter().find(|entry| entry.id == id).unwrap_or(&DEFECT)
}

/// The sentence for a finding.
#[must_use]
pub fn message(lang: Lang, finding: &FindingOf, mode: &str) -> String {
    let entry = find(&finding.id);
    let between = BETWEEN.iter().find(|(id, _, _)| mode == "diff" && *id == finding.id);
    let template = between
        .map_or(lang.pick(entry.english[0], entry.japanese[0]), |(_, english, japanese)| {
            lang.pick(english, japanese)
        });
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
    let entry = find(&finding.id);
    let next = lang.pick(entry.english[1], entry.japanese[1]);
    let accuses = mode != "verify" && !std::ptr::eq(entry, &raw const DEFECT) && entry.id != "limit/hit";
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
const WHOLE_THINGS: [&str; 13] = [
    "block-device",
    "character-device",
    "device-tree-property",
    "directory",
    "file",
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
        "device-tree-property" => ("property", "プロパティ"),
        "directory" | "dir" => ("directory", "ディレクトリ"),
        "file" if runs => ("program", "プログラム"),
        "file" => ("file", "ファイル"),
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
    let cause =
        findings.iter().find(|finding| finding.id.starts_with("image/") && finding.id != "image/given-twice");
    let (english, japanese) = match cause.map(|cause| cause.id.as_str()) {
        Some("image/shorter") => ("the file is {bytes} bytes short", "ファイルが {bytes} バイト短い"),
        Some("image/longer") => ("the file is {bytes} bytes too long", "ファイルが {bytes} バイト長い"),
        Some("image/not-read") => ("{bytes} bytes not read, or erased", "{bytes} バイトが未読取または消去"),
        Some(_) => ("the whole file holds nothing but {value}", "ファイル全体が {value}"),
        None if verdict.tier == "none" => return untold(lang, &verdict.reasons).to_owned(),
        None => return String::new(),
    };
    cause.map_or_else(String::new, |cause| fill(lang, lang.pick(english, japanese), cause))
}

fn untold(lang: Lang, reasons: &[String]) -> &'static str {
    let is = |beginning: &str| reasons.iter().any(|reason| reason.starts_with(beginning));
    let told = [
        ("manifest/another-release", "another release than was ordered", "発注と異なる版"),
        ("manifest/below-floor", "a release below your floor", "下限を下回る版"),
        ("manifest/not-for-this-image", "no manifest for this image", "このイメージのマニフェストが無い"),
        ("manifest/none", "no manifest for this image", "このイメージのマニフェストが無い"),
        ("manifest/required-image", "images of the release are missing", "リリースのイメージが不足"),
        ("trust/", "a manifest is not trusted", "マニフェストを信頼できない"),
        ("manifest/", "the manifest does not fit", "マニフェストが適合しない"),
        ("coverage/", "not everything has a reference value", "基準値の無い部分が有る"),
        ("mutable/", "bytes that nobody judges", "判定されない部分が有る"),
        ("limit/", "a limit was reached", "上限に達した"),
    ];
    told.iter().find(|(id, _, _)| is(id)).map_or("", |(_, english, japanese)| lang.pick(english, japanese))
}

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
        assert_eq!(said(&verdict("contraindicated", "mutable/outside-rule")), "");
        assert_eq!(said(&verdict("none", "manifest/another-release")), "another release than was ordered");
    }

    #[test]
    fn every_kind_of_finding_has_its_sentence_in_both_languages() {
        for kind in kiwame_appraisal::KINDS.iter().filter(|kind| !kind.id.starts_with("defect")) {
            let entry =
                ENTRIES.iter().find(|entry| entry.id == kind.id).unwrap_or_else(|| panic!("{}", kind.id));
            assert!(!entry.japanese[0].is_ascii() && !entry.japanese[1].is_ascii());
        }
        assert!(ENTRIES.windows(2).all(|pair| pair[0].id < pair[1].id));
        assert!(NOT_SEEN.windows(2).all(|pair| pair[0].0 < pair[1].0));
    }

    #[test]
    fn no_word_that_promises_too_much_is_ever_said() {
        let banned =
            ["本物", "安全", "異常なし", "改ざん", "証明書", "鑑定書", "genuine", "clean", "tamper", "safe"];
        let texts = ENTRIES.iter().flat_map(|entry| entry.english.iter().chain(&entry.japanese));
        for text in texts {
            assert!(banned.iter().all(|word| !text.contains(word)), "{text}");
        }
    }
}
