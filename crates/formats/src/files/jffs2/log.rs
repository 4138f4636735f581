//! What the nodes say together: which of them wins, and what nothing reaches any more.

use std::collections::{BTreeMap, BTreeSet};

use kiwame_image::{
    Arrange as _, Defect, Endian, Gather as _, Input, LimitKind, Span, Spans, Trouble, len64,
};

use super::data::{device, raw};
use super::defects;
use super::node::{Body, Dirent, Piece, Record, State, Xref};
use crate::files::{Allowance, Entry, Kind, Xattrs};

/// The newest of everything, and what is older. Nodes are named by their number in `records`.
#[derive(Debug)]
pub(super) struct Log {
    pub(super) order: Endian,
    pub(super) records: Vec<Record>,
    /// Of each name in a directory the newest entry, also one that says that the name is gone.
    names: BTreeMap<(u32, Vec<u8>), usize>,
    /// Pieces by inode, oldest first, no version twice.
    pub(super) inodes: BTreeMap<u32, Vec<usize>>,
    xattrs: BTreeMap<u32, Xattrs>,
    /// How many names lead to an inode, as a mount counts them.
    links: BTreeMap<u32, u64>,
    /// Nodes that nothing reaches any more.
    pub(super) dead: BTreeSet<usize>,
    pub(super) defects: Vec<Defect>,
}

/// Of every extended attribute that an inode has, which reference and which node.
type Held = BTreeMap<(u32, u8, Vec<u8>), (Xref, usize, usize)>;

impl Log {
    pub(super) fn of(
        records: Vec<Record>,
        order: Endian,
        allowance: &mut Allowance,
    ) -> Result<Self, LimitKind> {
        let mut log = Self {
            order,
            records,
            names: BTreeMap::new(),
            inodes: BTreeMap::new(),
            xattrs: BTreeMap::new(),
            links: BTreeMap::new(),
            dead: BTreeSet::new(),
            defects: Vec::new(),
        };
        log.sort();
        log.count();
        log.bury();
        log.attributes(allowance)?;
        Ok(log)
    }

    fn sound(&self, number: usize) -> Option<&Record> {
        self.records.get(number).filter(|record| record.state == State::Sound)
    }

    pub(super) fn piece(&self, number: usize) -> Option<&Piece> {
        match &self.sound(number)?.body {
            Body::Inode(piece) => Some(piece),
            _ => None,
        }
    }

    pub(super) fn dirent(&self, number: usize) -> Option<&Dirent> {
        match &self.sound(number)?.body {
            Body::Dirent(dirent) => Some(dirent),
            _ => None,
        }
    }

    /// Of two nodes that say which is newer, the one that wins. Equal ones must be copies.
    fn newer(&mut self, old: usize, new: usize, order: core::cmp::Ordering, field: &'static str) -> usize {
        let (loser, winner) = if order.is_lt() { (new, old) } else { (old, new) };
        if order.is_eq() {
            let pair = self.records.get(old).zip(self.records.get(new));
            if let Some((_, new)) = pair.filter(|(old, new)| !new.is_copy_of(old)) {
                let place = new.found.at;
                self.defects.push(Defect::new(
                    &defects::VERSION,
                    field,
                    place,
                    "two nodes",
                    "one node of a version",
                ));
            }
        }
        self.dead.insert(loser);
        winner
    }

    /// Names and pieces. `full_name_hash` only sorts: Linux compares whole names.
    fn sort(&mut self) {
        for number in 0..self.records.len() {
            if let Some(dirent) = self.dirent(number) {
                let (key, version) = ((dirent.parent, dirent.name.clone()), dirent.version);
                let winner = match self.names.get(&key).copied() {
                    Some(old) => {
                        let other = self.dirent(old).map_or(0, |dirent| dirent.version);
                        self.newer(old, number, version.cmp(&other), "version")
                    }
                    None => number,
                };
                self.names.insert(key, winner);
            } else if let Some(piece) = self.piece(number) {
                self.inodes.entry(piece.ino).or_default().push(number);
            }
        }
        let mut inodes = core::mem::take(&mut self.inodes);
        for pieces in inodes.values_mut() {
            let version = |number: usize| self.piece(number).map_or(0, |piece| piece.version);
            pieces.arrange_by_key(|&number| version(number));
            let mut sorted: Vec<usize> = Vec::with_capacity(pieces.len());
            for &number in pieces.iter() {
                let version = |number: usize| self.piece(number).map_or(0, |piece| piece.version);
                let same = sorted.last().copied().filter(|&last| version(last) == version(number));
                let Some(last) = same else {
                    sorted.push(number);
                    continue;
                };
                self.newer(last, number, core::cmp::Ordering::Equal, "version");
                sorted.pop();
                sorted.push(number);
            }
            *pieces = sorted;
        }
        self.inodes = inodes;
    }

    /// The names that lead to each inode, those in directories that nothing leads to not counted.
    fn count(&mut self) {
        let mut children: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
        let mut links: BTreeMap<u32, u64> = self.inodes.keys().map(|&ino| (ino, 0)).into_map();
        for dirent in self.names.values().filter_map(|&number| self.dirent(number)) {
            children.entry(dirent.parent).or_default().extend((dirent.ino != 0).then_some(dirent.ino));
            links.entry(dirent.parent).or_default();
        }
        for child in children.values().flatten() {
            let names = links.entry(*child).or_default();
            *names = names.saturating_add(1);
        }
        let root = links.entry(ROOT).or_default();
        *root = root.saturating_add(1);
        let mut gone: Vec<u32> =
            links.iter().filter(|(_, names)| **names == 0).map(|(&ino, _)| ino).collect();
        while let Some(ino) = gone.pop() {
            for child in children.remove(&ino).unwrap_or_default() {
                let names = links.entry(child).or_default();
                *names = names.saturating_sub(1);
                if *names == 0 {
                    gone.push(child);
                }
            }
        }
        self.links = links;
    }

    fn is_linked(&self, ino: u32) -> bool {
        self.links.get(&ino).is_some_and(|&names| names > 0)
    }

    /// What belongs to inodes without a name is dead, and of the others what newer pieces hide.
    fn bury(&mut self) {
        let gone = self.names.iter().filter(|((parent, _), number)| {
            !self.is_linked(*parent) || self.dirent(**number).is_some_and(|dirent| dirent.ino == 0)
        });
        let mut dead: Vec<usize> = gone.map(|(_, &number)| number).collect();
        for (&ino, pieces) in &self.inodes {
            if !self.is_linked(ino) {
                dead.extend(pieces);
                continue;
            }
            let newest = pieces.last().copied();
            let pieces: Vec<_> = pieces.iter().filter_map(|&n| Some((n, self.piece(n)?))).collect();
            let hidden = hidden(&pieces);
            dead.extend(hidden.into_iter().filter(|(n, whole)| *whole && Some(*n) != newest).map(|(n, _)| n));
        }
        let obsolete = self.records.iter().enumerate().filter(|(_, record)| record.found.obsolete);
        dead.extend(obsolete.map(|(number, _)| number));
        self.dead.extend(dead);
    }

    /// The pieces that live, and of which newer ones hide a part.
    pub(super) fn partly_hidden(&self) -> Vec<usize> {
        let live = self.inodes.values().flat_map(|pieces| {
            let pieces: Vec<_> = pieces.iter().filter_map(|&n| Some((n, self.piece(n)?))).collect();
            hidden(&pieces)
        });
        live.map(|(number, _)| number).filter(|number| !self.dead.contains(number)).collect()
    }

    fn attributes(&mut self, allowance: &mut Allowance) -> Result<(), LimitKind> {
        let mut data: BTreeMap<u32, (u32, usize)> = BTreeMap::new();
        let mut references: BTreeMap<(u32, u32), (Xref, usize)> = BTreeMap::new();
        let mut torn = BTreeSet::new();
        for number in 0..self.records.len() {
            let Some(record) = self.records.get(number) else { continue };
            match (&record.body, record.state) {
                (Body::Xattr(xattr), State::Torn) => {
                    torn.insert(xattr.xid);
                }
                (Body::Xattr(xattr), _) => {
                    let (key, version) = (xattr.xid, xattr.version);
                    let winner = match data.get(&key) {
                        Some(&(other, old)) => {
                            let winner = self.newer(old, number, version.cmp(&other), "version");
                            (version.max(other), winner)
                        }
                        None => (version, number),
                    };
                    data.insert(key, winner);
                }
                (Body::Xref(reference), _) => {
                    let (key, reference) = ((reference.ino, reference.xid), *reference);
                    let winner = match references.get(&key) {
                        Some(&(other, old)) => {
                            let order = reference.sequence.cmp(&other.sequence);
                            let winner = self.newer(old, number, order, "xseqno");
                            (if order.is_lt() { other } else { reference }, winner)
                        }
                        None => (reference, number),
                    };
                    references.insert(key, winner);
                }
                _ => {}
            }
        }
        let held = self.held(&data, &references, &torn, allowance)?;
        let used: BTreeSet<usize> = held.values().flat_map(|&(_, xref, xattr)| [xref, xattr]).into_set();
        let all = data.values().map(|&(_, number)| number).chain(references.values().map(|&(_, n)| n));
        self.dead.extend(all.filter(|number| !used.contains(number)));
        for ((ino, prefix, name), (_, _, number)) in held {
            let Some(Body::Xattr(xattr)) = self.sound(number).map(|record| &record.body) else { continue };
            let prefix = XATTR_PREFIXES.get(usize::from(prefix)).copied().unwrap_or("unknown.");
            let whole = ([prefix.as_bytes(), &name].concat(), xattr.value.clone());
            self.xattrs.entry(ino).or_default().push(whole);
        }
        Ok(())
    }

    /// One reference for each name of an attribute: the one with the highest sequence number.
    fn held(
        &mut self,
        data: &BTreeMap<u32, (u32, usize)>,
        references: &BTreeMap<(u32, u32), (Xref, usize)>,
        torn: &BTreeSet<u32>,
        allowance: &mut Allowance,
    ) -> Result<Held, LimitKind> {
        let mut held = Held::new();
        for (&(ino, xid), &(reference, number)) in references {
            if reference.sequence & 1 == 1 || !self.is_linked(ino) {
                continue;
            }
            let place = self.records.get(number).map_or(0, |record| record.found.at);
            let doubt = |field: &'static str, found: u32| {
                Defect::new(
                    &defects::XATTR,
                    field,
                    place,
                    found,
                    "one attribute of a name, which can be read",
                )
            };
            if torn.contains(&xid) {
                self.defects.push(doubt("data_crc", xid));
            }
            let Some(&(_, datum)) = data.get(&xid) else { continue };
            let Some(Body::Xattr(xattr)) = self.records.get(datum).map(|record| &record.body) else {
                continue;
            };
            allowance.take(len64(&xattr.name).saturating_add(len64(&xattr.value)))?;
            let key = (ino, xattr.prefix, xattr.name.clone());
            let other = held.get(&key).map(|(other, _, _)| other.sequence);
            if other == Some(reference.sequence) {
                self.defects.push(doubt("xseqno", reference.sequence));
            }
            if other.is_none_or(|other| other <= reference.sequence) {
                held.insert(key, (reference, number, datum));
            }
        }
        Ok(held)
    }

    /// The tree of names from the root. Beside each entry, its inode.
    pub(super) fn entries(
        &mut self,
        at: &Input<'_>,
        allowance: &mut Allowance,
        most: u64,
    ) -> Result<(Vec<Entry>, Vec<u32>), Trouble> {
        let mut children: BTreeMap<u32, Vec<usize>> = BTreeMap::new();
        for (&(parent, _), &number) in &self.names {
            if self.dirent(number).is_some_and(|dirent| dirent.ino != 0) {
                children.entry(parent).or_default().push(number);
            }
        }
        let mut entries = vec![self.root(at, allowance)?];
        let mut inodes = vec![ROOT];
        let mut stack = vec![(0usize, ROOT)];
        let mut seen = BTreeSet::from([ROOT]);
        let mut listed: BTreeMap<u32, u64> = BTreeMap::from([(ROOT, 1)]);
        while let Some((number, ino)) = stack.pop() {
            for &child in children.get(&ino).into_iter().flatten() {
                if len64(&entries) >= most {
                    return Err(LimitKind::Nodes.into());
                }
                let Some(dirent) = self.dirent(child).cloned() else { continue };
                let entry = self.entry(at, dirent.ino, number, dirent.name.clone(), allowance)?;
                let place = self.place(at, child);
                let shown = || String::from_utf8_lossy(&dirent.name).into_owned();
                let newest = self.newest(dirent.ino).map(|piece| piece.mode >> 12 & 15);
                if newest.is_none() {
                    self.defects.push(Defect::new(&defects::NO_INODE, "ino", place, dirent.ino, shown()));
                }
                let names = listed.entry(dirent.ino).or_default();
                *names = names.saturating_add(1);
                let directory = entry.kind == Kind::Directory;
                if directory && !seen.insert(dirent.ino) {
                    self.defects.push(Defect::new(
                        &defects::DIRECTORY_TWICE,
                        "ino",
                        place,
                        shown(),
                        "one name of a directory",
                    ));
                } else if directory {
                    stack.push((entries.len(), dirent.ino));
                }
                entries.push(entry);
                inodes.push(dirent.ino);
            }
        }
        self.check_links(&listed);
        Ok((entries, inodes))
    }

    /// Names that Linux counts and does not list: in circles of directories, in files.
    fn check_links(&mut self, listed: &BTreeMap<u32, u64>) {
        for (ino, &names) in &self.links {
            let found = listed.get(ino).copied().unwrap_or(0);
            if names != found {
                self.defects.push(Defect::new(
                    &defects::LINKS,
                    "pino",
                    0,
                    u64::from(*ino),
                    "an inode that its names reach",
                ));
            }
        }
    }

    fn place(&self, at: &Input<'_>, number: usize) -> u64 {
        at.offset().saturating_add(self.records.get(number).map_or(0, |record| record.found.at))
    }

    fn newest(&self, ino: u32) -> Option<&Piece> {
        self.inodes.get(&ino).and_then(|pieces| self.piece(*pieces.last()?))
    }

    /// Where the root has no inode of its own, Linux makes one.
    fn root(&mut self, at: &Input<'_>, allowance: &mut Allowance) -> Result<Entry, Trouble> {
        let mut root = self.entry(at, ROOT, 0, Vec::new(), allowance)?;
        if self.newest(ROOT).is_none() {
            root.mode = 0o755;
        } else if root.kind != Kind::Directory {
            self.defects.push(Defect::new(&defects::TYPE, "mode", at.offset(), root.mode, "a directory"));
        }
        root.kind = Kind::Directory;
        Ok(root)
    }

    fn entry(
        &mut self,
        at: &Input<'_>,
        ino: u32,
        parent: usize,
        name: Vec<u8>,
        allowance: &mut Allowance,
    ) -> Result<Entry, Trouble> {
        let mut entry = Entry { parent, name, inode: ino.into(), ..Entry::default() };
        let Some(newest) = self.newest(ino).cloned() else { return Ok(entry) };
        entry.kind = newest.kind().unwrap_or_default();
        entry.mode = newest.mode & 0o7777;
        (entry.uid, entry.gid) = (newest.uid.into(), newest.gid.into());
        entry.modified = newest.mtime.into();
        // Every name of an inode has its attributes again.
        let xattrs = self.xattrs.get(&ino).map(Vec::as_slice).unwrap_or_default();
        for (name, value) in xattrs {
            allowance.take(len64(name).saturating_add(len64(value)))?;
        }
        entry.xattrs = xattrs.to_vec();
        match entry.kind {
            Kind::File => entry.size = newest.isize.into(),
            Kind::Link => entry.target = raw(at, &newest)?,
            Kind::Block | Kind::Character => entry.device = device(&raw(at, &newest)?, self.order),
            Kind::Directory | Kind::Fifo | Kind::Socket => {}
        }
        allowance.take(len64(&entry.target))?;
        Ok(entry)
    }

    /// What must hold of the pieces of an inode that a name leads to.
    pub(super) fn check_pieces(&mut self, at: &Input<'_>) {
        let mut defects = Vec::new();
        for (&ino, pieces) in self.inodes.iter().filter(|(ino, _)| self.is_linked(**ino)) {
            let Some(newest) = self.newest(ino) else { continue };
            let place = pieces.last().map_or(0, |&number| self.place(at, number));
            let mut odd = |field, found: u64, expected: u64| {
                defects.push(Defect::new(&defects::PIECES, field, place, found, expected));
            };
            let all = || pieces.iter().filter_map(|&number| self.piece(number));
            if let Some(other) = all().find(|piece| piece.kind() != newest.kind()) {
                odd("mode", other.mode.into(), newest.mode.into());
            }
            let end = all().map(Piece::end).max().unwrap_or(0);
            match newest.kind() {
                // Linux cuts a file off where its last piece ends.
                Some(Kind::File) if end < newest.isize.into() => odd("isize", newest.isize.into(), end),
                // It opens none of these unless one piece is left.
                Some(Kind::Link | Kind::Block | Kind::Character) if end != newest.end() => {
                    odd("dsize", end, newest.end());
                }
                _ => {}
            }
        }
        self.defects.extend(defects);
    }

    /// The time of a directory is that of its newest entry, where that is newer than its inode.
    pub(super) fn times(&mut self, entries: &mut [Entry], inodes: &[u32]) {
        let mut newest: BTreeMap<u32, (u32, u32)> = BTreeMap::new();
        let (mut versions, mut odd) = (BTreeSet::new(), Vec::new());
        for (&number, dirent) in
            self.names.values().filter_map(|number| Some((number, self.dirent(*number)?)))
        {
            if !versions.insert((dirent.parent, dirent.version)) {
                let place = self.records.get(number).map_or(0, |record| record.found.at);
                odd.push(Defect::new(
                    &defects::VERSION,
                    "version",
                    place,
                    dirent.version,
                    "one entry of a version",
                ));
            }
            // Also in directories that are gone: Linux believes them, and may then take a file for one without a name.
            let kind = self.newest(dirent.ino).map(|piece| piece.mode >> 12 & 15);
            if let Some(kind) = kind.filter(|&kind| kind != u32::from(dirent.kind)) {
                let place = self.records.get(number).map_or(0, |record| record.found.at);
                odd.push(Defect::new(&defects::TYPE, "type", place, dirent.kind, kind));
            }
            let known = dirent.ino == 0 || self.inodes.contains_key(&dirent.ino);
            if known && dirent.mctime != 0 {
                let time = newest.entry(dirent.parent).or_default();
                *time = (*time).max((dirent.version, dirent.mctime));
            }
        }
        for (entry, ino) in entries.iter_mut().zip(inodes) {
            let (version, time) = newest.get(ino).copied().unwrap_or_default();
            let newer = self.newest(*ino).is_some_and(|piece| version > piece.version);
            if entry.kind == Kind::Directory && newer {
                entry.modified = time.into();
            }
        }
        self.defects.extend(odd);
    }

    /// The pieces of an inode, oldest first.
    pub(super) fn pieces(&self, ino: u32) -> Vec<&Piece> {
        let pieces = self.inodes.get(&ino).map(Vec::as_slice).unwrap_or_default();
        pieces.iter().filter_map(|&number| self.piece(number)).collect()
    }
}

/// The pieces of which newer ones cover some data, or end the file before it, and whether nothing is left of it; oldest
/// first, as they are given.
fn hidden(pieces: &[(usize, &Piece)]) -> Vec<(usize, bool)> {
    let mut covered = Spans::default();
    let mut least = u64::MAX;
    let mut hidden = Vec::new();
    for &(number, piece) in pieces.iter().rev() {
        let (start, end) = (piece.start(), piece.end());
        least = least.min(piece.isize.into());
        if covered.overlaps(Span::between(start, end)) || least < end || piece.dsize == 0 {
            let whole =
                covered.contains(Span::between(start, end.min(least))) || least <= start || piece.dsize == 0;
            hidden.push((number, whole));
        }
        if piece.dsize > 0 {
            covered.add(Span::between(start, end));
        }
    }
    hidden.reverse();
    hidden
}

const ROOT: u32 = 1;
const XATTR_PREFIXES: [&str; 6] =
    ["unknown.", "user.", "security.", "system.posix_acl_access", "system.posix_acl_default", "trusted."];

#[cfg(test)]
mod tests {
    use kiwame_image::to_usize;

    use super::*;

    #[test]
    fn what_newer_pieces_cover_or_cut_off_is_hidden() {
        let piece = |offset, dsize, isize| Piece { isize, offset, dsize, ..Piece::default() };
        let of = |pieces: &[Piece]| {
            let pieces: Vec<_> = pieces.iter().map(|piece| (0, piece)).collect();
            let numbered: Vec<_> =
                pieces.iter().map(|(_, piece)| (to_usize(piece.start()), *piece)).collect();
            hidden(&numbered)
        };
        assert_eq!(of(&[piece(0, 4, 4), piece(4, 4, 8), piece(8, 4, 12)]), [], "they only touch");
        let one_byte_of_each = [piece(0, 4, 4), piece(4, 4, 8), piece(3, 2, 8)];
        assert_eq!(of(&one_byte_of_each), [(0, false), (4, false)]);
        let cut_off = [piece(0, 4, 4), piece(4, 4, 8), piece(0, 0, 7)];
        assert_eq!(of(&cut_off), [(4, false), (0, true)], "the last says no more than that");
        assert_eq!(of(&[piece(0, 4, 4), piece(4, 4, 8), piece(0, 4, 4)]), [(0, true), (4, true)]);
        assert_eq!(of(&[piece(0, 9, 8)]), [(0, false)], "it reaches beyond its own end");
        assert_eq!(
            of(&[piece(6, 2, 8), piece(0, 2, 8), piece(4, 2, 8), piece(2, 2, 8), piece(1, 6, 8)]),
            [(6, false), (0, false), (4, true), (2, true)]
        );
    }
}
