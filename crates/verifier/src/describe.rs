//! `firmware.toml`: what a maker writes once for a product.

use kiwame_image::{Algorithm, Arrange as _, Partition, Settings, Span};
use kiwame_trust::manifest::{ImageReference, Layout, Product, Reference, Release, Supplier};
use kiwame_trust::rules::{FileRule, Grammar, KeyRule, Mutable, MutableRule, WhenEmpty};
use serde::Deserialize;

/// The file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Description {
    schema: String,
    product: ProductEntry,
    release: ReleaseEntry,
    #[serde(default)]
    layout: Vec<LayoutEntry>,
    #[serde(default)]
    supplier: Vec<SupplierEntry>,
    #[serde(default)]
    mutable: Vec<MutableEntry>,
    #[serde(default)]
    reference: Vec<ReferenceEntry>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct ProductEntry {
    vendor: String,
    model: String,
    #[serde(default)]
    hardware_revisions: Vec<String>,
    channel: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct ReleaseEntry {
    version: String,
    security_version: Option<u64>,
    not_before: Option<String>,
    not_after: Option<String>,
    support_until: Option<String>,
    #[serde(default)]
    supersedes: Vec<String>,
    /// Digests of the whole image beside SHA-256.
    #[serde(default)]
    digests: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct LayoutEntry {
    name: String,
    offset: u64,
    length: u64,
    /// Bytes of the medium's erase blocks there.
    erase_block: Option<u64>,
    /// The device itself writes there.
    #[serde(default)]
    written: bool,
    /// Format of what the device makes there.
    format: Option<String>,
    /// Name of the image that it is of, where the release has several; all of them without.
    image: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct SupplierEntry {
    path: String,
    name: String,
    contact: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct ReferenceEntry {
    #[serde(rename = "type")]
    kind: String,
    sha256: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct MutableEntry {
    path: String,
    rule: String,
    #[serde(default)]
    keys: Vec<KeyEntry>,
    /// Files of `data-files`, or fields, whose values nobody judges.
    #[serde(default)]
    names: Vec<String>,
    #[serde(default)]
    files: Vec<FileEntry>,
    max_bytes: Option<u64>,
    #[serde(default)]
    remains_max_bytes: u64,
    when_empty: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct KeyEntry {
    name: String,
    value: String,
    #[serde(default)]
    optional: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct FileEntry {
    name: String,
    format: Option<String>,
    #[serde(default)]
    keys: Vec<KeyEntry>,
    max_bytes: u64,
    #[serde(default)]
    optional: bool,
}

const SCHEMA: &str = "kiwame-firmware/1";

impl Description {
    /// Reads the file.
    pub(crate) fn parse(text: &[u8]) -> Result<Self, String> {
        let text = core::str::from_utf8(text).map_err(|error| error.to_string())?;
        let read: Self = toml::from_str(text).map_err(|error| error.to_string())?;
        if read.schema == SCHEMA {
            Ok(read)
        } else {
            Err(format!("schema: found \"{}\", expected \"{SCHEMA}\"", read.schema))
        }
    }

    pub(crate) fn product(&self) -> Product {
        let ProductEntry { vendor, model, hardware_revisions, channel } = &self.product;
        Product {
            vendor: vendor.clone(),
            model: model.clone(),
            hardware_revisions: hardware_revisions.clone(),
            channel: channel.clone(),
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
    pub(crate) fn digests(&self) -> Result<Vec<Algorithm>, String> {
        let mut algorithms = vec![Algorithm::Sha256];
        for name in &self.release.digests {
            let algorithm =
                Algorithm::named(name).ok_or_else(|| format!("release.digests: no algorithm \"{name}\""))?;
            algorithms.push(algorithm);
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
    pub(crate) fn names_images(&self, images: &[ImageReference]) -> Result<(), String> {
        let named = self.layout.iter().filter_map(|part| part.image.as_ref());
        let missing = named.into_iter().find(|name| !images.iter().any(|image| image.name == **name));
        missing.map_or(Ok(()), |name| Err(format!("layout: no image \"{name}\" is given")))
    }

    /// Who answers for something has a name: `describe` leaves it to be filled in.
    pub(crate) fn check_suppliers(&self) -> Result<(), String> {
        let unnamed = self.supplier.iter().find(|supplier| supplier.name.is_empty());
        unnamed.map_or(Ok(()), |supplier| Err(format!("supplier {}: name is empty", supplier.path)))
    }

    /// Partitions of an image have names of their own and share no byte.
    pub(crate) fn check_layout(&self) -> Result<(), String> {
        let mut images: Vec<_> = self.layout.iter().map(|part| part.image.as_deref().unwrap_or("")).collect();
        images.arrange();
        images.dedup();
        images.into_iter().try_for_each(|image| self.check_layout_of(image))
    }

    fn check_layout_of(&self, image: &str) -> Result<(), String> {
        let mut parts: Vec<_> = self.layout(image).into_iter().map(|layout| layout.part).collect();
        let odd = |size: u64| !size.is_power_of_two() || size < 4096;
        if let Some(part) = parts.iter().find(|part| part.erase_block.is_some_and(odd)) {
            return Err(format!("layout \"{}\": erase-block: a power of two, 4096 at least", part.name));
        }
        let mut formats = self.layout.iter().filter_map(|part| Some((&part.name, part.format.as_ref()?)));
        if let Some((name, format)) = formats.find(|(_, format)| kiwame_formats::named(format).is_none()) {
            return Err(format!("layout \"{name}\": format: found \"{format}\", which kiwame does not open"));
        }
        parts.arrange_by_key(|part| (part.span.offset, part.span.length));
        if let Some(part) = parts.iter().find(|part| part.span.is_empty() || part.name.is_empty()) {
            return Err(format!("layout \"{}\": a partition has a name and at least one byte", part.name));
        }
        for pair in parts.windows(2) {
            let [a, b] = pair else { continue };
            if a.span.end() > b.span.offset {
                return Err(format!(
                    "layout \"{}\" ends at {:#x}, where \"{}\" has begun at {:#x}",
                    a.name,
                    a.span.end(),
                    b.name,
                    b.span.offset
                ));
            }
        }
        let mut names: Vec<_> = parts.iter().map(|part| &part.name).collect();
        names.arrange();
        match names.windows(2).find(|pair| pair.first() == pair.last()).and_then(<[_]>::first) {
            Some(name) => Err(format!("layout \"{name}\" is listed twice")),
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

    pub(crate) fn mutable(&self) -> Result<Vec<MutableRule>, String> {
        self.mutable.iter().map(MutableEntry::read).collect()
    }
}

impl MutableEntry {
    fn read(&self) -> Result<MutableRule, String> {
        let cap = || self.max_bytes.ok_or_else(|| format!("mutable {}: max-bytes is missing", self.path));
        let rule = match self.rule.as_str() {
            "keys" => Mutable::Keys(self.key_rules(&self.keys)?),
            "fields" => Mutable::Fields(self.fields()?),
            "data-files" => Mutable::DataFiles(self.file_rules()?),
            "erased" => Mutable::Erased,
            "any" => Mutable::Any { max_bytes: cap()? },
            other => {
                let rules = "keys, fields, data-files, erased or any";
                return Err(format!("mutable {}: rule: found \"{other}\", expected {rules}", self.path));
            }
        };
        let when_empty = match self.when_empty.as_deref() {
            None => WhenEmpty::default(),
            Some(name) => WhenEmpty::named(name).ok_or_else(|| {
                let meanings = "refuse, warning or default";
                format!("mutable {}: when-empty: found \"{name}\", expected {meanings}", self.path)
            })?,
        };
        Ok(MutableRule {
            path: self.path.clone(),
            rule,
            remains_max_bytes: self.remains_max_bytes,
            when_empty,
        })
    }

    fn key_rules(&self, keys: &[KeyEntry]) -> Result<Vec<KeyRule>, String> {
        keys.iter().map(|key| self.key(key)).collect()
    }

    fn key(&self, key: &KeyEntry) -> Result<KeyRule, String> {
        let field = format!("mutable {}: {}", self.path, key.name);
        let value = Grammar::read(&key.value, &field).map_err(|error| error.to_string())?;
        Ok(KeyRule { name: key.name.clone(), value, optional: key.optional })
    }

    /// Fields by name only are values that nobody judges.
    fn fields(&self) -> Result<Vec<KeyRule>, String> {
        let mut keys = self.key_rules(&self.keys)?;
        keys.extend(self.names.iter().map(|name| KeyRule {
            name: name.clone(),
            value: Grammar::Bytes(self.max_bytes.unwrap_or(0)),
            optional: false,
        }));
        Ok(keys)
    }

    /// Files by name only are content that nobody judges.
    fn file_rules(&self) -> Result<Vec<FileRule>, String> {
        let missing = || format!("mutable {}: max-bytes is missing", self.path);
        let mut files = self.files.iter().map(|file| self.file(file)).collect::<Result<Vec<_>, _>>()?;
        for name in &self.names {
            let max_bytes = self.max_bytes.ok_or_else(missing)?;
            let name = name.clone();
            files.push(FileRule { name, format: None, keys: Vec::new(), max_bytes, optional: false });
        }
        Ok(files)
    }

    fn file(&self, file: &FileEntry) -> Result<FileRule, String> {
        let format = match file.format.as_deref() {
            None => None,
            Some(name) => Some(Settings::named(name).ok_or_else(|| {
                let formats = Settings::ALL.map(Settings::name).join(", ");
                let found = format!("found \"{name}\", expected one of {formats}");
                format!("mutable {}: {}: format: {found}", self.path, file.name)
            })?),
        };
        Ok(FileRule {
            name: file.name.clone(),
            format,
            keys: self.key_rules(&file.keys)?,
            max_bytes: file.max_bytes,
            optional: file.optional,
        })
    }
}
