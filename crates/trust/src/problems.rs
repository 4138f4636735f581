//! What can be wrong with a key, an envelope, a policy or a manifest, in words (see [`TrustError`](crate::TrustError)).

use kiwame_image::Text;

/// What can be mended in the file.
pub const CORRECT: Text = Text::new("Correct it there and run again.", "その箇所を直して再実行する。");
/// What only whoever made the file can mend.
pub const CHECK: Text =
    Text::new("Check the file and where it came from.", "ファイルとその入手元を確かめる。");
/// Keys that nobody should use.
const ASK_KEY: Text =
    Text::new("Take the key out, and ask where it came from.", "この鍵を除き、入手元を確かめる。");
/// What an argument of the command says.
const ARGUMENT: Text = Text::new("Correct the argument.", "引数を直す。");
/// What a policy leaves open.
const RULES: Text = Text::new("Look at the rules of the policy.", "ポリシーの規則を見直す。");
/// Who has to sign.
const ASK_MAKER: Text =
    Text::new("Ask the maker for a manifest that counts.", "有効なマニフェストを製造者に請求する。");

kiwame_image::problems! {
    /// All of them.
    ALL:
    /// The text is not JSON, or JSON that two readers could take differently.
    JSON = "document/json", 4, "line {line}, column {column}: {what}", "{line} 行 {column} 列:{what}", CHECK;
    /// The text is not TOML, or a field is unknown, missing or of another type.
    TOML = "document/toml", 2, "{what}", "{what}", CORRECT;
    /// The file is no text.
    NOT_TEXT = "document/not-text", 2, "is no text: byte {place} is not UTF-8", "文字列でない:{place} バイト目が UTF-8 でない",
        Text::new(
            "Give the file as text; a compressed one has to be unpacked, and UTF-16 saved as UTF-8.",
            "テキストファイルを指定する。圧縮されたものは展開し、UTF-16 は UTF-8 で保存する。",
        );
    /// A field has a value that is not allowed there.
    FIELD = "document/field", 4, "{field}: found {found}, expected {expected}",
        "{field}:検出値 {found}、必要な値 {expected}", CORRECT;
    /// The document is of another type or version.
    TYPE = "document/type", 4, "{field}: found \"{found}\", expected \"{expected}\"",
        "{field}:検出値「{found}」、必要な値「{expected}」", CHECK;
    /// More than is read.
    TOO_LARGE = "document/too-large", 4, "{what}: found {found}, at most {limit} are accepted",
        "{what}:検出値 {found}、上限 {limit}", CHECK;
    /// No public key in a notation that is read.
    NOT_A_KEY = "key/not-a-key", 4,
        "not an Ed25519 public key (SubjectPublicKeyInfo PEM, or ed25519: and 64 hexadecimal digits)",
        "Ed25519 の公開鍵でない(SubjectPublicKeyInfo の PEM、又は ed25519: と 16 進 64 桁が必要)", CHECK;
    /// A second encoding of a key could pass for another key.
    NON_CANONICAL_KEY = "key/not-canonical", 4, "the key is not in canonical encoding",
        "鍵の符号化が正規形でない", ASK_KEY;
    /// A key of low order.
    WEAK_KEY = "key/low-order", 4, "the key is of low order: it verifies signatures that nobody made",
        "位数の小さい鍵であり、誰も作っていない署名を検証してしまう", ASK_KEY;
    /// A key on which verifiers disagree.
    TORSION_KEY = "key/torsion", 4, "the key has a torsion component: two verifiers can disagree about it (a mistyped digit can do that)",
        "ねじれ成分を持つ鍵であり、検証器により判定が分かれ得る(桁の誤記でも生じ得る)", ASK_KEY;
    /// One key counts for one signer.
    SHARED_KEY = "key/shared", 4, "key {key} is listed twice: a key belongs to one principal, and counts once",
        "鍵 {key} が二度記されている。一つの鍵は一名の署名者(principal)に一度だけ属する", CORRECT;
    /// What was ordered is not said as it should be.
    EXPECTATION = "option/expect", 2, "found \"{found}\", expected VENDOR/MODEL or VENDOR/MODEL@RELEASE",
        "検出値「{found}」、必要な形 VENDOR/MODEL 又は VENDOR/MODEL@RELEASE", ARGUMENT;
    /// A time is not written as it should be.
    TIME = "document/time", 4, "found \"{found}\", expected a time such as 2026-11-21T09:00:00Z",
        "検出値「{found}」、必要な形 2026-11-21T09:00:00Z のような日時", CORRECT;
    /// The policy is silent about the product.
    NO_RULE = "policy/no-rule", 4, "no rule of the policy speaks of {product}",
        "ポリシーに {product} の規則が無い", RULES;
    /// The policy says two things about the product.
    TWO_RULES = "policy/two-rules", 4, "two rules of the policy speak of {product}",
        "ポリシーに {product} の規則が二つ有る", RULES;
    /// The manifest is for something else than what was ordered.
    OTHER_PRODUCT = "manifest/other-product", 4, "the manifest is for {found}, expected {expected}",
        "マニフェストは {found} のものであり、期待は {expected} である", ASK_MAKER;
    /// Too few of those whom the policy names have signed.
    TOO_FEW = "signature/too-few", 4,
        "signed by {found} of {required} required principals; signed: {signed}; not signed: {absent}; further signatures, which do not count: {unknown}",
        "必要な署名者(principal){required} 名のうち {found} 名が署名。署名有り:{signed}、署名無し:{absent}、その他の数に入らない署名:{unknown} 件", ASK_MAKER;
    /// A signature by a trusted key is named, and does not hold.
    BROKEN = "signature/broken", 4,
        "names the trusted key {key}, and its signature does not hold for this content: it was changed or damaged after signing",
        "信頼する鍵 {key} を挙げているが、その署名がこの内容に合わない。署名後に変更又は破損している",
        Text::new("Get the manifest again from the maker.", "マニフェストを製造者から取り直す。");
    /// Anybody could have signed with it.
    PUBLISHED_KEY = "key/published", 4, "key {key} is a published test key or known to have leaked",
        "鍵 {key} は公開された試験用の鍵、又は漏洩の知られた鍵である", ASK_KEY;
    /// The policy revokes the key.
    REVOKED_KEY = "key/revoked", 4, "key {key} is revoked", "鍵 {key} は失効している", ASK_MAKER;
    /// The policy revokes the manifest.
    REVOKED_MANIFEST = "manifest/revoked", 4, "the manifest with payload {digest} is revoked",
        "内容 {digest} のマニフェストは失効している", ASK_MAKER;
    /// The time of the run lies outside.
    OUT_OF_TIME = "document/out-of-time", 4, "{field}: {bound}, compared with {now}",
        "{field}:{bound}(比較した時刻 {now})", CHECK;
    /// Nobody said what time it is.
    NO_TIME = "option/no-time", 4, "{field} needs a time to compare with, and none was given",
        "{field} と比べる時刻が与えられていない", Text::new("Give the time with --now.", "--now で時刻を指定する。");
    /// An older release than the policy takes.
    BELOW_FLOOR = "manifest/below-floor", 4, "security version {found} is below the policy's floor {floor}",
        "セキュリティ版 {found} がポリシーの下限 {floor} を下回る", ASK_MAKER;
    /// The manifest says two things.
    CONTRADICTION = "manifest/contradiction", 4, "{path}: {what}", "{path}:{what}", ASK_MAKER;
}
