//! A folder of its own for each test, and the command in it.
#![allow(dead_code, reason = "each test file uses its part of it")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

/// The folder.
pub(crate) struct Place(pub(crate) TempDir);

impl Place {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn file(&self, name: &str, bytes: impl AsRef<[u8]>) -> &Self {
        fs::write(self.path(name), bytes).unwrap();
        self
    }

    pub(crate) fn run(&self, arguments: &str) -> Output {
        kiwame(self.0.path()).args(arguments.split_whitespace()).output().unwrap()
    }

    /// Runs what has to be refused: the exit code, and words that the complaint has to have.
    #[track_caller]
    pub(crate) fn refuses(&self, arguments: &str, exit: i32, words: &str) {
        let before = self.names();
        let output = self.run(arguments);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(exit), "{arguments}: {said}");
        assert!(said.contains(words), "{arguments}: {said}");
        assert_eq!(self.names(), before, "{arguments}: left something behind");
    }

    /// Runs what has to be done.
    #[track_caller]
    pub(crate) fn does(&self, arguments: &str) -> String {
        let output = self.run(arguments);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{arguments}: {said}");
        String::from_utf8(output.stdout).unwrap()
    }

    pub(crate) fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.0.path()).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    /// A maker's key, an image, and its signed manifest.
    pub(crate) fn attested() -> Self {
        let place = Self::new();
        place.file("fw.bin", b"firmware, as far as anybody can tell").file("firmware.toml", DESCRIPTION);
        place.does("key new -o maker.key");
        place.does("attest fw.bin --raw --describe firmware.toml --key maker.key -o fw.json");
        place
    }
}

/// A description of an image without parts.
pub(crate) const DESCRIPTION: &str = r#"
schema = "kiwame-firmware/1"

[product]
vendor = "ACME"
model = "R1"

[release]
version = "1.0"
security-version = 1
"#;

/// The command that verifies it.
pub(crate) const VERIFY: &str = "verify fw.bin --manifest fw.json --key maker.key.pub --expect ACME/R1@1.0";

/// The command, in that folder.
pub(crate) fn kiwame(place: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kiwame"));
    command.current_dir(place).env_remove("NO_COLOR").env("LC_ALL", "C.UTF-8");
    command
}
