//! Why something is not trusted, or cannot be read.

use core::fmt;

use kiwame_image::{Problem, Text, Words};

use crate::problems;

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
    /// No text: where it stops being UTF-8.
    NotText(usize),
    /// A field is missing, has the wrong type, or a value that is not allowed.
    Field {
        /// Path of the field, such as `predicate.images[0].size`.
        field: String,
        /// What should be there.
        expected: Text,
        /// What is there.
        found: Words,
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
        what: Text,
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
    /// A key of a principal, with what is wrong with it.
    KeyOf {
        /// The principal.
        principal: String,
        /// The key, as the policy has it.
        key: String,
        /// What is wrong with it.
        why: Box<Self>,
    },
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
        /// Names of those who did.
        signed: Vec<String>,
        /// Names of those who could have, and did not.
        absent: Vec<String>,
    },
    /// The envelope names a key of the policy, and no signature of that key holds for what it carries.
    Broken(String),
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
        what: Text,
    },
}

impl TrustError {
    /// The same as people read it, without the name of the file.
    #[must_use]
    pub fn problem(&self) -> Problem {
        let of = Problem::new;
        match self {
            Self::Json { line, column, what } => of(&problems::JSON)
                .arg("line", Words::plain(line))
                .arg("column", Words::plain(column))
                .arg("what", crate::readers::sentence(what)),
            Self::NotText(place) => of(&problems::NOT_TEXT).arg("place", Words::plain(place)),
            Self::Toml(what) => of(&problems::TOML).arg("what", crate::readers::toml(what)),
            Self::Field { field, expected, found } => of(&problems::FIELD)
                .arg("field", field)
                .arg("found", found.clone())
                .arg("expected", *expected),
            Self::Type { field, expected, found } => {
                of(&problems::TYPE).arg("field", *field).arg("found", found).arg("expected", *expected)
            }
            Self::TooLarge { what, found, limit } => {
                of(&problems::TOO_LARGE).arg("what", *what).arg("found", *found).arg("limit", *limit)
            }
            Self::NotAKey => of(&problems::NOT_A_KEY),
            Self::NonCanonicalKey => of(&problems::NON_CANONICAL_KEY),
            Self::WeakKey => of(&problems::WEAK_KEY),
            Self::TorsionKey => of(&problems::TORSION_KEY),
            Self::SharedKey(key) => of(&problems::SHARED_KEY).arg("key", key),
            Self::KeyOf { principal, key, why } => {
                why.problem().at(format!("principal \"{principal}\": {key}"))
            }
            Self::Expectation(text) => of(&problems::EXPECTATION).arg("found", text),
            Self::Time(text) => of(&problems::TIME).arg("found", text),
            Self::NoRule { product } => of(&problems::NO_RULE).arg("product", product),
            Self::TwoRules { product } => of(&problems::TWO_RULES).arg("product", product),
            Self::OtherProduct { found, expected } => {
                of(&problems::OTHER_PRODUCT).arg("found", found).arg("expected", expected)
            }
            Self::Threshold { found, required, unknown, signed, absent } => of(&problems::TOO_FEW)
                .arg("found", Words::plain(found))
                .arg("required", Words::plain(required))
                .arg("unknown", Words::plain(unknown))
                .arg("signed", names(signed))
                .arg("absent", names(absent)),
            Self::Broken(key) => of(&problems::BROKEN).arg("key", key),
            Self::KnownKey(key) => of(&problems::PUBLISHED_KEY).arg("key", key),
            Self::Revoked(key) => of(&problems::REVOKED_KEY).arg("key", key),
            Self::RevokedManifest(digest) => of(&problems::REVOKED_MANIFEST).arg("digest", digest),
            Self::Expired { field, bound, now } => {
                of(&problems::OUT_OF_TIME).arg("field", *field).arg("bound", bound).arg("now", now)
            }
            Self::NoTime(field) => of(&problems::NO_TIME).arg("field", *field),
            Self::Rollback { found, floor } => {
                of(&problems::BELOW_FLOOR).arg("found", *found).arg("floor", *floor)
            }
            Self::Defective { path, what } => {
                of(&problems::CONTRADICTION).arg("path", path).arg("what", *what)
            }
        }
    }
}

/// The first of some names, and how many more there are.
fn names(names: &[String]) -> Words {
    const SHOWN: usize = 8;
    let shown = names.iter().take(SHOWN).cloned().collect::<Vec<_>>().join(", ");
    match names.len().checked_sub(SHOWN).filter(|more| *more > 0) {
        _ if names.is_empty() => Words::new("nobody", "無し"),
        None => Words::plain(shown),
        Some(more) => Words::new(format!("{shown} and {more} more"), format!("{shown} 他 {more} 名")),
    }
}

impl fmt::Display for TrustError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.problem().says().english)
    }
}

impl core::error::Error for TrustError {}
