//! U-Boot legacy images.
//!
//! U-Boot 2024.01, `include/image.h` (`struct legacy_img_hdr`). All numbers are big-endian.
//!
//! ```text
//! 0x00 ih_magic 27051956 4     0x0c ih_size 4     0x18 ih_dcrc 4     0x1e ih_type 1
//! 0x04 ih_hcrc           4     0x10 ih_load 4     0x1c ih_os   1     0x1f ih_comp 1
//! 0x08 ih_time           4     0x14 ih_ep   4     0x1d ih_arch 1     0x20 ih_name 32
//! ```
//!
//! A multi-file image begins with the sizes of its parts, 4 bytes each up to a zero; each part is padded to 4.
//!
//! Loader modelled: `bootm` of U-Boot. Ambiguities: a wrong checksum, which `bootm` checks in the header always and of the
//! data with `verify=y`; data or parts beyond the end. Where neither checksum is right nobody has made an image of this kind,
//! and the bytes are left to others: U-Boot for PowerPC begins with the magic and text, Sunplus has sums of its own.
//! Limitations: numbers without a name here are shown as numbers.
//!
//! ## Normal form
//!
//! None is needed: a header, and contents with forms of their own.
//!
//! | masked in the header | because |
//! |---|---|
//! | `ih_hcrc`, `ih_dcrc` | checksums that are right, else the image is ambiguous |
//! | `ih_size` | agrees with what was read |
//!
//! `bootm` uses load and entry address, and the kind of compression: facts, and in the leaf. Bytes of `ih_name` behind
//! its NUL are in the leaf, which no loader reads.

use kiwame_decode::Crc32;
use kiwame_image::{
    Anchor, Builder, Defect, DefectKind, Fact, Format, Glance, Input, Node, Place, Reader, Reading,
    Recognised, Span, Sure, Trouble, Value, fact, len64, to_usize,
};

use crate::stream::lzma;

/// A legacy image.
#[derive(Debug)]
pub(crate) struct UImage;

/// What this format is called.
pub(crate) const NAME: &str = "uimage";

impl Format for UImage {
    fn name(&self) -> &'static str {
        NAME
    }

    fn about(&self) -> &'static str {
        "U-Boot legacy image: header, checksums, content or parts"
    }

    fn defects(&self) -> &'static [&'static [&'static DefectKind]] {
        &[DEFECTS]
    }

    fn probe(&self, head: &Glance<'_>) -> Option<Reading> {
        let header = head.bytes(0, HEADER)?;
        let known = header.starts_with(&MAGIC);
        known.then(|| {
            Reading::new(
                self,
                if header_crc(header) == stated_crc(header) { Sure::Checked } else { Sure::Magic },
            )
        })
    }

    fn runs(&self, head: &Glance<'_>) -> bool {
        head.bytes(0, 4) == Some(&MAGIC[..])
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

/// The sum over the data that a header announces, for those who see whether it is right.
#[derive(Debug)]
pub(crate) struct DataSum {
    /// Where the data lie, from the start of the header on.
    pub(crate) data: Span,
    stated: u32,
    crc: Crc32,
}

impl DataSum {
    pub(crate) fn of(header: &[u8]) -> Option<Self> {
        let word = |at: usize| Some(u32::from_be_bytes(*header.get(at..)?.first_chunk()?));
        Some(Self { data: Span::new(HEADER, word(12)?.into()), stated: word(24)?, crc: Crc32::default() })
    }

    pub(crate) fn update(&mut self, data: &[u8]) {
        self.crc.update(data);
    }

    pub(crate) fn is_right(&self) -> bool {
        self.crc.value() == self.stated
    }
}

/// True when the sum over the data is right, where that of the header is not.
pub(crate) fn data_are_right(at: &Input<'_>) -> Result<bool, Trouble> {
    let Some(mut sum) = DataSum::of(&at.head(HEADER)?) else { return Ok(false) };
    let data = at.slice(sum.data.offset, sum.data.length);
    if data.length() < sum.data.length {
        return Ok(false);
    }
    at.spend(data.length())?;
    for window in data.windows() {
        sum.update(&window?);
    }
    Ok(sum.is_right())
}

static ANCHOR: Anchor = Anchor {
    marks: &[&MAGIC],
    at: 0,
    whole: |at, _| {
        let header = at.head(HEADER)?;
        let Some(size) = header.piece(12, 4).and_then(<[u8]>::first_chunk) else { return Ok(None) };
        let length = HEADER.saturating_add(u32::from_be_bytes(*size).into());
        let right = header.starts_with(&MAGIC) && header_crc(&header) == stated_crc(&header);
        Ok(Some(length).filter(|&length| right && len64(&header) == HEADER && length <= at.length()))
    },
};

struct Header {
    size: u64,
    data_crc: u32,
    kind: u8,
    comp: u8,
}

fn split<'a>(at: &Input<'a>, out: &mut Builder<'_, 'a>) -> Result<(), Trouble> {
    let window = at.head(HEADER)?;
    let header = read(at, &mut window.reader(&TRUNCATED), out)?;
    let (stated, found) = (stated_crc(&window), header_crc(&window));
    if stated != found {
        let place = at.offset().saturating_add(4);
        out.defect(Defect::new(&HEADER_CRC, "ih_hcrc", place, stated, found));
    }
    let data = at.slice(HEADER, header.size);
    if data.length() < header.size {
        let place = at.offset().saturating_add(12);
        out.defect(Defect::new(&BEYOND, "ih_size", place, header.size, data.length()));
    }
    let mut crc = Crc32::default();
    for window in data.windows() {
        crc.update(&window?);
    }
    if crc.value() != header.data_crc {
        let place = at.offset().saturating_add(24);
        out.defect(Defect::new(&DATA_CRC, "ih_dcrc", place, header.data_crc, crc.value()));
    }
    let end = HEADER.saturating_add(data.length());
    if header.kind == MULTI {
        parts(&data, out)?;
    } else {
        let format = content(&data, header.comp)?;
        out.add(Node::new("uimage", "content", "uimage-content", data).component().then(format));
    }
    out.add_behind(Node::new("uimage", "behind", "uimage-trailing", at.from(end)));
    Ok(())
}

/// Adds the header. Checksums and the size only encode; the time does not.
fn read<'a>(at: &Input<'a>, reader: &mut Reader<'_>, out: &mut Builder<'_, 'a>) -> Result<Header, Defect> {
    reader.bytes(8, "ih_magic")?;
    let time = reader.u32_be("ih_time")?;
    let size = reader.u32_be("ih_size")?;
    let (load, entry) = (reader.u32_be("ih_load")?, reader.u32_be("ih_ep")?);
    let data_crc = reader.u32_be("ih_dcrc")?;
    let (os, arch) = (reader.u8("ih_os")?, reader.u8("ih_arch")?);
    let (kind, comp) = (reader.u8("ih_type")?, reader.u8("ih_comp")?);
    let raw = reader.bytes(32, "ih_name")?;
    let name = String::from_utf8_lossy(raw.split(|&byte| byte == 0).next().unwrap_or_default()).into_owned();
    out.add(
        Node::new("uimage", "header", "uimage-header", at.slice(0, HEADER))
            .name(name)
            .mask([(4, 4), (12, 4), (24, 4)])
            .with(&OS_FACT, named(OS, os))
            .with(&ARCH_FACT, named(ARCH, arch))
            .with(&fact::TYPE, named(TYPE, kind))
            .with(&COMPRESSION, named(COMP, comp))
            .with(&LOAD, load)
            .with(&ENTRY, entry)
            .with(&TIME, time),
    );
    Ok(Header { size: size.into(), data_crc, kind, comp })
}

/// LZMA has no magic: what the header calls so, `bootm` reads as that.
fn content(data: &Input<'_>, comp: u8) -> Result<&'static dyn Format, Trouble> {
    let lzma = comp == LZMA && lzma::could_begin(&data.head(BEGINNING)?);
    Ok(if lzma { &lzma::Declared } else { &Recognised(Place::Stream) })
}

/// Splits a multi-file image.
fn parts<'a>(data: &Input<'a>, out: &mut Builder<'_, 'a>) -> Result<(), Trouble> {
    let window = data.head(TABLE)?;
    let (words, _) = window.as_chunks::<4>();
    let sizes: Vec<u64> =
        words.iter().map(|word| u32::from_be_bytes(*word).into()).take_while(|&size| size > 0).collect();
    let count = u64::try_from(sizes.len()).unwrap_or(0);
    let mut start = count.saturating_add(1).saturating_mul(4);
    out.add(Node::new("uimage", "sizes", "uimage-sizes", data.slice(0, start)));
    for (number, size) in (0u32..).zip(sizes) {
        let part = data.slice(start, size);
        if part.length() < size {
            out.defect(Defect::new(&BEYOND, "size", data.offset(), size, part.length()));
        }
        let node = Node::new("uimage", format!("part-{number}"), "uimage-content", part);
        out.add(node.order(number).component().then(&Recognised(Place::Stream)));
        let end = start.saturating_add(size);
        start = end.checked_next_multiple_of(4).unwrap_or(end);
    }
    Ok(())
}

fn stated_crc(header: &[u8]) -> u32 {
    header.get(4..).and_then(<[u8]>::first_chunk).map_or(0, |raw| u32::from_be_bytes(*raw))
}

/// The CRC of the header with its own field taken as zero.
fn header_crc(header: &[u8]) -> u32 {
    let mut crc = Crc32::default();
    crc.update(header.get(..4).unwrap_or_default());
    crc.update(&[0; 4]);
    crc.update(header.get(8..to_usize(HEADER)).unwrap_or_default());
    crc.value()
}

fn named(names: &[(u8, &'static str)], number: u8) -> Value {
    names.iter().find(|(other, _)| *other == number).map_or(number.into(), |(_, name)| (*name).into())
}

const MAGIC: [u8; 4] = [0x27, 0x05, 0x19, 0x56];
const HEADER: u64 = 64;
const MULTI: u8 = 4;
/// `IH_COMP_LZMA`.
const LZMA: u8 = 3;
/// Bytes in which the header of an LZMA stream lies.
const BEGINNING: u64 = 16;
/// The table of sizes is read this far.
const TABLE: u64 = 256;
const OS: &[(u8, &str)] =
    &[(2, "netbsd"), (5, "linux"), (14, "vxworks"), (16, "qnx"), (17, "u-boot"), (25, "tee")];
const ARCH: &[(u8, &str)] = &[
    (2, "arm"),
    (3, "x86"),
    (5, "mips"),
    (6, "mips64"),
    (7, "ppc"),
    (9, "sh"),
    (10, "sparc"),
    (14, "microblaze"),
    (22, "arm64"),
    (23, "arc"),
    (24, "x86_64"),
    (25, "xtensa"),
    (26, "riscv"),
];
const TYPE: &[(u8, &str)] = &[
    (1, "standalone"),
    (2, "kernel"),
    (3, "ramdisk"),
    (4, "multi"),
    (5, "firmware"),
    (6, "script"),
    (7, "filesystem"),
    (8, "flat_dt"),
    (14, "kernel_noload"),
];
const COMP: &[(u8, &str)] =
    &[(0, "none"), (1, "gzip"), (2, "bzip2"), (3, "lzma"), (4, "lzo"), (5, "lz4"), (6, "zstd")];

/// The kinds of defects of this file.
pub(crate) const DEFECTS: &[&DefectKind] = &[&BEYOND, &DATA_CRC, &HEADER_CRC, &TRUNCATED];

/// The data, or a part of it, is longer than the file.
static BEYOND: DefectKind = DefectKind::ambiguous("uimage/beyond");
/// The CRC-32 of the data is wrong.
static DATA_CRC: DefectKind = DefectKind::ambiguous("uimage/data-crc");
/// The CRC-32 of the header is wrong.
static HEADER_CRC: DefectKind = DefectKind::ambiguous("uimage/header-crc");
/// The file ends before a field does.
static TRUNCATED: DefectKind = DefectKind::odd("uimage/truncated").cut_short();

// Facts, in the words of the specification.
static ARCH_FACT: Fact = Fact::new("arch");
static COMPRESSION: Fact = Fact::new("compression");
static ENTRY: Fact = Fact::new("entry");
static LOAD: Fact = Fact::new("load");
static OS_FACT: Fact = Fact::new("os");
static TIME: Fact = Fact::new("time");

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects, clippy::as_conversions, reason = "tests")]
mod tests {
    use super::*;
    use crate::testing::{defects, leaves, parse, put, region, torture};

    fn crc(bytes: &[u8]) -> [u8; 4] {
        let mut crc = Crc32::default();
        crc.update(bytes);
        crc.value().to_be_bytes()
    }

    fn sample(kind: u8, data: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0; 64];
        put(&mut bytes, 0, &MAGIC);
        put(&mut bytes, 12, &(data.len() as u32).to_be_bytes());
        put(&mut bytes, 16, &[0, 8, 0, 0, 0, 8, 0, 0]);
        put(&mut bytes, 24, &crc(data));
        put(&mut bytes, 28, &[5, 22, kind, 0]);
        put(&mut bytes, 32, b"Linux");
        let header = crc(&bytes);
        put(&mut bytes, 4, &header);
        bytes.extend(data);
        bytes
    }

    #[test]
    fn an_image_is_a_header_and_content() {
        let tree = parse(&UImage, &sample(2, b"kernel"));
        let kinds: Vec<_> = leaves(&tree).into_iter().map(|row| (row.0, row.3)).collect();
        assert_eq!(kinds, [("uimage-header", 64), ("unknown-content", 6)]);
        let header = region(&tree, "uimage:header");
        let fact = |name| header.attribute(name).map(Value::display).unwrap_or_default();
        assert_eq!(["os", "arch", "type", "load"].map(fact), ["linux", "arm64", "kernel", "0x80000"]);
        assert_eq!(defects(&tree), [""; 0]);
    }

    #[test]
    fn a_multi_file_image_is_split() {
        let data = [&[0, 0, 0, 5, 0, 0, 0, 4, 0, 0, 0, 0][..], b"first\0\0\0next"].concat();
        let tree = parse(&UImage, &sample(4, &data));
        assert_eq!(region(&tree, "uimage:part-0").span.length, 5);
        assert_eq!(region(&tree, "uimage:part-1").span.offset, 64 + 20);
        assert_eq!(defects(&tree), [""; 0]);
    }

    #[test]
    fn checksums_sizes_and_bytes_behind() {
        let sound = sample(2, b"kernel");
        let with = |at: usize| {
            let mut bytes = sound.clone();
            bytes[at] ^= 1;
            defects(&parse(&UImage, &bytes))
        };
        assert_eq!(with(66), ["uimage/data-crc"]);
        assert_eq!(with(40), ["uimage/header-crc"]);
        assert_eq!(defects(&parse(&UImage, &sound[..68])), ["uimage/beyond", "uimage/data-crc"]);
        let tree = parse(&UImage, &[sound.as_slice(), b"behind"].concat());
        assert_eq!(region(&tree, "uimage:behind").span.length, 6);
    }

    #[test]
    fn where_neither_checksum_is_right_it_is_none() {
        let name = |bytes: &[u8]| {
            let size = bytes.len() as u64;
            let host = kiwame_image::Memory::new([bytes.to_vec()]);
            let limits = kiwame_image::Limits::for_image(size);
            let tree = crate::parse(&host, 0, size, &limits, &Default::default()).expect("readable");
            let nested = parse(&Recognised(Place::Stream), bytes);
            assert_eq!(
                nested.regions().any(|region| region.kind == "uimage-header"),
                tree.format() == "uimage"
            );
            (tree.format(), defects(&tree).join(" "))
        };
        let mut image = sample(2, b"kernel");
        image[40] ^= 1;
        assert_eq!(name(&image), ("uimage", "uimage/header-crc".to_owned()));
        image[66] ^= 1;
        assert_eq!(name(&image), ("raw", String::new()));
        image[40] ^= 1;
        assert_eq!(name(&image), ("uimage", "uimage/data-crc".to_owned()));
        let power = [&MAGIC[..], b"U-Boot 2011.06 (Dec 06 2012)", &[0; 200]].concat();
        assert_eq!(name(&power), ("raw", String::new()));
    }

    #[test]
    fn any_bytes() {
        torture(&UImage, &sample(2, b"kernel"));
        torture(&UImage, &sample(4, &[0, 0, 0, 1, 0, 0, 0, 0, 7]));
    }
}
