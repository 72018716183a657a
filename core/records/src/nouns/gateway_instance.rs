use super::{GatewayDefinition, KubernetesRuntimeInstance, Rules, SharedGateway, WorkloadInstance};
use crate::{
    problem::Problem,
    text::{Name, ObjectName},
};
use causeway_records_derive::Noun;

/// A gateway for a workload in a cluster.
#[derive(Noun, Clone, PartialEq)]
#[noun(plural = "gateway-instances", reconciled)]
pub struct GatewayInstance {
    /// Unique among live gateway instances.
    #[noun(required, example = "shop")]
    pub name: Name,
    /// Free text of a client.
    pub status: Option<String>,
    /// The cluster; the workload instance's own.
    #[noun(required, immutable, parent = KubernetesRuntimeInstance)]
    pub kubernetes_runtime_instance_id: i64,
    /// What it is.
    #[noun(required, immutable, parent = GatewayDefinition)]
    pub gateway_definition_id: i64,
    /// The workload whose Service the traffic goes to.
    #[noun(required, immutable, parent = WorkloadInstance)]
    pub workload_instance_id: i64,
    /// A shared gateway with Listeners to attach to. Left out: what Placement says.
    #[noun(parent = SharedGateway)]
    pub shared_gateway_id: Option<i64>,
    /// With SharedGatewayID: the name of its route in the namespace of its workload, where the definition has one route alone. One that is there already is
    /// taken over as it stands. Left out: names that Causeway gives. Only admins set it.
    #[noun(immutable)]
    pub route_name: Option<ObjectName>,
    /// With RouteName: give the route back when the record goes, instead of deleting it. Only admins change it.
    pub keep_on_delete: Option<bool>,
}

impl GatewayInstance {
    /// Whether its route stays when the record goes.
    pub fn is_kept(&self) -> bool {
        self.keep_on_delete == Some(true)
    }
}

impl Rules for GatewayInstance {
    fn check(&self) -> Vec<Problem> {
        let lacking = [
            (
                self.route_name.is_some() && self.shared_gateway_id.is_none(),
                "RouteName",
                "goes with SharedGatewayID: it names the route of a gateway instance that attaches to a Gateway of somebody's own; leave it out",
            ),
            (
                self.is_kept() && self.route_name.is_none(),
                "KeepOnDelete",
                "goes with RouteName: routes to which Causeway gives names go with the record; leave it out",
            ),
        ];
        let lacking = lacking.into_iter().filter(|(is_lacking, ..)| *is_lacking);
        lacking.map(|(_, field, problem)| Problem::new(field, problem)).collect()
    }

    /// Whoever names a route takes it over, and one that stays is served without a record.
    fn for_admins(&self, before: &Self) -> Vec<&'static str> {
        let changed =
            [("RouteName", self.route_name != before.route_name), ("KeepOnDelete", self.is_kept() != before.is_kept())];
        changed.into_iter().filter(|(_, changed)| *changed).map(|(field, _)| field).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_route_that_is_named_attaches_to_a_gateway_of_somebodys_own() {
        let named = GatewayInstance { route_name: "shop".parse().ok(), ..GatewayInstance::default() };
        let problem = |instance: &GatewayInstance| instance.check().iter().map(ToString::to_string).collect::<String>();
        assert!(problem(&named).starts_with("RouteName: goes with SharedGatewayID"), "{}", problem(&named));
        let attached = GatewayInstance { shared_gateway_id: Some(7), ..named.clone() };
        let kept = GatewayInstance { keep_on_delete: Some(true), ..attached.clone() };
        assert_eq!((problem(&attached), problem(&kept)), (String::new(), String::new()));
        let nameless = GatewayInstance { route_name: None, ..kept.clone() };
        assert!(problem(&nameless).starts_with("KeepOnDelete: goes with RouteName"), "{}", problem(&nameless));
        assert_eq!(kept.for_admins(&GatewayInstance::default()), ["RouteName", "KeepOnDelete"]);
        assert!(attached.for_admins(&named).is_empty(), "editors attach");
    }
}
