//! Spaces that are put together from bytes of the image: what RULES 1 says of them, as properties of a toy format.

#![allow(clippy::arithmetic_side_effects, clippy::as_conversions, clippy::indexing_slicing, reason = "tests")]

use std::rc::Rc;

use kiwame_image::{
    Builder, Content, Format, Glance, Host as _, Input, Limits, Memory, Node, Options, Part, Piece, Reading,
    Stage, Tree, len64,
};

/// A table of pieces: at 0 how many, then of each offset and length (a length in bits 0 to 30; bit 31 makes a hole), all
/// little-endian.
#[derive(Debug)]
struct Table {
    origin: u64,
    shared: bool,
    /// How often what comes out is taken for a table again.
    again: u32,
}

/// What a space holds: leaves of sixteen bytes, each in the middle of what may be a piece.
#[derive(Debug)]
struct Cells(&'static Table);

impl Format for Table {
    fn name(&self) -> &'static str {
        "table"
    }

    fn about(&self) -> &'static str {
        "a toy"
    }

    fn probe(&self, _glance: &Glance<'_>) -> Option<Reading> {
        None
    }

    fn parse<'a>(&self, at: Input<'a>, out: &mut Builder<'_, 'a>) {
        let read = |out: &mut Builder<'_, 'a>| {
            let window = at.head(4096)?;
            let word = |number: usize| {
                let bytes = window.get(number * 4..number * 4 + 4)?;
                Some(u64::from(u32::from_le_bytes(bytes.try_into().ok()?)))
            };
            let count = word(0).unwrap_or(0).min(500);
            out.add(Node::new("table", "0", "table", at.slice(0, 4 + 8 * count)));
            let mut pieces = Vec::new();
            for number in 0..count as usize {
                let (Some(offset), Some(length)) = (word(1 + 2 * number), word(2 + 2 * number)) else {
                    break;
                };
                let (hole, length) = (length >> 31 == 1, length & 0x7fff_ffff);
                pieces.push(if hole {
                    Piece::Hole { length, value: 0 }
                } else {
                    Piece::Bytes(at.slice(offset, length))
                });
            }
            let next = Rc::new(Cells(leak(self.origin, self.again)));
            out.pieced(("table", "volume"), &pieces, (self.origin, self.shared), next);
            Ok(())
        };
        if let Err(trouble) = read(out) {
            out.trouble(trouble);
        }
    }
}

fn leak(origin: u64, again: u32) -> &'static Table {
    Box::leak(Box::new(Table { origin, shared: false, again: again.saturating_sub(1) }))
}

impl<'a> Stage<'a> for Cells {
    fn parse(&self, at: Input<'a>, out: &mut Builder<'_, 'a>) {
        if self.0.again > 0 {
            return Format::parse(self.0, at, out);
        }
        for cell in 0..at.length().div_ceil(16).min(64) {
            let input = at.slice(cell * 16, 16);
            out.add(Node::new("cell", cell.to_string(), "cell", input).component());
        }
    }
}

fn tree(image: &[u8], table: &'static Table) -> Tree {
    let host = Memory::new([image.to_vec()]);
    let options = Options { spaces: true, ..Options::default() };
    kiwame_image::parse(&host, 0, len64(image), table, &Limits::default(), &options).expect("memory")
}

static PLAIN: Table = Table { origin: 0, shared: false, again: 1 };
static SHARED: Table = Table { origin: 0, shared: true, again: 1 };
static ELSEWHERE: Table = Table { origin: 0x0800_0000, shared: false, again: 1 };
static TWICE: Table = Table { origin: 0, shared: false, again: 2 };

fn image(pieces: &[(u32, u32)], size: usize) -> Vec<u8> {
    let mut image = (pieces.len() as u32).to_le_bytes().to_vec();
    image.extend(
        pieces.iter().flat_map(|(offset, length)| [offset.to_le_bytes(), length.to_le_bytes()]).flatten(),
    );
    let start = image.len() as u32;
    image.extend((start..size as u32).map(|at| ((at * 31) >> 3) as u8));
    image
}

const HOLE: u32 = 1 << 31;

fn tiles(tree: &Tree) {
    for space in tree.spaces() {
        let mut at = space.origin;
        for leaf in tree.leaves().filter(|leaf| leaf.space == space.id) {
            assert_eq!(leaf.span.offset, at, "{}", tree.path(leaf.id));
            at = leaf.span.end();
        }
        assert_eq!(at, space.origin + space.size, "{}", tree.space_path(space.id));
    }
    if !tree.limits_hit().is_empty() {
        return;
    }
    // Every leaf is covered by exactly one measured region of its space.
    for leaf in tree.leaves() {
        let around =
            std::iter::once(leaf).chain(tree.ancestors(leaf.id)).filter(|one| one.space == leaf.space);
        assert_eq!(around.filter(|one| one.measured).count(), 1, "{}", tree.path(leaf.id));
    }
}

fn defects(tree: &Tree) -> Vec<(&'static str, bool)> {
    tree.defects().iter().map(|defect| (defect.kind.id, defect.kind.ambiguous)).collect()
}

/// The bytes of the space by the table, put together by hand.
fn by_hand(image: &[u8], pieces: &[(u32, u32)]) -> Vec<u8> {
    let each = pieces.iter().map(|&(offset, length)| match length & HOLE {
        0 => image[offset as usize..(offset + length) as usize].to_vec(),
        _ => vec![0; (length & !HOLE) as usize],
    });
    each.collect::<Vec<_>>().concat()
}

fn sha256(bytes: &[u8]) -> kiwame_image::Digest {
    Memory::default().digest(kiwame_image::Algorithm::Sha256, &[Part::Memory(bytes)]).expect("memory")
}

#[test]
fn a_space_reads_as_if_it_was_copied() {
    let lists: [&[(u32, u32)]; 5] = [
        &[(0x200, 0x40)],
        &[(0x300, 0x21), (0x200, 0x40), (0x240, 0x1f)],
        &[(0x200, 0x7), (0, HOLE | 0x1009), (0x207, 0x9)],
        &[(0x200, 0x100), (0, HOLE | 0x3_0001)],
        // Over more than one page of the host.
        &[(0x1_0000, 0x1_8001), (0x400, 0x3), (0x8000, 0x2000)],
    ];
    for pieces in lists {
        let image = image(pieces, 0x3_0000);
        for table in [&PLAIN, &ELSEWHERE] {
            let tree = tree(&image, table);
            tiles(&tree);
            assert_eq!((defects(&tree), tree.limits_hit()), (vec![], &[][..]));
            let space = &tree.spaces()[1];
            let expected = by_hand(&image, pieces);
            assert_eq!((space.origin, space.size), (table.origin, expected.len() as u64));
            assert_eq!(tree.region(space.root).and_then(|root| root.sha256.clone()), Some(sha256(&expected)));
            for cell in tree.regions().filter(|region| region.kind == "cell") {
                let at = (cell.span.offset - table.origin) as usize;
                let bytes = &expected[at..at + cell.span.length as usize];
                assert_eq!(cell.sha256, Some(sha256(bytes)), "{}", tree.path(cell.id));
            }
        }
    }
}

/// A changed byte is seen where it lies, and a changed place is seen, too: what is taken whole is not digested twice.
#[test]
fn every_byte_and_every_place_counts() {
    let pieces = [(0x80, 0x20), (0xc0, 0x10)];
    let genuine = image(&pieces, 0x100);
    let digests = |image: &[u8]| {
        let tree = tree(image, &PLAIN);
        tiles(&tree);
        let measured = tree.regions().filter(|region| region.measured);
        measured.map(|region| (tree.path(region.id).to_owned(), region.sha256.clone())).collect::<Vec<_>>()
    };
    let expected = digests(&genuine);
    for at in 0..genuine.len() {
        let mut changed = genuine.clone();
        changed[at] ^= 1;
        assert_ne!(digests(&changed), expected, "byte {at:#x}");
    }
    // Equal bytes in another order of pieces.
    let mut swapped = image(&pieces, 0x100);
    swapped[0x80..0xb0].fill(7);
    let same = |pieces: [(u32, u32); 2]| {
        let mut image = image(&pieces, 0x100);
        image[0x80..0x100].fill(7);
        digests(&image)
    };
    assert_ne!(same([(0x80, 0x10), (0x90, 0x10)]), same([(0x90, 0x10), (0x80, 0x10)]));
}

#[test]
fn what_no_piece_takes_is_a_leaf_and_what_two_take_is_ambiguous() {
    let gap = tree(&image(&[(0x80, 0x20), (0xc0, 0x10)], 0x100), &PLAIN);
    let leaves: Vec<_> = gap
        .leaves()
        .filter(|leaf| leaf.space == kiwame_image::SpaceId::IMAGE)
        .map(|leaf| (leaf.span.offset, leaf.content, leaf.encodes.is_some()))
        .collect();
    let (parsed, encoded, unknown) = (Content::Parsed, Content::Encoded, Content::Unknown);
    assert_eq!(
        leaves,
        [
            (0, parsed, false),
            (0x14, unknown, false),
            (0x80, encoded, true),
            (0xa0, unknown, false),
            (0xc0, encoded, true),
            (0xd0, unknown, false)
        ]
    );
    let overlap = image(&[(0x80, 0x20), (0x90, 0x20)], 0x100);
    assert_eq!(defects(&tree(&overlap, &PLAIN)), [("space/shared", true)]);
    assert_eq!(defects(&tree(&overlap, &SHARED)), []);
    tiles(&tree(&overlap, &PLAIN));
}

#[test]
fn a_space_is_never_pieced_from_itself_or_from_outside() {
    // The table lies in its own piece: the space begins with the table, and is another space all the same.
    let own = image(&[(0, 0x100)], 0x100);
    let found = tree(&own, &TWICE);
    // It is in the way of the table's own leaf, so nothing is pieced from it.
    assert_eq!(defects(&found), [("region/overlap", true)]);
    tiles(&found);
    // Pieces beyond the image are cut to it.
    let beyond = tree(&image(&[(0x80, 0x4000)], 0x100), &PLAIN);
    tiles(&beyond);
    assert_eq!(beyond.spaces()[1].size, 0x80);
}

#[test]
fn pieces_of_pieces_are_followed_to_the_bytes() {
    // The outer space holds a table whose piece lies in two pieces of the outer one.
    let inner = image(&[(0x20, 0x30)], 0x60);
    let mut outer = image(&[(0x100, 0x38), (0x200, 0x28)], 0x300);
    outer[0x100..0x138].copy_from_slice(&inner[..0x38]);
    outer[0x200..0x228].copy_from_slice(&inner[0x38..]);
    let tree = tree(&outer, &TWICE);
    tiles(&tree);
    assert_eq!(tree.spaces().len(), 3);
    let root = tree.region(tree.spaces()[2].root).and_then(|root| root.sha256.clone());
    assert_eq!(root, Some(sha256(&inner[0x20..0x50])));
}

#[test]
fn what_is_only_rearranged_is_bounded_by_work_and_not_by_memory() {
    // Half a terabyte of holes, and the same page very often.
    let mut pieces = [(0, HOLE | 0x7fff_ffff); 255];
    pieces[0] = (0xc00, 0x10);
    let holes = tree(&image(&pieces, 0x1000), &PLAIN);
    assert!(!holes.limits_hit().is_empty());
    let many = tree(&image(&[(0x1000, 0x7f_0000); 500], 0x80_0000), &SHARED);
    assert!(!many.limits_hit().is_empty() || many.spaces().len() == 2);
}

#[test]
fn hostile_tables() {
    let genuine = image(&[(0x80, 0x20), (0, HOLE | 0x30), (0xc0, 0x10)], 0x100);
    for cut in 0..genuine.len() {
        tiles(&tree(&genuine[..cut], &TWICE));
    }
    for at in 0..0x1c {
        for bit in 0..8 {
            let mut flipped = genuine.clone();
            flipped[at] ^= 1 << bit;
            tiles(&tree(&flipped, &TWICE));
        }
    }
}
