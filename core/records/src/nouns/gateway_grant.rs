use super::{Rules, WorkloadInstance};
use crate::{
    problem::Problem,
    scalar::json_scalar,
    text::{Name, ServiceName},
};
use causeway_records_derive::Noun;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Services that one grant may name.
const MAX_SERVICES: usize = 64;

/// A list of Services.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
#[schemars(inline)]
pub struct ServiceNames(pub Vec<ServiceName>);
json_scalar!(ServiceNames);

/// Lets gateway instances of one workload send traffic to Services of another one in the same cluster. It ends when it is deleted.
#[derive(Noun, Clone, PartialEq)]
#[noun(plural = "gateway-grants")]
pub struct GatewayGrant {
    /// Unique among live gateway grants.
    #[noun(required, example = "shop-to-search")]
    pub name: Name,
    /// The workload whose Services get traffic. Who is responsible for it makes the grant.
    #[noun(required, immutable, parent = WorkloadInstance)]
    pub workload_instance_id: i64,
    /// The workload whose gateway instances may send it.
    #[noun(required, immutable, part_of = WorkloadInstance)]
    pub granted_workload_instance_id: i64,
    /// The Services. Left out: all of the workload's.
    #[noun(no_filter, example = r#"["search"]"#)]
    pub service_names: Option<ServiceNames>,
}

impl Rules for GatewayGrant {
    fn check(&self) -> Vec<Problem> {
        if self.service_names.as_ref().is_none_or(|names| names.0.len() <= MAX_SERVICES) {
            return vec![];
        }
        let problem = format!("holds more than {MAX_SERVICES}; make several grants, or leave it out for all");
        vec![Problem::new("ServiceNames", problem)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grant_names_so_many_services() {
        let grant = |count: usize| {
            let names = (0..count).map(|n| format!("s{n}").parse().unwrap()).collect();
            GatewayGrant { service_names: Some(ServiceNames(names)), ..GatewayGrant::default() }
        };
        assert!(grant(MAX_SERVICES).check().is_empty() && GatewayGrant::default().check().is_empty());
        assert!(grant(65).check()[0].to_string().starts_with("ServiceNames: holds more than 64; make several grants"));
    }
}
