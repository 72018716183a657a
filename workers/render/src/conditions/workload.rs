//! Conditions of a workload instance.

use super::{NotReady, RESOURCES_READY, controller_condition::ControllerCondition, count, summarize};
use crate::{
    observed::{Observed, Seen},
    plan::Plan,
};
use causeway_records::status::NewCondition;
use serde_json::Value;

/// ResourcesReady: every object of the plan is in the cluster and, where its kind reports it, works.
pub fn workload_instance(plan: &Plan, seen: &Seen) -> Vec<NewCondition> {
    let judge = |at| match seen.get(at) {
        Some(observed) => judge_kind(observed),
        None => Some(NotReady::pending(format!("{at} is not seen in the cluster yet"))),
    };
    let not_ready = plan.objects.iter().filter_map(|object| judge(&object.at)).collect();
    let mut message = format!("{} as asked for", count(plan.objects.len(), "object"));
    if !plan.not_applied.is_empty() {
        message += &format!("; not applied because of their annotations: {}", list(&plan.not_applied));
    }
    if !plan.warnings.is_empty() {
        message += &format!("; look at this: {}", list(&plan.warnings));
    }
    vec![summarize(RESOURCES_READY, not_ready, message)]
}

/// The first of many, and how many there are besides.
fn list(of: &[String]) -> String {
    const NAMED: usize = 10;
    let named = of.iter().take(NAMED).map(String::as_str).collect::<Vec<_>>().join(", ");
    match of.len().checked_sub(NAMED) {
        None | Some(0) => named,
        Some(more) => format!("{named} and {more} more"),
    }
}

/// Judges an object by the status of its kind. Objects of kinds without a status are ready once they exist.
fn judge_kind(observed: &Observed) -> Option<NotReady> {
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

fn deployment(observed: &Observed) -> Option<NotReady> {
    let at = &observed.at;
    if let Some(waiting) = unobserved(observed) {
        return Some(waiting);
    }
    if let Some(stuck) =
        condition(observed, "Progressing").filter(|progressing| progressing.reason == "ProgressDeadlineExceeded")
    {
        return Some(NotReady::failed(
            stuck.reason,
            format!("{at} does not get on: {}; look at the events of its Pods", stuck.explanation()),
        ));
    }
    let failing = condition(observed, "ReplicaFailure").filter(ControllerCondition::is_true);
    if let Some(failure) = failing {
        return Some(NotReady::failed(failure.reason, format!("{at} can't make its Pods: {}", failure.explanation())));
    }
    let (all, updated) = (number(observed, "replicas"), number(observed, "updatedReplicas"));
    if updated < all {
        return Some(NotReady::failed("RollingOut", format!("{updated} of {all} Pods of {at} are of the new version")));
    }
    must(observed, "Available")
}

/// For kinds that only count their pods: all are ready and of the newest revision.
fn rolled_out(observed: &Observed, wanted: &str, ready: &str) -> Option<NotReady> {
    let at = &observed.at;
    if let Some(waiting) = unobserved(observed) {
        return Some(waiting);
    }
    let (wanted, ready) = (number(observed, wanted), number(observed, ready));
    if ready < wanted {
        let message = format!("{ready} of {wanted} Pods of {at} are ready; look at the events of the others");
        return Some(NotReady::failed("PodsNotReady", message));
    }
    let revision = |key: &str| observed.status[key].as_str();
    let updating = revision("updateRevision").is_some() && revision("updateRevision") != revision("currentRevision");
    let scheduled = observed.status["updatedNumberScheduled"].as_i64().filter(|updated| *updated < wanted);
    (updating || scheduled.is_some())
        .then(|| NotReady::failed("RollingOut", format!("{at} is rolling out a new version")))
}

fn job(observed: &Observed) -> Option<NotReady> {
    let at = &observed.at;
    if let Some(failed) = condition(observed, "Failed").filter(ControllerCondition::is_true) {
        let message =
            format!("{at} failed: {}; a Job is not run again, change its name to retry", failed.explanation());
        return Some(NotReady::failed(failed.reason, message));
    }
    let complete = condition(observed, "Complete").is_some_and(|complete| complete.is_true());
    (!complete).then(|| NotReady::failed("Running", format!("{at} has not finished yet")))
}

fn pod(observed: &Observed) -> Option<NotReady> {
    if observed.status["phase"] == "Succeeded" { None } else { must(observed, "Ready") }
}

fn namespace(observed: &Observed) -> Option<NotReady> {
    (observed.status["phase"] == "Terminating").then(|| {
        NotReady::failed(
            "Terminating",
            format!("{} is being deleted by somebody; it is made again when it is gone", observed.at),
        )
    })
}

/// Requires a condition to be True.
fn must(observed: &Observed, condition_type: &str) -> Option<NotReady> {
    let at = &observed.at;
    match condition(observed, condition_type) {
        Some(found) if found.is_true() => None,
        Some(found) => {
            Some(NotReady::failed(found.reason, format!("{at} is not {condition_type}: {}", found.explanation())))
        }
        None => Some(NotReady::pending(format!("{at} has not said {condition_type} yet"))),
    }
}

/// Pending while the controller has not seen the current generation. These kinds have one observed generation for the whole status, and none in
/// their conditions.
fn unobserved(observed: &Observed) -> Option<NotReady> {
    let current = observed.status["observedGeneration"].as_i64() == Some(observed.generation);
    (!current).then(|| NotReady::pending(format!("its controller has not looked at {} yet", observed.at)))
}

fn condition<'a>(observed: &'a Observed, condition_type: &str) -> Option<ControllerCondition<'a>> {
    ControllerCondition::find(&observed.status["conditions"], condition_type)
}

fn number(observed: &Observed, key: &str) -> i64 {
    observed.status.get(key).and_then(Value::as_i64).unwrap_or_default()
}
