//! Ed25519, RFC 8032, strictly.
//!
//! `verify_strict` refuses small-order keys and points; vetting refuses, when a key is loaded, every key about
//! which two conforming verifiers could disagree: non-canonical encodings, torsion components, low order. With
//! vetted keys all cofactorless verifiers agree (see the CCTV vectors). No batch verification: its answer for
//! one signature depends on the others.

use ed25519_dalek::{Signature, VerifyingKey};

use kiwame_image::{Algorithm, Digest};

use crate::{Scheme, SignatureError, TrustError};

/// DER of a `SubjectPublicKeyInfo` for Ed25519 up to the 32 key bytes (RFC 8410, section 4).
const SPKI: &[u8] = b"\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00";

/// The scheme.
#[derive(Debug)]
pub(crate) struct Ed25519;

impl Scheme for Ed25519 {
    fn name(&self) -> &'static str {
        "ed25519"
    }

    fn of_spki<'k>(&self, spki: &'k [u8]) -> Option<&'k [u8]> {
        spki.strip_prefix(SPKI)
    }

    fn spki(&self, key: &[u8]) -> Vec<u8> {
        [SPKI, key].concat()
    }

    fn of_fingerprint(&self, fingerprint: &str) -> Option<Vec<u8>> {
        Some(Digest::from_hex(Algorithm::Sha256, fingerprint)?.bytes().to_vec())
    }

    fn fingerprint(&self, key: &[u8]) -> String {
        kiwame_image::hex(key)
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
