//! Bytes whose format nothing around them says.
//!
//! A stream holds something, a partition is there, padding lies beside a volume: which format reads it, only somebody who
//! knows all formats can say. A format asks for that with [`Recognised`], and knows no other.

use core::fmt;

use crate::{Builder, Format, Glance, Input, Reading, Trouble, len64, to_usize};

/// Where such bytes lie. It decides what is looked for: a medium cannot lie in a file, nor padding be searched as a flash is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// What a stream or container holds.
    Stream,
    /// The same, of one of very many: what is only told for completeness is left out.
    OneOfMany,
    /// What a file of a file system holds.
    File,
    /// What no format recognises as a whole: a medium in which something may begin anywhere.
    Unrecognised,
    /// A partition of a medium.
    Partition,
    /// What lies behind something that says how long it is.
    Behind,
    /// Padding beside firmware volumes, which have been looked for.
    Padding,
    /// The same where whole volumes may lie as well.
    BesideVolumes,
    /// What a file system or an environment keeps and nothing uses.
    Unused,
    /// What nothing reaches any more; nothing is added where nothing is found.
    Remains,
}

impl Place {
    fn name(self) -> &'static str {
        match self {
            Self::Stream | Self::OneOfMany => "content",
            Self::File => "data",
            Self::Unrecognised => "raw",
            Self::Partition | Self::Behind | Self::Remains => "raw-flash",
            Self::Padding | Self::BesideVolumes => "padding",
            Self::Unused => "unused",
        }
    }
}

/// Whoever knows all formats.
pub trait Recogniser: fmt::Debug + Sync {
    /// Takes the current region, which is `at` and lies in such a place, apart by whatever recognises it.
    fn open<'a>(&self, place: Place, at: Input<'a>, out: &mut Builder<'_, 'a>);

    /// True when a loader could take something of `size` bytes that begins so for a program.
    fn could_run(&self, head: &[u8], size: u64) -> bool;

    /// True when something that has a mark begins somewhere in it.
    ///
    /// # Errors
    /// When it cannot be looked through.
    fn finds(&self, at: &Input<'_>) -> Result<bool, Trouble>;
}

/// The format of bytes that are to be recognised.
#[derive(Debug)]
pub struct Recognised(pub Place);

impl Format for Recognised {
    fn name(&self) -> &'static str {
        self.0.name()
    }

    fn about(&self) -> &'static str {
        "bytes that are recognised by what they are"
    }

    fn probe(&self, _glance: &Glance<'_>) -> Option<Reading> {
        None
    }

    fn parse<'a>(&self, at: Input<'a>, out: &mut Builder<'_, 'a>) {
        if let Some(recogniser) = out.recogniser() {
            recogniser.open(self.0, at, out);
        }
    }
}

/// Bytes in which the marks of every sort of program lie.
pub const PROGRAM: u64 = 0x210;

impl Input<'_> {
    /// True when a loader could take it for a program, or when it cannot be looked at.
    #[must_use]
    pub fn could_run(&self) -> bool {
        self.head(PROGRAM).map_or(true, |head| self.begins_program(&head, self.length()))
    }

    /// As [`Input::could_run`], of what such bytes begin and that is so long.
    #[must_use]
    pub fn begins_program(&self, bytes: &[u8], size: u64) -> bool {
        let head = bytes.get(..to_usize(PROGRAM)).unwrap_or(bytes);
        let size = size.max(len64(bytes));
        self.context.recogniser.is_some_and(|recogniser| recogniser.could_run(head, size))
    }

    /// True when it could be a program, or something in it begins that has a mark, or when it cannot be looked at.
    #[must_use]
    pub fn holds_program(&self) -> bool {
        let finds = |recogniser: &dyn Recogniser| recogniser.finds(self).unwrap_or(true);
        self.could_run() || self.context.recogniser.is_some_and(finds)
    }
}
