//! What a cluster says of Gateway API and of its gateway controllers, read from its objects. Whatever an object says is bounded here: it is somebody else's.

use crate::{
    driver::Driver,
    k8s::{
        ObjectKind,
        gateway_api::{
            GATEWAY, GATEWAY_CLASS, GRPC_ROUTE, HTTP_ROUTE, LISTENER_SET, REFERENCE_GRANT, TCP_ROUTE, TLS_ROUTE,
            UDP_ROUTE,
        },
    },
    labels::{CONTROL_PLANE, OWNER},
};
use causeway_records::inputs::{GatewayApiFacts, GatewayClassFacts};
use serde_json::Value;

/// The definition whose annotations say what is installed.
pub const DEFINITION: &str = "gateways.gateway.networking.k8s.io";
/// GatewayClasses of one cluster that are read.
pub const MOST_CLASSES: usize = 200;
/// Features of one GatewayClass that are read: four times what its definition lets in.
const MOST_FEATURES: usize = 256;
/// The longest text that is kept, in bytes: names of controllers have up to 253.
const LONGEST: usize = 256;

/// The kinds that Causeway writes, each in the version in which it does.
pub const KINDS: &[ObjectKind] =
    &[GATEWAY_CLASS, GATEWAY, LISTENER_SET, HTTP_ROUTE, GRPC_ROUTE, TLS_ROUTE, TCP_ROUTE, UDP_ROUTE, REFERENCE_GRANT];

/// What is installed, by the definition of [`DEFINITION`]. `kinds`: those of [`KINDS`] that are served. Where a control plane installs the definitions, those that
/// aren't served yet come in a moment: listeners that were placed for a cluster without ListenerSets in between would stay where they are.
pub fn api<'k>(definition: &Value, kinds: impl Iterator<Item = &'k ObjectKind>) -> GatewayApiFacts {
    let is_own = definition["metadata"]["labels"][OWNER].is_string();
    let kinds: Vec<_> = if is_own { KINDS.iter().collect() } else { kinds.collect() };
    let annotation = |name: &str| {
        let key = format!("gateway.networking.k8s.io/{name}");
        text(&definition["metadata"]["annotations"][&key])
    };
    GatewayApiFacts {
        version: annotation("bundle-version"),
        channel: annotation("channel"),
        kinds: kinds.into_iter().map(|kind| kind.kind.to_owned()).collect(),
    }
}

/// What a GatewayClass says. Its features were texts before they were objects with a name.
pub fn class(object: &Value) -> GatewayClassFacts {
    let features = object["status"]["supportedFeatures"].as_array().into_iter().flatten();
    let name = |feature: &Value| text(if feature.is_string() { feature } else { &feature["name"] });
    GatewayClassFacts {
        controller: text(&object["spec"]["controllerName"]),
        features: features.take(MOST_FEATURES).map(name).filter(|name| !name.is_empty()).collect(),
    }
}

/// Whether a control plane has made a GatewayClass for a Gateway of its own: nobody else names it.
pub fn is_of_one_gateway(object: &Value) -> bool {
    let own = Driver::for_class(None).controller();
    object["metadata"]["labels"][CONTROL_PLANE].is_string() && object["spec"]["controllerName"] == own
}

/// The text, or its beginning.
fn text(value: &Value) -> String {
    let text = value.as_str().unwrap_or_default();
    text[..text.floor_char_boundary(LONGEST)].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn features_are_read_in_both_of_their_forms() {
        let of = |features: Value| {
            let object =
                json!({"spec": {"controllerName": "example.org/one"}, "status": {"supportedFeatures": features}});
            class(&object).features.into_iter().collect::<Vec<_>>()
        };
        assert_eq!(of(json!([{"name": "TLSRoute"}, {"name": "HTTPRoute"}])), ["HTTPRoute", "TLSRoute"]);
        assert_eq!(of(json!(["HTTPRoute", 7, {"title": "x"}, ""])), ["HTTPRoute"]);
        assert_eq!((of(json!("HTTPRoute")), of(json!(null))), (vec![], vec![]));
        assert_eq!(class(&json!({"spec": {"controllerName": "example.org/one"}})).controller, "example.org/one");
    }

    #[test]
    fn what_is_long_is_cut() {
        let long = "ä".repeat(1000);
        let features: Vec<_> = (0..1000).map(|n| json!({"name": format!("F{n}")})).collect();
        let object = json!({"spec": {"controllerName": long}, "status": {"supportedFeatures": features}});
        let read = class(&object);
        assert_eq!((read.controller.len(), read.features.len()), (LONGEST, MOST_FEATURES));
    }

    #[test]
    fn what_is_installed_says_so_itself() {
        let annotations = json!({
            "gateway.networking.k8s.io/bundle-version": "v1.6.1", "gateway.networking.k8s.io/channel": "standard",
        });
        let definition = json!({"metadata": {"annotations": annotations}});
        let installed = api(&definition, [HTTP_ROUTE, GATEWAY].iter());
        assert_eq!((installed.version.as_str(), installed.channel.as_str()), ("v1.6.1", "standard"));
        assert_eq!(installed.kinds.into_iter().collect::<Vec<_>>(), ["Gateway", "HTTPRoute"]);
        assert_eq!(api(&json!({}), KINDS.iter()).version, "");
    }

    #[test]
    fn definitions_that_a_control_plane_installs_come_together() {
        let of = |labels: Value| api(&json!({"metadata": {"labels": labels}}), [GATEWAY_CLASS].iter()).kinds;
        assert_eq!(of(json!({OWNER: "SupportServiceInstance.1"})).len(), KINDS.len());
        assert_eq!(of(json!({"app": "gateway-api"})).len(), 1);
    }

    #[test]
    fn a_class_of_one_gateway_is_told_from_one_that_others_name() {
        let of = |labels: Value, controller: &str| {
            is_of_one_gateway(&json!({"metadata": {"labels": labels}, "spec": {"controllerName": controller}}))
        };
        let own = Driver::for_class(None).controller();
        assert!(of(json!({"causeway.dev/control-plane": "c1"}), own));
        assert!(!of(json!({"causeway.dev/control-plane": "c1"}), "example.org/other"), "of a bundle");
        assert!(!of(json!({}), own) && !of(json!(null), own));
    }
}
