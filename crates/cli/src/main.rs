//! The `kiwame` command: arguments, files, exit codes and private keys. Everything else happens in the core, which
//! runs in a sandbox that can read the files named on the command line and nothing more.

mod args;
mod clock;
mod code;
mod engine;
mod folders;
mod job;
mod keys;
mod lots;
mod machine;
mod output;
mod pages;
mod problems;
mod progress;
mod queue;
mod record;
mod refused;
mod runs;
mod sandbox;
mod sources;
mod usage;
mod verbs;

use kiwame_image::Problem;
use kiwame_report::{Lang, problem_text};
use std::process::ExitCode;

use crate::args::{Command, Engine, Verb};
use crate::problems::BUG;

fn main() -> ExitCode {
    let command = match usage::parse() {
        Ok(command) => command,
        Err(code) => return code.into(),
    };
    if command.common.engine == Engine::Native {
        // Without a sandbox a panic of the core is ours; it must not look like any other exit code.
        std::panic::set_hook(Box::new(|info| {
            let problem = problems::bug(format_args!("the core stopped: {info}"));
            output::say(problem_text(&problem, Lang::English).as_bytes());
            std::process::exit(BUG.into());
        }));
    }
    match run(&command) {
        Ok(code) => code.into(),
        Err(problem) => {
            output::say(problem_text(&problem, command.common.language()).as_bytes());
            problem.exit.into()
        }
    }
}

fn run(command: &Command) -> Result<u8, Problem> {
    let common = &command.common;
    match &command.verb {
        Verb::Inspect(asked) => verbs::inspect(asked, common),
        Verb::Attest(asked) => verbs::attest(asked, common),
        Verb::Verify(asked) => verbs::verify(asked, common),
        Verb::Lot(asked) => verbs::lot(asked, common),
        Verb::Diff(asked) => verbs::diff(asked, common),
        Verb::Key(asked) => verbs::key(asked, common),
        Verb::Manifest(asked) => verbs::manifest(asked, common),
        Verb::Policy(asked) => verbs::policy(asked, common),
        Verb::Report(asked) => verbs::report(asked, common),
        Verb::Core(asked) => verbs::core(asked, common),
        Verb::Completions { shell } => pages::completions(*shell),
        Verb::Man { verb, output } => pages::man(verb.as_deref(), output.as_deref(), common),
        Verb::Version { json } => pages::version(*json),
        Verb::Describe(asked) => verbs::draft("describe", &asked.images, asked.output.as_deref(), common),
        Verb::Settings(asked) => verbs::draft("settings", &asked.images, asked.output.as_deref(), common),
    }
}
