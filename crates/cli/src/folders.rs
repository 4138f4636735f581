//! Folders among the images: every regular file below them, by name. What is no unit (a manifest, a policy, a key, a
//! report) is left out, named, and never used (RULES 18).

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use kiwame_image::{Problem, Words};
use kiwame_report::{Lang, escape_line};
use serde_json::Map;

use crate::job::{self, Job};
use crate::keys;
use crate::output;
use crate::problems;
use crate::sources::Source;

/// Enough of a file to see what it might be.
const HEAD: u64 = 4096;
/// No document is larger; an image may begin with anything.
const LARGEST: u64 = 128 << 20;
/// What people call texts; no dump goes by it.
const NOTES: [&str; 5] = ["txt", "csv", "md", "html", "htm"];
/// A list of thousands of units is shorter.
const LONGEST_NOTE: u64 = 1 << 20;
/// Folders in folders.
const DEEPEST: usize = 64;

/// What was found.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// The images: those that were named, and in place of each folder those below it.
    pub(crate) images: Vec<PathBuf>,
    /// The other files in the folders.
    pub(crate) left_out: Vec<PathBuf>,
    /// The folders themselves.
    folders: Vec<PathBuf>,
}

/// Looks into each folder. A file that was named is an image, whatever it looks like. A folder that cannot be read, or in
/// which there is none, stands for itself: it is complained about when its turn comes, and the others are judged.
pub(crate) fn look(paths: &[PathBuf], job: &Job<'_>) -> Found {
    let mut found = Found::default();
    for path in paths {
        if !path.is_dir() {
            found.images.push(path.clone());
            continue;
        }
        found.folders.push(path.clone());
        let before = found.images.len();
        walk(path, job, DEEPEST, &mut found);
        if found.images.len() == before {
            found.images.push(path.clone());
        }
    }
    found
}

fn walk(folder: &Path, job: &Job<'_>, left: usize, found: &mut Found) {
    let Some(entries) = entries(folder).filter(|_| left > 0) else {
        found.images.push(folder.to_owned());
        return;
    };
    for path in entries {
        let kind = fs::symlink_metadata(&path).map(|data| data.file_type());
        match kind {
            Ok(kind) if kind.is_dir() => walk(&path, job, left - 1, found),
            Ok(kind) if kind.is_file() && (is_document(&path, job) || is_note(&path)) => {
                found.left_out.push(path)
            }
            // Pipes and devices are no files, and may never end.
            Ok(kind) if !kind.is_file() && !kind.is_symlink() => found.left_out.push(path),
            Ok(kind) if kind.is_symlink() && leads_to_no_file(&path) => found.left_out.push(path),
            // What cannot be read, and a link that leads nowhere or to a folder, is a unit that was not read.
            Ok(_) | Err(_) => found.images.push(path),
        }
    }
}

/// True for a link to a pipe or a device.
fn leads_to_no_file(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|data| !data.is_file() && !data.is_dir())
}

fn entries(folder: &Path) -> Option<Vec<PathBuf>> {
    let entries = fs::read_dir(folder).ok()?.map(|entry| Some(entry.ok()?.path()));
    let mut entries: Vec<_> = entries.collect::<Option<_>>()?;
    entries.sort();
    Some(entries)
}

/// Whether a file is a document and no image. Its first bytes are anybody's: the core has to read it as one, whole. What
/// cannot be read is an image, and complained about when its turn comes.
fn is_document(path: &Path, job: &Job<'_>) -> bool {
    // A dump goes by a dump's name, whatever somebody put into the device: nothing in it makes it a document.
    if !is_named_like_a_document(path) {
        return false;
    }
    let (Some(head), Ok(data)) = (head(path), fs::metadata(path)) else { return false };
    // A key is a few lines, and readers of keys pass over what stands around them.
    let most = |role: &str| if role == "key" { HEAD } else { LARGEST };
    asked(&head).filter(|(role, _)| data.len() <= most(role)).is_some_and(|(role, verb)| {
        let Ok(source) = Source::open(role, path) else { return false };
        if let ("key", Some(bytes)) = (role, source.bytes())
            && keys::public_half(path, bytes).is_ok_and(|public| public.is_some())
        {
            return true;
        }
        let response = job.quietly(verb, &[Arc::new(source)], Map::new());
        // A policy with a key that vetting refuses is one all the same.
        response.is_ok_and(|response| response.exit == 0 || (role == "policy" && response.exit == 4))
    })
}

/// Whether a file is a text beside the dumps, such as a delivery list or a table of the last run: by its name, and whole.
fn is_note(path: &Path) -> bool {
    let named =
        path.extension().is_some_and(|ending| NOTES.iter().any(|note| ending.eq_ignore_ascii_case(note)));
    let small = fs::metadata(path).is_ok_and(|data| data.len() <= LONGEST_NOTE);
    let is_text = |bytes: Vec<u8>| {
        let text = String::from_utf8(bytes);
        text.is_ok_and(|text| !text.chars().any(|sign| sign.is_control() && !"\t\r\n".contains(sign)))
    };
    named && small && fs::read(path).is_ok_and(is_text)
}

fn head(path: &Path) -> Option<Vec<u8>> {
    let mut head = Vec::new();
    fs::File::open(path).ok()?.take(HEAD).read_to_end(&mut head).ok()?;
    Some(head)
}

/// True for the names that documents have.
fn is_named_like_a_document(path: &Path) -> bool {
    let name = path.file_name().map(|name| name.to_string_lossy().to_lowercase()).unwrap_or_default();
    let documents = [".json", ".jsonl", ".json.gz", ".json.zst", ".toml", ".pub", ".pem", ".key"];
    documents.iter().any(|ending| name.ends_with(ending))
}

/// What a file that begins so might be, and the verb that reads it.
fn asked(head: &[u8]) -> Option<(&'static str, &'static str)> {
    let has = |words: &str| head.windows(words.len()).any(|window| window == words.as_bytes());
    let begins = |words: &str| head.trim_ascii_start().starts_with(words.as_bytes());
    let first = head.iter().find(|byte| !byte.is_ascii_whitespace());
    match first {
        // Reports and records begin so; a report names payloads as well.
        _ if begins("{\"accepted\":") || begins("{\"runRecord\":") => Some(("report", "report-show")),
        Some(b'{') if has("\"payload") => Some(("manifest", "manifest-show")),
        _ if begins("-----BEGIN") || begins("ed25519:") => Some(("key", "key-show")),
        _ if has("kiwame-policy/") => Some(("policy", "policy-check")),
        _ if job::is_packed(head) => Some(("manifest", "manifest-show")),
        _ => None,
    }
}

impl Found {
    /// Refuses to write into a folder of images: the next run would take it for one.
    pub(crate) fn check_outside(&self, path: &Path) -> Result<(), Problem> {
        let output = output::place(path);
        let inside =
            |folder: &&PathBuf| fs::canonicalize(folder).is_ok_and(|folder| output.starts_with(folder));
        match self.folders.iter().find(inside) {
            None => Ok(()),
            Some(folder) => {
                let problem = problems::with(&problems::AMONG_IMAGES, path);
                Err(problem.arg("folder", Words::plain(folder.display())))
            }
        }
    }

    /// Says what was left out.
    pub(crate) fn tell(&self, lang: Lang) -> Option<String> {
        let names: Vec<_> =
            self.left_out.iter().map(|path| escape_line(&path.display().to_string())).collect();
        let (english, japanese) = ("left out, and not used: ", "除外(使用しない):");
        (!names.is_empty()).then(|| format!("{}{}", lang.pick(english, japanese), names.join(", ")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dump_is_no_document_by_its_name() {
        let named = |name: &str| is_named_like_a_document(Path::new(name));
        assert!(named("a/fw.json") && named("fw.json.gz") && named("K.PUB") && named("policy.toml"));
        assert!(!named("SN1.bin") && !named("json") && !named("fw.gz") && !named("dump"));
    }

    #[test]
    fn a_text_beside_the_dumps_is_one_by_its_name_and_whole() {
        let folder = tempfile::tempdir().unwrap();
        let is = |name: &str, bytes: &[u8]| {
            let path = folder.path().join(name);
            fs::write(&path, bytes).unwrap();
            is_note(&path)
        };
        assert!(is("order.csv", "R1,機器\r\n".as_bytes()) && is("NOTES.TXT", b"a\tb\n"));
        assert!(!is("dump.txt", b"\x7fELF\0") && !is("dump.csv", &[0xff; 9]) && !is("dump.bin", b"text"));
        assert!(!is("dump.html", b"<p>\x1b[2J") && !is("long.txt", &vec![b'a'; (1 << 20) + 1]));
    }

    #[test]
    fn what_a_file_might_be_is_seen_by_its_first_bytes() {
        assert_eq!(asked(b" {\"payload\":\"\"}").unwrap().0, "manifest");
        assert_eq!(asked(b"{\"accepted\":true,\"payloadSha256\":").unwrap().0, "report");
        assert_eq!(asked(b"-----BEGIN PUBLIC KEY-----").unwrap().0, "key");
        assert_eq!(
            asked(b"schema = \"kiwame-policy/1\"\n[[principal]]\nkeys = [\"ed25519:\"]").unwrap().0,
            "policy"
        );
        assert_eq!(asked(b"\x1f\x8b\x08\x00").unwrap().0, "manifest");
        assert!(asked(b"\x7fELF\"payload").is_none() && asked(b"").is_none());
        assert!(asked(b"#!/bin/sh\n-----BEGIN PUBLIC KEY-----").is_none());
    }
}
