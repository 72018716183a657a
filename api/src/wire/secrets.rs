//! Secrets of a request turned into ciphertext.

use causeway_records::{
    Record,
    noun::Noun,
    nouns::Rules,
    problem::Reason,
    secret::{Keyring, SecretError},
    value::Value,
};
use causeway_store::{Result, StoreError};

/// Plain text from a request becomes ciphertext of the first key. The stored ciphertext leaves it as it is, also the one that a change of keys
/// replaced. Any other ciphertext is refused: it would hand one record's secret to another one's cluster, and whether it was taken would say
/// whether two secrets are the same.
pub(super) fn seal<T: Noun>(record: &mut Record<T>, stored: &Record<T>, keys: &Keyring) -> Result<()> {
    for index in encrypted_fields::<T>() {
        let field = &T::FIELDS[index];
        let invalid = |problem: String| StoreError::invalid_field(Reason::InvalidField, field.json, problem);
        let (sent, kept) = (text(&record.spec, index), text(&stored.spec, index));
        let value = match (sent, kept) {
            (sent, kept) if sent == kept => continue,
            (None, _) => {
                record.key_ids.forget(field.column);
                continue;
            }
            (Some(sent), Some(kept)) if stored.key_ids.is_replaced(field.column, &sent) => kept,
            (Some(sent), _) if keys.decrypt(&sent).is_ok() => {
                return Err(invalid("is the ciphertext of another secret; send plain text".into()));
            }
            (Some(sent), _) => {
                record.key_ids.sealed(field.column, keys.id());
                keys.encrypt(&sent).map_err(|error| invalid(error.to_string()))?
            }
        };
        record.spec.get_mut(index).set(Some(Value::Text(value))).map_err(invalid)?;
    }
    Ok(())
}

/// Gives a new record the secret that its body has left out, and answers its column and plain text, if there was one to make up.
pub(crate) fn make_up<T: Noun + Rules>(
    record: &mut Record<T>,
    keys: &Keyring,
) -> Result<Option<(&'static str, String)>> {
    let unable = |error: SecretError| StoreError::invalid(Reason::InternalError, error.to_string());
    let Some((column, plain)) = record.spec.made_up().map_err(unable)? else { return Ok(None) };
    show(&mut record.spec, column, keys.encrypt(&plain).map_err(unable)?)?;
    record.key_ids.sealed(column, keys.id());
    Ok(Some((column, plain)))
}

/// Puts a text into the field of a column.
pub(crate) fn show<T: Noun>(spec: &mut T, column: &str, text: String) -> Result<()> {
    let index = T::FIELDS.iter().position(|field| field.column == column);
    let set = index
        .map_or_else(|| Err("there is no such field".into()), |index| spec.get_mut(index).set(Some(Value::Text(text))));
    set.map_err(|problem| StoreError::invalid_field(Reason::InternalError, column, problem))
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
        assert!(send(&fresh, None, &both).unwrap().key_ids.0.is_empty());
    }

    #[test]
    fn a_ciphertext_that_was_read_before_a_change_of_keys_changes_nothing() {
        let (old, both) = (keys(&[OLD]), keys(&[NEW, OLD]));
        let stored = send(&Record::default(), Some("s3cret"), &old).unwrap();
        let mut moved = stored.clone();
        moved.spec.connection_token = Some(both.encrypt("s3cret").unwrap());
        moved.key_ids.moved("connection_token", both.id(), &token(&stored));
        assert_eq!(send(&moved, Some(&token(&stored)), &both).unwrap(), moved);
        // Once somebody has sent a text, it is another secret.
        let fresh = send(&moved, Some("s3cret"), &both).unwrap();
        assert!(send(&fresh, Some(&token(&stored)), &both).is_err());
    }

    /// Whoever has a ciphertext and may write records must not learn by trying whether its secret is a guessed one.
    #[test]
    fn whether_two_secrets_are_the_same_cannot_be_asked() {
        let keys = keys(&[OLD]);
        let (known, own) = (send(&Record::default(), Some("s3cret"), &keys).unwrap(), Record::default());
        let answer = |guess: &str| {
            let guessed = send(&own, Some(guess), &keys).unwrap();
            send(&guessed, Some(&token(&known)), &keys).unwrap_err().to_string()
        };
        assert_eq!(answer("s3cret"), answer("wrong"));
        // Nor of the record that the ciphertext is of.
        let guessed = send(&known, Some("s3cret"), &keys).unwrap();
        assert!(send(&guessed, Some(&token(&known)), &keys).is_err());
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
