//! What the command itself has to complain about, as opposed to what the core finds: files that cannot be read or written,
//! and bugs.

use std::fmt::Display;
use std::io;
use std::path::Path;

use kiwame_image::{Problem, Text, Words};

/// Usage, no input, or a file that cannot be read or written.
pub(crate) const UNUSABLE: u8 = 2;
/// A bug of ours.
pub(crate) const BUG: u8 = 70;

const OTHER_OUTPUT: Text = Text::new("Choose another name for the output.", "出力に別の名前を付ける。");
const PRIVATE: Text = Text::new(
    "Give the private key that `kiwame key new` wrote.",
    "kiwame key new が作成した秘密鍵を指定する。",
);
const REPORT_IT: Text = Text::new(
    "This is a bug in kiwame, and the image was not judged; please report it with the version.",
    "kiwame の不具合であり、イメージは判定していない。版と共に報告を乞う。",
);

kiwame_image::problems! {
    /// All of them.
    ALL:
    /// The core broke.
    CORE_STOPPED = "kiwame/stopped", 70, "{what}", "内部エラー:{what}", REPORT_IT;
    /// The file is not there, or may not be read.
    UNREADABLE = "file/unreadable", 2, "cannot be read: {why}", "読み取れない:{why}",
        Text::new(
            "Check that the medium can be read; nothing has been written.",
            "媒体を読み取れるかを確かめる。何も書き込んでいない。",
        );
    /// A folder where a file is needed, or one without an image in it.
    FOLDER = "file/folder", 2, "is a directory in which no image can be read",
        "ディレクトリであり、読み取れるイメージが無い",
        Text::new(
            "Give the image or document itself, or the folder that holds the dumps.",
            "イメージ又は文書そのものか、ダンプを収めたフォルダーを指定する。",
        );
    /// A file is another one than at the start of the run.
    CHANGED = "file/changed-meanwhile", 2, "changed while it was read", "読取り中に変化した",
        Text::new(
            "Take a copy that nothing writes to, and run again.",
            "書込みの無い複製を作り、再実行する。",
        );
    /// What can be read once is needed twice.
    ONCE = "file/read-once", 2, "given twice, and it can be read only once", "二度指定されているが、一度しか読めない",
        Text::new("Give each image once.", "各イメージを一度だけ指定する。");
    /// An output cannot be written.
    UNWRITABLE = "output/unwritable", 2, "cannot be written: {why}", "書き込めない:{why}",
        Text::new(
            "Make room or choose another place; nothing was left there.",
            "空きを作るか、別の場所を選ぶ。そこには何も残していない。",
        );
    /// Standard output cannot be written.
    NO_OUTPUT = "output/stdout", 2, "standard output cannot be written: {why}", "標準出力に書き込めない:{why}",
        Text::new("Make room, or send the output elsewhere.", "空きを作るか、出力先を変える。");
    /// Nothing is replaced without being told.
    EXISTS = "output/exists", 2, "exists already, and was left as it is", "既に存在するため、そのままにした",
        Text::new(
            "Choose another name, or give --force to replace it.",
            "別の名前にするか、置き換える場合は --force を付ける。",
        );
    /// An output is an input.
    IS_INPUT = "output/is-input", 2, "is the {kind} {other} itself", "{kind} {other} そのものである", OTHER_OUTPUT;
    /// Two outputs have one name.
    TWICE = "output/twice", 2, "is written twice", "二度書き込むことになる", OTHER_OUTPUT;
    /// An output lies where images are looked for.
    AMONG_IMAGES = "output/among-images", 2, "lies in the folder of images {folder}",
        "イメージのフォルダー {folder} の中に有る",
        Text::new(
            "Write it somewhere else; the next run would take it for a unit.",
            "別の場所に書き込む。次の実行時に個体と見なされる。",
        );
    /// The name of a summary says how it is written.
    SUMMARY_NAME = "output/summary-name", 2, "what to write is not known by this name",
        "この名前では出力形式が分からない",
        Text::new("End the name in .csv, .html, .json or .md.", "名前の末尾を .csv、.html、.json、.md のいずれかとする。");
    /// The list of what was ordered is empty.
    EMPTY_SERIALS = "serials/empty", 2, "is empty; expected one serial number a line", "空である(一行に一つの製造番号が必要)",
        Text::new("Give the list of what was ordered.", "注文品の一覧を指定する。");
    /// No randomness for a key.
    NO_RANDOMNESS = "key/no-randomness", 2, "the operating system gave no randomness: {why}",
        "OS から乱数を得られない:{why}",
        Text::new("Make the key on another machine.", "別の機械で鍵を作る。");
    /// Further readings, and what was not read, are of one chip.
    OF_ONE_CHIP = "option/one-chip", 2, "is of one chip: give one image, and no folder, beside it",
        "一つのチップに関するもの。イメージを一つだけ指定する(フォルダは不可)",
        Text::new("Verify each chip by itself.", "チップ毎に検証する。");
    /// A file that is given as a reading of itself.
    SAME_FILE = "option/same-file", 2, "is the image itself, and no other reading of its chip",
        "イメージそのものであり、別の読取結果ではない",
        Text::new("Read the chip once more, into another file.", "チップをもう一度読み取り、別のファイルに保存する。");
    /// No private key.
    NOT_PRIVATE = "key/not-private", 2, "is no Ed25519 private key (PKCS#8): {why}",
        "Ed25519 の秘密鍵(PKCS#8)でない:{why}", PRIVATE;
    /// A private key where its public half is meant.
    PRIVATE_KEY = "key/private", 2, "holds a private key; a public one is needed",
        "秘密鍵を含む(必要なのは公開鍵)",
        Text::new(
            "Give the public half (NAME.pub, or what `kiwame key show` prints). If somebody handed you this file, tell its owner: anybody who has it can sign.",
            "公開鍵(NAME.pub、又は kiwame key show の出力)を指定する。他から渡されたものであれば持ち主に知らせる。持つ者は誰でも署名できる。",
        );
    /// The key has signed before.
    SIGNED_ALREADY = "key/signed-already", 2, "has signed this already; a second signature would say nothing",
        "既に署名している。二つ目の署名は意味を持たない", Text::new("Sign with another key.", "別の鍵で署名する。");
    /// More signatures than are read.
    TOO_MANY = "key/too-many", 2, "{found} signatures, at most {limit} are accepted", "署名が {found} 件有る(上限 {limit})",
        Text::new("Leave the others out.", "超えた分を除く。");
    /// Nothing has a manual page of that name.
    NO_PAGE = "option/no-page", 2, "is no verb of kiwame, and no file that it reads", "kiwame のコマンドでも、読み取るファイルの名前でもない",
        Text::new(
            "See kiwame --help for the verbs, and kiwame man --help for the files.",
            "コマンドは kiwame --help、ファイルは kiwame man --help を参照。",
        );
}

/// A bug of ours.
pub(crate) fn bug(what: impl Display) -> Problem {
    Problem::new(&CORE_STOPPED).arg("what", Words::plain(what))
}

/// A problem with a file.
pub(crate) fn with(kind: &'static kiwame_image::ProblemKind, path: &Path) -> Problem {
    Problem::new(kind).of(&path.display().to_string())
}

/// A file that cannot be read.
pub(crate) fn unreadable(path: &Path, error: &io::Error) -> Problem {
    let problem = with(&UNREADABLE, path).arg("why", why(error));
    match error.kind() {
        io::ErrorKind::NotFound => problem.then(Text::new(
            "Check the path; nothing has been read or written.",
            "パスを確かめる。何も読み書きしていない。",
        )),
        io::ErrorKind::PermissionDenied => problem.then(Text::new(
            "Ask for read permission, or run as its owner.",
            "読取りの権限を得るか、所有者として実行する。",
        )),
        _ => problem,
    }
}

/// What the operating system says.
pub(crate) fn why(error: &io::Error) -> Words {
    let japanese = match error.kind() {
        io::ErrorKind::NotFound => "存在しない",
        io::ErrorKind::PermissionDenied => "権限が無い",
        io::ErrorKind::AlreadyExists => "既に存在する",
        io::ErrorKind::IsADirectory => "ディレクトリである",
        io::ErrorKind::NotADirectory => "途中がディレクトリでない",
        io::ErrorKind::StorageFull => "空き容量が無い",
        io::ErrorKind::ReadOnlyFilesystem => "読取り専用のファイルシステムである",
        io::ErrorKind::QuotaExceeded => "割当て容量を超える",
        io::ErrorKind::FileTooLarge => "ファイルが大き過ぎる",
        io::ErrorKind::InvalidFilename => "ファイル名が不正である",
        io::ErrorKind::UnexpectedEof => "途中で終わっている",
        _ => return Words::plain(error),
    };
    Words::new(error.to_string(), japanese)
}

/// The exit code of several runs: the gravest.
pub(crate) fn gravest(codes: impl IntoIterator<Item = u8>) -> u8 {
    kiwame_report::gravest(codes.into_iter())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mismatch_outweighs_doubt_and_a_bug_outweighs_both() {
        assert_eq!(gravest([0, 0]), 0);
        assert_eq!(gravest([0, 2, 7]), 7);
        assert_eq!(gravest([3, 5, 4]), 4);
        assert_eq!(gravest([4, 1, 0]), 1);
        assert_eq!(gravest([1, 70]), 70);
    }
}
