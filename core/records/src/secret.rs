//! Secrets at rest: AES-256-GCM as Threeport writes it, base64(nonce ‖ ciphertext ‖ tag), no additional data.
//! Source of the format: Threeport `pkg/encryption/v0/encryption.go`.

use base64::{Engine, engine::general_purpose::STANDARD};
use ring::{
    aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey},
    rand::{SecureRandom, SystemRandom},
};
use std::fmt;

/// A key that encrypts and decrypts secret fields.
#[derive(Clone)]
pub struct SecretKey(LessSafeKey);

/// A secret that could not be read or written.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum SecretError {
    /// The key isn't 32 bytes in base64.
    #[error("the encryption key is not base64 of 32 bytes; make one with `openssl rand -base64 32`")]
    Key,
    /// Not our format, or another key's.
    #[error("the stored secret can't be read with this encryption key; send it again in plain text")]
    Ciphertext,
    /// The operating system gave no random numbers.
    #[error("the operating system gave no random numbers")]
    Random,
}

impl SecretKey {
    /// From base64 of 32 bytes, as in `ENCRYPTION_KEY`.
    pub fn from_base64(text: &str) -> Result<Self, SecretError> {
        let bytes = STANDARD.decode(text.trim()).map_err(|_| SecretError::Key)?;
        let key = UnboundKey::new(&AES_256_GCM, &bytes).map_err(|_| SecretError::Key)?;
        Ok(Self(LessSafeKey::new(key)))
    }

    /// Ciphertext in base64, with a fresh nonce.
    pub fn encrypt(&self, plain: &str) -> Result<String, SecretError> {
        let mut nonce = [0u8; NONCE_LEN];
        SystemRandom::new().fill(&mut nonce).map_err(|_| SecretError::Random)?;
        let mut sealed = plain.as_bytes().to_vec();
        self.0
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::empty(), &mut sealed)
            .map_err(|_| SecretError::Random)?;
        Ok(STANDARD.encode([&nonce[..], &sealed].concat()))
    }

    /// The plain text of a ciphertext.
    pub fn decrypt(&self, ciphertext: &str) -> Result<String, SecretError> {
        let bytes = STANDARD.decode(ciphertext).map_err(|_| SecretError::Ciphertext)?;
        let (nonce, sealed) = bytes.split_at_checked(NONCE_LEN).ok_or(SecretError::Ciphertext)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| SecretError::Ciphertext)?;
        let mut sealed = sealed.to_vec();
        let plain = self.0.open_in_place(nonce, Aad::empty(), &mut sealed).map_err(|_| SecretError::Ciphertext)?;
        String::from_utf8(plain.to_vec()).map_err(|_| SecretError::Ciphertext)
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretKey(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(byte: u8) -> SecretKey {
        SecretKey::from_base64(&STANDARD.encode([byte; 32])).unwrap()
    }

    #[test]
    fn round_trips_and_never_repeats() {
        let (a, b) = (key(1).encrypt("s3cret").unwrap(), key(1).encrypt("s3cret").unwrap());
        assert_ne!(a, b);
        assert_eq!(key(1).decrypt(&a).unwrap(), "s3cret");
    }

    #[test]
    fn another_key_or_a_changed_text_is_refused() {
        let sealed = key(1).encrypt("s3cret").unwrap();
        assert_eq!(key(2).decrypt(&sealed), Err(SecretError::Ciphertext));
        assert_eq!(key(1).decrypt("bm90IG91cnM="), Err(SecretError::Ciphertext));
        assert_eq!(SecretKey::from_base64("short").err(), Some(SecretError::Key));
    }
}
