//! Ed25519, RFC 8032, strictly.
//!
//! `verify_strict` refuses small-order keys and points; vetting refuses, when a key is loaded, every key about
//! which two conforming verifiers could disagree: non-canonical encodings, torsion components, low order. With
//! vetted keys all cofactorless verifiers agree (see the CCTV vectors). No batch verification: its answer for
//! one signature depends on the others.

use ed25519_dalek::{Signature, VerifyingKey};

use crate::{Scheme, SignatureError, TrustError};

/// The scheme.
#[derive(Debug)]
pub(crate) struct Ed25519;

impl Scheme for Ed25519 {
    fn name(&self) -> &'static str {
        "ed25519"
    }

    fn vet(&self, key: &[u8]) -> Result<(), TrustError> {
        let bytes: [u8; 32] = key.try_into().map_err(|_| TrustError::NotAKey)?;
        let key = VerifyingKey::from_bytes(&bytes).map_err(|_| TrustError::NotAKey)?;
        let point = key.to_edwards();
        if point.compress().to_bytes() != bytes {
            return Err(TrustError::NonCanonicalKey);
        }
        if key.is_weak() {
            return Err(TrustError::WeakKey);
        }
        if !point.is_torsion_free() {
            return Err(TrustError::TorsionKey);
        }
        Ok(())
    }

    fn check(&self, key: &[u8], message: &[u8], signature: &[u8]) -> Result<(), SignatureError> {
        let bytes: [u8; 32] = key.try_into().map_err(|_| SignatureError::Bad)?;
        let key = VerifyingKey::from_bytes(&bytes).map_err(|_| SignatureError::Bad)?;
        let signature = Signature::from_slice(signature).map_err(|_| SignatureError::Bad)?;
        key.verify_strict(message, &signature).map_err(|_| SignatureError::Bad)
    }
}
