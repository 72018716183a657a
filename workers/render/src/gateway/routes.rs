//! Routes of a gateway instance.

use super::{
    about,
    backend::{Backend, backend},
    hostnames, listener_at, namespace, protocol,
};
use crate::{
    InvalidInput,
    k8s::{
        ObjectKind, Ours,
        gateway_api::{
            BackendRef, GROUP, HTTP_ROUTE, HttpPathMatch, HttpRequestRedirect, HttpRouteFilter, HttpRouteMatch,
            HttpRouteRule, HttpRouteSpec, ParentReference, REFERENCE_GRANT, ReferenceGrantFrom, ReferenceGrantSpec,
            ReferenceGrantTo, TCP_ROUTE, TcpRouteRule, TcpRouteSpec,
        },
    },
    listeners::ListenerAt,
    names,
    plan::Object,
};
use causeway_records::{
    inputs::{GatewayInputs, ListenerKey, Protocol},
    nouns::GatewayHttpPort,
};
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
    for (port, explicit) in
        inputs.tcp_ports.iter().map(|port| (port.spec.port, port.spec.service_port)).collect::<BTreeMap<_, _>>()
    {
        let to = routes.backend.as_ref().map(|backend| backend.reference(port, explicit, None)).transpose()?;
        objects.push(routes.tcp(port.get(), to)?);
    }
    let grant = routes.grant(&objects);
    Ok(grant.into_iter().chain(objects).collect())
}

/// The HTTP ports by number and protocol, each with its rules in order of path.
fn ports(inputs: &GatewayInputs) -> BTreeMap<(i32, Protocol), BTreeMap<String, &GatewayHttpPort>> {
    let mut ports: BTreeMap<_, BTreeMap<_, _>> = BTreeMap::new();
    for port in &inputs.http_ports {
        let rules = ports.entry((port.spec.port.get(), protocol(&port.spec))).or_default();
        rules.entry(path(&port.spec)).or_insert(&port.spec);
    }
    ports
}

/// The path prefix in the form in which routes are claimed: a final slash makes no difference to Gateway API.
fn path(port: &GatewayHttpPort) -> String {
    format!("/{}", port.path.as_ref().map_or("", |path| path.as_str()).trim_matches('/'))
}

/// None when every port redirects, so that no request goes to a Service.
fn backend_if_needed(inputs: &GatewayInputs) -> Result<Option<Backend<'_>>, InvalidInput> {
    let sends = inputs.http_ports.iter().any(|port| port.spec.https_redirect != Some(true));
    (sends || !inputs.tcp_ports.is_empty()).then(|| backend(inputs)).transpose()
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
            Some(backend) => vec![backend.reference(port.port, port.service_port, Some(80))?],
            None => Vec::new(),
        };
        Ok(HttpRouteRule { matches, filters: Vec::new(), backend_refs })
    }

    /// The port to redirect to, unless it is 443, which is what `https` means. A definition without HTTPS redirects there too: another
    /// gateway may serve it.
    fn https_port(&self) -> Option<i32> {
        let https = self.inputs.http_ports.iter().filter(|port| protocol(&port.spec) == Protocol::Https);
        let ports: BTreeSet<i32> = https.map(|port| port.spec.port.get()).collect();
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

    fn tcp(&self, port: i32, to: Option<BackendRef>) -> Result<Object, InvalidInput> {
        let spec = TcpRouteSpec {
            parent_refs: self.parents(port, Protocol::Tcp, &[None])?,
            rules: vec![TcpRouteRule { backend_refs: to.into_iter().collect() }],
        };
        let name = self.name(port, Protocol::Tcp, 0);
        Ok(TCP_ROUTE.object(self.ours, TCP_ROUTE.at(namespace(self.inputs), &name), &spec))
    }

    fn name(&self, port: i32, protocol: Protocol, part: usize) -> String {
        names::route(&self.inputs.instance.object_name, &ListenerKey { port, protocol, hostname: None }, part)
    }

    /// A workload may put its Service into another namespace; the routes to it need a ReferenceGrant there.
    fn grant(&self, routes: &[Object]) -> Option<Object> {
        let (service, elsewhere) = self.backend.as_ref()?.elsewhere()?;
        let kinds = [HTTP_ROUTE, TCP_ROUTE].into_iter().filter(|kind| routes.iter().any(|route| kind.is(&route.at)));
        let from = |kind: ObjectKind| ReferenceGrantFrom {
            group: GROUP,
            kind: kind.kind,
            namespace: namespace(self.inputs).to_owned(),
        };
        let spec = ReferenceGrantSpec {
            from: kinds.map(from).collect(),
            to: vec![ReferenceGrantTo { group: "", kind: "Service", name: service.to_owned() }],
        };
        let name = names::reference_grant(&self.inputs.instance.object_name);
        Some(REFERENCE_GRANT.object(self.ours, REFERENCE_GRANT.at(elsewhere, &name), &spec))
    }
}
