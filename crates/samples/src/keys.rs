//! `TEST_KEY_DO_NOT_USE`: keys whose seeds are published here. The verifier knows them and never affirms by them.

use ed25519_dalek::{Signer, SigningKey};
use kiwame_trust::{PublicKey, dsse};

/// The test key of that letter.
///
/// # Panics
/// Never: the seeds are fixed, and their keys pass vetting.
#[must_use]
pub fn test_key(letter: char) -> (SigningKey, PublicKey) {
    let mut seed = *b"kiwame TEST_KEY_DO_NOT_USE ... .";
    seed[31] = u8::try_from(letter).unwrap_or(b'?');
    let signing = SigningKey::from_bytes(&seed);
    let public = PublicKey::ed25519(signing.verifying_key().as_bytes()).expect("a derived key is sound");
    (signing, public)
}

/// An envelope around a payload, signed by the test keys of these letters.
#[must_use]
pub fn seal(payload_type: &str, payload: &[u8], letters: &str) -> Vec<u8> {
    let message = dsse::pae(payload_type, payload);
    let sign = |letter| {
        let (signing, public) = test_key(letter);
        (public.fingerprint(), signing.sign(&message).to_bytes().to_vec())
    };
    let signatures: Vec<_> = letters.chars().map(sign).collect();
    dsse::seal(payload_type, payload, &signatures)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_verifier_knows_every_test_key() {
        assert!(('A'..='E').all(|letter| test_key(letter).1.is_known()));
    }
}
