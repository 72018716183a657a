//! The list. Each reason is what the test of that file in Gateway API's conformance suite asks for.

/// Objects of a file with the reason that they have in common.
pub(super) struct Entry {
    pub(super) file: &'static str,
    pub(super) why: &'static str,
    /// Kinds and names.
    pub(super) objects: &'static [(&'static str, &'static str)],
}

const fn of(file: &'static str, why: &'static str, objects: &'static [(&'static str, &'static str)]) -> Entry {
    Entry { file, why, objects }
}

pub(super) const ALL: &[Entry] = &[
    of(
        "gateway-http-listener-isolation-with-hostname-intersection.yaml",
        "hostnames that the listener isn't for, or for which another one is nearer, are answered with 404 there",
        &[
            ("HTTPRoute", "attaches-to-empty-hostname-with-hostname-intersection"),
            ("HTTPRoute", "attaches-to-wildcard-example-com-with-hostname-intersection"),
            ("HTTPRoute", "attaches-to-wildcard-foo-example-com-with-hostname-intersection"),
            ("HTTPRoute", "attaches-to-abc-foo-example-com-with-hostname-intersection"),
        ],
    ),
    of(
        "gateway-invalid-listeners-unsupported-protocol.yaml",
        "a listener whose protocol doesn't exist is not accepted",
        &[
            ("Gateway", "gateway-only-unsupported-protocols"),
            ("Gateway", "gateway-supported-and-unsupported-protocols"),
        ],
    ),
    of(
        "gateway-invalid-parameters-ref.yaml",
        "a Gateway whose parameters don't exist is not accepted",
        &[("Gateway", "gateway-invalid-parameters-ref")],
    ),
    of(
        "gateway-invalid-route-kind.yaml",
        "a kind of route that doesn't exist is none that the listener takes",
        &[("Gateway", "gateway-only-invalid-route-kind"), ("Gateway", "gateway-supported-and-invalid-route-kind")],
    ),
    of(
        "gateway-invalid-tls-configuration.yaml",
        "a listener whose certificate is no Secret is not resolved",
        &[("Gateway", "gateway-certificate-unsupported-group"), ("Gateway", "gateway-certificate-unsupported-kind")],
    ),
    of(
        "gateway-secret-invalid-reference-grant.yaml",
        "a grant of something else, or to something else, lets no Gateway use the Secret",
        &[
            ("ReferenceGrant", "reference-grant-wrong-from-group"),
            ("ReferenceGrant", "reference-grant-wrong-from-kind"),
            ("ReferenceGrant", "reference-grant-wrong-to-group"),
            ("ReferenceGrant", "reference-grant-wrong-to-kind"),
        ],
    ),
    of(
        "gateway-static-addresses.yaml",
        "a Gateway with an address of a type that doesn't exist is not accepted",
        &[("Gateway", "gateway-static-addresses")],
    ),
    of(
        "gateway-with-attached-routes.yaml",
        "a route for another hostname than the listener's is not accepted",
        &[("HTTPRoute", "http-route-not-accepted")],
    ),
    of(
        "gateway-with-attached-routes.yaml",
        "neither the listener's certificate nor the route's Service is there, so the listener is not programmed",
        &[("HTTPRoute", "http-route-4")],
    ),
    of(
        "httproute-disallowed-kind.yaml",
        "the listener takes routes of another kind",
        &[("HTTPRoute", "disallowed-kind")],
    ),
    of(
        "httproute-hostname-intersection.yaml",
        "hostnames that no listener is for are answered with 404",
        &[
            ("HTTPRoute", "specific-host-matches-listener-specific-host"),
            ("HTTPRoute", "specific-host-matches-listener-wildcard-host"),
            ("HTTPRoute", "wildcard-host-matches-listener-specific-host"),
            ("HTTPRoute", "no-intersecting-hosts"),
        ],
    ),
    of(
        "httproute-invalid-backendref-unknown-kind.yaml",
        "requests for a backend of a kind that doesn't exist are answered with 500",
        &[("HTTPRoute", "invalid-backend-ref-unknown-kind")],
    ),
    of(
        "httproute-invalid-cross-namespace-parent-ref.yaml",
        "the listener takes no routes of this namespace",
        &[("HTTPRoute", "invalid-cross-namespace-parent-ref")],
    ),
    of(
        "httproute-invalid-parentref-not-matching-listener-port.yaml",
        "the Gateway has no listener on this port",
        &[("HTTPRoute", "httproute-listener-not-matching-route-port")],
    ),
    of(
        "httproute-invalid-parentref-not-matching-section-name.yaml",
        "the Gateway has no listener of this name",
        &[("HTTPRoute", "httproute-listener-not-matching-section-name")],
    ),
    of(
        "httproute-invalid-parentref-section-name-not-matching-port.yaml",
        "the listener of this name is on another port",
        &[("HTTPRoute", "httproute-listener-section-name-not-matching-port")],
    ),
    of(
        "httproute-invalid-reference-grant.yaml",
        "a grant of something else, or to something else, lets no route send to the Service",
        &[
            ("ReferenceGrant", "reference-grant-wrong-from-group"),
            ("ReferenceGrant", "reference-grant-wrong-from-kind"),
            ("ReferenceGrant", "reference-grant-wrong-to-group"),
            ("ReferenceGrant", "reference-grant-wrong-to-kind"),
            ("ReferenceGrant", "reference-grant-wrong-to-name"),
        ],
    ),
    of(
        "listenerset-allowed-namespace-none.yaml",
        "the Gateway lets no ListenerSet in",
        &[("ListenerSet", "listenerset-not-allowed")],
    ),
    of(
        "listenerset-allowed-namespace-same.yaml",
        "the Gateway lets no ListenerSet of this namespace in",
        &[("ListenerSet", "listenerset-in-different-namespace")],
    ),
    of(
        "listenerset-allowed-namespace-selector.yaml",
        "the Gateway lets no ListenerSet of this namespace in",
        &[("ListenerSet", "listenerset-not-in-selected-namespace")],
    ),
    of(
        "listenerset-allowed-routes-namespaces.yaml",
        "the listener takes no routes of this namespace",
        &[("HTTPRoute", "route-in-gateway-namespace")],
    ),
    of(
        "listenerset-allowed-routes-supported-kinds.yaml",
        "the listener names a kind of route that doesn't fit its protocol, and no other",
        &[("ListenerSet", "listenerset-test-allowed-routes-supported-kinds")],
    ),
    of(
        "listenerset-default-not-allowed.yaml",
        "the Gateway lets no ListenerSet in",
        &[("ListenerSet", "listenerset-default-not-allowed")],
    ),
    of(
        "listenerset-dual-parentref-independence.yaml",
        "of its two parents the Gateway has no listener of this name",
        &[("HTTPRoute", "route-dual-parentref-one")],
    ),
    of(
        "listenerset-gateway-parent-section-name-not-found.yaml",
        "the Gateway has no listener of this name: that is its ListenerSet's",
        &[("HTTPRoute", "route-via-gateway")],
    ),
    of(
        "listenerset-hostname-conflict.yaml",
        "a listener for the hostname of an earlier one is not accepted",
        &[
            ("ListenerSet", "listenerset-with-hostname-conflict-with-gateway-1"),
            ("ListenerSet", "listenerset-with-hostname-conflict-with-gateway-2"),
            ("ListenerSet", "listenerset-with-hostname-conflict-with-listener-set-1"),
            ("ListenerSet", "listenerset-with-hostname-conflict-with-listener-set-2"),
        ],
    ),
    of(
        "listenerset-protocol-conflict.yaml",
        "a listener of another protocol on the port of an earlier one is not accepted",
        &[
            ("ListenerSet", "listenerset-with-protocol-conflict-with-gateway-1"),
            ("ListenerSet", "listenerset-with-protocol-conflict-with-gateway-2"),
            ("ListenerSet", "listenerset-with-protocol-conflict-with-listener-set-1"),
            ("ListenerSet", "listenerset-with-protocol-conflict-with-listener-set-2"),
        ],
    ),
    of(
        "tcproute-invalid-non-tcp-listener.yaml",
        "the listener takes routes of another kind",
        &[("TCPRoute", "tcp-route")],
    ),
    of(
        "tlsroute-invalid-backendref-unknown-kind.yaml",
        "connections for a backend of a kind that doesn't exist are rejected",
        &[("TLSRoute", "invalid-backend-ref-unknown-kind")],
    ),
    of(
        "tlsroute-invalid-no-matching-listener-hostname.yaml",
        "the listener is for other hostnames",
        &[("TLSRoute", "tlsroute-hostname-mismatch-1"), ("TLSRoute", "tlsroute-hostname-mismatch-2")],
    ),
    of(
        "tlsroute-invalid-no-matching-listener.yaml",
        "the listener speaks another protocol, or isn't there",
        &[
            ("TLSRoute", "tlsroute-not-allowed-protocol-http"),
            ("TLSRoute", "tlsroute-not-allowed-protocol-https"),
            ("TLSRoute", "tlsroute-no-matching-section-name"),
        ],
    ),
    of(
        "tlsroute-invalid-reference-grant.yaml",
        "a grant of something else, or to something else, lets no route send to the Service",
        &[
            ("ReferenceGrant", "reference-grant-wrong-from-group"),
            ("ReferenceGrant", "reference-grant-wrong-from-kind"),
            ("ReferenceGrant", "reference-grant-wrong-to-group"),
            ("ReferenceGrant", "reference-grant-wrong-to-kind"),
        ],
    ),
    of(
        "tlsroute-listener-passthrough-supported-kinds.yaml",
        "TCPRoute is no kind that a listener for TLS takes",
        &[("Gateway", "gateway-tlsroute-passthrough-supported-kind")],
    ),
    of(
        "udproute-not-allowed-by-listeners.yaml",
        "the listener takes routes of another kind",
        &[("UDPRoute", "udproute-not-allowed-by-listeners")],
    ),
];
