//! Conditions of a workload instance.

use super::{Obstacle, PENDING, RESOURCES_READY, count, status::Says, step};
use crate::{
    observed::{Observed, Seen},
    plan::Plan,
};
use causeway_records::status::Finding;
use serde_json::Value;

/// ResourcesReady: every object of the plan stands in the cluster and, where its kind says so, works.
pub fn workload_instance(plan: &Plan, seen: &Seen) -> Vec<Finding> {
    let obstacle = |at| match seen.get(at) {
        Some(observed) => not_ready(observed),
        None => Some(Obstacle::unknown(PENDING, format!("{at} is not seen in the cluster yet"))),
    };
    let obstacles = plan.objects.iter().filter_map(|object| obstacle(&object.at)).collect();
    vec![step(RESOURCES_READY, obstacles, format!("{} as asked for", count(plan.objects.len(), "object")))]
}

/// What keeps an object from working. Kinds that don't tell are taken to work once they exist.
fn not_ready(observed: &Observed) -> Option<Obstacle> {
    match (observed.at.group.as_str(), observed.at.kind.as_str()) {
        ("apps", "Deployment") => deployment(observed),
        ("apps", "StatefulSet") => rolled_out(observed, "replicas", "readyReplicas"),
        ("apps", "DaemonSet") => rolled_out(observed, "desiredNumberScheduled", "numberReady"),
        ("batch", "Job") => job(observed),
        ("", "Pod") => pod(observed),
        ("", "Namespace") => namespace(observed),
        ("apiextensions.k8s.io", "CustomResourceDefinition") => must(observed, "Established"),
        ("apiregistration.k8s.io", "APIService") => must(observed, "Available"),
        _ => None,
    }
}

fn deployment(observed: &Observed) -> Option<Obstacle> {
    let at = &observed.at;
    if let Some(waiting) = unobserved(observed) {
        return Some(waiting);
    }
    if let Some(stuck) = condition(observed, "Progressing").filter(|says| says.reason == "ProgressDeadlineExceeded") {
        return Some(Obstacle::fails(
            stuck.reason,
            format!("{at} does not get on: {}; look at the events of its Pods", stuck.because()),
        ));
    }
    let failing = condition(observed, "ReplicaFailure").filter(Says::holds);
    if let Some(failure) = failing {
        return Some(Obstacle::fails(failure.reason, format!("{at} can't make its Pods: {}", failure.because())));
    }
    let (all, updated) = (number(observed, "replicas"), number(observed, "updatedReplicas"));
    if updated < all {
        return Some(Obstacle::fails("RollingOut", format!("{updated} of {all} Pods of {at} are of the new version")));
    }
    must(observed, "Available")
}

/// For kinds that only count: everybody is ready and of the newest revision.
fn rolled_out(observed: &Observed, wanted: &str, ready: &str) -> Option<Obstacle> {
    let at = &observed.at;
    if let Some(waiting) = unobserved(observed) {
        return Some(waiting);
    }
    let (wanted, ready) = (number(observed, wanted), number(observed, ready));
    if ready < wanted {
        let message = format!("{ready} of {wanted} Pods of {at} are ready; look at the events of the others");
        return Some(Obstacle::fails("PodsNotReady", message));
    }
    let revision = |key: &str| observed.status[key].as_str();
    let updating = revision("updateRevision").is_some() && revision("updateRevision") != revision("currentRevision");
    let scheduled = observed.status["updatedNumberScheduled"].as_i64().filter(|updated| *updated < wanted);
    (updating || scheduled.is_some())
        .then(|| Obstacle::fails("RollingOut", format!("{at} is rolling out a new version")))
}

fn job(observed: &Observed) -> Option<Obstacle> {
    let at = &observed.at;
    if let Some(failed) = condition(observed, "Failed").filter(Says::holds) {
        let message = format!("{at} failed: {}; a Job is not run again, change its name to retry", failed.because());
        return Some(Obstacle::fails(failed.reason, message));
    }
    let complete = condition(observed, "Complete").is_some_and(|says| says.holds());
    (!complete).then(|| Obstacle::fails("Running", format!("{at} has not finished yet")))
}

fn pod(observed: &Observed) -> Option<Obstacle> {
    if observed.status["phase"] == "Succeeded" { None } else { must(observed, "Ready") }
}

fn namespace(observed: &Observed) -> Option<Obstacle> {
    (observed.status["phase"] == "Terminating").then(|| {
        Obstacle::fails(
            "Terminating",
            format!("{} is being deleted by somebody; it is made again when it is gone", observed.at),
        )
    })
}

/// A condition that must be True.
fn must(observed: &Observed, kind: &str) -> Option<Obstacle> {
    let at = &observed.at;
    match condition(observed, kind) {
        Some(says) if says.holds() => None,
        Some(says) => Some(Obstacle::fails(says.reason, format!("{at} is not {kind}: {}", says.because()))),
        None => Some(Obstacle::unknown(PENDING, format!("{at} has not said {kind} yet"))),
    }
}

/// The kinds here carry one observed generation for the whole status, and their conditions none.
fn unobserved(observed: &Observed) -> Option<Obstacle> {
    let current = observed.status["observedGeneration"].as_i64() == Some(observed.generation);
    (!current).then(|| Obstacle::unknown(PENDING, format!("its controller has not looked at {} yet", observed.at)))
}

fn condition<'a>(observed: &'a Observed, kind: &str) -> Option<Says<'a>> {
    let found = observed.status["conditions"].as_array()?.iter().find(|condition| condition["type"] == kind)?;
    let text = |key: &str| found[key].as_str().unwrap_or_default();
    Some(Says { status: text("status"), reason: text("reason"), message: text("message") })
}

fn number(observed: &Observed, key: &str) -> i64 {
    observed.status.get(key).and_then(Value::as_i64).unwrap_or_default()
}
