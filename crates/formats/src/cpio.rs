//! cpio archives: the initial file system of Linux.
//!
//! Linux `Documentation/driver-api/early-userspace/buffer-format.rst` and `init/initramfs.c` (6.1). Every number is eight
//! hexadecimal digits; header with name, and data, are padded to four bytes each.
//!
//! ```text
//! 0x00 c_magic 070701 (newc), 070702 (crc)  6    0x36 c_filesize   8
//! 0x06 c_ino      8                              0x3e c_maj, c_min 8+8
//! 0x0e c_mode     8                              0x4e c_rmaj, c_rmin 8+8
//! 0x16 c_uid      8                              0x5e c_namesize   8, with its NUL
//! 0x1e c_gid      8                              0x66 c_chksum     8, sum of the data (crc only)
//! 0x26 c_nlink    8                              0x6e name, data
//! 0x2e c_mtime    8                              TRAILER!!! is the name that ends an archive
//! ```
//!
//! The archive is one stream up to its trailer, and its entries are listed as `files.rs` says. Zeros to the next 512
//! bytes are fill.
//!
//! Loader modelled: Linux, which unpacks entry by entry, the later over the earlier, and goes on behind a trailer with
//! whatever archive follows. Ambiguities: an entry of a name that was there, an archive behind the archive, a directory
//! that no entry makes, padding that is not zero, names with `..`. Limitations: of several names of one inode, data are
//! those of the last entry that has some; other data, and those of directories and devices, are a leaf, `entry:rest`.

use std::collections::BTreeMap;
use std::rc::Rc;

use kiwame_image::{
    Builder, Defect, Format, Head, Input, LimitKind, Limits, Match, Node, Span, Trouble, Window, len64,
};

use crate::content::Content;
use crate::files::{self, Allowance, Entry, Kind, Volume};

/// An archive of the new format, with or without checksums.
#[derive(Debug)]
pub(crate) struct Cpio;

impl Format for Cpio {
    fn name(&self) -> &'static str {
        "cpio"
    }

    fn about(&self) -> &'static str {
        "cpio archive (newc, crc), as initramfs: every file with its mode and owner"
    }

    fn probe(&self, head: &Head<'_>) -> Option<Match> {
        let header = Header::read(head.bytes(0, HEADER)?, 0).ok()?;
        let plausible = (1..=4096).contains(&header.name_size);
        (plausible && Kind::of_mode(header.mode).is_some()).then(|| Match::weighted(self, 5))
    }

    fn parse<'a>(&self, at: Input<'a>, out: &mut Builder<'_, 'a>) {
        if let Err(trouble) = parse(&at, out) {
            out.trouble(trouble);
        }
    }
}

fn parse<'a>(at: &Input<'a>, out: &mut Builder<'_, 'a>) -> Result<(), Trouble> {
    let mut archive = Archive::new(out.limits());
    let end = archive.read(at, out)?;
    let Some(stream) = out.add(Node::new("cpio", "files", "cpio-entries", at.slice(0, end)).encoded()) else {
        return Ok(());
    };
    let padded = end.checked_next_multiple_of(BLOCK).unwrap_or(end);
    let padding = at.slice(end, padded.saturating_sub(end));
    let zero = padding.uniform()? == Some(0);
    let rest = if zero { at.from(padded) } else { at.from(end) };
    if zero {
        out.add_fill(Node::new("cpio", "padding", "padding", padding), 0);
    }
    behind(rest, out)?;
    archive.join_links();
    let Archive { entries, data, unused, .. } = archive;
    let sizes = entries.iter().map(|entry| entry.size).collect();
    files::list(stream, &[], entries, Rc::new(Members { image: at.clone(), data, sizes, unused }), out);
    Ok(())
}

/// Zeros are padding to Linux, however many; anything else it takes for a further archive.
fn behind<'a>(rest: Input<'a>, out: &mut Builder<'_, 'a>) -> Result<(), Trouble> {
    if rest.is_empty() {
        return Ok(());
    }
    if rest.uniform()? != Some(0) {
        let found = format!("{} bytes", rest.length());
        out.defect(Defect::new("cpio/behind", "TRAILER!!!", rest.offset(), found, "the end").ambiguous());
    }
    out.add(Node::new("cpio", "behind", "cpio-behind", rest).unknown().then(&Content));
    Ok(())
}

/// What an entry begins with.
#[derive(Debug)]
struct Header {
    checked: bool,
    ino: u32,
    mode: u32,
    uid: u32,
    gid: u32,
    links: u32,
    mtime: u32,
    size: u64,
    device: (u32, u32),
    special: (u32, u32),
    name_size: u64,
    sum: u32,
}

impl Header {
    fn read(bytes: &[u8], base: u64) -> Result<Self, Defect> {
        let magic = bytes.get(..6).unwrap_or_default();
        if ![&b"070701"[..], b"070702"].contains(&magic) {
            return Err(Defect::new("cpio/magic", "c_magic", base, magic, "070701 or 070702"));
        }
        let field = |number: usize, name: &'static str| {
            let start = number.saturating_mul(8).saturating_add(6);
            let digits = bytes.get(start..start.saturating_add(8)).unwrap_or_default();
            let text = core::str::from_utf8(digits).unwrap_or_default();
            let plain = digits.len() == 8 && digits.iter().all(u8::is_ascii_hexdigit);
            let value = if plain { u32::from_str_radix(text, 16).ok() } else { None };
            let place = base.saturating_add(len64(bytes.get(..start).unwrap_or_default()));
            value.ok_or_else(|| Defect::new("cpio/number", name, place, digits, "eight hexadecimal digits"))
        };
        Ok(Self {
            checked: magic == b"070702",
            ino: field(0, "c_ino")?,
            mode: field(1, "c_mode")?,
            uid: field(2, "c_uid")?,
            gid: field(3, "c_gid")?,
            links: field(4, "c_nlink")?,
            mtime: field(5, "c_mtime")?,
            size: field(6, "c_filesize")?.into(),
            device: (field(7, "c_maj")?, field(8, "c_min")?),
            special: (field(9, "c_rmaj")?, field(10, "c_rmin")?),
            name_size: field(11, "c_namesize")?.into(),
            sum: field(12, "c_chksum")?,
        })
    }
}

/// Entries, and where the data of each lie.
#[derive(Debug)]
struct Archive {
    entries: Vec<Entry>,
    data: Vec<u64>,
    /// Number of each path.
    paths: BTreeMap<Vec<u8>, usize>,
    /// Data that end in no file: of directories and devices, or replaced by those of another name.
    unused: Vec<Span>,
    allowance: Allowance,
}

impl Archive {
    fn new(limits: &Limits) -> Self {
        let (entries, data, paths) = (Vec::new(), Vec::new(), BTreeMap::new());
        Self { entries, data, paths, unused: Vec::new(), allowance: Allowance::new(limits) }
    }

    /// Reads up to the trailer. Returns where the archive ends.
    fn read(&mut self, at: &Input<'_>, out: &mut Builder<'_, '_>) -> Result<u64, Trouble> {
        let root = Entry { kind: Kind::Directory, mode: 0o755, inode: u64::MAX, ..Entry::default() };
        self.push(Vec::new(), root, 0)?;
        let mut start = 0;
        while start < at.length() {
            let place = at.offset().saturating_add(start);
            let head = at.slice(start, HEADER).window()?;
            let header = match Header::read(&head, place) {
                Ok(header) => header,
                Err(defect) => {
                    out.defect(defect.ambiguous());
                    return Ok(start);
                }
            };
            if len64(&self.entries) > out.limits().nodes {
                return Err(LimitKind::Nodes.into());
            }
            let name_at = start.saturating_add(HEADER);
            let data_at = padded(name_at.saturating_add(header.name_size));
            let end = padded(data_at.saturating_add(header.size));
            let short = header.name_size > LONGEST
                || data_at.saturating_add(header.size) > at.length() && header.size > 0
                || name_at.saturating_add(header.name_size) > at.length();
            if short {
                let left = at.length().saturating_sub(start);
                out.defect(Defect::new("cpio/truncated", "c_filesize", place, left, end).ambiguous());
                return Ok(start);
            }
            let name = at.slice(name_at, header.name_size).window()?;
            check_padding(at, name_at.saturating_add(header.name_size), data_at, out)?;
            check_padding(at, data_at.saturating_add(header.size), end, out)?;
            if name.strip_suffix(&[0]) == Some(TRAILER) {
                return Ok(end.min(at.length()));
            }
            check_sum(at, &header, data_at, out)?;
            let link = Kind::of_mode(header.mode) == Some(Kind::Link);
            let target = if link {
                at.slice(data_at, header.size.min(LONGEST)).window()?.to_vec()
            } else {
                Vec::new()
            };
            self.entry(&name, &header, (data_at, target), place, out)?;
            start = end;
        }
        let defect = Defect::new("cpio/trailer", "TRAILER!!!", at.offset(), "none", "a trailer");
        out.defect(defect.ambiguous());
        Ok(at.length())
    }

    fn entry(
        &mut self,
        name: &Window,
        header: &Header,
        (data_at, target): (u64, Vec<u8>),
        place: u64,
        out: &mut Builder<'_, '_>,
    ) -> Result<(), LimitKind> {
        let name = name.split(|&byte| byte == 0).next().unwrap_or_default();
        let shown = String::from_utf8_lossy(name).into_owned();
        let steps: Vec<_> =
            name.split(|&byte| byte == b'/').filter(|step| ![&b""[..], b"."].contains(step)).collect();
        if len64(name).saturating_add(1) != header.name_size {
            let defect = Defect::new(
                "cpio/name",
                "c_namesize",
                place,
                header.name_size,
                len64(name).saturating_add(1),
            );
            out.defect(defect.ambiguous());
        }
        let parent = self.parent(&steps, place, out)?;
        self.unused.extend(unused(header, data_at));
        let Some(kind) = Kind::of_mode(header.mode) else {
            out.defect(Defect::new("cpio/mode", "c_mode", place, header.mode, "a type of file").ambiguous());
            return Ok(());
        };
        let device = if matches!(kind, Kind::Block | Kind::Character) { header.special } else { (0, 0) };
        let entry = Entry {
            parent,
            name: steps.last().map(|step| step.to_vec()).unwrap_or_default(),
            kind,
            mode: header.mode & 0o7777,
            uid: header.uid,
            gid: header.gid,
            modified: header.mtime.into(),
            size: header.size,
            device,
            target,
            inode: self.inode(header),
            ..Entry::default()
        };
        let path = steps.join(&b'/');
        match self.paths.get(&path).copied() {
            // The root, or a directory that was implied, gets its own facts.
            Some(number) if number == 0 || self.is_implied(number) => {
                let parent = self.entries.get(number).map_or(0, |entry| entry.parent);
                if let Some((slot, data)) = self.entries.get_mut(number).zip(self.data.get_mut(number)) {
                    *slot = Entry { parent, ..entry };
                    *data = data_at;
                }
                Ok(())
            }
            Some(_) => {
                let defect = Defect::new("cpio/duplicate-name", "name", place, shown, "one entry of a name");
                out.defect(defect.ambiguous());
                self.push(path, entry, data_at)
            }
            None => self.push(path, entry, data_at),
        }
    }

    /// The data of an inode come with one of its names; all of them have them.
    fn join_links(&mut self) {
        let mut found: BTreeMap<u64, (u64, u64)> = BTreeMap::new();
        let files = |entry: &Entry| entry.kind == Kind::File && entry.size > 0;
        for (entry, data) in self.entries.iter().zip(&self.data).filter(|(entry, _)| files(entry)) {
            let before = found.insert(entry.inode, (entry.size, *data));
            self.unused.extend(before.map(|(size, at)| Span::new(at, size)));
        }
        for (entry, data) in self.entries.iter_mut().zip(&mut self.data) {
            if let Some(&(size, at)) = found.get(&entry.inode).filter(|_| entry.kind == Kind::File) {
                (entry.size, *data) = (size, at);
            }
        }
    }

    fn push(&mut self, path: Vec<u8>, entry: Entry, data: u64) -> Result<(), LimitKind> {
        // A name may imply a directory for every second byte of it.
        self.allowance.take(len64(&path))?;
        self.paths.insert(path, self.entries.len());
        self.entries.push(entry);
        self.data.push(data);
        Ok(())
    }

    fn is_implied(&self, number: usize) -> bool {
        self.entries.get(number).is_some_and(|entry| entry.inode == IMPLIED)
    }

    /// Linux joins the names of an inode only where the archive says that there are several, and those of links never.
    fn inode(&self, header: &Header) -> u64 {
        if header.links < 2 || Kind::of_mode(header.mode) == Some(Kind::Link) {
            return len64(&self.entries).saturating_add(1 << 40);
        }
        let device = u64::from(header.device.0 & 0xff) << 8 | u64::from(header.device.1 & 0xff);
        device << 32 | u64::from(header.ino)
    }

    /// The directory that the last of the names lies in.
    fn parent(&mut self, steps: &[&[u8]], place: u64, out: &mut Builder<'_, '_>) -> Result<usize, LimitKind> {
        let Some((_, around)) = steps.split_last() else { return Ok(0) };
        let mut parent = 0;
        let mut path = Vec::new();
        for step in around {
            if !path.is_empty() {
                path.push(b'/');
            }
            path.extend_from_slice(step);
            if let Some(&number) = self.paths.get(&path) {
                parent = number;
                continue;
            }
            let shown = String::from_utf8_lossy(&path).into_owned();
            out.defect(
                Defect::new("cpio/no-directory", "name", place, shown, "an entry of the directory")
                    .ambiguous(),
            );
            let entry = Entry {
                parent,
                name: step.to_vec(),
                kind: Kind::Directory,
                inode: IMPLIED,
                ..Entry::default()
            };
            parent = self.entries.len();
            self.push(path.clone(), entry, 0)?;
        }
        Ok(parent)
    }
}

/// What of an entry's data Linux skips: all but the content of a file and the target of a link.
fn unused(header: &Header, data: u64) -> Option<Span> {
    let used = match Kind::of_mode(header.mode) {
        Some(Kind::File) => header.size,
        Some(Kind::Link) => header.size.min(LONGEST),
        _ => 0,
    };
    let span = Span::new(data.saturating_add(used), header.size.saturating_sub(used));
    (!span.is_empty()).then_some(span)
}

fn padded(offset: u64) -> u64 {
    offset.checked_next_multiple_of(4).unwrap_or(offset)
}

fn check_padding(at: &Input<'_>, from: u64, to: u64, out: &mut Builder<'_, '_>) -> Result<(), Trouble> {
    let padding = at.slice(from, to.saturating_sub(from));
    if !padding.is_empty() && padding.uniform()? != Some(0) {
        let found = padding.window()?.to_vec();
        out.defect(Defect::new("cpio/padding", "padding", padding.offset(), found, "zeros").ambiguous());
    }
    Ok(())
}

fn check_sum(at: &Input<'_>, header: &Header, data: u64, out: &mut Builder<'_, '_>) -> Result<(), Trouble> {
    // Linux sums what it copies into a file; GNU cpio writes no sum for the target of a link.
    if !header.checked || Kind::of_mode(header.mode) != Some(Kind::File) {
        return Ok(());
    }
    let mut sum = 0_u32;
    for window in at.slice(data, header.size).windows() {
        sum = window?.iter().fold(sum, |sum, &byte| sum.wrapping_add(byte.into()));
    }
    if sum != header.sum {
        let place = at.offset().saturating_add(data);
        out.defect(Defect::new("cpio/checksum", "c_chksum", place, header.sum, sum));
    }
    Ok(())
}

/// The data of entries.
#[derive(Debug)]
struct Members<'a> {
    image: Input<'a>,
    data: Vec<u64>,
    sizes: Vec<u64>,
    unused: Vec<Span>,
}

impl Volume for Members<'_> {
    fn read(&self, number: usize) -> Result<Vec<u8>, Trouble> {
        let size = self.sizes.get(number).copied().unwrap_or(0);
        let start = self.data.get(number).copied().unwrap_or(0);
        Ok(self.image.slice(start, size).window()?.to_vec())
    }

    fn rest(&self) -> Result<Vec<u8>, Trouble> {
        let mut rest = Vec::new();
        for span in &self.unused {
            rest.extend_from_slice(&self.image.slice(span.offset, span.length).window()?);
        }
        Ok(rest)
    }
}

const HEADER: u64 = 110;
const TRAILER: &[u8] = b"TRAILER!!!";
const BLOCK: u64 = 512;
/// Linux `PATH_MAX`.
const LONGEST: u64 = 4096;
/// The inode of a directory that no entry makes.
const IMPLIED: u64 = u64::MAX - 1;

#[cfg(test)]
mod tests {
    #![allow(clippy::arithmetic_side_effects, clippy::as_conversions, reason = "tests")]

    use kiwame_image::Value;

    use super::*;
    use crate::testing::{defects, parse as parse_with, region, torture};

    fn entry(name: &str, mode: u32, links: u32, ino: u32, data: &[u8]) -> Vec<u8> {
        let fields = [ino, mode, 1, 2, links, 7, data.len() as u32, 0, 0, 5, 1, name.len() as u32 + 1, 0];
        let mut bytes = b"070701".to_vec();
        bytes.extend(fields.iter().flat_map(|field| format!("{field:08X}").into_bytes()));
        bytes.extend(name.bytes().chain([0]));
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        bytes.extend(data);
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        bytes
    }

    fn archive(entries: &[Vec<u8>]) -> Vec<u8> {
        [entries.concat(), entry("TRAILER!!!", 0, 1, 0, b"")].concat()
    }

    fn sample() -> Vec<u8> {
        archive(&[
            entry(".", 0o40755, 2, 1, b""),
            entry("etc", 0o40755, 2, 2, b""),
            entry("etc/motd", 0o100644, 1, 3, b"hello\n"),
            entry("init", 0o120777, 1, 4, b"bin/sh"),
            entry("console", 0o20600, 1, 5, b""),
        ])
    }

    const TOP: &str = "cpio:files/decoded:content";

    #[test]
    fn entries_are_listed_with_their_facts() {
        let tree = parse_with(&Cpio, &sample());
        assert_eq!(defects(&tree), [""; 0]);
        let file = region(&tree, &format!("{TOP}/dir:etc/file:motd"));
        assert_eq!(file.attribute("mode"), Some(&Value::from("0644")));
        assert_eq!(file.attribute("gid"), Some(&Value::Uint(2)));
        let link = region(&tree, &format!("{TOP}/link:init"));
        assert_eq!(link.attribute("target"), Some(&Value::from("bin/sh")));
        let device = region(&tree, &format!("{TOP}/device:console"));
        assert_eq!(device.attribute("device"), Some(&Value::from("5:1")));
    }

    #[test]
    fn what_loaders_would_read_differently_is_said() {
        let file = |name: &str| entry(name, 0o100644, 1, 9, b"x");
        assert_eq!(
            defects(&parse_with(&Cpio, &archive(&[file("a"), file("./a")]))),
            ["cpio/duplicate-name", "files/duplicate-name"]
        );
        assert_eq!(defects(&parse_with(&Cpio, &archive(&[file("d/a")]))), ["cpio/no-directory"]);
        let mut padding = archive(&[file("a")]);
        let at = padding.iter().rposition(|&byte| byte == b'x').expect("the data");
        padding[at + 1] = 0x90;
        assert_eq!(defects(&parse_with(&Cpio, &padding)), ["cpio/padding"]);
        let twice = [sample(), sample()].concat();
        assert_eq!(defects(&parse_with(&Cpio, &twice)), ["cpio/behind"]);
        assert_eq!(defects(&parse_with(&Cpio, &file("a"))), ["cpio/trailer"]);
    }

    #[test]
    fn sums_are_those_of_files() {
        let checked = |mode: u32, sum: u32| {
            let mut bytes = entry("a", mode, 1, 9, b"bin");
            bytes[5] = b'2';
            bytes[102..110].copy_from_slice(format!("{sum:08X}").as_bytes());
            defects(&parse_with(&Cpio, &archive(&[bytes])))
        };
        assert_eq!(checked(0o100644, 0x139), [""; 0]);
        assert_eq!(checked(0o100644, 0), ["cpio/checksum"]);
        // GNU cpio writes none for the target of a link, and Linux looks at none.
        assert_eq!(checked(0o120777, 0), [""; 0]);
    }

    #[test]
    fn only_files_and_devices_are_joined() {
        let tree = parse_with(
            &Cpio,
            &archive(&[
                entry("link", 0o120777, 2, 9, b"to"),
                entry("link-too", 0o120777, 2, 9, b"to"),
                entry("name", 0o100644, 2, 8, b""),
                entry("name-too", 0o100644, 2, 8, b"data"),
            ]),
        );
        let other = |path: &str| region(&tree, &format!("{TOP}/{path}")).attribute("hard-link").cloned();
        assert_eq!(other("link:link-too"), None);
        assert_eq!(other("file:name-too"), Some(Value::from("/name")));
        assert!(region(&tree, &format!("{TOP}/entry:rest")).encodes.is_none());
    }

    #[test]
    fn data_that_end_in_no_file_are_a_leaf() {
        let rest = |entries: &[Vec<u8>]| {
            let tree = parse_with(&Cpio, &archive(entries));
            let space = region(&tree, &format!("{TOP}/entry:rest")).encodes?;
            tree.space(space).map(|space| space.size)
        };
        assert_eq!(rest(&[entry("d", 0o40755, 2, 1, b"hidden")]), Some(6));
        let twice = [entry("a", 0o100644, 2, 8, b"hidden"), entry("b", 0o100644, 2, 8, b"data")];
        assert_eq!(rest(&twice), Some(6));
        assert_eq!(rest(&twice[1..]), None);
    }

    #[test]
    fn hostile_bytes() {
        torture(&Cpio, &sample());
    }
}
