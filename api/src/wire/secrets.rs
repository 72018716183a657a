//! Secrets of a request turned into ciphertext.

use causeway_records::{Record, field::Noun, problem::Reason, secret::Keyring, value::Value};
use causeway_store::{Result, StoreError};

/// Plain text from a request becomes ciphertext of the first key. Ciphertext of what is stored leaves it as it is, also one that was read before
/// the secret was encrypted anew. Ciphertext of anything else is refused: it would hand one record's secret to another one's cluster.
pub(super) fn seal<T: Noun>(record: &mut Record<T>, stored: &Record<T>, keys: &Keyring) -> Result<()> {
    for index in encrypted_fields::<T>() {
        let field = &T::FIELDS[index];
        let invalid = |problem: String| StoreError::invalid_field(Reason::InvalidField, field.json, problem);
        let (sent, kept) = (text(&record.spec, index), text(&stored.spec, index));
        let value = match (sent, kept) {
            (sent, kept) if sent == kept => continue,
            (None, _) => {
                record.key_ids.0.remove(field.column);
                continue;
            }
            (Some(sent), kept) => match (keys.decrypt(&sent), kept) {
                (Ok(plain), Some(kept)) if keys.decrypt(&kept).as_ref() == Ok(&plain) => kept,
                (Ok(_), _) => return Err(invalid("is the ciphertext of another secret; send plain text".into())),
                (Err(_), _) => {
                    record.key_ids.0.insert(field.column.into(), keys.id().into());
                    keys.encrypt(&sent).map_err(|error| invalid(error.to_string()))?
                }
            },
        };
        record.spec.get_mut(index).set(Some(Value::Text(value))).map_err(invalid)?;
    }
    Ok(())
}

/// Indexes of the encrypted fields in the noun's table.
pub(super) fn encrypted_fields<T: Noun>() -> impl Iterator<Item = usize> {
    T::FIELDS.iter().enumerate().filter(|(_, field)| field.encrypted).map(|(index, _)| index)
}

fn text<T: Noun>(spec: &T, index: usize) -> Option<String> {
    match spec.get(index).to_value() {
        Some(Value::Text(text)) => Some(text),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use causeway_records::nouns::KubernetesRuntimeInstance;

    const OLD: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    const NEW: &str = "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=";

    fn keys(texts: &[&str]) -> Keyring {
        Keyring::from_base64(&texts.join(",")).unwrap()
    }

    /// A stored runtime after somebody sent a token.
    fn send(
        stored: &Record<KubernetesRuntimeInstance>,
        token: Option<&str>,
        keys: &Keyring,
    ) -> Result<Record<KubernetesRuntimeInstance>> {
        let mut record = stored.clone();
        record.spec.connection_token = token.map(Into::into);
        seal(&mut record, stored, keys).map(|()| record)
    }

    fn token(record: &Record<KubernetesRuntimeInstance>) -> String {
        record.spec.connection_token.clone().unwrap()
    }

    #[test]
    fn secrets_are_encrypted_once_with_the_first_key() {
        let (old, both) = (keys(&[OLD]), keys(&[NEW, OLD]));
        let stored = send(&Record::default(), Some("s3cret"), &old).unwrap();
        assert_eq!(stored.key_ids.0["connection_token"], old.id());
        assert_eq!(old.decrypt(&token(&stored)).unwrap(), "s3cret");
        // What is sent back stays, whichever key is the first now.
        assert_eq!(send(&stored, Some(&token(&stored)), &both).unwrap(), stored);
        // Plain text is encrypted anew, also the same.
        let fresh = send(&stored, Some("s3cret"), &both).unwrap();
        assert_ne!(token(&fresh), token(&stored));
        assert_eq!(fresh.key_ids.0["connection_token"], both.id());
        // A ciphertext that was read before the secret was encrypted anew changes nothing.
        assert_eq!(send(&fresh, Some(&token(&stored)), &both).unwrap(), fresh);
        assert!(send(&fresh, None, &both).unwrap().key_ids.0.is_empty());
    }

    #[test]
    fn ciphertext_of_another_secret_is_refused() {
        let keys = keys(&[OLD]);
        let stored = send(&Record::default(), Some("s3cret"), &keys).unwrap();
        let other = send(&Record::default(), Some("other"), &keys).unwrap();
        for target in [&stored, &Record::default()] {
            let refusal = send(target, Some(&token(&other)), &keys).unwrap_err().to_string();
            assert!(refusal.contains("ciphertext of another secret"), "{refusal}");
        }
    }
}
