//! Settings: what the buyer says that the configuration of a device is, value by value (RULES 12).
//!
//! No maker's rule lets differ what decides what may start or who may log in. The buyer's settings do, from both sides: what must
//! be there, what may, and what must not. What a list only forbids may grow; that is its floor.

use kiwame_image::{Algorithm, Digest, Text};

use crate::TrustError;
use crate::policy::{SettingEntry, names_a_part};
use crate::rules::Grammar;

/// One setting of a device, as its buyer has confirmed it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// The component, by its whole path.
    pub path: String,
    /// Whether it is there.
    pub expect: Expect,
    /// What its value may be, any of these. None of them is [`Grammar::Bytes`].
    pub values: Vec<Grammar>,
    /// Digests of its value, any of these.
    pub sha256: Vec<String>,
    /// Entries of a list that are all there, by their keys.
    pub holds: Vec<String>,
    /// Entries of a list that may be there too.
    pub may_hold: Vec<String>,
    /// Entries that nobody has listed may be there too, in a list that only forbids.
    pub more: bool,
    /// The attributes that it has; without, those of the reference, or of an ordinary entry.
    pub attributes: Option<u64>,
}

/// Whether a setting is there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Expect {
    /// It is.
    #[default]
    Must,
    /// It may be.
    May,
    /// It is not.
    MustNot,
}

impl Expect {
    /// The name in policies.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Must => "must",
            Self::May => "may",
            Self::MustNot => "must-not",
        }
    }

    /// What is expected where one of them stands.
    pub const EXPECTED: Text = Text::new("must, may or must-not", "must、may、must-not のいずれか");

    /// The one of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        [Self::Must, Self::May, Self::MustNot].into_iter().find(|one| one.name() == name)
    }
}

impl SettingEntry {
    /// A setting of the rule of that name.
    ///
    /// # Errors
    /// What is wrong with it, and where.
    pub(crate) fn read(self, rule: &str) -> Result<Setting, TrustError> {
        let at = |field: &str| format!("{rule}: setting {}: {field}", self.path);
        let wrong = |field: &str, expected, found: String| {
            Err(TrustError::Field { field: at(field), expected, found: found.into() })
        };
        names_a_part(&self.path, format!("{rule}: setting.path"))?;
        let expect = match &self.expect {
            None => Expect::default(),
            Some(name) => match Expect::named(name) {
                Some(expect) => expect,
                None => {
                    return wrong(
                        "expect",
                        Expect::EXPECTED,
                        format!("\"{}\"", name.chars().take(64).collect::<String>()),
                    );
                }
            },
        };
        let read = |text: &String| Grammar::read(text, &at("values"));
        let values = self.values.iter().map(read).collect::<Result<Vec<_>, _>>()?;
        if let Some(open) = values.iter().find(|value| matches!(value, Grammar::Bytes(_))) {
            return wrong("values", JUDGED, open.text());
        }
        if let Some(text) =
            self.sha256.iter().find(|text| Digest::from_hex(Algorithm::Sha256, text).is_none())
        {
            return wrong("sha256", crate::policy::DIGEST, text.chars().take(128).collect());
        }
        let says = !values.is_empty() || !self.sha256.is_empty();
        let lists = !self.holds.is_empty() || !self.may_hold.is_empty() || self.more;
        match (expect, says, lists) {
            (Expect::MustNot, false, false)
            | (Expect::Must | Expect::May, true, false)
            | (Expect::Must | Expect::May, false, true) => {}
            (Expect::MustNot, _, _) => return wrong("expect", NOTHING_WITH_MUST_NOT, "must-not".to_owned()),
            (_, true, true) => return wrong("holds", ONE_OF_THEM, "both".to_owned()),
            (_, false, false) => return wrong("values", A_VALUE, "nothing".to_owned()),
        }
        Ok(Setting {
            expect,
            values,
            sha256: self.sha256,
            holds: self.holds,
            may_hold: self.may_hold,
            more: self.more,
            attributes: self.attributes,
            path: self.path.trim_matches('/').to_owned(),
        })
    }
}

const JUDGED: Text = Text::new("a grammar that judges the value", "値を判定する文法");
const NOTHING_WITH_MUST_NOT: Text = Text::new("no value beside must-not", "must-not には値を併記しないこと");
const ONE_OF_THEM: Text = Text::new(
    "a value (values, sha256) or a list (holds, may-hold, more)",
    "値(values、sha256)か一覧(holds、may-hold、more)の一方",
);
const A_VALUE: Text =
    Text::new("values, sha256, holds, may-hold or more", "values、sha256、holds、may-hold、more のいずれか");

#[cfg(test)]
mod tests {
    use super::*;

    fn read(lines: &str) -> Result<Setting, String> {
        let entry: SettingEntry =
            toml::from_str(&format!("path = \"/a:1/\"\n{lines}")).map_err(|error| error.to_string())?;
        entry.read("rule for V/M").map_err(|error| error.problem().says().english)
    }

    #[test]
    fn a_setting_says_one_thing_from_both_sides() {
        let setting = read("values = [\"exactly:00\", \"enum:a|b\"]").expect("a setting");
        assert_eq!((&*setting.path, setting.expect, setting.values.len()), ("a:1", Expect::Must, 2));
        for lines in [
            "expect = \"must-not\"",
            "expect = \"may\"\nsha256 = [\"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08\"]",
            "holds = [\"x\"]\nmore = true\nattributes = 39",
            "may-hold = [\"x\"]",
            "more = true",
        ] {
            assert!(read(lines).is_ok(), "{lines}");
        }
        for (lines, word) in [
            ("", "nothing"),
            ("expect = \"never\"\nvalues = [\"mac\"]", "never"),
            ("expect = \"must-not\"\nvalues = [\"mac\"]", "must-not"),
            ("values = [\"bytes:4\"]", "bytes:4"),
            ("values = [\"any\"]", "any"),
            ("sha256 = [\"9F\"]", "9F"),
            ("values = [\"mac\"]\nholds = [\"x\"]", "both"),
            ("values = [\"mac\"]\nfree = 1", "free"),
        ] {
            let error = read(lines).expect_err(lines);
            assert!(error.contains(word), "{lines}: {error}");
        }
    }
}
