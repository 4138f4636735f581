//! Grammars: what the value of a setting may be (RULES 12).

use kiwame_image::{Text, len64};

use crate::TrustError;

/// A kind of grammar, by whose word the reader finds it. The comment on its `static` says what it takes; `docs/fields.md`
/// lists all, and a test reads and holds each example.
#[derive(Debug)]
pub struct GrammarKind {
    /// The word in front of the colon.
    pub word: &'static str,
    /// Reads what stands behind the colon, if there is one.
    read: fn(Option<&str>) -> Option<Grammar>,
}

/// All of them.
pub static GRAMMARS: [&GrammarKind; 13] =
    [&ENUM, &DIGITS, &HEX, &WORD, &RANGE, &MAC, &U8, &U16, &U32, &U64, &SBAT, &EXACTLY, &BYTES];

/// One of these words; one of them may be a list of words with single spaces between them, as the order of two slots is.
/// What chooses what boots needs one.
/// Spelling: `enum:A|B` Example: `enum:A B|B A` Takes: `B A`
static ENUM: GrammarKind = GrammarKind {
    word: "enum",
    read: |rest| {
        let words: Vec<_> = rest?.split('|').map(str::to_owned).collect();
        let plain =
            |list: &String| list.split(' ').all(|word| !word.is_empty() && word.bytes().all(is_of_word));
        words.iter().all(plain).then_some(Grammar::Enum(words))
    },
};
/// Decimal digits, one at least.
/// Spelling: `digits:N` Length: `N at most` Example: `digits:4` Takes: `0071`
static DIGITS: GrammarKind =
    GrammarKind { word: "digits", read: |rest| Some(Grammar::Digits(number(rest)?)) };
/// Hexadecimal digits in either case, one at least.
/// Spelling: `hex:N` Length: `N at most` Example: `hex:4` Takes: `BEef`
static HEX: GrammarKind = GrammarKind { word: "hex", read: |rest| Some(Grammar::Hex(number(rest)?)) };
/// Letters, digits and `._+@:-`, one at least, the first a letter, a digit, a dot or `_`; not dots alone.
/// Spelling: `word:N` Length: `N at most` Example: `word:8` Takes: `router-1`
static WORD: GrammarKind = GrammarKind { word: "word", read: |rest| Some(Grammar::Word(number(rest)?)) };
/// A decimal number from the first to the second, as it is written: no sign, no leading zero.
/// Spelling: `range:FROM-TO` Example: `range:1-65535` Takes: `8080`
static RANGE: GrammarKind =
    GrammarKind { word: "range", read: |rest| bounds(rest).map(|(from, to)| Grammar::Range(from, to)) };
/// Six pairs of hexadecimal digits with colons between them.
/// Spelling: `mac` Length: `exact` Example: `mac` Takes: `00:1a:2B:3c:4d:5e`
static MAC: GrammarKind = GrammarKind { word: "mac", read: |rest| rest.is_none().then_some(Grammar::Mac) };
/// A binary number of one byte, from the first to the second.
/// Spelling: `u8:FROM-TO` Length: `exact` Example: `u8:0-3` Takes: `hex 02`
static U8: GrammarKind = GrammarKind { word: "u8", read: |rest| binary(1, rest) };
/// A binary number of two bytes, little-endian, from the first to the second.
/// Spelling: `u16:FROM-TO` Length: `exact` Example: `u16:0-300` Takes: `hex 2c01`
static U16: GrammarKind = GrammarKind { word: "u16", read: |rest| binary(2, rest) };
/// A binary number of four bytes, little-endian, from the first to the second.
/// Spelling: `u32:FROM-TO` Length: `exact` Example: `u32:0-300` Takes: `hex 2c010000`
static U32: GrammarKind = GrammarKind { word: "u32", read: |rest| binary(4, rest) };
/// A binary number of eight bytes, little-endian, from the first to the second.
/// Spelling: `u64:FROM-TO` Length: `exact` Example: `u64:0-300` Takes: `hex 2c01000000000000`
static U64: GrammarKind = GrammarKind { word: "u64", read: |rest| binary(8, rest) };
/// A level of shim's SBAT: lines of a component and its generation, the first `sbat,1` and a date. Each of these components is there with
/// this generation or a later one; what else is listed only forbids more.
/// Spelling: `sbat:NAME,N|NAME,N` Example: `sbat:shim,2|grub,3` Takes: `hex 736261742c312c323032333031323930300a7368696d2c320a677275622c340a`
static SBAT: GrammarKind = GrammarKind {
    word: "sbat",
    read: |rest| {
        let floor = |text: &str| {
            let (name, generation) = text.split_once(',')?;
            let plain = !name.is_empty() && name.bytes().all(is_of_word);
            Some((name.to_owned(), plain.then(|| number(Some(generation)))??))
        };
        rest?.split('|').map(floor).collect::<Option<Vec<_>>>().map(Grammar::Sbat)
    },
};
/// These bytes and no others, in lower-case hexadecimal; none at all where nothing stands behind the colon.
/// Spelling: `exactly:HEX` Length: `exact` Example: `exactly:6f6e` Takes: `on`
static EXACTLY: GrammarKind = GrammarKind {
    word: "exactly",
    read: |rest| {
        let plain = |hex: &&str| hex.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        rest.filter(plain).map(|hex| Grammar::Exactly(hex.to_owned()))
    },
};
/// Anything, also nothing. Nobody judges it, so that it affirms only where the policy names the place (`accept-any`).
/// Spelling: `bytes:N` Length: `N at most` Example: `bytes:3` Takes: `a b`
static BYTES: GrammarKind = GrammarKind { word: "bytes", read: |rest| Some(Grammar::Bytes(number(rest)?)) };

fn number(text: Option<&str>) -> Option<u64> {
    text?.parse().ok()
}

fn bounds(text: Option<&str>) -> Option<(u64, u64)> {
    let (from, to) = text?.split_once('-')?;
    let (from, to) = (number(Some(from))?, number(Some(to))?);
    (from <= to).then_some((from, to))
}

fn binary(bytes: u8, text: Option<&str>) -> Option<Grammar> {
    bounds(text).map(|(from, to)| Grammar::Number(bytes, from, to))
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
    /// A level of SBAT with these components, each of this generation or a later one.
    Sbat(Vec<(String, u64)>),
}

/// What is expected where a grammar stands.
const EXPECTED: Text = Text::new(
    "bytes:N, exactly:HEX, enum:A|B, digits:N, hex:N, mac, word:N, range:FROM-TO, u16:FROM-TO or sbat:NAME,N",
    "bytes:N、exactly:HEX、enum:A|B、digits:N、hex:N、mac、word:N、range:FROM-TO、u16:FROM-TO、sbat:NAME,N のいずれか",
);

impl Grammar {
    /// Reads a word of [`GRAMMARS`] with what stands behind it.
    ///
    /// # Errors
    /// When it is none of these.
    pub fn read(text: &str, field: &str) -> Result<Self, TrustError> {
        let (word, rest) = text.split_once(':').map_or((text, None), |(word, rest)| (word, Some(rest)));
        let kind = GRAMMARS.into_iter().find(|kind| kind.word == word);
        kind.and_then(|kind| (kind.read)(rest)).ok_or_else(|| TrustError::Field {
            field: field.to_owned(),
            expected: EXPECTED,
            found: text.chars().take(128).collect::<String>().into(),
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
            Self::Sbat(floors) => {
                let floors: Vec<_> = floors.iter().map(|(name, floor)| format!("{name},{floor}")).collect();
                format!("sbat:{}", floors.join("|"))
            }
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
            Self::Sbat(floors) => sbat(value).is_some_and(|level| {
                let reaches = |(name, floor): &(String, u64)| {
                    level.iter().any(|(other, generation)| other == name && generation >= floor)
                };
                floors.iter().all(reaches)
            }),
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

/// Components and generations of an SBAT level (shim 15.8, `SBAT.md`): as shim reads it, each once, the first with a date behind it.
fn sbat(value: &[u8]) -> Option<Vec<(&str, u64)>> {
    let text = core::str::from_utf8(value).ok()?;
    let mut level: Vec<(&str, u64)> = Vec::new();
    for (number, line) in text.strip_suffix('\n').unwrap_or(text).split('\n').enumerate() {
        let line = match number {
            0 => {
                let (line, date) = line.rsplit_once(',')?;
                let dated = date.len() == DATE && date.bytes().all(|byte| byte.is_ascii_digit());
                (dated && line.starts_with("sbat,")).then_some(line)?
            }
            _ => line,
        };
        let (name, generation) = line.split_once(',')?;
        let plain = !name.is_empty() && name.bytes().all(is_of_word) && !generation.is_empty();
        let generation = generation
            .bytes()
            .all(|byte| byte.is_ascii_digit())
            .then(|| self::number(Some(generation)))??;
        (plain && !level.iter().any(|(other, _)| *other == name)).then_some(())?;
        level.push((name, generation));
    }
    Some(level)
}

/// Digits of the date of an SBAT level.
const DATE: usize = 10;

fn is_of_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"._+@:-".contains(&byte)
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
    fn a_level_of_sbat_goes_up_and_never_down() {
        let floor = "sbat:sbat,1|shim,2|grub,3";
        for level in
            ["sbat,1,2023012900\nshim,2\ngrub,3\n", "sbat,1,2024010900\nshim,4\ngrub,3\ngrub.debian,4\n"]
        {
            assert!(holds(floor, level), "{level}");
        }
        for level in [
            "sbat,1,2021030218\n",
            "sbat,1,2023012900\nshim,1\ngrub,3\n",
            "sbat,1,2023012900\nshim,2\n",
            "sbat,1,2023012900\nshim,2\nshim,1\ngrub,3\n",
            "shim,2\ngrub,3\nsbat,1,2023012900\n",
            "sbat,1,now\nshim,2\ngrub,3\n",
            "sbat,1,2023012900\nshim,+2\ngrub,3\n",
            "sbat,1,2023012900\nshim,2\n\ngrub,3\n",
            "",
        ] {
            assert!(!holds(floor, level), "{level}");
        }
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
