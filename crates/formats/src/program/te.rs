//! Terse executables: PE images with their headers cut short.
//!
//! UEFI Platform Initialization Specification 1.8, volume 1, chapter 15 ("TE Image"). goblin reads the header; the
//! section table is that of [`crate::program::pe`].
//!
//! ```text
//! 0x00 Signature "VZ"     2    0x08 AddressOfEntryPoint  4    0x18 DataDirectory[0] (relocations)  8
//! 0x02 Machine            2    0x0c BaseOfCode           4    0x20 DataDirectory[1] (debug)        8
//! 0x04 NumberOfSections   1    0x10 ImageBase            8    0x28 section table, 40 bytes each
//! 0x05 Subsystem          1
//! 0x06 StrippedSize       2
//! ```
//!
//! Every offset and address is still that of the PE image: what `PointerToRawData` points to lies
//! `StrippedSize - 40` bytes earlier in the file.
//!
//! Loader modelled: EDK II `BasePeCoffLib` and the PEI core, which run TE images in place or copy them by section.
//! Ambiguities, each a defect: sections that share bytes or addresses, leave the file, or begin inside the
//! headers. In flash an image ends with its last section, as in [`crate::program::pe`]. Limitations: as for PE.
//!
//! ## Normal form
//!
//! None is needed: header, sections, gaps and what lies behind are leaves, compared as they lie.
//!
//! The loader uses `StrippedSize`, `ImageBase`, the entry point and both data directories; all are in the header's
//! leaf. What we read and it does not: names and characteristics of sections.

use goblin::pe::header::TeHeader;
use kiwame_image::{
    Anchor, Builder, Defect, DefectKind, Fact, Format, Glance, Input, Reading, Sure, Trouble, fact,
};

use crate::program::pe::{self, Section};
use crate::program::{self, Names, Piece};

/// A TE image.
#[derive(Debug)]
pub(crate) struct Te;

/// For the parents of images.
pub(crate) static TE: &dyn Format = &Te;

impl Format for Te {
    fn name(&self) -> &'static str {
        "te"
    }

    fn about(&self) -> &'static str {
        "TE images (UEFI PI): headers, sections, gaps, overlay"
    }

    fn defects(&self) -> &'static [&'static [&'static DefectKind]] {
        &[DEFECTS]
    }

    fn probe(&self, head: &Glance<'_>) -> Option<Reading> {
        let [sections, subsystem] = *head.bytes(4, 2)?.as_array()?;
        let found = head.bytes(0, 2)? == SIGNATURE
            && MACHINES.contains(&head.u16_le(2)?)
            && sections > 0
            && SUBSYSTEMS.contains(&subsystem)
            && u64::from(head.u16_le(6)?) >= HEADER;
        let found = found.then(|| Reading::new(self, Sure::Structure))?;
        Some(length_by_head(head).map_or(found, |length| found.of_length(length)))
    }

    fn runs(&self, head: &Glance<'_>) -> bool {
        head.bytes(0, 2) == Some(SIGNATURE) && self.probe(head).is_some()
    }

    fn anchor(&self) -> Option<&'static Anchor> {
        Some(&ANCHOR)
    }

    fn parse<'a>(&self, at: Input<'a>, out: &mut Builder<'_, 'a>) {
        match Image::read(&at) {
            Ok(image) => {
                let end = |_: &Input<'a>| image.end();
                program::in_flash(&at, out, ("te", "te-behind"), end, |at, out| image.split(at, out));
            }
            Err(trouble) => {
                out.trouble(trouble);
                program::refuse(at, out, "te-unread");
            }
        }
    }
}

static ANCHOR: Anchor =
    Anchor { marks: &[], at: 0, whole: |at, _| Ok(Image::read(at).ok().map(|image| image.end())) };

/// How long an image is, for those who search.
fn length_by_head(head: &Glance<'_>) -> Option<u64> {
    let [count, _] = *head.bytes(4, 2)?.as_array()?;
    let moved = u64::from(head.u16_le(6)?).checked_sub(HEADER)?;
    let mut end = HEADER.checked_add(u64::from(count).checked_mul(pe::SECTION_ENTRY)?)?;
    for number in 0..u64::from(count) {
        let entry = HEADER.checked_add(number.checked_mul(pe::SECTION_ENTRY)?)?;
        let (length, pointer) = (head.u32_le(entry.checked_add(16)?)?, head.u32_le(entry.checked_add(20)?)?);
        end = end.max(u64::from(pointer).checked_add(length.into())?.saturating_sub(moved));
    }
    Some(end)
}

struct Image {
    header: TeHeader,
    sections: Vec<Section>,
}

impl Image {
    fn read(at: &Input<'_>) -> Result<Self, Trouble> {
        let window = at.head(HEADER)?;
        let mut reader = window.reader(&TRUNCATED);
        let bytes = reader.bytes(HEADER, "EFI_TE_IMAGE_HEADER")?;
        if !bytes.starts_with(SIGNATURE) {
            let found = bytes.get(..2).unwrap_or_default();
            return Err(Defect::new(&NO_SIGNATURE, "Signature", at.offset(), found, SIGNATURE).into());
        }
        let header = TeHeader::parse(bytes, &mut 0).map_err(|error| {
            Defect::new(&REFUSED, "EFI_TE_IMAGE_HEADER", at.offset(), error.to_string(), "a TE header")
        })?;
        let sections = pe::sections(at, HEADER, header.number_of_sections.into(), &TRUNCATED)?;
        Ok(Self { header, sections })
    }

    fn split<'a>(&self, at: &Input<'a>, out: &mut Builder<'_, 'a>) {
        self.describe(out);
        pe::check_memory(&self.sections, out, &VIRTUAL_OVERLAP);
        let mut pieces = vec![self.headers()];
        for section in self.sections.iter().filter(|section| section.is_loaded()) {
            let piece = section.piece("te-section");
            match piece.offset.checked_sub(self.moved()) {
                Some(offset) => pieces.push(Piece { offset, ..piece }),
                None => {
                    let (found, least) = (piece.offset, self.moved());
                    let kind = &BEFORE_START;
                    out.defect(Defect::new(kind, "PointerToRawData", section.place, found, least));
                }
            }
        }
        program::lay_out(at, out, &NAMES, "PointerToRawData", pieces);
    }

    /// Where by its own account the program ends.
    fn end(&self) -> u64 {
        let sections = self.sections.iter().filter(|section| section.is_loaded());
        let ends = sections.map(|section| section.raw.end().saturating_sub(self.moved()));
        ends.fold(self.headers().length, u64::max)
    }

    /// How far everything lies before the place that the PE image had for it.
    fn moved(&self) -> u64 {
        u64::from(self.header.stripped_size).saturating_sub(HEADER)
    }

    fn headers(&self) -> Piece {
        let length = HEADER.saturating_add(u64::from(self.header.number_of_sections).saturating_mul(40));
        Piece { kind: "te-headers", key: b"0".to_vec(), offset: 0, length, facts: Vec::new() }
    }

    /// goblin takes the stripped size off the addresses of the header; the specification's values are shown.
    fn describe(&self, out: &mut Builder<'_, '_>) {
        let moved = u32::from(self.header.stripped_size).wrapping_sub(40);
        program::facts(
            out,
            [
                (&fact::EXECUTABLE, true.into()),
                (&fact::MACHINE, self.header.machine.into()),
                (&fact::SUBSYSTEM, self.header.subsystem.into()),
                (&STRIPPED_SIZE, self.header.stripped_size.into()),
                (&fact::ENTRY_POINT, self.header.entry_point.wrapping_add(moved).into()),
                (&CODE_BASE, self.header.base_of_code.wrapping_add(moved).into()),
                (&fact::IMAGE_BASE, self.header.image_base.into()),
            ],
        );
    }
}

const NAMES: Names = Names { gap: "te-gap", overlay: "te-overlay", overlap: &OVERLAP, beyond: &BEYOND_END };
const SIGNATURE: &[u8] = b"VZ";
/// Size of the header.
const HEADER: u64 = 40;
/// The machines of the UEFI specification: IA-32, x64, Itanium, EBC, Arm, AArch64, RISC-V, LoongArch.
const MACHINES: &[u16] =
    &[0x14c, 0x8664, 0x200, 0xebc, 0x1c2, 0x1c4, 0xaa64, 0x5032, 0x5064, 0x5128, 0x6232, 0x6264];
/// EFI applications, boot and run-time drivers, and whatever a section of a volume says otherwise.
const SUBSYSTEMS: core::ops::RangeInclusive<u8> = 10..=13;

/// The kinds of defects of this file.
pub(crate) const DEFECTS: &[&DefectKind] =
    &[&BEFORE_START, &BEYOND_END, &OVERLAP, &REFUSED, &NO_SIGNATURE, &TRUNCATED, &VIRTUAL_OVERLAP];

/// A section lies in the bytes that were stripped from the headers.
static BEFORE_START: DefectKind = DefectKind::ambiguous("te/before-start");
/// A section lies beyond the file.
static BEYOND_END: DefectKind = DefectKind::ambiguous("te/beyond-end");
/// Sections share bytes of the file.
static OVERLAP: DefectKind = DefectKind::ambiguous("te/overlap");
/// The header is none that can be read.
static REFUSED: DefectKind = DefectKind::odd("te/refused");
/// The file does not begin with the signature of a TE image.
static NO_SIGNATURE: DefectKind = DefectKind::odd("te/signature");
/// The file ends before a field does.
static TRUNCATED: DefectKind = DefectKind::odd("te/truncated").cut_short();
/// Sections share addresses: which one wins depends on the loader.
static VIRTUAL_OVERLAP: DefectKind = DefectKind::ambiguous("te/virtual-overlap");

// Facts, in the words of the specification.
static CODE_BASE: Fact = Fact::new("code-base");
static STRIPPED_SIZE: Fact = Fact::new("stripped-size");

#[cfg(test)]
mod tests {
    #![allow(clippy::arithmetic_side_effects, clippy::as_conversions, reason = "tests")]

    use super::*;
    use crate::testing::{defects, leaves, parse, put, region, torture};
    use kiwame_image::Value;

    const STRIPPED: u32 = 0x188;

    /// A TE image of two sections, with eight bytes between table and first section.
    fn sample() -> Vec<u8> {
        let mut image = vec![0; 0x1c0];
        put(&mut image, 0, b"VZ");
        put(&mut image, 2, &0x8664u16.to_le_bytes());
        put(&mut image, 4, &[2, 11]);
        put(&mut image, 6, &(STRIPPED as u16).to_le_bytes());
        put(&mut image, 8, &0x240u32.to_le_bytes());
        for (number, (name, raw)) in [(b".text", 0x80), (b".data", 0x100)].into_iter().enumerate() {
            let at = 40 + 40 * number;
            put(&mut image, at, name);
            let pointer = raw + STRIPPED - 40;
            for (i, field) in [0x80, pointer, 0x80, pointer].into_iter().enumerate() {
                put(&mut image, at + 8 + 4 * i, &field.to_le_bytes());
            }
        }
        image
    }

    #[test]
    fn sections_lie_where_the_stripped_size_moves_them() {
        let tree = parse(TE, &sample());
        let expected = [
            ("te-headers", "0".to_owned(), 0, 0x78),
            ("te-gap", "1".to_owned(), 0x78, 8),
            ("te-section", ".text".to_owned(), 0x80, 0x80),
            ("te-section", ".data".to_owned(), 0x100, 0x80),
            ("te-overlay", "0".to_owned(), 0x180, 0x40),
        ];
        assert_eq!(leaves(&tree), expected);
        assert_eq!(defects(&tree), [""; 0]);
        assert_eq!(region(&tree, "image").attribute("entry-point"), Some(&Value::Uint(0x240)));
    }

    #[test]
    fn in_flash_an_image_ends_with_its_last_section() {
        let image = &sample()[..0x180];
        let found = TE.probe(&Glance::new(image, 0x180)).expect("recognised");
        assert_eq!(found.length, Some(0x180));
        let mut flash = vec![0xff; 0x3000];
        put(&mut flash, 0x1000, image);
        put(&mut flash, 0x1200, b"something else");
        let tree = parse(crate::named("raw").unwrap(), &flash);
        assert!(tree.regions().any(|region| region.kind == "between" && region.span.offset == 0x1180));
        assert!(!tree.regions().any(|region| region.kind == "te-overlay"));
    }

    #[test]
    fn a_section_before_the_start_is_ambiguous() {
        let mut image = sample();
        put(&mut image, 40 + 20, &0x10u32.to_le_bytes());
        assert_eq!(defects(&parse(TE, &image)), ["te/before-start"]);
    }

    #[test]
    fn a_stripped_size_below_the_header_is_refused() {
        let mut image = sample();
        put(&mut image, 6, &[39, 0]);
        assert_eq!(defects(&parse(TE, &image)), ["te/refused"]);
    }

    #[test]
    fn hostile_bytes() {
        torture(TE, &sample());
    }
}
