//! When each alert fires: `alerts.yaml`, which promtool plays as Prometheus would.

use causeway_rig::promtool;
use serde_json::{Value, json};
use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::root;

const TESTS: &str = "tests/deploy/alerts.yaml";
const RULES: &str = "deploy/chart/monitoring/rules.yaml";

fn read(path: &str) -> Value {
    serde_yaml_ng::from_str(&fs::read_to_string(root().join(path)).unwrap()).unwrap()
}

/// Whether the tests of a file hold, and what promtool says.
fn played(program: &Path, tests: &Path) -> (bool, String) {
    let output = Command::new(program).args(["test", "rules"]).arg(tests).output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&said).into_owned())
}

/// The same tests of other rules.
fn played_with(program: &Path, rules: &Value) -> bool {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, what: &Value| -> PathBuf {
        let path = folder.path().join(name);
        fs::write(&path, what.to_string()).unwrap();
        path
    };
    let rules = write("rules.yaml", rules);
    let mut tests = read(TESTS);
    tests["rule_files"] = json!([rules]);
    played(program, &write("tests.yaml", &tests)).0
}

#[test]
fn each_alert_fires_when_it_should_and_is_silent_otherwise() {
    let program = promtool().unwrap();
    let (holds, said) = played(&program, &root().join(TESTS));
    assert!(holds, "{said}");
    let rules = read(RULES);
    let (tests, mut fires, mut silent) = (read(TESTS), BTreeSet::new(), BTreeSet::new());
    let checks = tests["tests"].as_array().unwrap().iter().flat_map(|test| test["alert_rule_test"].as_array().unwrap());
    for check in checks {
        let found = if check["exp_alerts"].as_array().unwrap().is_empty() { &mut silent } else { &mut fires };
        found.insert(check["alertname"].as_str().unwrap());
    }
    let alerts = rules["groups"][0]["rules"].as_array().unwrap();
    for alert in alerts.iter().map(|rule| rule["alert"].as_str().unwrap()) {
        assert!(fires.contains(alert) && silent.contains(alert), "{TESTS} tries {alert} in one way only");
    }
}

/// A test that holds whatever a rule says is none.
#[test]
fn the_tests_of_alerts_notice_a_rule_that_is_wrong() {
    let (program, rules) = (promtool().unwrap(), read(RULES));
    assert!(played_with(&program, &rules), "the rules themselves are right");
    let count = rules["groups"][0]["rules"].as_array().unwrap().len();
    for at in 0..count {
        let with = |field: &str, value: &str| {
            let mut rules = rules.clone();
            rules["groups"][0]["rules"][at][field] = json!(value);
            (rules["groups"][0]["rules"][at]["alert"].clone(), field.to_owned(), value.to_owned(), rules)
        };
        let mut wrong = vec![with("expr", "vector(0) > 1"), with("expr", "vector(1)"), with("for", "59m")];
        if rules["groups"][0]["rules"][at]["for"].is_string() {
            wrong.push(with("for", "0m"));
        }
        for (alert, field, value, rules) in wrong {
            assert!(!played_with(&program, &rules), "nobody notices that {alert} has {field}: {value}");
        }
    }
}
