//! `firmware.toml`: what a maker writes once for a product.

use kiwame_image::{Algorithm, Arrange as _, Partition, Problem, Span};
use kiwame_trust::devices::{Device, DeviceEntry};
use kiwame_trust::entries::MutableEntry;
use kiwame_trust::manifest::{ImageReference, Layout, Product, Reference, Release, Supplier};
use kiwame_trust::rules::MutableRule;
use kiwame_trust::{Time, TrustError, forms, readers};
use serde::Deserialize;

use crate::problems;

/// The file. `docs/fields.md` is made of these tables: the comment on a field is what it says of it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Description {
    /// Version of this schema. Always `"kiwame-firmware/1"`
    schema: String,
    /// What the firmware is for.
    product: ProductEntry,
    /// Which release it is.
    release: ReleaseEntry,
    /// Partitions of flash that carries no partition table. Those of one image share no byte.
    #[serde(default)]
    layout: Vec<LayoutEntry>,
    /// Who answers for which part; of several that reach a place, the one with the longest path.
    #[serde(default)]
    supplier: Vec<SupplierEntry>,
    /// Where devices may differ, and how far. Of several rules that reach a place, all must hold.
    #[serde(default)]
    mutable: Vec<MutableEntry>,
    /// What lies where on the medium of a device in which images of several releases lie side by side.
    #[serde(default)]
    device: Vec<DeviceEntry>,
    /// Documents beside the manifest, which names them and checks nothing.
    #[serde(default)]
    reference: Vec<ReferenceEntry>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct ProductEntry {
    /// The maker, as policies name it. Example: `"Example"`
    vendor: forms::Name,
    /// The model, as policies name it. Example: `"Router-1"`
    model: forms::Name,
    /// The hardware revisions that it is for; none means all. Example: `["B2"]`
    #[serde(default)]
    hardware_revisions: Vec<String>,
    /// The release channel; a policy takes `release` unless it says otherwise. Default: `"release"` Example: `"beta"`
    channel: Option<String>,
    /// The path of the setting that is the unit's serial number; tables of many units go by it. Example: `"partition:env/variable:serial"`
    serial: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct ReleaseEntry {
    /// The version, as the maker writes it. Example: `"2.1.0"`
    version: forms::Name,
    /// A number that only goes up, for refusing a downgrade; none counts as 0. Example: `3`
    security_version: Option<u64>,
    /// The manifest does not count before. Example: `"2026-11-21T09:00:00Z"`
    not_before: Option<forms::Timestamp>,
    /// The manifest does not count after. Example: `"2031-11-21T09:00:00Z"`
    not_after: Option<forms::Timestamp>,
    /// Until when the maker mends the release; told, and compared with nothing. Example: `"2031-11-21T09:00:00Z"`
    support_until: Option<forms::Timestamp>,
    /// Versions that it replaces. Example: `["2.0.0", "2.0.1"]`
    #[serde(default)]
    supersedes: Vec<String>,
    /// Digests of the whole image beside SHA-256. Example: `["sha384"]`
    #[serde(default)]
    digests: Vec<forms::Algorithm>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct LayoutEntry {
    /// Its name: the path of what lies there begins with `partition:` and the name. Example: `"env"`
    name: String,
    /// Where it begins in the image, in bytes. Example: `0x80000`
    offset: u64,
    /// How many bytes it has. Example: `0x10000`
    length: u64,
    /// Bytes of the medium's erase blocks there, a power of two and 4096 at least; flash file systems are read by it.
    /// Example: `0x10000`
    erase_block: Option<u64>,
    /// The device itself writes there: what is packed there may be packed anew, and times may differ. Example: `true`
    #[serde(default)]
    written: bool,
    /// Format of what the device makes there, where the release leaves it empty. Example: `"jffs2"`
    format: Option<forms::Format>,
    /// Name of the image that it is of, where the release has several; all of them without. Example: `"flash.bin"`
    image: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct SupplierEntry {
    /// What they answer for. Example: `"partition:boot"`
    path: forms::PathOrAll,
    /// Their name, as people are told it. Example: `"Boot Works"`
    name: String,
    /// Where to reach them. Example: `"psirt@boot.example"`
    contact: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct ReferenceEntry {
    /// What the document is. Example: `"sbom"`
    #[serde(rename = "type")]
    kind: String,
    /// Its digest. Example: `"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"`
    sha256: forms::Sha256,
}

const SCHEMA: &str = "kiwame-firmware/1";

impl Description {
    /// Reads the file.
    pub(crate) fn parse(text: &[u8]) -> Result<Self, Problem> {
        let text = readers::text(text).map_err(|error| error.problem())?;
        let read: Self =
            toml::from_str(text).map_err(|error| TrustError::Toml(error.to_string()).problem())?;
        if read.schema == SCHEMA {
            Ok(read)
        } else {
            let (field, expected, found) = ("schema", SCHEMA, read.schema);
            Err(TrustError::Type { field, expected, found }.problem().exit(2))
        }
    }

    pub(crate) fn product(&self) -> Product {
        let ProductEntry { vendor, model, hardware_revisions, channel, serial } = &self.product;
        Product {
            vendor: vendor.clone(),
            model: model.clone(),
            hardware_revisions: hardware_revisions.clone(),
            channel: channel.clone(),
            serial: serial.clone(),
        }
    }

    pub(crate) fn release(&self) -> Release {
        Release {
            version: self.release.version.clone(),
            security_version: self.release.security_version,
            not_before: self.release.not_before.clone(),
            not_after: self.release.not_after.clone(),
            support_until: self.release.support_until.clone(),
            supersedes: self.release.supersedes.clone(),
        }
    }

    /// The digests that the manifest gives of a whole image: SHA-256, and those that the maker asks for.
    pub(crate) fn digests(&self) -> Result<Vec<Algorithm>, Problem> {
        let mut algorithms = vec![Algorithm::Sha256];
        for name in &self.release.digests {
            let unknown = || Problem::new(&problems::ALGORITHM).arg("name", name);
            algorithms.push(Algorithm::named(name).ok_or_else(unknown)?);
        }
        algorithms.dedup();
        Ok(algorithms)
    }

    /// The layout of the image of that name.
    pub(crate) fn layout(&self, image: &str) -> Vec<Layout> {
        let part = |part: &LayoutEntry| Layout {
            part: Partition {
                name: part.name.clone(),
                span: Span::new(part.offset, part.length),
                erase_block: part.erase_block,
                environment: None,
            },
            written: part.written,
            format: part.format.clone(),
        };
        let is_of = |part: &&LayoutEntry| part.image.as_deref().is_none_or(|name| name == image);
        self.layout.iter().filter(is_of).map(part).collect()
    }

    /// Each image that a layout names is given.
    pub(crate) fn names_images(&self, images: &[ImageReference]) -> Result<(), Problem> {
        let named = self.layout.iter().filter_map(|part| part.image.as_ref());
        let missing = named.into_iter().find(|name| !images.iter().any(|image| image.name == **name));
        missing.map_or(Ok(()), |name| Err(Problem::new(&problems::LAYOUT_IMAGE).arg("name", name)))
    }

    /// Who answers for something has a name: `describe` leaves it to be filled in.
    pub(crate) fn check_suppliers(&self) -> Result<(), Problem> {
        let unnamed = self.supplier.iter().find(|supplier| supplier.name.is_empty());
        unnamed.map_or(Ok(()), |supplier| {
            Err(Problem::new(&problems::SUPPLIER_NAME).arg("path", &supplier.path))
        })
    }

    /// Times are written as manifests have them.
    pub(crate) fn check_times(&self) -> Result<(), Problem> {
        let ReleaseEntry { not_before, not_after, support_until, .. } = &self.release;
        let times = [("not-before", not_before), ("not-after", not_after), ("support-until", support_until)];
        times.into_iter().filter_map(|(field, time)| Some((field, time.as_deref()?))).try_for_each(
            |(field, time)| {
                let wrong = |error: TrustError| error.problem().exit(2).at(format!("release.{field}"));
                Time::parse(time).map(drop).map_err(wrong)
            },
        )
    }

    /// Partitions of an image have names of their own and share no byte.
    pub(crate) fn check_layout(&self) -> Result<(), Problem> {
        let mut images: Vec<_> = self.layout.iter().map(|part| part.image.as_deref().unwrap_or("")).collect();
        images.arrange();
        images.dedup();
        images.into_iter().try_for_each(|image| self.check_layout_of(image))
    }

    fn check_layout_of(&self, image: &str) -> Result<(), Problem> {
        let mut parts: Vec<_> = self.layout(image).into_iter().map(|layout| layout.part).collect();
        let odd = |size: u64| !size.is_power_of_two() || size < 4096;
        if let Some(part) = parts.iter().find(|part| part.erase_block.is_some_and(odd)) {
            return Err(Problem::new(&problems::ERASE_BLOCK).arg("name", &part.name));
        }
        let mut formats = self.layout.iter().filter_map(|part| Some((&part.name, part.format.as_ref()?)));
        if let Some((name, format)) = formats.find(|(_, format)| kiwame_formats::named(format).is_none()) {
            return Err(Problem::new(&problems::LAYOUT_FORMAT).arg("name", name).arg("found", format));
        }
        parts.arrange_by_key(|part| (part.span.offset, part.span.length));
        if let Some(part) = parts.iter().find(|part| part.span.is_empty() || part.name.is_empty()) {
            return Err(Problem::new(&problems::LAYOUT_EMPTY).arg("name", &part.name));
        }
        for pair in parts.windows(2) {
            let [a, b] = pair else { continue };
            if a.span.end() > b.span.offset {
                return Err(Problem::new(&problems::LAYOUT_OVERLAP)
                    .arg("name", &a.name)
                    .arg("end", format!("{:#x}", a.span.end()))
                    .arg("other", &b.name)
                    .arg("begun", format!("{:#x}", b.span.offset)));
            }
        }
        let mut names: Vec<_> = parts.iter().map(|part| &part.name).collect();
        names.arrange();
        match names.windows(2).find(|pair| pair.first() == pair.last()).and_then(<[_]>::first) {
            Some(name) => Err(Problem::new(&problems::LAYOUT_TWICE).arg("name", *name)),
            None => Ok(()),
        }
    }

    /// Who answers for which path.
    pub(crate) fn answers(&self) -> Vec<(String, String)> {
        self.supplier.iter().map(|supplier| (supplier.path.clone(), supplier.name.clone())).collect()
    }

    pub(crate) fn suppliers(&self) -> Vec<Supplier> {
        let mut suppliers: Vec<_> = self
            .supplier
            .iter()
            .map(|supplier| Supplier { name: supplier.name.clone(), contact: supplier.contact.clone() })
            .collect();
        suppliers.arrange_by(|a, b| a.name.cmp(&b.name));
        suppliers.dedup_by(|a, b| a.name == b.name);
        suppliers
    }

    pub(crate) fn references(&self) -> Vec<Reference> {
        let reference =
            |entry: &ReferenceEntry| Reference { kind: entry.kind.clone(), sha256: entry.sha256.clone() };
        self.reference.iter().map(reference).collect()
    }

    pub(crate) fn devices(&self) -> Result<Vec<Device>, Problem> {
        let read =
            |entry: &DeviceEntry| Device::of_entry(entry.clone()).map_err(|error| error.problem().exit(2));
        self.device.iter().map(read).collect()
    }

    pub(crate) fn mutable(&self) -> Result<Vec<MutableRule>, Problem> {
        let read = |entry: &MutableEntry| entry.read().map_err(|error| error.problem().exit(2));
        self.mutable.iter().map(read).collect()
    }
}
