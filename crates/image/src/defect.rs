//! Bytes against the specification.

use crate::{LimitKind, ReadError, RegionId, Value};

/// One place where the bytes are not what the specification says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Defect {
    /// Stable id, `<format>/<what>`.
    pub id: &'static str,
    /// The field, in the specification's own spelling.
    pub field: &'static str,
    /// Offset of the field in the region's space.
    pub offset: u64,
    /// What is there.
    pub found: Value,
    /// What should be there.
    pub expected: Value,
    /// True when real loaders could read the bytes differently (RULES 5): the image never affirms unless the
    /// signed manifest records this very defect.
    pub ambiguous: bool,
    /// The region it is about; set when it is noted.
    pub region: RegionId,
}

impl Defect {
    /// A defect; [`crate::Builder`] sets the region when it notes it.
    #[must_use]
    pub fn new(
        id: &'static str,
        field: &'static str,
        offset: u64,
        found: impl Into<Value>,
        expected: impl Into<Value>,
    ) -> Self {
        Self {
            id,
            field,
            offset,
            found: found.into(),
            expected: expected.into(),
            ambiguous: false,
            region: RegionId::ROOT,
        }
    }

    /// The same defect, as one that loaders may read differently.
    #[must_use]
    pub fn ambiguous(self) -> Self {
        Self { ambiguous: true, ..self }
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
