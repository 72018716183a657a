//! A Gateway with the listeners of its ListenerSets, as a shared gateway with Listeners, to which the gateway instances of its routes attach.
//!
//! Which namespaces' routes a listener takes is said for all listeners at once, by workloads: each namespace becomes one, and Causeway makes a namespace for it. So
//! it is said last, when all workloads are known.

use crate::{
    attachable::{note, who},
    gateways::{Namespaces, Parents},
    hostnames::domain,
    listener::{Allowed, Listener, Secret},
    output::{Output, Shared},
    report::{Finding, ImportedObject, Loss},
    source::Source,
};
use causeway_records::{
    inputs::Protocol,
    nouns::{
        GatewayListener, GatewayListeners, GrantedRoutes, Labels, ListenerProtocol, Rules, SharedGateway, TlsMode,
    },
    text::{ListenerName, ObjectName},
};
use causeway_rules::{attachment::check_sockets, driver::Driver};
use std::collections::BTreeSet;

/// A record in the making.
pub(crate) struct Record {
    pub(crate) gateway: SharedGateway,
    pub(crate) listeners: GatewayListeners,
    /// Name of the domain whose issuer signs for listeners.
    domain: Option<String>,
    from: ImportedObject,
    /// What its listeners demand of namespaces.
    demands: BTreeSet<Allowed>,
}

impl Record {
    /// One without listeners yet.
    pub(crate) fn new(gateway: SharedGateway, from: ImportedObject) -> Self {
        Self { gateway, listeners: GatewayListeners::default(), domain: None, from, demands: BTreeSet::new() }
    }

    /// Adds the listeners of a Gateway or ListenerSet, as far as they can be on record; others are reported.
    pub(crate) fn add(
        &mut self,
        source: &mut Source,
        listeners: &mut [Listener],
        issuer: Option<&str>,
        output: &mut Output,
    ) {
        for listener in listeners {
            if listener.kinds.as_ref().is_some_and(Vec::is_empty) && !source.stays {
                source.unsupported(&listener.path, "takes no kind of route that a record has");
                continue;
            }
            let Some(secret) = self.secret(source, listener, issuer, output) else {
                let problem = "has no certificate that a record could have: name a Secret of the Gateway's namespace, or give it a hostname, and who signs by the annotation of cert-manager";
                source.unsupported(&listener.path, problem);
                continue;
            };
            let Some(name) = self.name(source.stays, &listener.name, &source.object) else {
                let problem =
                    "has a name that no record could have; a record takes labels of DNS that begin with a letter";
                source.unsupported(&listener.path, problem);
                continue;
            };
            self.listeners.0.push(given(listener, name.clone(), secret));
            if let Some(problem) = self.refusal() {
                self.listeners.0.pop();
                source.unsupported(&listener.path, &format!("can't be on record: {problem}"));
                continue;
            }
            self.demands.insert(listener.allowed.clone());
            listener.given = Some(name);
        }
    }

    /// The Secret of a listener: None within means that a certificate is ordered, or that there is no TLS to end. None: it can have no certificate.
    fn secret(
        &mut self,
        source: &mut Source,
        listener: &Listener,
        issuer: Option<&str>,
        output: &mut Output,
    ) -> Option<Option<Secret>> {
        if !listener.protocol.ends_tls() {
            return Some(None);
        }
        let own = listener.hostname.as_deref().and_then(domain).filter(|_| issuer.is_some());
        let signing = own.filter(|own| self.domain.as_ref().is_none_or(|signs| signs == own));
        if let (Some(_), Some(hostname)) = (&signing, &listener.hostname)
            && let Some(name) = output.domain_of(hostname, issuer)
        {
            self.domain = Some(name);
            if listener.secret.is_some() {
                let problem = "the certificate is ordered anew from the issuer of the DomainNameDefinition; the Secret isn't used";
                source.lossy(&format!("{}/tls/certificateRefs", listener.path), problem);
            }
            return Some(None);
        }
        listener.secret.clone().map(Some)
    }

    /// What the API would say of the record with the listener that was added last.
    fn refusal(&self) -> Option<String> {
        let with_all = SharedGateway {
            listeners: Some(self.listeners.clone()),
            domain_name_definition_id: self.domain.as_ref().map(|_| 0),
            ..self.gateway.clone()
        };
        let class = self.gateway.gateway_class_name.as_ref().map(ObjectName::as_str);
        let problem = with_all.check().into_iter().next().map(|problem| problem.to_string());
        problem.or_else(|| Some(check_sockets(Driver::for_class(class), &self.listeners).err()?.to_string()))
    }

    /// The listener's own name, or another one where that is taken or none that a record could have. What stays keeps its name; None: it can't.
    fn name(&self, stays: bool, name: &str, object: &ImportedObject) -> Option<ListenerName> {
        if stays {
            return name.parse().ok();
        }
        let of_set = format!("{}-{name}", object.name);
        let more = (1..).map(|number| format!("listener-{number}"));
        let parsed = [name.to_owned(), of_set].into_iter().chain(more).filter_map(|name| name.parse().ok());
        let is_free = |name: &ListenerName| self.listeners.0.iter().all(|listener| listener.name != *name);
        parsed.into_iter().find(is_free)
    }
}

fn given(listener: &Listener, name: ListenerName, secret: Option<Secret>) -> GatewayListener {
    let (protocol, tls_mode) = match listener.protocol {
        Protocol::Http => (ListenerProtocol::Http, None),
        Protocol::Https => (ListenerProtocol::Https, None),
        Protocol::Tls => (ListenerProtocol::Tls, Some(TlsMode::Terminate)),
        Protocol::TlsPassthrough => (ListenerProtocol::Tls, Some(TlsMode::Passthrough)),
        Protocol::Tcp => (ListenerProtocol::Tcp, None),
        Protocol::Udp => (ListenerProtocol::Udp, None),
    };
    let hostname = listener.hostname.as_ref().and_then(|hostname| hostname.parse().ok());
    let (secret_name, secret_namespace) = secret.map_or((None, None), |secret| (Some(secret.name), secret.namespace));
    GatewayListener {
        name,
        port: listener.port,
        protocol,
        hostname,
        tls_mode,
        secret_name,
        secret_namespace,
        route_kinds: listener
            .kinds
            .as_ref()
            .filter(|_| listener.allowed_routes.is_none())
            .map(|kinds| GrantedRoutes(kinds.iter().filter_map(|kind| kind.parse().ok()).collect())),
        allowed_routes: listener.allowed_routes.clone(),
    }
}

/// Finishes all records: who may attach to each, and what has to be there. Gateways without a listener that can be on record are reported.
pub(crate) fn records(
    parents: &mut Parents,
    namespaces: &Namespaces,
    output: &mut Output,
) -> (Vec<Shared>, Vec<Finding>) {
    let (mut all, mut findings) = (vec![], vec![]);
    for (name, record) in std::mem::take(&mut parents.records) {
        if record.listeners.0.is_empty() {
            let key = ("Gateway", record.from.namespace.clone(), record.from.name.clone());
            if let Some(parent) = parents.all.get_mut(&key) {
                parent
                    .source
                    .unsupported("/spec", "no listener of it can be on record, so nothing comes of the Gateway");
            }
            continue;
        }
        let attached = routes(parents, &name).into_iter().map(|route| route.namespace);
        let attached: BTreeSet<String> =
            attached.filter(|namespace| output.workloads.contains_key(namespace)).collect();
        note(&record.demands, &record.gateway, output);
        let who = who(&record.demands, &record.gateway, &attached, output);
        if !who.is_exact {
            tell_allowed(parents, &name);
        }
        if let Some(wanted) = &who.selector {
            findings.extend(label(&name, wanted, &attached, namespaces, output));
        }
        findings.push(to_bring(&record));
        let gateway = SharedGateway {
            listeners: Some(record.listeners),
            attachable_by: who.by,
            namespace_selector: who.selector,
            ..record.gateway
        };
        all.push(Shared { gateway, domain: record.domain, workloads: who.workloads, from: record.from });
    }
    (all, findings)
}

/// The routes that attach to listeners of a record.
fn routes(parents: &Parents, record: &str) -> Vec<ImportedObject> {
    let own = parents.all.values().filter(|parent| parent.record.as_deref() == Some(record));
    own.flat_map(|parent| &parent.listeners).flat_map(|listener| listener.routes.clone()).collect()
}

/// Reports what listeners say of namespaces where the record says it otherwise.
fn tell_allowed(parents: &mut Parents, record: &str) {
    let problem = "the listeners of one record take the same workloads: those whose routes are among the objects and attach to one of them";
    for parent in parents.all.values_mut().filter(|parent| parent.record.as_deref() == Some(record)) {
        let paths: Vec<String> = parent.listeners.iter().map(|listener| listener.path.clone()).collect();
        for path in paths {
            parent.source.lossy(&format!("{path}/allowedRoutes/namespaces"), problem);
        }
    }
}

/// Gives workloads that attach by labels these labels, where their namespaces aren't among the objects.
fn label(
    record: &str,
    wanted: &Labels,
    attached: &BTreeSet<String>,
    namespaces: &Namespaces,
    output: &mut Output,
) -> Vec<Finding> {
    let unknown = attached.iter().filter(|namespace| !namespaces.contains_key(*namespace));
    let give = |namespace: &String| {
        output.labels.entry(namespace.clone()).or_default().extend(wanted.0.clone());
        let object =
            ImportedObject { kind: "WorkloadInstance".into(), namespace: String::new(), name: namespace.clone() };
        let problem = format!(
            "namespace {namespace} isn't among the objects, and is taken for one with the labels that shared gateway {record} asks for; see that it has them, \
             or take them out"
        );
        Finding { object, field: "NamespaceLabels".into(), loss: Loss::Needed, problem }
    };
    unknown.map(give).collect()
}

fn to_bring(record: &Record) -> Finding {
    let namespace = &record.from.namespace;
    let secret = |listener: &GatewayListener| {
        let name = listener.secret_name.as_ref()?;
        let elsewhere = listener.secret_namespace.as_ref();
        Some(elsewhere.map_or_else(|| name.to_string(), |namespace| format!("{namespace}/{name}")))
    };
    let secrets: BTreeSet<String> = record.listeners.0.iter().filter_map(secret).collect();
    let with = match secrets.len() {
        0 => String::new(),
        1 => format!(", with Secret {}", secrets.into_iter().collect::<String>()),
        _ => format!(", with Secrets {}", secrets.into_iter().collect::<Vec<_>>().join(", ")),
    };
    let object = ImportedObject {
        kind: "SharedGateway".into(),
        namespace: String::new(),
        name: record.gateway.name.to_string(),
    };
    let problem = format!("namespace {namespace} has to be in the cluster{with}: Causeway makes none for a Gateway");
    Finding { object, field: "Namespace".into(), loss: Loss::Needed, problem }
}
