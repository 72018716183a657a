//! Routes of a gateway instance.

use super::{
    about,
    backend::{Backend, backend},
    hostnames, listener_at, namespace, protocol,
};
use crate::{
    InvalidInput,
    k8s::{
        Ours,
        gateway_api::{
            GROUP, HTTP_ROUTE, HttpPathMatch, HttpRequestRedirect, HttpRouteFilter, HttpRouteMatch, HttpRouteRule,
            HttpRouteSpec, Layer4RouteRule, Layer4RouteSpec, ParentReference, REFERENCE_GRANT, ReferenceGrantFrom,
            ReferenceGrantSpec, ReferenceGrantTo, route_kind,
        },
    },
    listeners::ListenerAt,
    names,
    plan::Object,
};
use causeway_records::{
    inputs::{GatewayInputs, ListenerKey, Protocol, Transport},
    nouns::GatewayHttpPort,
};
use causeway_rules::claims::{Layer4Port, layer4_ports};
use std::collections::{BTreeMap, BTreeSet};

/// How many hostnames, and how many rules, one HTTPRoute may hold.
const MOST: usize = 16;

/// The ReferenceGrant for a Service in another namespace, then the routes of each port.
pub(super) fn objects(inputs: &GatewayInputs, ours: &Ours<'_>) -> Result<Vec<Object>, InvalidInput> {
    let routes = Routes { inputs, ours, backend: backend_if_needed(inputs)? };
    let mut objects = Vec::new();
    for ((port, protocol), rules) in ports(inputs) {
        objects.extend(routes.http(port, protocol, &rules)?);
    }
    for port in layer4_ports(&inputs.definition.spec).into_iter().collect::<BTreeSet<_>>() {
        objects.push(routes.layer4(port)?);
    }
    let grant = routes.grant(&objects);
    Ok(grant.into_iter().chain(objects).collect())
}

/// The HTTP ports by number and protocol, each with its rules in order of path.
fn ports(inputs: &GatewayInputs) -> BTreeMap<(i32, Protocol), BTreeMap<String, &GatewayHttpPort>> {
    let mut ports: BTreeMap<_, BTreeMap<_, _>> = BTreeMap::new();
    for port in &inputs.definition.spec.http_ports {
        ports.entry((port.port.get(), protocol(port))).or_default().entry(path(port)).or_insert(port);
    }
    ports
}

/// The path prefix in the form in which routes are claimed: a final slash makes no difference to Gateway API.
fn path(port: &GatewayHttpPort) -> String {
    format!("/{}", port.path.as_ref().map_or("", |path| path.as_str()).trim_matches('/'))
}

/// None when every port redirects, so that no request goes to a Service.
fn backend_if_needed(inputs: &GatewayInputs) -> Result<Option<Backend<'_>>, InvalidInput> {
    let definition = &inputs.definition.spec;
    let sends = definition.http_ports.iter().any(|port| port.https_redirect != Some(true));
    (sends || !layer4_ports(definition).is_empty()).then(|| backend(inputs)).transpose()
}

struct Routes<'a> {
    inputs: &'a GatewayInputs,
    ours: &'a Ours<'a>,
    backend: Option<Backend<'a>>,
}

impl Routes<'_> {
    /// The HTTPRoutes of one port. More hostnames or rules than one may hold are spread over several.
    fn http(
        &self,
        port: i32,
        protocol: Protocol,
        rules: &BTreeMap<String, &GatewayHttpPort>,
    ) -> Result<Vec<Object>, InvalidInput> {
        let rules = rules.iter().map(|(path, port)| self.rule(path, port)).collect::<Result<Vec<_>, _>>()?;
        let mut objects = Vec::new();
        for hostnames in hostnames(self.inputs).chunks(MOST) {
            let parent_refs = self.parents(port, protocol, hostnames)?;
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

    fn parents(
        &self,
        port: i32,
        protocol: Protocol,
        hostnames: &[Option<&str>],
    ) -> Result<Vec<ParentReference>, InvalidInput> {
        let mut parents = BTreeSet::new();
        for hostname in hostnames {
            if protocol == Protocol::Https && hostname.is_none() {
                let message =
                    format!("is needed on port {port} for TLSEnabled: the certificate is for a hostname under it");
                return Err(about(self.inputs, "DomainNameDefinitionID", message));
            }
            let (key, holder) = listener_at(self.inputs, port, protocol, *hostname)?;
            parents.insert(ListenerAt { key, holder }.parent());
        }
        Ok(parents.into_iter().collect())
    }

    fn layer4(&self, port: Layer4Port) -> Result<Object, InvalidInput> {
        let Layer4Port { protocol, port, service_port } = port;
        let reference = |backend: &Backend<'_>| backend.reference(protocol.transport(), port, service_port, None);
        let spec = Layer4RouteSpec {
            parent_refs: self.parents(port.get(), protocol, &[None])?,
            rules: vec![Layer4RouteRule {
                backend_refs: self.backend.iter().map(reference).collect::<Result<_, _>>()?,
            }],
        };
        let (kind, name) = (route_kind(protocol), self.name(port.get(), protocol, 0));
        Ok(kind.object(self.ours, kind.at(namespace(self.inputs), &name), &spec))
    }

    fn name(&self, port: i32, protocol: Protocol, part: usize) -> String {
        names::route(&self.inputs.instance.object_name, &ListenerKey { port, protocol, hostname: None }, part)
    }

    /// A workload may put its Service into another namespace; the routes to it need a ReferenceGrant there.
    fn grant(&self, routes: &[Object]) -> Option<Object> {
        let (service, elsewhere) = self.backend.as_ref()?.elsewhere()?;
        let all: BTreeSet<_> = Protocol::ALL.iter().map(|protocol| route_kind(*protocol).kind).collect();
        let kinds = all.into_iter().filter(|kind| routes.iter().any(|route| route.at.kind == *kind));
        let from = |kind| ReferenceGrantFrom { group: GROUP, kind, namespace: namespace(self.inputs).to_owned() };
        let spec = ReferenceGrantSpec {
            from: kinds.map(from).collect(),
            to: vec![ReferenceGrantTo { group: "", kind: "Service", name: service.to_owned() }],
        };
        let name = names::reference_grant(&self.inputs.instance.object_name);
        Some(REFERENCE_GRANT.object(self.ours, REFERENCE_GRANT.at(elsewhere, &name), &spec))
    }
}
