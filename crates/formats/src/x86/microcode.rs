//! Intel microcode updates.
//!
//! Intel 64 and IA-32 Architectures Software Developer's Manual, volume 3A (revision 084), section 10.11 ("Microcode
//! Update Facilities"), tables 10-6 to 10-8.
//!
//! ```text
//! 0x00 HeaderVersion 1      4    0x18 ProcessorFlags  4    extended signature table, behind the data
//! 0x04 UpdateRevision       4    0x1c DataSize        4    0x00 Count      4
//! 0x08 Date (BCD mmddyyyy)  4    0x20 TotalSize       4    0x04 Checksum   4
//! 0x0c ProcessorSignature   4    0x24 MetadataSize    4    0x08 Reserved  12
//! 0x10 Checksum             4    0x28 reserved        8    0x14 entries: ProcessorSignature 4,
//! 0x14 LoaderRevision 1     4    0x30 data, DataSize             ProcessorFlags 4, Checksum 4
//! ```
//!
//! All words of an update add up to zero, and so do those of the extended table. `DataSize` 0 stands for 2,000 bytes
//! of data in 2,048.
//!
//! Loader modelled: EDK II `CpuMicrocode` detection and the Linux loader: one update behind the other, the newest
//! that fits the processor is loaded. Ambiguities: two updates for one processor, which the appraisal sees as two
//! components of one path. Limitations: the data are encrypted.
//!
//! ## Normal form
//!
//! None is needed: header, data, extended signatures and what lies behind them within `TotalSize` are leaves, compared
//! as they lie.
//!
//! A processor decrypts and checks the data by itself; loaders choose by signature, flags and revision, those of the
//! extended table too, which are in its leaf and no facts.

use kiwame_image::{
    Anchor, Builder, Defect, DefectKind, Fact, Format, Glance, Input, Node, Reader, Reading, Sure, Trouble,
    Window, fact, len64, to_usize,
};

/// Updates, one behind the other.
#[derive(Debug)]
pub(crate) struct Microcode;

impl Format for Microcode {
    fn name(&self) -> &'static str {
        "microcode"
    }

    fn about(&self) -> &'static str {
        "Intel microcode updates: header, data, extended signature table"
    }

    fn defects(&self) -> &'static [&'static [&'static DefectKind]] {
        &[DEFECTS]
    }

    fn probe(&self, head: &Glance<'_>) -> Option<Reading> {
        let header = Header::read(head.all())?;
        (header.total <= head.size()).then(|| Reading::new(self, Sure::Structure))
    }

    fn anchor(&self) -> Option<&'static Anchor> {
        Some(&ANCHOR)
    }

    fn parse<'a>(&self, at: Input<'a>, out: &mut Builder<'_, 'a>) {
        let mut start = 0;
        while start < at.length() {
            match update_at(&at, start) {
                Ok(Some(header)) => {
                    out.add(header.node(&at, start));
                    start = start.saturating_add(header.total);
                }
                Ok(None) => break,
                Err(trouble) => return out.trouble(trouble),
            }
        }
        out.add(Node::new("microcode", "behind", "microcode-behind", at.from(start)).unknown());
    }
}

/// Updates one behind the other. At a multiple of four the header is enough, and a wrong sum a defect; elsewhere no tool puts
/// an update, and its words must add up.
static ANCHOR: Anchor = Anchor {
    marks: &[&[1, 0, 0, 0]],
    at: 0,
    whole: |at, _| {
        let mut end = 0_u64;
        while could_begin(&at.slice(end, HEADER).window()?)
            && let Some(update) = update_at(at, end)?
            && (at.offset().is_multiple_of(4) || adds_up(&at.slice(end, update.total))?)
        {
            end = end.saturating_add(update.total);
        }
        Ok(Some(end).filter(|&end| end > 0))
    },
};

/// True when the words of an update add up to zero.
fn adds_up(update: &Input<'_>) -> Result<bool, Trouble> {
    update.spend(update.length())?;
    let window = update.window()?;
    let (words, _) = window.as_chunks::<4>();
    Ok(words.iter().fold(0, |sum: u32, word| sum.wrapping_add(u32::from_le_bytes(*word))) == 0)
}

/// The header of the update at `start`, if one is there and all of it.
pub(crate) fn update_at(at: &Input<'_>, start: u64) -> Result<Option<Header>, Trouble> {
    let head = at.slice(start, HEADER).window()?;
    let room = at.length().saturating_sub(start);
    Ok(Header::read(&head).filter(|header| header.total <= room))
}

/// What the header of an update says.
pub(crate) struct Header {
    revision: u32,
    date: u32,
    signature: u32,
    flags: u32,
    data: u64,
    /// Length of the whole update.
    pub(crate) total: u64,
}

impl Header {
    /// `None` for anything that does not look like a header through and through: there is no magic.
    fn read(bytes: &[u8]) -> Option<Self> {
        Self::fields(bytes).ok().flatten()
    }

    fn fields(bytes: &[u8]) -> Result<Option<Self>, Defect> {
        let mut reader = Reader::new(bytes, 0, &TRUNCATED);
        let version = reader.u32_le("HeaderVersion")?;
        let revision = reader.u32_le("UpdateRevision")?;
        let date = reader.u32_le("Date")?;
        let signature = reader.u32_le("ProcessorSignature")?;
        reader.u32_le("Checksum")?;
        let loader = reader.u32_le("LoaderRevision")?;
        let flags = reader.u32_le("ProcessorFlags")?;
        let sizes = (reader.u32_le("DataSize")?, reader.u32_le("TotalSize")?);
        reader.bytes(12, "Reserved")?;
        let (data, total) = match sizes {
            (0, _) => (DEFAULT_DATA, DEFAULT_DATA.saturating_add(HEADER)),
            (data, total) => (data.into(), total.into()),
        };
        let sized = data % 4 == 0 && total % 1024 == 0 && data.saturating_add(HEADER) <= total;
        let plausible =
            version == 1 && loader == 1 && signature != 0 && flags <= 0xff && is_date(date) && sized;
        Ok(plausible.then_some(Self { revision, date, signature, flags, data, total }))
    }

    /// The update as a component.
    pub(crate) fn node<'a>(&self, at: &Input<'a>, start: u64) -> Node<'a> {
        let key = format!("{:08x}-{:02x}", self.signature, self.flags);
        let date =
            format!("{:04x}-{:02x}-{:02x}", self.date & 0xffff, self.date >> 24, self.date >> 16 & 0xff);
        Node::new("microcode", key, "microcode", at.slice(start, self.total))
            .component()
            .name(format!("processor {:08x}, revision {:#x}, {date}", self.signature, self.revision))
            .with(&SIGNATURE, self.signature)
            .with(&PROCESSOR_FLAGS, self.flags)
            .with(&fact::REVISION, self.revision)
            .with(&fact::DATE, date)
            .then(&Update)
    }
}

/// Month, day and year in binary-coded decimal.
fn is_date(date: u32) -> bool {
    let [year_low, year_high, day, month] = date.to_le_bytes();
    let decimal = |byte: u8| byte & 15 <= 9 && byte >> 4 <= 9;
    decimal(year_low)
        && [0x19, 0x20].contains(&year_high)
        && decimal(day)
        && (0x01..=0x31).contains(&day)
        && decimal(month)
        && (0x01..=0x12).contains(&month)
}

/// One update, taken apart.
#[derive(Debug)]
struct Update;

impl Format for Update {
    fn name(&self) -> &'static str {
        "microcode"
    }

    fn about(&self) -> &'static str {
        "one Intel microcode update"
    }

    fn probe(&self, _head: &Glance<'_>) -> Option<Reading> {
        None
    }

    fn parse<'a>(&self, at: Input<'a>, out: &mut Builder<'_, 'a>) {
        if let Err(trouble) = split(&at, out) {
            out.trouble(trouble);
        }
    }
}

fn split<'a>(at: &Input<'a>, out: &mut Builder<'_, 'a>) -> Result<(), Trouble> {
    let window = at.window()?;
    let Some(header) = Header::read(&window) else { return Ok(()) };
    check_sum(&window, 0, "Checksum", at.offset().saturating_add(0x10), out);
    let data_end = HEADER.saturating_add(header.data);
    let table = table_length(&window, data_end);
    if table > 0 {
        let place = at.offset().saturating_add(data_end);
        let end = to_usize(data_end.saturating_add(table));
        check_sum(window.get(..end).unwrap_or_default(), data_end, "ExtendedTableChecksum", place, out);
    }
    let parts = [
        ("header", "microcode-header", at.slice(0, HEADER)),
        ("data", "microcode-data", at.slice(HEADER, header.data)),
        ("signatures", "microcode-signatures", at.slice(data_end, table)),
    ];
    for (key, kind, input) in parts {
        out.add(Node::new("microcode", key, kind, input));
    }
    let rest = at.from(data_end.saturating_add(table));
    out.add(Node::new("microcode", "rest", "microcode-rest", rest).unknown());
    Ok(())
}

/// Length of the extended signature table at `start`: 0 when there is none, or none that fits.
fn table_length(window: &Window, start: u64) -> u64 {
    let Some(head) = window.piece(start, TABLE_HEADER) else { return 0 };
    let [a, b, c, d, ..] = *head else { return 0 };
    let entries = u64::from(u32::from_le_bytes([a, b, c, d])).saturating_mul(12);
    let length = TABLE_HEADER.saturating_add(entries);
    if entries > 0 && window.piece(start, length).is_some() { length } else { 0 }
}

/// All words from `from` on add up to zero.
fn check_sum(bytes: &[u8], from: u64, field: &'static str, place: u64, out: &mut Builder<'_, '_>) {
    let (words, _) = bytes.get(to_usize(from)..).unwrap_or_default().as_chunks::<4>();
    let sum = words.iter().fold(0u32, |sum, word| sum.wrapping_add(u32::from_le_bytes(*word)));
    if sum != 0 {
        out.defect(Defect::new(&CHECKSUM, field, place, sum, 0u32));
    }
}

/// True when a header could begin with these words. For those who search.
pub(crate) fn could_begin(bytes: &[u8]) -> bool {
    bytes.starts_with(&[1, 0, 0, 0]) && len64(bytes) >= HEADER && bytes.get(0x14..0x18) == Some(&[1, 0, 0, 0])
}

/// Length of the header.
pub(crate) const HEADER: u64 = 48;
const DEFAULT_DATA: u64 = 2000;
const TABLE_HEADER: u64 = 20;

/// The kinds of defects of this file.
pub(crate) const DEFECTS: &[&DefectKind] = &[&CHECKSUM, &TRUNCATED];

/// The update, or its table of extended signatures, does not sum up to zero.
static CHECKSUM: DefectKind = DefectKind::odd("microcode/checksum");
/// The update ends before a field does.
static TRUNCATED: DefectKind = DefectKind::odd("microcode/truncated").cut_short();

// Facts, in the words of the specification.
static PROCESSOR_FLAGS: Fact = Fact::new("processor-flags");
static SIGNATURE: Fact = Fact::new("signature");

#[cfg(test)]
pub(crate) mod tests {
    #![allow(clippy::arithmetic_side_effects, clippy::as_conversions, reason = "tests")]

    use super::*;
    use crate::testing::{defects, leaves, parse, put, region, torture};
    use kiwame_image::Value;

    /// An update of 1 KiB with 0x100 bytes of data and a table of one further signature.
    pub(crate) fn sample() -> Vec<u8> {
        let mut update = vec![0; 1024];
        let header = [1, 0x42, 0x0312_2024, 0x906ea, 0, 1, 0x22, 0x100, 1024];
        for (i, word) in header.into_iter().enumerate() {
            put(&mut update, 4 * i, &u32::to_le_bytes(word));
        }
        let table = 48 + 0x100;
        for (i, word) in [1u32, 0, 0, 0, 0, 0x906eb, 0x02, 0].into_iter().enumerate() {
            put(&mut update, table + 4 * i, &word.to_le_bytes());
        }
        balance(&mut update, table + 4, table..table + 32);
        balance(&mut update, 16, 0..1024);
        update
    }

    fn balance(bytes: &mut [u8], at: usize, range: core::ops::Range<usize>) {
        let words = bytes[range].chunks(4).map(|word| u32::from_le_bytes(word.try_into().unwrap()));
        let sum = words.fold(0u32, u32::wrapping_add);
        put(bytes, at, &sum.wrapping_neg().to_le_bytes());
    }

    #[test]
    fn updates_one_behind_the_other_are_components() {
        let file = [sample(), sample(), b"rest".to_vec()].concat();
        let tree = parse(&Microcode, &file);
        let kinds: Vec<_> = leaves(&tree).into_iter().map(|leaf| (leaf.0, leaf.3)).collect();
        let update = [
            ("microcode-header", 48),
            ("microcode-data", 0x100),
            ("microcode-signatures", 32),
            ("microcode-rest", 1024 - 48 - 0x100 - 32),
        ];
        assert_eq!(kinds, [&update[..], &update[..], &[("microcode-behind", 4)]].concat());
        assert_eq!(defects(&tree), [""; 0]);
        let first = region(&tree, "microcode:000906ea-22");
        assert_eq!(first.attribute("revision"), Some(&Value::Uint(0x42)));
        assert_eq!(first.attribute("date"), Some(&Value::from("2024-03-12")));
    }

    #[test]
    fn both_checksums_are_checked() {
        let mut update = sample();
        update[100] ^= 1;
        assert_eq!(defects(&parse(&Microcode, &update)), ["microcode/checksum"]);
        let mut update = sample();
        update[48 + 0x100 + 20] ^= 1;
        assert_eq!(defects(&parse(&Microcode, &update)), ["microcode/checksum", "microcode/checksum"]);
    }

    #[test]
    fn an_update_is_recognised_by_more_than_its_version() {
        for (at, value) in [(0, 2), (9, 0x99), (11, 0x13), (20, 0), (28, 1), (32, 4), (33, 8)] {
            let mut update = sample();
            update[at] = value;
            assert!(Microcode.probe(&Glance::new(&update, 1024)).is_none(), "{at}");
        }
        assert!(Microcode.probe(&Glance::new(&sample(), 1024)).is_some());
    }

    #[test]
    fn hostile_bytes() {
        torture(&Microcode, &sample());
    }
}
