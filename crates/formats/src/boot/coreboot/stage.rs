//! Stages: coreboot itself, part by part.
//!
//! Since 4.15 an attribute of the file says where a stage is put. Before that a header in front of the data did, its numbers
//! little-endian:
//!
//! ```text
//! 0x00 compression 4     0x0c load   8     0x18 memlen 4
//! 0x04 entry       8     0x14 len    4     0x1c data
//! ```

use kiwame_image::{Builder, Defect, DefectKind, Fact, Input, Node, Reader, fact};

use super::Read;
use super::attribute::Attributes;
use super::cbfs::NAME;
use super::content;
use super::packing::{self, Packing};

/// A stage whose attributes say where it is put.
pub(super) fn open<'a>(data: &Input<'a>, attributes: &Attributes, out: &mut Builder<'_, 'a>) -> Read<()> {
    let Some(header) = attributes.stage else {
        out.defect(Defect::new(&NO_HEADER, "tag", data.offset(), "no stage header", "one"));
        return content::packed(data, attributes.packing, None, out);
    };
    let memory = u64::from(header.memory);
    let packed = attributes.packing.is_some_and(|packing| !packing.is_none());
    if !packed && data.length() > memory {
        out.defect(Defect::new(&LENGTH, "memlen", data.offset(), memory, data.length()));
    }
    content::packed(data, attributes.packing, Some(memory), out)
}

/// A stage with a header of its own.
pub(super) fn open_legacy<'a>(data: &Input<'a>, out: &mut Builder<'_, 'a>) -> Read<()> {
    let window = data.head(HEADER)?;
    let header = Header::read(&mut window.reader(&TRUNCATED))?;
    let node = Node::new(NAME, "stage", "cbfs-stage-header", data.slice(0, HEADER));
    out.add(
        header
            .packing
            .describe(node)
            .with(&fact::ENTRY_POINT, header.entry)
            .with(&fact::ADDRESS, header.load)
            .with(&fact::SIZE, header.length)
            .with(&MEMORY, header.memory),
    );
    let body = data.slice(HEADER, header.length);
    if body.length() < header.length {
        let place = data.offset().saturating_add(LENGTH_FIELD);
        out.defect(Defect::new(&LENGTH, "len", place, header.length, body.length()));
    }
    let next = Node::new(NAME, "body", "cbfs-stage", body.clone());
    out.add(next.component().then_with(std::rc::Rc::new(header)));
    packing::behind(&data.from(HEADER.saturating_add(body.length())), out);
    Ok(())
}

#[derive(Clone, Copy, Debug)]
struct Header {
    packing: Packing,
    entry: u64,
    load: u64,
    length: u64,
    memory: u64,
}

impl Header {
    fn read(reader: &mut Reader<'_>) -> Result<Self, Defect> {
        let algorithm = reader.u32_le("compression")?;
        let (entry, load) = (reader.u64_le("entry")?, reader.u64_le("load")?);
        let (length, memory) = (reader.u32_le("len")?.into(), reader.u32_le("memlen")?.into());
        Ok(Self { packing: Packing { algorithm, size: None }, entry, load, length, memory })
    }
}

impl<'a> kiwame_image::Stage<'a> for Header {
    fn parse(&self, at: Input<'a>, out: &mut Builder<'_, 'a>) {
        if let Err(trouble) = content::packed(&at, Some(self.packing), Some(self.memory), out) {
            out.trouble(trouble);
        }
    }
}

const HEADER: u64 = 28;
const LENGTH_FIELD: u64 = 0x14;

/// The kinds of defects of this file.
pub(crate) const DEFECTS: &[&DefectKind] = &[&LENGTH, &NO_HEADER, &TRUNCATED];

/// A stage has not the length that is said of it.
static LENGTH: DefectKind = DefectKind::ambiguous("cbfs/stage-length");
/// Nothing says where a stage is put: coreboot does not take it.
static NO_HEADER: DefectKind = DefectKind::ambiguous("cbfs/stage-header");
/// A stage ends before its header does.
static TRUNCATED: DefectKind = DefectKind::ambiguous("cbfs/stage-truncated").cut_short();

// Facts, in the words of the specification.
static MEMORY: Fact = Fact::new("memory-length");

#[cfg(test)]
mod tests {
    #![allow(clippy::arithmetic_side_effects, clippy::as_conversions, reason = "tests")]

    use super::super::cbfs::Cbfs;
    use super::super::fixtures::{STAGE, attribute, file, files, lzma, words};
    use super::*;
    use crate::testing::{defects, parse, region, torture};

    fn with(attributes: &[Vec<u8>], data: &[u8]) -> String {
        defects(&parse(&Cbfs, &files(&[file("stage", STAGE, attributes, data)], 0x200))).join(" ")
    }

    #[test]
    fn an_attribute_says_where_a_stage_is_put() {
        let header = |memory: u32| attribute(0x5374_6748, &words(&[0, 0x1000, 4, memory]));
        let packed = attribute(0x4243_5a4c, &words(&[1, 7]));
        assert_eq!(with(&[header(7)], b"content"), "");
        assert_eq!(with(&[header(6)], b"content"), "cbfs/stage-length");
        assert_eq!(with(&[packed.clone(), header(7)], &lzma(b"content")), "");
        assert_eq!(with(&[packed, header(6)], &lzma(b"content")), "cbfs/loader");
        assert_eq!(with(&[], b"content"), "cbfs/stage-header");
    }

    /// Compression, length and memory.
    fn legacy(packing: u32, length: u32, memory: u32, data: &[u8]) -> Vec<u8> {
        let mut header = packing.to_le_bytes().to_vec();
        header.extend([0x1004_u64, 0x1000].iter().flat_map(|word| word.to_le_bytes()));
        header.extend([length, memory].iter().flat_map(|word| word.to_le_bytes()));
        file("stage", 0x10, &[], &[&header, data].concat())
    }

    #[test]
    fn an_old_stage_has_a_header_of_its_own() {
        let tree = parse(&Cbfs, &files(&[legacy(0, 7, 16, b"content")], 0x100));
        assert_eq!(defects(&tree), [""; 0]);
        let header = region(&tree, "cbfs-file:stage/cbfs:stage");
        assert_eq!(header.fact(&fact::ENTRY_POINT), Some(&0x1004_u64.into()));
        let found = |file: Vec<u8>| defects(&parse(&Cbfs, &files(&[file], 0x100))).join(" ");
        assert_eq!(found(legacy(0, 8, 16, b"content")), "cbfs/stage-length");
        assert_eq!(found(legacy(0, 6, 16, b"content")), "cbfs/trailing-bytes");
        assert_eq!(found(legacy(1, 8, 16, b"content")), "cbfs/stage-length cbfs/decode");
        assert_eq!(found(file("stage", 0x10, &[], b"short")), "cbfs/stage-truncated");
    }

    #[test]
    fn any_bytes() {
        torture(&Cbfs, &[legacy(1, 24, 16, &lzma(b"content")), vec![0xff; 8]].concat());
    }
}
