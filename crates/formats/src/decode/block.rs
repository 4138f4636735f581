//! The codecs of file systems: a block in one piece.
//!
//! The decoders are the crates `lzma-rust2` (xz), `ruzstd` (zstd), `lz4_flex` and `lzokay`, beside those that UEFI needs.

use kiwame_image::{len64, to_usize};
use lzma_rust2::{Action, Status, XzStream};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};
use ruzstd::io::Read;

use super::{DecodeError, Decoded, lzma, zlib};

/// A codec, as file systems name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Codec {
    /// A zlib stream, RFC 1950.
    Gzip,
    /// An LZMA stream with the header of `.lzma` files.
    Lzma,
    /// An LZO1X block without any frame.
    Lzo,
    /// An xz stream, with filters.
    Xz,
    /// An LZ4 block without any frame.
    Lz4,
    /// A zstd frame, RFC 8878.
    Zstd,
}

/// Decodes one block or stream at the start of `input`. A codec without an end mark (LZO, LZ4) takes all of it.
pub(crate) fn decode(
    codec: Codec,
    input: &[u8],
    expected: Option<u64>,
    room: u64,
) -> Result<Decoded, DecodeError> {
    if expected.is_some_and(|size| size > room) {
        return Err(DecodeError::Overflow);
    }
    let decoded = match codec {
        Codec::Gzip => return zlib::decode(input, expected, room),
        Codec::Lzma => return lzma::decode(input, expected, room),
        Codec::Lzo => lzo(input, expected.unwrap_or(room))?,
        Codec::Lz4 => lz4(input, expected.unwrap_or(room))?,
        Codec::Xz => xz(input, expected.unwrap_or(room))?,
        Codec::Zstd => zstd(input, expected.unwrap_or(room))?,
    };
    match expected {
        Some(size) if size != len64(&decoded.bytes) => Err(DecodeError::SizeMismatch),
        Some(_) | None => Ok(decoded),
    }
}

fn lzo(input: &[u8], room: u64) -> Result<Decoded, DecodeError> {
    let mut bytes = vec![0; to_usize(room)];
    let length = lzokay::decompress::decompress(input, &mut bytes).map_err(|error| match error {
        lzokay::Error::OutputOverrun => DecodeError::Overflow,
        lzokay::Error::InputOverrun => DecodeError::Truncated,
        _ => DecodeError::Malformed { offset: 0 },
    })?;
    bytes.truncate(length);
    Ok(Decoded { bytes, consumed: len64(input) })
}

fn lz4(input: &[u8], room: u64) -> Result<Decoded, DecodeError> {
    let mut bytes = vec![0; to_usize(room)];
    let length = lz4_flex::block::decompress_into(input, &mut bytes).map_err(|error| match error {
        lz4_flex::block::DecompressError::OutputTooSmall { .. } => DecodeError::Overflow,
        _ => DecodeError::Malformed { offset: 0 },
    })?;
    bytes.truncate(length);
    Ok(Decoded { bytes, consumed: len64(input) })
}

/// One xz stream: blocks, checks and index as the format wants them. A dictionary larger than the room is refused.
fn xz(input: &[u8], room: u64) -> Result<Decoded, DecodeError> {
    // A dictionary need be no larger than the content, and an encoder rounds its size up by half at most.
    let memory = (room / 1024).saturating_mul(2).saturating_add(SMALL_DICTIONARY);
    let mut stream = XzStream::new_mem_limit(false, u32::try_from(memory).unwrap_or(u32::MAX));
    let mut bytes = Vec::new();
    let (mut at, mut written) = (0usize, 0usize);
    loop {
        let limit = to_usize(room).min(written.saturating_add(STEP)).saturating_add(1);
        bytes.resize(limit.max(bytes.len()), 0);
        let rest = input.get(at..).unwrap_or_default();
        let free = bytes.get_mut(written..).unwrap_or_default();
        let step = stream
            .process(rest, free, Action::Finish)
            .map_err(|_| DecodeError::Malformed { offset: stream.total_in() })?;
        at = at.saturating_add(step.bytes_consumed);
        written = written.saturating_add(step.bytes_produced);
        if len64(bytes.get(..written).unwrap_or_default()) > room {
            return Err(DecodeError::Overflow);
        }
        if step.status == Status::StreamEnd {
            bytes.truncate(written);
            return Ok(Decoded { bytes, consumed: len64(input.get(..at).unwrap_or_default()) });
        }
        if step.bytes_consumed == 0 && step.bytes_produced == 0 {
            return Err(DecodeError::Truncated);
        }
    }
}

/// One zstd frame, its checksum compared where it has one.
fn zstd(input: &[u8], room: u64) -> Result<Decoded, DecodeError> {
    let mut decoder = FrameDecoder::new();
    decoder.set_max_window_size(room.max(SMALL_WINDOW));
    let mut rest = input;
    let consumed = |rest: &[u8]| len64(input).saturating_sub(len64(rest));
    decoder.init(&mut rest).map_err(|_| DecodeError::Malformed { offset: 0 })?;
    if decoder.content_size() > room {
        return Err(DecodeError::Overflow);
    }
    let mut bytes = Vec::new();
    let mut written = 0usize;
    loop {
        let done = decoder
            .decode_blocks(&mut rest, BlockDecodingStrategy::UptoBytes(STEP))
            .map_err(|_| DecodeError::Malformed { offset: consumed(rest) })?;
        loop {
            let ready = decoder.can_collect();
            if ready == 0 {
                break;
            }
            let end = written.saturating_add(ready);
            if len64(bytes.get(..written).unwrap_or_default())
                .saturating_add(u64::try_from(ready).unwrap_or(u64::MAX))
                > room
            {
                return Err(DecodeError::Overflow);
            }
            bytes.resize(end, 0);
            let free = bytes.get_mut(written..).unwrap_or_default();
            let given = decoder.read(free).map_err(|_| DecodeError::Malformed { offset: consumed(rest) })?;
            written = written.saturating_add(given);
            if given == 0 {
                break;
            }
        }
        bytes.truncate(written);
        if done {
            break;
        }
    }
    let stated = decoder.get_checksum_from_data();
    if stated.is_some() && stated != decoder.get_calculated_checksum() {
        return Err(DecodeError::Malformed { offset: consumed(rest).saturating_sub(4) });
    }
    Ok(Decoded { bytes, consumed: consumed(rest) })
}

/// Decoded at a time, so that memory grows with what there is and not with what there may be.
const STEP: usize = 1 << 20;
/// KiB that the smallest dictionary and the state of the decoder take.
const SMALL_DICTIONARY: u64 = 1024;
/// What an encoder uses for the smallest input.
const SMALL_WINDOW: u64 = 8 << 20;
