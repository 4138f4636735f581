//! Whole blocks as file systems pack them: one decoder for each compressor of squashfs.
//!
//! Each block is decoded in one piece into one allocation. The decoders of third parties get no more than that
//! block, and none may set memory aside for a window or dictionary beyond what the room for its content allows.
//!
//! Written against: RFC 1950 (zlib); the `.xz` file format 1.2.1; the LZ4 block format; RFC 8878 (zstd); for LZO1X
//! `Documentation/staging/lzo.rst` of Linux.

use std::io::Read as _;

use kiwame_image::{Normal, len64, to_usize};
use lz4_flex::block::DecompressError;
use ruzstd::decoding::errors::FrameDecoderError;
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

use super::{DecodeError, Decoded, lzma, lzo, window_limit, xz, zlib};

/// How a block is packed. The discriminants are the compressor ids of squashfs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Codec {
    /// A zlib stream.
    Gzip = 1,
    /// LZMA with the header of an `.lzma` file.
    Lzma = 2,
    /// LZO1X.
    Lzo = 3,
    /// One `.xz` stream.
    Xz = 4,
    /// A raw LZ4 block: it fills the input.
    Lz4 = 5,
    /// One zstd frame.
    Zstd = 6,
}

/// The normal form of an `.xz` stream.
pub fn xz_form(input: &[u8], _: &Decoded) -> Option<Normal> {
    xz::form(input)
}

/// Decodes one block from the start of `input`. `expected` is the size that the structure around it states.
pub fn decode(codec: Codec, input: &[u8], expected: Option<u64>, room: u64) -> Result<Decoded, DecodeError> {
    if expected.is_some_and(|size| size > room) {
        return Err(DecodeError::Overflow);
    }
    let decoded = match codec {
        Codec::Gzip => zlib::decode(input, expected, room),
        Codec::Lzma => lzma::decode(input, expected, room),
        Codec::Lzo => lzo::decode(input, expected, room),
        Codec::Xz => xz::decode(input, expected, room),
        Codec::Lz4 => lz4(input, &[], expected, room),
        Codec::Zstd => zstd(input, expected, room),
    }?;
    if expected.is_some_and(|size| size != len64(&decoded.bytes)) {
        return Err(DecodeError::SizeMismatch);
    }
    Ok(decoded)
}

/// Decodes a raw LZ4 block that may refer to the bytes `before` it.
pub fn lz4(input: &[u8], before: &[u8], expected: Option<u64>, room: u64) -> Result<Decoded, DecodeError> {
    // A byte of input gives 255 bytes of output at most.
    let most = len64(input).saturating_mul(255).min(room);
    let mut bytes = vec![0; to_usize(expected.unwrap_or(most).min(room))];
    match lz4_flex::block::decompress_into_with_dict(input, &mut bytes, before) {
        Ok(length) => bytes.truncate(length),
        Err(DecompressError::OutputTooSmall { .. }) => return Err(too_long(expected)),
        Err(DecompressError::ExpectedAnotherByte) => return Err(DecodeError::Truncated),
        Err(_) => return Err(DecodeError::Malformed { offset: 0 }),
    }
    Ok(Decoded::new(bytes, len64(input)))
}

/// Decodes one zstd frame, its checksum verified.
fn zstd(input: &[u8], expected: Option<u64>, room: u64) -> Result<Decoded, DecodeError> {
    let limit = to_usize(expected.unwrap_or(room));
    let mut decoder = FrameDecoder::new();
    decoder.set_max_window_size(window_limit(room));
    let mut rest = input;
    decoder.init(&mut rest).map_err(|error| of_zstd(&error, input, rest))?;
    if decoder.content_size() > len64_of(limit) {
        return Err(too_long(expected));
    }
    let mut bytes = Vec::with_capacity(limit);
    loop {
        let ended = decoder
            .decode_blocks(&mut rest, BlockDecodingStrategy::UptoBytes(STEP))
            .map_err(|error| of_zstd(&error, input, rest))?;
        let ready = decoder.can_collect();
        let start = bytes.len();
        let end = start.saturating_add(ready);
        if end > limit {
            return Err(too_long(expected));
        }
        bytes.resize(end, 0);
        decoder
            .read_exact(bytes.get_mut(start..).unwrap_or_default())
            .map_err(|_| DecodeError::Malformed { offset: 0 })?;
        if ended {
            break;
        }
    }
    // Every other decoder holds the size in the header, when there is one, against the content.
    let sized = input.get(4).is_some_and(|descriptor| descriptor & 0xe0 != 0);
    if sized && decoder.content_size() != len64(&bytes) {
        return Err(DecodeError::SizeMismatch);
    }
    let offset = len64(input).saturating_sub(len64(rest));
    let stated = decoder.get_checksum_from_data();
    if stated.is_some() && stated != decoder.get_calculated_checksum() {
        return Err(DecodeError::Malformed { offset: offset.saturating_sub(4) });
    }
    Ok(Decoded::new(bytes, offset))
}

/// Output is made ready in pieces of this size.
const STEP: usize = 256 << 10;

fn too_long(expected: Option<u64>) -> DecodeError {
    if expected.is_some() { DecodeError::SizeMismatch } else { DecodeError::Overflow }
}

fn len64_of(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

fn of_zstd(error: &FrameDecoderError, input: &[u8], rest: &[u8]) -> DecodeError {
    match error {
        FrameDecoderError::WindowSizeTooBig { .. } => DecodeError::Overflow,
        _ if rest.is_empty() => DecodeError::Truncated,
        _ => DecodeError::Malformed { offset: len64(input).saturating_sub(len64(rest)) },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the streams below hold: 1000 times "firmware ", then three times all values of a byte.
    fn content() -> Vec<u8> {
        let all: Vec<u8> = (0..=255).collect();
        [b"firmware ".repeat(1000), all.repeat(3)].concat()
    }

    const ALL: [(Codec, &[u8]); 4] =
        [(Codec::Xz, XZ), (Codec::Zstd, ZSTD), (Codec::Lzo, LZO), (Codec::Lz4, LZ4)];

    #[test]
    fn what_the_tools_wrote_is_read_back_and_consumed_exactly() {
        for (codec, stream) in ALL {
            let mut bytes = stream.to_vec();
            if codec != Codec::Lz4 {
                bytes.extend(b"behind");
            }
            for expected in [None, Some(9768)] {
                let decoded = decode(codec, &bytes, expected, 9768).expect("sound");
                assert!(decoded.bytes == content(), "{codec:?}");
                assert_eq!(decoded.consumed, len64(stream), "{codec:?}");
            }
        }
    }

    #[test]
    fn the_room_and_the_size_bind() {
        for (codec, stream) in ALL {
            assert_eq!(decode(codec, stream, None, 9767), Err(DecodeError::Overflow), "{codec:?}");
            for size in [9767, 9769] {
                let error = decode(codec, stream, Some(size), 1 << 20);
                assert_eq!(error, Err(DecodeError::SizeMismatch), "{codec:?} {size}");
            }
        }
    }

    #[test]
    fn every_cut_is_an_error_and_no_flip_panics() {
        for (codec, stream) in ALL {
            for length in 0..stream.len() {
                let cut = decode(codec, &stream[..length], Some(9768), 1 << 20);
                assert!(cut.is_err(), "{codec:?} {length}");
            }
            for bit in 0..stream.len() * 8 {
                let mut stream = stream.to_vec();
                stream[bit / 8] ^= 1 << (bit % 8);
                if let Ok(decoded) = decode(codec, &stream, None, 1 << 16) {
                    assert!(decoded.consumed <= len64(&stream) && decoded.bytes.len() <= 1 << 16);
                }
            }
        }
    }

    #[test]
    fn a_wrong_checksum_is_an_error() {
        let mut stream = ZSTD.to_vec();
        *stream.last_mut().expect("not empty") ^= 1;
        assert!(matches!(decode(Codec::Zstd, &stream, None, 9768), Err(DecodeError::Malformed { .. })));
    }

    #[test]
    fn a_frame_has_the_size_that_its_header_states() {
        // One byte, with its check.
        let frame = |size| [40, 181, 47, 253, 36, size, 11, 0, 0, 38, 106, 164, 72, 83];
        assert!(decode(Codec::Zstd, &frame(1), None, 1 << 20).is_ok());
        for size in [2, 56] {
            let error = decode(Codec::Zstd, &frame(size), None, 1 << 20);
            assert_eq!(error, Err(DecodeError::SizeMismatch), "{size}");
        }
    }

    #[test]
    fn a_window_beyond_the_room_is_refused() {
        // Window_Descriptor: 1 GiB.
        let frame = [0x28, 0xb5, 0x2f, 0xfd, 0x00, 0xa0, 1, 0, 0];
        assert_eq!(decode(Codec::Zstd, &frame, None, 1 << 20), Err(DecodeError::Overflow));
    }

    const XZ: &[u8] = &[
        253, 55, 122, 88, 90, 0, 0, 4, 230, 214, 180, 70, 2, 1, 4, 0, 33, 1, 16, 0, 139, 33, 111, 73, 224,
        38, 39, 1, 29, 93, 0, 51, 26, 74, 171, 142, 119, 215, 235, 114, 84, 16, 197, 243, 187, 41, 84, 132,
        190, 211, 128, 39, 32, 164, 128, 35, 6, 12, 36, 139, 181, 158, 60, 11, 44, 30, 57, 96, 38, 90, 63,
        25, 15, 70, 241, 131, 117, 17, 110, 198, 83, 177, 97, 209, 62, 65, 132, 103, 211, 129, 21, 69, 173,
        104, 220, 99, 5, 45, 14, 45, 216, 76, 102, 93, 16, 45, 168, 225, 91, 107, 250, 135, 146, 248, 124,
        147, 212, 31, 190, 103, 129, 121, 90, 152, 253, 68, 198, 233, 139, 128, 140, 6, 190, 117, 246, 202,
        80, 132, 53, 50, 195, 166, 3, 198, 115, 141, 4, 235, 133, 38, 220, 78, 68, 90, 214, 182, 184, 158,
        223, 39, 246, 177, 153, 164, 146, 86, 253, 208, 89, 103, 43, 65, 190, 145, 199, 58, 93, 178, 165,
        109, 252, 217, 151, 33, 46, 33, 127, 109, 71, 74, 23, 75, 181, 197, 146, 6, 9, 176, 67, 169, 211,
        172, 219, 142, 242, 98, 179, 47, 207, 69, 147, 105, 163, 223, 70, 38, 11, 96, 71, 31, 168, 52, 122,
        42, 87, 4, 39, 150, 233, 92, 114, 206, 164, 22, 168, 183, 15, 76, 83, 20, 223, 92, 28, 169, 74, 63,
        174, 179, 54, 85, 79, 230, 206, 13, 217, 180, 45, 88, 247, 158, 239, 97, 2, 133, 247, 24, 228, 109,
        180, 41, 93, 103, 208, 165, 154, 235, 167, 12, 61, 220, 162, 136, 52, 219, 232, 13, 52, 122, 160,
        189, 91, 85, 21, 126, 90, 236, 226, 9, 209, 200, 216, 23, 84, 79, 243, 238, 194, 225, 89, 132, 108,
        209, 106, 38, 112, 0, 0, 0, 0, 0, 4, 156, 222, 36, 83, 45, 81, 163, 0, 1, 185, 2, 168, 76, 0, 0, 78,
        128, 15, 117, 177, 196, 103, 251, 2, 0, 0, 0, 0, 4, 89, 90,
    ];

    const ZSTD: &[u8] = &[
        40, 181, 47, 253, 100, 40, 37, 189, 8, 0, 148, 16, 102, 105, 114, 109, 119, 97, 114, 101, 32, 0, 1,
        2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28,
        29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, 52, 53,
        54, 55, 56, 57, 58, 59, 60, 61, 62, 63, 64, 65, 66, 67, 68, 69, 70, 71, 72, 73, 74, 75, 76, 77, 78,
        79, 80, 81, 82, 83, 84, 85, 86, 87, 88, 89, 90, 91, 92, 93, 94, 95, 96, 97, 98, 99, 100, 101, 102,
        103, 104, 105, 106, 107, 108, 109, 110, 111, 112, 113, 114, 115, 116, 117, 118, 119, 120, 121, 122,
        123, 124, 125, 126, 127, 128, 129, 130, 131, 132, 133, 134, 135, 136, 137, 138, 139, 140, 141, 142,
        143, 144, 145, 146, 147, 148, 149, 150, 151, 152, 153, 154, 155, 156, 157, 158, 159, 160, 161, 162,
        163, 164, 165, 166, 167, 168, 169, 170, 171, 172, 173, 174, 175, 176, 177, 178, 179, 180, 181, 182,
        183, 184, 185, 186, 187, 188, 189, 190, 191, 192, 193, 194, 195, 196, 197, 198, 199, 200, 201, 202,
        203, 204, 205, 206, 207, 208, 209, 210, 211, 212, 213, 214, 215, 216, 217, 218, 219, 220, 221, 222,
        223, 224, 225, 226, 227, 228, 229, 230, 231, 232, 233, 234, 235, 236, 237, 238, 239, 240, 241, 242,
        243, 244, 245, 246, 247, 248, 249, 250, 251, 252, 253, 254, 255, 2, 0, 0, 253, 3, 75, 157, 28, 131,
        124, 57, 2, 97, 3, 158, 139,
    ];

    const LZO: &[u8] = &[
        6, 102, 105, 114, 109, 119, 97, 114, 101, 32, 32, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 33, 32, 0, 0, 243, 0, 1, 2, 3, 4, 5, 6, 7, 8,
        9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33,
        34, 35, 36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, 52, 53, 54, 55, 56, 57, 58,
        59, 60, 61, 62, 63, 64, 65, 66, 67, 68, 69, 70, 71, 72, 73, 74, 75, 76, 77, 78, 79, 80, 81, 82, 83,
        84, 85, 86, 87, 88, 89, 90, 91, 92, 93, 94, 95, 96, 97, 98, 99, 100, 101, 102, 103, 104, 105, 106,
        107, 108, 109, 110, 111, 112, 113, 114, 115, 116, 117, 118, 119, 120, 121, 122, 123, 124, 125, 126,
        127, 128, 129, 130, 131, 132, 133, 134, 135, 136, 137, 138, 139, 140, 141, 142, 143, 144, 145, 146,
        147, 148, 149, 150, 151, 152, 153, 154, 155, 156, 157, 158, 159, 160, 161, 162, 163, 164, 165, 166,
        167, 168, 169, 170, 171, 172, 173, 174, 175, 176, 177, 178, 179, 180, 181, 182, 183, 184, 185, 186,
        187, 188, 189, 190, 191, 192, 193, 194, 195, 196, 197, 198, 199, 200, 201, 202, 203, 204, 205, 206,
        207, 208, 209, 210, 211, 212, 213, 214, 215, 216, 217, 218, 219, 220, 221, 222, 223, 224, 225, 226,
        227, 228, 229, 230, 231, 232, 233, 234, 235, 236, 237, 238, 239, 240, 241, 242, 243, 244, 245, 246,
        247, 248, 249, 250, 251, 252, 253, 254, 255, 0, 1, 2, 3, 4, 32, 0, 204, 252, 3, 12, 241, 242, 243,
        244, 245, 246, 247, 248, 249, 250, 251, 252, 253, 254, 255, 17, 0, 0,
    ];

    const LZ4: &[u8] = &[
        159, 102, 105, 114, 109, 119, 97, 114, 101, 32, 9, 0, 255, 255, 255, 255, 255, 255, 255, 255, 255,
        255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255,
        255, 255, 255, 255, 255, 255, 47, 255, 241, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16,
        17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41,
        42, 43, 44, 45, 46, 47, 48, 49, 50, 51, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 62, 63, 64, 65, 66,
        67, 68, 69, 70, 71, 72, 73, 74, 75, 76, 77, 78, 79, 80, 81, 82, 83, 84, 85, 86, 87, 88, 89, 90, 91,
        92, 93, 94, 95, 96, 97, 98, 99, 100, 101, 102, 103, 104, 105, 106, 107, 108, 109, 110, 111, 112, 113,
        114, 115, 116, 117, 118, 119, 120, 121, 122, 123, 124, 125, 126, 127, 128, 129, 130, 131, 132, 133,
        134, 135, 136, 137, 138, 139, 140, 141, 142, 143, 144, 145, 146, 147, 148, 149, 150, 151, 152, 153,
        154, 155, 156, 157, 158, 159, 160, 161, 162, 163, 164, 165, 166, 167, 168, 169, 170, 171, 172, 173,
        174, 175, 176, 177, 178, 179, 180, 181, 182, 183, 184, 185, 186, 187, 188, 189, 190, 191, 192, 193,
        194, 195, 196, 197, 198, 199, 200, 201, 202, 203, 204, 205, 206, 207, 208, 209, 210, 211, 212, 213,
        214, 215, 216, 217, 218, 219, 220, 221, 222, 223, 224, 225, 226, 227, 228, 229, 230, 231, 232, 233,
        234, 235, 236, 237, 238, 239, 240, 241, 242, 243, 244, 245, 246, 247, 248, 249, 250, 251, 252, 253,
        254, 255, 0, 1, 255, 233, 80, 251, 252, 253, 254, 255,
    ];
}
