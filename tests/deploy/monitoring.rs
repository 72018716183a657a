//! Alert rules and the dashboard of Grafana: their queries can be read, and ask only for metrics that the programs have.

use promql_parser::parser::{self, Expr, VectorSelector};
use serde::Deserialize;
use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use crate::root;

/// What Prometheus reads; it refuses other fields.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Rules {
    groups: Vec<Group>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Group {
    name: String,
    rules: Vec<Alert>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Alert {
    alert: String,
    expr: String,
    #[serde(default)]
    r#for: String,
    labels: BTreeMap<String, String>,
    annotations: BTreeMap<String, String>,
}

fn read(name: &str) -> String {
    fs::read_to_string(root().join("deploy/chart/monitoring").join(name)).unwrap()
}

fn alerts() -> Vec<Alert> {
    let rules: Rules = serde_yaml_ng::from_str(&read("rules.yaml")).unwrap();
    let named: BTreeSet<_> = rules.groups.iter().map(|group| group.name.clone()).collect();
    assert_eq!(named.len(), rules.groups.len());
    rules.groups.into_iter().flat_map(|group| group.rules).collect()
}

/// The queries of the dashboard's panels, by their titles. Grafana puts its own variables in before Prometheus reads them.
fn panels() -> Vec<(String, String)> {
    let dashboard: Value = serde_json::from_str(&read("dashboard.json")).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let queries = panels.iter().flat_map(|panel| {
        let title = panel["title"].as_str().unwrap();
        let targets = panel["targets"].as_array().unwrap();
        targets
            .iter()
            .map(move |target| (title.to_owned(), target["expr"].as_str().unwrap().replace("$__rate_interval", "5m")))
    });
    queries.collect()
}

/// The series that a query selects.
fn selectors(query: &str) -> Vec<VectorSelector> {
    let mut found = vec![];
    collect(&parser::parse(query).unwrap_or_else(|error| panic!("{query}: {error}")), &mut found);
    found
}

fn collect(expression: &Expr, found: &mut Vec<VectorSelector>) {
    match expression {
        Expr::VectorSelector(selector) => found.push(selector.clone()),
        Expr::MatrixSelector(matrix) => found.push(matrix.vs.clone()),
        Expr::Aggregate(aggregate) => collect(&aggregate.expr, found),
        Expr::Unary(unary) => collect(&unary.expr, found),
        Expr::Binary(binary) => {
            collect(&binary.lhs, found);
            collect(&binary.rhs, found);
        }
        Expr::Paren(paren) => collect(&paren.expr, found),
        Expr::Subquery(subquery) => collect(&subquery.expr, found),
        Expr::Call(call) => call.args.args.iter().for_each(|argument| collect(argument, found)),
        Expr::NumberLiteral(_) | Expr::StringLiteral(_) | Expr::Extension(_) => {}
    }
}

/// The metrics that the sources of the programs record, each with the type that Prometheus is told.
fn recorded() -> BTreeMap<String, &'static str> {
    let mut found = BTreeMap::new();
    for folder in ["api/src", "workers/src", "core"] {
        sources(&root().join(folder), &mut |text| {
            for (made_by, kind) in [("counter!(\"", "counter"), ("gauge!(\"", "gauge"), ("histogram!(\"", "summary")] {
                let names = text.split(made_by).skip(1).filter_map(|rest| rest.split('"').next());
                let names = names.filter(|name| name.starts_with("causeway_"));
                found.extend(names.map(|name| (name.to_owned(), kind)));
            }
        });
    }
    found
}

/// The metrics in the table of the page, each with its type there.
fn described(page: &str) -> BTreeMap<String, String> {
    let (_, after) = page.split_once("\n## Metrics\n").unwrap();
    let section = after.split("\n## ").next().unwrap();
    let mut found = BTreeMap::new();
    for row in section.lines().filter(|line| line.starts_with("| `causeway_")) {
        let cells: Vec<&str> = row.trim_matches('|').split(" | ").map(str::trim).collect();
        let [names, kinds, ..] = cells.as_slice() else { panic!("{row}") };
        let (names, kinds) = (names.split(", "), kinds.split(", "));
        assert_eq!(names.clone().count(), kinds.clone().count(), "{row}");
        for (name, kind) in names.zip(kinds) {
            let twice = found.insert(name.trim_matches('`').to_owned(), kind.to_owned());
            assert_eq!(twice, None, "{name} is in the table twice");
        }
    }
    found
}

#[test]
fn the_page_describes_exactly_the_metrics_that_the_programs_have() {
    let page = fs::read_to_string(root().join("docs/monitoring.md")).unwrap();
    let recorded: BTreeMap<_, _> = recorded().into_iter().map(|(name, kind)| (name, kind.to_owned())).collect();
    assert!(recorded.len() > 10, "only {recorded:?} are found: are the sources elsewhere?");
    assert_eq!(described(&page), recorded);
}

fn sources(folder: &Path, read: &mut impl FnMut(&str)) {
    let mut entries: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            sources(&path, read);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            read(&fs::read_to_string(&path).unwrap());
        }
    }
}

#[test]
fn every_query_asks_for_metrics_that_the_programs_have() {
    let recorded = recorded();
    let alerts = alerts().into_iter().map(|alert| (alert.alert, alert.expr));
    let (mut unknown, mut asked) = (BTreeSet::new(), BTreeSet::new());
    for (place, query) in alerts.chain(panels()) {
        for selector in selectors(&query) {
            let name = selector.name.unwrap_or_else(|| panic!("{place}: a selector without a metric"));
            if !recorded.contains_key(&name) {
                unknown.insert(format!("{place}: {name}"));
            }
            asked.insert(name);
        }
    }
    assert!(unknown.is_empty(), "{unknown:?}");
    let silent: Vec<_> = recorded.keys().filter(|name| !asked.contains(*name)).collect();
    assert!(silent.is_empty(), "no panel and no alert shows {silent:?}");
}

/// Values that a selector chooses have to be those that the programs give, or an alert never fires.
#[test]
fn labels_that_a_query_chooses_exist() {
    let known: BTreeMap<&str, &[&str]> = BTreeMap::from([
        ("kind", &["KubernetesRuntimeInstance"][..]),
        ("step", &["ClusterReachable"]),
        ("outcome", &["unwritten"]),
        ("code", &["5.."]),
        ("quantile", &["0.99", "0.5|0.99"]),
    ]);
    let mut source = String::new();
    for folder in ["api/src", "workers", "core"] {
        sources(&root().join(folder), &mut |text| source.push_str(text));
    }
    for word in ["KubernetesRuntimeInstance", "\"ClusterReachable\"", "\"unwritten\""] {
        assert!(source.contains(word), "no program says {word}");
    }
    let alerts = alerts().into_iter().map(|alert| (alert.alert, alert.expr));
    for (place, query) in alerts.chain(panels()) {
        for matcher in selectors(&query).iter().flat_map(|selector| selector.matchers.matchers.iter()) {
            if matcher.name == "namespace" {
                continue;
            }
            let values = known.get(matcher.name.as_str()).unwrap_or_else(|| panic!("{place}: label {}", matcher.name));
            assert!(values.contains(&matcher.value.as_str()), "{place}: {}={}", matcher.name, matcher.value);
        }
    }
}

#[test]
fn every_alert_says_what_happened_and_its_page_what_to_do() {
    let page = fs::read_to_string(root().join("docs/monitoring.md")).unwrap();
    let alerts = alerts();
    assert!(alerts.len() >= 10, "{}", alerts.len());
    for alert in alerts {
        let name = &alert.alert;
        assert!(["critical", "warning"].contains(&alert.labels["severity"].as_str()), "{name}");
        assert!(!alert.annotations["summary"].is_empty() && !alert.annotations["description"].is_empty(), "{name}");
        assert!(alert.r#for.is_empty() || alert.r#for.ends_with(['m', 'h']), "{name}: for {}", alert.r#for);
        assert!(page.contains(&format!("`{name}`")), "docs/monitoring.md doesn't say what to do about {name}");
    }
}

#[test]
fn every_panel_chooses_the_installation_and_has_a_place_of_its_own() {
    for (title, query) in panels() {
        for selector in selectors(&query) {
            let chooses = selector.matchers.matchers.iter().any(|matcher| matcher.name == "namespace");
            assert!(chooses, "{title}: {query}");
        }
    }
    let dashboard: Value = serde_json::from_str(&read("dashboard.json")).unwrap();
    let mut taken = BTreeSet::new();
    for panel in dashboard["panels"].as_array().unwrap() {
        let at = |field: &str| panel["gridPos"][field].as_u64().unwrap();
        assert!(at("x") + at("w") <= 24, "{}", panel["title"]);
        for cell in (at("x")..at("x") + at("w")).flat_map(|x| (at("y")..at("y") + at("h")).map(move |y| (x, y))) {
            assert!(taken.insert(cell), "{} lies over another panel", panel["title"]);
        }
        assert_eq!(panel["datasource"]["uid"], "${datasource}", "{}", panel["title"]);
    }
}
