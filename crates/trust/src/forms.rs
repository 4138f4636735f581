//! The forms that values have in `firmware.toml`, policies, manifests and reports, where a type alone does not say it. A
//! field names its form as its type; `docs/fields.md` has all of them, with what stands here.

/// A name that can stand in `VENDOR/MODEL@RELEASE`: no `/`, no `@`, no control character. Pattern: `^[^/@]+$`
pub type Name = String;
/// A path of the report, by whole segments: everything at and below it. `inspect` prints the paths of an image. Example: `"partition:env"`
pub type Path = String;
/// A path, or `/` for everything. Example: `"/"`
pub type PathOrAll = String;
/// A SHA-256 in lower-case hexadecimal, 64 digits. Pattern: `^[0-9a-f]{64}$`
pub type Sha256 = String;
/// A time in UTC as in RFC 3339, to the second. Pattern: `^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$` Example: `"2027-01-31T00:00:00Z"`
pub type Timestamp = String;
/// An Ed25519 public key: `ed25519:` and 64 hexadecimal digits, or the text of a PEM file (SubjectPublicKeyInfo).
pub type PublicKey = String;
/// What a value may be: one of the grammars below. Example: `"word:63"`
pub type Grammar = String;
/// A name, in which `*` stands for any part of one name and `#` for a hexadecimal digit; a pattern has three letters or digits beside them. Example: `"led_*"`
pub type NameOrPattern = String;
/// A digest algorithm.
pub type Algorithm = String;
/// A format that kiwame opens.
pub type Format = String;
/// How a settings file is read, key by key.
pub type Settings = String;
/// A rule for a place where devices may differ.
pub type RuleType = String;
/// What a device does with an erased store.
pub type WhenEmpty = String;
/// Why keys no longer count.
pub type RevocationReason = String;
/// Whether a setting is there.
pub type Expect = String;
/// What lies in a part of a device.
pub type PartContent = String;
/// How much of an image a manifest lists.
pub type Coverage = String;
/// At which end of a larger medium an image lies: where its loader begins.
pub type Anchor = String;
/// How the files of a file system are listed: a program as one, or by its parts.
pub type Files = String;
/// Over what a digest was made: the bytes, or where they lie in the space that takes them.
pub type Method = String;
/// What kind of finding it is; `docs/findings.md` lists them. Example: `"component/modified"`
pub type FindingId = String;
/// What kind of defect it is; `docs/findings.md` lists them. Example: `"uimage/data-crc"`
pub type DefectId = String;
/// How much a finding weighs.
pub type Severity = String;
/// What is known of bytes.
pub type Class = String;
/// Why a leaf is matched.
pub type Basis = String;
/// The verdict in a word.
pub type Tier = String;
/// What a run could not have seen.
pub type NotSeen = String;
