//! Devices: a medium as an arrangement of releases (RULES 7, 13 and 14).
//!
//! Makers publish images; an auditor holds the dump of a chip, in which images of several makers lie side by side. Whoever makes the
//! device, or whoever buys it, says which lies where. Outside its own image a manifest covers what a device names for that place
//! and nothing else; what no part takes is erased.

use kiwame_image::{Arrange as _, Span, Text, Words};

use serde::Deserialize;

use crate::TrustError;
use crate::{forms, tables};

/// A device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device {
    /// Its name, for people.
    pub name: String,
    /// Bytes that its medium may have: parts are bought from several makers.
    pub sizes: Vec<u64>,
    /// What an erased byte of the medium holds.
    pub erase_value: u8,
    /// What lies on it, by offset; no two share a byte.
    pub parts: Vec<DevicePart>,
}

/// A part of a device's medium.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DevicePart {
    /// Its name, for people and for paths.
    pub name: String,
    /// Where it lies.
    pub span: Span,
    /// What lies there.
    pub holds: Holds,
}

/// What lies in a part of a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Holds {
    /// An image of the release that describes the device, by its name.
    Image(String),
    /// An image of a release of that product, which is judged by the policy's rule for it.
    Product {
        /// `VENDOR/MODEL`.
        scope: String,
        /// The image's name; any of the release without.
        image: Option<String>,
        /// Floor of the security version.
        min_security_version: Option<u64>,
    },
    /// Bytes of one of these digests.
    Digests(Vec<String>),
    /// What is no image.
    Content(PartContent),
}

/// Parts of one device.
const MOST_PARTS: usize = 32;

impl Device {
    /// True for a medium of that size.
    #[must_use]
    pub fn has_size(&self, size: u64) -> bool {
        self.sizes.contains(&size)
    }

    /// The products that it names.
    pub fn products(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().filter_map(|part| match &part.holds {
            Holds::Product { scope, .. } => Some(scope.as_str()),
            Holds::Image(_) | Holds::Digests(_) | Holds::Content(_) => None,
        })
    }

    /// What no part takes of a medium of that size.
    #[must_use]
    pub fn gaps(&self, size: u64) -> Vec<Span> {
        let mut gaps = Vec::new();
        let mut at = 0;
        for part in &self.parts {
            gaps.push(Span::between(at, part.span.offset));
            at = part.span.end();
        }
        gaps.push(Span::between(at, size));
        gaps.retain(|gap| !gap.is_empty());
        gaps
    }

    /// Parts have names of their own, share no byte, and lie on each medium.
    fn checked(mut self, field: &str) -> Result<Self, TrustError> {
        let wrong = |at: &str, expected, found: Words| {
            Err(TrustError::Field { field: format!("{field}{at}"), expected, found })
        };
        let Some(smallest) = self.sizes.iter().copied().min().filter(|size| *size > 0) else {
            return wrong(".sizes", SIZES, Words::new("none", "無し"));
        };
        if self.parts.is_empty() || self.parts.len() > MOST_PARTS {
            return wrong(".part", PARTS, Words::plain(self.parts.len()));
        }
        let compares = |part: &DevicePart| matches!(part.holds, Holds::Image(_) | Holds::Product { .. });
        if !self.parts.iter().any(compares) {
            return wrong(".part", AN_IMAGE, Words::new("none", "無し"));
        }
        self.parts.arrange_by_key(|part| (part.span.offset, part.span.length));
        let mut names: Vec<_> = self.parts.iter().map(|part| part.name.as_str()).collect();
        names.arrange();
        let twice = names.array_windows().find(|[one, other]| one == other);
        let unfit = self.parts.iter().find(|part| part.name.is_empty() || part.name.contains('/'));
        if let Some(name) = twice.map(|[name, _]| *name).or(unfit.map(|part| part.name.as_str())) {
            return wrong(".part.name", NAMES, Words::from(format!("{name:?}")));
        }
        let mut end = 0;
        for part in &self.parts {
            let last = part.span.offset.checked_add(part.span.length);
            let fits = !part.span.is_empty() && last.is_some_and(|last| last <= smallest);
            if !fits || part.span.offset < end {
                let found = format!("{} {:#x}+{:#x}", part.name, part.span.offset, part.span.length);
                return wrong(".part", PLACE, Words::from(found));
            }
            end = part.span.end();
        }
        Ok(self)
    }

    /// A device of a policy, which is of no release: an image there is one of a product.
    ///
    /// # Errors
    /// What is wrong with it, and where.
    pub(crate) fn of_policy(entry: DeviceEntry) -> Result<Self, TrustError> {
        let device = Self::of_entry(entry)?;
        let image = device.parts.iter().find_map(|part| match &part.holds {
            Holds::Image(image) => Some((&part.name, image)),
            Holds::Product { .. } | Holds::Digests(_) | Holds::Content(_) => None,
        });
        match image {
            Some((name, image)) => {
                let field = format!("device {}: part {name}: image", device.name);
                Err(TrustError::Field { field, expected: WITH_PRODUCT, found: image.as_str().into() })
            }
            None => Ok(device),
        }
    }

    /// A device as somebody wrote it.
    ///
    /// # Errors
    /// What is wrong with it, and where.
    pub fn of_entry(entry: DeviceEntry) -> Result<Self, TrustError> {
        let field = format!("device {}", entry.name);
        let parts = entry.part.into_iter().map(|part| {
            let DevicePartEntry {
                name,
                offset,
                length,
                product,
                image,
                min_security_version,
                sha256,
                content,
            } = part;
            let said = Said { product, image, floor: min_security_version, sha256, content };
            let holds = said.read(&format!("{field}: part {name}"))?;
            Ok(DevicePart { name, span: Span::new(offset, length), holds })
        });
        let parts = parts.collect::<Result<Vec<_>, TrustError>>()?;
        let erase_value = erase_value(entry.erase_value, &field)?;
        Self { name: entry.name, sizes: entry.sizes, erase_value, parts }.checked(&field)
    }

    /// A device of a manifest, the one of that number.
    ///
    /// # Errors
    /// What is wrong with it, and where.
    pub(crate) fn of_manifest(number: usize, table: tables::Device) -> Result<Self, TrustError> {
        let field = format!("predicate.devices[{number}]");
        let parts = table.parts.into_iter().map(|part| {
            let tables::DevicePart { name, span, product, image, min_security_version, sha256, content } =
                part;
            let said = Said { product, image, floor: min_security_version, sha256, content };
            let holds = said.read(&format!("{field}.parts: {name}"))?;
            Ok(DevicePart { name, span: Span::new(span.offset, span.length), holds })
        });
        let parts = parts.collect::<Result<Vec<_>, TrustError>>()?;
        let erase_value = erase_value(table.erase_value, &field)?;
        Self { name: table.name, sizes: table.sizes, erase_value, parts }.checked(&field)
    }
}

/// What lies in a part that no image does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PartContent {
    /// Erased bytes.
    Erased,
    /// Whatever is no program; nobody judges it. Of a maker's device it affirms only where the policy names the part too (`accept-any`).
    Any,
}

impl PartContent {
    /// The word for it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Erased => "erased",
            Self::Any => "any",
        }
    }

    /// The one of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        [Self::Erased, Self::Any].into_iter().find(|one| one.name() == name)
    }
}

/// A device as people write it, in a policy or a `firmware.toml`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct DeviceEntry {
    /// Its name, for people. Example: `"Laptop-7 mainboard"`
    name: String,
    /// Bytes that its medium may have. Example: `[16777216]`
    sizes: Vec<u64>,
    /// What an erased byte of the medium holds. Default: `255` Example: `0`
    erase_value: Option<u64>,
    /// What lies on it. What no part takes is erased.
    #[serde(default)]
    part: Vec<DevicePartEntry>,
}

/// A part of it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct DevicePartEntry {
    /// Its name: the path of what lies there begins with `part:` and the name. Example: `"bios"`
    name: String,
    /// Where it begins, in bytes. Example: `0x800000`
    offset: u64,
    /// How many bytes it has. Example: `0x800000`
    length: u64,
    /// The product of which a release lies there, `VENDOR/MODEL`; it is judged by the rule for it. Example: `"Example/Bios-7"`
    product: Option<String>,
    /// Name of the release's image; any of them without. Example: `"bios.fd"`
    image: Option<String>,
    /// Floor of the security version there. Example: `3`
    min_security_version: Option<u64>,
    /// Digests of what may lie there. Example: `["9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"]`
    #[serde(default)]
    sha256: Vec<forms::Sha256>,
    /// What lies there where no product does: erased bytes, or whatever is no program, which nobody judges. Example: `"erased"`
    content: Option<forms::PartContent>,
}

/// What somebody says of a part.
struct Said {
    product: Option<String>,
    image: Option<String>,
    floor: Option<u64>,
    sha256: Vec<String>,
    content: Option<String>,
}

impl Said {
    /// One thing is said, and what does not belong to it is not.
    fn read(self, field: &str) -> Result<Holds, TrustError> {
        let wrong = |at: &str, expected, found: String| {
            Err(TrustError::Field { field: format!("{field}{at}"), expected, found: found.into() })
        };
        if let Some(text) = self.sha256.iter().find(|text| !is_sha256(text)) {
            return wrong(": sha256", crate::policy::DIGEST, text.chars().take(128).collect());
        }
        if self.floor.is_some() && self.product.is_none() {
            return wrong(": min-security-version", WITH_PRODUCT, "no product".to_owned());
        }
        match (self.product, self.image, self.sha256.is_empty(), self.content.as_deref()) {
            (Some(scope), image, true, None) => {
                let fits = scope.split_once('/').is_some_and(|(vendor, model)| {
                    let named = |name: &str| !name.is_empty() && !name.contains(['/', '@']);
                    named(vendor) && named(model)
                });
                if !fits {
                    return wrong(": product", SCOPE, scope);
                }
                Ok(Holds::Product { scope, image, min_security_version: self.floor })
            }
            (None, Some(image), true, None) => Ok(Holds::Image(image)),
            (None, None, false, None) => Ok(Holds::Digests(self.sha256)),
            (None, None, true, Some(content)) => match PartContent::named(content) {
                Some(content) => Ok(Holds::Content(content)),
                None => {
                    let found = content.chars().take(64).collect::<String>();
                    wrong(": content", CONTENT, format!("\"{found}\""))
                }
            },
            (None, None, true, None) => wrong("", ONE_OF, "nothing".to_owned()),
            (_, _, _, _) => wrong("", ONE_OF, "several".to_owned()),
        }
    }
}

fn is_sha256(text: &str) -> bool {
    kiwame_image::Digest::from_hex(kiwame_image::Algorithm::Sha256, text).is_some()
}

fn erase_value(value: Option<u64>, field: &str) -> Result<u8, TrustError> {
    let wrong = |found: u64| TrustError::Field {
        field: format!("{field}: erase-value"),
        expected: Text::new("0 to 255", "0 から 255"),
        found: found.into(),
    };
    value.map_or(Ok(ERASED), |value| u8::try_from(value).map_err(|_| wrong(value)))
}

/// What erased NOR flash holds.
const ERASED: u8 = 0xff;

const SIZES: Text = Text::new("bytes of the medium, 1 or more", "媒体のバイト数(1 以上)");
const PARTS: Text = Text::new("1 to 32 parts", "1 から 32 の部分");
const AN_IMAGE: Text = Text::new("a part with an image or a product", "image 又は product を持つ部分");
const NAMES: Text =
    Text::new("a name of its own for each part, without a slash", "部分毎に異なる名前(スラッシュを含まない)");
const PLACE: Text = Text::new(
    "a place on the smallest medium that no other part has",
    "最小の媒体に収まり、他の部分と重ならない位置",
);
const SCOPE: Text = Text::new("VENDOR/MODEL", "VENDOR/MODEL の形");
const WITH_PRODUCT: Text = Text::new("product beside it", "product の併記");
const CONTENT: Text = Text::new("erased or any", "erased 又は any");
const ONE_OF: Text =
    Text::new("one of product, image, sha256 and content", "product、image、sha256、content のいずれか一つ");

#[cfg(test)]
mod tests {
    use super::*;

    fn read(parts: &str) -> Result<Device, String> {
        let text = format!("name = \"Laptop\"\nsizes = [16]\n{parts}");
        let entry: DeviceEntry = toml::from_str(&text).map_err(|error| error.to_string())?;
        Device::of_policy(entry).map_err(|error| error.problem().says().english)
    }

    fn part(name: &str, offset: u64, length: u64, rest: &str) -> String {
        format!("[[part]]\nname = \"{name}\"\noffset = {offset}\nlength = {length}\n{rest}\n")
    }

    #[test]
    fn parts_lie_apart_and_leave_gaps() {
        let parts = part("b", 8, 4, "product = \"V/M\"\nmin-security-version = 2")
            + &part("a", 2, 4, "content = \"any\"");
        let device = read(&parts).expect("a device");
        assert_eq!(device.parts.iter().map(|part| &*part.name).collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(device.gaps(16), [Span::new(0, 2), Span::new(6, 2), Span::new(12, 4)]);
        assert_eq!(device.products().collect::<Vec<_>>(), ["V/M"]);
        assert!(device.has_size(16) && !device.has_size(8) && device.erase_value == 0xff);
        let whole = read(&part("a", 0, 16, "product = \"V/M\"")).expect("a device");
        assert_eq!(whole.gaps(16), []);
    }

    #[test]
    fn what_a_part_holds_is_one_thing() {
        let digest = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
        let product = part("b", 1, 1, "product = \"V/M\"\nimage = \"a.bin\"");
        for rest in [&*format!("sha256 = [\"{digest}\"]"), "content = \"any\"", "content = \"erased\""] {
            assert!(read(&(part("a", 0, 1, rest) + &product)).is_ok(), "{rest}");
            // Somebody has signed something of it.
            assert!(read(&part("a", 0, 1, rest)).expect_err(rest).contains("product"), "{rest}");
        }
        for (rest, word) in [
            ("", "nothing"),
            ("image = \"a.bin\"", "a.bin"),
            ("content = \"any\"\nproduct = \"V/M\"", "several"),
            ("content = \"free\"", "free"),
            ("product = \"V\"", "V"),
            ("product = \"V/M@1\"", "V/M@1"),
            ("content = \"any\"\nmin-security-version = 1", "no product"),
            ("sha256 = [\"9F\"]", "9F"),
            ("held = 1", "held"),
        ] {
            let error = read(&part("a", 0, 1, rest)).expect_err(rest);
            assert!(error.contains(word), "{rest}: {error}");
        }
    }

    #[test]
    fn places_that_no_medium_has_are_refused() {
        let any = "product = \"V/M\"";
        for parts in [
            part("a", 0, 17, any),
            part("a", 16, 1, any),
            part("a", 0, 0, any),
            part("a", u64::MAX >> 1, u64::MAX >> 1, any),
            part("a", 0, 4, any) + &part("b", 3, 2, any),
            part("a", 0, 4, any) + &part("a", 4, 2, any),
            part("a/b", 0, 4, any),
            String::new(),
        ] {
            assert!(read(&parts).is_err(), "{parts}");
        }
    }
}
