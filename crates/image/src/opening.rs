//! How far what the files of file systems hold is taken apart.

use std::collections::BTreeMap;

use crate::segments;

/// How one file is taken apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Opening {
    /// Left in one piece, and compared as one.
    Closed,
    /// Taken apart for people; compared as one, whatever is found in it.
    Shown,
    /// A program is compared as one and its parts are for people; what anything decodes to is compared by itself.
    #[default]
    Opened,
    /// As [`Opening::Opened`], and a program is compared by its parts.
    Parts,
    /// A program is compared by its parts, and everything else is [`Opening::Closed`].
    Sections,
}

/// How each file is taken apart. A root file system has thousands, and whoever only compares them leaves each in one
/// piece.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Openings {
    /// What is not listed here.
    pub rest: Opening,
    /// Paths of places in which all files are [`Opening::Opened`]: where a device may write, what a file holds decides whether
    /// it may be there.
    pub scopes: Vec<String>,
    /// Single files, by the path of what they hold. They go before the scopes; what lies in one that is [`Opening::Opened`] is
    /// opened as well.
    pub files: BTreeMap<String, Opening>,
}

impl Openings {
    /// Everything in that way.
    #[must_use]
    pub fn all(rest: Opening) -> Self {
        Self { rest, ..Self::default() }
    }

    /// How the file is taken apart whose content has that path.
    pub(crate) fn of(&self, path: impl FnOnce() -> String) -> Opening {
        if self.scopes.is_empty() && self.files.is_empty() {
            return self.rest;
        }
        let path = path();
        if let Some(opening) = self.files.get(&path) {
            return *opening;
        }
        // What is opened is opened to its bottom.
        let around = path.rmatch_indices('/').filter_map(|(end, _)| path.get(..end));
        let mut around = around.filter_map(|around| self.files.get(around));
        if around.any(|opening| *opening == Opening::Opened) {
            return Opening::Opened;
        }
        // A scope lies around the file, or in what it holds.
        let meets = |scope: &String| segments(scope).zip(segments(&path)).all(|(one, other)| one == other);
        if self.scopes.iter().any(meets) { Opening::Opened } else { self.rest }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_goes_before_the_place_it_lies_in() {
        let mut openings = Openings::all(Opening::Closed);
        openings.scopes.push("partition:data".to_owned());
        openings.files.insert("partition:data/a".to_owned(), Opening::Shown);
        let of = |path: &str| openings.of(|| path.to_owned());
        assert_eq!(of("partition:data/a"), Opening::Shown);
        assert_eq!(of("partition:data/b"), Opening::Opened);
        assert_eq!(of("partition:data2/b"), Opening::Closed);
        assert_eq!(of("partition:data/a/cpio:files/file:b"), Opening::Opened, "the place it lies in");
        openings.files.insert("partition:root/a".to_owned(), Opening::Opened);
        openings.scopes.push("partition:root/c/gzip:stream".to_owned());
        let of = |path: &str| openings.of(|| path.to_owned());
        assert_eq!(of("partition:root/a/cpio:files/file:b"), Opening::Opened, "to the bottom");
        assert_eq!(of("partition:root/ab"), Opening::Closed);
        assert_eq!(of("partition:root/c"), Opening::Opened, "a rule reaches into it");
        assert_eq!(Openings::default().of(String::new), Opening::Opened);
    }
}
