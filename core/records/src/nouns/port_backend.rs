//! What a TCP or UDP port sends to, in the JSON of Gateway API.

use crate::{
    problem::Problem,
    scalar::json_scalar,
    text::{BackendWeight, Port, ServiceName},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Backends that one port may have: as many as Gateway API takes.
const MOST: usize = 16;

/// A Service that gets a share of what comes to a port.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PortBackend {
    /// Empty, as the group of Services is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// `Service`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Name of the Service.
    pub name: ServiceName,
    /// Another workload of the cluster, by its name, that has granted the Service (`gateway-grants`). Left out: the gateway's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// The port of the Service.
    pub port: Port,
    /// Its share: this of the sum of all weights. Left out: 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weight: Option<BackendWeight>,
}

/// The backends of a port.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
#[schemars(inline)]
pub struct PortBackends(pub Vec<PortBackend>);
json_scalar!(PortBackends);

impl PortBackend {
    /// Its share; 1 unless said otherwise.
    pub fn weight(&self) -> i32 {
        self.weight.map_or(1, BackendWeight::get)
    }
}

impl PortBackends {
    /// What is wrong with them, as problems of the field `BackendRefs`. `has_service_port`: the port names one of the definition's Service, too.
    pub(super) fn check(&self, has_service_port: bool) -> Vec<Problem> {
        const FIELD: &str = "BackendRefs";
        if !(1..=MOST).contains(&self.0.len()) {
            return vec![Problem::new(FIELD, format!("holds {} backends; 1 to {MOST} are allowed", self.0.len()))];
        }
        let exclusive = "goes without ServicePort: each backend names its own port; leave that out";
        let mut problems: Vec<_> = has_service_port.then(|| Problem::new(FIELD, exclusive)).into_iter().collect();
        for (n, backend) in self.0.iter().enumerate() {
            let set = |text: &Option<String>| text.as_deref().is_some_and(|text| !text.is_empty());
            let is_service = !set(&backend.group) && backend.kind.as_deref().is_none_or(|kind| kind == "Service");
            if !is_service {
                let problem = "is no Service; a backend is a Service of a workload: leave out group and kind";
                problems.push(Problem::new(format!("{FIELD}[{n}].kind"), problem));
            }
        }
        problems
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn problems(backends: Value, has_service_port: bool) -> Vec<String> {
        let backends: PortBackends = serde_json::from_value(backends).unwrap();
        backends.check(has_service_port).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn backends_are_services() {
        let both = json!([
            {"name": "db", "port": 5432, "weight": 90},
            {"group": "", "kind": "Service", "name": "next", "namespace": "other", "port": 5432, "weight": 0},
        ]);
        assert_eq!(problems(both.clone(), false), [""; 0]);
        let read: PortBackends = serde_json::from_value(both).unwrap();
        assert_eq!((read.0[0].weight(), PortBackend::default().weight()), (90, 1));
        let other = problems(json!([{"kind": "Backend", "group": "x.test", "name": "a", "port": 1}]), false);
        assert!(other.len() == 1 && other[0].starts_with("BackendRefs[0].kind: is no Service"), "{other:?}");
        assert!(problems(json!([]), false)[0].starts_with("BackendRefs: holds 0 backends; 1 to 16"));
        let with_port = problems(json!([{"name": "a", "port": 1}]), true);
        assert!(with_port[0].starts_with("BackendRefs: goes without ServicePort"), "{with_port:?}");
        for wrong in [
            json!([{"name": "a"}]),
            json!([{"name": "a", "port": 1, "weight": 1_000_001}]),
            json!([{"name": "a", "port": 1, "x": 1}]),
        ] {
            assert!(serde_json::from_value::<PortBackends>(wrong.clone()).is_err(), "{wrong}");
        }
    }
}
