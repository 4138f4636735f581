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
//! The archive is one stream up to its trailer, and its entries are listed as `files/mod.rs` says. Zeros to the next 512
//! bytes are fill. What follows is a further archive, plain or compressed; the same behind a compressed one. An archive
//! whose first entry does not end is none: nothing of it could be listed.
//!
//! Loader modelled: Linux 6.1, which unpacks entry by entry, the later over the earlier, and goes on behind a trailer with
//! whatever archive follows. Ambiguities: all that it skips or makes otherwise than it stands there: an entry of a name
//! that was there, a directory that no entry makes or that is a link, names with `..`, empty steps or a slash at their end,
//! data of what is no file, several names of one inode with different facts, a wrong sum, padding that is not zero, a
//! trailer with data, `dev` and `dev/console` other than they are before the archive. Limitations: other kernels may have more
//! there before; of several names of one inode, data are those of the last entry that has some; other data are a leaf,
//! `entry:rest`. A later archive is listed by itself, at the place where it lies.
//!
//! ## Normal form
//!
//! `cpio/1`: of each entry, in their order, the magic, all thirteen fields, the name with its NULs, the bytes of padding, and
//! the target of a link; the trailer is an entry.
//!
//! | on the ignore list | because |
//! |---|---|
//! | upper or lower case of the digits | an encoder's choice: Linux reads both as one number |
//!
//! The content of files is compared as content. Bytes behind the trailer are leaves of their own.

use std::collections::BTreeMap;
use std::rc::Rc;

use kiwame_image::{
    Anchor, Builder, Defect, DefectKind, Format, Glance, Input, LimitKind, Limits, Node, Normal, Piece,
    Place, Reading, Recognised, Span, Sure, Trouble, Value, Window, len64,
};

use crate::files::{self, Allowance, Entry, FileData, Kind, Volume};

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

    fn defects(&self) -> &'static [&'static [&'static DefectKind]] {
        &[DEFECTS]
    }

    fn probe(&self, head: &Glance<'_>) -> Option<Reading> {
        begins(head.bytes(0, HEADER)?, head.size()).then(|| Reading::new(self, Sure::Structure))
    }

    fn anchor(&self) -> Option<&'static Anchor> {
        Some(&ANCHOR)
    }

    fn parse<'a>(&self, at: Input<'a>, out: &mut Builder<'_, 'a>) {
        if let Err(trouble) = parse(&at, out) {
            out.trouble(trouble);
        }
    }
}

/// Up to the trailer, with the zeros behind it to the next 512 bytes.
static ANCHOR: Anchor = Anchor {
    marks: &[],
    at: 0,
    whole: |at, _| {
        let mut start = 0;
        while let Ok(header) = Header::read(&at.slice(start, HEADER).window()?, start) {
            at.spend(BLOCK)?;
            let place = Spot::of(start, &header, at);
            if place.is_cut(&header, at) {
                return Ok(None);
            }
            start = place.end;
            if at.slice(place.name, len64(TRAILER)).window()?.starts_with(TRAILER) {
                let padded = start.checked_next_multiple_of(BLOCK).unwrap_or(start);
                let zeros = zeros(&at.slice(start, padded.saturating_sub(start)))?;
                return Ok(Some(start.saturating_add(zeros)));
            }
        }
        Ok(None)
    },
};

fn parse<'a>(at: &Input<'a>, out: &mut Builder<'_, 'a>) -> Result<(), Trouble> {
    let mut archive = Archive::new(out.limits(), out.wants_normal());
    let (end, whole) = archive.read(at, out)?;
    let Some(stream) = out.add(Node::new("cpio", "files", "cpio-entries", at.slice(0, end)).encoded()) else {
        out.add(Node::new("cpio", "behind", "cpio-behind", at.clone()).unknown());
        return Ok(());
    };
    if let Some(form) = archive.form.take() {
        out.normal(stream, &form);
    }
    let next = Next::of(at, end, out)?;
    let bytes = next.rest.length();
    // Where the archive broke off, that is said.
    if next.add("cpio", at, out) == Goes::Nowhere && whole {
        let found = format!("{bytes} bytes");
        let place = at.span().end().saturating_sub(bytes);
        out.defect(odd(&BYTES_BEHIND, "TRAILER!!!", place, found, "the end, or an archive"));
    }
    let Archive { entries, data, unused, .. } = archive;
    let sizes = entries.iter().map(|entry| entry.size).collect();
    files::list(stream, &[], entries, Rc::new(Members { image: at.clone(), data, sizes, unused }), out);
    Ok(())
}

/// How many zeros there are at the start.
fn zeros(input: &Input<'_>) -> Result<u64, Trouble> {
    let mut zeros = 0u64;
    for window in input.windows() {
        let window = window?;
        match window.iter().position(|&byte| byte != 0) {
            Some(at) => return Ok(zeros.saturating_add(len64(window.get(..at).unwrap_or_default()))),
            None => zeros = zeros.saturating_add(len64(&window)),
        }
    }
    Ok(zeros)
}

/// What follows an archive in an initial file system. Zeros are padding to Linux, however many. Then it goes on with a
/// further archive: a plain one at a multiple of four bytes from the front of all of them, or a packed one anywhere.
#[derive(Debug)]
pub(crate) struct Next<'a> {
    /// Zeros to the next 512 bytes, and further ones.
    padding: Span,
    zeros: Span,
    /// What comes then.
    rest: Input<'a>,
    archive: bool,
}

/// What Linux makes of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Goes {
    /// Zeros to the end, or an archive.
    On,
    /// Bytes at which it gives up.
    Nowhere,
}

impl<'a> Next<'a> {
    /// Behind an archive that ends `end` bytes behind the start of `at`.
    pub(crate) fn of(at: &Input<'a>, end: u64, out: &Builder<'_, 'a>) -> Result<Self, Trouble> {
        let front = front(at, out);
        let from = |place: u64| at.offset().saturating_add(place).saturating_sub(front);
        let padded = from(end).checked_next_multiple_of(BLOCK).unwrap_or(u64::MAX);
        let gap = zeros(&at.from(end))?;
        let padding = gap.min(padded.saturating_sub(from(end)));
        let rest = at.from(end.saturating_add(gap));
        let head = rest.head(HEADER)?;
        let aligned = from(end.saturating_add(gap)).is_multiple_of(4);
        let plain = aligned && first_entry(&head, rest.length()).is_some();
        Ok(Self {
            padding: Span::new(end, padding),
            zeros: Span::new(end.saturating_add(padding), gap.saturating_sub(padding)),
            archive: plain || is_packed(&head),
            rest,
        })
    }

    pub(crate) fn goes(&self) -> Goes {
        if self.archive || self.rest.is_empty() { Goes::On } else { Goes::Nowhere }
    }

    /// Adds it, at paths of that format.
    pub(crate) fn add(self, format: &'static str, at: &Input<'a>, out: &mut Builder<'_, 'a>) -> Goes {
        let goes = self.goes();
        let part = |span: Span| at.slice(span.offset, span.length);
        out.add_fill(Node::new(format, "padding", "padding", part(self.padding)), 0);
        out.add(Node::new(format, "zeros", "cpio-zeros", part(self.zeros)).unknown());
        out.add(Node::new(format, "behind", BEHIND, self.rest).unknown().then(&Recognised(Place::Stream)));
        goes
    }
}

/// Where the first of the archives begins that this one stands behind.
fn front(at: &Input<'_>, out: &Builder<'_, '_>) -> u64 {
    let mut front = at.offset();
    let mut region = out.look(out.region());
    while let Some(parent) = region.filter(|region| region.kind == BEHIND).and_then(|region| region.parent) {
        region = out.look(parent);
        front = region.map_or(front, |region| region.span.offset);
    }
    front
}

/// True for the beginning of `size` bytes that an archive is in.
pub(crate) fn begins(head: &[u8], size: u64) -> bool {
    first_entry(head, size).is_some_and(|header| header.kind().is_some())
}

/// The first entry, which has to end.
fn first_entry(head: &[u8], size: u64) -> Option<Header> {
    let header = Header::read(head, 0).ok()?;
    let data = padded(HEADER.saturating_add(header.name_size));
    let ends = (1..=LONGEST).contains(&header.name_size) && data.saturating_add(header.size) <= size;
    ends.then_some(header)
}

/// True for what Linux unpacks.
pub(crate) fn is_packed(head: &[u8]) -> bool {
    PACKED.iter().any(|magic| head.starts_with(magic))
}

/// What Linux skips, refuses, or makes otherwise than it stands there, or what no writer writes.
fn odd(
    kind: &'static DefectKind,
    field: &'static str,
    at: u64,
    found: impl Into<Value>,
    expected: impl Into<Value>,
) -> Defect {
    Defect::new(kind, field, at, found, expected)
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
        if !MAGICS.contains(&magic) {
            return Err(Defect::new(&MAGIC, "c_magic", base, magic, "070701 or 070702"));
        }
        let field = |number: usize, name: &'static str| {
            let start = number.saturating_mul(8).saturating_add(6);
            let digits = bytes.get(start..start.saturating_add(8)).unwrap_or_default();
            let text = core::str::from_utf8(digits).unwrap_or_default();
            let plain = digits.len() == 8 && digits.iter().all(u8::is_ascii_hexdigit);
            let value = if plain { u32::from_str_radix(text, 16).ok() } else { None };
            let place = base.saturating_add(len64(bytes.get(..start).unwrap_or_default()));
            value.ok_or_else(|| Defect::new(&NUMBER, name, place, digits, "eight hexadecimal digits"))
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

impl Header {
    /// The fields behind the magic, in their order.
    fn fields(&self) -> [u64; 13] {
        let Self { ino, mode, uid, gid, links, mtime, size, device, special, name_size, sum, .. } = *self;
        let small = [ino, mode, uid, gid, links, mtime].map(u64::from);
        let [a, b, c, d, e, f] = small;
        let [g, h, i, j] = [device.0, device.1, special.0, special.1].map(u64::from);
        [a, b, c, d, e, f, size, g, h, i, j, name_size, sum.into()]
    }

    fn kind(&self) -> Option<Kind> {
        Kind::of_mode(self.mode)
    }
}

/// Where the parts of an entry are.
#[derive(Clone, Copy, Debug)]
struct Spot {
    name: u64,
    data: u64,
    end: u64,
    /// The header, in the space.
    offset: u64,
}

impl Spot {
    fn of(start: u64, header: &Header, at: &Input<'_>) -> Self {
        let name = start.saturating_add(HEADER);
        let data = padded(name.saturating_add(header.name_size));
        let end = padded(data.saturating_add(header.size));
        Self { name, data, end, offset: at.offset().saturating_add(start) }
    }

    /// A name that Linux would skip, or more than there is.
    fn is_cut(&self, header: &Header, at: &Input<'_>) -> bool {
        !(1..=LONGEST).contains(&header.name_size)
            || self.data > at.length()
            || self.data.saturating_add(header.size) > at.length()
    }
}

/// Which names Linux takes for one file: device, inode, and type are equal.
type LinkKey = ((u32, u32), u32, u32);

/// Entries, and where the data of each lie.
#[derive(Debug)]
struct Archive {
    entries: Vec<Entry>,
    data: Vec<u64>,
    /// Number of each path.
    paths: BTreeMap<Vec<u8>, usize>,
    /// First entry of each inode that has several names, and the last with data.
    links: BTreeMap<LinkKey, (usize, Vec<usize>)>,
    /// The root has its own entry.
    root: bool,
    /// Data that end in no file: of directories and devices, or replaced by those of another name.
    unused: Vec<Span>,
    allowance: Allowance,
    form: Option<Normal>,
}

impl Archive {
    fn new(limits: &Limits, form: bool) -> Self {
        Self {
            entries: Vec::new(),
            data: Vec::new(),
            paths: BTreeMap::new(),
            links: BTreeMap::new(),
            root: false,
            unused: Vec::new(),
            allowance: Allowance::new(limits),
            form: form.then(|| Normal::new("cpio/1")),
        }
    }

    /// Reads up to the trailer. Returns where the archive ends, and whether it does not break off there.
    fn read(&mut self, at: &Input<'_>, out: &mut Builder<'_, '_>) -> Result<(u64, bool), Trouble> {
        let root = Entry { kind: Kind::Directory, mode: 0o755, inode: u64::MAX, ..Entry::default() };
        self.push(Vec::new(), root, 0)?;
        let mut start = 0;
        while start < at.length() {
            let head = at.slice(start, HEADER).window()?;
            let header = match Header::read(&head, at.offset().saturating_add(start)) {
                Ok(header) => header,
                Err(defect) => {
                    out.defect(defect);
                    return Ok((start, false));
                }
            };
            if len64(&self.entries) > out.limits().nodes {
                return Err(LimitKind::Nodes.into());
            }
            let place = Spot::of(start, &header, at);
            if place.is_cut(&header, at) {
                let left = at.length().saturating_sub(start);
                out.defect(odd(&TRUNCATED, "c_filesize", place.offset, left, place.end));
                return Ok((start, false));
            }
            let name = at.slice(place.name, header.name_size).window()?;
            self.padding(at, place.name.saturating_add(header.name_size), place.data, out)?;
            self.padding(at, place.data.saturating_add(header.size), place.end, out)?;
            self.write(&header, &name)?;
            if name.split(|&byte| byte == 0).next() == Some(TRAILER) {
                check_trailer(&header, &name, &place, out);
                self.join_links();
                return Ok((place.end.min(at.length()), true));
            }
            check_sum(at, &header, &place, out)?;
            self.entry(&name, &header, &place, at, out)?;
            start = place.end;
        }
        out.defect(odd(&NO_TRAILER, "TRAILER!!!", at.offset(), "none", "a trailer"));
        self.join_links();
        Ok((at.length(), false))
    }

    /// A record of the normal form.
    fn write(&mut self, header: &Header, name: &[u8]) -> Result<(), LimitKind> {
        let Some(form) = &mut self.form else { return Ok(()) };
        self.allowance.take(header.name_size)?;
        form.record(if header.checked { "070702" } else { "070701" });
        form.field("fields", header.fields().map(u64::to_le_bytes).as_flattened());
        form.field("name", name);
        Ok(())
    }

    fn padding(
        &mut self,
        at: &Input<'_>,
        from: u64,
        to: u64,
        out: &mut Builder<'_, '_>,
    ) -> Result<(), Trouble> {
        let padding = at.slice(from, to.saturating_sub(from));
        if !padding.is_empty() && padding.uniform()? != Some(0) {
            let found = padding.window()?.to_vec();
            if let Some(form) = &mut self.form {
                form.field("padding", &found);
            }
            out.defect(odd(&PADDING, "padding", padding.offset(), found, "zeros"));
        }
        Ok(())
    }

    fn entry(
        &mut self,
        name: &Window,
        header: &Header,
        place: &Spot,
        at: &Input<'_>,
        out: &mut Builder<'_, '_>,
    ) -> Result<(), Trouble> {
        let Some(steps) = steps(name, place, out) else { return Ok(()) };
        let Some(kind) = header.kind() else {
            out.defect(odd(&MODE, "c_mode", place.offset, header.mode, "a type of file"));
            return Ok(());
        };
        check_header(header, kind, place, out);
        if !matches!(kind, Kind::File | Kind::Link) {
            let span = Span::new(place.data, header.size);
            self.unused.extend((!span.is_empty()).then_some(span));
        }
        if steps.is_empty() && kind != Kind::Directory {
            out.defect(odd(&NAME, "name", place.offset, "", "the name of a directory"));
            return Ok(());
        }
        let target = if kind == Kind::Link { target(at, header, place, out)? } else { Vec::new() };
        if let Some(form) = &mut self.form {
            self.allowance.take(len64(&target))?;
            form.field("target", &target);
        }
        check_built_in(&steps, kind, header, place, out);
        let parent = self.parent(&steps, place.offset, out)?;
        let device = if matches!(kind, Kind::Block | Kind::Character) { header.special } else { (0, 0) };
        let mut entry = Entry {
            parent,
            name: steps.last().map(|step| step.to_vec()).unwrap_or_default(),
            kind,
            // Linux makes a link and gives it no mode.
            mode: if kind == Kind::Link { 0o777 } else { header.mode & 0o7777 },
            uid: header.uid,
            gid: header.gid,
            modified: header.mtime.into(),
            size: if matches!(kind, Kind::File | Kind::Link) { header.size } else { 0 },
            device,
            target,
            ..Entry::default()
        };
        entry.inode = self.inode(header, kind, &entry, place, out);
        self.place(steps.join(&b'/'), entry, place, out)?;
        Ok(())
    }

    fn place(
        &mut self,
        path: Vec<u8>,
        entry: Entry,
        place: &Spot,
        out: &mut Builder<'_, '_>,
    ) -> Result<(), LimitKind> {
        let known = self.paths.get(&path).copied();
        let Some(number) = known else { return self.push(path, entry, place.data) };
        let fresh = if number == 0 { !self.root } else { self.is_implied(number) };
        self.root |= number == 0;
        if !fresh {
            let shown = String::from_utf8_lossy(&path).into_owned();
            out.defect(odd(&DUPLICATE_NAME, "name", place.offset, shown, "one entry of a name"));
        }
        if number != 0 && !fresh {
            return self.push(path, entry, place.data);
        }
        // The root, or a directory that was implied, gets its own facts.
        let parent = self.entries.get(number).map_or(0, |entry| entry.parent);
        if let Some((slot, data)) = self.entries.get_mut(number).zip(self.data.get_mut(number)) {
            *slot = Entry { parent, ..entry };
            *data = place.data;
        }
        Ok(())
    }

    /// The data of an inode come with one of its names; all of them have them. The last data are what stays.
    fn join_links(&mut self) {
        for (_, names) in self.links.values() {
            let sized = |&&number: &&usize| self.entries.get(number).is_some_and(|entry| entry.size > 0);
            let Some(&last) = names.iter().rev().find(sized) else { continue };
            let Some((size, at)) =
                self.entries.get(last).map(|entry| entry.size).zip(self.data.get(last).copied())
            else {
                continue;
            };
            for &number in names {
                let Some((entry, data)) = self.entries.get_mut(number).zip(self.data.get_mut(number)) else {
                    continue;
                };
                if number != last && entry.size > 0 {
                    self.unused.push(Span::new(*data, entry.size));
                }
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

    /// Linux joins the names of an inode only where the archive says that there are several, and those of links and
    /// directories never. To the names it gives the facts of the last, or of the first where nothing is written.
    fn inode(
        &mut self,
        header: &Header,
        kind: Kind,
        entry: &Entry,
        place: &Spot,
        out: &mut Builder<'_, '_>,
    ) -> u64 {
        let number = self.entries.len();
        let own = len64(&self.entries);
        if header.links < 2 || matches!(kind, Kind::Link | Kind::Directory) {
            return own;
        }
        let key = (header.device, header.ino, header.mode & 0xf000);
        let (first, names) = self.links.entry(key).or_insert_with(|| (number, Vec::new()));
        names.push(number);
        let Some(other) = self.entries.get(*first) else { return own };
        let facts = |entry: &Entry| (entry.mode, entry.uid, entry.gid, entry.modified, entry.device);
        if facts(other) != facts(entry) {
            out.defect(odd(&HARD_LINK, "c_mode", place.offset, entry.mode, other.mode));
        }
        other.inode
    }

    /// The directory that the last of the names lies in. One look-up where it is there, as it is in what writers make:
    /// to go down from the root for each entry costs the square of how deep they lie.
    fn parent(&mut self, steps: &[&[u8]], place: u64, out: &mut Builder<'_, '_>) -> Result<usize, LimitKind> {
        let Some((_, around)) = steps.split_last() else { return Ok(0) };
        // Nothing below is taken apart.
        if len64(steps) > out.limits().depth.into() {
            return Err(LimitKind::Depth);
        }
        let mut path = around.join(&b'/');
        let mut missing = Vec::new();
        let mut left = around;
        let mut parent = 0;
        while let Some((step, before)) = left.split_last() {
            if let Some(&number) = self.paths.get(&path) {
                parent = number;
                // What lies in a link goes where the link leads.
                if self.entries.get(number).is_some_and(|entry| entry.kind != Kind::Directory) {
                    let shown = String::from_utf8_lossy(&path).into_owned();
                    out.defect(odd(&NO_DIRECTORY, "name", place, shown, "a directory"));
                }
                break;
            }
            missing.push((path.clone(), step.to_vec()));
            path.truncate(path.len().saturating_sub(step.len()).saturating_sub(1));
            left = before;
        }
        while let Some((path, name)) = missing.pop() {
            let shown = String::from_utf8_lossy(&path).into_owned();
            out.defect(odd(&NO_DIRECTORY, "name", place, shown, "an entry of the directory"));
            let entry = Entry { parent, name, kind: Kind::Directory, inode: IMPLIED, ..Entry::default() };
            parent = self.entries.len();
            self.push(path, entry, 0)?;
        }
        Ok(parent)
    }
}

/// The names from the root on, as writers write them: behind nothing, `/` or `./`. `None` when Linux would not make the
/// entry.
fn steps<'n>(name: &'n Window, place: &Spot, out: &mut Builder<'_, '_>) -> Option<Vec<&'n [u8]>> {
    let (name, rest) = name.split_at(name.iter().position(|&byte| byte == 0).unwrap_or(name.len()));
    let shown = || String::from_utf8_lossy(name).into_owned();
    // Linux wants a NUL at the end; some writers align what follows with more of them.
    if rest.is_empty() || rest.iter().any(|&byte| byte != 0) {
        out.defect(odd(&NAME, "c_namesize", place.offset, rest, "NULs"));
    }
    let inner = [&b"./"[..], b"/"].iter().find_map(|front| name.strip_prefix(*front)).unwrap_or(name);
    if [&b"."[..], b"/", b"./"].contains(&name) {
        return Some(Vec::new());
    }
    let steps: Vec<_> = inner.split(|&byte| byte == b'/').collect();
    let plain = |step: &&[u8]| ![&b""[..], b".", b".."].contains(step) && len64(step) <= MOST_NAME;
    if steps.iter().all(plain) {
        return Some(steps);
    }
    out.defect(odd(&NAME, "name", place.offset, shown(), "names of files"));
    let steps: Vec<_> = steps.into_iter().filter(plain).collect();
    (!steps.is_empty()).then_some(steps)
}

/// Fields that Linux takes otherwise than they stand there.
fn check_header(header: &Header, kind: Kind, place: &Spot, out: &mut Builder<'_, '_>) {
    if header.mode > 0xffff {
        out.defect(odd(&MODE, "c_mode", place.offset, header.mode, header.mode & 0xffff));
    }
    for (field, id) in [("c_uid", header.uid), ("c_gid", header.gid)] {
        if id == u32::MAX {
            out.defect(odd(&OWNER, field, place.offset, id, "an id"));
        }
    }
    // Only files and links have data; Linux skips other entries that have some.
    if header.size > 0 && !matches!(kind, Kind::File | Kind::Link) {
        out.defect(odd(&DATA, "c_filesize", place.offset, header.size, 0u64));
    }
    if header.special.0 > 0xfff || header.special.1 > 0xf_ffff {
        out.defect(odd(&DEVICE, "c_rmaj", place.offset, header.special.0, "a device number"));
    }
}

/// `/dev` and `/dev/console` are there before the archive: Linux keeps them as they are.
fn check_built_in(steps: &[&[u8]], kind: Kind, header: &Header, place: &Spot, out: &mut Builder<'_, '_>) {
    let kept = match steps {
        [b"dev"] => kind == Kind::Directory,
        [b"dev", b"console"] => kind != Kind::Character || header.special == (5, 1),
        _ => true,
    };
    if !kept {
        let found = format!("{}:{}", header.special.0, header.special.1);
        out.defect(odd(&BUILT_IN, "c_rmaj", place.offset, found, "what is there before"));
    }
}

/// Linux takes the trailer for one only as an entry without data.
fn check_trailer(header: &Header, name: &[u8], place: &Spot, out: &mut Builder<'_, '_>) {
    for (field, value) in [("c_mode", header.mode.into()), ("c_filesize", header.size)] {
        if value != 0 {
            out.defect(odd(&NO_TRAILER, field, place.offset, value, 0u64));
        }
    }
    let rest = name.get(TRAILER.len()..).unwrap_or_default();
    if rest.is_empty() || rest.iter().any(|&byte| byte != 0) {
        out.defect(odd(&NAME, "c_namesize", place.offset, rest, "NULs"));
    }
}

/// Where a link leads. The kernel's own writer puts a NUL behind it.
fn target(
    at: &Input<'_>,
    header: &Header,
    place: &Spot,
    out: &mut Builder<'_, '_>,
) -> Result<Vec<u8>, Trouble> {
    let data = at.slice(place.data, header.size.min(LONGEST)).window()?;
    let target = data.strip_suffix(&[0]).unwrap_or(&data);
    if target.is_empty() || target.contains(&0) || header.size >= LONGEST {
        out.defect(odd(&TARGET, "c_filesize", place.offset, header.size, "a path"));
    }
    Ok(target.to_vec())
}

fn padded(offset: u64) -> u64 {
    offset.checked_next_multiple_of(4).unwrap_or(offset)
}

fn check_sum(
    at: &Input<'_>,
    header: &Header,
    place: &Spot,
    out: &mut Builder<'_, '_>,
) -> Result<(), Trouble> {
    // Linux sums what it copies into a file; GNU cpio writes no sum for the target of a link.
    if header.checked && header.kind() != Some(Kind::File) {
        return Ok(());
    }
    let mut sum = 0_u32;
    if header.checked {
        for window in at.slice(place.data, header.size).windows() {
            sum = window?.iter().fold(sum, |sum, &byte| sum.wrapping_add(byte.into()));
        }
    }
    if sum != header.sum {
        // Linux unpacks nothing behind a wrong sum.
        out.defect(odd(&CHECKSUM, "c_chksum", place.offset, header.sum, sum));
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

impl<'a> Volume<'a> for Members<'a> {
    fn read(&self, number: usize) -> Result<FileData<'a>, Trouble> {
        let size = self.sizes.get(number).copied().unwrap_or(0);
        let start = self.data.get(number).copied().unwrap_or(0);
        Ok(FileData::Pieces(vec![Piece::Bytes(self.image.slice(start, size))]))
    }

    fn lies_there(&self, _number: usize) -> bool {
        true
    }

    fn rest(&self) -> Result<Vec<u8>, Trouble> {
        let mut rest = Vec::new();
        for span in &self.unused {
            rest.extend_from_slice(&self.image.slice(span.offset, span.length).window()?);
        }
        Ok(rest)
    }
}

const MAGICS: [&[u8]; 2] = [b"070701", b"070702"];
/// What `lib/decompress.c` knows: gzip, bzip2, LZMA, xz, lzop, LZ4, zstd.
const PACKED: [&[u8]; 8] = [
    &[0x1f, 0x8b],
    &[0x1f, 0x9e],
    b"BZ",
    &[0x5d, 0],
    &[0xfd, 0x37],
    &[0x89, 0x4c],
    &[2, 0x21],
    &[0x28, 0xb5],
];
const HEADER: u64 = 110;
const TRAILER: &[u8] = b"TRAILER!!!";
const BLOCK: u64 = 512;
/// What stands behind an archive and is one, or is packed.
const BEHIND: &str = "cpio-behind";
/// Linux `PATH_MAX`.
const LONGEST: u64 = 4096;
/// Linux `NAME_MAX`.
const MOST_NAME: u64 = 255;
/// The inode of a directory that no entry makes.
const IMPLIED: u64 = u64::MAX - 1;

/// The kinds of defects of this file.
pub(crate) const DEFECTS: &[&DefectKind] = &[
    &BYTES_BEHIND,
    &BUILT_IN,
    &CHECKSUM,
    &DATA,
    &DEVICE,
    &DUPLICATE_NAME,
    &HARD_LINK,
    &MAGIC,
    &MODE,
    &NAME,
    &NO_DIRECTORY,
    &NUMBER,
    &OWNER,
    &PADDING,
    &TARGET,
    &NO_TRAILER,
    &TRUNCATED,
];

/// Bytes lie behind the last archive that Linux would unpack or complain about.
static BYTES_BEHIND: DefectKind = DefectKind::ambiguous("cpio/behind");
/// An entry makes what the kernel has made before it, as something else.
static BUILT_IN: DefectKind = DefectKind::ambiguous("cpio/built-in");
/// The sum of a file's bytes is another.
static CHECKSUM: DefectKind = DefectKind::ambiguous("cpio/checksum");
/// An entry that is no file brings bytes.
static DATA: DefectKind = DefectKind::ambiguous("cpio/data");
/// A device number is larger than Linux takes.
static DEVICE: DefectKind = DefectKind::ambiguous("cpio/device");
/// Two entries of an archive have one name.
static DUPLICATE_NAME: DefectKind = DefectKind::ambiguous("cpio/duplicate-name");
/// Names of one inode disagree on what it is.
static HARD_LINK: DefectKind = DefectKind::ambiguous("cpio/hard-link");
/// A header does not begin with the magic of an archive that Linux unpacks.
static MAGIC: DefectKind = DefectKind::ambiguous("cpio/magic");
/// The mode has no type of file, or bits that Linux drops.
static MODE: DefectKind = DefectKind::ambiguous("cpio/mode");
/// A name is none that Linux unpacks as it stands, or bytes lie behind it.
static NAME: DefectKind = DefectKind::ambiguous("cpio/name");
/// An entry lies in no directory of the archive, or in what is none.
static NO_DIRECTORY: DefectKind = DefectKind::ambiguous("cpio/no-directory");
/// A field is no number of eight hexadecimal digits.
static NUMBER: DefectKind = DefectKind::ambiguous("cpio/number");
/// An owner is the number that means none.
static OWNER: DefectKind = DefectKind::ambiguous("cpio/owner");
/// Bytes between entries are no zeros.
static PADDING: DefectKind = DefectKind::ambiguous("cpio/padding");
/// A symbolic link has no target, or a longer one than Linux takes.
static TARGET: DefectKind = DefectKind::ambiguous("cpio/target");
/// The archive has no trailer, or one that says more than that it ends.
static NO_TRAILER: DefectKind = DefectKind::ambiguous("cpio/trailer");
/// The archive ends before an entry does.
static TRUNCATED: DefectKind = DefectKind::ambiguous("cpio/truncated").cut_short();

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
    fn a_file_may_be_larger_than_any_decoded_space() {
        let text = "a line of text, ä sign of two bytes\n".repeat(90_000);
        let bytes = archive(&[entry("log", 0o100644, 1, 3, text.as_bytes())]);
        let limits = Limits { space: 2 << 20, live: 2 << 20, ..Limits::default() };
        let host = kiwame_image::Memory::new([bytes.clone()]);
        let options = crate::options();
        let tree = kiwame_image::parse(&host, 0, len64(&bytes), &Cpio, &limits, &options).expect("memory");
        assert_eq!((defects(&tree), tree.limits_hit()), (vec![], &[][..]));
        let file = region(&tree, &format!("{TOP}/file:log/decoded:content"));
        assert_eq!((file.span.length, file.content), (len64(text.as_bytes()), kiwame_image::Content::Parsed));
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
        assert_eq!(defects(&parse_with(&Cpio, &twice)), [""; 0]);
        let odd = [&sample()[..], &[0; 2], &sample()].concat();
        assert_eq!(defects(&parse_with(&Cpio, &odd)), ["cpio/behind"]);
        assert_eq!(defects(&parse_with(&Cpio, &file("a"))), ["cpio/trailer"]);
    }

    /// A member of stored bytes.
    fn gzip(content: &[u8]) -> Vec<u8> {
        let mut crc = kiwame_decode::Crc32::default();
        crc.update(content);
        let mut bytes = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 1];
        let size = u16::try_from(content.len()).expect("small");
        bytes.extend([size.to_le_bytes(), (!size).to_le_bytes()].concat());
        bytes.extend(content);
        bytes.extend(crc.value().to_le_bytes());
        bytes.extend(u32::from(size).to_le_bytes());
        bytes
    }

    #[test]
    fn linux_goes_on_behind_a_packed_archive_as_behind_a_plain_one() {
        let open = |parts: &[&[u8]]| {
            let tree = parse_with(&Recognised(Place::Stream), &parts.concat());
            let lists = tree.regions().filter(|region| region.kind == "cpio-entries").count();
            (lists, defects(&tree).join(" "))
        };
        let (plain, packed) = (sample(), gzip(&sample()));
        let align = vec![0; packed.len().next_multiple_of(4) - packed.len()];
        let zeros = [0; 1024];
        let none = String::new();
        assert_eq!(open(&[&packed, &align, &plain]), (2, none.clone()));
        assert_eq!(
            open(&[&plain, &zeros, &packed, &align, &packed, &align, &plain, &zeros]),
            (4, none.clone())
        );
        assert_eq!(open(&[&plain, &[0; 1], &packed]), (2, none.clone()), "packed ones lie anywhere");
        // A multiple of four from the front of all, not from the front of the packed one.
        let odd = vec![0; align.len() + 3];
        assert_eq!(open(&[&plain, &[0; 1], &packed, &odd, &plain]), (3, none));
        let gzip = |found| (found, "gzip/trailing-bytes".to_owned());
        assert_eq!(open(&[&packed, &align, &[0; 1], &plain]), gzip(1), "not a multiple of four");
        assert_eq!(open(&[&packed, b"junk"]), gzip(1));
        assert_eq!(open(&[&packed, &[0xff; 512]]), gzip(1), "nothing is erased to Linux");
        assert_eq!(open(&[&packed, &zeros, b"070701"]), gzip(1), "an entry that does not end");
    }

    #[test]
    fn an_entry_that_does_not_end_is_no_archive() {
        let bytes = entry("a", 0o100644, 1, 9, &[7; 300]);
        let name = |bytes: &[u8]| crate::identify(&Glance::new(bytes, bytes.len() as u64)).name();
        assert_eq!([name(&bytes), name(&bytes[..300])], ["cpio", "raw"]);
    }

    #[test]
    fn what_linux_skips_or_makes_otherwise_is_ambiguous() {
        let file = |name: &str| entry(name, 0o100644, 1, 9, b"x");
        let one = |record: Vec<u8>| defects(&parse_with(&Cpio, &archive(&[record])));
        let put = |mut record: Vec<u8>, at: usize, digits: &[u8]| {
            record[at..at + digits.len()].copy_from_slice(digits);
            one(record)
        };
        for name in ["a/", "../a", "a//b", "//a", "a/./b", "", "./", "."] {
            assert!(one(file(name)).contains(&"cpio/name"), "{name}");
        }
        for name in ["a", "./a", "/a"] {
            assert_eq!(one(file(name)), [""; 0], "{name}");
        }
        assert_eq!(one(entry("a", 0o300644, 1, 9, b"")), ["cpio/mode"]);
        assert_eq!(put(file("a"), 14, b"000181A4"), ["cpio/mode"]);
        assert_eq!(put(file("a"), 22, b"FFFFFFFF"), ["cpio/owner"]);
        assert_eq!(one(entry("a", 0o40755, 1, 9, b"x")), ["cpio/data"]);
        assert_eq!(one(entry("a", 0o120777, 1, 9, b"")), ["cpio/target"]);
        assert_eq!(one(entry("a", 0o120777, 1, 9, b"x\0y")), ["cpio/target"]);
        assert_eq!(one(entry("a", 0o120777, 1, 9, b"x\0")), [""; 0]);
        assert_eq!(put(entry("a", 0o20644, 1, 9, b""), 78, b"00001000"), ["cpio/device"]);
        assert_eq!(put(entry("TRAILER!!!", 0, 1, 9, b"x"), 0, b"0"), ["cpio/trailer"]);
        let through = [entry("l", 0o120777, 1, 9, b"d"), file("l/a")];
        assert_eq!(defects(&parse_with(&Cpio, &archive(&through))), ["cpio/no-directory"]);
    }

    #[test]
    fn names_of_one_inode_have_one_device_and_one_set_of_facts() {
        let pair = |at: usize, digits: &[u8]| {
            let mut second = entry("b", 0o100644, 2, 8, b"data");
            second[at..at + digits.len()].copy_from_slice(digits);
            let tree = parse_with(&Cpio, &archive(&[entry("a", 0o100644, 2, 8, b""), second]));
            let link = region(&tree, &format!("{TOP}/file:b")).attribute("hard-link").cloned();
            (link.is_some(), defects(&tree))
        };
        assert_eq!(pair(0, b"0"), (true, vec![]));
        assert_eq!(pair(62, b"00000100"), (false, vec![]));
        assert_eq!(pair(14, b"000081ED"), (true, vec!["cpio/hard-link"]));
    }

    #[test]
    fn the_normal_form_knows_every_field_and_not_the_case_of_digits() {
        let sample = sample();
        let form = |bytes: &[u8]| crate::testing::normal(&Cpio, bytes);
        let genuine = form(&sample).expect("a form");
        for at in (0..110).filter(|&at| sample[at].is_ascii_digit()) {
            let mut bytes = sample.clone();
            bytes[at] ^= 1;
            assert_ne!(form(&bytes).as_ref(), Some(&genuine), "{at}");
        }
        let mut lower = sample.clone();
        lower[14..22].make_ascii_lowercase();
        assert_ne!(lower, sample);
        assert_eq!(form(&lower).as_ref(), Some(&genuine));
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
