//! Mutable rules: where devices may differ, and how far, value by value (RULES 12).

use kiwame_image::{Settings, SettingsFile, is_pattern, len64, name_fits};

use crate::TrustError;
use crate::json::Object;

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

    /// The one of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        [Self::Refuse, Self::Warning, Self::Default].into_iter().find(|one| one.name() == name)
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

/// One entry that may differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyRule {
    /// Name, whole; `*` and `#` in it stand for others (see [`name_fits`]).
    pub name: String,
    /// Grammar of the value.
    pub value: Grammar,
    /// It may be absent although the reference has it.
    pub optional: bool,
}

/// One file that may differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileRule {
    /// Its names from the root of the file system, with slashes between them; `*` and `#` stand for others within one name.
    pub name: String,
    /// How it is read; `None` for content that nobody judges.
    pub format: Option<Settings>,
    /// What it may set. Whatever else it holds equals the reference.
    pub keys: Vec<KeyRule>,
    /// Size cap in bytes.
    pub max_bytes: u64,
    /// It may be absent although the reference has it.
    pub optional: bool,
}

/// What a value may be. Only [`Grammar::Bytes`] says nothing about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Grammar {
    /// Up to this many bytes, whatever they are: affirms only where the buyer's policy names the path.
    Bytes(u64),
    /// Exactly this, in hexadecimal.
    Exactly(String),
    /// One of these words.
    Enum(Vec<String>),
    /// Decimal digits, up to this many.
    Digits(u64),
    /// Hexadecimal digits, up to this many.
    Hex(u64),
    /// Six pairs of hexadecimal digits with colons between them.
    Mac,
    /// Letters, digits and `._+@:-`, up to this many, the first a letter, a digit, a dot or `_`.
    Word(u64),
    /// A decimal number from the first to the second, without leading zeros.
    Range(u64, u64),
    /// A little-endian number of so many bytes, from the first to the second.
    Number(u8, u64, u64),
}

impl Grammar {
    /// Reads `bytes:N`, `exactly:HEX`, `enum:A|B`, `digits:N`, `hex:N`, `mac`, `word:N`, `range:FROM-TO`, or a binary
    /// number: `u8:FROM-TO`, `u16:…`, `u32:…`, `u64:…`. Lengths are the most that a value may have; an empty value keeps to none of them but `bytes` and `exactly`.
    ///
    /// # Errors
    /// When it is none of these.
    pub fn read(text: &str, field: &str) -> Result<Self, TrustError> {
        Self::parse(text).ok_or_else(|| TrustError::Field {
            field: field.to_owned(),
            expected: "bytes:N, exactly:HEX, enum:A|B, digits:N, hex:N, mac, word:N, range:FROM-TO or u16:FROM-TO",
            found: text.chars().take(128).collect(),
        })
    }

    fn parse(text: &str) -> Option<Self> {
        if text == "mac" {
            return Some(Self::Mac);
        }
        let (kind, rest) = text.split_once(':')?;
        let number = || rest.parse().ok();
        Some(match kind {
            "bytes" => Self::Bytes(number()?),
            "digits" => Self::Digits(number()?),
            "hex" => Self::Hex(number()?),
            "word" => Self::Word(number()?),
            "exactly" if rest.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) => {
                Self::Exactly(rest.to_owned())
            }
            "enum" => {
                let words: Vec<_> = rest.split('|').map(str::to_owned).collect();
                // One of them may be a list of words, as the order of two slots is.
                let plain = |list: &String| {
                    list.split(' ').all(|word| !word.is_empty() && word.bytes().all(is_of_word))
                };
                words.iter().all(plain).then_some(Self::Enum(words))?
            }
            "range" | "u8" | "u16" | "u32" | "u64" => {
                let (from, to) = rest.split_once('-')?;
                let (from, to) = (from.parse().ok()?, to.parse().ok()?);
                let read = match kind {
                    "u8" => Self::Number(1, from, to),
                    "u16" => Self::Number(2, from, to),
                    "u32" => Self::Number(4, from, to),
                    "u64" => Self::Number(8, from, to),
                    _ => Self::Range(from, to),
                };
                (from <= to).then_some(read)?
            }
            _ => return None,
        })
    }

    /// The text that it is read from.
    #[must_use]
    pub fn text(&self) -> String {
        match self {
            Self::Bytes(most) => format!("bytes:{most}"),
            Self::Exactly(hex) => format!("exactly:{hex}"),
            Self::Enum(words) => format!("enum:{}", words.join("|")),
            Self::Digits(most) => format!("digits:{most}"),
            Self::Hex(most) => format!("hex:{most}"),
            Self::Mac => "mac".to_owned(),
            Self::Word(most) => format!("word:{most}"),
            Self::Range(from, to) => format!("range:{from}-{to}"),
            Self::Number(bytes, from, to) => format!("u{}:{from}-{to}", bytes.saturating_mul(8)),
        }
    }

    /// True for the one that judges nothing.
    #[must_use]
    pub fn is_any(&self) -> bool {
        matches!(self, Self::Bytes(_))
    }

    /// True when a value keeps to it.
    #[must_use]
    pub fn holds(&self, value: &[u8]) -> bool {
        let most = |most: &u64, allowed: fn(u8) -> bool| {
            !value.is_empty() && len64(value) <= *most && value.iter().all(|&byte| allowed(byte))
        };
        match self {
            Self::Bytes(most) => len64(value) <= *most,
            Self::Exactly(hex) => kiwame_image::hex(value) == *hex,
            Self::Enum(words) => words.iter().any(|word| word.as_bytes() == value),
            Self::Digits(length) => most(length, |byte| byte.is_ascii_digit()),
            Self::Hex(length) => most(length, |byte| byte.is_ascii_hexdigit()),
            // A leading hyphen is an option to a command, an at sign a file to some; dots are directories.
            Self::Word(length) => {
                most(length, is_of_word)
                    && !value.first().is_some_and(|first| b"-@+:".contains(first))
                    && !value.iter().all(|byte| *byte == b'.')
            }
            Self::Mac => {
                let pairs: Vec<_> = value.split(|&byte| byte == b':').collect();
                let pair = |pair: &&[u8]| pair.len() == 2 && pair.iter().all(u8::is_ascii_hexdigit);
                pairs.len() == 6 && pairs.iter().all(pair)
            }
            Self::Number(bytes, from, to) => {
                let number =
                    value.iter().rev().fold(0u64, |sum, &byte| sum.wrapping_shl(8) | u64::from(byte));
                len64(value) == u64::from(*bytes) && (*from..=*to).contains(&number)
            }
            Self::Range(from, to) => {
                let text = core::str::from_utf8(value).ok();
                let number = text.and_then(|text| text.parse::<u64>().ok());
                // Written as the number is: no sign, no leading zero.
                number.is_some_and(|number| {
                    (*from..=*to).contains(&number) && number.to_string().as_bytes() == value
                })
            }
        }
    }
}

fn is_of_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"._+@:-".contains(&byte)
}

impl MutableRule {
    /// Reads a rule of a manifest.
    ///
    /// # Errors
    /// The first field that is not as the schema says.
    pub(crate) fn read(rule: &mut Object) -> Result<Self, TrustError> {
        let path = rule.text("path")?;
        let mut body = rule.object("rule")?;
        let wrong = |field: String, expected, found| Err(TrustError::Field { field, expected, found });
        let read = match body.text("type")?.as_str() {
            "keys" => Mutable::Keys(body.objects("keys", KeyRule::read)?),
            "fields" => Mutable::Fields(body.objects("keys", KeyRule::read)?),
            "data-files" => Mutable::DataFiles(body.objects("files", FileRule::read)?),
            "erased" => Mutable::Erased,
            "any" => Mutable::Any { max_bytes: body.uint("maxBytes")? },
            other => {
                let expected = "keys, fields, data-files, erased or any";
                return wrong(body.path("type"), expected, other.to_owned());
            }
        };
        let remains_max_bytes = body.uint_or_absent("remainsMaxBytes")?.unwrap_or(0);
        let when_empty = match body.text_or_absent("whenEmpty")? {
            None => WhenEmpty::default(),
            Some(name) => match WhenEmpty::named(&name) {
                Some(meaning) => meaning,
                None => return wrong(body.path("whenEmpty"), "refuse, warning or default", name),
            },
        };
        body.end()?;
        Ok(Self { path, rule: read, remains_max_bytes, when_empty })
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
pub(crate) fn says_too_little(name: &str) -> bool {
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

    fn read(key: &mut Object) -> Result<Self, TrustError> {
        Ok(Self {
            name: key.text("name")?,
            value: Grammar::read(&key.text("value")?, &key.path("value"))?,
            optional: key.flag("optional")?,
        })
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

    fn read(file: &mut Object) -> Result<Self, TrustError> {
        let format = match file.text_or_absent("format")? {
            None => None,
            Some(name) => match Settings::named(&name) {
                Some(format) => Some(format),
                None => {
                    let expected = "uci, key-value, ini, table, json or value";
                    return Err(TrustError::Field { field: file.path("format"), expected, found: name });
                }
            },
        };
        Ok(Self {
            name: file.text("name")?,
            format,
            keys: file.objects("keys", KeyRule::read)?,
            max_bytes: file.uint("maxBytes")?,
            optional: file.flag("optional")?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(grammar: &str, value: &str) -> bool {
        let read = Grammar::read(grammar, "value").expect("a grammar");
        assert_eq!(read.text(), grammar);
        read.holds(value.as_bytes())
    }

    #[test]
    fn each_grammar_takes_what_it_names_and_nothing_that_a_shell_or_a_boot_loader_would_expand() {
        for (grammar, good) in [
            ("bytes:3", "a b"),
            ("exactly:6162", "ab"),
            ("enum:on|off", "off"),
            ("enum:A B|B A", "B A"),
            ("digits:3", "007"),
            ("hex:4", "BEef"),
            ("mac", "00:1a:2B:3c:4d:5e"),
            ("word:5", "a.b-1"),
            ("range:1-65535", "22"),
            ("u8:1-9", "\u{5}"),
            ("u16:0-255", "\u{5}\0"),
            ("u32:0-255", "\u{5}\0\0\0"),
            ("u64:0-255", "\u{5}\0\0\0\0\0\0\0"),
        ] {
            assert!(holds(grammar, good), "{grammar} {good}");
            for bad in [
                "",
                " ",
                "1 init=/bin/sh",
                "$x",
                "a;b",
                "0x10",
                "00:1a:2b:3c:4d",
                "00:1a:2b:3c:4d:5g",
                "off ",
                "022",
                "x\n",
            ] {
                let expected = grammar == "bytes:3" && bad.len() <= 3
                    || grammar == "digits:3" && bad == "022"
                    || grammar == "hex:4" && bad == "022"
                    || grammar == "word:5" && ["0x10", "022"].contains(&bad);
                assert_eq!(holds(grammar, bad), expected, "{grammar} {bad:?}");
            }
        }
    }

    #[test]
    fn only_bytes_say_nothing_about_a_value() {
        let is_any = |grammar| Grammar::read(grammar, "value").expect("a grammar").is_any();
        assert!(is_any("bytes:3"));
        assert!(
            !["exactly:61", "enum:a", "digits:1", "hex:1", "mac", "word:1", "range:0-1", "u8:0-1"]
                .map(is_any)
                .contains(&true)
        );
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

    #[test]
    fn what_is_no_grammar_is_refused() {
        for text in [
            "",
            "word",
            "word:",
            "word:x",
            "enum:",
            "enum:a||b",
            "enum:a  b",
            "enum: a",
            "enum:a;b",
            "range:5-1",
            "range:5",
            "exactly:AB",
            "mac:1",
            "any:1",
        ] {
            assert!(Grammar::read(text, "value").is_err(), "{text}");
        }
    }
}
