//! The compressed Linux kernel of x86.
//!
//! `Documentation/arch/x86/boot.rst` of Linux 6.6: "The Real-Mode Kernel Header".
//!
//! ```text
//! 0x1f1 setup_sects 1     0x206 version         2     0x248 payload_offset 4, from the protected-mode code
//! 0x1f4 syssize     4     0x20e kernel_version  2     0x24c payload_length 4
//! 0x1fe boot_flag   2     0x211 loadflags       1
//! 0x202 "HdrS"      4     0x236 xloadflags      2
//! ```
//!
//! The payload is a compressed ELF file. Behind every kind of stream but gzip, which has it anyway, the build appends
//! the size of the content in 4 bytes.
//!
//! Loader modelled: a boot loader of protocol 2.08 or later, and the kernel's own decompressor. Ambiguities: a payload
//! or protected-mode code beyond the file by a unit of `syssize` or more. In flash what lies behind the code is searched as
//! a flash is. Limitations: with an EFI stub the file is a PE file too; that is noted, and
//! its headers and certificate are not taken apart: they lie in the setup code and behind the code.
//!
//! ## Normal form
//!
//! None is needed for the file: setup code, head, payload's size and code are leaves, compared as they lie, and what
//! lies behind is searched as a flash is. The payload has the normal form of its stream.
//!
//! Boot loaders use fields that are no fact here (`cmd_line_ptr`, `init_size`, `pref_address`, `handover_offset`, the
//! heap): they are in the leaf of the setup code. `payload_offset` is ours to follow; the kernel's own decompressor has
//! the place compiled in, and it is in the leaf of the code.

use kiwame_image::{
    Anchor, Builder, Defect, DefectKind, Fact, Format, Glance, Input, Node, Place, Reading, Recognised, Sure,
    Trouble, fact,
};

/// A bzImage.
#[derive(Debug)]
pub(crate) struct BzImage;

impl Format for BzImage {
    fn name(&self) -> &'static str {
        "bzimage"
    }

    fn about(&self) -> &'static str {
        "compressed Linux kernel of x86: setup code, payload opened"
    }

    fn defects(&self) -> &'static [&'static [&'static DefectKind]] {
        &[DEFECTS]
    }

    /// Heavier than a PE file, which a kernel with an EFI stub is as well.
    fn probe(&self, head: &Glance<'_>) -> Option<Reading> {
        let known = head.u16_le(0x1fe)? == BOOT_FLAG && head.bytes(0x202, 4)? == MAGIC;
        let version = head.u16_le(0x206)?;
        let found =
            (known && (FIRST..0x300).contains(&version)).then(|| Reading::new(self, Sure::Structure))?;
        let setup = setup_length(u64::from(*head.bytes(0x1f1, 1)?.first()?));
        let code = u64::from(head.u32_le(0x1f4)?).saturating_mul(UNIT);
        Some(found.of_length(setup.saturating_add(code)))
    }

    fn runs(&self, head: &Glance<'_>) -> bool {
        head.bytes(0x202, 4) == Some(&MAGIC[..])
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

static ANCHOR: Anchor = Anchor {
    marks: &[],
    at: 0,
    whole: |at, _| {
        let header = at.head(HEADER)?;
        let (Some(&sectors), Some(size)) =
            (header.get(0x1f1), header.piece(0x1f4, 4).and_then(<[u8]>::first_chunk))
        else {
            return Ok(None);
        };
        let setup = if sectors == 0 { 4 } else { u64::from(sectors) }.saturating_add(1).saturating_mul(512);
        Ok(Some(u64::from(u32::from_le_bytes(*size)).saturating_mul(16).saturating_add(setup)))
    },
};

fn split<'a>(at: &Input<'a>, out: &mut Builder<'_, 'a>) -> Result<(), Trouble> {
    let window = at.head(HEADER)?;
    let mut reader = window.reader(&TRUNCATED);
    let pe = reader.u16_le("e_magic")? == DOS_MAGIC;
    reader.bytes(0x1ef, "boot sector")?;
    let sectors = u64::from(reader.u8("setup_sects")?);
    reader.bytes(2, "root_flags")?;
    let size = u64::from(reader.u32_le("syssize")?).saturating_mul(UNIT);
    reader.bytes(0xe, "header")?;
    let version = reader.u16_le("version")?;
    reader.bytes(9, "header")?;
    let loadflags = reader.u8("loadflags")?;
    reader.bytes(0x24, "header")?;
    let xloadflags = reader.u16_le("xloadflags")?;
    reader.bytes(0x10, "header")?;
    let offset = u64::from(reader.u32_le("payload_offset")?);
    let length = u64::from(reader.u32_le("payload_length")?);
    let setup = setup_length(sectors);
    out.add(
        Node::new("bzimage", "setup", "bzimage-setup", at.slice(0, setup))
            .with(&fact::VERSION, version)
            .with(&LOADFLAGS, loadflags)
            .with(&XLOADFLAGS, xloadflags)
            .with(&fact::PE, pe)
            .with(&fact::EXECUTABLE, true)
            .component(),
    );
    let code = at.slice(setup, size);
    // Sixteen bytes a unit: the last one need not be full.
    if code.length().saturating_add(UNIT) <= size {
        beyond("syssize", at.offset().saturating_add(0x1f4), size, code.length(), out);
    }
    protected(&code, offset, length, at.offset().saturating_add(0x248), out)?;
    let end = setup.saturating_add(code.length());
    out.add_behind(Node::new("bzimage", "behind", "bzimage-trailing", at.from(end)));
    Ok(())
}

/// The boot sector and the setup code. "If this field contains 0, the real value is 4."
fn setup_length(sectors: u64) -> u64 {
    if sectors == 0 { 4 } else { sectors }.saturating_add(1).saturating_mul(512)
}

/// The protected-mode code with the payload in it.
fn protected<'a>(
    code: &Input<'a>,
    offset: u64,
    length: u64,
    place: u64,
    out: &mut Builder<'_, 'a>,
) -> Result<(), Trouble> {
    let executable = |key: &'static str, input| {
        Node::new("bzimage", key, "bzimage-code", input).with(&fact::EXECUTABLE, true).component()
    };
    let payload = code.slice(offset, length);
    let whole = payload.length() == length;
    if !whole {
        beyond("payload_length", place, length, payload.length(), out);
    }
    out.add(executable("head", code.slice(0, offset)));
    let gzip = payload.head(2)?.starts_with(&[0x1f, 0x8b]);
    let stream = if gzip { payload.length() } else { payload.length().saturating_sub(4) };
    let node = Node::new("bzimage", "payload", "bzimage-payload", payload.slice(0, stream));
    // What is cut off does not decode; it is not tried, since it would take as long as the whole.
    out.add(if whole {
        node.component().then(&Recognised(Place::Stream))
    } else {
        node.component().unknown()
    });
    let size = Node::new("bzimage", "size", "bzimage-payload-size", payload.from(stream));
    out.add(size);
    out.add(executable("code", code.from(offset.saturating_add(payload.length()))));
    Ok(())
}

fn beyond(field: &'static str, place: u64, found: u64, expected: u64, out: &mut Builder<'_, '_>) {
    out.defect(Defect::new(&BEYOND, field, place, found, expected));
}

const HEADER: u64 = 0x250;
/// What `syssize` counts.
const UNIT: u64 = 16;
const BOOT_FLAG: u16 = 0xaa55;
const MAGIC: [u8; 4] = *b"HdrS";
const DOS_MAGIC: u16 = 0x5a4d;
/// The protocol that brought the payload's place.
const FIRST: u16 = 0x208;

/// The kinds of defects of this file.
pub(crate) const DEFECTS: &[&DefectKind] = &[&BEYOND, &TRUNCATED];

/// A part of the kernel lies beyond its file.
static BEYOND: DefectKind = DefectKind::ambiguous("bzimage/beyond");
/// The setup header ends before a field does.
static TRUNCATED: DefectKind = DefectKind::odd("bzimage/truncated").cut_short();

// Facts, in the words of the specification.
static LOADFLAGS: Fact = Fact::new("loadflags");
static XLOADFLAGS: Fact = Fact::new("xloadflags");

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{defects, leaves, parse, put, region};

    /// Two sectors of setup code, then 64 bytes of code with a payload of 20 bytes at 16.
    fn sample() -> Vec<u8> {
        let mut bytes = vec![0x90; 0x440];
        put(&mut bytes, 0x1f1, &[1]);
        put(&mut bytes, 0x1f4, &[4, 0, 0, 0]);
        put(&mut bytes, 0x1fe, &[0x55, 0xaa]);
        put(&mut bytes, 0x202, b"HdrS\x0f\x02");
        put(&mut bytes, 0x248, &[16, 0, 0, 0, 20, 0, 0, 0]);
        bytes
    }

    #[test]
    fn setup_code_and_payload() {
        let tree = parse(&BzImage, &[sample().as_slice(), b"behind"].concat());
        let rows: Vec<_> = leaves(&tree).into_iter().map(|row| (row.0, row.2, row.3)).collect();
        assert_eq!(
            rows,
            [
                ("bzimage-setup", 0, 0x400),
                ("bzimage-code", 0x400, 16),
                ("unknown-content", 0x410, 16),
                ("bzimage-payload-size", 0x420, 4),
                ("bzimage-code", 0x424, 28),
                ("bzimage-trailing", 0x440, 6)
            ]
        );
        let version = region(&tree, "bzimage:setup").attribute("version");
        assert_eq!(version.map(kiwame_image::Value::display), Some("0x20f".into()));
        assert_eq!(crate::identify(&Glance::new(&sample(), 0x440)).name(), "bzimage");
    }

    #[test]
    fn in_flash_what_lies_behind_is_searched() {
        let mut flash = vec![0xff; 0x4000];
        put(&mut flash, 0x1000, &sample());
        put(&mut flash, 0x1000, &[0xea, 5, 0]);
        put(&mut flash, 0x3000, &crate::x86::microcode::tests::sample());
        let tree = parse(crate::named("raw").unwrap(), &flash);
        let behind = tree.leaves().find(|leaf| leaf.span.offset == 0x1440).expect("what is behind");
        assert_eq!(behind.content, kiwame_image::Content::Fill);
        assert!(tree.regions().any(|region| region.kind == "microcode"));
    }

    #[test]
    fn what_is_beyond_the_file() {
        assert_eq!(defects(&parse(&BzImage, &sample()[..0x420])), ["bzimage/beyond"; 2]);
        // `syssize` counts units of 16 bytes, the last of which may be in part.
        for (cut, expected) in [(0, 0), (1, 0), (15, 0), (16, 1)] {
            let tree = parse(&BzImage, &sample()[..0x440 - cut]);
            assert_eq!(defects(&tree).len(), expected, "{cut} bytes less");
        }
    }

    #[test]
    fn any_bytes() {
        let sound = sample();
        for length in (0..sound.len()).step_by(7) {
            parse(&BzImage, &sound[..length]);
        }
        for at in 0x1f0..0x250 {
            let mut bytes = sound.clone();
            put(&mut bytes, at, &[0xff]);
            parse(&BzImage, &bytes);
        }
    }
}
