//! A request's JSON laid over a record: what it may hold, what it must hold, and secrets turned into ciphertext.

use crate::{
    association::{self, is_association},
    auth::sight::encrypted,
    secrets,
};
use causeway_records::{
    Record,
    field::{Fields, Noun, Table, entries},
    nouns::Rules,
    overlay::{Report, overlay},
    problem::{Problem, Reason, Refusal},
    record::Common,
    secret::Keyring,
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
    /// The same for a caller who doesn't see encrypted fields: those that are left out stay, for he can't send back what he didn't get.
    VisibleDefaults,
}

/// Lays `body` over `record`. Answers whether the client asks for another pass (`"Reconciled": false`).
pub fn lay<T: Noun + Rules>(record: &mut Record<T>, body: &[u8], over: Over, keys: &Keyring) -> Result<bool> {
    let stored = record.clone();
    if matches!(over, Over::Defaults | Over::VisibleDefaults) {
        record.spec = T::default();
    }
    if over == Over::VisibleDefaults {
        keep_encrypted(&mut record.spec, &stored.spec)?;
    }
    // What is in the record now says what is stored; a body that says something else about it is told apart from one that says nothing.
    record.status.reconciled = None;
    let report = overlay(body, &mut record.writable()).map_err(StoreError::Invalid)?;
    check_keys(&report, |names| association::check(names, body, over == Over::Nothing), T::KIND.as_str())?;
    refuse(Reason::InvalidField, report.problems.clone())?;
    if over != Over::Stored {
        check_required(&report.missing(T::FIELDS))?;
    }
    let read_only = "set by the system; leave it out or send the stored value back";
    refuse(Reason::ReadOnlyField, report.read_only.iter().map(|name| Problem::new(*name, read_only)).collect())?;
    if over != Over::Nothing {
        refuse(Reason::ImmutableField, moved(&stored.spec, &record.spec))?;
    }
    record.spec.tidy();
    refuse(Reason::InvalidField, record.spec.check())?;
    secrets::seal(record, &stored, keys)?;
    let again = record.status.reconciled == Some(false);
    record.status.reconciled = stored.status.reconciled;
    Ok(again)
}

fn keep_encrypted<T: Noun>(changed: &mut T, stored: &T) -> Result<()> {
    for index in encrypted::<T>() {
        let kept = stored.get(index).to_value();
        let invalid = |problem| StoreError::invalid_field(Reason::InvalidField, T::FIELDS[index].json, problem);
        changed.get_mut(index).set(kept).map_err(invalid)?;
    }
    Ok(())
}

fn refuse(reason: Reason, problems: Vec<Problem>) -> Result<()> {
    if problems.is_empty() { Ok(()) } else { Err(StoreError::Invalid(Refusal::fields(reason, problems))) }
}

/// The checks of keys in Threeport's order, with its words.
fn check_keys(report: &Report, associations: impl Fn(&[&String]) -> Result<()>, kind: &str) -> Result<()> {
    let system = |name: &&String| Common::FIELDS.iter().any(|field| field.json.eq_ignore_ascii_case(name));
    let (set_by_us, others): (Vec<_>, Vec<_>) = report.unknown.iter().partition(system);
    let (associated, unknown): (Vec<_>, Vec<_>) = others.into_iter().partition(|name| is_association(kind, name));
    if !report.any {
        return Err(StoreError::invalid(Reason::EmptyPayload, "JSON payload is empty"));
    }
    if !set_by_us.is_empty() {
        let (sentence, problem) = ("Update of GORM Model fields is not allowed", "set by the system; leave it out");
        return Err(StoreError::Invalid(Refusal::listed(Reason::SystemField, sentence, &texts(&set_by_us), problem)));
    }
    associations(&associated)?;
    if !unknown.is_empty() {
        let (sentence, problem) = ("Unsupported fields are not allowed", "no field of this kind has this name");
        return Err(StoreError::Invalid(Refusal::listed(Reason::UnknownField, sentence, &texts(&unknown), problem)));
    }
    Ok(())
}

fn texts<'a>(names: &[&'a String]) -> Vec<&'a str> {
    names.iter().map(|name| name.as_str()).collect()
}

fn check_required(missing: &[&str]) -> Result<()> {
    if missing.is_empty() {
        return Ok(());
    }
    let (sentence, problem) = ("Missing required field(s)", "is required; send a value");
    Err(StoreError::Invalid(Refusal::listed(Reason::MissingField, sentence, missing, problem)))
}

/// Fields that stay as they were made and don't.
fn moved(stored: &dyn Fields, changed: &dyn Fields) -> Vec<Problem> {
    let pairs = entries(stored).zip(entries(changed)).filter(|((field, _), _)| field.immutable);
    let moved = pairs.filter(|((_, before), (_, after))| before.to_value() != after.to_value());
    let problem = "can't be changed; make a new record, or send the stored value back";
    moved.map(|((field, _), _)| Problem::new(field.json, problem)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use causeway_records::nouns::{GatewayDefinition, KubernetesRuntimeInstance};

    fn key() -> Keyring {
        Keyring::from_base64("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=").unwrap()
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
    fn a_put_keeps_what_its_caller_does_not_see() {
        let mut record = Record::<KubernetesRuntimeInstance>::default();
        record.spec.location = "Local".parse().unwrap();
        record.spec.connection_token = Some("ciphertext".into());
        record.spec.status = Some("here".into());
        let body = br#"{"Name":"r","Location":"Local","KubernetesRuntimeDefinitionID":1}"#;
        lay(&mut record, body, Over::VisibleDefaults, &key()).unwrap();
        assert_eq!(
            (record.spec.connection_token.as_deref(), record.spec.status.as_deref()),
            (Some("ciphertext"), None)
        );
        lay(&mut record, body, Over::Defaults, &key()).unwrap();
        assert_eq!(record.spec.connection_token, None);
    }

    #[test]
    fn a_cluster_does_not_move() {
        let mut record = Record::<KubernetesRuntimeInstance>::default();
        record.spec.location = "Local".parse().unwrap();
        let change = |record: &mut _, body: &str| {
            lay::<KubernetesRuntimeInstance>(record, body.as_bytes(), Over::Stored, &key())
        };
        assert!(change(&mut record, r#"{"Location":"Local"}"#).is_ok());
        let refusal = change(&mut record, r#"{"Location":"Asia:Tokyo"}"#).unwrap_err().to_string();
        assert!(refusal.starts_with("Location: can't be changed"), "{refusal}");
        assert!(change(&mut record, r#"{"Reconciled":false}"#).unwrap());
    }
}
