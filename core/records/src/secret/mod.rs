//! Secrets at rest: AES-256-GCM as Threeport writes it, base64(nonce ‖ ciphertext ‖ tag), no additional data.
//! Source of the format: Threeport `pkg/encryption/v0/encryption.go`. Documents, which no client sees as ciphertext, have an envelope of ours.

mod document;

pub use document::{DOCUMENT_NONCE_END, DOCUMENT_PREFIX, document_key_id};

use base64::{Engine, engine::general_purpose::STANDARD};
use ring::{
    aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey},
    digest,
    rand::{SecureRandom, SystemRandom},
};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, fmt};

/// A key that encrypts and decrypts secret fields.
#[derive(Clone)]
pub struct SecretKey {
    id: String,
    key: LessSafeKey,
}

/// The keys for secrets at rest: the first one encrypts, all decrypt.
#[derive(Clone, Debug)]
pub struct Keyring {
    first: SecretKey,
    others: Vec<SecretKey>,
}

/// Keys as a flag or the environment gives them. Command-line parsers repeat a value that they refuse, so that this one is read after parsing.
#[derive(Clone)]
pub struct KeyText(String);

impl KeyText {
    /// Reads the keys. The error names the setting and the number of the key, never a key.
    pub fn keyring(&self) -> Result<Keyring, SecretError> {
        Keyring::from_base64(&self.0)
    }
}

impl From<String> for KeyText {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl fmt::Debug for KeyText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyText(..)")
    }
}

/// Which key each encrypted field of a record was written with, by column. What is written here helps people and tells a change of keys from
/// other changes; a ciphertext itself proves which key it is of.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct KeyIds(pub BTreeMap<String, String>);

impl KeyIds {
    /// A secret is under this key from now on, and what was sent before is another secret.
    pub fn sealed(&mut self, column: &str, key: &str) {
        self.forget(column);
        self.0.insert(column.to_owned(), key.to_owned());
    }

    /// The same secret is under another key: whoever read `ciphertext` before may still send it back.
    pub fn moved(&mut self, column: &str, key: &str, ciphertext: &str) {
        self.0.insert(column.to_owned(), key.to_owned());
        self.0.insert(replaced(column), fingerprint(ciphertext));
    }

    /// There is no secret any more.
    pub fn forget(&mut self, column: &str) {
        self.0.remove(column);
        self.0.remove(&replaced(column));
    }

    /// Whether this is the ciphertext that a change of keys replaced by the stored one.
    pub fn is_replaced(&self, column: &str, ciphertext: &str) -> bool {
        self.0.get(&replaced(column)).is_some_and(|known| *known == fingerprint(ciphertext))
    }

    /// What is known of one column, for somebody who leaves its secret as it is.
    pub fn of<'k>(&'k self, column: &str) -> impl Iterator<Item = (String, String)> + use<'k> {
        let of = |name: String| self.0.get_key_value(&name).map(|(name, text)| (name.clone(), text.clone()));
        [of(column.to_owned()), of(replaced(column))].into_iter().flatten()
    }
}

fn replaced(column: &str) -> String {
    format!("{column} replaced")
}

/// A ciphertext begins with a random nonce, so that its hash says nothing about the secret.
fn fingerprint(ciphertext: &str) -> String {
    let hash = digest::digest(&digest::SHA256, ciphertext.as_bytes());
    hash.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A secret that could not be read or written.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum SecretError {
    /// One of the keys isn't 32 bytes in base64.
    #[error(
        "encryption key number {0} (--encryption-key, ENCRYPTION_KEY) is not base64 of 32 bytes; make one with `openssl rand -base64 32`"
    )]
    Key(usize),
    /// Not our format, or another key's.
    #[error(
        "the stored secret can't be read with any of the encryption keys; add the key it was written with, or send it again in plain text"
    )]
    Ciphertext,
    /// A document of a key that isn't there.
    #[error(
        "the document was encrypted with the key {0}, which is not among the encryption keys (ENCRYPTION_KEY); add that key, or send the document again"
    )]
    DocumentKey(String),
    /// Not what was written there.
    #[error(
        "the stored document is damaged, or belongs elsewhere in the database; restore it from a backup, or send it again"
    )]
    Document,
    /// The operating system gave no random numbers.
    #[error("the operating system gave no random numbers")]
    Random,
}

impl SecretKey {
    /// From base64 of 32 bytes.
    fn from_base64(text: &str) -> Option<Self> {
        let bytes = STANDARD.decode(text).ok()?;
        let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &bytes).ok()?);
        // The key has 256 random bits: 32 bits of a hash tell nothing that helps to find it.
        let mut hash = digest::Context::new(&digest::SHA256);
        hash.update(b"causeway key id");
        hash.update(&bytes);
        let id = hash.finish().as_ref().iter().take(4).map(|byte| format!("{byte:02x}")).collect();
        Some(Self { id, key })
    }

    /// Eight hexadecimal digits that tell the key from others: computed from it, so that every program that has the key calls it the same.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Ciphertext in base64, with a fresh nonce.
    fn encrypt(&self, plain: &str) -> Result<String, SecretError> {
        let nonce = fresh_nonce()?;
        let mut sealed = plain.as_bytes().to_vec();
        self.key
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::empty(), &mut sealed)
            .map_err(|_| SecretError::Random)?;
        Ok(STANDARD.encode([&nonce[..], &sealed].concat()))
    }

    /// The plain text of a ciphertext.
    fn decrypt(&self, ciphertext: &str) -> Result<String, SecretError> {
        let bytes = STANDARD.decode(ciphertext).map_err(|_| SecretError::Ciphertext)?;
        let (nonce, sealed) = bytes.split_at_checked(NONCE_LEN).ok_or(SecretError::Ciphertext)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| SecretError::Ciphertext)?;
        let mut sealed = sealed.to_vec();
        let plain = self.key.open_in_place(nonce, Aad::empty(), &mut sealed).map_err(|_| SecretError::Ciphertext)?;
        String::from_utf8(plain.to_vec()).map_err(|_| SecretError::Ciphertext)
    }
}

impl Keyring {
    /// From one or more keys in base64, with commas or blanks between them, as in `ENCRYPTION_KEY`.
    pub fn from_base64(text: &str) -> Result<Self, SecretError> {
        let texts = text.split([',', ' ', '\t', '\r', '\n']).filter(|text| !text.is_empty());
        let key = |(n, text): (usize, &str)| SecretKey::from_base64(text).ok_or(SecretError::Key(n + 1));
        let mut keys = texts.enumerate().map(key).collect::<Result<Vec<_>, _>>()?.into_iter();
        Ok(Self { first: keys.next().ok_or(SecretError::Key(1))?, others: keys.collect() })
    }

    /// All keys, in the order in which they are tried.
    pub fn keys(&self) -> impl Iterator<Item = &SecretKey> {
        std::iter::once(&self.first).chain(&self.others)
    }

    /// The id of the key that encrypts.
    pub fn id(&self) -> &str {
        &self.first.id
    }

    /// Ciphertext of the first key, in base64, with a fresh nonce.
    pub fn encrypt(&self, plain: &str) -> Result<String, SecretError> {
        self.first.encrypt(plain)
    }

    /// The plain text of a ciphertext of any of the keys.
    pub fn decrypt(&self, ciphertext: &str) -> Result<String, SecretError> {
        self.open(ciphertext).map(|(_, plain)| plain)
    }

    /// The key of a ciphertext, and its plain text. The keys are tried in their order; the tag at the ciphertext's end fits one only.
    pub fn open(&self, ciphertext: &str) -> Result<(&SecretKey, String), SecretError> {
        let opened = self.keys().find_map(|key| Some((key, key.decrypt(ciphertext).ok()?)));
        opened.ok_or(SecretError::Ciphertext)
    }
}

fn fresh_nonce() -> Result<[u8; NONCE_LEN], SecretError> {
    let mut nonce = [0u8; NONCE_LEN];
    SystemRandom::new().fill(&mut nonce).map_err(|_| SecretError::Random)?;
    Ok(nonce)
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretKey({})", self.id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A key of each of these bytes.
    pub(super) fn ring(bytes: &[u8]) -> Keyring {
        let texts: Vec<_> = bytes.iter().map(|byte| STANDARD.encode([*byte; 32])).collect();
        Keyring::from_base64(&texts.join(",")).unwrap()
    }

    #[test]
    fn round_trips_and_never_repeats() {
        let (a, b) = (ring(&[1]).encrypt("s3cret").unwrap(), ring(&[1]).encrypt("s3cret").unwrap());
        assert_ne!(a, b);
        assert_eq!(ring(&[1]).decrypt(&a).unwrap(), "s3cret");
    }

    #[test]
    fn another_key_or_a_changed_text_is_refused() {
        let sealed = ring(&[1]).encrypt("s3cret").unwrap();
        assert_eq!(ring(&[2]).decrypt(&sealed), Err(SecretError::Ciphertext));
        assert_eq!(ring(&[1]).decrypt("bm90IG91cnM="), Err(SecretError::Ciphertext));
        assert_eq!(Keyring::from_base64("short").err(), Some(SecretError::Key(1)));
        assert_eq!(Keyring::from_base64(" ").err(), Some(SecretError::Key(1)));
        let second = format!("{}\nshort", STANDARD.encode([1; 32]));
        assert_eq!(Keyring::from_base64(&second).err(), Some(SecretError::Key(2)));
    }

    #[test]
    fn the_first_key_encrypts_and_all_decrypt() {
        let (old, both, new) = (ring(&[1]), ring(&[2, 1]), ring(&[2]));
        let (before, after) = (old.encrypt("s3cret").unwrap(), both.encrypt("s3cret").unwrap());
        for sealed in [&before, &after] {
            assert_eq!(both.decrypt(sealed).unwrap(), "s3cret");
        }
        assert_eq!(both.open(&before).unwrap().0.id(), old.id());
        assert_eq!(new.decrypt(&after).unwrap(), "s3cret");
        assert_eq!(new.decrypt(&before), Err(SecretError::Ciphertext));
        assert_eq!((both.id(), both.id() == old.id(), both.id().len()), (new.id(), false, 8));
    }

    #[test]
    fn only_the_ciphertext_that_a_change_of_keys_replaced_is_known() {
        let mut ids = KeyIds::default();
        ids.sealed("token", "k1");
        assert!(!ids.is_replaced("token", "first"));
        ids.moved("token", "k2", "first");
        assert!(ids.is_replaced("token", "first") && !ids.is_replaced("token", "second"));
        assert!(!ids.is_replaced("other", "first"));
        assert_eq!((ids.0["token"].as_str(), ids.of("token").count()), ("k2", 2));
        ids.sealed("token", "k2");
        assert!(!ids.is_replaced("token", "first"));
        ids.moved("token", "k3", "second");
        ids.forget("token");
        assert!(ids.0.is_empty());
    }

    #[test]
    fn a_key_is_never_shown() {
        let text = STANDARD.encode([7; 32]);
        assert!(!format!("{:?}", Keyring::from_base64(&text).unwrap()).contains(&text[..8]));
        let broken = KeyText::from(format!("{text},c2hvcnQ="));
        let refusal = broken.keyring().unwrap_err();
        assert_eq!(refusal, SecretError::Key(2));
        for shown in [format!("{broken:?}"), refusal.to_string(), format!("{refusal:?}")] {
            assert!(!shown.contains(&text[..8]) && !shown.contains("c2hv"), "{shown}");
        }
    }
}
