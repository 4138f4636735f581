//! What nodes hold, unpacked.

use kiwame_decode::block::{Codec, decode};
use kiwame_decode::{DecodeError, Decoded};
use kiwame_image::{Defect, Endian, Input, Trouble, len64, to_usize};

use super::defects;
use super::node::{
    COMPR_LZMA, COMPR_LZO, COMPR_NONE, COMPR_RTIME, COMPR_ZERO, COMPR_ZLIB, LARGEST_PIECE, Piece, fields,
};

/// Two bytes are Linux `old_encode_dev`, four are `new_encode_dev`, in the byte order of the file system.
pub(super) fn device(bytes: &[u8], order: Endian) -> (u32, u32) {
    let mut fields = fields(bytes, 0, order);
    let number = match bytes.len() {
        2 => fields.u16("old_id").map(u32::from),
        4 => fields.u32("new_id"),
        _ => return UNKNOWN_DEVICE,
    };
    number.map_or(UNKNOWN_DEVICE, |number| (number >> 8 & 0xfff, number & 0xff | number >> 12 & 0xf_ff00))
}

/// The data of one node as it lies, where Linux unpacks nothing.
pub(super) fn raw(at: &Input<'_>, piece: &Piece) -> Result<Vec<u8>, Trouble> {
    if piece.data.length > LARGEST_PIECE {
        return Ok(Vec::new());
    }
    Ok(at.slice(piece.data.offset, piece.data.length).window()?.to_vec())
}

/// The data of one node. What Linux would read otherwise, or not at all, is ambiguous: it does not look at the return
/// value of its inflate, nor at the checksum behind the stream, and its rtime ends where the output is full.
/// Of what other tools read and OpenWrt's kernel does not, the bytes come with what keeps it from that.
pub(super) fn unpack(at: &Input<'_>, piece: &Piece) -> Result<(Vec<u8>, Option<Defect>), Trouble> {
    let place = at.offset().saturating_add(piece.data.offset);
    let size = u64::from(piece.dsize);
    let refused =
        |field, what: &str| Defect::new(&defects::DATA, field, place, what, "a stream as Linux reads it");
    if size > LARGEST_PIECE {
        return Err(refused("dsize", "more than a page").into());
    }
    at.spend(size)?;
    let window = at.slice(piece.data.offset, piece.data.length).window()?;
    let decoded = match piece.compression {
        COMPR_NONE => return Ok((window.to_vec(), None)),
        COMPR_ZERO => return Ok((vec![0; to_usize(size)], None)),
        COMPR_RTIME => rtime(&window, size),
        // A smaller window than 32 KiB is one that some streams go beyond.
        COMPR_ZLIB if window.first() == Some(&0x78) => decode(Codec::Gzip, &window, Some(size), size),
        COMPR_LZO => decode(Codec::Lzo, &window, Some(size), size),
        COMPR_LZMA => lzma(&window, size),
        _ => return Err(refused("compr", "a compression that is not known").into()),
    };
    // What the end of an LZMA coder writes is not all read again, and nobody looks whether it is.
    let most = if piece.compression == COMPR_LZMA { LZMA_END } else { 0 };
    let read =
        |decoded: &Decoded| len64(&window).checked_sub(decoded.consumed).is_some_and(|left| left <= most);
    match decoded {
        Ok(decoded) if read(&decoded) && !decoded.slack => {
            let marker = || refused("data", "an end marker");
            Ok((decoded.bytes, decoded.marker.then(marker)))
        }
        Ok(_) => Err(refused("data", "more than the stream needs").into()),
        Err(error) => Err(refused("data", error.what()).into()),
    }
}

/// OpenWrt's compression 8 is raw LZMA: lc, lp and pb are zero, the dictionary has 8 KiB, nothing of this is written. Its
/// kernel calls the decoder of the LZMA SDK with `LZMA_FINISH_ANY` and fails where that has not finished: with an end
/// marker behind the content it has not.
fn lzma(stream: &[u8], size: u64) -> Result<Decoded, DecodeError> {
    let header = [&[0u8, 0, 0x20, 0, 0][..], &size.to_le_bytes()].concat();
    let mut decoded = decode(Codec::Lzma, &[&header, stream].concat(), Some(size), size)?;
    decoded.consumed = decoded.consumed.saturating_sub(len64(&header));
    Ok(decoded)
}

/// Linux `fs/jffs2/compr_rtime.c`: each byte is followed by how many bytes repeat what came after it the last time.
fn rtime(input: &[u8], size: u64) -> Result<Decoded, DecodeError> {
    let size = to_usize(size);
    let mut positions = [0usize; 256];
    let mut out: Vec<u8> = Vec::with_capacity(size);
    let mut pairs = input.chunks_exact(2);
    let malformed = DecodeError::Malformed { offset: 0 };
    while out.len() < size {
        let Some(&[value, repeat]) = pairs.next() else { return Err(DecodeError::Truncated) };
        out.push(value);
        let slot = positions.get_mut(usize::from(value)).ok_or(malformed)?;
        let from = *slot;
        *slot = out.len();
        for back in 0..usize::from(repeat) {
            if out.len() >= size {
                return Err(DecodeError::SizeMismatch);
            }
            let byte = from.checked_add(back).and_then(|from| out.get(from)).copied();
            out.push(byte.ok_or(malformed)?);
        }
    }
    let left = pairs.len().saturating_mul(2).saturating_add(pairs.remainder().len());
    Ok(Decoded::new(out, len64(input.get(left..).unwrap_or_default())))
}

/// Bytes that the encoder writes to end its range.
const LZMA_END: u64 = 5;
pub(super) const UNKNOWN_DEVICE: (u32, u32) = (u32::MAX, u32::MAX);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn device_numbers_have_the_byte_order_of_the_file_system() {
        // mkfs.jffs2 of ttyS1 (4:65), and of 259:70000, which does not fit into two bytes.
        assert_eq!(device(&[0x41, 4], Endian::Little), (4, 65));
        assert_eq!(device(&[4, 0x41], Endian::Big), (4, 65));
        assert_eq!(device(&[0x70, 3, 0x11, 0x11], Endian::Little), (0x103, 70000));
        assert_eq!(device(&[0x11, 0x11, 3, 0x70], Endian::Big), (0x103, 70000));
        assert_eq!(device(&[1], Endian::Little), UNKNOWN_DEVICE);
    }

    #[test]
    fn lzma_of_openwrt_has_no_header() {
        // 1,380 bytes as liblzma packs them, with its end marker, and as the LZMA SDK does, without.
        let marked = b"\x00\x37\x9d\xb3\xd0\x1c\x91\x34\xc5\x47\x16\xf7\x43\xe3\x79\x18\x00\x9d\x92\x95\xd3\x6f\x05\xcf\
            \x0f\xc9\xb6\xaf\x91\x3c\x56\x9f\x8a\x61\x37\xee\xff\xdc\x73\xf0\x00";
        let decoded = lzma(marked, 1380).expect("a stream");
        assert!(decoded.marker && decoded.consumed == len64(marked));
        let options = lzma_rust2::LzmaOptions {
            lc: 0,
            lp: 0,
            pb: 0,
            dict_size: 0x2000,
            ..lzma_rust2::LzmaOptions::with_preset(6)
        };
        let size = Some(1380);
        let mut writer =
            lzma_rust2::LzmaWriter::new(Vec::new(), &options, false, false, size).expect("options");
        std::io::Write::write_all(&mut writer, &decoded.bytes).expect("memory");
        let stream = writer.finish().expect("memory");
        let again = lzma(&stream, 1380).expect("a stream");
        assert!(!again.marker && again.bytes == decoded.bytes);
        assert!(len64(&stream) - again.consumed <= LZMA_END, "{}", again.consumed);
    }

    #[test]
    fn rtime_repeats_what_followed() {
        let of = |input: &[u8], size| rtime(input, size).map(|decoded| (decoded.bytes, decoded.consumed));
        assert_eq!(of(b"a\0b\0a\x01", 4), Ok((b"abab".to_vec(), 6)));
        assert_eq!(of(b"a\0b\0a\x01more", 4), Ok((b"abab".to_vec(), 6)), "what lies behind is not read");
        assert_eq!(of(b"a\x05", 3), Err(DecodeError::SizeMismatch));
        assert_eq!(of(b"a", 1), Err(DecodeError::Truncated));
    }
}
