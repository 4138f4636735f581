//! What well-known UEFI variables hold: signature databases, and boot options.
//!
//! UEFI Specification 2.10, section 32.4.1 (`EFI_SIGNATURE_LIST`), section 3.1.3 (`EFI_LOAD_OPTION`) and table 3.1.
//!
//! ```text
//! signature list                     load option
//! 0x00 SignatureType (GUID)    16    0x00 Attributes          4
//! 0x10 SignatureListSize        4    0x04 FilePathListLength  2
//! 0x14 SignatureHeaderSize      4    0x06 Description         UTF-16, ends with 0
//! 0x18 SignatureSize            4         FilePathList        FilePathListLength
//! 0x1c header, then entries of            OptionalData        the rest
//!      SignatureSize: SignatureOwner (GUID) 16, SignatureData
//! ```
//!
//! Each entry of a signature database is a component, so that an added trust anchor has a name: its type, its
//! owner, and its SHA-256 (of a certificate) or value (of anything shorter).
//!
//! Loader modelled: EDK II `AuthVariableLib`, `DxeImageVerificationLib` and `UefiBootManagerLib`, which walk the
//! lists by their sizes. Ambiguities, each a defect: a list whose sizes contradict each other, a load option that ends
//! too early, a byte that is no number of an option. Limitations: device paths are shown in hexadecimal; optional data
//! beyond 4 KiB are no fact.
//!
//! ## Normal form
//!
//! None: an entry of a database and a boot option are leaves, compared as they lie, `OptionalData` with them.

use kiwame_image::{Builder, Defect, DefectKind, Fact, Guid, Input, Node, Reader, Span, fact, hex, len64};

use crate::uefi::device_path;
use crate::uefi::nvram::utf16;

/// Adds the data of a variable, as the leaves that its name and vendor announce.
pub(crate) fn add<'a>(name: &str, vendor: Guid, data: Input<'a>, bytes: &[u8], out: &mut Builder<'_, 'a>) {
    if is_signature_database(name, vendor) {
        if forbids(name) {
            out.fact(&fact::FORBIDS, true);
        }
        return SignatureList::add_all(data, bytes, out);
    }
    if vendor == GLOBAL && ORDERS.contains(&name) {
        out.fact(&ORDER, order(bytes));
        out.fact(&fact::WORDS, order(bytes));
        if !bytes.len().is_multiple_of(2) {
            let (place, found) = (data.offset(), len64(bytes));
            out.defect(Defect::new(&OPTION_ORDER, "DataSize", place, found, "a multiple of 2"));
        }
    }
    if vendor == GLOBAL && is_load_option(name) {
        return add_load_option(data, bytes, out);
    }
    out.add(Node::new("variable", "data", "variable-data", data));
}

/// The fact about a variable that decides what may start, if it is one: a rule for mutable places does not reach it,
/// and a copy that no longer counts is one as well.
pub(crate) fn guard(name: &str, vendor: Guid) -> Option<&'static Fact> {
    if is_signature_database(name, vendor) || SWITCHES.contains(&(vendor, name)) {
        return Some(&fact::TRUST_ANCHOR);
    }
    let boots =
        vendor == GLOBAL && (ORDERS.contains(&name) || is_load_option(name) || numbered(name, &["Key"]));
    let asks = (vendor == GLOBAL && name == "OsIndications")
        || (vendor == LOADER && ["LoaderEntryDefault", "LoaderEntryOneShot"].contains(&name));
    (boots || asks).then_some(&fact::BOOT_ENTRY)
}

fn is_signature_database(name: &str, vendor: Guid) -> bool {
    match vendor {
        GLOBAL => {
            ["PK", "KEK", "PKDefault", "KEKDefault", "dbDefault", "dbxDefault", "dbtDefault", "dbrDefault"]
                .contains(&name)
        }
        IMAGE_SECURITY => ["db", "dbx", "dbt", "dbr"].contains(&name),
        SHIM => ["MokList", "MokListX", "MokListRT", "MokListXRT"].contains(&name),
        _ => false,
    }
}

/// True for a list of what must not start.
fn forbids(name: &str) -> bool {
    ["dbx", "dbxDefault", "MokListX", "MokListXRT"].contains(&name)
}

/// `Boot####` and its kin: a word and four digits of upper-case hexadecimal.
fn is_load_option(name: &str) -> bool {
    numbered(name, &["Boot", "Driver", "SysPrep", "OsRecovery", "PlatformRecovery"])
}

fn numbered(name: &str, words: &[&str]) -> bool {
    let Some((word, digits)) = name.len().checked_sub(4).and_then(|at| name.split_at_checked(at)) else {
        return false;
    };
    let hexadecimal = |byte: u8| byte.is_ascii_digit() || (b'A'..=b'F').contains(&byte);
    words.contains(&word) && digits.bytes().all(hexadecimal)
}

/// The numbers of options, in order.
fn order(bytes: &[u8]) -> String {
    let (numbers, _) = bytes.as_chunks::<2>();
    let text: Vec<_> = numbers.iter().map(|number| format!("{:04X}", u16::from_le_bytes(*number))).collect();
    text.join(",")
}

fn add_load_option<'a>(data: Input<'a>, bytes: &[u8], out: &mut Builder<'_, 'a>) {
    let option = match LoadOption::read(bytes, data.offset()) {
        Ok(option) => option,
        Err(defect) => {
            out.defect(defect);
            out.add(Node::new("variable", "data", "variable-data", data));
            return;
        }
    };
    out.fact(&LOAD_ATTRIBUTES, option.attributes);
    let words = option.words(bytes);
    out.fact(&DESCRIPTION, option.description);
    out.fact(&DEVICE_PATH, option.path);
    let path_end = option.path_start.saturating_add(len64(option.path));
    // What an operating system's loader takes its command line from.
    let optional = bytes.get(kiwame_image::to_usize(path_end)..).unwrap_or_default();
    if len64(optional) <= LONGEST_OPTIONAL {
        out.fact(&OPTIONAL_DATA, optional);
    }
    out.fact(&fact::WORDS, words);
    let parts = [
        ("description", "load-option", data.slice(0, option.path_start)),
        ("path", "load-option-path", data.slice(option.path_start, len64(option.path))),
        ("optional", "load-option-data", data.from(path_end)),
    ];
    for (key, kind, input) in parts {
        out.add(Node::new("variable", key, kind, input));
    }
}

struct LoadOption<'b> {
    attributes: u32,
    description: String,
    path_start: u64,
    path: &'b [u8],
}

impl<'b> LoadOption<'b> {
    /// What it says, whole: also how it is started, and what its loader is given.
    fn words(&self, bytes: &[u8]) -> String {
        let mut text = format!("{}, {}", self.description, device_path::words(self.path));
        let names = [(0x1, "active"), (0x2, "reconnects"), (0x8, "hidden"), (0x100, "application")];
        let mut rest = self.attributes;
        for (bit, name) in names.into_iter().filter(|(bit, _)| self.attributes & bit != 0) {
            text.push_str(&format!(", {name}"));
            rest &= !bit;
        }
        if self.attributes & 1 == 0 {
            text.push_str(", not active");
        }
        if rest != 0 {
            text.push_str(&format!(", attributes {rest:#x}"));
        }
        let end = self.path_start.saturating_add(len64(self.path));
        let optional = bytes.get(kiwame_image::to_usize(end)..).unwrap_or_default();
        if !optional.is_empty() {
            let given = utf16(optional).filter(|given| !given.is_empty() && given.is_ascii());
            let given = given.unwrap_or_else(|| format!("hex {}", hex(optional)));
            text.push_str(&format!(", with the data {given}"));
        }
        text
    }

    fn read(bytes: &'b [u8], base: u64) -> Result<Self, Defect> {
        let mut reader = Reader::new(bytes, base, &OPTION_TRUNCATED);
        let attributes = reader.u32_le("Attributes")?;
        let length = reader.u16_le("FilePathListLength")?;
        let mut description = Vec::new();
        loop {
            let unit = reader.bytes(2, "Description")?;
            if unit == [0, 0] {
                break;
            }
            description.extend_from_slice(unit);
        }
        let path_start = reader.position();
        let path = reader.bytes(length.into(), "FilePathList")?;
        // What is no text is shown as it lies there: two of them are not the same.
        let description = utf16(&description).unwrap_or_else(|| hex(&description));
        Ok(Self { attributes, description, path_start, path })
    }
}

/// One list of a signature database.
struct SignatureList {
    kind: Guid,
    /// From the start of the data.
    header: Span,
    entries: Span,
    entry: u64,
}

impl SignatureList {
    fn add_all<'a>(data: Input<'a>, bytes: &[u8], out: &mut Builder<'_, 'a>) {
        let (mut start, mut number) = (0, 0u32);
        while start < len64(bytes) {
            let list = match Self::read(bytes, start, data.offset()) {
                Ok(list) => list,
                Err(defect) => {
                    out.defect(defect);
                    let rest = data.from(start);
                    out.add(Node::new("variable", "rest", "variable-data", rest).unknown());
                    return;
                }
            };
            list.add(&data, number, out);
            start = list.entries.end();
            number = number.saturating_add(1);
        }
    }

    fn read(bytes: &[u8], start: u64, base: u64) -> Result<Self, Defect> {
        let rest = bytes.get(kiwame_image::to_usize(start)..).unwrap_or_default();
        let place = base.saturating_add(start);
        let mut reader = Reader::new(rest, place, &TRUNCATED);
        let kind = reader.guid("SignatureType")?;
        let size = u64::from(reader.u32_le("SignatureListSize")?);
        let own = u64::from(reader.u32_le("SignatureHeaderSize")?);
        let header = LIST_HEADER.saturating_add(own);
        let entry = u64::from(reader.u32_le("SignatureSize")?);
        let contradicts =
            |field, found: u64, expected: u64| Defect::new(&SIZE, field, place, found, expected);
        if size > len64(rest) || size < header {
            return Err(contradicts("SignatureListSize", size, len64(rest)));
        }
        // No type of the specification has a header of its own, and EDK II reads over what stands there.
        if own != 0 {
            return Err(contradicts("SignatureHeaderSize", own, 0));
        }
        let entries = size.saturating_sub(header);
        if entry < OWNER || entries.checked_rem(entry) != Some(0) {
            return Err(contradicts("SignatureSize", entry, entries));
        }
        let entries = Span::new(start.saturating_add(header), entries);
        Ok(Self { kind, header: Span::new(start, header), entries, entry })
    }

    fn add<'a>(&self, data: &Input<'a>, number: u32, out: &mut Builder<'_, 'a>) {
        let header = data.slice(self.header.offset, self.header.length);
        let node = Node::new("signature-list", number.to_string(), "signature-list", header);
        out.add(node.with(&SIGNATURE_TYPE, type_name(self.kind)).with(&ENTRY_SIZE, self.entry));
        let mut start = self.entries.offset;
        while start < self.entries.end() {
            if let Err(trouble) = self.add_entry(data.slice(start, self.entry), out) {
                return out.trouble(trouble);
            }
            start = start.saturating_add(self.entry);
        }
    }

    fn add_entry<'a>(
        &self,
        entry: Input<'a>,
        out: &mut Builder<'_, 'a>,
    ) -> Result<(), kiwame_image::Trouble> {
        let window = entry.window()?;
        let owner = window.reader(&TRUNCATED).guid("SignatureOwner")?;
        let content = entry.from(OWNER);
        let value = if content.length() > SHORT {
            content.sha256()?.hex()
        } else {
            hex(window.get(kiwame_image::to_usize(OWNER)..).unwrap_or_default())
        };
        let key = format!("{}-{owner}-{value}", type_name(self.kind));
        let node = Node::new("signature", key, "signature", entry).component().guid(owner);
        let node = node.with(&SIGNATURE_TYPE, type_name(self.kind)).with(&OWNER_FACT, owner.to_string());
        out.add(node.with(&fact::VALUE, value).with(&fact::TRUST_ANCHOR, true));
        Ok(())
    }
}

/// Optional data are a fact up to this length; real ones are a command line.
const LONGEST_OPTIONAL: u64 = 4 << 10;

/// The types of section 32.4.1; others by their GUID.
fn type_name(kind: Guid) -> String {
    let known = TYPES.iter().find(|(guid, _)| *guid == kind);
    known.map_or_else(|| kind.to_string(), |(_, name)| (*name).to_owned())
}

/// `EFI_GLOBAL_VARIABLE` 8BE4DF61-93CA-11D2-AA0D-00E098032B8C.
const GLOBAL: Guid = Guid(*b"\x61\xdf\xe4\x8b\xca\x93\xd2\x11\xaa\x0d\x00\xe0\x98\x03\x2b\x8c");
/// `EFI_IMAGE_SECURITY_DATABASE_GUID` D719B2CB-3D3A-4596-A3BC-DAD00E67656F.
const IMAGE_SECURITY: Guid = Guid(*b"\xcb\xb2\x19\xd7\x3a\x3d\x96\x45\xa3\xbc\xda\xd0\x0e\x67\x65\x6f");
/// `SHIM_LOCK_GUID` 605DAB50-E046-4300-ABB6-3DD810DD8B23.
const SHIM: Guid = Guid(*b"\x50\xab\x5d\x60\x46\xe0\x00\x43\xab\xb6\x3d\xd8\x10\xdd\x8b\x23");
/// `gEfiSecureBootEnableDisableGuid` F0A30BC7-AF08-4556-99C4-001009C93A44.
const SECURE_BOOT: Guid = Guid(*b"\xc7\x0b\xa3\xf0\x08\xaf\x56\x45\x99\xc4\x00\x10\x09\xc9\x3a\x44");
/// `gEfiCustomModeEnableGuid` C076EC0C-7028-4399-A072-71EE5C448B9F.
const CUSTOM_MODE: Guid = Guid(*b"\x0c\xec\x76\xc0\x28\x70\x99\x43\xa0\x72\x71\xee\x5c\x44\x8b\x9f");
/// Variables that turn the signature databases on and off: those of EDK II's `AuthVariableLib`, and of shim.
const SWITCHES: [(Guid, &str); 7] = [
    (SECURE_BOOT, "SecureBootEnable"),
    (CUSTOM_MODE, "CustomMode"),
    (SHIM, "MokSBState"),
    (SHIM, "MokDBState"),
    (SHIM, "MokListTrusted"),
    (SHIM, "MokIgnoreDB"),
    // Generations below which shim starts nothing.
    (SHIM, "SbatLevel"),
];
/// The Boot Loader Interface of systemd 4A67B082-0A4C-41CF-B6C7-440B29BB8C4F.
const LOADER: Guid = Guid(*b"\x82\xb0\x67\x4a\x4c\x0a\xcf\x41\xb6\xc7\x44\x0b\x29\xbb\x8c\x4f");
const ORDERS: [&str; 4] = ["BootOrder", "DriverOrder", "SysPrepOrder", "BootNext"];
const TYPES: [(Guid, &str); 8] = [
    (Guid(*b"\x26\x16\xc4\xc1\x4c\x50\x92\x40\xac\xa9\x41\xf9\x36\x93\x43\x28"), "sha256"),
    (Guid(*b"\x12\xa5\x6c\x82\x10\xcf\xc9\x4a\xb1\x87\xbe\x01\x49\x66\x31\xbd"), "sha1"),
    (Guid(*b"\x07\x53\x3e\xff\xd0\x9f\xc9\x48\x85\xf1\x8a\xd5\x6c\x70\x1e\x01"), "sha384"),
    (Guid(*b"\xae\x0f\x3e\x09\xc4\xa6\x50\x4f\x9f\x1b\xd4\x1e\x2b\x89\xc1\x9a"), "sha512"),
    (Guid(*b"\xa1\x59\xc0\xa5\xe4\x94\xa7\x4a\x87\xb5\xab\x15\x5c\x2b\xf0\x72"), "x509"),
    (Guid(*b"\xe8\x66\x57\x3c\x9c\x26\x34\x4e\xaa\x14\xed\x77\x6e\x85\xb3\xb6"), "rsa2048"),
    (Guid(*b"\x92\xa4\xd2\x3b\xc0\x96\x79\x40\xb4\x20\xfc\xf9\x8e\xf1\x03\xed"), "x509-sha256"),
    (Guid(*b"\x9d\xd2\xaf\x4a\xdf\x68\xee\x49\x8a\xa9\x34\x7d\x37\x56\x65\xa7"), "pkcs7"),
];
const LIST_HEADER: u64 = 28;
/// `SignatureOwner`.
const OWNER: u64 = 16;
/// Data up to the longest digest are shown as they are.
const SHORT: u64 = 64;

/// The kinds of defects of this file.
pub(crate) const DEFECTS: &[&DefectKind] = &[&OPTION_ORDER, &OPTION_TRUNCATED, &SIZE, &TRUNCATED];

/// A list of boot options ends within a number.
static OPTION_ORDER: DefectKind = DefectKind::ambiguous("load-option/order");
/// A boot option ends before a field does.
static OPTION_TRUNCATED: DefectKind = DefectKind::ambiguous("load-option/truncated").cut_short();
/// The sizes of a list of signatures do not add up.
static SIZE: DefectKind = DefectKind::ambiguous("signature-list/size");
/// A list of signatures ends before a field does.
static TRUNCATED: DefectKind = DefectKind::ambiguous("signature-list/truncated").cut_short();

// Facts, in the words of the specification.
static DESCRIPTION: Fact = Fact::new("description");
static DEVICE_PATH: Fact = Fact::new("device-path");
static ENTRY_SIZE: Fact = Fact::new("entry-size");
static LOAD_ATTRIBUTES: Fact = Fact::new("load-attributes");
static OPTIONAL_DATA: Fact = Fact::new("optional-data");
static ORDER: Fact = Fact::new("order");
static OWNER_FACT: Fact = Fact::new("owner");
static SIGNATURE_TYPE: Fact = Fact::new("signature-type");

#[cfg(test)]
mod tests {
    #![allow(clippy::arithmetic_side_effects, clippy::as_conversions, reason = "tests")]

    use super::*;
    use crate::testing::{defects, leaves, parse, region, torture};
    use kiwame_image::{Content, Format, Glance, Reading};

    /// The data alone, as if they were those of `db`.
    #[derive(Debug)]
    struct Database;

    impl Format for Database {
        fn name(&self) -> &'static str {
            "variable"
        }

        fn about(&self) -> &'static str {
            "test"
        }

        fn probe(&self, _head: &Glance<'_>) -> Option<Reading> {
            None
        }

        fn parse<'a>(&self, at: Input<'a>, out: &mut Builder<'_, 'a>) {
            let bytes = at.window().expect("memory");
            add("db", IMAGE_SECURITY, at, &bytes, out);
        }
    }

    fn list(kind: Guid, entries: &[&[u8]]) -> Vec<u8> {
        let entry = 16 + entries[0].len();
        let mut list = kind.0.to_vec();
        for number in [28 + entry * entries.len(), 0, entry] {
            list.extend((number as u32).to_le_bytes());
        }
        for data in entries {
            list.extend([0x11; 16]);
            list.extend(*data);
        }
        list
    }

    fn sample() -> Vec<u8> {
        [list(TYPES[0].0, &[&[0xaa; 32], &[0xbb; 32]]), list(TYPES[4].0, &[&[0x30; 100]])].concat()
    }

    #[test]
    fn every_entry_is_a_component_named_by_type_owner_and_value() {
        let tree = parse(&Database, &sample());
        assert_eq!(defects(&tree), [""; 0]);
        let owner = "11111111-1111-1111-1111-111111111111";
        let hash = format!("signature:sha256-{owner}-{}", "bb".repeat(32));
        assert!(region(&tree, &hash).component);
        let certificate = tree.regions().find(|region| tree.path(region.id).starts_with("signature:x509-"));
        let certificate = certificate.expect("a certificate");
        assert_eq!(certificate.span, Span::new(28 + 2 * 48 + 28, 116));
        assert_eq!(certificate.sha256.is_some(), certificate.component);
    }

    #[test]
    fn sizes_that_contradict_each_other_are_ambiguous() {
        for (at, value) in [(16, 0xff), (16, 27), (20, 48), (24, 15), (24, 47)] {
            let mut data = sample();
            data[at] = value;
            let tree = parse(&Database, &data);
            assert_eq!(defects(&tree), ["signature-list/size"], "{at} {value}");
            assert!(tree.defects()[0].kind.ambiguous);
            assert_eq!(tree.leaves().next().map(|leaf| leaf.content), Some(Content::Unknown));
        }
    }

    #[test]
    fn names_of_load_options() {
        for (name, expected) in [
            ("Boot0001", true),
            ("Boot00ab", false),
            ("BootOrder", false),
            ("PlatformRecovery0000", true),
            ("0001", false),
            ("Böot0001", false),
        ] {
            assert_eq!(is_load_option(name), expected, "{name}");
        }
    }

    #[test]
    fn hostile_bytes() {
        assert_eq!(leaves(&parse(&Database, &sample())).len(), 5);
        torture(&Database, &sample());
    }
}
