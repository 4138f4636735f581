//! What can be typed.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::builder::{PossibleValue, PossibleValuesParser};
use clap::{Args, Parser, Subcommand, ValueEnum};

const EXIT_CODES: &str = "\
Exit codes:
  0   verified, and the policy satisfied (inspect, attest and others: done; diff: same)
  1   does not match (diff: something found)
  2   usage, no input, or a file that cannot be read or changed while it was read
  3   cannot tell: no manifest for this image, or another release
  4   cannot tell: manifest, signature, key, time or expectation not trusted
  5   cannot tell: coverage or depth below what the policy asks
  6   cannot tell: a limit was hit
  7   warning: a person must look
  70  a bug of ours

With several images the exit code is the first of 70, 1, 4, 5, 3, 6, 7, 2 that occurred.
Only 0 from `verify` is acceptance.

Environment:
  NO_COLOR              no colour, unless --color says otherwise
  LC_ALL, LC_MESSAGES, LANG   the language, unless --lang says otherwise";

/// Answers for every byte of a firmware image: what a signed reference covers, what differs, and what nobody can tell.
#[derive(Debug, Parser)]
#[command(name = "kiwame", version, after_long_help = EXIT_CODES, arg_required_else_help = true)]
pub(crate) struct Command {
    #[command(subcommand)]
    pub(crate) verb: Verb,
    #[command(flatten)]
    pub(crate) common: Common,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Show the tree, the account of every byte and the defects; judges nothing
    Inspect(Inspect),
    /// Maker: make and sign the manifest of a release
    Attest(Attest),
    /// Buyer, auditor: compare an image with its signed manifest
    Verify(Verify),
    /// What changed between two images, by component
    Diff(Diff),
    /// Make and show keys
    #[command(subcommand)]
    Key(Key),
    /// Show and check manifests
    #[command(subcommand)]
    Manifest(Manifest),
    /// Make and check policies
    #[command(subcommand)]
    Policy(Policy),
    /// Render reports again
    #[command(subcommand)]
    Report(Report),
    /// Send a request to the core as it is: the seam at which hosts are compared
    #[command(hide = true)]
    Core(Core),
    /// Print the completion script of a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Print a manual page, or write all of them to a directory
    Man {
        /// The verb whose page is wanted
        verb: Option<String>,
        /// Write every page into this directory
        #[arg(short, long, value_name = "DIR", conflicts_with = "verb")]
        output: Option<PathBuf>,
    },
    /// Print versions, and the digest of the core that reports carry
    Version {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Maker: propose the firmware.toml that attest reads; of several units also what differs between them
    Describe(Describe),
}

#[derive(Args, Debug)]
pub(crate) struct Common {
    /// How to print results
    #[arg(long, global = true, default_value = TEXT, value_parser = formats())]
    pub(crate) format: String,
    /// Language of what people read; default: the locale
    #[arg(long, global = true, value_enum)]
    pub(crate) lang: Option<Lang>,
    /// When to use colour
    #[arg(long, global = true, value_enum, default_value_t = Color::Auto, value_name = "WHEN")]
    pub(crate) color: Color,
    /// No progress bar
    #[arg(short, long, global = true)]
    pub(crate) quiet: bool,
    /// List every region and finding
    #[arg(short, long, global = true)]
    pub(crate) verbose: bool,
    /// The time to judge by, RFC 3339; default: the clock
    #[arg(long, global = true, value_name = "TIME")]
    pub(crate) now: Option<String>,
    /// Change a limit, such as space=268435456; the report names it
    #[arg(long = "limit", global = true, value_name = "NAME=VALUE", value_parser = limit)]
    pub(crate) limits: Vec<(String, u64)>,
    /// Overwrite output files that exist
    #[arg(long, global = true)]
    pub(crate) force: bool,
    /// Where the core runs: in the sandbox, or unprotected in this process, for comparison
    #[arg(long, global = true, value_enum, default_value_t = Engine::Sandbox)]
    pub(crate) engine: Engine,
}

/// The rendering for people.
pub(crate) const TEXT: &str = "text";

/// The renderings that a user may ask for.
fn formats() -> PossibleValuesParser {
    let named = kiwame_report::RENDERERS
        .iter()
        .filter_map(|renderer| Some(PossibleValue::new(renderer.name()).help(renderer.about()?)));
    PossibleValuesParser::new(named.collect::<Vec<_>>())
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Lang {
    /// English
    En,
    /// 日本語
    Ja,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    /// On a terminal
    Auto,
    /// Yes
    Always,
    /// No
    Never,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Engine {
    /// WebAssembly
    Sandbox,
    /// This process
    Native,
}

#[derive(Args, Debug)]
pub(crate) struct Inspect {
    /// Images; `-` is standard input
    #[arg(required = true, value_name = "IMAGE")]
    pub(crate) images: Vec<PathBuf>,
    /// Write the report (JSON) to this file as well
    #[arg(long, value_name = "FILE")]
    pub(crate) report: Option<PathBuf>,
    /// How many images at once; default: one for each core, in at most a quarter of the memory
    #[arg(long, value_name = "N", value_parser = jobs)]
    pub(crate) jobs: Option<NonZeroUsize>,
}

#[derive(Args, Debug)]
pub(crate) struct Attest {
    /// Images of the release; `-` is standard input
    #[arg(required = true, value_name = "IMAGE")]
    pub(crate) images: Vec<PathBuf>,
    /// The description of the product and release, firmware.toml
    #[arg(long, value_name = "TOML")]
    pub(crate) describe: PathBuf,
    /// A private key to sign with; several make several signatures
    #[arg(long = "key", value_name = "KEY", required = true)]
    pub(crate) keys: Vec<PathBuf>,
    /// Where to write the signed manifest; `-` is standard output
    #[arg(short, long, value_name = "MANIFEST")]
    pub(crate) output: PathBuf,
    /// List programs in file systems by their sections, so that verify says which one changed; the manifest grows 15 to 25 times
    #[arg(long)]
    pub(crate) sections: bool,
}

#[derive(Args, Debug)]
pub(crate) struct Verify {
    /// Images; `-` is standard input
    #[arg(required = true, value_name = "IMAGE")]
    pub(crate) images: Vec<PathBuf>,
    /// A signed manifest; may be given several times
    #[arg(long = "manifest", value_name = "MANIFEST")]
    pub(crate) manifests: Vec<PathBuf>,
    /// Whom to trust for what
    #[arg(long, value_name = "POLICY", conflicts_with = "key")]
    pub(crate) policy: Option<PathBuf>,
    /// The maker's public key: a policy of one key with complete coverage; needs --expect
    #[arg(long, value_name = "KEY")]
    pub(crate) key: Option<PathBuf>,
    /// What was ordered
    #[arg(long, value_name = "VENDOR/MODEL[@RELEASE]")]
    pub(crate) expect: Option<String>,
    /// The release channel that was ordered; default: release, or what the policy names
    #[arg(long, value_name = "CHANNEL")]
    pub(crate) channel: Option<String>,
    /// The hardware revision of the unit
    #[arg(long, value_name = "REVISION")]
    pub(crate) hardware: Option<String>,
    /// Parse every byte even when the digest of the whole image matches
    #[arg(long)]
    pub(crate) deep: bool,
    /// Accept keys whose private half is published, such as those of the samples. Anybody can sign with them
    #[arg(long)]
    pub(crate) insecure_accept_known_keys: bool,
    /// Write the report (JSON) to this file as well
    #[arg(long, value_name = "FILE")]
    pub(crate) report: Option<PathBuf>,
    /// How many images at once; default: one for each core, in at most a quarter of the memory
    #[arg(long, value_name = "N", value_parser = jobs)]
    pub(crate) jobs: Option<NonZeroUsize>,
}

#[derive(Args, Debug)]
pub(crate) struct Core {
    /// The request (JSON)
    #[arg(value_name = "REQUEST")]
    pub(crate) request: PathBuf,
    /// Its sources, in its order
    #[arg(value_name = "SOURCE")]
    pub(crate) sources: Vec<PathBuf>,
    /// Write each output into this directory, under its name
    #[arg(short, long, value_name = "DIR")]
    pub(crate) output: PathBuf,
}

#[derive(Args, Debug)]
pub(crate) struct Diff {
    /// The image to start from
    #[arg(value_name = "A")]
    pub(crate) before: PathBuf,
    /// The image to compare with it
    #[arg(value_name = "B")]
    pub(crate) after: PathBuf,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Key {
    /// Make an Ed25519 key: PRIVATE for its owner alone, and PRIVATE.pub to hand out
    New {
        /// Where to write the private key
        #[arg(short, long, value_name = "PRIVATE")]
        output: PathBuf,
    },
    /// Show the fingerprint of a key
    Show {
        /// A public key, or a private one, of which only the public half is shown
        #[arg(value_name = "KEY")]
        key: PathBuf,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Manifest {
    /// Show what a manifest claims; checks no signature
    Show {
        /// The manifest
        #[arg(value_name = "MANIFEST")]
        manifest: PathBuf,
    },
    /// Look for mistakes in a manifest
    Lint {
        /// The manifest
        #[arg(value_name = "MANIFEST")]
        manifest: PathBuf,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Policy {
    /// Write a policy to start from
    New {
        /// A public key to name in it; may be given several times
        #[arg(long = "key", value_name = "KEY")]
        keys: Vec<PathBuf>,
        /// The product that it is for
        #[arg(long, value_name = "VENDOR/MODEL")]
        expect: Option<String>,
        /// Where to write it; default: standard output
        #[arg(short, long, value_name = "POLICY")]
        output: Option<PathBuf>,
    },
    /// Look for mistakes in a policy
    Check {
        /// The policy
        #[arg(value_name = "POLICY")]
        policy: PathBuf,
    },
    /// Say in words what a policy demands
    Explain {
        /// The policy
        #[arg(value_name = "POLICY")]
        policy: PathBuf,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Report {
    /// Render a report again, as claimed by whoever made it
    Show {
        /// The report
        #[arg(value_name = "REPORT")]
        report: PathBuf,
    },
}

#[derive(Args, Debug)]
pub(crate) struct Describe {
    /// Units of one release that are known to be genuine, or its one image; `-` is standard input
    #[arg(required = true, value_name = "IMAGE")]
    pub(crate) images: Vec<PathBuf>,
    /// Where to write it; default: standard output
    #[arg(short, long, value_name = "TOML")]
    pub(crate) output: Option<PathBuf>,
}

fn limit(text: &str) -> Result<(String, u64), String> {
    let (name, value) = text.split_once('=').ok_or("expected NAME=VALUE")?;
    let value = value.parse().map_err(|_| format!("`{value}` is not a whole number"))?;
    Ok((name.to_owned(), value))
}

fn jobs(text: &str) -> Result<NonZeroUsize, String> {
    text.parse().map_err(|_| format!("`{text}` is not a whole number from 1 up"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_definition_holds_together() {
        Command::command().debug_assert();
    }

    #[test]
    fn limits_are_names_and_whole_numbers() {
        assert_eq!(limit("space=12"), Ok(("space".to_owned(), 12)));
        assert!(limit("space").is_err());
        assert!(limit("space=-1").is_err());
    }

    #[test]
    fn jobs_are_whole_numbers_from_one_up() {
        assert_eq!(jobs("12").map(NonZeroUsize::get), Ok(12));
        assert!(jobs("0").is_err() && jobs("-1").is_err() && jobs("").is_err());
    }
}
