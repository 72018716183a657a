//! A workload: its manifests in its namespace, and the state of every object.

mod happened;

use super::{Interrupted, Reconcile};
use causeway_cluster::ObjectChange;
use causeway_records::inventory::{InventoryEntry, JobEnd, ObjectRef};
use causeway_render::{
    conditions,
    observed::{Observed, Seen},
    plan::Plan,
    workload::{self, Scope},
};
use causeway_store::{queue::Outcome, resources::Resource};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

pub(super) async fn reconcile(ctx: &Reconcile<'_>) -> Result<Outcome, Interrupted> {
    // 1. Read (needs Postgres), with room for what is read.
    let mut held = ctx.hold_manifests().await;
    let inputs = ctx.context.store.workload_inputs(ctx.claimed.key.id).await?;
    let owner = workload::owner(&inputs.instance.record);
    if ctx.claimed.being_deleted {
        let is_kept = inputs.instance.record.spec.is_kept();
        drop((inputs, held));
        return if is_kept { ctx.give_back(owner).await } else { ctx.delete(owner).await };
    }
    // 2. Read the manifests (pure), and which of their kinds are namespaced (needs the cluster).
    let (inputs, manifests) = held
        .read(move || {
            let manifests = workload::manifests(&inputs);
            (inputs, manifests)
        })
        .await;
    let manifests = match manifests {
        Ok(manifests) => manifests,
        Err(invalid) => return Ok(ctx.invalid(invalid.to_string())),
    };
    let scopes = scopes(ctx, workload::kinds(&manifests)).await;
    // 3. Render (pure).
    let scope = |group: &str, kind: &str| scopes.get(&(group.into(), kind.into())).copied();
    let plan = match workload::render(&inputs, manifests, &scope) {
        Ok(plan) => plan,
        Err(invalid) => return Ok(ctx.invalid(invalid.to_string())),
    };
    held.shrink_to(workload::length(&inputs) + plan.memory());
    // 4. Apply and prune (needs the cluster).
    let (mut outcome, changes) = ctx.apply_and_prune(owner, &plan, vec![ctx.reachable()]).await?;
    // 5. Observe: the objects as the API lists them, and the conditions (pure, from the cache).
    let seen = ctx.seen(owner, std::iter::empty());
    let inventory = outcome.inventory.as_ref().unwrap_or(&ctx.claimed.inventory);
    let ended = inventory.iter().filter_map(|entry| Some((entry.object.clone(), entry.ended?))).collect();
    ctx.context.store.save_resources(ctx.claimed.key.id, &resources(&plan, &changes, &seen, &ended)).await?;
    let conditions = conditions::workload_instance(&plan, &seen, &ended);
    // 6. What happened to them (needs the cluster), for those who ask for it as events.
    let wait = happened::note(ctx, &plan, &outcome, &conditions).await?;
    outcome.conditions.extend(conditions);
    outcome.action = wait.map_or(outcome.action, |wait| outcome.action.within(wait));
    Ok(outcome)
}

/// Which kinds have namespaces, as the cluster says, or the inventory where the cluster can't say it now; those that it doesn't serve are left
/// out.
async fn scopes(ctx: &Reconcile<'_>, kinds: BTreeSet<(String, String, String)>) -> BTreeMap<(String, String), Scope> {
    let mut scopes = BTreeMap::new();
    let scope = |namespaced: bool| if namespaced { Scope::Namespaced } else { Scope::Cluster };
    for (group, version, kind) in kinds {
        let at = ObjectRef { group, version, kind, namespace: None, name: String::new() };
        match ctx.connection.cluster.discovery().find(&at).await {
            Ok(Some(found)) => {
                scopes.insert((at.group, at.kind), scope(found.namespaced));
            }
            Ok(None) => {}
            // The apply that follows says it with the object's name.
            Err(error) => {
                ctx.session.report_failure(&error);
                let stands = |entry: &&InventoryEntry| {
                    entry.uid.is_some() && (&entry.object.group, &entry.object.kind) == (&at.group, &at.kind)
                };
                if let Some(known) = ctx.claimed.inventory.iter().find(stands) {
                    scopes.insert((at.group, at.kind), scope(known.object.namespace.is_some()));
                }
            }
        }
    }
    scopes
}

/// How a worker finds an object's row again.
fn key(at: &ObjectRef) -> String {
    format!("{}/{}/{}/{}", at.group, at.kind, at.namespace.as_deref().unwrap_or_default(), at.name)
}

/// The live object without what its manifest says already: who it is, how many Pods it is to have, and its status.
fn state(observed: &Observed) -> Value {
    let at = &observed.at;
    let api_version = if at.group.is_empty() { at.version.clone() } else { format!("{}/{}", at.group, at.version) };
    let mut state = json!({
        "apiVersion": api_version,
        "kind": at.kind,
        "metadata": {
            "namespace": at.namespace, "name": at.name, "uid": observed.uid, "generation": observed.generation,
        },
        "status": observed.status,
    });
    if let Some(replicas) = observed.replicas {
        state["spec"] = json!({"replicas": replicas});
    }
    state
}

/// The objects as the API lists them.
fn resources(
    plan: &Plan,
    changes: &[(ObjectRef, ObjectChange)],
    seen: &Seen,
    ended: &BTreeMap<ObjectRef, JobEnd>,
) -> Vec<Resource> {
    let objects = plan.objects.iter().map(|object| {
        let at = &object.at;
        let change = changes.iter().find(|(changed, _)| changed == at).map(|(_, change)| change);
        let observed = seen.get(at);
        Resource {
            key: key(at),
            definition: object.body.clone(),
            state: observed.map(state),
            reconciled: observed.is_some() || ended.contains_key(at),
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
