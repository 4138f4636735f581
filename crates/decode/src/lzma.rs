//! LZMA in its own container, the `.lzma` file: what EDK II's `LzmaCompress` writes.
//!
//! LZMA SDK, `lzma-specification.txt`. Decodes straight into one allocation, which serves as the dictionary too.
//!
//! ```text
//! 0x00 properties (pb * 5 + lp) * 9 + lc   1     0x05 uncompressed size, or all ones   8
//! 0x01 dictionary size                     4     0x0d range coder, first byte 0        …
//! ```
//!
//! A stream ends when its declared size is reached, with or without an end marker behind that, or at the end
//! marker. Either way the range coder must be at rest: its code is zero after the last byte. A distance beyond
//! the dictionary is malformed, as in the SDK.

use core::hint::select_unpredictable;

use kiwame_image::{Normal, len64, to_usize};

use super::{DecodeError, Decoded};

/// The size that the header declares; `None` when it leaves it open, or is cut off.
pub fn declared(input: &[u8]) -> Option<u64> {
    let size = input.get(5..)?.first_chunk().map(|raw| u64::from_le_bytes(*raw))?;
    (size != u64::MAX).then_some(size)
}

/// The header, and whether the end marker is there: what the normal form `lzma/1` says beside the content. What memory
/// the stream asks for is no encoder's free choice, and loaders differ in which sizes and markers they take.
pub fn form(input: &[u8], decoded: &Decoded) -> Option<Normal> {
    let header: &[u8; HEADER] = input.first_chunk()?;
    let mut form = Normal::new("lzma/1");
    form.record("stream");
    form.field("header", header);
    form.number("marker", decoded.marker);
    Some(form)
}

/// How many probabilities the decoder of the LZMA SDK needs for the properties in the header.
pub fn probabilities(input: &[u8]) -> Option<u64> {
    let properties = Properties::read(input.first_chunk()?).ok()?;
    let contexts = 0x300u64.checked_shl(properties.lc.wrapping_add(properties.lp))?;
    contexts.checked_add(FIXED_PROBABILITIES)
}

/// Decodes one stream from the start of `input`. A size in the header binds; `expected`, when the structure
/// around the stream states a size too, must agree with it.
pub fn decode(input: &[u8], expected: Option<u64>, room: u64) -> Result<Decoded, DecodeError> {
    let header: &[u8; HEADER] = input.first_chunk().ok_or(DecodeError::Truncated)?;
    let properties = Properties::read(header)?;
    let size = match (declared(header), expected) {
        (Some(one), Some(other)) if one != other => return Err(DecodeError::SizeMismatch),
        (one, other) => one.or(other),
    };
    if size.is_some_and(|size| size > room) {
        return Err(DecodeError::Overflow);
    }
    let mut coder = RangeCoder::new(input, HEADER)?;
    let mut model = Model::new(&properties);
    let (bytes, marker) = content(&mut coder, &mut model, properties.dictionary, size, room)?;
    Ok(Decoded { marker, ..Decoded::new(bytes, coder.consumed()?) })
}

/// True when a decoder gets through the first KiB of content, or through all of it where that is less. Other
/// bytes hardly ever get there: their first match leads before the content. Zeros do, which are any number of zeros, and
/// tables of small numbers may, so a stream that begins with zeros for the most part is none. More contexts than liblzma takes are not tried, since setting them up
/// costs more than there is to gain.
pub fn begins(input: &[u8]) -> bool {
    let Some(Ok(properties)) = input.first_chunk().map(Properties::read) else { return false };
    let packed = input.get(HEADER..).unwrap_or_default();
    let first = packed.get(..DENSE).unwrap_or(packed);
    let zeros = first.iter().filter(|&&byte| byte == 0).count();
    if zeros.saturating_mul(2) > first.len()
        || properties.lc.saturating_add(properties.lp) > MOST_CONTEXT_BITS
    {
        return false;
    }
    if declared(input).is_some_and(|size| size <= BEGINNING) {
        return decode(input, None, BEGINNING).is_ok();
    }
    let Ok(mut coder) = RangeCoder::new(input, HEADER) else { return false };
    let limit = to_usize(BEGINNING);
    let mut out = vec![0; limit.saturating_add(SLACK)];
    let mut at = Position { at: 0, pending: 0 };
    let run = Model::new(&properties).run(&mut coder, &mut out, &mut at, limit, properties.dictionary);
    match run {
        Ok(true) => declared(input).is_none() && coder.at_rest() == Ok(true),
        Ok(false) => coder.consumed().is_ok(),
        Err(_) => false,
    }
}

/// Runs the decoder step by step, so that of a large allocation only what is used is ever touched. Says also whether
/// the end marker was there.
fn content(
    coder: &mut RangeCoder<'_>,
    model: &mut Model,
    dictionary: u32,
    size: Option<u64>,
    room: u64,
) -> Result<(Vec<u8>, bool), DecodeError> {
    let limit = to_usize(size.unwrap_or(room));
    let mut out = Vec::with_capacity(limit.saturating_add(SLACK));
    let mut at = Position { at: 0, pending: 0 };
    let marker = loop {
        let step = limit.min(at.at.saturating_add(STEP));
        out.resize(step.saturating_add(SLACK), 0);
        let ended = model.run(coder, &mut out, &mut at, step, dictionary)?;
        let known = size.is_some();
        if ended {
            if known && at.at != limit {
                return Err(DecodeError::SizeMismatch);
            }
            break true;
        }
        if at.at < limit {
            continue;
        }
        if at.pending > 0 {
            return Err(if known { DecodeError::SizeMismatch } else { DecodeError::Overflow });
        }
        if known && coder.at_rest()? {
            break false;
        }
        match model.end_marker(coder, at.at) {
            Ok(()) => break true,
            Err(_) if !known => return Err(DecodeError::Overflow),
            Err(error) => return Err(error),
        }
    };
    out.truncate(at.at);
    if size.is_none() {
        out.shrink_to_fit();
    }
    Ok((out, marker))
}

/// Length of the header.
const HEADER: usize = 13;
/// Bytes of content that tell whether there is any.
const BEGINNING: u64 = 1 << 10;
/// Bytes of a stream that are looked at for zeros.
const DENSE: usize = 24;
/// lc and lp together: `LZMA_LCLP_MAX` of liblzma.
const MOST_CONTEXT_BITS: u32 = 4;
/// Those that no property changes (`NUM_BASE_PROBS` of `LzmaDec.c`, LZMA SDK 18.05).
const FIXED_PROBABILITIES: u64 = 1984;
/// Output is made ready in pieces of this size: large enough to be rare, small enough for the second-level cache.
const STEP: usize = 256 << 10;
/// Copies run in whole pieces of 16 bytes, so up to 15 bytes behind the last may be written.
pub(super) const SLACK: usize = 16;

pub(super) struct Properties {
    pub(super) lc: u32,
    pub(super) lp: u32,
    pb: u32,
    dictionary: u32,
}

impl Properties {
    fn read(header: &[u8; HEADER]) -> Result<Self, DecodeError> {
        let [byte, a, b, c, d, ..] = *header;
        let dictionary = u32::from_le_bytes([a, b, c, d]).max(1 << 12);
        Self::of(byte, dictionary).ok_or(DecodeError::Malformed { offset: 0 })
    }

    /// The first byte of a header: `None` for one that is none.
    pub(super) fn of(byte: u8, dictionary: u32) -> Option<Self> {
        let byte = u32::from(byte);
        (byte < 9 * 5 * 5).then_some(Self { lc: byte % 9, lp: byte / 9 % 5, pb: byte / 45, dictionary })
    }
}

/// How far the output is, and how much of a match did not fit into the step.
pub(super) struct Position {
    pub(super) at: usize,
    pub(super) pending: usize,
}

/// Below this the range is widened by one byte of input.
const NARROW: u32 = 1 << 24;

/// The range decoder: `code` within `range`, refilled byte by byte.
#[derive(Clone, Copy)]
pub(super) struct RangeCoder<'i> {
    input: &'i [u8],
    at: usize,
    range: u32,
    code: u32,
}

impl<'i> RangeCoder<'i> {
    pub(super) fn new(input: &'i [u8], at: usize) -> Result<Self, DecodeError> {
        let [first, code @ ..]: [u8; 5] =
            *input.get(at..).and_then(<[u8]>::first_chunk).ok_or(DecodeError::Truncated)?;
        if first != 0 {
            return Err(DecodeError::Malformed { offset: u64::try_from(at).unwrap_or(0) });
        }
        Ok(Self { input, at: at.wrapping_add(5), range: u32::MAX, code: u32::from_be_bytes(code) })
    }

    /// Reads a byte when the range has become narrow. Behind the end it reads zeros, and [`Self::check`] tells.
    #[inline(always)]
    fn normalize(&mut self) {
        if self.range < NARROW {
            let byte = self.input.get(self.at).copied().unwrap_or(0);
            self.at = self.at.wrapping_add(1);
            self.range <<= 8;
            self.code = (self.code << 8) | u32::from(byte);
        }
    }

    /// A bit that decides what comes next: it can be guessed, so it branches.
    #[inline(always)]
    fn bit(&mut self, probability: &mut u16) -> bool {
        self.normalize();
        let p = *probability;
        let bound = (self.range >> 11).wrapping_mul(u32::from(p));
        let one = self.code >= bound;
        if one {
            self.range = self.range.wrapping_sub(bound);
            self.code = self.code.wrapping_sub(bound);
            *probability = p.wrapping_sub(p >> 5);
        } else {
            self.range = bound;
            *probability = p.wrapping_add(2048u16.wrapping_sub(p) >> 5);
        }
        one
    }

    /// One step down a tree of bits: `symbol` becomes twice itself plus the bit. Such a bit is as good as random,
    /// and so is whether a byte must be read: without a branch neither is guessed wrong half the time. This alone
    /// takes a quarter off the whole.
    #[inline(always)]
    fn step(&mut self, probability: &mut u16, symbol: u32) -> u32 {
        let byte = self.input.get(self.at).copied().unwrap_or(0);
        let narrow = self.range < NARROW;
        self.at = self.at.wrapping_add(usize::from(narrow));
        let range = select_unpredictable(narrow, self.range << 8, self.range);
        let code = select_unpredictable(narrow, (self.code << 8) | u32::from(byte), self.code);

        let p = *probability;
        let bound = (range >> 11).wrapping_mul(u32::from(p));
        let zero = code < bound;
        self.range = select_unpredictable(zero, bound, range.wrapping_sub(bound));
        self.code = select_unpredictable(zero, code, code.wrapping_sub(bound));
        // A zero moves it a 32nd of the way to 2048, a one a 32nd of the way to 0; 31 makes both round as the
        // specification has it.
        let goal = select_unpredictable(zero, 2048u16, 31);
        *probability = p.wrapping_add((goal.wrapping_sub(p).cast_signed() >> 5).cast_unsigned());
        (symbol << 1) | u32::from(!zero)
    }

    /// Bits of equal probability.
    #[inline(always)]
    fn direct(&mut self, count: u32) -> u32 {
        let mut value = 0u32;
        for _ in 0..count {
            self.normalize();
            self.range >>= 1;
            let rest = self.code.wrapping_sub(self.range);
            let below = 0u32.wrapping_sub(rest >> 31);
            self.code = rest.wrapping_add(self.range & below);
            value = (value << 1).wrapping_add(below.wrapping_add(1));
        }
        value
    }

    /// An error when bytes behind the end were used.
    #[inline(always)]
    fn check(&self) -> Result<(), DecodeError> {
        if self.at > self.input.len() { Err(DecodeError::Truncated) } else { Ok(()) }
    }

    /// True when the stream can end here.
    pub(super) fn at_rest(&mut self) -> Result<bool, DecodeError> {
        self.normalize();
        self.check()?;
        Ok(self.code == 0)
    }

    pub(super) fn consumed(&self) -> Result<u64, DecodeError> {
        self.check()?;
        Ok(len64(self.input.get(..self.at).unwrap_or_default()))
    }

    fn malformed(&self) -> DecodeError {
        DecodeError::Malformed { offset: len64(self.input.get(..self.at).unwrap_or_default()) }
    }
}

/// The state behind a literal, by the state before it.
const AFTER_LITERAL: [u32; 12] = [0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 4, 5];

/// The adaptive probabilities and what the decoder remembers of the last symbols.
pub(super) struct Model {
    literals: Vec<[u16; LITERALS]>,
    literal_position_mask: u32,
    literal_context_bits: u32,
    position_mask: u32,
    is_match: [u16; 256],
    is_rep: [u16; 16],
    is_rep0: [u16; 16],
    is_rep1: [u16; 16],
    is_rep2: [u16; 16],
    is_rep0_long: [u16; 256],
    slots: [[u16; 64]; 4],
    special: [u16; 128],
    align: [u16; 16],
    match_length: Lengths,
    rep_length: Lengths,
    state: u32,
    reps: [u32; 4],
}

/// 256 probabilities of a plain literal, then 512 of one behind a match, in a size that a mask can bound.
const LITERALS: usize = 1024;
/// Every probability begins at one half.
const HALF: u16 = 1024;

struct Lengths {
    choice: u16,
    choice2: u16,
    low: [u16; 128],
    mid: [u16; 128],
    high: [u16; 256],
}

impl Lengths {
    fn new() -> Self {
        Self { choice: HALF, choice2: HALF, low: [HALF; 128], mid: [HALF; 128], high: [HALF; 256] }
    }

    /// A match length, 2 to 273.
    #[inline(always)]
    fn decode(&mut self, coder: &mut RangeCoder<'_>, position: u32) -> u32 {
        let tree = position << 3;
        if !coder.bit(&mut self.choice) {
            return tree_bits::<128>(coder, &mut self.low, tree, 3).wrapping_add(2);
        }
        if !coder.bit(&mut self.choice2) {
            return tree_bits::<128>(coder, &mut self.mid, tree, 3).wrapping_add(10);
        }
        tree_bits::<256>(coder, &mut self.high, 0, 8).wrapping_add(18)
    }
}

#[inline(always)]
fn tree_bits<const N: usize>(coder: &mut RangeCoder<'_>, tree: &mut [u16; N], base: u32, bits: u32) -> u32 {
    let mut symbol = 1u32;
    for _ in 0..bits {
        symbol = coder.step(slot(tree, base.wrapping_add(symbol)), symbol);
    }
    symbol.wrapping_sub(1 << bits)
}

/// A tree whose bits come lowest first, as in distances.
#[inline(always)]
fn reverse_bits<const N: usize>(
    coder: &mut RangeCoder<'_>,
    tree: &mut [u16; N],
    base: u32,
    bits: u32,
) -> u32 {
    let mut symbol = 1u32;
    let mut value = 0u32;
    for bit in 0..bits {
        symbol = coder.step(slot(tree, base.wrapping_add(symbol)), symbol);
        value |= (symbol & 1) << bit;
    }
    value
}

/// A probability by its number, which is below `N` by construction; the mask tells the compiler so.
#[inline(always)]
#[expect(clippy::indexing_slicing, reason = "masked by the array's own size, a power of two")]
fn slot<const N: usize>(table: &mut [u16; N], number: u32) -> &mut u16 {
    const { assert!(N.is_power_of_two()) }
    &mut table[index(number) & N.wrapping_sub(1)]
}

/// Every `usize` of our hosts holds a `u32`.
#[inline(always)]
fn index(value: u32) -> usize {
    usize::try_from(value).unwrap_or(usize::MAX)
}

impl Model {
    pub(super) fn new(properties: &Properties) -> Self {
        let contexts = 1usize << properties.lc.wrapping_add(properties.lp);
        Self {
            literals: vec![[HALF; LITERALS]; contexts],
            literal_position_mask: (1u32 << properties.lp).wrapping_sub(1),
            literal_context_bits: properties.lc,
            position_mask: (1u32 << properties.pb).wrapping_sub(1),
            is_match: [HALF; 256],
            is_rep: [HALF; 16],
            is_rep0: [HALF; 16],
            is_rep1: [HALF; 16],
            is_rep2: [HALF; 16],
            is_rep0_long: [HALF; 256],
            slots: [[HALF; 64]; 4],
            special: [HALF; 128],
            align: [HALF; 16],
            match_length: Lengths::new(),
            rep_length: Lengths::new(),
            state: 0,
            reps: [0; 4],
        }
    }

    /// Decodes until `limit` bytes are there, or the end marker came: then true. `out` has [`SLACK`] bytes more.
    ///
    /// What changes with every bit is copied into locals here, so that it lives in registers.
    pub(super) fn run(
        &mut self,
        coder: &mut RangeCoder<'_>,
        out: &mut [u8],
        position: &mut Position,
        limit: usize,
        dictionary: u32,
    ) -> Result<bool, DecodeError> {
        let mut rc = *coder;
        let Position { mut at, mut pending } = *position;
        let mut state = self.state;
        let mut reps = self.reps;
        let mut ended = false;
        if pending > 0 {
            let [distance, ..] = reps;
            pending = repeat(out, &mut at, distance, pending, limit);
        }
        while at < limit {
            rc.check()?;
            let position_state = low_bits(at) & self.position_mask;
            if !rc.bit(slot(&mut self.is_match, (state << 4).wrapping_add(position_state))) {
                self.literal(&mut rc, out, at, state, reps);
                at = at.wrapping_add(1);
                state = AFTER_LITERAL.get(index(state)).copied().unwrap_or(0);
                continue;
            }
            let length = if !rc.bit(slot(&mut self.is_rep, state)) {
                let length = self.match_length.decode(&mut rc, position_state);
                let distance = self.distance(&mut rc, length);
                if distance == u32::MAX {
                    ended = true;
                    break;
                }
                let [a, b, c, _] = reps;
                reps = [distance, a, b, c];
                state = if state < 7 { 7 } else { 10 };
                length
            } else if self.choose(&mut rc, state, position_state, &mut reps) {
                state = if state < 7 { 9 } else { 11 };
                1
            } else {
                let length = self.rep_length.decode(&mut rc, position_state);
                state = if state < 7 { 8 } else { 11 };
                length
            };
            let [distance, ..] = reps;
            if index(distance) >= at || distance >= dictionary {
                return Err(rc.malformed());
            }
            pending = repeat(out, &mut at, distance, index(length), limit);
        }
        if ended && !rc.at_rest()? {
            return Err(rc.malformed());
        }
        rc.check()?;
        *coder = rc;
        self.state = state;
        self.reps = reps;
        *position = Position { at, pending };
        Ok(ended)
    }

    /// Decodes one byte that is not part of a match.
    #[inline(always)]
    fn literal(&mut self, rc: &mut RangeCoder<'_>, out: &mut [u8], at: usize, state: u32, reps: [u32; 4]) {
        let before = back(out, at, 0);
        let context = ((low_bits(at) & self.literal_position_mask) << self.literal_context_bits)
            | (u32::from(before) >> 8u32.wrapping_sub(self.literal_context_bits));
        let Some(tree) = self.literals.get_mut(index(context)) else { return };
        let symbol = if state < 7 {
            literal(rc, tree)
        } else {
            let [distance, ..] = reps;
            matched_literal(rc, tree, back(out, at, distance))
        };
        if let Some(byte) = out.get_mut(at) {
            *byte = symbol;
        }
    }

    /// Which earlier distance is used once more: it moves to the front. True for the form of one byte.
    #[inline(always)]
    fn choose(
        &mut self,
        rc: &mut RangeCoder<'_>,
        state: u32,
        position_state: u32,
        reps: &mut [u32; 4],
    ) -> bool {
        let [a, b, c, d] = *reps;
        if !rc.bit(slot(&mut self.is_rep0, state)) {
            return !rc.bit(slot(&mut self.is_rep0_long, (state << 4).wrapping_add(position_state)));
        }
        *reps = if !rc.bit(slot(&mut self.is_rep1, state)) {
            [b, a, c, d]
        } else if !rc.bit(slot(&mut self.is_rep2, state)) {
            [c, a, b, d]
        } else {
            [d, a, b, c]
        };
        false
    }

    /// The distance of a match, less one; all ones is the end marker.
    #[inline(always)]
    fn distance(&mut self, coder: &mut RangeCoder<'_>, length: u32) -> u32 {
        let [a, b, c, d] = &mut self.slots;
        let tree = match length {
            2 => a,
            3 => b,
            4 => c,
            _ => d,
        };
        let slot = tree_bits::<64>(coder, tree, 0, 6);
        if slot < 4 {
            return slot;
        }
        let bits = (slot >> 1).wrapping_sub(1);
        let high = (2 | (slot & 1)) << bits;
        if slot < 14 {
            let base = high.wrapping_sub(slot);
            return high.wrapping_add(reverse_bits::<128>(coder, &mut self.special, base, bits));
        }
        let middle = coder.direct(bits.wrapping_sub(4)) << 4;
        high.wrapping_add(middle).wrapping_add(reverse_bits::<16>(coder, &mut self.align, 0, 4))
    }

    /// Takes the end marker that must come now.
    fn end_marker(&mut self, coder: &mut RangeCoder<'_>, at: usize) -> Result<(), DecodeError> {
        let position_state = low_bits(at) & self.position_mask;
        let state = self.state;
        let is_match = coder.bit(slot(&mut self.is_match, (state << 4).wrapping_add(position_state)));
        if !is_match || coder.bit(slot(&mut self.is_rep, state)) {
            return Err(DecodeError::SizeMismatch);
        }
        let length = self.match_length.decode(coder, position_state);
        if self.distance(coder, length) != u32::MAX {
            return Err(DecodeError::SizeMismatch);
        }
        if coder.at_rest()? { Ok(()) } else { Err(coder.malformed()) }
    }
}

/// The low bits of an offset, all that contexts look at.
#[inline(always)]
fn low_bits(at: usize) -> u32 {
    u32::try_from(at & 0xffff).unwrap_or(0)
}

#[inline(always)]
fn literal(coder: &mut RangeCoder<'_>, tree: &mut [u16; LITERALS]) -> u8 {
    let mut symbol = 1u32;
    for _ in 0..8 {
        symbol = coder.step(slot(tree, symbol), symbol);
    }
    low_byte(symbol)
}

/// A literal behind a match: while it agrees with the byte the match would have gone on with, that byte's bits
/// choose the tree.
#[inline(always)]
fn matched_literal(coder: &mut RangeCoder<'_>, tree: &mut [u16; LITERALS], matched: u8) -> u8 {
    let mut symbol = 1u32;
    let mut matched = u32::from(matched);
    let mut agree = 0x100u32;
    for _ in 0..8 {
        matched <<= 1;
        let bit = matched & agree;
        let next = coder.step(slot(tree, agree.wrapping_add(bit).wrapping_add(symbol)), symbol);
        agree = if next & 1 == 0 { agree & !bit } else { bit };
        symbol = next;
    }
    low_byte(symbol)
}

#[inline(always)]
fn low_byte(symbol: u32) -> u8 {
    let [low, ..] = symbol.to_le_bytes();
    low
}

/// The byte that lies `distance` + 1 back.
#[inline(always)]
fn back(out: &[u8], at: usize, distance: u32) -> u8 {
    let from = at.wrapping_sub(index(distance)).wrapping_sub(1);
    out.get(from).copied().unwrap_or(0)
}

/// Repeats `length` bytes, or as many as there are up to `limit`, and returns how many are left.
#[inline(always)]
fn repeat(out: &mut [u8], at: &mut usize, distance: u32, length: usize, limit: usize) -> usize {
    let now = length.min(limit.saturating_sub(*at));
    copy(out, at, distance, now);
    length.wrapping_sub(now)
}

/// Repeats `length` bytes from `distance` + 1 back. In pieces of 16 where source and target are that far apart;
/// what is written too much lies in the slack or is overwritten.
#[inline(always)]
fn copy(out: &mut [u8], at: &mut usize, distance: u32, length: usize) {
    let start = *at;
    let from = start.wrapping_sub(index(distance)).wrapping_sub(1);
    let end = start.wrapping_add(length);
    *at = end;
    if distance >= 15 {
        let (mut from, mut to) = (from, start);
        while to < end {
            let Some(piece) = out.get(from..).and_then(<[u8]>::first_chunk::<16>).copied() else { return };
            let Some(target) = out.get_mut(to..).and_then(<[u8]>::first_chunk_mut::<16>) else { return };
            *target = piece;
            from = from.wrapping_add(16);
            to = to.wrapping_add(16);
        }
        return;
    }
    let Some(region) = out.get_mut(from..end) else { return };
    let gap = start.wrapping_sub(from);
    if gap == 1 {
        if let Some((&mut first, rest)) = region.split_first_mut() {
            rest.fill(first);
        }
        return;
    }
    let mut done = gap;
    while done < region.len() {
        let piece = done.min(region.len().wrapping_sub(done));
        region.copy_within(..piece, done);
        done = done.wrapping_add(piece);
    }
}

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects, clippy::as_conversions, reason = "tests")]
pub(crate) mod tests {
    use std::io::{Read as _, Write as _};

    use lzma_rust2::{LzmaOptions, LzmaReader, LzmaWriter};

    use super::*;
    use crate::others::holds;
    use crate::testing::{content, random};

    const ROOM: u64 = 1 << 22;

    fn encode(bytes: &[u8], options: &LzmaOptions, size: bool, marker: bool) -> Vec<u8> {
        let size = size.then_some(bytes.len() as u64);
        let mut writer = LzmaWriter::new(Vec::new(), options, true, marker, size).unwrap();
        writer.write_all(bytes).unwrap();
        writer.finish().unwrap()
    }

    fn options(lc: u32, lp: u32, pb: u32) -> LzmaOptions {
        LzmaOptions { lc, lp, pb, dict_size: 1 << 16, ..LzmaOptions::with_preset(6) }
    }

    #[test]
    fn what_an_encoder_wrote_is_read_back_to_the_byte() {
        let mut cases = 0;
        for (seed, (lc, lp, pb)) in
            [(3, 0, 2), (0, 0, 0), (0, 4, 4), (4, 0, 0), (1, 2, 3), (2, 2, 2)].into_iter().enumerate()
        {
            for length in [1, 2, 17, 300, 5_000, 300_000] {
                let bytes = content(seed as u64 * 100 + length as u64, length);
                for (size, marker) in [(true, false), (true, true), (false, true)] {
                    let mut stream = encode(&bytes, &options(lc, lp, pb), size, marker);
                    let consumed = stream.len() as u64;
                    stream.extend(b"\0\0behind");
                    let decoded = decode(&stream, None, ROOM).expect("sound");
                    assert!(decoded.bytes == bytes, "{lc} {lp} {pb} {length} {size} {marker}");
                    assert_eq!(decoded.consumed, consumed, "{lc} {lp} {pb} {length} {size} {marker}");
                    cases += 1;
                }
            }
        }
        assert_eq!(cases, 108);
    }

    #[test]
    fn an_empty_stream_has_only_its_marker() {
        let stream = encode(b"", &options(3, 0, 2), true, true);
        assert_eq!(decode(&stream, None, 0).map(|decoded| decoded.bytes), Ok(Vec::new()));
    }

    #[test]
    fn the_room_is_the_limit_with_and_without_a_size() {
        let bytes = vec![0; 100_000];
        let open = encode(&bytes, &options(3, 0, 2), false, true);
        let sized = encode(&bytes, &options(3, 0, 2), true, false);
        assert_eq!(decode(&open, None, 99_999), Err(DecodeError::Overflow));
        assert_eq!(decode(&sized, None, 99_999), Err(DecodeError::Overflow));
        assert!(decode(&open, None, 100_000).is_ok());
        assert!(decode(&sized, None, 100_000).is_ok());
    }

    #[test]
    fn a_stream_that_is_longer_or_shorter_than_declared() {
        let bytes = content(5, 1000);
        for (declared, marker) in [(999u64, false), (999, true), (1, true), (1001, true)] {
            let mut stream = encode(&bytes, &options(3, 0, 2), true, marker);
            stream[5..13].copy_from_slice(&declared.to_le_bytes());
            let error = decode(&stream, None, ROOM).unwrap_err();
            assert_eq!(error, DecodeError::SizeMismatch, "{declared} {marker}");
        }
        let stream = encode(&bytes, &options(3, 0, 2), true, false);
        assert_eq!(
            decode(&stream, Some(1001), ROOM),
            Err(DecodeError::SizeMismatch),
            "the section's own size"
        );
    }

    #[test]
    fn only_a_stream_begins_as_one() {
        for (lc, lp, pb) in [(3, 0, 2), (1, 2, 2), (0, 0, 0), (4, 0, 4), (0, 4, 0)] {
            for length in [1, 300, 1024, 20_000] {
                for size in [true, false] {
                    let stream = encode(&content(4, length), &options(lc, lp, pb), size, !size);
                    assert!(begins(&stream), "{lc} {lp} {pb} {length} {size}");
                    assert!(!begins(&stream[..stream.len() / 2]) || length > 1024);
                }
            }
        }
        let zeros = encode(&[0; 100_000], &options(0, 0, 0), true, false);
        assert!(begins(&zeros));
        // A header that fits, before bytes that are no stream: zeros, and ten thousand other beginnings.
        let header = &zeros[..13];
        assert!(!begins(&[header, &[0; 9000]].concat()));
        let no_stream = |seed: u64| [header, &[0], &content(seed, 9000)[seed as usize % 50..]].concat();
        assert_eq!((0..10_000).filter(|&seed| begins(&no_stream(seed))).count(), 0);
    }

    #[test]
    fn the_properties_and_the_first_byte_are_checked() {
        let stream = encode(b"firmware", &options(3, 0, 2), true, false);
        let with = |at: usize, byte: u8| {
            let mut stream = stream.clone();
            stream[at] = byte;
            decode(&stream, None, ROOM)
        };
        assert_eq!(with(0, 225), Err(DecodeError::Malformed { offset: 0 }));
        assert_eq!(with(13, 1), Err(DecodeError::Malformed { offset: 13 }));
        assert!(with(1, 0).is_ok(), "a dictionary smaller than the least counts as that");
    }

    #[test]
    fn a_match_beyond_the_dictionary_is_malformed() {
        let far = content(9, 40_000);
        let bytes = [far.as_slice(), &far[..2000]].concat();
        let mut stream = encode(&bytes, &options(3, 0, 2), true, false);
        assert!(decode(&stream, None, ROOM).is_ok());
        stream[1..5].copy_from_slice(&4096u32.to_le_bytes());
        assert!(matches!(decode(&stream, None, ROOM), Err(DecodeError::Malformed { .. })));
    }

    const PROPERTIES: [(u32, u32, u32); 5] = [(3, 0, 2), (0, 0, 0), (0, 4, 4), (4, 0, 0), (1, 2, 3)];

    /// Streams with all kinds of ends.
    pub(crate) fn streams() -> Vec<Vec<u8>> {
        let mut streams = Vec::new();
        for (seed, (lc, lp, pb)) in PROPERTIES.into_iter().enumerate() {
            for length in [1, 40, 700] {
                let bytes = content(seed as u64 * 7 + length as u64, length);
                for (size, marker) in [(true, false), (true, true), (false, true)] {
                    streams.push(encode(&bytes, &options(lc, lp, pb), size, marker));
                }
            }
        }
        streams
    }

    /// So many bytes of content, however the stream goes on behind them.
    fn beginning(input: &[u8], size: usize) -> Option<Vec<u8>> {
        let properties = Properties::read(input.first_chunk()?).ok()?;
        let mut coder = RangeCoder::new(input, HEADER).ok()?;
        let mut out = vec![0; size + SLACK];
        let mut at = Position { at: 0, pending: 0 };
        let marker =
            Model::new(&properties).run(&mut coder, &mut out, &mut at, size, properties.dictionary).ok()?;
        coder.at_rest().ok()?;
        out.truncate(size);
        (!marker && at.pending == 0).then_some(out)
    }

    /// Bytes by chance hardly ever end as a stream, but content they have, until a distance leads before it.
    #[test]
    fn another_decoder_agrees_on_what_is_no_stream() {
        let (mut sound, mut longest) = (0, 0);
        for seed in 0..60_000_u64 {
            let mut next = random(seed);
            let (lc, lp, pb) = PROPERTIES[seed as usize % 5];
            let size = next() % 300;
            let mut bytes = vec![((pb * 5 + lp) * 9 + lc) as u8];
            bytes.extend([0, 16, 0, 0]);
            bytes.extend((size as u64).to_le_bytes());
            // The code begins small, or most streams would begin with a match.
            bytes.extend([0, (next() % 64) as u8]);
            let length = 100 + next() % 300;
            bytes.extend((0..length).map(|_| next() as u8));
            holds(&crate::Decoder { name: "lzma", decode }, &bytes, 1 << 12);
            let mut theirs = Vec::new();
            let mut reader = LzmaReader::new_mem_limit(&bytes[..], 64 << 10, None).expect("a header");
            let theirs = reader.read_to_end(&mut theirs).ok().map(|_| theirs);
            let ours = beginning(&bytes, size);
            sound += usize::from(ours.is_some());
            longest = longest.max(ours.as_ref().map_or(0, Vec::len));
            assert!(ours == theirs, "{seed}: {ours:?} {theirs:?}");
        }
        assert!(sound > 1000 && longest > 250, "{sound} {longest}");
    }
}
