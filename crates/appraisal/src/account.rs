//! The account: how many bytes are in which class.

use kiwame_image::{Content, Region, SpaceId, Tree};

/// What is known of a leaf. From good to bad.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// Its bytes, or its content, equal a signed reference value.
    Matched,
    /// Erased, inside bounds that structure sets.
    Fill,
    /// Declared to differ from device to device, and within its rule.
    Mutable,
    /// Understood, but no reference value covers it.
    Parsed,
    /// Not understood, and no reference value covers it.
    Unexplained,
}

impl Class {
    /// Every class, in the order of the report.
    pub const ALL: [Self; 5] = [Self::Matched, Self::Mutable, Self::Fill, Self::Parsed, Self::Unexplained];

    /// The name in reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Matched => "matched",
            Self::Mutable => "mutable",
            Self::Fill => "fill",
            Self::Parsed => "parsed",
            Self::Unexplained => "unexplained",
        }
    }

    /// The class of a leaf that nothing was compared with.
    #[must_use]
    pub fn unreferenced(region: &Region) -> Self {
        match region.content {
            Content::Fill => Self::Fill,
            Content::Parsed => Self::Parsed,
            // Until the content of a stream is known, its bytes are as good as unknown.
            Content::Unknown | Content::Encoded => Self::Unexplained,
        }
    }
}

/// Why a leaf is matched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Basis {
    /// Its bytes are equal.
    Bytes,
    /// It encodes, otherwise, what the reference encodes.
    Content,
    /// The whole image is equal, and nothing needed to be taken apart.
    Whole,
}

impl Basis {
    /// The name in reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Bytes => "bytes",
            Self::Content => "content",
            Self::Whole => "whole",
        }
    }
}

/// Bytes of one space in each class. The five add up to its size.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Account {
    /// Equal to a signed reference value.
    pub matched: u64,
    /// Declared mutable, within its rule.
    pub mutable: u64,
    /// Erased.
    pub fill: u64,
    /// Understood only.
    pub parsed: u64,
    /// Not understood.
    pub unexplained: u64,
}

impl Account {
    /// The account of one space, from the class of each leaf.
    pub fn of(tree: &Tree, space: SpaceId, class: impl Fn(&Region) -> Class) -> Self {
        let mut account = Self::default();
        for leaf in tree.leaves().filter(|leaf| leaf.space == space) {
            account.add(class(leaf), leaf.span.length);
        }
        account
    }

    /// Adds bytes to a class.
    pub fn add(&mut self, class: Class, length: u64) {
        let sum = match class {
            Class::Matched => &mut self.matched,
            Class::Mutable => &mut self.mutable,
            Class::Fill => &mut self.fill,
            Class::Parsed => &mut self.parsed,
            Class::Unexplained => &mut self.unexplained,
        };
        *sum = sum.saturating_add(length);
    }

    /// The bytes in one class.
    #[must_use]
    pub fn get(&self, class: Class) -> u64 {
        match class {
            Class::Matched => self.matched,
            Class::Mutable => self.mutable,
            Class::Fill => self.fill,
            Class::Parsed => self.parsed,
            Class::Unexplained => self.unexplained,
        }
    }

    /// All bytes.
    #[must_use]
    pub fn total(&self) -> u64 {
        Class::ALL.iter().fold(0, |sum: u64, class| sum.saturating_add(self.get(*class)))
    }
}
