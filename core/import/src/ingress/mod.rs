//! Ingress with the usual annotations of ingress-nginx.
//!
//! ```text
//! Ingresses ─▶ tls: which hostnames have certificates
//!           ─▶ read: paths, backends, settings of annotations ─▶ canary: what belongs to another Ingress goes there ─▶ write: gateway definitions
//! ```

mod canary;
mod cors;
mod paths;
mod read;
mod redirect;
mod settings;
mod write;

use crate::{
    gateways::{close_issuer, issuer},
    hostnames::pattern,
    output::Output,
    source::Source,
};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// Ports of the Services among the objects, by namespace and name: the name of each port, and its number.
pub(crate) type Services = BTreeMap<(String, String), Vec<(Option<String>, i64)>>;

/// Hostnames with a certificate, each with the ClusterIssuer that signs it.
type Secured = BTreeMap<String, Option<String>>;

/// A path of an Ingress: some requests, and what happens to them.
#[derive(Clone, Debug)]
struct Rule {
    /// The path in the object.
    at: String,
    /// None: every hostname.
    host: Option<String>,
    /// `pathType` and `path` as written, by which a canary is told to belong here.
    written: (String, String),
    /// `matches` of the rule without their headers; None: all requests.
    matched: Option<Value>,
    headers: Vec<Value>,
    filters: Vec<Value>,
    timeouts: Option<Value>,
    backends: Vec<Value>,
}

impl Rule {
    /// The rule as Gateway API writes it.
    fn json(&self) -> Value {
        let mut rule = json!({});
        let mut matched = self.matched.clone().unwrap_or_else(|| json!({}));
        if !self.headers.is_empty() {
            matched["headers"] = json!(self.headers);
        }
        if matched.as_object().is_some_and(|matched| !matched.is_empty()) {
            rule["matches"] = json!([matched]);
        }
        let members = [("filters", json!(self.filters)), ("backendRefs", json!(self.backends))];
        for (key, list) in members.into_iter().filter(|(_, list)| *list != json!([])) {
            rule[key] = list;
        }
        if let Some(timeouts) = &self.timeouts {
            rule["timeouts"] = timeouts.clone();
        }
        rule
    }
}

/// An Ingress, read.
struct Ingress {
    source: Source,
    rules: Vec<Rule>,
    issuer: Option<String>,
    is_grpc: bool,
    to_https: bool,
    canary: Option<canary::Canary>,
    /// Its hostnames that a record has.
    served: BTreeSet<String>,
}

/// Writes the gateways of all Ingresses, and gives the objects back.
pub(crate) fn import(mut sources: Vec<Source>, services: &Services, output: &mut Output) -> Vec<Source> {
    let (mut secured, mut issuers) = (Secured::new(), vec![]);
    for source in &mut sources {
        issuers.push(tls(source, &mut secured));
    }
    let read = |(source, issuer)| Ingress { issuer, ..read::ingress(source, &secured, services, output) };
    let mut all: Vec<Ingress> = sources.into_iter().zip(issuers).map(read).collect();
    canary::merge(&mut all);
    for ingress in &mut all {
        write::ingress(ingress, &secured, output);
        unserved(ingress);
        let issuer = ingress.issuer.clone();
        close_issuer(&mut ingress.source, issuer.as_deref(), output);
    }
    all.into_iter().map(|ingress| ingress.source).collect()
}

/// The hostnames to which an Ingress gives certificates. ingress-nginx serves all of a hostname with the certificate that one Ingress names. Answers
/// who is to sign.
fn tls(source: &mut Source, secured: &mut Secured) -> Option<String> {
    let issuer = issuer(source);
    let hosts: BTreeSet<String> = hosts(source).into_iter().filter_map(|(_, host)| host).collect();
    for index in 0..source.entries("/spec/tls", read::MOST) {
        let path = format!("/spec/tls/{index}");
        let secret = format!("{path}/secretName");
        if source.seen(&secret).is_string() {
            let problem = "certificates are issued anew for each hostname, by the issuer of the DomainNameDefinition; the Secret isn't used";
            source.lossy(&secret, problem);
        }
        let count = source.entries(&format!("{path}/hosts"), read::MOST);
        for at in (0..count).map(|entry| format!("{path}/hosts/{entry}")) {
            match source.seen(&at).as_str().and_then(pattern).filter(|host| hosts.contains(host)) {
                Some(host) => {
                    source.take(&at);
                    secure(secured, host, issuer.as_ref());
                }
                None => source.unsupported(&at, "is the host of none of the rules, so nothing is served there"),
            }
        }
        if count == 0 {
            hosts.iter().for_each(|host| secure(secured, host.clone(), issuer.as_ref()));
        }
    }
    issuer
}

/// Reports hostnames for which nothing is served, wherever the object names them.
fn unserved(ingress: &mut Ingress) {
    const PROBLEM: &str = "nothing is served for it, see what is told about its paths";
    let Ingress { source, served, .. } = ingress;
    for (path, host) in hosts(source) {
        if host.is_some_and(|host| !served.contains(&host)) {
            source.unsupported(&format!("{path}/host"), PROBLEM);
        }
    }
    for index in 0..source.length("/spec/tls").min(read::MOST) {
        let list = format!("/spec/tls/{index}/hosts");
        for at in (0..source.length(&list).min(read::MOST)).map(|entry| format!("{list}/{entry}")) {
            let host = source.seen(&at).as_str().and_then(pattern);
            if host.is_some_and(|host| !served.contains(&host)) {
                source.unsupported(&at, PROBLEM);
            }
        }
    }
}

fn secure(secured: &mut Secured, host: String, issuer: Option<&String>) {
    let known = secured.entry(host).or_default();
    if known.is_none() {
        *known = issuer.cloned();
    }
}

/// The hosts of the rules as they are written, each with its path in the object; None: every hostname. Those that are none are left out.
fn hosts(source: &Source) -> Vec<(String, Option<String>)> {
    let count = source.length("/spec/rules").min(read::MOST);
    let host = |index| {
        let path = format!("/spec/rules/{index}");
        let host = source.seen(&format!("{path}/host")).as_str().filter(|host| !host.is_empty());
        match host {
            None => Some((path, None)),
            Some(host) => Some((path, Some(pattern(host)?))),
        }
    };
    (0..count).filter_map(host).collect()
}

#[cfg(test)]
mod tests;
