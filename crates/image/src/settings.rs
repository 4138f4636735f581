//! Settings files that a manifest lets a device change, key by key.

/// How a settings file is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settings {
    /// OpenWrt's Unified Configuration Interface: `config`, `option`, `list`.
    Uci,
    /// `KEY=value`, a line each, where nothing is expanded.
    KeyValue,
    /// `[section]`, and `key = value` in it.
    Ini,
    /// Lines of fields between colons; the first field is the key.
    Table,
    /// JSON.
    Json,
    /// One line, which is the value.
    Value,
}

impl Settings {
    /// Every format of settings.
    pub const ALL: [Self; 6] = [Self::Uci, Self::KeyValue, Self::Ini, Self::Table, Self::Json, Self::Value];

    /// Its name in `firmware.toml` and manifests.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Uci => "uci",
            Self::KeyValue => "key-value",
            Self::Ini => "ini",
            Self::Table => "table",
            Self::Json => "json",
            Self::Value => "value",
        }
    }

    /// The format of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.name() == name)
    }
}

/// A settings file that a rule names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingsFile {
    /// The path at or below which its file system lies, by whole segments.
    pub scope: String,
    /// Its names from the root of that file system, with slashes between them.
    pub name: String,
    /// How it is read.
    pub format: Settings,
}
