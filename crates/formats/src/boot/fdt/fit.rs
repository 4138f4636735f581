//! Flat image trees (FIT): kernels, device trees and configurations of them in one device tree.
//!
//! Flat Image Tree Specification 0.8, and U-Boot 2024.01 `boot/image-fit.c`, `boot/image-fit-sig.c`.
//!
//! ```text
//! /images/<name>          data, or data-size with data-offset (from the end of the tree, rounded up to four) or
//!                         data-position (from its start); type, arch, os, compression, load, entry
//!   hash-<n>              algo, value: a checksum of the data
//!   signature-<n>         algo, value: a signature over the data
//! /configurations         default
//!   <name>                kernel, fdt, ramdisk, loadables: names of images
//!     signature-<n>       hashed-nodes: a signature over these nodes, which hold the hashes of the images
//! ```
//!
//! A FIT is listed as the device tree that it is. What it carries inside is the content of the property, what lies behind
//! the tree is `data:<name>`. Each checksum is compared, each signature is a claim with the bytes that it covers.
//! Every property decides what is loaded, so none may differ under a rule.
//!
//! Loader modelled: U-Boot's `bootm`. Ambiguities: a checksum that does not agree or that nobody can compute, data both
//! inside and outside, numbers of another length than four bytes, texts without a zero at their end, data beyond the end, a
//! unit address in the name of any node (CVE-2021-27138: a look-up by name then finds another node, and since then no tree
//! with one is taken). Limitations: of a signature over a configuration, the list `hashed-nodes` is taken as it stands, as
//! U-Boot did before 2021.
//!
//! ## Normal form
//!
//! None is needed: it is a device tree, whose leaves are compared as they lie; data behind the tree are leaves of their
//! names.
//!
//! U-Boot uses `data-size` and `data-position` as they stand, and every one of them is a property. What lies between
//! and behind the data is a leaf. Property names that U-Boot does not know are compared like others.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use kiwame_decode::Crc32;
use kiwame_image::{
    Arrange as _, Builder, Defect, DefectKind, Fact, Format, Gather as _, Glance, Input, Laid, LimitKind,
    Node, Place, Reading, Recognised, Span, Sum, Sure, Trouble, fact, len64, to_usize,
};

use crate::boot::fdt::structure::{self, Header, Property, Tree};
use crate::boot::fdt::tree::{self, Detail, Role};

/// A device tree of images and configurations.
#[derive(Debug)]
pub(crate) struct UbootFit;

impl Format for UbootFit {
    fn name(&self) -> &'static str {
        "uboot-fit"
    }

    fn about(&self) -> &'static str {
        "flat image tree (FIT): images inside and outside, hashes compared, configurations, signatures located"
    }

    fn defects(&self) -> &'static [&'static [&'static DefectKind]] {
        &[DEFECTS]
    }

    fn probe(&self, head: &Glance<'_>) -> Option<Reading> {
        let header = Header::probe(head)?;
        let outline = Outline::at(head, &header);
        outline.images.then(|| Reading::new(self, Sure::Structure).of_length(header.total.max(outline.end)))
    }

    fn over(&self) -> &'static [&'static str] {
        &["device-tree"]
    }

    fn parse<'a>(&self, at: Input<'a>, out: &mut Builder<'_, 'a>) {
        tree::open(&at, out, Detail::Full);
    }
}

/// What the head of a tree shows. Of a tree longer than the head that is not all: its data lie inside then, or whoever
/// searches finds them by themselves.
#[derive(Default)]
struct Outline {
    /// There is a node `images` in the root.
    images: bool,
    /// Where the data behind the tree end.
    end: u64,
}

impl Outline {
    fn at(head: &Glance<'_>, header: &Header) -> Self {
        let mut outline = Self::default();
        outline.look(head, header);
        outline
    }

    /// `None` where the head ends.
    fn look(&mut self, head: &Glance<'_>, header: &Header) -> Option<()> {
        let behind = header.total.checked_next_multiple_of(4)?;
        // Each property may point to the same long name.
        let text = |offset: u64| {
            let rest = head.all().get(to_usize(offset)..)?;
            let rest = rest.get(..LONGEST_NAME).unwrap_or(rest);
            rest.get(..rest.iter().position(|&byte| byte == 0)?)
        };
        let (mut at, mut depth, mut size, mut start) = (header.structure.offset, 0_u32, 0, 0);
        loop {
            let word = |offset: u64| {
                let bytes = head.bytes(at.checked_add(offset)?, 4)?;
                Some(u64::from(u32::from_be_bytes(*bytes.first_chunk()?)))
            };
            let length = match word(0)? {
                1 => {
                    let name = text(at.checked_add(4)?)?;
                    self.images |= depth == 1 && name == IMAGES;
                    depth = depth.checked_add(1)?;
                    (size, start) = (0, 0);
                    len64(name).checked_add(5)?
                }
                3 => {
                    match text(header.strings.offset.saturating_add(word(8)?)) {
                        Some(b"data-size") => size = word(12)?,
                        Some(b"data-position") => start = word(12)?,
                        Some(b"data-offset") => start = behind.checked_add(word(12)?)?,
                        _ => {}
                    }
                    self.end = self.end.max(if start > 0 { start.checked_add(size)? } else { 0 });
                    word(4)?.checked_add(12)?
                }
                2 => {
                    depth = depth.checked_sub(1)?;
                    4
                }
                4 => 4,
                _ => return None,
            };
            at = at.checked_add(length.checked_next_multiple_of(4)?)?;
        }
    }
}

/// Lists a tree that has images.
pub(crate) fn list<'a>(at: &Input<'a>, tree: Tree, out: &mut Builder<'_, 'a>) -> Result<(), Trouble> {
    let left = at.length().saturating_mul(ALGORITHMS);
    let mut fit = Fit { at, tree, sums: BTreeMap::new(), left, claims: 0 };
    let (mut outside, mut trees) = (Vec::new(), 0_u64);
    for image in fit.children_of(IMAGES) {
        let data = fit.locate(image, out);
        trees = trees.saturating_add(data.as_ref().map_or(0, |data| fit.tree_length(data.span)));
        outside.extend(data.iter().filter(|data| data.outside).map(|data| (data.span, image)));
        fit.look_inside(image, data.map(|data| data.span), out)?;
    }
    fit.check_configurations(out);
    let tree = Rc::new(fit.tree);
    let many = trees > MOST_TREES;
    tree::list(at, Rc::clone(&tree), if many { role_of_many } else { role }, Detail::Full, out)?;
    add_outside(at, &tree, outside, if many { ONE_OF_MANY } else { CONTENT }, out);
    Ok(())
}

/// As [`role`], in a FIT of very many trees.
fn role_of_many(tree: &Tree, property: &Property) -> Role {
    match role(tree, property) {
        Role::Content(_) => Role::Content(ONE_OF_MANY),
        other => other,
    }
}

fn role(tree: &Tree, property: &Property) -> Role {
    match tree.names(property.node)[..] {
        [b"images", _] if property.name == b"data" => Role::Content(CONTENT),
        _ if DESCRIBING.contains(&&property.name[..]) => Role::Value,
        _ => Role::Boots,
    }
}

/// Where the data of an image lie, in the space of the tree.
struct Data {
    span: Span,
    outside: bool,
}

struct Fit<'t, 'a> {
    at: &'t Input<'a>,
    tree: Tree,
    /// Checksums that were computed, by place and algorithm: images may share their data.
    sums: BTreeMap<(Span, Vec<u8>), Vec<u8>>,
    /// Bytes that may still be summed: each once by each algorithm.
    left: u64,
    /// Signatures that were looked at.
    claims: u32,
}

impl<'a> Fit<'_, 'a> {
    /// The nodes in a node at the top.
    fn children_of(&self, name: &[u8]) -> Vec<usize> {
        self.tree.child(0, name).into_iter().flat_map(|node| self.tree.children(node)).collect()
    }

    fn name(&self, node: usize) -> &[u8] {
        self.tree.node(node).map_or(&[][..], |node| &node.name)
    }

    /// Where a property lies, for defects.
    fn place(&self, node: usize, property: &str) -> u64 {
        self.tree.property(node, property.as_bytes()).map_or(self.tree.base, |found| found.value.offset)
    }

    fn part(&self, span: Span) -> Input<'a> {
        self.at.slice(span.offset.saturating_sub(self.at.offset()), span.length)
    }

    /// Length of the device tree that the data of an image are; 0 for anything else.
    fn tree_length(&self, data: Span) -> u64 {
        let head = self.part(Span::new(data.offset, data.length.min(4))).window();
        if head.is_ok_and(|head| head[..] == structure::MAGIC) { data.length } else { 0 }
    }

    fn bytes(&self, node: usize, property: &str) -> Option<Vec<u8>> {
        let span = self.tree.property(node, property.as_bytes())?.value;
        Some(self.part(Span::new(span.offset, span.length.min(LONGEST_TEXT))).window().ok()?.to_vec())
    }

    /// A property that is text, or a list of texts.
    fn texts(&self, node: usize, property: &str) -> Option<Vec<Vec<u8>>> {
        let value = self.bytes(node, property)?;
        let texts = value.split(|&byte| byte == 0).filter(|text| !text.is_empty());
        Some(texts.map(<[u8]>::to_vec).collect())
    }

    fn number(&self, node: usize, property: &str) -> Option<u64> {
        Some(u32::from_be_bytes(*self.bytes(node, property)?.first_chunk()?).into())
    }

    fn locate(&self, image: usize, out: &mut Builder<'_, '_>) -> Option<Data> {
        let base = self.tree.base;
        let inside = self.tree.property(image, b"data").map(|data| Data { span: data.value, outside: false });
        let end = self.tree.header.total.checked_next_multiple_of(4).unwrap_or(u64::MAX);
        let offset = self.number(image, "data-offset").map(|offset| end.saturating_add(offset));
        let start = self.number(image, "data-position").or(offset);
        let outside = start.zip(self.number(image, "data-size"));
        let outside = outside
            .map(|(start, size)| Data { span: Span::new(base.saturating_add(start), size), outside: true });
        if let Some(data) = outside.as_ref().filter(|data| !self.at.span().contains(data.span)) {
            let place = self.place(image, "data-size");
            let (found, most) = (data.span.end(), self.at.span().end());
            out.defect(Defect::new(&BEYOND, "data-size", place, found, most));
        }
        // U-Boot reads four bytes of each, however many there are.
        for property in ["data-size", "data-offset", "data-position"] {
            let value = self.tree.property(image, property.as_bytes()).map(|property| property.value);
            if let Some(value) = value.filter(|value| value.length != 4) {
                out.defect(Defect::new(&CELL, property, value.offset, value.length, 4u64));
            }
        }
        let name = String::from_utf8_lossy(self.name(image)).into_owned();
        match (&inside, &outside) {
            (Some(_), Some(_)) => {
                out.defect(Defect::new(&DATA_TWICE, "data", base, name, "data in one place"));
            }
            (None, None) => out.defect(Defect::new(&DATA, "data", base, name, "data")),
            _ => {}
        }
        outside.or(inside)
    }

    /// Compares the checksums of an image and notes its signatures.
    fn look_inside(
        &mut self,
        image: usize,
        data: Option<Span>,
        out: &mut Builder<'_, 'a>,
    ) -> Result<(), Trouble> {
        let data = data.filter(|data| self.at.span().contains(*data));
        let nodes: Vec<_> = self.tree.children(image).collect();
        for node in nodes {
            if self.name(node).starts_with(b"hash") {
                let checked = self.check_hash(node, data, out)?;
                self.tree.add_fact(node, &CHECKED, checked.into());
            } else if self.name(node).starts_with(b"signature") {
                self.claim(node, |_| data.into_iter().collect(), out);
            }
        }
        Ok(())
    }

    /// What came of comparing a checksum.
    fn check_hash(
        &mut self,
        node: usize,
        data: Option<Span>,
        out: &mut Builder<'_, '_>,
    ) -> Result<&'static str, Trouble> {
        let algorithm = self.texts(node, "algo").and_then(|texts| texts.into_iter().next());
        let Some((data, algorithm)) = data.zip(algorithm) else { return Ok("no data or no algorithm") };
        let Some(actual) = self.sum(data, &algorithm)? else {
            let shown = String::from_utf8_lossy(&algorithm).into_owned();
            let place = self.place(node, "algo");
            out.defect(Defect::new(&ALGORITHM, "algo", place, shown, "an algorithm known here"));
            return Ok("unknown algorithm");
        };
        let found = self.bytes(node, "value").unwrap_or_default();
        let place = self.tree.property(node, b"value").map(|property| property.value);
        let place = place.unwrap_or_else(|| Span::new(self.tree.base, 0));
        let equal = match core::str::from_utf8(&algorithm).ok().and_then(Sum::named) {
            Some(sum) => out.says_digest(&[data], (sum, actual), ("value", place), found),
            None if found == actual => true,
            None => {
                out.defect(Defect::new(&CHECKSUM, "value", place.offset, found, actual));
                false
            }
        };
        Ok(if equal { "equal" } else { "different" })
    }

    /// The checksum of that name; `None` when it is none of U-Boot's.
    fn sum(&mut self, data: Span, algorithm: &[u8]) -> Result<Option<Vec<u8>>, Trouble> {
        let key = (data, algorithm.to_vec());
        if let Some(known) = self.sums.get(&key) {
            return Ok(Some(known.clone()));
        }
        self.left = self.left.checked_sub(data.length).ok_or(LimitKind::Reads)?;
        // FITs may lie in each other, and each speaks of all the rest.
        self.at.spend(data.length)?;
        let Some(sum) = compute(algorithm, &self.part(data))? else { return Ok(None) };
        self.sums.insert(key, sum.clone());
        Ok(Some(sum))
    }

    /// U-Boot reads a text up to its zero, wherever that is.
    fn check_texts(&self, out: &mut Builder<'_, '_>) {
        let texts = self.tree.properties.iter().filter(|property| TEXTS.contains(&&property.name[..]));
        for property in texts.filter(|property| property.value.length > 0) {
            let value = property.value;
            let last = self.part(Span::new(value.end().saturating_sub(1), 1)).window();
            if last.is_ok_and(|last| last.first() != Some(&0)) {
                let name = String::from_utf8_lossy(&property.name).into_owned();
                out.defect(Defect::new(&TEXT, "value", value.offset, name, "a text that ends with zero"));
            }
        }
    }

    /// A look-up of a name without an address finds one with an address as well, if that comes first: of `/images`,
    /// `images@1`. Since 2021 `bootm` takes no tree in which any name has one; before, makers numbered images so, and where
    /// no look-up finds another, one note for all is enough.
    fn check_unit_addresses(&self, out: &mut Builder<'_, '_>) {
        let nodes = || (0usize..).map_while(|node| Some((node, self.tree.node(node)?)));
        let plain: BTreeSet<(usize, &[u8])> =
            nodes().skip(1).map(|(_, found)| (found.parent, &found.name[..])).into_set();
        let mut numbered = None;
        for (node, found) in nodes().filter(|(_, found)| found.name.contains(&b'@')) {
            let shown = String::from_utf8_lossy(&found.name).into_owned();
            let place = self.tree.span(node).offset;
            let defect = |kind| Defect::new(kind, "name", place, shown.clone(), "a name without @");
            let base = found.name.split(|&byte| byte == b'@').next().unwrap_or_default();
            if found.parent == 0 || plain.contains(&(found.parent, base)) {
                out.defect(defect(&UNIT_ADDRESS));
            } else {
                numbered.get_or_insert_with(|| defect(&NUMBERED));
            }
        }
        numbered.into_iter().for_each(|defect| out.defect(defect));
    }

    /// What a configuration names must be there, and its signatures are claims.
    fn check_configurations(&mut self, out: &mut Builder<'_, 'a>) {
        let (images, configurations) = (self.children_of(IMAGES), self.children_of(b"configurations"));
        self.check_unit_addresses(out);
        self.check_texts(out);
        let names = |nodes: &[usize]| nodes.iter().map(|&node| self.name(node).to_vec()).into_set();
        let known: BTreeSet<Vec<u8>> = names(&images);
        for (&node, &part) in
            configurations.iter().flat_map(|node| PARTS.iter().map(move |part| (node, part)))
        {
            self.check_names(node, part, &known, out);
        }
        if let Some(around) = self.tree.child(0, b"configurations") {
            self.check_names(around, "default", &names(&configurations), out);
        }
        let signatures = configurations.iter().flat_map(|&node| self.tree.children(node));
        let signatures: Vec<_> =
            signatures.filter(|&node| self.name(node).starts_with(b"signature")).collect();
        for node in signatures {
            self.claim(node, |fit| fit.covered(node), out);
        }
    }

    fn check_names(
        &self,
        node: usize,
        property: &'static str,
        known: &BTreeSet<Vec<u8>>,
        out: &mut Builder<'_, '_>,
    ) {
        for name in self.texts(node, property).unwrap_or_default() {
            if !known.contains(&name) {
                let shown = String::from_utf8_lossy(&name).into_owned();
                let place = self.place(node, property);
                out.defect(Defect::new(&NAME, property, place, shown, "the name of a node"));
            }
        }
    }

    fn claim(&mut self, node: usize, signed: impl Fn(&Self) -> Vec<Span>, out: &mut Builder<'_, 'a>) {
        let before = self.claims;
        self.claims = before.saturating_add(1);
        if before == MOST_SIGNATURES {
            let place = self.tree.span(node).offset;
            out.defect(Defect::new(&SIGNATURES, "signature", place, self.claims, MOST_SIGNATURES));
        }
        let value = self.tree.property(node, b"value").map(|value| value.value);
        if let Some(value) = value.filter(|_| before < MOST_SIGNATURES) {
            let signed: Vec<_> = signed(self).into_iter().map(|span| self.part(span)).collect();
            out.says_signature("uboot-fit", &signed, &self.part(value));
        }
    }

    /// The bytes that a signature over a configuration covers, by its own account.
    fn covered(&self, node: usize) -> Vec<Span> {
        let Some(nodes) = self.texts(node, "hashed-nodes") else { return Vec::new() };
        let mut spans = self.tree.signed(&nodes.into_iter().into_set(), UNSIGNED);
        let strings = self.bytes(node, "hashed-strings");
        if let Some(length) = strings.as_deref().and_then(|cells| cells.get(4..)?.first_chunk()) {
            let start = self.tree.base.saturating_add(self.tree.header.strings.offset);
            spans.push(Span::new(start, u32::from_be_bytes(*length).into()));
        }
        spans
    }
}

/// The checksum of that name; `None` when it is none of U-Boot's.
fn compute(algorithm: &[u8], data: &Input<'_>) -> Result<Option<Vec<u8>>, Trouble> {
    if algorithm != b"crc32" {
        let sum = core::str::from_utf8(algorithm).ok().and_then(Sum::named);
        return sum.map(|sum| sum.of(core::slice::from_ref(data))).transpose();
    }
    let mut crc = Crc32::default();
    for window in data.windows() {
        crc.update(&window?);
    }
    Ok(Some(crc.value().to_be_bytes().to_vec()))
}

/// Adds the data behind the tree. Tools align them, with zeros in between; behind the last lies erased medium.
fn add_outside<'a>(
    at: &Input<'a>,
    tree: &Tree,
    mut outside: Vec<(Span, usize)>,
    content: &'static dyn Format,
    out: &mut Builder<'_, 'a>,
) {
    outside.arrange();
    // Two images may share their data.
    outside.dedup_by_key(|(span, _)| *span);
    let inside = |span: Span| Span::new(span.offset.saturating_sub(at.offset()), span.length);
    let own = Span::between(at.offset(), tree.base.saturating_add(tree.header.total));
    let images = outside.into_iter().map(|(span, image)| (inside(span), Some(image)));
    let things = core::iter::once((inside(own), None)).chain(images).collect();
    let (laid, behind) = kiwame_image::lay_out(at.length(), things);
    let images = laid.into_iter().filter_map(|laid| Some((laid.thing?, laid)));
    for (number, (image, Laid { gap, stated, shared, .. })) in (0u32..).zip(images) {
        let name = tree.node(image).map_or(&[][..], |node| &node.name);
        let free = at.slice(gap.offset, gap.length);
        out.add_fill(Node::new("uboot-fit", format!("free-{number}"), "uboot-fit-free", free), 0);
        if let Some(done) = shared {
            let (place, done) = (at.offset().saturating_add(stated.offset), at.offset().saturating_add(done));
            out.defect(Defect::new(&OVERLAP, "data-position", place, place, done));
        } else {
            let shown = format!("/images/{}", String::from_utf8_lossy(name));
            let input = at.slice(stated.offset, stated.length);
            let node = Node::new("data", name, "uboot-fit-data", input).name(shown);
            out.add(node.with(&fact::EXECUTABLE, true).component().then(content));
        }
    }
    let behind = at.from(behind.offset);
    out.add_behind(Node::new("uboot-fit", "behind", "uboot-fit-behind", behind));
}

/// What an image of a FIT holds.
static CONTENT: &dyn Format = &Recognised(Place::Stream);
static ONE_OF_MANY: &dyn Format = &Recognised(Place::OneOfMany);
/// Bytes of device trees in one FIT that are listed to the property: some hundred thousand properties, as many regions as
/// a run has. Of more, as kernels for hundreds of boards carry them, only what decides something is.
const MOST_TREES: u64 = 1 << 20;
/// The node in the root that makes a tree a FIT.
pub(crate) const IMAGES: &[u8] = b"images";
const LONGEST_NAME: usize = 256;
/// Properties that no loader acts on.
const DESCRIBING: &[&[u8]] =
    &[b"description", b"timestamp", b"signer-name", b"signer-version", b"key-name-hint"];
/// Properties of a configuration that name images.
const PARTS: &[&str] = &["kernel", "fdt", "ramdisk", "loadables", "firmware", "fpga", "script", "setup"];
/// Properties that signatures over configurations leave out (`fit_config_check_sig`).
/// Properties that are read as text, or as a list of texts.
const TEXTS: &[&[u8]] = &[
    b"default",
    b"kernel",
    b"fdt",
    b"ramdisk",
    b"firmware",
    b"loadables",
    b"algo",
    b"type",
    b"arch",
    b"os",
    b"compression",
    b"hashed-nodes",
    b"sign-images",
    b"key-name-hint",
    b"padding",
];
const UNSIGNED: &[&[u8]] = &[b"data", b"data-size", b"data-position", b"data-offset"];
/// Checksums that U-Boot knows: crc32, md5, sha1, sha256, sha384, sha512.
const ALGORITHMS: u64 = 6;
/// Signatures are looked at up to here; each walks the whole tree. Real trees have one for each configuration.
const MOST_SIGNATURES: u32 = 64;
/// Lists of nodes are read this far.
const LONGEST_TEXT: u64 = 64 << 10;

/// The digest of an image was measured, and is what the tree says.
static CHECKED: Fact = Fact::encoding("checked");

/// The kinds of defects of this file.
pub(crate) const DEFECTS: &[&DefectKind] = &[
    &ALGORITHM,
    &DATA_TWICE,
    &BEYOND,
    &CELL,
    &CHECKSUM,
    &DATA,
    &NAME,
    &NUMBERED,
    &OVERLAP,
    &SIGNATURES,
    &TEXT,
    &UNIT_ADDRESS,
];

/// A digest or signature is by an algorithm that is not known here.
static ALGORITHM: DefectKind = DefectKind::ambiguous("uboot-fit/algorithm");
/// The data of an image lies beyond the file.
static BEYOND: DefectKind = DefectKind::ambiguous("uboot-fit/beyond");
/// A property that is a number has another length.
static CELL: DefectKind = DefectKind::ambiguous("uboot-fit/cell");
/// The checksum of an image is wrong.
static CHECKSUM: DefectKind = DefectKind::ambiguous("uboot-fit/checksum");
/// An image has data in two places: which one is booted depends on the loader.
static DATA_TWICE: DefectKind = DefectKind::ambiguous("uboot-fit/data-twice");
/// An image has no data.
static DATA: DefectKind = DefectKind::odd("uboot-fit/data");
/// A configuration names no node.
static NAME: DefectKind = DefectKind::odd("uboot-fit/name");
/// Nodes have unit addresses where old makers numbered images by them, and no two differ in nothing else.
static NUMBERED: DefectKind = DefectKind::odd("uboot-fit/numbered");
/// Two images share bytes of the file.
static OVERLAP: DefectKind = DefectKind::ambiguous("uboot-fit/overlap");
/// There are more signatures than are measured.
static SIGNATURES: DefectKind = DefectKind::ambiguous("uboot-fit/signatures");
/// A property that is a text does not end, or holds more than one.
static TEXT: DefectKind = DefectKind::ambiguous("uboot-fit/text");
/// The name of a node has a unit address, by which old loaders confuse nodes (CVE-2021-27097).
static UNIT_ADDRESS: DefectKind = DefectKind::ambiguous("uboot-fit/unit-address");

#[cfg(test)]
mod tests {
    #![allow(clippy::arithmetic_side_effects, clippy::as_conversions, reason = "tests")]

    use kiwame_image::Content as Class;

    use kiwame_image::{Algorithm, Host as _, Memory, Part, Says};

    use super::*;
    use crate::boot::fdt::structure::writing::Writer;
    use crate::testing::{defects, parse as parse_with, region, torture};

    /// SHA-1 and MD5 of `kernel`, by sha1sum and md5sum.
    const SHA1: [u8; 20] = [
        0xc6, 0x5a, 0x0f, 0xb7, 0xe7, 0x4f, 0xfd, 0x2c, 0x9f, 0xc3, 0xa0, 0xf9, 0xaa, 0xcb, 0x0f, 0x6a, 0x24,
        0xb0, 0xa6, 0x8b,
    ];
    const MD5: [u8; 16] =
        [0x50, 0x48, 0x4c, 0x19, 0xf1, 0xaf, 0xda, 0xf3, 0x84, 0x1a, 0x0d, 0x82, 0x1e, 0xd3, 0x93, 0xd2];

    fn images(data: fn(Writer) -> Writer) -> Writer {
        let image = data(Writer::default().begin("").begin("images").begin("kernel"));
        let image = image.begin("hash-1").property("algo", b"sha1\0").property("value", &SHA1).end();
        image.begin("hash-2").property("algo", b"md5\0").property("value", &MD5).end().end().end()
    }

    fn configured(images: Writer) -> Vec<u8> {
        let configurations =
            images.begin("configurations").property("default", b"release\0").begin("release");
        let configuration = configurations.property("kernel", b"kernel\0").begin("signature-1");
        let nodes = b"/\0/configurations/release\0/images/kernel\0/images/kernel/hash-1\0";
        let signature = configuration.property("hashed-nodes", nodes).property("value", b"signature");
        signature.property("hashed-strings", &[0, 0, 0, 0, 0, 0, 0, 4]).end().end().end().end().finish()
    }

    fn inside() -> Vec<u8> {
        configured(images(|image| image.property("data", b"kernel")))
    }

    fn outside(data: &[u8]) -> Vec<u8> {
        let size =
            |image: Writer| image.property("data-size", &[0, 0, 0, 6]).property("data-offset", &[0, 0, 0, 2]);
        let mut bytes = configured(images(size));
        bytes.resize(bytes.len().next_multiple_of(4) + 2, 0);
        [bytes, data.to_vec()].concat()
    }

    const IMAGE: &str = "device-tree:root/node:images/node:kernel";

    /// A tree of `nodes` nodes with a property each, a command line and a layout.
    fn board(nodes: usize) -> Vec<u8> {
        let tree =
            Writer::default().begin("").begin("chosen").property("bootargs", b"console=ttyS0 ro\0").end();
        let tree = tree.begin("flash").begin("partitions").property("compatible", b"fixed-partitions\0");
        let tree = tree.begin("boot").property("reg", &[0, 0, 0, 0, 0, 1, 0, 0]).end().end().end();
        let node = |tree: Writer, number: usize| {
            tree.begin(&format!("device{number}")).property("value", &[0; 16]).begin("part").end().end()
        };
        (0..nodes).fold(tree, node).end().finish()
    }

    fn many(count: usize, nodes: usize) -> kiwame_image::Tree {
        let board = board(nodes);
        let fit = Writer::default().begin("").begin("images");
        let image = |fit: Writer, number: usize| {
            fit.begin(&format!("fdt-{number}")).property("data", &board).property("type", b"flat_dt\0").end()
        };
        let fit = (0..count).fold(fit, image).end().end().finish();
        parse_with(&UbootFit, &fit)
    }

    fn sha256(bytes: &[u8]) -> Vec<u8> {
        let digest = Memory::default().digest(Algorithm::Sha256, &[Part::Memory(bytes)]).expect("memory");
        digest.bytes().to_vec()
    }

    #[test]
    fn of_very_many_trees_only_what_decides_is_listed() {
        let few = many(3, 500);
        assert!(few.count() > 3 * 500 * 4, "each property");
        let tree = many(110, 500);
        assert_eq!((tree.limits_hit(), defects(&tree)), (&[][..], vec![]));
        assert!(tree.count() < 110 * 540, "{} regions", tree.count());
        let each =
            |segment: &str| tree.regions().filter(|region| region.segment.to_string() == segment).count();
        assert_eq!(each("node:device7"), 110);
        assert_eq!(each("node:part"), 0);
        let arguments = tree.regions().filter(|region| region.kind == "boot-argument").count();
        let expected = few.regions().filter(|region| region.kind == "boot-argument").count() / 3 * 110;
        assert_eq!(arguments, expected);
        assert!(expected > 0, "the command line is split");
        let layouts = tree.regions().filter(|region| region.attribute("layout").is_some()).count();
        assert_eq!(layouts, 110);
    }

    #[test]
    fn data_inside_and_outside_are_content_and_their_checksums_are_compared() {
        let tree = parse_with(&UbootFit, &inside());
        assert_eq!(defects(&tree), [""; 0]);
        assert_eq!(region(&tree, &format!("{IMAGE}/property:data/content:0")).span.length, 6);
        let tree = parse_with(&UbootFit, &outside(b"kernel"));
        assert_eq!(defects(&tree), [""; 0]);
        assert_eq!(region(&tree, "data:kernel").span.length, 6);
        for hash in ["hash-1", "hash-2"] {
            let checked = region(&tree, &format!("{IMAGE}/node:{hash}/node:self")).attribute("checked");
            assert_eq!(checked, Some(&"equal".into()));
        }
        assert_eq!(defects(&parse_with(&UbootFit, &outside(b"Kernel"))), ["claim/digest", "claim/digest"]);
        assert_eq!(defects(&parse_with(&UbootFit, &outside(b"kerne"))), ["uboot-fit/beyond"]);
    }

    #[test]
    fn a_search_learns_how_long_it_is() {
        let bytes = [outside(b"kernel"), vec![0xff; 64]].concat();
        let found = UbootFit.probe(&Glance::new(&bytes, bytes.len() as u64)).expect("recognised");
        assert_eq!(found.length, Some(bytes.len() as u64 - 64));
        let tree = parse_with(&UbootFit, &bytes);
        assert_eq!(region(&tree, "uboot-fit:behind").content, Class::Fill);
    }

    #[test]
    fn a_signature_claims_the_nodes_on_its_list_without_data() {
        let bytes = inside();
        let tree = parse_with(&UbootFit, &bytes);
        let claims = tree.claims().iter().filter(|claim| matches!(claim.says, Says::Signature { .. }));
        let [claim] = claims.collect::<Vec<_>>()[..] else { panic!("one signature") };
        let signed: Vec<u8> = claim
            .about
            .iter()
            .flat_map(|span| &bytes[span.offset as usize..span.end() as usize])
            .copied()
            .collect();
        let holds = |text: &[u8]| signed.windows(text.len()).any(|window| window == text);
        assert!(
            holds(&SHA1) && holds(b"release\0") && !holds(&MD5) && !holds(b"signature\0"),
            "{signed:02x?}"
        );
        assert_eq!(&bytes[claim.place.offset as usize..][..9], b"signature");
        assert_eq!(claim.measured, (Sum::Strong(Algorithm::Sha256), sha256(&signed)));
        let kernel = signed.windows(6).position(|window| window == b"kernel").expect("the name of the node");
        assert!(
            !signed[kernel + 8..].starts_with(&[0, 0, 0, 3, 0, 0, 0, 6]),
            "data are not signed, their hash is"
        );
    }

    #[test]
    fn names_that_lead_nowhere_or_to_two_places() {
        let odd = images(|image| image.property("data", b"kernel"));
        let odd = odd.begin("configurations").property("default", b"other\0").begin("a@1").end().end().end();
        assert_eq!(defects(&parse_with(&UbootFit, &odd.finish())), ["uboot-fit/numbered", "uboot-fit/name"]);
        let numbered = |names: [&str; 2], around: &str| {
            let tree = Writer::default().begin("").begin(around);
            let tree =
                names.into_iter().fold(tree, |tree, name| tree.begin(name).property("data", b"x").end());
            let tree = parse_with(&UbootFit, &tree.end().begin("images").end().end().finish());
            let addresses = [&NUMBERED, &UNIT_ADDRESS];
            let all = tree.defects().iter().map(|defect| defect.kind);
            all.filter(|kind| addresses.contains(kind)).collect::<Vec<_>>()
        };
        assert_eq!(numbered(["kernel@1", "fdt@1"], "images"), [&NUMBERED], "as makers numbered images");
        assert_eq!(numbered(["kernel@1", "kernel"], "images"), [&UNIT_ADDRESS], "one is found for the other");
        assert_eq!(numbered(["a", "b"], "images@1"), [&UNIT_ADDRESS], "and here for the whole");
        let both = |image: Writer| {
            image
                .property("data", b"kernel")
                .property("data-size", &[0, 0, 0, 6])
                .property("data-position", &[0; 4])
        };
        let found = defects(&parse_with(&UbootFit, &configured(images(both))));
        assert!(found.contains(&"uboot-fit/data-twice"), "{found:?}");
    }

    #[test]
    fn images_deeper_in_a_tree_make_no_fit() {
        let deeper = Writer::default().begin("").begin("binman").begin("images").end().end();
        let bytes = deeper.begin("chosen").property("bootargs", b"init=/x\0").end().end().finish();
        let head = Glance::new(&bytes, bytes.len() as u64);
        assert_eq!(crate::identify(&head).name(), "device-tree");
        let tree = parse_with(&UbootFit, &bytes);
        region(&tree, "device-tree:root/node:chosen/property:bootargs/argument:init");
    }

    #[test]
    fn a_name_of_no_end_does_not_hide_the_images() {
        let tree = Writer::default().begin("").property(&"x".repeat(300), b"").begin("images").end().end();
        let bytes = tree.finish();
        assert!(UbootFit.probe(&Glance::new(&bytes, bytes.len() as u64)).is_some());
    }

    #[test]
    fn hostile_bytes() {
        torture(&UbootFit, &inside());
        torture(&UbootFit, &outside(b"kernel"));
    }
}
