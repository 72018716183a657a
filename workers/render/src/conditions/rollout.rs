//! Deployments, StatefulSets and DaemonSets: how far their Pods are, and what never gets further by itself.

use super::{
    NotReady,
    controller_condition::ControllerCondition,
    workload::{condition, must, number, unobserved},
};
use crate::observed::Observed;
use serde_json::Value;

pub(super) fn deployment(observed: &Observed, manifest: &Value) -> Option<NotReady> {
    let at = &observed.at;
    if let Some(waiting) = unobserved(observed) {
        return Some(waiting);
    }
    let progressing = condition(observed, "Progressing");
    let (all, updated) = (number(observed, "replicas"), number(observed, "updatedReplicas"));
    let is_paused = manifest["spec"]["paused"] == true
        || progressing.as_ref().is_some_and(|progressing| progressing.reason == "DeploymentPaused");
    if is_paused && updated < all.max(asked_replicas(manifest)) {
        let message = format!(
            "{at} is paused: {updated} of {} Pods are of the new version, and it stays so; set its spec.paused to false",
            all.max(asked_replicas(manifest))
        );
        return Some(NotReady::failed("Paused", message));
    }
    if let Some(stuck) = progressing.filter(|progressing| progressing.reason == "ProgressDeadlineExceeded") {
        return Some(NotReady::failed(
            stuck.reason,
            format!("{at} does not get on: {}; look at the events of its Pods", stuck.explanation()),
        ));
    }
    let failing = condition(observed, "ReplicaFailure").filter(ControllerCondition::is_true);
    if let Some(failure) = failing {
        return Some(NotReady::failed(failure.reason, format!("{at} can't make its Pods: {}", failure.explanation())));
    }
    if updated < all {
        return Some(NotReady::failed("RollingOut", format!("{updated} of {all} Pods of {at} are of the new version")));
    }
    must(observed, "Available")
}

pub(super) fn stateful_set(observed: &Observed, manifest: &Value) -> Option<NotReady> {
    let at = &observed.at;
    let wanted = number(observed, "replicas").max(asked_replicas(manifest));
    if let Some(waiting) = not_running(observed, wanted, number(observed, "readyReplicas")) {
        return Some(waiting);
    }
    // Its controller never says that these two are done: it counts the Pods of the new revision, and no more.
    let (updated, partition) = (number(observed, "updatedReplicas"), partition(manifest));
    if is_on_delete(manifest) {
        return on_delete(observed, updated, wanted);
    }
    let revision = |key: &str| observed.status[key].as_str();
    let is_updating = revision("updateRevision").is_some() && revision("updateRevision") != revision("currentRevision");
    let is_done = partition > 0 && updated >= wanted - partition;
    (is_updating && !is_done).then(|| NotReady::failed("RollingOut", format!("{at} is rolling out a new version")))
}

pub(super) fn daemon_set(observed: &Observed, manifest: &Value) -> Option<NotReady> {
    let at = &observed.at;
    let wanted = number(observed, "desiredNumberScheduled");
    if let Some(waiting) = not_running(observed, wanted, number(observed, "numberReady")) {
        return Some(waiting);
    }
    // Left out of the status while it is zero.
    let updated = number(observed, "updatedNumberScheduled");
    if is_on_delete(manifest) {
        return on_delete(observed, updated, wanted);
    }
    (updated < wanted).then(|| NotReady::failed("RollingOut", format!("{at} is rolling out a new version")))
}

/// What an object that is ready keeps back because its manifest says so; None for nothing.
pub(super) fn kept_back(observed: &Observed, manifest: &Value) -> Option<String> {
    let at = &observed.at;
    let (all, updated) = (number(observed, "replicas"), number(observed, "updatedReplicas"));
    let revision = |key: &str| observed.status[key].as_str();
    let is_partial = at.group == "apps"
        && at.kind == "StatefulSet"
        && partition(manifest) > 0
        && revision("updateRevision") != revision("currentRevision")
        && updated < all;
    let old = all - updated;
    is_partial.then(|| format!("{at} keeps {old} of {all} Pods of the old version, below its partition"))
}

fn not_running(observed: &Observed, wanted: i64, ready: i64) -> Option<NotReady> {
    if let Some(waiting) = unobserved(observed) {
        return Some(waiting);
    }
    (ready < wanted).then(|| {
        let at = &observed.at;
        let message = format!("{ready} of {wanted} Pods of {at} are ready; look at the events of the others");
        NotReady::failed("PodsNotReady", message)
    })
}

fn on_delete(observed: &Observed, updated: i64, wanted: i64) -> Option<NotReady> {
    (updated < wanted).then(|| {
        let at = &observed.at;
        let message = format!(
            "{updated} of {wanted} Pods of {at} are of the new version; its update strategy is OnDelete, so each of the others stays \
             until somebody deletes it"
        );
        NotReady::failed("OnDelete", message)
    })
}

/// How many Pods the manifest asks for; 0 where it leaves that to somebody else.
fn asked_replicas(manifest: &Value) -> i64 {
    manifest["spec"]["replicas"].as_i64().unwrap_or_default()
}

fn is_on_delete(manifest: &Value) -> bool {
    manifest["spec"]["updateStrategy"]["type"] == "OnDelete"
}

/// Pods with a lower ordinal stay as they are.
fn partition(manifest: &Value) -> i64 {
    manifest["spec"]["updateStrategy"]["rollingUpdate"]["partition"].as_i64().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use causeway_records::inventory::ObjectRef;
    use serde_json::json;

    fn observed(kind: &str, mut status: Value) -> Observed {
        let at = ObjectRef {
            group: "apps".into(),
            version: "v1".into(),
            kind: kind.into(),
            namespace: Some("shop".into()),
            name: "db".into(),
        };
        status["observedGeneration"] = json!(1);
        Observed { at, uid: "u".into(), generation: 1, replicas: None, status }
    }

    fn says(found: Option<NotReady>) -> (String, String) {
        found.map(|found| (found.reason, found.message)).unwrap_or_default()
    }

    fn stateful(updated: i64, ready: i64) -> Observed {
        let status = json!({"replicas": 3, "readyReplicas": ready, "updatedReplicas": updated, "currentRevision": "a", "updateRevision": "b"});
        observed("StatefulSet", status)
    }

    #[test]
    fn pods_that_change_when_they_are_deleted_are_named() {
        let manifest = json!({"spec": {"replicas": 3, "updateStrategy": {"type": "OnDelete"}}});
        let (reason, message) = says(stateful_set(&stateful(1, 3), &manifest));
        assert_eq!(reason, "OnDelete");
        assert!(
            message.starts_with(
                "1 of 3 Pods of StatefulSet shop/db are of the new version; its update strategy is OnDelete"
            )
        );
        assert_eq!(
            stateful_set(&stateful(3, 3), &manifest),
            None,
            "its controller leaves the old revision in the status"
        );
        assert_eq!(says(stateful_set(&stateful(1, 2), &manifest)).0, "PodsNotReady");
        let status = json!({"desiredNumberScheduled": 2, "numberReady": 2, "updatedNumberScheduled": 1});
        assert_eq!(says(daemon_set(&observed("DaemonSet", status.clone()), &manifest)).0, "OnDelete");
        assert_eq!(says(daemon_set(&observed("DaemonSet", status), &json!({}))).0, "RollingOut");
    }

    #[test]
    fn pods_below_the_partition_stay_as_they_are() {
        let manifest = |partition: i64| json!({"spec": {"replicas": 3, "updateStrategy": {"rollingUpdate": {"partition": partition}}}});
        assert_eq!(says(stateful_set(&stateful(0, 3), &manifest(2))).0, "RollingOut");
        assert_eq!(stateful_set(&stateful(1, 3), &manifest(2)), None);
        assert_eq!(
            kept_back(&stateful(1, 3), &manifest(2)).unwrap(),
            "StatefulSet shop/db keeps 2 of 3 Pods of the old version, below its partition"
        );
        assert_eq!(says(stateful_set(&stateful(1, 3), &manifest(0))).0, "RollingOut");
        assert_eq!([kept_back(&stateful(1, 3), &manifest(0)), kept_back(&stateful(3, 3), &manifest(2))], [None, None]);
    }

    #[test]
    fn a_stateful_set_is_not_ready_before_all_its_pods_are_made() {
        let first = observed("StatefulSet", json!({"replicas": 1, "readyReplicas": 1, "updatedReplicas": 1}));
        assert_eq!(says(stateful_set(&first, &json!({"spec": {"replicas": 3}}))).0, "PodsNotReady");
        assert_eq!(stateful_set(&first, &json!({"spec": {}})), None, "how many is left to somebody else");
    }

    #[test]
    fn a_paused_deployment_says_so_unless_nothing_is_left_to_do() {
        let status = |updated: i64, reason: &str| {
            observed(
                "Deployment",
                json!({"replicas": 2, "updatedReplicas": updated, "conditions": [
                    {"type": "Progressing", "status": "Unknown", "reason": reason, "message": ""},
                    {"type": "Available", "status": "True", "reason": "MinimumReplicasAvailable", "message": ""},
                ]}),
            )
        };
        let paused = json!({"spec": {"replicas": 2, "paused": true}});
        for (observed, manifest) in
            [(status(0, "DeploymentPaused"), json!({"spec": {}})), (status(0, ""), paused.clone())]
        {
            let (reason, message) = says(deployment(&observed, &manifest));
            assert!(reason == "Paused" && message.contains("set its spec.paused to false"), "{reason}: {message}");
        }
        assert_eq!(deployment(&status(2, "DeploymentPaused"), &paused), None);
        let unborn = observed("Deployment", json!({}));
        assert_eq!(says(deployment(&unborn, &paused)).0, "Paused");
    }
}
