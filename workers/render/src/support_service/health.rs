//! Whether an installed support service works.

use causeway_records::inventory::ObjectRef;
use serde_json::Value;

use crate::observed::{Observed, Seen};
use crate::plan::Plan;

/// The state of one object that must work for the service to be installed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Health {
    /// A CRD that is Established, a Deployment that is Available as last applied, a Job that has not failed.
    Ready,
    /// The object is missing, not observed by its controller yet, or has failed.
    NotReady {
        /// Reason of the condition `Available`, one word in camel case.
        reason: &'static str,
        /// A sentence that names the object and says what it is waiting for.
        message: String,
    },
}

/// Kinds whose objects are judged; objects of all others count as ready.
const KINDS: [&str; 3] = ["CustomResourceDefinition", "Deployment", "Job"];

/// The state of every CRD, Deployment and Job of a plan, in the plan's order. An empty answer means that nothing has to be waited for.
pub fn health(plan: &Plan, seen: &Seen) -> Vec<(ObjectRef, Health)> {
    let judged = plan.objects.iter().filter(|object| KINDS.contains(&object.at.kind.as_str()));
    judged.map(|object| (object.at.clone(), judge(&object.at, seen))).collect()
}

fn judge(at: &ObjectRef, seen: &Seen) -> Health {
    let Some(live) = seen.get(at) else {
        return not_ready("NotFound", format!("{at} is not in the cluster yet"));
    };
    match at.kind.as_str() {
        "Deployment" => deployment(live),
        "Job" => job(live),
        _ => definition(live),
    }
}

/// A Job that is still running is ready: an object that needs its result is not ready by itself.
fn job(live: &Observed) -> Health {
    match condition(&live.status, "Failed") {
        Some(("True", message)) => {
            not_ready("JobFailed", sentence(&live.at, "has failed; delete it to run it again", message))
        }
        _ => Health::Ready,
    }
}

fn definition(live: &Observed) -> Health {
    let at = &live.at;
    if let Some((status, message)) = condition(&live.status, "NamesAccepted")
        && status == "False"
    {
        return not_ready("NamesNotAccepted", format!("{at} clashes with another CRD: {message}"));
    }
    match condition(&live.status, "Established") {
        Some(("True", _)) => Health::Ready,
        Some((_, message)) => not_ready("NotEstablished", sentence(at, "is not served by the API server yet", message)),
        None => not_ready("NotEstablished", format!("{at} is not served by the API server yet")),
    }
}

fn deployment(live: &Observed) -> Health {
    let (at, status) = (&live.at, &live.status);
    let seen = status["observedGeneration"].as_i64().unwrap_or_default();
    if seen < live.generation {
        return not_ready("NotObserved", format!("{at} has been changed and its controller has not looked at it yet"));
    }
    let count = |field: &str| status[field].as_i64().unwrap_or_default();
    let (wanted, updated, available) = (count("replicas"), count("updatedReplicas"), count("availableReplicas"));
    if let Some((status, message)) = condition(status, "ReplicaFailure")
        && status == "True"
    {
        return not_ready("ReplicaFailure", sentence(at, "cannot make its pods, see its events", message));
    }
    if let Some((status, message)) = condition(status, "Progressing")
        && status == "False"
    {
        return not_ready("NotProgressing", sentence(at, "makes no progress, see the events of its pods", message));
    }
    match condition(status, "Available") {
        Some(("True", _)) if updated >= wanted => Health::Ready,
        Some(("True", _)) => {
            not_ready("Updating", format!("{at} is being updated: {updated} of {wanted} pods are new"))
        }
        _ => not_ready(
            "NotAvailable",
            format!("{at} has {available} available pods of {wanted}; see the events of its pods"),
        ),
    }
}

/// Status and message of a condition.
fn condition<'a>(status: &'a Value, kind: &str) -> Option<(&'a str, &'a str)> {
    let found = status["conditions"].as_array()?.iter().find(|condition| condition["type"] == kind)?;
    Some((found["status"].as_str()?, found["message"].as_str().unwrap_or_default()))
}

fn sentence(at: &ObjectRef, what: &str, message: &str) -> String {
    if message.is_empty() { format!("{at} {what}") } else { format!("{at} {what}: {message}") }
}

fn not_ready(reason: &'static str, message: String) -> Health {
    Health::NotReady { reason, message }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::plan::Object;

    fn deployment_at() -> ObjectRef {
        ObjectRef {
            group: "apps".into(),
            version: "v1".into(),
            kind: "Deployment".into(),
            namespace: Some("ns".into()),
            name: "x".into(),
        }
    }

    fn reason(at: ObjectRef, generation: i64, status: Value) -> String {
        let plan = Plan::from(vec![Object::new(at.clone(), json!({}))]);
        let seen = Seen::from([(at.clone(), Observed { at, uid: "u".into(), generation, replicas: None, status })]);
        match &health(&plan, &seen)[..] {
            [(_, Health::Ready)] => "Ready".to_owned(),
            [(_, Health::NotReady { reason, .. })] => (*reason).to_owned(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_deployment_is_ready_when_its_new_pods_are() {
        let status = |observed: i64, updated: i64, available: &str| {
            json!({ "observedGeneration": observed, "replicas": 2, "updatedReplicas": updated, "availableReplicas": 1,
                "conditions": [{ "type": "Available", "status": available }] })
        };
        let cases = [
            (status(3, 2, "True"), "Ready"),
            (status(2, 2, "True"), "NotObserved"),
            (status(3, 1, "True"), "Updating"),
            (status(3, 2, "False"), "NotAvailable"),
            (Value::Null, "NotObserved"),
            (
                json!({ "observedGeneration": 3, "conditions": [{ "type": "Progressing", "status": "False" }] }),
                "NotProgressing",
            ),
            (
                json!({ "observedGeneration": 3, "conditions": [{ "type": "ReplicaFailure", "status": "True" }] }),
                "ReplicaFailure",
            ),
        ];
        for (status, expected) in cases {
            assert_eq!(reason(deployment_at(), 3, status.clone()), expected, "{status}");
        }
    }

    #[test]
    fn a_job_matters_only_when_it_has_failed() {
        let at = ObjectRef { group: "batch".into(), kind: "Job".into(), ..deployment_at() };
        let status = |kind: &str| json!({ "conditions": [{ "type": kind, "status": "True" }] });
        assert_eq!(reason(at.clone(), 1, status("Failed")), "JobFailed");
        assert_eq!(reason(at.clone(), 1, status("Complete")), "Ready");
        assert_eq!(reason(at, 1, Value::Null), "Ready");
    }

    #[test]
    fn a_definition_is_ready_when_it_is_established() {
        let at = ObjectRef {
            group: "apiextensions.k8s.io".into(),
            version: "v1".into(),
            kind: "CustomResourceDefinition".into(),
            namespace: None,
            name: "x.example.test".into(),
        };
        let status = |kind: &str, value: &str| json!({ "conditions": [{ "type": kind, "status": value }] });
        assert_eq!(reason(at.clone(), 1, status("Established", "True")), "Ready");
        assert_eq!(reason(at.clone(), 1, status("NamesAccepted", "False")), "NamesNotAccepted");
        assert_eq!(reason(at.clone(), 1, Value::Null), "NotEstablished");
        let plan = Plan::from(vec![Object { keep: true, ..Object::new(at, json!({})) }]);
        let Health::NotReady { reason, message } = &health(&plan, &Seen::new())[0].1 else {
            panic!("ready without being there")
        };
        assert_eq!((*reason, message.contains("x.example.test")), ("NotFound", true));
    }
}
