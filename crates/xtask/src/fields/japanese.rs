//! What `kiwame man` prints in Japanese of the files that people write themselves: each text of the tables with its
//! translation. The words are those of the help and of the reports.

/// The Japanese of a text.
pub(super) fn of(english: &str) -> Result<&'static str, String> {
    let known = TEXTS.iter().find(|(text, _)| *text == english);
    known.map(|(_, japanese)| *japanese).ok_or_else(|| format!("no Japanese of: {english}"))
}

/// What a field holds, in words that [`super::rows`] made.
pub(super) fn holds(english: &str) -> String {
    if let Some((holds, path)) = english.split_once(", as ") {
        return format!("{}(項目は {path} と同じ)", self::holds(holds));
    }
    if let Some(inner) = english.strip_prefix("list of ") {
        let inner = holds(inner);
        // A name in Latin letters stands apart.
        let blank = if inner.is_ascii() { " " } else { "" };
        return format!("{inner}{blank}の配列");
    }
    let known = HOLDS.iter().find(|(text, _)| *text == english);
    known.map_or_else(|| english.to_owned(), |(_, japanese)| (*japanese).to_owned())
}

static HOLDS: [(&str, &str); 5] = [
    ("text", "文字列"),
    ("whole number", "整数"),
    ("true or false", "true 又は false"),
    ("table", "表"),
    ("tables", "表"),
];

pub(super) static TEXTS: &[(&str, &str)] = &[
    // firmware.toml.
    (
        "What a maker writes once for a product; `kiwame attest --describe` reads it.",
        "製造者が製品毎に一度だけ書くファイル。`kiwame attest --describe` が読む。",
    ),
    ("Version of this schema.", "この書式の版。"),
    ("What the firmware is for.", "どの製品のファームウェアか。"),
    ("The maker, as policies name it.", "製造者。ポリシーでの名前と同じもの。"),
    ("The model, as policies name it.", "機種。ポリシーでの名前と同じもの。"),
    (
        "The hardware revisions that it is for; none means all.",
        "対象のハードウェア改訂。無ければ全てが対象。",
    ),
    (
        "The release channel; a policy takes `release` unless it says otherwise.",
        "リリースの系列。ポリシーに指定が無ければ `release` だけが認められる。",
    ),
    (
        "The path of the setting that is the unit's serial number; tables of many units go by it.",
        "機器の製造番号である設定の経路。多数の機器の表ではこの番号を使う。",
    ),
    ("Which release it is.", "どのリリースか。"),
    ("The version, as the maker writes it.", "製造者の表記による版。"),
    (
        "A number that only goes up, for refusing a downgrade; none counts as 0.",
        "古い版への巻き戻しを拒むための、増えるだけの番号。無ければ 0 とみなす。",
    ),
    ("The manifest does not count before.", "この時刻より前はマニフェストを無効とする。"),
    ("The manifest does not count after.", "この時刻より後はマニフェストを無効とする。"),
    (
        "Until when the maker mends the release; told, and compared with nothing.",
        "製造者がこのリリースを修正する期限。表示するだけで、何とも比較しない。",
    ),
    ("Versions that it replaces.", "このリリースが置き換える版。"),
    ("Digests of the whole image beside SHA-256.", "SHA-256 に加えて記録する、イメージ全体のダイジェスト。"),
    (
        "Partitions of flash that carries no partition table. Those of one image share no byte.",
        "区画表を持たないフラッシュの区画。一つのイメージの区画は互いに重ならない。",
    ),
    (
        "Its name: the path of what lies there begins with `partition:` and the name.",
        "区画の名前。そこに有るものの経路は `partition:` とこの名前で始まる。",
    ),
    ("Where it begins in the image, in bytes.", "イメージ内の開始位置(バイト)。"),
    ("How many bytes it has.", "長さ(バイト)。"),
    (
        "Bytes of the medium's erase blocks there, a power of two and 4096 at least; flash file systems are read by it.",
        "その場所の消去ブロックのバイト数。2 の冪で 4096 以上。フラッシュ用ファイルシステムはこれに従って読まれる。",
    ),
    (
        "The device itself writes there: what is packed there may be packed anew, and times may differ.",
        "機器自身が書き込む場所。圧縮のやり直しと時刻の相違を認める。",
    ),
    (
        "Format of what the device makes there, where the release leaves it empty.",
        "リリースでは空で、機器が作るものの形式。",
    ),
    (
        "Name of the image that it is of, where the release has several; all of them without.",
        "リリースに複数のイメージが有る場合の対象の名前。無ければ全て。",
    ),
    (
        "Who answers for which part; of several that reach a place, the one with the longest path.",
        "どの部分を誰が担当するか。複数が当たる場所では、経路の最も長いものが優先する。",
    ),
    ("What they answer for.", "担当する部分。"),
    ("Their name, as people are told it.", "表示する名前。"),
    ("Where to reach them.", "連絡先。"),
    (
        "Where devices may differ, and how far. Of several rules that reach a place, all must hold.",
        "機器毎に異なってよい場所と、その範囲。複数の規則が当たる場所では、全てを満たさなければならない。",
    ),
    ("Where devices may differ.", "機器毎に異なってよい場所。"),
    ("How far.", "異なってよい範囲。"),
    (
        "The settings of the rule `keys`, or the header's fields of the rule `fields`.",
        "規則 `keys` の設定、又は規則 `fields` のヘッダー項目。",
    ),
    ("Name of the setting or field.", "設定又は項目の名前。"),
    ("What its value may be.", "値として認めるもの。"),
    ("It may be absent although the reference has it.", "基準値に有っても、機器に無くてよい。"),
    (
        "Files of `data-files`, or fields of `fields`, whose values nobody judges; `max-bytes` holds for each.",
        "`data-files` のファイル又は `fields` の項目のうち、値を判定しないもの。それぞれに `max-bytes` が適用される。",
    ),
    ("The files of the rule `data-files`.", "規則 `data-files` のファイル。"),
    (
        "Its names from the root of the file system, with slashes between them; a directory ends with one.",
        "ファイルシステムの根からの名前を / で区切ったもの。ディレクトリは / で終わる。",
    ),
    ("How it is read; nobody judges the content without.", "内容の読み方。無ければ内容を判定しない。"),
    (
        "The settings in it that may differ. Whatever else it holds equals the reference.",
        "その中で異なってよい設定。それ以外は基準値と等しくなければならない。",
    ),
    ("Cap on its size in bytes.", "大きさの上限(バイト)。"),
    (
        "Cap in bytes of the rule `any`, which needs it, and of each of `names`.",
        "規則 `any`(必須)及び `names` のそれぞれの上限(バイト)。",
    ),
    (
        "Bytes that may be left of older values that nothing reaches any more, and no program.",
        "どこからも参照されない古い値の残りとして認めるバイト数。プログラムは認めない。",
    ),
    ("What the device does where the place is erased.", "その場所が消去されている場合の機器の動作。"),
    (
        "Documents beside the manifest, which names them and checks nothing.",
        "マニフェストに添える文書。名前を記すだけで、検査はしない。",
    ),
    ("What the document is.", "文書の種類。"),
    ("Its digest.", "そのダイジェスト。"),
    // The policy.
    (
        "Whose signature counts for which product, and what else a buyer asks; `kiwame verify --policy` reads it, `kiwame policy new` writes one to edit.",
        "どの製品に誰の署名を認めるか、その他に購入者が何を求めるか。`kiwame verify --policy` が読み、`kiwame policy new` がひな型を書く。",
    ),
    ("Version of the policy, for people.", "人が見分けるためのポリシーの版。"),
    ("The policy is not to be used after.", "この時刻より後はこのポリシーを使わない。"),
    ("Who may sign. A key belongs to one of them.", "署名者(principal)。一つの鍵は一人だけに属する。"),
    ("Name, shown in reports; each has its own.", "報告書に表示する名前。署名者毎に異なるもの。"),
    (
        "Public keys, any of which signs for the principal; `kiwame key show` prints them.",
        "公開鍵。どれか一つの署名があればその署名者の署名とみなす。`kiwame key show` が表示する。",
    ),
    ("Roles in which it signs, as rules ask for them.", "署名者の役割。規則が求める名前。"),
    ("That the keys no longer count, if they do not.", "鍵が失効している場合、その旨。"),
    ("Why; of a compromise no date helps.", "理由。漏洩(compromise)の場合は日付に関わらず認めない。"),
    (
        "From when on the keys no longer count; always without, and always of a compromise.",
        "失効の時刻。無い場合と漏洩の場合は常に失効とする。",
    ),
    (
        "What is asked of each product; there is one rule for a product, and nothing counts without.",
        "製品毎の条件。一つの製品に一つの規則が必要で、規則の無い製品は何も認めない。",
    ),
    ("The maker, exactly as the manifest has it.", "製造者。マニフェストの表記と一字一句同じもの。"),
    ("The model, exactly as the manifest has it.", "機種。マニフェストの表記と一字一句同じもの。"),
    ("The release, exactly; any without.", "リリース。表記どおり。無ければどれでもよい。"),
    ("Role that signers must have.", "署名者に求める役割。"),
    (
        "How many distinct principals must have signed, 1 or more.",
        "署名が必要な、互いに異なる署名者の人数。1 以上。",
    ),
    (
        "Floor of the security version: no release below it is accepted.",
        "セキュリティ版の下限。これを下回るリリースは受け入れない。",
    ),
    (
        "Take every image apart, even when its whole digest matches.",
        "全体のダイジェストが一致しても、常にイメージを分解して調べる。",
    ),
    (
        "Where a manifest need not be complete: what is understood and no program, up to a cap or by digest.",
        "マニフェストが全てを記さなくてよい場所。解釈できてプログラムでないものを、上限まで又はダイジェストにより認める。",
    ),
    ("Whole segments; everything at and below it.", "経路の区切り単位。その場所と、その下の全て。"),
    (
        "Cap in bytes, over all that is accepted there. This or `sha256` is needed.",
        "そこで認めるもの全体の上限(バイト)。これ又は `sha256` が必要。",
    ),
    ("Digests of what is accepted.", "認めるもののダイジェスト。"),
    (
        "Where bytes that nobody explains are accepted, up to a cap or by digest; programs by digest only.",
        "説明の付かないバイトを、上限まで又はダイジェストにより認める場所。プログラムはダイジェストによってのみ認める。",
    ),
    (
        "Where the maker's rule `any`, and whatever else nobody judges, is accepted, up to a cap.",
        "製造者の規則 `any` や、その他判定されないものを、上限まで認める場所。",
    ),
    (
        "Where a container that is packed anew is accepted, if its normal form is equal.",
        "正規形が等しければ、圧縮や格納のやり直しを認める場所。",
    ),
    ("The channel that is accepted.", "認める系列。"),
    (
        "The hardware revisions that are accepted, of a manifest that names some.",
        "マニフェストがハードウェア改訂を記す場合に認めるもの。",
    ),
    (
        "What the configuration of the device is: what decides what may start or who may log in, value by value. `kiwame settings` writes them.",
        "機器の設定。起動やログインの可否を決めるものを一つずつ記す。`kiwame settings` が書き出す。",
    ),
    (
        "The component: its whole path, as `kiwame settings` writes it.",
        "要素の完全なパス(`kiwame settings` の出力どおり)。",
    ),
    ("Whether it is there.", "有無。"),
    ("Whether a setting is there.", "設定の有無。"),
    ("It is.", "有る。"),
    ("It may be.", "有ってもよい。"),
    ("It is not.", "無い。"),
    (
        "What its value may be, any of these; `bytes` is none. What decides what may start takes `exactly` and `enum` only.",
        "認める値。いずれか一つに合えばよい。`bytes` は使えない。起動の可否を決めるものには `exactly` と `enum` のみ。",
    ),
    (
        "Digests of its value, any of these; a program by its digest only.",
        "認める値のダイジェスト。いずれか一つに合えばよい。プログラムはダイジェストによってのみ認める。",
    ),
    (
        "Entries of a list that are all there, as a database of certificates has them.",
        "一覧に必ず有る項目(証明書データベースの項目など)。",
    ),
    ("Entries of a list that may be there too.", "一覧に有ってもよい項目。"),
    (
        "Entries that nobody has listed may be there too: only in a list that forbids, such as `dbx`.",
        "挙げていない項目も認める。`dbx` のように禁止するだけの一覧に限る。",
    ),
    (
        "The attributes that it has; those of the reference, or of an ordinary entry, without.",
        "属性。省略時は基準値の属性、または通常の項目の属性。",
    ),
    (
        "What lies where on the medium of a device that its maker does not describe: a dump of one of its sizes is judged part by part.",
        "製造者が記述しない装置の媒体上の配置。大きさの合うダンプを部分毎に判定する。",
    ),
    (
        "What lies where on the medium of a device in which images of several releases lie side by side.",
        "複数のリリースのイメージが並ぶ装置の、媒体上の配置。",
    ),
    ("Its name, for people.", "人のための名前。"),
    ("What lies in a part of a device.", "装置の部分の内容。"),
    ("Erased bytes.", "消去状態のバイト。"),
    (
        "Whatever is no program; nobody judges it. Of a maker's device it affirms only where the policy names the part too (`accept-any`).",
        "プログラムでない任意の内容。判定しない。製造者の装置では、ポリシーもその部分を記す場合(`accept-any`)にのみ認める。",
    ),
    ("Bytes that its medium may have.", "媒体が持ち得る大きさ(バイト)。"),
    ("What an erased byte of the medium holds.", "消去状態のバイトの値。"),
    (
        "What lies on it. What no part takes is erased.",
        "媒体上の部分。どの部分にも属さない所は消去状態とする。",
    ),
    (
        "Its name: the path of what lies there begins with `part:` and the name.",
        "名前。そこに有るもののパスは `part:` と名前で始まる。",
    ),
    ("Where it begins, in bytes.", "開始位置(バイト)。"),
    (
        "The product of which a release lies there, `VENDOR/MODEL`; it is judged by the rule for it.",
        "そこに有るリリースの製品(`VENDOR/MODEL`)。その製品の規則により判定する。",
    ),
    ("Name of the release's image; any of them without.", "リリースのイメージの名前。無ければどれでもよい。"),
    ("Floor of the security version there.", "そこでのセキュリティ版の下限。"),
    ("Digests of what may lie there.", "そこに有ってよいもののダイジェスト。"),
    (
        "What lies there where no product does: erased bytes, or whatever is no program, which nobody judges.",
        "製品の無い部分の内容。消去状態(erased)、又はプログラムでない任意の内容(any。判定しない)。",
    ),
    (
        "Where devices may differ, and how far, for what the maker does not describe. Where the maker's own rules reach a place too, both must hold.",
        "製造者が記述しない部分について、機器毎に異なってよい場所と範囲。製造者の規則も及ぶ場所では両方を満たすこと。",
    ),
    (
        "Manifests that no longer count, by the digest of payload type and payload that `manifest show` prints.",
        "失効したマニフェスト。`manifest show` が表示する、種別と内容のダイジェストで記す。",
    ),
    ("Differences that somebody lives with for a time.", "期限を付けて受け入れる相違。"),
    ("Id of the finding.", "所見の識別子。"),
    ("The component: its whole path, as the finding has it.", "構成要素。所見に示された経路の全体。"),
    (
        "The value that is lived with: the finding's `actual`, of a fact `mode=4755`, empty for what is missing. Without it the finding becomes a warning at best.",
        "受け入れる値。所見の `actual`(属性は `mode=4755` の形、無いものは空)。記さなければ要確認より良くはならない。",
    ),
    ("Why, for people.", "人が読むための理由。"),
    ("Until when.", "期限。"),
    // Forms.
    (
        "A name that can stand in `VENDOR/MODEL@RELEASE`: no `/`, no `@`, no control character.",
        "`VENDOR/MODEL@RELEASE` に使える名前。`/`、`@`、制御文字を含まない。",
    ),
    (
        "A path of the report, by whole segments: everything at and below it. `inspect` prints the paths of an image.",
        "報告書に現れる経路。区切り単位で、その場所とその下の全てを指す。イメージの経路は `inspect` が表示する。",
    ),
    ("A path, or `/` for everything.", "経路。`/` は全体。"),
    ("A SHA-256 in lower-case hexadecimal, 64 digits.", "SHA-256。小文字の 16 進 64 桁。"),
    ("A time in UTC as in RFC 3339, to the second.", "RFC 3339 による UTC の時刻。秒まで。"),
    (
        "An Ed25519 public key: `ed25519:` and 64 hexadecimal digits, or the text of a PEM file (SubjectPublicKeyInfo).",
        "Ed25519 の公開鍵。`ed25519:` と 16 進 64 桁、又は PEM ファイル(SubjectPublicKeyInfo)の内容。",
    ),
    ("What a value may be: one of the grammars below.", "値として認めるもの。下の文法のいずれか。"),
    (
        "A name, in which `*` stands for any part of one name and `#` for a hexadecimal digit; a pattern has three letters or digits beside them.",
        "名前。`*` は一つの名前の任意の部分、`#` は 16 進の一桁を表す。これらを使う場合は他に三字以上の英数字が必要。",
    ),
    ("A digest algorithm.", "ダイジェストの方式。"),
    ("SHA-256, FIPS 180-4.", "SHA-256(FIPS 180-4)。"),
    ("SHA-384, FIPS 180-4.", "SHA-384(FIPS 180-4)。"),
    ("SHA-512, FIPS 180-4.", "SHA-512(FIPS 180-4)。"),
    ("A format that kiwame opens.", "kiwame が開ける形式。"),
    ("How a settings file is read, key by key.", "設定ファイルの読み方(キー毎)。"),
    (
        "OpenWrt's Unified Configuration Interface: `config`, `option`, `list`.",
        "OpenWrt の Unified Configuration Interface(`config`、`option`、`list`)。",
    ),
    ("`KEY=value`, a line each, where nothing is expanded.", "一行に一つの `KEY=value`。展開は行われない。"),
    ("`[section]`, and `key = value` in it.", "`[section]` と、その中の `key = value`。"),
    (
        "Lines of fields between colons; the first field is the key.",
        "コロンで区切った項目の行。先頭の項目がキー。",
    ),
    ("JSON.", "JSON。"),
    ("One line, which is the value.", "値である一行。"),
    ("A rule for a place where devices may differ.", "機器毎に異なってよい場所の規則。"),
    (
        "Settings by name, each with a grammar for its value. Whatever else is there equals the reference.",
        "名前を挙げた設定。それぞれの値に文法を定める。それ以外は基準値と等しくなければならない。",
    ),
    (
        "Fields of a header by name, each with a grammar for its value.",
        "名前を挙げたヘッダー項目。それぞれの値に文法を定める。",
    ),
    (
        "Files by name. Whatever else is there equals the reference.",
        "名前を挙げたファイル。それ以外は基準値と等しくなければならない。",
    ),
    ("Erased bytes, and nothing else.", "消去状態のバイトのみ。"),
    (
        "Anything up to a cap. It affirms only where the policy names the place too (`accept-any`).",
        "上限まで何でもよい。ポリシーもその場所を挙げる(`accept-any`)場合にだけ一致と判定する。",
    ),
    ("What a device does with an erased store.", "消去状態の記憶域に対する機器の動作。"),
    ("The device does not run as it should: a difference.", "機器は正しく動かない。相違とする。"),
    ("A person must look.", "人の確認を要する。"),
    (
        "It takes defaults that are part of the release: within the rule.",
        "リリースに含まれる既定値を使う。規則の範囲内とする。",
    ),
    ("Why keys no longer count.", "鍵が失効した理由。"),
    (
        "Somebody else may have the key: it never counts, whatever date anybody gives (RULES 21).",
        "漏洩。他者が鍵を持つ恐れがあり、日付に関わらず認めない(RULES 21)。",
    ),
    ("Another key took its place.", "別の鍵に交換した。"),
    ("Its owner signs no more.", "持ち主が署名をやめた。"),
    (
        "What kind of finding it is; `docs/findings.md` lists them.",
        "所見の種類。一覧は `docs/findings.md` に有る。",
    ),
    // Grammars.
    (
        "One of these words; one of them may be a list of words with single spaces between them, as the order of two slots is. What chooses what boots needs one.",
        "これらの語のいずれか。起動順のように、空白一つで区切った語の並びも一つの語として書ける。起動するものを選ぶ値にはこれが必要。",
    ),
    ("Decimal digits, one at least.", "10 進の数字。一桁以上。"),
    ("Hexadecimal digits in either case, one at least.", "16 進の数字(大小文字とも)。一桁以上。"),
    (
        "Letters, digits and `._+@:-`, one at least, the first a letter, a digit, a dot or `_`; not dots alone.",
        "英数字と `._+@:-`。一字以上で、先頭は英数字、ドット、`_` のいずれか。ドットだけは不可。",
    ),
    (
        "A decimal number from the first to the second, as it is written: no sign, no leading zero.",
        "範囲内の 10 進数。符号と先頭の 0 は不可。",
    ),
    ("Six pairs of hexadecimal digits with colons between them.", "16 進二桁六組をコロンで区切ったもの。"),
    ("A binary number of one byte, from the first to the second.", "1 バイトの二進数。範囲内。"),
    (
        "A binary number of two bytes, little-endian, from the first to the second.",
        "2 バイトの二進数(リトルエンディアン)。範囲内。",
    ),
    (
        "A binary number of four bytes, little-endian, from the first to the second.",
        "4 バイトの二進数(リトルエンディアン)。範囲内。",
    ),
    (
        "A binary number of eight bytes, little-endian, from the first to the second.",
        "8 バイトの二進数(リトルエンディアン)。範囲内。",
    ),
    (
        "A level of shim's SBAT: lines of a component and its generation, the first `sbat,1` and a date. Each of these components is there with this generation or a later one; what else is listed only forbids more.",
        "shim の SBAT レベル。構成要素と世代を一行毎に記し、先頭行は `sbat,1` と日付。ここに挙げた構成要素が、この世代以降で全て有ること。他の行は禁止を増やすだけである。",
    ),
    (
        "These bytes and no others, in lower-case hexadecimal; none at all where nothing stands behind the colon.",
        "小文字 16 進で示したバイトそのもの。コロンの後が空なら 0 バイト。",
    ),
    (
        "Anything, also nothing. Nobody judges it, so that it affirms only where the policy names the place (`accept-any`).",
        "何でもよい(空も可)。判定されないため、ポリシーがその場所を挙げる(`accept-any`)場合にだけ一致と判定する。",
    ),
];
