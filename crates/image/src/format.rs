//! What a format is.

use core::fmt;

use crate::{Builder, Input, Trouble, len64, to_usize};

/// A format of firmware: recognises it and takes it apart. One file each, listed by its family in `kiwame_formats::FAMILIES`.
pub trait Format: fmt::Debug + Sync {
    /// Name, lower case with hyphens; the first part of its paths and finding ids.
    fn name(&self) -> &'static str;

    /// One line for the table of supported formats.
    fn about(&self) -> &'static str;

    /// Looks at the first bytes. Must check more than a magic.
    fn probe(&self, head: &Head<'_>) -> Option<Match>;

    /// True when a loader could take what begins so for a program. Asked of whatever bytes are judged, by whichever format
    /// they are taken apart, and so on fewer facts than [`Format::probe`].
    fn runs(&self, _head: &Head<'_>) -> bool {
        false
    }

    /// Names of the formats that this one lies over: what it reads is theirs too, and no second reading.
    fn over(&self) -> &'static [&'static str] {
        &[]
    }

    /// How what lies somewhere among other bytes is found by searching; `None` for what is not looked for.
    fn anchor(&self) -> Option<&'static Anchor> {
        None
    }

    /// Takes the region apart. Never fails: what is malformed is a defect, what is not understood a gap.
    fn parse<'a>(&self, at: Input<'a>, out: &mut Builder<'_, 'a>);
}

/// What a search looks for, and how a find is confirmed before it counts.
#[derive(Debug)]
pub struct Anchor {
    /// Bytes of which one stands in everything of the format, three at least or all that there are. Without any, it is
    /// looked for only where media have their blocks, by [`Format::probe`].
    pub marks: &'static [&'static [u8]],
    /// How far from the start they stand, in bytes.
    pub at: u64,
    /// Its length in bytes, when the input begins with all of one: by its own length and checksum, or by a structure that is
    /// as sure. What a look costs that hostile bytes can ask for again and again is spent first. The second argument is
    /// the most that a stream may decode to.
    pub whole: Whole,
}

/// See [`Anchor::whole`].
pub type Whole = fn(&Input<'_>, u64) -> Result<Option<u64>, Trouble>;

/// The first bytes of a region: at most 68 KiB (GPT at 0x200, ext4 at 0x438, ISO 9660 at 0x8000).
#[derive(Debug)]
pub struct Head<'a> {
    bytes: &'a [u8],
    size: u64,
    near: u64,
}

impl<'a> Head<'a> {
    /// How many bytes a head has at most.
    pub const LENGTH: u64 = 68 << 10;

    /// The head of a region of `size` bytes.
    #[must_use]
    pub fn new(bytes: &'a [u8], size: u64) -> Self {
        Self { bytes, size, near: u64::MAX }
    }

    /// The head of what may begin here, for those who look at every `step` bytes.
    #[must_use]
    pub fn of_step(bytes: &'a [u8], size: u64, step: u64) -> Self {
        Self { bytes, size, near: step }
    }

    /// Size of the whole region.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// All the bytes of the head.
    #[must_use]
    pub fn all(&self) -> &'a [u8] {
        self.bytes
    }

    /// How far from the front, in bytes, the first part of the region may begin when padding may come before it:
    /// anywhere in the head, or, for those who search, before their next step.
    #[must_use]
    pub fn near(&self) -> u64 {
        self.near.min(len64(self.bytes))
    }

    /// `length` bytes at `offset`; `None` when they are not all there.
    #[must_use]
    pub fn bytes(&self, offset: u64, length: u64) -> Option<&'a [u8]> {
        self.bytes.get(to_usize(offset)..to_usize(offset.checked_add(length)?))
    }

    /// A little-endian `u16`.
    #[must_use]
    pub fn u16_le(&self, offset: u64) -> Option<u16> {
        Some(u16::from_le_bytes(self.bytes(offset, 2)?.try_into().ok()?))
    }

    /// A little-endian `u32`.
    #[must_use]
    pub fn u32_le(&self, offset: u64) -> Option<u32> {
        Some(u32::from_le_bytes(self.bytes(offset, 4)?.try_into().ok()?))
    }

    /// A little-endian `u64`.
    #[must_use]
    pub fn u64_le(&self, offset: u64) -> Option<u64> {
        Some(u64::from_le_bytes(self.bytes(offset, 8)?.try_into().ok()?))
    }
}

/// A format recognised a region.
#[derive(Clone, Copy, Debug)]
pub struct Match {
    /// The format.
    pub format: &'static str,
    /// How sure it is: the count of independent facts that agree. The highest wins, then the order of the list.
    pub weight: u32,
    /// Where it begins: padding may come before a medium's first part.
    pub begins: u64,
    /// How many bytes it has by its own account, for those who search. None when it does not say.
    pub length: Option<u64>,
    /// Each of its blocks may begin as the whole does: what is found next belongs to it, for those who search.
    pub repeats: bool,
}

impl Match {
    /// A match on one fact.
    pub fn exact(format: &dyn Format) -> Self {
        Self::weighted(format, 1)
    }

    /// A match on `weight` independent facts.
    pub fn weighted(format: &dyn Format, weight: u32) -> Self {
        Self { format: format.name(), weight, begins: 0, length: None, repeats: false }
    }

    /// The same match, of something that begins later.
    #[must_use]
    pub fn beginning(self, begins: u64) -> Self {
        Self { begins, ..self }
    }

    /// The same match, of something that says how long it is.
    #[must_use]
    pub fn of_length(self, length: u64) -> Self {
        Self { length: Some(length), ..self }
    }

    /// The same match, of something whose blocks may all begin as the whole does.
    #[must_use]
    pub fn repeating(self) -> Self {
        Self { repeats: true, ..self }
    }
}
