//! Dead Simple Signing Envelope 1.0.2, JSON form.
//!
//! `DSSEv1 <length of type> <type> <length of payload> <payload>` is what is signed (protocol.md, "PAE").
//! Key ids are hints and are ignored: every key of the policy is tried on every signature.

use base64::Engine as _;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use kiwame_image::Arrange as _;
use kiwame_image::{Text, len64};

use crate::json::{Json, MOST_UNSIGNED, Object};
use crate::{Policy, PublicKey, TrustError};

/// Signatures that an envelope may carry.
pub const MAX_SIGNATURES: usize = 64;
/// Bytes that a payload may have: 160,000 components of a root file system.
pub const MAX_PAYLOAD: u64 = 72 << 20;
/// Bytes that an envelope may have: such a payload in base64, and signatures.
pub const MAX_ENVELOPE: u64 = 97 << 20;

/// An envelope as it was read. Nothing in it is trusted yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope {
    /// Type of the payload.
    pub payload_type: String,
    /// The payload, decoded: exactly the bytes that were signed.
    pub payload: Vec<u8>,
    /// The signatures, decoded.
    pub signatures: Vec<Vec<u8>>,
    /// The hints beside them at which key made each; empty where there is none. They are never trusted, only passed on.
    pub key_ids: Vec<String>,
}

impl Envelope {
    /// Reads an envelope. Unknown fields are ignored, as DSSE demands of consumers.
    ///
    /// # Errors
    /// When it is no envelope, or larger than we take.
    pub fn parse(text: &[u8]) -> Result<Self, TrustError> {
        if len64(text) > MAX_ENVELOPE {
            let (found, limit) = (len64(text), MAX_ENVELOPE);
            return Err(TrustError::TooLarge {
                what: Text::new("envelope bytes", "エンベロープのバイト数"),
                found,
                limit,
            });
        }
        let mut envelope = Object::new(Json::parse(text, MOST_UNSIGNED)?, "")?;
        let payload_type = envelope.text("payloadType")?;
        let payload = decode("payload", &envelope.text("payload")?)?;
        if len64(&payload) > MAX_PAYLOAD {
            return Err(TrustError::TooLarge {
                what: Text::new("payload bytes", "内容のバイト数"),
                found: len64(&payload),
                limit: MAX_PAYLOAD,
            });
        }
        let list = envelope.list("signatures")?;
        if list.len() > MAX_SIGNATURES {
            return Err(TrustError::TooLarge {
                what: Text::new("signatures", "署名の数"),
                found: len64(&list),
                limit: 64,
            });
        }
        let read = |(index, json)| {
            let mut signature = Object::new(json, format!("signatures[{index}]"))?;
            let field = signature.path("sig");
            let made = decode(&field, &signature.text("sig")?)?;
            let hint = match signature.take("keyid") {
                Some(Json::Text(hint)) => hint,
                _ => String::new(),
            };
            Ok((made, hint))
        };
        let read: Result<Vec<_>, TrustError> = list.into_iter().enumerate().map(read).collect();
        let (signatures, key_ids) = read?.into_iter().unzip();
        Ok(Self { payload_type, payload, signatures, key_ids })
    }

    /// What was signed.
    #[must_use]
    pub fn pae(&self) -> Vec<u8> {
        pae(&self.payload_type, &self.payload)
    }

    /// The keys of a policy that signed this envelope. A key counts once, however many entries it made.
    #[must_use]
    pub fn signed_by<'p>(&self, policy: &'p Policy) -> Vec<&'p PublicKey> {
        let message = self.pae();
        let made =
            |key: &&PublicKey| self.signatures.iter().any(|signature| key.check(&message, signature).is_ok());
        let mut keys: Vec<_> = policy.keys().filter(made).collect();
        keys.arrange();
        keys.dedup();
        keys
    }
}

/// The pre-authentication encoding: what is signed.
#[must_use]
pub fn pae(payload_type: &str, payload: &[u8]) -> Vec<u8> {
    let mut message = format!("DSSEv1 {} {payload_type} {} ", payload_type.len(), payload.len()).into_bytes();
    message.extend_from_slice(payload);
    message
}

/// An envelope around a payload and the signatures made over its [`pae`], as `(key id, signature)`.
#[must_use]
pub fn seal(payload_type: &str, payload: &[u8], signatures: &[(String, Vec<u8>)]) -> Vec<u8> {
    let encode = |bytes: &[u8]| base64::engine::general_purpose::STANDARD.encode(bytes);
    let entries: Vec<_> = signatures
        .iter()
        .map(|(keyid, sig)| serde_json::json!({ "keyid": keyid, "sig": encode(sig) }))
        .collect();
    let envelope =
        serde_json::json!({ "payload": encode(payload), "payloadType": payload_type, "signatures": entries });
    let mut text = envelope.to_string().into_bytes();
    text.push(b'\n');
    text
}

/// Standard or URL-safe base64, padded or not: DSSE has verifiers take both.
fn decode(field: &str, text: &str) -> Result<Vec<u8>, TrustError> {
    const CONFIG: GeneralPurposeConfig =
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    const STANDARD: GeneralPurpose = GeneralPurpose::new(&base64::alphabet::STANDARD, CONFIG);
    const URL_SAFE: GeneralPurpose = GeneralPurpose::new(&base64::alphabet::URL_SAFE, CONFIG);
    STANDARD.decode(text).or_else(|_| URL_SAFE.decode(text)).map_err(|error| TrustError::Field {
        field: field.to_owned(),
        expected: Text::new("base64", "base64"),
        found: error.to_string().into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pae_is_that_of_the_protocol_document() {
        assert_eq!(
            pae("http://example.com/HelloWorld", b"hello world"),
            b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
        );
    }

    #[test]
    fn what_is_sealed_can_be_read_again() {
        let text = seal("type", b"payload", &[("id".to_owned(), vec![7; 64])]);
        let envelope = Envelope::parse(&text).unwrap();
        assert_eq!((envelope.payload_type.as_str(), envelope.payload.as_slice()), ("type", &b"payload"[..]));
        assert_eq!(envelope.signatures, [vec![7; 64]]);
    }

    #[test]
    fn sixty_five_signatures_are_too_many() {
        let signatures = |count| seal("t", b"", &vec![(String::new(), vec![0; 64]); count]);
        assert!(Envelope::parse(&signatures(64)).is_ok());
        assert!(matches!(Envelope::parse(&signatures(65)), Err(TrustError::TooLarge { found: 65, .. })));
    }
}
