//! What a support service is rendered from, for any bundle.

use causeway_records::inputs::PublishedZone;

use crate::{
    bundle::Bundle,
    support_service::{ExternalDns, Installation, Options, Policy},
};

/// Short, so that names made with it can be read in a snapshot.
pub const CONTROL_PLANE: &str = "cp-1";

/// An external-dns for two domains, one of them named twice, in one zone.
pub fn external_dns() -> ExternalDns {
    ExternalDns {
        owner: "cp-1-7".into(),
        domains: vec!["b.example".into(), "a.example".into(), "b.example".into()],
        zones: vec![PublishedZone { id: "Z1".into(), name: "example".into(), ..PublishedZone::default() }],
        label_filter: "causeway.dev/control-plane=cp-1".into(),
        policy: Policy::UpsertOnly,
        interval_seconds: 10,
        assume_role: None,
        external_id: None,
    }
}

/// The least that a service can be installed with.
pub fn options_for(service: &str) -> Options {
    Options { external_dns: (service == "external-dns").then(external_dns), ..Options::default() }
}

/// Inputs of support service instance 7.
pub fn inputs<'a>(bundle: &'a Bundle, options: &'a Options) -> Installation<'a> {
    Installation { control_plane: CONTROL_PLANE, id: 7, bundle, name: "dns-7", definitions: true, options }
}
