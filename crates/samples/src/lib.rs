//! Sample images: text descriptions under `firmware-samples/` turned into bytes, the same bytes everywhere.
//!
//! Development only. Every description pins the SHA-256 of what it makes, so that a sample cannot change unseen.
//!
//! ```
//! let bytes = kiwame_samples::assemble("part = [{ ascii = \"AB\" }, { fill = 255, count = 2 }]").unwrap();
//! assert_eq!(bytes, b"AB\xff\xff");
//! ```

pub mod golden;
mod keys;
mod text;
mod uefi;

use std::fs;
use std::path::{Path, PathBuf};

pub use keys::{seal, test_key};
pub use text::assemble;
pub use uefi::Ovmf;

/// What can be wrong with a description.
#[derive(Debug)]
pub enum SampleError {
    /// The description is not TOML of our schema.
    Description(String),
    /// A file cannot be read.
    Read(PathBuf, std::io::Error),
    /// The bytes are not those the description pins.
    Digest {
        /// What the description pins.
        pinned: String,
        /// What was made.
        made: String,
    },
    /// An edit does not fit the base image.
    Edit(&'static str),
}

impl core::fmt::Display for SampleError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Description(what) => f.write_str(what),
            Self::Read(path, error) => write!(f, "{}: {error}", path.display()),
            Self::Digest { pinned, made } => write!(f, "sha256: made {made}, the description pins {pinned}"),
            Self::Edit(what) => f.write_str(what),
        }
    }
}

impl core::error::Error for SampleError {}

/// The folder with the samples.
#[must_use]
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../firmware-samples")
}

/// All descriptions under a folder of samples, as names such as `uefi/added-driver`, sorted.
///
/// # Errors
/// When the folder cannot be read.
pub fn names() -> Result<Vec<String>, SampleError> {
    let root = folder();
    let list = |folder: &Path| -> Result<Vec<PathBuf>, SampleError> {
        let entries = fs::read_dir(folder).map_err(|error| SampleError::Read(folder.to_owned(), error))?;
        Ok(entries.filter_map(|entry| Some(entry.ok()?.path())).collect())
    };
    let mut names = Vec::new();
    for group in list(&root)?.into_iter().filter(|path| path.is_dir() && !path.ends_with("descriptions")) {
        for file in list(&group)?.into_iter().filter(|path| path.extension().is_some_and(|e| e == "toml")) {
            let name = file.strip_prefix(&root).unwrap_or(&file).with_extension("");
            names.push(name.to_string_lossy().into_owned());
        }
    }
    names.sort();
    Ok(names)
}

/// The bytes of a sample: of `uefi/OVMF_CODE_4M.fd`, a file as it is, or of `uefi/added-driver`, made from its
/// description and checked against the digest that it pins.
///
/// # Errors
/// When there is no such sample, or it does not come out as pinned.
pub fn sample(name: &str) -> Result<Vec<u8>, SampleError> {
    let path = folder().join(name);
    if path.is_file() {
        return fs::read(&path).map_err(|error| SampleError::Read(path, error));
    }
    let path = folder().join(format!("{name}.toml"));
    let description = fs::read_to_string(&path).map_err(|error| SampleError::Read(path, error))?;
    let pinned = text::pinned(&description)?;
    // Some take seconds to make; what was made before is taken when it has the pinned digest.
    let kept = pinned
        .as_ref()
        .map(|pinned| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../build/samples").join(pinned));
    if let Some(bytes) = kept.as_ref().and_then(|kept| fs::read(kept).ok())
        && Some(sha256(&bytes)) == pinned
    {
        return Ok(bytes);
    }
    let bytes = assemble(&description)?;
    let made = sha256(&bytes);
    if let Some(pinned) = pinned.filter(|pinned| *pinned != made) {
        return Err(SampleError::Digest { pinned, made });
    }
    if let Some(kept) = kept {
        keep(&kept, &bytes);
    }
    Ok(bytes)
}

/// Keeps a sample for the next time. That it cannot be kept is no error: it can be made again.
fn keep(path: &Path, bytes: &[u8]) {
    let aside = path.with_extension(std::process::id().to_string());
    let folder = path.parent().unwrap_or(path);
    let _ = fs::create_dir_all(folder)
        .and_then(|()| fs::write(&aside, bytes))
        .and_then(|()| fs::rename(&aside, path));
}

/// SHA-256 in hexadecimal.
#[must_use]
pub fn sha256(bytes: &[u8]) -> String {
    use sha2::Digest;
    sha2::Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}
