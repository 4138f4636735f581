//! What the header of a file says beyond name and type: how it is packed, what it hashes to, where it has to lie.
//!
//! ```text
//! compression  42435a4c 16: compression 4, decompressed_size 4     position  42435350 12: position 4
//! hash         68736148   : algo 4, digest                         alignment 42434c41 12: alignment 4
//! stage header 53746748 24: loadaddr 8, entry_offset 4, memlen 4   padding   47444150   : anything
//! IBB          32494242  8
//! ```

use kiwame_image::{Builder, Defect, DefectKind, Fact, Input, Node, Reader, Span, Sum, fact, len64};

use super::Read;
use super::cbfs::NAME;
use super::packing::Packing;

/// What the loader takes from the attributes.
#[derive(Debug, Default)]
pub(super) struct Attributes {
    pub(super) packing: Option<Packing>,
    pub(super) stage: Option<StageHeader>,
}

/// Where a stage is put.
#[derive(Clone, Copy, Debug)]
pub(super) struct StageHeader {
    load: u64,
    entry: u32,
    pub(super) memory: u32,
}

/// Adds the attributes of a file with such data, and gives what the loader takes from them.
pub(super) fn read<'a>(at: &Input<'a>, data: &Input<'a>, out: &mut Builder<'_, 'a>) -> Read<Attributes> {
    let mut found = Attributes::default();
    let mut tags = Vec::new();
    let window = at.window()?;
    let mut next = 0_u64;
    while let Some(bytes) = window.piece(next, at.length().saturating_sub(next)) {
        let place = at.offset().saturating_add(next);
        let Some((tag, length)) = head(bytes) else { break };
        if UNUSED.contains(&tag) {
            break;
        }
        if length < HEAD || length > len64(bytes) {
            out.defect(Defect::new(&LENGTH, "len", place.saturating_add(4), length, len64(bytes)));
            break;
        }
        let input = at.slice(next, length);
        let known = KNOWN.iter().find(|known| known.tag == tag);
        let key = known.map_or_else(|| format!("{tag:08x}"), |known| known.name.to_owned());
        let node = Node::new("cbfs-attribute", key, "cbfs-attribute", input);
        let fits = known.is_some_and(|known| known.length.is_none_or(|wanted| wanted == length));
        let again = tags.contains(&tag) && tag != HASH;
        if let Some(wanted) = known.and_then(|known| known.length).filter(|_| !fits) {
            out.defect(Defect::new(&LENGTH, "len", place.saturating_add(4), length, wanted));
        } else if again {
            out.defect(Defect::new(&TWICE, "tag", place, tag, "a tag of its own"));
        }
        let mut reader = Reader::new(bytes, place, &TRUNCATED);
        reader.bytes(HEAD, "tag, len")?;
        let node = if fits { describe(node, (tag, length), &mut reader, (&mut found, again))? } else { node };
        out.add(node);
        if fits && tag == HASH {
            says_hash(&window, Span::new(next, length), data, out)?;
        }
        tags.push(tag);
        next = next.saturating_add(length);
    }
    let rest = at.from(next);
    let node = Node::new(NAME, "unused", "cbfs-attributes-unused", rest.clone());
    match rest.uniform()? {
        // A header is made of one or the other.
        Some(0 | 0xff) => out.add(node),
        _ => out.add(node.unknown()),
    };
    Ok(found)
}

/// Tag and length.
fn head(bytes: &[u8]) -> Option<(u32, u64)> {
    let mut reader = Reader::new(bytes, 0, &TRUNCATED);
    Some((reader.u32_be("tag").ok()?, reader.u32_be("len").ok()?.into()))
}

/// Adds the facts of an attribute that is as long as it has to be; the first of its tag is the loader's.
fn describe<'a>(
    node: Node<'a>,
    (tag, length): (u32, u64),
    reader: &mut Reader<'_>,
    (found, again): (&mut Attributes, bool),
) -> Result<Node<'a>, Defect> {
    Ok(match tag {
        COMPRESSION => {
            let (algorithm, size) = (reader.u32_be("compression")?, reader.u32_be("decompressed_size")?);
            let packing = Packing { algorithm, size: Some(size.into()) };
            found.packing = found.packing.filter(|_| again).or(Some(packing));
            packing.describe(node).with(&fact::CONTENT_SIZE, size)
        }
        STAGE => {
            let (load, entry) = (reader.u64_be("loadaddr")?, reader.u32_be("entry_offset")?);
            let stage = StageHeader { load, entry, memory: reader.u32_be("memlen")? };
            found.stage = found.stage.filter(|_| again).or(Some(stage));
            stage.describe(node)
        }
        POSITION => node.with(&POSITION_FACT, reader.u32_be("position")?),
        ALIGNMENT => node.with(&ALIGNMENT_FACT, reader.u32_be("alignment")?),
        HASH if length >= HASH_HEAD => {
            let number = reader.u32_be("algo")?;
            match algorithm(number) {
                Some((name, _)) => node.with(&ALGORITHM, name),
                None => node.with(&ALGORITHM, number),
            }
        }
        _ => node,
    })
}

impl StageHeader {
    fn describe(self, node: Node<'_>) -> Node<'_> {
        let node = node.with(&fact::ADDRESS, self.load);
        node.with(&ENTRY_OFFSET, self.entry).with(&MEMORY, self.memory)
    }
}

/// The hash of the data, as they are stored.
fn says_hash<'a>(window: &[u8], attribute: Span, data: &Input<'a>, out: &mut Builder<'_, 'a>) -> Read<()> {
    let whole = Reader::new(window, 0, &TRUNCATED).bytes(attribute.end(), "hash")?.to_vec();
    let mut reader = Reader::new(&whole, 0, &TRUNCATED);
    reader.bytes(attribute.offset.saturating_add(HEAD), "tag, len")?;
    let place = reader.offset();
    let number = reader.u32_be("algo");
    let length = attribute.length.saturating_sub(HASH_HEAD);
    let known = number.ok().and_then(algorithm).filter(|(_, size)| *size == length);
    let place_of = |offset: u64| data.offset().saturating_sub(len64(window)).saturating_add(offset);
    let Some((name, _)) = known else {
        out.defect(Defect::new(&UNKNOWN_HASH, "algo", place_of(place), length, "a hash that coreboot knows"));
        return Ok(());
    };
    let field = Span::new(place_of(reader.offset()), length);
    let value = reader.bytes(length, "hash")?.to_vec();
    if let Some(sum) = Sum::named(name) {
        let measured = sum.of(core::slice::from_ref(data))?;
        out.says_digest(&[data.span()], (sum, measured), ("hash", field), value);
    }
    Ok(())
}

/// The hash that vboot gives such a number, and its length in bytes. Its upper three bytes are reserved, and not looked at.
pub(super) fn algorithm(number: u32) -> Option<(&'static str, u64)> {
    let [_, _, _, number] = number.to_be_bytes();
    ALGORITHMS.iter().find(|(other, ..)| *other == number).map(|&(_, name, length)| (name, length))
}

/// An attribute whose length is known, unless it varies.
struct Known {
    tag: u32,
    name: &'static str,
    length: Option<u64>,
}

const COMPRESSION: u32 = 0x4243_5a4c;
const HASH: u32 = 0x6873_6148;
const POSITION: u32 = 0x4243_5350;
const ALIGNMENT: u32 = 0x4243_4c41;
const STAGE: u32 = 0x5374_6748;
const UNUSED: [u32; 2] = [0, u32::MAX];
static KNOWN: [Known; 7] = [
    Known { tag: COMPRESSION, name: "compression", length: Some(16) },
    Known { tag: HASH, name: "hash", length: None },
    Known { tag: POSITION, name: "position", length: Some(12) },
    Known { tag: ALIGNMENT, name: "alignment", length: Some(12) },
    Known { tag: STAGE, name: "stage-header", length: Some(24) },
    Known { tag: 0x3249_4242, name: "ibb", length: Some(8) },
    Known { tag: 0x4744_4150, name: "padding", length: None },
];
const ALGORITHMS: [(u8, &str, u64); 5] =
    [(1, "sha1", 20), (2, "sha256", 32), (3, "sha512", 64), (4, "sha224", 28), (5, "sha384", 48)];
/// Tag and length.
const HEAD: u64 = 8;
/// The same of a hash, with its algorithm.
const HASH_HEAD: u64 = 12;

/// The kinds of defects of this file.
pub(crate) const DEFECTS: &[&DefectKind] = &[&LENGTH, &TRUNCATED, &TWICE, &UNKNOWN_HASH];

/// An attribute has not the length of its tag, or none that there is room for: coreboot takes it for none.
static LENGTH: DefectKind = DefectKind::ambiguous("cbfs/attribute-length");
/// The attributes end before a field does.
static TRUNCATED: DefectKind = DefectKind::odd("cbfs/attribute-truncated").cut_short();
/// Two attributes of a file have one tag; coreboot takes the first.
static TWICE: DefectKind = DefectKind::ambiguous("cbfs/attribute-twice");
/// A hash has an algorithm or a length that coreboot does not know.
static UNKNOWN_HASH: DefectKind = DefectKind::ambiguous("cbfs/hash-unknown");

// Facts, in the words of the specification.
static ALGORITHM: Fact = Fact::new("algorithm");
static ALIGNMENT_FACT: Fact = Fact::new("alignment");
static ENTRY_OFFSET: Fact = Fact::new("entry-offset");
static MEMORY: Fact = Fact::new("memory-length");
static POSITION_FACT: Fact = Fact::new("position");

#[cfg(test)]
mod tests {
    #![allow(clippy::arithmetic_side_effects, clippy::as_conversions, reason = "tests")]

    use super::super::cbfs::Cbfs;
    use super::super::fixtures::{RAW, STAGE as STAGE_TYPE, attribute, file, files, lzma, words};
    use super::*;
    use crate::testing::{defects, parse, put, region, torture};

    /// SHA-256 of `first`.
    const FIRST: &str = "a7937b64b8caa58f03721bb6bacf5c78cb235febe0e70b1b84cd99541461a08e";

    fn hashed(algorithm: u32, digest: &[u8]) -> Vec<u8> {
        let data = [&algorithm.to_be_bytes()[..], digest].concat();
        files(&[file("one", RAW, &[attribute(HASH, &data)], b"first")], 0x100)
    }

    fn first() -> Vec<u8> {
        (0..32).map(|at| u8::from_str_radix(&FIRST[2 * at..][..2], 16).expect("hexadecimal")).collect()
    }

    #[test]
    fn a_hash_is_held_against_the_data() {
        let tree = parse(&Cbfs, &hashed(2, &first()));
        assert_eq!(defects(&tree), [""; 0]);
        let [claim] = tree.claims() else { panic!("one claim") };
        assert_eq!((claim.about.as_slice(), claim.place.length), (&[Span::new(28 + 44, 5)][..], 32));
        let fact = region(&tree, "cbfs-file:one/cbfs-attribute:hash").fact(&ALGORITHM);
        assert_eq!(fact, Some(&"sha256".into()));
        let mut wrong = first();
        wrong[31] ^= 1;
        assert_eq!(defects(&parse(&Cbfs, &hashed(2, &wrong))), ["claim/digest"]);
        assert_eq!(defects(&parse(&Cbfs, &hashed(9, &first()))), ["cbfs/hash-unknown"]);
        assert_eq!(defects(&parse(&Cbfs, &hashed(2, &first()[1..]))), ["cbfs/hash-unknown"]);
        // One that coreboot knows, and nobody here.
        let tree = parse(&Cbfs, &hashed(4, &[7; 28]));
        assert_eq!((defects(&tree), tree.claims().len()), (Vec::new(), 0));
    }

    fn with(attributes: &[Vec<u8>]) -> Vec<&'static str> {
        defects(&parse(&Cbfs, &files(&[file("one", RAW, attributes, &lzma(b"content"))], 0x200)))
    }

    #[test]
    fn an_attribute_that_has_not_its_length_is_none_to_the_loader() {
        let packed = |words_: &[u32]| attribute(COMPRESSION, &words(words_));
        assert_eq!(with(&[packed(&[1, 7])]), [""; 0]);
        assert_eq!(with(&[packed(&[1, 7, 0])]), ["cbfs/attribute-length"]);
        assert_eq!(with(&[packed(&[1, 7]), packed(&[0, 7])]), ["cbfs/attribute-twice"]);
        let mut long = packed(&[1, 7]);
        put(&mut long, 4, &words(&[0x100]));
        assert_eq!(with(&[long]), ["cbfs/attribute-length"]);
        // Of another tag, and what a header is filled with.
        assert_eq!(with(&[packed(&[1, 7]), attribute(0x1234_5678, &[1; 4]), vec![0xff; 12]]), [""; 0]);
    }

    #[test]
    fn any_bytes() {
        let stage = attribute(STAGE, &words(&[0, 0x10_0000, 0x10, 0x100]));
        let data = [&2_u32.to_be_bytes()[..], &first()].concat();
        let attributes = [attribute(HASH, &data), stage, attribute(COMPRESSION, &words(&[1, 7]))];
        let bytes = file("one", STAGE_TYPE, &attributes, &lzma(b"content"));
        torture(&Cbfs, &[bytes, vec![0xff; 8]].concat());
    }
}
