//! LZMA2: LZMA in chunks, as `.xz` files carry it.
//!
//! The `.xz` file format 1.2.1, section 5.3.1, and `lzma2_decoder.c` of XZ Utils 5.4 for the chunks.
//!
//! ```text
//! 00                          end
//! 01, 02  size - 1    2       bytes as they are; 01 begins a new dictionary
//! 80 … ff size - 1    2       with the low five bits of the first byte above it
//!         packed - 1  2       a range coder of its own
//!         properties  1       from c0 on; a0 resets the probabilities, e0 begins a new dictionary
//! ```

use kiwame_image::len64;

use super::DecodeError;
use super::lzma::{Model, Position, Properties, RangeCoder, SLACK};

/// Decodes from the start of `input` and appends to `out`, which may grow to `limit` bytes. Returns how many bytes of
/// the input the chunks have. `out` is left with what was decoded, also after an error.
pub(super) fn decode(
    input: &[u8],
    out: &mut Vec<u8>,
    limit: usize,
    dictionary: u32,
) -> Result<usize, DecodeError> {
    let mut chunks = Chunks { input, from: 0, start: None, dictionary, model: None };
    loop {
        match chunks.next(out, limit) {
            Ok(true) => {}
            Ok(false) => return Ok(chunks.from),
            Err(error) => return Err(error),
        }
    }
}

/// How many bytes the chunks at the start of `input` have, without decoding them.
pub(super) fn length(input: &[u8]) -> Option<usize> {
    let mut at = 0usize;
    loop {
        let control = *input.get(at)?;
        let word = |offset: usize| {
            let raw = input.get(at.checked_add(offset)?..)?.first_chunk()?;
            Some(usize::from(u16::from_be_bytes(*raw)).saturating_add(1))
        };
        let length = match control {
            0 => return at.checked_add(1),
            1..0x80 => word(1)?.checked_add(3)?,
            0x80..0xc0 => word(3)?.checked_add(5)?,
            _ => word(3)?.checked_add(6)?,
        };
        at = at.checked_add(length)?;
    }
}

struct Chunks<'i> {
    input: &'i [u8],
    from: usize,
    /// Where in the output the dictionary begins.
    start: Option<usize>,
    dictionary: u32,
    /// `None` until properties came.
    model: Option<(Properties, Model)>,
}

impl<'i> Chunks<'i> {
    /// Decodes one chunk; false at the end.
    fn next(&mut self, out: &mut Vec<u8>, limit: usize) -> Result<bool, DecodeError> {
        let control = self.byte(0)?;
        if control == 0 {
            self.from = self.from.saturating_add(1);
            return Ok(false);
        }
        if control == 1 || control >= 0xe0 {
            self.start = Some(out.len());
            self.model = self.model.take().filter(|_| control != 1);
        }
        let start = self.start.ok_or_else(|| self.malformed())?;
        if control < 0x80 {
            self.plain(control, out, limit)?;
        } else {
            self.packed(control, start, out, limit)?;
        }
        Ok(true)
    }

    fn plain(&mut self, control: u8, out: &mut Vec<u8>, limit: usize) -> Result<(), DecodeError> {
        if control > 2 {
            return Err(self.malformed());
        }
        let size = self.word(1)?.saturating_add(1);
        if size > limit.saturating_sub(out.len()) {
            return Err(DecodeError::Overflow);
        }
        out.extend(self.piece(3, size)?);
        self.from = self.from.saturating_add(3).saturating_add(size);
        Ok(())
    }

    fn packed(
        &mut self,
        control: u8,
        start: usize,
        out: &mut Vec<u8>,
        limit: usize,
    ) -> Result<(), DecodeError> {
        let high = usize::from(control & 0x1f).wrapping_shl(16);
        let size = self.word(1)?.saturating_add(high).saturating_add(1);
        let packed = self.word(3)?.saturating_add(1);
        let head = if control >= 0xc0 { 6 } else { 5 };
        if control >= 0xc0 {
            let properties = Properties::of(self.byte(5)?, self.dictionary);
            // Stricter than LZMA: liblzma has no room for more contexts.
            let properties = properties.filter(|found| found.lc.saturating_add(found.lp) <= 4);
            let properties = properties.ok_or_else(|| self.malformed())?;
            let model = Model::new(&properties);
            self.model = Some((properties, model));
        } else if control >= 0xa0 {
            let (properties, model) = self.model.as_mut().ok_or(DecodeError::Malformed { offset: 0 })?;
            *model = Model::new(properties);
        }
        if size > limit.saturating_sub(out.len()) {
            return Err(DecodeError::Overflow);
        }
        let chunk = self.piece(head, packed)?;
        let malformed = self.malformed();
        let (_, model) = self.model.as_mut().ok_or(malformed)?;
        let done = out.len();
        let end = done.saturating_add(size);
        out.resize(end.saturating_add(SLACK), 0);
        let decoded = chunk_into(
            chunk,
            model,
            out.get_mut(start..).unwrap_or_default(),
            done.saturating_sub(start),
            size,
            self.dictionary,
        );
        let whole = decoded.map_err(|error| match error {
            // A chunk says how long it is: one that ends too early is wrong, not cut off.
            DecodeError::Truncated | DecodeError::Malformed { .. } => malformed,
            DecodeError::Overflow | DecodeError::SizeMismatch => error,
        });
        out.truncate(end);
        if !whole? {
            return Err(malformed);
        }
        self.from = self.from.saturating_add(head).saturating_add(packed);
        Ok(())
    }

    fn byte(&self, offset: usize) -> Result<u8, DecodeError> {
        self.input.get(self.from.saturating_add(offset)).copied().ok_or(DecodeError::Truncated)
    }

    fn word(&self, offset: usize) -> Result<usize, DecodeError> {
        Ok(usize::from(u16::from_be_bytes([self.byte(offset)?, self.byte(offset.saturating_add(1))?])))
    }

    fn piece(&self, offset: usize, length: usize) -> Result<&'i [u8], DecodeError> {
        let start = self.from.saturating_add(offset);
        self.input.get(start..start.saturating_add(length)).ok_or(DecodeError::Truncated)
    }

    fn malformed(&self) -> DecodeError {
        DecodeError::Malformed { offset: len64(self.input.get(..self.from).unwrap_or_default()) }
    }
}

/// Decodes a chunk into `window`, from `done` on. True when it ends where it says.
fn chunk_into(
    chunk: &[u8],
    model: &mut Model,
    window: &mut [u8],
    done: usize,
    size: usize,
    dictionary: u32,
) -> Result<bool, DecodeError> {
    let mut coder = RangeCoder::new(chunk, 0)?;
    let mut position = Position { at: done, pending: 0 };
    let marker = model.run(&mut coder, window, &mut position, done.saturating_add(size), dictionary)?;
    let rest = coder.at_rest()?;
    Ok(!marker && position.pending == 0 && rest && coder.consumed()? == len64(chunk))
}

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects, clippy::as_conversions, reason = "tests")]
mod tests {
    use super::*;

    fn decode_all(input: &[u8], limit: usize) -> Result<(Vec<u8>, usize), DecodeError> {
        let mut out = Vec::new();
        let consumed = decode(input, &mut out, limit, 1 << 16)?;
        Ok((out, consumed))
    }

    #[test]
    fn plain_chunks_follow_each_other_and_nothing_follows_nothing() {
        let plain = [1, 0, 2, b'a', b'b', b'c', 2, 0, 0, b'd', 0, 9];
        assert_eq!(decode_all(&plain, 4), Ok((b"abcd".to_vec(), 11)));
        assert_eq!(decode_all(&plain, 3), Err(DecodeError::Overflow));
        assert_eq!(decode_all(&plain[..10], 4), Err(DecodeError::Truncated));
        for first in [2, 3, 0x7f, 0x80, 0xa0, 0xc0] {
            let chunk = [first, 0, 0, 0, 5, 0x5d, 0, 0, 0, 0, 0, 0, 0];
            assert!(
                matches!(decode_all(&chunk, 99), Err(DecodeError::Malformed { offset: 0 })),
                "{first:#x}"
            );
        }
        // Probabilities that nobody set, behind bytes that began a dictionary.
        let unset = [1, 0, 0, b'a', 0x80, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0];
        assert!(decode_all(&unset, 99).is_err());
        let too_many_contexts = [0xe0, 0, 0, 0, 5, 4 * 9 + 8, 0, 0, 0, 0, 0, 0];
        assert!(matches!(decode_all(&too_many_contexts, 99), Err(DecodeError::Malformed { .. })));
    }
}
