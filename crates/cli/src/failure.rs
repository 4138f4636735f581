//! What the command itself has to complain about, as opposed to what the core finds.

use std::fmt;

use kiwame_report::escape_line;

/// Usage, no input, or a file that cannot be read or written.
pub(crate) const UNUSABLE: u8 = 2;
/// A bug of ours.
pub(crate) const BUG: u8 = 70;

/// Something that stopped us: what it is, and what can be done about it.
#[derive(Debug)]
pub(crate) struct Failure {
    /// The exit code.
    pub(crate) exit: u8,
    what: String,
    remedy: String,
}

impl Failure {
    /// An input or output that cannot be used.
    pub(crate) fn unusable(what: impl fmt::Display, remedy: impl fmt::Display) -> Self {
        Self { exit: UNUSABLE, what: what.to_string(), remedy: remedy.to_string() }
    }

    /// What is wrong, in one line.
    pub(crate) fn what(&self) -> &str {
        &self.what
    }

    /// The core broke.
    pub(crate) fn bug(what: impl fmt::Display) -> Self {
        let remedy =
            "this is a bug in kiwame, and the image was not judged; please report it with the version";
        Self { exit: BUG, what: what.to_string(), remedy: remedy.to_owned() }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // As the core says it: what, and below it what to do.
        // Names of files are anybody's words.
        writeln!(f, "kiwame: {}", escape_line(&self.what))?;
        write!(f, "        {}", escape_line(&self.remedy))
    }
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
