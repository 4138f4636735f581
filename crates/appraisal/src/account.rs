//! The accounts: how many bytes are in which class.

use kiwame_image::{Content, Region};

/// What is known of a leaf.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// Its bytes equal a signed reference value, or its normal form does where the policy accepts that (RULES 2).
    Matched,
    /// A reference value covers it and it is not equal, or it was added, or it breaks its mutable rule.
    Differs,
    /// Declared to differ from device to device, and within its rule.
    Mutable,
    /// Dead copies that nothing can revive, in a part that the device writes.
    Remains,
    /// Erased, inside bounds that structure sets.
    Fill,
    /// The acquisition says that it was not read.
    Unread,
    /// Understood, but no reference value covers it.
    Parsed,
    /// Not understood, and no reference value covers it.
    Unexplained,
    /// Its stream was opened: what it decodes to is counted in the space that it encodes.
    Opened,
}

impl Class {
    /// Every class, in the order of the report.
    pub const ALL: [Self; 9] = [
        Self::Matched,
        Self::Differs,
        Self::Mutable,
        Self::Remains,
        Self::Fill,
        Self::Unread,
        Self::Parsed,
        Self::Unexplained,
        Self::Opened,
    ];

    /// The name in reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Matched => "matched",
            Self::Differs => "differs",
            Self::Mutable => "mutable",
            Self::Remains => "remains",
            Self::Fill => "fill",
            Self::Unread => "unread",
            Self::Parsed => "parsed",
            Self::Unexplained => "unexplained",
            Self::Opened => "opened",
        }
    }

    /// The class of a leaf that nothing was compared with.
    #[must_use]
    pub fn unreferenced(region: &Region) -> Self {
        match region.content {
            Content::Fill => Self::Fill,
            Content::Parsed => Self::Parsed,
            // A stream that was not opened is as good as unknown.
            Content::Unknown | Content::Encoded | Content::Closed => Self::Unexplained,
        }
    }
}

/// Why a leaf is matched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Basis {
    /// Its bytes are equal.
    Bytes,
    /// Its normal form is equal, and the policy accepts that here.
    Form,
    /// The whole image is equal, and nothing needed to be taken apart.
    Whole,
}

impl Basis {
    /// The name in reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Bytes => "bytes",
            Self::Form => "form",
            Self::Whole => "whole",
        }
    }
}

/// Bytes in each class. They add up to the size of what is accounted for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Account {
    sums: [u64; Class::ALL.len()],
}

impl Account {
    /// Adds bytes to a class.
    pub fn add(&mut self, class: Class, length: u64) {
        let sums = self.sums.iter_mut().zip(Class::ALL);
        for (sum, _) in sums.filter(|(_, of)| *of == class) {
            *sum = sum.saturating_add(length);
        }
    }

    /// Adds another account.
    pub fn join(&mut self, other: &Self) {
        Class::ALL.iter().for_each(|&class| self.add(class, other.get(class)));
    }

    /// The bytes in one class.
    #[must_use]
    pub fn get(&self, class: Class) -> u64 {
        self.sums.iter().zip(Class::ALL).find(|(_, of)| *of == class).map_or(0, |(sum, _)| *sum)
    }

    /// The same without what was opened: an account of content.
    #[must_use]
    pub fn content(&self) -> Self {
        let mut content = Self::default();
        Class::ALL.iter().filter(|&&class| class != Class::Opened).for_each(|&class| {
            content.add(class, self.get(class));
        });
        content
    }

    /// All bytes.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.sums.iter().fold(0, |sum: u64, bytes| sum.saturating_add(*bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{fill, piece, tree};

    #[test]
    fn what_nothing_was_compared_with_is_what_its_bytes_are() {
        let of = |content| {
            let image =
                if content == Content::Fill { fill("a:1", 4) } else { piece("a:1", "one!").content(content) };
            let tree = tree(&[image]);
            tree.leaves().map(Class::unreferenced).next()
        };
        assert_eq!(of(Content::Fill), Some(Class::Fill));
        assert_eq!(of(Content::Parsed), Some(Class::Parsed));
        for content in [Content::Unknown, Content::Encoded, Content::Closed] {
            assert_eq!(of(content), Some(Class::Unexplained));
        }
    }

    #[test]
    fn classes_and_reasons_have_names_of_their_own() {
        let names: std::collections::BTreeSet<_> = Class::ALL.map(Class::name).into();
        assert_eq!(names.len(), 9);
        assert_eq!((Class::Matched.name(), Class::Unread.name()), ("matched", "unread"));
        assert_eq!([Basis::Bytes, Basis::Form, Basis::Whole].map(Basis::name), ["bytes", "form", "whole"]);
    }

    #[test]
    fn an_account_adds_up_and_its_content_leaves_out_what_was_opened() {
        let mut account = Account::default();
        for (class, bytes) in Class::ALL.into_iter().zip(1..) {
            account.add(class, bytes);
        }
        assert_eq!((account.total(), account.content().total()), (45, 36));
        assert_eq!((account.get(Class::Opened), account.content().get(Class::Opened)), (9, 0));
        account.join(&account.content());
        assert_eq!((account.total(), account.get(Class::Matched)), (81, 2));
    }
}
