//! Some bytes of a space, for a person who wants to read them.

use crate::Span;

/// Bytes that a caller wants back. Their space is named as reports name it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Excerpt {
    /// Path of the space: `image`, or that of the region that encodes it.
    pub space: String,
    /// Where in the space.
    pub span: Span,
}

impl Excerpt {
    /// So many bytes are given to people at most: settings and scripts are smaller, and nobody reads more.
    pub const MOST: u64 = 64 << 10;

    /// True when they lie in that part of a space, whichever it is.
    pub(crate) fn lies_in(&self, span: Span) -> bool {
        !self.span.is_empty() && span.contains(self.span)
    }
}
