//! What can be typed.

use std::fmt;
use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::builder::{PossibleValue, PossibleValuesParser};
use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::usage::examples;

/// Answers for every byte of a firmware image: what the maker signed, what differs from that, and what nobody can tell.
#[derive(Debug, Parser)]
#[command(name = "kiwame", version, arg_required_else_help = true)]
#[command(after_help = examples::FIRST, after_long_help = examples::first_long())]
pub(crate) struct Command {
    #[command(subcommand)]
    pub(crate) verb: Verb,
    #[command(flatten)]
    pub(crate) common: Common,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Look into an image: its parts, what each byte belongs to, and what breaks its format; judges nothing
    #[command(after_help = examples::INSPECT)]
    Inspect(Inspect),
    /// Maker: draft the firmware.toml that attest reads; from several units also what differs between them
    #[command(after_help = examples::DESCRIBE)]
    Describe(Describe),
    /// Maker: make and sign the manifest of a release (its reference values: what each part has to be)
    #[command(after_help = examples::ATTEST)]
    Attest(Attest),
    /// Buyer, auditor: compare images with the signed manifest of their release (what the maker says is in it)
    #[command(after_help = examples::VERIFY)]
    Verify(Verify),
    /// Buyer: verify the images of many units, as a table, with the record of an inspection to print
    #[command(after_help = examples::LOT)]
    Lot(Lot),
    /// Buyer, auditor: write what decides in a dump what may start, each value in words, for the policy to confirm
    #[command(after_help = examples::SETTINGS)]
    Settings(Settings),
    /// Show what changed between two images, part by part; needs no manifest
    #[command(after_help = examples::DIFF)]
    Diff(Diff),
    /// Make and show keys for signatures
    #[command(subcommand, after_help = examples::KEY)]
    Key(Key),
    /// Show, sign and check manifests
    #[command(subcommand, after_help = examples::MANIFEST)]
    Manifest(Manifest),
    /// Make and check policies (whose signature counts for which product, and what else a buyer asks)
    #[command(subcommand, after_help = examples::POLICY)]
    Policy(Policy),
    /// Show saved reports again
    #[command(subcommand, after_help = examples::REPORT)]
    Report(Report),
    /// Send a request to the core as it is: the seam at which hosts are compared
    #[command(hide = true)]
    Core(Core),
    /// Print a script by which a shell completes what is typed
    #[command(after_help = examples::COMPLETIONS)]
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Print the manual of a verb or the fields of a file, or write manual pages for `man`
    #[command(after_help = examples::MAN)]
    Man {
        /// The verb; or the file whose every field is wanted: firmware.toml, policy.toml, manifest.json, report.json
        #[arg(value_name = "VERB|FILE")]
        verb: Option<String>,
        /// Write every page into this directory, in the form that `man` reads
        #[arg(short, long, value_name = "DIR", conflicts_with = "verb")]
        output: Option<PathBuf>,
    },
    /// Print versions, and the SHA-256 of the core (the part that reads images), which each report names
    #[command(after_help = examples::VERSION)]
    Version {
        /// As JSON, for programs
        #[arg(long)]
        json: bool,
    },
}

#[derive(Args, Debug)]
pub(crate) struct Common {
    /// How to print results
    #[arg(long, global = true, default_value = TEXT, value_parser = formats())]
    pub(crate) format: String,
    /// Language of help, results and messages; default: that of the locale
    #[arg(long, global = true, value_enum)]
    pub(crate) lang: Option<Lang>,
    /// When to use colour
    #[arg(long, global = true, value_enum, default_value_t = Color::Auto, value_name = "WHEN")]
    pub(crate) color: Color,
    /// No progress bar
    #[arg(short, long, global = true)]
    pub(crate) quiet: bool,
    /// List every region (part of the image) and every finding (what differs, or breaks a rule)
    #[arg(short, long, global = true)]
    pub(crate) verbose: bool,
    /// The time by which validity is judged, such as 2026-04-01T00:00:00Z; default: the clock
    #[arg(long, global = true, value_name = "TIME")]
    pub(crate) now: Option<String>,
    /// Change a limit of the work done for one image, such as space=268435456; the report names it
    #[arg(long = "limit", global = true, value_name = "NAME=VALUE", value_parser = limit)]
    pub(crate) limits: Vec<(String, u64)>,
    /// Overwrite output files that exist
    #[arg(long, global = true)]
    pub(crate) force: bool,
    /// Where images are read: walled off (sandbox), or unprotected in this process, only to compare the two
    #[arg(long, global = true, value_enum, default_value_t = Engine::Sandbox)]
    pub(crate) engine: Engine,
}

impl Common {
    /// The language of what people read; whoever reads the command line has looked for it.
    pub(crate) fn language(&self) -> kiwame_report::Lang {
        match self.lang {
            Some(Lang::Ja) => kiwame_report::Lang::Japanese,
            Some(Lang::En) | None => kiwame_report::Lang::English,
        }
    }
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
    /// On a terminal that shows it
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Engine {
    /// Walled off, as WebAssembly
    Sandbox,
    /// In this process, unprotected
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
    /// How many images at once; default: one for each processor, in at most a quarter of the memory
    #[arg(long, value_name = "N", value_parser = jobs)]
    pub(crate) jobs: Option<NonZeroUsize>,
}

#[derive(Args, Debug)]
pub(crate) struct Attest {
    /// Images of the release; `-` is standard input
    #[arg(required = true, value_name = "IMAGE")]
    pub(crate) images: Vec<PathBuf>,
    /// The description of product and release, firmware.toml; `kiwame describe` drafts one
    #[arg(long, value_name = "TOML")]
    pub(crate) describe: PathBuf,
    /// A private key to sign with; may be given several times, for as many signatures
    #[arg(long = "key", value_name = "KEY", required = true)]
    pub(crate) keys: Vec<PathBuf>,
    /// Where to write the signed manifest; a name that ends in .gz compresses it; `-` is standard output
    #[arg(short, long, value_name = "MANIFEST")]
    pub(crate) output: PathBuf,
    /// List programs in file systems by their sections (code, data and others), so that verify says which one changed; the manifest grows 15 to 25 times
    #[arg(long)]
    pub(crate) sections: bool,
    /// Take an image in which no format is recognised, as one piece
    #[arg(long)]
    pub(crate) raw: bool,
}

#[derive(Args, Debug)]
pub(crate) struct Verify {
    /// Images, or folders with images; `-` is standard input
    #[arg(required = true, value_name = "IMAGE|DIR")]
    pub(crate) images: Vec<PathBuf>,
    /// A signed manifest from the maker; may be given several times
    #[arg(long = "manifest", value_name = "MANIFEST")]
    pub(crate) manifests: Vec<PathBuf>,
    /// Your policy: whose signature counts for which product, and what else you ask
    #[arg(long, value_name = "POLICY", conflicts_with = "key")]
    pub(crate) policy: Option<PathBuf>,
    /// The maker's public key instead of a policy: this key alone counts, and every byte needs a reference value; needs --expect
    #[arg(long, value_name = "KEY")]
    pub(crate) key: Option<PathBuf>,
    /// What was ordered, from the order and not from the manifest
    #[arg(long, value_name = "VENDOR/MODEL[@RELEASE]")]
    pub(crate) expect: Option<String>,
    /// The channel (line of releases, such as beta) that was ordered; default: release, or what the policy names
    #[arg(long, value_name = "CHANNEL")]
    pub(crate) channel: Option<String>,
    /// The hardware revision of the unit, such as B2
    #[arg(long, value_name = "REVISION")]
    pub(crate) hardware: Option<String>,
    /// Take the image apart even when the digest (SHA-256) of the whole matches
    #[arg(long)]
    pub(crate) deep: bool,
    /// List every region in the report, not just those that differ
    #[arg(long)]
    pub(crate) regions: bool,
    /// Another reading of the same chip, which has to be equal; may be given several times. Beside one image only
    #[arg(long = "same", value_name = "IMAGE")]
    pub(crate) same: Vec<PathBuf>,
    /// What the acquisition could not read: ddrescue's map, or a line OFFSET+LENGTH for each place. Beside one image only
    #[arg(long, value_name = "MAP")]
    pub(crate) unread: Option<PathBuf>,
    /// For tests only: let keys count whose private half is published, so that anybody can sign with them
    #[arg(long)]
    pub(crate) insecure_accept_known_keys: bool,
    /// Write the reports (JSON, one a line) to this file as well, and beside it FILE.run.json, which names the files and the date
    #[arg(long, value_name = "FILE")]
    pub(crate) report: Option<PathBuf>,
    /// How many images at once; default: one for each processor, in at most a quarter of the memory
    #[arg(long, value_name = "N", value_parser = jobs)]
    pub(crate) jobs: Option<NonZeroUsize>,
}

#[derive(Args, Debug)]
pub(crate) struct Lot {
    #[command(flatten)]
    pub(crate) verify: Verify,
    /// How many units were ordered
    #[arg(long, value_name = "N", value_parser = units)]
    pub(crate) ordered: Option<u64>,
    /// A list of the serial numbers that were ordered, one a line
    #[arg(long, value_name = "FILE")]
    pub(crate) serials: Option<PathBuf>,
    /// Write the table to this file as well: its ending, .csv, .json, .md or .html (to print on A4), says how
    #[arg(long = "summary", value_name = "FILE")]
    pub(crate) summaries: Vec<PathBuf>,
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
    /// List only what changed, a line each
    #[arg(long)]
    pub(crate) stat: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Key {
    /// Make an Ed25519 key pair: PRIVATE for its owner alone, and PRIVATE.pub to hand out
    #[command(after_help = examples::KEY_NEW)]
    New {
        /// Where to write the private key
        #[arg(short, long, value_name = "PRIVATE")]
        output: PathBuf,
    },
    /// Show the fingerprint of a key (the digits that stand for it), to compare by telephone or on paper
    #[command(after_help = examples::KEY_SHOW)]
    Show {
        /// A public key, or a private one, of which only the public half is shown
        #[arg(value_name = "KEY")]
        key: PathBuf,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Manifest {
    /// Show what a manifest claims; checks no signature
    #[command(after_help = examples::MANIFEST_SHOW)]
    Show {
        /// The manifest
        #[arg(value_name = "MANIFEST")]
        manifest: PathBuf,
    },
    /// Add a signature to a manifest that others have signed; nobody else's key is needed
    #[command(after_help = examples::MANIFEST_SIGN)]
    Sign {
        /// The manifest
        #[arg(value_name = "MANIFEST")]
        manifest: PathBuf,
        /// A private key to sign with; may be given several times
        #[arg(long = "key", value_name = "KEY", required = true)]
        keys: Vec<PathBuf>,
        /// Where to write the manifest; a name that ends in .gz compresses it; `-` is standard output
        #[arg(short, long, value_name = "MANIFEST")]
        output: PathBuf,
    },
    /// Look for mistakes in a manifest, before it is handed out
    #[command(after_help = examples::MANIFEST_LINT)]
    Lint {
        /// The manifest
        #[arg(value_name = "MANIFEST")]
        manifest: PathBuf,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Policy {
    /// Write a policy to start from, to be completed by hand
    #[command(after_help = examples::POLICY_NEW)]
    New {
        /// A public key that the policy trusts; may be given several times
        #[arg(long = "key", value_name = "KEY")]
        keys: Vec<PathBuf>,
        /// The product for which it counts
        #[arg(long, value_name = "VENDOR/MODEL")]
        expect: Option<String>,
        /// Where to write the file; default: standard output
        #[arg(short, long, value_name = "POLICY")]
        output: Option<PathBuf>,
    },
    /// Look for mistakes in a policy
    #[command(after_help = examples::POLICY_CHECK)]
    Check {
        /// The policy
        #[arg(value_name = "POLICY")]
        policy: PathBuf,
    },
    /// Say in words what a policy demands
    #[command(after_help = examples::POLICY_EXPLAIN)]
    Explain {
        /// The policy
        #[arg(value_name = "POLICY")]
        policy: PathBuf,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Report {
    /// Show a saved report again, as claimed by whoever made it; checks nothing
    #[command(after_help = examples::REPORT_SHOW)]
    Show {
        /// The report, a file that --report wrote
        #[arg(value_name = "REPORT")]
        report: PathBuf,
        /// Show one unit of several: its serial number, or the name of its file
        #[arg(long, value_name = "NAME")]
        unit: Option<String>,
    },
}

#[derive(Args, Debug)]
pub(crate) struct Settings {
    /// Dumps of devices whose settings are to be confirmed; `-` is standard input
    #[arg(required = true, value_name = "IMAGE")]
    pub(crate) images: Vec<PathBuf>,
    /// Where to write the file; default: standard output
    #[arg(short, long, value_name = "TOML")]
    pub(crate) output: Option<PathBuf>,
}

#[derive(Args, Debug)]
pub(crate) struct Describe {
    /// The image of the release, or those of several units that are known to hold it unchanged; `-` is standard input
    #[arg(required = true, value_name = "IMAGE")]
    pub(crate) images: Vec<PathBuf>,
    /// Where to write the file; default: standard output
    #[arg(short, long, value_name = "TOML")]
    pub(crate) output: Option<PathBuf>,
}

/// What a value should have been, and what was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Wrong {
    /// `NAME=VALUE`.
    Form,
    /// A whole number.
    Whole(String),
    /// A whole number from 1 up.
    Count(String),
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Form => write!(f, "expected NAME=VALUE, such as space=268435456"),
            Self::Whole(found) => write!(f, "`{found}` is not a whole number"),
            Self::Count(found) => write!(f, "`{found}` is not a whole number from 1 up"),
        }
    }
}

impl std::error::Error for Wrong {}

fn limit(text: &str) -> Result<(String, u64), Wrong> {
    let (name, value) = text.split_once('=').ok_or(Wrong::Form)?;
    Ok((name.to_owned(), units(value)?))
}

fn units(text: &str) -> Result<u64, Wrong> {
    text.parse().map_err(|_| Wrong::Whole(text.to_owned()))
}

fn jobs(text: &str) -> Result<NonZeroUsize, Wrong> {
    text.parse().map_err(|_| Wrong::Count(text.to_owned()))
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
