//! Authenticated code modules of Intel, which run before the firmware's first instruction.
//!
//! Intel "Trusted Execution Technology: Software Development Guide", revision 017.4 (document 315168), appendix A.1.
//!
//! ```text
//! 0x00 ModuleType 2         2    0x14 Date (BCD yyyymmdd)  4    0x34 EntryPoint         4
//! 0x02 ModuleSubType        2    0x18 Size, in words of 4  4    0x38 reserved          64
//! 0x04 HeaderLen, in words  4    0x1c TXT SVN              2    0x78 KeySize, in words  4
//! 0x08 HeaderVersion        4    0x1e SE SVN               2    0x7c ScratchSize        4
//! 0x0c ChipsetID            2    0x20 CodeControl          4    0x80 key, exponent (0.0), signature
//! 0x0e Flags                2    0x24 ErrorEntryPoint …         then scratch, code and data up to Size
//! 0x10 ModuleVendor 0x8086  4    0x30 SegSel               4
//! ```
//!
//! Loader modelled: the microcode of the processor, which takes a module by the firmware interface table, checks its signature with the
//! key in it, whose digest is in the processor, and runs it. Ambiguities, each a defect: a header that is not as long as key and signature
//! ask, and a module that ends within it. Limitations: the signature is not checked; modules of other versions than 0.0, 3.0 and 4.0 and of
//! other header lengths are not recognised.
//!
//! ## Normal form
//!
//! None is needed: header, key, signature, scratch and code are leaves, compared as they lie. The scratch space is the module's own memory
//! when it runs; what the file has there is hashed by nobody, and compared all the same.

use kiwame_image::{
    Anchor, Builder, Defect, DefectKind, Fact, Format, Glance, Input, Node, Reader, Reading, Sure, Trouble,
    fact,
};

/// A module.
#[derive(Debug)]
pub(crate) struct Acm;

impl Format for Acm {
    fn name(&self) -> &'static str {
        "acm"
    }

    fn about(&self) -> &'static str {
        "Intel authenticated code modules: header, key, signature, scratch space, code"
    }

    fn defects(&self) -> &'static [&'static [&'static DefectKind]] {
        &[DEFECTS]
    }

    fn probe(&self, head: &Glance<'_>) -> Option<Reading> {
        let header = Header::read(head.all())?;
        (header.size <= head.size()).then(|| Reading::new(self, Sure::Structure).of_length(header.size))
    }

    fn anchor(&self) -> Option<&'static Anchor> {
        Some(&ANCHOR)
    }

    fn parse<'a>(&self, at: Input<'a>, out: &mut Builder<'_, 'a>) {
        if let Err(trouble) = split(&at, out) {
            out.trouble(trouble);
        }
    }
}

/// Type, sub-type and the lengths that headers have; the vendor confirms.
static ANCHOR: Anchor = Anchor {
    marks: &[
        b"\x02\x00\x00\x00\xa1\x00\x00\x00",
        b"\x02\x00\x01\x00\xa1\x00\x00\x00",
        b"\x02\x00\x03\x00\xa1\x00\x00\x00",
        b"\x02\x00\x00\x00\xe0\x00\x00\x00",
        b"\x02\x00\x01\x00\xe0\x00\x00\x00",
        b"\x02\x00\x03\x00\xe0\x00\x00\x00",
    ],
    at: 0,
    whole: |at, _| {
        let room = at.length();
        Ok(Header::read(&at.head(HEADER)?).map(|header| header.size).filter(|size| *size <= room))
    },
};

struct Header {
    kind: u16,
    length: u64,
    version: u32,
    chipset: u16,
    flags: u16,
    date: u32,
    size: u64,
    txt_svn: u16,
    se_svn: u16,
    entry: u32,
    key: u64,
    scratch: u64,
}

impl Header {
    /// `None` for what is no header of Intel's.
    fn read(bytes: &[u8]) -> Option<Self> {
        let head = Self::fields(bytes).ok().flatten()?;
        let known = [0, 0x3_0000, 0x4_0000].contains(&head.version);
        (known && head.size >= head.length && head.size <= LONGEST && is_date(head.date)).then_some(head)
    }

    fn fields(bytes: &[u8]) -> Result<Option<Self>, Defect> {
        let mut reader = Reader::new(bytes, 0, &TRUNCATED);
        let module = reader.u16_le("ModuleType")?;
        let kind = reader.u16_le("ModuleSubType")?;
        let length = words(reader.u32_le("HeaderLen")?);
        let version = reader.u32_le("HeaderVersion")?;
        let (chipset, flags) = (reader.u16_le("ChipsetID")?, reader.u16_le("Flags")?);
        let vendor = reader.u32_le("ModuleVendor")?;
        let date = reader.u32_le("Date")?;
        let size = words(reader.u32_le("Size")?);
        let (txt_svn, se_svn) = (reader.u16_le("TXT SVN")?, reader.u16_le("SE SVN")?);
        reader.bytes(20, "CodeControl, ErrorEntryPoint, GDT, SegSel")?;
        let entry = reader.u32_le("EntryPoint")?;
        reader.bytes(64, "Reserved")?;
        let (key, scratch) = (words(reader.u32_le("KeySize")?), words(reader.u32_le("ScratchSize")?));
        let head =
            Self { kind, length, version, chipset, flags, date, size, txt_svn, se_svn, entry, key, scratch };
        Ok((module == CHIPSET && vendor == INTEL).then_some(head))
    }

    /// Bytes of the exponent, which later versions fix.
    fn exponent(&self) -> u64 {
        if self.version == 0 { 4 } else { 0 }
    }
}

fn words(count: u32) -> u64 {
    u64::from(count).saturating_mul(4)
}

/// Year, month and day in binary-coded decimal.
fn is_date(date: u32) -> bool {
    let [day, month, low, high] = date.to_le_bytes();
    let decimal = |byte: u8| byte & 15 <= 9 && byte >> 4 <= 9;
    high == 0x20
        && decimal(low)
        && decimal(month)
        && decimal(day)
        && (1..=0x12).contains(&month)
        && (1..=0x31).contains(&day)
}

fn split<'a>(at: &Input<'a>, out: &mut Builder<'_, 'a>) -> Result<(), Trouble> {
    let head = at.head(HEADER)?;
    let Some(header) = Header::read(&head) else {
        return Err(Defect::new(&TRUNCATED, "HeaderLen", at.offset(), at.length(), "a header").into());
    };
    out.fact(&fact::EXECUTABLE, true);
    let asked = header.key.saturating_mul(2).saturating_add(HEADER).saturating_add(header.exponent());
    if asked != header.length {
        let place = at.offset().saturating_add(4);
        out.defect(Defect::new(&LENGTH, "HeaderLen", place, header.length, asked));
    }
    if at.length() < header.size {
        let place = at.offset().saturating_add(0x18);
        out.defect(Defect::new(&BEYOND, "Size", place, header.size, at.length()));
    }
    let date =
        format!("{:04x}-{:02x}-{:02x}", header.date >> 16, header.date >> 8 & 0xff, header.date & 0xff);
    out.add(
        Node::new("acm", "header", "acm-header", at.slice(0, HEADER))
            .with(&fact::TYPE, header.kind)
            .with(&fact::VERSION, header.version)
            .with(&CHIPSET_ID, header.chipset)
            .with(&fact::FLAGS, header.flags)
            .with(&fact::DATE, date)
            .with(&TXT_SVN, header.txt_svn)
            .with(&SE_SVN, header.se_svn)
            .with(&fact::ENTRY_POINT, header.entry),
    );
    let module = at.slice(0, header.size);
    let mut start = HEADER;
    for (key, kind, length) in [
        ("key", "acm-key", header.key.saturating_add(header.exponent())),
        ("signature", "acm-signature", header.key),
        ("scratch", "acm-scratch", header.scratch),
    ] {
        out.add(Node::new("acm", key, kind, module.slice(start, length)));
        start = start.saturating_add(length);
    }
    out.add(Node::new("acm", "code", "acm-code", module.from(start)).with(&fact::EXECUTABLE, true));
    out.add_behind(Node::new("acm", "behind", "acm-behind", at.from(header.size)));
    Ok(())
}

/// Up to the key.
const HEADER: u64 = 0x80;
/// `ModuleType` of a chipset's module.
const CHIPSET: u16 = 2;
const INTEL: u32 = 0x8086;
/// Modules have some hundred KiB.
const LONGEST: u64 = 4 << 20;

/// The kinds of defects of this file.
const DEFECTS: &[&DefectKind] = &[&BEYOND, &LENGTH, &TRUNCATED];

/// An authenticated code module says that it is longer than there are bytes.
static BEYOND: DefectKind = DefectKind::ambiguous("acm/beyond");
/// The header of an authenticated code module is not as long as its key and its signature ask: the processor refuses it.
static LENGTH: DefectKind = DefectKind::ambiguous("acm/header-length");
/// An authenticated code module ends before a field does.
static TRUNCATED: DefectKind = DefectKind::ambiguous("acm/truncated").cut_short();

// Facts, in the words of the specification.
static CHIPSET_ID: Fact = Fact::new("chipset-id");
static TXT_SVN: Fact = Fact::new("txt-svn");
static SE_SVN: Fact = Fact::new("se-svn");

#[cfg(test)]
mod tests {
    #![allow(clippy::arithmetic_side_effects, clippy::as_conversions, reason = "tests")]

    use super::*;
    use crate::testing::{defects, leaves, parse, put, region, torture};
    use kiwame_image::to_usize;

    /// A module with a key of so many words, of 0x600 bytes.
    fn module(version: u32, words: u32, scratch: u32) -> Vec<u8> {
        let mut bytes = vec![0; 0x600];
        let header = 32 + 2 * words + u32::from(version == 0);
        put(&mut bytes, 0, &[2, 0, 1, 0]);
        put(&mut bytes, 4, &header.to_le_bytes());
        put(&mut bytes, 8, &version.to_le_bytes());
        put(&mut bytes, 0x10, &0x8086u32.to_le_bytes());
        put(&mut bytes, 0x14, &0x2019_0708u32.to_le_bytes());
        put(&mut bytes, 0x18, &(0x600u32 / 4).to_le_bytes());
        put(&mut bytes, 0x1c, &[2, 0, 3, 0]);
        put(&mut bytes, 0x78, &words.to_le_bytes());
        put(&mut bytes, 0x7c, &scratch.to_le_bytes());
        bytes
    }

    #[test]
    fn a_module_is_header_key_signature_scratch_and_code() {
        for (version, words, exponent) in [(0, 64, 4), (0x3_0000, 96, 0)] {
            let tree = parse(&Acm, &module(version, words, 8));
            let key = u64::from(words) * 4;
            let expected = [
                ("acm-header", "header".to_owned(), 0, 0x80),
                ("acm-key", "key".to_owned(), 0x80, key + exponent),
                ("acm-signature", "signature".to_owned(), 0x80 + key + exponent, key),
                ("acm-scratch", "scratch".to_owned(), 0x80 + 2 * key + exponent, 32),
                (
                    "acm-code",
                    "code".to_owned(),
                    0xa0 + 2 * key + exponent,
                    0x600 - (0xa0 + 2 * key + exponent),
                ),
            ];
            assert_eq!(leaves(&tree), expected);
            assert_eq!(defects(&tree), [""; 0]);
            assert!(region(&tree, "acm:code").is(&fact::EXECUTABLE));
            assert_eq!(region(&tree, "acm:header").fact(&SE_SVN), Some(&3u16.into()));
        }
    }

    #[test]
    fn what_the_processor_refuses_is_ambiguous() {
        let mut longer = module(0, 64, 8);
        longer[4] += 1;
        assert_eq!(defects(&parse(&Acm, &longer)), ["acm/header-length"]);
        let mut cut = module(0, 64, 8);
        cut.truncate(0x500);
        assert_eq!(defects(&parse(&Acm, &cut)), ["acm/beyond"]);
    }

    #[test]
    fn other_vendors_dates_and_versions_are_no_module() {
        let sound = module(0, 64, 8);
        assert!(Header::read(&sound).is_some());
        for (at, byte) in [(0, 1), (0x10, 0), (0x15, 0x13), (0x0a, 1), (0x1b, 1), (0x18, 1)] {
            let mut bytes = sound.clone();
            bytes[at] = byte;
            if at == 0x18 {
                bytes[0x19] = 0;
            }
            assert!(Header::read(&bytes).is_none(), "{at:#x}");
        }
        assert!(Header::read(&sound[..to_usize(HEADER) - 1]).is_none());
    }

    #[test]
    fn hostile_bytes() {
        torture(&Acm, &module(0, 64, 8));
        torture(&Acm, &module(0x3_0000, 96, 4));
    }
}
