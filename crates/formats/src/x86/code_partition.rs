//! Code partitions of Intel's management engine and of what uses its format: the directory `$CPD` with its modules, and the
//! manifests `$MN2` that sign them.
//!
//! Intel publishes no specification. Facts are taken from coreboot's `ifwitool`, me_cleaner and MEAnalyzer (versions of 2026),
//! and held against published regions of versions 7, 8 and 11.
//!
//! ```text
//! directory                        manifest                            module of a manifest ("$MME", to version 10)
//! 0x00 "$CPD"           4          0x00 HeaderType, SubType    4       0x04 Name           16
//! 0x04 NumModules       4          0x04 HeaderLength, dwords   4       0x14 Hash           32
//! 0x08 HeaderVersion    1          0x08 HeaderVersion, Flags   8       0x38 Offset          4, from the manifest
//! 0x09 EntryVersion     1          0x10 VEN_ID 0x8086          4       0x3c SizeUncomp      4
//! 0x0a HeaderLength     1          0x14 Day, Month, Year (BCD) 4       0x40 SizeComp        4
//! 0x0b Checksum         1          0x18 Size, dwords           4       0x50 Flags, compression in 6:4
//! 0x0c PartitionName    4          0x1c "$MN2"                 4
//! 0x10 CRC-32 (v. 2)    4          0x24 version                8       extension
//! entry: Name          12          0x2c SVN                    4       0x00 Tag             4
//!  offset 24:0, Huffman 25  4      0x78 key, exponent, dwords  8       0x04 Size            4
//!  Size                 4          0x80 modulus, exponent, signature   0x08 data
//!  Reserved             4          extensions, or the name and "$MME"s
//! ```
//!
//! A module `x` is described by the extensions of `x.met`: 0x0a has its compression, encryption, both sizes and its SHA-256
//! or SHA-384, bytes last to first. Extension 0x03 of the manifest has the SHA-256 of each `.met`. The manifest is
//! signed without key and signature.
//!
//! Loader modelled: the ROM and the loader of the engine: they look modules up by name, and refuse a manifest whose signature is
//! wrong and a module whose hash is. Ambiguities, each a defect: two modules of one name; modules that share bytes, or lie
//! beyond the partition; a wrong sum of the directory; a manifest whose lengths disagree; a hash that is wrong.
//!
//! Limitations: a hash is looked at where it is over the bytes that lie there: not that of Huffman streams, of encrypted modules, and
//! of data (modules without extension 0x05) that are packed, where it is over what they unpack to. Extensions other than 0x03 and
//! 0x0a are leaves that are not understood; so are the modules themselves: Huffman and LZMA streams are not opened. The
//! signature is a claim that nobody checks yet. Entries of a Huffman module without a `.met` end where the next module
//! begins.
//!
//! ## Normal form
//!
//! None is needed: header, entries, manifests and modules are leaves, compared as they lie.

use std::collections::{BTreeMap, BTreeSet};

use kiwame_image::{
    Algorithm, Builder, Defect, DefectKind, Fact, Format, Glance, Input, Laid, Node, Reading, Span, Sum,
    Sure, Trouble, fact, len64, to_usize,
};

use super::{crc_but, readable, sum8, trimmed, u8_at, u16_at, u32_at};

/// A directory with its modules.
#[derive(Debug)]
pub(crate) struct CodePartition;

impl Format for CodePartition {
    fn name(&self) -> &'static str {
        "intel-cpd"
    }

    fn about(&self) -> &'static str {
        "Intel code partitions: directory, modules and their hashes, manifests"
    }

    fn defects(&self) -> &'static [&'static [&'static DefectKind]] {
        &[DEFECTS]
    }

    fn probe(&self, head: &Glance<'_>) -> Option<Reading> {
        let directory = Directory::read(head.all())?;
        (directory.length() <= head.size()).then(|| Reading::new(self, Sure::Structure))
    }

    fn parse<'a>(&self, at: Input<'a>, out: &mut Builder<'_, 'a>) {
        if let Err(trouble) = modules(&at, out) {
            out.trouble(trouble);
        }
    }
}

/// What a partition of the engine holds: a directory, a manifest with what it names, or something that stays a leaf.
#[derive(Debug)]
pub(super) struct Inside;

pub(super) static INSIDE: Inside = Inside;

impl Format for Inside {
    fn name(&self) -> &'static str {
        "intel-cpd"
    }

    fn about(&self) -> &'static str {
        "a partition of Intel's management engine"
    }

    fn probe(&self, _head: &Glance<'_>) -> Option<Reading> {
        None
    }

    fn parse<'a>(&self, at: Input<'a>, out: &mut Builder<'_, 'a>) {
        let done = at.head(MANIFEST).and_then(|head| {
            if Directory::read(&head).is_some() {
                modules(&at, out)
            } else if let Some(manifest) = Manifest::read(&head) {
                manifest.split_partition(&at, out)
            } else {
                Ok(())
            }
        });
        if let Err(trouble) = done {
            out.trouble(trouble);
        }
    }
}

/// What the header of a directory says.
struct Directory {
    count: u32,
    version: u8,
    header: u64,
    name: [u8; 4],
}

impl Directory {
    fn read(head: &[u8]) -> Option<Self> {
        let (count, version, header) = (u32_at(head, 4)?, u8_at(head, 8)?, u8_at(head, 10)?);
        let name = *head.get(12..)?.first_chunk()?;
        let known = matches!((version, header), (1, 0x10) | (2, 0x14)) && (1..=MOST_MODULES).contains(&count);
        (head.starts_with(b"$CPD") && known).then_some(Self { count, version, header: header.into(), name })
    }

    fn length(&self) -> u64 {
        u64::from(self.count).saturating_mul(ENTRY).saturating_add(self.header)
    }

    fn check(&self, at: &Input<'_>, table: &[u8], out: &mut Builder<'_, '_>) {
        if self.version == 1 {
            let (sum, stored) = (sum8(table), u8_at(table, 11).unwrap_or(0));
            if sum != 0 {
                let place = at.offset().saturating_add(11);
                out.defect(Defect::new(&CHECKSUM, "Checksum", place, stored, stored.wrapping_sub(sum)));
            }
            return;
        }
        let Some((stored, sum)) = u32_at(table, 16).zip(crc_but(table, 16)) else { return };
        if sum != stored {
            out.defect(Defect::new(&CHECKSUM, "Checksum", at.offset().saturating_add(16), stored, sum));
        }
    }
}

/// One entry of a directory.
struct Module {
    name: [u8; 12],
    /// Where its entry lies in the partition.
    place: u64,
    offset: u64,
    huffman: bool,
    /// By its entry.
    size: u64,
}

impl Module {
    fn read(table: &[u8], place: u64) -> Option<Self> {
        let entry = table.get(to_usize(place)..)?;
        let (name, _) = entry.split_first_chunk()?;
        let (offset, size) = (u32_at(entry, 12)?, u32_at(entry, 16)?);
        let (huffman, offset) = (offset >> 25 & 1 == 1, u64::from(offset & 0x1ff_ffff));
        Some(Self { name: *name, place, offset, huffman, size: size.into() })
    }

    fn has_ending(&self, ending: &[u8]) -> bool {
        trimmed(&self.name).ends_with(ending)
    }
}

/// What the metadata of a module say of it.
struct Described {
    compression: u8,
    encrypted: bool,
    unpacked: u64,
    packed: u64,
    /// A program, whose hash is over its bytes as they lie there.
    process: bool,
    /// Where the hash lies in the metadata.
    hash: Span,
}

impl Described {
    fn read(metadata: &[u8]) -> Option<Self> {
        let process = extensions(metadata, 0).any(|(tag, _)| tag == PROCESS);
        let (_, span) = extensions(metadata, 0).find(|&(tag, _)| tag == ATTRIBUTES)?;
        let bytes = metadata.get(to_usize(span.offset)..to_usize(span.end()))?;
        let field = |at: u64| u32_at(bytes, at).map(u64::from);
        let hash = Span::between(span.offset.saturating_add(HASH), span.end());
        let encrypted = u8_at(bytes, 9)? != 0;
        Some(Self {
            compression: u8_at(bytes, 8)?,
            encrypted,
            unpacked: field(12)?,
            packed: field(16)?,
            process,
            hash,
        })
    }

    fn compression_name(&self) -> String {
        match self.compression {
            0 => "none".to_owned(),
            1 => "Huffman".to_owned(),
            2 => "LZMA".to_owned(),
            other => format!("{other}"),
        }
    }

    fn hashes_what_lies_there(&self) -> bool {
        !self.encrypted && (self.compression == 0 || self.compression == 2 && self.process)
    }
}

/// Tag and place of each extension, from `start` on.
fn extensions(bytes: &[u8], start: u64) -> impl Iterator<Item = (u32, Span)> {
    let mut at = start;
    core::iter::from_fn(move || {
        let head = bytes.get(to_usize(at)..)?;
        let (tag, size) = (u32_at(head, 0)?, u64::from(u32_at(head, 4)?));
        let whole = size >= EXTENSION && size <= len64(head);
        let span = Span::new(at, size);
        at = at.saturating_add(size);
        whole.then_some((tag, span))
    })
}

/// A leaf for each extension from `start` on.
fn add_extensions<'a>(at: &Input<'a>, window: &[u8], start: u64, out: &mut Builder<'_, 'a>) {
    for (tag, span) in extensions(window, start) {
        let input = at.slice(span.offset, span.length);
        let node = Node::new("extension", format!("{tag:02x}"), "intel-extension", input);
        out.add(node.with(&fact::TYPE, tag));
    }
}

fn modules<'a>(at: &Input<'a>, out: &mut Builder<'_, 'a>) -> Result<(), Trouble> {
    let head = at.head(LONGEST_TABLE)?;
    let Some(directory) = Directory::read(&head) else { return Ok(()) };
    let length = directory.length();
    let table = head.get(..to_usize(length)).unwrap_or(&head);
    if length > len64(table) {
        out.defect(Defect::new(
            &TRUNCATED,
            "NumModules",
            at.offset().saturating_add(4),
            directory.count,
            len64(table),
        ));
    }
    out.gaps("intel-cpd-gap", Some(ERASED));
    directory.check(at, table, out);
    out.fact(&fact::NAME, readable(&directory.name));
    out.add(Node::new("cpd", "header", "intel-cpd-header", at.slice(0, directory.header)));
    let entry = |number: u32| {
        Module::read(table, u64::from(number).saturating_mul(ENTRY).saturating_add(directory.header))
    };
    let all: Vec<_> = (0..directory.count).map_while(entry).collect();
    for (number, module) in (0u32..).zip(&all) {
        let node =
            Node::new("cpd", format!("entry-{number}"), "intel-cpd-entry", at.slice(module.place, ENTRY));
        out.add(
            node.name(readable(&module.name)).with(&OFFSET, module.offset).with(&fact::SIZE, module.size),
        );
    }
    let mut names = BTreeSet::new();
    for module in &all {
        if !names.insert(trimmed(&module.name)) {
            let place = at.offset().saturating_add(module.place);
            out.defect(Defect::new(
                &DUPLICATE,
                "Name",
                place,
                readable(&module.name),
                "a name that is not taken",
            ));
        }
    }
    let described = metadata(at, &all)?;
    let starts: BTreeSet<u64> = all.iter().map(|module| module.offset).collect();
    let end_of_huffman = |module: &Module| {
        let next = starts.range(module.offset.saturating_add(1)..).next().copied();
        next.unwrap_or(at.length()).saturating_sub(module.offset)
    };
    let places = all.iter().filter(|module| module.size > 0).map(|module| {
        let size = match described.get(trimmed(&module.name)) {
            Some((_, described)) if module.huffman => described.packed,
            None if module.huffman => end_of_huffman(module),
            _ => module.size,
        };
        (Span::new(module.offset, size), Some(module))
    });
    let places = places.chain([(Span::new(0, length), None)]).collect();
    let (laid, _) = kiwame_image::lay_out(at.length(), places);
    for Laid { thing, stated, span, shared, beyond, .. } in laid {
        let Some(module) = thing else { continue };
        let place = at.offset().saturating_add(module.place);
        if let Some(done) = shared {
            out.defect(Defect::new(&OVERLAP, "Offset", place, stated.offset, done));
        }
        if beyond {
            out.defect(Defect::new(&BEYOND_END, "Size", place, stated.end(), at.length()));
        }
        let input = at.slice(span.offset, span.length);
        let known = described.get(trimmed(&module.name));
        if let Some((metadata, known)) = known.filter(|_| span == stated) {
            claim(&input, metadata, known, out)?;
        }
        out.add(module.node(input, known.map(|(_, known)| known))?);
    }
    for module in all.iter().filter(|module| module.has_ending(b".man")) {
        claim_metadata(at, module, &all, out)?;
    }
    Ok(())
}

impl Module {
    fn node<'a>(&self, input: Input<'a>, known: Option<&Described>) -> Result<Node<'a>, Trouble> {
        let node = Node::new("module", trimmed(&self.name), "intel-cpd-module", input.clone());
        let node = node.component().name(readable(&self.name));
        if self.has_ending(b".man") && Manifest::read(&input.head(MANIFEST)?).is_some() {
            return Ok(node.with(&fact::TRUST_ANCHOR, true).then(&MANIFEST_PARTS));
        }
        if self.has_ending(b".met") {
            return Ok(node.then(&METADATA));
        }
        let Some(known) = known else { return Ok(node.unknown()) };
        let node = node.with(&fact::EXECUTABLE, known.process).with(&COMPRESSION, known.compression_name());
        Ok(node.with(&ENCRYPTED, known.encrypted).with(&fact::CONTENT_SIZE, known.unpacked).unknown())
    }
}

/// What metadata say, by the name of the module, with the place of the hash.
fn metadata<'a>(
    at: &Input<'a>,
    all: &[Module],
) -> Result<BTreeMap<Vec<u8>, (Input<'a>, Described)>, Trouble> {
    let mut described = BTreeMap::new();
    for module in all {
        let Some(name) = trimmed(&module.name).strip_suffix(b".met") else { continue };
        let input = at.slice(module.offset, module.size.min(LONGEST_METADATA));
        at.spend(input.length())?;
        if let Some(known) = Described::read(&input.window()?) {
            described.insert(name.to_vec(), (input.slice(known.hash.offset, known.hash.length), known));
        }
    }
    Ok(described)
}

/// The hash of a module.
fn claim<'a>(
    module: &Input<'a>,
    hash: &Input<'a>,
    known: &Described,
    out: &mut Builder<'_, 'a>,
) -> Result<(), Trouble> {
    let algorithm = match hash.length() {
        32 => Algorithm::Sha256,
        48 => Algorithm::Sha384,
        _ => return Ok(()),
    };
    if known.hashes_what_lies_there() && !module.is_empty() {
        says(module, hash, Sum::Strong(algorithm), out)?;
    }
    Ok(())
}

/// The bytes of a hash lie there last to first.
fn says<'a>(about: &Input<'a>, hash: &Input<'a>, sum: Sum, out: &mut Builder<'_, 'a>) -> Result<(), Trouble> {
    about.spend(about.length())?;
    let measured = sum.of(core::slice::from_ref(about))?;
    let mut value = hash.window()?.to_vec();
    value.reverse();
    out.says_digest(&[about.span()], (sum, measured), ("Hash", hash.span()), value);
    Ok(())
}

/// The hashes of metadata in the manifest.
fn claim_metadata<'a>(
    at: &Input<'a>,
    manifest: &Module,
    all: &[Module],
    out: &mut Builder<'_, 'a>,
) -> Result<(), Trouble> {
    let input = at.slice(manifest.offset, manifest.size.min(LONGEST_METADATA));
    at.spend(input.length())?;
    let window = input.window()?;
    let Some(header) = Manifest::read(&window) else { return Ok(()) };
    let by_name: BTreeMap<_, _> = all.iter().map(|module| (trimmed(&module.name), module)).collect();
    let lists = extensions(&window, header.length()).filter(|&(tag, span)| {
        tag == PARTITION && span.length.checked_sub(PARTITION_HEADER).is_some_and(|rest| rest % LISTED == 0)
    });
    for (_, span) in lists {
        let first = span.offset.saturating_add(PARTITION_HEADER);
        let count = span.end().saturating_sub(first).checked_div(LISTED).unwrap_or(0);
        for number in 0..count {
            let start = first.saturating_add(number.saturating_mul(LISTED));
            let Some(name) = window.piece(start, 12) else { break };
            let name = [trimmed(name), b".met"].concat();
            let Some(module) = by_name.get(name.as_slice()) else { continue };
            let about = at.slice(module.offset, module.size);
            if about.length() == module.size && !about.is_empty() {
                says(
                    &about,
                    &input.slice(start.saturating_add(20), 32),
                    Sum::Strong(Algorithm::Sha256),
                    out,
                )?;
            }
        }
    }
    Ok(())
}

/// What the header of a manifest says.
#[derive(Debug)]
pub(super) struct Manifest {
    stated_header: u64,
    /// Bytes of all of it.
    size: u64,
    modules: u32,
    version: [u16; 4],
    date: String,
    security: u32,
    key: u64,
    exponent: u64,
}

impl Manifest {
    fn read(head: &[u8]) -> Option<Self> {
        let dwords = |at: u64| Some(u64::from(u32_at(head, at)?).saturating_mul(4));
        let tag = head.get(0x1c..0x20)?;
        let manifest = Self {
            stated_header: dwords(4)?,
            size: dwords(0x18)?,
            modules: u32_at(head, 0x20)?,
            version: [u16_at(head, 0x24)?, u16_at(head, 0x26)?, u16_at(head, 0x28)?, u16_at(head, 0x2a)?],
            date: format!(
                "{:04x}-{:02x}-{:02x}",
                u16_at(head, 0x16)?,
                u8_at(head, 0x15)?,
                u8_at(head, 0x14)?
            ),
            security: u32_at(head, 0x2c)?,
            key: dwords(0x78)?,
            exponent: dwords(0x7c)?,
        };
        let known = [b"$MN2", b"$MAN"].contains(&tag.first_chunk()?)
            && u32_at(head, 0x10)? & 0xffff == INTEL
            && (4..=LONGEST_KEY).contains(&manifest.key)
            && manifest.exponent == 4;
        known.then_some(manifest)
    }

    /// Bytes of header, key and signature.
    fn length(&self) -> u64 {
        KEY.saturating_add(self.key.saturating_mul(2)).saturating_add(self.exponent)
    }

    fn split<'a>(&self, at: &Input<'a>, out: &mut Builder<'_, 'a>) -> Result<(), Trouble> {
        let place = |offset: u64| at.offset().saturating_add(offset);
        if self.stated_header != self.length() {
            out.defect(Defect::new(
                &MANIFEST_LENGTH,
                "HeaderLength",
                place(4),
                self.stated_header,
                self.length(),
            ));
        }
        if self.size < self.length() || self.size > at.length() {
            out.defect(Defect::new(&MANIFEST_LENGTH, "Size", place(0x18), self.size, at.length()));
        }
        let [major, minor, hotfix, build] = self.version;
        out.fact(&fact::VERSION, format!("{major}.{minor}.{hotfix}.{build}"));
        out.fact(&fact::DATE, self.date.as_str());
        out.fact(&SECURITY, self.security);
        let signature = KEY.saturating_add(self.key).saturating_add(self.exponent);
        let parts = [
            ("header", 0, KEY),
            ("modulus", KEY, self.key),
            ("exponent", KEY.saturating_add(self.key), self.exponent),
            ("signature", signature, self.key),
        ];
        for (key, start, length) in parts {
            out.add(Node::new("manifest", key, "intel-manifest-part", at.slice(start, length)));
        }
        let modulus = at.slice(KEY, self.key);
        if modulus.length() == self.key {
            out.fact(&KEY_DIGEST, modulus.sha256()?.hex());
        }
        let end = self.size.clamp(self.length(), at.length().max(self.length()));
        let signed = [at.slice(0, KEY), at.slice(self.length(), end.saturating_sub(self.length()))];
        let whole = at.slice(signature, self.key);
        if whole.length() == self.key {
            out.says_signature("intel-manifest", &signed, &whole);
        }
        let window = at.head(end.min(LONGEST_METADATA))?;
        self.rest(at, &window, out);
        Ok(())
    }

    /// Extensions, or the names of modules.
    fn rest<'a>(&self, at: &Input<'a>, window: &[u8], out: &mut Builder<'_, 'a>) {
        let named = self.length().saturating_add(NAME);
        if window.get(to_usize(named)..).is_some_and(|rest| rest.starts_with(MODULE_TAG)) {
            out.add(Node::new("manifest", "name", "intel-manifest-part", at.slice(self.length(), NAME)));
            for listed in self.listed(window) {
                let input = at.slice(listed.place, LISTED_MODULE);
                let node = Node::new("mme", trimmed(&listed.name), "intel-manifest-module", input);
                out.add(node.name(readable(&listed.name)).with(&fact::SIZE, listed.span.length));
            }
            return;
        }
        add_extensions(at, window, self.length(), out);
    }

    fn listed(&self, window: &[u8]) -> Vec<Listed> {
        let first = self.length().saturating_add(NAME);
        let at = |number: u32| u64::from(number).saturating_mul(LISTED_MODULE).saturating_add(first);
        (0..self.modules).map_while(|number| Listed::read(window, at(number))).collect()
    }

    /// A partition that begins with the manifest, up to version 10: manifest, modules, and a table of Huffman streams.
    fn split_partition<'a>(&self, at: &Input<'a>, out: &mut Builder<'_, 'a>) -> Result<(), Trouble> {
        out.gaps("intel-cpd-gap", Some(ERASED));
        let size = self.size.clamp(self.length(), at.length().max(self.length()));
        if self.size > at.length() {
            out.defect(Defect::new(
                &MANIFEST_LENGTH,
                "Size",
                at.offset().saturating_add(0x18),
                self.size,
                at.length(),
            ));
        }
        let manifest = Node::new("manifest", "0", "intel-manifest", at.slice(0, size)).component();
        out.add(manifest.with(&fact::TRUST_ANCHOR, true).then(&MANIFEST_PARTS));
        let window = at.head(size.min(LONGEST_METADATA))?;
        let listed = self.listed(&window);
        let mut names = BTreeSet::new();
        for module in &listed {
            if !names.insert(module.name) {
                let place = at.offset().saturating_add(module.place);
                out.defect(Defect::new(
                    &DUPLICATE,
                    "Name",
                    place,
                    readable(&module.name),
                    "a name that is not taken",
                ));
            }
        }
        // All Huffman streams of a partition lie together, and one table leads to them.
        let alone = listed.iter().filter(|module| module.compression() != 1 && module.span.length > 0);
        let places =
            alone.map(|module| (module.span, Some(module))).chain([(Span::new(0, size), None)]).collect();
        let (laid, _) = kiwame_image::lay_out(at.length(), places);
        for Laid { thing, stated, span, shared, beyond, .. } in laid {
            let Some(module) = thing else { continue };
            let place = at.offset().saturating_add(module.place);
            if let Some(done) = shared {
                out.defect(Defect::new(&OVERLAP, "Offset_MN2", place, stated.offset, done));
            }
            if beyond {
                out.defect(Defect::new(&BEYOND_END, "SizeComp", place, stated.end(), at.length()));
            }
            let node = Node::new(
                "module",
                trimmed(&module.name),
                "intel-cpd-module",
                at.slice(span.offset, span.length),
            );
            let node = node.component().name(readable(&module.name)).with(&fact::EXECUTABLE, true);
            let compression = if module.compression() == 2 { "LZMA" } else { "none" };
            out.add(
                node.with(&COMPRESSION, compression).with(&fact::CONTENT_SIZE, module.unpacked).unknown(),
            );
        }
        Ok(())
    }
}

/// A module, as a manifest up to version 10 names it.
struct Listed {
    place: u64,
    name: [u8; 16],
    span: Span,
    unpacked: u32,
    flags: u32,
}

impl Listed {
    fn read(window: &[u8], place: u64) -> Option<Self> {
        let bytes = window.get(to_usize(place)..)?;
        let (name, _) = bytes.strip_prefix(MODULE_TAG)?.split_first_chunk()?;
        let span = Span::new(u32_at(bytes, 0x38)?.into(), u32_at(bytes, 0x40)?.into());
        let whole = bytes.get(..to_usize(LISTED_MODULE)).is_some();
        whole.then_some(Self {
            place,
            name: *name,
            span,
            unpacked: u32_at(bytes, 0x3c)?,
            flags: u32_at(bytes, 0x50)?,
        })
    }

    fn compression(&self) -> u32 {
        self.flags >> 4 & 7
    }
}

/// The parts of a manifest.
#[derive(Debug)]
struct ManifestParts;

static MANIFEST_PARTS: ManifestParts = ManifestParts;

impl Format for ManifestParts {
    fn name(&self) -> &'static str {
        "intel-manifest"
    }

    fn about(&self) -> &'static str {
        "a manifest of Intel's management engine"
    }

    fn probe(&self, _head: &Glance<'_>) -> Option<Reading> {
        None
    }

    fn parse<'a>(&self, at: Input<'a>, out: &mut Builder<'_, 'a>) {
        let done = at.head(MANIFEST).and_then(|head| match Manifest::read(&head) {
            Some(manifest) => manifest.split(&at, out),
            None => Ok(()),
        });
        if let Err(trouble) = done {
            out.trouble(trouble);
        }
    }
}

/// The extensions that describe a module.
#[derive(Debug)]
struct Metadata;

static METADATA: Metadata = Metadata;

impl Format for Metadata {
    fn name(&self) -> &'static str {
        "intel-metadata"
    }

    fn about(&self) -> &'static str {
        "what describes a module of Intel's management engine"
    }

    fn probe(&self, _head: &Glance<'_>) -> Option<Reading> {
        None
    }

    fn parse<'a>(&self, at: Input<'a>, out: &mut Builder<'_, 'a>) {
        match at.head(LONGEST_METADATA) {
            Ok(window) => add_extensions(&at, &window, 0, out),
            Err(trouble) => out.trouble(trouble),
        }
    }
}

const ENTRY: u64 = 24;
/// Directories of the field have up to a hundred.
const MOST_MODULES: u32 = 1024;
const LONGEST_TABLE: u64 = 32 << 10;
/// Metadata of the field have up to a few KiB.
const LONGEST_METADATA: u64 = 64 << 10;
const ERASED: u8 = 0xff;
/// Bytes of a manifest that tell what it is.
const MANIFEST: u64 = 0x80;
const KEY: u64 = 0x80;
/// RSA keys of 4,096 bits.
const LONGEST_KEY: u64 = 512;
const INTEL: u32 = 0x8086;
/// The name of the partition behind the signature.
const NAME: u64 = 12;
const MODULE_TAG: &[u8] = b"$MME";
const LISTED_MODULE: u64 = 0x60;

// Extensions.
const EXTENSION: u64 = 8;
const PARTITION: u32 = 0x03;
const PARTITION_HEADER: u64 = 0x58;
const LISTED: u64 = 0x34;
const PROCESS: u32 = 0x05;
const ATTRIBUTES: u32 = 0x0a;
/// Where the hash begins in the attributes.
const HASH: u64 = 0x18;

/// The kinds of defects of this file.
pub(crate) const DEFECTS: &[&DefectKind] =
    &[&BEYOND_END, &CHECKSUM, &DUPLICATE, &MANIFEST_LENGTH, &OVERLAP, &TRUNCATED];

/// A module lies beyond its partition.
static BEYOND_END: DefectKind = DefectKind::ambiguous("intel-cpd/beyond-end");
/// The sum of the directory of modules is wrong.
static CHECKSUM: DefectKind = DefectKind::ambiguous("intel-cpd/checksum");
/// Two modules have one name.
static DUPLICATE: DefectKind = DefectKind::ambiguous("intel-cpd/duplicate");
/// The lengths of a manifest disagree, or go beyond its place.
static MANIFEST_LENGTH: DefectKind = DefectKind::ambiguous("intel-cpd/manifest-length");
/// Modules share bytes.
static OVERLAP: DefectKind = DefectKind::ambiguous("intel-cpd/overlap");
/// The directory of modules ends before its entries do.
static TRUNCATED: DefectKind = DefectKind::ambiguous("intel-cpd/truncated").cut_short();

// Facts, in the words of those who found them.
static COMPRESSION: Fact = Fact::new("compression");
static ENCRYPTED: Fact = Fact::new("encrypted");
static KEY_DIGEST: Fact = Fact::new("key");
static OFFSET: Fact = Fact::new("offset");
static SECURITY: Fact = Fact::new("security-version");

#[cfg(test)]
pub(super) mod tests {
    #![allow(clippy::arithmetic_side_effects, clippy::as_conversions, reason = "tests")]

    use kiwame_image::{Host as _, Memory, Part, Value};

    use super::*;
    use crate::testing::{defects, parse, put, region, torture};

    fn hash(bytes: &[u8]) -> Vec<u8> {
        let digest = Memory::new([]).digest(Algorithm::Sha256, &[Part::Memory(bytes)]).expect("memory");
        digest.bytes().iter().rev().copied().collect()
    }

    /// A manifest of one list, which names the metadata of `a`.
    pub(crate) fn manifest(metadata: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0; 0x284 + 0x58 + 0x34];
        let size = bytes.len() as u32 / 4;
        for (at, value) in
            [(4, 0xa1), (0x10, 0x8086), (0x14, 0x2024_0312), (0x18, size), (0x24, 6 << 16 | 11)]
        {
            put(&mut bytes, at, &u32::to_le_bytes(value));
        }
        put(&mut bytes, 0x1c, b"$MN2");
        put(&mut bytes, 0x78, &[0x40, 0, 0, 0, 1]);
        put(&mut bytes, 0x284, &[3, 0, 0, 0, 0x8c]);
        put(&mut bytes, 0x284 + 0x58, b"a");
        put(&mut bytes, 0x284 + 0x58 + 20, &hash(metadata));
        bytes
    }

    fn described(module: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0; 0x38];
        put(&mut bytes, 0, &[10, 0, 0, 0, 0x38]);
        let size = (module.len() as u32).to_le_bytes();
        put(&mut bytes, 12, &size);
        put(&mut bytes, 16, &size);
        put(&mut bytes, 24, &hash(module));
        bytes
    }

    /// Manifest, metadata, module.
    pub(crate) fn sample() -> Vec<u8> {
        let module = b"the module";
        let metadata = described(module);
        directory(&[("P.man", &manifest(&metadata)), ("a.met", &metadata), ("a", module)])
    }

    fn directory(modules: &[(&str, &[u8])]) -> Vec<u8> {
        let mut bytes = b"$CPD\0\0\0\0\x01\x01\x10\0PART".to_vec();
        bytes[4] = modules.len() as u8;
        let mut at = bytes.len() + 24 * modules.len();
        for (name, body) in modules {
            let mut entry = [0; 24];
            put(&mut entry, 0, name.as_bytes());
            put(&mut entry, 12, &(at as u32).to_le_bytes());
            put(&mut entry, 16, &(body.len() as u32).to_le_bytes());
            at += body.len();
            bytes.extend(entry);
        }
        bytes[11] = sum8(&bytes).wrapping_neg();
        bytes.extend(modules.iter().flat_map(|(_, body)| body.iter()));
        bytes
    }

    fn sealed(mut bytes: Vec<u8>) -> Vec<u8> {
        bytes[11] = 0;
        bytes[11] = sum8(&bytes[..16 + 3 * 24]).wrapping_neg();
        bytes
    }

    #[test]
    fn modules_are_components_and_their_hashes_claims() {
        let tree = parse(&CodePartition, &sample());
        assert_eq!(defects(&tree), [""; 0]);
        assert!(region(&tree, "module:a").component);
        assert_eq!(region(&tree, "module:P.man").attribute("version"), Some(&Value::from("11.6.0.0")));
        region(&tree, "module:P.man/extension:03");
        region(&tree, "module:a.met/extension:0a");
        assert_eq!(tree.claims().len(), 3, "module, metadata, signature");
    }

    #[test]
    fn a_changed_byte_of_a_module_or_its_metadata_is_a_wrong_hash() {
        let mut bytes = sample();
        *bytes.last_mut().unwrap() ^= 1;
        assert_eq!(defects(&parse(&CodePartition, &bytes)), ["claim/digest"]);
        let at = sample().len() - b"the module".len() - 0x30;
        let mut bytes = sample();
        bytes[at] ^= 1;
        assert_eq!(defects(&parse(&CodePartition, &bytes)), ["claim/digest"]);
    }

    #[test]
    fn what_the_loader_could_read_otherwise_is_ambiguous() {
        let with = |at: usize, value: &[u8]| {
            let mut bytes = sample();
            put(&mut bytes, at, value);
            defects(&parse(&CodePartition, &sealed(bytes)))
        };
        assert_eq!(with(16 + 48, b"a.met")[0], "intel-cpd/duplicate");
        assert!(with(16 + 48 + 16, &[0xff]).contains(&"intel-cpd/beyond-end"));
        assert!(with(16 + 48 + 12, &[0x60, 0]).contains(&"intel-cpd/overlap"));
        let mut bytes = sample();
        bytes[12] ^= 1;
        assert_eq!(defects(&parse(&CodePartition, &bytes)), ["intel-cpd/checksum"]);
    }

    #[test]
    fn hostile_bytes() {
        torture(&CodePartition, &sample());
    }
}
