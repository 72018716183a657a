//! What a key of a document means for a kind. Threeport's keys of both spellings and the names of the wire all lead to fields of the noun.

use causeway_records::{
    Kind,
    field::{Field, Table},
    noun::Info,
    record::Common,
    status::Status,
};

use crate::kinds;

/// What a key means.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Meaning {
    /// A field as it is on the wire.
    Field(&'static Field),
    /// Another record, by name.
    Reference(&'static Field, Kind),
    /// Other records, by name.
    References(&'static Field, Kind),
    /// Pauses the work on the record; it belongs to the status of a reconciled kind.
    Interrupt,
    /// A path to a kubeconfig, or the context in it.
    Kubeconfig,
    /// What is read and never written: times, conditions, what `tptctl get` adds.
    Ignored,
}

/// Pauses the work on a record.
pub(crate) const INTERRUPT: &str = "InterruptReconciliation";

/// Names of 2026 for kinds that Threeport called otherwise before.
pub(crate) const RENAMED: &[(&str, &str)] = &[
    ("KubernetesWorkloadDefinition", "WorkloadDefinition"),
    ("KubernetesWorkloadInstance", "WorkloadInstance"),
    ("KubernetesWorkload", "Workload"),
    ("AwsProvider", "AwsAccount"),
];

/// The name of today for a kind or a reference.
pub(crate) fn renamed(name: &str) -> &str {
    RENAMED.iter().find(|(new, _)| *new == name).map_or(name, |(_, ours)| ours)
}

/// What a key means; None: nothing.
pub(crate) fn meaning(info: &'static Info, key: &str) -> Option<Meaning> {
    let is = |name: &str| name.eq_ignore_ascii_case(key);
    if is(INTERRUPT) && info.reconciled {
        return Some(Meaning::Interrupt);
    }
    if is_ignored(key) {
        return Some(Meaning::Ignored);
    }
    if info.kind == Kind::KubernetesRuntimeInstance && (is("Kubeconfig") || is("Context")) {
        return Some(Meaning::Kubeconfig);
    }
    if let Some(field) = info.fields.iter().find(|field| is(field.json)) {
        return Some(if field.read_only { Meaning::Ignored } else { Meaning::Field(field) });
    }
    let key = renamed(key);
    let parent = kinds::parents(info).find(|(field, _)| kinds::reference(field) == key);
    if let Some((field, parent)) = parent {
        return Some(Meaning::Reference(field, parent.kind));
    }
    let listed =
        |field: &&Field| field.json.strip_suffix("IDs").is_some_and(|stem| key.strip_suffix('s') == Some(stem));
    let field = info.fields.iter().find(listed)?;
    Some(Meaning::References(field, kinds::list_of(field)?))
}

/// What the system and clients remark about a record rather than ask for: read, shown, and never part of a document's intent.
pub(crate) fn is_ignored(key: &str) -> bool {
    let system = Common::FIELDS.iter().chain(Status::FIELDS).map(|field| field.json);
    system.chain(["Age", "Status"]).any(|known| known.eq_ignore_ascii_case(key))
}

/// The keys that a document of a kind may have, as they are written.
pub(crate) fn known(info: &'static Info) -> Vec<&'static str> {
    let fields = info.fields.iter().filter(|field| !field.read_only && !is_ignored(field.json));
    let key = |field: &'static Field| match (field.parent, kinds::list_of(field)) {
        (Some(_), _) => kinds::reference(field),
        _ => field.json,
    };
    fields.map(key).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_spellings_name_a_workload_instance() {
        for key in ["WorkloadInstance", "KubernetesWorkloadInstance"] {
            let Some(Meaning::Reference(field, kind)) = meaning(Kind::GatewayInstance.info(), key) else {
                panic!("{key}")
            };
            assert_eq!((field.json, kind), ("WorkloadInstanceID", Kind::WorkloadInstance));
        }
    }

    #[test]
    fn keys_of_an_account() {
        let info = Kind::AwsAccount.info();
        let Some(Meaning::References(field, kind)) = meaning(info, "KubernetesRuntimeInstances") else {
            panic!("a list of clusters")
        };
        assert_eq!((field.json, kind), ("KubernetesRuntimeInstanceIDs", Kind::KubernetesRuntimeInstance));
        assert!(matches!(meaning(info, "RoleArn"), Some(Meaning::Field(field)) if field.column == "role_arn"));
        assert!(meaning(info, "LocalProfile").is_none());
    }

    #[test]
    fn what_is_only_read_is_ignored_and_a_pause_is_not() {
        let info = Kind::GatewayInstance.info();
        for key in ["ID", "CreatedAt", "Conditions", "Generation", "Age", "Status", "Reconciled"] {
            assert!(matches!(meaning(info, key), Some(Meaning::Ignored)), "{key}");
        }
        assert!(matches!(meaning(info, INTERRUPT), Some(Meaning::Interrupt)));
        assert!(matches!(meaning(Kind::DomainNameDefinition.info(), INTERRUPT), Some(Meaning::Ignored)));
    }
}
