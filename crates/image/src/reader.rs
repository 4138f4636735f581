//! Reads fields out of one window, and names each of them.

use crate::{Defect, DefectKind, Guid, Value, len64, to_usize};

/// Walks one piece of bytes from front to back. It cannot index and cannot fail without saying which field was
/// missing and where.
#[derive(Clone, Debug)]
pub struct Reader<'a> {
    bytes: &'a [u8],
    base: u64,
    at: u64,
    truncated: &'static DefectKind,
}

macro_rules! integers {
    ($($name:ident $type:ty, $from:ident;)*) => {
        $(
            #[doc = concat!("The next field, a `", stringify!($type), "`.\n\n# Errors\nA defect when the bytes end first.")]
            pub fn $name(&mut self, field: &'static str) -> Result<$type, Defect> {
                let mut raw = [0; size_of::<$type>()];
                let length = len64(&raw);
                raw.copy_from_slice(self.bytes(length, field)?);
                Ok(<$type>::$from(raw))
            }
        )*
    };
}

impl<'a> Reader<'a> {
    /// A reader over `bytes`, the first of which lies at `base` of its space. `truncated` is the defect of
    /// bytes that end too early.
    #[must_use]
    pub fn new(bytes: &'a [u8], base: u64, truncated: &'static DefectKind) -> Self {
        Self { bytes, base, at: 0, truncated }
    }

    /// Offset of the next field in the space.
    #[must_use]
    pub fn offset(&self) -> u64 {
        self.base.saturating_add(self.at)
    }

    /// How far the reader has come, in bytes from where it began.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.at
    }

    /// Bytes that are left.
    #[must_use]
    pub fn remaining(&self) -> u64 {
        len64(self.bytes).saturating_sub(self.at)
    }

    /// The next `length` bytes.
    ///
    /// # Errors
    /// A defect when fewer are left.
    pub fn bytes(&mut self, length: u64, field: &'static str) -> Result<&'a [u8], Defect> {
        let end = self.at.saturating_add(length);
        let piece = self.bytes.get(to_usize(self.at)..to_usize(end)).ok_or_else(|| {
            Defect::new(
                self.truncated,
                field,
                self.offset(),
                Value::Text(format!("{} bytes left", self.remaining())),
                Value::Text(format!("{length} bytes")),
            )
        })?;
        self.at = end;
        Ok(piece)
    }

    /// The next field, a GUID in EFI byte order.
    ///
    /// # Errors
    /// A defect when the bytes end first.
    pub fn guid(&mut self, field: &'static str) -> Result<Guid, Defect> {
        let mut raw = [0; 16];
        raw.copy_from_slice(self.bytes(16, field)?);
        Ok(Guid(raw))
    }

    /// A 24-bit little-endian number, as UEFI sizes are.
    ///
    /// # Errors
    /// A defect when the bytes end first.
    pub fn u24_le(&mut self, field: &'static str) -> Result<u32, Defect> {
        let mut raw = [0; 4];
        let (low, _) = raw.split_at_mut(3);
        low.copy_from_slice(self.bytes(3, field)?);
        Ok(u32::from_le_bytes(raw))
    }

    integers! {
        u16_le u16, from_le_bytes;
        u32_le u32, from_le_bytes;
        u64_le u64, from_le_bytes;
        u16_be u16, from_be_bytes;
        u32_be u32, from_be_bytes;
        u64_be u64, from_be_bytes;
    }

    /// The next byte.
    ///
    /// # Errors
    /// A defect when none is left.
    pub fn u8(&mut self, field: &'static str) -> Result<u8, Defect> {
        Ok(self.bytes(1, field)?.first().copied().unwrap_or(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    static TRUNCATED: DefectKind = DefectKind::odd("demo/truncated").cut_short();

    #[test]
    fn a_missing_field_is_named_with_its_absolute_offset() {
        let mut reader = Reader::new(&[1, 2, 3], 0x100, &TRUNCATED);
        assert_eq!(reader.u16_le("First"), Ok(0x0201));
        let defect = reader.u32_le("Second").unwrap_err();
        assert_eq!((defect.kind, defect.field, defect.offset), (&TRUNCATED, "Second", 0x102));
        assert_eq!(reader.u8("Second"), Ok(3), "a failed read consumes nothing");
    }

    #[test]
    fn byte_orders() {
        let mut reader = Reader::new(&[1, 2, 3, 4, 5, 6, 7], 0, &TRUNCATED);
        assert_eq!(reader.u24_le("a"), Ok(0x03_0201));
        assert_eq!(reader.u32_be("b"), Ok(0x0405_0607));
    }
}
