//! Fields of Threeport that hold other records: Causeway keeps those at paths of their own.

use causeway_records::problem::{Problem, Reason, Refusal};
use causeway_store::{Result, StoreError};
use serde_json::{Map, Value};

/// Such fields by kind. Those that Causeway takes with records inside, such as ports, are fields of the noun.
const ASSOCIATIONS: &[(&str, &[&str])] = &[
    ("GatewayDefinition", &["GatewayInstances", "ProfileID", "TierID"]),
    ("DomainNameDefinition", &["DomainNameInstances", "ProfileID", "TierID"]),
    ("KubernetesRuntimeDefinition", &["KubernetesRuntimeInstances", "ProfileID", "TierID"]),
    ("KubernetesRuntimeInstance", &["WorkloadInstance", "ControlPlaneInstance"]),
    ("WorkloadDefinition", &["WorkloadResourceDefinitions", "WorkloadInstances", "ProfileID", "TierID"]),
    ("WorkloadInstance", &["Events", "WorkloadResourceInstances"]),
    ("WorkloadResourceInstance", &["Events"]),
];

/// Whether Threeport has such a field.
pub fn is_association(kind: &str, key: &str) -> bool {
    let of_kind = ASSOCIATIONS.iter().filter(|(name, _)| *name == kind).flat_map(|(_, fields)| *fields);
    of_kind.into_iter().any(|field| field.eq_ignore_ascii_case(key))
}

/// A new record may carry them empty, as Threeport's client sends them; what is in them would be lost. A change may not carry them at all.
pub fn check(names: &[&String], body: &[u8], is_new: bool) -> Result<()> {
    if names.is_empty() {
        return Ok(());
    }
    if !is_new {
        let names: Vec<_> = names.iter().map(|name| name.as_str()).collect();
        let sentence = "Update of associated objects is not allowed. Use PUT for each associated object";
        let problem = "is changed at its own path; leave it out";
        return Err(StoreError::Invalid(Refusal::listed(Reason::AssociatedField, sentence, &names, problem)));
    }
    let sent: Map<String, Value> =
        serde_json::from_slice(body).map_err(|error| StoreError::invalid(Reason::MalformedBody, error.to_string()))?;
    let is_empty = |value: &Value| value.is_null() || value.as_array().is_some_and(Vec::is_empty);
    let full = names.iter().filter(|name| sent.get(name.as_str()).is_some_and(|value| !is_empty(value)));
    let problems: Vec<_> =
        full.map(|name| Problem::new(name.as_str(), "is not made along with this; leave it out")).collect();
    if problems.is_empty() {
        Ok(())
    } else {
        Err(StoreError::Invalid(Refusal::fields(Reason::AssociatedField, problems)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_new_record_may_carry_them_and_only_empty() {
        assert!(is_association("GatewayDefinition", "gatewayinstances") && !is_association("Event", "ProfileID"));
        let (instances, profile) = ("GatewayInstances".to_owned(), "ProfileID".to_owned());
        let names = [&instances, &profile];
        let check = |body: &str, is_new| check(&names, body.as_bytes(), is_new);
        assert!(check(r#"{"GatewayInstances":[],"ProfileID":null}"#, true).is_ok());
        assert!(check(r#"{"GatewayInstances":[{}],"ProfileID":null}"#, true).is_err());
        assert!(check(r#"{"GatewayInstances":[],"ProfileID":7}"#, true).is_err());
        assert!(check(r#"{"GatewayInstances":[],"ProfileID":null}"#, false).is_err());
    }
}
