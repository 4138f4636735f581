//! `firmware.toml`: what a maker writes once for a product.

use kiwame_image::{Algorithm, Arrange as _, Partition, Problem, Settings, Span, Text};
use kiwame_trust::devices::{Device, DeviceEntry};
use kiwame_trust::manifest::{ImageReference, Layout, Product, Reference, Release, Supplier};
use kiwame_trust::rules::{FileRule, Grammar, KeyRule, Mutable, MutableRule, RuleType, SETTINGS, WhenEmpty};
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

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct MutableEntry {
    /// Where devices may differ. Example: `"partition:env"`
    path: forms::Path,
    /// How far. Example: `"keys"`
    rule: forms::RuleType,
    /// The settings of the rule `keys`, or the header's fields of the rule `fields`.
    #[serde(default)]
    keys: Vec<KeyEntry>,
    /// Files of `data-files`, or fields of `fields`, whose values nobody judges; `max-bytes` holds for each.
    /// Example: `["upper/var/log/state"]`
    #[serde(default)]
    names: Vec<forms::NameOrPattern>,
    /// The files of the rule `data-files`.
    #[serde(default)]
    files: Vec<FileEntry>,
    /// Cap in bytes of the rule `any`, which needs it, and of each of `names`. Example: `65536`
    max_bytes: Option<u64>,
    /// Bytes that may be left of older values that nothing reaches any more, and no program. Example: `4096`
    #[serde(default)]
    remains_max_bytes: u64,
    /// What the device does where the place is erased. Default: `"refuse"` Example: `"default"`
    when_empty: Option<forms::WhenEmpty>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct KeyEntry {
    /// Name of the setting or field. Example: `"ethaddr"`
    name: forms::NameOrPattern,
    /// What its value may be. Example: `"mac"`
    value: forms::Grammar,
    /// It may be absent although the reference has it. Example: `true`
    #[serde(default)]
    optional: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct FileEntry {
    /// Its names from the root of the file system, with slashes between them; a directory ends with one.
    /// Example: `"upper/etc/config/system"`
    name: forms::NameOrPattern,
    /// How it is read; nobody judges the content without. Example: `"uci"`
    format: Option<forms::Settings>,
    /// The settings in it that may differ. Whatever else it holds equals the reference.
    #[serde(default)]
    keys: Vec<KeyEntry>,
    /// Cap on its size in bytes. Example: `4096`
    max_bytes: u64,
    /// It may be absent although the reference has it. Example: `true`
    #[serde(default)]
    optional: bool,
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
        self.mutable.iter().map(MutableEntry::read).collect()
    }
}

/// A value that is none of those that there are.
fn wrong(field: String, found: &str, expected: Text) -> Problem {
    TrustError::Field { field, expected, found: format!("\"{found}\"").into() }.problem().exit(2)
}

impl MutableEntry {
    fn read(&self) -> Result<MutableRule, Problem> {
        self.check_own()?;
        let cap = || self.max_bytes.ok_or_else(|| self.no_cap());
        let rule = match RuleType::named(&self.rule) {
            Some(RuleType::Keys) => Mutable::Keys(self.key_rules(&self.keys)?),
            Some(RuleType::Fields) => Mutable::Fields(self.fields()?),
            Some(RuleType::DataFiles) => Mutable::DataFiles(self.file_rules()?),
            Some(RuleType::Erased) => Mutable::Erased,
            Some(RuleType::Any) => Mutable::Any { max_bytes: cap()? },
            None => {
                return Err(wrong(format!("mutable {}: rule", self.path), &self.rule, RuleType::EXPECTED));
            }
        };
        let when_empty = match self.when_empty.as_deref() {
            None => WhenEmpty::default(),
            Some(name) => WhenEmpty::named(name).ok_or_else(|| {
                wrong(format!("mutable {}: when-empty", self.path), name, WhenEmpty::EXPECTED)
            })?,
        };
        Ok(MutableRule {
            path: self.path.clone(),
            rule,
            remains_max_bytes: self.remains_max_bytes,
            when_empty,
        })
    }

    /// A rule has no field that it does not use: whoever wrote it there means that something may differ.
    /// That the cap is missing.
    fn no_cap(&self) -> Problem {
        Problem::new(&problems::NO_CAP).arg("path", &self.path)
    }

    fn check_own(&self) -> Result<(), Problem> {
        let rule = self.rule.as_str();
        let any_of = |rules: &[RuleType]| rules.iter().any(|one| one.name() == rule);
        let (keys, files) = ([RuleType::Keys, RuleType::Fields], [RuleType::DataFiles]);
        let names = [RuleType::DataFiles, RuleType::Fields];
        let foreign = [
            ("keys", !self.keys.is_empty() && !any_of(&keys)),
            ("files", !self.files.is_empty() && !any_of(&files)),
            ("names", !self.names.is_empty() && !any_of(&names)),
            ("max-bytes", self.max_bytes.is_some() && self.names.is_empty() && !any_of(&[RuleType::Any])),
        ];
        let path = &self.path;
        match foreign.into_iter().find(|(_, foreign)| *foreign && RuleType::named(rule).is_some()) {
            Some((field, _)) => {
                let problem = Problem::new(&problems::FOREIGN).arg("path", path);
                Err(problem.arg("field", field).arg("rule", rule))
            }
            None => Ok(()),
        }
    }

    fn key_rules(&self, keys: &[KeyEntry]) -> Result<Vec<KeyRule>, Problem> {
        keys.iter().map(|key| self.key(key)).collect()
    }

    fn key(&self, key: &KeyEntry) -> Result<KeyRule, Problem> {
        let field = format!("mutable {}: {}", self.path, key.name);
        let value = Grammar::read(&key.value, &field).map_err(|error| error.problem().exit(2))?;
        Ok(KeyRule { name: key.name.clone(), value, optional: key.optional })
    }

    /// Fields by name only are values that nobody judges.
    fn fields(&self) -> Result<Vec<KeyRule>, Problem> {
        let mut keys = self.key_rules(&self.keys)?;
        keys.extend(self.names.iter().map(|name| KeyRule {
            name: name.clone(),
            value: Grammar::Bytes(self.max_bytes.unwrap_or(0)),
            optional: false,
        }));
        Ok(keys)
    }

    /// Files by name only are content that nobody judges.
    fn file_rules(&self) -> Result<Vec<FileRule>, Problem> {
        let mut files = self.files.iter().map(|file| self.file(file)).collect::<Result<Vec<_>, _>>()?;
        for name in &self.names {
            let max_bytes = self.max_bytes.ok_or_else(|| self.no_cap())?;
            let name = name.clone();
            files.push(FileRule { name, format: None, keys: Vec::new(), max_bytes, optional: false });
        }
        Ok(files)
    }

    fn file(&self, file: &FileEntry) -> Result<FileRule, Problem> {
        let format = match file.format.as_deref() {
            None => None,
            Some(name) => Some(Settings::named(name).ok_or_else(|| {
                wrong(format!("mutable {}: {}: format", self.path, file.name), name, SETTINGS)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_is_not_given_what_it_has_no_use_for() {
        let head = "schema = \"kiwame-firmware/1\"\n[product]\nvendor = \"a\"\nmodel = \"b\"\n[release]\nversion = \"1\"\n";
        let read = |rule: &str, more: &str| {
            let text = format!("{head}[[mutable]]\npath = \"p\"\nrule = \"{rule}\"\n{more}\n");
            let read = Description::parse(text.as_bytes()).expect("a description").mutable();
            read.map(|rules| rules.len()).map_err(|problem| problem.says().english)
        };
        let (keys, names) =
            ("keys = [{ name = \"a\", value = \"mac\" }]", "names = [\"abc\"]\nmax-bytes = 1");
        let (files, most) = ("files = [{ name = \"abc\", max-bytes = 1 }]", "max-bytes = 1");
        let all = [("keys", keys), ("files", files), ("names", names), ("max-bytes", most)];
        for (rule, own) in [
            ("keys", &["keys"][..]),
            ("fields", &["keys", "names"]),
            ("data-files", &["files", "names"]),
            ("erased", &[]),
            ("any", &["max-bytes"]),
        ] {
            for (field, lines) in all {
                let needed = if rule == "any" && field != "max-bytes" { "max-bytes = 1" } else { "" };
                let lines = if field == "names" && rule == "any" { "names = [\"abc\"]" } else { lines };
                let error = format!("mutable p: {field}: the rule {rule} has no use for it here");
                let expected = if own.contains(&field) { Ok(1) } else { Err(error) };
                assert_eq!(read(rule, &format!("{lines}\n{needed}")), expected, "{rule} {field}");
            }
        }
    }
}
