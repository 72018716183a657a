//! Routes of a gateway instance.

use super::{
    about,
    backend::{Backend, backend},
    grants::Grants,
    hostnames, listener_at, namespace, rules, tls,
};
use crate::{
    InvalidInput,
    k8s::{
        Ours,
        gateway_api::{
            HTTP_ROUTE, HttpPathMatch, HttpRequestRedirect, HttpRouteFilter, HttpRouteMatch, HttpRouteRule,
            HttpRouteSpec, Layer4RouteRule, Layer4RouteSpec, ParentReference, TCP_ROUTE, TLS_ROUTE, TlsRouteSpec,
            UDP_ROUTE,
        },
    },
    names,
    plan::Object,
};
use causeway_records::{
    inputs::{GatewayInputs, ListenerKey, Protocol, Transport},
    nouns::GatewayHttpPort,
    problem::Refusal,
};
use causeway_rules::{
    ports::{Layer4Port, TlsPort, layer4_ports},
    routes::{covered, is_catch_all, path, protocol},
};
use std::collections::{BTreeMap, BTreeSet};

/// How many hostnames, and how many rules, one HTTPRoute may hold.
pub(super) const MOST: usize = 16;

/// The ReferenceGrants for Services in other namespaces, then the routes of each port, and those with rules of their own.
pub(super) fn objects(inputs: &GatewayInputs, ours: &Ours<'_>) -> Result<Vec<Object>, InvalidInput> {
    let definition = &inputs.definition.spec;
    let refuse = |refusal: Refusal| about(inputs, "HttpPorts", refusal.sentence);
    let covered = covered(definition, &inputs.hostnames).map_err(refuse)?;
    let routes = Routes { inputs, ours, backend: backend_if_needed(inputs, &covered)?, covered };
    let mut objects = Vec::new();
    for ((port, protocol), rules) in ports(inputs) {
        objects.extend(routes.http(port, protocol, &rules)?);
    }
    for port in layer4_ports(definition).into_iter().collect::<BTreeSet<_>>() {
        objects.push(routes.layer4(port)?);
    }
    objects.extend(routes.tls()?);
    let mut grants = routes.grants(&objects);
    objects.extend(rules::objects(inputs, ours, &mut grants)?);
    Ok(grants.objects(inputs, ours).into_iter().chain(objects).collect())
}

/// The HTTP ports by number and protocol, each with its rules in order of path.
fn ports(inputs: &GatewayInputs) -> BTreeMap<(i32, Protocol), BTreeMap<String, &GatewayHttpPort>> {
    let mut ports: BTreeMap<_, BTreeMap<_, _>> = BTreeMap::new();
    for port in &inputs.definition.spec.http_ports {
        ports.entry((port.port.get(), protocol(port))).or_default().entry(path(port)).or_insert(port);
    }
    ports
}

/// None when no request goes to the Service of the definition: every port redirects, or a route stands in its place.
fn backend_if_needed<'a>(
    inputs: &'a GatewayInputs,
    covered: &BTreeSet<ListenerKey>,
) -> Result<Option<Backend<'a>>, InvalidInput> {
    let definition = &inputs.definition.spec;
    let sends = definition.http_ports.iter().filter(|port| port.https_redirect != Some(true)).any(|port| {
        let listener = |hostname: Option<&str>| key(port.port.get(), protocol(port), hostname);
        !is_catch_all(port) || hostnames(inputs).into_iter().any(|hostname| !covered.contains(&listener(hostname)))
    });
    (sends || !definition.tcp_ports.is_empty() || !definition.udp_ports.is_empty()).then(|| backend(inputs)).transpose()
}

fn key(port: i32, protocol: Protocol, hostname: Option<&str>) -> ListenerKey {
    ListenerKey { port, protocol, hostname: hostname.map(str::to_owned) }
}

struct Routes<'a> {
    inputs: &'a GatewayInputs,
    ours: &'a Ours<'a>,
    backend: Option<Backend<'a>>,
    /// Where routes stand in the place of the ports' own.
    covered: BTreeSet<ListenerKey>,
}

impl Routes<'_> {
    /// The HTTPRoutes of one port. More hostnames or rules than one may hold are spread over several.
    fn http(
        &self,
        port: i32,
        protocol: Protocol,
        rules: &BTreeMap<String, &GatewayHttpPort>,
    ) -> Result<Vec<Object>, InvalidInput> {
        let is_covered = |hostname: &Option<&str>| self.covered.contains(&key(port, protocol, *hostname));
        let (covered, others): (Vec<_>, Vec<_>) = hostnames(self.inputs).into_iter().partition(is_covered);
        let mut objects = Vec::new();
        for (hostnames, has_route) in [(others, false), (covered, true)] {
            let left = rules.iter().filter(|(_, port)| !(has_route && is_catch_all(port)));
            let rules = left.map(|(path, port)| self.rule(path, port)).collect::<Result<Vec<_>, _>>()?;
            for hostnames in hostnames.chunks(MOST) {
                let parent_refs = parents(self.inputs, port, protocol, hostnames)?;
                for rules in rules.chunks(MOST) {
                    let spec = HttpRouteSpec {
                        parent_refs: parent_refs.clone(),
                        hostnames: hostnames.iter().flatten().map(|hostname| (*hostname).to_owned()).collect(),
                        rules: rules.to_vec(),
                    };
                    let name = self.name(port, protocol, objects.len());
                    objects.push(HTTP_ROUTE.object(self.ours, HTTP_ROUTE.at(namespace(self.inputs), &name), &spec));
                }
            }
        }
        Ok(objects)
    }

    fn rule(&self, path: &str, port: &GatewayHttpPort) -> Result<HttpRouteRule, InvalidInput> {
        let matches = vec![HttpRouteMatch { path: HttpPathMatch { match_type: "PathPrefix", value: path.to_owned() } }];
        if port.https_redirect == Some(true) {
            let request_redirect = HttpRequestRedirect { scheme: "https", port: self.https_port(), status_code: 301 };
            return Ok(HttpRouteRule {
                matches,
                filters: vec![HttpRouteFilter::RequestRedirect { request_redirect }],
                backend_refs: Vec::new(),
            });
        }
        let backend_refs = match &self.backend {
            Some(backend) => vec![backend.reference(Transport::Tcp, port.port, port.service_port, Some(80))?],
            None => Vec::new(),
        };
        Ok(HttpRouteRule { matches, filters: Vec::new(), backend_refs })
    }

    /// The port to redirect to, unless it is 443, which is what `https` means. A definition without HTTPS redirects there too: another
    /// gateway may serve it.
    fn https_port(&self) -> Option<i32> {
        let https = self.inputs.definition.spec.http_ports.iter().filter(|port| protocol(port) == Protocol::Https);
        let ports: BTreeSet<i32> = https.map(|port| port.port.get()).collect();
        if ports.contains(&443) { None } else { ports.first().copied() }
    }

    fn layer4(&self, port: Layer4Port) -> Result<Object, InvalidInput> {
        let Layer4Port { protocol, port, service_port } = port;
        let reference = |backend: &Backend<'_>| backend.reference(protocol.transport(), port, service_port, None);
        let spec = Layer4RouteSpec {
            parent_refs: parents(self.inputs, port.get(), protocol, &[None])?,
            rules: vec![Layer4RouteRule {
                backend_refs: self.backend.iter().map(reference).collect::<Result<_, _>>()?,
            }],
        };
        let kind = if protocol == Protocol::Udp { UDP_ROUTE } else { TCP_ROUTE };
        let name = self.name(port.get(), protocol, 0);
        Ok(kind.object(self.ours, kind.at(namespace(self.inputs), &name), &spec))
    }

    /// The TLSRoutes of all ports, one for each port of a definition and sixteen hostnames.
    fn tls(&self) -> Result<Vec<Object>, InvalidInput> {
        let mut parts: BTreeMap<i32, usize> = BTreeMap::new();
        let mut objects = Vec::new();
        for port in tls(self.inputs)?.into_iter().collect::<BTreeSet<_>>() {
            for hostnames in port.hostnames.chunks(MOST) {
                let part = parts.entry(port.port.get()).or_default();
                objects.push(self.tls_route(&port, hostnames, *part)?);
                *part += 1;
            }
        }
        Ok(objects)
    }

    fn tls_route(&self, port: &TlsPort, hostnames: &[String], part: usize) -> Result<Object, InvalidInput> {
        let TlsPort { port, protocol, service_port, .. } = port;
        let names: Vec<_> = hostnames.iter().map(|hostname| Some(hostname.as_str())).collect();
        let reference = |backend: &Backend<'_>| backend.reference(Transport::Tcp, *port, *service_port, None);
        let spec = TlsRouteSpec {
            parent_refs: parents(self.inputs, port.get(), *protocol, &names)?,
            hostnames: hostnames.to_vec(),
            rules: vec![Layer4RouteRule {
                backend_refs: self.backend.iter().map(reference).collect::<Result<_, _>>()?,
            }],
        };
        let name = self.name(port.get(), *protocol, part);
        Ok(TLS_ROUTE.object(self.ours, TLS_ROUTE.at(namespace(self.inputs), &name), &spec))
    }

    fn name(&self, port: i32, protocol: Protocol, part: usize) -> String {
        names::route(&self.inputs.instance.object_name, &ListenerKey { port, protocol, hostname: None }, part)
    }

    /// What the routes of the ports refer to in another namespace.
    fn grants(&self, routes: &[Object]) -> Grants {
        let mut grants = Grants::default();
        if let Some((service, elsewhere)) = self.backend.as_ref().and_then(Backend::elsewhere) {
            for kind in [HTTP_ROUTE, TCP_ROUTE, TLS_ROUTE, UDP_ROUTE] {
                if routes.iter().any(|route| kind.is(&route.at)) {
                    grants.add(kind.kind, elsewhere, service);
                }
            }
        }
        grants
    }
}

/// The listeners that serve hostnames on a port.
pub(super) fn parents(
    inputs: &GatewayInputs,
    port: i32,
    protocol: Protocol,
    hostnames: &[Option<&str>],
) -> Result<Vec<ParentReference>, InvalidInput> {
    let mut parents = BTreeSet::new();
    for hostname in hostnames {
        if protocol == Protocol::Https && hostname.is_none() {
            let message =
                format!("is needed on port {port} for TLSEnabled: the certificate is for a hostname under it");
            return Err(about(inputs, "DomainNameDefinitionID", message));
        }
        parents.insert(listener_at(inputs, port, protocol, *hostname)?.parent());
    }
    Ok(parents.into_iter().collect())
}
