//! The Linux kernel image of 64-bit ARM.
//!
//! `Documentation/arch/arm64/booting.rst` of Linux 6.6, section 4.
//!
//! ```text
//! 0x00 code0, code1 4+4     0x10 image_size 8     0x20 res2, res3, res4 8+8+8     0x3c res5 4
//! 0x08 text_offset  8       0x18 flags      8     0x38 magic "ARM\x64"  4
//! ```
//!
//! Loader modelled: `booti` of U-Boot. Ambiguities: reserved fields that are not zero. Limitations: the code is one
//! leaf; `image_size` counts memory that the file does not have, so it is not compared; a PE header in front of the
//! code is noted and not taken apart.
//!
//! ## Normal form
//!
//! None is needed: header and code are leaves, compared as they lie.
//!
//! What `booti` uses beyond them is the size of the partition or file that it was loaded from: bytes behind the image
//! come with it into memory, so they are part of the code's leaf here. `res5`, where a PE header lies, is in the leaf
//! and no fact.

use kiwame_image::{Anchor, Builder, Defect, Format, Head, Input, Match, Node, Trouble};

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

    /// Heavier than a PE file, which such an image can be as well.
    fn probe(&self, head: &Head<'_>) -> Option<Match> {
        let fields = [head.u64_le(0x20)?, head.u64_le(0x28)?, head.u64_le(0x30)?];
        let known = head.bytes(0x38, 4)? == MAGIC && fields.iter().filter(|&&field| field == 0).count() >= 2;
        known.then(|| Match::weighted(self, 4))
    }

    fn runs(&self, head: &Head<'_>) -> bool {
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
    let mut reader = window.reader("arm64-image/truncated");
    let pe = reader.u16_le("code0")? == DOS_MAGIC;
    reader.bytes(6, "code1")?;
    let text_offset = reader.u64_le("text_offset")?;
    let image_size = reader.u64_le("image_size")?;
    let flags = reader.u64_le("flags")?;
    for field in ["res2", "res3", "res4"] {
        let place = reader.offset();
        let value = reader.u64_le(field)?;
        if value != 0 {
            out.defect(Defect::new("arm64-image/reserved", field, place, value, 0u8).ambiguous());
        }
    }
    out.add(
        Node::new("arm64-image", "header", "arm64-image-header", at.slice(0, HEADER))
            .with("text-offset", text_offset)
            .with("image-size", image_size)
            .with("flags", flags)
            .with("pe", pe)
            .with("executable", true),
    );
    let code = Node::new("arm64-image", "code", "arm64-image-code", at.from(HEADER));
    out.add(code.with("executable", true).component());
    Ok(())
}

const HEADER: u64 = 0x40;
const MAGIC: [u8; 4] = *b"ARM\x64";
const DOS_MAGIC: u16 = 0x5a4d;

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
        assert_eq!(crate::identify(&Head::new(&sample(), 0x60)).name(), "arm64-image");
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
