//! Which Events of a cluster are about a workload instance, and how many of them are kept.

use crate::plan::Plan;
use causeway_records::inventory::ObjectRef;
use chrono::{DateTime, Utc};
use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
};

/// Kinds whose objects have Events that tell how a workload fares. A workload without any of them is never asked about.
const TOLD_ABOUT: &[&str] = &[
    "Deployment",
    "StatefulSet",
    "DaemonSet",
    "ReplicaSet",
    "Job",
    "CronJob",
    "Pod",
    "PersistentVolumeClaim",
    "Service",
    "HorizontalPodAutoscaler",
];
/// Kinds whose controllers make further objects, with names that begin like theirs.
const MAKERS: &[&str] = &["Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Job", "CronJob"];
/// Kinds of what they make.
const MADE: &[&str] = &["ReplicaSet", "Pod", "Job", "PersistentVolumeClaim"];
/// Namespaces that are asked for one instance; almost all have one.
const NAMESPACES: usize = 5;
/// Events of one object of the plan, and of what its controller makes: the newest.
const PER_OBJECT: usize = 10;
/// Events of an instance: the newest.
pub const PER_INSTANCE: usize = 100;

/// An Event of Kubernetes, reduced to what is kept of it.
#[derive(Clone, Debug, PartialEq)]
pub struct ObjectEvent {
    /// The Event's own uid.
    pub uid: String,
    /// Kind of the object that it is about.
    pub kind: String,
    /// The object's namespace.
    pub namespace: String,
    /// The object's name.
    pub name: String,
    /// Something is wrong.
    pub warning: bool,
    /// One word.
    pub reason: String,
    /// A sentence.
    pub message: String,
    /// When it happened last.
    pub at: DateTime<Utc>,
}

/// The namespaces whose Events are to be read: those of objects that have any.
pub fn namespaces(plan: &Plan) -> BTreeSet<&str> {
    let told = plan.objects.iter().filter(|object| TOLD_ABOUT.contains(&object.at.kind.as_str()));
    let all: BTreeSet<_> = told.filter_map(|object| object.at.namespace.as_deref()).collect();
    all.into_iter().take(NAMESPACES).collect()
}

/// The Events to keep, newest first, each with the object of the plan that it is about. None: it is about something in the instance's own namespace.
pub fn of_workload(plan: &Plan, mut events: Vec<ObjectEvent>) -> Vec<(Option<&ObjectRef>, ObjectEvent)> {
    events.sort_by(|a, b| (Reverse(a.at), &a.uid).cmp(&(Reverse(b.at), &b.uid)));
    let mut kept: BTreeMap<Option<&ObjectRef>, usize> = BTreeMap::new();
    let about = events.into_iter().filter_map(|event| Some((about(plan, &event)?, event)));
    let few = about.filter(|(at, _)| {
        let number = kept.entry(*at).or_default();
        *number += 1;
        *number <= PER_OBJECT
    });
    few.take(PER_INSTANCE).collect()
}

/// None: it is about nothing of this instance.
fn about<'a>(plan: &'a Plan, event: &ObjectEvent) -> Option<Option<&'a ObjectRef>> {
    let objects = || plan.objects.iter().map(|object| &object.at);
    let here = || objects().filter(|at| at.namespace.as_deref() == Some(&event.namespace));
    let itself = here().find(|at| at.kind == event.kind && at.name == event.name);
    let is_made = MADE.contains(&event.kind.as_str());
    let made_by = |at: &&ObjectRef| {
        let rest = event.name.strip_prefix(&at.name).or_else(|| {
            // The claims of a StatefulSet bear its name in the middle: data-db-0.
            let (_, rest) = event.name.split_once(&format!("-{}", at.name))?;
            (at.kind == "StatefulSet" && event.kind == "PersistentVolumeClaim").then_some(rest)
        });
        MAKERS.contains(&at.kind.as_str()) && rest.is_some_and(|rest| rest.starts_with('-'))
    };
    let maker = || here().filter(|_| is_made).filter(made_by).max_by_key(|at| at.name.len());
    let own = || objects().any(|at| at.group.is_empty() && at.kind == "Namespace" && at.name == event.namespace);
    match itself.or_else(maker) {
        Some(at) => Some(Some(at)),
        None => own().then_some(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Object;

    fn at(kind: &str, namespace: Option<&str>, name: &str) -> ObjectRef {
        let group = if matches!(kind, "Deployment" | "StatefulSet") { "apps" } else { "" };
        let namespace = namespace.map(str::to_owned);
        ObjectRef { group: group.into(), version: "v1".into(), kind: kind.into(), namespace, name: name.into() }
    }

    /// A workload with its own namespace `shop-7`, and one object in a namespace of others.
    fn plan() -> Plan {
        let all = [
            at("Namespace", None, "shop-7"),
            at("ConfigMap", Some("elsewhere"), "settings"),
            at("Deployment", Some("shop-7"), "web"),
            at("Deployment", Some("shop-7"), "web-admin"),
            at("StatefulSet", Some("shop-7"), "db"),
            at("Deployment", Some("shared"), "proxy"),
        ];
        all.map(|at| Object::new(at, serde_json::Value::Null)).to_vec().into()
    }

    fn event(uid: usize, kind: &str, namespace: &str, name: &str) -> ObjectEvent {
        ObjectEvent {
            uid: uid.to_string(),
            kind: kind.into(),
            namespace: namespace.into(),
            name: name.into(),
            warning: false,
            reason: "Scheduled".into(),
            message: String::new(),
            at: DateTime::from_timestamp(i64::try_from(uid).unwrap(), 0).unwrap(),
        }
    }

    #[test]
    fn an_event_belongs_to_the_object_or_to_what_made_it() {
        let plan = plan();
        let cases = [
            (("Deployment", "shop-7", "web"), Some("web")),
            (("ReplicaSet", "shop-7", "web-5d8f"), Some("web")),
            (("Pod", "shop-7", "web-5d8f-x2x4"), Some("web")),
            (("Pod", "shop-7", "web-admin-5d8f-x2x4"), Some("web-admin")),
            (("Pod", "shop-7", "db-0"), Some("db")),
            (("PersistentVolumeClaim", "shop-7", "data-db-0"), Some("db")),
            (("Pod", "shared", "proxy-5d8f-x2x4"), Some("proxy")),
        ];
        for ((kind, namespace, name), expected) in cases {
            let found = about(&plan, &event(1, kind, namespace, name));
            assert_eq!(found.flatten().map(|at| at.name.as_str()), expected, "{kind} {namespace}/{name}");
        }
        // In its own namespace everything belongs to it; elsewhere nothing that is somebody else's.
        assert_eq!(about(&plan, &event(1, "Pod", "shop-7", "webby-1")), Some(None));
        for (kind, name) in [("Pod", "proxyless-1"), ("Service", "proxy-1"), ("Deployment", "other")] {
            assert_eq!(about(&plan, &event(1, kind, "shared", name)), None, "{kind} {name}");
        }
    }

    #[test]
    fn only_namespaces_with_something_to_tell_are_asked_for() {
        assert_eq!(namespaces(&plan()), BTreeSet::from(["shared", "shop-7"]));
        let quiet = Plan::from(vec![Object::new(at("ConfigMap", Some("a"), "a"), serde_json::Value::Null)]);
        assert!(namespaces(&quiet).is_empty());
    }

    #[test]
    fn the_newest_are_kept_of_each_object_and_of_all() {
        let plan = plan();
        let many = (0..50).map(|uid| event(uid, "Pod", "shop-7", "web-5d8f-x2x4"));
        let others = (50..53).map(|uid| event(uid, "Pod", "shop-7", "db-0"));
        let kept = of_workload(&plan, many.chain(others).collect());
        let uids: Vec<_> = kept.iter().map(|(_, event)| event.uid.as_str()).collect();
        assert_eq!(uids[..4], ["52", "51", "50", "49"]);
        assert_eq!(uids.len(), 3 + PER_OBJECT);
    }
}
