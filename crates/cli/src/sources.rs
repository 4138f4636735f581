//! The files that a run may see, lent to the core one range at a time.
//!
//! A file up to [`IN_MEMORY`] is read once and kept; a larger one is read where the core asks. Either way its
//! identity is taken before it is opened and compared afterwards: a report must be about one image, not about
//! two halves of two.

use std::fs::{self, File, Metadata};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use kiwame_image::{Algorithm, Digest, Host, Part, Problem, ReadError};

use crate::problems;
use crate::progress::Progress;

/// Larger sources stay on disk. Most firmware is far smaller; disk images are not.
pub(crate) const IN_MEMORY: u64 = 64 << 20;
/// How much of a source on disk is hashed at a time.
const CHUNK: usize = 1 << 20;

/// One input of a run.
#[derive(Debug)]
pub(crate) struct Source {
    /// What it is for: `image`, `manifest`, …
    pub(crate) role: &'static str,
    /// How the user called it.
    pub(crate) name: String,
    /// Bytes.
    pub(crate) size: u64,
    store: Store,
    identity: Option<(PathBuf, Identity)>,
    whole: Mutex<Vec<Digest>>,
}

#[derive(Debug)]
enum Store {
    Memory(Vec<u8>),
    Disk(File),
}

impl Source {
    /// Opens a file; `-` is standard input.
    pub(crate) fn open(role: &'static str, path: &Path) -> Result<Self, Problem> {
        Self::open_among(role, path, 1)
    }

    /// Opens one of so many that are kept at the same time. What can be read only once has its share of the memory.
    pub(crate) fn open_among(role: &'static str, path: &Path, count: u64) -> Result<Self, Problem> {
        let share = IN_MEMORY / count.max(1);
        if path == Path::new("-") {
            let spooled = Self::spool(role, "-", io::stdin().lock(), share);
            return spooled.map_err(|error| problems::unreadable(path, &error));
        }
        let before = fs::metadata(path).map_err(|error| problems::unreadable(path, &error))?;
        if before.is_dir() {
            return Err(problems::with(&problems::FOLDER, path));
        }
        let file = File::open(path).map_err(|error| problems::unreadable(path, &error))?;
        let name = path.display().to_string();
        if !before.is_file() {
            return Self::spool(role, &name, file, share).map_err(|error| problems::unreadable(path, &error));
        }
        let source = Self::regular(role, name, path, file, &before)
            .map_err(|error| problems::unreadable(path, &error))?;
        source.unchanged()?;
        Ok(source)
    }

    /// Bytes that we made ourselves.
    pub(crate) fn memory(role: &'static str, name: &str, bytes: Vec<u8>) -> Self {
        Self {
            role,
            name: name.to_owned(),
            size: bytes.len() as u64,
            store: Store::Memory(bytes),
            identity: None,
            whole: Mutex::default(),
        }
    }

    fn regular(
        role: &'static str,
        name: String,
        path: &Path,
        mut file: File,
        before: &Metadata,
    ) -> io::Result<Self> {
        let size = before.len();
        let store = if size > IN_MEMORY {
            Store::Disk(file)
        } else {
            // One more than announced, so that a file that grew is noticed, and no more, however much it grew.
            let mut bytes = Vec::with_capacity(size as usize + 1);
            file.by_ref().take(size + 1).read_to_end(&mut bytes)?;
            Store::Memory(bytes)
        };
        let identity = Some((path.to_path_buf(), Identity::of(before)));
        let size = if let Store::Memory(bytes) = &store { bytes.len() as u64 } else { size };
        Ok(Self { role, name, size, store, identity, whole: Mutex::default() })
    }

    /// Reads what can be read only once: into memory, or into an unnamed temporary file when it is large.
    fn spool(role: &'static str, name: &str, mut from: impl Read, share: u64) -> io::Result<Self> {
        let mut bytes = Vec::new();
        from.by_ref().take(share + 1).read_to_end(&mut bytes)?;
        let mut source = Self::memory(role, name, bytes);
        if source.size > share
            && let Store::Memory(bytes) = &source.store
        {
            let mut file = tempfile::tempfile()?;
            source.size = io::copy(&mut bytes.chain(from), &mut file)?;
            source.store = Store::Disk(file);
        }
        Ok(source)
    }

    /// Whether the file still is what it was when it was opened.
    pub(crate) fn unchanged(&self) -> Result<(), Problem> {
        let Some((path, before)) = &self.identity else { return Ok(()) };
        let after = fs::metadata(path).map_err(|error| problems::unreadable(path, &error))?;
        if *before == Identity::of(&after) && (after.len() == self.size) {
            return Ok(());
        }
        Err(Problem::new(&problems::CHANGED).of(&self.name))
    }

    /// All its bytes, when they are in memory.
    pub(crate) fn bytes(&self) -> Option<&[u8]> {
        match &self.store {
            Store::Memory(bytes) => Some(bytes),
            Store::Disk(_) => None,
        }
    }

    /// Digest of all its bytes; computed once.
    pub(crate) fn digest(&self, algorithm: Algorithm) -> io::Result<Digest> {
        // Kept while it is computed: what several runs at once have in common is hashed by one of them.
        let mut whole = self.whole.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(digest) = whole.iter().find(|digest| digest.algorithm == algorithm) {
            return Ok(digest.clone());
        }
        let mut hasher = Hasher::new(algorithm);
        self.feed(0, self.size, &mut hasher)?;
        let digest = hasher.finish();
        whole.push(digest.clone());
        Ok(digest)
    }

    fn read(&self, offset: u64, into: &mut [u8]) -> io::Result<()> {
        match &self.store {
            Store::Memory(bytes) => {
                let range = range(bytes, offset, into.len() as u64)?;
                into.copy_from_slice(range);
                Ok(())
            }
            Store::Disk(file) => read_at(file, offset, into),
        }
    }

    fn feed(&self, offset: u64, length: u64, hasher: &mut Hasher) -> io::Result<()> {
        let file = match &self.store {
            Store::Memory(bytes) => {
                hasher.update(range(bytes, offset, length)?);
                return Ok(());
            }
            Store::Disk(file) => file,
        };
        let mut buffer = vec![0; CHUNK];
        let end = offset.checked_add(length).ok_or(io::ErrorKind::UnexpectedEof)?;
        let mut at = offset;
        while at < end {
            let piece = &mut buffer[..(end - at).min(CHUNK as u64) as usize];
            read_at(file, at, piece)?;
            hasher.update(piece);
            at += piece.len() as u64;
        }
        Ok(())
    }
}

/// What identifies a state of a file. The times change with every write, the number with every replacement.
#[derive(Debug, PartialEq, Eq)]
#[cfg(unix)]
struct Identity {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

#[cfg(unix)]
impl Identity {
    fn of(metadata: &Metadata) -> Self {
        use std::os::unix::fs::MetadataExt as _;
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
#[cfg(not(unix))]
struct Identity {
    size: u64,
    modified: Option<std::time::SystemTime>,
}

#[cfg(not(unix))]
impl Identity {
    fn of(metadata: &Metadata) -> Self {
        Self { size: metadata.len(), modified: metadata.modified().ok() }
    }
}

/// The sources of one run, in the order of its request.
#[derive(Debug)]
pub(crate) struct Sources {
    list: Vec<Arc<Source>>,
    progress: Progress,
}

impl Sources {
    /// Lends these sources, and tells `progress` how far the run is.
    pub(crate) fn new(list: Vec<Arc<Source>>, progress: Progress) -> Self {
        Self { list, progress }
    }

    /// Whether all of them are what they were; to be asked when the run is over.
    pub(crate) fn unchanged(&self) -> Result<(), Problem> {
        self.progress.finish();
        self.list.iter().try_for_each(|source| source.unchanged())
    }

    fn source(&self, number: u32) -> io::Result<&Source> {
        self.list.get(number as usize).map(|source| &**source).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn hash(&self, algorithm: Algorithm, parts: &[Part<'_>]) -> io::Result<Digest> {
        if let [Part::Source { source, offset: 0, length }] = *parts
            && self.source(source)?.size == length
        {
            return self.source(source)?.digest(algorithm);
        }
        let mut hasher = Hasher::new(algorithm);
        for part in parts {
            match *part {
                Part::Source { source, offset, length } => {
                    self.source(source)?.feed(offset, length, &mut hasher)?
                }
                Part::Memory(bytes) => hasher.update(bytes),
            }
        }
        Ok(hasher.finish())
    }
}

impl Host for Sources {
    fn read(&self, source: u32, offset: u64, into: &mut [u8]) -> Result<(), ReadError> {
        let length = into.len() as u64;
        let result = self.source(source).and_then(|source| source.read(offset, into));
        result.map_err(|_| ReadError { source, offset, length })
    }

    fn digest(&self, algorithm: Algorithm, parts: &[Part<'_>]) -> Result<Digest, ReadError> {
        self.hash(algorithm, parts).map_err(|_| ReadError { source: 0, offset: 0, length: 0 })
    }

    fn progress(&self, done: u64, total: u64) {
        self.progress.tell(done, total);
    }
}

/// A digest in the making. Not by `sha2`: on processors without instructions for SHA-256 that takes twice as long.
struct Hasher {
    algorithm: Algorithm,
    context: ring::digest::Context,
}

impl Hasher {
    fn new(algorithm: Algorithm) -> Self {
        let by = match algorithm {
            Algorithm::Sha256 => &ring::digest::SHA256,
            Algorithm::Sha384 => &ring::digest::SHA384,
            Algorithm::Sha512 => &ring::digest::SHA512,
        };
        Self { algorithm, context: ring::digest::Context::new(by) }
    }

    fn update(&mut self, bytes: &[u8]) {
        self.context.update(bytes);
    }

    fn finish(self) -> Digest {
        let bytes = self.context.finish();
        Digest::new(self.algorithm, bytes.as_ref())
            .expect("the hasher gives as many bytes as its algorithm has")
    }
}

fn range(bytes: &[u8], offset: u64, length: u64) -> io::Result<&[u8]> {
    let end = offset.checked_add(length).ok_or(io::ErrorKind::UnexpectedEof)?;
    let (Ok(start), Ok(end)) = (usize::try_from(offset), usize::try_from(end)) else {
        return Err(io::ErrorKind::UnexpectedEof.into());
    };
    bytes.get(start..end).ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
}

#[cfg(unix)]
fn read_at(file: &File, offset: u64, into: &mut [u8]) -> io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, into, offset)
}

#[cfg(not(unix))]
fn read_at(mut file: &File, offset: u64, into: &mut [u8]) -> io::Result<()> {
    use std::io::Seek as _;
    // A file has one position, and runs at once may share it.
    static POSITION: Mutex<()> = Mutex::new(());
    let _position = POSITION.lock().unwrap_or_else(PoisonError::into_inner);
    file.seek(io::SeekFrom::Start(offset))?;
    file.read_exact(into)
}
