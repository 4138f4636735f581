//! The signed manifest: an in-toto Statement v1 with the predicate `firmware-reference-manifest/v1`.
//!
//! All objects are closed: an unknown field is an error unless its name begins with `x-`. What a reader ignores, a
//! signer could mean.

use std::collections::BTreeMap;

use kiwame_image::{
    Algorithm, Arrange as _, Digest, Endian, Environment, Form, Gather as _, Partition, SettingsFile, Span,
    Text, fact,
};

use crate::closed::{self, Closed as _};
use crate::devices::{Device, Holds};
use crate::json::{ARRAY, Json, MOST_SIGNED, Object};
use crate::rules::{Mutable, MutableRule};
use crate::tables::{self, PredicateType, StatementType, Timestamp, exact};
pub use crate::tables::{KnownDefect, Supplier};
use crate::{Facts, TrustError};

/// `payloadType` of the envelope.
pub const PAYLOAD_TYPE: &str = "application/vnd.in-toto+json";
/// `_type` of the statement.
pub const STATEMENT_TYPE: &str = "https://in-toto.io/Statement/v1";
/// Where the regions of images stand in it.
const REGIONS: &[&str] = &["predicate", "images", "regions"];
/// `predicateType` of the statement.
pub const PREDICATE_TYPE: &str = "urn:kiwame:firmware-reference-manifest/v1";

/// A manifest: what a maker says its firmware is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Manifest {
    /// What it is for.
    pub product: Product,
    /// Which release.
    pub release: Release,
    /// The images of the release.
    pub images: Vec<ImageReference>,
    /// Where the image may differ from device to device.
    pub mutable: Vec<MutableRule>,
    /// What lies where on the media of devices.
    pub devices: Vec<Device>,
    /// Who answers for what, by name.
    pub suppliers: Vec<Supplier>,
    /// Digests of sub-manifests, which this version names and does not follow.
    pub includes: Vec<String>,
    /// Documents beside the manifest: named, not checked.
    pub references: Vec<Reference>,
}

/// A product.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Product {
    /// Its maker.
    pub vendor: String,
    /// Its model.
    pub model: String,
    /// Hardware revisions it is for; empty means all.
    pub hardware_revisions: Vec<String>,
    /// Release channel.
    pub channel: Option<String>,
    /// Path of the setting that is the unit's serial number.
    pub serial: Option<String>,
}

impl Product {
    /// `VENDOR/MODEL`.
    #[must_use]
    pub fn scope(&self) -> String {
        format!("{}/{}", self.vendor, self.model)
    }
}

/// A release.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Release {
    /// Its version, as the maker writes it.
    pub version: String,
    /// A number that only goes up, for refusing a downgrade.
    pub security_version: Option<u64>,
    /// Not valid before.
    pub not_before: Option<String>,
    /// Not valid after.
    pub not_after: Option<String>,
    /// Supported until.
    pub support_until: Option<String>,
    /// Versions that it replaces.
    pub supersedes: Vec<String>,
}

/// Whether everything in the image is listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coverage {
    /// Every byte of the image and of every decoded space.
    Complete,
    /// Only what is listed.
    Partial,
}

impl Coverage {
    /// The word for it in manifests.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::Partial => "partial",
        }
    }

    /// The one of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        [Self::Complete, Self::Partial].into_iter().find(|one| one.name() == name)
    }
}

/// How files are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Files {
    /// A program is one reference value, as any other file.
    Whole,
    /// A program is listed by its parts.
    Sections,
}

impl Files {
    /// The word for it in manifests.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Whole => "whole",
            Self::Sections => "sections",
        }
    }

    /// The one of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        [Self::Whole, Self::Sections].into_iter().find(|one| one.name() == name)
    }
}

/// At which end of a larger medium an image lies: where its loader begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Anchor {
    /// The loader begins at the first byte of the medium: erased bytes may follow.
    Start,
    /// The loader begins at the last byte of the medium, as a processor of the x86 family does: erased bytes may come before.
    End,
}

impl Anchor {
    /// The word for it in manifests.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::End => "end",
        }
    }

    /// The one of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        [Self::Start, Self::End].into_iter().find(|one| one.name() == name)
    }

    /// Where in a medium of that size an image of this length lies; nowhere in one that is no larger.
    #[must_use]
    pub fn place(self, length: u64, medium: u64) -> Option<Span> {
        let before = medium.checked_sub(length).filter(|rest| *rest > 0)?;
        Some(match self {
            Self::Start => Span::new(0, length),
            Self::End => Span::new(before, length),
        })
    }
}

/// One image of a release.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageReference {
    /// Its name, for people.
    pub name: String,
    /// Digests of the whole image. All must match.
    pub digests: Vec<Digest>,
    /// Names of digest algorithms that we do not know: *could not tell*.
    pub unknown_digests: Vec<String>,
    /// The format that reads it.
    pub format: String,
    /// Size in bytes.
    pub size: u64,
    /// The medium's erase value.
    pub erase_value: u8,
    /// True when the release is not complete without it.
    pub required: bool,
    /// Whether everything is listed.
    pub coverage: Coverage,
    /// At which end of a larger medium it may lie; `None` where nothing tells.
    pub anchor: Option<Anchor>,
    /// How the files of file systems in it are listed; `None` when it has none.
    pub files: Option<Files>,
    /// Partitions of a medium that carries no table.
    pub layout: Vec<Layout>,
    /// The regions with their reference values.
    pub regions: Vec<ReferenceRegion>,
}

/// A partition that only the manifest knows of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    /// Its name and place.
    pub part: Partition,
    /// The device itself writes there, by mounting it or by saving settings (RULES 2 and 12).
    pub written: bool,
    /// The format of what the device makes there, where the release leaves it empty (RULES 5: the maker says how a place is
    /// read).
    pub format: Option<String>,
}

/// How the digests of a region were made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Over all its bytes.
    Bytes,
    /// Over where its bytes lie in the space that takes all of them, where each is measured.
    Pieces,
}

impl Method {
    /// The word for it in manifests.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Bytes => "bytes",
            Self::Pieces => "pieces",
        }
    }

    /// The one of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        [Self::Bytes, Self::Pieces].into_iter().find(|one| one.name() == name)
    }
}

/// One region with its reference value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReferenceRegion {
    /// Path. Several regions may have one path; they are a multiset.
    pub path: String,
    /// Path of the space, where it does not follow from its own.
    pub other_space: Option<String>,
    /// Where in the space.
    pub span: Span,
    /// What it is.
    pub kind: String,
    /// Display name. Never compared.
    pub name: Option<String>,
    /// SHA-256 over its bytes.
    pub sha256: Digest,
    /// SHA-256 over its bytes with the fields that only encode set to zero.
    pub masked: Option<Digest>,
    /// The normal form of the container that it encodes (RULES 2).
    pub normal: Option<Form>,
    /// How the digests were made.
    pub method: Method,
    /// Facts, as the formats state them.
    pub attributes: Facts,
    /// Position among its siblings, where that is content.
    pub order: Option<u64>,
    /// Who answers for it.
    pub supplier: Option<String>,
    /// The defects that it is known to have.
    pub defects: Vec<KnownDefect>,
}

/// A document beside the manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// What it is, such as `sbom`.
    pub kind: String,
    /// Its SHA-256 in hexadecimal.
    pub sha256: String,
}

impl Manifest {
    /// Parses a payload. Whether anybody signed it is not known here: see [`crate::Verified`].
    ///
    /// # Errors
    /// The first thing that is not as the predicate's schema says.
    pub fn parse(payload_type: &str, payload: &[u8]) -> Result<Self, TrustError> {
        exact("payloadType", PAYLOAD_TYPE, payload_type)?;
        // The regions of an image are read one by one, and never stand in memory as JSON.
        let mut lists: Vec<Vec<ReferenceRegion>> = Vec::new();
        let statement = Json::parse_lists(payload, MOST_SIGNED, REGIONS, &mut |region| {
            match region {
                None => lists.push(Vec::new()),
                Some(region) => {
                    let read = ReferenceRegion::of(tables::Region::take(region)?);
                    if let Some(list) = lists.last_mut() {
                        list.push(read);
                    }
                }
            }
            Ok(())
        })?;
        let statement: tables::Statement = closed::whole(Object::new(statement, "")?)?;
        let tables::Statement { kind: StatementType, predicate_type: PredicateType, subjects, predicate } =
            statement;
        let tables::Predicate {
            product,
            release,
            images,
            mutable,
            devices,
            suppliers,
            includes,
            references,
            measurements,
        } = predicate;
        // They are for measured boot, which this version does not replay.
        drop(measurements);
        let images = images.into_iter().enumerate();
        let mutable = mutable.into_iter().enumerate();
        let devices = devices.into_iter().enumerate();
        let manifest = Self {
            product: Product::of(product),
            release: Release::of(release),
            images: images
                .map(|(number, image)| ImageReference::of(number, image, &subjects, &mut lists))
                .collect::<Result<_, _>>()?,
            mutable: mutable.map(|(number, rule)| MutableRule::of(number, rule)).collect::<Result<_, _>>()?,
            devices: devices
                .map(|(number, device)| Device::of_manifest(number, device))
                .collect::<Result<_, _>>()?,
            suppliers,
            includes: includes.into_iter().map(included).collect(),
            references: references.into_iter().map(Reference::of).collect(),
        };
        manifest.check()?;
        Ok(manifest)
    }

    /// The reference regions of one image tile it and every decoded space, and agree with the whole.
    fn check(&self) -> Result<(), TrustError> {
        let defective = |path: &str, what| Err(TrustError::Defective { path: path.to_owned(), what });
        if self.images.is_empty() {
            return defective("predicate.images", NO_IMAGE);
        }
        for image in &self.images {
            let old = image.regions.iter().find(|region| image.files.is_none() && is_in_file(&region.path));
            if let Some(region) = old {
                return defective(&region.path, OLD_FILES);
            }
            if image.coverage == Coverage::Complete {
                image.check_tiling()?;
            }
        }
        for device in &self.devices {
            let unknown = device.parts.iter().find_map(|part| match &part.holds {
                Holds::Image(name) => {
                    Some(name).filter(|name| !self.images.iter().any(|image| image.name == **name))
                }
                Holds::Product { .. } | Holds::Digests(_) | Holds::Content(_) => None,
            });
            if let Some(name) = unknown {
                return defective(name, NO_SUCH_IMAGE);
            }
        }
        for rule in &self.mutable {
            let at_or_below = |path: &str| path_within(path, &rule.path);
            let any = matches!(rule.rule, Mutable::Any { .. });
            let mut regions = self.images.iter().flat_map(|image| &image.regions);
            if any && regions.any(|region| at_or_below(&region.path) && region.is_executable()) {
                return defective(&rule.path, ANY_EXECUTES);
            }
            rule.check().map_err(|(path, what)| TrustError::Defective { path, what })?;
        }
        Ok(())
    }

    /// The rules that reach a path: all of them must hold.
    pub fn rules_for<'m>(&'m self, path: &'m str) -> impl Iterator<Item = &'m MutableRule> + 'm {
        self.mutable.iter().filter(move |rule| path_within(path, &rule.path))
    }

    /// The settings files that rules name, with the format in which each is read.
    #[must_use]
    pub fn settings(&self) -> Vec<SettingsFile> {
        crate::rules::settings(&self.mutable)
    }
}

/// True for what a file of a file system holds.
fn is_in_file(path: &str) -> bool {
    let steps = kiwame_image::segments(path);
    let mut pairs = steps.zip(kiwame_image::segments(path).skip(1));
    pairs.any(|(outer, inner)| outer.starts_with("file:") && inner == "decoded:content")
}

/// How files were listed before a manifest said how.
const OLD_FILES: Text = Text::new(
    "the manifest lists files as versions before this one did; ask the maker for one made with this version",
    "ファイルの記載が旧版の形式である。この版で作成したマニフェストを製造者に請求する",
);
/// How a manifest contradicts itself.
const NO_IMAGE: Text = Text::new("no image is listed", "イメージの記載が無い");
const NO_SUCH_IMAGE: Text =
    Text::new("a device names an image that is not listed", "装置の記述が、記載の無いイメージを名指している");
const ANY_EXECUTES: Text =
    Text::new("the rule `any` covers a path that can execute", "規則 any が実行され得るものに及ぶ");
const NO_REGION: Text = Text::new(
    "coverage is complete, and no region of the image is listed",
    "coverage が complete であるのに領域の記載が無い",
);
const BYTES_BEFORE: Text = Text::new(
    "coverage is complete, and bytes before this region are not listed",
    "coverage が complete であるのに、この領域の前に記載の無いバイトが有る",
);
const OVERLAP: Text = Text::new("the region overlaps another", "領域が他と重なっている");
const WRONG_END: Text =
    Text::new("the regions do not end where the image ends", "領域の終わりとイメージの終わりが違う");
const WRONG_WHOLE: Text = Text::new(
    "the only region contradicts the digest of the whole",
    "唯一の領域が全体のダイジェストと矛盾する",
);

/// True when `path` is `scope` or lies below it, by whole segments.
#[must_use]
pub fn path_within(path: &str, scope: &str) -> bool {
    let mut segments = kiwame_image::segments(path);
    kiwame_image::segments(scope).all(|wanted| segments.next() == Some(wanted))
}

impl ReferenceRegion {
    /// Path of the space in which it lies.
    #[must_use]
    pub fn space(&self) -> &str {
        self.other_space.as_deref().unwrap_or_else(|| kiwame_image::space_of(&self.path))
    }

    /// True when the maker says that it can execute.
    #[must_use]
    pub fn is_executable(&self) -> bool {
        self.attributes.is(&fact::EXECUTABLE)
    }
}

impl ImageReference {
    /// The paths of all reference values.
    #[must_use]
    pub fn paths(&self) -> std::collections::BTreeSet<&str> {
        self.regions.iter().map(|region| region.path.as_str()).into_set()
    }

    /// The partitions, by which the image is read; where the reference has one environment of two, with its layout.
    #[must_use]
    pub fn partitions(&self) -> Vec<Partition> {
        let parts = self.layout.iter().map(|layout| {
            let name = kiwame_image::escape_key(layout.part.name.as_bytes());
            let header = format!("partition:{name}/uboot-env:header");
            let header = self.regions.iter().find(|region| region.path == header);
            Partition { environment: header.and_then(environment), ..layout.part.clone() }
        });
        parts.collect()
    }

    fn check_tiling(&self) -> Result<(), TrustError> {
        let mut spaces: BTreeMap<&str, Vec<(Span, &str)>> = BTreeMap::new();
        let mut origins = BTreeMap::new();
        for region in &self.regions {
            if let Some(Json::Uint(origin)) = region.attributes.of(&fact::ORIGIN) {
                origins.insert(region.path.as_str(), *origin);
            }
            spaces.entry(region.space()).or_default().push((region.span, &region.path));
        }
        let defective = |path: &str, what| Err(TrustError::Defective { path: path.to_owned(), what });
        if !spaces.contains_key("image") && self.size > 0 {
            return defective("image", NO_REGION);
        }
        for (space, spans) in &mut spaces {
            spans.arrange();
            // A space that is put together may begin at an address of its own; the image begins at zero.
            let origin = origins.get(space).filter(|_| *space != "image");
            let mut at = origin.copied().unwrap_or(0);
            for (span, path) in spans.iter() {
                if span.offset > at {
                    return defective(path, BYTES_BEFORE);
                }
                if span.offset < at {
                    return defective(path, OVERLAP);
                }
                at = span.end();
            }
            if *space == "image" && at != self.size {
                return defective("image", WRONG_END);
            }
        }
        if let [region] = self.regions.as_slice()
            && region.span == Span::new(0, self.size)
            && self
                .digests
                .iter()
                .any(|digest| digest.algorithm == Algorithm::Sha256 && *digest != region.sha256)
        {
            return defective(&region.path, WRONG_WHOLE);
        }
        Ok(())
    }
}

/// How an environment is laid out by what its header states, where it is one of two.
fn environment(header: &ReferenceRegion) -> Option<Environment> {
    let facts = &header.attributes;
    let Some(Json::Uint(size)) = facts.of(&fact::ENV_SIZE) else { return None };
    let big = facts.of(&fact::CRC_ORDER) == Some(&Json::Text(Endian::Big.name().to_owned()));
    let order = if big { Endian::Big } else { Endian::Little };
    facts.is(&fact::REDUNDANT).then_some(Environment { size: *size, order })
}

/// Which parts a sub-manifest lists does not matter while it is not followed.
fn included(table: tables::Include) -> String {
    let tables::Include { paths, payload_sha256 } = table;
    drop(paths);
    payload_sha256
}

impl Product {
    fn of(table: tables::Product) -> Self {
        let tables::Product { vendor, model, hardware_revisions, channel, serial } = table;
        Self { vendor: vendor.0, model: model.0, hardware_revisions, channel, serial }
    }
}

impl Release {
    fn of(table: tables::Release) -> Self {
        let tables::Release { version, security_version, not_before, not_after, support_until, supersedes } =
            table;
        let text = |time: Option<Timestamp>| time.map(|time| time.0);
        Self {
            version: version.0,
            security_version,
            not_before: text(not_before),
            not_after: text(not_after),
            support_until: text(support_until),
            supersedes,
        }
    }
}

impl Reference {
    fn of(table: tables::Reference) -> Self {
        Self { kind: table.kind, sha256: table.digest.sha256.hex() }
    }
}

impl Layout {
    fn of(table: tables::Layout) -> Self {
        let tables::Layout { name, offset, length, erase_block, written, format } = table;
        let part = Partition { name, span: Span::new(offset, length), erase_block, environment: None };
        Self { part, written, format }
    }
}

impl ImageReference {
    /// The image of that number, which takes its regions out of the lists that were handed over.
    fn of(
        number: usize,
        table: tables::Image,
        subjects: &[tables::Subject],
        lists: &mut [Vec<ReferenceRegion>],
    ) -> Result<Self, TrustError> {
        let tables::Image {
            subject,
            format,
            size,
            erase_value,
            required,
            coverage,
            anchor,
            files,
            layout,
            regions,
        } = table;
        let wrong = |field: &str, expected, found: u64| TrustError::Field {
            field: format!("predicate.images[{number}].{field}"),
            expected,
            found: found.into(),
        };
        let at = |number: u64| usize::try_from(number).ok();
        let named = at(subject).and_then(|number| subjects.get(number));
        let named = named.ok_or_else(|| {
            wrong("subject", Text::new("the number of a subject", "subject の番号"), subject)
        })?;
        let regions = match regions.0 {
            None => Vec::new(),
            Some(list) => match at(list).and_then(|number| lists.get_mut(number)) {
                Some(regions) => core::mem::take(regions),
                None => return Err(wrong("regions", ARRAY, list)),
            },
        };
        Ok(Self {
            name: named.name.clone(),
            digests: named.digest.known.clone(),
            unknown_digests: named.digest.unknown.clone(),
            format,
            size,
            erase_value: erase_value.0,
            required,
            coverage,
            anchor,
            files,
            layout: layout.into_iter().map(Layout::of).collect(),
            regions,
        })
    }
}

impl ReferenceRegion {
    fn of(table: tables::Region) -> Self {
        let tables::Region { path, space, span, kind, name, digests, content_sha256, normal, .. } = table;
        let tables::Region { method, attributes, order, supplier, defects, .. } = table;
        Self {
            other_space: space.filter(|space| space != kiwame_image::space_of(&path)),
            path,
            span: Span::new(span.offset, span.length),
            kind,
            name,
            sha256: digests.0,
            masked: content_sha256.map(|digest| digest.0),
            normal: normal.map(|form| Form { name: form.name, sha256: form.sha256.0 }),
            method,
            attributes,
            order,
            supplier,
            defects,
        }
    }
}
