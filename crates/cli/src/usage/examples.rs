//! What stands below the help of a verb: examples that can be typed as they are, and where there is more to read.
//!
//! Blocks are parted by a blank line. A line that begins with `  kiwame` is a command, and the same in every language.

/// What to type first.
pub(crate) const FIRST: &str = "\
Examples:
  # look into an image; nothing else is needed
  kiwame inspect fw.bin
  # compare it with what the maker signed
  kiwame verify fw.bin --manifest fw.json --key maker.key.pub --expect ACME/R1
  # everything about one verb
  kiwame help verify";

/// The same, with the exit codes.
pub(crate) fn first_long() -> String {
    format!("{FIRST}\n\n{CODES}\n\n{SEVERAL}\n\n{ENVIRONMENT}")
}

const CODES: &str = "\
Exit codes:
  0   verified, and everything asked for is met
      (inspect, attest and others: done; diff: no difference)
  1   does not match (diff: something differs)
  2   wrong usage, no input, or a file that cannot be read or that changed
      while it was read
  3   cannot tell: no manifest for this image, or another release
  4   cannot tell: manifest, signature, key or time is not trusted, or
      something else was ordered
  5   cannot tell: not everything that the policy asks for could be checked
  6   cannot tell: a limit was reached
  7   warning: a person must look
  70  a bug of kiwame";

const SEVERAL: &str = "\
With several images the exit code is the first of 70, 1, 4, 5, 3, 6, 7, 2
that occurred. Only 0 from `verify` and `lot` is acceptance.";

const ENVIRONMENT: &str = "\
Environment:
  NO_COLOR                   no colour, unless --color says otherwise
  LC_ALL, LC_MESSAGES, LANG  the language, unless --lang says otherwise";

pub(crate) const INSPECT: &str = "\
Examples:
  # what is in an image
  kiwame inspect fw.bin
  # every part and every finding, and the report in a file as well
  kiwame inspect fw.bin --verbose --report fw.report.json";

pub(crate) const ATTEST: &str = "\
Examples:
  # a draft of firmware.toml; read it, and fill in vendor, model and version
  kiwame describe fw.bin -o firmware.toml
  # the signed manifest, to hand out together with the image
  kiwame attest fw.bin --describe firmware.toml --key maker.key -o fw.json

Every field of firmware.toml: `kiwame man firmware.toml`.";

pub(crate) const VERIFY: &str = "\
Examples:
  # with the maker's public key; its fingerprint was compared before
  kiwame verify fw.bin --manifest fw.json --key maker.key.pub --expect ACME/R1
  # with a policy of your own; the report is kept
  kiwame verify fw.bin --manifest fw.json --policy policy.toml --report fw.jsonl

Only exit code 0 is acceptance; all exit codes: `kiwame --help`.";

pub(crate) const LOT: &str = "\
Examples:
  # all images in a folder, and a record of the inspection to print and sign
  kiwame lot dumps --manifest fw.json --policy policy.toml --summary lot.html
  # against the serial numbers of the order, one a line
  kiwame lot dumps --manifest fw.json --policy policy.toml --serials order.txt

Only exit code 0 is acceptance; all exit codes: `kiwame --help`.";

pub(crate) const DIFF: &str = "\
Examples:
  # what a new release changes
  kiwame diff old.bin new.bin
  # the same, a line for each part
  kiwame diff old.bin new.bin --stat";

pub(crate) const KEY: &str = "\
Examples:
  # maker.key, to be kept secret, and maker.key.pub, to hand out
  kiwame key new -o maker.key
  # the fingerprint, to compare by telephone or on paper
  kiwame key show maker.key.pub";

pub(crate) const KEY_NEW: &str = "\
Examples:
  # maker.key, to be kept secret, and maker.key.pub, to hand out
  kiwame key new -o maker.key";

pub(crate) const KEY_SHOW: &str = "\
Examples:
  # the fingerprint, to compare by telephone or on paper
  kiwame key show maker.key.pub";

pub(crate) const MANIFEST: &str = "\
Examples:
  # what the manifest of a release claims
  kiwame manifest show fw.json
  # one more signature, by a second person
  kiwame manifest sign fw.json --key second.key -o fw-signed.json

Every field of a manifest: `kiwame man manifest.json`.";

pub(crate) const MANIFEST_SHOW: &str = "\
Examples:
  # what the manifest of a release claims
  kiwame manifest show fw.json";

pub(crate) const MANIFEST_SIGN: &str = "\
Examples:
  # one more signature, by a second person
  kiwame manifest sign fw.json --key second.key -o fw-signed.json";

pub(crate) const MANIFEST_LINT: &str = "\
Examples:
  # what is missing or odd
  kiwame manifest lint fw.json";

pub(crate) const POLICY: &str = "\
Examples:
  # a policy that trusts this key for this product; read it, and complete it
  kiwame policy new --key maker.key.pub --expect ACME/R1 -o policy.toml
  # what it demands, in words
  kiwame policy explain policy.toml

Every field of a policy: `kiwame man policy.toml`.";

pub(crate) const POLICY_NEW: &str = "\
Examples:
  # a policy that trusts this key for this product; read it, and complete it
  kiwame policy new --key maker.key.pub --expect ACME/R1 -o policy.toml";

pub(crate) const POLICY_CHECK: &str = "\
Examples:
  # what is missing or odd
  kiwame policy check policy.toml";

pub(crate) const POLICY_EXPLAIN: &str = "\
Examples:
  # what it demands, in words
  kiwame policy explain policy.toml";

pub(crate) const REPORT: &str = "\
Examples:
  # a report that --report wrote
  kiwame report show fw.jsonl

Every field of a report: `kiwame man report.json`.";

pub(crate) const REPORT_SHOW: &str = "\
Examples:
  # a report that --report wrote
  kiwame report show fw.jsonl
  # one unit of a lot
  kiwame report show fw.jsonl --unit SN2
  # every region and finding in it
  kiwame report show fw.jsonl --verbose";

pub(crate) const COMPLETIONS: &str = "\
Examples:
  # put this line into ~/.bashrc
  eval \"$(kiwame completions bash)\"";

pub(crate) const MAN: &str = "\
Examples:
  # everything about one verb
  kiwame man verify
  # every field of a policy
  kiwame man policy.toml
  # pages for `man kiwame-verify`
  kiwame man -o /usr/local/share/man/man1";

pub(crate) const VERSION: &str = "\
Examples:
  # the version, and the SHA-256 of the core, to compare with those in a report
  kiwame version";

pub(crate) const SETTINGS: &str = "\
Examples:
  # what this unit has set: read each line before it goes into your policy
  kiwame settings dump.bin -o settings.toml
  # from several units every value that was seen
  kiwame settings unit-1.bin unit-2.bin -o settings.toml";

pub(crate) const DESCRIBE: &str = "\
Examples:
  # a draft; read it, and fill in vendor, model and version
  kiwame describe fw.bin -o firmware.toml
  # from several units also rules for what differs between them
  kiwame describe unit-1.bin unit-2.bin -o firmware.toml

Every field of firmware.toml: `kiwame man firmware.toml`.";

/// True for a line that is a command.
pub(super) fn is_command(line: &str) -> bool {
    ["  kiwame ", "  eval "].iter().any(|begin| line.starts_with(begin))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::Command;
    use clap::{CommandFactory as _, Parser as _};

    /// The after-helps of a command and of all below it, without those of `help`, which has none.
    fn all(command: &clap::Command, texts: &mut Vec<(String, String)>) {
        let help = command.get_after_long_help().or_else(|| command.get_after_help());
        let hidden = command.is_hide_set() || command.get_name() == "help";
        if !hidden {
            let name = command.get_name().to_owned();
            texts.push((name, help.map(ToString::to_string).unwrap_or_default()));
            command.get_subcommands().for_each(|below| all(below, texts));
        }
    }

    #[test]
    fn every_verb_has_an_example_that_can_be_typed_and_fits_a_terminal() {
        let mut texts = Vec::new();
        all(&Command::command(), &mut texts);
        assert!(texts.len() > 20);
        for (verb, text) in texts {
            let commands: Vec<_> = text.lines().filter(|line| is_command(line)).collect();
            assert!(!commands.is_empty(), "{verb}: no example");
            assert!(text.lines().all(|line| line.len() <= 80), "{verb}: {text}");
            for line in commands.iter().filter(|line| line.starts_with("  kiwame ")) {
                let parsed = Command::try_parse_from(line.split_whitespace());
                let help = parsed.as_ref().err().map(clap::Error::kind);
                assert!(parsed.is_ok() || help == Some(clap::error::ErrorKind::DisplayHelp), "{line}");
            }
        }
    }
}
