//! Mutable rules: where devices may differ, and how far, value by value (RULES 12).

use kiwame_image::{SettingsFile, Text, is_pattern, name_fits};

use crate::TrustError;
pub use crate::grammar::Grammar;
use crate::json::{NOTHING, WHOLE_NUMBER};
use crate::tables;
pub use crate::tables::SETTINGS;
pub use crate::tables::{FileRule, KeyRule};

/// A place where devices may differ, and how far.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MutableRule {
    /// Whole segments; everything at and below it.
    pub path: String,
    /// How far.
    pub rule: Mutable,
    /// Bytes of what nothing reaches any more, and no program is, that may lie there.
    pub remains_max_bytes: u64,
    /// What the loader does where the place is erased.
    pub when_empty: WhenEmpty,
}

/// What a loader does with an empty store, and so what an empty one means.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WhenEmpty {
    /// The device does not run as it should: a difference.
    #[default]
    Refuse,
    /// A person must look.
    Warning,
    /// It takes defaults that are part of the release: within the rule.
    Default,
}

impl WhenEmpty {
    /// The name in `firmware.toml` and manifests.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Refuse => "refuse",
            Self::Warning => "warning",
            Self::Default => "default",
        }
    }

    /// What is expected where one of them stands.
    pub const EXPECTED: Text = Text::new("refuse, warning or default", "refuse、warning、default のいずれか");

    /// The one of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        [Self::Refuse, Self::Warning, Self::Default].into_iter().find(|one| one.name() == name)
    }
}

/// A rule for a place where devices may differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RuleType {
    /// Settings by name, each with a grammar for its value. Whatever else is there equals the reference.
    Keys,
    /// Fields of a header by name, each with a grammar for its value.
    Fields,
    /// Files by name. Whatever else is there equals the reference.
    DataFiles,
    /// Erased bytes, and nothing else.
    Erased,
    /// Anything up to a cap. It affirms only where the policy names the place too (`accept-any`).
    Any,
}

impl RuleType {
    /// The name in `firmware.toml` and manifests.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Keys => "keys",
            Self::Fields => "fields",
            Self::DataFiles => "data-files",
            Self::Erased => "erased",
            Self::Any => "any",
        }
    }

    /// What is expected where one of them stands.
    pub const EXPECTED: Text = Text::new(
        "keys, fields, data-files, erased or any",
        "keys、fields、data-files、erased、any のいずれか",
    );

    /// The one of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        let all = [Self::Keys, Self::Fields, Self::DataFiles, Self::Erased, Self::Any];
        all.into_iter().find(|one| one.name() == name)
    }
}

/// The closed set of mutable rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mutable {
    /// Named entries, each with a grammar for its value.
    Keys(Vec<KeyRule>),
    /// Named fields of a header, each with a grammar for its value.
    Fields(Vec<KeyRule>),
    /// Data files.
    DataFiles(Vec<FileRule>),
    /// Only the erase value.
    Erased,
    /// Anything, up to a byte cap. Affirms only if the buyer's policy names the path as well.
    Any {
        /// Cap on the bytes that it covers.
        max_bytes: u64,
    },
}

impl Mutable {
    /// Which of them it is.
    #[must_use]
    pub fn rule_type(&self) -> RuleType {
        match self {
            Self::Keys(_) => RuleType::Keys,
            Self::Fields(_) => RuleType::Fields,
            Self::DataFiles(_) => RuleType::DataFiles,
            Self::Erased => RuleType::Erased,
            Self::Any { .. } => RuleType::Any,
        }
    }
}

/// What a rule of another type would have.
pub(crate) const NO_SUCH_FIELD: Text =
    Text::new("no such field for this rule", "この規則にそのフィールドは無いこと");

impl MutableRule {
    /// A rule of a manifest, the one of that number.
    ///
    /// # Errors
    /// A field that its rule does not have, or the one that it lacks.
    pub(crate) fn of(number: usize, table: tables::Mutable) -> Result<Self, TrustError> {
        let tables::Mutable { path, rule } = table;
        let tables::Rule { kind, keys, files, max_bytes, remains_max_bytes, when_empty } = rule;
        let at = |field: &str| format!("predicate.mutable[{number}].rule.{field}");
        let wrong = |field: &str, expected, found: Text| {
            Err(TrustError::Field { field: at(field), expected, found: found.into() })
        };
        let (has_keys, has_files) = (keys.is_some(), files.is_some());
        let (keys, files) = (keys.unwrap_or_default(), files.unwrap_or_default());
        let read = match (kind, max_bytes) {
            (RuleType::Keys, _) => Mutable::Keys(keys),
            (RuleType::Fields, _) => Mutable::Fields(keys),
            (RuleType::DataFiles, _) => Mutable::DataFiles(files),
            (RuleType::Erased, _) => Mutable::Erased,
            (RuleType::Any, Some(max_bytes)) => Mutable::Any { max_bytes },
            (RuleType::Any, None) => return wrong("maxBytes", WHOLE_NUMBER, NOTHING),
        };
        // What a rule does not have, somebody could mean.
        let foreign = [
            ("keys", has_keys && !matches!(kind, RuleType::Keys | RuleType::Fields)),
            ("files", has_files && kind != RuleType::DataFiles),
            ("maxBytes", max_bytes.is_some() && kind != RuleType::Any),
        ];
        if let Some((field, _)) = foreign.into_iter().find(|(_, foreign)| *foreign) {
            return wrong(field, NO_SUCH_FIELD, Text::new("one", "有り"));
        }
        let (remains_max_bytes, when_empty) =
            (remains_max_bytes.unwrap_or(0), when_empty.unwrap_or_default());
        Ok(Self { path, rule: read, remains_max_bytes, when_empty })
    }

    /// What is wrong with a rule whatever image it is for: where, and what.
    pub(crate) fn check(&self) -> Result<(), (String, Text)> {
        if kiwame_image::segments(&self.path).all(|segment| segment == "image") {
            return Err((self.path.clone(), WHOLE_IMAGE));
        }
        if let Some(name) = self.names().find(|name| says_too_little(name)) {
            return Err((name.to_owned(), SHORT_PATTERN));
        }
        for keys in self.key_lists() {
            let mut names = std::collections::BTreeSet::new();
            if let Some(twice) = keys.iter().find(|key| !names.insert(&key.name)) {
                return Err((twice.name.clone(), KEY_TWICE));
            }
        }
        Ok(())
    }

    /// Every name of a key or a file in it that stands for several.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        let files = match &self.rule {
            Mutable::DataFiles(files) => files.as_slice(),
            Mutable::Keys(_) | Mutable::Fields(_) | Mutable::Erased | Mutable::Any { .. } => &[],
        };
        let keys = self.key_lists().into_iter().flatten();
        // A name of a specification holds the sign itself, as `serial#` does.
        let keys = keys.filter(|key| key.name.contains('*') || key.name.matches('#').count() > 1);
        keys.map(|key| key.name.as_str()).chain(files.iter().map(|file| file.name.as_str()))
    }

    /// Every list of keys in it.
    pub(crate) fn key_lists(&self) -> Vec<&[KeyRule]> {
        match &self.rule {
            Mutable::Keys(keys) | Mutable::Fields(keys) => vec![keys],
            Mutable::DataFiles(files) => files.iter().map(|file| file.keys.as_slice()).collect(),
            Mutable::Erased | Mutable::Any { .. } => Vec::new(),
        }
    }
}

const WHOLE_IMAGE: Text = Text::new("a rule covers the whole image", "規則がイメージ全体に及ぶ");
const SHORT_PATTERN: Text = Text::new(
    "a pattern needs three letters or digits beside * and #",
    "パターンには * と # の他に英数字が三つ必要",
);
const KEY_TWICE: Text = Text::new("a rule lists the key twice", "規則に同じキーが二度有る");

/// True for a name that a specification or a loader owns, which no pattern reaches: each is listed by itself. A pattern for
/// UEFI variables says whose they are.
fn is_owned(pattern: &str, name: &[u8]) -> bool {
    let vendor = name.split_at_checked(GUID).filter(|(guid, rest)| {
        rest.first() == Some(&b'-')
            && guid.iter().enumerate().all(|(at, &byte)| match at {
                8 | 13 | 18 | 23 => byte == b'-',
                _ => byte.is_ascii_hexdigit(),
            })
    });
    match vendor {
        Some((guid, _)) => {
            let said = pattern.as_bytes().get(..GUID).is_some_and(|said| said == guid);
            !said || OWNED_GUIDS.iter().any(|owned| owned.as_bytes() == guid)
        }
        None => OWNED_NAMES.iter().any(|owned| name_fits(owned, name)),
    }
}

/// Signs of a GUID as names of variables have it.
const GUID: usize = 36;
/// EFI global, image security, shim, boot loader interface, memory overwrite, capsule report, vendor keys (UEFI
/// Specification 2.10, sections 3.3 and 32; systemd's Boot Loader Interface).
const OWNED_GUIDS: [&str; 7] = [
    "8BE4DF61-93CA-11D2-AA0D-00E098032B8C",
    "D719B2CB-3D3A-4596-A3BC-DAD00E67656F",
    "605DAB50-E046-4300-ABB6-3DD810DD8B23",
    "4A67B082-0A4C-41CF-B6C7-440B29BB8C4F",
    "E20939BE-32D4-41BE-A150-897F85D49829",
    "39B68C46-F7FB-441B-B6EC-16B0F69821F3",
    "C076EC0C-7028-4399-A072-71EE5C448B9F",
];
/// What U-Boot itself reads, writes or runs in its environment (`doc/usage/environment.rst`, `include/env_default.h` and the
/// scripts of its boards), and what a kernel takes from there.
const OWNED_NAMES: [&str; 58] = [
    "*args*",
    "*boot*",
    "*cmd*",
    "*script*",
    "BOOT*",
    "auto*",
    "baudrate",
    "board*",
    "console*",
    "cmdline",
    "device",
    "dfu*",
    "dhcp*",
    "distro*",
    "dns*",
    "dtb*",
    "efi*",
    "eth*",
    "extension*",
    "extra_*",
    "fdt*",
    "file*",
    "flags",
    "gatewayip",
    "hostname",
    "init*",
    "interface",
    "ip*",
    "kernel*",
    "load*",
    "mmc*",
    "mtd*",
    "net*",
    "nfs*",
    "nvlan",
    "opt*",
    "overlay*",
    "part*",
    "pre*",
    "pxe*",
    "ramdisk*",
    "root*",
    "run*",
    "server*",
    "set*",
    "silent",
    "soc",
    "splash*",
    "std*",
    "tftp*",
    "update*",
    "upgrade*",
    "usb*",
    "vendor",
    "verify",
    "vlan",
    "wdt*",
    "watchdog*",
];
/// Files and directories by which boot loaders, systems at their start and shells choose what they run.
const OWNED_FILES: [&str; 34] = [
    "*.service",
    "*.timer",
    ".*rc",
    ".*profile",
    ".ssh",
    "bin",
    "boot",
    "boot.scr",
    "cmdline.txt",
    "config.txt",
    "cron*",
    "dropbear*",
    "efi",
    "extlinux",
    "firewall*",
    "grub*",
    "hotplug*",
    "if-*",
    "inetd*",
    "init*",
    "lib*",
    "linuxrc",
    "loader",
    "mdev*",
    "modules*",
    "passwd*",
    "ppp",
    "rc*",
    "sbin",
    "shadow*",
    "shinit",
    "startup.nsh",
    "systemd*",
    "uenv*",
];

/// Directories of which no pattern reaches a file.
const OWNED_DIRECTORIES: [&str; 20] = [
    ".ssh",
    "bin",
    "boot",
    "cron.d",
    "crontabs",
    "efi",
    "extlinux",
    "grub",
    "hotplug.d",
    "init.d",
    "loader",
    "modules.d",
    "ppp",
    "profile.d",
    "rc.button",
    "rc.d",
    "sbin",
    "systemd",
    "uci-defaults",
    "udev",
];

/// True for a name in a path that decides what runs, where the rule has not listed it by itself.
fn is_owned_file(pattern: &str, name: &[u8]) -> bool {
    let lower = name.to_ascii_lowercase();
    let owned = if is_pattern(pattern) { &OWNED_FILES[..] } else { &OWNED_DIRECTORIES[..] };
    owned.iter().any(|owned| name_fits(owned, &lower))
}

/// A pattern says by three signs at least which names it means: one that takes any reaches names that nobody thought of.
fn says_too_little(name: &str) -> bool {
    let parts = name.split('/').filter(|part| is_pattern(part));
    parts.into_iter().any(|part| part.bytes().filter(u8::is_ascii_alphanumeric).count() < 3)
}

/// The settings files that rules name, with the format in which each is read.
#[must_use]
pub fn settings(rules: &[MutableRule]) -> Vec<SettingsFile> {
    let mut files = Vec::new();
    for rule in rules {
        let Mutable::DataFiles(listed) = &rule.rule else { continue };
        files.extend(listed.iter().filter_map(|file| {
            let format = file.format?;
            Some(SettingsFile { scope: rule.path.clone(), name: file.name.clone(), format })
        }));
    }
    files
}

impl KeyRule {
    /// True when the rule is for the entry of that name: whole, or by a pattern that may reach it.
    #[must_use]
    pub fn is_for(&self, name: &[u8]) -> bool {
        self.name.as_bytes() == name
            || self.is_pattern() && name_fits(&self.name, name) && !is_owned(&self.name, name)
    }

    /// True for a name that stands for several.
    #[must_use]
    pub fn is_pattern(&self) -> bool {
        is_pattern(&self.name)
    }

    /// The rule of a list for the entry of that name: one that lists it goes before a pattern.
    #[must_use]
    pub fn of<'k>(keys: &'k [Self], name: &[u8]) -> Option<&'k Self> {
        let listed = keys.iter().find(|key| key.name.as_bytes() == name);
        listed.or_else(|| keys.iter().find(|key| key.is_for(name)))
    }
}

impl FileRule {
    /// True when the rule is for the file of that path: whole, or by a pattern that may reach it.
    #[must_use]
    pub fn is_for(&self, path: &[u8]) -> bool {
        let names = || path.split(|&byte| byte == b'/');
        let fits = || {
            let patterns = self.name.split('/');
            patterns.clone().count() == names().count()
                && patterns.zip(names()).all(|(pattern, name)| name_fits(pattern, name))
        };
        self.name.as_bytes() == path
            || self.is_pattern()
                && fits()
                && !self.name.split('/').zip(names()).any(|(pattern, name)| is_owned_file(pattern, name))
    }

    /// True when a file of the rule may lie in that directory, which ends with a slash; the root is empty.
    #[must_use]
    pub fn leads_from(&self, directory: &[u8]) -> bool {
        let around = directory.split(|&byte| byte == b'/').filter(|name| !name.is_empty());
        let mut patterns = self.name.split('/');
        let inside = around.into_iter().all(|name| {
            patterns.next().is_some_and(|pattern| pattern.as_bytes() == name || name_fits(pattern, name))
        });
        inside && patterns.next().is_some()
    }

    /// True for a name that stands for several.
    #[must_use]
    pub fn is_pattern(&self) -> bool {
        is_pattern(&self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_has_its_own_fields_and_no_other() {
        let read = |kind: &str, keys: bool, files: bool, max_bytes: bool| {
            let rule = tables::Rule {
                kind: RuleType::named(kind).expect("a rule"),
                keys: keys.then(|| vec![key("a")]),
                files: files.then(Vec::new),
                max_bytes: max_bytes.then_some(7),
                remains_max_bytes: None,
                when_empty: None,
            };
            let read = MutableRule::of(2, tables::Mutable { path: "a".to_owned(), rule });
            read.map(|read| read.rule.rule_type().name()).map_err(|error| error.to_string())
        };
        for (kind, keys, files, max_bytes) in [
            ("keys", true, false, false),
            ("fields", true, false, false),
            ("data-files", false, true, false),
            ("erased", false, false, false),
            ("any", false, false, true),
        ] {
            assert_eq!(read(kind, keys, files, max_bytes).as_deref(), Ok(kind));
            for (field, other) in [
                ("keys", (!keys).then(|| read(kind, true, files, max_bytes))),
                ("files", (!files).then(|| read(kind, keys, true, max_bytes))),
                ("maxBytes", (!max_bytes).then(|| read(kind, keys, files, true))),
            ] {
                let Some(other) = other else { continue };
                let error = format!(
                    "predicate.mutable[2].rule.{field}: found one, expected no such field for this rule"
                );
                assert_eq!(other, Err(error), "{kind}");
            }
        }
        let error = "predicate.mutable[2].rule.maxBytes: found nothing, expected a whole number";
        assert_eq!(read("any", false, false, false).unwrap_err(), error);
    }

    fn key(name: &str) -> KeyRule {
        KeyRule { name: name.to_owned(), value: Grammar::Mac, optional: false }
    }

    #[test]
    fn patterns_reach_no_name_that_a_specification_or_a_loader_owns() {
        let vendor = "3C4EAD08-45AE-4315-8D15-A60EAA8CAF69";
        assert!(key(&format!("{vendor}-Log*")).is_for(format!("{vendor}-Log12").as_bytes()));
        assert!(key(&format!("{vendor}-*")).is_for(format!("{vendor}-AB").as_bytes()));
        for (pattern, name) in [
            ("*", "3C4EAD08-45AE-4315-8D15-A60EAA8CAF69-Log1"),
            ("########-*", "3C4EAD08-45AE-4315-8D15-A60EAA8CAF69-Log1"),
            (
                "8BE4DF61-93CA-11D2-AA0D-00E098032B8C-Boot####",
                "8BE4DF61-93CA-11D2-AA0D-00E098032B8C-Boot0001",
            ),
            ("605DAB50-E046-4300-ABB6-3DD810DD8B23-*", "605DAB50-E046-4300-ABB6-3DD810DD8B23-SbatLevel"),
            ("*", "bootcmd"),
            ("*", "ethaddr"),
            ("s*", "serverip"),
        ] {
            assert!(!key(pattern).is_for(name.as_bytes()), "{pattern} {name}");
            // Listed by itself it may.
            assert!(key(name).is_for(name.as_bytes()));
        }
        assert!(key("serial#").is_for(b"serial#") && key("unit_*").is_for(b"unit_name"));
        // A hyphen behind 36 signs makes no vendor of them.
        assert!(key("unit_*").is_for(format!("unit_{}-x", "1".repeat(31)).as_bytes()));
    }

    #[test]
    fn a_listed_name_goes_before_a_pattern() {
        let keys = [key("led_*"), KeyRule { value: Grammar::Digits(1), ..key("led_1") }];
        assert_eq!(KeyRule::of(&keys, b"led_1").map(|key| &key.value), Some(&Grammar::Digits(1)));
        assert_eq!(KeyRule::of(&keys, b"led_2").map(|key| &key.value), Some(&Grammar::Mac));
        assert_eq!(KeyRule::of(&keys, b"lamp"), None);
    }

    #[test]
    fn a_pattern_for_files_stays_within_one_name() {
        let file = |name: &str| FileRule {
            name: name.to_owned(),
            format: None,
            keys: Vec::new(),
            max_bytes: 1,
            optional: true,
        };
        assert!(
            file("etc/config/*").is_for(b"etc/config/system")
                && !file("etc/config/*").is_for(b"etc/config/a/b")
        );
        assert!(
            !file("*/*").is_for(b"EFI/x")
                && !file("*").is_for(b"startup.nsh")
                && file("startup.nsh").is_for(b"startup.nsh")
        );
        let deep = file("var/*/state");
        assert!(
            deep.leads_from(b"")
                && deep.leads_from(b"var/x/")
                && !deep.leads_from(b"var/x/state/")
                && !deep.leads_from(b"etc/")
        );
        assert!(deep.is_pattern() && !file("var/log/state").is_pattern());
    }

    #[test]
    fn a_name_with_a_star_or_a_sign_for_a_digit_is_a_pattern() {
        assert!(key("led_*").is_pattern() && key("led_#").is_pattern() && !key("led_1").is_pattern());
    }
}
