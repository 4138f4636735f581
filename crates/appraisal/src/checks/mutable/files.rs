//! Paths in file systems, as rules of data files and the image have them.

use std::collections::BTreeMap;

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
            let (format, key) = segment.split_once(':').unwrap_or((segment, ""));
            match format {
                "dir" => names = names + key + "/",
                "file" => return Self::File(names + key),
                "entry" if key == "self" => return Self::Directory(names),
                "entry" => return Self::Unused,
                "link" | "device" | "whiteout" | "fifo" | "socket" => return Self::Other,
                _ => continue,
            }
            inside = true;
        }
        if inside { Self::Directory(names) } else { Self::Nowhere }
    }
}

/// A path of a rule, as the keys of segments are written.
pub(super) fn escaped(path: &str) -> String {
    let names = path.split('/').map(|name| kiwame_image::escape_key(name.as_bytes()));
    names.collect::<Vec<_>>().join("/")
}

/// True when a file of that path lies in that directory, which ends with a slash; the root is empty.
pub(super) fn leads_to(directory: &str, file: &str) -> bool {
    file.starts_with(directory)
}

/// The files of each rule by their paths, worked out once: there may be thousands of either.
pub(super) struct Names<'a>(Vec<BTreeMap<String, &'a FileRule>>);

impl<'a> Names<'a> {
    pub(super) fn of(rules: &'a [MutableRule]) -> Self {
        let files = |rule: &'a MutableRule| match &rule.rule {
            Mutable::DataFiles(files) => files.as_slice(),
            Mutable::Keys(_) | Mutable::Fields(_) | Mutable::Erased | Mutable::Any { .. } => &[],
        };
        // Of several of one name the first counts.
        let named = |rule| files(rule).iter().rev().map(|file| (escaped(&file.name), file)).collect();
        Self(rules.iter().map(named).collect())
    }

    /// The file of that path in the rule of that number.
    pub(super) fn file(&self, rule: usize, path: &str) -> Option<&'a FileRule> {
        self.0.get(rule)?.get(path).copied()
    }

    /// True when a file of the rule lies in that directory, which ends with a slash; the root is empty.
    pub(super) fn lead_to(&self, rule: usize, directory: &str) -> bool {
        let mut behind = self.0.get(rule).into_iter().flat_map(|names| names.range(directory.to_owned()..));
        behind.next().is_some_and(|(name, _)| leads_to(directory, name))
    }
}
