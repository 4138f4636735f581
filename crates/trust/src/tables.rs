//! The tables of a manifest: every field of its payload, with its name in JSON, how it is read, and its meaning, of which
//! `docs/fields.md` is made.

use std::collections::BTreeMap;

use kiwame_image::{Algorithm, Digest, Settings, Text, Words};

use crate::closed::{Read, closed, formed, or_absent};
use crate::grammar::Grammar;
use crate::json::{Json, NOTHING, Object};
use crate::manifest::{Anchor, Coverage, Files, Method, PREDICATE_TYPE, STATEMENT_TYPE};
use crate::rules::{RuleType, WhenEmpty};
use crate::{Facts, Time, TrustError};

closed! {
    /// The payload: an in-toto Statement.
    pub(crate) struct Statement {
        /// Type of the statement. Always `"https://in-toto.io/Statement/v1"`
        #[json("_type")]
        pub(crate) kind: StatementType,
        /// Type of the predicate. Always `"urn:kiwame:firmware-reference-manifest/v1"`
        #[json("predicateType")]
        pub(crate) predicate_type: PredicateType,
        /// The images of the release: who they are.
        #[json("subject")]
        pub(crate) subjects: AtLeastOne<Subject>,
        /// What the maker says of them.
        #[json("predicate")]
        pub(crate) predicate: Predicate,
    }

    /// One image of the release.
    pub(crate) struct Subject {
        /// Its name, for people and for `layout.image`. Example: `"flash.bin"`
        #[json("name")]
        pub(crate) name: String,
        /// Digests of the whole image; all must match. One of an algorithm that kiwame does not know makes *cannot tell*.
        #[json("digest")]
        pub(crate) digest: DigestSet,
    }

    /// The predicate.
    pub(crate) struct Predicate {
        /// What the firmware is for.
        #[json("product")]
        pub(crate) product: Product,
        /// Which release it is.
        #[json("release")]
        pub(crate) release: Release,
        /// What is in each image.
        #[json("images")]
        pub(crate) images: AtLeastOne<Image>,
        /// Where devices may differ, and how far. Of several rules that reach a place, all must hold.
        #[json("mutable")]
        pub(crate) mutable: Vec<Mutable>,
        /// What lies where on the media of devices.
        #[json("devices")]
        pub(crate) devices: Vec<Device>,
        /// Who answers for parts, by name.
        #[json("suppliers")]
        pub(crate) suppliers: Vec<Supplier>,
        /// Manifests of suppliers for parts of the image. They are named and not followed: *cannot tell*.
        #[json("includes")]
        pub(crate) includes: Vec<Include>,
        /// Documents beside the manifest, named and not checked.
        #[json("references")]
        pub(crate) references: Vec<Reference>,
        /// Measurements of a measured boot. This version reads over them.
        #[json("measurements")]
        pub(crate) measurements: Vec<Json>,
    }

    /// The product.
    pub(crate) struct Product {
        /// The maker, as policies name it. Example: `"Example"`
        #[json("vendor")]
        pub(crate) vendor: Name,
        /// The model, as policies name it. Example: `"Router-1"`
        #[json("model")]
        pub(crate) model: Name,
        /// The hardware revisions that it is for; none means all. Example: `["B2"]`
        #[json("hardwareRevisions")]
        pub(crate) hardware_revisions: Vec<String>,
        /// The release channel; a policy takes `release` unless it says otherwise. Default: `"release"` Example: `"beta"`
        #[json("channel")]
        pub(crate) channel: Option<String>,
        /// The path of the setting that is the unit's serial number; tables of many units go by it. Example: `"partition:env/variable:serial"`
        #[json("serial")]
        pub(crate) serial: Option<String>,
    }

    /// The release.
    pub(crate) struct Release {
        /// The version, as the maker writes it. Example: `"2.1.0"`
        #[json("version")]
        pub(crate) version: Name,
        /// A number that only goes up, for refusing a downgrade; none counts as 0. Example: `3`
        #[json("securityVersion")]
        pub(crate) security_version: Option<u64>,
        /// The manifest does not count before. Example: `"2026-11-21T09:00:00Z"`
        #[json("notBefore")]
        pub(crate) not_before: Option<Timestamp>,
        /// The manifest does not count after. Example: `"2031-11-21T09:00:00Z"`
        #[json("notAfter")]
        pub(crate) not_after: Option<Timestamp>,
        /// Until when the maker mends the release; told, and compared with nothing. Example: `"2031-11-21T09:00:00Z"`
        #[json("supportUntil")]
        pub(crate) support_until: Option<Timestamp>,
        /// Versions that it replaces. Example: `["2.0.0", "2.0.1"]`
        #[json("supersedes")]
        pub(crate) supersedes: Vec<String>,
    }

    /// What is in one image.
    pub(crate) struct Image {
        /// Which of `subject` it is, counted from 0. Example: `0`
        #[json("subject")]
        pub(crate) subject: u64,
        /// Format that reads it. Example: `"raw-flash"`
        #[json("format")]
        pub(crate) format: String,
        /// Size in bytes. Example: `4194304`
        #[json("size")]
        pub(crate) size: u64,
        /// What an erased byte of the medium holds. Example: `255`
        #[json("eraseValue")]
        pub(crate) erase_value: Byte,
        /// The release is not complete without it. Example: `true`
        #[json("required")]
        pub(crate) required: bool,
        /// Whether everything in it is listed. Example: `"complete"`
        #[json("coverage")]
        pub(crate) coverage: Coverage,
        /// At which end of a larger flash it may lie, with nothing but erased bytes beside it; absent where nothing tells.
        /// Example: `"end"`
        #[json("anchor")]
        pub(crate) anchor: Option<Anchor>,
        /// How the files of its file systems are listed; absent where it has none. Example: `"whole"`
        #[json("files")]
        pub(crate) files: Option<Files>,
        /// Partitions of flash that carries no partition table.
        #[json("layout")]
        pub(crate) layout: Vec<Layout>,
        /// Its regions with their reference values. With complete coverage they tile the image and every decoded space.
        #[json("regions")]
        pub(crate) regions: Listed<Region>,
    }

    /// A partition.
    pub(crate) struct Layout {
        /// Its name: the path of what lies there begins with `partition:` and the name. Example: `"env"`
        #[json("name")]
        pub(crate) name: String,
        /// Where it begins in the image, in bytes. Example: `524288`
        #[json("offset")]
        pub(crate) offset: u64,
        /// How many bytes it has. Example: `65536`
        #[json("length")]
        pub(crate) length: u64,
        /// Bytes of the medium's erase blocks there. Example: `65536`
        #[json("eraseBlock")]
        pub(crate) erase_block: Option<u64>,
        /// The device itself writes there: what is packed there may be packed anew, and times may differ. Example: `true`
        #[json("written")]
        pub(crate) written: bool,
        /// Format of what the device makes there, where the release leaves it empty. Example: `"jffs2"`
        #[json("format")]
        pub(crate) format: Option<String>,
    }

    /// A region with its reference value.
    pub(crate) struct Region {
        /// Its path. Several may have one path. Example: `"partition:boot/uimage:header"`
        #[json("path")]
        pub(crate) path: String,
        /// Path of the space in which it lies, where its own does not say it. Example: `"image"`
        #[json("space")]
        pub(crate) space: Option<String>,
        /// Where it lies in the space.
        #[json("span")]
        pub(crate) span: Span,
        /// What it is. Example: `"header"`
        #[json("kind")]
        pub(crate) kind: String,
        /// A name for people, compared with nothing. Example: `"Udp4Dxe"`
        #[json("name")]
        pub(crate) name: Option<String>,
        /// Digest of its bytes: SHA-256 and no other.
        #[json("digests")]
        pub(crate) digests: RegionDigest,
        /// Digest of its bytes with the fields that only encode set to zero.
        /// Example: `"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"`
        #[json("contentSha256")]
        pub(crate) content_sha256: Option<Sha256>,
        /// The normal form of the container that it encodes.
        #[json("normal")]
        pub(crate) normal: Option<Normal>,
        /// Over what the digest was made. Example: `"bytes"`
        #[json("method")]
        pub(crate) method: Method,
        /// Facts by name, as the formats state them.
        #[json("attributes")]
        pub(crate) attributes: Facts,
        /// Position among its siblings, where that is content. Example: `2`
        #[json("order")]
        pub(crate) order: Option<u64>,
        /// Who answers for it: a name of `suppliers`. Example: `"Boot Works"`
        #[json("supplier")]
        pub(crate) supplier: Option<String>,
        /// The defects that the maker knows it has. Each excuses that one and no other.
        #[json("defects")]
        pub(crate) defects: Vec<KnownDefect>,
    }

    /// Bytes of a space.
    pub(crate) struct Span {
        /// Where they begin. Example: `64`
        #[json("offset")]
        pub(crate) offset: u64,
        /// How many there are. Example: `4096`
        #[json("length")]
        pub(crate) length: u64,
    }

    /// A normal form.
    pub(crate) struct Normal {
        /// Its name and version. Example: `"cpio/1"`
        #[json("name")]
        pub(crate) name: String,
        /// Its digest. Example: `"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"`
        #[json("sha256")]
        pub(crate) sha256: Sha256,
    }

    /// A defect that the maker knows of. It excuses that one and no other: all fields must be the same.
    #[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
    pub struct KnownDefect {
        /// Its id. Example: `"uimage/data-crc"`
        #[json("id")]
        pub id: DefectId,
        /// The field that is not what the specification says. Example: `"ih_dcrc"`
        #[json("field")]
        pub field: String,
        /// Where the field lies in its space. Example: `24`
        #[json("offset")]
        pub offset: u64,
        /// What is there. Example: `"0x1c291ca3"`
        #[json("found")]
        pub found: String,
        /// What should be there. Example: `"0x5d2a9f3e"`
        #[json("expected")]
        pub expected: String,
    }

    /// A place where devices may differ.
    pub(crate) struct Mutable {
        /// The place: everything at and below it. Example: `"partition:env"`
        #[json("path")]
        pub(crate) path: Path,
        /// How far.
        #[json("rule")]
        pub(crate) rule: Rule,
    }

    /// How far devices may differ at a place.
    pub(crate) struct Rule {
        /// The rule. Example: `"keys"`
        #[json("type")]
        pub(crate) kind: RuleType,
        /// The settings of `keys`, or the header's fields of `fields`; no other rule has them.
        #[json("keys")]
        pub(crate) keys: Option<Vec<KeyRule>>,
        /// The files of `data-files`; no other rule has them.
        #[json("files")]
        pub(crate) files: Option<Vec<FileRule>>,
        /// Cap in bytes of `any`, which needs it; no other rule has it. Example: `65536`
        #[json("maxBytes")]
        pub(crate) max_bytes: Option<u64>,
        /// Bytes that may be left of older values that nothing reaches any more, and no program. Default: `0` Example: `4096`
        #[json("remainsMaxBytes")]
        pub(crate) remains_max_bytes: Option<u64>,
        /// What the device does where the place is erased. Default: `"refuse"` Example: `"default"`
        #[json("whenEmpty")]
        pub(crate) when_empty: Option<WhenEmpty>,
    }

    /// A setting or field that may differ.
    #[derive(Clone, PartialEq, Eq)]
    pub struct KeyRule {
        /// Its name. Example: `"ethaddr"`
        #[json("name")]
        pub name: NameOrPattern,
        /// What its value may be. Example: `"mac"`
        #[json("value")]
        pub value: Grammar,
        /// It may be absent although the reference has it. Example: `true`
        #[json("optional")]
        pub optional: bool,
    }

    /// A file that may differ.
    #[derive(Clone, PartialEq, Eq)]
    pub struct FileRule {
        /// Its names from the root of the file system, with slashes between them; a directory ends with one.
        /// Example: `"upper/etc/config/system"`
        #[json("name")]
        pub name: NameOrPattern,
        /// How it is read; nobody judges the content without. Example: `"uci"`
        #[json("format")]
        pub format: Option<Settings>,
        /// The settings in it that may differ. Whatever else it holds equals the reference.
        #[json("keys")]
        pub keys: Vec<KeyRule>,
        /// Cap on its size in bytes. Example: `4096`
        #[json("maxBytes")]
        pub max_bytes: u64,
        /// It may be absent although the reference has it. Example: `true`
        #[json("optional")]
        pub optional: bool,
    }

    /// A device: what lies where on its medium.
    pub(crate) struct Device {
        /// Its name, for people. Example: `"Laptop-7 mainboard"`
        #[json("name")]
        pub(crate) name: String,
        /// Bytes that its medium may have. Example: `[16777216]`
        #[json("sizes")]
        pub(crate) sizes: Vec<u64>,
        /// What an erased byte of the medium holds. Default: `255` Example: `0`
        #[json("eraseValue")]
        pub(crate) erase_value: Option<u64>,
        /// What lies on it. What no part takes is erased.
        #[json("parts")]
        pub(crate) parts: AtLeastOne<DevicePart>,
    }

    /// A part of a device's medium: an image, a product, bytes of a digest, or other content.
    pub(crate) struct DevicePart {
        /// Its name: the path of what lies there begins with `part:` and the name. Example: `"bios"`
        #[json("name")]
        pub(crate) name: String,
        /// Where it lies.
        #[json("span")]
        pub(crate) span: Span,
        /// The product of which a release lies there; policies say whose signature counts for it. Example: `"Example/Bios-7"`
        #[json("product")]
        pub(crate) product: Option<String>,
        /// Name of an image: of this release, or of the product's. Example: `"bios.fd"`
        #[json("image")]
        pub(crate) image: Option<String>,
        /// Floor of the product's security version there. Example: `3`
        #[json("minSecurityVersion")]
        pub(crate) min_security_version: Option<u64>,
        /// Digests of what may lie there. Example: `["9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"]`
        #[json("sha256")]
        pub(crate) sha256: Vec<String>,
        /// What lies there where no image does: erased bytes, or whatever is no program, which a policy has to name. Example: `"erased"`
        #[json("content")]
        pub(crate) content: Option<PartContent>,
    }

    /// Somebody who answers for a part.
    #[derive(Clone, PartialEq, Eq)]
    pub struct Supplier {
        /// Their name, by which regions name them. Example: `"Boot Works"`
        #[json("name")]
        pub name: String,
        /// Where to reach them. Example: `"psirt@boot.example"`
        #[json("contact")]
        pub contact: Option<String>,
    }

    /// A manifest of a supplier.
    pub(crate) struct Include {
        /// The parts that it lists. Example: `["partition:boot"]`
        #[json("paths")]
        pub(crate) paths: Vec<String>,
        /// Digest over its payload type and payload.
        /// Example: `"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"`
        #[json("payloadSha256")]
        pub(crate) payload_sha256: String,
    }

    /// A document beside the manifest.
    pub(crate) struct Reference {
        /// What it is. Example: `"sbom"`
        #[json("type")]
        pub(crate) kind: String,
        /// Its digests.
        #[json("digest")]
        pub(crate) digest: DigestSet,
    }
}

/// A list of one at least; the manifest is checked for it when all of it is read.
pub(crate) type AtLeastOne<T> = Vec<T>;
pub(crate) use crate::forms::{DefectId, NameOrPattern, PartContent, Path};

/// What is expected in several places.
const NAME: Text = Text::new("a name without / @ and control characters", "/ @ 制御文字を含まない名前");
const SHA256: Text = Text::new("a sha256 digest", "sha256 ダイジェスト");
const HEXADECIMAL: Text = Text::new("a digest in lower-case hexadecimal", "小文字 16 進のダイジェスト");
/// What is expected where a format of settings stands.
pub const SETTINGS: Text = Text::new(
    "uci, key-value, ini, table, json or value",
    "uci、key-value、ini、table、json、value のいずれか",
);

/// A list whose objects were handed over one by one while the document was read: its number among all such lists.
#[derive(Debug)]
pub(crate) struct Listed<T>(pub(crate) Option<u64>, core::marker::PhantomData<T>);

impl<T> Read for Listed<T> {
    fn read(object: &mut Object, field: &str) -> Result<Self, TrustError> {
        Ok(Self(object.uint_or_absent(field)?, core::marker::PhantomData))
    }
}

/// The one type of statement that is read.
#[derive(Debug)]
pub(crate) struct StatementType;

impl Read for StatementType {
    fn read(object: &mut Object, field: &str) -> Result<Self, TrustError> {
        exact("_type", STATEMENT_TYPE, &object.text(field)?).map(|()| Self)
    }
}

/// The one type of predicate that is read.
#[derive(Debug)]
pub(crate) struct PredicateType;

impl Read for PredicateType {
    fn read(object: &mut Object, field: &str) -> Result<Self, TrustError> {
        exact("predicateType", PREDICATE_TYPE, &object.text(field)?).map(|()| Self)
    }
}

pub(crate) fn exact(field: &'static str, expected: &'static str, found: &str) -> Result<(), TrustError> {
    if found == expected {
        return Ok(());
    }
    Err(TrustError::Type { field, expected, found: found.chars().take(128).collect() })
}

/// A name that can stand in `VENDOR/MODEL@RELEASE`.
#[derive(Debug)]
pub(crate) struct Name(pub(crate) String);

impl Read for Name {
    fn read(object: &mut Object, field: &str) -> Result<Self, TrustError> {
        let name = object.text(field)?;
        if name.is_empty() || name.contains(['/', '@']) || name.chars().any(char::is_control) {
            return Err(wrong(object.path(field), NAME, format!("{name:?}")));
        }
        Ok(Self(name))
    }
}

/// The text of a time.
#[derive(Debug)]
pub(crate) struct Timestamp(pub(crate) String);

impl Read for Option<Timestamp> {
    fn read(object: &mut Object, field: &str) -> Result<Self, TrustError> {
        let text = object.text_or_absent(field)?;
        text.map(|text| Time::parse(&text).map(|_| Timestamp(text))).transpose()
    }
}

/// A number from 0 to 255.
#[derive(Debug)]
pub(crate) struct Byte(pub(crate) u8);

impl Read for Byte {
    fn read(object: &mut Object, field: &str) -> Result<Self, TrustError> {
        let number = object.uint(field)?;
        let byte = u8::try_from(number).map(Self);
        byte.map_err(|_| wrong(object.path(field), Text::new("0 to 255", "0 から 255"), number.to_string()))
    }
}

/// A SHA-256.
#[derive(Debug)]
pub(crate) struct Sha256(pub(crate) Digest);

impl Read for Sha256 {
    fn read(object: &mut Object, field: &str) -> Result<Self, TrustError> {
        formed(object, field, SHA256, |text| Digest::from_hex(Algorithm::Sha256, text).map(Self))
    }
}

impl Read for Option<Sha256> {
    fn read(object: &mut Object, field: &str) -> Result<Self, TrustError> {
        or_absent(object, field)
    }
}

/// An in-toto `DigestSet`: sha256 must be there, and every digest of an algorithm that we know must be well formed.
#[derive(Debug)]
pub(crate) struct DigestSet {
    pub(crate) sha256: Digest,
    /// All of algorithms that we know, sha256 among them.
    pub(crate) known: Vec<Digest>,
    /// Names of the algorithms that we do not know.
    pub(crate) unknown: Vec<String>,
}

impl Read for DigestSet {
    fn read(object: &mut Object, field: &str) -> Result<Self, TrustError> {
        let set = object.object(field)?;
        let at = set.path("sha256");
        let (mut known, mut unknown) = (Vec::new(), Vec::new());
        for (name, value) in set.rest() {
            match (Algorithm::named(&name), value) {
                (Some(algorithm), Json::Text(text)) => match Digest::from_hex(algorithm, &text) {
                    Some(digest) => known.push(digest),
                    None => return Err(wrong(at, HEXADECIMAL, text)),
                },
                (_, _) => unknown.push(name),
            }
        }
        let sha256 = known.iter().find(|digest| digest.algorithm == Algorithm::Sha256).cloned();
        let sha256 = sha256.ok_or_else(|| wrong(at, SHA256, NOTHING))?;
        Ok(Self { sha256, known, unknown })
    }
}

/// The digest of a region: SHA-256 alone, since no other would be compared, and every digest of a set must match
/// (RULES 15).
#[derive(Debug)]
pub(crate) struct RegionDigest(pub(crate) Digest);

impl Read for RegionDigest {
    fn read(object: &mut Object, field: &str) -> Result<Self, TrustError> {
        let DigestSet { sha256, known, unknown } = DigestSet::read(object, field)?;
        if known.len() > 1 || !unknown.is_empty() {
            let names = known.iter().map(|digest| digest.algorithm.name().to_owned()).chain(unknown);
            let names = names.collect::<Vec<_>>().join(", ");
            return Err(wrong(object.path(field), Text::new("sha256 and no other", "sha256 のみ"), names));
        }
        Ok(Self(sha256))
    }
}

impl Read for Facts {
    fn read(object: &mut Object, field: &str) -> Result<Self, TrustError> {
        BTreeMap::read(object, field).map(Self::from)
    }
}

impl Read for Coverage {
    fn read(object: &mut Object, field: &str) -> Result<Self, TrustError> {
        formed(object, field, Text::new("complete or partial", "complete 又は partial"), Self::named)
    }
}

impl Read for Anchor {
    fn read(object: &mut Object, field: &str) -> Result<Self, TrustError> {
        formed(object, field, Text::new("start or end", "start 又は end"), Self::named)
    }
}

impl Read for Option<Anchor> {
    fn read(object: &mut Object, field: &str) -> Result<Self, TrustError> {
        or_absent(object, field)
    }
}

impl Read for Files {
    fn read(object: &mut Object, field: &str) -> Result<Self, TrustError> {
        formed(object, field, Text::new("whole or sections", "whole 又は sections"), Self::named)
    }
}

impl Read for Option<Files> {
    fn read(object: &mut Object, field: &str) -> Result<Self, TrustError> {
        or_absent(object, field)
    }
}

impl Read for Method {
    fn read(object: &mut Object, field: &str) -> Result<Self, TrustError> {
        formed(object, field, Text::new("bytes or pieces", "bytes 又は pieces"), Self::named)
    }
}

impl Read for RuleType {
    fn read(object: &mut Object, field: &str) -> Result<Self, TrustError> {
        formed(object, field, Self::EXPECTED, Self::named)
    }
}

impl Read for WhenEmpty {
    fn read(object: &mut Object, field: &str) -> Result<Self, TrustError> {
        formed(object, field, Self::EXPECTED, Self::named)
    }
}

impl Read for Option<WhenEmpty> {
    fn read(object: &mut Object, field: &str) -> Result<Self, TrustError> {
        or_absent(object, field)
    }
}

impl Read for Settings {
    fn read(object: &mut Object, field: &str) -> Result<Self, TrustError> {
        formed(object, field, SETTINGS, Self::named)
    }
}

impl Read for Option<Settings> {
    fn read(object: &mut Object, field: &str) -> Result<Self, TrustError> {
        or_absent(object, field)
    }
}

impl Read for Grammar {
    fn read(object: &mut Object, field: &str) -> Result<Self, TrustError> {
        Self::read(&object.text(field)?, &object.path(field))
    }
}

fn wrong(field: String, expected: Text, found: impl Into<Words>) -> TrustError {
    TrustError::Field { field, expected, found: found.into() }
}
