//! Reads fields out of one window, and names each of them.

use crate::{Defect, DefectKind, Guid, Value, len64, to_usize};

/// In which order the bytes of a number lie.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Endian {
    /// The lowest first.
    #[default]
    Little,
    /// The highest first.
    Big,
}

impl Endian {
    /// The other one.
    #[must_use]
    pub fn other(self) -> Self {
        match self {
            Self::Little => Self::Big,
            Self::Big => Self::Little,
        }
    }

    /// As reports and manifests have it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Little => "little",
            Self::Big => "big",
        }
    }

    /// The number that four bytes are.
    #[must_use]
    pub fn u32(self, bytes: [u8; 4]) -> u32 {
        match self {
            Self::Little => u32::from_le_bytes(bytes),
            Self::Big => u32::from_be_bytes(bytes),
        }
    }

    /// The bytes of a number.
    #[must_use]
    pub fn bytes_of_u32(self, number: u32) -> [u8; 4] {
        match self {
            Self::Little => number.to_le_bytes(),
            Self::Big => number.to_be_bytes(),
        }
    }

    /// The bytes of a number.
    #[must_use]
    pub fn bytes_of_u16(self, number: u16) -> [u8; 2] {
        match self {
            Self::Little => number.to_le_bytes(),
            Self::Big => number.to_be_bytes(),
        }
    }
}

/// Walks one piece of bytes from front to back. It cannot index and cannot fail without saying which field was
/// missing and where.
#[derive(Clone, Debug)]
pub struct Reader<'a> {
    bytes: &'a [u8],
    base: u64,
    at: u64,
    truncated: &'static DefectKind,
    order: Endian,
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
        Self { bytes, base, at: 0, truncated, order: Endian::Little }
    }

    /// The same reader, of numbers in that order where their name does not say one.
    #[must_use]
    pub fn ordered(self, order: Endian) -> Self {
        Self { order, ..self }
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

    /// The next field, a `u16` in the reader's order.
    ///
    /// # Errors
    /// A defect when the bytes end first.
    pub fn u16(&mut self, field: &'static str) -> Result<u16, Defect> {
        match self.order {
            Endian::Little => self.u16_le(field),
            Endian::Big => self.u16_be(field),
        }
    }

    /// The next field, a `u32` in the reader's order.
    ///
    /// # Errors
    /// A defect when the bytes end first.
    pub fn u32(&mut self, field: &'static str) -> Result<u32, Defect> {
        match self.order {
            Endian::Little => self.u32_le(field),
            Endian::Big => self.u32_be(field),
        }
    }

    /// The next field, a `u64` in the reader's order.
    ///
    /// # Errors
    /// A defect when the bytes end first.
    pub fn u64(&mut self, field: &'static str) -> Result<u64, Defect> {
        match self.order {
            Endian::Little => self.u64_le(field),
            Endian::Big => self.u64_be(field),
        }
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
        for (order, number) in [(Endian::Little, 0x0403_0201), (Endian::Big, 0x0102_0304)] {
            let mut reader = Reader::new(&[1, 2, 3, 4, 5, 6], 0, &TRUNCATED).ordered(order);
            assert_eq!(reader.u32("a"), Ok(number));
            assert_eq!(reader.u16("b").map(|number| order.bytes_of_u16(number)), Ok([5, 6]));
            assert_eq!(reader.u64("c").map_err(|defect| defect.kind), Err(&TRUNCATED));
            assert_eq!((order.u32([1, 2, 3, 4]), order.bytes_of_u32(number)), (number, [1, 2, 3, 4]));
            assert_ne!(order.other(), order);
        }
    }
}
