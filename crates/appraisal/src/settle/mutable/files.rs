//! Paths in file systems, as rules of data files and the image have them.

use std::collections::BTreeMap;

use kiwame_image::{Gather as _, Role};
use kiwame_trust::rules::{FileRule, Mutable, MutableRule};

/// Where a path lies in a file system.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum InFiles {
    /// In none.
    Nowhere,
    /// It is a directory, with these names from the root on.
    Directory(String),
    /// It is a file of these names, or what the file holds.
    File(String),
    /// It is what the file system keeps and no file uses.
    Unused,
    /// A link, a device, a whiteout, a pipe.
    Other,
}

impl InFiles {
    pub(super) fn of(path: &str) -> Self {
        let mut names = String::new();
        let mut inside = false;
        for segment in kiwame_image::segments(path) {
            let Some((role, key)) = Role::of_step(segment) else { continue };
            match role {
                Role::Directory => names = names + key + "/",
                Role::File => return Self::File(names + key),
                Role::Entry if key == "self" => return Self::Directory(names),
                Role::Entry => return Self::Unused,
                Role::Link | Role::Device | Role::Whiteout | Role::Fifo | Role::Socket => return Self::Other,
            }
            inside = true;
        }
        if inside { Self::Directory(names) } else { Self::Nowhere }
    }
}

/// A path as it is in the file system, of one as the keys of segments are written.
pub(super) fn unescaped(path: &str) -> Vec<u8> {
    let names: Vec<_> = path.split('/').map(kiwame_image::unescape_key).collect();
    names.join(&b'/')
}

/// The rule of a list for the file of that path: one that lists it goes before a pattern; of several of one name the first
/// counts.
pub(super) fn file_of<'f>(files: &'f [FileRule], path: &[u8]) -> Option<&'f FileRule> {
    let listed = files.iter().find(|file| file.name.as_bytes() == path);
    listed.or_else(|| files.iter().find(|file| file.is_for(path)))
}

/// The files of each rule by their paths, worked out once: there may be thousands of either.
pub(super) struct Names<'a>(Vec<Listed<'a>>);

#[derive(Default)]
struct Listed<'a> {
    names: BTreeMap<&'a [u8], &'a FileRule>,
    patterns: Vec<&'a FileRule>,
}

impl<'a> Names<'a> {
    pub(super) fn of(rules: &[&'a MutableRule]) -> Self {
        let files = |rule: &'a MutableRule| match &rule.rule {
            Mutable::DataFiles(files) => files.as_slice(),
            Mutable::Keys(_) | Mutable::Fields(_) | Mutable::Erased | Mutable::Any { .. } => &[],
        };
        // Of several of one name the first counts.
        let named = |rule| Listed {
            names: files(rule).iter().rev().map(|file| (file.name.as_bytes(), file)).into_map(),
            patterns: files(rule).iter().filter(|file| file.is_pattern()).collect(),
        };
        Self(rules.iter().copied().map(named).collect())
    }

    /// The file of that path in the rule of that number.
    pub(super) fn file(&self, rule: usize, path: &str) -> Option<&'a FileRule> {
        let (listed, path) = (self.0.get(rule)?, unescaped(path));
        let named = listed.names.get(path.as_slice()).copied();
        named.or_else(|| listed.patterns.iter().copied().find(|file| file.is_for(&path)))
    }

    /// True when a file of the rule lies in that directory, which ends with a slash; the root is empty.
    pub(super) fn lead_to(&self, rule: usize, directory: &str) -> bool {
        let (Some(listed), directory) = (self.0.get(rule), unescaped(directory)) else { return false };
        let mut behind = listed.names.range(directory.as_slice()..);
        behind.next().is_some_and(|(name, _)| name.starts_with(&directory))
            || listed.patterns.iter().any(|file| file.leads_from(&directory))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::file;

    #[test]
    fn a_path_lies_in_a_file_system_by_the_roles_of_its_steps() {
        let text = |names: &str| names.to_owned();
        for (path, expected) in [
            ("partition:a/jffs2:1", InFiles::Nowhere),
            ("fs:1/dir:etc", InFiles::Directory(text("etc/"))),
            ("fs:1/dir:etc/entry:self", InFiles::Directory(text("etc/"))),
            ("fs:1/entry:self", InFiles::Directory(text(""))),
            ("fs:1/entry:7", InFiles::Unused),
            ("fs:1/dir:etc/dir:config/file:a", InFiles::File(text("etc/config/a"))),
            ("fs:1/file:a/decoded:content/setting:x", InFiles::File(text("a"))),
            ("fs:1/link:a", InFiles::Other),
            ("fs:1/device:a", InFiles::Other),
            ("fs:1/dir:a/whiteout:b", InFiles::Other),
        ] {
            assert_eq!(InFiles::of(path), expected, "{path}");
        }
    }

    #[test]
    fn names_are_compared_as_they_are_in_the_file_system() {
        assert_eq!(unescaped("a%20b/c%2Fd"), b"a b/c/d");
        let files = [file("led_*", 1), file("led_1", 2), file("led_1", 3), file("a b/x", 4)];
        let most = |path: &[u8]| file_of(&files, path).map(|file| file.max_bytes);
        assert_eq!((most(b"led_1"), most(b"led_2"), most(b"lamp")), (Some(2), Some(1), None));
        let rule = |rule| MutableRule {
            path: "fs:1".to_owned(),
            rule,
            remains_max_bytes: 0,
            when_empty: kiwame_trust::rules::WhenEmpty::Refuse,
        };
        let rules = [rule(Mutable::Erased), rule(Mutable::DataFiles(files.to_vec()))];
        let names = Names::of(&rules.each_ref());
        let most = |number, path| names.file(number, path).map(|file| file.max_bytes);
        assert_eq!((most(1, "led_1"), most(1, "led_2"), most(1, "a%20b/x")), (Some(2), Some(1), Some(4)));
        assert_eq!((most(1, "lamp"), most(0, "led_1"), most(2, "led_1")), (None, None, None));
        assert!(names.lead_to(1, "") && names.lead_to(1, "a%20b/") && !names.lead_to(1, "a/"));
        assert!(!names.lead_to(0, "") && !names.lead_to(2, ""));
    }
}
