//! Keys, envelopes, policies and manifests: from hostile bytes to [`Verified`].
//!
//! The order is fixed: read the envelope, check signatures over its exact bytes against keys that the policy
//! named, and only then parse the payload. [`Verified`] has one constructor, [`Policy::verify`].
//!
//! ```
//! use kiwame_trust::{Envelope, Policy, PublicKey};
//!
//! let key = PublicKey::parse(b"ed25519:d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")?;
//! let policy = Policy::one_key(key, "ACME/R1")?;
//! let envelope = Envelope::parse(br#"{"payload":"e30=","payloadType":"application/vnd.in-toto+json","signatures":[]}"#)?;
//! assert!(envelope.signed_by(&policy).is_empty());
//! # Ok::<(), kiwame_trust::TrustError>(())
//! ```
#![forbid(unsafe_code)]
#![deny(
    clippy::as_conversions,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::unreachable,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::float_arithmetic
)]
#![deny(clippy::wildcard_enum_match_arm)]

mod closed;
pub mod devices;
pub mod dsse;
pub mod entries;
mod error;
mod facts;
pub mod forms;
pub mod grammar;
pub mod json;
pub mod key;
mod known;
pub mod manifest;
pub mod policy;
pub mod problems;
pub mod readers;
pub mod rules;
mod schemes;
pub mod settings;
mod tables;
mod time;

pub use dsse::Envelope;
pub use error::TrustError;
pub use facts::Facts;
pub use key::PublicKey;
pub use manifest::Manifest;
pub use policy::{Policy, Rule, Verified};
pub use schemes::{SCHEMES, Scheme, SignatureError};
pub use time::Time;
