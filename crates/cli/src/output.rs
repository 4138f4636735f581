//! What is written: to standard output, and to files that are there whole or not at all.

use kiwame_image::{Problem, Text, Words};

use crate::problems;
use std::fs;
use std::io::{self, Read, Seek as _, Write as _};
use std::path::{Path, PathBuf};

/// More than this of what is written later is kept in an unnamed temporary file.
const KEPT: usize = 16 << 20;

/// Who may read an output file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Readers {
    /// Whoever the umask allows.
    Usual,
    /// The owner alone.
    Owner,
}

/// Refuses to write over a file that exists, before any work has been done for it.
pub(crate) fn check_free(path: &Path, force: bool) -> Result<(), Problem> {
    let there = fs::symlink_metadata(path).is_ok();
    if path == Path::new("-") || force || !there || is_device(path) {
        return Ok(());
    }
    Err(exists(path))
}

/// Refuses to write over what is read: with `--force` that would destroy the evidence.
pub(crate) fn check_apart(path: &Path, images: &[PathBuf]) -> Result<(), Problem> {
    check_apart_from(path, Text::new("image", "イメージ"), images)
}

/// The same, of inputs of another kind.
pub(crate) fn check_documents(path: &Path, documents: &[PathBuf]) -> Result<(), Problem> {
    check_apart_from(path, Text::new("document", "文書"), documents)
}

/// Refuses an output that is an input of some kind.
pub(crate) fn check_apart_from(path: &Path, kind: Text, inputs: &[PathBuf]) -> Result<(), Problem> {
    let known = |path: &Path| fs::canonicalize(path).ok().filter(|path| path.is_file());
    let output = known(path);
    match inputs.iter().find(|input| output.is_some() && known(input) == output) {
        None => Ok(()),
        Some(input) => {
            let problem = problems::with(&problems::IS_INPUT, path);
            Err(problem.arg("kind", kind).arg("other", Words::plain(input.display())))
        }
    }
}

/// True for one file under two names, links among them.
pub(crate) fn is_same(one: &Path, other: &Path) -> bool {
    #[cfg(unix)]
    if let (Ok(one), Ok(other)) = (fs::metadata(one), fs::metadata(other)) {
        use std::os::unix::fs::MetadataExt as _;
        return (one.dev(), one.ino()) == (other.dev(), other.ino());
    }
    fs::canonicalize(one).is_ok_and(|one| fs::canonicalize(other).is_ok_and(|other| one == other))
}

/// Where a file is or will be: its folder, as the system knows it, and its name.
pub(crate) fn place(path: &Path) -> PathBuf {
    let folder = path.parent().filter(|folder| *folder != Path::new("")).unwrap_or(Path::new("."));
    let folder = fs::canonicalize(folder).unwrap_or_else(|_| folder.to_owned());
    path.file_name().map_or_else(|| path.to_owned(), |name| folder.join(name))
}

/// Writes a file: aside in the same directory, to the disk, then under its name. `-` is standard output.
pub(crate) fn write(path: &Path, mut bytes: impl Read, readers: Readers, force: bool) -> Result<(), Problem> {
    if path == Path::new("-") {
        return print(bytes);
    }
    let failed = |error: io::Error| unwritable(path, &error);
    if is_device(path) {
        let opened = fs::OpenOptions::new().write(true).open(path);
        return opened.and_then(|mut file| io::copy(&mut bytes, &mut file)).map(drop).map_err(failed);
    }
    let directory = match path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    };
    let mut builder = tempfile::Builder::new();
    builder.prefix(".kiwame-").suffix(".part");
    #[cfg(unix)]
    if readers == Readers::Usual {
        // The temporary file is the owner's alone unless told otherwise; the umask takes its share off this.
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    }
    let mut aside = builder.tempfile_in(directory).map_err(failed)?;
    io::copy(&mut bytes, &mut aside).and_then(|_| aside.as_file().sync_all()).map_err(failed)?;
    if force {
        aside.persist(path).map_err(|error| failed(error.error))?;
    } else if let Err(error) = aside.persist_noclobber(path) {
        return Err(if error.error.kind() == io::ErrorKind::AlreadyExists {
            exists(path)
        } else {
            failed(error.error)
        });
    }
    // The new name is on the disk only when its directory is. Not every file system can do that.
    let _ = fs::File::open(directory).and_then(|directory| directory.sync_all());
    Ok(())
}

/// What is written under that name: packed when it ends in `.gz`. The same bytes for the same text: no time, no name.
pub(crate) fn packed(path: &Path, text: Vec<u8>) -> Vec<u8> {
    if path.extension().is_none_or(|ending| !ending.eq_ignore_ascii_case("gz")) {
        return text;
    }
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    packer.write_all(&text).and_then(|()| packer.finish()).expect("memory takes whatever is written to it")
}

/// True for a pipe or a device: it is written to, and not replaced by a file.
pub(crate) fn is_device(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|data| !data.is_file() && !data.is_dir())
}

/// Writes to standard output. A reader that has seen enough is no failure.
pub(crate) fn print(mut bytes: impl Read) -> Result<(), Problem> {
    let mut out = io::stdout().lock();
    match io::copy(&mut bytes, &mut out).and_then(|_| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Problem::new(&problems::NO_OUTPUT).arg("why", problems::why(&error)))
        }
        _ => Ok(()),
    }
}

/// Writes to standard error; there is nobody to tell when that fails.
pub(crate) fn say(bytes: &[u8]) {
    let _ = io::stderr().lock().write_all(bytes);
}

/// What is written when everything else is done. However much it becomes, little of it is kept in memory.
#[derive(Debug)]
pub(crate) struct Later {
    kept: tempfile::SpooledTempFile,
    trouble: io::Result<()>,
}

impl Later {
    pub(crate) fn new() -> Self {
        Self { kept: tempfile::SpooledTempFile::new(KEPT), trouble: Ok(()) }
    }

    /// Adds a document, on lines of its own.
    pub(crate) fn add(&mut self, document: &[u8]) {
        let end: &[u8] = if document.ends_with(b"\n") { b"" } else { b"\n" };
        if self.trouble.is_ok() {
            self.trouble = self.kept.write_all(document).and_then(|()| self.kept.write_all(end));
        }
    }

    /// Writes all of it, as [`write`] does.
    pub(crate) fn write(mut self, path: &Path, force: bool) -> Result<(), Problem> {
        let begun = self.trouble.and_then(|()| self.kept.rewind());
        begun.map_err(|error| unwritable(path, &error))?;
        write(path, self.kept, Readers::Usual, force)
    }
}

fn unwritable(path: &Path, error: &io::Error) -> Problem {
    problems::with(&problems::UNWRITABLE, path).arg("why", problems::why(error))
}

fn exists(path: &Path) -> Problem {
    problems::with(&problems::EXISTS, path)
}
