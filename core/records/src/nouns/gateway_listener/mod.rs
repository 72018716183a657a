//! The listeners that a shared gateway's record gives it.

use super::{GrantedRoute, GrantedRoutes, ListenerRoutes, TlsMode};
use crate::{
    inputs::{ListenerKey, Protocol},
    problem::Problem,
    scalar::json_scalar,
    text::{ListenerHostname, ListenerName, ObjectName, Port, choice},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Listeners that one Gateway may have: as many as Gateway API takes.
const MOST: usize = 64;

choice! {
    /// What is spoken on a listener, in the words of Gateway API.
    ListenerProtocol {
        /// Plain HTTP.
        Http = "HTTP",
        /// HTTP in TLS, which the Gateway ends.
        Https = "HTTPS",
        /// Anything in TLS. TLSMode says who ends it.
        Tls = "TLS",
        /// Connections that the Gateway doesn't look into.
        Tcp = "TCP",
        /// Datagrams that the Gateway doesn't look into.
        Udp = "UDP",
    }
}

/// One listener of a shared gateway.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct GatewayListener {
    /// Unique in the gateway. Routes attach to it by this name.
    pub name: ListenerName,
    /// Where clients connect.
    pub port: Port,
    /// What is spoken there.
    pub protocol: ListenerProtocol,
    /// The hostname that it is for; `*.` before a name stands for all below it. Left out: every hostname. Not with TCP and UDP.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hostname: Option<ListenerHostname>,
    /// With Protocol TLS: who ends TLS.
    #[serde(rename = "TLSMode", default, skip_serializing_if = "Option::is_none")]
    pub tls_mode: Option<TlsMode>,
    /// Where the Gateway ends TLS: the Secret with certificate and key, of type kubernetes.io/tls, in the Gateway's namespace. It is not Causeway's. Left out: a
    /// certificate for Hostname is ordered there from the issuer of the gateway's DomainNameDefinitionID.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_name: Option<ObjectName>,
    /// The namespace of SecretName, if that isn't the Gateway's own. It has to grant the Secret to the Gateway by a ReferenceGrant, which Causeway doesn't make.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_namespace: Option<ObjectName>,
    /// The kinds of routes that may attach, of those that fit Protocol. Left out: all of these.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub route_kinds: Option<GrantedRoutes>,
    /// Which routes the Gateway lets in there, in the JSON of Gateway API: by what is in the cluster, whatever is on record. Left out: those of the gateway
    /// instances that are attached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allowed_routes: Option<ListenerRoutes>,
}

/// The listeners of a shared gateway.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
#[schemars(inline)]
pub struct GatewayListeners(pub Vec<GatewayListener>);
json_scalar!(GatewayListeners);

impl GatewayListener {
    /// What is spoken there, and who ends TLS.
    pub fn protocol(&self) -> Protocol {
        match (self.protocol, self.tls_mode.unwrap_or_default()) {
            (ListenerProtocol::Http, _) => Protocol::Http,
            (ListenerProtocol::Https, _) => Protocol::Https,
            (ListenerProtocol::Tls, TlsMode::Terminate) => Protocol::Tls,
            (ListenerProtocol::Tls, TlsMode::Passthrough) => Protocol::TlsPassthrough,
            (ListenerProtocol::Tcp, _) => Protocol::Tcp,
            (ListenerProtocol::Udp, _) => Protocol::Udp,
        }
    }

    /// Whether a certificate is ordered for it: TLS ends there, and it names no Secret.
    pub fn needs_certificate(&self) -> bool {
        self.protocol().ends_tls() && self.secret_name.is_none()
    }

    /// Whether routes of a kind may attach, as far as its own RouteKinds say. That a kind fits the protocol isn't asked.
    pub fn takes(&self, kind: GrantedRoute) -> bool {
        self.route_kinds.as_ref().is_none_or(|kinds| kinds.0.contains(&kind))
    }

    /// What tells it from the other listeners of its Gateway.
    pub fn key(&self) -> ListenerKey {
        ListenerKey {
            port: self.port.get(),
            protocol: self.protocol(),
            hostname: self.hostname.as_ref().map(ToString::to_string),
        }
    }

    fn check(&self, has_domain: bool) -> Vec<Problem> {
        let protocol = self.protocol();
        let mut problems = vec![];
        let mut wrong = |is_wrong: bool, field: &str, problem: &str| {
            if is_wrong {
                problems.push(Problem::new(field, problem));
            }
        };
        let names_none = !protocol.is_tls() && !protocol.has_requests();
        wrong(
            self.hostname.is_some() && names_none,
            "Hostname",
            "a client names no hostname on TCP and UDP; leave it out",
        );
        let has_mode = self.protocol == ListenerProtocol::Tls;
        let is_usual = self.protocol == ListenerProtocol::Https && self.tls_mode == Some(TlsMode::Terminate);
        let remedy = "goes with Protocol TLS: HTTPS always ends at the Gateway, and the others have no TLS";
        wrong(self.tls_mode.is_some() && !has_mode && !is_usual, "TLSMode", remedy);
        wrong(
            self.needs_certificate() && !has_domain,
            "SecretName",
            "is needed where the Gateway ends TLS: name the Secret with the certificate, or the domain whose issuer signs one in DomainNameDefinitionID of the \
             gateway",
        );
        wrong(
            self.needs_certificate() && has_domain && self.hostname.is_none(),
            "Hostname",
            "is needed for the certificate that is ordered; give one, or name a Secret in SecretName",
        );
        let is_idle = !protocol.ends_tls() && self.secret_name.is_some();
        wrong(is_idle, "SecretName", "the Gateway ends no TLS here; leave it out");
        if self.secret_namespace.is_some() && self.secret_name.is_none() {
            let problem = "goes with SecretName; a certificate that is ordered is in the Gateway's own namespace";
            problems.push(Problem::new("SecretNamespace", problem));
        }
        let fitting = GrantedRoute::for_protocol(protocol);
        let is_odd = |kinds: &GrantedRoutes| kinds.0.is_empty() || kinds.0.iter().any(|kind| !fitting.contains(kind));
        if self.route_kinds.as_ref().is_some_and(is_odd) {
            let fitting: Vec<_> = fitting.iter().map(ToString::to_string).collect();
            let problem =
                format!("names what can't attach, or nothing; with this Protocol name {}", fitting.join(" or "));
            problems.push(Problem::new("RouteKinds", problem));
        }
        if self.route_kinds.is_some() && self.allowed_routes.is_some() {
            let problem = "goes without AllowedRoutes, which has kinds of its own; leave out one of the two";
            problems.push(Problem::new("RouteKinds", problem));
        }
        problems.extend(self.allowed_routes.iter().flat_map(ListenerRoutes::check));
        problems
    }

    /// Why the two can't be on one Gateway.
    fn excludes(&self, other: &Self) -> Option<Problem> {
        let (one, two) = (self.protocol(), other.protocol());
        let name = &other.name;
        if self.name == other.name {
            return Some(Problem::new("Name", format!("{name} is the name of another listener; each needs its own")));
        }
        if self.port != other.port || one.transport() != two.transport() {
            return None;
        }
        if one.on_port() != two.on_port() {
            let problem = format!("listener {name} speaks {two} on port {}; take another port", self.port);
            return Some(Problem::new("Protocol", problem));
        }
        let problem =
            || format!("listener {name} is for the same hostname on port {}; take one of them away", self.port);
        (self.hostname == other.hostname).then(|| Problem::new("Hostname", problem()))
    }
}

impl GatewayListeners {
    /// What is wrong with them, as problems of the field `Listeners`. `has_domain`: the gateway names one, whose issuer signs.
    pub(super) fn check(&self, has_domain: bool) -> Vec<Problem> {
        if !(1..=MOST).contains(&self.0.len()) {
            let problem = format!("holds {} listeners; 1 to {MOST} are allowed", self.0.len());
            return vec![Problem::new("Listeners", problem)];
        }
        let of = |(n, listener): (usize, &GatewayListener)| {
            let beside = self.0[..n].iter().find_map(|other| listener.excludes(other));
            let own = listener.check(has_domain).into_iter().chain(beside);
            own.map(|problem| problem.inside(&format!("Listeners[{n}]"))).collect::<Vec<_>>()
        };
        self.0.iter().enumerate().flat_map(of).collect()
    }
}

#[cfg(test)]
mod tests;
