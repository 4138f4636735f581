//! The files that were dropped on the page, as sources.

use js_sys::{Array, Uint8Array};
use sha2::Digest as _;
use wasm_bindgen::prelude::*;
use web_sys::{Blob, FileReaderSync};

/// How much is copied in here at a time to be hashed.
const CHUNK: u32 = 256 << 10;
/// How much of a file is read at a time: larger slices make the browser's processes swell.
const SLICE: u64 = 8 << 20;

/// The sources of one run.
#[derive(Debug)]
pub(crate) struct Sources {
    list: Vec<Source>,
}

#[derive(Debug)]
enum Source {
    /// In the worker's memory.
    Memory(Uint8Array),
    /// Where it lies, too large for that. Only a worker may read it while somebody waits.
    File(Blob, FileReaderSync),
}

impl Sources {
    pub(crate) fn new(list: &Array) -> Result<Self, JsError> {
        let source = |value: JsValue| match value.dyn_into::<Uint8Array>() {
            Ok(bytes) => Ok(Source::Memory(bytes)),
            Err(value) => {
                let blob =
                    value.dyn_into().map_err(|_| JsError::new("a source is neither bytes nor a file"))?;
                let reader =
                    FileReaderSync::new().map_err(|_| JsError::new("files can be read in a worker only"))?;
                Ok(Source::File(blob, reader))
            }
        };
        Ok(Self { list: list.iter().map(source).collect::<Result<_, JsError>>()? })
    }

    /// Fills `into`; `None` when the source has no such bytes, or can no longer be read.
    pub(crate) fn read(&self, source: u32, offset: u64, into: &Uint8Array) -> Option<()> {
        let source = self.list.get(source as usize)?;
        let end = offset.checked_add(into.length().into())?;
        let mut at = offset;
        while at < end {
            let piece = source.piece(at, (end - at).min(SLICE))?;
            into.set(&piece, (at - offset) as u32);
            at += u64::from(piece.length());
        }
        Some(())
    }

    /// Hashes a range of a source; `None` as for [`Sources::read`].
    pub(crate) fn hash(&self, source: u32, offset: u64, length: u64, hasher: &mut Hasher) -> Option<()> {
        let source = self.list.get(source as usize)?;
        let end = offset.checked_add(length)?;
        let mut at = offset;
        while at < end {
            let piece = source.piece(at, (end - at).min(SLICE))?;
            hasher.feed(&piece);
            at += u64::from(piece.length());
        }
        Some(())
    }
}

impl Source {
    /// All of these bytes, or nothing.
    fn piece(&self, offset: u64, length: u64) -> Option<Uint8Array> {
        let end = offset.checked_add(length)?;
        match self {
            Self::Memory(bytes) => {
                let whole = (end <= bytes.length().into()).then_some(bytes)?;
                Some(whole.subarray(offset as u32, end as u32))
            }
            Self::File(blob, reader) => {
                // Exact: files are far below 2^53 bytes.
                let slice = blob.slice_with_f64_and_f64(offset as f64, end as f64).ok()?;
                let bytes = Uint8Array::new(&reader.read_as_array_buffer(&slice).ok()?.into());
                (u64::from(bytes.length()) == length).then_some(bytes)
            }
        }
    }
}

/// One of the algorithms that the core can ask for.
pub(crate) enum Hasher {
    Sha256(sha2::Sha256),
    Sha384(sha2::Sha384),
    Sha512(sha2::Sha512),
}

impl Hasher {
    pub(crate) fn new(algorithm: u32) -> Option<Self> {
        match algorithm {
            0 => Some(Self::Sha256(sha2::Sha256::new())),
            1 => Some(Self::Sha384(sha2::Sha384::new())),
            2 => Some(Self::Sha512(sha2::Sha512::new())),
            _ => None,
        }
    }

    pub(crate) fn feed(&mut self, bytes: &Uint8Array) {
        let mut buffer = vec![0; CHUNK.min(bytes.length()) as usize];
        let mut at = 0;
        while at < bytes.length() {
            let piece = bytes.subarray(at, at.saturating_add(CHUNK).min(bytes.length()));
            let into = &mut buffer[..piece.length() as usize];
            piece.copy_to(into);
            match self {
                Self::Sha256(hasher) => hasher.update(&into),
                Self::Sha384(hasher) => hasher.update(&into),
                Self::Sha512(hasher) => hasher.update(&into),
            }
            at += piece.length();
        }
    }

    pub(crate) fn finish(self) -> Vec<u8> {
        match self {
            Self::Sha256(hasher) => hasher.finalize().to_vec(),
            Self::Sha384(hasher) => hasher.finalize().to_vec(),
            Self::Sha512(hasher) => hasher.finalize().to_vec(),
        }
    }
}

/// SHA-256 of some bytes.
pub(crate) fn sha256(bytes: &Uint8Array) -> Vec<u8> {
    let mut hasher = Hasher::Sha256(sha2::Sha256::new());
    hasher.feed(bytes);
    hasher.finish()
}

/// Lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
