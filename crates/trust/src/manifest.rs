//! The signed manifest: an in-toto Statement v1 with the predicate `firmware-reference-manifest/v1`.
//!
//! All objects are closed: an unknown field is an error unless its name begins with `x-`. What a reader ignores, a
//! signer could mean.

use std::collections::BTreeMap;

use kiwame_image::{
    Algorithm, Arrange as _, Digest, Endian, Environment, Form, Gather as _, Partition, SettingsFile, Span,
    fact,
};

use crate::json::{Json, MOST_SIGNED, Object};
use crate::rules::{Mutable, MutableRule};
use crate::{Facts, Time, TrustError};

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

/// A defect that the maker knows of. It excuses that one and no other: all fields must be the same.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct KnownDefect {
    /// Its id.
    pub id: String,
    /// The field.
    pub field: String,
    /// Offset of the field in its space.
    pub offset: u64,
    /// What is there.
    pub found: String,
    /// What should be there.
    pub expected: String,
}

/// Somebody who answers for a part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Supplier {
    /// Name.
    pub name: String,
    /// Where to reach them.
    pub contact: Option<String>,
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
                    let read = read_region(region)?;
                    if let Some(list) = lists.last_mut() {
                        list.push(read);
                    }
                }
            }
            Ok(())
        })?;
        let mut statement = Object::new(statement, "")?;
        exact("_type", STATEMENT_TYPE, &statement.text("_type")?)?;
        exact("predicateType", PREDICATE_TYPE, &statement.text("predicateType")?)?;
        let subjects = statement.objects("subject", read_subject)?;
        let mut predicate = statement.object("predicate")?;
        statement.end()?;
        let manifest = Self {
            product: read_product(predicate.object("product")?)?,
            release: read_release(predicate.object("release")?)?,
            images: predicate.objects("images", |image| read_image(image, &subjects, &mut lists))?,
            mutable: predicate.objects("mutable", MutableRule::read)?,
            suppliers: predicate.objects("suppliers", |supplier| {
                Ok(Supplier { name: supplier.text("name")?, contact: supplier.text_or_absent("contact")? })
            })?,
            includes: predicate.objects("includes", |include| {
                include.texts("paths")?;
                include.text("payloadSha256")
            })?,
            references: predicate.objects("references", |reference| {
                Ok(Reference {
                    kind: reference.text("type")?,
                    sha256: read_sha256(reference, "digest")?.hex(),
                })
            })?,
        };
        // Measurements are for measured boot, which this version does not replay.
        predicate.list("measurements")?;
        predicate.end()?;
        manifest.check()?;
        Ok(manifest)
    }

    /// The reference regions of one image tile it and every decoded space, and agree with the whole.
    fn check(&self) -> Result<(), TrustError> {
        let defective = |path: &str, what| Err(TrustError::Defective { path: path.to_owned(), what });
        if self.images.is_empty() {
            return defective("predicate.images", "no image is listed");
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
        for rule in &self.mutable {
            let at_or_below = |path: &str| path_within(path, &rule.path);
            let any = matches!(rule.rule, Mutable::Any { .. });
            let mut regions = self.images.iter().flat_map(|image| &image.regions);
            if any && regions.any(|region| at_or_below(&region.path) && region.is_executable()) {
                return defective(&rule.path, "the rule `any` covers a path that can execute");
            }
            if kiwame_image::segments(&rule.path).all(|segment| segment == "image") {
                return defective("predicate.mutable", "a rule covers the whole image");
            }
            if let Some(name) = rule.names().find(|name| crate::rules::says_too_little(name)) {
                return defective(name, "a pattern needs three letters or digits beside * and #");
            }
            for keys in rule.key_lists() {
                let mut names = std::collections::BTreeSet::new();
                if let Some(twice) = keys.iter().find(|key| !names.insert(&key.name)) {
                    return defective(&twice.name, "a rule lists the key twice");
                }
            }
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
const OLD_FILES: &str =
    "the manifest lists files as versions before this one did; ask the maker for one made with this version";

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
            return defective("image", "coverage is complete, and no region of the image is listed");
        }
        for (space, spans) in &mut spaces {
            spans.arrange();
            // A space that is put together may begin at an address of its own; the image begins at zero.
            let origin = origins.get(space).filter(|_| *space != "image");
            let mut at = origin.copied().unwrap_or(0);
            for (span, path) in spans.iter() {
                if span.offset > at {
                    return defective(
                        path,
                        "coverage is complete, and bytes before this region are not listed",
                    );
                }
                if span.offset < at {
                    return defective(path, "the region overlaps another");
                }
                at = span.end();
            }
            if *space == "image" && at != self.size {
                return defective("image", "the regions do not end where the image ends");
            }
        }
        if let [region] = self.regions.as_slice()
            && region.span == Span::new(0, self.size)
            && self
                .digests
                .iter()
                .any(|digest| digest.algorithm == Algorithm::Sha256 && *digest != region.sha256)
        {
            return defective(&region.path, "the only region contradicts the digest of the whole");
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

fn exact(field: &'static str, expected: &'static str, found: &str) -> Result<(), TrustError> {
    if found == expected {
        return Ok(());
    }
    Err(TrustError::Type { field, expected, found: found.chars().take(128).collect() })
}

struct Subject {
    name: String,
    digests: Vec<Digest>,
    unknown: Vec<String>,
}

fn read_subject(subject: &mut Object) -> Result<Subject, TrustError> {
    let name = subject.text("name")?;
    let (digests, unknown) = read_digests(subject.object("digest")?)?;
    Ok(Subject { name, digests, unknown })
}

/// A `DigestSet`: sha256 must be there, and every digest of an algorithm that we know must be well formed.
fn read_digests(set: Object) -> Result<(Vec<Digest>, Vec<String>), TrustError> {
    let at = set.path("sha256");
    let (mut known, mut unknown) = (Vec::new(), Vec::new());
    for (name, value) in set.rest() {
        match (Algorithm::named(&name), value) {
            (Some(algorithm), Json::Text(text)) => {
                let digest = Digest::from_hex(algorithm, &text);
                known.push(digest.ok_or_else(|| wrong(&at, "a digest in lower-case hexadecimal", text))?);
            }
            (_, _) => unknown.push(name),
        }
    }
    if !known.iter().any(|digest| digest.algorithm == Algorithm::Sha256) {
        return Err(wrong(&at, "a sha256 digest", "none".to_owned()));
    }
    Ok((known, unknown))
}

fn wrong(field: &str, expected: &'static str, found: String) -> TrustError {
    TrustError::Field { field: field.to_owned(), expected, found }
}

fn read_sha256(object: &mut Object, field: &str) -> Result<Digest, TrustError> {
    let (digests, _) = read_digests(object.object(field)?)?;
    let sha256 = digests.into_iter().find(|digest| digest.algorithm == Algorithm::Sha256);
    sha256.ok_or_else(|| wrong(&object.path(field), "a sha256 digest", "none".to_owned()))
}

/// The digest of a region: SHA-256 alone, since no other would be compared, and every digest of a set must match
/// (RULES 15).
fn read_region_digest(region: &mut Object) -> Result<Digest, TrustError> {
    let field = region.path("digests");
    match read_digests(region.object("digests")?)? {
        (known, unknown) if known.len() > 1 || !unknown.is_empty() => {
            let names = known.iter().map(|digest| digest.algorithm.name().to_owned()).chain(unknown);
            Err(wrong(&field, "sha256 and no other", names.collect::<Vec<_>>().join(", ")))
        }
        (known, _) => {
            known.into_iter().next().ok_or_else(|| wrong(&field, "a sha256 digest", "none".to_owned()))
        }
    }
}

fn read_product(mut product: Object) -> Result<Product, TrustError> {
    let read = Product {
        vendor: read_name(&mut product, "vendor")?,
        model: read_name(&mut product, "model")?,
        hardware_revisions: product.texts("hardwareRevisions")?,
        channel: product.text_or_absent("channel")?,
    };
    product.end()?;
    Ok(read)
}

/// A name that can stand in `VENDOR/MODEL@RELEASE`.
fn read_name(object: &mut Object, field: &str) -> Result<String, TrustError> {
    let name = object.text(field)?;
    if name.is_empty() || name.contains(['/', '@']) || name.chars().any(char::is_control) {
        return Err(wrong(
            &object.path(field),
            "a name without / @ and control characters",
            format!("{name:?}"),
        ));
    }
    Ok(name)
}

fn read_release(mut release: Object) -> Result<Release, TrustError> {
    let mut time = |field| match release.text_or_absent(field)? {
        Some(text) => Time::parse(&text).map(|_| Some(text)),
        None => Ok(None),
    };
    let (not_before, not_after, support_until) =
        (time("notBefore")?, time("notAfter")?, time("supportUntil")?);
    let read = Release {
        version: read_name(&mut release, "version")?,
        security_version: release.uint_or_absent("securityVersion")?,
        not_before,
        not_after,
        support_until,
        supersedes: release.texts("supersedes")?,
    };
    release.end()?;
    Ok(read)
}

fn read_image(
    image: &mut Object,
    subjects: &[Subject],
    lists: &mut [Vec<ReferenceRegion>],
) -> Result<ImageReference, TrustError> {
    let number = image.uint("subject")?;
    let subject = usize::try_from(number).ok().and_then(|number| subjects.get(number));
    let subject = subject
        .ok_or_else(|| wrong(&image.path("subject"), "the number of a subject", number.to_string()))?;
    let coverage = match image.text("coverage")?.as_str() {
        "complete" => Coverage::Complete,
        "partial" => Coverage::Partial,
        other => return Err(wrong(&image.path("coverage"), "complete or partial", other.to_owned())),
    };
    let files = match image.text_or_absent("files")?.as_deref() {
        None => None,
        Some("whole") => Some(Files::Whole),
        Some("sections") => Some(Files::Sections),
        Some(other) => return Err(wrong(&image.path("files"), "whole or sections", other.to_owned())),
    };
    let erase = image.uint("eraseValue")?;
    Ok(ImageReference {
        name: subject.name.clone(),
        digests: subject.digests.clone(),
        unknown_digests: subject.unknown.clone(),
        format: image.text("format")?,
        size: image.uint("size")?,
        erase_value: u8::try_from(erase)
            .map_err(|_| wrong(&image.path("eraseValue"), "0 to 255", erase.to_string()))?,
        required: image.flag("required")?,
        coverage,
        files,
        layout: image.objects("layout", |part| {
            Ok(Layout {
                part: Partition {
                    name: part.text("name")?,
                    span: Span::new(part.uint("offset")?, part.uint("length")?),
                    erase_block: part.uint_or_absent("eraseBlock")?,
                    environment: None,
                },
                written: part.flag("written")?,
                format: part.text_or_absent("format")?,
            })
        })?,
        regions: match image.uint_or_absent("regions")? {
            None => Vec::new(),
            Some(number) => {
                let list = usize::try_from(number).ok().and_then(|number| lists.get_mut(number));
                core::mem::take(
                    list.ok_or_else(|| wrong(&image.path("regions"), "an array", number.to_string()))?,
                )
            }
        },
    })
}

fn read_region(region: &mut Object) -> Result<ReferenceRegion, TrustError> {
    let mut span = region.object("span")?;
    let read_span = Span::new(span.uint("offset")?, span.uint("length")?);
    span.end()?;
    let method = match region.text("method")?.as_str() {
        "bytes" => Method::Bytes,
        "pieces" => Method::Pieces,
        other => return Err(wrong(&region.path("method"), "bytes or pieces", other.to_owned())),
    };
    let masked = match region.text_or_absent("contentSha256")? {
        None => None,
        Some(text) => Some(
            Digest::from_hex(Algorithm::Sha256, &text)
                .ok_or_else(|| wrong(&region.path("contentSha256"), "a sha256 digest", text))?,
        ),
    };
    let normal =
        match region.take("normal").map(|form| Object::new(form, region.path("normal"))).transpose()? {
            None => None,
            Some(mut form) => {
                let (name, sha256) = (form.text("name")?, form.text("sha256")?);
                let digest = Digest::from_hex(Algorithm::Sha256, &sha256)
                    .ok_or_else(|| wrong(&form.path("sha256"), "a sha256 digest", sha256))?;
                form.end()?;
                Some(Form { name, sha256: digest })
            }
        };
    let attributes = match region.take("attributes") {
        None => Facts::default(),
        Some(json) => Object::new(json, region.path("attributes"))?.rest().into(),
    };
    let path = region.text("path")?;
    let space = region.text_or_absent("space")?;
    Ok(ReferenceRegion {
        other_space: space.filter(|space| space != kiwame_image::space_of(&path)),
        path,
        span: read_span,
        kind: region.text("kind")?,
        name: region.text_or_absent("name")?,
        sha256: read_region_digest(region)?,
        masked,
        normal,
        method,
        attributes,
        order: region.uint_or_absent("order")?,
        supplier: region.text_or_absent("supplier")?,
        defects: region.objects("defects", |defect| {
            Ok(KnownDefect {
                id: defect.text("id")?,
                field: defect.text("field")?,
                offset: defect.uint("offset")?,
                found: defect.text("found")?,
                expected: defect.text("expected")?,
            })
        })?,
    })
}
