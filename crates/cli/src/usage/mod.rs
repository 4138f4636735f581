//! Reading the command line, and what the command says about its own use: help, and what is wrong with a line that cannot
//! be read. Both in two languages.

pub(crate) mod examples;
mod japanese;
mod language;
mod lines;
mod mistakes;
mod tree;

use std::ffi::OsString;

use clap::FromArgMatches as _;
use clap::error::ErrorKind;
use kiwame_report::escape_line;

use crate::args::{Command, Lang};
use crate::output;
use crate::problems::UNUSABLE;
pub(crate) use lines::fitted;
pub(crate) use tree::command;

/// Reads the command line. Where there is nothing left to do, help has been printed or a complaint made, and what comes
/// back is the exit code.
pub(crate) fn parse() -> Result<Command, u8> {
    let line: Vec<_> = std::env::args_os().collect();
    let lang = language::of(&line);
    let line = language::without_it_behind_help(line);
    let read = read(&line, lang).map_err(|error| match error.kind() {
        // The language alone is as good as nothing: help is given.
        ErrorKind::MissingSubcommand => again_without_language(&line, lang).unwrap_or(error),
        _ => error,
    });
    match read {
        Ok(mut command) => {
            command.common.lang = Some(lang);
            Ok(command)
        }
        Err(error) => {
            let said = match lang {
                Lang::En => in_english(&error, &line),
                Lang::Ja => in_japanese(&error, &line),
            };
            // Help that went nowhere was not given.
            Err(if error.use_stderr() || !said { UNUSABLE } else { 0 })
        }
    }
}

/// The same in the parser's own words. Words of the line may be names of somebody's files: what a terminal would obey is made
/// visible, by reading the line once more with it.
fn in_english(error: &clap::Error, line: &[OsString]) -> bool {
    let shown: Vec<_> = line.iter().map(|word| escape_line(&word.to_string_lossy()).into()).collect();
    let shown = if shown == line { None } else { read(&shown, Lang::En).err() };
    match shown {
        Some(shown) => shown.print().is_ok(),
        None if line.iter().any(|word| word.to_string_lossy().contains(char::is_control)) => {
            output::say(escape_line(&error.to_string().replace('\n', " ")).as_bytes());
            output::say(b"\n");
            true
        }
        None => error.print().is_ok(),
    }
}

fn read(line: &[OsString], lang: Lang) -> Result<Command, clap::Error> {
    let mut command = command(lang);
    let matches = command.try_get_matches_from_mut(line)?;
    Command::from_arg_matches(&matches).map_err(|error| error.format(&mut command))
}

fn again_without_language(line: &[OsString], lang: Lang) -> Option<clap::Error> {
    read(&language::without_it(line, 0), lang).err()
}

/// Prints help, or says what is wrong. False when it could not be printed.
fn in_japanese(error: &clap::Error, line: &[OsString]) -> bool {
    let rendered = || {
        let text = error.render();
        let colours =
            if error.use_stderr() { console::colors_enabled_stderr() } else { console::colors_enabled() };
        fitted(&if colours { text.ansi().to_string() } else { text.to_string() }, Lang::Ja)
    };
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => output::print(rendered().as_bytes()).is_ok(),
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            output::say(rendered().as_bytes());
            true
        }
        _ => {
            output::say(mistakes::japanese(error, line).as_bytes());
            true
        }
    }
}
