//! Mutable rules: where devices may differ, and how far, value by value (RULES 12).

use kiwame_image::{Settings, SettingsFile, len64};

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
    /// Name, whole.
    pub name: String,
    /// Grammar of the value.
    pub value: Grammar,
    /// It may be absent although the reference has it.
    pub optional: bool,
}

/// One file that may differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileRule {
    /// Its names from the root of the file system, with slashes between them.
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

    /// Every list of keys in it.
    pub(crate) fn key_lists(&self) -> Vec<&[KeyRule]> {
        match &self.rule {
            Mutable::Keys(keys) | Mutable::Fields(keys) => vec![keys],
            Mutable::DataFiles(files) => files.iter().map(|file| file.keys.as_slice()).collect(),
            Mutable::Erased | Mutable::Any { .. } => Vec::new(),
        }
    }
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
    fn read(key: &mut Object) -> Result<Self, TrustError> {
        Ok(Self {
            name: key.text("name")?,
            value: Grammar::read(&key.text("value")?, &key.path("value"))?,
            optional: key.flag("optional")?,
        })
    }
}

impl FileRule {
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
            ("u16:0-255", "\u{5}\0"),
        ] {
            assert!(holds(grammar, good), "{grammar} {good}");
            for bad in
                ["", " ", "1 init=/bin/sh", "$x", "a;b", "0x10", "00:1a:2b:3c:4d", "off ", "022", "x\n"]
            {
                let expected = grammar == "bytes:3" && bad.len() <= 3
                    || grammar == "digits:3" && bad == "022"
                    || grammar == "hex:4" && bad == "022"
                    || grammar == "word:5" && ["0x10", "022"].contains(&bad);
                assert_eq!(holds(grammar, bad), expected, "{grammar} {bad:?}");
            }
        }
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
