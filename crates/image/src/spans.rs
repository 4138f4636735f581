//! Sets of ranges, and the walk over a table of places that every format with such a table makes.

use std::collections::BTreeMap;

use crate::{Arrange as _, Gather as _, Span};

/// Ranges of one space, those that touch made one, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Spans(BTreeMap<u64, u64>);

impl Spans {
    /// The ranges in order.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = Span> {
        self.0.iter().map(|(&start, &end)| Span::between(start, end))
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> u64 {
        u64::try_from(self.0.len()).unwrap_or(u64::MAX)
    }

    /// True when a byte of `span` is in one of them.
    #[must_use]
    pub fn overlaps(&self, span: Span) -> bool {
        !span.is_empty() && self.before(span.end()).is_some_and(|other| other.end() > span.offset)
    }

    /// True when every byte of `span` is in one of them.
    #[must_use]
    pub fn contains(&self, span: Span) -> bool {
        span.is_empty() || self.before(span.end()).is_some_and(|other| other.contains(span))
    }

    /// Adds a range. True when a byte of it was there already.
    pub fn add(&mut self, span: Span) -> bool {
        if span.is_empty() {
            return false;
        }
        let shared = self.overlaps(span);
        let mut whole = span;
        // One that ends where it begins, or begins where it ends, touches.
        while let Some(other) = self.before(whole.end().saturating_add(1)) {
            if other.end() < whole.offset {
                break;
            }
            self.0.remove(&other.offset);
            whole = Span::between(whole.offset.min(other.offset), whole.end().max(other.end()));
        }
        self.0.insert(whole.offset, whole.end());
        shared
    }

    /// What lies between them in `within`, in order.
    pub fn gaps(&self, within: Span) -> impl Iterator<Item = Span> {
        let last = Span::new(within.end(), 0);
        let mut done = within.offset;
        let between = self.iter().chain([last]).map(move |span| {
            let gap = Span::between(done, span.offset.min(within.end()));
            done = done.max(span.end());
            gap
        });
        between.filter(|gap| !gap.is_empty())
    }

    /// The last that begins before `end`.
    fn before(&self, end: u64) -> Option<Span> {
        self.0.range(..end).next_back().map(|(&start, &end)| Span::between(start, end))
    }
}

/// In any order, overlapping or not.
impl FromIterator<Span> for Spans {
    fn from_iter<I: IntoIterator<Item = Span>>(spans: I) -> Self {
        let mut sorted: Vec<_> = spans.into_iter().filter(|span| !span.is_empty()).collect();
        sorted.arrange();
        let mut joined: Vec<(u64, u64)> = Vec::new();
        for span in sorted {
            match joined.last_mut().filter(|last| last.1 >= span.offset) {
                Some(last) => last.1 = last.1.max(span.end()),
                None => joined.push((span.offset, span.end())),
            }
        }
        Self(joined.into_iter().into_map())
    }
}

/// One thing that a table names, laid out among the others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Laid<T> {
    /// The thing.
    pub thing: T,
    /// Where the table says that it lies.
    pub stated: Span,
    /// What lies before it and behind everything that comes before; may be empty.
    pub gap: Span,
    /// What is left for it: not taken by one before, and within the bytes that there are.
    pub span: Span,
    /// Where the furthest of those before it ends, when it begins before that: two share bytes.
    pub shared: Option<u64>,
    /// It goes beyond the bytes that there are.
    pub beyond: bool,
}

/// Lays out things by offset in the first `length` bytes of something, those of one offset in the order in which they are
/// given. Of two that share bytes the first keeps them. Gives what lies behind the last as well.
pub fn lay_out<T>(length: u64, mut things: Vec<(Span, T)>) -> (Vec<Laid<T>>, Span) {
    things.arrange_by_key(|(span, _)| span.offset);
    let mut done = 0_u64;
    let laid = things.into_iter().map(|(stated, thing)| {
        let start = stated.offset.max(done).min(length);
        let span = Span::between(start, stated.end().min(length));
        let laid = Laid {
            thing,
            stated,
            gap: Span::between(done, start),
            span,
            shared: (stated.offset < done).then_some(done),
            beyond: stated.end() > length,
        };
        done = done.max(span.end());
        laid
    });
    let laid = laid.collect();
    (laid, Span::between(done, length))
}

#[cfg(test)]
mod tests {
    #![allow(
        clippy::arithmetic_side_effects,
        clippy::as_conversions,
        clippy::indexing_slicing,
        reason = "tests"
    )]

    use super::*;

    /// Some spans out of a seed, most of them within 64 bytes.
    fn spans(seed: u64) -> Vec<Span> {
        let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        let mut next = |most: u64| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state % most
        };
        (0..next(9)).map(|_| Span::new(next(64), next(12))).collect()
    }

    fn bytes(spans: impl IntoIterator<Item = Span>) -> Vec<bool> {
        let mut bytes = vec![false; 80];
        spans.into_iter().for_each(|span| bytes[span.offset as usize..span.end() as usize].fill(true));
        bytes
    }

    #[test]
    fn a_set_holds_the_bytes_of_what_was_added_and_its_gaps_the_others() {
        for seed in 0..2000 {
            let given = spans(seed);
            let set: Spans = given.iter().copied().collect();
            let mut added = Spans::default();
            for (number, &span) in given.iter().enumerate() {
                let before = bytes(given[..number].iter().copied());
                let shared = (span.offset..span.end()).any(|at| before[at as usize]);
                assert_eq!((added.overlaps(span), added.add(span)), (shared, shared), "{seed}");
                assert!(added.contains(span), "{seed}");
            }
            assert_eq!(set, added, "{seed}");
            let held = bytes(given.iter().copied());
            assert_eq!(bytes(set.iter()), held, "{seed}");
            let ends: Vec<_> = set.iter().flat_map(|span| [span.offset, span.end()]).collect();
            assert!(ends.windows(2).all(|two| two[0] < two[1]), "{seed}: in order, and none touches another");
            let free = bytes(set.gaps(Span::new(0, 80)));
            assert!(free.iter().zip(&held).all(|(free, held)| free != held), "{seed}");
            for span in spans(seed + 1_000_000) {
                let here = &held[span.offset as usize..span.end() as usize];
                assert_eq!(set.overlaps(span), here.contains(&true), "{seed}");
                assert_eq!(set.contains(span), !here.contains(&false), "{seed}");
            }
        }
        let all: Spans = [Span::new(0, u64::MAX), Span::new(u64::MAX, 5)].into_iter().collect();
        assert_eq!(all.iter().collect::<Vec<_>>(), [Span::new(0, u64::MAX)]);
    }

    #[test]
    fn what_is_laid_out_tiles_and_says_what_was_wrong() {
        for seed in 0..2000 {
            let given = spans(seed);
            let things = given.iter().copied().zip(0..).collect();
            let (laid, behind) = lay_out(40, things);
            assert_eq!(laid.len(), given.len());
            let tiles = laid.iter().flat_map(|laid| [laid.gap, laid.span]).chain([behind]);
            let mut at = 0;
            for tile in tiles.filter(|tile| !tile.is_empty()) {
                assert_eq!(tile.offset, at, "{seed}");
                at = tile.end();
            }
            assert_eq!(at, 40, "{seed}");
            let mut furthest = 0;
            for laid in &laid {
                assert_eq!(laid.stated, given[laid.thing], "{seed}");
                assert_eq!(laid.beyond, laid.stated.end() > 40, "{seed}");
                assert_eq!(laid.shared.is_some(), laid.stated.offset < furthest, "{seed}");
                furthest = furthest.max(laid.stated.end().min(40));
            }
        }
        let (laid, behind) = lay_out(10, vec![(Span::new(4, 4), 'b'), (Span::new(2, 4), 'a')]);
        let [a, b] = &laid[..] else { panic!("two") };
        assert_eq!((a.thing, a.gap, a.span, a.shared), ('a', Span::new(0, 2), Span::new(2, 4), None));
        assert_eq!((b.thing, b.span, b.shared, b.beyond), ('b', Span::new(6, 2), Some(6), false));
        assert_eq!(behind, Span::new(8, 2));
    }
}
