//! Ports of a gateway definition: where clients connect, and what is spoken there.

use super::{GatewayDefinition, Hostnames, PortBackends, Rules, TlsMode};
use crate::{
    problem::Problem,
    text::{HttpPath, ObjectName, Port},
};
use causeway_records_derive::Noun;

/// Ports of a kind that one definition may have. Each of them is a route, and with HTTPS a listener for each hostname, in every cluster.
pub const MAX_PORTS: usize = 64;

/// The field of ports that names a Secret with a certificate.
pub const TLS_SECRET_NAME: &str = "TLSSecretName";

/// More ports of a kind than a definition may have: what is wrong with them.
pub fn too_many_ports(count: usize) -> Option<String> {
    (count > MAX_PORTS)
        .then(|| format!("holds {count} ports; {MAX_PORTS} are allowed, so make several gateway definitions"))
}

/// One HTTP or HTTPS port of a gateway definition.
#[derive(Noun, Clone, PartialEq)]
#[noun(plural = "gateway-http-ports")]
pub struct GatewayHttpPort {
    /// The definition it belongs to.
    #[noun(required, immutable, part_of = GatewayDefinition)]
    pub gateway_definition_id: i64,
    /// Where clients connect.
    #[noun(required, example = 443)]
    pub port: Port,
    /// Beginning of the paths that go to the service.
    #[noun(default = "/".parse().ok(), example = "/api")]
    pub path: Option<HttpPath>,
    /// HTTPS, with a certificate for the hostname.
    #[noun(json = "TLSEnabled", default = Some(false), example = true)]
    pub tls_enabled: Option<bool>,
    /// Answer with a redirect to HTTPS instead of the service.
    #[noun(json = "HTTPSRedirect", default = Some(false))]
    pub https_redirect: Option<bool>,
    /// With TLSEnabled: a Secret of type kubernetes.io/tls that you bring, in the namespace of the Gateway's listeners. Left out: a certificate is ordered.
    #[noun(json = "TLSSecretName", no_filter)]
    pub tls_secret_name: Option<ObjectName>,
    /// Port of the Service. Left out: the Service's only port, else the one equal to `Port`, else 80.
    pub service_port: Option<Port>,
}

impl Rules for GatewayHttpPort {
    fn check(&self) -> Vec<Problem> {
        let has_tls = self.tls_enabled == Some(true);
        let mut problems = vec![];
        if has_tls && self.https_redirect == Some(true) {
            let problem = format!("excludes TLSEnabled (port {}); redirect from an HTTP port to this one", self.port);
            problems.push(Problem::new("HTTPSRedirect", problem));
        }
        if !has_tls && self.tls_secret_name.is_some() {
            let problem = format!(
                "needs TLSEnabled on port {}: there is no TLS to end; set TLSEnabled, or leave it out",
                self.port
            );
            problems.push(Problem::new(TLS_SECRET_NAME, problem));
        }
        problems
    }
}

/// One TCP port of a gateway definition. With TLS, several gateways can have one port, each for hostnames of its own.
#[derive(Noun, Clone, PartialEq)]
#[noun(plural = "gateway-tcp-ports")]
pub struct GatewayTcpPort {
    /// The definition it belongs to.
    #[noun(required, immutable, part_of = GatewayDefinition)]
    pub gateway_definition_id: i64,
    /// Where clients connect.
    #[noun(required, example = 5432)]
    pub port: Port,
    /// Clients speak TLS, and say which hostname they ask for (SNI).
    #[noun(json = "TLSEnabled", default = Some(false))]
    pub tls_enabled: Option<bool>,
    /// With TLSEnabled: who ends TLS. Left out: the gateway does (Terminate).
    #[noun(json = "TLSMode")]
    pub tls_mode: Option<TlsMode>,
    /// With TLSEnabled: those of the definition's hostnames that it is for. Left out: all of them.
    #[noun(no_filter)]
    pub hostnames: Option<Hostnames>,
    /// Where the gateway ends TLS: a Secret of type kubernetes.io/tls that you bring, in the namespace of the Gateway's listeners. Left out: a certificate is
    /// ordered.
    #[noun(json = "TLSSecretName", no_filter)]
    pub tls_secret_name: Option<ObjectName>,
    /// Port of the Service. Left out: the Service's only port, else the one equal to `Port`.
    pub service_port: Option<Port>,
    /// `backendRefs` of Gateway API: Services that get connections by weight, instead of ServiceName and ServicePort. With `namespace`, one of the other workload of
    /// that name, which has granted it (`gateway-grants`).
    #[noun(no_filter, example = r#"[{"name":"db","port":5432,"weight":90},{"name":"next","port":5432,"weight":10}]"#)]
    pub backend_refs: Option<PortBackends>,
}

impl GatewayTcpPort {
    /// Who ends TLS; None: nobody speaks it.
    pub fn tls(&self) -> Option<TlsMode> {
        (self.tls_enabled == Some(true)).then(|| self.tls_mode.unwrap_or_default())
    }
}

impl Rules for GatewayTcpPort {
    fn check(&self) -> Vec<Problem> {
        let backends = self.backend_refs.as_ref().map(|list| list.check(self.service_port.is_some()));
        self.check_tls().into_iter().chain(backends.into_iter().flatten()).collect()
    }
}

impl GatewayTcpPort {
    /// What is wrong with what it says of TLS.
    fn check_tls(&self) -> Vec<Problem> {
        let hostnames = self.hostnames.as_ref().map_or(0, |list| list.0.len());
        if let Some(mode) = self.tls() {
            let too_many = || Problem::new("Hostnames", "holds more than 64; make several ports");
            let not_ended = || {
                let problem = format!(
                    "needs TLSMode Terminate on port {}: with Passthrough the workload has the certificate; set that, or leave it out",
                    self.port
                );
                Problem::new(TLS_SECRET_NAME, problem)
            };
            let not_ended = (mode == TlsMode::Passthrough && self.tls_secret_name.is_some()).then(not_ended);
            return (hostnames > 64).then(too_many).into_iter().chain(not_ended).collect();
        }
        let only_tls = [
            (TLS_SECRET_NAME, self.tls_secret_name.is_some(), "there is no TLS to end"),
            ("TLSMode", self.tls_mode.is_some(), "there is no TLS to end"),
            ("Hostnames", hostnames > 0, "without TLS a TCP connection names no hostname"),
        ];
        let problem = |(field, _, why)| {
            let problem = format!("needs TLSEnabled on port {}: {why}; set TLSEnabled, or leave it out", self.port);
            Problem::new(field, problem)
        };
        only_tls.into_iter().filter(|(_, set, _)| *set).map(problem).collect()
    }
}

/// One UDP port of a gateway definition. It can have the number of a port of another protocol.
#[derive(Noun, Clone, PartialEq)]
#[noun(plural = "gateway-udp-ports")]
pub struct GatewayUdpPort {
    /// The definition it belongs to.
    #[noun(required, immutable, part_of = GatewayDefinition)]
    pub gateway_definition_id: i64,
    /// Where clients send their datagrams.
    #[noun(required, example = 5353)]
    pub port: Port,
    /// UDP port of the Service. Left out: the Service's only UDP port, else the one equal to `Port`.
    pub service_port: Option<Port>,
    /// `backendRefs` of Gateway API: Services that get datagrams by weight, instead of ServiceName and ServicePort. With `namespace`, one of the other workload of
    /// that name, which has granted it (`gateway-grants`).
    #[noun(no_filter, example = r#"[{"name":"dns","port":53}]"#)]
    pub backend_refs: Option<PortBackends>,
}

impl Rules for GatewayUdpPort {
    fn check(&self) -> Vec<Problem> {
        self.backend_refs.as_ref().map(|list| list.check(self.service_port.is_some())).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tcp(tls_enabled: bool, tls_mode: Option<TlsMode>, hostnames: &[&str]) -> GatewayTcpPort {
        let hostnames = hostnames.iter().map(|name| name.parse().unwrap()).collect();
        GatewayTcpPort {
            tls_enabled: Some(tls_enabled),
            tls_mode,
            hostnames: Some(Hostnames(hostnames)),
            ..GatewayTcpPort::default()
        }
    }

    #[test]
    fn the_gateway_ends_tls_unless_said_otherwise() {
        assert_eq!(tcp(true, None, &[]).tls(), Some(TlsMode::Terminate));
        assert_eq!(tcp(true, Some(TlsMode::Passthrough), &[]).tls(), Some(TlsMode::Passthrough));
        assert_eq!(tcp(false, None, &[]).tls(), None);
    }

    #[test]
    fn only_tls_has_a_mode_and_hostnames() {
        assert!(tcp(true, Some(TlsMode::Passthrough), &["a.test"]).check().is_empty());
        let problems: Vec<_> =
            tcp(false, Some(TlsMode::Terminate), &["a.test"]).check().iter().map(ToString::to_string).collect();
        assert!(problems[0].starts_with("TLSMode: needs TLSEnabled on port 1: there is no TLS"), "{problems:?}");
        assert!(problems[1].starts_with("Hostnames: needs TLSEnabled on port 1: without TLS"), "{problems:?}");
        assert!(tcp(false, None, &[]).check().is_empty());
    }

    #[test]
    fn a_secret_is_named_only_where_the_gateway_ends_tls() {
        let secret = || "shop-tls".parse().ok();
        let https = |tls_enabled| GatewayHttpPort {
            tls_enabled: Some(tls_enabled),
            tls_secret_name: secret(),
            ..GatewayHttpPort::default()
        };
        assert!(https(true).check().is_empty());
        let told = |problems: Vec<Problem>| problems.iter().map(ToString::to_string).collect::<Vec<_>>();
        let plain = told(https(false).check());
        assert!(plain.len() == 1 && plain[0].starts_with("TLSSecretName: needs TLSEnabled on port 1"), "{plain:?}");

        let ended = |mode| GatewayTcpPort { tls_secret_name: secret(), ..tcp(true, mode, &[]) };
        assert!(ended(None).check().is_empty() && ended(Some(TlsMode::Terminate)).check().is_empty());
        let through = told(ended(Some(TlsMode::Passthrough)).check());
        assert!(through.len() == 1 && through[0].starts_with("TLSSecretName: needs TLSMode Terminate"), "{through:?}");
        let plain = told(GatewayTcpPort { tls_secret_name: secret(), ..tcp(false, None, &[]) }.check());
        assert!(plain.len() == 1 && plain[0].starts_with("TLSSecretName: needs TLSEnabled on port 1"), "{plain:?}");
    }
}
