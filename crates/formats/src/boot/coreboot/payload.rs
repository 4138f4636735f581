//! Payloads in coreboot's own form: a table of segments, and what they hold.
//!
//! ```text
//! 0x00 type        4  "CODE" "DATA" "BSS " "PARA" "ENTR"     0x14 len     4
//! 0x04 compression 4                                          0x18 mem_len 4
//! 0x08 offset      4  from the start of the table
//! 0x0c load_addr   8  of the last: the entry point
//! ```
//!
//! Loader modelled: `src/lib/selfboot.c` of coreboot. It takes segments up to the one that is the entry point, refuses the
//! whole payload at a type that it does not know, cuts what is longer than its memory, and asks nobody where a segment ends.

use std::rc::Rc;

use kiwame_image::{
    Builder, Defect, DefectKind, Fact, Format as _, Input, Laid, Node, Place, Reader, Recognised, Span,
    Stage, fact, len64,
};

use super::Read;
use super::cbfs::NAME;
use super::packing::{self, Packing};

/// Splits a payload.
pub(super) fn split<'a>(at: &Input<'a>, out: &mut Builder<'_, 'a>) -> Read<()> {
    let segments = segments(at, out)?;
    let table = Span::new(0, len64(&segments).saturating_mul(SEGMENT));
    let held =
        segments.iter().filter(|segment| segment.holds()).map(|segment| (segment.span, Some(*segment)));
    let things = core::iter::once((table, None)).chain(held).collect();
    let (laid, behind) = kiwame_image::lay_out(at.length(), things);
    for (place, Laid { thing, stated, gap, span, shared, beyond }) in (0_u32..).zip(laid) {
        between(at, gap, place, out);
        let Some(segment) = thing else {
            table_of(&at.slice(span.offset, span.length), &segments, out);
            continue;
        };
        let field = at.offset().saturating_add(u64::from(segment.number).saturating_mul(SEGMENT));
        if let Some(done) = shared {
            out.defect(Defect::new(&OVERLAP, "offset", field, stated.offset, done));
        }
        if beyond {
            out.defect(Defect::new(&BEYOND, "len", field, stated.end(), at.length()));
        }
        if segment.packing.is_none() && stated.length > segment.memory {
            out.defect(Defect::new(&CUT, "mem_len", field, segment.memory, stated.length));
        }
        let input = at.slice(span.offset, span.length);
        let node = Node::new("cbfs-segment", segment.number.to_string(), "cbfs-segment", input);
        let node = node.name(segment.name()).component().with(&fact::EXECUTABLE, true);
        out.add(node.then_with(Rc::new(segment)));
    }
    packing::behind(&at.slice(behind.offset, behind.length), out);
    Ok(())
}

/// The segments up to the entry point.
fn segments(at: &Input<'_>, out: &mut Builder<'_, '_>) -> Read<Vec<Segment>> {
    let mut segments = Vec::new();
    loop {
        let number = u32::try_from(segments.len()).unwrap_or(u32::MAX);
        let start = u64::from(number).saturating_mul(SEGMENT);
        at.spend(SEGMENT)?;
        let window = at.slice(start, SEGMENT).window()?;
        let place = at.offset().saturating_add(start);
        let segment = match Segment::read(&mut window.reader(&TRUNCATED), number) {
            Ok(segment) => segment,
            Err(defect) => {
                out.defect(defect);
                break;
            }
        };
        if segment.name().is_empty() {
            out.defect(Defect::new(&TYPE, "type", place, segment.kind, "a type that coreboot knows"));
            break;
        }
        segments.push(segment);
        if segment.kind == ENTRY {
            break;
        }
    }
    Ok(segments)
}

fn table_of<'a>(table: &Input<'a>, segments: &[Segment], out: &mut Builder<'_, 'a>) {
    for segment in segments {
        let start = u64::from(segment.number).saturating_mul(SEGMENT);
        let input = table.slice(start, SEGMENT);
        let node = Node::new("cbfs-segment-header", segment.number.to_string(), "cbfs-segment-header", input);
        let node = node.name(segment.name()).with(&fact::ADDRESS, segment.load);
        let node = if segment.kind == ENTRY { node } else { segment.packing.describe(node) };
        let node = node.with(&OFFSET, segment.span.offset).with(&fact::SIZE, segment.span.length);
        out.add(node.with(&MEMORY, segment.memory));
    }
}

fn between<'a>(at: &Input<'a>, gap: Span, number: u32, out: &mut Builder<'_, 'a>) {
    if !gap.is_empty() {
        let input = at.slice(gap.offset, gap.length);
        out.add_behind(Node::new(NAME, format!("between-{number}"), "cbfs-padding", input));
    }
}

/// One segment.
#[derive(Clone, Copy, Debug)]
struct Segment {
    number: u32,
    kind: u32,
    packing: Packing,
    span: Span,
    load: u64,
    memory: u64,
}

impl Segment {
    fn read(reader: &mut Reader<'_>, number: u32) -> Result<Self, Defect> {
        let (kind, algorithm) = (reader.u32_be("type")?, reader.u32_be("compression")?);
        let (offset, load) = (reader.u32_be("offset")?, reader.u64_be("load_addr")?);
        let (length, memory) = (reader.u32_be("len")?, reader.u32_be("mem_len")?.into());
        let packing = Packing { algorithm, size: None };
        Ok(Self { number, kind, packing, span: Span::new(offset.into(), length.into()), load, memory })
    }

    /// In the words of the specification; empty for a type that it does not have.
    fn name(&self) -> &'static str {
        TYPES.iter().find(|(kind, _)| *kind == self.kind).map_or("", |(_, name)| name)
    }

    /// True when there are bytes of it in the file.
    fn holds(&self) -> bool {
        ![BSS, ENTRY].contains(&self.kind) && !self.span.is_empty()
    }
}

impl<'a> Stage<'a> for Segment {
    fn parse(&self, at: Input<'a>, out: &mut Builder<'_, 'a>) {
        let content = &Recognised(Place::Stream);
        if self.packing.is_none() {
            Recognised(Place::Stream).parse(at, out);
        } else if let Err(trouble) = self.packing.open(&at, Some(self.memory), content, out) {
            out.trouble(trouble);
        }
    }
}

const SEGMENT: u64 = 28;
const BSS: u32 = 0x4253_5320;
const ENTRY: u32 = 0x454e_5452;
const TYPES: [(u32, &str); 5] =
    [(0x434f_4445, "code"), (0x4441_5441, "data"), (BSS, "bss"), (0x5041_5241, "params"), (ENTRY, "entry")];

/// The kinds of defects of this file.
pub(crate) const DEFECTS: &[&DefectKind] = &[&BEYOND, &CUT, &OVERLAP, &TRUNCATED, &TYPE];

/// A segment goes beyond its file: coreboot reads on.
static BEYOND: DefectKind = DefectKind::ambiguous("cbfs/segment-beyond");
/// A segment is longer than its memory: coreboot leaves the rest.
static CUT: DefectKind = DefectKind::ambiguous("cbfs/segment-cut");
/// Two segments share bytes, or one lies in the table.
static OVERLAP: DefectKind = DefectKind::ambiguous("cbfs/segment-overlap");
/// The payload ends before a segment is its entry point.
static TRUNCATED: DefectKind = DefectKind::ambiguous("cbfs/segment-missing").cut_short();
/// A segment has a type that coreboot does not know: it refuses the payload.
static TYPE: DefectKind = DefectKind::ambiguous("cbfs/segment-type");

// Facts, in the words of the specification.
static MEMORY: Fact = Fact::new("memory-length");
static OFFSET: Fact = Fact::new("offset");

#[cfg(test)]
mod tests {
    #![allow(clippy::arithmetic_side_effects, clippy::as_conversions, reason = "tests")]

    use super::super::cbfs::Cbfs;
    use super::super::fixtures::{SELF, file, files, lzma, words};
    use super::*;
    use crate::testing::{defects, parse, region, torture};

    const CODE: u32 = 0x434f_4445;
    const DATA: u32 = 0x4441_5441;

    /// Type, compression, offset, load address, length and memory of each.
    fn payload(segments: &[[u32; 6]], data: &[u8]) -> Vec<u8> {
        let table = segments.iter().flat_map(|&[kind, packing, offset, load, length, memory]| {
            words(&[kind, packing, offset, 0, load, length, memory])
        });
        file("payload", SELF, &[], &[table.collect::<Vec<_>>(), data.to_vec()].concat())
    }

    fn sound() -> [[u32; 6]; 4] {
        let packed = lzma(b"code and more").len() as u32;
        [
            [CODE, 1, 112, 0x10_0000, packed, 0x20],
            [DATA, 0, 112 + packed, 0x20_0000, 4, 4],
            [BSS, 0, 0, 0x30_0000, 0x100, 0x100],
            [ENTRY, 0, 0, 0x10_0000, 0, 0],
        ]
    }

    fn with(change: impl Fn(&mut [[u32; 6]; 4])) -> String {
        let mut segments = sound();
        change(&mut segments);
        let data = [lzma(b"code and more"), b"data".to_vec()].concat();
        defects(&parse(&Cbfs, &files(&[payload(&segments, &data)], 0x200))).join(" ")
    }

    #[test]
    fn segments_are_opened_up_to_the_entry_point() {
        let data = [lzma(b"code and more"), b"data".to_vec()].concat();
        let tree = parse(&Cbfs, &files(&[payload(&sound(), &data)], 0x200));
        assert_eq!(defects(&tree), [""; 0]);
        let code = region(&tree, "cbfs-file:payload/cbfs-segment:0");
        assert_eq!(code.fact(&fact::EXECUTABLE), Some(&true.into()));
        assert_eq!(region(&tree, "cbfs-file:payload/cbfs-segment:1").span.length, 4);
        let entry = region(&tree, "cbfs-file:payload/cbfs-segment-header:3");
        assert_eq!(entry.fact(&fact::ADDRESS), Some(&0x10_0000_u64.into()));
    }

    #[test]
    fn what_the_loader_reads_otherwise_is_ambiguous() {
        assert_eq!(with(|_| {}), "");
        assert_eq!(with(|all| all[1][2] -= 1), "cbfs/segment-overlap cbfs/trailing-bytes");
        assert_eq!(with(|all| all[1][2] = 0), "cbfs/segment-overlap cbfs/trailing-bytes");
        assert_eq!(with(|all| all[1][4] = 5), "cbfs/segment-beyond cbfs/segment-cut");
        assert_eq!(with(|all| all[1][5] = 3), "cbfs/segment-cut");
        assert_eq!(with(|all| all[0][5] = 3), "cbfs/loader");
        assert!(with(|all| all[2][0] = 7).contains("cbfs/segment-type"));
        assert!(
            with(|all| all[3][0] = BSS).contains("cbfs/segment-type"),
            "what comes behind is read as a segment"
        );
    }

    #[test]
    fn any_bytes() {
        let data = [lzma(b"code and more"), b"data".to_vec()].concat();
        torture(&Cbfs, &[payload(&sound(), &data), vec![0xff; 8]].concat());
    }
}
