//! GRPCRoute: its rules are those of a `gateway-grpc-route`.

use super::{Surroundings, with_rules};
use crate::source::Source;
use causeway_records::nouns::{GatewayGrpcRoute, GrpcRules};

/// Writes the gateways of a GRPCRoute.
pub(crate) fn import(source: &mut Source, around: &mut Surroundings<'_>) {
    for (mut gateway, rules) in with_rules(source, GrpcRules::KIND, around) {
        gateway
            .definition
            .grpc_routes
            .push(GatewayGrpcRoute { rules: GrpcRules(rules), ..GatewayGrpcRoute::default() });
        around.output.gateways.push(gateway);
    }
}
