//! Intel flash images: the descriptor and the regions it names.
//!
//! Intel 9 Series and 100 Series chipset datasheets, "Serial Peripheral Interface" and "Flash Descriptor"; the SPI
//! programming guides that define the rest are not public, and UEFITool's `descriptor.h` and flashrom's
//! `ich_descriptors.c` are taken for facts about them.
//!
//! ```text
//! 0x10 FLVALSIG 0FF0A55A  4   (at 0x00 before the ICH9; what follows is counted from it)
//! +0x04 FLMAP0            4   component base 7:0, components 9:8, region base 23:16, regions 26:24
//! +0x08 FLMAP1            4   master base 7:0, masters 10:8
//! +0x0c FLMAP2            4
//! region base:    FLREG0.. 4  base 14:0 and limit 30:16, in units of 4 KiB; unused when the limit is below the base
//! component base: FLCOMP   4  density of the first component, read clock 19:17
//! master base:    FLMSTR1..4  who may read and write which region
//! ```
//!
//! Bases are in units of 16 bytes. The descriptor is the first 4 KiB. A read clock of 20 MHz (0) marks descriptors of
//! the first version, with 5 regions and masks of 8 bits; 17 MHz (6) and others the second, with 16 regions.
//!
//! Loader modelled: the chipset. Ambiguities, each a defect: regions that share bytes or go beyond the image.
//! A file of 4 KiB is a descriptor that was cut out: one defect, and no ambiguity, since no chipset reads it. Limitations: straps and vendor tables stay inside the descriptor's leaf; the regions of
//! the 10-gigabit network controllers and of the embedded controller are leaves that are not understood; that of the gigabit controller is opened as `intel-gbe`, that of the management engine as `intel-me`; in those of the platform,
//! for microcode and for device expansion whole volumes and microcode are looked for.
//!
//! ## Normal form
//!
//! None is needed: the descriptor is one leaf, compared as it lies, straps, vendor tables and access of the masters
//! with it. Regions are taken apart by what they hold; what no region names is fill or a leaf that is not understood.
//!
//! The chipset uses soft straps, `FLCOMP`'s opcodes that no flash must be sent, and the upper map: no facts, but in the
//! leaf.

use kiwame_image::{
    Anchor, Builder, Defect, DefectKind, Fact, Format, Glance, Input, Laid, Node, Place, Reader, Reading,
    Recognised, Span, Sure, Trouble, Window,
};

use super::intel_gbe::IntelGbe;
use super::intel_me::IntelMe;
use super::interface_table;
use crate::uefi::image::UEFI_IMAGE;

/// A flash image with a descriptor.
#[derive(Debug)]
pub(crate) struct IntelFlash;

impl Format for IntelFlash {
    fn name(&self) -> &'static str {
        "intel-flash"
    }

    fn about(&self) -> &'static str {
        "Intel flash image: descriptor, BIOS, ME, GbE and the other regions"
    }

    fn defects(&self) -> &'static [&'static [&'static DefectKind]] {
        &[DEFECTS, interface_table::DEFECTS]
    }

    fn probe(&self, head: &Glance<'_>) -> Option<Reading> {
        let descriptor = Descriptor::read(head.bytes(0, DESCRIPTOR)?)?;
        let one = descriptor.regions.iter().any(|region| region.start < head.size());
        one.then(|| Reading::new(self, Sure::Structure))
    }

    fn over(&self) -> &'static [&'static str] {
        &["uefi-image", "fmap", "cbfs"]
    }

    fn anchor(&self) -> Option<&'static Anchor> {
        Some(&ANCHOR)
    }

    fn parse<'a>(&self, at: Input<'a>, out: &mut Builder<'_, 'a>) {
        match read(&at) {
            Ok(descriptor) => descriptor.split(&at, out),
            Err(trouble) => {
                out.trouble(trouble);
                out.add(Node::new("intel-flash", "unread", "intel-flash-unread", at).unknown());
            }
        }
    }
}

/// Up to the end of the last region.
static ANCHOR: Anchor = Anchor {
    marks: &[],
    at: 0,
    whole: |at, _| {
        let descriptor = Descriptor::read(&at.head(DESCRIPTOR)?);
        Ok(descriptor.and_then(|descriptor| descriptor.regions.iter().map(|region| region.end).max()))
    },
};

fn read(at: &Input<'_>) -> Result<Descriptor, Trouble> {
    let window: Window = at.head(DESCRIPTOR)?;
    Descriptor::read(&window)
        .ok_or_else(|| Defect::new(&NO_DESCRIPTOR, "FLVALSIG", at.offset(), "no descriptor", "one").into())
}

/// What the descriptor says.
struct Descriptor {
    version: u8,
    density: u8,
    regions: Vec<Region>,
    masters: Vec<(&'static Fact, u32)>,
}

struct Region {
    name: String,
    start: u64,
    /// Behind its last byte.
    end: u64,
}

impl Descriptor {
    fn read(bytes: &[u8]) -> Option<Self> {
        let base = [0x10, 0].into_iter().find(|&at| word(bytes, at) == Some(FLVALSIG))?;
        let map = |number: u64| word(bytes, base.checked_add(number.checked_mul(4)?)?);
        let (map0, map1) = (map(1)?, map(2)?);
        let [component, _, region, _] = map0.to_le_bytes();
        let [master, _, _, _] = map1.to_le_bytes();
        // Every table lies behind the map, and no two begin at one place.
        let bases = [component, region, master];
        let apart = component != region && component != master && region != master;
        if bases.contains(&0) || !apart {
            return None;
        }
        let place = |base: u8| u64::from(base).saturating_mul(16);
        let flcomp = word(bytes, place(component))?;
        let version = if flcomp >> 17 & 7 == 0 { 1 } else { 2 };
        let count = if version == 1 { 5 } else { 16 };
        let regions = (0..count)
            .filter_map(|number: u8| {
                let offset = place(region).checked_add(u64::from(number).checked_mul(4)?)?;
                Region::read(number, word(bytes, offset)?)
            })
            .collect();
        let masters = (0u64..).zip(&MASTERS).filter_map(|(number, name)| {
            let offset = place(master).checked_add(number.checked_mul(4)?)?;
            Some((name, word(bytes, offset)?))
        });
        let density = flcomp.to_le_bytes().first().copied()? & if version == 1 { 7 } else { 15 };
        Some(Self { version, density, regions, masters: masters.collect() })
    }

    fn split<'a>(mut self, at: &Input<'a>, out: &mut Builder<'_, 'a>) {
        out.gaps("intel-gap", Some(0xff));
        self.describe(out);
        if !self.regions.iter().any(|region| region.name == "descriptor") {
            // The chipset takes it from there whether or not the first entry says so.
            self.regions.push(Region { name: "descriptor".to_owned(), start: 0, end: DESCRIPTOR });
        }
        if at.length() == DESCRIPTOR {
            return self.alone(at, out);
        }
        let regions = self.regions.iter().map(|region| (Span::between(region.start, region.end), region));
        let (laid, _) = kiwame_image::lay_out(at.length(), regions.collect());
        for Laid { thing: region, stated, span, shared, beyond, .. } in laid {
            let place = at.offset().saturating_add(stated.offset.min(at.length()));
            if let Some(done) = shared {
                out.defect(Defect::new(&OVERLAP, "FLREG", place, stated.offset, done));
            }
            if beyond {
                out.defect(Defect::new(&BEYOND_END, "FLREG", place, stated.end(), at.length()));
            }
            out.add(region.node(at.slice(span.offset, span.length)));
        }
    }

    /// A descriptor without the flash that it describes, as `ifdtool` cuts one out and coreboot keeps one: no chipset
    /// boots from it, so nobody reads it otherwise.
    fn alone<'a>(&self, at: &Input<'a>, out: &mut Builder<'_, 'a>) {
        let end = self.regions.iter().map(|region| region.end).max().unwrap_or(DESCRIPTOR);
        if end > DESCRIPTOR {
            let expected = format!("{end:#x}, of which this is the descriptor alone");
            out.defect(Defect::new(&ALONE, "length", at.offset(), at.length(), expected));
        }
        if let Some(region) = self.regions.iter().find(|region| region.name == "descriptor") {
            out.add(region.node(at.clone()));
        }
    }

    fn describe(&self, out: &mut Builder<'_, '_>) {
        out.fact(&DESCRIPTOR_VERSION, self.version);
        let size = SMALLEST.checked_shl(self.density.into()).unwrap_or(0);
        out.fact(&COMPONENT_SIZE, size);
        for &(master, access) in &self.masters {
            // Masks of regions: 8 bits each, or 12 bits each with four more of the extended ones below.
            let (read, write) = match self.version {
                1 => (access >> 16 & 0xff, access >> 24),
                _ => (access >> 8 & 0xfff, access >> 20),
            };
            out.fact(master, format!("read {read:#x}, write {write:#x}"));
        }
    }
}

impl Region {
    /// `None` for a region that is not there.
    fn read(number: u8, value: u32) -> Option<Self> {
        let unit = |value: u32| u64::from(value & 0x7fff).saturating_mul(4096);
        let (start, last) = (unit(value), unit(value >> 16));
        let name =
            NAMES.get(usize::from(number)).map_or_else(|| number.to_string(), |name| (*name).to_owned());
        // Erased and zeroed entries are unused ones; only the descriptor begins at 0.
        let used = last >= start && value != u32::MAX && (number == 0 || start > 0);
        used.then(|| Self { name, start, end: last.saturating_add(4096) })
    }

    fn node<'a>(&self, input: Input<'a>) -> Node<'a> {
        let node = Node::new("intel-region", &self.name, "intel-region", input).name(&self.name);
        match self.name.as_str() {
            "descriptor" => node.component(),
            "bios" | "bios2" => node.unknown().then(&UEFI_IMAGE),
            "gbe" => node.unknown().component().then(&IntelGbe),
            "me" => node.unknown().component().then(&IntelMe),
            "pdr" | "microcode" | "devexp1" | "devexp2" => {
                node.unknown().component().then(&Recognised(Place::BesideVolumes))
            }
            _ => node.unknown().component(),
        }
    }
}

fn word(bytes: &[u8], at: u64) -> Option<u32> {
    let mut reader = Reader::new(bytes, 0, &TRUNCATED);
    reader.bytes(at, "descriptor").ok()?;
    reader.u32_le("descriptor").ok()
}

const DESCRIPTOR: u64 = 4096;
const FLVALSIG: u32 = 0x0ff0_a55a;
/// Density 0 of a component: 512 KiB.
const SMALLEST: u64 = 0x8_0000;
/// Regions by number.
const NAMES: [&str; 16] = [
    "descriptor",
    "bios",
    "me",
    "gbe",
    "pdr",
    "devexp1",
    "bios2",
    "microcode",
    "ec",
    "devexp2",
    "ie",
    "10gbe1",
    "10gbe2",
    "reserved13",
    "reserved14",
    "ptt",
];
/// Who masters the bus, by number.
static MASTERS: [Fact; 5] = [
    Fact::new("access-bios"),
    Fact::new("access-me"),
    Fact::new("access-gbe"),
    Fact::new("access-reserved"),
    Fact::new("access-ec"),
];

/// The kinds of defects of this file.
pub(crate) const DEFECTS: &[&DefectKind] = &[&BEYOND_END, &NO_DESCRIPTOR, &ALONE, &OVERLAP, &TRUNCATED];

/// A region of the descriptor lies beyond the flash.
static BEYOND_END: DefectKind = DefectKind::ambiguous("intel-flash/beyond-end");
/// There is no descriptor where one was recognised.
static NO_DESCRIPTOR: DefectKind = DefectKind::odd("intel-flash/descriptor");
/// The flash is no longer than its descriptor.
static ALONE: DefectKind = DefectKind::odd("intel-flash/descriptor-alone");
/// Regions of the descriptor share bytes.
static OVERLAP: DefectKind = DefectKind::ambiguous("intel-flash/overlap");
/// The descriptor ends before a field does.
static TRUNCATED: DefectKind = DefectKind::odd("intel-flash/truncated").cut_short();

// Facts, in the words of the specification.
static COMPONENT_SIZE: Fact = Fact::new("component-size");
static DESCRIPTOR_VERSION: Fact = Fact::new("descriptor-version");

#[cfg(test)]
mod tests {
    #![allow(clippy::arithmetic_side_effects, clippy::as_conversions, reason = "tests")]

    use super::*;
    use crate::testing::{defects, leaves, parse, put, region, torture};
    use kiwame_image::{Content, Value};

    /// 16 KiB: descriptor, ME, four KiB that no region names, BIOS.
    fn sample() -> Vec<u8> {
        let mut image = vec![0xff; 0x4000];
        for (i, word) in [FLVALSIG, 0x0204_0003, 0x0206_0306, 0].into_iter().enumerate() {
            put(&mut image, 0x10 + 4 * i, &word.to_le_bytes());
        }
        put(&mut image, 0x30, &0x000c_0000_u32.to_le_bytes());
        for (i, word) in [0, 0x0003_0003, 0x0001_0001u32].into_iter().enumerate() {
            put(&mut image, 0x40 + 4 * i, &word.to_le_bytes());
        }
        put(&mut image, 0x60, &0x00b0_0f00_u32.to_le_bytes());
        image[0x1000] = 1;
        image[0x3000] = 2;
        image
    }

    fn with_region(number: usize, value: u32) -> Vec<&'static str> {
        let mut image = sample();
        put(&mut image, 0x40 + 4 * number, &value.to_le_bytes());
        defects(&parse(&IntelFlash, &image))
    }

    #[test]
    fn the_descriptor_names_regions_and_gaps_are_fill_or_unknown() {
        let tree = parse(&IntelFlash, &sample());
        let expected = [
            ("intel-region", "descriptor".to_owned(), 0, 0x1000),
            ("intel-region", "me".to_owned(), 0x1000, 0x1000),
            ("intel-gap", "0".to_owned(), 0x2000, 0x1000),
            ("intel-region", "bios".to_owned(), 0x3000, 0x1000),
        ];
        assert_eq!(leaves(&tree), expected);
        assert_eq!(defects(&tree), [""; 0]);
        assert_eq!(region(&tree, "intel-gap:0").content, Content::Fill);
        assert_eq!(region(&tree, "intel-region:me").content, Content::Unknown);
        let access = region(&tree, "image").attribute("access-bios");
        assert_eq!(access, Some(&Value::from("read 0xf, write 0xb")));
    }

    #[test]
    fn regions_that_share_bytes_or_leave_the_image_are_ambiguous() {
        assert_eq!(with_region(2, 0x0003_0001), ["intel-flash/overlap"]);
        assert_eq!(with_region(2, 0x0001_0000), [""; 0], "only the descriptor begins at 0");
        assert_eq!(with_region(1, 0x0004_0003), ["intel-flash/beyond-end"]);
        assert_eq!(with_region(3, 0x0000_7fff), [""; 0], "an unused region");
    }

    #[test]
    fn a_descriptor_that_was_cut_out_has_one_defect_and_is_read_in_one_way() {
        let tree = parse(&IntelFlash, &sample()[..0x1000]);
        assert_eq!(defects(&tree), ["intel-flash/descriptor-alone"]);
        assert!(!tree.defects()[0].kind.ambiguous);
        assert_eq!(leaves(&tree), [("intel-region", "descriptor".to_owned(), 0, 0x1000)]);
        // One byte more is a flash of which the rest is missing, one less is not even a descriptor.
        assert_eq!(defects(&parse(&IntelFlash, &sample()[..0x1001])), ["intel-flash/beyond-end"; 2]);
        assert!(!defects(&parse(&IntelFlash, &sample()[..0xfff])).contains(&"intel-flash/descriptor-alone"));
    }

    #[test]
    fn platform_data_are_looked_through() {
        use crate::uefi::fixtures::{A, FFS2, file, volume};
        let mut image = sample();
        // FLREG4: the gap.
        put(&mut image, 0x50, &0x0002_0002_u32.to_le_bytes());
        put(&mut image, 0x2000, &volume(FFS2, &[file(A, 7, b"")], 0x800));
        let tree = parse(&IntelFlash, &image);
        assert_eq!(defects(&tree), [""; 0]);
        region(&tree, &format!("intel-region:pdr/uefi-volume:0/uefi-file:{A}"));
        assert!(region(&tree, "intel-region:pdr").component);
    }

    #[test]
    fn a_signature_alone_is_no_descriptor() {
        let probe = |image: &[u8]| IntelFlash.probe(&Glance::new(image, 0x4000)).is_some();
        assert!(probe(&sample()));
        for (at, value) in [(0x10, 0), (0x14, 0), (0x14, 6), (0x16, 3), (0x18, 4)] {
            let mut image = sample();
            image[at] = value;
            assert!(!probe(&image), "{at:#x}");
        }
    }

    #[test]
    fn hostile_bytes() {
        let mut image = sample();
        let short = 0x200;
        // The rest of a flash is only FF; a torture of its first bytes reaches every field.
        image.truncate(0x1000);
        for at in 0..short {
            for flip in [1, 0x80, 0xff] {
                let mut copy = sample();
                copy[at] ^= flip;
                parse(&IntelFlash, &copy);
            }
        }
        torture(&IntelFlash, &image[..short]);
    }
}
