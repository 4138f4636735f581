//! Deflate: Huffman codes over literals and matches, in blocks that each may have codes of their own.
//!
//! RFC 1951, DEFLATE Compressed Data Format Specification 1.3; for what it leaves open, the inflate of zlib.
//!
//! ```text
//! BFINAL 1 bit, BTYPE 2 bits, then by BTYPE, bits lowest first:
//! 00 stored    up to the next byte, LEN 2, NLEN 2 (its complement), LEN bytes
//! 01 fixed     symbols in the codes of section 3.2.6
//! 10 dynamic   HLIT 5 bits, HDIST 5, HCLEN 4, the lengths of three codes, then symbols in two of them
//! ```
//!
//! Every code must be complete, with the exceptions that zlib makes: a code of literals or of distances may have
//! but one symbol, of length 1, and that of distances may be empty. The end of a block must have a code. A
//! distance beyond the output so far is malformed; the window that a zlib header declares does not bind.
//!
//! Decodes straight into one allocation. Symbols are looked up in tables whose entries hold all that is needed to
//! go on: the value, how many bits the code has, and how many with its extra bits.

use kiwame_image::{len64, to_usize};

use super::{DecodeError, Decoded};

/// Decodes one stream from the start of `input`. It may give no more than `expected` bytes, or `room` when
/// nothing is expected; whether it gave fewer is the caller's to check.
pub(super) fn decode(input: &[u8], expected: Option<u64>, room: u64) -> Result<Decoded, DecodeError> {
    decode_likely(input, expected, 0, room)
}

/// As [`decode`], with memory set aside for as many bytes as are `likely`. It is touched only as it is needed.
pub(super) fn decode_likely(
    input: &[u8],
    expected: Option<u64>,
    likely: u64,
    room: u64,
) -> Result<Decoded, DecodeError> {
    if expected.is_some_and(|size| size > room) {
        return Err(DecodeError::Overflow);
    }
    let mut source = Bits::new(input);
    let mut output = Output::new(expected, likely, room);
    source.blocks(&mut output, &mut Tables::new())?;
    let slack = source.slack();
    Ok(Decoded { slack, ..Decoded::new(output.finish(), source.consumed()) })
}

/// Streams one behind the other, each of which may repeat what those before it gave.
pub(super) struct Chain {
    output: Output,
    tables: Tables,
}

impl Chain {
    /// For streams that give so many bytes in all.
    pub(super) fn new(total: u64) -> Self {
        Self { output: Output::new(Some(total), 0, total), tables: Tables::new() }
    }

    /// Decodes the next stream, which gives exactly `size` bytes. Returns how many bytes it has, and whether it has bits
    /// that nobody reads.
    pub(super) fn add(&mut self, input: &[u8], size: u64) -> Result<(u64, bool), DecodeError> {
        self.output.limit = self.output.at.saturating_add(to_usize(size));
        let mut source = Bits::new(input);
        source.blocks(&mut self.output, &mut self.tables)?;
        if self.output.at != self.output.limit {
            return Err(DecodeError::SizeMismatch);
        }
        Ok((source.consumed(), source.slack()))
    }

    /// All that the streams gave.
    pub(super) fn finish(self) -> Vec<u8> {
        self.output.finish()
    }
}

/// The input, bit by bit.
struct Bits<'i> {
    input: &'i [u8],
    /// How many bytes were taken into `bits`.
    at: usize,
    /// What was read and not used. Above `count` bits stand zeros, or what the input has there.
    bits: u64,
    count: u32,
    /// True when bits before a stored block, which nobody reads, were not zero.
    slack: bool,
}

impl<'i> Bits<'i> {
    fn new(input: &'i [u8]) -> Self {
        Self { input, at: 0, bits: 0, count: 0, slack: false }
    }

    /// All blocks of a stream.
    fn blocks(&mut self, output: &mut Output, tables: &mut Tables) -> Result<(), DecodeError> {
        loop {
            let header = self.take(3)?;
            match header >> 1 {
                0 => output.store(self)?,
                1 => {
                    tables.fixed();
                    output.inflate(self, tables)?;
                }
                2 => {
                    tables.read(self)?;
                    output.inflate(self, tables)?;
                }
                _ => return Err(self.malformed()),
            }
            if header & 1 == 1 {
                return Ok(());
            }
        }
    }

    /// Sees to it that 56 bits are there, or all that the input has left.
    #[inline(always)]
    fn fill(&mut self) {
        if let Some(word) = self.input.get(self.at..).and_then(<[u8]>::first_chunk) {
            let taken;
            (self.bits, self.count, taken) = refill(self.bits, self.count, word);
            self.at = self.at.wrapping_add(taken);
            return;
        }
        while self.count < 56 {
            let Some(&byte) = self.input.get(self.at) else { return };
            self.bits |= u64::from(byte).wrapping_shl(self.count);
            self.count = self.count.wrapping_add(8);
            self.at = self.at.wrapping_add(1);
        }
    }

    /// Uses up to 16 bits.
    #[inline(always)]
    fn take(&mut self, count: u32) -> Result<u32, DecodeError> {
        if self.count < count {
            self.fill();
        }
        let value = low(self.bits) & 1u32.wrapping_shl(count).wrapping_sub(1);
        self.skip(count)?;
        Ok(value)
    }

    /// Uses bits that [`Self::fill`] was to make ready.
    #[inline(always)]
    fn skip(&mut self, count: u32) -> Result<(), DecodeError> {
        self.count = self.count.checked_sub(count).ok_or(DecodeError::Truncated)?;
        self.bits = self.bits.wrapping_shr(count);
        Ok(())
    }

    /// The entry of the next code, and the value with its extra bits.
    fn symbol<const N: usize, const BITS: u32>(
        &mut self,
        table: &Table<N, BITS>,
    ) -> Result<(u32, u32), DecodeError> {
        let mut entry = table.first(self.bits);
        if entry & SUBTABLE != 0 {
            let (bits, length) = (self.bits.wrapping_shr(entry), entry & 0xff);
            entry = table.second(entry, bits);
            // Only as many bits as the whole code has must be there.
            if length.wrapping_add(entry & 0xff) > self.count {
                return Err(DecodeError::Truncated);
            }
            self.skip(length)?;
        }
        let value = value(entry, self.bits);
        self.skip(entry & 0xff)?;
        Ok((entry, value))
    }

    /// The bytes behind the current one.
    fn bytes(&mut self) -> &'i [u8] {
        self.slack = self.slack();
        self.at = self.at.wrapping_sub(index(self.count >> 3));
        (self.bits, self.count) = (0, 0);
        self.input.get(self.at..).unwrap_or_default()
    }

    /// True when bits that nobody reads were not zero: so far, or in the current byte, which is used in part.
    fn slack(&self) -> bool {
        self.slack || low(self.bits) & 1u32.wrapping_shl(self.count & 7).wrapping_sub(1) != 0
    }

    /// How many bytes were used, if only in part.
    fn consumed(&self) -> u64 {
        let used = self.at.wrapping_sub(index(self.count >> 3));
        len64(self.input.get(..used).unwrap_or_default())
    }

    fn malformed(&self) -> DecodeError {
        DecodeError::Malformed { offset: self.consumed() }
    }
}

/// Puts a word behind the `count` bits, without a branch: afterwards there are 56 to 63, and it tells how many
/// bytes of the word that took. What of the word is in `bits` beyond those comes again the next time, unchanged.
///
/// Only the low 6 bits of `count` count.
#[inline(always)]
fn refill(bits: u64, count: u32, word: &[u8; 8]) -> (u64, u32, usize) {
    let bits = bits | u64::from_le_bytes(*word).wrapping_shl(count);
    (bits, (count & 63) | 56, index(!(count >> 3) & 7))
}

/// Takes off the bits that an entry of a table has used. Of `count` only the low 6 bits stay right, and only they
/// count until the next [`refill`].
#[inline(always)]
fn used(bits: u64, count: u32, entry: u32) -> (u64, u32) {
    (bits.wrapping_shr(entry), count.wrapping_sub(entry))
}

/// The content so far.
struct Output {
    /// Longer than the content by what was made ready, at least by [`SLACK`] where symbols are decoded.
    bytes: Vec<u8>,
    at: usize,
    limit: usize,
    sized: bool,
}

impl Output {
    fn new(expected: Option<u64>, likely: u64, room: u64) -> Self {
        let capacity = to_usize(expected.unwrap_or(likely.min(room))).saturating_add(SLACK);
        let limit = to_usize(expected.unwrap_or(room));
        Self { bytes: Vec::with_capacity(capacity), at: 0, limit, sized: expected.is_some() }
    }

    fn finish(mut self) -> Vec<u8> {
        self.bytes.truncate(self.at);
        self.bytes.shrink_to_fit();
        self.bytes
    }

    /// An error when there are more bytes than may be.
    #[inline(always)]
    fn check(&self) -> Result<(), DecodeError> {
        if self.at <= self.limit { Ok(()) } else { Err(self.full()) }
    }

    fn full(&self) -> DecodeError {
        if self.sized { DecodeError::SizeMismatch } else { DecodeError::Overflow }
    }

    /// Makes more bytes ready when the content has come to the end of those that are.
    #[inline(always)]
    fn ready(&mut self) -> Result<(), DecodeError> {
        self.check()?;
        if self.bytes.len() < self.at.saturating_add(SLACK) {
            self.grow(STEP);
        }
        Ok(())
    }

    /// Makes so many bytes ready, within the limit. Without a known size the allocation doubles.
    fn grow(&mut self, by: usize) {
        let length = self.limit.min(self.at.saturating_add(by)).saturating_add(SLACK);
        if length > self.bytes.capacity() {
            let doubled = self.bytes.capacity().saturating_mul(2).max(length);
            let capacity = doubled.min(self.limit.saturating_add(SLACK));
            self.bytes.reserve_exact(capacity.saturating_sub(self.bytes.len()));
        }
        self.bytes.resize(length.max(self.bytes.len()), 0);
    }

    /// A stored block.
    fn store(&mut self, source: &mut Bits<'_>) -> Result<(), DecodeError> {
        let content = source.bytes();
        let Some(([a, b, c, d], content)) = content.split_first_chunk() else {
            return Err(DecodeError::Truncated);
        };
        source.at = source.at.wrapping_add(4);
        let length = u16::from_le_bytes([*a, *b]);
        if length != !u16::from_le_bytes([*c, *d]) {
            return Err(source.malformed());
        }
        let length = usize::from(length);
        let room = self.limit.saturating_sub(self.at);
        let Some(content) = content.get(..length).filter(|_| length <= room) else {
            return Err(if room.min(length) <= content.len() { self.full() } else { DecodeError::Truncated });
        };
        let end = self.at.saturating_add(length);
        if end > self.bytes.len() {
            self.grow(length);
        }
        if let Some(target) = self.bytes.get_mut(self.at..end) {
            target.copy_from_slice(content);
        }
        self.at = end;
        source.at = source.at.wrapping_add(length);
        Ok(())
    }

    /// The symbols of one block up to its end.
    fn inflate(&mut self, source: &mut Bits<'_>, tables: &Tables) -> Result<(), DecodeError> {
        loop {
            self.ready()?;
            source.fill();
            let stop = run(source, tables, &mut self.bytes, &mut self.at);
            self.check()?;
            match stop {
                Stop::EndOfBlock => return Ok(()),
                Stop::Malformed => return Err(source.malformed()),
                Stop::Short => {}
            }
            self.ready()?;
            if self.step(source, tables)? {
                return Ok(());
            }
        }
    }

    /// One symbol, close to the end of the input. True for the end of the block.
    fn step(&mut self, source: &mut Bits<'_>, tables: &Tables) -> Result<bool, DecodeError> {
        source.fill();
        let (entry, length) = source.symbol(&tables.literals)?;
        if entry & LITERAL != 0 {
            if let Some(byte) = self.bytes.get_mut(self.at) {
                *byte = literal(entry);
            }
            self.at = self.at.wrapping_add(1);
            return Ok(false);
        }
        if entry & EXCEPTION != 0 {
            return if entry & END != 0 { Ok(true) } else { Err(source.malformed()) };
        }
        let (entry, distance) = source.symbol(&tables.distances)?;
        let (length, distance) = (index(length), index(distance));
        if entry & EXCEPTION != 0 || repeat(&mut self.bytes, self.at, distance, length).is_none() {
            return Err(source.malformed());
        }
        self.at = self.at.wrapping_add(length);
        Ok(false)
    }
}

/// Output is made ready in pieces of this size: large enough to be rare, small enough for the second-level cache.
const STEP: usize = 256 << 10;
/// What one round of [`run`] writes at most: three literals and a match, whose copy may go 15 bytes too far.
/// So many bytes are ready behind the last that may be content, which lets [`run`] go on up to there.
const SLACK: usize = LITERALS.wrapping_add(COPY);
const LITERALS: usize = 3;
/// The longest match, in whole pieces of 16 bytes.
const COPY: usize = 272;

/// A round reads two words from the input, the second up to 7 bytes behind the first.
const AHEAD: usize = 15;

/// Why [`run`] came back.
enum Stop {
    EndOfBlock,
    Malformed,
    /// The input or the output that is ready nears its end.
    Short,
}

/// Decodes symbols as long as neither the input nor the output can end within a round, so that nothing is checked
/// within one. What changes with every symbol lives in locals.
#[expect(clippy::too_many_lines, reason = "one loop whose state is to stay in registers")]
fn run(source: &mut Bits<'_>, tables: &Tables, out: &mut [u8], position: &mut usize) -> Stop {
    let Bits { input, mut bits, mut count, .. } = *source;
    let mut rest = input.get(source.at..).unwrap_or_default();
    let mut at = *position;
    // An entry is looked up before the bits behind it are there: the table holds no more of them than remain.
    let mut entry = tables.literals.first(bits);
    let stop = loop {
        let Some(word) = rest.first_chunk().filter(|_| rest.len() >= AHEAD) else { break Stop::Short };
        let Some((before, after)) = out.split_at_mut_checked(at) else { break Stop::Short };
        let Some(target) = after.first_chunk_mut::<SLACK>() else { break Stop::Short };
        let taken;
        (bits, count, taken) = refill(bits, count, word);
        rest = rest.get(taken..).unwrap_or_default();

        // 56 bits: enough for three literals from the first table, or two and any length or literal behind them.
        let mut literals = 0usize;
        if entry & LITERAL != 0 {
            let [first, second, third, ..] = target;
            *first = literal(entry);
            (bits, count) = used(bits, count, entry);
            literals = 1;
            entry = tables.literals.first(bits);
            if entry & LITERAL != 0 {
                *second = literal(entry);
                (bits, count) = used(bits, count, entry);
                literals = 2;
                entry = tables.literals.first(bits);
                if entry & LITERAL != 0 {
                    *third = literal(entry);
                    (bits, count) = used(bits, count, entry);
                    at = at.wrapping_add(3);
                    entry = tables.literals.first(bits);
                    continue;
                }
            }
        }
        at = at.wrapping_add(literals);
        if entry & EXCEPTION != 0 {
            if entry & SUBTABLE != 0 {
                (bits, count) = used(bits, count, entry);
                entry = tables.literals.second(entry, bits);
            }
            if entry & LITERAL != 0 {
                if let Some(byte) = target.get_mut(literals) {
                    *byte = literal(entry);
                }
                (bits, count) = used(bits, count, entry);
                at = at.wrapping_add(1);
                entry = tables.literals.first(bits);
                continue;
            }
            if entry & EXCEPTION != 0 {
                (bits, count) = used(bits, count, entry);
                break if entry & END != 0 { Stop::EndOfBlock } else { Stop::Malformed };
            }
        }
        let length = index(value(entry, bits));
        (bits, count) = used(bits, count, entry);

        // Of the 56 bits 14 are left at least, which find an entry of the first table. All of a distance has up to 28,
        // and behind it the next entry is looked up.
        entry = tables.distances.first(bits);
        if count & 63 < 28 + LITERAL_BITS {
            let Some(word) = rest.first_chunk() else { break Stop::Short };
            let taken;
            (bits, count, taken) = refill(bits, count, word);
            rest = rest.get(taken..).unwrap_or_default();
        }
        if entry & EXCEPTION != 0 {
            if entry & SUBTABLE != 0 {
                (bits, count) = used(bits, count, entry);
                entry = tables.distances.second(entry, bits);
            }
            if entry & EXCEPTION != 0 {
                (bits, count) = used(bits, count, entry);
                break Stop::Malformed;
            }
        }
        let distance = index(value(entry, bits));
        (bits, count) = used(bits, count, entry);
        entry = tables.literals.first(bits);

        // Mostly a match is short, and what it repeats lies before the literals of this round.
        let source = before.get(at.wrapping_sub(distance)..).and_then(<[u8]>::first_chunk::<16>);
        let target = target.get_mut(literals..).and_then(<[u8]>::first_chunk_mut);
        if let (Some(source), Some(target), 0..=16) = (source, target, length) {
            *target = *source;
        } else if repeat(out, at, distance, length).is_none() {
            break Stop::Malformed;
        }
        at = at.wrapping_add(length);
    };
    let at_input = input.len().wrapping_sub(rest.len());
    *source = Bits { at: at_input, bits, count: count & 63, ..*source };
    *position = at;
    stop
}

/// Repeats `length` bytes from `distance` back, of which 1 is the least. `None` when that is before the start.
/// [`COPY`] bytes must be ready; what is written too much is overwritten later, or lies in the slack.
#[inline(always)]
fn repeat(out: &mut [u8], at: usize, distance: usize, length: usize) -> Option<()> {
    let (before, after) = out.split_at_mut_checked(at)?;
    let source = before.get(at.wrapping_sub(distance)..)?;
    let target: &mut [u8; COPY] = after.first_chunk_mut()?;
    if let Some(piece) = source.first_chunk::<16>() {
        let (first, _) = target.split_first_chunk_mut::<16>()?;
        *first = *piece;
        if length > 16 {
            repeat_long(out, at, distance, length);
        }
        return Some(());
    }
    repeat_near(out, at, distance, length);
    Some(())
}

/// The match behind its first 16 bytes, from at least 16 back.
fn repeat_long(out: &mut [u8], at: usize, distance: usize, length: usize) {
    let end = at.wrapping_add(length);
    let mut to = at.wrapping_add(16);
    while to < end {
        let from = to.wrapping_sub(distance);
        let Some(piece) = out.get(from..).and_then(<[u8]>::first_chunk::<16>).copied() else { return };
        let Some(target) = out.get_mut(to..).and_then(<[u8]>::first_chunk_mut::<16>) else { return };
        *target = piece;
        to = to.wrapping_add(16);
    }
}

/// A match from less than 16 back, in pieces of 8 bytes.
fn repeat_near(out: &mut [u8], at: usize, distance: usize, length: usize) {
    let end = at.wrapping_add(length);
    let mut to = at;
    let from = at.wrapping_sub(distance);
    let Some(piece) = out.get(from..).and_then(<[u8]>::first_chunk::<8>).copied() else { return };
    if let Some((period, stride)) = PERIODS.get(distance) {
        // The word holds the bytes that repeat, over and over; a stride is a multiple of their number.
        let bits = u32::try_from(distance & 7).unwrap_or(0) << 3;
        let once = u64::from_le_bytes(piece) & 1u64.wrapping_shl(bits).wrapping_sub(1);
        let word = once.wrapping_mul(*period).to_le_bytes();
        while to < end {
            let Some(target) = out.get_mut(to..).and_then(<[u8]>::first_chunk_mut) else { return };
            *target = word;
            to = to.wrapping_add(*stride);
        }
        return;
    }
    while to < end {
        let from = to.wrapping_sub(distance);
        let Some(piece) = out.get(from..).and_then(<[u8]>::first_chunk::<8>).copied() else { return };
        let Some(target) = out.get_mut(to..).and_then(<[u8]>::first_chunk_mut) else { return };
        *target = piece;
        to = to.wrapping_add(8);
    }
}

/// By distance: what puts so many bytes into all of a word, and the largest multiple of it in 8.
const PERIODS: [(u64, usize); 8] = [
    (0, 8),
    (0x0101_0101_0101_0101, 8),
    (0x0001_0001_0001_0001, 8),
    (0x0001_0000_0100_0001, 6),
    (0x0000_0001_0000_0001, 8),
    (0x0000_0100_0000_0001, 5),
    (0x0001_0000_0000_0001, 6),
    (0x0100_0000_0000_0001, 7),
];

/// A code, as entries by the bits that come next: by the first few of them, and for codes that are longer by those
/// that follow, in tables behind the first.
///
/// ```text
/// bit 31 a literal                        bits 16..31 the value: a byte, or a length or distance without its
/// bit 15 an exception: neither literal,                extra bits, or where the further table begins
///        length nor distance              bits 8..12  length of the code, or index bits of the further table
/// bit 14 that is the end of the block     bits 0..8   length of the code and its extra bits
/// bit 13 that is a further table
/// ```
struct Table<const N: usize, const BITS: u32> {
    entries: [u32; N],
}

impl<const N: usize, const BITS: u32> Table<N, BITS> {
    #[inline(always)]
    fn first(&self, bits: u64) -> u32 {
        *slot(&self.entries, low(bits) & 1u32.wrapping_shl(BITS).wrapping_sub(1))
    }

    /// The entry of the further table that `entry` leads to; `bits` are those behind the first table's.
    #[inline(always)]
    fn second(&self, entry: u32, bits: u64) -> u32 {
        let mask = 1u32.wrapping_shl(entry >> 8).wrapping_sub(1);
        *slot(&self.entries, (entry >> 16).wrapping_add(low(bits) & mask))
    }

    /// Fills the table for codes of these lengths, with what each stands for in `results`. `None` for a set of
    /// lengths that is no code.
    fn build(&mut self, lengths: &[u8], results: &[u32]) -> Option<()> {
        build(&mut self.entries, BITS, lengths, results)
    }

    /// Fills the first table with copies of its beginning.
    fn copy(&mut self, beginning: &[u32]) {
        let (first, _) = self.entries.split_at_mut(1usize.wrapping_shl(BITS));
        for target in first.chunks_exact_mut(beginning.len()) {
            target.copy_from_slice(beginning);
        }
    }
}

const LITERAL: u32 = 1 << 31;
const EXCEPTION: u32 = 1 << 15;
const END: u32 = 1 << 14;
const SUBTABLE: u32 = 1 << 13;

/// What the bits that `entry` was found by, extra bits included, add up to.
#[inline(always)]
fn value(entry: u32, bits: u64) -> u32 {
    let extra = low(bits) & 1u32.wrapping_shl(entry).wrapping_sub(1);
    (entry >> 16).wrapping_add(extra.wrapping_shr(entry >> 8))
}

#[inline(always)]
fn literal(entry: u32) -> u8 {
    let [_, _, byte, _] = entry.to_le_bytes();
    byte
}

/// The three codes of a block. A masked index needs no check, so their sizes are powers of two, above the most
/// entries that a code of 288 or 32 symbols can have: 2342 and 402.
struct Tables {
    literals: Table<4096, LITERAL_BITS>,
    distances: Table<512, DISTANCE_BITS>,
    lengths: Table<128, LENGTH_BITS>,
}

/// Index bits of the first tables: more make larger tables, fewer make more codes that need a second look.
const LITERAL_BITS: u32 = 11;
const DISTANCE_BITS: u32 = 8;
/// No code of code lengths is longer.
const LENGTH_BITS: u32 = 7;

impl Tables {
    fn new() -> Self {
        Self {
            literals: Table { entries: [0; 4096] },
            distances: Table { entries: [0; 512] },
            lengths: Table { entries: [0; 128] },
        }
    }

    /// The codes of section 3.2.6.
    fn fixed(&mut self) {
        self.literals.copy(&FIXED_LITERALS);
        self.distances.copy(&FIXED_DISTANCES);
    }

    /// The codes that a dynamic block begins with.
    fn read(&mut self, source: &mut Bits<'_>) -> Result<(), DecodeError> {
        let counts = source.take(14)?;
        let (hlit, hdist) = (index(counts & 31).wrapping_add(257), index((counts >> 5) & 31).wrapping_add(1));
        if hlit > 286 || hdist > 30 {
            return Err(source.malformed());
        }
        let mut lengths = [0; 19];
        for &symbol in ORDER.iter().take(index(counts >> 10).wrapping_add(4)) {
            let length = source.take(3)?;
            if let Some(entry) = lengths.get_mut(symbol) {
                *entry = low_byte(length);
            }
        }
        let complete = self.lengths.build(&lengths, &LENGTHS).is_some();
        // Unlike the others, this code may not be a single symbol.
        if !complete || lengths.iter().filter(|length| **length > 0).count() < 2 {
            return Err(source.malformed());
        }
        let lengths = self.code_lengths(source, hlit.wrapping_add(hdist))?;
        let (literals, distances) = lengths.split_at(hlit);
        let distances = distances.get(..hdist).unwrap_or_default();
        let ends = literals.get(256).is_some_and(|length| *length > 0);
        let built = ends
            && self.literals.build(literals, &LITERAL_RESULTS).is_some()
            && self.distances.build(distances, &DISTANCE_RESULTS).is_some();
        if built { Ok(()) } else { Err(source.malformed()) }
    }

    /// The lengths of `count` codes, packed in a code themselves.
    fn code_lengths(&self, source: &mut Bits<'_>, count: usize) -> Result<[u8; 512], DecodeError> {
        let mut lengths = [0u8; 512];
        let mut at = 0usize;
        let mut before = None;
        while at < count {
            if source.count < 14 {
                source.fill();
            }
            let entry = self.lengths.first(source.bits);
            source.skip(entry & 0xff)?;
            let symbol = entry >> 16;
            if symbol < 16 {
                let length = low_byte(symbol);
                *slot_mut(&mut lengths, at) = length;
                before = Some(length);
                at = at.wrapping_add(1);
                continue;
            }
            let (bits, least) = match symbol {
                16 => (2, 3),
                17 => (3, 3),
                _ => (7, 11),
            };
            let length = if symbol == 16 { before.ok_or(source.malformed())? } else { 0 };
            let times = index(source.take(bits)?.wrapping_add(least));
            let end = at.wrapping_add(times);
            if end > count {
                return Err(source.malformed());
            }
            if let Some(run) = lengths.get_mut(at..end) {
                run.fill(length);
            }
            before = Some(length);
            at = end;
        }
        Ok(lengths)
    }
}

/// The order in which the lengths of the code of code lengths come.
const ORDER: [usize; 19] = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

/// See [`Table::build`]; `bits` index the first table.
///
/// Codes are counted up bit-reversed, as the input has them, through the lengths from short to long. When a length
/// is done, what the table has so far is doubled: for a code of n bits all entries that end in it are the same.
fn build(table: &mut [u32], bits: u32, lengths: &[u8], results: &[u32]) -> Option<()> {
    let mut counts = [0u32; 16];
    for &length in lengths {
        let count = slot_mut(&mut counts, length.into());
        *count = count.wrapping_add(1);
    }
    let [unused, used @ ..] = &mut counts;
    *unused = 0;
    // How much of all codes of a length is left, and where in the order of codes those of a length begin.
    let mut left = 1u32;
    let mut starts = [0u32; 16];
    let mut total = 0u32;
    let mut longest = 0u32;
    for (length, (count, start)) in (1u32..).zip(used.iter().zip(starts.iter_mut().skip(1))) {
        left = (left << 1).checked_sub(*count)?;
        *start = total;
        total = total.wrapping_add(*count);
        if *count > 0 {
            longest = length;
        }
    }
    if left > 0 {
        if longest > 1 {
            return None;
        }
        table.fill(EXCEPTION | 0x101);
        if let Some(symbol) = lengths.iter().position(|length| *length > 0) {
            let entry = results.get(symbol)?.wrapping_add(0x101);
            table.iter_mut().step_by(2).for_each(|target| *target = entry);
        }
        return Some(());
    }

    let mut order = [0u16; 512];
    // Without a branch, as it could not be guessed: those without a code come behind all that have one.
    let [unused, ..] = &mut starts;
    *unused = total;
    for (symbol, &length) in (0u16..).zip(lengths) {
        let start = slot_mut(&mut starts, length.into());
        *slot_mut(&mut order, index(*start)) = symbol;
        *start = start.wrapping_add(1);
    }
    let mut order = order.iter();
    let mut code = 0u32;
    let mut filled = 1usize;
    for length in 1..=bits {
        // Nothing is there below the shortest.
        if code > 0 {
            table.copy_within(..filled, filled);
        }
        filled <<= 1;
        for symbol in order.by_ref().take(index(*slot(&counts, length))) {
            let result = results.get(usize::from(*symbol))?;
            *table.get_mut(index(code))? = result.wrapping_add(length.wrapping_mul(0x101));
            code = next_code(code, length);
        }
    }
    let mask = 1u32.wrapping_shl(bits).wrapping_sub(1);
    let (mut start, mut end) = (0usize, filled);
    let mut prefix = u32::MAX;
    for length in bits.wrapping_add(1)..=longest {
        let further = length.wrapping_sub(bits);
        let mut count = *slot(&counts, length);
        while count > 0 {
            if code & mask != prefix {
                prefix = code & mask;
                start = end;
                let index_bits = further_bits(&counts, length, count, bits);
                end = start.wrapping_add(1usize.wrapping_shl(index_bits));
                let pointer = (u32::try_from(start).ok()? << 16) | (index_bits << 8) | bits;
                *table.get_mut(index(prefix))? = EXCEPTION | SUBTABLE | pointer;
            }
            let result = results.get(usize::from(*order.next()?))?;
            let entry = result.wrapping_add(further.wrapping_mul(0x101));
            let entries = table.get_mut(start.wrapping_add(index(code >> bits))..end)?;
            for target in entries.iter_mut().step_by(1usize.wrapping_shl(further)) {
                *target = entry;
            }
            code = next_code(code, length);
            count = count.wrapping_sub(1);
        }
    }
    Some(())
}

/// The code behind this one of the same length, both bit-reversed: the highest bit that is zero becomes one, and
/// those above it zero.
#[inline(always)]
fn next_code(code: u32, length: u32) -> u32 {
    let zeros = !code & 1u32.wrapping_shl(length).wrapping_sub(1);
    let Some(highest) = zeros.checked_ilog2() else { return code };
    let bit = 1u32.wrapping_shl(highest);
    (code & bit.wrapping_sub(1)) | bit
}

/// Index bits of the further table that begins with `count` codes of this length: as many as its longest code
/// has there. Its codes are the next in order until they fill it.
fn further_bits(counts: &[u32; 16], length: u32, count: u32, first_bits: u32) -> u32 {
    let mut length = length;
    let mut space = count;
    while length < 15 && space < 1u32.wrapping_shl(length.wrapping_sub(first_bits)) {
        length = length.wrapping_add(1);
        space = (space << 1).wrapping_add(*slot(counts, length));
    }
    length.wrapping_sub(first_bits)
}

/// The entry of this number, which is below `N` by construction; the mask tells the compiler so.
#[inline(always)]
#[expect(clippy::indexing_slicing, reason = "masked by the array's own size, a power of two")]
fn slot<T, const N: usize>(table: &[T; N], number: u32) -> &T {
    const { assert!(N.is_power_of_two()) }
    &table[index(number) & N.wrapping_sub(1)]
}

/// The same, to be written.
#[inline(always)]
#[expect(clippy::indexing_slicing, reason = "masked by the array's own size, a power of two")]
fn slot_mut<T, const N: usize>(table: &mut [T; N], number: usize) -> &mut T {
    const { assert!(N.is_power_of_two()) }
    &mut table[number & N.wrapping_sub(1)]
}

/// Every `usize` of our hosts holds a `u32`.
#[inline(always)]
fn index(value: u32) -> usize {
    usize::try_from(value).unwrap_or(usize::MAX)
}

#[inline(always)]
fn low(bits: u64) -> u32 {
    u32::try_from(bits & 0xffff_ffff).unwrap_or(0)
}

#[inline(always)]
fn low_byte(value: u32) -> u8 {
    let [low, ..] = value.to_le_bytes();
    low
}

/// What each symbol stands for, in the form of an entry that lacks the length of its code.
static LITERAL_RESULTS: [u32; 288] = tables::literal_results();
static DISTANCE_RESULTS: [u32; 32] = tables::distance_results();
static LENGTHS: [u32; 19] = tables::length_results();
static FIXED_LITERALS: [u32; 512] = tables::fixed_literals();
static FIXED_DISTANCES: [u32; 32] = tables::fixed_distances();

/// Makes what does not change.
#[expect(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    reason = "runs at compile time only, where all are errors of the compiler"
)]
mod tables {
    use super::{END, EXCEPTION, LITERAL};

    /// Sections 3.2.5: length codes in groups of four of equal extra bits, from 257 on.
    pub(super) const fn literal_results() -> [u32; 288] {
        let mut results = [EXCEPTION; 288];
        let mut symbol = 0;
        while symbol < 256 {
            results[symbol] = LITERAL | (symbol as u32) << 16;
            symbol += 1;
        }
        results[256] = EXCEPTION | END;
        let mut length = 3;
        symbol = 257;
        while symbol < 285 {
            let extra = if symbol < 265 { 0 } else { (symbol as u32 - 261) / 4 };
            results[symbol] = (length << 16) | extra;
            length += 1 << extra;
            symbol += 1;
        }
        // The longest has a code of its own; 284 with all extra bits set is the same.
        results[285] = 258 << 16;
        results
    }

    pub(super) const fn distance_results() -> [u32; 32] {
        let mut results = [EXCEPTION; 32];
        let mut distance = 1;
        let mut symbol = 0;
        while symbol < 30 {
            let extra = if symbol < 4 { 0 } else { (symbol as u32 - 2) / 2 };
            results[symbol] = (distance << 16) | extra;
            distance += 1 << extra;
            symbol += 1;
        }
        results
    }

    pub(super) const fn length_results() -> [u32; 19] {
        let mut results = [0; 19];
        let mut symbol = 0;
        while symbol < 19 {
            results[symbol] = (symbol as u32) << 16;
            symbol += 1;
        }
        results
    }

    /// Section 3.2.6: 0 to 143 have 8 bits from 00110000 on, to 255 have 9 from 110010000 on, to 279 have 7 from
    /// 0000000 on, and the rest have 8 from 11000000 on.
    pub(super) const fn fixed_literals() -> [u32; 512] {
        let results = literal_results();
        let mut table = [0; 512];
        let mut symbol = 0;
        while symbol < 288 {
            let (code, length) = match symbol {
                0..144 => (0x30 + symbol, 8),
                144..256 => (0x190 + symbol - 144, 9),
                256..280 => (symbol - 256, 7),
                _ => (0xc0 + symbol - 280, 8),
            };
            let mut at = ((code as u32).reverse_bits() >> (32 - length)) as usize;
            while at < 512 {
                table[at] = results[symbol] + length * 0x101;
                at += 1 << length;
            }
            symbol += 1;
        }
        table
    }

    /// Section 3.2.6: all of 5 bits.
    pub(super) const fn fixed_distances() -> [u32; 32] {
        let results = distance_results();
        let mut table = [0; 32];
        let mut symbol = 0;
        while symbol < 32 {
            table[((symbol as u32).reverse_bits() >> 27) as usize] = results[symbol] + 5 * 0x101;
            symbol += 1;
        }
        table
    }
}

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects, clippy::as_conversions, reason = "tests")]
mod tests {
    use miniz_oxide::deflate::core::{
        CompressorOxide, TDEFLFlush, TDEFLStatus, compress, create_comp_flags_from_zip_params,
    };

    use super::*;
    use crate::others;
    use crate::testing::content;

    const ROOM: u64 = 1 << 22;

    fn bytes(stream: &[u8]) -> Result<Vec<u8>, DecodeError> {
        decode(stream, None, ROOM).map(|decoded| decoded.bytes)
    }

    fn malformed(stream: &[u8]) -> bool {
        matches!(decode(stream, None, ROOM), Err(DecodeError::Malformed { .. }))
    }

    /// Writes bits, lowest first.
    #[derive(Default)]
    struct Writer {
        bytes: Vec<u8>,
        used: usize,
    }

    impl Writer {
        fn bits(mut self, value: u32, count: usize) -> Self {
            for bit in 0..count {
                if self.used.is_multiple_of(8) {
                    self.bytes.push(0);
                }
                *self.bytes.last_mut().unwrap() |= (((value >> bit) & 1) as u8) << (self.used % 8);
                self.used += 1;
            }
            self
        }

        /// A code, whose bits come highest first.
        fn code(self, value: u32, count: usize) -> Self {
            self.bits(value.reverse_bits() >> (32 - count), count)
        }

        /// Symbol of the fixed code of literals and lengths.
        fn fixed(self, symbol: u32) -> Self {
            match symbol {
                0..144 => self.code(0x30 + symbol, 8),
                144..256 => self.code(0x190 + symbol - 144, 9),
                256..280 => self.code(symbol - 256, 7),
                _ => self.code(0xc0 + symbol - 280, 8),
            }
        }

        /// Head of a last, dynamic block with codes of these lengths, each length in 4 bits and without repeats.
        fn dynamic(self, literals: &[u8], distances: &[u8]) -> Self {
            let head = self.bits(0b101, 3).bits(literals.len() as u32 - 257, 5);
            let mut head = head.bits(distances.len() as u32 - 1, 5).bits(15, 4);
            for symbol in ORDER {
                head = head.bits(if symbol < 16 { 4 } else { 0 }, 3);
            }
            literals.iter().chain(distances).fold(head, |head, length| head.code((*length).into(), 4))
        }

        /// A symbol of the code with these lengths.
        fn symbol(self, lengths: &[u8], symbol: usize) -> Self {
            let mut code = 0u32;
            for length in 1..=lengths[symbol] {
                let all = |length: u8| (0..lengths.len()).filter(move |other| lengths[*other] == length);
                code = (code + all(length - 1).filter(|_| length > 1).count() as u32) << 1;
                if length == lengths[symbol] {
                    code += all(length).take_while(|other| *other < symbol).count() as u32;
                }
            }
            self.code(code, lengths[symbol].into())
        }
    }

    /// Lengths for `count` symbols, those given.
    fn lengths(count: usize, given: &[(usize, u8)]) -> Vec<u8> {
        let mut lengths = vec![0; count];
        for (symbol, length) in given {
            lengths[*symbol] = *length;
        }
        lengths
    }

    #[test]
    fn stored_blocks() {
        let empty: &[u8] = &[1, 0, 0, 0xff, 0xff];
        assert_eq!(bytes(empty), Ok(Vec::new()));
        let two = [&[0, 0, 0, 0xff, 0xff, 0xf9, 4, 0, 0xfb, 0xff][..], b"firm and more"].concat();
        let decoded = decode(&two, Some(4), 4).expect("sound");
        assert_eq!((decoded.bytes.as_slice(), decoded.consumed), (&b"firm"[..], 14));
        assert!(malformed(&[1, 4, 0, 0xfb, 0xfe, 0, 0, 0, 0]));
        assert_eq!(decode(&two[..13], None, 4), Err(DecodeError::Truncated));
        assert_eq!(decode(&two, None, 3), Err(DecodeError::Overflow));
        assert_eq!(decode(&two, Some(3), 9), Err(DecodeError::SizeMismatch));
        let long = [&[1, 0xff, 0xff, 0, 0][..], &[7; 65535]].concat();
        assert_eq!(bytes(&long), Ok(vec![7; 65535]));
    }

    #[test]
    fn bits_that_nobody_reads_are_noticed() {
        let slack = |stream: &[u8]| decode(stream, None, 99).expect("sound").slack;
        for (first, noticed) in [(1, false), (9, true), (0x81, true)] {
            assert_eq!(slack(&[first, 1, 0, 0xfe, 0xff, 7]), noticed, "before a stored block");
        }
        // The end of a block of fixed codes takes the ten low bits.
        for (last, noticed) in [(0, false), (4, true), (0x80, true)] {
            assert_eq!(slack(&[3, last]), noticed, "behind the last block");
        }
    }

    #[test]
    fn fixed_blocks() {
        let open = || Writer::default().bits(0b011, 3);
        let all = (0..256).fold(open(), Writer::fixed).fixed(256);
        assert_eq!(bytes(&all.bytes), Ok((0..=255).collect()));
        assert!(malformed(&open().fixed(286).bytes) && malformed(&open().fixed(287).bytes));
        // The longest match in both ways that there are: 285, and 284 with all its extra bits.
        let both = open().fixed(65).fixed(285).code(0, 5).fixed(284).bits(31, 5).code(0, 5).fixed(256);
        assert_eq!(bytes(&both.bytes), Ok(vec![65; 517]));
        for distance in [30, 31] {
            assert!(malformed(&open().fixed(65).fixed(257).code(distance, 5).fixed(256).bytes));
        }
        assert!(malformed(&open().fixed(65).fixed(257).code(1, 5).fixed(256).bytes), "before the start");
        assert!(malformed(&open().fixed(257).code(0, 5).fixed(256).bytes), "before the start");
        assert!(malformed(&[7, 0, 0, 0]), "block type 3");
    }

    #[test]
    fn matches_of_every_distance_and_length() {
        let lines: Vec<u8> = (0..600u32).map(|number| (number * 7 + number / 256) as u8).collect();
        for distance in 1..=600usize {
            for length in [3usize, 4, 7, 8, 9, 15, 16, 17, 31, 32, 33, 64, 130, 257, 258] {
                let mut stream = Writer::default().bits(0b011, 3);
                for line in &lines[..distance] {
                    stream = stream.fixed((*line).into());
                }
                let find = |results: &[u32], value: usize| {
                    let base = |entry: u32| (entry >> 16) as usize;
                    let symbol = (0..results.len()).rfind(|&symbol| {
                        results[symbol] & (EXCEPTION | LITERAL) == 0 && base(results[symbol]) <= value
                    });
                    let symbol = symbol.unwrap();
                    (symbol as u32, (value - base(results[symbol])) as u32, (results[symbol] & 0xff) as usize)
                };
                let (symbol, extra, count) = find(&LITERAL_RESULTS, length);
                stream = stream.fixed(symbol).bits(extra, count);
                let (symbol, extra, count) = find(&DISTANCE_RESULTS, distance);
                stream = stream.code(symbol, 5).bits(extra, count).fixed(256);
                let whole: Vec<u8> = (0..distance + length).map(|at| lines[at % distance]).collect();
                // With bytes behind it the stream is decoded in rounds, without them by single steps.
                let decoded = decode(&stream.bytes, Some(whole.len() as u64), ROOM).expect("sound");
                assert!(decoded.bytes == whole, "{distance} {length}");
                let consumed = stream.bytes.len() as u64;
                stream.bytes.extend([0; 64]);
                let decoded = decode(&stream.bytes, Some(whole.len() as u64), ROOM).expect("sound");
                assert!(decoded.bytes == whole && decoded.consumed == consumed, "{distance} {length}");
            }
        }
    }

    #[test]
    fn codes_that_are_no_codes() {
        let ends = lengths(257, &[(65, 2), (66, 2), (256, 1)]);
        let sound = Writer::default().dynamic(&ends, &[0]).symbol(&ends, 66).symbol(&ends, 256);
        assert_eq!(bytes(&sound.bytes), Ok(b"B".to_vec()));
        for (what, literals, distances) in [
            ("over-subscribed", lengths(257, &[(65, 1), (66, 2), (256, 1)]), vec![0]),
            ("incomplete", lengths(257, &[(65, 2), (66, 3), (256, 1)]), vec![0]),
            ("one symbol, of length 2", lengths(257, &[(256, 2)]), vec![0]),
            ("no end of block", lengths(257, &[(65, 1), (66, 1)]), vec![0]),
            ("no literals at all", lengths(257, &[]), vec![0]),
            ("distances over-subscribed", ends.clone(), vec![1, 1, 1]),
            ("distances incomplete", ends.clone(), vec![2, 1]),
            ("one distance, of length 2", ends.clone(), vec![0, 2]),
            ("too many distances", ends.clone(), vec![0; 31]),
            ("too many literals", [&ends[..], &[0; 30]].concat(), vec![0]),
        ] {
            let stream = Writer::default().dynamic(&literals, &distances).bits(0, 32).bits(0, 32);
            assert!(malformed(&stream.bytes), "{what}");
        }
    }

    #[test]
    fn codes_of_one_symbol_and_of_none() {
        // Only the end of the block.
        let end = lengths(257, &[(256, 1)]);
        assert_eq!(bytes(&Writer::default().dynamic(&end, &[0]).bits(0, 1).bytes), Ok(Vec::new()));
        assert!(malformed(&Writer::default().dynamic(&end, &[0]).bits(1, 1).bytes));
        let literals = lengths(258, &[(65, 2), (256, 2), (257, 1)]);
        let open = |distances| {
            Writer::default().dynamic(&literals, distances).symbol(&literals, 65).symbol(&literals, 257)
        };
        assert_eq!(bytes(&open(&[1]).bits(0, 1).symbol(&literals, 256).bytes), Ok(b"AAAA".to_vec()));
        assert!(malformed(&open(&[1]).bits(1, 1).symbol(&literals, 256).bytes));
        assert!(malformed(&open(&[0]).bits(0, 1).symbol(&literals, 256).bytes));
    }

    #[test]
    fn codes_of_all_lengths() {
        // One code of each length up to 14, two of 15, in an order that mixes them.
        let chain: Vec<(usize, u8)> = (0..16).map(|n| (n * 7 % 16 * 16, (n as u8 + 1).min(15))).collect();
        let mut literals = lengths(273, &chain);
        literals.swap(256, chain[15].0);
        literals.swap(272, chain[14].0);
        literals[256] = 15;
        literals[chain[15].0] = 0;
        let mut distances = lengths(30, &[]);
        for n in 0..16u8 {
            distances[usize::from(n)] = (16 - n).min(15);
        }
        let mut stream = Writer::default().dynamic(&literals, &distances);
        let mut whole = Vec::new();
        for round in 0..200 {
            for symbol in (0..256).filter(|symbol| literals[*symbol] > 0) {
                stream = stream.symbol(&literals, symbol);
                whole.push(symbol as u8);
            }
            // 272 is 31 to 34; distance 15 is 193 to 256, and so on down.
            let symbol = if round < 20 { 2 } else { round % 16 };
            let (base, extra) = (DISTANCE_RESULTS[symbol] >> 16, (DISTANCE_RESULTS[symbol] & 0xff) as usize);
            stream = stream.symbol(&literals, 272).bits(2, 2).symbol(&distances, symbol).bits(0, extra);
            (0..33).for_each(|_| whole.push(whole[whole.len() - base as usize]));
        }
        let stream = stream.symbol(&literals, 256);
        let decoded = decode(&stream.bytes, None, ROOM).expect("sound");
        assert!(decoded.bytes == whole && decoded.consumed == stream.bytes.len() as u64);
        assert_eq!(miniz(&stream.bytes, None, ROOM), Ok(decoded));
    }

    #[test]
    fn repeats_of_code_lengths() {
        // A code of three: 0 has length 1, 16 and 18 have length 2.
        let open = |first: u32| {
            let head = Writer::default().bits(0b101, 3).bits(0, 5).bits(0, 5).bits(15, 4);
            let head = ORDER.iter().fold(head, |head, symbol| {
                head.bits(
                    match symbol {
                        0 => 1,
                        16 | 18 => 2,
                        _ => 0,
                    },
                    3,
                )
            });
            head.code(first, if first == 0 { 1 } else { 2 })
        };
        assert!(malformed(&open(0b10).bits(0, 32).bytes), "a repeat at the start");
        let most = || open(0b11).bits(127, 7).code(0b11, 2);
        assert!(malformed(&most().bits(109, 7).bytes), "138 and 120 are all, and none ends the block");
        assert!(malformed(&most().bits(110, 7).bytes), "one too many");
        assert_eq!(bytes(&most().bytes), Err(DecodeError::Truncated));
    }

    /// What another decoder makes of the same stream.
    fn miniz(input: &[u8], expected: Option<u64>, room: u64) -> Result<Decoded, DecodeError> {
        others::inflate(input, expected, room, 0)
    }

    /// Both must say the same. Only a block that cannot end is an error at its head here, and later there.
    fn agree(stream: &[u8], expected: Option<u64>, room: u64) {
        // What nobody reads the other does not tell.
        let ours = decode(stream, expected, room).map(|decoded| Decoded { slack: false, ..decoded });
        let theirs = miniz(stream, expected, room);
        if ours != theirs {
            let early = matches!(ours, Err(DecodeError::Malformed { .. })) && theirs.is_err();
            let len = |result: &Result<Decoded, _>| result.as_ref().map(|decoded| decoded.bytes.len()).ok();
            assert!(early, "{ours:?} {theirs:?} {:?} {:?}\n{stream:?}", len(&ours), len(&theirs));
        }
    }

    fn encode(bytes: &[u8], level: i32, strategy: i32) -> Vec<u8> {
        let mut compressor = CompressorOxide::new(create_comp_flags_from_zip_params(level, -15, strategy));
        let mut stream = vec![0; bytes.len() * 2 + 1000];
        let (status, _, length) = compress(&mut compressor, bytes, &mut stream, TDEFLFlush::Finish);
        assert_eq!(status, TDEFLStatus::Done);
        stream.truncate(length);
        stream
    }

    /// Levels 0 to 10, then all strategies: filtered, Huffman only, runs, fixed.
    const ENCODINGS: [(i32, i32); 15] = [
        (0, 0),
        (1, 0),
        (2, 0),
        (3, 0),
        (4, 0),
        (5, 0),
        (6, 0),
        (7, 0),
        (8, 0),
        (9, 0),
        (10, 0),
        (6, 1),
        (6, 2),
        (6, 3),
        (6, 4),
    ];

    #[test]
    fn what_an_encoder_wrote_is_read_back_to_the_byte() {
        let mut cases = 0;
        for (seed, (level, strategy)) in ENCODINGS.into_iter().enumerate() {
            for length in [0, 1, 2, 17, 300, 5_000, 70_000, 700_000] {
                let bytes = content(seed as u64 * 100 + length as u64, length);
                let mut stream = encode(&bytes, level, strategy);
                let consumed = stream.len() as u64;
                assert_eq!(decode(&stream, None, ROOM).expect("sound").consumed, consumed);
                stream.extend(b"\0\0behind and more than a round looks ahead");
                let decoded = decode(&stream, Some(length as u64), ROOM).expect("sound");
                assert!(
                    decoded.bytes == bytes && decoded.consumed == consumed,
                    "{level} {strategy} {length}"
                );
                let decoded = decode(&stream, None, length as u64).expect("sound");
                assert!(
                    decoded.bytes == bytes && decoded.consumed == consumed,
                    "{level} {strategy} {length}"
                );
                if length > 0 {
                    let less = length as u64 - 1;
                    assert_eq!(decode(&stream, None, less), Err(DecodeError::Overflow));
                    assert_eq!(decode(&stream, Some(less), ROOM), Err(DecodeError::SizeMismatch));
                }
                cases += 1;
            }
        }
        assert_eq!(cases, 120);
    }

    #[test]
    fn an_allocation_is_as_large_as_the_content() {
        let stream = encode(&vec![0; 3_000_000], 9, 0);
        for likely in [1, len64(&stream), 1 << 20, u64::MAX] {
            let decoded = decode_likely(&stream, None, likely, 1 << 24).expect("sound");
            assert_eq!(Ok(decoded), decode(&stream, None, ROOM), "{likely}");
        }
        let decoded = decode(&stream, None, u64::MAX).expect("sound");
        assert_eq!(decoded.bytes.len(), 3_000_000);
        assert!(decoded.bytes.capacity() < 3_100_000);
    }

    #[test]
    fn another_decoder_agrees_on_every_cut_and_flip_and_room() {
        for (seed, (level, strategy)) in ENCODINGS.into_iter().enumerate() {
            for length in [40, 500, 1500] {
                let bytes = content(seed as u64 * 7 + length as u64, length);
                let stream = encode(&bytes, level, strategy);
                for cut in 0..=stream.len() {
                    agree(&stream[..cut], None, 1 << 12);
                    agree(&stream[..cut], Some(length as u64), 1 << 12);
                }
                for room in 0..length as u64 + 1 {
                    agree(&stream, None, room);
                }
                let mut long = [&stream[..], b"behind and more than a round looks ahead"].concat();
                for bit in 0..stream.len().min(400) * 8 {
                    long[bit / 8] ^= 1 << (bit % 8);
                    agree(&long, None, 1 << 12);
                    agree(&long[..stream.len()], Some(length as u64), 1 << 12);
                    long[bit / 8] ^= 1 << (bit % 8);
                }
            }
        }
    }

    #[test]
    fn another_decoder_agrees_on_what_is_no_stream() {
        for seed in 0..30_000u64 {
            let mut bytes: Vec<u8> = (0..20)
                .flat_map(|n| (seed * 20 + n + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes())
                .collect();
            // Mostly dynamic blocks, with few enough codes to be sound now and then.
            bytes[0] = bytes[0] & 0xf8 | if seed % 4 == 0 { 3 } else { 5 };
            agree(&bytes, None, 1 << 12);
        }
    }
}
