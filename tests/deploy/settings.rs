//! The chart sets variables that the programs know, and runs commands that they have; and `docs/settings.md` says what those mean.

use causeway_rig::workspace_program;
use serde_json::Value;
use std::{collections::BTreeSet, fs, process::Command};

use crate::{
    helm::{ALL, Helm, containers, pods},
    root,
};

fn help(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(workspace_program(program).unwrap()).args(arguments).env_clear().output().unwrap();
    assert!(output.status.success(), "{program} {arguments:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// The help of what a container runs.
fn help_of(container: &Value) -> Option<String> {
    let image = container["image"].as_str().unwrap().rsplit('/').next().unwrap();
    let words = container["args"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let command: Vec<_> = words.take_while(|word| !word.starts_with('-') && !word.starts_with('/')).collect();
    let command = |count: usize| [&command[..count.min(command.len())], &["--help"]].concat();
    match image.split([':', '@']).next().unwrap() {
        "causeway-api" => Some(help("causeway-api", &command(2))),
        "causeway-workers" => Some(help("causeway-workers", &["--help"])),
        "causeway-cli" => Some(help("causeway", &command(1))),
        _ => None,
    }
}

#[tokio::test]
async fn every_variable_and_argument_is_known_to_its_program() {
    let helm = Helm::new();
    // Read by libraries, or by the chart itself.
    let others = ["DATABASE_PASSWORD", "RUST_LOG", "MIMALLOC_PURGE_DELAY"];
    let (mut checked, mut unknown) = (0, BTreeSet::new());
    for values in ALL {
        let rendered = helm.render(values, &[]).await;
        for (owner, pod) in pods(&rendered) {
            for container in containers(pod) {
                let Some(help) = help_of(container) else { continue };
                // A line may end between the words.
                let help = help.split_whitespace().collect::<Vec<_>>().join(" ");
                let names = container["env"].as_array().into_iter().flatten().map(|one| one["name"].as_str().unwrap());
                for name in names.filter(|name| !others.contains(name)) {
                    checked += 1;
                    if !help.contains(&format!("[env: {name}")) {
                        unknown.insert(format!("{owner}: variable {name}"));
                    }
                }
                let flags = container["args"].as_array().into_iter().flatten().filter_map(Value::as_str);
                for flag in flags.filter(|word| word.starts_with("--")).map(|word| word.split('=').next().unwrap()) {
                    checked += 1;
                    if !help.contains(flag) {
                        unknown.insert(format!("{owner}: {flag}"));
                    }
                }
            }
        }
    }
    assert!(checked > 60, "{checked}");
    assert!(unknown.is_empty(), "{unknown:?}");
}

/// Every command of the programs for operators, with what it takes.
fn page() -> String {
    let mut page = "# Settings\n\nWhat the programs take, as they say it themselves: each setting is a flag or a variable of the environment. Written by `make settings`, and compared by a test.\n".to_owned();
    let commands = [
        ("causeway-api", &["serve"][..]),
        ("causeway-workers", &[]),
        ("causeway-api", &["migrate"]),
        ("causeway-api", &["token", "create"]),
        ("causeway-api", &["keys", "re-encrypt"]),
        ("causeway-api", &["dev-ca"]),
        ("causeway-api", &["first-secrets"]),
    ];
    for (program, command) in commands {
        let name = [&[program], command].concat().join(" ");
        let help = help(program, &[command, &["--help"]].concat());
        let help = help.lines().map(str::trim_end).collect::<Vec<_>>().join("\n");
        page.push_str(&format!("\n## {name}\n\n```text\n{}\n```\n", help.trim_end()));
    }
    page
}

#[test]
fn the_page_of_settings_is_what_the_programs_say() {
    let (path, page) = (root().join("docs/settings.md"), page());
    assert!(page.contains("DATABASE_URL") && page.contains("CAUSEWAY_LEASE_TTL"), "{page}");
    if std::env::var_os("WRITE_SETTINGS").is_some() {
        fs::write(&path, &page).unwrap();
    }
    let stands = fs::read_to_string(&path).unwrap_or_default();
    assert!(stands == page, "docs/settings.md is old: run make settings");
}
