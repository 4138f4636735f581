//! Where nodes begin: the medium, block by block, as a mount scans it.

use kiwame_image::{Arrange as _, Defect, Endian, Input, LimitKind, Span, Trouble, Window, len64, to_usize};

use super::defects;
use super::node::{self, Header};

/// A node as the scan meets it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) at: u64,
    pub(super) kind: u16,
    pub(super) length: u64,
    /// The medium's mark that another node took its place.
    pub(super) obsolete: bool,
}

impl Found {
    /// With what fills it up to the next node.
    pub(super) fn padded(&self) -> u64 {
        self.length.checked_next_multiple_of(4).unwrap_or(self.length)
    }
}

/// How large erase blocks are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Blocks {
    /// As a layout states it.
    Stated(u64),
    /// The smallest and the largest size that the nodes allow.
    Between(u64, u64),
}

impl Blocks {
    /// As a fact. Where nothing states the size, both ends are compared: who changes one changes how Linux reads.
    pub(super) fn fact(self) -> String {
        match self {
            Self::Stated(size) => size.to_string(),
            Self::Between(low, high) if low == high => low.to_string(),
            Self::Between(low, high) => format!("{low} to {high}"),
        }
    }
}

/// What the scan of a medium gives.
#[derive(Debug, Default)]
pub(super) struct Walk {
    pub(super) found: Vec<Found>,
    /// What is neither erased nor part of a node.
    pub(super) unread: Vec<Span>,
    pub(super) defects: Vec<Defect>,
    /// Start of a block, and where the summary lies that a kernel trusts instead of scanning it.
    pub(super) summaries: Vec<(u64, u64)>,
}

/// Scans the medium. Where no size is stated, every size that the nodes allow must give the same nodes.
pub(super) fn scan(
    at: &Input<'_>,
    order: Endian,
    stated: Option<u64>,
    most: u64,
) -> Result<(Walk, Blocks), Trouble> {
    if let Some(size) = stated.filter(|&size| size >= SMALLEST) {
        let mut walk = Walk::of(at, order, size, most)?;
        // Linux leaves a part of a block at the end alone.
        let whole = at.length().checked_rem(size).map_or(0, |rest| at.length().saturating_sub(rest));
        if walk.found.last().is_some_and(|node| node.at >= whole) {
            let place = at.offset().saturating_add(whole);
            walk.defects.push(Defect::new(&defects::ERASE_BLOCK, "length", place, at.length(), size));
        }
        return Ok((walk, Blocks::Stated(size)));
    }
    let end = at.length().checked_next_power_of_two().unwrap_or(u64::MAX).max(SMALLEST);
    let whole = Walk::of(at, order, end, most)?;
    let sizes = whole.sizes(end);
    let (Some(&low), Some(&high)) = (sizes.first(), sizes.last()) else {
        let mut whole = whole;
        whole.defects.push(Defect::new(
            &defects::ERASE_BLOCK,
            "totlen",
            at.offset(),
            "none",
            "a size that all nodes fit",
        ));
        return Ok((whole, Blocks::Between(end, end)));
    };
    let mut walk = Walk::of(at, order, low, most)?;
    for &size in sizes.iter().skip(1) {
        let other = Walk::of(at, order, size, most)?;
        if let Some(place) = walk.differs(&other) {
            let place = at.offset().saturating_add(place);
            walk.defects.push(Defect::new(
                &defects::ERASE_BLOCK,
                "nodetype",
                place,
                size,
                "the same nodes by every size",
            ));
        }
        walk.summaries.extend(other.summaries);
    }
    walk.summaries.arrange();
    walk.summaries.dedup();
    Ok((walk, Blocks::Between(low, high)))
}

impl Walk {
    fn of(at: &Input<'_>, order: Endian, size: u64, most: u64) -> Result<Self, Trouble> {
        let view = View { input: at, page: None };
        let mut walker = Walker { view, order, size, most, count: 0, walk: Self::default() };
        let mut start = 0u64;
        while start < at.length() {
            let end = start.saturating_add(size);
            walker.block(start, end.min(at.length()))?;
            if end <= at.length() {
                walker.summary(start, end)?;
            }
            start = end;
        }
        Ok(walker.walk)
    }

    /// The sizes by which no node goes over the end of a block, and clean markers only begin one.
    fn sizes(&self, end: u64) -> Vec<u64> {
        let markers = self.found.iter().filter(|node| node.kind == node::CLEANMARKER && !node.obsolete);
        let zeros = markers.map(|node| node.at.trailing_zeros()).min().unwrap_or(u64::BITS);
        // The bit that the first and the last byte of a node differ in first: smaller blocks would cut it.
        let bits = self.found.iter().map(|node| {
            let last = node.at.saturating_add(node.length).saturating_sub(1);
            u64::BITS.saturating_sub((node.at ^ last).leading_zeros())
        });
        let needed = bits.max().unwrap_or(0);
        let sizes = (12..=22u32).filter(|&bits| bits >= needed && bits <= zeros);
        sizes.filter_map(|bits| 1u64.checked_shl(bits)).filter(|&size| size <= end).collect()
    }

    fn differs(&self, other: &Self) -> Option<u64> {
        let pairs = self.found.iter().zip(&other.found);
        let unequal = pairs.filter(|(one, two)| one != two).map(|(one, _)| one.at).next();
        let longer = [&self.found, &other.found].into_iter().max_by_key(|nodes| nodes.len())?;
        let behind = longer.get(self.found.len().min(other.found.len())).map(|node| node.at);
        unequal.or(behind)
    }
}

struct Walker<'i, 'a> {
    view: View<'i, 'a>,
    order: Endian,
    size: u64,
    most: u64,
    count: u64,
    walk: Walk,
}

impl Walker<'_, '_> {
    fn block(&mut self, start: u64, end: u64) -> Result<(), Trouble> {
        let first = self.view.erased_until(start, end)?;
        if first < end && first > start {
            self.after_free(first)?;
            // What begins erased is taken for free, and never looked at.
            if first.saturating_sub(start) >= EMPTY_SCAN.min(self.size) {
                self.unread(first, end);
                return Ok(());
            }
        }
        let (mut at, known) = (first, self.walk.found.len());
        while at < end {
            at = self.step(start, at, end, known)?;
        }
        Ok(())
    }

    /// One step of the scan. Returns where the next one begins.
    fn step(&mut self, start: u64, at: u64, end: u64, known: usize) -> Result<u64, Trouble> {
        let head = if end.saturating_sub(at) < HEADER { None } else { self.view.copy::<12>(at)? };
        let Some(head) = head else {
            if self.view.erased_until(at, end)? < end {
                self.unread(at, end);
            }
            return Ok(end);
        };
        if head.starts_with(&[ERASED; 4]) {
            return self.erased(start, at, end, known);
        }
        let Some(header) = self.header(&head, at)? else {
            let next = self.view.odd_until(at.saturating_add(4), end)?;
            self.unread(at, next);
            return Ok(next);
        };
        let (length, place) = (u64::from(header.length), self.place(at));
        if length > end.saturating_sub(at) {
            let left = end.saturating_sub(at);
            self.defect(Defect::new(&defects::CROSSES, "totlen", place, length, left))?;
            self.unread(at, at.saturating_add(4).min(end));
            return Ok(at.saturating_add(4));
        }
        let node = Found { at, kind: header.kind, length, obsolete: header.obsolete };
        let next = at.saturating_add(node.padded()).min(end);
        if !header.obsolete && !node::KNOWN.contains(&header.kind) {
            // Linux refuses to mount, or passes over it, by two bits of the type.
            self.defect(Defect::new(&defects::NODETYPE, "nodetype", place, header.kind, "a known type"))?;
            self.unread(at, next);
            return Ok(next);
        }
        self.walk.found.push(node);
        self.counted()?;
        Ok(next)
    }

    /// The head of a node, when there is one.
    fn header(&mut self, head: &[u8], at: u64) -> Result<Option<Header>, Trouble> {
        let place = self.place(at);
        if let Some(header) = Header::read(head, self.order) {
            if u64::from(header.length) >= HEADER {
                return Ok(Some(header));
            }
            self.defect(Defect::new(&defects::TOTLEN, "totlen", place, header.length, HEADER))?;
        } else if Header::read(head, self.order.other()).is_some() {
            let found = format!("{}-endian", self.order.other().name());
            self.defect(Defect::new(&defects::BYTE_ORDER, "magic", place, found, "one byte order"))?;
        }
        Ok(None)
    }

    /// Erased space, which should reach to the end of the block.
    fn erased(&mut self, start: u64, at: u64, end: u64, known: usize) -> Result<u64, Trouble> {
        let next = self.view.erased_until(at, end)?;
        if next >= end {
            return Ok(end);
        }
        self.after_free(next)?;
        let begun = self.walk.found.get(known..).unwrap_or_default();
        let marked = matches!(begun, [Found { kind: node::CLEANMARKER, obsolete: false, .. }]);
        let alone = marked && at.saturating_sub(start) == HEADER;
        if alone && next.saturating_sub(start) >= EMPTY_SCAN / 8 {
            // A clean marker and no more at the beginning: free, and never looked at.
            self.unread(next, end);
            return Ok(end);
        }
        Ok(next)
    }

    fn after_free(&mut self, at: u64) -> Result<(), Trouble> {
        let place = self.place(at);
        self.defect(Defect::new(
            &defects::AFTER_FREE,
            "magic",
            place,
            "bytes",
            "erased to the end of the block",
        ))
    }

    /// The summary at the end of a block, when a kernel would trust it.
    fn summary(&mut self, start: u64, end: u64) -> Result<(), Trouble> {
        let Some(marker) = self.view.copy::<8>(end.saturating_sub(8))? else { return Ok(()) };
        let mut fields = node::fields(&marker, 0, self.order);
        let (offset, magic) = (u64::from(fields.u32("offset")?), fields.u32("magic")?);
        let length = self.size.saturating_sub(offset);
        if magic != node::SUM_MAGIC || length < node::SUMMARY_HEADER {
            return Ok(());
        }
        let at = start.saturating_add(offset);
        let window = self.view.input.slice(at, length).window()?;
        if node::summary_is_sound(&window, self.order) {
            self.walk.summaries.push((start, at));
            self.counted()?;
        }
        Ok(())
    }

    fn unread(&mut self, at: u64, end: u64) {
        match self.walk.unread.last_mut() {
            Some(last) if last.end() == at => *last = Span::between(last.offset, end),
            _ => self.walk.unread.push(Span::between(at, end)),
        }
    }

    fn place(&self, at: u64) -> u64 {
        self.view.input.offset().saturating_add(at)
    }

    fn defect(&mut self, defect: Defect) -> Result<(), Trouble> {
        self.walk.defects.push(defect);
        self.counted()
    }

    fn counted(&mut self) -> Result<(), Trouble> {
        self.count = self.count.saturating_add(1);
        if self.count > self.most { Err(LimitKind::Nodes.into()) } else { Ok(()) }
    }
}

/// The medium through one page that is kept.
struct View<'i, 'a> {
    input: &'i Input<'a>,
    page: Option<(u64, Window)>,
}

impl View<'_, '_> {
    /// The bytes from `at` to the end of its page.
    fn page(&mut self, at: u64) -> Result<&[u8], Trouble> {
        let kept = self
            .page
            .as_ref()
            .is_some_and(|(start, window)| at >= *start && at < start.saturating_add(len64(window)));
        if !kept {
            // Whole words, wherever the file system begins.
            let offset = self.input.offset();
            let into = offset.saturating_sub(offset % 4).saturating_add(at) % PAGE;
            let start = at.saturating_sub(into);
            let end = at.saturating_add(PAGE.saturating_sub(into));
            self.page = Some((start, self.input.slice(start, end.saturating_sub(start)).window()?));
        }
        let page =
            self.page.as_ref().and_then(|(start, window)| window.get(to_usize(at.checked_sub(*start)?)..));
        Ok(page.unwrap_or_default())
    }

    fn copy<const N: usize>(&mut self, at: u64) -> Result<Option<[u8; N]>, Trouble> {
        if let Some(bytes) = self.page(at)?.first_chunk() {
            return Ok(Some(*bytes));
        }
        let length = u64::try_from(N).unwrap_or(u64::MAX);
        Ok(self.input.slice(at, length).window()?.first_chunk().copied())
    }

    /// Where the word lies that is the first from `at` on with another value than erased ones; `end` if there is none.
    fn erased_until(&mut self, at: u64, end: u64) -> Result<u64, Trouble> {
        self.search(at, end, |bytes| {
            let erased = kiwame_image::lead_of(bytes, ERASED);
            (erased < bytes.len()).then_some(erased)
        })
    }

    /// Where the word lies that is the first from `at` on at which a node may begin, or erased space.
    fn odd_until(&mut self, at: u64, end: u64) -> Result<u64, Trouble> {
        self.search(at, end, |bytes| {
            let words = bytes.as_chunks::<4>().0.iter();
            let odd =
                |word: &[u8; 4]| matches!(word, [0x85, 0x19, ..] | [0x19, 0x85, ..] | [ERASED, ERASED, ..]);
            words.clone().position(odd).map(|index| index.saturating_mul(4))
        })
    }

    fn search(
        &mut self,
        mut at: u64,
        end: u64,
        find: impl Fn(&[u8]) -> Option<usize>,
    ) -> Result<u64, Trouble> {
        while at < end {
            let page = self.page(at)?;
            let left = to_usize(end.saturating_sub(at)).min(page.len());
            if left == 0 {
                break;
            }
            if let Some(index) = find(page.get(..left).unwrap_or_default()) {
                let found = u64::try_from(index).unwrap_or(u64::MAX);
                // Words begin at multiples of four from the start of the file system.
                let found = at.saturating_add(found);
                return Ok(found.saturating_sub(found % 4));
            }
            at = at.saturating_add(u64::try_from(left).unwrap_or(u64::MAX));
        }
        Ok(end)
    }
}

const HEADER: u64 = 12;
const ERASED: u8 = 0xff;
/// So many bytes of a block are looked at before it is taken for erased.
const EMPTY_SCAN: u64 = 256;
/// The smallest erase block that `mkfs.jffs2` and Linux know.
const SMALLEST: u64 = 4096;
const PAGE: u64 = 64 << 10;
