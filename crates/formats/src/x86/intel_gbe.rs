//! The non-volatile memory of Intel's integrated Gigabit Ethernet controllers, as the GbE region of a flash has it.
//!
//! Intel I/O Controller Hub 8/9/10 NVM Map and Information Guide (application note 487), and Intel 82579 Gigabit Ethernet
//! PHY datasheet, chapter 10 ("Non-Volatile Memory"). Later controllers' maps are not public; Linux reads the same words.
//!
//! ```text
//! words of two bytes, little-endian, of each bank
//! 0x00 Ethernet Address, its bytes in order  3    0x0b Subsystem ID             1
//! 0x03 Compatibility                         1    0x0c Subsystem Vendor ID      1
//! 0x05 Image Version                         1    0x0d Device ID                1
//! 0x08 PBA Number                            2    0x13 bits 15:14: 10 = valid   1
//! 0x0a PCI Init Control                      1    0x3f Checksum                 1
//! ```
//!
//! Two banks, one at the start of the region and one in its middle, of 4 KiB each. Words 0x00 to 0x3f of a bank add up to
//! 0xBABA.
//!
//! Loader modelled: Linux `e1000e` (`ich8lan.c`): the first bank whose word 0x13 says that it is valid, the first one when
//! none does; it refuses a bank that does not add up. The controller itself looks at no checksum.
//!
//! Ambiguities, each a defect: no valid bank; two valid banks that differ (ICH8 and ICH9 can be told by a register which
//! one to take); a wrong checksum of the bank that is taken.
//!
//! Limitations: words that are not named above, and what lies behind word 0x3f (settings of the PHY, and their sums), are
//! leaves that are not understood; a file by itself is recognised at 8, 16 and 128 KiB, when a valid bank adds up.
//!
//! ## Normal form
//!
//! None is needed: all words are leaves, compared as they lie. Of the checksum, a right one may differ where words do.
//!
//! A rule `fields` names words by the keys of their leaves: `mac`, `signature` and the others; `mac` has the form of the
//! grammar `mac`, the others are numbers. `signature` chooses between the banks, and its values are listed.

use std::rc::Rc;

use kiwame_image::{
    Builder, Defect, DefectKind, Fact, Format, Glance, Input, Node, Place, Reading, Recognised, Stage, Sure,
    Trouble, Value, fact, len64,
};

/// Two banks.
#[derive(Debug)]
pub(crate) struct IntelGbe;

impl Format for IntelGbe {
    fn name(&self) -> &'static str {
        "intel-gbe"
    }

    fn about(&self) -> &'static str {
        "NVM of Intel's Gigabit Ethernet controllers: both banks, MAC address, checksums compared"
    }

    fn defects(&self) -> &'static [&'static [&'static DefectKind]] {
        &[DEFECTS]
    }

    fn probe(&self, head: &Glance<'_>) -> Option<Reading> {
        let size = SIZES.contains(&head.size()).then_some(head.size())?;
        let banks = [0, size / 2].into_iter().filter_map(|start| Words::read(head.bytes(start, WORDS)?));
        let sound = banks.into_iter().any(|words| words.is_valid() && words.sum() == SUM);
        sound.then(|| Reading::new(self, Sure::Checked))
    }

    fn parse<'a>(&self, at: Input<'a>, out: &mut Builder<'_, 'a>) {
        if let Err(trouble) = split(&at, out) {
            out.trouble(trouble);
        }
    }
}

fn split<'a>(at: &Input<'a>, out: &mut Builder<'_, 'a>) -> Result<(), Trouble> {
    let half = at.length() / 2;
    if half < BANK {
        out.defect(Defect::new(&TRUNCATED, "length", at.offset(), at.length(), BANK.saturating_mul(2)));
        out.add(Node::new("intel-gbe", "unread", "intel-gbe-unread", at.clone()).unknown());
        return Ok(());
    }
    out.gaps("intel-gbe-gap", Some(ERASED));
    let banks = [at.slice(0, BANK), at.slice(half, BANK)];
    let mut valid = Vec::new();
    for (number, bank) in (0_u8..).zip(&banks) {
        let window = bank.window()?;
        let words = window.piece(0, WORDS).and_then(Words::read);
        if words.is_some_and(|words| words.is_valid()) {
            valid.push((number, window));
        }
    }
    let place = at.offset().saturating_add(SIGNATURE.saturating_mul(2));
    match valid.as_slice() {
        [] => out.defect(Defect::new(&NO_BANK, "Signature", place, "no valid bank", "one")),
        [(_, one), (_, other)] if one[..] != other[..] => {
            out.defect(Defect::new(&TWO_BANKS, "Signature", place, "two valid banks that differ", "one"));
        }
        _ => {}
    }
    let taken = valid.first().map_or(0, |(number, _)| *number);
    out.fact(&TAKEN, taken);
    for (number, input) in (0_u8..).zip(banks) {
        let node = Node::new("bank", number.to_string(), "intel-gbe-bank", input.clone());
        if input.uniform()? == Some(ERASED) && number != taken {
            out.add_fill(node, ERASED);
        } else {
            let node = node.name(format!("bank {number}")).with(&fact::LIVE, number == taken);
            out.add(node.then_with(Rc::new(Bank { taken: number == taken })));
        }
    }
    Ok(())
}

/// One bank.
#[derive(Debug)]
struct Bank {
    taken: bool,
}

impl<'a> Stage<'a> for Bank {
    fn parse(&self, at: Input<'a>, out: &mut Builder<'_, 'a>) {
        if let Err(trouble) = self.split(&at, out) {
            out.trouble(trouble);
        }
    }
}

impl Bank {
    fn split<'a>(&self, at: &Input<'a>, out: &mut Builder<'_, 'a>) -> Result<(), Trouble> {
        let window = at.head(WORDS)?;
        let Some(words) = Words::read(&window) else { return Ok(()) };
        let sum = words.sum();
        if sum != SUM {
            let kind = if self.taken { &CHECKSUM } else { &SPARE_CHECKSUM };
            let place = at.offset().saturating_add(CHECKSUM_WORD.saturating_mul(2));
            out.defect(Defect::new(kind, "Checksum", place, sum, SUM));
        }
        for &(word, count, name) in FIELDS {
            let (start, length) = (word.saturating_mul(2), count.saturating_mul(2));
            let node = Node::new("field", name, "intel-gbe-field", at.slice(start, length)).component();
            let bytes = window.piece(start, length).unwrap_or_default();
            out.add(match word {
                // It follows the other words when it is right.
                CHECKSUM_WORD if sum == SUM => node.mask([(0, 2)]),
                CHECKSUM_WORD => node,
                MAC => node.name("MAC address").with(&fact::VALUE, mac(bytes)),
                SIGNATURE => node.with(&fact::VALUE, number(bytes)).with(&fact::SELECTOR, true),
                _ => node.with(&fact::VALUE, number(bytes)),
            });
        }
        let rest = at.from(WORDS);
        let node = Node::new("intel-gbe", "rest", "intel-gbe-rest", rest.clone());
        if rest.uniform()? == Some(ERASED) {
            out.add_fill(node, ERASED);
        } else {
            out.add_unknown(node.then(&Recognised(Place::Padding)), ERASED);
        }
        self.between(at, out);
        Ok(())
    }

    /// Words without a name.
    fn between<'a>(&self, at: &Input<'a>, out: &mut Builder<'_, 'a>) {
        let mut done = 0_u64;
        for &(word, count, _) in FIELDS {
            let input = at.slice(done.saturating_mul(2), word.saturating_sub(done).saturating_mul(2));
            out.add(Node::new("words", format!("{done:02x}"), "intel-gbe-words", input).unknown());
            done = word.saturating_add(count);
        }
    }
}

/// Words 0x00 to 0x3f of a bank.
struct Words<'b>(&'b [[u8; 2]]);

impl<'b> Words<'b> {
    fn read(bytes: &'b [u8]) -> Option<Self> {
        let (words, _) = bytes.as_chunks::<2>();
        (len64(bytes) == WORDS).then_some(Self(words))
    }

    fn sum(&self) -> u16 {
        self.0.iter().fold(0, |sum: u16, word| sum.wrapping_add(u16::from_le_bytes(*word)))
    }

    fn is_valid(&self) -> bool {
        let word = self.0.get(kiwame_image::to_usize(SIGNATURE));
        word.is_some_and(|word| u16::from_le_bytes(*word) & VALID_MASK == VALID)
    }
}

fn mac(bytes: &[u8]) -> Value {
    let digits: Vec<_> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    digits.join(":").into()
}

fn number(bytes: &[u8]) -> Value {
    Value::Uint(bytes.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte)))
}

const BANK: u64 = 4096;
/// Bytes of the words that the checksum covers.
const WORDS: u64 = 0x80;
const SUM: u16 = 0xbaba;
const VALID_MASK: u16 = 0xc000;
const VALID: u16 = 0x8000;
const ERASED: u8 = 0xff;
/// Sizes of GbE regions that are in use.
const SIZES: [u64; 3] = [8 << 10, 16 << 10, 128 << 10];

// Numbers of words.
const MAC: u64 = 0x00;
const SIGNATURE: u64 = 0x13;
const CHECKSUM_WORD: u64 = 0x3f;
/// Words with a name: number, how many, name.
static FIELDS: &[(u64, u64, &str)] = &[
    (MAC, 3, "mac"),
    (0x03, 1, "compatibility"),
    (0x05, 1, "image-version"),
    (0x08, 2, "pba"),
    (0x0a, 1, "pci-init-control"),
    (0x0b, 1, "subsystem-id"),
    (0x0c, 1, "subsystem-vendor-id"),
    (0x0d, 1, "device-id"),
    (SIGNATURE, 1, "signature"),
    (CHECKSUM_WORD, 1, "checksum"),
];

/// The kinds of defects of this file.
pub(crate) const DEFECTS: &[&DefectKind] = &[&CHECKSUM, &NO_BANK, &SPARE_CHECKSUM, &TRUNCATED, &TWO_BANKS];

/// The words of the bank that is taken do not add up: Linux refuses it, and the controller does not.
static CHECKSUM: DefectKind = DefectKind::ambiguous("intel-gbe/checksum");
/// No bank says that it is valid.
static NO_BANK: DefectKind = DefectKind::ambiguous("intel-gbe/no-valid-bank");
/// The words of the bank that is not taken do not add up.
static SPARE_CHECKSUM: DefectKind = DefectKind::odd("intel-gbe/spare-checksum");
/// The region is too short for two banks.
static TRUNCATED: DefectKind = DefectKind::odd("intel-gbe/truncated").cut_short();
/// Both banks say that they are valid, and they differ.
static TWO_BANKS: DefectKind = DefectKind::ambiguous("intel-gbe/two-valid-banks");

/// The bank that is read. It follows from the words of both.
static TAKEN: Fact = Fact::encoding("bank");

#[cfg(test)]
mod tests {
    #![allow(clippy::arithmetic_side_effects, clippy::as_conversions, reason = "tests")]

    use kiwame_image::Content;

    use super::*;
    use crate::testing::{defects, parse, put, region, torture};

    fn bank() -> Vec<u8> {
        let mut bank = vec![0xff; BANK as usize];
        put(&mut bank, 0, &[2, 0, 0, 0, 0, 1]);
        put(&mut bank, 0x26, &[5, 0xa5]);
        put(&mut bank, 0x80, b"settings");
        sealed(bank)
    }

    fn sealed(mut bank: Vec<u8>) -> Vec<u8> {
        put(&mut bank, 0x7e, &[0, 0]);
        let sum = Words::read(&bank[..0x80]).unwrap().sum();
        put(&mut bank, 0x7e, &SUM.wrapping_sub(sum).to_le_bytes());
        bank
    }

    fn with(at: usize, value: &[u8]) -> Vec<u8> {
        let mut bank = bank();
        put(&mut bank, at, value);
        bank
    }

    fn taken(banks: [Vec<u8>; 2]) -> (Option<Value>, Vec<&'static str>) {
        let tree = parse(&IntelGbe, &banks.concat());
        (region(&tree, "image").fact(&TAKEN).cloned(), defects(&tree))
    }

    #[test]
    fn words_are_leaves_and_the_address_is_one_as_people_write_it() {
        let tree = parse(&IntelGbe, &[bank(), bank()].concat());
        assert_eq!(defects(&tree), [""; 0]);
        let mac = region(&tree, "bank:0/field:mac");
        assert_eq!(mac.fact(&fact::VALUE), Some(&Value::from("02:00:00:00:00:01")));
        assert!(mac.component);
        let signature = region(&tree, "bank:1/field:signature");
        assert_eq!(signature.fact(&fact::VALUE), Some(&Value::Uint(0xa505)));
        assert_eq!(region(&tree, "bank:0/intel-gbe:rest").content, Content::Unknown);
        assert_eq!(region(&tree, "bank:0/words:14").span.length, 2 * (0x3f - 0x14));
        assert!(region(&tree, "bank:0/field:checksum").masked.is_some());
    }

    #[test]
    fn the_first_valid_bank_is_taken() {
        let first = || Some(Value::Uint(0));
        assert_eq!(taken([bank(), bank()]), (first(), vec![]));
        assert_eq!(taken([bank(), vec![0xff; 4096]]), (first(), vec![]));
        let invalid = || sealed(with(0x27, &[0x25]));
        assert_eq!(taken([invalid(), bank()]), (Some(Value::Uint(1)), vec![]));
        assert_eq!(taken([bank(), sealed(with(0, &[6]))]), (first(), vec!["intel-gbe/two-valid-banks"]));
        assert_eq!(taken([invalid(), invalid()]), (first(), vec!["intel-gbe/no-valid-bank"]));
    }

    #[test]
    fn a_checksum_that_is_wrong_follows_nothing() {
        let tree = parse(&IntelGbe, &[with(0x27, &[0xa4]), sealed(with(0x27, &[0x25]))].concat());
        assert_eq!(defects(&tree), ["intel-gbe/checksum"]);
        assert!(region(&tree, "bank:0/field:checksum").masked.is_none());
        let tree = parse(&IntelGbe, &[bank(), with(0x27, &[0x25])].concat());
        assert_eq!(defects(&tree), ["intel-gbe/spare-checksum"]);
    }

    #[test]
    fn a_file_is_one_when_a_valid_bank_adds_up() {
        let probe = |banks: [Vec<u8>; 2]| {
            let file = banks.concat();
            IntelGbe.probe(&Glance::new(&file, len64(&file))).is_some()
        };
        let none = || vec![0xff; 4096];
        assert!(probe([bank(), none()]) && probe([none(), bank()]) && !probe([none(), none()]));
        assert!(!probe([with(0, &[6]), none()]) && !probe([sealed(with(0x27, &[0x25])), none()]));
        assert!(!probe([bank(), none()[1..].to_vec()]));
    }

    #[test]
    fn banks_lie_at_the_start_and_in_the_middle() {
        let file = [bank(), vec![0xff; 4096], bank(), b"data".to_vec(), vec![0xff; 4092]].concat();
        let tree = parse(&IntelGbe, &file);
        assert_eq!(region(&tree, "bank:1").span.offset, 0x2000);
        let gap = |number: u32| region(&tree, &format!("intel-gbe-gap:{number}")).content;
        assert_eq!((gap(0), gap(1)), (Content::Fill, Content::Unknown));
        assert_eq!(defects(&parse(&IntelGbe, &file[..0x1fff])), ["intel-gbe/truncated"]);
    }

    #[test]
    fn hostile_bytes() {
        torture(&IntelGbe, &bank()[..0x100]);
        let mut file = [bank(), bank()].concat();
        for at in 0..0x100 {
            for flip in [1, 0x80, 0xff] {
                file[at] ^= flip;
                parse(&IntelGbe, &file);
                file[at] ^= flip;
            }
        }
    }
}
