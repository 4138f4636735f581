//! What entries of file systems are, in the paths of their regions: the words that a rule for data files goes by, on both
//! sides, the image's and the signed one's.

/// What a step of a path is in a file system.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// A directory, and all that lies in it.
    Directory,
    /// A file; what it holds lies below.
    File,
    /// Under the key `self` the directory's own line; otherwise what the file system keeps and no file uses.
    Entry,
    /// A symbolic link.
    Link,
    /// A block or character device.
    Device,
    /// What overlay file systems hide a lower entry with.
    Whiteout,
    /// A named pipe.
    Fifo,
    /// A socket.
    Socket,
}

impl Role {
    /// Every role.
    pub const ALL: [Self; 8] = [
        Self::Directory,
        Self::File,
        Self::Entry,
        Self::Link,
        Self::Device,
        Self::Whiteout,
        Self::Fifo,
        Self::Socket,
    ];

    /// Its word in paths.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Directory => "dir",
            Self::File => "file",
            Self::Entry => "entry",
            Self::Link => "link",
            Self::Device => "device",
            Self::Whiteout => "whiteout",
            Self::Fifo => "fifo",
            Self::Socket => "socket",
        }
    }

    /// The role of that word; `None` for any other step.
    #[must_use]
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.word() == word)
    }

    /// The role of a step as paths have it, and its key.
    #[must_use]
    pub fn of_step(step: &str) -> Option<(Self, &str)> {
        let (word, key) = step.split_once(':')?;
        Some((Self::of(word)?, key))
    }
}

/// Kind of region: a key of a settings file with its value.
pub const SETTING: &str = "setting";
/// Kind of region: blanks between settings.
pub const SETTING_BLANK: &str = "setting-blank";
/// Kind of region: a comment between settings.
pub const SETTING_COMMENT: &str = "setting-comment";
/// Kind of region: what only holds settings together.
pub const SETTING_SYNTAX: &str = "setting-syntax";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_stands_for_one_role() {
        for role in Role::ALL {
            assert_eq!(Role::of(role.word()), Some(role));
        }
        assert_eq!(Role::of_step("dir:etc"), Some((Role::Directory, "etc")));
        assert_eq!((Role::of_step("dir"), Role::of_step("node:a")), (None, None));
    }
}
