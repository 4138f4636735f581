//! The structure of a flattened device tree, as `boot/fdt/tree.rs` describes it: read in one pass into lists of tags, nodes
//! and properties, which know where they lie.

use std::collections::BTreeSet;

use kiwame_image::{
    Builder, Defect, DefectKind, Fact, Glance, Input, LimitKind, Reader, Span, Trouble, Value, Window, len64,
    to_usize,
};

/// The header. Offsets count from the start of the tree.
#[derive(Clone, Debug)]
pub(crate) struct Header {
    pub(crate) total: u64,
    pub(crate) structure: Span,
    pub(crate) strings: Span,
    pub(crate) reservations: u64,
    pub(crate) version: u32,
    pub(crate) cpu: u32,
    pub(crate) length: u64,
}

impl Header {
    fn read(mut reader: Reader<'_>) -> Result<Self, Defect> {
        let place = reader.offset();
        let magic = reader.bytes(4, "magic")?;
        if magic != MAGIC {
            return Err(Defect::new(&NO_MAGIC, "magic", place, magic, &MAGIC[..]));
        }
        let total = reader.u32_be("totalsize")?.into();
        let structure = reader.u32_be("off_dt_struct")?.into();
        let strings = reader.u32_be("off_dt_strings")?.into();
        let reservations = reader.u32_be("off_mem_rsvmap")?.into();
        let place = reader.offset();
        let version = reader.u32_be("version")?;
        let oldest = reader.u32_be("last_comp_version")?;
        if version < 16 || oldest > 17 {
            return Err(Defect::new(&VERSION, "version", place, version, 17_u32));
        }
        let cpu = reader.u32_be("boot_cpuid_phys")?;
        let strings = Span::new(strings, reader.u32_be("size_dt_strings")?.into());
        // Version 16 does not say where the structure ends; its end tag does.
        let length = if version > 16 {
            reader.u32_be("size_dt_struct")?.into()
        } else {
            strings.offset.saturating_sub(structure)
        };
        let structure = Span::new(structure, length);
        Ok(Self { total, structure, strings, reservations, version, cpu, length: reader.position() })
    }

    /// The header at the start of a head, when its parts lie where they can.
    pub(crate) fn probe(head: &Glance<'_>) -> Option<Self> {
        let header = Self::read(Reader::new(head.bytes(0, LONGEST_HEADER)?, 0, &TRUNCATED)).ok()?;
        let inside = |span: Span| span.offset >= header.length && span.end() <= header.total;
        let sound = inside(header.structure) && inside(header.strings) && header.structure.offset % 4 == 0;
        sound.then_some(header)
    }
}

/// A tree as it lies in the structure block.
#[derive(Debug)]
pub(crate) struct Tree {
    pub(crate) header: Header,
    /// Offset of the tree in its space; all spans below are of that space.
    pub(crate) base: u64,
    pub(crate) tags: Vec<Tag>,
    nodes: Vec<NodeAt>,
    pub(crate) properties: Vec<Property>,
}

/// One tag of the structure block, with its place.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tag {
    pub(crate) span: Span,
    pub(crate) what: What,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum What {
    /// Number of the node.
    Begin(usize),
    End,
    /// Number of the property.
    Property(usize),
    Nothing,
    Last,
}

/// A node.
#[derive(Debug)]
pub(crate) struct NodeAt {
    pub(crate) parent: usize,
    pub(crate) name: Vec<u8>,
    /// Numbers of its first and its last tag; the latter is that of no tag when the node never ended.
    pub(crate) tags: (usize, usize),
    /// What a format that knows the tree works out about it; what is wrong is a defect too.
    pub(crate) facts: Vec<(&'static Fact, Value)>,
}

impl NodeAt {
    /// The node around it; the root is in itself.
    pub(crate) fn parent(&self) -> usize {
        self.parent
    }
}

/// A property.
#[derive(Debug)]
pub(crate) struct Property {
    pub(crate) node: usize,
    pub(crate) name: Vec<u8>,
    /// Place of its name, with the NUL, in the strings block.
    pub(crate) name_at: Span,
    pub(crate) value: Span,
}

impl Tree {
    /// Reads the structure block, in one pass that needs no stack of the program's own.
    pub(crate) fn read(at: &Input<'_>, out: &mut Builder<'_, '_>) -> Result<Self, Trouble> {
        let header = Header::read(at.head(LONGEST_HEADER)?.reader(&TRUNCATED))?;
        let base = at.offset();
        for (field, end) in [
            ("totalsize", header.total),
            ("size_dt_struct", header.structure.end()),
            ("size_dt_strings", header.strings.end()),
        ] {
            let most = if field == "totalsize" { at.length() } else { header.total };
            if end > most {
                out.defect(Defect::new(&BEYOND, field, base, end, most));
            }
        }
        let strings = at.slice(header.strings.offset, header.strings.length).window()?;
        let tree = Self { header, base, tags: Vec::new(), nodes: Vec::new(), properties: Vec::new() };
        let mut scan =
            Scan { tree, strings, open: Vec::new(), names: BTreeSet::new(), entered: BTreeSet::new() };
        let end = scan.tree.header.structure.end();
        let mut next = scan.tree.header.structure.offset;
        loop {
            match scan.step(&at.slice(next, end.saturating_sub(next)), out)? {
                Step::Next(length) => next = next.saturating_add(length),
                Step::Done => return Ok(scan.close()),
                Step::Defect(defect) => {
                    out.defect(defect);
                    return Ok(scan.close());
                }
            }
        }
    }

    /// The nodes in a node.
    pub(crate) fn children(&self, node: usize) -> impl Iterator<Item = usize> {
        self.inside(node).filter_map(|tag| match tag.what {
            What::Begin(child) => Some(child),
            What::End | What::Property(_) | What::Nothing | What::Last => None,
        })
    }

    /// The first node of that name in a node.
    pub(crate) fn child(&self, node: usize, name: &[u8]) -> Option<usize> {
        self.children(node).find(|&child| self.node(child).is_some_and(|child| child.name == name))
    }

    /// A node by number; 0 is the root.
    pub(crate) fn node(&self, number: usize) -> Option<&NodeAt> {
        self.nodes.get(number)
    }

    /// How many nodes there are.
    pub(crate) fn count(&self) -> usize {
        self.nodes.len()
    }

    pub(crate) fn add_fact(&mut self, node: usize, fact: &'static Fact, value: Value) {
        if let Some(node) = self.nodes.get_mut(node) {
            node.facts.push((fact, value));
        }
    }

    /// The first property of that name of a node.
    pub(crate) fn property(&self, node: usize, name: &[u8]) -> Option<&Property> {
        self.inside(node).find_map(|tag| match tag.what {
            What::Property(number) => self.properties.get(number).filter(|property| property.name == name),
            What::Begin(_) | What::End | What::Nothing | What::Last => None,
        })
    }

    /// The names from the root to a node; none for the root.
    pub(crate) fn names(&self, node: usize) -> Vec<&[u8]> {
        let up = core::iter::successors(Some(node), |&node| self.node(node).map(|node| node.parent));
        let mut names: Vec<_> =
            up.take_while(|&node| node != 0).filter_map(|node| Some(&self.node(node)?.name[..])).collect();
        names.reverse();
        names
    }

    /// Tags of a node between its first and its last, without those of the nodes in it, but with what begins them.
    pub(crate) fn inside(&self, node: usize) -> impl Iterator<Item = Tag> {
        let (first, last) = self.node(node).map_or((0, 0), |node| node.tags);
        let next = move |number: usize| {
            let skipped = match self.tags.get(number).map(|tag| tag.what) {
                Some(What::Begin(child)) => self.node(child).map_or(number, |child| child.tags.1),
                _ => number,
            };
            skipped.checked_add(1).filter(|&number| number < last)
        };
        let start = first.checked_add(1).filter(|&number| number < last);
        core::iter::successors(start, move |&number| next(number))
            .filter_map(|number| self.tags.get(number).copied())
    }

    /// Where a node lies, from its first tag to its last.
    pub(crate) fn span(&self, node: usize) -> Span {
        let (first, last) = self.node(node).map_or((0, 0), |node| node.tags);
        let place = |tag: Option<&Tag>| tag.map_or(Span::default(), |tag| tag.span);
        let end = place(self.tags.get(last).or(self.tags.last())).end();
        Span::between(place(self.tags.get(first)).offset, end)
    }

    /// What a signature over `nodes` covers, as libfdt's `fdt_find_regions` says: of a node on the list its tags and
    /// its properties without `except`; of the nodes in it their first and last tag; and the end tag.
    pub(crate) fn signed(&self, nodes: &BTreeSet<Vec<u8>>, except: &[&[u8]]) -> Vec<Span> {
        let mut spans: Vec<Span> = Vec::new();
        let mut wanted = 0_u8;
        // What was wanted around each open node, and how long its path was.
        let mut above = Vec::new();
        let mut path = Vec::new();
        for tag in &self.tags {
            let included = match tag.what {
                What::Begin(node) => {
                    above.push((wanted, path.len()));
                    // The root has no name, and its path is `/`.
                    path.extend((path.last() != Some(&b'/')).then_some(b'/'));
                    path.extend(self.node(node).map_or(&[][..], |node| &node.name));
                    wanted = if nodes.contains(&path) { 2 } else { wanted.saturating_sub(1) };
                    wanted > 0
                }
                What::End => {
                    let included = wanted > 0;
                    let (before, length) = above.pop().unwrap_or_default();
                    wanted = before;
                    path.truncate(length);
                    included
                }
                What::Property(number) => {
                    let name = self.properties.get(number).map_or(&[][..], |property| &property.name);
                    wanted > 1 && !except.contains(&name)
                }
                What::Nothing => wanted > 1,
                What::Last => true,
            };
            match spans.last_mut() {
                Some(last) if included && last.end() == tag.span.offset => {
                    *last = Span::between(last.offset, tag.span.end())
                }
                _ if included => spans.push(tag.span),
                _ => {}
            }
        }
        spans
    }
}

/// A walk over the structure block.
struct Scan {
    tree: Tree,
    strings: Window,
    /// Nodes that have begun and not ended.
    open: Vec<usize>,
    /// Names that were seen, with the node around them; the flag tells properties from nodes.
    names: BTreeSet<(usize, bool, Vec<u8>)>,
    /// Nodes that a node has begun in.
    entered: BTreeSet<usize>,
}

enum Step {
    /// Bytes to the next tag.
    Next(u64),
    Done,
    Defect(Defect),
}

impl Scan {
    fn step(&mut self, at: &Input<'_>, out: &mut Builder<'_, '_>) -> Result<Step, Trouble> {
        let spent = len64(&self.tree.tags);
        if spent > out.limits().nodes {
            return Err(LimitKind::Nodes.into());
        }
        let place = at.offset();
        let head = at.head(12)?;
        let mut reader = head.reader(&TRUNCATED);
        let tag = match reader.u32_be("tag") {
            Ok(tag) => tag,
            Err(defect) => return Ok(Step::Defect(defect)),
        };
        Ok(match (tag, self.open.is_empty()) {
            (BEGIN, root) if !root || self.tree.nodes.is_empty() => self.begin(at, out)?,
            (END_NODE, false) => {
                self.note(place, 4, What::End);
                let last = self.tree.tags.len().saturating_sub(1);
                if let Some(node) = self.open.pop().and_then(|node| self.tree.nodes.get_mut(node)) {
                    node.tags.1 = last;
                }
                Step::Next(4)
            }
            (PROPERTY, false) => match (reader.u32_be("len"), reader.u32_be("nameoff")) {
                (Ok(length), Ok(name)) => self.property(at, length.into(), name.into(), out)?,
                (Err(defect), _) | (_, Err(defect)) => Step::Defect(defect),
            },
            (NOTHING, _) => self.note(place, 4, What::Nothing),
            (LAST, true) if !self.tree.nodes.is_empty() => {
                self.note(place, 4, What::Last);
                Step::Done
            }
            _ => Step::Defect(Defect::new(&TAG, "tag", place, tag, "a tag that can stand here")),
        })
    }

    fn note(&mut self, offset: u64, length: u64, what: What) -> Step {
        self.tree.tags.push(Tag { span: Span::new(offset, length), what });
        Step::Next(length)
    }

    fn begin(&mut self, at: &Input<'_>, out: &mut Builder<'_, '_>) -> Result<Step, Trouble> {
        let place = at.offset().saturating_add(4);
        let text = at.slice(4, LONGEST_NAME).window()?;
        let Some(end) = text.iter().position(|&byte| byte == 0) else {
            let found = format!("{} bytes without an end", len64(&text));
            return Ok(Step::Defect(Defect::new(&NAME, "name", place, found, "a name and NUL")));
        };
        let name = text.get(..end).unwrap_or_default().to_vec();
        let length = padded(len64(&name).saturating_add(5)).min(at.length());
        check_padding(at, len64(&name).saturating_add(5), length, out)?;
        let around = self.open.last().copied();
        if let Some(around) = around {
            self.entered.insert(around);
            self.once(around, false, &name, place, out);
        }
        let number = self.tree.nodes.len();
        let tag = self.tree.tags.len();
        self.tree.nodes.push(NodeAt {
            parent: around.unwrap_or(0),
            name,
            tags: (tag, tag),
            facts: Vec::new(),
        });
        self.open.push(number);
        Ok(self.note(at.offset(), length, What::Begin(number)))
    }

    fn property(
        &mut self,
        at: &Input<'_>,
        length: u64,
        name_at: u64,
        out: &mut Builder<'_, '_>,
    ) -> Result<Step, Trouble> {
        let place = at.offset();
        let end = length.saturating_add(12);
        if end > at.length() {
            let left = at.length().saturating_sub(12);
            return Ok(Step::Defect(Defect::new(&TRUNCATED, "len", place, length, left)));
        }
        let padded = padded(end).min(at.length());
        check_padding(at, end, padded, out)?;
        let rest = self.strings.get(to_usize(name_at)..).unwrap_or_default();
        let rest = rest.get(..to_usize(LONGEST_NAME)).unwrap_or(rest);
        let name = rest.split(|&byte| byte == 0).next().unwrap_or_default().to_vec();
        if name.is_empty() || name.len() == rest.len() {
            out.defect(Defect::new(&NAME, "nameoff", place, name_at, "the place of a name"));
        }
        let name_at = Span::new(name_at, len64(&name).saturating_add(1));
        let node = self.open.last().copied().unwrap_or(0);
        self.once(node, true, &name, place, out);
        if self.entered.contains(&node) {
            let shown = String::from_utf8_lossy(&name).into_owned();
            out.defect(Defect::new(&ORDER, "tag", place, shown, "properties before nodes"));
        }
        let number = self.tree.properties.len();
        let value = Span::new(place.saturating_add(12), length);
        self.tree.properties.push(Property { node, name, name_at, value });
        Ok(self.note(place, padded, What::Property(number)))
    }

    /// Says so when a name stands twice in one node.
    fn once(&mut self, node: usize, property: bool, name: &[u8], place: u64, out: &mut Builder<'_, '_>) {
        if !self.names.insert((node, property, name.to_vec())) {
            let shown = String::from_utf8_lossy(name).into_owned();
            out.defect(Defect::new(&DUPLICATE_NAME, "name", place, shown, "one of a name"));
        }
    }

    /// Nodes that never ended do so where reading stopped, behind the last tag.
    fn close(mut self) -> Tree {
        let last = self.tree.tags.len();
        for node in self.open.drain(..) {
            if let Some(node) = self.tree.nodes.get_mut(node) {
                node.tags.1 = last;
            }
        }
        self.tree
    }
}

/// True when `at` begins with a tree that lies in it, whose tags nest and end as they should: for those who search.
pub(crate) fn is_whole(at: &Input<'_>) -> Result<bool, Trouble> {
    let head = at.head(LONGEST_HEADER)?;
    let Some(header) =
        Header::probe(&Glance::new(&head, at.length())).filter(|header| header.total <= at.length())
    else {
        return Ok(false);
    };
    at.spend(header.structure.length)?;
    let block = at.slice(header.structure.offset, header.structure.length).window()?;
    Ok(ends_well(&block).is_some())
}

/// Walks over the tags up to the last one.
fn ends_well(block: &[u8]) -> Option<()> {
    let word = |at: u64| {
        let bytes = block.get(to_usize(at)..)?.first_chunk()?;
        Some(u32::from_be_bytes(*bytes))
    };
    let (mut at, mut depth, mut begun) = (0_u64, 0_u32, false);
    loop {
        let length = match word(at)? {
            BEGIN if depth > 0 || !begun => {
                (depth, begun) = (depth.checked_add(1)?, true);
                let text = block.get(to_usize(at.checked_add(4)?)..)?;
                let text = text.get(..to_usize(LONGEST_NAME)).unwrap_or(text);
                let name = text.get(..text.iter().position(|&byte| byte == 0)?)?;
                len64(name).checked_add(5)?
            }
            END_NODE => {
                depth = depth.checked_sub(1)?;
                4
            }
            PROPERTY if depth > 0 => u64::from(word(at.checked_add(4)?)?).checked_add(12)?,
            NOTHING => 4,
            LAST if begun && depth == 0 => return Some(()),
            _ => return None,
        };
        at = at.checked_add(length.checked_next_multiple_of(4)?)?;
    }
}

fn padded(length: u64) -> u64 {
    length.checked_next_multiple_of(4).unwrap_or(length)
}

fn check_padding(at: &Input<'_>, from: u64, to: u64, out: &mut Builder<'_, '_>) -> Result<(), Trouble> {
    let padding = at.slice(from, to.saturating_sub(from));
    if !padding.is_empty() && padding.uniform()? != Some(0) {
        let found = padding.window()?.to_vec();
        out.defect(Defect::new(&PADDING, "padding", padding.offset(), found, "zeros"));
    }
    Ok(())
}

pub(crate) const MAGIC: [u8; 4] = [0xd0, 0x0d, 0xfe, 0xed];
const LONGEST_HEADER: u64 = 0x28;
const BEGIN: u32 = 1;
const END_NODE: u32 = 2;
const PROPERTY: u32 = 3;
const NOTHING: u32 = 4;
const LAST: u32 = 9;
/// The specification allows 31 bytes; names of FITs are longer.
const LONGEST_NAME: u64 = 256;

/// The kinds of defects of this file.
pub(crate) const DEFECTS: &[&DefectKind] =
    &[&BEYOND, &DUPLICATE_NAME, &NO_MAGIC, &NAME, &ORDER, &PADDING, &TAG, &TRUNCATED, &VERSION];

/// A block of the tree lies beyond it.
static BEYOND: DefectKind = DefectKind::ambiguous("device-tree/beyond");
/// Two nodes, or two properties, of one parent have one name.
static DUPLICATE_NAME: DefectKind = DefectKind::ambiguous("device-tree/duplicate-name");
/// The tree does not begin with its magic.
static NO_MAGIC: DefectKind = DefectKind::ambiguous("device-tree/magic");
/// A name does not end, or is not where the tree says.
static NAME: DefectKind = DefectKind::ambiguous("device-tree/name");
/// A property stands behind a node of its parent.
static ORDER: DefectKind = DefectKind::ambiguous("device-tree/order");
/// Bytes that align are no zeros.
static PADDING: DefectKind = DefectKind::odd("device-tree/padding");
/// A tag stands where it cannot.
static TAG: DefectKind = DefectKind::ambiguous("device-tree/tag");
/// The tree ends before a field does.
pub(crate) static TRUNCATED: DefectKind = DefectKind::ambiguous("device-tree/truncated").cut_short();
/// The tree is of a version that is not read.
static VERSION: DefectKind = DefectKind::ambiguous("device-tree/version");

/// Writes trees for tests.
#[cfg(test)]
pub(crate) mod writing {
    #![allow(clippy::arithmetic_side_effects, clippy::as_conversions, reason = "tests")]

    /// A tree in the making. The structure can be written tag by tag, also where that makes no sense.
    #[derive(Debug, Default)]
    pub(crate) struct Writer {
        pub(crate) structure: Vec<u8>,
        strings: Vec<u8>,
    }

    impl Writer {
        pub(crate) fn begin(mut self, name: &str) -> Self {
            self.structure.extend([0, 0, 0, 1]);
            self.structure.extend(name.bytes().chain([0]));
            self.pad()
        }

        pub(crate) fn end(self) -> Self {
            self.tag(2)
        }

        pub(crate) fn tag(mut self, tag: u8) -> Self {
            self.structure.extend([0, 0, 0, tag]);
            self
        }

        pub(crate) fn property(mut self, name: &str, value: &[u8]) -> Self {
            let name_at = self.strings.len() as u32;
            self.strings.extend(name.bytes().chain([0]));
            self.structure.extend([0, 0, 0, 3]);
            self.structure.extend((value.len() as u32).to_be_bytes());
            self.structure.extend(name_at.to_be_bytes());
            self.structure.extend(value);
            self.pad()
        }

        fn pad(mut self) -> Self {
            self.structure.resize(self.structure.len().next_multiple_of(4), 0);
            self
        }

        /// The whole tree, one reserved piece of memory in front.
        pub(crate) fn finish(self) -> Vec<u8> {
            let structure = self.tag(9);
            let reserved = [0x1000_u64, 0x100, 0, 0].map(u64::to_be_bytes).concat();
            let start = 0x28 + reserved.len() as u32;
            let strings = start + structure.structure.len() as u32;
            let total = strings + structure.strings.len() as u32;
            let sizes = [structure.strings.len() as u32, structure.structure.len() as u32];
            let header = [0xd00d_feed, total, start, strings, 0x28, 17, 16, 0, sizes[0], sizes[1]];
            let header = header.map(u32::to_be_bytes).concat();
            [header, reserved, structure.structure, structure.strings].concat()
        }
    }
}
