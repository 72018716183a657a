//! Fields of Threeport that hold other records: Causeway keeps those at paths of their own.

use causeway_records::{
    overlay::UnknownMember,
    problem::{Problem, Reason, Refusal},
};
use causeway_store::{Result, StoreError};

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
pub(super) fn is_association(kind: &str, key: &str) -> bool {
    let of_kind = ASSOCIATIONS.iter().filter(|(name, _)| *name == kind).flat_map(|(_, fields)| *fields);
    of_kind.into_iter().any(|field| field.eq_ignore_ascii_case(key))
}

/// A new record may carry them empty, as Threeport's client sends them; what is in them would be lost. A change may not carry them at all.
pub(super) fn check(members: &[UnknownMember], is_new: bool) -> Result<()> {
    if members.is_empty() {
        return Ok(());
    }
    if !is_new {
        let names: Vec<_> = members.iter().map(|member| member.key.as_str()).collect();
        let sentence = "Update of associated objects is not allowed. Use PUT for each associated object";
        let problem = "is changed at its own path; leave it out";
        return Err(StoreError::Invalid(Refusal::listed(Reason::AssociatedField, sentence, &names, problem)));
    }
    let full = members.iter().filter(|member| !member.is_empty);
    let problems: Vec<_> =
        full.map(|member| Problem::new(&member.key, "is not made along with this; leave it out")).collect();
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
        let check = |instances_empty, profile_empty, is_new| {
            let member = |key: &str, is_empty| UnknownMember { key: key.into(), is_empty };
            check(&[member("GatewayInstances", instances_empty), member("ProfileID", profile_empty)], is_new)
        };
        assert!(check(true, true, true).is_ok());
        assert!(check(false, true, true).is_err() && check(true, false, true).is_err());
        assert!(check(true, true, false).is_err());
    }
}
