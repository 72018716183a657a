//! What the Gateway that carries an instance's routes can carry.

use crate::driver::Driver;
use causeway_records::{
    inputs::{GatewayInputs, Protocol},
    nouns::{GatewayTcpPort, TlsMode},
};
use causeway_rules::{
    capabilities::Capabilities,
    features::{self, LISTENER_SET, Need},
    ports::layer4_ports,
    routes::protocol,
};

/// The class that somebody else has made and that the Gateway names; None: one that Causeway makes.
pub fn class(inputs: &GatewayInputs) -> Option<&str> {
    let class = match &inputs.shared_gateway {
        Some(shared) => shared.gateway.record.spec.gateway_class_name.as_ref(),
        None => inputs.definition.spec.gateway_class_name.as_ref(),
    };
    class.map(|class| class.as_str())
}

/// The driver of the Gateway, by its class and what the cluster says of that.
pub fn driver(inputs: &GatewayInputs) -> Driver {
    Driver::of_class(class(inputs), &inputs.class_in_cluster)
}

/// What it can carry.
pub(crate) fn capabilities(inputs: &GatewayInputs) -> Capabilities<'_> {
    Capabilities::new(class(inputs), &inputs.class_in_cluster)
}

/// Whether it can have a listener of any port.
pub(super) fn serves_any(inputs: &GatewayInputs) -> bool {
    let spec = &inputs.definition.spec;
    let tls = spec.tcp_ports.iter().filter_map(GatewayTcpPort::tls).map(|mode| match mode {
        TlsMode::Terminate => Protocol::Tls,
        TlsMode::Passthrough => Protocol::TlsPassthrough,
    });
    let all = spec.http_ports.iter().map(protocol).chain(layer4_ports(spec).into_iter().map(|port| port.protocol));
    all.chain(tls).any(|protocol| capabilities(inputs).serves(protocol))
}

/// What the instance asks for and can't have, each with the reason. The API has refused what was known then.
pub(crate) fn unsupported(inputs: &GatewayInputs) -> Vec<(Need, String)> {
    let mut needs = features::of_definition(&inputs.definition.spec);
    let mut sets = inputs.shared_gateway.iter().flat_map(|shared| shared.listener_sets.values());
    if sets.any(Option::is_some) {
        needs.push(Need { field: "Hostnames".to_owned(), feature: LISTENER_SET });
    }
    capabilities(inputs).missing(&needs)
}
