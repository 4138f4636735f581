//! Decoders of the streams that firmware carries.
//!
//! Each takes the bytes from the start of a stream on, says exactly how many of them the stream has, and gives
//! its content in one allocation that never grows beyond the room it was given. What lies behind the stream is
//! the caller's to account for.

pub(crate) mod lzma;
pub(crate) mod tiano;
pub(crate) mod x86;

/// A stream that was decoded to its end.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Decoded {
    /// The content.
    pub(crate) bytes: Vec<u8>,
    /// How many bytes of the input the stream has, headers and end marker included.
    pub(crate) consumed: u64,
}

/// Why a stream was not decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DecodeError {
    /// The content is larger than the room for it.
    Overflow,
    /// The input contradicts the format at this offset of it.
    Malformed {
        /// How far the decoder had come in the input.
        offset: u64,
    },
    /// The input ends before the stream does.
    Truncated,
    /// The stream ends before or behind the size that was declared for it.
    SizeMismatch,
}

impl DecodeError {
    /// What it is, for the text of a defect.
    pub(crate) fn what(self) -> &'static str {
        match self {
            Self::Overflow => "more content than there is room for",
            Self::Malformed { .. } => "malformed stream",
            Self::Truncated => "the stream ends too early",
            Self::SizeMismatch => "the stream has not the declared size",
        }
    }

    /// Where in the input it was noticed, as far as that is known.
    pub(crate) fn offset(self) -> u64 {
        match self {
            Self::Malformed { offset } => offset,
            Self::Overflow | Self::Truncated | Self::SizeMismatch => 0,
        }
    }
}
