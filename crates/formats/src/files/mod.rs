//! What file systems have in common: from a list of entries to regions.
//!
//! The entries become a space of their own, which the file system's blocks encode: in it stand the names, one line
//! each, a directory around what lies in it, in the order of the file system's own listing. So an entry has a place,
//! a path of its names and facts (mode, owner, target), however the blocks are packed, and a file system that was
//! packed anew keeps every one of them. What a file holds is a space again, which its line encodes; it is decoded when
//! its turn comes, taken apart, measured, and dropped before the next.
//!
//! ```text
//! /            dir:etc                 the directory and all that is in it
//! etc/           entry:self            its own line, with its mode and owner
//! passwd         file:passwd           encodes the content of the file
//! mtab           link:mtab
//! ```

pub(crate) mod cabinet;
pub(crate) mod cpio;
pub(crate) mod file_content;
pub(crate) mod jffs2;
pub(crate) mod settings;
pub(crate) mod squashfs;

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use kiwame_image::{
    Arrange as _, Builder, Defect, DefectKind, Fact, Format, Input, LimitKind, Limits, Node, Piece, Place,
    Recognised, RegionId, Role, Stage, Trouble, Value, fact, len64,
};

/// Where a file system keeps what its files hold.
pub(crate) trait Volume<'a>: core::fmt::Debug {
    /// All that the file of that number in the list holds: as many bytes as the list says.
    fn read(&self, number: usize) -> Result<FileData<'a>, Trouble>;

    /// True when what the file holds lies in the image as it is.
    fn lies_there(&self, _number: usize) -> bool {
        false
    }

    /// What was odd about the files read since this was last asked.
    fn noticed(&self) -> Vec<Defect> {
        Vec::new()
    }

    /// What the file system keeps and no file uses: deleted inodes, old copies, bytes between the ends of files. Asked
    /// for when everything else has been read.
    fn rest(&self) -> Result<Vec<u8>, Trouble>;

    /// True when nothing that a loader does, recovery included, reaches the rest any more (RULES 12).
    fn rest_is_dead(&self) -> bool {
        false
    }

    /// True when a program could begin somewhere in the rest, where only its format knows that anything begins. No
    /// remains may be one (RULES 12). Asked for when the rest was read.
    fn rest_runs(&self) -> Result<bool, Trouble> {
        Ok(false)
    }
}

/// What a file holds.
#[derive(Debug)]
pub(crate) enum FileData<'a> {
    /// Bytes that were decoded or put together.
    Bytes(Vec<u8>),
    /// It lies in the image as it is, so that no byte is copied and no size is too large.
    Pieces(Vec<Piece<'a>>),
}

/// What the entries of a file system may bring in bytes: names, targets, attributes, lists of blocks. Many names can lead
/// to one inode, and many inodes to one attribute, so that a small image can ask for much more than it has. As many bytes
/// as the regions that they become may have for nothing.
#[derive(Debug)]
pub(crate) struct Allowance(u64);

impl Allowance {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self(limits.nodes.saturating_mul(256))
    }

    /// Takes so many bytes, and so many more for keeping them.
    pub(crate) fn take(&mut self, bytes: u64) -> Result<(), LimitKind> {
        self.0 = self.0.checked_sub(bytes.saturating_add(64)).ok_or(LimitKind::Nodes)?;
        Ok(())
    }
}

/// What the parts of a file system that no file uses may come to: more is as good as a limit of space that was hit.
pub(crate) const MOST_REST: u64 = 64 << 20;

/// Extended attributes: whole names and values.
pub(crate) type Xattrs = Vec<(Vec<u8>, Vec<u8>)>;

/// One name in a file system.
#[derive(Clone, Debug, Default)]
pub(crate) struct Entry {
    /// Number of the directory it lies in, which comes before it in the list. The root, number 0, has its own.
    pub(crate) parent: usize,
    /// Its name there.
    pub(crate) name: Vec<u8>,
    /// What it is.
    pub(crate) kind: Kind,
    /// The lower twelve bits of the mode.
    pub(crate) mode: u32,
    /// Owner.
    pub(crate) uid: u32,
    /// Group.
    pub(crate) gid: u32,
    /// Seconds since 1970.
    pub(crate) modified: u64,
    /// Bytes that the file holds.
    pub(crate) size: u64,
    /// Major and minor number of a device.
    pub(crate) device: (u32, u32),
    /// Where a symbolic link leads.
    pub(crate) target: Vec<u8>,
    /// Extended attributes.
    pub(crate) xattrs: Xattrs,
    /// Number that all names of one inode have in common.
    pub(crate) inode: u64,
    /// Whatever else the file system records that a kernel acts on.
    pub(crate) facts: Vec<(&'static Fact, Value)>,
}

/// What an entry is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Kind {
    #[default]
    File,
    Directory,
    Link,
    Block,
    Character,
    Fifo,
    Socket,
}

impl Kind {
    /// The kind by the upper bits of a mode (POSIX `S_IFMT`).
    pub(crate) fn of_mode(mode: u32) -> Option<Self> {
        Some(match mode >> 12 & 15 {
            1 => Self::Fifo,
            2 => Self::Character,
            4 => Self::Directory,
            6 => Self::Block,
            8 => Self::File,
            10 => Self::Link,
            12 => Self::Socket,
            _ => return None,
        })
    }
}

/// Lists a file system: `stream` is the last of the encoded leaves, added to `out`, that all of this is decoded from, and
/// `rest` are those before it. The first entry is the root.
pub(crate) fn list<'a>(
    stream: RegionId,
    rest: &[RegionId],
    entries: Vec<Entry>,
    volume: Rc<dyn Volume<'a> + 'a>,
    out: &mut Builder<'_, 'a>,
) {
    let mut files = Files {
        children: vec![Vec::new(); entries.len()],
        entries,
        volume,
        lines: Vec::new(),
        links: Links::default(),
    };
    files.link();
    files.links = Links::of(&files.entries);
    let order = files.order();
    let Ok(index) = files.write_lines(&order, out) else { return };
    let root = Rc::new(Directory { files: Rc::new(files), number: 0 });
    out.decoded_with(stream, index, "files", root);
    rest.iter().for_each(|&other| out.shares(other, stream));
}

#[derive(Debug)]
struct Files<'a> {
    entries: Vec<Entry>,
    children: Vec<Vec<usize>>,
    volume: Rc<dyn Volume<'a> + 'a>,
    /// Where the line of each entry begins, and where all that lies in it ends.
    lines: Vec<(u64, u64)>,
    links: Links,
}

impl<'a> Files<'a> {
    fn link(&mut self) {
        for (number, entry) in self.entries.iter().enumerate().skip(1) {
            if let Some(siblings) = self.children.get_mut(entry.parent).filter(|_| entry.parent < number) {
                siblings.push(number);
            }
        }
    }

    /// Every entry that is reached from the root: a directory before what lies in it.
    fn order(&self) -> Vec<usize> {
        let (mut order, mut stack) = (Vec::new(), vec![0]);
        while let Some(number) = stack.pop() {
            order.push(number);
            stack.extend(self.children.get(number).into_iter().flatten().rev());
        }
        order
    }

    fn write_lines(&mut self, order: &[usize], out: &mut Builder<'_, 'a>) -> Result<Vec<u8>, ()> {
        let lengths = self.entries.iter().map(|entry| len64(&entry.name).saturating_add(2));
        out.room(Some(lengths.fold(0, u64::saturating_add))).map_err(|_| ())?;
        let mut index = Vec::new();
        self.lines = vec![(0, 0); self.entries.len()];
        for &number in order {
            let Some(entry) = self.entries.get(number) else { continue };
            let start = len64(&index);
            index.extend(&entry.name);
            index.extend(if entry.kind == Kind::Directory { &b"/\n"[..] } else { b"\n" });
            if let Some(line) = self.lines.get_mut(number) {
                *line = (start, len64(&index));
            }
        }
        for &number in order.iter().rev() {
            let end = self.lines.get(number).map_or(0, |line| line.1);
            let parent = self.entries.get(number).map_or(0, |entry| entry.parent);
            if let Some(line) = self.lines.get_mut(parent) {
                line.1 = line.1.max(end);
            }
        }
        index.extend(REST);
        Ok(index)
    }

    /// The names from the root to an entry.
    fn names(&self, number: usize) -> Vec<&[u8]> {
        let parent = |&number: &usize| self.entries.get(number).map(|entry| entry.parent);
        let up = core::iter::successors(Some(number), parent).take_while(|&number| number != 0);
        let mut names: Vec<_> =
            up.filter_map(|number| self.entries.get(number)).map(|entry| &entry.name[..]).collect();
        names.reverse();
        names
    }

    /// The path as people write it.
    fn path(&self, number: usize) -> String {
        let names = self.names(number);
        names.iter().map(|name| format!("/{}", String::from_utf8_lossy(name))).collect()
    }
}

/// Takes the lines of a directory apart.
#[derive(Debug)]
struct Directory<'a> {
    files: Rc<Files<'a>>,
    number: usize,
}

impl<'a> Stage<'a> for Directory<'a> {
    fn parse(&self, at: Input<'a>, out: &mut Builder<'_, 'a>) {
        let files = &self.files;
        let Some(entry) = files.entries.get(self.number) else { return };
        let children = files.children.get(self.number).map_or(&[][..], Vec::as_slice);
        let name = files.path(self.number) + "/";
        let own = at.slice(0, len64(&entry.name).saturating_add(2));
        let node = Node::new(Role::Entry.word(), "self", "directory", own).component().name(name);
        out.add(facts(entry, node));
        self.check_names(children, out);
        for &number in children {
            let Some((child, line)) = files.entries.get(number).zip(files.lines.get(number)) else {
                continue;
            };
            let input = at.slice(line.0.saturating_sub(at.offset()), line.1.saturating_sub(line.0));
            let node = self.node(number, child, input);
            out.add(node);
        }
        if self.number == 0 {
            let end = at.length().saturating_sub(len64(REST));
            let rest = Rest { files: Rc::clone(files) };
            let node = Node::new(Role::Entry.word(), "rest", "unused", at.from(end))
                .component()
                .then_with(Rc::new(rest));
            out.add(if files.volume.rest_is_dead() { node.remains() } else { node });
        }
    }
}

impl<'a> Directory<'a> {
    fn node(&self, number: usize, entry: &Entry, line: Input<'a>) -> Node<'a> {
        let (role, kind) = entry.words();
        let node = Node::new(role.word(), &entry.name, kind, line).component();
        if entry.kind == Kind::Directory {
            let inner = Self { files: Rc::clone(&self.files), number };
            return node.then_with(Rc::new(inner));
        }
        let node = facts(entry, node).name(self.files.path(number));
        let (node, first) = self.files.links.facts(entry, number, &self.files, node);
        if entry.kind != Kind::File || entry.size == 0 || !first {
            return node;
        }
        node.encoded().then_with(Rc::new(Content { files: Rc::clone(&self.files), number }))
    }

    /// Names that a kernel cannot reach, or that lead elsewhere on another system (RULES 6).
    fn check_names(&self, children: &[usize], out: &mut Builder<'_, 'a>) {
        let (mut seen, mut folded) = (BTreeSet::new(), BTreeMap::new());
        let mut nodes = None;
        for &number in children {
            let Some(entry) = self.files.entries.get(number) else { continue };
            let place = self.files.lines.get(number).map_or(0, |line| line.0);
            let shown = String::from_utf8_lossy(&entry.name).into_owned();
            let odd = [&b""[..], b".", b".."].contains(&entry.name.as_slice())
                || entry.name.iter().any(|byte| [0, b'/'].contains(byte));
            if odd {
                out.defect(Defect::new(&NAME, "name", place, shown.clone(), "a file name"));
            }
            let fold = shown.to_lowercase();
            let device = matches!(entry.kind, Kind::Block | Kind::Character);
            if !seen.insert(&entry.name) {
                out.defect(Defect::new(&DUPLICATE_NAME, "name", place, shown, "one entry of a name"));
            } else if let Some((other, both)) = folded.insert(fold, (shown.clone(), device)) {
                // The pseudo-terminals of BSD have such names, and no loader that folds has device nodes.
                if device && both {
                    nodes.get_or_insert(Defect::new(&NODE_FOLDS, "name", place, shown, other));
                } else {
                    out.defect(Defect::new(&NAME_FOLDS, "name", place, shown, other));
                }
            }
        }
        nodes.into_iter().for_each(|defect| out.defect(defect));
    }
}

/// Which names belong to one inode.
#[derive(Debug, Default)]
struct Links(BTreeMap<u64, (usize, u64)>);

impl Links {
    fn of(entries: &[Entry]) -> Self {
        let mut inodes = BTreeMap::new();
        let plain = |entry: &&Entry| entry.kind != Kind::Directory;
        for (number, entry) in entries.iter().enumerate().filter(|(_, entry)| plain(entry)) {
            let names: &mut (usize, u64) = inodes.entry(entry.inode).or_insert((number, 0));
            names.1 = names.1.saturating_add(1);
        }
        Self(inodes)
    }

    /// What is said of the other names of a file, and whether this name is the first of them.
    fn facts<'a>(&self, entry: &Entry, number: usize, files: &Files<'_>, node: Node<'a>) -> (Node<'a>, bool) {
        match self.0.get(&entry.inode) {
            Some(&(first, names)) if names > 1 && first == number => (node.with(&fact::LINKS, names), true),
            Some(&(first, names)) if names > 1 => {
                (node.with(&fact::LINKS, names).with(&fact::HARD_LINK, files.path(first)), false)
            }
            _ => (node, true),
        }
    }
}

impl Entry {
    /// Role and kind of its region. A whiteout is what overlay file systems hide a lower file with.
    fn words(&self) -> (Role, &'static str) {
        match self.kind {
            Kind::File => (Role::File, "file"),
            Kind::Directory => (Role::Directory, "directory"),
            Kind::Link => (Role::Link, "symbolic-link"),
            Kind::Block => (Role::Device, "block-device"),
            Kind::Character if self.device == (0, 0) => (Role::Whiteout, "whiteout"),
            Kind::Character => (Role::Device, "character-device"),
            Kind::Fifo => (Role::Fifo, "fifo"),
            Kind::Socket => (Role::Socket, "socket"),
        }
    }
}

/// What a kernel acts on, beside the content.
fn facts<'a>(entry: &Entry, node: Node<'a>) -> Node<'a> {
    let mut node = node
        .with(&fact::MODE, format!("{:04o}", entry.mode & 0o7777))
        .with(&fact::UID, entry.uid)
        .with(&fact::GID, entry.gid)
        .with(&fact::MODIFIED, entry.modified);
    if matches!(entry.kind, Kind::Block | Kind::Character) {
        node = node.with(&fact::DEVICE, format!("{}:{}", entry.device.0, entry.device.1));
    }
    if entry.kind == Kind::Link {
        node = node.with(&fact::TARGET, text_or_bytes(&entry.target));
    }
    if entry.kind == Kind::File && entry.mode & 0o111 != 0 {
        node = node.with(&fact::EXECUTABLE, true);
    }
    node = node.with(&fact::XATTRS, xattrs(entry));
    entry.facts.iter().fold(node, |node, (fact, value)| node.with(fact, value.clone()))
}

/// All extended attributes, or that there are none: said either way, so that one that was added is a difference.
fn xattrs(entry: &Entry) -> String {
    let mut list: Vec<_> = entry.xattrs.iter().collect();
    list.arrange();
    let shown = list.iter().map(|(name, value)| {
        format!("{}={}", kiwame_image::escape_key(name), Value::Bytes(value.clone()).display())
    });
    let shown: Vec<_> = shown.collect();
    if shown.is_empty() { "none".to_owned() } else { shown.join(" ") }
}

fn text_or_bytes(bytes: &[u8]) -> Value {
    core::str::from_utf8(bytes).map_or_else(|_| Value::from(bytes), Value::from)
}

/// Opens what a file holds, when its turn comes.
#[derive(Debug)]
struct Content<'a> {
    files: Rc<Files<'a>>,
    number: usize,
}

impl<'a> Stage<'a> for Content<'a> {
    fn parse(&self, at: Input<'a>, out: &mut Builder<'_, 'a>) {
        let Some(entry) = self.files.entries.get(self.number) else { return };
        if !self.files.volume.lies_there(self.number) && out.room(Some(entry.size)).is_err() {
            return;
        }
        let opened = self.files.volume.read(self.number).and_then(|held| self.open(held, out));
        match opened {
            Ok(()) => self.files.volume.noticed().into_iter().for_each(|defect| out.defect(defect)),
            Err(trouble) => {
                self.files.volume.noticed();
                out.trouble(trouble);
                // It may have failed at the last byte.
                if let Err(limit) = at.spend(entry.size) {
                    out.trouble(limit.into());
                }
            }
        }
    }
}

impl<'a> Content<'a> {
    fn open(&self, held: FileData<'a>, out: &mut Builder<'_, 'a>) -> Result<(), Trouble> {
        let names = self.files.names(self.number);
        let settings = out.settings(&names);
        match held {
            FileData::Bytes(bytes) => {
                let (kind, format) = file_content::kind_of(&names, &bytes, settings);
                out.decoded(out.region(), bytes, kind, format);
            }
            FileData::Pieces(pieces) => {
                let head = kiwame_image::head_of(&pieces, file_content::needed(&names, settings))?;
                let (kind, format) = file_content::kind_of(&names, &head, settings);
                out.decoded_of(out.region(), &pieces, 0, kind, Rc::new(format));
            }
        }
        Ok(())
    }
}

/// Looks, when everything else has been read, whether the file system keeps more.
#[derive(Debug)]
struct Rest<'a> {
    files: Rc<Files<'a>>,
}

impl<'a> Stage<'a> for Rest<'a> {
    fn parse(&self, _at: Input<'a>, out: &mut Builder<'_, 'a>) {
        match self.files.volume.rest() {
            Ok(bytes) if bytes.is_empty() => {}
            Ok(bytes) if out.room(Some(len64(&bytes))).is_ok() => {
                match self.files.volume.rest_runs() {
                    Ok(true) => out.fact(&fact::EXECUTABLE, true),
                    Ok(false) => {}
                    Err(trouble) => out.trouble(trouble),
                }
                out.decoded(out.region(), bytes, "unused", &Recognised(Place::Unused));
            }
            Ok(_) => {}
            Err(trouble) => out.trouble(trouble),
        }
    }
}

/// The last line, for what no name leads to.
const REST: &[u8] = b"\n";

/// In the order in which equal matches win.
pub(crate) static FORMATS: &[&dyn Format] =
    &[&squashfs::Squashfs, &jffs2::Jffs2, &cpio::Cpio, &cabinet::Cabinet];

/// The kinds of defects of this file.
pub(crate) const DEFECTS: &[&DefectKind] = &[&DUPLICATE_NAME, &NAME, &NAME_FOLDS, &NODE_FOLDS];

/// Two entries of a directory have one name.
static DUPLICATE_NAME: DefectKind = DefectKind::ambiguous("files/duplicate-name");
/// A name is none that a path can have.
static NAME: DefectKind = DefectKind::ambiguous("files/name");
/// Two names of a directory differ only in signs that people and some systems take for the same.
static NAME_FOLDS: DefectKind = DefectKind::ambiguous("files/name-folds");
/// Two device nodes have such names, as the pseudo-terminals of BSD do; no loader that folds has device nodes.
static NODE_FOLDS: DefectKind = DefectKind::odd("files/node-folds");
