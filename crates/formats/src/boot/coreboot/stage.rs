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
