//! Bindings whose subjects are in another namespace than the ServiceAccounts that they mean. Many install manifests are written for one namespace:
//! they name it in subjects and leave it out of the objects, which then go into the workload's own. Kubernetes takes such a binding; the program
//! lacks its rights.

use crate::plan::Object;
use causeway_records::inventory::ObjectRef;
use serde_json::Value;

/// A sentence for each subject that no ServiceAccount of these objects matches, although one of its name is in another namespace.
pub(super) fn misplaced(objects: &[Object]) -> Vec<String> {
    let accounts: Vec<&ObjectRef> = objects.iter().map(|object| &object.at).filter(|at| is_account(at)).collect();
    let bindings =
        objects.iter().filter(|object| matches!(object.at.kind.as_str(), "RoleBinding" | "ClusterRoleBinding"));
    let subjects = bindings.flat_map(|binding| {
        let subjects = binding.body["subjects"].as_array().into_iter().flatten();
        subjects.filter(|subject| subject["kind"] == "ServiceAccount").map(move |subject| (&binding.at, subject))
    });
    subjects.filter_map(|(binding, subject)| judge(binding, subject, &accounts)).collect()
}

fn is_account(at: &ObjectRef) -> bool {
    at.group.is_empty() && at.kind == "ServiceAccount"
}

fn judge(binding: &ObjectRef, subject: &Value, accounts: &[&ObjectRef]) -> Option<String> {
    let (name, namespace) = (subject["name"].as_str()?, subject["namespace"].as_str()?);
    let namesakes = || accounts.iter().filter(|account| account.name == name);
    if namesakes().any(|account| account.namespace.as_deref() == Some(namespace)) {
        return None;
    }
    let other = namesakes().next()?;
    Some(format!(
        "{binding} names ServiceAccount {namespace}/{name}, which is not among the manifests, but {other} is; give all manifests of that \
         program metadata.namespace {namespace} and add that Namespace, or correct the subject"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn object(kind: &str, namespace: Option<&str>, name: &str, body: Value) -> Object {
        let group = if kind == "ServiceAccount" { "" } else { "rbac.authorization.k8s.io" };
        let at = ObjectRef {
            group: group.into(),
            version: "v1".into(),
            kind: kind.into(),
            namespace: namespace.map(Into::into),
            name: name.into(),
        };
        Object::new(at, body)
    }

    fn binding(namespace: &str, name: &str) -> Object {
        let subject = json!({"kind": "ServiceAccount", "name": name, "namespace": namespace});
        object("ClusterRoleBinding", None, "b", json!({"subjects": [subject, {"kind": "Group", "name": "g"}]}))
    }

    #[test]
    fn a_subject_in_another_namespace_than_its_account_is_pointed_out() {
        let account = object("ServiceAccount", Some("shop-1"), "server", Value::Null);
        let found = misplaced(&[binding("shop", "server"), account.clone()]);
        assert_eq!(found.len(), 1);
        for part in
            ["ClusterRoleBinding b", "ServiceAccount shop/server", "ServiceAccount shop-1/server", "add that Namespace"]
        {
            assert!(found[0].contains(part), "{found:?}");
        }
        assert!(misplaced(&[binding("shop-1", "server"), account.clone()]).is_empty());
        assert!(misplaced(&[binding("kube-system", "other"), account.clone()]).is_empty(), "somebody else's account");
        let both = object("ServiceAccount", Some("shop"), "server", Value::Null);
        assert!(misplaced(&[binding("shop", "server"), account, both]).is_empty());
    }

    #[test]
    fn what_is_no_binding_is_left_alone() {
        let odd = [json!(null), json!({"subjects": 1}), json!({"subjects": [1, {"kind": "ServiceAccount"}]})];
        for body in odd {
            assert!(misplaced(&[object("RoleBinding", Some("shop"), "b", body)]).is_empty());
        }
    }
}
