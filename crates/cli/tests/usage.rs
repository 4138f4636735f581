//! Help, manuals and complaints about the command line, in both languages.

use std::fs;
use std::process::{Command, Output};

/// Runs the command in a locale, in a folder of its own, on a terminal of 80 columns.
fn run_in(locale: &str, arguments: &[&str]) -> Output {
    let place = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_kiwame"));
    command.current_dir(place.path()).env("LC_ALL", locale).env("COLUMNS", "80").args(arguments);
    command.output().unwrap()
}

fn run(arguments: &str) -> Output {
    run_in("C.UTF-8", &arguments.split_whitespace().collect::<Vec<_>>())
}

#[track_caller]
fn shows(arguments: &str) -> String {
    let output = run(arguments);
    assert_eq!(output.status.code(), Some(0), "{arguments}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Asks for what is wrong, in both languages: each has to have these words, and Japanese the usage and where to read on.
#[track_caller]
fn refuses(arguments: &str, english: &str, japanese: &[&str]) {
    let output = run(arguments);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{arguments}: {said}");
    assert!(said.starts_with("error: ") && said.contains(english), "{arguments}: {said}");

    let output = run_in("ja_JP.UTF-8", &arguments.split_whitespace().collect::<Vec<_>>());
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{arguments}: {said}");
    assert!(output.stdout.is_empty() && said.starts_with("kiwame: "), "{arguments}: {said}");
    for words in japanese.iter().chain(&["\n使い方: kiwame ", "\n詳しくは `kiwame ", " --help` を参照。\n"])
    {
        assert!(said.contains(words), "{arguments}: {words} in {said}");
    }
    for words in ["error", "Usage", "OPTIONS", "COMMAND", "try"] {
        assert!(!said.contains(words), "{arguments}: {words} in {said}");
    }
}

const VERBS: [&str; 13] = [
    "inspect",
    "attest",
    "verify",
    "lot",
    "diff",
    "key",
    "manifest",
    "policy",
    "report",
    "completions",
    "man",
    "describe",
    "settings",
];

#[test]
fn help_is_in_the_language_of_the_option_or_else_of_the_locale() {
    let (english, japanese) = ("Usage: kiwame verify", "使い方: kiwame verify");
    for (locale, arguments, words) in [
        ("C.UTF-8", "verify --help", english),
        ("C.UTF-8", "verify --help --lang ja", japanese),
        ("C.UTF-8", "--lang=ja verify -h", japanese),
        ("C.UTF-8", "help verify --lang ja", japanese),
        ("C.UTF-8", "help --lang ja verify", japanese),
        ("C.UTF-8", "help policy new --lang ja", "使い方: kiwame policy new"),
        ("C.UTF-8", "policy help new --lang ja", "使い方: kiwame policy new"),
        ("ja_JP.UTF-8", "verify -h", japanese),
        ("ja_JP.UTF-8", "help verify", japanese),
        ("ja_JP.UTF-8", "verify --help --lang en", english),
        ("ja_JP.UTF-8", "verify --help --lang fr", japanese),
        ("C.UTF-8", "verify --help -- --lang ja", english),
    ] {
        let output = run_in(locale, &arguments.split(' ').collect::<Vec<_>>());
        let shown = String::from_utf8_lossy(&output.stdout);
        assert_eq!(output.status.code(), Some(0), "{locale} {arguments}");
        assert!(shown.contains(words), "{locale} {arguments}: {shown}");
    }
}

#[test]
fn the_first_locale_that_is_set_decides() {
    let shown = |variables: &[(&str, &str)]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_kiwame"));
        for name in ["LC_ALL", "LC_MESSAGES", "LANG"] {
            command.env_remove(name);
        }
        let output = command.envs(variables.iter().copied()).arg("-h").output().unwrap();
        String::from_utf8(output.stdout).unwrap().contains("使い方:")
    };
    assert!(shown(&[("LANG", "ja_JP.UTF-8")]));
    assert!(shown(&[("LANG", "C"), ("LC_MESSAGES", "ja_JP.UTF-8")]));
    assert!(!shown(&[("LC_ALL", "C"), ("LC_MESSAGES", "ja_JP.UTF-8")]));
    assert!(!shown(&[]));
}

#[test]
fn every_help_fits_the_terminal_and_ends_with_examples() {
    for verb in VERBS {
        for lang in ["en", "ja"] {
            let shown = shows(&format!("{verb} --help --lang {lang}"));
            let examples = if lang == "en" { "\nExamples:\n" } else { "\n例:\n" };
            let (_, below) = shown.split_once(examples).unwrap_or_else(|| panic!("{verb} {lang}: {shown}"));
            assert!(below.lines().any(|line| line.contains("kiwame ")), "{verb} {lang}: {shown}");
            for line in shown.lines().filter(|line| !line.contains("sage: ")) {
                // Japanese signs take two columns.
                let columns: usize = line.chars().map(|sign| if sign.is_ascii() { 1 } else { 2 }).sum();
                assert!(columns <= 80, "{verb} {lang}: {line}");
            }
        }
    }
}

#[test]
fn without_a_verb_there_is_help_on_the_stream_of_complaints() {
    for (arguments, words) in [
        ("", "Usage: kiwame [OPTIONS] <COMMAND>"),
        ("--lang ja", "使い方: kiwame [オプション] <コマンド>"),
        ("key --lang ja", "使い方: kiwame key [オプション] <コマンド>"),
        ("--lang en policy", "Usage: kiwame policy [OPTIONS] <COMMAND>"),
    ] {
        let output = run(arguments);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments}: {said}");
        assert!(output.stdout.is_empty() && said.contains(words), "{arguments}: {said}");
    }
}

#[test]
fn an_argument_that_nobody_knows_is_named_with_its_like() {
    refuses(
        "verify a --maniest b",
        "'--manifest'",
        &["「--maniest」という引数は無い", "「--manifest」の誤り"],
    );
    refuses(
        "verify a --foo",
        "'--foo' found",
        &["「--foo」という引数は無い", "前に `--` を置く", "kiwame verify --help"],
    );
    refuses("--expect A/B verify a", "'verify --expect' exists", &["「verify --expect」であれば有る"]);
    refuses("diff a b c", "unexpected argument 'c'", &["余分な値「c」がある", "この値を除く"]);
}

#[test]
fn a_verb_that_nobody_knows_is_named_with_its_like() {
    refuses("insect a", "'inspect'", &["「insect」というコマンドは無い", "「inspect」の誤り"]);
    refuses(
        "key nwe",
        "unrecognized subcommand 'nwe'",
        &["「nwe」というコマンドは無い", "指定する:new、show\n"],
    );
    refuses("help nothing", "unrecognized subcommand", &["「nothing」というコマンドは無い"]);
}

#[test]
fn what_is_missing_is_listed() {
    refuses("verify", "<IMAGE|DIR>...", &["必要な引数が無い:<IMAGE|DIR>...", "これを加えて"]);
    refuses("attest a", "--describe <TOML>", &["--describe <TOML>、--key <KEY>、--output <MANIFEST>"]);
    refuses("inspect a --report", "none was supplied", &["「--report <FILE>」に値が無い", "値を後に書く"]);
    refuses(
        "-q",
        "requires a subcommand",
        &["コマンドの指定が無い", "指定する:inspect、describe、attest、verify、"],
    );
}

#[test]
fn a_value_that_cannot_be_is_named_with_those_that_can() {
    let values = "指定する:auto、always、never";
    refuses(
        "inspect a --color red",
        "auto, always, never",
        &["「--color <WHEN>」の値「red」は使えない", values],
    );
    refuses("inspect a --color", "auto, always, never", &["「--color <WHEN>」に値が無い", values]);
    refuses("inspect a --format pdf", "text, json", &["指定する:text、json"]);
    refuses("inspect a --lang fr", "en, ja", &["指定する:en、ja"]);
    refuses(
        "inspect a --limit space",
        "such as space=",
        &["NAME=VALUE の形でない", "space=268435456 のように"],
    );
    refuses("inspect a --limit space=x", "`x` is not a whole number", &["「space=x」は使えない:整数でない"]);
    refuses("inspect a --jobs 0", "whole number from 1 up", &["1 以上の整数でない", "1 以上の整数を書く"]);
    refuses("lot a --ordered -1", "unexpected argument '-1'", &["「-1」という引数は無い"]);
    refuses(
        "lot a --ordered many",
        "`many` is not a whole number",
        &["「many」は使えない:整数でない", "0 以上の整数"],
    );
    refuses("verify a --deep=1", "no more were expected", &["「--deep」は値を取らないが、値「1」がある"]);
}

#[test]
fn what_excludes_each_other_is_named() {
    let both = "「--policy <POLICY>」と同時に使えない";
    refuses(
        "verify a --key k --policy p",
        "cannot be used with",
        &["「--key <KEY>」は", both, "どちらか一方"],
    );
    refuses(
        "verify a --policy p --policy q",
        "multiple times",
        &["「--policy <POLICY>」が二度以上", "一つだけ"],
    );
}

#[test]
fn what_the_user_typed_does_nothing_to_the_terminal() {
    let output = run_in("ja_JP.UTF-8", &["verify", "--a\u{1b}[2J\u{202e}"]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("--a") && !said.contains('\u{1b}') && !said.contains('\u{202e}'), "{said}");
}

#[cfg(unix)]
#[test]
fn what_is_no_text_is_refused() {
    use std::os::unix::ffi::OsStrExt as _;
    for (locale, words) in [("C.UTF-8", "invalid UTF-8"), ("ja_JP.UTF-8", "UTF-8 として読めない")] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_kiwame"));
        command.env("LC_ALL", locale).args(["verify", "a", "--expect"]);
        let output = command.arg(std::ffi::OsStr::from_bytes(b"\xff")).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.code() == Some(2) && said.contains(words), "{said}");
    }
}

#[test]
fn manuals_are_text_in_both_languages_with_the_verbs_below() {
    let manual = shows("man policy");
    for words in
        ["Usage: kiwame policy new", "Usage: kiwame policy explain", "\nEvery field of policy.toml:\n"]
    {
        assert!(manual.contains(words), "{words} in {manual}");
    }
    assert!(manual.lines().all(|line| !line.starts_with('.') && !line.contains("\\-")), "{manual}");
    let manual = shows("man policy --lang ja");
    for words in ["使い方: kiwame policy new", "\npolicy.toml の全項目:\n", "\nrule[].accept-any[]\n"]
    {
        assert!(manual.contains(words), "{words} in {manual}");
    }
    // What goes for all verbs stands there once.
    assert_eq!(manual.matches("--engine <ENGINE>").count(), 1);
    assert!(shows("man --lang ja").contains("終了コード:"));
    for (lang, words) in [("en", "is no verb of kiwame"), ("ja", "kiwame のコマンドでも")] {
        let output = run(&format!("man nothing --lang {lang}"));
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.code() == Some(2) && said.contains(words), "{said}");
    }
}

#[test]
fn pages_for_man_are_written_in_both_languages() {
    for (lang, headings) in [("en", ["NAME", "NOTES", "FIELDS"]), ("ja", ["名前", "補足", "全項目"])] {
        let place = tempfile::tempdir().unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_kiwame"));
        command.current_dir(place.path()).args(["man", "-o", ".", "--lang", lang]);
        assert!(command.status().unwrap().success());
        let page = |name: &str| fs::read_to_string(place.path().join(name)).unwrap();
        for heading in headings {
            assert!(page("kiwame-policy.1").contains(&format!(".SH {heading}\n")), "{lang} {heading}");
        }
        assert!(page("kiwame-policy.1").contains("\n\\&rule[].accept\\-any[]\n"));
        assert!(page("kiwame-policy-new.1").contains("\n\\&  kiwame policy new \\-\\-key"));
        let value =
            if lang == "en" { "\ntext: For people\n" } else { "\n.br\n\\- text: 人が読む形式\n" };
        assert!(page("kiwame-verify.1").contains(value), "{lang}");
        // A table keeps its lines.
        assert!(page("kiwame.1").contains("\n\\&  70  "));
        assert!(!place.path().join("kiwame-core.1").exists(), "what is hidden has no page");
    }
}

#[test]
fn the_fields_of_what_people_write_are_told_in_their_language() {
    for (file, field, words) in [
        ("policy.toml", "rule[].threshold", "互いに異なる署名者の人数"),
        ("firmware.toml", "mutable[].max-bytes", "上限(バイト)"),
    ] {
        let english = shows(&format!("man {file}"));
        let japanese = shows(&format!("man {file} --lang ja"));
        let fields = |text: &str| -> Vec<String> {
            text.lines().filter(|line| !line.starts_with(' ') && line.is_ascii()).map(str::to_owned).collect()
        };
        assert!(fields(&japanese).iter().any(|line| line == field), "{japanese}");
        let told = |text: &str| {
            fields(text).into_iter().filter(|line| line != "Forms" && line != "Grammars").collect::<Vec<_>>()
        };
        assert_eq!(told(&english), told(&japanese), "the same fields");
        assert!(japanese.contains(words) && !japanese.contains("; optional"), "{japanese}");
        assert!(!shows(&format!("man {file}")).contains(words));
    }
    assert!(shows("man policy --lang ja").contains("policy.toml の全項目:\n"));
    assert!(shows("man report --lang ja").contains("report.json の全項目(英語):\n"));
}
