//! Flattened device trees.
//!
//! Devicetree Specification 0.4, chapter 5. All numbers are big-endian.
//!
//! ```text
//! 0x00 magic d00dfeed 4     0x10 off_mem_rsvmap    4     0x20 size_dt_strings 4
//! 0x04 totalsize      4     0x14 version           4     0x24 size_dt_struct  4 (version 17)
//! 0x08 off_dt_struct  4     0x18 last_comp_version 4
//! 0x0c off_dt_strings 4     0x1c boot_cpuid_phys   4
//! ```
//!
//! The structure block is a list of tags of four bytes: 1 begins a node and is followed by its name, 2 ends it, 3 is a
//! property (length, offset of its name in the strings block, value), 4 is nothing, 9 ends the block; all are padded to
//! four. A node is a region around what lies in it, a property a component. A kernel command line in `/chosen` is split
//! into words, and a node `fixed-partitions` carries the layout that it states.
//!
//! Loader modelled: libfdt, as U-Boot and Linux use it. Ambiguities: two nodes or two properties of one name, a property
//! behind a node (some readers stop at the first node), names and blocks that leave their place. Limitations: versions
//! before 16 are not read; in a FIT with more than 2 MiB of them a node is listed as one, unless a command line, a layout
//! or bytes that nobody understands lie in it; what a property means is not worked out beyond the above; bytes of the strings block that no
//! property names are not understood.
//!
//! ## Normal form
//!
//! None is needed: header, reservations, tags, names, values with their padding, and the strings block are leaves,
//! compared as they lie; padding that is not zero is a leaf of its own. Free space between and behind the blocks is fill
//! when it is zero, else a leaf that is not understood.
//!
//! What libfdt uses is all in the leaves. What we read and it may not: properties behind the first node of a node
//! (ambiguous), `boot_cpuid_phys`, which Linux takes from the tree only on some machines, and strings that no property
//! names.

use std::collections::BTreeSet;
use std::rc::Rc;

use kiwame_image::{
    Anchor, Arrange as _, Builder, Defect, DefectKind, Fact, Format, Glance, Input, Node, Reading, Span,
    Spans, Stage, Stated, Sure, Trouble, Value, escape_key, fact, len64,
};

use crate::boot::arguments;
use crate::boot::fdt::fit;
use crate::boot::fdt::structure;
use crate::boot::fdt::structure::{Header, NodeAt, Property, TRUNCATED, Tag, Tree, What};

/// A device tree that no format knows better.
#[derive(Debug)]
pub(crate) struct DeviceTree;

impl Format for DeviceTree {
    fn name(&self) -> &'static str {
        NAME
    }

    fn about(&self) -> &'static str {
        "flattened device tree, to the property"
    }

    fn defects(&self) -> &'static [&'static [&'static DefectKind]] {
        &[DEFECTS, structure::DEFECTS]
    }

    fn probe(&self, head: &Glance<'_>) -> Option<Reading> {
        let header = Header::probe(head)?;
        Some(Reading::new(self, Sure::Structure).of_length(header.total))
    }

    fn anchor(&self) -> Option<&'static Anchor> {
        Some(&ANCHOR)
    }

    fn parse<'a>(&self, at: Input<'a>, out: &mut Builder<'_, 'a>) {
        open(&at, out, Detail::Full);
    }
}

pub(crate) const NAME: &str = "device-tree";

/// How far a tree is listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Detail {
    /// To the property.
    Full,
    /// A node is one component with all that lies in it, unless a kernel command line, a layout or bytes that nobody
    /// understands do.
    Parts,
}

/// A tree that is whole, with what a FIT keeps behind it.
static ANCHOR: Anchor = Anchor {
    marks: &[&structure::MAGIC],
    at: 0,
    whole: |at, _| {
        if !structure::is_whole(at)? {
            return Ok(None);
        }
        let head = at.head(Glance::LENGTH)?;
        let head = Glance::new(&head, at.length());
        let found = fit::UbootFit.probe(&head).or_else(|| DeviceTree.probe(&head));
        Ok(found.and_then(|found| found.length).filter(|&length| length <= at.length()))
    },
};

/// Takes a tree apart, as a FIT when it is one, whoever recognised it: what the head shows may not be all.
pub(crate) fn open<'a>(at: &Input<'a>, out: &mut Builder<'_, 'a>, detail: Detail) {
    let opened = Tree::read(at, out).and_then(|tree| {
        if tree.child(0, fit::IMAGES).is_some() {
            return fit::list(at, tree, out);
        }
        let end = tree.header.total;
        list(at, Rc::new(tree), role, detail, out)?;
        out.add_behind(Node::new("device-tree", "behind", "device-tree-behind", at.from(end)));
        Ok(())
    });
    if let Err(trouble) = opened {
        out.trouble(trouble);
    }
}

/// What a property is for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Role {
    /// A value.
    Value,
    /// A value that decides what is loaded or started.
    Boots,
    /// A kernel command line.
    Arguments,
    /// Content of its own, taken apart by the format.
    Content(&'static dyn Format),
}

/// Says what a property is for.
type Roles = fn(&Tree, &Property) -> Role;

fn role(tree: &Tree, property: &Property) -> Role {
    // Linux looks for either (`early_init_dt_scan_chosen`).
    let chosen = matches!(tree.names(property.node)[..], [name] if CHOSEN.contains(&name));
    if chosen && property.name == ARGUMENTS { Role::Arguments } else { Role::Value }
}

const CHOSEN: [&[u8]; 2] = [b"chosen", b"chosen@0"];
const ARGUMENTS: &[u8] = b"bootargs";

/// Adds the regions of a tree, up to the size that its header states.
pub(crate) fn list<'a>(
    at: &Input<'a>,
    tree: Rc<Tree>,
    roles: Roles,
    detail: Detail,
    out: &mut Builder<'_, 'a>,
) -> Result<(), Trouble> {
    let listed = match detail {
        Detail::Full => None,
        Detail::Parts => Some(Rc::new(worth_listing(at, &tree))),
    };
    let header = &tree.header;
    let node = Node::new("device-tree", "header", "device-tree-header", at.slice(0, header.length));
    out.add(node.with(&fact::VERSION, header.version).with(&BOOT_CPU, header.cpu));
    let mut blocks = vec![Span::new(0, header.length)];
    blocks.push(reservations(at, header.reservations, out)?);
    blocks.push(structure(at, &tree, roles, listed, out));
    blocks.push(strings(at, &tree, out));
    // Between and behind the blocks lies padding, which tools leave for a loader to grow into.
    let (laid, behind) =
        kiwame_image::lay_out(header.total, blocks.into_iter().map(|block| (block, ())).collect());
    for (number, gap) in (0u32..).zip(laid.iter().map(|block| block.gap).chain([behind])) {
        let free = at.slice(gap.offset, gap.length);
        out.add_fill(Node::new("device-tree", format!("free-{number}"), "device-tree-free", free), 0);
    }
    Ok(())
}

/// Memory that an operating system must leave alone: pairs of address and size up to a pair of zeros.
fn reservations<'a>(at: &Input<'a>, start: u64, out: &mut Builder<'_, 'a>) -> Result<Span, Trouble> {
    let mut end = start;
    for number in 0..MOST_RESERVATIONS {
        let entry = at.slice(end, 16);
        let window = entry.window()?;
        let mut reader = window.reader(&TRUNCATED);
        let (address, size) = (reader.u64_be("address")?, reader.u64_be("size")?);
        end = end.saturating_add(16);
        if (address, size) == (0, 0) {
            out.add(Node::new("device-tree", "reservations-end", "device-tree-reservations-end", entry));
            return Ok(Span::between(start, end));
        }
        let node = Node::new("reservation", number.to_string(), "device-tree-reservation", entry).component();
        out.add(node.with(&fact::ADDRESS, address).with(&fact::SIZE, size));
    }
    out.defect(Defect::new(&RESERVATIONS, "fdt_reserve_entry", at.offset(), MOST_RESERVATIONS, "an end"));
    Ok(Span::between(start, end))
}

/// Adds the root and the tags around it. Returns the place of the block in the tree.
fn structure<'a>(
    at: &Input<'a>,
    tree: &Rc<Tree>,
    roles: Roles,
    listed: Option<Rc<BTreeSet<usize>>>,
    out: &mut Builder<'_, 'a>,
) -> Span {
    let mut number = 0_usize;
    while let Some(tag) = tree.tags.get(number) {
        number = match tag.what {
            What::Begin(node) => {
                let stage = NodeStage { tree: Rc::clone(tree), number: node, roles, listed: listed.clone() };
                let node = Node::new("device-tree", "root", "device-tree-root", part(at, tree.span(node)));
                out.add(node.component().then_with(Rc::new(stage)));
                tree.node(0).map_or(number, |root| root.tags.1)
            }
            What::Last => {
                out.add(Node::new("device-tree", "end", "device-tree-end", part(at, tag.span)));
                number
            }
            What::End | What::Property(_) | What::Nothing => {
                let node =
                    Node::new("device-tree", format!("tag-{number}"), "device-tree-tag", part(at, tag.span));
                out.add(node);
                number
            }
        }
        .saturating_add(1);
    }
    let block = tree.header.structure;
    let read = tree.tags.last().map_or(tree.base.saturating_add(block.offset), |tag| tag.span.end());
    let unread = Span::between(read, tree.base.saturating_add(block.end()));
    out.add(Node::new("device-tree", "unread", "device-tree-unread", part(at, unread)).unknown());
    block
}

/// The strings block: names of properties, and what no property names.
fn strings<'a>(at: &Input<'a>, tree: &Tree, out: &mut Builder<'_, 'a>) -> Span {
    let block = tree.header.strings;
    let input = at.slice(block.offset, block.length);
    // A name may be the end of a longer one.
    let names: Spans = tree
        .properties
        .iter()
        .map(|property| Span::new(0, input.length()).slice(property.name_at.offset, property.name_at.length))
        .collect();
    let named = names.iter().map(|span| (span, true));
    let mut pieces: Vec<_> =
        names.gaps(Span::new(0, input.length())).map(|span| (span, false)).chain(named).collect();
    pieces.arrange();
    for (number, (span, known)) in (0u32..).zip(pieces) {
        let kind = if known { "device-tree-strings" } else { "device-tree-unused-strings" };
        let node = Node::new("strings", number.to_string(), kind, input.slice(span.offset, span.length));
        out.add(if known { node } else { node.unknown() });
    }
    block
}

/// A piece of the space that `at` is of.
fn part<'a>(at: &Input<'a>, span: Span) -> Input<'a> {
    at.slice(span.offset.saturating_sub(at.offset()), span.length)
}

/// Takes a node apart.
#[derive(Debug)]
struct NodeStage {
    tree: Rc<Tree>,
    number: usize,
    roles: Roles,
    /// The nodes that are listed; all of them where there is no list.
    listed: Option<Rc<BTreeSet<usize>>>,
}

impl<'a> Stage<'a> for NodeStage {
    fn parse(&self, at: Input<'a>, out: &mut Builder<'_, 'a>) {
        let tree = &self.tree;
        let Some(own) = tree.node(self.number) else { return };
        let path = self.path(&[]);
        let tag = |number: usize| tree.tags.get(number).copied();
        if let Some(first) = tag(own.tags.0) {
            let node = Node::new("node", "self", "device-tree-node-start", part(&at, first.span))
                .component()
                .name(path);
            let node = own.facts.iter().fold(node, |node, (fact, value)| node.with(fact, value.clone()));
            let layout = layout(tree, self.number, &at);
            out.add(layout.into_iter().fold(node, |node, layout| node.with(&fact::LAYOUT, layout)));
        }
        let mut nothing = 0_u32;
        for inner in tree.inside(self.number) {
            let node = match inner.what {
                What::Begin(child) => self.child(child, &at),
                What::Property(number) => match tree.properties.get(number) {
                    Some(property) => {
                        let (whole, padding) = padded(property, inner.span, &at);
                        out.add(padding);
                        self.property(property, whole)
                    }
                    None => continue,
                },
                What::Nothing | What::End | What::Last => {
                    nothing = nothing.saturating_add(1);
                    Node::new(
                        "device-tree",
                        format!("nop-{nothing}"),
                        "device-tree-nop",
                        part(&at, inner.span),
                    )
                }
            };
            if out.add(node).is_none() {
                return;
            }
        }
        if let Some(last) = tag(own.tags.1).filter(|last| matches!(last.what, What::End)) {
            out.add(Node::new("device-tree", "node-end", "device-tree-node-end", part(&at, last.span)));
        }
    }
}

/// A property with its padding of zeros; padding that holds something is a leaf of its own, whatever may differ before it.
fn padded<'a>(property: &Property, span: Span, at: &Input<'a>) -> (Input<'a>, Node<'a>) {
    let end = property.value.end();
    let padding = part(at, Span::between(end, span.end().max(end)));
    let zeros = padding.is_empty() || padding.uniform().is_ok_and(|value| value == Some(0));
    let (own, rest) = if zeros { (span.end(), 0) } else { (end, padding.length()) };
    let node = Node::new("padding", &property.name, "device-tree-padding", part(at, Span::new(end, rest)));
    (part(at, Span::between(span.offset, own)), node.unknown())
}

impl NodeStage {
    fn child<'a>(&self, child: usize, at: &Input<'a>) -> Node<'a> {
        let name = self.tree.node(child).map_or(&[][..], |child| &child.name);
        let stage = Self { tree: Rc::clone(&self.tree), number: child, listed: self.listed.clone(), ..*self };
        let node = Node::new("node", name, "device-tree-node", part(at, self.tree.span(child))).component();
        if self.listed.as_ref().is_some_and(|listed| !listed.contains(&child)) {
            return node.name(stage.path(&[]));
        }
        node.then_with(Rc::new(stage))
    }

    fn property<'a>(&self, property: &Property, input: Input<'a>) -> Node<'a> {
        let node = Node::new("property", &property.name, "device-tree-property", input.clone()).component();
        let node = node.name(self.path(&property.name));
        let role = (self.roles)(&self.tree, property);
        match role {
            Role::Value => with_value(node, &part(&input, property.value)),
            Role::Boots => with_value(node, &part(&input, property.value)).with(&fact::BOOT_ENTRY, true),
            Role::Arguments | Role::Content(_) => {
                node.then_with(Rc::new(PropertyStage { value: property.value, role, name: self.path(&[]) }))
            }
        }
    }

    /// The path of the node, or of a property of it, as people write it.
    fn path(&self, property: &[u8]) -> String {
        let mut names = self.tree.names(self.number);
        names.extend((!property.is_empty()).then_some(property));
        let path: String = names.iter().map(|name| format!("/{}", String::from_utf8_lossy(name))).collect();
        if path.is_empty() { "/".to_owned() } else { path }
    }
}

/// The value as people write it, unless it is long.
fn with_value<'a>(node: Node<'a>, value: &Input<'_>) -> Node<'a> {
    match value.window() {
        Ok(bytes) if len64(&bytes) <= LONGEST_VALUE => node.with(&fact::VALUE, shown(&bytes)),
        _ => node,
    }
}

fn shown(value: &[u8]) -> Value {
    let texts = value.strip_suffix(&[0]).filter(|texts| !texts.is_empty());
    let printable = |text: &[u8]| !text.is_empty() && text.iter().all(|byte| (b' '..=b'~').contains(byte));
    if let Some(texts) = texts.filter(|texts| texts.split(|&byte| byte == 0).all(printable)) {
        let texts: Vec<_> = texts.split(|&byte| byte == 0).map(String::from_utf8_lossy).collect();
        return texts.join(", ").into();
    }
    match value.as_chunks::<4>() {
        ([cell], []) => u32::from_be_bytes(*cell).into(),
        _ => value.into(),
    }
}

/// The layout that a node `fixed-partitions` states: the label and place of each node in it that has them.
fn layout(tree: &Tree, node: usize, at: &Input<'_>) -> Option<Vec<Stated>> {
    let value = |node: usize, name: &[u8]| {
        let span = tree.property(node, name)?.value;
        part(at, span).window().ok().filter(|value| len64(value) == span.length)
    };
    let states = value(node, b"compatible")?.split(|&byte| byte == 0).any(|text| text == b"fixed-partitions");
    let cells = |name: &[u8]| {
        let value = value(node, name)?;
        Some(u32::from_be_bytes(*value.first_chunk()?).into())
    };
    let (address, size): (u64, u64) =
        (cells(b"#address-cells").unwrap_or(1), cells(b"#size-cells").unwrap_or(1));
    let number = |bytes: Option<&[u8]>| {
        let bytes = bytes.filter(|bytes| bytes.len() <= 8)?;
        Some(bytes.iter().fold(0_u64, |sum, &byte| sum << 8 | u64::from(byte)))
    };
    let partition = |child: usize| {
        let reg = value(child, b"reg")?;
        let label = value(child, b"label");
        let name = match &label {
            Some(label) => label.strip_suffix(&[0]).unwrap_or(label),
            None => tree.node(child)?.name.split(|&byte| byte == b'@').next()?,
        };
        let cut = address.checked_mul(4)?;
        let offset = number(reg.piece(0, cut))?;
        let length = number(reg.piece(cut, size.checked_mul(4)?))?;
        Some(Stated { name: escape_key(name).to_string(), offset, length: Some(length) })
    };
    let parts: Vec<_> = tree.children(node).filter_map(partition).collect();
    (states && !parts.is_empty()).then_some(parts)
}

/// The nodes that are listed where others are not: those in which a kernel command line, a layout or padding that holds
/// something lies, and those around them.
fn worth_listing(at: &Input<'_>, tree: &Tree) -> BTreeSet<usize> {
    let used = |property: &Property, span: Span| padded(property, span, at).0.length() != span.length;
    let property = |tag: &Tag| match tag.what {
        What::Property(number) => tree.properties.get(number).map(|property| (property, tag.span)),
        What::Begin(_) | What::End | What::Nothing | What::Last => None,
    };
    let chosen = |node: usize| {
        tree.node(node).is_some_and(|found| CHOSEN.contains(&&*found.name) && found.parent() == 0)
    };
    let decides = |property: &Property| property.name == ARGUMENTS && chosen(property.node);
    let properties = tree.tags.iter().filter_map(property);
    let of_properties = properties.filter(|(property, span)| decides(property) || used(property, *span));
    let layouts = (0..tree.count()).filter(|&node| layout(tree, node, at).is_some());
    let mut listed = BTreeSet::new();
    for mut node in of_properties.map(|(property, _)| property.node).chain(layouts) {
        // Up to one that is listed already, and so are those around it.
        while listed.insert(node) {
            let Some(around) = tree.node(node).map(NodeAt::parent) else { break };
            node = around;
        }
    }
    listed
}

/// Takes a property with content of its own apart.
#[derive(Debug)]
struct PropertyStage {
    value: Span,
    role: Role,
    name: String,
}

impl<'a> Stage<'a> for PropertyStage {
    fn parse(&self, at: Input<'a>, out: &mut Builder<'_, 'a>) {
        let value = part(&at, self.value);
        let before = self.value.offset.saturating_sub(at.offset());
        out.add(Node::new("device-tree", "tag", "device-tree-tag", at.slice(0, before)));
        match self.role {
            Role::Content(format) => {
                let node = Node::new("content", "0", "device-tree-content", value).name(self.name.clone());
                out.add(node.component().then(format));
            }
            Role::Arguments => match value.window() {
                Ok(window) => {
                    let line = window.strip_suffix(&[0]).unwrap_or(&window);
                    let input = value.slice(0, len64(line));
                    arguments::add(&input, line, out);
                    out.add(Node::new("device-tree", "line-end", "device-tree-tag", value.from(len64(line))));
                }
                Err(trouble) => out.trouble(trouble),
            },
            Role::Value | Role::Boots => {}
        }
        let end = before.saturating_add(self.value.length);
        out.add(Node::new("device-tree", "padding", "device-tree-tag", at.from(end)));
    }
}

/// Values up to here are shown: the longest list of `compatible` in Linux's trees has some 200 bytes.
const LONGEST_VALUE: u64 = 256;
/// Boards have a handful.
const MOST_RESERVATIONS: u32 = 256;

/// The kinds of defects of this file.
pub(crate) const DEFECTS: &[&DefectKind] = &[&RESERVATIONS];

/// The list of reserved memory does not end.
static RESERVATIONS: DefectKind = DefectKind::ambiguous("device-tree/reservations");

// Facts, in the words of the specification.
static BOOT_CPU: Fact = Fact::new("boot-cpu");

#[cfg(test)]
mod tests {
    #![allow(clippy::arithmetic_side_effects, clippy::as_conversions, reason = "tests")]

    use kiwame_image::{Content, LimitKind, Limits, Memory};

    use super::*;
    use crate::boot::fdt::structure::writing::Writer;
    use crate::testing::{defects, leaves, parse, put, region, torture};

    fn board() -> Writer {
        let cells =
            |numbers: &[u32]| numbers.iter().flat_map(|number| number.to_be_bytes()).collect::<Vec<_>>();
        Writer::default()
            .begin("")
            .property("compatible", b"example,board\0example,soc\0")
            .begin("chosen")
            .property("bootargs", b"console=ttyS0 init=/bin/sh\0")
            .end()
            .begin("partitions")
            .property("compatible", b"fixed-partitions\0")
            .begin("partition@0")
            .property("label", b"boot\0")
            .property("reg", &cells(&[0, 0x8_0000]))
            .end()
            .begin("partition@80000")
            .property("reg", &cells(&[0x8_0000, 0x1_0000]))
            .property("mac", &[2, 0, 0, 0, 0, 1])
            .tag(4)
            .end()
            .end()
            .end()
    }

    const ROOT: &str = "device-tree:root";

    #[test]
    fn nodes_are_regions_and_properties_components() {
        let tree = parse(&DeviceTree, &board().finish());
        assert_eq!(defects(&tree), [""; 0]);
        let value = |path: &str| region(&tree, path).attribute("value").map(Value::display);
        assert_eq!(value(&format!("{ROOT}/property:compatible")), Some("example,board, example,soc".into()));
        let partition = format!("{ROOT}/node:partitions/node:partition@80000");
        assert_eq!(value(&format!("{partition}/property:mac")), Some("020000000001".into()));
        assert_eq!(
            region(&tree, &format!("{partition}/property:mac")).name.as_deref(),
            Some("/partitions/partition@80000/mac")
        );
        assert_eq!(region(&tree, "reservation:0").attribute("size"), Some(&Value::Uint(0x100)));
        assert!(leaves(&tree).iter().any(|leaf| leaf.0 == "device-tree-nop"));
        assert_eq!(
            tree.leaves().filter(|leaf| leaf.content != Content::Parsed).count(),
            0,
            "{:?}",
            leaves(&tree)
        );
    }

    #[test]
    fn a_command_line_is_split_and_a_stated_layout_is_a_fact() {
        let tree = parse(&DeviceTree, &board().finish());
        let init = region(&tree, &format!("{ROOT}/node:chosen/property:bootargs/argument:init"));
        assert_eq!(init.attribute("boot-entry"), Some(&Value::Flag(true)));
        let layout = region(&tree, &format!("{ROOT}/node:partitions/node:self")).attribute("layout");
        let layout = layout.map(Value::display);
        assert_eq!(layout.as_deref(), Some("boot@0x0+0x80000 partition@0x80000+0x10000"));
    }

    #[test]
    fn what_readers_would_take_differently_is_ambiguous() {
        let node = |inner: fn(Writer) -> Writer| {
            let tree = parse(&DeviceTree, &inner(Writer::default().begin("")).end().finish());
            assert!(tree.defects().iter().all(|defect| defect.kind.ambiguous));
            defects(&tree)
        };
        let none: [&str; 0] = [];
        assert_eq!(node(|root| root.begin("a").end().begin("b").end()), none);
        assert_eq!(node(|root| root.begin("a").end().begin("a").end()), ["device-tree/duplicate-name"]);
        assert_eq!(node(|root| root.property("a", b"").property("a", b"")), ["device-tree/duplicate-name"]);
        assert_eq!(node(|root| root.begin("a").end().property("a", b"")), ["device-tree/order"]);
        assert_eq!(node(|root| root.tag(7)), ["device-tree/tag"]);
        assert_eq!(node(|root| root.begin("a")), ["device-tree/tag"]);
        assert_eq!(node(|root| root.end().begin("second")), ["device-tree/tag"]);
    }

    #[test]
    fn bytes_that_nothing_leads_to_are_not_understood() {
        let good = board().finish();
        let mut unused = good.clone();
        let at = unused.windows(4).rposition(|window| window == b"mac\0").expect("the last name");
        // The property of that name takes the end of another.
        let tag = unused.windows(6).position(|window| window == [2, 0, 0, 0, 0, 1]).expect("the value");
        put(&mut unused, tag - 4, &[0, 0, 0, 5]);
        let tree = parse(&DeviceTree, &unused);
        let leaf = tree.leaves().find(|leaf| leaf.kind == "device-tree-unused-strings").expect("a leaf");
        assert_eq!((leaf.content, leaf.span), (Content::Unknown, Span::new(at as u64, 4)));
        let behind = parse(&DeviceTree, &[good.clone(), b"code".to_vec()].concat());
        assert_eq!(region(&behind, "device-tree:behind").content, Content::Unknown);
        let erased = parse(&DeviceTree, &[good, vec![0xff; 4]].concat());
        assert_eq!(region(&erased, "device-tree:behind").content, Content::Fill);
    }

    #[test]
    fn a_tree_of_any_depth_meets_a_limit() {
        let deep = (0..100_000).fold(Writer::default(), |tree, _| tree.begin("a"));
        let bytes = (0..100_000).fold(deep, |tree, _| tree.end()).finish();
        let host = Memory::new([bytes.clone()]);
        let limits = Limits { nodes: 1_000_000, ..Limits::default() };
        for (limits, kind) in [(limits, LimitKind::Depth), (Limits::default(), LimitKind::Nodes)] {
            let tree =
                kiwame_image::parse(&host, 0, bytes.len() as u64, &DeviceTree, &limits, &crate::options())
                    .expect("memory");
            crate::testing::check_tiling(&tree);
            assert_eq!(tree.limits_hit().first().map(|hit| hit.0), Some(kind));
        }
    }

    #[test]
    fn hostile_bytes() {
        torture(&DeviceTree, &board().finish());
    }
}
