//! Fault-tolerant write: the working block beside a variable store.
//!
//! EDK II (stable202411) `MdeModulePkg/Include/Guid/FaultTolerantWrite.h` and `FaultTolerantWriteDxe`.
//!
//! ```text
//! working block header             write header                    write record
//! 0x00 Signature (GUID)  16        0x00 allocated, writes          0x00 boot block update,
//! 0x10 Crc                4             allocated, complete   1         spare, destination  1
//! 0x14 valid, invalid     1        0x04 CallerId (GUID)      16    0x08 Lba                 8
//! 0x15 reserved           3        0x18 NumberOfWrites        8    0x10 Offset              8
//! 0x18 WriteQueueSize     8 (or 4) 0x20 PrivateDataSize       8    0x18 Length              8
//! 0x20 write queue                 0x28 records, data              0x20 RelativeOffset      8
//! ```
//!
//! The CRC-32 covers the header with `Crc`, the flags and the reserved bytes erased. A flag is set when its bit is 0.
//!
//! Loader modelled: `FaultTolerantWriteDxe`, which believes a working block by signature, CRC and flags, and replays
//! the last write that is not complete from the spare block. Writes that are complete are remains: it passes over them.
//! A last write that is not complete, of which no record has reached the spare block, is aborted: it is remains. So is whatever the
//! spare block holds while no write is to be restored from it. Stores of OVMF that were stopped so in qemu give the same variables
//! after the next boot as before it, and half of the aborted write lies in the spare block behind it.
//! Ambiguities: any other write that is allocated and not complete is a defect, since what the variable store holds depends on
//! who replays it; a working block that is not marked as valid, in whose place that of the spare block is taken.
//! Limitations: the private data of callers stay inside the record's leaf.
//!
//! ## Normal form
//!
//! None is needed: header and writes are leaves, compared as they lie where the device does not write.
//!
//! | in a part that the device writes | because |
//! |---|---|
//! | writes that are complete are remains | `FaultTolerantWriteDxe` replays what is not complete, and nothing else |
//! | a last write that has not reached the spare block is remains | it aborts that |
//! | the number of writes | each allocates the next; the block is reclaimed when it is full |
//!
//! Any other write that is not complete is ambiguous, so its records and data cannot vary.

use kiwame_decode::Crc32;
use kiwame_image::{
    Builder, Defect, DefectKind, Fact, Format, Glance, Input, Node, Reader, Reading, Trouble, Window, fact,
};

/// A working block.
#[derive(Debug)]
pub(crate) struct Working;

pub(crate) static WORKING: Working = Working;

impl Format for Working {
    fn name(&self) -> &'static str {
        "ftw-working"
    }

    fn about(&self) -> &'static str {
        "the working block of EDK II's fault-tolerant write"
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

/// Size of the working block at `start`; `None` when there is none. The queue's size has eight bytes or, in older
/// firmware, four: the CRC tells.
pub(crate) fn working_size(at: &Input<'_>, start: u64) -> Option<u64> {
    let head = at.slice(start, HEADER).window().ok()?;
    let header = Header::read(&head)?;
    let size = header.length.checked_add(header.queue)?;
    (size <= at.length().saturating_sub(start)).then_some(size)
}

struct Header {
    length: u64,
    queue: u64,
    flags: u8,
}

impl Header {
    fn read(head: &Window) -> Option<Self> {
        [HEADER, HEADER_32].into_iter().find_map(|length| {
            let bytes = head.piece(0, length)?;
            if !SIGNATURES.iter().any(|signature| bytes.starts_with(signature)) {
                return None;
            }
            let mut reader = Reader::new(bytes, 0, &TRUNCATED);
            reader.bytes(16, "Signature").ok()?;
            let crc = reader.u32_le("Crc").ok()?;
            let flags = reader.u8("WorkingBlockValid").ok()?;
            reader.bytes(3, "Reserved3").ok()?;
            let queue = reader.bytes(length.checked_sub(24)?, "WriteQueueSize").ok()?;
            let mut covered = bytes.get(..16)?.to_vec();
            covered.extend([ERASED; 8]);
            covered.extend(queue);
            let number = queue.iter().rev().fold(0u64, |number, &byte| number << 8 | u64::from(byte));
            (crc32(&covered) == crc).then_some(Self { length, queue: number, flags })
        })
    }
}

fn split<'a>(at: &Input<'a>, out: &mut Builder<'_, 'a>) -> Result<(), Trouble> {
    let window = at.window()?;
    let Some(header) = Header::read(&window) else { return Ok(()) };
    out.fact(&QUEUE_SIZE, header.queue);
    out.fact(&VALID, header.flags & 3 == 2);
    if header.flags & 3 != 2 {
        let place = at.offset().saturating_add(20);
        out.defect(Defect::new(&STATE, "WorkingBlockValid", place, header.flags, 0xfeu8));
    }
    out.add(Node::new("ftw-working", "header", "ftw-working-header", at.slice(0, header.length)));
    let mut start = header.length;
    for number in 0..MAX_WRITES {
        let Some(write) = Write::read(&window, start) else { break };
        // One that another follows was not the last: nobody writes behind it before it is restored or aborted.
        let is_last = Write::read(&window, start.saturating_add(write.length)).is_none();
        let is_dead = write.complete() || write.is_dropped() && is_last;
        if !is_dead {
            let place = at.offset().saturating_add(start);
            out.defect(Defect::new(&INCOMPLETE_WRITE, "Complete", place, write.flags, 0xf8u8));
        }
        let node = Node::new("ftw-write", number.to_string(), "ftw-write", at.slice(start, write.length));
        let node = if is_dead { node.remains() } else { node };
        out.add(node.with(&fact::FLAGS, write.flags).with(&WRITES, write.count).with(&CALLER, write.caller));
        start = start.saturating_add(write.length);
    }
    out.add_fill(Node::new("ftw-working", "free", "ftw-working-free", at.from(start)), ERASED);
    Ok(())
}

/// True for a working block that asks for nothing out of the spare block: its last write is complete, or has not reached the spare
/// block and is aborted. The driver puts back what the spare block held before a write, so that half of an aborted one may lie
/// there for ever; nobody reads it. Where nothing was ever written, what lies there is no spare block that was used.
pub(crate) fn is_settled(at: &Input<'_>) -> bool {
    let Ok(window) = at.window() else { return false };
    let Some(header) = Header::read(&window).filter(|header| header.flags & 3 == 2) else { return false };
    let mut start = header.length;
    let mut last = None;
    for _ in 0..MAX_WRITES {
        let Some(write) = Write::read(&window, start) else { break };
        start = start.saturating_add(write.length);
        last = Some(write);
    }
    last.is_some_and(|write| write.complete() || write.is_dropped())
}

/// A write header with its records and their data.
struct Write {
    /// Of its records, those that have reached the spare block.
    spare: u64,
    flags: u8,
    count: u64,
    caller: String,
    length: u64,
}

impl Write {
    /// `None` where none was allocated, or it does not fit.
    fn read(window: &Window, start: u64) -> Option<Self> {
        let mut reader = Reader::new(window.piece(start, WRITE_HEADER)?, 0, &TRUNCATED);
        let flags = reader.u8("HeaderAllocated").ok()?;
        reader.bytes(3, "padding").ok()?;
        let caller = reader.guid("CallerId").ok()?;
        reader.bytes(4, "padding").ok()?;
        let count = reader.u64_le("NumberOfWrites").ok()?;
        let private = reader.u64_le("PrivateDataSize").ok()?;
        let record = RECORD.checked_add(private)?;
        let length = WRITE_HEADER.checked_add(record.checked_mul(count)?)?;
        window.piece(start, length)?;
        let states = (0..count).map(|number| {
            let at = record.saturating_mul(number).saturating_add(start).saturating_add(WRITE_HEADER);
            window.piece(at, 1).and_then(<[u8]>::first).copied()
        });
        let reached = states.filter(|state| state.is_none_or(|state| state & 6 != 6)).count();
        let spare = u64::try_from(reached).unwrap_or(u64::MAX);
        (flags & 1 == 0).then(|| Self { spare, flags, count, caller: caller.to_string(), length })
    }

    /// Begun, and not yet where it could be restored from.
    fn is_dropped(&self) -> bool {
        !self.complete() && self.spare == 0
    }

    fn complete(&self) -> bool {
        self.flags & 4 == 0
    }
}

/// What EDK II's `CalculateCrc32` gives.
fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = Crc32::default();
    crc.update(bytes);
    crc.value()
}

const ERASED: u8 = 0xff;
/// `gEdkiiWorkingBlockSignatureGuid` 9E58292B-7C68-497D-A0CE-6500FD9F1B95, and before it `gEfiSystemNvDataFvGuid`
/// FFF12B8D-7696-4C8B-A985-2747075B4F50.
const SIGNATURES: [&[u8]; 2] = [
    b"\x2b\x29\x58\x9e\x68\x7c\x7d\x49\xa0\xce\x65\x00\xfd\x9f\x1b\x95",
    b"\x8d\x2b\xf1\xff\x96\x76\x8b\x4c\xa9\x85\x27\x47\x07\x5b\x4f\x50",
];
const HEADER: u64 = 32;
const HEADER_32: u64 = 28;
const WRITE_HEADER: u64 = 40;
const RECORD: u64 = 40;
/// More writes than a queue of 64 KiB holds; what is behind them is not understood.
const MAX_WRITES: u32 = 1024;

/// The kinds of defects of this file.
pub(crate) const DEFECTS: &[&DefectKind] = &[&INCOMPLETE_WRITE, &STATE, &TRUNCATED];

/// A fault-tolerant write was begun and not finished: at the next start the firmware finishes it.
static INCOMPLETE_WRITE: DefectKind = DefectKind::ambiguous("ftw/incomplete-write");
/// The working block is in no state that a write leaves.
static STATE: DefectKind = DefectKind::ambiguous("ftw/state");
/// The working block ends before a field does.
static TRUNCATED: DefectKind = DefectKind::odd("ftw/truncated").cut_short();

// Facts, in the words of the specification.
static CALLER: Fact = Fact::new("caller");
static QUEUE_SIZE: Fact = Fact::new("queue-size");
static VALID: Fact = Fact::new("valid");
static WRITES: Fact = Fact::new("writes");

#[cfg(test)]
mod tests {
    #![allow(clippy::arithmetic_side_effects, clippy::as_conversions, reason = "tests")]

    use super::*;
    use crate::testing::{defects, leaves, parse, put, torture};
    use crate::uefi::nvram::NVRAM;
    use kiwame_image::len64;

    /// A working block of 0x100 bytes with one complete write, and a spare block behind it.
    fn sample() -> Vec<u8> {
        let mut block = vec![0xff; 0x180];
        put(&mut block, 0, SIGNATURES[0]);
        put(&mut block, 24, &0xe0u64.to_le_bytes());
        let crc = crc32(&block[..32]);
        put(&mut block, 16, &crc.to_le_bytes());
        block[20] = 0xfe;
        let mut write = vec![0xf8, 0xff, 0xff, 0xff];
        write.extend([7; 20]);
        write.extend(1u64.to_le_bytes());
        write.extend(8u64.to_le_bytes());
        write.extend([5; 48]);
        put(&mut block, 32, &write);
        block
    }

    #[test]
    fn a_working_block_is_split_into_its_writes() {
        let tree = parse(NVRAM, &sample());
        let expected = [
            ("ftw-working-header", "header".to_owned(), 0, 32),
            ("ftw-write", "0".to_owned(), 32, 88),
            ("ftw-working-free", "free".to_owned(), 120, 0x100 - 120),
            ("ftw-spare", "0".to_owned(), 0x100, 0x80),
        ];
        assert_eq!(leaves(&tree), expected);
        assert_eq!(defects(&tree), [""; 0]);
    }

    #[test]
    fn a_write_that_was_never_finished_is_ambiguous() {
        let mut block = sample();
        block[32] = 0xfc;
        let tree = parse(NVRAM, &block);
        assert_eq!(defects(&tree), ["ftw/incomplete-write"]);
        assert!(tree.defects()[0].kind.ambiguous);
    }

    #[test]
    fn a_write_that_has_not_reached_the_spare_block_is_aborted() {
        let mut block = sample();
        block[32] = 0xfc;
        block[72] = 0xff;
        // Half of a store: nobody reads it.
        block[0x100..0x110].fill(0);
        let tree = parse(NVRAM, &block);
        assert_eq!(defects(&tree), [""; 0]);
        let remains: Vec<_> = tree.leaves().filter(|leaf| leaf.remains).map(|leaf| leaf.kind).collect();
        assert_eq!(remains, ["ftw-write", "ftw-spare"]);
        // Reached, allocated again behind it, or under a working block that is not valid: somebody may restore it.
        let with = |at: usize, byte| {
            let mut block = block.clone();
            block[at] = byte;
            let tree = parse(NVRAM, &block);
            let spare = tree.leaves().find(|leaf| leaf.kind == "ftw-spare").is_some_and(|leaf| leaf.remains);
            (defects(&tree).join(" "), spare)
        };
        assert_eq!(with(72, 0xfd), ("ftw/incomplete-write".to_owned(), false));
        assert_eq!(with(72, 0xfb), ("ftw/incomplete-write".to_owned(), false));
        assert_eq!(with(20, 0xfc), ("ftw/state".to_owned(), false));
    }

    #[test]
    fn a_header_with_a_wrong_crc_is_no_working_block() {
        let mut block = sample();
        block[17] ^= 1;
        assert_eq!(leaves(&parse(NVRAM, &block)), [("nvram-padding", "0".to_owned(), 0, len64(&block))]);
    }

    #[test]
    fn hostile_bytes() {
        torture(NVRAM, &sample());
    }
}
