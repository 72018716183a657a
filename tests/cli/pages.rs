//! The commands of pages work as they are printed there. [`crate::hour`] runs those of `docs/cli.md`, and of pages that need a cluster.

use causeway_testkit::pages::commands;
use std::{fs, path::Path};

use crate::{Cli, RUNTIME, api, root};

/// Whoever reads a page is told "no" by some of its commands, and reads on. And curl says by its code that it was refused.
const BEFORE: &str = r#"
causeway() { command causeway "$@" || { [ $? = 1 ] && [[ $1 = status || $1 = diagnose ]]; }; }
curl() { command curl --fail-with-body "$@"; }
"#;

impl Cli {
    /// Runs the commands of a page in its home, where `deploy` is the repository's. `variables`: what the page says that its reader has. What they print.
    pub(crate) async fn page(&self, page: &str, variables: &[(&str, &str)]) -> String {
        let script = commands(&fs::read_to_string(root().join(page)).unwrap());
        assert!(!script.is_empty(), "{page} has no commands to run");
        let deploy = self.home().join("deploy");
        if !deploy.exists() {
            std::os::unix::fs::symlink(root().join("deploy"), &deploy).unwrap();
        }
        let mut bash = self.command(Path::new("bash"));
        bash.args(["-eux", "-o", "pipefail", "-c", &format!("{BEFORE}{script}")]).envs(variables.iter().copied());
        let output = bash.output().await.unwrap();
        let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{page}: {}\n{out}\n{err}", output.status);
        out.into_owned()
    }
}

/// For these, records suffice: nobody brings them about.
#[tokio::test]
async fn the_commands_of_pages_about_records_work() {
    let (platform, cli) = api("pages").await;
    let made = cli.feed(&["apply", "-f", "-"], RUNTIME).await;
    assert_eq!(made.code, 0, "{made:?}");
    let sample = root().join("deploy/samples/shop-on-causeway.yaml");
    cli.done(&["apply", "-f", sample.to_str().unwrap()]).await;
    let id = async |record: &str| cli.json(&["get", record]).await["ID"].as_str().unwrap().to_owned();
    let (workload, runtime) = (id("workload-instance/shop").await, id("kubernetes-runtime-instance/main").await);
    let (domain, url) = (id("domain-name-definition/example").await, platform.url());
    let variables = [
        ("API", url.as_str()),
        ("ID", workload.as_str()),
        ("RUNTIME", runtime.as_str()),
        ("DOMAIN", domain.as_str()),
        ("REQUEST", "one-of-yours"),
    ];
    let page = async |page: &str| cli.page(page, &variables).await;
    assert!(page("docs/plan.md").await.contains("HTTPRoute.gateway.networking.k8s.io/"));
    page("docs/certificates.md").await;
    assert!(page("docs/dns.md").await.contains("ListHostedZones"));
    assert!(page("docs/audit-and-keys.md").await.contains("\"Action\":\"Create\""));
    assert!(page("docs/troubleshooting.md").await.contains("www.example.test is not served"));
    page("docs/faults.md").await;
    platform.stop().await;
}
