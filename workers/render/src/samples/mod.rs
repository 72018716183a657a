//! One example of every mode, for tests: here against snapshots, on a real API server against its schemas and defaults. Not used by the
//! program itself.

pub mod support_service;

use crate::{
    domain_name::{self, Targets, TargetsOf},
    gateway, listener_set,
    plan::Plan,
    shared_gateway,
    workload::{self, Scope},
};
use causeway_records::{
    Record,
    inputs::{
        DomainGateway, DomainNameInputs, GatewayInputs, Listener, ListenerKey, ListenerSetInputs, ListenerSetStatus,
        ListenerUser, Named, Protocol, Published, SharedGatewayInputs, SharedGatewayUse, WorkloadInputs,
    },
    nouns::{
        AcmeChallenge, AwsAccount, DomainNameDefinition, DomainNameInstance, GatewayDefinition, GatewayHttpPort,
        GatewayInstance, GatewayTcpPort, Infrastructure, IssuerKind, Placement, SharedGateway, Texts,
        WorkloadDefinition, WorkloadInstance,
    },
    text::Port,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    str::FromStr,
};

/// The control plane of all samples.
pub const CONTROL_PLANE: &str = "0a1b2c3d4e";

/// The manifests of the sample workloads: one Deployment behind one Service on port 8080, and something of the cluster's.
pub const MANIFESTS: &str = "\
apiVersion: v1
kind: Service
metadata:
  name: web
spec:
  selector: {app: web}
  ports:
  - {name: http, port: 8080}
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  labels: {app: web}
spec:
  replicas: 2
  selector:
    matchLabels: {app: web}
  template:
    metadata:
      labels: {app: web}
    spec:
      containers:
      - name: web
        image: registry.example.org/web:1
";

/// Every mode with its plan, by name. All of them may stand in one cluster at once.
pub fn plans() -> Vec<(String, Plan)> {
    let mut plans = vec![("workload".to_owned(), workload::render(&workload(11, "shop"), &scopes))];
    for (name, scene) in scenes() {
        if let Some(shared) = &scene.shared {
            plans.push((format!("{name}_shared_gateway"), shared_gateway::render(shared)));
        }
        for set in &scene.listener_sets {
            plans.push((format!("{name}_listener_set_{}", set.ordinal), listener_set::render(set)));
        }
        for inputs in &scene.gateways {
            let title = inputs.instance.record.spec.name.to_string().replace('-', "_");
            plans.push((format!("{name}_gateway_{title}"), gateway::render(inputs)));
        }
    }
    let (domain, targets) = domain_name();
    plans.push(("domain_name".to_owned(), Ok(domain_name::render(&domain, &targets))));
    plans.into_iter().map(|(name, plan)| (name, plan.expect("samples are valid"))).collect()
}

/// Gateway instances, and the shared gateway with its ListenerSets that carries them.
#[derive(Clone, Debug)]
pub struct Scene {
    /// None with Placement Dedicated.
    pub shared: Option<SharedGatewayInputs>,
    /// The ListenerSets of the shared gateway, by ordinal.
    pub listener_sets: Vec<ListenerSetInputs>,
    /// In order of id.
    pub gateways: Vec<GatewayInputs>,
}

/// Every mode of gateways, by name.
pub fn scenes() -> Vec<(&'static str, Scene)> {
    let acme = |challenge| DomainNameDefinition { acme_challenge: Some(challenge), ..domain(21) };
    let kind = |id, issuer_kind, name: &str| DomainNameDefinition {
        issuer_kind: Some(issuer_kind),
        issuer_name: Some(parse(name)),
        ..domain(id)
    };
    let https = |id, definition| {
        gateway(id, "web", Some((21, definition)), &[http(80, "/").redirect(), http(443, "/").tls()], &[])
    };
    let dedicated = |id, definition| {
        let mut inputs = https(id, definition);
        inputs.definition.spec.placement = Some(Placement::Dedicated);
        inputs
    };
    let mut cloud = dedicated(307, kind(21, IssuerKind::SelfSigned, "unused"));
    cloud.tcp_ports = vec![tcp(5432)];
    cloud.definition.spec.addresses = Some(Texts(vec!["192.0.2.7".into(), "lb.example.net".into()]));
    cloud.definition.spec.infrastructure = Some(Infrastructure {
        labels: BTreeMap::from([("team".into(), "shop".into())]),
        annotations: BTreeMap::from([(
            "service.beta.kubernetes.io/aws-load-balancer-scheme".into(),
            "internal".into(),
        )]),
    });
    let shop = || (21, acme(AcmeChallenge::Dns01));
    vec![
        ("plain", shared(101, vec![gateway(301, "web", None, &[http(80, "/"), http(8080, "/")], &[])])),
        (
            "two_workloads",
            shared(
                102,
                vec![
                    gateway(302, "web", Some(shop()), &[http(80, "/").redirect(), http(443, "/").tls()], &[5432]),
                    gateway(303, "api", Some(shop()), &[http(80, "/api").redirect(), http(443, "/api/").tls()], &[]),
                ],
            ),
        ),
        ("http01", shared(103, vec![https(304, acme(AcmeChallenge::Http01))])),
        ("ca", shared(104, vec![https(305, kind(21, IssuerKind::Ca, "our-ca"))])),
        ("existing", shared(105, vec![https(306, kind(21, IssuerKind::Existing, "their-issuer"))])),
        ("dedicated", Scene { shared: None, listener_sets: vec![], gateways: vec![cloud] }),
        (
            "dedicated_http01",
            Scene { shared: None, listener_sets: vec![], gateways: vec![dedicated(308, acme(AcmeChallenge::Http01))] },
        ),
    ]
}

/// A domain name instance for two gateways: one with two addresses, one behind a load balancer's name.
pub fn domain_name() -> (DomainNameInputs, TargetsOf) {
    let gateway = |id, hostname: &str| DomainGateway {
        instance: named("web", id, GatewayInstance { name: parse("web"), ..GatewayInstance::default() }),
        hostnames: vec![hostname.to_owned()],
        shared_gateway: Some(named("shared-gateway", 102, SharedGateway::default())),
    };
    let inputs = DomainNameInputs {
        wanted_elsewhere: Default::default(),
        control_plane: CONTROL_PLANE.into(),
        instance: named(
            "shop-example-org",
            401,
            DomainNameInstance { name: parse("shop"), ..DomainNameInstance::default() },
        ),
        definition: record(21, domain(21)),
        account: None,
        workload: workload(11, "shop").instance,
        gateways: vec![gateway(302, "shop.example.org"), gateway(309, "example.org")],
        published: Published::default(),
    };
    let ips = vec![parse("192.0.2.1"), parse("2001:db8::1")];
    let targets = TargetsOf::from([
        (302, Targets { ips, hostnames: Vec::new() }),
        (309, Targets { ips: Vec::new(), hostnames: vec!["lb-1.example.net".into()] }),
    ]);
    (inputs, targets)
}

/// A workload instance with [`MANIFESTS`].
pub fn workload(id: i64, name: &str) -> WorkloadInputs {
    WorkloadInputs {
        control_plane: CONTROL_PLANE.into(),
        instance: named(name, id, WorkloadInstance { name: parse(name), ..WorkloadInstance::default() }),
        definition: record(id + 1, WorkloadDefinition { name: parse(name), yaml_document: MANIFESTS.to_owned() }),
        resources: Vec::new(),
    }
}

/// Scopes as a cluster's discovery tells them, for the kinds of the samples.
pub fn scopes(_group: &str, kind: &str) -> Option<Scope> {
    Some(if kind.starts_with("Cluster") || kind == "Namespace" { Scope::Cluster } else { Scope::Namespaced })
}

/// `example.org`, with ACME by DNS-01 in a zone of an account with keys.
pub fn domain(id: i64) -> DomainNameDefinition {
    DomainNameDefinition {
        name: parse(&format!("example-{id}")),
        domain: parse("example.org"),
        zone: "Public".into(),
        admin_email: parse("ops@example.org"),
        hosted_zone_id: Some("Z0123456789".into()),
        aws_account_id: Some(31),
        ..DomainNameDefinition::default()
    }
}

/// A gateway instance with its own workload, not yet on a Gateway. Its hostname is `shop.example.org` if it has a domain.
pub fn gateway(
    id: i64,
    name: &str,
    domain: Option<(i64, DomainNameDefinition)>,
    http: &[GatewayHttpPort],
    tcp_ports: &[i32],
) -> GatewayInputs {
    let ports = http.iter().zip(id * 100..).map(|(port, id)| record(id, port.clone()));
    GatewayInputs {
        control_plane: CONTROL_PLANE.into(),
        instance: named(name, id, GatewayInstance { name: parse(name), ..GatewayInstance::default() }),
        definition: record(id + 1000, GatewayDefinition { name: parse(name), ..GatewayDefinition::default() }),
        http_ports: ports.collect(),
        tcp_ports: tcp_ports.iter().map(|port| tcp(*port)).collect(),
        hostnames: domain.iter().map(|_| "shop.example.org".to_owned()).collect(),
        account: domain.as_ref().and_then(|(_, domain)| domain.aws_account_id).map(account),
        domain: domain.map(|(id, domain)| record(id, domain)),
        workload: workload(id + 2000, name),
        shared_gateway: None,
        domain_names: Vec::new(),
    }
}

/// Puts gateway instances on a shared gateway, with listeners as the API claims them.
pub fn shared(id: i64, mut gateways: Vec<GatewayInputs>) -> Scene {
    let gateway = named("shared-gateway", id, SharedGateway { name: parse("shared"), ..SharedGateway::default() });
    let mut listeners: BTreeMap<ListenerKey, Listener> = BTreeMap::new();
    for inputs in &mut gateways {
        let mut listener_sets = BTreeMap::new();
        for key in keys(inputs) {
            let listener_set = key.hostname.is_some().then_some(0);
            let user = ListenerUser {
                gateway_instance_id: inputs.instance.record.common.id,
                namespace: inputs.workload.instance.object_name.clone(),
            };
            let https = key.protocol == Protocol::Https;
            let listener = listeners.entry(key.clone()).or_insert_with(|| Listener {
                key: key.clone(),
                listener_set,
                users: Vec::new(),
                domain_name_definition_id: inputs.domain.as_ref().filter(|_| https).map(|domain| domain.common.id),
            });
            listener.users.push(user);
            listener_sets.insert(key, listener_set);
        }
        inputs.shared_gateway = Some(SharedGatewayUse { gateway: gateway.clone(), listener_sets });
    }
    let control_plane = CONTROL_PLANE.to_owned();
    let first = gateways.first();
    let domains = first.and_then(|inputs| inputs.domain.clone()).into_iter().collect();
    let accounts = first.and_then(|inputs| inputs.account.clone()).into_iter().collect();
    let (shared, listener_sets) = spread(control_plane, gateway, listeners.into_values().collect(), domains, accounts);
    Scene { shared: Some(shared), listener_sets, gateways }
}

/// A shared gateway and its ListenerSets with these listeners, as the store reads them.
pub fn spread(
    control_plane: String,
    gateway: Named<SharedGateway>,
    listeners: Vec<Listener>,
    domains: Vec<Record<DomainNameDefinition>>,
    accounts: Vec<Record<AwsAccount>>,
) -> (SharedGatewayInputs, Vec<ListenerSetInputs>) {
    let mut by_set: BTreeMap<i32, Vec<Listener>> = BTreeMap::new();
    for listener in &listeners {
        if let Some(ordinal) = listener.listener_set {
            by_set.entry(ordinal).or_default().push(listener.clone());
        }
    }
    let secured: BTreeSet<_> =
        listeners.iter().filter(|l| l.key.protocol == Protocol::Https).map(|l| l.key.hostname.clone()).collect();
    let of_gateway = |listener: &Listener| listener.listener_set.is_none() || secured.contains(&listener.key.hostname);
    let status = |(ordinal, listeners): (&i32, &Vec<Listener>)| ListenerSetStatus {
        ordinal: *ordinal,
        listeners: listeners.len(),
        applied: None,
        state: None,
    };
    let shared = SharedGatewayInputs {
        control_plane: control_plane.clone(),
        gateway: gateway.clone(),
        listeners: listeners.iter().filter(|listener| of_gateway(listener)).cloned().collect(),
        listener_sets: by_set.iter().map(status).collect(),
        domains: domains.clone(),
        accounts,
    };
    let set = |(ordinal, listeners): (i32, Vec<Listener>)| ListenerSetInputs {
        control_plane: control_plane.clone(),
        id: gateway.record.common.id * 10 + i64::from(ordinal),
        ordinal,
        gateway: gateway.clone(),
        domains: if listeners.iter().any(|l| l.key.protocol == Protocol::Https) { domains.clone() } else { vec![] },
        listeners,
    };
    (shared, by_set.into_iter().map(set).collect())
}

fn keys(inputs: &GatewayInputs) -> Vec<ListenerKey> {
    let hostname = inputs.hostnames.first().cloned();
    let http = inputs.http_ports.iter().map(|port| ListenerKey {
        port: port.spec.port.get(),
        protocol: if port.spec.tls_enabled == Some(true) { Protocol::Https } else { Protocol::Http },
        hostname: hostname.clone(),
    });
    let tcp = inputs.tcp_ports.iter().map(|port| ListenerKey {
        port: port.spec.port.get(),
        protocol: Protocol::Tcp,
        hostname: None,
    });
    http.chain(tcp).collect()
}

/// A plain HTTP port.
pub fn http(port: i32, path: &str) -> GatewayHttpPort {
    GatewayHttpPort { port: number(port), path: Some(parse(path)), ..GatewayHttpPort::default() }
}

/// What a port can be made into.
pub trait Variant {
    /// With TLS.
    fn tls(self) -> Self;
    /// Answers with a redirect to HTTPS.
    fn redirect(self) -> Self;
}

impl Variant for GatewayHttpPort {
    fn tls(self) -> Self {
        Self { tls_enabled: Some(true), ..self }
    }
    fn redirect(self) -> Self {
        Self { https_redirect: Some(true), ..self }
    }
}

/// A TCP port.
pub fn tcp(port: i32) -> Record<GatewayTcpPort> {
    record(i64::from(port), GatewayTcpPort { port: number(port), ..GatewayTcpPort::default() })
}

fn account(id: i64) -> Record<AwsAccount> {
    let account = AwsAccount {
        name: parse("aws"),
        default_region: "eu-central-1".into(),
        access_key_id: Some("AKIDEXAMPLE".into()),
        secret_access_key: Some("not-a-secret".into()),
        ..AwsAccount::default()
    };
    record(id, account)
}

fn named<T: Default>(slug: &str, id: i64, spec: T) -> Named<T> {
    Named { record: record(id, spec), object_name: format!("{slug}-{id}") }
}

fn record<T: Default>(id: i64, spec: T) -> Record<T> {
    let mut record = Record { spec, ..Record::default() };
    record.common.id = id;
    record
}

fn number(port: i32) -> Port {
    Port::try_from(i64::from(port)).expect("samples have valid ports")
}

fn parse<T: FromStr>(text: &str) -> T {
    text.parse().ok().expect("samples have valid texts")
}
