//! Why a hostname is or isn't served: one sentence, then the way of a request, for every gateway instance that claims it.

use super::{
    chain::{self, Account, Other, Part, Stop},
    layout::{Answer, Page, Visit},
    live::Follows,
    look,
    parts::{empty, escaped, link, until, words},
    same::Same,
    verbs::verb_buttons,
    verdict,
};
use crate::state::ApiState;
use axum::{
    extract::{Path, State},
    http::StatusCode,
};
use causeway_records::{
    Kind, Record,
    nouns::{GatewayDefinition, GatewayInstance, KubernetesRuntimeInstance, SharedGateway, WorkloadInstance},
    patterns::{is_wildcard, nearest},
    status::{Conditions, READY},
    summary::ClaimedRoute,
};
use causeway_store::{CertificateTerm, Publisher, Result, StoreError};
use maud::{Markup, html};

/// Claims that a page shows; a hostname has a few for each cluster.
const MOST: i64 = 200;

/// A gateway instance with what its chain is named by.
pub(super) struct Way {
    pub(super) instance: Record<GatewayInstance>,
    definition: Record<GatewayDefinition>,
    claims: Vec<ClaimedRoute>,
    cluster: Record<KubernetesRuntimeInstance>,
    workload: Record<WorkloadInstance>,
    /// None: the instance has a gateway of its own.
    shared: Option<Record<SharedGateway>>,
    /// The hostname that is asked about.
    hostname: String,
    publishers: Vec<Publisher>,
    certificate: Option<CertificateTerm>,
}

impl Way {
    /// Reads what is known. Without a hostname it is the first that the instance claims.
    pub(super) async fn read(
        app: &ApiState,
        id: i64,
        hostname: Option<&str>,
        claims: Vec<ClaimedRoute>,
    ) -> Result<Self> {
        let store = &app.store;
        let instance = store.get::<GatewayInstance>(id).await?;
        let (definition, workload, cluster) = tokio::try_join!(
            store.get::<GatewayDefinition>(instance.spec.gateway_definition_id),
            store.get::<WorkloadInstance>(instance.spec.workload_instance_id),
            store.get::<KubernetesRuntimeInstance>(instance.spec.kubernetes_runtime_instance_id),
        )?;
        let gateway = claims.iter().map(|claim| claim.gateway_id).find(|gateway| *gateway != id);
        let shared = match gateway {
            Some(gateway) => Some(store.get::<SharedGateway>(gateway).await?),
            None => None,
        };
        let first = || claims.iter().map(|claim| claim.hostname.as_str()).find(|name| !name.is_empty());
        let hostname = hostname.or_else(first).unwrap_or_default().to_owned();
        // Records and certificates are those of the wildcard where that serves it.
        let serving = nearest(claims.iter().map(|claim| claim.hostname.as_str()), &hostname).unwrap_or(&hostname);
        let publishers = match definition.spec.domain_name_definition_id.filter(|_| !hostname.is_empty()) {
            Some(domain) => store.publishers(workload.id(), domain, serving).await?,
            None => vec![],
        };
        let certificate = store.certificate_for(gateway.unwrap_or(id), serving).await?;
        Ok(Self { instance, definition, claims, cluster, workload, shared, hostname, publishers, certificate })
    }

    /// All that the pages tell of it.
    pub(super) fn account(&self, visit: &Visit) -> Account {
        let own = self.instance.status.conditions.clone().unwrap_or_default();
        Account { own, others: self.others(), stops: self.stops(visit) }
    }

    /// What the gateway instance needs and isn't ready, each at its first trouble; of the workload also that its Pods are.
    fn others(&self) -> Vec<Other> {
        let other = |part, kind, id, name: &str, conditions: &Conditions| {
            let of = html! { (words(kind)) " " a href=(link(kind, id)) { (name) } };
            conditions.first_trouble().map(|condition| Other { part, of, condition: condition.clone() })
        };
        let publishers = self
            .publishers
            .iter()
            .map(|one| other(Part::Record, Kind::DomainNameInstance, one.id, &one.name, &one.conditions));
        let none = Conditions::default();
        let shared = self.shared.iter().map(|shared| {
            let conditions = shared.status.conditions.as_ref().unwrap_or(&none);
            other(Part::Gateway, Kind::SharedGateway, shared.id(), shared.spec.name.as_str(), conditions)
        });
        let pods = self.workload.status.conditions.as_ref().unwrap_or(&none);
        let workload =
            other(Part::Pods, Kind::WorkloadInstance, self.workload.id(), self.workload.spec.name.as_str(), pods)
                .or_else(|| {
                    let ready = pods
                        .get("ResourcesReady")
                        .or_else(|| pods.0.iter().rfind(|step| step.condition_type != READY))?;
                    Some(Other { part: Part::Pods, of: html! {}, condition: ready.clone() })
                });
        publishers.chain(shared).chain([workload]).flatten().collect()
    }

    /// What the parts of the way are called, and what nobody observes of them.
    fn stops(&self, visit: &Visit) -> Vec<Stop> {
        let claims = &self.claims;
        let mut hostnames: Vec<&str> =
            claims.iter().map(|claim| claim.hostname.as_str()).filter(|name| !name.is_empty()).collect();
        hostnames.dedup();
        let mut listeners: Vec<String> =
            claims.iter().map(|claim| format!("{} {}", claim.protocol, claim.port)).collect();
        listeners.dedup();
        let mut routes: Vec<String> =
            claims.iter().filter(|claim| !claim.redirect).map(|claim| path(claim).to_owned()).collect();
        routes.dedup();
        let own = self.instance.id();
        let stop = |part, name| Stop { part, name, unseen: "" };
        let mut stops = vec![];
        if !hostnames.is_empty() {
            let links = hostnames.iter().map(|name| (format!("/ui/hostnames/{}", escaped(name)), (*name).to_owned()));
            let unseen = "What resolvers of clients answer is not observed";
            stops.push(Stop { unseen, ..stop(Part::Name, listed(links)) });
            stops.push(self.record());
        }
        let cluster =
            html! { a href=(link(Kind::KubernetesRuntimeInstance, self.cluster.id())) { (self.cluster.spec.name) } };
        stops.push(stop(Part::Cluster, cluster));
        let gateway = match &self.shared {
            Some(shared) => {
                html! { a href=(link(Kind::SharedGateway, shared.id())) { (shared.spec.name) } " (shared)" }
            }
            None => html! { a href=(link(Kind::GatewayInstance, own)) { (self.instance.spec.name) } " (its own)" },
        };
        stops.push(stop(Part::Gateway, gateway));
        if let Some(term) = &self.certificate {
            let end = html! { @match term.not_after { Some(end) => { "ends " (until(end, visit.now)) }, None => "not issued yet" } };
            stops.push(stop(Part::Certificate, html! { a href="/ui/certificates" { (term.issuer) } ", " (end) }));
        }
        if !listeners.is_empty() {
            stops.push(stop(Part::Listener, html! { (listeners.join(", ")) }));
        }
        if !routes.is_empty() {
            stops.push(stop(Part::Route, html! { (routes.join(", ")) }));
        }
        if let Some(service) = self.definition.spec.service_name.as_ref() {
            stops.push(stop(Part::Service, html! { (service) }));
        }
        let workload = html! { "of workload " a href=(link(Kind::WorkloadInstance, self.workload.id())) { (self.workload.spec.name) } };
        let unseen = "Which of them the Service selects is not observed";
        stops.push(Stop { unseen, ..stop(Part::Pods, workload) });
        stops
    }

    /// Who publishes the hostname, and in which zone.
    fn record(&self) -> Stop {
        if self.publishers.is_empty() {
            let name = html! { "none by Causeway" };
            return Stop {
                part: Part::Record,
                name,
                unseen: "No domain name instance publishes it: whether it resolves is not observed",
            };
        }
        let name = html! {
            @for (n, one) in self.publishers.iter().enumerate() {
                @if n > 0 { ", " }
                a href=(link(Kind::DomainNameInstance, one.id)) { (one.name) }
                @if let Some(zone) = one.host.as_ref().and_then(|host| host.zone.as_ref()) {
                    ", in " @if zone.private { "private " } "hosted zone " (zone.name) " (" (zone.id) ")"
                }
            }
        };
        Stop { part: Part::Record, name, unseen: "" }
    }
}

/// Some links after each other.
fn listed(links: impl Iterator<Item = (String, String)>) -> Markup {
    html! { @for (n, (href, text)) in links.enumerate() { @if n > 0 { ", " } a href=(href) { (text) } } }
}

pub(super) fn path(claim: &ClaimedRoute) -> &str {
    match (claim.path.as_str(), claim.protocol.as_str()) {
        ("", "HTTP" | "HTTPS") => "/",
        ("", _) => "every connection",
        (path, _) => path,
    }
}

pub(super) async fn page(State(app): State<ApiState>, visit: Visit, Path(hostname): Path<String>) -> Answer {
    let hostname = hostname.trim_end_matches('.').to_lowercase();
    let claims = app.store.claims_of_hostname(&hostname, MOST).await?;
    let mut ids: Vec<i64> = claims.iter().map(|claim| claim.gateway_instance_id).collect();
    ids.sort_unstable();
    ids.dedup();
    let mut ways = vec![];
    for id in ids {
        let own = claims.iter().filter(|claim| claim.gateway_instance_id == id).cloned().collect();
        match Way::read(&app, id, Some(&hostname), own).await {
            Ok(way) => ways.push((way.account(&visit), way)),
            // It went meanwhile.
            Err(StoreError::NotFound) => {}
            Err(error) => return Err(error.into()),
        }
    }
    // What doesn't work comes first.
    ways.sort_by_key(|(account, _)| account.trouble().is_none());
    let body = html! {
        div class="trail" { a href="/ui/gateway-instances" { "Gateways" } " / hostname" }
        div class="line" {
            h1 { (hostname) }
            @if !ways.is_empty() { div { (open_links(&hostname, &claims)) } }
        }
        @if ways.is_empty() {
            (verdict_of_nobody(&hostname))
        }
        @for (account, way) in &ways {
            (section(&visit, account, way, ways.len() > 1))
        }
    };
    let follows =
        Follows::kinds(&[Kind::GatewayInstance, Kind::DomainNameInstance, Kind::SharedGateway, Kind::WorkloadInstance]);
    let found = format!("/v0/search?q={}&kind=GatewayInstance", escaped(&hostname));
    let of_instance = |same: Same, way: &Way| same.and(&format!("/v0/gateway-instances/{}", way.instance.id()), &[]);
    let same = ways.iter().fold(Same::read(&found, &["status", &hostname]), |same, (_, way)| of_instance(same, way));
    let page = Page::new(&visit, "/ui/gateway-instances", &hostname, body, same).following(follows);
    Ok(page.response(StatusCode::OK))
}

fn section(visit: &Visit, account: &Account, way: &Way, one_of_many: bool) -> Markup {
    let status = &way.instance.status;
    let (id, name) = (way.instance.id(), &way.instance.spec.name);
    html! {
        @if one_of_many { h2 { "In cluster " (way.cluster.spec.name) } }
        (verdict::of_hostname(&way.hostname, account, status.deletion_scheduled, visit.now))
        (look::button(id, &way.hostname))
        h2 { "The way of a request through gateway instance " a href=(link(Kind::GatewayInstance, id)) { (name) } }
        (chain::chain(account, &verb_buttons(visit, Kind::GatewayInstance, id, status), visit.now))
    }
}

/// What is exposed, to be opened: all of these claims are for the hostname. A wildcard is none that a browser could ask for.
fn open_links(hostname: &str, claims: &[ClaimedRoute]) -> Markup {
    let is = |protocol: &str| claims.iter().find(|claim| claim.protocol == protocol && !is_wildcard(hostname));
    let address = |scheme: &str, usual: i32, claim: &ClaimedRoute| {
        let port = if claim.port == usual { String::new() } else { format!(":{}", claim.port) };
        // A rule may demand more than a path.
        let path = claim.path.split([' ', ',']).next().filter(|path| !path.is_empty()).unwrap_or("/");
        format!("{scheme}://{hostname}{port}{path}")
    };
    let https = is("HTTPS").map(|claim| address("https", 443, claim));
    html! {
        @if let Some(href) = https.or_else(|| is("HTTP").map(|claim| address("http", 80, claim))) {
            a class="button" href=(href) rel="noreferrer" { "Open " (href) }
        }
    }
}

fn verdict_of_nobody(hostname: &str) -> Markup {
    empty(
        &format!("No gateway instance answers to {hostname}"),
        "A gateway definition names it or a wildcard above it in Hostnames, or by its SubDomain and domain; a gateway instance of that definition claims it.",
    )
}
