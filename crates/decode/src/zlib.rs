//! zlib and gzip: deflate with two kinds of frame.
//!
//! RFC 1950, RFC 1951, RFC 1952. A gzip header is no part of the stream here: it can carry a name and more,
//! so the caller makes it a leaf of its own.

use kiwame_image::{len64, to_usize};

use super::{Crc32, DecodeError, Decoded, adler32, deflate};

/// Decodes deflate without a frame.
pub fn raw(input: &[u8], expected: Option<u64>, room: u64) -> Result<Decoded, DecodeError> {
    sized(deflate::decode(input, expected, room)?, expected)
}

/// Decodes one zlib stream.
///
/// ```text
/// 0x00 CINFO 0 to 7 << 4 | CM 8   1     0x01 FLG, without FDICT; the two are divisible by 31   1
/// 0x02 deflate                    …     then ADLER32 of the content, highest byte first        4
/// ```
pub fn decode(input: &[u8], expected: Option<u64>, room: u64) -> Result<Decoded, DecodeError> {
    if expected.is_some_and(|size| size > room) {
        return Err(DecodeError::Overflow);
    }
    let (header, body) = input.split_first_chunk::<2>().ok_or(DecodeError::Truncated)?;
    let [cmf, flg] = *header;
    if cmf & 0x8f != 8 || flg & 0x20 != 0 || !u16::from_be_bytes(*header).is_multiple_of(31) {
        return Err(DecodeError::Malformed { offset: 2 });
    }
    let decoded = deflate::decode(body, expected, room).map_err(|error| error.behind(2))?;
    let trailer = body.get(to_usize(decoded.consumed)..).and_then(<[u8]>::first_chunk);
    let consumed = decoded.consumed.saturating_add(6);
    if u32::from_be_bytes(*trailer.ok_or(DecodeError::Truncated)?) != adler32(&decoded.bytes) {
        return Err(DecodeError::Malformed { offset: consumed });
    }
    sized(Decoded { consumed, ..decoded }, expected)
}

/// What deflate, a CRC-32 and a size make up: a gzip member behind its header.
pub fn gzip_body(input: &[u8], expected: Option<u64>, room: u64) -> Result<Decoded, DecodeError> {
    // Mostly nothing lies behind the member, and its size is the last that the input has.
    let likely = input.last_chunk().map_or(0, |size| u64::from(u32::from_le_bytes(*size)));
    let likely = likely.min(len64(input).saturating_mul(LARGEST_RATIO));
    let decoded = sized(deflate::decode_likely(input, expected, likely, room)?, expected)?;
    let (bytes, consumed) = (&decoded.bytes, decoded.consumed);
    let trailer = input.get(to_usize(consumed)..).and_then(<[u8]>::first_chunk);
    let [a, b, c, d, size @ ..]: [u8; 8] = *trailer.ok_or(DecodeError::Truncated)?;
    let mut crc = Crc32::default();
    crc.update(bytes);
    if crc.value() != u32::from_le_bytes([a, b, c, d]) {
        return Err(DecodeError::Malformed { offset: consumed });
    }
    if u64::from(u32::from_le_bytes(size)) != len64(bytes) & 0xffff_ffff {
        return Err(DecodeError::SizeMismatch);
    }
    Ok(Decoded { consumed: consumed.saturating_add(8), ..decoded })
}

/// Length of the gzip header; 0 when there is none.
///
/// ```text
/// 0x00 ID1 ID2 1f 8b 2     0x03 FLG   1     0x08 XFL 1     then FEXTRA, FNAME, FCOMMENT, FHCRC
/// 0x02 CM 8          1     0x04 MTIME 4     0x09 OS  1     as FLG has bits 2, 3, 4, 1
/// ```
pub fn gzip_header(input: &[u8]) -> u64 {
    gzip_header_length(input).unwrap_or(0)
}

fn gzip_header_length(input: &[u8]) -> Option<u64> {
    let [0x1f, 0x8b, 8, flags, ..] = *input.first_chunk::<10>()? else { return None };
    let mut at = 10usize;
    if flags & 4 != 0 {
        let length = u16::from_le_bytes(*input.get(at..)?.first_chunk()?);
        at = at.checked_add(2)?.checked_add(length.into())?;
    }
    for flag in [8, 16] {
        if flags & flag != 0 {
            let text = input.get(at..)?.iter().position(|&byte| byte == 0)?;
            at = at.checked_add(text)?.checked_add(1)?;
        }
    }
    if flags & 2 != 0 {
        at = at.checked_add(2)?;
    }
    Some(len64(input.get(..at)?))
}

/// Two bits of deflate, the end of a length and a distance, make 258 bytes at best.
const LARGEST_RATIO: u64 = 1032;

fn sized(decoded: Decoded, expected: Option<u64>) -> Result<Decoded, DecodeError> {
    let sized = expected.is_none_or(|size| size == len64(&decoded.bytes));
    if sized { Ok(decoded) } else { Err(DecodeError::SizeMismatch) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two stored blocks in a zlib frame: "firm" and "ware".
    const STORED: &[u8] = &[
        0x78, 0x01, 0, 4, 0, 0xfb, 0xff, b'f', b'i', b'r', b'm', 1, 4, 0, 0xfb, 0xff, b'w', b'a', b'r', b'e',
        0x0f, 0x2c, 0x03, 0x5e,
    ];

    #[test]
    fn a_stream_is_consumed_exactly_and_what_follows_is_left() {
        let decoded = decode(&[STORED, b"behind"].concat(), Some(8), 8).expect("sound");
        assert_eq!((decoded.bytes.as_slice(), decoded.consumed), (&b"firmware"[..], len64(STORED)));
    }

    #[test]
    fn sizes_bind() {
        assert_eq!(decode(STORED, None, 7), Err(DecodeError::Overflow));
        assert_eq!(decode(STORED, Some(9), 8), Err(DecodeError::Overflow));
        assert_eq!(decode(STORED, Some(7), 8), Err(DecodeError::SizeMismatch));
        assert_eq!(decode(STORED, Some(9), 9), Err(DecodeError::SizeMismatch));
    }

    #[test]
    fn every_cut_and_every_flip_is_an_error() {
        for length in 0..STORED.len() {
            assert!(decode(&STORED[..length], None, 8).is_err(), "{length}");
        }
        for at in 2..STORED.len() {
            let mut bytes = STORED.to_vec();
            bytes[at] ^= 1;
            assert!(decode(&bytes, Some(8), 8).is_err(), "{at}");
        }
    }

    #[test]
    fn a_gzip_header_with_all_its_parts() {
        let header = [0x1f, 0x8b, 8, 0x1e, 0, 0, 0, 0, 0, 0, 2, 0, 9, 9, b'n', 0, b'c', 0, 7, 7];
        let body = [&STORED[2..20], &[0xc4, 0xd7, 0xec, 0xd5, 8, 0, 0, 0]].concat();
        let whole = [&header[..], &body, b"next member"].concat();
        assert_eq!(gzip_header(&whole), len64(&header));
        assert_eq!(gzip_header(&header[..header.len() - 1]), 0, "cut off");
        let decoded = gzip_body(&whole[header.len()..], None, 100).expect("sound");
        assert_eq!((decoded.bytes.as_slice(), decoded.consumed), (&b"firmware"[..], len64(&body)));
        let mut wrong = body.clone();
        wrong[18] ^= 1;
        assert!(matches!(gzip_body(&wrong, None, 100), Err(DecodeError::Malformed { .. })));
        let mut wrong = body;
        wrong[22] ^= 1;
        assert_eq!(gzip_body(&wrong, None, 100), Err(DecodeError::SizeMismatch));
    }
}
