//! What the core asks of its host: bytes of a source, digests, and somebody to tell how far it is.

use core::fmt;

use crate::{Algorithm, Digest, len64, to_usize};

/// Lends sources to the core. Sources are numbered from 0 in the order of the request.
pub trait Host {
    /// Fills `into` with the bytes of `source` from `offset`.
    ///
    /// # Errors
    /// When the source has no such bytes, or is no longer what it was when it was opened.
    fn read(&self, source: u32, offset: u64, into: &mut [u8]) -> Result<(), ReadError>;

    /// The digest over the parts, one behind the other.
    ///
    /// # Errors
    /// As [`Host::read`].
    fn digest(&self, algorithm: Algorithm, parts: &[Part<'_>]) -> Result<Digest, ReadError>;

    /// Tells how many of `total` bytes of the image are done. Says nothing about the verdict.
    fn progress(&self, done: u64, total: u64) {
        let _ = (done, total);
    }
}

/// A piece of what is to be hashed.
#[derive(Clone, Copy)]
pub enum Part<'a> {
    /// A range of a source, which the host hashes without handing it over.
    Source {
        /// Number of the source.
        source: u32,
        /// First byte.
        offset: u64,
        /// Length in bytes.
        length: u64,
    },
    /// Bytes that the core holds, such as a decoded stream.
    Memory(&'a [u8]),
}

impl fmt::Debug for Part<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Source { source, offset, length } => write!(f, "source {source} {offset:#x}+{length:#x}"),
            Self::Memory(bytes) => write!(f, "memory {:#x}", bytes.len()),
        }
    }
}

/// A source could not be read as it was announced: the run ends with exit code 2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadError {
    /// Number of the source.
    pub source: u32,
    /// Where the read began.
    pub offset: u64,
    /// How many bytes were asked for.
    pub length: u64,
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "source {}: cannot read {} bytes at offset {:#x}", self.source, self.length, self.offset)
    }
}

/// Sources held in memory: the host of the library and of the tests.
#[derive(Debug, Default)]
pub struct Memory {
    sources: Vec<Vec<u8>>,
}

impl Memory {
    /// A host that lends these sources, numbered in this order.
    #[must_use]
    pub fn new(sources: impl IntoIterator<Item = Vec<u8>>) -> Self {
        Self { sources: sources.into_iter().collect() }
    }

    fn range(&self, source: u32, offset: u64, length: u64) -> Result<&[u8], ReadError> {
        let error = ReadError { source, offset, length };
        let bytes = self.sources.get(to_usize(source.into())).ok_or(error)?;
        let end = offset.checked_add(length).ok_or(error)?;
        bytes.get(to_usize(offset)..to_usize(end)).ok_or(error)
    }
}

impl Host for Memory {
    fn read(&self, source: u32, offset: u64, into: &mut [u8]) -> Result<(), ReadError> {
        let bytes = self.range(source, offset, len64(into))?;
        into.copy_from_slice(bytes);
        Ok(())
    }

    fn digest(&self, algorithm: Algorithm, parts: &[Part<'_>]) -> Result<Digest, ReadError> {
        let slices = parts
            .iter()
            .map(|part| match *part {
                Part::Source { source, offset, length } => self.range(source, offset, length),
                Part::Memory(bytes) => Ok(bytes),
            })
            .collect::<Result<Vec<_>, _>>()?;
        let bytes = match algorithm {
            Algorithm::Sha256 => hash::<sha2::Sha256>(&slices),
            Algorithm::Sha384 => hash::<sha2::Sha384>(&slices),
            Algorithm::Sha512 => hash::<sha2::Sha512>(&slices),
        };
        Digest::new(algorithm, &bytes).ok_or(ReadError { source: 0, offset: 0, length: 0 })
    }
}

fn hash<D: sha2::Digest>(slices: &[&[u8]]) -> Vec<u8> {
    let mut hasher = D::new();
    for slice in slices {
        hasher.update(slice);
    }
    hasher.finalize().to_vec()
}
