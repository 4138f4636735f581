//! Intel firmware interface table.
//!
//! Intel "Firmware Interface Table BIOS Specification", revision 1.4 (document 599500), sections 2 to 4.
//!
//! ```text
//! 4 GiB - 0x40: address of the table                entry
//! first entry:                                      0x00 Address        8
//! 0x00 "_FIT_   "                   8               0x08 Size           3, mostly in units of 16 bytes
//! 0x08 number of entries            3               0x0b Reserved       1
//! 0x0c Version 0x0100               2               0x0c Version        2
//! 0x0e Type 0, C_V in the top bit   1               0x0e Type, C_V      1
//! 0x0f Checksum                     1               0x0f Checksum       1
//! ```
//!
//! With `C_V` set in the first entry all bytes of the table add up to zero. Addresses are those of a processor that
//! maps the end of the flash to 4 GiB.
//!
//! Loader modelled: the microcode of Intel processors, and authenticated code modules, which read the table before
//! the first instruction of the firmware. Ambiguities, each a defect: an entry of type 1 whose target is no microcode
//! update, since the processor then goes on without; an entry beyond the image. Limitations: what the entries of other
//! types point to is not compared with their content.
//!
//! ## Normal form
//!
//! None is needed: entries are leaves, compared as they lie.
//!
//! A processor uses the addresses: what an entry of type 1 points to must be an update (ambiguous otherwise) and is a
//! component by itself; what entries of other types point to is compared where it lies, as whatever it is there.

use kiwame_image::{
    Anchor, Builder, Defect, DefectKind, Fact, Format, Glance, Input, Node, Reader, Reading, Trouble, fact,
};

use crate::x86::microcode;

/// A table, found by its first entry.
#[derive(Debug)]
pub(crate) struct Fit;

impl Format for Fit {
    fn name(&self) -> &'static str {
        "fit"
    }

    fn about(&self) -> &'static str {
        "Intel firmware interface table"
    }

    fn probe(&self, _head: &Glance<'_>) -> Option<Reading> {
        None
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

static ANCHOR: Anchor = Anchor { marks: &[b"_FIT_   "], at: 0, whole: |at, _| table_at(at, 0) };

/// Length of the table at `start`, if one is there and all of it.
pub(crate) fn table_at(at: &Input<'_>, start: u64) -> Result<Option<u64>, Trouble> {
    let window = at.slice(start, ENTRY).window()?;
    let Ok(first) = Entry::read(&window) else { return Ok(None) };
    let length = u64::from(first.size).saturating_mul(ENTRY);
    let room = at.length().saturating_sub(start);
    let known = first.address == SIGNATURE && first.kind() == 0 && (1..=MAX_ENTRIES).contains(&first.size);
    Ok((known && length <= room).then_some(length))
}

/// The table as a component.
pub(crate) fn node<'a>(at: &Input<'a>, start: u64, length: u64) -> Node<'a> {
    Node::new("fit", "0", "fit", at.slice(start, length)).component().then(&Fit)
}

fn split<'a>(at: &Input<'a>, out: &mut Builder<'_, 'a>) -> Result<(), Trouble> {
    let window = at.window()?;
    for (number, entry) in (0u32..).zip(window.chunks_exact(16)) {
        let read = Entry::read(entry)?;
        let start = u64::from(number).saturating_mul(ENTRY);
        let node = Node::new("fit-entry", number.to_string(), "fit-entry", at.slice(start, ENTRY));
        out.add(
            node.name(read.name())
                .with(&fact::TYPE, read.kind())
                .with(&fact::ADDRESS, read.address)
                .with(&fact::SIZE, read.size)
                .with(&fact::VERSION, read.version),
        );
    }
    let sum = window.iter().fold(0u8, |sum, &byte| sum.wrapping_add(byte));
    let checked = Entry::read(&window).is_ok_and(|first| first.checksum_valid());
    if checked && sum != 0 {
        out.defect(Defect::new(&CHECKSUM, "Checksum", at.offset().saturating_add(15), sum, 0u8));
    }
    Ok(())
}

/// Follows the pointer at the end of an image that a processor maps up to 4 GiB, and checks where the entries point.
/// Nothing is said when there is no table: only Intel's platforms have one.
pub(crate) fn check(at: &Input<'_>, out: &mut Builder<'_, '_>) -> Result<(), Trouble> {
    let Some(pointer) = at.length().checked_sub(POINTER) else { return Ok(()) };
    let address = at.slice(pointer, 8).window()?.reader(&TRUNCATED).u64_le("FIT pointer")?;
    let Some(start) = offset_of(at, address) else { return Ok(()) };
    let Some(length) = table_at(at, start)? else { return Ok(()) };
    out.fact(&FIT_FACT, at.offset().saturating_add(start));
    let table = at.slice(start, length).window()?;
    for (number, entry) in (0u64..).zip(table.chunks_exact(16)).skip(1) {
        let entry = Entry::read(entry)?;
        let place = table.offset().saturating_add(number.saturating_mul(ENTRY));
        match offset_of(at, entry.address) {
            _ if !entry.has_target() => {}
            None => out.defect(Defect::new(&BEYOND, "Address", place, entry.address, at.length())),
            Some(target) if entry.kind() == MICROCODE && !is_update(at, target)? => {
                out.defect(Defect::new(&TARGET, "Address", place, entry.address, "a microcode update"));
            }
            Some(_) => {}
        }
    }
    Ok(())
}

/// Slots for updates to come are erased.
fn is_update(at: &Input<'_>, target: u64) -> Result<bool, Trouble> {
    let empty = at.slice(target, 4).window()?.iter().all(|&byte| byte == 0xff);
    Ok(empty || microcode::update_at(at, target)?.is_some())
}

/// Where in the image an address lies, when the image ends at 4 GiB.
fn offset_of(at: &Input<'_>, address: u64) -> Option<u64> {
    let below = FOUR_GIB.checked_sub(address).filter(|&below| below > 0)?;
    at.length().checked_sub(below)
}

struct Entry {
    address: u64,
    size: u32,
    version: u16,
    flags: u8,
}

impl Entry {
    fn read(bytes: &[u8]) -> Result<Self, Defect> {
        let mut reader = Reader::new(bytes, 0, &TRUNCATED);
        let address = reader.u64_le("Address")?;
        let size = reader.u24_le("Size")?;
        reader.u8("Reserved")?;
        Ok(Self { address, size, version: reader.u16_le("Version")?, flags: reader.u8("Type, C_V")? })
    }

    fn kind(&self) -> u8 {
        self.flags & 0x7f
    }

    fn checksum_valid(&self) -> bool {
        self.flags & 0x80 != 0
    }

    /// Entries that are skipped, and policies that name an I/O port and not an address, point nowhere.
    fn has_target(&self) -> bool {
        let port = [TPM_POLICY, TXT_POLICY].contains(&self.kind()) && self.version == 0;
        self.kind() != SKIP && !port
    }

    fn name(&self) -> String {
        let known = NAMES.iter().find(|(kind, _)| *kind == self.kind());
        known.map_or_else(|| format!("type {:#x}", self.kind()), |(_, name)| (*name).to_owned())
    }
}

/// `_FIT_   ` as a number.
const SIGNATURE: u64 = u64::from_le_bytes(*b"_FIT_   ");
const ENTRY: u64 = 16;
/// From the end of the image.
const POINTER: u64 = 0x40;
const FOUR_GIB: u64 = 0x1_0000_0000;
/// Tables of the field have some dozen entries.
const MAX_ENTRIES: u32 = 4096;
const MICROCODE: u8 = 1;
const TPM_POLICY: u8 = 8;
const TXT_POLICY: u8 = 10;
const SKIP: u8 = 0x7f;
/// Section 4, table of entry types.
const NAMES: [(u8, &str); 14] = [
    (0x00, "header"),
    (0x01, "microcode update"),
    (0x02, "startup ACM"),
    (0x03, "diagnostic ACM"),
    (0x04, "platform boot policy"),
    (0x07, "BIOS startup module"),
    (0x08, "TPM policy"),
    (0x09, "BIOS policy"),
    (0x0a, "TXT policy"),
    (0x0b, "key manifest"),
    (0x0c, "boot policy manifest"),
    (0x10, "CSE secure boot"),
    (0x2d, "TXT SX policy"),
    (0x7f, "skip"),
];

/// The kinds of defects of this file.
pub(crate) const DEFECTS: &[&DefectKind] = &[&BEYOND, &CHECKSUM, &TARGET, &TRUNCATED];

/// An entry of the firmware interface table leads out of the image.
static BEYOND: DefectKind = DefectKind::ambiguous("fit/beyond");
/// The firmware interface table does not sum up to zero.
static CHECKSUM: DefectKind = DefectKind::odd("fit/checksum");
/// An entry of the firmware interface table leads to something else than it says.
static TARGET: DefectKind = DefectKind::ambiguous("fit/target");
/// The firmware interface table ends before a field does.
static TRUNCATED: DefectKind = DefectKind::odd("fit/truncated").cut_short();

// Facts, in the words of the specification.
static FIT_FACT: Fact = Fact::new("fit");
