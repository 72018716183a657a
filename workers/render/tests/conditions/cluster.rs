//! A cluster in which all works, and what its controllers write of it.

use causeway_records::{
    inputs::{GatewayInputs, ListenerSetInputs, SharedGatewayInputs},
    inventory::ObjectRef,
    status::{ConditionStatus, NewCondition},
};
use causeway_render::{
    IssuedCertificates,
    conditions::{gateway_instance, listener_set_state},
    gateway, k8s,
    observed::{Observed, Seen},
    plan::Plan,
    samples,
};
use serde_json::{Value, json};

/// Generation of every object that is seen.
const GENERATION: i64 = 3;

/// A condition of an object.
pub(crate) fn condition(kind: &str, status: &str, reason: &str, message: &str) -> Value {
    json!({ "type": kind, "status": status, "reason": reason, "message": message, "observedGeneration": GENERATION })
}

fn holds(kinds: &[&str]) -> Value {
    kinds.iter().map(|kind| condition(kind, "True", kind, "")).collect()
}

/// Name of the listener for HTTPS.
pub(crate) const HTTPS: &str = "https-443-shop-example-org-eba1c86c72";

/// The sample with two workloads on one hostname, and a cluster in which all of it works.
pub(crate) struct Cluster {
    pub(crate) shared: SharedGatewayInputs,
    pub(crate) sets: Vec<ListenerSetInputs>,
    pub(crate) inputs: GatewayInputs,
    pub(crate) plan: Plan,
    pub(crate) seen: Seen,
}

impl Cluster {
    pub(crate) fn working() -> Self {
        let scene = samples::scenes().into_iter().find(|(name, _)| *name == "two_workloads").expect("in the sample").1;
        let (shared, sets, inputs) =
            (scene.shared.expect("in the sample"), scene.listener_sets, scene.gateways[0].clone());
        let plan = gateway::render(&inputs).expect("in the sample");
        let mut cluster = Self { plan, shared, sets, inputs, seen: Seen::new() };
        let works = holds(&["Accepted", "Programmed", "ResolvedRefs"]);
        let entry = |name: &str| json!({ "name": name, "conditions": works });
        let mut of_gateway =
            json!({ "addresses": [{ "type": "IPAddress", "value": "192.0.2.1" }], "conditions": works });
        of_gateway["listeners"] = json!([entry("http-80"), entry("tcp-5432")]);
        cluster.see(cluster.gateway(), of_gateway);
        let of_set =
            json!({ "conditions": works, "listeners": [entry("http-80-shop-example-org-eba1c86c72"), entry(HTTPS)] });
        cluster.see(cluster.set(), of_set);
        cluster.see(cluster.certificate(), json!({ "conditions": holds(&["Ready"]) }));
        for route in cluster.plan.objects.clone() {
            let parents: Vec<Value> = route.body["spec"]["parentRefs"].as_array().expect("in the sample").iter().map(|parent| {
                json!({ "parentRef": parent, "controllerName": "x", "conditions": holds(&["Accepted", "ResolvedRefs"]) })
            }).collect();
            cluster.see(route.at, json!({ "parents": parents }));
        }
        cluster
    }

    pub(crate) fn gateway(&self) -> ObjectRef {
        k8s::gateway_api::GATEWAY.at("shared-gateway-102", "shared-gateway-102")
    }
    pub(crate) fn set(&self) -> ObjectRef {
        k8s::gateway_api::LISTENER_SET.at("shared-gateway-102", "shared-gateway-102-0")
    }
    pub(crate) fn certificate(&self) -> ObjectRef {
        k8s::cert_manager::CERTIFICATE.at("shared-gateway-102", "shop-example-org-279e3d3999")
    }
    pub(crate) fn route(&self, end: &str) -> ObjectRef {
        self.plan.objects.iter().find(|object| object.at.name.ends_with(end)).expect("in the sample").at.clone()
    }

    pub(crate) fn see(&mut self, at: ObjectRef, status: Value) {
        self.seen.insert(at.clone(), Observed { at, uid: "u".into(), generation: GENERATION, replicas: None, status });
    }

    pub(crate) fn see_challenge(&mut self, number: &str, state: &str, reason: &str) {
        let name = format!("shop-example-org-279e3d3999-1-22-{number}");
        let challenge = k8s::cert_manager::CHALLENGE.at("shared-gateway-102", &name);
        self.see(challenge, json!({ "state": state, "reason": reason }));
    }

    pub(crate) fn status(&mut self, at: ObjectRef) -> &mut Value {
        &mut self.seen.get_mut(&at).expect("in the sample").status
    }

    /// As the store reads it after the ListenerSets were reconciled.
    pub(crate) fn shared(&self) -> SharedGatewayInputs {
        let mut shared = self.shared.clone();
        for (status, set) in shared.listener_sets.iter_mut().zip(&self.sets) {
            status.state = Some(listener_set_state(set, &IssuedCertificates::default(), &self.seen));
        }
        shared
    }

    pub(crate) fn conditions(&self) -> Vec<NewCondition> {
        gateway_instance(&self.inputs, &self.plan, &self.seen)
    }
    /// Status, reason and message of one step.
    pub(crate) fn condition(&self, kind: &str) -> (ConditionStatus, String, String) {
        let condition =
            self.conditions().into_iter().find(|condition| condition.condition_type == kind).expect("in the sample");
        (condition.status, condition.reason, condition.message)
    }
    /// The steps that don't hold.
    pub(crate) fn blocked(&self) -> Vec<&'static str> {
        let open =
            |condition: NewCondition| (condition.status != ConditionStatus::True).then_some(condition.condition_type);
        self.conditions().into_iter().filter_map(open).collect()
    }
}
