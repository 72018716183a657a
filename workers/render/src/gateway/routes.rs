//! Routes of a gateway instance.

use super::{
    about,
    backend::{Backend, backend},
    capabilities,
    grants::Grants,
    hostnames, listener_at, namespace,
    port_backends::{Named, references},
    rules, tls,
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
    text::Port,
};
use causeway_rules::{
    ports::{Layer4Port, TlsPort, layer4_ports},
    routes::{covered, is_catch_all, path, protocol},
};
use std::collections::{BTreeMap, BTreeSet};

/// How many hostnames, and how many rules, one HTTPRoute may hold.
pub(super) const MOST: usize = 16;

/// The ReferenceGrants for Services in other namespaces, then the routes of each port, and those with rules of their own; without those of kinds that the
/// class can't have.
pub(super) fn objects(inputs: &GatewayInputs, ours: &Ours<'_>) -> Result<Vec<Object>, InvalidInput> {
    let definition = &inputs.definition.spec;
    let refuse = |refusal: Refusal| about(inputs, "HttpPorts", refusal.sentence);
    let covered = covered(definition, &inputs.hostnames).map_err(refuse)?;
    let routes = Routes { inputs, ours, backend: backend_if_needed(inputs, &covered)?, covered };
    let mut objects = Vec::new();
    for ((port, protocol), rules) in ports(inputs) {
        objects.extend(routes.http(port, protocol, &rules)?);
    }
    let mut grants = Grants::default();
    let layer4 = layer4_ports(definition).into_iter().collect::<BTreeSet<_>>();
    for port in layer4.into_iter().filter(|port| capabilities(inputs).serves(port.protocol)) {
        objects.push(routes.layer4(&port, &mut grants)?);
    }
    objects.extend(routes.tls(&mut grants)?);
    routes.note_grants(&objects, &mut grants);
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
    let tcp = definition.tcp_ports.iter().any(|port| port.backend_refs.is_none());
    let udp = definition.udp_ports.iter().any(|port| port.backend_refs.is_none());
    (sends || tcp || udp).then(|| backend(inputs)).transpose()
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

    fn layer4(&self, port: &Layer4Port, grants: &mut Grants) -> Result<Object, InvalidInput> {
        let Layer4Port { protocol, port, service_port, backends } = port;
        let (protocol, port) = (*protocol, *port);
        let kind = if protocol == Protocol::Udp { UDP_ROUTE } else { TCP_ROUTE };
        let named = Named { kind, transport: protocol.transport(), port, backends };
        let spec = Layer4RouteSpec {
            parent_refs: parents(self.inputs, port.get(), protocol, &[None])?,
            rules: vec![self.layer4_rule(&named, *service_port, grants)?],
        };
        let name = self.name(port.get(), protocol, 0);
        Ok(kind.object(self.ours, kind.at(namespace(self.inputs), &name), &spec))
    }

    /// To what the port names, or to the Service of the definition.
    fn layer4_rule(
        &self,
        port: &Named<'_>,
        service_port: Option<Port>,
        grants: &mut Grants,
    ) -> Result<Layer4RouteRule, InvalidInput> {
        let reference = |backend: &Backend<'_>| backend.reference(port.transport, port.port, service_port, None);
        let backend_refs = match port.backends.is_empty() {
            true => self.backend.iter().map(reference).collect::<Result<_, _>>()?,
            false => references(self.inputs, port, grants)?,
        };
        Ok(Layer4RouteRule { backend_refs })
    }

    /// The TLSRoutes of all ports, one for each port of a definition and sixteen hostnames.
    fn tls(&self, grants: &mut Grants) -> Result<Vec<Object>, InvalidInput> {
        let mut parts: BTreeMap<i32, usize> = BTreeMap::new();
        let mut objects = Vec::new();
        let ports = tls(self.inputs)?.into_iter().collect::<BTreeSet<_>>();
        for port in ports.into_iter().filter(|port| capabilities(self.inputs).serves(port.protocol)) {
            for hostnames in port.hostnames.chunks(MOST) {
                let part = parts.entry(port.port.get()).or_default();
                objects.push(self.tls_route(&port, hostnames, *part, grants)?);
                *part += 1;
            }
        }
        Ok(objects)
    }

    fn tls_route(
        &self,
        port: &TlsPort,
        hostnames: &[String],
        part: usize,
        grants: &mut Grants,
    ) -> Result<Object, InvalidInput> {
        let TlsPort { port, protocol, service_port, backends, .. } = port;
        let names: Vec<_> = hostnames.iter().map(|hostname| Some(hostname.as_str())).collect();
        let named = Named { kind: TLS_ROUTE, transport: Transport::Tcp, port: *port, backends };
        let spec = TlsRouteSpec {
            parent_refs: parents(self.inputs, port.get(), *protocol, &names)?,
            hostnames: hostnames.to_vec(),
            rules: vec![self.layer4_rule(&named, *service_port, grants)?],
        };
        let name = self.name(port.get(), *protocol, part);
        Ok(TLS_ROUTE.object(self.ours, TLS_ROUTE.at(namespace(self.inputs), &name), &spec))
    }

    fn name(&self, port: i32, protocol: Protocol, part: usize) -> String {
        names::route(&self.inputs.instance.object_name, &ListenerKey { port, protocol, hostname: None }, part)
    }

    /// Notes down what the routes of the ports refer to in another namespace by the Service of the definition.
    fn note_grants(&self, routes: &[Object], grants: &mut Grants) {
        if let Some((service, elsewhere)) = self.backend.as_ref().and_then(Backend::elsewhere) {
            for kind in [HTTP_ROUTE, TCP_ROUTE, TLS_ROUTE, UDP_ROUTE] {
                if routes.iter().any(|route| kind.is(&route.at)) {
                    grants.add(kind.kind, elsewhere, service);
                }
            }
        }
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
