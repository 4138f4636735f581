//! The Linux kernel image of 64-bit ARM.
//!
//! `Documentation/arch/arm64/booting.rst` of Linux 6.6, section 4.
//!
//! ```text
//! 0x00 code0, code1 4+4     0x10 image_size 8     0x20 res2, res3, res4 8+8+8     0x3c res5 4
//! 0x08 text_offset  8       0x18 flags      8     0x38 magic "ARM\x64"  4
//! ```
//!
//! Loader modelled: `booti` of U-Boot, which moves `image_size` bytes. What lies behind them is searched as a flash is.
//! Ambiguities: reserved fields that are not zero. Limitations: the code is one leaf; `image_size` counts memory that the
//! file does not have, so a file may be shorter, and where something lies directly behind the file, up to that size is
//! taken for code; a kernel without a size (before Linux 3.17) ends where its region does; a PE header in front of the code is
//! noted and not taken apart.
//!
//! ## Normal form
//!
//! None is needed: header and code are leaves, compared as they lie.
//!
//! `res5`, where a PE header lies, is in the leaf and no fact.

use kiwame_image::{
    Anchor, Builder, Defect, DefectKind, Fact, Format, Glance, Input, Node, Reading, Sure, Trouble, fact,
};

/// A kernel image.
#[derive(Debug)]
pub(crate) struct Arm64Image;

impl Format for Arm64Image {
    fn name(&self) -> &'static str {
        "arm64-image"
    }

    fn about(&self) -> &'static str {
        "Linux kernel image of 64-bit ARM"
    }

    fn defects(&self) -> &'static [&'static [&'static DefectKind]] {
        &[DEFECTS]
    }

    /// Heavier than a PE file, which such an image can be as well.
    fn probe(&self, head: &Glance<'_>) -> Option<Reading> {
        let fields = [head.u64_le(0x20)?, head.u64_le(0x28)?, head.u64_le(0x30)?];
        let known = head.bytes(0x38, 4)? == MAGIC && fields.iter().filter(|&&field| field == 0).count() >= 2;
        known.then(|| Reading::new(self, Sure::Structure))
    }

    fn runs(&self, head: &Glance<'_>) -> bool {
        head.bytes(0x38, 4) == Some(&MAGIC[..])
    }

    fn over(&self) -> &'static [&'static str] {
        &["pe"]
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

/// Where the header says how much memory the kernel takes, that is the most that it has.
static ANCHOR: Anchor = Anchor {
    marks: &[],
    at: 0,
    whole: |at, _| {
        let size =
            at.head(HEADER)?.piece(0x10, 8).and_then(|raw| Some(u64::from_le_bytes(*raw.first_chunk()?)));
        Ok(size.filter(|&size| size >= HEADER))
    },
};

fn split<'a>(at: &Input<'a>, out: &mut Builder<'_, 'a>) -> Result<(), Trouble> {
    let window = at.head(HEADER)?;
    let mut reader = window.reader(&TRUNCATED);
    let pe = reader.u16_le("code0")? == DOS_MAGIC;
    reader.bytes(6, "code1")?;
    let text_offset = reader.u64_le("text_offset")?;
    let image_size = reader.u64_le("image_size")?;
    let flags = reader.u64_le("flags")?;
    for field in ["res2", "res3", "res4"] {
        let place = reader.offset();
        let value = reader.u64_le(field)?;
        if value != 0 {
            out.defect(Defect::new(&RESERVED, field, place, value, 0u8));
        }
    }
    out.add(
        Node::new("arm64-image", "header", "arm64-image-header", at.slice(0, HEADER))
            .with(&TEXT_OFFSET, text_offset)
            .with(&fact::IMAGE_SIZE, image_size)
            .with(&fact::FLAGS, flags)
            .with(&fact::PE, pe)
            .with(&fact::EXECUTABLE, true),
    );
    let end = if image_size > HEADER { image_size.min(at.length()) } else { at.length() };
    let code = at.slice(HEADER, end.saturating_sub(HEADER));
    let code = Node::new("arm64-image", "code", "arm64-image-code", code);
    out.add(code.with(&fact::EXECUTABLE, true).component());
    out.add_behind(Node::new("arm64-image", "behind", "arm64-image-trailing", at.from(end)));
    Ok(())
}

const HEADER: u64 = 0x40;
const MAGIC: [u8; 4] = *b"ARM\x64";
const DOS_MAGIC: u16 = 0x5a4d;

/// The kinds of defects of this file.
pub(crate) const DEFECTS: &[&DefectKind] = &[&RESERVED, &TRUNCATED];

/// A reserved field is set: a later kernel or loader may act on it.
static RESERVED: DefectKind = DefectKind::ambiguous("arm64-image/reserved");
/// The header ends before a field does.
static TRUNCATED: DefectKind = DefectKind::odd("arm64-image/truncated").cut_short();

// Facts, in the words of the specification.
static TEXT_OFFSET: Fact = Fact::new("text-offset");

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{defects, leaves, parse, put, region, torture};

    fn sample() -> Vec<u8> {
        let mut bytes = vec![0; 0x60];
        put(&mut bytes, 0, b"MZ");
        put(&mut bytes, 0x10, &[0, 0x10]);
        put(&mut bytes, 0x38, &MAGIC);
        bytes
    }

    #[test]
    fn a_header_and_code() {
        let tree = parse(&Arm64Image, &sample());
        let kinds: Vec<_> = leaves(&tree).into_iter().map(|row| (row.0, row.3)).collect();
        assert_eq!(kinds, [("arm64-image-header", 0x40), ("arm64-image-code", 0x20)]);
        let size = region(&tree, "arm64-image:header").attribute("image-size");
        assert_eq!(size.map(kiwame_image::Value::display), Some("0x1000".into()));
        assert_eq!(crate::identify(&Glance::new(&sample(), 0x60)).name(), "arm64-image");
    }

    #[test]
    fn what_lies_behind_the_size_is_no_code() {
        let leaves_of = |size: u16, behind: &[u8]| {
            let mut bytes = sample();
            put(&mut bytes, 0x10, &size.to_le_bytes());
            let tree = parse(&Arm64Image, &[&bytes[..], behind].concat());
            leaves(&tree).into_iter().map(|row| (row.0, row.3)).skip(1).collect::<Vec<_>>()
        };
        let code = |length| ("arm64-image-code", length);
        let trailing = |length| ("arm64-image-trailing", length);
        assert_eq!(leaves_of(0x60, &[]), [code(0x20)]);
        assert_eq!(leaves_of(0x60, &[0xff; 8]), [code(0x20), trailing(8)]);
        assert_eq!(leaves_of(0x64, b"behind"), [code(0x24), trailing(2)]);
        assert_eq!(leaves_of(0, b"behind"), [code(0x26)], "no size");
        assert_eq!(leaves_of(0x10, b"behind"), [code(0x26)], "a size below the header's");
    }

    #[test]
    fn reserved_fields() {
        let mut bytes = sample();
        put(&mut bytes, 0x28, &[1]);
        assert_eq!(defects(&parse(&Arm64Image, &bytes)), ["arm64-image/reserved"]);
    }

    #[test]
    fn any_bytes() {
        torture(&Arm64Image, &sample());
    }
}
