//! Why something is not trusted, or cannot be read.

use core::fmt;

/// What is wrong with a key, an envelope, a policy or a manifest. The caller adds the name of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TrustError {
    /// The text is not JSON as we take it.
    Json {
        /// Line, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
        /// What the parser says.
        what: String,
    },
    /// The text is not TOML, or not of the schema.
    Toml(String),
    /// A field is missing, has the wrong type, or a value that is not allowed.
    Field {
        /// Path of the field, such as `predicate.images[0].size`.
        field: String,
        /// What should be there.
        expected: &'static str,
        /// What is there.
        found: String,
    },
    /// The payload or statement is of another type.
    Type {
        /// The field that says so.
        field: &'static str,
        /// The only value accepted.
        expected: &'static str,
        /// The value found.
        found: String,
    },
    /// More than is accepted.
    TooLarge {
        /// What there is too much of.
        what: &'static str,
        /// How much there is.
        found: u64,
        /// How much there may be.
        limit: u64,
    },
    /// Not a public key in any notation we read.
    NotAKey,
    /// The key's point has a second encoding; only the canonical one is a key.
    NonCanonicalKey,
    /// The key is of low order: it verifies signatures nobody made.
    WeakKey,
    /// The key has a torsion component: two verifiers can disagree about it.
    TorsionKey,
    /// One key under two principals.
    SharedKey(String),
    /// The expectation is not `VENDOR/MODEL[@RELEASE]`.
    Expectation(String),
    /// Not a time as in RFC 3339, in UTC.
    Time(String),
    /// No rule of the policy speaks of this product.
    NoRule {
        /// `VENDOR/MODEL` that the manifest claims.
        product: String,
    },
    /// Two rules of the policy speak of this product.
    TwoRules {
        /// `VENDOR/MODEL` that the manifest claims.
        product: String,
    },
    /// The product or release is not the one expected.
    OtherProduct {
        /// What the manifest claims.
        found: String,
        /// What was expected.
        expected: String,
    },
    /// Too few distinct principals signed.
    Threshold {
        /// How many did.
        found: usize,
        /// How many the rule asks for.
        required: usize,
        /// Signatures in the envelope that no key of the policy made.
        unknown: usize,
    },
    /// A key that has signed is known to be public or leaked.
    KnownKey(String),
    /// The key was revoked.
    Revoked(String),
    /// The manifest was revoked by digest.
    RevokedManifest(String),
    /// Outside the time in which it is valid.
    Expired {
        /// Which field says so.
        field: &'static str,
        /// The bound.
        bound: String,
        /// The time it was compared with.
        now: String,
    },
    /// A time is needed and none was given.
    NoTime(&'static str),
    /// The security version is below the policy's floor.
    Rollback {
        /// The manifest's.
        found: u64,
        /// The policy's floor.
        floor: u64,
    },
    /// The manifest contradicts itself.
    Defective {
        /// Where.
        path: String,
        /// How.
        what: &'static str,
    },
}

impl fmt::Display for TrustError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Json { line, column, what } => write!(f, "line {line}, column {column}: {what}"),
            Self::Toml(what) => f.write_str(what.trim_end()),
            Self::Field { field, expected, found } => {
                write!(f, "{field}: found {found}, expected {expected}")
            }
            Self::Type { field, expected, found } => {
                write!(f, "{field}: found \"{found}\", expected \"{expected}\"")
            }
            Self::TooLarge { what, found, limit } => {
                write!(f, "{what}: found {found}, at most {limit} are accepted")
            }
            Self::NotAKey => f.write_str(
                "not an Ed25519 public key (SubjectPublicKeyInfo PEM, or ed25519: and 64 hexadecimal digits)",
            ),
            Self::NonCanonicalKey => f.write_str("the key is not in canonical encoding"),
            Self::WeakKey => f.write_str("the key is of low order: it verifies signatures that nobody made"),
            Self::TorsionKey => {
                f.write_str("the key has a torsion component: two verifiers can disagree about it")
            }
            Self::SharedKey(key) => write!(f, "key {key} belongs to two principals"),
            Self::Expectation(text) => {
                write!(f, "found \"{text}\", expected VENDOR/MODEL or VENDOR/MODEL@RELEASE")
            }
            Self::Time(text) => write!(f, "found \"{text}\", expected a time such as 2026-11-21T09:00:00Z"),
            Self::NoRule { product } => write!(f, "no rule of the policy speaks of {product}"),
            Self::TwoRules { product } => write!(f, "two rules of the policy speak of {product}"),
            Self::OtherProduct { found, expected } => {
                write!(f, "the manifest is for {found}, expected {expected}")
            }
            Self::Threshold { found, required, unknown } => write!(
                f,
                "signed by {found} of {required} required principals ({unknown} signatures by no key of the policy)"
            ),
            Self::KnownKey(key) => write!(f, "key {key} is a published test key or known to have leaked"),
            Self::Revoked(key) => write!(f, "key {key} is revoked"),
            Self::RevokedManifest(digest) => write!(f, "the manifest with payload {digest} is revoked"),
            Self::Expired { field, bound, now } => write!(f, "{field}: {bound}, compared with {now}"),
            Self::NoTime(field) => write!(f, "{field} needs a time to compare with, and none was given"),
            Self::Rollback { found, floor } => {
                write!(f, "security version {found} is below the policy's floor {floor}")
            }
            Self::Defective { path, what } => write!(f, "{path}: {what}"),
        }
    }
}

impl core::error::Error for TrustError {}
