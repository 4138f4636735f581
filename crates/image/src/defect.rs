//! Bytes against the specification.

use crate::{LimitKind, ReadError, RegionId, Value};

/// A kind of defect: a `static` in the file of the parser that notes it, so that a misspelt one does not compile, and what
/// it means for the verdict is said once. Its meaning stands on the `static`, and `docs/findings.md` lists all.
#[derive(Debug, PartialEq, Eq)]
pub struct DefectKind {
    /// Stable id, `<format>/<what>`: signed manifests and waivers name it.
    pub id: &'static str,
    /// True when real loaders could read the bytes differently (RULES 5): the image never affirms unless the
    /// signed manifest records this very defect.
    pub ambiguous: bool,
    /// True when the bytes end before what they should hold does.
    pub cut_short: bool,
}

impl DefectKind {
    /// Against the specification, and read alike by all loaders, or by none.
    #[must_use]
    pub const fn odd(id: &'static str) -> Self {
        Self { id, ambiguous: false, cut_short: false }
    }

    /// Something that loaders may read differently.
    #[must_use]
    pub const fn ambiguous(id: &'static str) -> Self {
        Self { ambiguous: true, ..Self::odd(id) }
    }

    /// The same, for bytes that end too early.
    #[must_use]
    pub const fn cut_short(self) -> Self {
        Self { cut_short: true, ..self }
    }
}

/// One place where the bytes are not what the specification says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Defect {
    /// What it is.
    pub kind: &'static DefectKind,
    /// The field, in the specification's own spelling.
    pub field: &'static str,
    /// Offset of the field in the region's space.
    pub offset: u64,
    /// What is there.
    pub found: Value,
    /// What should be there.
    pub expected: Value,
    /// The region it is about; set when it is noted.
    pub region: RegionId,
}

impl Defect {
    /// A defect; [`crate::Builder`] sets the region when it notes it.
    #[must_use]
    pub fn new(
        kind: &'static DefectKind,
        field: &'static str,
        offset: u64,
        found: impl Into<Value>,
        expected: impl Into<Value>,
    ) -> Self {
        Self { kind, field, offset, found: found.into(), expected: expected.into(), region: RegionId::ROOT }
    }
}

/// Why a parser stops reading a region. What it has found stays; the rest of the region becomes a gap.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// The bytes are malformed.
    Defect(Defect),
    /// A budget is used up.
    Limit(LimitKind),
    /// The source could not be read.
    Read(ReadError),
}

impl From<Defect> for Trouble {
    fn from(defect: Defect) -> Self {
        Self::Defect(defect)
    }
}

impl From<LimitKind> for Trouble {
    fn from(kind: LimitKind) -> Self {
        Self::Limit(kind)
    }
}

impl From<ReadError> for Trouble {
    fn from(error: ReadError) -> Self {
        Self::Read(error)
    }
}

/// The kinds of defects that the builder notes, whichever format writes.
pub const DEFECTS: &[&DefectKind] = &[&CLAIM_DIGEST, &OUTSIDE, &OVERLAP, &SPACE_OUTSIDE, &SPACE_SHARED];

/// What the image says of a part's digest is not so.
pub(crate) static CLAIM_DIGEST: DefectKind = DefectKind::ambiguous("claim/digest");
/// A part lies outside of what it is a part of.
pub(crate) static OUTSIDE: DefectKind = DefectKind::odd("region/outside");
/// Two parts share bytes.
pub(crate) static OVERLAP: DefectKind = DefectKind::ambiguous("region/overlap");
/// A piece of a space that is put together lies outside of what it is taken from.
pub(crate) static SPACE_OUTSIDE: DefectKind = DefectKind::ambiguous("space/outside");
/// Two pieces of a space that is put together take the same bytes.
pub(crate) static SPACE_SHARED: DefectKind = DefectKind::ambiguous("space/shared");
