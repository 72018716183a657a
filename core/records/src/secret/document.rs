//! Documents at rest: whole texts that may hold secrets among other things, such as manifests.
//!
//! ```text
//! version (1 byte) ‖ key id (4) ‖ nonce (12) ‖ ciphertext ‖ tag (16)
//! ```
//!
//! Version, key id and the place (table and column) are authenticated along with the text. The record is not: whoever can exchange the documents of two
//! records in the database can as well exchange the ids by which others name them. Bytes and no base64, so that a document of megabytes grows by
//! 33 bytes.

use super::{Keyring, SecretError, SecretKey, fresh_nonce};
use ring::aead::{Aad, NONCE_LEN, Nonce};

const VERSION: u8 = 1;
/// Bytes of version and key id, by which one knows which key a document is under.
pub const DOCUMENT_PREFIX: usize = 5;
/// Bytes up to the end of the nonce, by which one version of a document is known from another.
pub const DOCUMENT_NONCE_END: usize = DOCUMENT_PREFIX + NONCE_LEN;
const TAG_LEN: usize = 16;

/// The id of the key that a document is said to be under, from its first bytes. None: it is no document.
pub fn document_key_id(sealed: &[u8]) -> Option<String> {
    match sealed {
        [VERSION, a, b, c, d, ..] => Some(format!("{:08x}", u32::from_be_bytes([*a, *b, *c, *d]))),
        _ => None,
    }
}

impl SecretKey {
    /// What every document of this key begins with.
    fn document_prefix(&self) -> [u8; DOCUMENT_PREFIX] {
        // An id is eight hexadecimal digits.
        let [a, b, c, d] = u32::from_str_radix(&self.id, 16).unwrap_or_default().to_be_bytes();
        [VERSION, a, b, c, d]
    }
}

impl Keyring {
    /// What the documents of the first key begin with.
    pub fn document_prefix(&self) -> [u8; DOCUMENT_PREFIX] {
        self.first.document_prefix()
    }

    /// A document of the first key, for this place (table and column).
    pub fn seal_document(&self, place: &str, text: &str) -> Result<Vec<u8>, SecretError> {
        let nonce = fresh_nonce()?;
        let prefix = self.first.document_prefix();
        let mut sealed = Vec::with_capacity(DOCUMENT_NONCE_END + text.len() + TAG_LEN);
        sealed.extend(prefix);
        sealed.extend(nonce);
        sealed.extend(text.as_bytes());
        let (nonce, aad) = (Nonce::assume_unique_for_key(nonce), authenticated(&prefix, place));
        let tag = self.first.key.seal_in_place_separate_tag(nonce, aad, &mut sealed[DOCUMENT_NONCE_END..]);
        sealed.extend(tag.map_err(|_| SecretError::Document)?.as_ref());
        Ok(sealed)
    }

    /// The text of a document from this place.
    pub fn open_document(&self, place: &str, mut sealed: Vec<u8>) -> Result<String, SecretError> {
        let id = document_key_id(&sealed).ok_or(SecretError::Document)?;
        let key = self.keys().find(|key| key.id == id).ok_or(SecretError::DocumentKey(id))?;
        let nonce = sealed.get(DOCUMENT_PREFIX..DOCUMENT_NONCE_END).ok_or(SecretError::Document)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| SecretError::Document)?;
        let aad = authenticated(&key.document_prefix(), place);
        let opened = key.key.open_within(nonce, aad, &mut sealed, DOCUMENT_NONCE_END..);
        let length = opened.map_err(|_| SecretError::Document)?.len();
        sealed.truncate(length);
        String::from_utf8(sealed).map_err(|_| SecretError::Document)
    }
}

fn authenticated(prefix: &[u8; DOCUMENT_PREFIX], place: &str) -> Aad<Vec<u8>> {
    Aad::from([&prefix[..], place.as_bytes()].concat())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::tests::ring;

    #[test]
    fn a_document_comes_back_and_shows_nothing_meanwhile() {
        let (keys, text) = (ring(&[1]), "kind: Secret # hunter2 ü".repeat(1000));
        let (a, b) = (keys.seal_document("t.c", &text).unwrap(), keys.seal_document("t.c", &text).unwrap());
        assert_ne!(a, b);
        assert_eq!(a.len(), text.len() + 33);
        assert!(!a.windows(7).any(|part| part == b"hunter2"));
        assert_eq!(keys.open_document("t.c", a).unwrap(), text);
        assert_eq!(keys.open_document("t.c", keys.seal_document("t.c", "").unwrap()).unwrap(), "");
    }

    #[test]
    fn a_document_says_which_key_it_is_under() {
        let (old, both, new) = (ring(&[1]), ring(&[2, 1]), ring(&[2]));
        let sealed = old.seal_document("t.c", "text").unwrap();
        assert_eq!(document_key_id(&sealed).as_deref(), Some(old.id()));
        assert!(sealed.starts_with(&old.document_prefix()) && !sealed.starts_with(&both.document_prefix()));
        assert_eq!(both.open_document("t.c", sealed.clone()).unwrap(), "text");
        assert_eq!(new.open_document("t.c", sealed), Err(SecretError::DocumentKey(old.id().into())));
        assert_eq!(document_key_id(b"text"), None);
    }

    #[test]
    fn what_was_changed_or_moved_is_refused() {
        let keys = ring(&[1]);
        let sealed = keys.seal_document("t.c", "text").unwrap();
        assert_eq!(keys.open_document("t.other", sealed.clone()), Err(SecretError::Document));
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert!(keys.open_document("t.c", changed).is_err(), "{at}");
            assert!(keys.open_document("t.c", sealed[..at].to_vec()).is_err(), "{at}");
        }
    }
}
