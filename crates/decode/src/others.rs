//! What must hold for every decoder on any bytes, and decoders of others to hold ours against. For tests alone;
//! `tests/fuzz` has this file, too.

use std::io::{ErrorKind, Read as _};

use lzma_rust2::{LzmaReader, XzReader};
use miniz_oxide::inflate::TINFLStatus;
use miniz_oxide::inflate::core::{DecompressorOxide, decompress, inflate_flags};

use super::{DecodeError, Decoded, Decoder};

/// Decodes with the limits at which something could go wrong.
pub(crate) fn holds(decoder: &Decoder, input: &[u8], room: u64) {
    let name = decoder.name;
    let found = (decoder.decode)(input, None, room);
    match &found {
        Ok(found) => {
            let size = found.bytes.len() as u64;
            assert!(
                size <= room && found.consumed <= input.len() as u64,
                "{name}: {size} {}",
                found.consumed
            );
            let memory = found.bytes.capacity() as u64;
            assert!(memory <= room + 64, "{name}: an allocation of {memory} in a room of {room}");
            let told = (decoder.decode)(input, Some(size), size);
            assert!(
                told.as_ref().is_ok_and(|told| told.bytes == found.bytes),
                "{name}: told the size: {told:?} {size} {input:?}"
            );
            let longer = (decoder.decode)(input, Some(size + 1), size + 1);
            assert!(longer.is_err(), "{name}: told a larger size");
            if let Some(less) = size.checked_sub(1) {
                assert!((decoder.decode)(input, None, less).is_err(), "{name}: too little room");
            }
            // What lies behind a stream has no part in it. Only a header may say that there is more.
            match (decoder.decode)(&input[..found.consumed as usize], None, room) {
                Ok(alone) => {
                    assert!(alone.bytes == found.bytes && alone.consumed == found.consumed, "{name}: alone")
                }
                Err(error) => assert_eq!(error, DecodeError::Truncated, "{name}: alone"),
            }
        }
        Err(error) => assert!(error.offset() <= input.len() as u64, "{name}: {error:?} of {}", input.len()),
    }
    agree(name, &found, input, room);
}

/// Both must say the same, as far as the other decoder can.
fn agree(name: &str, ours: &Result<Decoded, DecodeError>, input: &[u8], room: u64) {
    let outcome = |theirs: Option<&Decoded>| match (ours, theirs) {
        (Ok(ours), Some(theirs)) => ours.bytes == theirs.bytes && ours.consumed == theirs.consumed,
        (ours, theirs) => ours.is_err() && theirs.is_none(),
    };
    let same = match name {
        "deflate" => outcome(inflate(input, None, room, 0).ok().as_ref()),
        "zlib" => {
            outcome(inflate(input, None, room, inflate_flags::TINFL_FLAG_PARSE_ZLIB_HEADER).ok().as_ref())
        }
        "lzma" => match lzma(input, room) {
            Err(ErrorKind::OutOfMemory) => true,
            theirs => outcome(theirs.ok().as_ref()),
        },
        // What it makes of headers is held against ours in `xz.rs`: it looks at fewer of their fields.
        "xz" if ours.is_ok() => match xz(input, room) {
            Err(ErrorKind::OutOfMemory) => true,
            theirs => outcome(theirs.ok().as_ref()),
        },
        "lzo" => lzo(ours, input, room),
        _ => true,
    };
    assert!(same, "{name}: {ours:?} of {input:?}");
}

/// What the crate `miniz_oxide` makes of deflate or zlib.
pub(crate) fn inflate(
    input: &[u8],
    expected: Option<u64>,
    room: u64,
    flags: u32,
) -> Result<Decoded, DecodeError> {
    let flags = flags | inflate_flags::TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF;
    let mut bytes = vec![0; expected.unwrap_or(room) as usize];
    let (status, at, length) = decompress(&mut DecompressorOxide::default(), input, &mut bytes, 0, flags);
    bytes.truncate(length);
    match status {
        TINFLStatus::Done => Ok(Decoded::new(bytes, at as u64)),
        TINFLStatus::HasMoreOutput if expected.is_some() => Err(DecodeError::SizeMismatch),
        TINFLStatus::HasMoreOutput => Err(DecodeError::Overflow),
        TINFLStatus::FailedCannotMakeProgress => Err(DecodeError::Truncated),
        _ => Err(DecodeError::Malformed { offset: at as u64 }),
    }
}

/// What the crate `lzma-rust2` takes a stream for, when it asks for all that the specification does.
pub(crate) fn lzma(input: &[u8], room: u64) -> Result<Decoded, ErrorKind> {
    // It sets memory aside for a dictionary, in multiples of 16 and up to 4 GiB less 16, which is nothing to us.
    let dictionary = input.get(1..5).map_or(0, |raw| u32::from_le_bytes([raw[0], raw[1], raw[2], raw[3]]));
    if dictionary > DICTIONARY || dictionary > 4096 && dictionary % 16 != 0 {
        return Err(ErrorKind::OutOfMemory);
    }
    let mut reader = LzmaReader::new_mem_limit(input, u32::MAX, None).map_err(|error| error.kind())?;
    reader.set_relaxed_end_condition(false);
    let mut bytes = Vec::new();
    reader.by_ref().take(room + 1).read_to_end(&mut bytes).map_err(|error| error.kind())?;
    let (unread, unused) = reader.into_parts();
    let consumed = input.len() - unread.len() - unused.len();
    if bytes.len() as u64 > room {
        Err(ErrorKind::FileTooLarge)
    } else {
        Ok(Decoded::new(bytes, consumed as u64))
    }
}

/// What the same crate takes an `.xz` stream for.
pub(crate) fn xz(mut input: &[u8], room: u64) -> Result<Decoded, ErrorKind> {
    let length = input.len();
    let mut reader = XzReader::new_mem_limit(&mut input, false, DICTIONARY >> 10);
    let mut bytes = Vec::new();
    reader.by_ref().take(room + 1).read_to_end(&mut bytes).map_err(|error| error.kind())?;
    drop(reader);
    let consumed = length - input.len();
    if bytes.len() as u64 > room {
        Err(ErrorKind::FileTooLarge)
    } else {
        Ok(Decoded::new(bytes, consumed as u64))
    }
}

/// The crate `lzokay` says only by an error that something is left over.
fn lzo(ours: &Result<Decoded, DecodeError>, input: &[u8], room: u64) -> bool {
    use lzokay::Error::InputNotConsumed;
    let mut bytes = vec![0; room as usize];
    let theirs = lzokay::decompress::decompress(input, &mut bytes);
    let Ok(ours) = ours else { return theirs.is_err_and(|error| error != InputNotConsumed) };
    let whole = ours.consumed == input.len() as u64;
    let alone = lzokay::decompress::decompress(&input[..ours.consumed as usize], &mut bytes);
    whole == (theirs != Err(InputNotConsumed))
        && alone == Ok(ours.bytes.len())
        && ours.bytes == bytes[..ours.bytes.len()]
}

/// The most that is set aside for a dictionary.
const DICTIONARY: u32 = 8 << 20;
