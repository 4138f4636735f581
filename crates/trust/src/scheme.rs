//! Signature schemes: one file each, listed here.

use core::fmt;

/// A signature scheme for envelopes.
pub trait Scheme: fmt::Debug + Sync {
    /// Name, as written before the colon of a key: `ed25519:…`.
    fn name(&self) -> &'static str;

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
    /// No scheme of ours; says nothing about the signature.
    UnsupportedAlgorithm,
    /// The key did not make it.
    Bad,
}

/// Every scheme.
pub static SCHEMES: &[&dyn Scheme] = &[&crate::ed25519::Ed25519];

/// The scheme of that name.
#[must_use]
pub(crate) fn named(name: &str) -> Option<&'static dyn Scheme> {
    SCHEMES.iter().copied().find(|scheme| scheme.name() == name)
}
