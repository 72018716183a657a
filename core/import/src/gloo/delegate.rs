//! RouteTables: routes that stand in the place of one that delegates to them.

use super::{flag, is_there, matchers::Handed, number, options::Options, reference, routes::Walk, texts};
use crate::source::Source;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// How many RouteTables may delegate to one another.
const DEEPEST: usize = 8;

impl Walk<'_, '_> {
    /// The routes of the RouteTables that a route delegates to.
    pub(super) fn delegate(&mut self, at: &str, found: &[Value], above: &Handed, options: &Options) {
        let place = format!("{at}/delegateAction");
        let source = self.object();
        let own = source.object.namespace.clone();
        let handed = handed(source, at, found, above);
        let named = reference(source, &format!("{place}/ref"), &own).or_else(|| reference(source, &place, &own));
        let selector = selector(source, &format!("{place}/selector"), &own);
        let is_it = |table: &Source| match &named {
            Some((namespace, name)) => table.object.namespace == *namespace && table.object.name == *name,
            None => selector.as_ref().is_some_and(|selector| selector.chooses(table)),
        };
        let mut tables: Vec<usize> =
            (0..self.tables.all.len()).filter(|place| is_it(&self.tables.all[*place])).collect();
        tables.retain(|table| !self.within.contains(table));
        if tables.is_empty() || self.within.len() >= DEEPEST {
            let what = named.map_or_else(
                || "RouteTable that it selects".to_owned(),
                |(namespace, name)| format!("RouteTable {namespace}/{name}"),
            );
            let problem = format!(
                "{what} isn't among the objects, or it delegates back, or over too many others: its requests go elsewhere; add it to the stream"
            );
            self.object().needed(&place, &problem);
            return;
        }
        let weight = |table: &usize| self.tables.all[*table].seen("/spec/weight").as_i64().unwrap_or_default();
        tables.sort_by_key(weight);
        let before = self.rules.len();
        self.delegating.push(at.to_owned());
        for table in tables {
            self.tables.used[table] = true;
            number(&mut self.tables.all[table], "/spec/weight");
            self.within.push(table);
            self.list("/spec/routes", &handed, options);
            self.within.pop();
        }
        self.delegating.pop();
        if self.rules.len() == before {
            self.object().unsupported(at, "no rule comes of what it delegates to");
        }
    }
}

/// What a route hands down to those that it delegates to.
fn handed(source: &mut Source, at: &str, found: &[Value], above: &Handed) -> Handed {
    let is_before = flag(source, &format!("{at}/inheritablePathMatchers")).unwrap_or_default();
    let is_inherited = flag(source, &format!("{at}/inheritableMatchers")).unwrap_or_default();
    let prefixes: Vec<Option<&str>> = found.iter().map(|found| found["path"]["value"].as_str()).collect();
    let is_prefix = found.iter().all(|found| found["path"].is_null() || found["path"]["type"] == "PathPrefix");
    if found.len() > 1 || !is_prefix {
        let problem = "delegates by more than one prefix, and the routes below are taken for all of them";
        source.lossy(&format!("{at}/matchers"), problem);
    }
    let one = found.first().filter(|_| found.len() == 1);
    let more = one.map(
        |found| json!({"headers": found["headers"], "queryParams": found["queryParams"], "method": found["method"]}),
    );
    let has_more =
        found.iter().any(|found| ["headers", "queryParams", "method"].iter().any(|key| !found[*key].is_null()));
    if has_more && (!is_inherited || more.is_none()) {
        // Gloo asks that the routes below repeat it.
        source.lossy(
            &format!("{at}/matchers"),
            "what it asks for beside the path counts below only where the routes there say it, too",
        );
    }
    let prefix = prefixes.first().copied().flatten().filter(|_| found.len() == 1 && is_prefix);
    Handed {
        prefix: prefix.map(str::to_owned).or_else(|| above.prefix.clone()),
        is_before,
        more: more.filter(|_| is_inherited).unwrap_or_else(|| above.more.clone()),
    }
}

/// RouteTables by their labels.
struct Selector {
    labels: BTreeMap<String, String>,
    namespaces: Vec<String>,
}

impl Selector {
    fn chooses(&self, table: &Source) -> bool {
        let own = table.seen("/metadata/labels");
        let is_in = |namespace: &String| namespace == "*" || *namespace == table.object.namespace;
        self.labels.iter().all(|(key, value)| own[key] == value.as_str()) && self.namespaces.iter().any(is_in)
    }
}

/// Further demands, such as expressions, stay and are reported.
fn selector(source: &mut Source, at: &str, own: &str) -> Option<Selector> {
    if !is_there(source, at) {
        return None;
    }
    let path = format!("{at}/labels");
    let labels: Option<BTreeMap<String, String>> = serde_json::from_value(source.seen(&path).clone()).ok();
    if labels.is_some() {
        source.take(&path);
    }
    let mut namespaces = texts(source, &format!("{at}/namespaces"));
    if namespaces.is_empty() {
        namespaces.push(own.to_owned());
    }
    Some(Selector { labels: labels.unwrap_or_default(), namespaces })
}
