//! The blocks of the pages: each says what it holds, and commands that say they are run are run by a test.

use causeway_testkit::pages::{COMPARED, ELSEWHERE, RUN, blocks};
use std::{collections::BTreeSet, fs};

use crate::pages::{pages, root};

/// What a block may be besides commands.
const OTHERS: [&str; 5] = ["text", "json", "yaml", "sql", "rust"];
/// With these a command line begins.
const PROGRAMS: [&str; 10] =
    ["aws", "causeway", "causeway-api", "curl", "docker", "helm", "kubectl", "make", "openssl", "skopeo"];
/// The pages whose commands are run, each with the test that runs them.
const RUN_BY: [(&str, &str); 15] = [
    ("README.md", "tests/cli/hour.rs"),
    ("docs/api.md", "tests/document/docs.rs"),
    ("docs/audit-and-keys.md", "tests/cli/pages.rs"),
    ("docs/certificates.md", "tests/cli/pages.rs"),
    ("docs/cli.md", "tests/cli/hour.rs"),
    ("docs/dns.md", "tests/cli/pages.rs"),
    ("docs/faults.md", "tests/cli/pages.rs"),
    ("docs/from-gloo.md", "tests/cli/hour.rs"),
    ("docs/from-ingress.md", "tests/cli/hour.rs"),
    ("docs/import.md", "tests/cli/hour.rs"),
    ("docs/install.md", "tests/deploy/trial.rs"),
    ("docs/plan.md", "tests/cli/pages.rs"),
    ("docs/security.md", "tests/cli/pages.rs"),
    ("docs/shared-gateways.md", "tests/cli/hour.rs"),
    ("docs/troubleshooting.md", "tests/cli/pages.rs"),
];

/// The same, where what they print is compared.
const COMPARED_BY: (&str, &str) = ("README.md", "tests/demo/src/page.rs");

#[test]
fn each_block_says_what_it_holds_and_commands_are_run() {
    let mut wrong = vec![];
    let mut run = BTreeSet::new();
    for page in pages() {
        for block in blocks(&fs::read_to_string(root().join(&page)).unwrap()) {
            let first = block.text.lines().next().unwrap_or_default();
            match block.mark.as_str() {
                RUN => drop(run.insert(page.clone())),
                COMPARED if page == COMPARED_BY.0 => {}
                ELSEWHERE => {}
                other if !OTHERS.contains(&other) => {
                    wrong.push(format!("{page}: what is `{first}`? It is marked `{other}`"))
                }
                _ => {
                    let begins = |line: &&str| line.split(' ').next().is_some_and(|word| PROGRAMS.contains(&word));
                    let command = block.text.lines().find(begins);
                    wrong.extend(command.map(|line| {
                        format!("{page}: `{line}` is a command: mark the block `{RUN}`, or `{ELSEWHERE}`")
                    }));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    let of_tests: BTreeSet<_> = RUN_BY.iter().map(|(page, _)| (*page).to_owned()).collect();
    assert_eq!(run, of_tests, "the pages with commands that are run, and those that tests run");
    for (page, test) in RUN_BY.into_iter().chain([COMPARED_BY]) {
        let text = fs::read_to_string(root().join(test)).unwrap();
        assert!(text.contains(page), "{test} doesn't name {page}");
    }
}
