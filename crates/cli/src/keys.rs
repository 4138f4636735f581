//! Private keys: made, read and used here, never handed to the core.

use std::path::{Path, PathBuf};

use ed25519_dalek::pkcs8::spki::der::pem::LineEnding;
use ed25519_dalek::pkcs8::{DecodePrivateKey as _, EncodePrivateKey as _, KeypairBytes};
use ed25519_dalek::{Signer as _, SigningKey};
use kiwame_image::{Problem, Text, Words};
use kiwame_trust::{PublicKey, dsse, manifest};

use crate::output::{self, Readers};
use crate::problems;

/// What replacing a private key costs.
const LOST: Text = Text::new(
    "Choose another name: a private key that is replaced is lost, and nothing more can be signed with it.",
    "別の名前にする。置き換えた秘密鍵は失われ、以後それで署名できない。",
);
/// What the PEM of a private key contains and that of a public one does not.
const PRIVATE: &[u8] = b"PRIVATE KEY-----";
/// How an Ed25519 key in DER goes on behind its length and version: PKCS#8 without PEM around it (RFC 8410, section 7).
const PRIVATE_DER: &[u8] = &[0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];

/// Makes a key from the randomness of the operating system: `path`, and `path.pub` to hand out.
pub(crate) fn generate(path: &Path, force: bool) -> Result<PublicKey, Problem> {
    let public_path = beside(path);
    let taken = |problem: Problem| problem.then(LOST);
    output::check_free(path, force).map_err(taken)?;
    output::check_free(&public_path, force).map_err(taken)?;

    let mut seed = [0; 32];
    getrandom::fill(&mut seed)
        .map_err(|error| problems::with(&problems::NO_RANDOMNESS, path).arg("why", Words::plain(error)))?;
    let key = SigningKey::from_bytes(&seed);
    // Without the public half: OpenSSL 3.0 does not read version 2 of PKCS#8, which carries it (RFC 5958).
    let pair = KeypairBytes { secret_key: seed, public_key: None };
    let pem = pair.to_pkcs8_pem(LineEnding::LF).map_err(problems::bug)?;
    let public = public(&key)?;
    output::write(path, pem.as_bytes(), Readers::Owner, force)?;
    output::write(&public_path, public.pem().as_bytes(), Readers::Usual, force)?;
    Ok(public)
}

/// The public half, as PEM, when these are the bytes of a private key; `None` when they are not.
pub(crate) fn public_half(path: &Path, bytes: &[u8]) -> Result<Option<String>, Problem> {
    if !is_private(bytes) {
        return Ok(None);
    }
    Ok(Some(public(&parse(path, bytes)?)?.pem()))
}

/// The envelope around a statement: the signatures that it has, and one by each of these keys.
pub(crate) fn sign(statement: &[u8], keys: &[Key], before: Vec<Signature>) -> Result<Vec<u8>, Problem> {
    let message = dsse::pae(manifest::PAYLOAD_TYPE, statement);
    let mut signatures: Vec<_> = before.into_iter().map(|one| (one.keyid, one.sig)).collect();
    for key in keys {
        let fingerprint = key.public.fingerprint();
        // Ed25519 signs the same bytes the same way.
        let made = key.private.sign(&message).to_bytes().to_vec();
        if signatures.iter().any(|(_, other)| *other == made) {
            return Err(Problem::new(&problems::SIGNED_ALREADY).of(&fingerprint));
        }
        signatures.push((fingerprint, made));
    }
    if signatures.len() > dsse::MAX_SIGNATURES {
        let problem = Problem::new(&problems::TOO_MANY).arg("found", Words::plain(signatures.len()));
        return Err(problem.arg("limit", Words::plain(dsse::MAX_SIGNATURES)));
    }
    Ok(dsse::seal(manifest::PAYLOAD_TYPE, statement, &signatures))
}

/// A signature that a manifest has already, as the core passes it on.
#[derive(Debug, serde::Deserialize)]
pub(crate) struct Signature {
    keyid: String,
    #[serde(deserialize_with = "hex")]
    sig: Vec<u8>,
}

impl Signature {
    pub(crate) fn read(text: &[u8]) -> Result<Vec<Self>, Problem> {
        serde_json::from_slice(text).map_err(problems::bug)
    }
}

fn hex<'de, D: serde::Deserializer<'de>>(text: D) -> Result<Vec<u8>, D::Error> {
    use serde::de::{Deserialize as _, Error as _};
    let text = String::deserialize(text)?;
    let byte = |at| text.get(at..at + 2).and_then(|pair| u8::from_str_radix(pair, 16).ok());
    let bytes: Option<Vec<_>> = (0..text.len()).step_by(2).map(byte).collect();
    bytes.ok_or_else(|| D::Error::custom("not hexadecimal"))
}

/// A private key and its vetted public half.
pub(crate) struct Key {
    private: SigningKey,
    public: PublicKey,
}

impl Key {
    /// Reads a private key: PKCS#8 in PEM.
    pub(crate) fn read(path: &Path) -> Result<Self, Problem> {
        let bytes = std::fs::read(path).map_err(|error| problems::unreadable(path, &error))?;
        let private = parse(path, &bytes)?;
        let public = public(&private)?;
        Ok(Self { private, public })
    }
}

fn parse(path: &Path, bytes: &[u8]) -> Result<SigningKey, Problem> {
    let refuse = |why: Words| problems::with(&problems::NOT_PRIVATE, path).arg("why", why);
    if !is_private(bytes) {
        let why = Words::new("no `BEGIN PRIVATE KEY` line found", "BEGIN PRIVATE KEY の行が無い");
        return Err(refuse(why));
    }
    if bytes.first() == Some(&0x30) {
        return SigningKey::from_pkcs8_der(bytes).map_err(|error| refuse(Words::plain(error)));
    }
    let text = str::from_utf8(bytes).map_err(|error| refuse(Words::plain(error)))?;
    SigningKey::from_pkcs8_pem(text).map_err(|error| refuse(Words::plain(error)))
}

/// True for what holds a private key, also in the midst of other things.
pub(crate) fn is_private(bytes: &[u8]) -> bool {
    let holds = |what: &[u8]| bytes.windows(what.len()).any(|window| window == what);
    holds(PRIVATE) || holds(PRIVATE_DER)
}

fn public(key: &SigningKey) -> Result<PublicKey, Problem> {
    PublicKey::ed25519(key.verifying_key().as_bytes()).map_err(problems::bug)
}

fn beside(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".pub");
    name.into()
}
