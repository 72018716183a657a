//! Conditions of a workload instance.

use super::{
    NotReady, RESOURCES_READY, controller_condition::ControllerCondition, count, list, remarks, rollout, summarize,
};
use crate::{
    observed::{Observed, Seen},
    plan::{Object, Plan},
};
use causeway_records::{
    inventory::{JobEnd, ObjectRef},
    status::NewCondition,
};
use serde_json::Value;
use std::collections::BTreeMap;

/// ResourcesReady: every object of the plan is in the cluster and, where its kind reports it, works. `ended` are Jobs that have run and may be
/// gone.
pub fn workload_instance(plan: &Plan, seen: &Seen, ended: &BTreeMap<ObjectRef, JobEnd>) -> Vec<NewCondition> {
    let judge = |object: &Object| match (seen.get(&object.at), ended.get(&object.at)) {
        (Some(observed), _) => judge_kind(observed, &object.body),
        (None, Some(end)) => gone_job(&object.at, *end),
        (None, None) => Some(NotReady::pending(format!("{} is not seen in the cluster yet", object.at))),
    };
    let not_ready = plan.objects.iter().filter_map(judge).collect();
    let mut message = format!("{} as asked for", count(plan.objects.len(), "object"));
    let partly = plan.objects.iter().filter_map(|object| rollout::kept_back(seen.get(&object.at)?, &object.body));
    message.extend(partly.map(|kept| format!("; {kept}")));
    if !plan.not_applied.is_empty() {
        message += &format!("; not applied because of their annotations: {}", list(&plan.not_applied));
    }
    message += &remarks(&plan.warnings);
    vec![summarize(RESOURCES_READY, not_ready, message)]
}

/// Judges an object by the status of its kind, and by what its manifest asks for. Objects of kinds without a status are ready once they exist.
fn judge_kind(observed: &Observed, manifest: &Value) -> Option<NotReady> {
    match (observed.at.group.as_str(), observed.at.kind.as_str()) {
        ("apps", "Deployment") => rollout::deployment(observed, manifest),
        ("apps", "StatefulSet") => rollout::stateful_set(observed, manifest),
        ("apps", "DaemonSet") => rollout::daemon_set(observed, manifest),
        ("batch", "Job") => job(observed),
        ("", "Pod") => pod(observed),
        ("", "Namespace") => namespace(observed),
        ("apiextensions.k8s.io", "CustomResourceDefinition") => must(observed, "Established"),
        ("apiregistration.k8s.io", "APIService") => must(observed, "Available"),
        _ => None,
    }
}

fn job(observed: &Observed) -> Option<NotReady> {
    let at = &observed.at;
    if let Some(failed) = condition(observed, "Failed").filter(ControllerCondition::is_true) {
        let message =
            format!("{at} failed: {}; a Job is not run again, change its name to retry", failed.explanation());
        return Some(NotReady::failed(failed.reason, message));
    }
    if condition(observed, "Suspended").is_some_and(|suspended| suspended.is_true()) {
        let message = format!("{at} is suspended and does not run; set its spec.suspend to false");
        return Some(NotReady::failed("Suspended", message));
    }
    let complete = condition(observed, "Complete").is_some_and(|complete| complete.is_true());
    (!complete).then(|| NotReady::failed("Running", format!("{at} has not finished yet")))
}

/// A Job that has run and is gone.
fn gone_job(at: &ObjectRef, end: JobEnd) -> Option<NotReady> {
    let message = format!("{at} failed and is gone; it is not run again, change its manifest to retry");
    (end == JobEnd::Failed).then(|| NotReady::failed("JobFailed", message))
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
pub(super) fn must(observed: &Observed, condition_type: &str) -> Option<NotReady> {
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
pub(super) fn unobserved(observed: &Observed) -> Option<NotReady> {
    let current = observed.status["observedGeneration"].as_i64() == Some(observed.generation);
    (!current).then(|| NotReady::pending(format!("its controller has not looked at {} yet", observed.at)))
}

pub(super) fn condition<'a>(observed: &'a Observed, condition_type: &str) -> Option<ControllerCondition<'a>> {
    ControllerCondition::find(&observed.status["conditions"], condition_type)
}

pub(super) fn number(observed: &Observed, key: &str) -> i64 {
    observed.status.get(key).and_then(Value::as_i64).unwrap_or_default()
}
