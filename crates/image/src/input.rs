//! How a parser gets at bytes: bounded inputs, and windows charged to the budget.

use core::cell::RefCell;
use core::fmt;
use core::ops::Deref;
use std::rc::Rc;

use crate::pieces::{self, Pieces};
use crate::{
    Algorithm, Budget, DefectKind, Digest, Glance, Host, LimitKind, Part, Reader, Recogniser, SpaceId, Span,
    Trouble, len64, to_usize,
};

/// What all inputs of one run share.
pub(crate) struct Context<'a> {
    pub(crate) host: &'a dyn Host,
    pub(crate) budget: Budget,
    pub(crate) recogniser: Option<&'static dyn Recogniser>,
    pages: RefCell<Vec<(u64, Rc<Vec<u8>>)>>,
}

/// Small windows of a source are served from pages of this size.
const PAGE: u64 = 64 << 10;
/// The smallest erase block of NOR flash.
const ERASE_BLOCK: u64 = 4 << 10;
/// Bytes that are looked at in one go for erased space; fewer than an erase block.
const BLOCK: usize = 1 << 10;
/// So many of them are kept, the least recently used one going first.
const PAGES: usize = 16;

impl<'a> Context<'a> {
    pub(crate) fn new(
        host: &'a dyn Host,
        budget: Budget,
        recogniser: Option<&'static dyn Recogniser>,
    ) -> Self {
        Self { host, budget, recogniser, pages: RefCell::default() }
    }

    fn read(&self, source: u32, offset: u64, length: u64) -> Result<Rc<Vec<u8>>, Trouble> {
        self.budget.read(length)?;
        let mut bytes = vec![0; to_usize(length)];
        self.host.read(source, offset, &mut bytes)?;
        Ok(Rc::new(bytes))
    }

    fn page(&self, source: u32, size: u64, number: u64) -> Result<Rc<Vec<u8>>, Trouble> {
        let mut pages = self.pages.borrow_mut();
        if let Some((_, bytes)) = pages.last().filter(|(last, _)| *last == number) {
            return Ok(Rc::clone(bytes));
        }
        if let Some(index) = pages.iter().position(|(n, _)| *n == number) {
            let entry = pages.remove(index);
            let bytes = Rc::clone(&entry.1);
            pages.push(entry);
            return Ok(bytes);
        }
        let offset = number.saturating_mul(PAGE);
        let bytes = self.read(source, offset, PAGE.min(size.saturating_sub(offset)))?;
        if pages.len() >= PAGES {
            pages.remove(0);
        }
        pages.push((number, Rc::clone(&bytes)));
        Ok(bytes)
    }
}

/// Where the bytes of a space come from.
#[derive(Clone)]
pub(crate) enum Store {
    Source { source: u32, size: u64 },
    Memory(Rc<Vec<u8>>),
    Pieces(Rc<Pieces>),
}

/// A part of a space that a parser may read, and no other.
#[derive(Clone)]
pub struct Input<'a> {
    pub(crate) context: &'a Context<'a>,
    pub(crate) store: Store,
    pub(crate) space: SpaceId,
    span: Span,
}

impl fmt::Debug for Input<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Input({:?} {:#x}+{:#x})", self.space, self.span.offset, self.span.length)
    }
}

impl<'a> Input<'a> {
    pub(crate) fn whole(context: &'a Context<'a>, store: Store, space: SpaceId, size: u64) -> Self {
        Self::at(context, store, space, Span::new(0, size))
    }

    pub(crate) fn at(context: &'a Context<'a>, store: Store, space: SpaceId, span: Span) -> Self {
        Self { context, store, space, span }
    }

    /// Where it lies in its space.
    #[must_use]
    pub fn span(&self) -> Span {
        self.span
    }

    /// Offset of its first byte in the space.
    #[must_use]
    pub fn offset(&self) -> u64 {
        self.span.offset
    }

    /// Length in bytes.
    #[must_use]
    pub fn length(&self) -> u64 {
        self.span.length
    }

    /// True when it has no bytes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.span.is_empty()
    }

    /// Spends room for content that is decoded on the way and is no space, such as a table of a file system.
    ///
    /// # Errors
    /// The limit that it would go beyond.
    pub fn spend(&self, bytes: u64) -> Result<(), LimitKind> {
        self.context.budget.scratch(bytes)
    }

    /// `length` bytes at `offset` of this input, cut off at its end. Compare lengths to notice the cut.
    #[must_use]
    pub fn slice(&self, offset: u64, length: u64) -> Self {
        Self { span: self.span.slice(offset, length), ..self.clone() }
    }

    /// Everything from `offset` on.
    #[must_use]
    pub fn from(&self, offset: u64) -> Self {
        self.slice(offset, u64::MAX)
    }

    /// All its bytes, in one piece. Cheap for decoded spaces; a copy, charged to the budget, for the image.
    ///
    /// # Errors
    /// When the budget for reads is used up, the piece is larger than a decoded space may be, or the source
    /// cannot be read.
    pub fn window(&self) -> Result<Window, Trouble> {
        match &self.store {
            Store::Memory(bytes) => Ok(Window::new(Rc::clone(bytes), self.span.offset, self.span)),
            Store::Pieces(list) => pieces::window(list, self),
            Store::Source { source, size } => {
                let first = self.span.offset / PAGE;
                let start = self.span.offset % PAGE;
                if start.saturating_add(self.span.length) <= PAGE {
                    let page = self.context.page(*source, *size, first)?;
                    return Ok(Window::new(page, start, self.span));
                }
                // What is looked at to recognise anything is no space.
                if self.span.length > self.context.budget.limits().space.max(Glance::LENGTH) {
                    return Err(Trouble::Limit(LimitKind::Space));
                }
                let bytes = self.context.read(*source, self.span.offset, self.span.length)?;
                Ok(Window::new(bytes, 0, self.span))
            }
        }
    }

    /// The first `length` bytes, or fewer when there are not so many.
    ///
    /// # Errors
    /// As [`Input::window`].
    pub fn head(&self, length: u64) -> Result<Window, Trouble> {
        self.slice(0, length).window()
    }

    /// Its bytes in pieces of at most 64 KiB, for a pass over much data.
    pub fn windows(&self) -> impl Iterator<Item = Result<Window, Trouble>> + '_ {
        let first = PAGE.saturating_sub(self.span.offset % PAGE);
        let step = move |at: u64| at.saturating_add(if at == 0 { first } else { PAGE });
        core::iter::successors(Some(0), move |&at| Some(step(at)))
            .take_while(|&at| at < self.span.length)
            .map(move |at| self.slice(at, step(at).saturating_sub(at)).window())
    }

    /// The one value that all its bytes have; `None` when they differ or there are none.
    ///
    /// # Errors
    /// As [`Input::window`].
    pub fn uniform(&self) -> Result<Option<u8>, Trouble> {
        let mut value = None;
        for window in self.windows() {
            let window = window?;
            let Some(&first) = value.as_ref().or(window.first()) else { return Ok(None) };
            value = Some(first);
            if !all_are(&window, first) {
                return Ok(None);
            }
        }
        Ok(value)
    }

    /// How many of its bytes lie in runs of `value` that are as long as an erase block of NOR flash, 4 KiB, or longer.
    ///
    /// # Errors
    /// As [`Input::window`].
    pub fn erased(&self, value: u8) -> Result<u64, Trouble> {
        let (mut erased, mut run) = (0_u64, 0_u64);
        let mut close = |run: u64| erased = erased.saturating_add(if run < ERASE_BLOCK { 0 } else { run });
        for window in self.windows() {
            for block in window?.chunks(BLOCK) {
                // A run that begins and ends in one block is too short to count.
                let lead = lead_of(block, value);
                run = run.saturating_add(len64(block.get(..lead).unwrap_or_default()));
                if lead < block.len() {
                    close(run);
                    let tail = block.iter().rev().take_while(|byte| **byte == value).count();
                    run = len64(block.get(..tail).unwrap_or_default());
                }
            }
        }
        close(run);
        Ok(erased)
    }

    /// Its bytes, unless the host can digest them by itself.
    pub(crate) fn held(&self) -> Result<Option<Window>, Trouble> {
        match &self.store {
            Store::Memory(_) | Store::Pieces(_) => self.window().map(Some),
            Store::Source { .. } => Ok(None),
        }
    }

    /// Its bytes as the host takes them for a digest; `window` is what [`Input::held`] gave.
    pub(crate) fn part<'w>(&self, window: Option<&'w Window>) -> Part<'w> {
        match (&self.store, window) {
            (Store::Source { source, .. }, _) => {
                Part::Source { source: *source, offset: self.span.offset, length: self.span.length }
            }
            (Store::Memory(_) | Store::Pieces(_), window) => {
                Part::Memory(window.map_or(&[], |window| window))
            }
        }
    }

    /// SHA-256 of its bytes.
    ///
    /// # Errors
    /// As [`Input::window`].
    pub fn sha256(&self) -> Result<Digest, Trouble> {
        self.digest(Algorithm::Sha256)
    }

    /// The digest of its bytes.
    ///
    /// # Errors
    /// As [`Input::window`].
    pub fn digest(&self, algorithm: Algorithm) -> Result<Digest, Trouble> {
        if let Store::Pieces(list) = &self.store {
            return pieces::with_parts(list, self, |parts| Ok(self.context.host.digest(algorithm, parts)?));
        }
        let window = self.held()?;
        Ok(self.context.host.digest(algorithm, &[self.part(window.as_ref())])?)
    }
}

/// Bytes in one piece, with their place in the space.
#[derive(Clone)]
pub struct Window {
    bytes: Rc<Vec<u8>>,
    start: u64,
    span: Span,
}

impl Window {
    /// The same bytes, at another place.
    pub(crate) fn placed(self, span: Span) -> Self {
        Self { span, ..self }
    }

    pub(crate) fn new(bytes: Rc<Vec<u8>>, start: u64, span: Span) -> Self {
        Self { bytes, start, span }
    }

    /// A reader over all of it. `truncated` is the defect of bytes that end too early.
    #[must_use]
    pub fn reader(&self, truncated: &'static DefectKind) -> Reader<'_> {
        Reader::new(self, self.span.offset, truncated)
    }

    /// Offset of its first byte in the space.
    #[must_use]
    pub fn offset(&self) -> u64 {
        self.span.offset
    }

    /// `length` bytes at `offset`; `None` when they are not all there.
    #[must_use]
    pub fn piece(&self, offset: u64, length: u64) -> Option<&[u8]> {
        self.get(to_usize(offset)..to_usize(offset.checked_add(length)?))
    }
}

impl Deref for Window {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        let end = self.start.saturating_add(self.span.length);
        self.bytes.get(to_usize(self.start)..to_usize(end)).unwrap_or_default()
    }
}

impl fmt::Debug for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Window({:#x}+{:#x})", self.span.offset, len64(self))
    }
}

/// True when every one of the bytes has that value, and when there is none.
#[must_use]
pub fn all_are(bytes: &[u8], value: u8) -> bool {
    lead_of(bytes, value) == bytes.len()
}

/// How many bytes at the front have that value, one behind the other.
///
/// By words, and not as the compiler would make it of bytes: it makes no vectors in a module that is to be small.
#[must_use]
#[inline(never)]
pub fn lead_of(bytes: &[u8], value: u8) -> usize {
    let wanted = u64::from_ne_bytes([value; 8]);
    let (blocks, _) = bytes.as_chunks::<64>();
    let same = |block: &&[u8; 64]| {
        let [a, b, c, d, e, f, g, h] = *block.as_chunks::<8>().0 else { return false };
        let differs = |word: [u8; 8]| u64::from_ne_bytes(word) ^ wanted;
        differs(a) | differs(b) | differs(c) | differs(d) | differs(e) | differs(f) | differs(g) | differs(h)
            == 0
    };
    let whole = blocks.iter().take_while(same).count().saturating_mul(64);
    let rest = bytes.get(whole..).unwrap_or_default();
    whole.saturating_add(rest.iter().take_while(|byte| **byte == value).count())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_other_byte_ends_a_run_wherever_it_stands() {
        for length in [0, 1, 7, 8, 63, 64, 65, 200] {
            let mut bytes = vec![0xff; length];
            assert_eq!((lead_of(&bytes, 0xff), all_are(&bytes, 0xff)), (length, true));
            for place in 0..length {
                bytes[place] = 0xfe;
                assert_eq!(
                    (lead_of(&bytes, 0xff), all_are(&bytes, 0xff)),
                    (place, false),
                    "{place} of {length}"
                );
                bytes[place] = 0xff;
            }
        }
        assert!(!all_are(&[0xff], 0));
    }
}
