//! We could not do the job: bad arguments, unreadable inputs. Never a statement about an image.

use kiwame_image::ReadError;
use kiwame_report::escape_inside;
use kiwame_trust::TrustError;

use crate::Response;

/// Why there is no report.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    /// The file or argument.
    pub(crate) file: String,
    /// What is wrong with it.
    pub(crate) what: String,
    /// What to do.
    pub(crate) next: &'static str,
    /// Exit code.
    pub(crate) exit: u8,
}

impl Failure {
    /// Something wrong with the arguments or with what cannot be read: exit 2.
    pub(crate) fn usage(file: &str, what: impl Into<String>) -> Self {
        // What stands in a file is mended there; help speaks of arguments.
        let is_file = file.contains('.') && !file.starts_with('-');
        let next = if is_file { "Correct it there and run again." } else { "See kiwame --help." };
        Self { file: file.to_owned(), what: what.into(), next, exit: 2 }
    }

    /// Something that is not trusted: exit 4.
    pub(crate) fn trust(file: &str, error: &TrustError) -> Self {
        let next = "Check the file and where it came from.";
        Self { file: file.to_owned(), what: error.to_string(), next, exit: 4 }
    }

    /// The same with another next step.
    pub(crate) fn then(self, next: &'static str) -> Self {
        Self { next, ..self }
    }

    /// A source that is no longer what it was.
    pub(crate) fn read(name: &str, error: ReadError) -> Self {
        let what = format!("cannot read {} bytes at offset {:#x}", error.length, error.offset);
        let next = "The file is shorter than it was, or changed while it was read.";
        Self { file: name.to_owned(), what, next, exit: 2 }
    }

    pub(crate) fn response(self) -> Response {
        let text = format!(
            "kiwame: {}: {}\n        {}\n",
            escape_inside(&self.file),
            escape_lines(&self.what),
            self.next
        );
        Response { exit: self.exit, ..Response::default() }.with("stderr", text)
    }
}

/// Messages of the TOML reader have lines that point at the place; every one is escaped by itself.
fn escape_lines(text: &str) -> String {
    text.lines().map(escape_inside).collect::<Vec<_>>().join("\n        ")
}
