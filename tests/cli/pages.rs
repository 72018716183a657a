//! The commands of pages work as they are printed there. [`crate::hour`] runs those of `docs/cli.md`, and of pages that need a cluster.

use causeway_testkit::pages::commands;
use chrono::{SecondsFormat, TimeDelta, Utc};
use std::{fs, path::Path};

use crate::{Cli, RUNTIME, api, api_with, root};

/// A key for secrets at rest, in base64.
const NEW_KEY: &str = "YW5vdGhlciBrZXksIG9mIDMyIGJ5dGVzIGV4YWN0bHk=";
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
    let domain = id("domain-name-definition/example").await;
    let (url, database) = (platform.url(), platform.database_url());
    let variables = [
        ("API", url.as_str()),
        ("ID", workload.as_str()),
        ("RUNTIME", runtime.as_str()),
        ("DOMAIN", domain.as_str()),
        ("REQUEST", "one-of-yours"),
        ("DATABASE_URL", database.as_str()),
        ("OLD", platform.encryption_key()),
        ("NEW", NEW_KEY),
    ];
    let page = async |page: &str| cli.page(page, &variables).await;
    assert!(page("docs/plan.md").await.contains("HTTPRoute.gateway.networking.k8s.io/"));
    page("docs/certificates.md").await;
    assert!(page("docs/dns.md").await.contains("ListHostedZones"));
    assert!(page("docs/troubleshooting.md").await.contains("www.example.test is not served"));
    page("docs/faults.md").await;
    // At last: this API doesn't have the key under which secrets are from then on.
    let told = page("docs/audit-and-keys.md").await;
    for part in ["\"Action\":\"Create\"", " encrypted anew, 0 were under", "  0  not needed any more"] {
        assert!(told.contains(part), "{part}: {told}");
    }
    platform.stop().await;
}

#[tokio::test]
async fn the_commands_of_the_page_about_security_work() {
    let (platform, cli) = api_with("pages_security", &["--auth", "tokens"]).await;
    let made = platform.run_api(&["token", "create", "--name", "first", "--role", "admin"]).await.unwrap();
    let token = String::from_utf8(made.stdout).unwrap().trim().to_owned();
    let admin = Cli::new(&platform.url()).with("CAUSEWAY_TOKEN", &token);
    admin.done(&["token", "create", "leaves", "--role", "viewer", "--expires", "1h"]).await;
    let id = admin.json(&["get", "access-token/leaves"]).await["ID"].as_str().unwrap().to_owned();
    let until = (Utc::now() + TimeDelta::days(1)).to_rfc3339_opts(SecondsFormat::Secs, true);
    let (url, database) = (platform.url(), platform.database_url());
    let variables = [
        ("DATABASE_URL", database.as_str()),
        ("API", url.as_str()),
        ("TOKEN", token.as_str()),
        ("ID", id.as_str()),
        ("UNTIL", until.as_str()),
    ];
    let told = cli.page("docs/security.md", &variables).await;
    assert!(told.starts_with("causeway_") && told.contains("\"Name\":\"ci\""), "{told}");
    assert_eq!(
        admin.done(&["token", "list", "-o", "name"]).await,
        "access-token/first\naccess-token/ops\naccess-token/ci\n"
    );
    assert!(cli.home().join("pki/ca.crt").is_file());
    platform.stop().await;
}
