//! Where the parts of a raw flash lie: as the image states it, else as they were found.

use std::collections::BTreeSet;

use kiwame_image::{
    Arrange as _, Content, Partition, Region, RegionId, SpaceId, Span, Stated, Tree, Value, fact,
    unescape_key,
};

use super::places::{Places, Sort, erase_block};

/// A layout, and where it is from.
#[derive(Clone, Debug, Default)]
pub(super) struct Proposal {
    pub(super) parts: Vec<Part>,
    pub(super) why: String,
}

/// A part.
#[derive(Clone, Debug)]
pub(super) struct Part {
    pub(super) name: String,
    pub(super) span: Span,
    pub(super) erase_block: Option<u64>,
    /// The image does not tell which of these sizes they have.
    pub(super) blocks: Option<(u64, u64)>,
    /// Devices write here.
    pub(super) written: Option<Written>,
    /// It is erased from end to end.
    pub(super) erased: bool,
}

/// That devices write to a part.
#[derive(Clone, Debug)]
pub(super) struct Written {
    /// It is switched on.
    pub(super) on: bool,
    /// What devices make there, where the first unit has nothing.
    pub(super) format: Option<&'static str>,
}

impl Proposal {
    pub(super) fn partitions(&self) -> Vec<Partition> {
        let part = |part: &Part| Partition {
            name: part.name.clone(),
            span: part.span,
            erase_block: part.erase_block,
            environment: None,
        };
        self.parts.iter().map(part).collect()
    }

    /// Says of each part whether devices write there.
    pub(super) fn mark(&mut self, places: &Places) {
        for part in &mut self.parts {
            let path = format!("partition:{}", kiwame_image::escape_key(part.name.as_bytes()));
            let Some(place) = places.list.iter().find(|place| place.path == path) else { continue };
            let blocks = place.erase_block.filter(|_| place.sort == Sort::Files);
            let blocks = blocks.map(|(least, most)| (least, most.min(whole_blocks(part.span))));
            if let Some((least, most)) =
                blocks.filter(|(least, most)| part.erase_block.is_none() && least <= most)
            {
                part.erase_block = (place.on || least == most).then_some(USUAL.clamp(least, most));
                part.blocks = (least != most).then_some((least, most));
            }
            part.written = Some(Written { on: place.on, format: place.made });
        }
    }
}

/// The largest blocks that fill a part and lie where blocks do.
fn whole_blocks(span: Span) -> u64 {
    let bit = |number: u64| 1_u64.checked_shl(number.trailing_zeros()).unwrap_or(u64::MAX);
    bit(span.length).min(bit(span.offset))
}

/// The layouts that an image may have, the likeliest first; none where the image itself says where its parts are.
pub(super) fn proposals(tree: &Tree) -> Vec<Proposal> {
    if is_structured(tree.format()) {
        return Vec::new();
    }
    let mut proposals = stated(tree);
    proposals.extend(found(tree));
    proposals
}

/// True for an image that itself says where its parts are.
pub(super) fn is_structured(format: &str) -> bool {
    STRUCTURED.contains(&format)
}

/// The lists of partitions in the image that fit it.
fn stated(tree: &Tree) -> Vec<Proposal> {
    let size = tree.spaces().first().map_or(0, |image| image.size);
    let starts: BTreeSet<u64> = tops(tree).iter().map(|region| region.span.offset).collect();
    let mut fitting: Vec<(usize, Proposal)> = Vec::new();
    for region in tree.regions() {
        let Some(Value::Places(list)) = region.fact(&fact::LAYOUT) else { continue };
        let Some(mut parts) = parts_of(tree, list, size) else { continue };
        let begins = parts.iter().filter(|part| starts.contains(&part.span.offset)).count();
        let whole = parts.last().is_some_and(|part| part.span.end() == size);
        // A list that says nothing of where things lie here is that of another medium.
        if !whole && begins < 2 || begins == 0 && tree.format() != "raw" {
            continue;
        }
        parts.iter_mut().for_each(|part| part.erased = is_erased(tree, part.span));
        let why = format!("as the list of partitions in {} says", tree.path_of(region.id));
        let known = fitting.iter().any(|(_, other)| other.spans().eq(parts.iter().map(|part| part.span)));
        if !known && fitting.len() < LISTS {
            fitting.push((begins.saturating_add(usize::from(whole)), Proposal { parts, why }));
        }
    }
    fitting.arrange_by_key(|(fits, _)| core::cmp::Reverse(*fits));
    fitting.into_iter().map(|(_, proposal)| proposal).collect()
}

impl Proposal {
    fn spans(&self) -> impl Iterator<Item = Span> {
        self.parts.iter().map(|part| part.span)
    }
}

/// The parts of a list, in order; `None` where they do not lie in the image, or have no names. Of a part and what it is split
/// into, the pieces count.
fn parts_of(tree: &Tree, list: &[Stated], size: u64) -> Option<Vec<Part>> {
    let mut parts = Vec::new();
    for stated in list.iter().take(PARTS.saturating_add(1)) {
        let name = String::from_utf8(unescape_key(&stated.name)).ok().filter(|name| !name.is_empty())?;
        let span = stated.span(size);
        if span.is_empty() || span.end() > size || span.offset >= size {
            return None;
        }
        parts.push(Part {
            name,
            span,
            erase_block: erase_block_in(tree, span),
            blocks: None,
            written: None,
            erased: false,
        });
    }
    let spans: Vec<_> = parts.iter().map(|part| part.span).collect();
    let is_split = |span: Span| spans.iter().any(|other| *other != span && span.contains(*other));
    parts.retain(|part| !is_split(part.span));
    parts.arrange_by_key(|part| (part.span.offset, part.span.length));
    let apart = parts.windows(2).all(|pair| match pair {
        [one, other] => one.span.end() <= other.span.offset,
        _ => true,
    });
    let names: BTreeSet<_> = parts.iter().map(|part| part.name.as_str()).collect();
    (apart && !parts.is_empty() && parts.len() <= PARTS && names.len() == parts.len()).then_some(parts)
}

/// What was found by searching, and what lies between that is not erased.
fn found(tree: &Tree) -> Option<Proposal> {
    // What begins in the middle of a sector lies in something else.
    let tops = tops(tree).into_iter().filter(|region| region.span.offset.is_multiple_of(SECTOR));
    let mut spans: Vec<(Span, &'static str)> =
        tops.map(|region| (region.span, name_of(tree, region))).collect();
    if spans.is_empty() {
        return whole(tree);
    }
    let size = tree.spaces().first().map_or(0, |image| image.size);
    // A dump of flash has whole blocks; what has not is a file that holds others, and may be longer next time.
    if !size.is_multiple_of(USUAL) {
        return None;
    }
    for gap in gaps(&spans, size) {
        spans.extend(
            used(tree, gap).map(|span| (span, if gap.offset == 0 { front(tree) } else { "unknown" })),
        );
    }
    spans.arrange_by_key(|(span, _)| span.offset);
    let mut parts: Vec<Part> = Vec::new();
    for (at, &(span, name)) in spans.iter().enumerate() {
        let next = spans.get(at.saturating_add(1)).map_or(size, |(next, _)| next.offset);
        // Erased space behind belongs to it as far as a sector goes.
        let end = span.end().checked_next_multiple_of(SECTOR).unwrap_or(u64::MAX).min(next).max(span.end());
        let again = spans.iter().take(at).filter(|(_, other)| *other == name).count();
        let name = if again == 0 { name.to_owned() } else { format!("{name}-{}", again.saturating_add(1)) };
        let erase_block = erase_block_in(tree, span);
        parts.push(Part {
            name,
            span: Span::between(span.offset, end),
            erase_block,
            blocks: None,
            written: None,
            erased: false,
        });
    }
    let why = "as they were found by searching; nothing in the image says so. Name them, and mend their ends"
        .to_owned();
    (parts.len() <= PARTS).then_some(Proposal { parts, why })
}

/// One part over all of it, where the whole image is what devices write: a rule needs a place.
fn whole(tree: &Tree) -> Option<Proposal> {
    let size = tree.spaces().first().map_or(0, |image| image.size);
    let root = tree.region(RegionId::ROOT)?;
    let writes = ["uboot-env", "jffs2"].contains(&tree.format());
    let span = Span::new(0, size);
    let erase_block = erase_block_in(tree, span);
    let part =
        Part { name: front(tree).to_owned(), span, erase_block, blocks: None, written: None, erased: false };
    let why = "one over the whole image, so that rules can name it".to_owned();
    (writes && !root.is_leaf()).then_some(Proposal { parts: vec![part], why })
}

/// What was found by searching in the image itself, the outermost.
fn tops(tree: &Tree) -> Vec<&Region> {
    let is_found = |region: &Region| region.space == SpaceId::IMAGE && region.segment.format == "found";
    let top = |region: &&Region| is_found(region) && !tree.ancestors(region.id).any(is_found);
    tree.regions().filter(top).collect()
}

/// What lies between some places.
fn gaps(spans: &[(Span, &str)], size: u64) -> Vec<Span> {
    let mut spans: Vec<_> = spans.iter().map(|(span, _)| *span).collect();
    spans.arrange();
    let (mut gaps, mut at) = (Vec::new(), 0);
    for span in spans.into_iter().chain([Span::new(size, 0)]) {
        gaps.push(Span::between(at, span.offset.max(at)));
        at = at.max(span.end());
    }
    gaps.retain(|gap| !gap.is_empty());
    gaps
}

/// From the first to the last byte of a place that is not erased space.
fn used(tree: &Tree, place: Span) -> Option<Span> {
    let leaves = tree.leaves().filter(|leaf| leaf.space == SpaceId::IMAGE && leaf.content != Content::Fill);
    let mut inside = leaves.map(|leaf| leaf.span).filter(|span| place.contains(*span) && !span.is_empty());
    let first = inside.next()?;
    Some(Span::between(first.offset, inside.map(Span::end).max().unwrap_or(0).max(first.end())))
}

fn is_erased(tree: &Tree, place: Span) -> bool {
    let leaves = tree.leaves().filter(|leaf| leaf.space == SpaceId::IMAGE && leaf.span.overlaps(place));
    leaves.into_iter().all(|leaf| leaf.content == Content::Fill || leaf.is(&fact::EMPTY))
}

fn erase_block_in(tree: &Tree, place: Span) -> Option<u64> {
    let inside = |region: &&Region| region.space == SpaceId::IMAGE && place.contains(region.span);
    let (least, most) = tree.regions().filter(inside).find_map(erase_block)?;
    (least == most).then_some(most)
}

/// What the first thing in a region is called.
fn name_of(tree: &Tree, region: &Region) -> &'static str {
    let first = region.children.first().and_then(|&id| tree.region(id));
    first.map_or("unknown", |first| first.segment.format)
}

/// What lies at the front of an image.
fn front(tree: &Tree) -> &'static str {
    if tree.format() == "raw" { "unknown" } else { tree.format() }
}

/// Images of these formats say themselves where their parts are.
const STRUCTURED: [&str; 6] = ["intel-flash", "uefi-capsule", "uefi-image", "fmap", "cbfs", "cabinet"];
/// So many partitions a flash has at most; lists of Linux boards have up to twenty.
const PARTS: usize = 64;
/// So many lists are tried.
const LISTS: usize = 4;
const SECTOR: u64 = 4096;
/// Bytes of the erase blocks of most NOR flash.
pub(super) const USUAL: u64 = 64 << 10;
