//! The blocks of files.

use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;

use kiwame_image::{LimitKind, Span, Spans, Trouble, len64, to_usize};

use super::defects;
use super::tables::{Archive, Fragment, Table};
use super::{is_packed, length_of, odd};
use crate::files::{FileData, Volume};

/// Where the content of a file is.
#[derive(Clone, Debug, Default)]
pub(super) struct Stored {
    pub(super) start: u64,
    pub(super) blocks: Vec<u32>,
    pub(super) fragment: u32,
    pub(super) offset: u64,
    pub(super) size: u64,
}

impl Stored {
    /// Bytes that its blocks take in the image.
    pub(super) fn packed(&self) -> u64 {
        self.blocks.iter().fold(0, |sum, &size| sum.saturating_add(length_of(size)))
    }

    /// Bytes of it in its fragment.
    pub(super) fn tail(&self, block_size: u64) -> u64 {
        if self.fragment == u32::MAX { 0 } else { self.size.checked_rem(block_size).unwrap_or(0) }
    }
}

/// The blocks of files.
#[derive(Debug)]
pub(super) struct Blocks<'a> {
    pub(super) archive: Archive<'a>,
    pub(super) stored: Vec<Option<Stored>>,
    pub(super) fragments: Vec<Fragment>,
    /// What files take of each fragment.
    pub(super) tails: BTreeMap<u32, Vec<Span>>,
    /// What of the tables nothing uses.
    pub(super) rest: Vec<u8>,
    pub(super) cache: RefCell<Cache>,
}

/// Decoded fragments that files will still take from, and how long each was.
#[derive(Debug, Default)]
pub(super) struct Cache {
    kept: BTreeMap<u32, Rc<Vec<u8>>>,
    /// Their numbers, oldest first; some are no longer kept.
    order: VecDeque<u32>,
    bytes: u64,
    /// How many files have taken their end from each.
    taken: BTreeMap<u32, usize>,
    lengths: BTreeMap<u32, u64>,
}

impl Cache {
    fn get(&self, number: u32) -> Option<Rc<Vec<u8>>> {
        self.kept.get(&number).map(Rc::clone)
    }

    /// Keeps one, and drops the oldest while they are too many.
    fn keep(&mut self, number: u32, bytes: &Rc<Vec<u8>>) {
        self.lengths.insert(number, len64(bytes));
        self.bytes = self.bytes.saturating_add(len64(bytes));
        self.kept.insert(number, Rc::clone(bytes));
        self.order.push_back(number);
        while self.bytes > KEPT && self.kept.len() > 1 {
            let Some(oldest) = self.order.pop_front() else { break };
            self.forget(oldest);
        }
    }

    fn forget(&mut self, number: u32) {
        if let Some(bytes) = self.kept.remove(&number) {
            self.bytes = self.bytes.saturating_sub(len64(&bytes));
        }
    }

    /// A file has taken its end of one that so many take from.
    fn took(&mut self, number: u32, users: usize) {
        let taken = self.taken.entry(number).or_default();
        *taken = taken.saturating_add(1);
        if *taken >= users {
            self.forget(number);
        }
    }
}

impl<'a> Volume<'a> for Blocks<'a> {
    fn read(&self, number: usize) -> Result<FileData<'a>, Trouble> {
        self.content(number).map(FileData::Bytes)
    }

    fn rest(&self) -> Result<Vec<u8>, Trouble> {
        self.unused()
    }
}

impl Blocks<'_> {
    fn content(&self, number: usize) -> Result<Vec<u8>, Trouble> {
        let Some(stored) = self.stored.get(number).and_then(Option::as_ref) else { return Ok(Vec::new()) };
        let mut content = Vec::with_capacity(to_usize(stored.size));
        let mut at = stored.start;
        let block_size = self.archive.block_size;
        for &size in &stored.blocks {
            let expected = block_size.min(stored.size.saturating_sub(len64(&content)));
            // Only a size without any bit is a hole.
            if size == 0 {
                content.resize(content.len().saturating_add(to_usize(expected)), 0);
                continue;
            }
            let length = length_of(size);
            let block = self.archive.block(at, length, is_packed(size), expected)?;
            if len64(&block) != expected {
                let place = self.archive.image.offset().saturating_add(at);
                return Err(odd(&defects::BLOCK, "block", place, len64(&block), expected).into());
            }
            content.extend(block);
            at = at.saturating_add(length);
        }
        let tail = stored.tail(block_size);
        if tail > 0 {
            let fragment = self.fragment(stored.fragment)?;
            let end = stored.offset.saturating_add(tail);
            let piece = fragment.get(to_usize(stored.offset)..to_usize(end)).ok_or_else(|| {
                let place = self.archive.image.offset();
                odd(&defects::FRAGMENT, "offset", place, end, len64(&fragment))
            })?;
            content.extend(piece);
            let users = self.tails.get(&stored.fragment).map_or(0, Vec::len);
            self.cache.borrow_mut().took(stored.fragment, users);
        }
        Ok(content)
    }

    fn unused(&self) -> Result<Vec<u8>, Trouble> {
        let mut rest = self.rest.clone();
        for number in 0..u32::try_from(self.fragments.len()).unwrap_or(u32::MAX) {
            let used: Spans = self.tails.get(&number).into_iter().flatten().copied().collect();
            let known = self.cache.borrow().lengths.get(&number).copied();
            if known.is_some_and(|length| used.contains(Span::new(0, length))) {
                continue;
            }
            let bytes = self.fragment(number)?.to_vec();
            if len64(&rest).saturating_add(len64(&bytes)) > self.archive.most_rest {
                return Err(LimitKind::Space.into());
            }
            rest.extend(Table::of(bytes).unused(&used));
        }
        Ok(rest)
    }

    fn fragment(&self, number: u32) -> Result<Rc<Vec<u8>>, Trouble> {
        if let Some(bytes) = self.cache.borrow().get(number) {
            return Ok(bytes);
        }
        let fragment = self.fragments.get(to_usize(number.into())).ok_or_else(|| {
            odd(&defects::REFERENCE, "fragment", self.archive.image.offset(), number, "a fragment")
        })?;
        let packed = is_packed(fragment.size);
        let bytes =
            self.archive.block(fragment.start, length_of(fragment.size), packed, self.archive.block_size)?;
        let bytes = Rc::new(bytes);
        self.cache.borrow_mut().keep(number, &bytes);
        Ok(bytes)
    }
}

/// Bytes of decoded fragments kept. A directory's files mostly lie in one; who sorts files by another order than that of the
/// names spreads them over all of what was packed together.
const KEPT: u64 = 24 << 20;
