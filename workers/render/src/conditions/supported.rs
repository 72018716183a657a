//! Whether the cluster, and the controller of a Gateway's class, can do what is asked for: what gateway instances and shared gateways have in common.

use super::{NotReady, SUPPORTED, summarize};
use causeway_records::status::NewCondition;
use causeway_rules::{capabilities::Capabilities, features::Need};

/// Supported, whose reason is the feature that is missing. Absent while nothing is missing and nothing is known of the class.
pub(super) fn supported(capabilities: &Capabilities<'_>, missing: Vec<(Need, String)>) -> Option<NewCondition> {
    let class = capabilities.of_known_class();
    let met = match class {
        _ if !missing.is_empty() => String::new(),
        Some((class, controller)) => {
            format!("nothing that is asked for is beyond GatewayClass {class} (controller {controller})")
        }
        None => return None,
    };
    let not_ready = |(Need { field, feature }, why): (Need, String)| {
        NotReady::failed(feature, format!("{field} needs {feature} of Gateway API, which can't be had: {why}"))
    };
    Some(summarize(SUPPORTED, missing.into_iter().map(not_ready).collect(), met))
}
