//! Offsets and lengths, in bytes, as `u64` on every host.

/// The length of a slice in bytes. The one `usize` to `u64` step of the core; it never loses anything.
#[must_use]
pub fn len64<T>(slice: &[T]) -> u64 {
    u64::try_from(slice.len()).unwrap_or(u64::MAX)
}

/// The other way, at the one checked slice: a value that no address can hold becomes `usize::MAX`, which no
/// slice reaches on any host.
#[must_use]
pub fn to_usize(value: u64) -> usize {
    usize::try_from(value).unwrap_or(usize::MAX)
}

/// A range of bytes in some space. The end saturates, so that a hostile length can never wrap around.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    /// First byte, counted from the start of the space.
    pub offset: u64,
    /// Length in bytes.
    pub length: u64,
}

impl Span {
    /// `length` bytes from `offset`.
    #[must_use]
    pub fn new(offset: u64, length: u64) -> Self {
        Self { offset, length }
    }

    /// The bytes from `start` up to, not including, `end`; empty when `end` lies before `start`.
    #[must_use]
    pub fn between(start: u64, end: u64) -> Self {
        Self { offset: start, length: end.saturating_sub(start) }
    }

    /// The first offset behind the span.
    #[must_use]
    pub fn end(self) -> u64 {
        self.offset.saturating_add(self.length)
    }

    /// True when there is no byte in it.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.length == 0
    }

    /// True when every byte of `inner` is in `self`.
    #[must_use]
    pub fn contains(self, inner: Self) -> bool {
        inner.offset >= self.offset && inner.end() <= self.end()
    }

    /// True when the two share a byte.
    #[must_use]
    pub fn overlaps(self, other: Self) -> bool {
        self.offset < other.end() && other.offset < self.end()
    }

    /// `length` bytes at `offset` counted from the start of this span, cut off at its end.
    #[must_use]
    pub fn slice(self, offset: u64, length: u64) -> Self {
        let start = self.offset.saturating_add(offset).min(self.end());
        Self { offset: start, length: length.min(self.end().saturating_sub(start)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slice_never_leaves_its_span() {
        let span = Span::new(10, 20);
        assert_eq!(span.slice(5, 100), Span::new(15, 15));
        assert_eq!(span.slice(20, 1), Span::new(30, 0));
        assert_eq!(span.slice(u64::MAX, u64::MAX), Span::new(30, 0));
    }

    #[test]
    fn ends_saturate() {
        assert_eq!(Span::new(u64::MAX, 2).end(), u64::MAX);
        assert!(!Span::new(0, 4).overlaps(Span::new(4, 4)));
        assert!(Span::new(0, 5).overlaps(Span::new(4, 4)));
    }
}
