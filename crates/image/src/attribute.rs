//! What a format says about a region beyond its place: mode, type, entry point, alignment.

use crate::{Fact, Span};

/// One fact about a region, in the vocabulary of its specification.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attribute {
    /// What it is about; one of a fact within the region.
    pub fact: &'static Fact,
    /// Value.
    pub value: Value,
}

/// The value of an attribute, or of a field named in a defect.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Value {
    /// A number.
    Uint(u64),
    /// Text. Untrusted: it reaches people only through the escape function.
    Text(String),
    /// Bytes, shown in hexadecimal.
    Bytes(Vec<u8>),
    /// Yes or no.
    Flag(bool),
    /// Partitions, as the image states them.
    Places(Vec<Stated>),
}

/// A partition, as the image states it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Stated {
    /// Its name, escaped as the keys of paths are.
    pub name: String,
    /// Where it begins on the medium.
    pub offset: u64,
    /// How many bytes it has; `None` for all that is left.
    pub length: Option<u64>,
}

impl Stated {
    /// Where it lies on a medium that ends there.
    #[must_use]
    pub fn span(&self, end: u64) -> Span {
        Span::new(self.offset, self.length.unwrap_or(end.saturating_sub(self.offset)))
    }

    /// `name@offset+length`, with numbers in hexadecimal and `rest` for all that is left.
    #[must_use]
    pub fn display(&self) -> String {
        let length = self.length.map_or("rest".to_owned(), |length| format!("{length:#x}"));
        format!("{}@{:#x}+{length}", self.name, self.offset)
    }
}

impl Value {
    /// Bytes of memory behind it.
    pub(crate) fn length(&self) -> u64 {
        match self {
            Self::Uint(_) | Self::Flag(_) => 0,
            Self::Text(text) => crate::len64(text.as_bytes()),
            Self::Bytes(bytes) => crate::len64(bytes),
            Self::Places(places) => {
                let lengths =
                    places.iter().map(|place| crate::len64(place.name.as_bytes()).saturating_add(40));
                lengths.fold(0, u64::saturating_add)
            }
        }
    }

    /// The value as text that is the same on every host: numbers as `0x…`, bytes in hexadecimal.
    #[must_use]
    pub fn display(&self) -> String {
        match self {
            Self::Uint(number) => format!("{number:#x}"),
            Self::Text(text) => text.clone(),
            Self::Bytes(bytes) => crate::digest::hex(bytes),
            Self::Flag(flag) => flag.to_string(),
            Self::Places(places) => places.iter().map(Stated::display).collect::<Vec<_>>().join(" "),
        }
    }
}

macro_rules! from {
    ($($from:ty => $variant:ident),* $(,)?) => {
        $(impl From<$from> for Value {
            fn from(value: $from) -> Self { Self::$variant(value.into()) }
        })*
    };
}
from!(u8 => Uint, u16 => Uint, u32 => Uint, u64 => Uint, bool => Flag, String => Text, &str => Text, Vec<u8> => Bytes, &[u8] => Bytes);

impl From<Vec<Stated>> for Value {
    fn from(places: Vec<Stated>) -> Self {
        Self::Places(places)
    }
}
