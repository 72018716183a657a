//! Merges a request's JSON into a record: what it may hold, what it must hold, and secrets turned into ciphertext.

use super::{
    association::{self, is_association},
    documents::Body,
    manifests,
    secrets::{self, encrypted_fields},
};
use causeway_manifests::Budget;
use causeway_records::{
    Record,
    field::{Fields, Table, entries},
    noun::Noun,
    nouns::{Role, Rules},
    overlay::{Report, UnknownMember, overlay},
    problem::{Problem, Reason, Refusal},
    record::Common,
    secret::Keyring,
};
use causeway_store::{Result, StoreError};

/// What the body is merged into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MergeBase {
    /// A new record: required fields must be there.
    New,
    /// The stored record: fields that are left out stay.
    Stored,
    /// The stored record: fields that are left out go back to their defaults, required ones must be there.
    Defaults,
    /// The same for a caller that doesn't get encrypted fields: those that are left out stay, for the caller can't send back what it didn't get.
    VisibleDefaults,
}

/// Who sent a body, and the keys for the secrets in it.
#[derive(Clone, Debug)]
pub(crate) struct Author {
    pub(crate) role: Role,
    pub(crate) keys: Keyring,
}

/// Merges `body` into `record`. Answers whether the client asks for another reconcile (`"Reconciled": false`).
pub(crate) fn merge<T: Noun + Rules>(
    record: &mut Record<T>,
    body: &Body,
    base: MergeBase,
    author: &Author,
) -> Result<bool> {
    let stored = record.clone();
    if matches!(base, MergeBase::Defaults | MergeBase::VisibleDefaults) {
        record.spec = T::default();
        record.spec.keep(&stored.spec);
    }
    if base == MergeBase::VisibleDefaults {
        keep_encrypted(&mut record.spec, &stored.spec)?;
    }
    // Cleared, so that a body that sets it can be told from one that leaves it out.
    record.status.reconciled = None;
    let report = overlay(&body.json, &mut record.writable()).map_err(StoreError::Invalid)?;
    for (index, document) in &body.documents {
        let invalid = |problem| StoreError::invalid_field(Reason::InvalidField, T::FIELDS[*index].json, problem);
        record.spec.get_mut(*index).set(Some(document.clone())).map_err(invalid)?;
    }
    check_keys(&report, base == MergeBase::New, T::KIND.as_str())?;
    refuse(Reason::InvalidField, report.problems.clone())?;
    if base != MergeBase::Stored {
        check_required(&report.missing(T::FIELDS))?;
    }
    let read_only = "set by the system; leave it out or send the stored value back";
    refuse(Reason::ReadOnlyField, report.read_only.iter().map(|name| Problem::new(*name, read_only)).collect())?;
    if base != MergeBase::New {
        refuse(Reason::ImmutableField, changed_immutable(&stored.spec, &record.spec))?;
    }
    let restored = manifests::restore(&mut record.spec, &stored.spec);
    let restored = restored.map_err(|problems| StoreError::Invalid(Refusal::fields(Reason::InvalidField, problems)))?;
    record.spec.tidy();
    refuse(Reason::InvalidField, record.spec.check())?;
    if author.role < Role::Admin {
        refuse(Reason::Forbidden, changed_for_admins(&stored.spec, &record.spec))?;
    }
    refuse(Reason::InvalidField, body.problems.clone())?;
    if restored {
        // What was checked is the text with masks.
        refuse(Reason::InvalidField, record.spec.check_documents(&Budget::stored()))?;
    }
    secrets::seal(record, &stored, &author.keys)?;
    let again = record.status.reconciled == Some(false);
    record.status.reconciled = stored.status.reconciled;
    Ok(again)
}

/// Fields that only an admin may change in this way.
fn changed_for_admins<T: Rules>(stored: &T, changed: &T) -> Vec<Problem> {
    let problem = "only an admin may change it; leave it as it is, or ask one";
    changed.for_admins(stored).into_iter().map(|field| Problem::new(field, problem)).collect()
}

fn keep_encrypted<T: Noun>(changed: &mut T, stored: &T) -> Result<()> {
    for index in encrypted_fields::<T>() {
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
fn check_keys(report: &Report, is_new: bool, kind: &str) -> Result<()> {
    let is_system = |m: &UnknownMember| Common::FIELDS.iter().any(|field| field.json.eq_ignore_ascii_case(&m.key));
    let (set_by_us, others): (Vec<_>, Vec<_>) = report.unknown.iter().cloned().partition(is_system);
    let (associated, unknown): (Vec<_>, Vec<_>) = others.into_iter().partition(|m| is_association(kind, &m.key));
    if !report.any {
        return Err(StoreError::invalid(Reason::EmptyPayload, "JSON payload is empty"));
    }
    if !set_by_us.is_empty() {
        let (sentence, problem) = ("Update of GORM Model fields is not allowed", "set by the system; leave it out");
        return Err(StoreError::Invalid(Refusal::listed(Reason::SystemField, sentence, &keys(&set_by_us), problem)));
    }
    association::check(&associated, is_new)?;
    if !unknown.is_empty() {
        let (sentence, problem) = ("Unsupported fields are not allowed", "no field of this kind has this name");
        return Err(StoreError::Invalid(Refusal::listed(Reason::UnknownField, sentence, &keys(&unknown), problem)));
    }
    Ok(())
}

fn keys(members: &[UnknownMember]) -> Vec<&str> {
    members.iter().map(|member| member.key.as_str()).collect()
}

fn check_required(missing: &[&str]) -> Result<()> {
    if missing.is_empty() {
        return Ok(());
    }
    let (sentence, problem) = ("Missing required field(s)", "is required; send a value");
    Err(StoreError::Invalid(Refusal::listed(Reason::MissingField, sentence, missing, problem)))
}

/// Immutable fields that the body changes.
fn changed_immutable(stored: &dyn Fields, changed: &dyn Fields) -> Vec<Problem> {
    let pairs = entries(stored).zip(entries(changed)).filter(|((field, _), _)| field.immutable);
    let differing = pairs.filter(|((_, before), (_, after))| before.to_value() != after.to_value());
    let problem = "can't be changed; make a new record, or send the stored value back";
    differing.map(|((field, _), _)| Problem::new(field.json, problem)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use causeway_records::nouns::{AwsAccount, GatewayDefinition, KubernetesRuntimeInstance};

    fn key() -> Keyring {
        Keyring::from_base64("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=").unwrap()
    }

    fn author(role: Role) -> Author {
        Author { role, keys: key() }
    }

    fn admin() -> Author {
        author(Role::Admin)
    }

    fn refusal(body: &str) -> String {
        merge(&mut Record::<GatewayDefinition>::default(), &Body::plain(body.as_bytes()), MergeBase::New, &admin())
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

    /// Two megabytes of wrong items, keys or values must not become a larger answer.
    #[test]
    fn a_refusal_is_small_however_much_is_wrong() {
        let list = |item: &str| format!(r#"{{"Name":"a","HttpPorts":[{}]}}"#, vec![item; 100_000].join(","));
        let keys = |holder: &str| {
            let members: Vec<_> = (0..50_000).map(|n| format!(r#""k{n}":1"#)).collect();
            holder.replace('*', &members.join(","))
        };
        let bodies = [
            (list("{}"), "the last 99981 items were not checked"),
            (list(r#"{"Port":-1}"#), "HttpPorts[18].Port: -1 is out of range"),
            (keys(r#"{"Name":"a",*}"#), "k19 and 49980 more"),
            (keys(r#"{"Name":"a","HttpPorts":[{*}]}"#), "more problems"),
            (format!(r#"{{"Name":"a","{}":1}}"#, "k".repeat(1_000_000)), "kkk…"),
            (format!(r#"{{"Name":"a","Placement":"{}"}}"#, "k".repeat(1_000_000)), "Placement"),
        ];
        for (body, says) in bodies {
            let refusal = merge(
                &mut Record::<GatewayDefinition>::default(),
                &Body::plain(body.as_bytes()),
                MergeBase::New,
                &admin(),
            );
            let Err(StoreError::Invalid(refusal)) = refusal else { panic!("it was taken: {}", &body[..60]) };
            assert!(refusal.sentence.contains(says), "{}", refusal.sentence);
            let size: usize = refusal.details.iter().map(|detail| detail.field.len() + detail.problem.len()).sum();
            assert!(refusal.details.len() <= 20 && size + refusal.sentence.len() < 10_000, "{size}");
        }
    }

    #[test]
    fn secrets_are_encrypted_once() {
        let mut record = Record::<KubernetesRuntimeInstance>::default();
        let body = r#"{"Name":"r","Location":"Local","KubernetesRuntimeDefinitionID":1,"ConnectionToken":"s3cret"}"#;
        merge(&mut record, &Body::plain(body.as_bytes()), MergeBase::New, &admin()).unwrap();
        let sealed = record.spec.connection_token.clone().unwrap();
        assert_eq!(key().decrypt(&sealed).unwrap(), "s3cret");
        let back = format!(r#"{{"ConnectionToken":"{sealed}"}}"#);
        merge(&mut record, &Body::plain(back.as_bytes()), MergeBase::Stored, &admin()).unwrap();
        assert_eq!(record.spec.connection_token.unwrap(), sealed);
    }

    #[test]
    fn a_put_keeps_what_its_caller_does_not_get() {
        let mut record = Record::<KubernetesRuntimeInstance>::default();
        record.spec.location = "Local".parse().unwrap();
        record.spec.connection_token = Some("ciphertext".into());
        record.spec.status = Some("here".into());
        let body = br#"{"Name":"r","Location":"Local","KubernetesRuntimeDefinitionID":1}"#;
        merge(&mut record, &Body::plain(body), MergeBase::VisibleDefaults, &admin()).unwrap();
        assert_eq!(
            (record.spec.connection_token.as_deref(), record.spec.status.as_deref()),
            (Some("ciphertext"), None)
        );
        merge(&mut record, &Body::plain(body), MergeBase::Defaults, &admin()).unwrap();
        assert_eq!(record.spec.connection_token, None);
    }

    #[test]
    fn a_cluster_does_not_move() {
        let mut record = Record::<KubernetesRuntimeInstance>::default();
        record.spec.location = "Local".parse().unwrap();
        let change = |record: &mut _, body: &str| {
            merge::<KubernetesRuntimeInstance>(record, &Body::plain(body.as_bytes()), MergeBase::Stored, &admin())
        };
        assert!(change(&mut record, r#"{"Location":"Local"}"#).is_ok());
        let refusal = change(&mut record, r#"{"Location":"Asia:Tokyo"}"#).unwrap_err().to_string();
        assert!(refusal.starts_with("Location: can't be changed"), "{refusal}");
        assert!(change(&mut record, r#"{"Reconciled":false}"#).unwrap());
    }

    #[test]
    fn what_only_admins_change_is_refused_to_others_and_may_be_sent_back() {
        let body = r#"{"Name":"a","AccountID":"1","DefaultRegion":"x","AllRuntimes":true}"#;
        let new = |role| {
            let mut record = Record::<AwsAccount>::default();
            merge(&mut record, &Body::plain(body.as_bytes()), MergeBase::New, &author(role)).map(|_| record)
        };
        let Err(StoreError::Invalid(refusal)) = new(Role::Editor) else { panic!("an editor lets an account be used") };
        assert_eq!((refusal.reason, refusal.details[0].field.as_str()), (Reason::Forbidden, "AllRuntimes"));
        let stored = new(Role::Admin).unwrap();
        let change = |body: &str, base| {
            merge(&mut stored.clone(), &Body::plain(body.as_bytes()), base, &author(Role::Editor))
                .map_err(|error| error.to_string())
        };
        assert!(change(body, MergeBase::VisibleDefaults).is_ok(), "sent back as it is");
        assert!(change(r#"{"DefaultRegion":"y"}"#, MergeBase::Stored).is_ok());
        let without = r#"{"Name":"a","AccountID":"1","DefaultRegion":"x"}"#;
        assert!(change(without, MergeBase::VisibleDefaults).unwrap_err().starts_with("AllRuntimes: only an admin"));
    }
}
