//! What is wrong with a command line, in Japanese; the parser says it in English only.

use std::error::Error as _;
use std::ffi::OsString;

use clap::Error;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use kiwame_report::escape_line;

use super::lines;
use super::tree;
use crate::args::{Lang, Wrong};

/// What is wrong, what to do, how the verb is used, and where to read on.
pub(super) fn japanese(error: &Error, line: &[OsString]) -> String {
    let mut root = tree::command(Lang::Ja);
    let (verb, command) = named(&mut root, line);
    let (what, next) = said(error, &verbs(command));
    let usage = lines::in_japanese(&command.render_usage().to_string());
    let (what, next) = (escaped(&what), escaped(&next));
    format!("kiwame: {what}\n        {next}\n\n{usage}\n\n詳しくは `{verb} --help` を参照。\n")
}

/// Some of it are the user's words. The marks of names such as `<IMAGE>` do nothing on a terminal.
fn escaped(text: &str) -> String {
    escape_line(text).replace("\\u{3c}", "<").replace("\\u{3e}", ">")
}

/// The verb that the line names, or the command itself.
fn named<'a>(root: &'a mut clap::Command, line: &[OsString]) -> (String, &'a mut clap::Command) {
    let mut name = "kiwame".to_owned();
    let mut at = root;
    for word in line.iter().skip(1).filter_map(|word| word.to_str()) {
        if verbs(at).iter().any(|verb| verb == word) {
            at = at.find_subcommand_mut(word).expect("it is in the list of the verbs");
            name = format!("{name} {word}");
        }
    }
    (name, at)
}

/// The verbs below a command that its help lists.
fn verbs(command: &clap::Command) -> Vec<String> {
    let listed = command.get_subcommands().filter(|verb| verb.get_name() != "help" && !verb.is_hide_set());
    listed.map(|verb| verb.get_name().to_owned()).collect()
}

fn said(error: &Error, verbs: &[String]) -> (String, String) {
    let arg = one(error, ContextKind::InvalidArg);
    let value = one(error, ContextKind::InvalidValue);
    match error.kind() {
        ErrorKind::UnknownArgument if arg.starts_with('-') => {
            (format!("「{arg}」という引数は無い"), for_unknown(error))
        }
        ErrorKind::UnknownArgument => (
            format!("余分な値「{arg}」がある"),
            "この値を除く。空白を含む値であれば、引用符で囲む".to_owned(),
        ),
        ErrorKind::InvalidSubcommand => {
            let verb = one(error, ContextKind::InvalidSubcommand);
            let next = if similar(error).is_empty() { one_of(verbs) } else { for_unknown(error) };
            (format!("「{verb}」というコマンドは無い"), next)
        }
        ErrorKind::MissingSubcommand => ("コマンドの指定が無い".to_owned(), one_of(verbs)),
        ErrorKind::MissingRequiredArgument => {
            let missing = many(error, ContextKind::InvalidArg).join("、");
            (format!("必要な引数が無い:{missing}"), "これを加えて、もう一度実行する".to_owned())
        }
        ErrorKind::InvalidValue if value.is_empty() => {
            (format!("「{arg}」に値が無い"), one_of(&many(error, ContextKind::ValidValue)))
        }
        ErrorKind::InvalidValue => {
            (format!("「{arg}」の値「{value}」は使えない"), one_of(&many(error, ContextKind::ValidValue)))
        }
        ErrorKind::TooManyValues => {
            (format!("「{arg}」は値を取らないが、値「{value}」がある"), "この値を除く".to_owned())
        }
        ErrorKind::ArgumentConflict => conflict(&arg, &many(error, ContextKind::PriorArg)),
        ErrorKind::ValueValidation => {
            let (why, next) = for_value(error);
            (format!("「{arg}」の値「{value}」は使えない:{why}"), next)
        }
        ErrorKind::InvalidUtf8 => (
            "UTF-8 として読めない引数がある".to_owned(),
            "その引数を UTF-8 で書く。ファイル名であれば、ファイル名を変える".to_owned(),
        ),
        // Nothing that can be typed leads here; if it does, English is better than nothing.
        _ => (error.to_string().lines().next().unwrap_or_default().to_owned(), "綴りを確認する".to_owned()),
    }
}

fn conflict(arg: &str, others: &[String]) -> (String, String) {
    if others.iter().all(|other| other == arg) {
        return (format!("「{arg}」が二度以上指定されている"), "一つだけにする".to_owned());
    }
    let others = others.join("」「");
    (format!("「{arg}」は「{others}」と同時に使えない"), "どちらか一方にする".to_owned())
}

/// What to do about a name that nobody knows.
fn for_unknown(error: &Error) -> String {
    let similar = similar(error);
    if !similar.is_empty() {
        return format!("「{}」の誤りでないか確認する", similar.join("」「"));
    }
    let hints: Vec<_> = match error.get(ContextKind::Suggested) {
        Some(ContextValue::StyledStrs(hints)) => hints.iter().map(ToString::to_string).collect(),
        _ => Vec::new(),
    };
    match hints.iter().find_map(|hint| hint.strip_suffix("' exists")?.strip_prefix('\'')) {
        Some(verb) => format!("「{verb}」であれば有る。コマンドの後に書く"),
        None if !hints.is_empty() => "綴りを確認する。ファイル名であれば、前に `--` を置く".to_owned(),
        None => "綴りを確認する".to_owned(),
    }
}

/// Names that are nearly the same.
fn similar(error: &Error) -> Vec<String> {
    let kinds = [ContextKind::SuggestedArg, ContextKind::SuggestedSubcommand];
    kinds.iter().flat_map(|kind| many(error, *kind)).collect()
}

/// Why one of our own forms does not take a value, and which it takes.
fn for_value(error: &Error) -> (String, String) {
    let (why, next) = match error.source().and_then(|source| source.downcast_ref::<Wrong>()) {
        Some(Wrong::Form) => ("NAME=VALUE の形でない", "space=268435456 のように書く"),
        Some(Wrong::Whole(_)) => ("整数でない", "0 以上の整数を書く"),
        Some(Wrong::Count(_)) => ("1 以上の整数でない", "1 以上の整数を書く"),
        None => ("形式が違う", "`--help` で形式を確認する"),
    };
    (why.to_owned(), next.to_owned())
}

fn one_of(values: &[String]) -> String {
    if values.is_empty() {
        return "値を後に書く".to_owned();
    }
    format!("次のいずれかを指定する:{}", values.join("、"))
}

fn one(error: &Error, kind: ContextKind) -> String {
    many(error, kind).into_iter().next().unwrap_or_default()
}

fn many(error: &Error, kind: ContextKind) -> Vec<String> {
    match error.get(kind) {
        Some(ContextValue::String(text)) => vec![text.clone()],
        Some(ContextValue::Strings(texts)) => texts.clone(),
        _ => Vec::new(),
    }
}
