//! Spaces that are put together from bytes of another space, and copy none of them.
//!
//! Logical volumes, sparse images, the blocks of a file: what is only rearranged costs no memory, and may be larger than
//! memory. Pieces are bytes that exist already, so no space can be pieced from itself; what a space reads where nothing lies
//! is a hole, which counts in no account of the image. Which bytes the pieces take, [`Builder::pieced`](crate::Builder::pieced)
//! says: those are `opened`, any other is a leaf, and bytes that two pieces take are ambiguous (RULES 1).

use std::rc::Rc;

use crate::input::Store;
use crate::{Arrange as _, Input, LimitKind, Part, SpaceId, Span, Spans, Trouble, Window, len64, to_usize};

/// One piece of a space.
#[derive(Clone, Debug)]
pub enum Piece<'a> {
    /// Bytes of another space.
    Bytes(Input<'a>),
    /// So many bytes of one value that lie nowhere.
    Hole {
        /// How many.
        length: u64,
        /// What a loader reads there.
        value: u8,
    },
}

impl Piece<'_> {
    /// How many bytes of the space it is.
    pub(crate) fn length(&self) -> u64 {
        match self {
            Self::Bytes(input) => input.length(),
            Self::Hole { length, .. } => *length,
        }
    }
}

/// All pieces of a space, by their places in it.
pub(crate) struct Pieces {
    list: Vec<Placed>,
}

struct Placed {
    /// Where it lies in the space.
    span: Span,
    from: Backing,
}

enum Backing {
    /// A source or memory, and where in it.
    Store(Store, u64),
    Hole(u8),
}

impl Pieces {
    /// Pieces one behind the other, the first at `origin`; with where the last ends. Pieces of pieces are followed to where
    /// the bytes are.
    pub(crate) fn of(pieces: &[Piece<'_>], origin: u64) -> Result<(Self, u64), Trouble> {
        let mut list = Vec::new();
        let mut at = origin;
        for piece in pieces.iter().filter(|piece| piece.length() > 0) {
            let span = Span::new(at, piece.length());
            at = at.checked_add(piece.length()).ok_or(LimitKind::Space)?;
            match piece {
                Piece::Hole { value, .. } => list.push(Placed { span, from: Backing::Hole(*value) }),
                Piece::Bytes(input) => {
                    for (place, from) in below(input) {
                        let start = span.offset.saturating_add(place.offset.saturating_sub(input.offset()));
                        list.push(Placed { span: Span::new(start, place.length), from });
                    }
                }
            }
        }
        Ok((Self { list }, at))
    }

    /// The pieces in a span of the space, each cut to it.
    fn within(&self, span: Span) -> impl Iterator<Item = (Span, &Placed)> {
        let first = self.list.partition_point(|placed| placed.span.end() <= span.offset);
        let rest = self.list.get(first..).unwrap_or_default();
        rest.iter().take_while(move |placed| placed.span.offset < span.end()).map(move |placed| {
            let start = placed.span.offset.max(span.offset);
            (Span::between(start, placed.span.end().min(span.end())), placed)
        })
    }
}

/// Where the bytes of an input are, by their places in its space.
fn below(input: &Input<'_>) -> Vec<(Span, Backing)> {
    match &input.store {
        Store::Pieces(pieces) => {
            let each = pieces.within(input.span()).map(|(span, placed)| {
                let skip = span.offset.saturating_sub(placed.span.offset);
                let from = match &placed.from {
                    Backing::Store(store, at) => Backing::Store(store.clone(), at.saturating_add(skip)),
                    Backing::Hole(value) => Backing::Hole(*value),
                };
                (span, from)
            });
            each.collect()
        }
        store => vec![(input.span(), Backing::Store(store.clone(), input.offset()))],
    }
}

/// The bytes of a part of a pieced space, in one piece.
pub(crate) fn window(pieces: &Rc<Pieces>, input: &Input<'_>) -> Result<Window, Trouble> {
    let span = input.span();
    let mut all = pieces.within(span);
    if let (Some((only, placed)), None) = (all.next(), all.next())
        && let Some(inner) = placed.input(only, input)
    {
        return Ok(inner.window()?.placed(span));
    }
    let budget = &input.context.budget;
    if span.length > budget.limits().space {
        return Err(LimitKind::Space.into());
    }
    budget.read(span.length)?;
    let mut bytes = Vec::with_capacity(to_usize(span.length));
    for (part, placed) in pieces.within(span) {
        match placed.input(part, input) {
            Some(inner) => bytes.extend_from_slice(&inner.window()?),
            None => bytes.resize(bytes.len().saturating_add(to_usize(part.length)), placed.hole()),
        }
    }
    Ok(Window::new(Rc::new(bytes), 0, span))
}

/// Hands the parts of a pieced input to whoever digests them.
pub(crate) fn with_parts<T>(
    pieces: &Rc<Pieces>,
    input: &Input<'_>,
    digest: impl FnOnce(&[Part<'_>]) -> Result<T, Trouble>,
) -> Result<T, Trouble> {
    let parts: Vec<_> = pieces.within(input.span()).collect();
    let inner: Vec<_> = parts.iter().map(|(span, placed)| placed.input(*span, input)).collect();
    let windows: Result<Vec<_>, _> =
        inner.iter().map(|inner| inner.as_ref().map_or(Ok(None), Input::held)).collect();
    let windows = windows?;
    let values: Vec<Vec<u8>> = parts
        .iter()
        .map(|(_, placed)| match placed.from {
            Backing::Hole(value) => vec![value; HOLE],
            Backing::Store(..) => Vec::new(),
        })
        .collect();
    let mut list: Vec<Part<'_>> = Vec::new();
    for ((((span, _), inner), window), value) in parts.iter().zip(&inner).zip(&windows).zip(&values) {
        match inner {
            Some(inner) => list.push(inner.part(window.as_ref())),
            None => {
                input.spend(span.length)?;
                let mut left = to_usize(span.length);
                while left > 0 {
                    let some = value.get(..left.min(value.len())).unwrap_or_default();
                    list.push(Part::Memory(some));
                    left = left.saturating_sub(some.len().max(1));
                }
            }
        }
    }
    digest(&list)
}

/// Bytes of a hole that are handed over at a time.
const HOLE: usize = 64 << 10;

impl Placed {
    /// The bytes of a part of it, where they are; `None` for a hole.
    fn input<'a>(&self, part: Span, outer: &Input<'a>) -> Option<Input<'a>> {
        let Backing::Store(store, at) = &self.from else { return None };
        let at = at.saturating_add(part.offset.saturating_sub(self.span.offset));
        Some(Input::at(outer.context, store.clone(), outer.space, Span::new(at, part.length)))
    }

    fn hole(&self) -> u8 {
        match self.from {
            Backing::Hole(value) => value,
            Backing::Store(..) => 0,
        }
    }
}

/// The bytes of a region that pieces take, in runs; with the first that two take, if any do.
pub(crate) fn taken(pieces: &[Piece<'_>], space: SpaceId) -> (Spans, Option<u64>) {
    let bytes = pieces.iter().filter_map(|piece| match piece {
        Piece::Bytes(input) if input.space == space => Some(input.span()),
        Piece::Bytes(_) | Piece::Hole { .. } => None,
    });
    let mut spans: Vec<_> = bytes.collect();
    spans.arrange();
    let mut runs = Spans::default();
    let twice = spans.into_iter().filter(|&span| runs.add(span)).map(|span| span.offset).min();
    (runs, twice)
}

/// Which bytes of a run lie where in the space: what the digest of the leaf is over. Bytes that happen to be this text have the
/// same digest; [`crate::fact::PIECED`], a fact that is compared as well, tells the two apart.
pub(crate) fn mapping(pieces: &[Piece<'_>], run: Span) -> Vec<u8> {
    let mut text = b"kiwame-pieces/1\n".to_vec();
    let mut at = 0_u64;
    for piece in pieces {
        if let Piece::Bytes(input) = piece
            && run.contains(input.span())
        {
            let place = [input.offset().saturating_sub(run.offset), input.length(), at];
            text.extend(place.map(u64::to_le_bytes).as_flattened());
        }
        at = at.saturating_add(piece.length());
    }
    text
}

/// The first `most` bytes of pieces that are put together, fewer when there are not so many.
///
/// # Errors
/// When they cannot be read.
pub fn head_of(pieces: &[Piece<'_>], most: u64) -> Result<Vec<u8>, Trouble> {
    let mut head = Vec::new();
    for piece in pieces {
        let left = most.saturating_sub(len64(&head));
        match piece {
            _ if left == 0 => break,
            Piece::Bytes(input) => head.extend_from_slice(&input.head(left)?),
            Piece::Hole { length, value } => {
                head.resize(head.len().saturating_add(to_usize(left.min(*length))), *value);
            }
        }
    }
    Ok(head)
}

/// What the list of pieces of a space takes to keep, in bytes.
pub(crate) fn cost(pieces: &[Piece<'_>]) -> u64 {
    len64(pieces).saturating_mul(64)
}
