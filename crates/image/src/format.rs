//! What a format is.

use core::cell::OnceCell;
use core::fmt;

use crate::{Builder, DefectKind, Input, Trouble, Window, len64, to_usize};

/// A format of firmware: recognises it and takes it apart. One file each, listed by its family in `kiwame_formats::FAMILIES`.
pub trait Format: fmt::Debug + Sync {
    /// Name, lower case with hyphens; the first part of its paths and finding ids.
    fn name(&self) -> &'static str;

    /// One line for the table of supported formats.
    fn about(&self) -> &'static str;

    /// The kinds of defects that it notes, file by file, and those of parsers that nobody lists.
    fn defects(&self) -> &'static [&'static [&'static DefectKind]] {
        &[]
    }

    /// How it reads a region, by its first and last bytes. Must check more than a magic.
    fn probe(&self, glance: &Glance<'_>) -> Option<Reading>;

    /// True when a loader could take what begins so for a program. Asked of whatever bytes are judged, by whichever format
    /// they are taken apart, and so on fewer facts than [`Format::probe`].
    fn runs(&self, _glance: &Glance<'_>) -> bool {
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

/// What is looked at to recognise a region: its first bytes, at most 68 KiB (GPT at 0x200, ext4 at 0x438, ISO 9660 at 0x8000),
/// and its last, at most 4 KiB (AVB and VHD footers, the trailers of MCUboot, metadata behind an update).
#[derive(Debug)]
pub struct Glance<'a> {
    head: &'a [u8],
    tail: Tail<'a>,
    size: u64,
    near: u64,
}

/// The last bytes of a region, read when somebody asks for them.
#[derive(Debug)]
enum Tail<'a> {
    Bytes(&'a [u8]),
    Of(&'a Input<'a>, OnceCell<Option<Window>>),
}

impl<'a> Glance<'a> {
    /// How many bytes a head has at most.
    pub const LENGTH: u64 = 68 << 10;
    /// How many bytes a tail has at most.
    pub const TAIL: u64 = 4 << 10;

    /// A glance at a region of `size` bytes that begins with `head`. Its tail is there when the head is all of it.
    #[must_use]
    pub fn new(head: &'a [u8], size: u64) -> Self {
        let start = len64(head).saturating_sub(Self::TAIL);
        let tail = head.get(to_usize(start)..).filter(|_| len64(head) == size);
        Self { head, tail: Tail::Bytes(tail.unwrap_or_default()), size, near: u64::MAX }
    }

    /// The same, with the last bytes of the region, which is `at`.
    #[must_use]
    pub fn with_tail_of(self, at: &'a Input<'a>) -> Self {
        Self { tail: Tail::Of(at, OnceCell::new()), ..self }
    }

    /// A glance at what may begin here, for those who look at every `step` bytes.
    #[must_use]
    pub fn of_step(head: &'a [u8], size: u64, step: u64) -> Self {
        Self { head, tail: Tail::Bytes(&[]), size, near: step }
    }

    /// Size of the whole region.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// All the bytes of the head.
    #[must_use]
    pub fn all(&self) -> &'a [u8] {
        self.head
    }

    /// How far from the front, in bytes, the first part of the region may begin when padding may come before it:
    /// anywhere in the head, or, for those who search, before their next step.
    #[must_use]
    pub fn near(&self) -> u64 {
        self.near.min(len64(self.head))
    }

    /// `length` bytes at `offset`; `None` when they are not all in the head.
    #[must_use]
    pub fn bytes(&self, offset: u64, length: u64) -> Option<&'a [u8]> {
        self.head.get(to_usize(offset)..to_usize(offset.checked_add(length)?))
    }

    /// `length` bytes that begin `before` bytes before the end of the region; `None` when they are not all in the tail.
    #[must_use]
    pub fn from_end(&self, before: u64, length: u64) -> Option<&[u8]> {
        let tail = match &self.tail {
            Tail::Bytes(tail) => tail,
            Tail::Of(at, tail) => {
                let start = at.length().saturating_sub(Self::TAIL);
                tail.get_or_init(|| at.from(start).window().ok()).as_deref()?
            }
        };
        let start = len64(tail).checked_sub(before)?;
        tail.get(to_usize(start)..to_usize(start.checked_add(length)?))
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

/// How sure a reading is: what it takes to make other bytes look so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sure {
    /// They have the shape, as many bytes do.
    Shape,
    /// A mark is there, which is found in anything.
    Magic,
    /// Fields that depend on each other agree.
    Structure,
    /// A checksum or digest is right.
    Checked,
}

/// How a format reads a region.
#[derive(Clone, Copy, Debug)]
pub struct Reading {
    /// The format.
    pub format: &'static str,
    /// How sure it is.
    pub sure: Sure,
    /// Where it begins: padding may come before a medium's first part.
    pub begins: u64,
    /// How many bytes it has by its own account, for those who search. None when it does not say.
    pub length: Option<u64>,
    /// Each of its blocks may begin as the whole does: what is found next belongs to it, for those who search.
    pub repeats: bool,
}

impl Reading {
    /// A reading that is so sure.
    pub fn new(format: &dyn Format, sure: Sure) -> Self {
        Self { format: format.name(), sure, begins: 0, length: None, repeats: false }
    }

    /// The same reading, of something that begins later.
    #[must_use]
    pub fn beginning(self, begins: u64) -> Self {
        Self { begins, ..self }
    }

    /// The same reading, of something that says how long it is.
    #[must_use]
    pub fn of_length(self, length: u64) -> Self {
        Self { length: Some(length), ..self }
    }

    /// The same reading, of something whose blocks may all begin as the whole does.
    #[must_use]
    pub fn repeating(self) -> Self {
        Self { repeats: true, ..self }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::arithmetic_side_effects, clippy::indexing_slicing, reason = "tests")]

    use super::*;

    #[test]
    fn a_tail_is_counted_from_the_end() {
        let bytes: Vec<u8> = (0..=255).cycle().take(0x3000).collect();
        let whole = Glance::new(&bytes, 0x3000);
        assert_eq!(whole.from_end(0x1000, 4), Some(&[0, 1, 2, 3][..]));
        assert_eq!(whole.from_end(2, 2), Some(&[0xfe, 0xff][..]));
        assert_eq!((whole.from_end(0x1001, 1), whole.from_end(1, 2)), (None, None));
        // Of a region that goes on behind its head, only who has its last bytes shows them.
        assert_eq!(Glance::new(&bytes, 0x3001).from_end(1, 1), None);
        assert_eq!(Glance::of_step(&bytes, 0x3000, 4096).from_end(1, 1), None);
    }

    static FOOTER: crate::Fact = crate::Fact::new("footer");

    #[derive(Debug)]
    struct Footer;

    impl Format for Footer {
        fn name(&self) -> &'static str {
            "footer"
        }

        fn about(&self) -> &'static str {
            "a toy that lies before its mark"
        }

        fn probe(&self, glance: &Glance<'_>) -> Option<Reading> {
            (glance.from_end(64, 4)? == b"AVBf").then(|| Reading::new(self, Sure::Magic))
        }

        fn parse<'a>(&self, at: Input<'a>, out: &mut Builder<'_, 'a>) {
            let head = at.head(Glance::LENGTH).expect("memory");
            let glance = Glance::new(&head, at.length()).with_tail_of(&at);
            out.fact(&FOOTER, self.probe(&glance).is_some());
        }
    }

    #[test]
    fn the_tail_of_a_long_region_is_read_when_it_is_asked_for() {
        for (mark, found) in [(&b"AVBf"[..], true), (b"AVBg", false)] {
            let mut bytes = vec![0; 0x8_0000];
            let at = bytes.len() - 64;
            bytes[at..at + 4].copy_from_slice(mark);
            let size = len64(&bytes);
            let host = crate::Memory::new([bytes]);
            let (limits, options) = (crate::Limits::default(), crate::Options::default());
            let tree = crate::parse(&host, 0, size, &Footer, &limits, &options).expect("memory");
            let root = tree.region(crate::RegionId::ROOT).expect("the root");
            assert_eq!(root.fact(&FOOTER), Some(&crate::Value::Flag(found)));
        }
    }
}
