//! Canaries: an Ingress that gets a share of what another one serves.

use super::{
    Ingress, Rule,
    settings::{flag, nginx, path},
};
use crate::source::Source;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// What a canary gets.
#[derive(Clone, Debug, Default)]
pub(super) struct Canary {
    weight: i64,
    total: i64,
    /// Requests with this header go to the canary.
    header: Option<Value>,
    /// Requests with this header don't.
    never: Option<Value>,
}

/// What the annotations of a canary say; None: it is none.
pub(super) fn canary(source: &mut Source) -> Option<Canary> {
    if flag(source, "canary") != Some(true) {
        return None;
    }
    let total = number(source, "canary-weight-total").unwrap_or(100).max(1);
    let mut weight = number(source, "canary-weight").unwrap_or(0);
    if weight > total {
        source.lossy(&path("canary-weight"), "is more than all there is; the canary gets everything");
        weight = total;
    }
    let (mut header, mut never) = (None, None);
    if let Some(name) = nginx(source, "canary-by-header") {
        let with = |value: &str| json!({"name": name, "value": value});
        match (nginx(source, "canary-by-header-value"), nginx(source, "canary-by-header-pattern")) {
            (Some(value), _) => header = Some(with(&value)),
            (None, Some(pattern)) => {
                source.lossy(
                    &path("canary-by-header-pattern"),
                    "the gateway compares the expression with the whole value",
                );
                header = Some(json!({"name": name, "value": pattern, "type": "RegularExpression"}));
            }
            (None, None) => (header, never) = (Some(with("always")), Some(with("never"))),
        }
    }
    Some(Canary { weight, total, header, never })
}

fn number(source: &mut Source, key: &str) -> Option<i64> {
    let number =
        source.seen(&path(key)).as_str()?.parse::<i64>().ok().filter(|number| (0..=1_000_000).contains(number));
    if number.is_none() {
        source.unsupported(&path(key), "is no number from 0 to 1000000");
    } else {
        nginx(source, key);
    }
    number
}

/// A place that an Ingress has and its canary shares: namespace, host, pathType, path.
type Place = (String, Option<String>, (String, String));

/// Moves the rules of canaries to the Ingresses that they belong to. What belongs to none is reported.
pub(super) fn merge(all: &mut [Ingress]) {
    let mut mains: BTreeMap<Place, (usize, usize)> = BTreeMap::new();
    for (at, ingress) in all.iter().enumerate().filter(|(_, ingress)| ingress.canary.is_none()) {
        for (number, rule) in ingress.rules.iter().enumerate() {
            mains.entry(place(ingress, rule)).or_insert((at, number));
        }
    }
    for at in 0..all.len() {
        let Some(canary) = all[at].canary.clone() else { continue };
        for rule in std::mem::take(&mut all[at].rules) {
            let main = mains.remove(&place(&all[at], &rule));
            let Some((of, number)) = main.filter(|_| !rule.backends.is_empty()) else {
                let problem = "is a canary, and no Ingress has the same host and path, or it has a canary already";
                all[at].source.unsupported(&rule.at, problem);
                for key in [
                    "canary-by-header",
                    "canary-by-header-value",
                    "canary-by-header-pattern",
                    "canary-weight",
                    "canary-weight-total",
                ] {
                    if !all[at].source.seen(&path(key)).is_null() {
                        all[at].source.unsupported(&path(key), problem);
                    }
                }
                continue;
            };
            all[at].served.extend(rule.host.clone());
            let added = share(&canary, &mut all[of].rules[number], &rule);
            all[of].rules.extend(added);
        }
    }
}

fn place(ingress: &Ingress, rule: &Rule) -> Place {
    (ingress.source.object.namespace.clone(), rule.host.clone(), rule.written.clone())
}

/// Weighs the backends of a rule, and makes rules for those whose header decides.
fn share(canary: &Canary, main: &mut Rule, of_canary: &Rule) -> Vec<Rule> {
    let by = |header: &Value, backends: &[Value]| Rule {
        headers: vec![header.clone()],
        backends: backends.to_vec(),
        ..main.clone()
    };
    let mut added: Vec<Rule> = canary.header.iter().map(|header| by(header, &of_canary.backends)).collect();
    if canary.weight > 0 {
        added.extend(canary.never.iter().map(|header| by(header, &main.backends)));
        let weighed = |backends: &[Value], weight: i64| -> Vec<Value> {
            let with = |backend: &Value| {
                let mut backend = backend.clone();
                backend["weight"] = json!(weight);
                backend
            };
            backends.iter().map(with).collect()
        };
        let of_main = weighed(&main.backends, canary.total - canary.weight);
        main.backends = [of_main, weighed(&of_canary.backends, canary.weight)].concat();
    }
    added
}
