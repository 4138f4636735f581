//! Signature schemes: one file each, listed here.

use core::fmt;

mod ed25519;

pub(crate) use ed25519::Ed25519;

/// A signature scheme for envelopes.
pub trait Scheme: fmt::Debug + Sync {
    /// Name, as written before the colon of a key: `ed25519:…`.
    fn name(&self) -> &'static str;

    /// The raw bytes of a public key of the scheme in a DER `SubjectPublicKeyInfo` (RFC 5280, section 4.1.2.7); `None` for a
    /// key of another algorithm.
    fn of_spki<'k>(&self, spki: &'k [u8]) -> Option<&'k [u8]>;

    /// The DER `SubjectPublicKeyInfo` of a vetted key.
    fn spki(&self, key: &[u8]) -> Vec<u8>;

    /// The raw bytes of a public key of that fingerprint, where the fingerprint is the key itself and no digest of it.
    fn of_fingerprint(&self, fingerprint: &str) -> Option<Vec<u8>>;

    /// What stands behind the colon in the name of a vetted key: no two keys of the scheme share it.
    fn fingerprint(&self, key: &[u8]) -> String;

    /// Vets the raw bytes of a public key.
    ///
    /// # Errors
    /// Why it is not a key we use.
    fn vet(&self, key: &[u8]) -> Result<(), crate::TrustError>;

    /// Checks `signature` over `message` by a key that [`Scheme::vet`] has passed.
    ///
    /// # Errors
    /// [`SignatureError::Bad`] when it is not that key's signature.
    fn check(&self, key: &[u8], message: &[u8], signature: &[u8]) -> Result<(), SignatureError>;
}

/// Why a signature does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignatureError {
    /// The key did not make it.
    Bad,
}

/// Every scheme.
pub static SCHEMES: &[&dyn Scheme] = &[&Ed25519];

/// The scheme of that name.
#[must_use]
pub(crate) fn named(name: &str) -> Option<&'static dyn Scheme> {
    SCHEMES.iter().copied().find(|scheme| scheme.name() == name)
}
