//! One Ingress: its rules, with what its annotations say.

use super::{
    Ingress, Rule, Secured, Services, canary, hosts,
    paths::{self, Path},
    settings::{self, Settings, settings},
};
use crate::{
    hostnames::{is_wildcard, pattern},
    output::{NO_ROOM, Output},
    source::Source,
};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Rules, paths of a rule, and entries of `tls` that are looked at.
pub(super) const MOST: usize = 256;

/// What the rules of one Ingress have in common.
struct Reading<'a> {
    settings: Settings,
    services: &'a Services,
    output: &'a mut Output,
}

pub(super) fn ingress(mut source: Source, secured: &Secured, services: &Services, output: &mut Output) -> Ingress {
    class(&mut source);
    let has_tls = hosts(&source).iter().any(|(_, host)| host.as_ref().is_some_and(|host| secured.contains_key(host)));
    let canary = canary::canary(&mut source);
    let mut reading = Reading { settings: Settings::default(), services, output };
    // ingress-nginx takes the other annotations from the main Ingress.
    if canary.is_none() {
        reading.settings = settings(&mut source, has_tls);
    }
    let mut rules = vec![];
    for index in 0..source.entries("/spec/rules", MOST) {
        rules.extend(reading.rules(&mut source, &format!("/spec/rules/{index}")));
    }
    rules.extend(reading.default_backend(&mut source));
    rules.extend(reading.app_root(&mut source, &rules));
    reading.aliases(&mut source, &mut rules);
    let Settings { is_grpc, to_https, .. } = reading.settings;
    Ingress { source, rules, issuer: None, is_grpc, to_https, canary, served: BTreeSet::new() }
}

fn class(source: &mut Source) {
    for path in ["/spec/ingressClassName".to_owned(), crate::source::annotation("kubernetes.io/ingress.class")] {
        if !source.seen(&path).is_null() {
            source.lossy(
                &path,
                "Causeway's own gateway class serves it; GatewayClassName of the gateway definition takes another one",
            );
        }
    }
}

impl Reading<'_> {
    fn rules(&mut self, source: &mut Source, at: &str) -> Vec<Rule> {
        let host = format!("{at}/host");
        let hostname = match source.seen(&host).as_str().filter(|host| !host.is_empty()) {
            None if matches!(source.seen(&host), Value::Null | Value::String(_)) => None,
            None => {
                source.unsupported(at, "has a host that is no text");
                return vec![];
            }
            Some(text) => match pattern(text) {
                Some(hostname) => Some(hostname),
                None => {
                    source.unsupported(at, "has a host that is no hostname");
                    return vec![];
                }
            },
        };
        if hostname.as_deref().is_some_and(is_wildcard) {
            let problem = "stands for one label in an Ingress, and for any number here: requests for names that are deeper are answered, too";
            source.lossy(&host, problem);
        }
        source.text(&host);
        let paths = format!("{at}/http/paths");
        if source.length(&paths) == 0 && hostname.is_some() {
            source.unsupported(at, "has no path, so all of its requests go to the default backend");
            return vec![];
        }
        let mut rules = vec![];
        for index in 0..source.entries(&paths, MOST) {
            rules.extend(self.path(source, &format!("{paths}/{index}"), hostname.clone()));
        }
        rules
    }

    fn path(&mut self, source: &mut Source, at: &str, host: Option<String>) -> Option<Rule> {
        let text = |key: &str| source.seen(&format!("{at}/{key}")).as_str().map(str::to_owned);
        let kind = text("pathType").unwrap_or_else(|| "ImplementationSpecific".into());
        let value = text("path").filter(|path| !path.is_empty()).unwrap_or_else(|| "/".into());
        let Settings { has_patterns, ref rewrite, is_grpc, .. } = self.settings;
        let Some(path) = paths::path(&kind, &value, has_patterns, rewrite.as_deref()) else {
            source.unsupported(at, "has a path that doesn't begin with `/`, or a pathType that isn't known");
            return None;
        };
        let method = paths::method(&value);
        if is_grpc && method.is_none() {
            source.unsupported(at, "is no service or method of gRPC, such as `/shop.v1.Cart/Add`");
            return None;
        }
        // What is no text stays, and is reported.
        source.text(&format!("{at}/path"));
        source.text(&format!("{at}/pathType"));
        told(source, at, &path);
        let backends = self.backend(source, &format!("{at}/backend"));
        let mut rule = Rule {
            at: at.to_owned(),
            host,
            written: (kind, value),
            matched: Some(json!({"path": path.matched})),
            headers: vec![],
            filters: self.filters(path.rewritten),
            timeouts: self.settings.timeouts.clone(),
            backends,
        };
        let copies = 1 + self.settings.aliases.len();
        if !self.output.has_room(copies * rule.json().to_string().len()) {
            source.unsupported(at, NO_ROOM);
            return None;
        }
        if is_grpc {
            rule.matched = method.flatten().map(|method| json!({"method": method}));
            rule.timeouts = None;
        }
        Some(rule)
    }

    /// All filters of a rule. One address can't be rewritten twice in a rule, so what is rewritten goes together.
    fn filters(&self, rewritten: Option<Value>) -> Vec<Value> {
        if let Some(redirect) = &self.settings.redirect {
            return vec![redirect.clone()];
        }
        let mut filters = self.settings.filters.clone();
        if self.settings.is_grpc {
            filters.retain(|filter| filter["type"] == "RequestHeaderModifier");
            return filters;
        }
        let Some(path) = rewritten else { return filters };
        match filters.iter_mut().find(|filter| filter["type"] == "URLRewrite") {
            Some(filter) => filter["urlRewrite"]["path"] = path,
            None => filters.push(json!({"type": "URLRewrite", "urlRewrite": {"path": path}})),
        }
        filters
    }

    /// The Service; empty: it isn't known which, or a redirect answers. Without one requests are answered with an error.
    fn backend(&mut self, source: &mut Source, at: &str) -> Vec<Value> {
        if self.settings.redirect.is_some() {
            source.unsupported(at, "gets no request: an annotation redirects all of them");
            return vec![];
        }
        let service = format!("{at}/service");
        let seen = source.seen(&service).clone();
        let Some(name) = seen["name"].as_str().filter(|name| !name.is_empty()) else {
            source.unsupported(
                at,
                "is no Service, and a backend is a Service of a workload; its requests are answered with an error",
            );
            return vec![];
        };
        let namespace = source.object.namespace.clone();
        let of_name = |port: &str| {
            let ports = self.services.get(&(namespace.clone(), name.to_owned()))?;
            ports.iter().find(|(own, _)| own.as_deref() == Some(port)).map(|(_, number)| *number)
        };
        let port = seen["port"]["number"].as_i64().or_else(|| of_name(seen["port"]["name"].as_str()?));
        let Some(port) = port.filter(|port| (1..=65535).contains(port)) else {
            let problem = format!(
                "the number of its port isn't known, so requests are answered with an error; add Service {name} to the stream, or write the number"
            );
            source.needed(&service, &problem);
            return vec![];
        };
        for part in ["name", "port/name"] {
            source.text(&format!("{service}/{part}"));
        }
        source.number(&format!("{service}/port/number"));
        self.output.sends_to(&namespace, name);
        vec![json!({"name": name, "port": port})]
    }

    /// All that no rule is about.
    fn default_backend(&mut self, source: &mut Source) -> Option<Rule> {
        const AT: &str = "/spec/defaultBackend";
        source.seen(AT).as_object()?;
        let backends = self.backend(source, AT);
        Some(Rule {
            at: AT.to_owned(),
            host: None,
            written: ("Prefix".into(), "/".into()),
            matched: None,
            headers: vec![],
            filters: self.filters(None),
            timeouts: self.settings.timeouts.clone().filter(|_| !self.settings.is_grpc),
            backends,
        })
    }

    /// A redirect from `/`, for each host.
    fn app_root(&self, source: &mut Source, rules: &[Rule]) -> Vec<Rule> {
        let Some(root) = self.settings.app_root.as_ref() else { return vec![] };
        if self.settings.is_grpc || rules.is_empty() {
            source.unsupported(&settings::path("app-root"), "there are no rules of HTTP beside which it could stand");
            return vec![];
        }
        let redirect = json!({
            "type": "RequestRedirect",
            "requestRedirect": {"statusCode": 302, "path": {"type": "ReplaceFullPath", "replaceFullPath": root}},
        });
        let hosts: BTreeSet<_> = rules.iter().map(|rule| rule.host.clone()).collect();
        let rule = |host| Rule {
            at: settings::path("app-root"),
            host,
            written: ("Exact".into(), "/".into()),
            matched: Some(json!({"path": {"type": "Exact", "value": "/"}})),
            headers: vec![],
            filters: vec![redirect.clone()],
            timeouts: None,
            backends: vec![],
        };
        hosts.into_iter().map(rule).collect()
    }

    /// The rules once more for further hostnames.
    fn aliases(&self, source: &mut Source, rules: &mut Vec<Rule>) {
        let known: Vec<String> = self
            .settings
            .aliases
            .iter()
            .filter_map(|alias| pattern(alias))
            .filter(|alias| !is_wildcard(alias))
            .collect();
        if known.len() < self.settings.aliases.len() || known.len() > 8 {
            source.unsupported(
                &settings::path("server-alias"),
                "holds more than 8 entries, or what is no hostname; a record names each hostname",
            );
            return;
        }
        let own: Vec<Rule> = rules.iter().filter(|rule| rule.host.is_some()).cloned().collect();
        if own.is_empty() && !known.is_empty() {
            source.unsupported(&settings::path("server-alias"), "there is no host beside which it could stand");
        }
        for alias in known {
            rules.extend(own.iter().map(|rule| Rule { host: Some(alias.clone()), ..rule.clone() }));
        }
    }
}

fn told(source: &mut Source, at: &str, path: &Path) {
    if let Some(problem) = path.lossy {
        source.lossy(&format!("{at}/path"), problem);
    }
    if path.rewrite_is_lost {
        let problem = "with this path no filter of Gateway API does the same, so the Service gets the path as the client sends it";
        source.unsupported(&settings::path("rewrite-target"), problem);
    }
}
