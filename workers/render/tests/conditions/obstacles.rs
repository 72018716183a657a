//! What may be wrong in a cluster, one thing at a time, and the step that tells it.

use crate::cluster::{Cluster, condition};
use causeway_records::status::ConditionStatus;
use causeway_render::k8s;
use serde_json::json;

/// What is changed in a working cluster, the step that then doesn't hold, its reason, and a part of its message.
type Case = (&'static str, fn(&mut Cluster), &'static str, &'static str, &'static str);

#[test]
fn each_obstacle_is_told_by_its_step() {
    let cases: [Case; 17] = [
        (
            "no address",
            |c| {
                let gateway = c.gateway();
                c.status(gateway)["addresses"] = json!([]);
            },
            "AddressAssigned",
            "AddressNotAssigned",
            "Services of type LoadBalancer",
        ),
        (
            "no proxies",
            |c| {
                let gateway = c.gateway();
                c.status(gateway)["conditions"][1] =
                    condition("Programmed", "False", "NoResources", "Envoy replicas unavailable");
            },
            "GatewayProgrammed",
            "NoResources",
            "is not programmed: Envoy replicas unavailable; its proxies do not run yet",
        ),
        (
            "unknown class",
            |c| {
                let gateway = c.gateway();
                let pending = json!({ "type": "Accepted", "status": "Unknown", "reason": "Pending", "message": "Waiting for controller" });
                c.status(gateway)["conditions"][0] = pending;
            },
            "GatewayAccepted",
            "Pending",
            "no controller has taken up Gateway",
        ),
        (
            "secret missing",
            |c| {
                let set = c.set();
                let entry = &mut c.status(set)["listeners"][1]["conditions"];
                entry[1] = condition("Programmed", "False", "ListenersNotValid", "Listener is invalid");
                entry[2] = condition("ResolvedRefs", "False", "InvalidCertificateRef", "Secret does not exist.");
            },
            "ListenersReady",
            "InvalidCertificateRef",
            "the listener for HTTPS port 443 for shop.example.org of ListenerSet shared-gateway-102/shared-gateway-102-0 does not work: \
             Secret does not exist; its certificate may still be on the way",
        ),
        (
            "grant missing, no Accepted at all",
            |c| {
                let set = c.set();
                c.status(set)["listeners"][1]["conditions"] = json!([
                    condition("ResolvedRefs", "False", "RefNotPermitted", "not permitted"),
                    condition("Programmed", "False", "ListenersNotValid", ""),
                ]);
            },
            "ListenersReady",
            "RefNotPermitted",
            "not permitted; the Secret of its certificate is in another namespace: see who has changed the listener",
        ),
        (
            "hostname held by another",
            |c| {
                let set = c.set();
                c.status(set)["listeners"][1]["conditions"] = json!([
                    condition("Accepted", "False", "HostnameConflict", ""),
                    condition("Conflicted", "True", "HostnameConflict", "hostname conflicts"),
                ]);
            },
            "ListenersReady",
            "HostnameConflict",
            "conflicts with another one: hostname conflicts",
        ),
        (
            "ListenerSet not allowed",
            |c| {
                let set = c.set();
                *c.status(set) = json!({ "conditions": [condition("Accepted", "False", "NotAllowed", "not allowed")] });
            },
            "ListenersReady",
            "NotAllowed",
            "ListenerSet shared-gateway-102/shared-gateway-102-0 is refused: not allowed; the Gateway takes no ListenerSets there: see who has changed its \
             allowedListeners (and 1 more)",
        ),
        (
            "certificate pending",
            |c| {
                let certificate = c.certificate();
                *c.status(certificate) = json!({ "conditions": [condition("Ready", "False", "DoesNotExist", "Issuing certificate as Secret does not exist")] });
                c.see_challenge("1", "pending", "failed to determine Route 53 hosted zone ID");
            },
            "CertificatesReady",
            "DoesNotExist",
            "Secret does not exist; the proof for shop.example.org is not there yet: failed to determine Route 53 hosted zone ID",
        ),
        (
            "challenge refused",
            |c| {
                let certificate = c.certificate();
                *c.status(certificate) = json!({ "conditions": [
                    condition("Ready", "False", "DoesNotExist", "Issuing certificate as Secret does not exist"),
                    condition("Issuing", "False", "Failed", "The certificate request has failed to complete and will be retried"),
                ] });
                c.see_challenge("1", "valid", "Successfully authorized domain");
                c.see_challenge("2", "pending", "Waiting for propagation");
                c.see_challenge("3", "invalid", "no TXT record found.");
            },
            "CertificatesReady",
            "DoesNotExist",
            "Secret does not exist; the authority doesn't believe that shop.example.org is ours: no TXT record found",
        ),
        (
            "order refused",
            |c| {
                let certificate = c.certificate();
                *c.status(certificate) = json!({ "conditions": [
                    condition("Ready", "False", "DoesNotExist", "Issuing certificate as Secret does not exist"),
                    condition("Issuing", "False", "Failed", "Failed to create Order: 429 rateLimited"),
                ] });
            },
            "CertificatesReady",
            "DoesNotExist",
            "Secret does not exist; Failed to create Order: 429 rateLimited",
        ),
        (
            "issuer broken",
            |c| {
                let issuer = k8s::cert_manager::CLUSTER_ISSUER.cluster("shared-gateway-102-21");
                c.see(issuer, json!({ "conditions": [condition("Ready", "False", "ErrInitIssuer", "bad server")] }));
            },
            "CertificatesReady",
            "ErrInitIssuer",
            "ClusterIssuer shared-gateway-102-21 can't sign: bad server",
        ),
        (
            "route not let in",
            |c| {
                let route = c.route("https-443");
                c.status(route)["parents"][0]["conditions"][0] =
                    condition("Accepted", "False", "NotAllowedByListeners", "namespace not allowed");
            },
            "RoutesAccepted",
            "NotAllowedByListeners",
            "HTTPRoute web-2302/web-302-https-443 is refused by listener https-443",
        ),
        (
            "listener of other hostnames",
            |c| {
                let route = c.route("https-443");
                c.status(route)["parents"][0]["conditions"][0] =
                    condition("Accepted", "False", "NoMatchingListenerHostname", "no hostname in common");
            },
            "RoutesAccepted",
            "NoMatchingListenerHostname",
            "no hostname in common; the listener is for other hostnames: see who has changed it, or correct Hostnames",
        ),
        (
            "route unanswered",
            |c| {
                let route = c.route("https-443");
                *c.status(route) = json!({});
            },
            "RoutesAccepted",
            "Pending",
            "no controller has answered HTTPRoute web-2302/web-302-https-443 at listener https-443-shop-example-org-eba1c86c72 yet; \
             if it stays so for a minute, see that the Gateway's controller runs, and restart it",
        ),
        (
            "HTTP without endpoints",
            |c| {
                let route = c.route("https-443");
                let conditions = c.status(route)["parents"][0]["conditions"].as_array_mut().unwrap();
                conditions.push(condition("BackendsAvailable", "False", "EndpointsNotFound", "no ready endpoints"));
            },
            "RefsResolved",
            "EndpointsNotFound",
            "no pod of the Service is ready",
        ),
        (
            "TCP without endpoints",
            |c| {
                let route = c.route("tcp-5432");
                c.status(route)["parents"][0]["conditions"][1] =
                    condition("ResolvedRefs", "False", "EndpointsNotFound", "no ready endpoints");
            },
            "RefsResolved",
            "EndpointsNotFound",
            "TCPRoute web-2302/web-302-tcp-5432 has nowhere to send traffic: no ready endpoints",
        ),
        (
            "service missing",
            |c| {
                let route = c.route("https-443");
                c.status(route)["parents"][0]["conditions"][1] =
                    condition("ResolvedRefs", "False", "BackendNotFound", "Service not found");
            },
            "RefsResolved",
            "BackendNotFound",
            "see the workload instance's conditions",
        ),
    ];
    for (case, change, kind, reason, part) in cases {
        let mut cluster = Cluster::working();
        change(&mut cluster);
        let (status, found, message) = cluster.condition(kind);
        let expected = if reason == "Pending" { ConditionStatus::Unknown } else { ConditionStatus::False };
        assert_eq!((status, found.as_str()), (expected, reason), "{case}: {message}");
        assert!(message.contains(part), "{case}: {message}");
    }
}
