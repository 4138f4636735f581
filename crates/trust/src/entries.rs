//! Rules as people write them, in a `firmware.toml` or in a policy.

use kiwame_image::{Settings, Text, Words};
use serde::Deserialize;

use crate::json::{NOTHING, WHOLE_NUMBER};
use crate::rules::{
    FileRule, Grammar, KeyRule, Mutable, MutableRule, NO_SUCH_FIELD, RuleType, SETTINGS, WhenEmpty,
};
use crate::{TrustError, forms};

/// A place where devices may differ, as people write it, in a policy or a `firmware.toml`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct MutableEntry {
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

/// A setting or field that may differ.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct KeyEntry {
    /// Name of the setting or field. Example: `"ethaddr"`
    name: forms::NameOrPattern,
    /// What its value may be. Example: `"mac"`
    value: forms::Grammar,
    /// It may be absent although the reference has it. Example: `true`
    #[serde(default)]
    optional: bool,
}

/// A file that may differ.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct FileEntry {
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

/// A value that is none of those that there are.
fn wrong(field: String, found: &str, expected: Text) -> TrustError {
    TrustError::Field { field, expected, found: format!("\"{found}\"").into() }
}

impl MutableEntry {
    /// The rule.
    ///
    /// # Errors
    /// What is wrong with it, and where.
    pub fn read(&self) -> Result<MutableRule, TrustError> {
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

    /// That the cap is missing.
    fn no_cap(&self) -> TrustError {
        let found = NOTHING.into();
        TrustError::Field {
            field: format!("mutable {}: max-bytes", self.path),
            expected: WHOLE_NUMBER,
            found,
        }
    }

    /// A rule has no field that it does not use: whoever wrote it there means that something may differ.
    fn check_own(&self) -> Result<(), TrustError> {
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
            Some((field, _)) => Err(TrustError::Field {
                field: format!("mutable {path}: {field}"),
                expected: NO_SUCH_FIELD,
                found: Words::new(format!("one beside {rule}"), format!("{rule} に併記")),
            }),
            None => Ok(()),
        }
    }

    fn key_rules(&self, keys: &[KeyEntry]) -> Result<Vec<KeyRule>, TrustError> {
        keys.iter().map(|key| self.key(key)).collect()
    }

    fn key(&self, key: &KeyEntry) -> Result<KeyRule, TrustError> {
        let field = format!("mutable {}: {}", self.path, key.name);
        let value = Grammar::read(&key.value, &field)?;
        Ok(KeyRule { name: key.name.clone(), value, optional: key.optional })
    }

    /// Fields by name only are values that nobody judges.
    fn fields(&self) -> Result<Vec<KeyRule>, TrustError> {
        let mut keys = self.key_rules(&self.keys)?;
        keys.extend(self.names.iter().map(|name| KeyRule {
            name: name.clone(),
            value: Grammar::Bytes(self.max_bytes.unwrap_or(0)),
            optional: false,
        }));
        Ok(keys)
    }

    /// Files by name only are content that nobody judges.
    fn file_rules(&self) -> Result<Vec<FileRule>, TrustError> {
        let mut files = self.files.iter().map(|file| self.file(file)).collect::<Result<Vec<_>, _>>()?;
        for name in &self.names {
            let max_bytes = self.max_bytes.ok_or_else(|| self.no_cap())?;
            let name = name.clone();
            files.push(FileRule { name, format: None, keys: Vec::new(), max_bytes, optional: false });
        }
        Ok(files)
    }

    fn file(&self, file: &FileEntry) -> Result<FileRule, TrustError> {
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
        let read = |rule: &str, more: &str| {
            let text = format!("path = \"p\"\nrule = \"{rule}\"\n{more}\n");
            let entry: MutableEntry = toml::from_str(&text).expect("an entry");
            entry.read().map(drop).map_err(|error| error.problem().says().english)
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
                let read = read(rule, &format!("{lines}\n{needed}"));
                match own.contains(&field) {
                    true => assert_eq!(read, Ok(()), "{rule} {field}"),
                    false => {
                        let error = read.expect_err(field);
                        let says = format!("mutable p: {field}: found one beside {rule}");
                        assert!(error.starts_with(&says), "{rule} {field}: {error}");
                    }
                }
            }
        }
    }
}
