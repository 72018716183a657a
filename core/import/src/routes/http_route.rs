//! HTTPRoute: its rules are those of a `gateway-http-route`.

use super::{Surroundings, with_rules};
use crate::source::Source;
use causeway_records::nouns::{GatewayHttpRoute, HttpRules};

/// Writes the gateways of an HTTPRoute.
pub(crate) fn import(source: &mut Source, around: &mut Surroundings<'_>) {
    for (mut gateway, rules) in with_rules(source, HttpRules::KIND, around) {
        gateway
            .definition
            .http_routes
            .push(GatewayHttpRoute { rules: HttpRules(rules), ..GatewayHttpRoute::default() });
        around.output.gateways.push(gateway);
    }
}
