//! What can stop a run, beside what is wrong with a key, an envelope, a policy or a manifest
//! (`kiwame_trust::problems`) and with a rule of a description (`kiwame_appraisal::SLIPS`).

use kiwame_image::{Problem, ProblemKind, ReadError, Text};
use kiwame_report::{Lang, escape_inside};
use kiwame_trust::problems::{CHECK, CORRECT};
use serde_json::{Map, Value, json};

use crate::Response;

const HELP: Text = Text::new("See kiwame --help.", "kiwame --help を参照。");
const HOST: Text = Text::new(
    "Requests are made by the command and the page; one made by hand has to be like theirs.",
    "要求はコマンドとページが作る。手で作る場合は同じ形にする。",
);
const AGAIN: Text =
    Text::new("Check how the image was made or copied.", "イメージの作成方法又は複製方法を確かめる。");
const ONE: Text = Text::new("Give one of them.", "いずれか一つを指定する。");
const DECODED: Text = Text::new(
    "Acquire the file again; what is packed has one stream and nothing behind it.",
    "ファイルを入手し直す。圧縮されたものは一つのストリームのみとし、後ろに何も付けない。",
);

kiwame_image::problems! {
    /// All of them.
    ALL:
    /// The request is not JSON of the schema.
    REQUEST = "request/unreadable", 2, "{what}", "{what}", HOST;
    /// Host and core do not fit.
    ABI = "request/abi", 2, "abi is {found}, expected {expected}", "abi は {found}、必要な値 {expected}", HOST;
    /// The core has no such verb.
    VERB = "request/verb", 2, "no verb \"{name}\"", "コマンド「{name}」は無い", HOST;
    /// The core has no such rendering.
    RENDERING = "request/rendering", 2, "no rendering \"{name}\"", "出力形式「{name}」は無い", HOST;
    /// What the verb is about is missing.
    NONE_GIVEN = "request/none-given", 2, "none was given", "指定が無い", HELP;
    /// The verb takes one.
    SEVERAL_GIVEN = "request/several-given", 2, "more than one was given", "二つ以上指定されている", ONE;
    /// `diff` compares two.
    TWO_IMAGES = "request/two-images", 2, "two images are needed, {found} were given",
        "イメージは二つ必要({found} 個指定)", HELP;
    /// A source is shorter than it was said to be, or cannot be read any more.
    UNREAD = "file/changed", 2, "cannot read {length} bytes at offset {offset}",
        "位置 {offset} の {length} バイトを読めない",
        Text::new(
            "The file is shorter than it was, or changed while it was read.",
            "ファイルが短くなったか、読取り中に変化した。",
        );
    /// The image has no byte.
    EMPTY = "image/empty", 2, "the file is empty", "ファイルが空である", AGAIN;
    /// No such limit.
    LIMIT = "option/limit", 2, "no limit \"{name}\"; expected one of {known}",
        "上限「{name}」は無い。指定できるもの:{known}", HELP;
    /// The only key was left out.
    NO_KEY = "option/no-key", 2, "none was given", "指定が無い",
        Text::new("Name the public key with --key.", "公開鍵を --key で指定する。");
    /// Two say whom to trust.
    POLICY_AND_KEY = "option/policy-and-key", 2, "a policy was given as well; one of them decides",
        "ポリシーも指定されている。どちらか一つが決める", ONE;
    /// Several say whom to trust.
    SEVERAL_DECIDE = "option/several-decide", 2, "more than one was given; one of them decides",
        "二つ以上指定されている。決めるのは一つである", ONE;
    /// Nobody says whom to trust.
    NO_POLICY = "option/no-policy", 2, "none was given, and no --key", "--policy も --key も指定が無い",
        Text::new(
            "Say whom you trust: --policy FILE, or the maker's public key with --key and what was ordered with --expect.",
            "信頼する相手を指定する。--policy FILE、又は製造者の公開鍵を --key、注文品を --expect で。",
        );
    /// A key says who signs, not what was ordered.
    EXPECT_NEEDED = "option/expect-needed", 2, "--expect VENDOR/MODEL[@RELEASE] is needed with it{claimed}",
        "--expect VENDOR/MODEL[@RELEASE] も必要{claimed}",
        Text::new(
            "Say with --expect what was ordered, from the order and not from the manifest.",
            "注文した品を --expect で指定する。マニフェストではなく注文書による。",
        );
    /// A policy is for a product.
    EXPECT_MISSING = "option/expect-missing", 2, "VENDOR/MODEL is needed", "VENDOR/MODEL が必要",
        Text::new("Say with --expect what the policy is for.", "ポリシーの対象を --expect で指定する。");
    /// One key counts once.
    KEY_TWICE = "key/twice", 2, "the same key was given twice; it counts once",
        "同じ鍵が二度指定されている。数えるのは一度である", Text::new("Leave one out.", "一方を除く。");
    /// A packed manifest hides something in its header.
    PACKED_HEADER = "manifest/packed-header", 2, "packed: the header has {found} bytes, at most {limit} are accepted",
        "圧縮:ヘッダーが {found} バイト有る(上限 {limit})", DECODED;
    /// A packed manifest has something behind it.
    PACKED_REST = "manifest/packed-rest", 2, "packed: found {found} bytes behind the end at {offset}, expected none",
        "圧縮:終わり(位置 {offset})の後ろに {found} バイト有る", DECODED;
    /// A packed manifest is broken.
    PACKED_BROKEN = "manifest/packed-broken", 2, "packed: offset {offset}: {what}",
        "圧縮:位置 {offset}:{what}", DECODED;
    /// The table of a lot, where its reports are meant.
    SUMMARY = "report/summary", 2, "is the summary of a lot", "ロットの一覧表である",
        Text::new(
            "Give the file that --report wrote: it holds the whole report of each unit.",
            "--report で書いたファイルを指定する。各個体の報告書の全文が入っている。",
        );
    /// There is nothing in the file.
    NO_REPORT = "report/none", 2, "no report found, expected one a line", "報告書が無い(一行に一件が必要)", CHECK;
    /// A line of the map of what was not read says nothing.
    UNREAD_LINE = "unread/line", 2, "line {line}: found no place, expected OFFSET+LENGTH or a line of ddrescue's map",
        "{line} 行:位置が無い(OFFSET+LENGTH 又は ddrescue のマップの行が必要)", CORRECT;
    /// What was not read lies behind the end of the image.
    UNREAD_BEYOND = "unread/beyond", 2, "line {line}: found {found}, and the image ends at {size}",
        "{line} 行:検出値 {found}(イメージの末尾は {size})",
        Text::new("Give the map of this very image.", "このイメージ自身のマップを指定する。");
    /// Nobody's report is of that unit.
    NO_UNIT = "report/no-unit", 2, "no report of \"{unit}\" found; there are reports of {units}",
        "「{unit}」の報告書が無い(有るもの:{units})",
        Text::new("Give a serial number, or the name of the file.", "製造番号又はファイル名を指定する。");
    /// A line of the list of serial numbers has several columns.
    SERIALS_COLUMNS = "serials/columns", 2, "line {line}: found \"{found}\", expected one serial number and no other column",
        "{line} 行:検出値「{found}」、必要なのは製造番号一つのみ",
        Text::new("Save the column of the serial numbers alone.", "製造番号の列だけを保存する。");
    /// A list of serial numbers without one.
    NO_SERIALS = "serials/none", 2, "no serial number found, expected one a line",
        "製造番号が無い(一行に一つが必要)",
        Text::new("Give the list of what was ordered.", "注文品の一覧を指定する。");
    /// `describe` compares units of one release.
    OTHER_SIZE = "describe/other-size", 2, "found {found} bytes, and {expected} in the first image",
        "{found} バイト(一つ目のイメージは {expected} バイト)",
        Text::new(
            "Give units of one release, each as a dump of the same length.",
            "同一の版の個体を、同じ長さのダンプで指定する。",
        );
    /// A layout is for an image that is not there.
    LAYOUT_IMAGE = "describe/layout-image", 2, "layout: no image \"{name}\" is given",
        "layout:イメージ「{name}」の指定が無い", CORRECT;
    /// A partition ends behind the image.
    LAYOUT_END = "describe/layout-end", 2, "[[layout]] ends at {end}, the image at {size}",
        "[[layout]] の終わり {end} がイメージの終わり {size} を超える",
        Text::new("Correct offset and length in the description.", "記述の offset と length を直す。");
    /// A partition without a name, or of no length.
    LAYOUT_EMPTY = "describe/layout-empty", 2, "layout \"{name}\": a partition has a name and at least one byte",
        "layout「{name}」:区画には名前と 1 バイト以上が必要", CORRECT;
    /// Two partitions share bytes.
    LAYOUT_OVERLAP = "describe/layout-overlap", 2,
        "layout \"{name}\" ends at {end}, where \"{other}\" has begun at {begun}",
        "layout「{name}」の終わり {end} が「{other}」の始まり {begun} を超える", CORRECT;
    /// Two partitions have one name.
    LAYOUT_TWICE = "describe/layout-twice", 2, "layout \"{name}\" is listed twice", "layout「{name}」が二度有る", CORRECT;
    /// No flash erases such blocks.
    ERASE_BLOCK = "describe/erase-block", 2, "layout \"{name}\": erase-block: a power of two, 4096 at least",
        "layout「{name}」:erase-block は 4096 以上の 2 の冪", CORRECT;
    /// A file system that a device writes is read by its erase blocks.
    NO_ERASE_BLOCK = "describe/no-erase-block", 2,
        "layout \"{name}\": erase-block is missing; JFFS2 there is read by it",
        "layout「{name}」:erase-block が無い(JFFS2 の判読に必要)", CORRECT;
    /// A format that nobody opens.
    LAYOUT_FORMAT = "describe/layout-format", 2, "layout \"{name}\": format: found \"{found}\", which kiwame does not open",
        "layout「{name}」:format:検出値「{found}」は kiwame が開けない形式", CORRECT;
    /// A supplier without a name.
    SUPPLIER_NAME = "describe/supplier-name", 2, "supplier {path}: name is empty", "supplier {path}:name が空", CORRECT;
    /// A supplier of what is not there.
    SUPPLIER_PATH = "describe/supplier-path", 2, "supplier \"{name}\": path {path}: {why}", "supplier「{name}」:パス {path}:{why}", CORRECT;
    /// A rule for what is not there.
    RULE_PATH = "describe/rule-path", 2, "mutable {path}: {why}", "mutable {path}:{why}", CORRECT;
    /// The serial number is not there, or in several places.
    SERIAL_PATH = "describe/serial-path", 2, "product.serial: {path}: {why}", "product.serial:{path}:{why}", CORRECT;
    /// The serial number has no value.
    SERIAL_VALUE = "describe/serial-value", 2, "product.serial: {path} is no setting with a value",
        "product.serial:{path} は値を持つ設定でない", CORRECT;
    /// No such algorithm.
    ALGORITHM = "describe/algorithm", 2, "release.digests: no algorithm \"{name}\"",
        "release.digests:アルゴリズム「{name}」は無い", CORRECT;
    /// The image contradicts what is said of it.
    SELF_REFUSED = "attest/refused", 2,
        "the image itself would be refused: {finding} at {path}: found {found}, expected {expected}",
        "イメージ自体が不適合となる:{path} の {finding}:検出値 {found}、必要な値 {expected}",
        Text::new("Mend the description, or the image.", "記述又はイメージを直す。");
    /// What is erased in the release is refused by its own rule.
    ERASED_HERE = "attest/erased", 2, "mutable {path}: the image is erased there, and when-empty is \"refuse\"",
        "mutable {path}:イメージのこの部分は消去されているが、when-empty が \"refuse\" である",
        Text::new(
            "Say what the device does when it is erased: when-empty = \"default\" or \"warning\".",
            "消去されている場合の機器の動作を when-empty = \"default\" 又は \"warning\" で記す。",
        );
    /// One file is not two.
    GIVEN_TWICE = "attest/given-twice", 2, "given twice: its name or its bytes are those of {name}",
        "二度指定されている:名前又は内容が {name} と同じ", Text::new("Give each image once.", "各イメージを一度だけ指定する。");
    /// One value would stand for everything.
    NOT_RECOGNISED = "attest/not-recognised", 2,
        "nothing in it was recognised: one value would stand for all of its bytes, and no buyer would see what differs",
        "何も認識されない。全体に一つの値しか付かず、購入者には相違の箇所が分からない",
        Text::new(
            "Say where its parts lie with [[layout]], or that this is meant with --raw.",
            "[[layout]] で各部の位置を記すか、意図したものであれば --raw を付ける。",
        );
    /// More than the limits allow to see.
    LIMIT_REACHED = "attest/limit", 6, "the limit \"{limit}\" was reached at {path}", "{path} で上限「{limit}」に達した",
        Text::new("Raise it with --limit.", "--limit で引き上げる。");
    /// The reader would refuse what was made.
    UNLISTABLE = "attest/unlistable", 2, "no manifest can list this: {why}", "マニフェストに記載できない:{why}",
        Text::new("Mend the description, or the image.", "記述又はイメージを直す。");
}

/// A source that is no longer what it was.
pub(crate) fn unread(name: &str, error: ReadError) -> Problem {
    let offset = format!("{:#x}", error.offset);
    Problem::new(&UNREAD).of(name).arg("length", error.length).arg("offset", offset)
}

/// The answer to a request that cannot be done: the words for people, and the same for programs.
pub(crate) fn response(problem: &Problem, lang: Lang) -> Response {
    let says = problem.says();
    let args: Map<_, _> =
        problem.args.iter().map(|(name, words)| ((*name).to_owned(), json!(words.english))).collect();
    let known = json!({
        "id": problem.kind.id, "exit": problem.exit, "file": problem.file, "args": Value::Object(args),
        "message": { "en": escape_lines(&says.english), "ja": escape_lines(&says.japanese) },
        "remedy": { "en": problem.next.english, "ja": problem.next.japanese },
    });
    let text = kiwame_report::problem_text(problem, lang);
    Response { exit: problem.exit, ..Response::default() }
        .with("stderr", text)
        .with("problem", known.to_string())
}

fn escape_lines(text: &str) -> String {
    text.lines().map(escape_inside).collect::<Vec<_>>().join("\n")
}

/// Everything that can stop the core, by what it is about.
#[must_use]
pub fn lists() -> [&'static [&'static ProblemKind]; 4] {
    [ALL, kiwame_trust::problems::ALL, kiwame_appraisal::SLIPS, kiwame_report::problems::ALL]
}
