//! The values that a key has, and the narrowest grammar that all of them keep to.

use std::collections::BTreeSet;

use kiwame_image::{Value, len64};
use kiwame_trust::rules::Grammar;

/// What has been seen of the values of one key.
#[derive(Clone, Debug, Default)]
pub(super) struct Values {
    /// In how many units it is.
    pub(super) seen: usize,
    /// Nothing in it may differ by any rule: it runs, decides what runs or who may log in.
    pub(super) decides: bool,
    /// It chooses between parts of the image.
    pub(super) selects: bool,
    /// It is of the boot loader's or the specification's own.
    pub(super) owned: bool,
    /// There is no value to judge, or it is too long.
    unknown: bool,
    /// As they lie, the first few.
    distinct: BTreeSet<Vec<u8>>,
    many: bool,
    added: usize,
    /// Those that are text.
    texts: usize,
    longest: u64,
    shortest: u64,
    /// Which of [`SHAPES`] one of them does not have.
    without: [bool; SHAPES.len()],
    /// Its values are words of a language.
    pub(super) words: bool,
    /// Its format says what it may be.
    pub(super) fixed: Option<&'static str>,
    /// Bytes of each, where they have as many as a number.
    width: Option<u64>,
}

impl Values {
    pub(super) fn add(&mut self, value: Option<&Value>) {
        self.added = self.added.saturating_add(1);
        let (bytes, binary) = match value {
            Some(Value::Text(text)) => (text.as_bytes(), false),
            Some(Value::Bytes(bytes)) => (bytes.as_slice(), true),
            Some(Value::Uint(_) | Value::Flag(_) | Value::Places(_)) | None => {
                self.unknown = true;
                return;
            }
        };
        if bytes.len() > LONGEST {
            self.unknown = true;
            return;
        }
        let width = len64(bytes);
        self.width = self.width.filter(|before| *before == width).or((self.added == 1).then_some(width));
        let text = text_of(bytes, binary);
        self.texts = self.texts.saturating_add(usize::from(text.is_some()));
        let length = len64(text.unwrap_or(bytes));
        self.shortest = if self.added == 1 { length } else { self.shortest.min(length) };
        self.longest = self.longest.max(length);
        let value = text.unwrap_or(bytes).to_vec();
        for (without, shape) in self.without.iter_mut().zip(&SHAPES) {
            *without |= !shape.holds(&value);
        }
        self.keep(value);
    }

    /// Takes in what has been seen elsewhere of the same key.
    pub(super) fn join(&mut self, other: &Self) {
        self.decides |= other.decides;
        self.selects |= other.selects;
        self.owned |= other.owned;
        self.words |= other.words;
        self.unknown |= other.unknown;
        self.fixed = self.fixed.or(other.fixed);
        self.width = if self.added == 0 {
            other.width
        } else {
            self.width.filter(|width| other.width == Some(*width))
        };
        self.shortest = if self.added == 0 { other.shortest } else { self.shortest.min(other.shortest) };
        self.longest = self.longest.max(other.longest);
        self.added = self.added.saturating_add(other.added);
        self.texts = self.texts.saturating_add(other.texts);
        for (without, others) in self.without.iter_mut().zip(other.without) {
            *without |= others;
        }
        self.many |= other.many;
        for value in &other.distinct {
            self.keep(value.clone());
        }
    }

    fn keep(&mut self, value: Vec<u8>) {
        if self.distinct.len() < MANY || self.distinct.contains(&value) {
            self.distinct.insert(value);
        } else {
            self.many = true;
        }
    }

    /// True when not all values are alike.
    pub(super) fn differ(&self) -> bool {
        self.many || self.distinct.len() > 1
    }

    /// How many values there are, of which the first few are kept.
    pub(super) fn count(&self) -> String {
        format!("{}{}", self.distinct.len(), if self.many { " or more" } else { "" })
    }

    /// The narrowest grammar that all keep to; `None` where only `bytes` would do, which nobody judges.
    pub(super) fn grammar(&self) -> Option<String> {
        if self.unknown || self.distinct.is_empty() {
            return None;
        }
        let found = match self.fixed {
            Some(fixed) => fixed.to_owned(),
            None if self.texts == self.added => self.of_text()?,
            None => self.of_number()?,
        };
        // Said in the words of the rules.
        Grammar::read(&found, "value").ok().map(|_| found)
    }

    fn of_text(&self) -> Option<String> {
        let [mac, digits, hex, word] = self.without.map(|without| !without);
        let all =
            |holds: &dyn Fn(&[u8]) -> bool| !self.many && self.distinct.iter().all(|value| holds(value));
        let switch =
            SWITCHES.iter().find(|words| all(&|value| words.iter().any(|word| word.as_bytes() == value)));
        // What could as well be a word is one.
        let has = |wanted: fn(&u8) -> bool| self.distinct.iter().any(|value| value.iter().any(wanted));
        let number = has(u8::is_ascii_alphabetic) && has(u8::is_ascii_digit);
        let hex = hex && self.longest == self.shortest && self.longest >= SHORTEST_HEX && number;
        if mac {
            Some("mac".to_owned())
        } else if let Some(words) = switch {
            Some(format!("enum:{}", words.join("|")))
        } else if self.selects || self.words || !has(u8::is_ascii_digit) && self.repeat() {
            let words = self.distinct.iter().map(|value| core::str::from_utf8(value).ok());
            let words: Option<Vec<_>> = words.collect();
            words.filter(|_| !self.many && word).map(|words| format!("enum:{}", words.join("|")))
        } else if digits {
            Some(format!("digits:{}", self.longest))
        } else if hex {
            Some(format!("hex:{}", self.longest))
        } else {
            let room = self.longest.max(8).checked_next_power_of_two()?;
            word.then(|| format!("word:{room}"))
        }
    }

    fn of_number(&self) -> Option<String> {
        match self.width? {
            1 => Some(format!("u8:0-{}", u8::MAX)),
            2 => Some(format!("u16:0-{}", u16::MAX)),
            4 => Some(format!("u32:0-{}", u32::MAX)),
            8 => Some(format!("u64:0-{}", u64::MAX)),
            _ => None,
        }
    }

    /// True where few values come again and again, from unit to unit.
    fn repeat(&self) -> bool {
        let few = self.distinct.len().saturating_mul(2) <= self.seen;
        self.seen >= 4 && self.distinct.len() > 1 && !self.many && few
    }
}

/// What a value says as text. Strings in UEFI variables end with a zero, and what has as many bytes as a number is one.
fn text_of(bytes: &[u8], binary: bool) -> Option<&[u8]> {
    let text = if binary { bytes.strip_suffix(&[0]).unwrap_or(bytes) } else { bytes };
    let printable = !text.is_empty() && text.iter().all(|byte| (b' '..=b'~').contains(byte));
    let number = binary && text.len() == bytes.len() && [1, 2, 4, 8].contains(&bytes.len());
    let short = binary && text.len() < 2;
    (printable && !number && !short || !binary && bytes.is_empty()).then_some(text)
}

/// Values beyond this are no settings.
const LONGEST: usize = 256;
/// Shapes of text, the narrower ones first.
static SHAPES: [Grammar; 4] = [Grammar::Mac, Grammar::Digits(256), Grammar::Hex(256), Grammar::Word(256)];
/// So many different values are kept.
const MANY: usize = 8;
/// A shorter value of these signs is a word.
const SHORTEST_HEX: u64 = 8;
/// Values that come in pairs.
static SWITCHES: [&[&str]; 6] = [
    &["on", "off"],
    &["yes", "no"],
    &["true", "false"],
    &["enable", "disable"],
    &["enabled", "disabled"],
    &["0", "1"],
];

#[cfg(test)]
mod tests {
    use super::*;

    fn of(values: &[Value]) -> Option<String> {
        let mut seen = Values::default();
        values.iter().for_each(|value| seen.add(Some(value)));
        seen.seen = values.len();
        seen.grammar()
    }

    fn texts(texts: &[&str]) -> Option<String> {
        of(&texts.iter().map(|text| Value::from(*text)).collect::<Vec<_>>())
    }

    #[test]
    fn a_grammar_is_the_narrowest_that_all_values_keep_to() {
        for (values, grammar) in [
            (&["00:11:22:33:44:55"][..], Some("mac")),
            (&["00:11:22:33:44:55", "none"], Some("word:32")),
            (&["00000001", "17"], Some("digits:8")),
            (&["00ff17ab", "17c0ffee"], Some("hex:8")),
            (&["00ff17ab", "17c0ffe"], Some("word:8")),
            (&["feedbeef"], Some("word:8")),
            (&["kitchen", "living-room"], Some("word:16")),
            (&["on"], Some("enum:on|off")),
            (&["no", "yes"], Some("enum:yes|no")),
            (&["eu", "us", "eu", "us"], Some("enum:eu|us")),
            (&["eu", "us", "jp", "kr"], Some("word:8")),
            (&["a1", "a2", "a1", "a2"], Some("word:8")),
            (&["0001", "0002", "0001", "0002"], Some("digits:4")),
            (&["run it; reset"], None),
            (&[""], None),
            (&["a", ""], None),
        ] {
            assert_eq!(texts(values).as_deref(), grammar, "{values:?}");
        }
    }

    #[test]
    fn a_binary_value_is_a_number_of_its_size_or_a_string() {
        let bytes = |bytes: &[u8]| Value::Bytes(bytes.to_vec());
        assert_eq!(of(&[bytes(&[5, 0])]).as_deref(), Some("u16:0-65535"));
        assert_eq!(of(&[bytes(b"en-US\0"), bytes(b"de\0")]).as_deref(), Some("word:8"));
        assert_eq!(of(&[bytes(b"eng")]).as_deref(), Some("word:8"));
        assert_eq!(of(&[bytes(&[1])]).as_deref(), Some("u8:0-255"));
        assert_eq!(of(&[bytes(&[1]), bytes(&[1, 0])]), None);
        assert_eq!(of(&[bytes(&[1, 2, 3])]), None);
    }

    #[test]
    fn what_is_not_known_has_no_grammar() {
        let mut seen = Values::default();
        seen.add(Some(&Value::from("on")));
        seen.add(None);
        assert_eq!(seen.grammar(), None);
        assert_eq!(texts(&["x".repeat(300).as_str()]), None);
    }
}
