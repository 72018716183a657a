//! `docs/values.md`: every value of the chart, with what `values.schema.json` lets it be, and what `values.yaml` says of it.

use causeway_testkit::pages::blocks;
use serde_json::Value;
use serde_yaml_ng::{Mapping, Value as Yaml};
use std::{collections::BTreeMap, fmt::Write, fs};

use crate::{
    helm::{Helm, RELEASE, chart, containers, objects, pods},
    root,
};

const PAGE: &str = "docs/values.md";
const HEAD: &str = "# Values of the chart

What [deploy/chart](../deploy/chart) takes: the type from its schema, which refuses everything else, and the default and the words from its `values.yaml`. Written by `make reference`, and compared by a test.
[install.md](install.md) says which ones the first installation needs.
";

fn read(name: &str) -> String {
    fs::read_to_string(root().join("deploy/chart").join(name)).unwrap()
}

/// The comments of a YAML file by the paths that they stand before.
fn comments(text: &str) -> BTreeMap<String, String> {
    let (mut found, mut pending, mut path) = (BTreeMap::new(), vec![], Vec::<(usize, &str)>::new());
    for line in text.lines() {
        let inner = line.trim_start();
        let indent = line.len() - inner.len();
        if let Some(comment) = inner.strip_prefix("# ") {
            pending.push(comment);
            continue;
        }
        if let Some((key, _)) = inner.split_once(':') {
            path.retain(|(outer, _)| *outer < indent);
            path.push((indent, key));
            if !pending.is_empty() {
                let whole: Vec<_> = path.iter().map(|(_, key)| *key).collect();
                found.insert(whole.join("."), pending.join(" "));
            }
        }
        pending.clear();
    }
    found
}

/// A part of the schema with what it refers to.
fn resolved<'s>(schema: &'s Value, all: &'s Value) -> &'s Value {
    match schema["$ref"].as_str() {
        Some(to) => all.pointer(to.trim_start_matches('#')).unwrap(),
        None => schema,
    }
}

/// What a value may be, in words.
fn kind(schema: &Value, all: &Value) -> String {
    let schema = resolved(schema, all);
    if let Some(title) = schema["title"].as_str() {
        return title.to_owned();
    }
    let code = |text: &str| format!("`{}`", text.replace('|', "\\|"));
    if let Some(words) = schema["enum"].as_array() {
        let words: Vec<_> = words.iter().map(|word| code(&word.to_string())).collect();
        return words.join(" or ");
    }
    if let Some(ways) = schema["anyOf"].as_array() {
        return ways.iter().map(|way| kind(way, all)).collect::<Vec<_>>().join(" or ");
    }
    let pattern = schema["pattern"].as_str().map(|pattern| format!(" like {}", code(pattern))).unwrap_or_default();
    match schema["type"].as_str().unwrap() {
        "string" => format!("text{pattern}"),
        "integer" => match (schema["minimum"].as_i64(), schema["maximum"].as_i64()) {
            (Some(least), Some(most)) => format!("number from {least} to {most}"),
            (Some(least), None) => format!("number, at least {least}"),
            _ => "number".to_owned(),
        },
        "boolean" => "true or false".to_owned(),
        "array" if schema["items"].is_object() => format!("list of {}", kind(&schema["items"], all)),
        "array" => "list".to_owned(),
        "object" if schema["additionalProperties"].is_object() => {
            format!("map to {}", kind(&schema["additionalProperties"], all))
        }
        "object" => "object".to_owned(),
        other => other.to_owned(),
    }
}

/// Rows of a value and of those in it.
struct Table<'a> {
    schema: &'a Value,
    comments: BTreeMap<String, String>,
    rows: Vec<String>,
}

impl Table<'_> {
    /// What is said of a value; workers and API have many of one meaning.
    fn words(&self, path: &str) -> &str {
        let of_api = || path.strip_prefix("workers.").and_then(|rest| self.comments.get(&format!("api.{rest}")));
        self.comments.get(path).or_else(of_api).map_or("", String::as_str)
    }

    /// `default`: from the file, whose order the page has.
    fn add(&mut self, path: &str, schema: &Value, default: &Yaml) {
        let words = self.words(path).replace('|', "\\|");
        let schema = resolved(schema, self.schema).clone();
        let inner = default.as_mapping().filter(|_| schema["properties"].is_object() && !path.ends_with("resources"));
        let Some(inner) = inner else {
            let text = serde_json::to_string(default).unwrap().replace('|', "\\|");
            let default = if default.is_null() { String::new() } else { format!("`{text}`") };
            self.rows.push(format!("| `{path}` | {} | {default} | {words} |", kind(&schema, self.schema)));
            return;
        };
        if path.contains('.') && !words.is_empty() {
            self.rows.push(format!("| `{path}` | | | {words} |"));
        }
        for (name, default) in inner {
            let name = name.as_str().unwrap();
            self.add(&format!("{path}.{name}"), &schema["properties"][name], default);
        }
    }
}

fn page() -> String {
    let schema: Value = serde_json::from_str(&read("values.schema.json")).unwrap();
    let values = read("values.yaml");
    let defaults: Mapping = serde_yaml_ng::from_str(&values).unwrap();
    let mut page = HEAD.to_owned();
    for (name, default) in &defaults {
        let name = name.as_str().unwrap();
        let part = &schema["properties"][name];
        let mut table = Table { schema: &schema, comments: comments(&values), rows: vec![] };
        table.add(name, part, default);
        let is_section = resolved(part, &schema)["properties"].is_object();
        let words = if is_section { table.words(name).to_owned() } else { String::new() };
        write!(page, "\n## {name}\n\n").unwrap();
        if !words.is_empty() {
            writeln!(page, "{words}\n").unwrap();
        }
        writeln!(page, "| Value | Type | Default | What it is |\n|---|---|---|---|\n{}", table.rows.join("\n"))
            .unwrap();
    }
    page
}

#[test]
fn the_page_of_values_is_what_the_chart_says() {
    let (path, page) = (root().join(PAGE), page());
    for row in [
        "| `workers.ownCluster.enabled` | true or false | `false` |",
        "| `service.type` | `\"ClusterIP\"` or `\"NodePort\"` or `\"LoadBalancer\"` | `\"ClusterIP\"` |",
        "| `workers.podDisruptionBudget` | | | At most one of minAvailable and maxUnavailable.",
    ] {
        assert!(page.contains(row), "{row}: {page}");
    }
    if std::env::var_os("WRITE_REFERENCE").is_some() {
        fs::write(&path, &page).unwrap();
    }
    assert!(fs::read_to_string(&path).unwrap_or_default() == page, "{PAGE} is old: run make reference");
}

/// Those of the page on installing, and beside them those of the page on monitoring.
#[tokio::test]
async fn the_chart_takes_the_values_that_pages_show() {
    let dir = tempfile::tempdir().unwrap();
    let mut arguments = ["template", RELEASE].map(str::to_owned).to_vec();
    arguments.push(chart());
    for (number, page) in ["docs/install.md", "docs/monitoring.md"].iter().enumerate() {
        let page = fs::read_to_string(root().join(page)).unwrap();
        let mut shown = blocks(&page).into_iter().filter(|block| block.mark == "yaml");
        let file = dir.path().join(format!("{number}.yaml"));
        fs::write(&file, shown.next().unwrap().text).unwrap();
        assert_eq!(shown.next(), None, "a page shows all of its values in one block");
        arguments.extend(["--values".to_owned(), file.display().to_string()]);
    }
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let made = objects(&Helm::new().done(&arguments).await);
    let has = |kind: &str| made.iter().filter(|object| object["kind"] == kind).count();
    assert_eq!((has("ServiceMonitor"), has("PrometheusRule")), (2, 1));
    let of_pods = pods(&made);
    let from = |image: &Value| image.as_str().unwrap().starts_with("registry.example.org/causeway/causeway-");
    assert!(!of_pods.is_empty() && of_pods.iter().all(|(_, pod)| containers(pod).all(|one| from(&one["image"]))));
}

#[test]
fn comments_are_found_by_what_they_stand_before() {
    let found = comments("# Of a.\na:\n  # Of b,\n  # long.\n  b: 1\n  c: {d: 2}\n\n# Of nothing.\n\ne: 3\n");
    let expected = [("a", "Of a."), ("a.b", "Of b, long.")].map(|(path, of)| (path.to_owned(), of.to_owned()));
    assert_eq!(found, BTreeMap::from(expected));
}
