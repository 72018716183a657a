//! The routes of a VirtualService, with those of the RouteTables that it delegates to in their places.

use super::{
    MOST,
    actions::{Action, action},
    is_there,
    matchers::{Handed, matches},
    options::{self, Options},
    text,
    upstreams::{Target, Upstreams},
};
use crate::{output::Output, source::Source};
use causeway_gateway_api::RouteKind;
use serde_json::{Value, json};

/// Rules that one VirtualService may have, with all that it delegates to.
const MOST_RULES: usize = 512;

/// The RouteTables among the objects, and which of them are delegated to.
pub(super) struct Tables<'t> {
    pub(super) all: &'t mut [Source],
    pub(super) used: &'t mut [bool],
}

/// A rule of a route.
pub(super) struct Rule {
    /// As Gateway API writes it. Backends are without namespaces.
    pub(super) json: Value,
    /// Where its Services are: the first one's namespace is that of the workload. None: it sends nowhere.
    pub(super) namespace: Option<String>,
}

/// What the walk through the routes of one VirtualService shares.
pub(super) struct Walk<'w, 't> {
    pub(super) source: &'w mut Source,
    pub(super) tables: &'w mut Tables<'t>,
    pub(super) upstreams: &'w mut Upstreams,
    pub(super) output: &'w mut Output,
    /// Options of the virtual host.
    pub(super) host: Options,
    pub(super) rules: Vec<Rule>,
    /// The RouteTables that the walk is in.
    pub(super) within: Vec<usize>,
    /// The routes that delegate there, from the outermost on.
    pub(super) delegating: Vec<String>,
}

impl<'w, 't> Walk<'w, 't> {
    pub(super) fn new(
        source: &'w mut Source,
        tables: &'w mut Tables<'t>,
        upstreams: &'w mut Upstreams,
        output: &'w mut Output,
    ) -> Self {
        let host = options::read(source, "/spec/virtualHost/options", &Options::default(), upstreams);
        Self { source, tables, upstreams, output, host, rules: vec![], within: vec![], delegating: vec![] }
    }

    /// The object whose routes are read.
    pub(super) fn object(&mut self) -> &mut Source {
        match self.within.last().copied() {
            None => self.source,
            Some(table) => &mut self.tables.all[table],
        }
    }

    /// Reads a list of routes.
    pub(super) fn list(&mut self, list: &str, handed: &Handed, above: &Options) {
        let count = self.object().entries(list, MOST);
        for index in 0..count {
            self.route(&format!("{list}/{index}"), handed, above);
        }
    }

    fn route(&mut self, at: &str, handed: &Handed, above: &Options) {
        let source = match self.within.last().copied() {
            None => &mut *self.source,
            Some(table) => &mut self.tables.all[table],
        };
        let options = options::read(source, &format!("{at}/options"), above, self.upstreams);
        let name = text(source, &format!("{at}/name"));
        let Some(found) = matches(source, at, handed) else {
            source.unsupported(
                at,
                "one of its matchers can't be said, so the route is left out: see what is told about it",
            );
            return;
        };
        let delegate = format!("{at}/delegateAction");
        if is_there(source, &delegate) {
            if let Some(name) = name {
                source
                    .unsupported(&format!("{at}/name"), &format!("rules of others stand in the place of route {name}"));
            }
            self.delegate(at, &found, handed, &options);
            return;
        }
        let action = action(source, at, self.upstreams);
        if let Action::Redirect { .. } = action {
            for key in ["prefixRewrite", "hostRewrite", "timeout"] {
                let place = format!("{at}/options/{key}");
                if is_there(source, &place) {
                    source.lossy(&place, "has no effect beside a redirect");
                }
            }
        }
        for json in rules(&found, &action, &options, &self.host) {
            self.add(at, json, name.as_deref(), &action, &options);
        }
    }

    /// Adds a rule with what it sends to, if Gateway API takes it.
    fn add(&mut self, at: &str, mut json: Value, name: Option<&str>, action: &Action, options: &Options) {
        let targets = if let Action::Send(targets) = action { targets.as_slice() } else { &[] };
        let mirrored = options.mirror().map(|(target, _)| target);
        let all: Vec<&Target> = targets.iter().map(|(target, _)| target).chain(mirrored).collect();
        let namespace = all.first().map(|target| target.namespace.clone());
        let backend = |target: &Target| {
            let mut backend = json!({"name": target.service, "port": target.port});
            if namespace.as_ref() != Some(&target.namespace) {
                backend["namespace"] = json!(target.namespace);
            }
            backend
        };
        let weighed = targets.iter().map(|(target, weight)| {
            let mut backend = backend(target);
            if let Some(weight) = weight {
                backend["weight"] = json!(weight);
            }
            backend
        });
        let weighed: Vec<Value> = weighed.collect();
        if !weighed.is_empty() {
            json["backendRefs"] = json!(weighed);
        }
        if let Some((target, share)) = options.mirror() {
            let mut mirror = share.clone();
            mirror["backendRef"] = backend(target);
            let filter = json!({"type": "RequestMirror", "requestMirror": mirror});
            match json["filters"].as_array_mut() {
                Some(filters) => filters.push(filter),
                None => json["filters"] = json!([filter]),
            }
        }
        if let Some(name) = name {
            json["name"] = json!(name);
            if !RouteKind::Http.check(&json!([{"name": name}])).is_empty() {
                json.as_object_mut().and_then(|rule| rule.remove("name"));
                self.object().lossy(&format!("{at}/name"), "is no name that a rule could have, so the rule has none");
            }
        }
        if let Some(fault) = RouteKind::Http.check(&json!([json])).first() {
            let problem = format!("Gateway API refuses what comes of the route, so it is left out: {fault}");
            self.object().unsupported(at, &problem);
            self.unsaid();
            return;
        }
        if self.rules.len() >= MOST_RULES || !self.output.has_room(json.to_string().len()) {
            self.object().unsupported(at, crate::output::NO_ROOM);
            return;
        }
        if self.rules.iter().any(|earlier| takes_all(&earlier.json, &json)) {
            self.object().unsupported(at, "an earlier route takes all of its requests, so it serves nothing, and is left out: here it would get them");
            return;
        }
        for target in all {
            self.output.sends_to(&target.namespace, &target.service);
        }
        self.rules.push(Rule { json, namespace });
    }

    /// Reports the options above a route that is left out because of what they and the route ask for.
    fn unsaid(&mut self) {
        let problem = "isn't said where Gateway API refuses what comes of a route";
        let mut places: Vec<(Option<usize>, String)> = vec![(None, "/spec/virtualHost/options".into())];
        for (depth, at) in self.delegating.iter().enumerate() {
            let table = depth.checked_sub(1).map(|above| self.within[above]);
            places.push((table, format!("{at}/options")));
        }
        for (table, place) in places {
            let source = match table {
                None => &mut *self.source,
                Some(table) => &mut self.tables.all[table],
            };
            if is_there(source, &place) {
                source.lossy(&place, problem);
            }
        }
    }
}

/// The rules of a route, without their backends: one, or one for each match where a path is rewritten, since how depends on the match.
fn rules(found: &[Value], action: &Action, options: &Options, host: &Options) -> Vec<Value> {
    let mut filters = options.filters(host);
    let (redirect, prefix) = match action {
        Action::Redirect { redirect, prefix } => (Some(redirect), prefix.as_ref()),
        _ => (None, options.prefix.as_ref()),
    };
    let rule = |matches: &[Value], filters: Vec<Value>| {
        let mut rule = json!({});
        if matches.iter().any(|found| *found != json!({})) {
            rule["matches"] = json!(matches);
        }
        if !filters.is_empty() {
            rule["filters"] = json!(filters);
        }
        if let Some(timeouts) = options.timeouts().filter(|_| redirect.is_none()) {
            rule["timeouts"] = timeouts;
        }
        rule
    };
    let changing = |path: Option<Value>| {
        let filter = match (redirect, options.host_rewrite()) {
            (Some(redirect), _) => {
                let mut redirect = redirect.clone();
                if let Some(path) = path {
                    redirect["path"] = path;
                }
                json!({"type": "RequestRedirect", "requestRedirect": redirect})
            }
            (None, None) if path.is_none() => return None,
            (None, host) => {
                let mut rewrite = json!({});
                for (key, part) in [("hostname", host.map(Value::from)), ("path", path)] {
                    if let Some(part) = part {
                        rewrite[key] = part;
                    }
                }
                json!({"type": "URLRewrite", "urlRewrite": rewrite})
            }
        };
        Some(filter)
    };
    let Some(prefix) = prefix else {
        filters.extend(changing(None));
        return vec![rule(found, filters)];
    };
    let each = |found: &Value| {
        let mut found = found.clone();
        if found["path"].is_null() {
            found["path"] = json!({"type": "PathPrefix", "value": "/"});
        }
        let path = match found["path"]["type"] == "PathPrefix" {
            true => json!({"type": "ReplacePrefixMatch", "replacePrefixMatch": prefix}),
            false => json!({"type": "ReplaceFullPath", "replaceFullPath": prefix}),
        };
        let mut filters = filters.clone();
        filters.extend(changing(Some(path)));
        rule(&[found], filters)
    };
    found.iter().map(each).collect()
}

/// Whether an earlier rule takes all requests of a later one: each match of the later one is below a prefix of the earlier one, which asks for nothing else.
fn takes_all(earlier: &Value, later: &Value) -> bool {
    let whole = vec![json!({})];
    let matches = |rule: &Value| rule["matches"].as_array().cloned().unwrap_or_else(|| whole.clone());
    let plain = |found: &&Value| {
        found.as_object().is_some_and(|found| found.keys().all(|key| key == "path"))
            && (found["path"].is_null() || found["path"]["type"] == "PathPrefix")
    };
    let prefix = |found: &Value| found["path"]["value"].as_str().unwrap_or("/").to_owned();
    let earlier = matches(earlier);
    let prefixes: Vec<String> = earlier.iter().filter(plain).map(prefix).collect();
    matches(later).iter().all(|found| {
        let is_pattern = found["path"]["type"] == "RegularExpression";
        let path = prefix(found);
        prefixes.iter().any(|prefix| prefix == "/" || (!is_pattern && path.starts_with(prefix.as_str())))
    })
}
