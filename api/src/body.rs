//! A request's JSON laid over a record: what it may hold, what it must hold, and secrets turned into ciphertext.

use crate::association::{self, is_association};
use causeway_records::{
    Record,
    field::{Fields, Noun, Table, entries},
    nouns::Rules,
    overlay::{Report, overlay},
    record::Common,
    secret::SecretKey,
    value::Value,
};
use causeway_store::{Result, StoreError};

/// What the body is laid over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Over {
    /// A new record: required fields must be there.
    Nothing,
    /// The stored record: fields that are left out stay.
    Stored,
    /// The stored record: fields that are left out go back to their defaults, required ones must be there.
    Defaults,
}

/// Lays `body` over `record`. Answers whether the client asks for another pass (`"Reconciled": false`).
pub fn lay<T: Noun + Rules>(record: &mut Record<T>, body: &[u8], over: Over, key: &SecretKey) -> Result<bool> {
    let stored = record.clone();
    if over == Over::Defaults {
        record.spec = T::default();
    }
    // What is in the record now says what is stored; a body that says something else about it is told apart from one that says nothing.
    record.status.reconciled = None;
    let report = overlay(body, &mut record.writable()).map_err(StoreError::Invalid)?;
    check_keys(&report, |names| association::check(names, body, over == Over::Nothing), T::KIND)?;
    if over != Over::Stored {
        check_required(&report.missing(T::FIELDS))?;
    }
    if over != Over::Nothing {
        check_immutable(&stored.spec, &record.spec)?;
    }
    record.spec.check().map_err(StoreError::Invalid)?;
    encrypt(&mut record.spec, &stored.spec, key)?;
    let again = record.status.reconciled == Some(false);
    record.status.reconciled = stored.status.reconciled;
    Ok(again)
}

fn check_keys(report: &Report, associations: impl Fn(&[&String]) -> Result<()>, kind: &str) -> Result<()> {
    let system = |name: &&String| Common::FIELDS.iter().any(|field| field.json.eq_ignore_ascii_case(name));
    let (set_by_us, others): (Vec<_>, Vec<_>) = report.unknown.iter().partition(system);
    let (associated, unknown): (Vec<_>, Vec<_>) = others.into_iter().partition(|name| is_association(kind, name));
    if !report.any {
        return Err(StoreError::Invalid("JSON payload is empty".into()));
    }
    if !set_by_us.is_empty() {
        let names = join(&set_by_us);
        return Err(StoreError::Invalid(format!("Update of GORM Model fields is not allowed : {names}")));
    }
    if !unknown.is_empty() {
        return Err(StoreError::Invalid(format!("Unsupported fields are not allowed : {}", join(&unknown))));
    }
    associations(&associated)?;
    if !report.read_only.is_empty() {
        let names = report.read_only.join(",");
        return Err(StoreError::Invalid(format!(
            "{names}: set by the system; leave it out or send the stored value back"
        )));
    }
    Ok(())
}

fn join(names: &[&String]) -> String {
    names.iter().map(|name| name.as_str()).collect::<Vec<_>>().join(",")
}

fn check_required(missing: &[&str]) -> Result<()> {
    if missing.is_empty() {
        Ok(())
    } else {
        Err(StoreError::Invalid(format!("Missing required field(s) : {}", missing.join(","))))
    }
}

fn check_immutable(stored: &dyn Fields, changed: &dyn Fields) -> Result<()> {
    for ((field, before), (_, after)) in entries(stored).zip(entries(changed)) {
        if field.immutable && before.to_value() != after.to_value() {
            return Err(StoreError::Invalid(format!(
                "{}: can't be changed; make a new record, or send the stored value back",
                field.json
            )));
        }
    }
    Ok(())
}

/// Plain text that came in becomes ciphertext; ciphertext that came back as it is stored stays.
fn encrypt(changed: &mut dyn Fields, stored: &dyn Fields, key: &SecretKey) -> Result<()> {
    for index in 0..changed.fields().len() {
        if !changed.fields()[index].encrypted {
            continue;
        }
        let (now, before) = (changed.get(index).to_value(), stored.get(index).to_value());
        if now == before {
            continue;
        }
        if let Some(Value::Text(plain)) = now {
            let name = changed.fields()[index].json;
            let sealed = key.encrypt(&plain).map_err(|error| StoreError::Invalid(format!("{name}: {error}")))?;
            changed.get_mut(index).set(Some(Value::Text(sealed))).map_err(StoreError::Invalid)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use causeway_records::nouns::{GatewayDefinition, KubernetesRuntimeInstance};

    fn key() -> SecretKey {
        SecretKey::from_base64("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=").unwrap()
    }

    fn refusal(body: &str) -> String {
        lay(&mut Record::<GatewayDefinition>::default(), body.as_bytes(), Over::Nothing, &key())
            .unwrap_err()
            .to_string()
    }

    #[test]
    fn refusals_name_the_field_and_the_remedy() {
        assert_eq!(refusal("{}"), "JSON payload is empty");
        assert_eq!(refusal("null"), "JSON payload is empty");
        assert_eq!(refusal(r#"{"Name":"a","Colour":1}"#), "Unsupported fields are not allowed : Colour");
        assert_eq!(refusal(r#"{"Name":"a","id":1}"#), "Update of GORM Model fields is not allowed : id");
        assert_eq!(refusal(r#"{"ServiceName":"a"}"#), "Missing required field(s) : Name");
        assert!(refusal(r#"{"Name":"a","Generation":7}"#).starts_with("Generation: set by the system"));
        assert!(
            refusal(r#"{"Name":"a","HttpPorts":[{"Port":443,"TLSEnabled":true}]}"#).contains("DomainNameDefinitionID")
        );
        assert!(
            refusal(r#"{"Name":"a","HttpPorts":[{"Port":-1}]}"#).starts_with("HttpPorts[0].Port: -1 is out of range")
        );
    }

    #[test]
    fn secrets_are_encrypted_once() {
        let mut record = Record::<KubernetesRuntimeInstance>::default();
        let body = r#"{"Name":"r","Location":"Local","KubernetesRuntimeDefinitionID":1,"ConnectionToken":"s3cret"}"#;
        lay(&mut record, body.as_bytes(), Over::Nothing, &key()).unwrap();
        let sealed = record.spec.connection_token.clone().unwrap();
        assert_eq!(key().decrypt(&sealed).unwrap(), "s3cret");
        let back = format!(r#"{{"ConnectionToken":"{sealed}"}}"#);
        lay(&mut record, back.as_bytes(), Over::Stored, &key()).unwrap();
        assert_eq!(record.spec.connection_token.unwrap(), sealed);
    }

    #[test]
    fn a_cluster_does_not_move() {
        let mut record = Record::<KubernetesRuntimeInstance>::default();
        record.spec.location = "Local".into();
        let change = |record: &mut _, body: &str| {
            lay::<KubernetesRuntimeInstance>(record, body.as_bytes(), Over::Stored, &key())
        };
        assert!(change(&mut record, r#"{"Location":"Local"}"#).is_ok());
        let refusal = change(&mut record, r#"{"Location":"Mars"}"#).unwrap_err().to_string();
        assert!(refusal.starts_with("Location: can't be changed"), "{refusal}");
        assert!(change(&mut record, r#"{"Reconciled":false}"#).unwrap());
    }
}
