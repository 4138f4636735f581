//! Public keys, vetted when they are loaded.

use base64::Engine as _;

use crate::{Scheme, SignatureError, TrustError, known, schemes};

/// A vetted public key. Two keys are one when their raw bytes are, however they were written.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PublicKey {
    scheme: Named,
    bytes: Vec<u8>,
}

/// A scheme, which its name tells from others.
#[derive(Clone, Copy, Debug)]
struct Named(&'static dyn Scheme);

impl PartialEq for Named {
    fn eq(&self, other: &Self) -> bool {
        self.0.name() == other.0.name()
    }
}

impl Eq for Named {}

impl PartialOrd for Named {
    fn partial_cmp(&self, other: &Self) -> Option<core::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Named {
    fn cmp(&self, other: &Self) -> core::cmp::Ordering {
        self.0.name().cmp(other.0.name())
    }
}

const PEM_BEGIN: &str = "-----BEGIN PUBLIC KEY-----";
const PEM_END: &str = "-----END PUBLIC KEY-----";

impl PublicKey {
    /// Reads a key: PEM of a `SubjectPublicKeyInfo`, or a fingerprint that is the key, as `ed25519:` and hexadecimal.
    ///
    /// # Errors
    /// When it is no key, or one that vetting refuses.
    pub fn parse(text: &[u8]) -> Result<Self, TrustError> {
        let text = core::str::from_utf8(text).map_err(|_| TrustError::NotAKey)?.trim();
        if let Some((name, digits)) = text.split_once(':')
            && let Some(scheme) = schemes::named(name)
        {
            let bytes = scheme.of_fingerprint(digits).ok_or(TrustError::NotAKey)?;
            return Self::vetted(scheme, &bytes);
        }
        let body = text.strip_prefix(PEM_BEGIN).and_then(|text| text.strip_suffix(PEM_END));
        let body: String = body.ok_or(TrustError::NotAKey)?.split_whitespace().collect();
        let der = base64::engine::general_purpose::STANDARD.decode(body).map_err(|_| TrustError::NotAKey)?;
        let known = schemes::SCHEMES.iter().find_map(|scheme| Some((*scheme, scheme.of_spki(&der)?)));
        let (scheme, bytes) = known.ok_or(TrustError::NotAKey)?;
        Self::vetted(scheme, bytes)
    }

    /// A key of Ed25519 from its 32 bytes.
    ///
    /// # Errors
    /// When vetting refuses it.
    pub fn ed25519(bytes: &[u8; 32]) -> Result<Self, TrustError> {
        Self::vetted(&schemes::Ed25519, bytes)
    }

    fn vetted(scheme: &'static dyn Scheme, bytes: &[u8]) -> Result<Self, TrustError> {
        scheme.vet(bytes)?;
        Ok(Self { scheme: Named(scheme), bytes: bytes.to_vec() })
    }

    /// The name of its scheme and its fingerprint, as `ed25519:` and hexadecimal: its name everywhere in reports and policies.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        let scheme = self.scheme.0;
        format!("{}:{}", scheme.name(), scheme.fingerprint(&self.bytes))
    }

    /// The key as PEM.
    #[must_use]
    pub fn pem(&self) -> String {
        let der = self.scheme.0.spki(&self.bytes);
        format!("{PEM_BEGIN}\n{}\n{PEM_END}\n", base64::engine::general_purpose::STANDARD.encode(der))
    }

    /// True when the private half is public: a test key, or one that leaked.
    #[must_use]
    pub fn is_known(&self) -> bool {
        known::KNOWN.contains(&self.fingerprint().as_str())
    }

    /// Checks a signature by this key.
    ///
    /// # Errors
    /// [`SignatureError`].
    pub fn check(&self, message: &[u8], signature: &[u8]) -> Result<(), SignatureError> {
        self.scheme.0.check(&self.bytes, message, signature)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RFC8032: &str = "ed25519:d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";

    #[test]
    fn one_key_in_two_notations_is_one_key() {
        let hex = PublicKey::parse(RFC8032.as_bytes()).unwrap();
        let pem = PublicKey::parse(hex.pem().as_bytes()).unwrap();
        assert_eq!(hex, pem);
        assert_eq!(pem.fingerprint(), RFC8032);
    }

    #[derive(Debug)]
    struct Other;

    impl Scheme for Other {
        fn name(&self) -> &'static str {
            "other"
        }

        fn of_spki<'k>(&self, _: &'k [u8]) -> Option<&'k [u8]> {
            None
        }

        fn spki(&self, _: &[u8]) -> Vec<u8> {
            Vec::new()
        }

        fn of_fingerprint(&self, _: &str) -> Option<Vec<u8>> {
            None
        }

        fn fingerprint(&self, key: &[u8]) -> String {
            kiwame_image::hex(key)
        }

        fn vet(&self, _: &[u8]) -> Result<(), TrustError> {
            Ok(())
        }

        fn check(&self, _: &[u8], _: &[u8], _: &[u8]) -> Result<(), SignatureError> {
            Err(SignatureError::Bad)
        }
    }

    #[test]
    fn keys_of_two_schemes_are_two_though_their_bytes_are_one() {
        let key = PublicKey::parse(RFC8032.as_bytes()).unwrap();
        let other = PublicKey::vetted(&Other, &key.bytes).unwrap();
        assert_ne!(key, other);
        assert!(key < other);
    }

    #[test]
    fn keys_two_verifiers_could_disagree_about_are_refused_when_loaded() {
        let parse = |hex: &str| PublicKey::parse(format!("ed25519:{hex}").as_bytes());
        let identity = format!("01{}", "00".repeat(31));
        assert_eq!(parse(&identity), Err(TrustError::WeakKey));
        let non_canonical = format!("ee{}7f", "ff".repeat(30));
        assert_eq!(parse(&non_canonical), Err(TrustError::NonCanonicalKey));
        assert_eq!(parse(&RFC8032[8..].to_uppercase()), Err(TrustError::NotAKey));
        assert_eq!(PublicKey::parse(b"hello"), Err(TrustError::NotAKey));
    }
}
