//! A workload: its manifests in its namespace, and the state of every object.

use super::{Failure, Found, Pass};
use causeway_cluster::ObjectChange;
use causeway_records::inventory::ObjectRef;
use causeway_render::{
    conditions,
    observed::Seen,
    plan::Plan,
    workload::{self, Scope},
};
use causeway_store::resources::Resource;
use std::collections::BTreeMap;

pub(super) async fn reconcile(pass: &Pass<'_>) -> Result<Found, Failure> {
    let inputs = pass.context.store.workload_inputs(pass.work.key.id).await?;
    let owner = workload::owner(&inputs.instance.record);
    if pass.work.being_deleted {
        return pass.remove(owner).await;
    }
    let scopes = match kinds(&inputs.definition.spec.yaml_document, &inputs.resources) {
        Ok(kinds) => scopes(pass, kinds).await?,
        Err(sentence) => return Ok(pass.invalid(format!("YAMLDocument: {sentence}"))),
    };
    let plan = match workload::render(&inputs, &|group, kind| scopes.get(&(group.into(), kind.into())).copied()) {
        Ok(plan) => plan,
        Err(invalid) => return Ok(pass.invalid(invalid.to_string())),
    };
    let brought = pass.bring(owner, &plan).await?;
    let seen = pass.seen(owner, std::iter::empty());
    pass.context.store.save_resources(pass.work.key.id, &resources(&plan, &brought.changes, &seen)).await?;
    Ok(brought.found(vec![pass.reachable()], conditions::workload_instance(&plan, &seen)))
}

type Kinds = Vec<(String, String, String)>;

/// Group, version and kind of every manifest.
fn kinds(document: &str, more: &[serde_json::Value]) -> Result<Kinds, String> {
    let manifests = workload::manifests(document)?;
    let of = |manifest: &serde_json::Value| {
        let api_version = manifest["apiVersion"].as_str().unwrap_or_default();
        let (group, version) = api_version.rsplit_once('/').unwrap_or(("", api_version));
        (group.to_owned(), version.to_owned(), manifest["kind"].as_str().unwrap_or_default().to_owned())
    };
    let mut kinds: Kinds = manifests.iter().chain(more).map(of).collect();
    kinds.sort();
    kinds.dedup();
    Ok(kinds)
}

/// Which of them have namespaces, as the cluster says; those that it doesn't serve are left out.
async fn scopes(pass: &Pass<'_>, kinds: Kinds) -> Result<BTreeMap<(String, String), Scope>, Failure> {
    let mut scopes = BTreeMap::new();
    for (group, version, kind) in kinds {
        let at = ObjectRef { group, version, kind, namespace: None, name: String::new() };
        match pass.connection.cluster.discovery().find(&at).await {
            Ok(Some(found)) => {
                let scope = if found.namespaced { Scope::Namespaced } else { Scope::Cluster };
                scopes.insert((at.group, at.kind), scope);
            }
            Ok(None) => {}
            // The apply that follows says it with the object's name.
            Err(error) => pass.site.report(&error),
        }
    }
    Ok(scopes)
}

/// The objects as the API lists them.
fn resources(plan: &Plan, changes: &[(ObjectRef, ObjectChange)], seen: &Seen) -> Vec<Resource> {
    let objects = plan.objects.iter().map(|object| {
        let at = &object.at;
        let change = changes.iter().find(|(changed, _)| changed == at).map(|(_, change)| change);
        let observed = seen.get(at);
        Resource {
            key: format!("{}/{}/{}/{}", at.group, at.kind, at.namespace.as_deref().unwrap_or_default(), at.name),
            definition: object.body.clone(),
            state: observed.map(|observed| serde_json::json!({"uid": observed.uid, "status": observed.status})),
            reconciled: observed.is_some(),
            last_operation: match change {
                Some(ObjectChange::Created) => "Created",
                Some(ObjectChange::Updated | ObjectChange::Cleaned | ObjectChange::Differs(_)) => "Updated",
                Some(_) => "Unchanged",
                None => "Failed",
            }
            .into(),
        }
    });
    objects.collect()
}
