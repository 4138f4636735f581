//! Key manifests and boot policy manifests of Intel Boot Guard.
//!
//! Intel "Boot Guard" has no public specification; the structures are those that coreboot's `9elements` tools and LinuxBoot's fiano
//! (`pkg/intel/metadata`) read and write, version 1.0 and, of "Converged Boot Guard and TXT", 2.x.
//!
//! ```text
//! key manifest 1.0             key manifest 2.x                boot policy manifest
//! 0x00 "__KEYM__"       8      0x00 "__KEYM__"        8        elements, one behind the other:
//! 0x08 Version          1      0x08 Version           1          0x00 "__ACBP__", "__IBBS__", … 8
//! 0x09 KMVersion        1      0x09 variable, size    3          0x08 Version                   1
//! 0x0a KMSVN            1      0x0c KeyOffset         2          0x09 variable                  1
//! 0x0b KMID             1      0x0e reserved          3          0x0a ElementSize (2.x)         2
//! 0x0c hash of BPM key         0x11 Revision          1        the last is "__PMSG__", key and signature
//!      algorithm, size  4      0x12 KMSVN, KMID       2
//! then key and signature       0x14 algorithm, count  4
//!                              0x18 usage 8, hash, …
//!
//! key and signature: Version 1, algorithm 2, Version 1, bits 2, exponent 4, modulus; scheme 2, Version 1, bits 2, hash 2, signature
//! ```
//!
//! Loader modelled: the startup ACM, which finds both by the firmware interface table, holds the key of the key manifest against fuses
//! and that of the boot policy against the key manifest, and refuses what it cannot read. Signatures and digests are facts: the ACM
//! checks them, and kiwame does not. Ambiguities, each a defect: an element that stands twice where one is asked for, an element
//! that no version has, a length that leads out of the manifest, no signature at the end.
//! Limitations: elements of version 1.0 have no size, and each goes up to the next. Segments and digests of the initial boot block stay in
//! their element's leaf; the digest is not computed, since its segments are addresses of the whole flash.
//!
//! ## Normal form
//!
//! None is needed: every element is a leaf, compared as it lies.

use kiwame_image::{
    Anchor, Builder, Defect, DefectKind, Fact, Format, Glance, Input, Node, Reader, Reading, Sure, Trouble,
    fact, hex, len64, to_usize,
};

use crate::x86::u16_at;

/// A key manifest.
#[derive(Debug)]
pub(crate) struct KeyManifest;

/// A boot policy manifest.
#[derive(Debug)]
pub(crate) struct BootPolicy;

impl Format for KeyManifest {
    fn name(&self) -> &'static str {
        "key-manifest"
    }

    fn about(&self) -> &'static str {
        "Intel Boot Guard key manifest: versions, digests of keys, key and signature"
    }

    fn probe(&self, head: &Glance<'_>) -> Option<Reading> {
        let key = Key::of(head.all())?;
        let end = key.end(head.all())?;
        (end <= head.size()).then(|| Reading::new(self, Sure::Structure).of_length(end))
    }

    fn anchor(&self) -> Option<&'static Anchor> {
        Some(&KEY_MANIFEST)
    }

    fn parse<'a>(&self, at: Input<'a>, out: &mut Builder<'_, 'a>) {
        if let Err(trouble) = key_manifest(&at, out) {
            out.trouble(trouble);
        }
    }
}

impl Format for BootPolicy {
    fn name(&self) -> &'static str {
        "boot-policy"
    }

    fn about(&self) -> &'static str {
        "Intel Boot Guard boot policy manifest: elements, segments and digests of the initial boot block, key and signature"
    }

    fn defects(&self) -> &'static [&'static [&'static DefectKind]] {
        &[DEFECTS]
    }

    fn probe(&self, head: &Glance<'_>) -> Option<Reading> {
        let end = policy_end(head.all())?;
        (end <= head.size()).then(|| Reading::new(self, Sure::Structure).of_length(end))
    }

    fn anchor(&self) -> Option<&'static Anchor> {
        Some(&BOOT_POLICY)
    }

    fn parse<'a>(&self, at: Input<'a>, out: &mut Builder<'_, 'a>) {
        if let Err(trouble) = boot_policy(&at, out) {
            out.trouble(trouble);
        }
    }
}

static KEY_MANIFEST: Anchor = Anchor {
    marks: &[b"__KEYM__"],
    at: 0,
    whole: |at, _| {
        let head = at.head(LONGEST)?;
        Ok(Key::of(&head).and_then(|key| key.end(&head)))
    },
};

static BOOT_POLICY: Anchor =
    Anchor { marks: &[b"__ACBP__"], at: 0, whole: |at, _| Ok(policy_end(&at.head(LONGEST)?)) };

/// The head of a key manifest.
struct Key {
    version: u8,
    revision: u8,
    svn: u8,
    id: u8,
    /// Digests: what each is for, its algorithm, and itself.
    hashes: Vec<(u64, u16, Vec<u8>)>,
    /// Where the key begins.
    key: u64,
}

impl Key {
    fn of(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader::new(bytes, 0, &TRUNCATED);
        if reader.bytes(8, "StructureId").ok()? != b"__KEYM__" {
            return None;
        }
        let version = reader.u8("Version").ok()?;
        if version < CONVERGED {
            let revision = reader.u8("KMVersion").ok()?;
            let (svn, id) = (reader.u8("KMSVN").ok()?, reader.u8("KMID").ok()?);
            let hash = digest(&mut reader)?;
            let key = FIRST_HASH.checked_add(HASH_HEAD)?.checked_add(len64(&hash.1))?;
            return Some(Self { version, revision, svn, id, hashes: vec![(0, hash.0, hash.1)], key });
        }
        reader.bytes(3, "Variable0, ElementSize").ok()?;
        let key = reader.u16_le("KeyManifestSignatureOffset").ok()?;
        reader.bytes(3, "Reserved2").ok()?;
        let (revision, svn, id) =
            (reader.u8("Revision").ok()?, reader.u8("KMSVN").ok()?, reader.u8("KMID").ok()?);
        reader.u16_le("PubKeyHashAlg").ok()?;
        let count = reader.u16_le("HashCount").ok()?;
        let mut hashes = Vec::new();
        for _ in 0..count.min(MOST_HASHES) {
            let usage = reader.u64_le("Usage").ok()?;
            let (algorithm, digest) = digest(&mut reader)?;
            hashes.push((usage, algorithm, digest));
        }
        Some(Self { version, revision, svn, id, hashes, key: key.into() })
    }

    fn end(&self, bytes: &[u8]) -> Option<u64> {
        let signed = Signed::of(bytes.get(to_usize(self.key)..)?)?;
        self.key.checked_add(signed.length)
    }
}

/// Algorithm and bytes of a digest.
fn digest(reader: &mut Reader<'_>) -> Option<(u16, Vec<u8>)> {
    let algorithm = reader.u16_le("HashAlg").ok()?;
    let size = reader.u16_le("Size").ok()?;
    (size <= LONGEST_DIGEST).then_some(())?;
    Some((algorithm, reader.bytes(size.into(), "HashBuffer").ok()?.to_vec()))
}

/// Key and signature.
struct Signed {
    algorithm: u16,
    bits: u16,
    exponent: u32,
    /// Bytes up to the signature, and all of them.
    key: u64,
    scheme: u16,
    hash: u16,
    length: u64,
}

impl Signed {
    fn of(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader::new(bytes, 0, &TRUNCATED);
        reader.u8("Version").ok()?;
        let algorithm = reader.u16_le("KeyAlg").ok()?;
        reader.u8("Version").ok()?;
        let bits = reader.u16_le("KeySize").ok()?;
        // An elliptic curve has two numbers and no exponent.
        let (exponent, size) = match algorithm {
            RSA => (reader.u32_le("Exponent").ok()?, u64::from(bits / 8)),
            ECC => (0, u64::from(bits / 4)),
            _ => return None,
        };
        reader.bytes(size, "Modulus").ok()?;
        let key = reader.position();
        let scheme = reader.u16_le("SigScheme").ok()?;
        reader.u8("Version").ok()?;
        let signature = u64::from(reader.u16_le("KeySize").ok()?);
        let hash = reader.u16_le("HashAlg").ok()?;
        let size = if algorithm == RSA { signature / 8 } else { signature / 4 };
        reader.bytes(size, "Signature").ok()?;
        Some(Self { algorithm, bits, exponent, key, scheme, hash, length: reader.position() })
    }

    /// Adds key and signature, in the words of the format around them.
    fn add<'a>(format: &'static str, at: &Input<'a>, out: &mut Builder<'_, 'a>) -> Result<(), Trouble> {
        let head = at.head(LONGEST)?;
        let Some(signed) = Self::of(&head) else {
            let found = if at.is_empty() { "nothing" } else { "something else" };
            out.defect(Defect::new(&NOT_SIGNED, "KeySignature", at.offset(), found, "a key and a signature"));
            out.add(Node::new(format, "rest", "boot-guard-rest", at.clone()).unknown());
            return Ok(());
        };
        let key = Node::new(format, "key", "boot-guard-key", at.slice(0, signed.key));
        out.add(
            key.with(&KEY_ALGORITHM, signed.algorithm)
                .with(&KEY_BITS, signed.bits)
                .with(&EXPONENT, signed.exponent)
                .with(&fact::TRUST_ANCHOR, true),
        );
        let length = signed.length.saturating_sub(signed.key);
        let signature = Node::new(format, "signature", "boot-guard-signature", at.slice(signed.key, length));
        out.add(signature.with(&SCHEME, signed.scheme).with(&HASH_ALGORITHM, signed.hash));
        out.add_behind(Node::new(format, "behind", "boot-guard-behind", at.from(signed.length)));
        Ok(())
    }
}

fn key_manifest<'a>(at: &Input<'a>, out: &mut Builder<'_, 'a>) -> Result<(), Trouble> {
    let head = at.head(LONGEST)?;
    let Some(key) = Key::of(&head) else {
        return Err(
            Defect::new(&TRUNCATED, "KEY_MANIFEST", at.offset(), at.length(), "a key manifest").into()
        );
    };
    let hashes: Vec<_> = key
        .hashes
        .iter()
        .map(|(usage, hash, digest)| format!("{usage:#x}:{hash:#x}:{}", hex(digest)))
        .collect();
    let node = Node::new("key-manifest", "header", "key-manifest-header", at.slice(0, key.key));
    out.add(
        node.with(&fact::VERSION, key.version)
            .with(&fact::REVISION, key.revision)
            .with(&SVN, key.svn)
            .with(&KEY_ID, key.id)
            .with(&KEY_HASHES, hashes.join(" "))
            .with(&fact::TRUST_ANCHOR, true),
    );
    Signed::add("key-manifest", &at.from(key.key), out)
}

/// Length of the element at the start; `None` where none begins. Elements of version 1.0 have none of their own.
fn element(bytes: &[u8]) -> Option<(&'static str, u64)> {
    let id = bytes.get(..8)?;
    let (_, name) = ELEMENTS.iter().find(|(known, _)| *known == id)?;
    let version = bytes.get(8)?;
    if *name == SIGNATURE {
        let start = if *version < CONVERGED { 9 } else { ELEMENT };
        let signed = Signed::of(bytes.get(to_usize(start)..)?)?;
        return Some((name, start.checked_add(signed.length)?));
    }
    if *version >= CONVERGED {
        return Some((name, u64::from(u16_at(bytes, 10)?).max(ELEMENT)));
    }
    if *name == "policy" {
        return Some((name, FIRST_HEADER));
    }
    // Up to the next one: every element of this version begins with such a mark.
    let next = (9..bytes.len().saturating_sub(7)).find(|&at| {
        bytes.get(at..).is_some_and(|rest| ELEMENTS.iter().any(|(known, _)| rest.starts_with(known)))
    })?;
    Some((name, len64(bytes.get(..next)?)))
}

/// Where a boot policy manifest ends: behind its signature.
fn policy_end(bytes: &[u8]) -> Option<u64> {
    let mut at = 0_u64;
    for number in 0..MOST_ELEMENTS {
        let (name, length) = element(bytes.get(to_usize(at)..)?)?;
        if (number == 0) != (name == "policy") {
            return None;
        }
        at = at.checked_add(length)?;
        if name == SIGNATURE {
            return Some(at);
        }
    }
    None
}

fn boot_policy<'a>(at: &Input<'a>, out: &mut Builder<'_, 'a>) -> Result<(), Trouble> {
    let head = at.head(LONGEST)?;
    let mut start = 0_u64;
    let mut seen: Vec<&str> = Vec::new();
    for _ in 0..MOST_ELEMENTS {
        let bytes = head.get(to_usize(start)..).unwrap_or_default();
        let Some((name, length)) = element(bytes) else { break };
        let count = seen.iter().filter(|other| **other == name).count();
        let place = at.offset().saturating_add(start);
        // Two sets of segments are one for each state in which the processor starts.
        if count > 0 && name != SEGMENTS {
            out.defect(Defect::new(&TWICE, "StructureId", place, name, "one"));
        }
        seen.push(name);
        if name == SIGNATURE {
            let version = bytes.get(8).copied().unwrap_or_default();
            let mark = if version < CONVERGED { 9 } else { ELEMENT };
            out.add(Node::new("boot-policy", SIGNATURE, "boot-policy-element", at.slice(start, mark)));
            return Signed::add("boot-policy", &at.from(start.saturating_add(mark)), out);
        }
        if length > at.length().saturating_sub(start) {
            out.defect(Defect::new(&BEYOND, "ElementSize", place.saturating_add(10), length, at.length()));
        }
        let key = if count > 0 { format!("{name}-{}", count.saturating_add(1)) } else { name.to_owned() };
        let node = Node::new("boot-policy", key, "boot-policy-element", at.slice(start, length));
        let node = node.with(&fact::VERSION, bytes.get(8).copied().unwrap_or_default());
        let node = if name == "policy" { policy(node, bytes) } else { node };
        out.add(node.with(&fact::TRUST_ANCHOR, true));
        start = start.saturating_add(length);
    }
    let found = if start >= at.length() { "the end" } else { "something else" };
    let place = at.offset().saturating_add(start);
    out.defect(Defect::new(&NOT_SIGNED, "StructureId", place, found, "__PMSG__ or another element"));
    out.add(Node::new("boot-policy", "rest", "boot-guard-rest", at.from(start)).unknown());
    Ok(())
}

/// What the header says: its revision, and the floors that the ACM holds itself and the policy to.
fn policy<'a>(node: Node<'a>, bytes: &[u8]) -> Node<'a> {
    let start = if bytes.get(8).is_some_and(|version| *version < CONVERGED) { 10 } else { 14 };
    let byte = |at: usize| bytes.get(at).copied().unwrap_or_default();
    node.with(&fact::REVISION, byte(start))
        .with(&SVN, byte(start.saturating_add(1)))
        .with(&ACM_SVN, byte(start.saturating_add(2)))
}

/// The first version of Converged Boot Guard and TXT.
const CONVERGED: u8 = 0x20;
/// Id, version, variable byte and size.
const ELEMENT: u64 = 12;
/// `__ACBP__` of version 1.0.
const FIRST_HEADER: u64 = 16;
/// Where the hash of a key manifest of version 1.0 begins, and what stands before its bytes.
const FIRST_HASH: u64 = 12;
const HASH_HEAD: u64 = 4;
/// TPM_ALG_RSA and TPM_ALG_ECC.
const RSA: u16 = 1;
const ECC: u16 = 0x23;
/// SHA-512.
const LONGEST_DIGEST: u16 = 64;
/// More hashes than there are usages, and more elements than there are kinds.
const MOST_HASHES: u16 = 64;
const MOST_ELEMENTS: usize = 32;
/// A manifest with two signatures of 3072 bits and segments of all of a flash.
const LONGEST: u64 = 16 << 10;
const SIGNATURE: &str = "signature-element";
const SEGMENTS: &str = "segments";
/// Ids of elements, with our words for them.
const ELEMENTS: [(&[u8], &str); 9] = [
    (b"__ACBP__", "policy"),
    (b"__IBBS__", SEGMENTS),
    (b"__TXTS__", "txt"),
    (b"__PFRS__", "platform-firmware-resilience"),
    (b"__PCDS__", "platform-configuration"),
    (b"__PDRS__", "power-down"),
    (b"__PMDA__", "manufacturer-data"),
    (b"__CNBS__", "chipset"),
    (b"__PMSG__", SIGNATURE),
];

/// The kinds of defects of this file.
const DEFECTS: &[&DefectKind] = &[&BEYOND, &NOT_SIGNED, &TRUNCATED, &TWICE];

/// An element of a boot policy manifest is longer than the manifest.
static BEYOND: DefectKind = DefectKind::ambiguous("boot-guard/beyond");
/// A manifest of Boot Guard does not end with a key and a signature: the ACM refuses it.
static NOT_SIGNED: DefectKind = DefectKind::ambiguous("boot-guard/not-signed");
/// A manifest of Boot Guard ends before a field does.
static TRUNCATED: DefectKind = DefectKind::ambiguous("boot-guard/truncated").cut_short();
/// An element stands twice in a boot policy manifest.
static TWICE: DefectKind = DefectKind::ambiguous("boot-guard/twice");

// Facts, in the words of the structures.
static SVN: Fact = Fact::new("svn");
static ACM_SVN: Fact = Fact::new("acm-svn");
static KEY_ID: Fact = Fact::new("key-id");
static KEY_HASHES: Fact = Fact::new("key-hashes");
static KEY_ALGORITHM: Fact = Fact::new("key-algorithm");
static KEY_BITS: Fact = Fact::new("key-bits");
static EXPONENT: Fact = Fact::new("exponent");
static SCHEME: Fact = Fact::new("scheme");
static HASH_ALGORITHM: Fact = Fact::new("hash-algorithm");

#[cfg(test)]
mod tests {
    #![allow(clippy::arithmetic_side_effects, clippy::as_conversions, reason = "tests")]

    use super::*;
    use crate::testing::{defects, leaves, parse, region, torture};

    /// A key of 64 bits and its signature.
    fn signed() -> Vec<u8> {
        let key = [&[0x10, 1, 0, 0x10, 64, 0, 1, 0, 1, 0][..], &[0xaa; 8]].concat();
        [&key[..], &[0x14, 0, 0x10, 64, 0, 0x0b, 0], &[0x55; 8]].concat()
    }

    fn key_manifest() -> Vec<u8> {
        [&b"__KEYM__"[..], &[0x10, 0x10, 2, 1, 0x0b, 0, 32, 0], &[7; 32], &signed()].concat()
    }

    fn converged_key_manifest() -> Vec<u8> {
        let head = [&b"__KEYM__"[..], &[0x21, 0, 0, 0], &[68, 0, 0, 0, 0, 1, 3, 1, 0x0b, 0, 1, 0]].concat();
        [&head[..], &1u64.to_le_bytes(), &[0x0b, 0, 32, 0], &[7; 32], &signed()].concat()
    }

    fn element(id: &[u8; 8], body: &[u8]) -> Vec<u8> {
        let size = (12 + body.len()) as u16;
        [&id[..], &[0x21, 0], &size.to_le_bytes(), body].concat()
    }

    fn policy(elements: &[Vec<u8>]) -> Vec<u8> {
        let header = element(b"__ACBP__", &[0, 0, 1, 5, 2, 0, 3, 0]);
        let end = [&b"__PMSG__"[..], &[0x21, 0, 0, 0], &signed()].concat();
        [header, elements.concat(), end].concat()
    }

    #[test]
    fn a_key_manifest_is_its_header_its_key_and_its_signature() {
        for (bytes, header, svn) in [(key_manifest(), 48, 2u8), (converged_key_manifest(), 68, 3)] {
            let tree = parse(&KeyManifest, &bytes);
            let expected = [
                ("key-manifest-header", "header".to_owned(), 0, header),
                ("boot-guard-key", "key".to_owned(), header, 18),
                ("boot-guard-signature", "signature".to_owned(), header + 18, 15),
            ];
            assert_eq!(leaves(&tree), expected);
            assert_eq!(defects(&tree), [""; 0]);
            let head = region(&tree, "key-manifest:header");
            assert_eq!(head.fact(&SVN), Some(&svn.into()));
            assert!(head.is(&fact::TRUST_ANCHOR));
        }
    }

    #[test]
    fn a_boot_policy_is_its_elements() {
        let bytes = policy(&[
            element(b"__IBBS__", &[1; 20]),
            element(b"__IBBS__", &[2; 20]),
            element(b"__TXTS__", &[]),
        ]);
        let tree = parse(&BootPolicy, &bytes);
        let keys: Vec<_> = leaves(&tree).into_iter().map(|leaf| leaf.1).collect();
        let expected = ["policy", "segments", "segments-2", "txt", SIGNATURE, "key", "signature"];
        assert_eq!(keys, expected);
        assert_eq!(defects(&tree), [""; 0]);
        let head = region(&tree, "boot-policy:policy");
        assert_eq!((head.fact(&SVN), head.fact(&ACM_SVN)), (Some(&5u8.into()), Some(&2u8.into())));
    }

    #[test]
    fn elements_of_the_first_version_end_where_the_next_begins() {
        let first = [&b"__ACBP__"[..], &[0x10, 1, 0, 5, 2, 0, 4, 0], b"__IBBS__", &[0x10], &[9; 30]].concat();
        let bytes = [&first[..], b"__PMSG__", &[0x10], &signed()].concat();
        let tree = parse(&BootPolicy, &bytes);
        let expected = [
            ("boot-policy-element", "policy".to_owned(), 0, 16),
            ("boot-policy-element", "segments".to_owned(), 16, 39),
            ("boot-policy-element", SIGNATURE.to_owned(), 55, 9),
            ("boot-guard-key", "key".to_owned(), 64, 18),
            ("boot-guard-signature", "signature".to_owned(), 82, 15),
        ];
        assert_eq!(leaves(&tree), expected);
        assert_eq!(defects(&tree), [""; 0]);
    }

    #[test]
    fn what_the_module_refuses_is_ambiguous() {
        let twice = policy(&[element(b"__TXTS__", &[]), element(b"__TXTS__", &[])]);
        assert_eq!(defects(&parse(&BootPolicy, &twice)), ["boot-guard/twice"]);
        let unknown = policy(&[element(b"__ABCD__", &[1; 4])]);
        assert_eq!(defects(&parse(&BootPolicy, &unknown)), ["boot-guard/not-signed"]);
        let mut unsigned = policy(&[]);
        unsigned.truncate(20);
        assert_eq!(defects(&parse(&BootPolicy, &unsigned)), ["boot-guard/not-signed"]);
        let mut key = key_manifest();
        key.truncate(60);
        assert_eq!(defects(&parse(&KeyManifest, &key)), ["boot-guard/not-signed"]);
    }

    #[test]
    fn hostile_bytes() {
        torture(&KeyManifest, &key_manifest());
        torture(&KeyManifest, &converged_key_manifest());
        torture(&BootPolicy, &policy(&[element(b"__IBBS__", &[1; 20])]));
    }
}
