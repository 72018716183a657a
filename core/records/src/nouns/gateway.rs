use super::{
    DomainNameDefinition, GatewayGrpcRoute, GatewayHttpPort, GatewayHttpRoute, GatewayTcpPort, GatewayUdpPort,
    Hostnames, Infrastructure, Rules, Texts, TlsMode, too_many_ports, too_many_routes,
};
use crate::{
    problem::Problem,
    text::{Name, ObjectName, ServiceName, SubDomain, choice},
};
use causeway_records_derive::Noun;

choice! {
    /// Which Gateway carries the routes.
    Placement {
        /// The cluster's common one.
        Shared = "Shared",
        /// One of its own, in the workload's namespace.
        Dedicated = "Dedicated",
    }
}

choice! {
    /// Namespaces whose routes may attach to a dedicated Gateway.
    AllowedRoutes {
        /// The workload's own.
        Same = "Same",
        /// Every one.
        All = "All",
    }
}

/// What a gateway is: its ports, the service behind it and its hostname.
#[derive(Noun, Clone, PartialEq)]
#[noun(plural = "gateway-definitions", reconciled)]
pub struct GatewayDefinition {
    /// Unique among live gateway definitions.
    #[noun(required, example = "shop")]
    pub name: Name,
    /// In POST: HTTP and HTTPS ports to make along with the definition. In PATCH and PUT: those to put in the place of all it has. Read them at
    /// `gateway-http-ports`.
    #[noun(
        children = "gateway_definition_id",
        example = r#"[{"Port":80,"HTTPSRedirect":true},{"Port":443,"TLSEnabled":true},{"Port":8443,"TLSEnabled":true}]"#
    )]
    pub http_ports: Vec<GatewayHttpPort>,
    /// In POST: TCP ports to make along with the definition. In PATCH and PUT: those to put in the place of all it has. Read them at
    /// `gateway-tcp-ports`.
    #[noun(children = "gateway_definition_id")]
    pub tcp_ports: Vec<GatewayTcpPort>,
    /// In POST: UDP ports to make along with the definition. In PATCH and PUT: those to put in the place of all it has. Read them at
    /// `gateway-udp-ports`.
    #[noun(children = "gateway_definition_id")]
    pub udp_ports: Vec<GatewayUdpPort>,
    /// In POST: HTTP routes to make along with the definition. In PATCH and PUT: those to put in the place of all it has. Read them at
    /// `gateway-http-routes`.
    #[noun(children = "gateway_definition_id")]
    pub http_routes: Vec<GatewayHttpRoute>,
    /// In POST: gRPC routes to make along with the definition. In PATCH and PUT: those to put in the place of all it has. Read them at
    /// `gateway-grpc-routes`.
    #[noun(children = "gateway_definition_id")]
    pub grpc_routes: Vec<GatewayGrpcRoute>,
    /// The domain that its hostname is under. Without one it answers to every hostname.
    #[noun(parent = DomainNameDefinition)]
    pub domain_name_definition_id: Option<i64>,
    /// Labels before the domain: `www`. Without them the hostname is the domain itself.
    #[noun(example = "www")]
    pub sub_domain: Option<SubDomain>,
    /// The workload's Service to send traffic to. May be left out when the workload has exactly one.
    #[noun(example = "web")]
    pub service_name: Option<ServiceName>,
    /// Not used by Causeway.
    pub workload_definition_id: Option<i64>,
    /// Which Gateway carries the routes.
    #[noun(default = Some(Placement::Shared))]
    pub placement: Option<Placement>,
    /// GatewayClass to use instead of Causeway's own.
    pub gateway_class_name: Option<ObjectName>,
    /// Hostnames to answer to instead of SubDomain and the domain. Each must be the domain or under it. `*.` before a name stands for all names below it, as far
    /// as nobody answers to a more specific hostname.
    #[noun(no_filter, example = r#"["shop.example.org","*.shop.example.org"]"#)]
    pub hostnames: Option<Hostnames>,
    /// Dedicated only: addresses to ask the cloud for.
    #[noun(no_filter)]
    pub addresses: Option<Texts>,
    /// Dedicated only: namespaces whose routes may attach.
    #[noun(no_filter)]
    pub allowed_routes: Option<AllowedRoutes>,
    /// Dedicated only: labels and annotations of what the controller makes for the Gateway.
    #[noun(no_filter)]
    pub infrastructure: Option<Infrastructure>,
}

/// What a port needs whose certificate is in a Secret.
const HOSTNAMES_OF_SECRET: &str =
    "Hostnames or DomainNameDefinitionID: the hostnames that the certificate of TLSSecretName is for";

impl GatewayDefinition {
    /// Which Gateway carries the routes; Shared unless said otherwise.
    pub fn placement(&self) -> Placement {
        self.placement.unwrap_or_default()
    }

    /// What HTTPS on a port needs of its definition.
    fn lacks_for_https(&self, port: &GatewayHttpPort) -> Option<Problem> {
        if port.tls_enabled != Some(true) || self.domain_name_definition_id.is_some() {
            return None;
        }
        let needs = match port.tls_secret_name {
            None => "DomainNameDefinitionID, the domain that the certificate is for",
            Some(_) if self.has_hostname() => return None,
            Some(_) => HOSTNAMES_OF_SECRET,
        };
        Some(Problem::new("TLSEnabled", format!("TLSEnabled on port {} needs {needs}", port.port)))
    }

    fn has_hostname(&self) -> bool {
        self.hostnames.as_ref().is_some_and(|list| !list.0.is_empty())
    }

    /// What TLS on a TCP port needs of its definition.
    fn lacks_for_tls(&self, port: &GatewayTcpPort) -> Option<Problem> {
        let (mode, number) = (port.tls()?, port.port);
        let needs = match (self.domain_name_definition_id, mode) {
            (None, TlsMode::Terminate) if port.tls_secret_name.is_some() && self.has_hostname() => return None,
            (None, TlsMode::Terminate) if port.tls_secret_name.is_some() => HOSTNAMES_OF_SECRET,
            (None, TlsMode::Terminate) => {
                "DomainNameDefinitionID, the domain that the certificate is for; or TLSMode Passthrough, if the workload ends TLS"
            }
            (None, TlsMode::Passthrough) if !self.has_hostname() => {
                "Hostnames or DomainNameDefinitionID: the hostnames that clients ask for"
            }
            _ => return None,
        };
        Some(Problem::new("TLSEnabled", format!("on port {number} needs {needs}")))
    }
}

impl Rules for GatewayDefinition {
    fn check(&self) -> Vec<Problem> {
        let mut problems = vec![];
        if self.placement() != Placement::Dedicated {
            let dedicated_only = [
                ("Addresses", self.addresses.is_some()),
                ("AllowedRoutes", self.allowed_routes.is_some()),
                ("Infrastructure", self.infrastructure.is_some()),
            ];
            let remedy = "needs Placement Dedicated; a shared Gateway belongs to nobody alone";
            problems.extend(dedicated_only.iter().filter(|(_, set)| *set).map(|(name, _)| Problem::new(*name, remedy)));
        }
        let has_domain = self.domain_name_definition_id.is_some();
        if self.sub_domain.is_some() && !has_domain {
            problems.push(Problem::new("SubDomain", "needs DomainNameDefinitionID, the domain to put it before"));
        }
        if self.hostnames.as_ref().is_some_and(|list| list.0.len() > 64) {
            problems.push(Problem::new("Hostnames", "holds more than 64; make several gateway definitions"));
        }
        let lists = [
            ("HttpPorts", self.http_ports.len()),
            ("TcpPorts", self.tcp_ports.len()),
            ("UdpPorts", self.udp_ports.len()),
        ];
        let too_many = lists.into_iter().filter_map(|(list, count)| Some(Problem::new(list, too_many_ports(count)?)));
        let lists = [("HttpRoutes", self.http_routes.len()), ("GrpcRoutes", self.grpc_routes.len())];
        let routes = lists.into_iter().filter_map(|(list, count)| Some(Problem::new(list, too_many_routes(count)?)));
        let too_many: Vec<_> = too_many.chain(routes).collect();
        if !too_many.is_empty() {
            problems.extend(too_many);
            return problems;
        }
        for (n, port) in self.http_ports.iter().enumerate() {
            let own = port.check().into_iter().chain(self.lacks_for_https(port));
            problems.extend(own.map(|problem| problem.inside(&format!("HttpPorts[{n}]"))));
        }
        for (n, port) in self.tcp_ports.iter().enumerate() {
            let own = port.check().into_iter().chain(self.lacks_for_tls(port));
            problems.extend(own.map(|problem| problem.inside(&format!("TcpPorts[{n}]"))));
        }
        for (n, port) in self.udp_ports.iter().enumerate() {
            problems.extend(port.check().into_iter().map(|problem| problem.inside(&format!("UdpPorts[{n}]"))));
        }
        for (n, route) in self.http_routes.iter().enumerate() {
            problems.extend(route.check().into_iter().map(|problem| problem.inside(&format!("HttpRoutes[{n}]"))));
        }
        for (n, route) in self.grpc_routes.iter().enumerate() {
            problems.extend(route.check().into_iter().map(|problem| problem.inside(&format!("GrpcRoutes[{n}]"))));
        }
        problems
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nouns::MAX_PORTS;

    #[test]
    fn a_definition_has_so_many_ports_of_a_kind() {
        let of = |http: usize, tcp: usize| GatewayDefinition {
            http_ports: vec![GatewayHttpPort::default(); http],
            tcp_ports: vec![GatewayTcpPort::default(); tcp],
            ..GatewayDefinition::default()
        };
        assert!(of(MAX_PORTS, MAX_PORTS).check().is_empty());
        let problems: Vec<_> = of(MAX_PORTS + 1, 16_000).check().iter().map(ToString::to_string).collect();
        assert_eq!(problems.len(), 2, "{problems:?}");
        assert!(problems[0].starts_with("HttpPorts: holds 65 ports; 64 are allowed"), "{problems:?}");
        assert!(problems[1].starts_with("TcpPorts: holds 16000 ports"), "{problems:?}");
    }
}
