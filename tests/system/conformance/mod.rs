//! The traffic tests of Gateway API's own conformance suite, twice: on objects that are applied straight, and on those that workers write because the suite's
//! creations are imports with take-over. The suite is a program of the rig, `tests/rig/tools/conformance`; what all of its tests share stays between the two runs,
//! and is taken over while it serves.

mod report;

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    time::Duration,
};

use causeway_rig::{machine_port, workspace_program};
use causeway_testkit::{Harness, api, kinds::GATEWAY_CLASS};
use kube::api::DeleteParams;
use serde_json::json;
use tokio::{process::Command, time::timeout};

use self::report::{Outcome, Report, known};
use crate::fixture::Fixture;

/// The class of the suite's Gateways.
const CLASS: &str = "gateway-conformance";
/// What `make test` runs: matches and their order, redirects, rewrites, headers, weights and grants; gRPC; TLS that is passed on.
const PART: [&str; 20] = [
    "HTTPRouteSimpleSameNamespace",
    "HTTPRouteCrossNamespace",
    "HTTPRouteExactPathMatching",
    "HTTPRouteHeaderMatching",
    "HTTPRouteMatching",
    "HTTPRouteMatchingAcrossRoutes",
    "HTTPRouteMethodMatching",
    "HTTPRoutePathMatchOrder",
    "HTTPRouteQueryParamMatching",
    "HTTPRouteRedirectHostAndStatus",
    "HTTPRouteRedirectPath",
    "HTTPRouteReferenceGrant",
    "HTTPRouteRequestHeaderModifier",
    "HTTPRouteResponseHeaderModifier",
    "HTTPRouteRewriteHost",
    "HTTPRouteRewritePath",
    "HTTPRouteWeight",
    "GRPCExactMethodMatching",
    "GRPCRouteHeaderMatching",
    "TLSRouteSimpleSameNamespace",
];
const PART_WITHIN: Duration = Duration::from_secs(20 * 60);
const WHOLE_WITHIN: Duration = Duration::from_secs(2 * 3600);

/// The suite, and where it writes.
struct Suite {
    harness: &'static Harness,
    tests: String,
    folder: PathBuf,
    within: Duration,
}

impl Suite {
    async fn new(name: &str, tests: String, within: Duration) -> Self {
        // The controller is there then.
        let harness = Fixture::ready("conformance", json!({"HttpPorts": [{"Port": 80}]})).await.harness;
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/conformance").join(name);
        if folder.exists() {
            fs::remove_dir_all(&folder).unwrap();
        }
        fs::create_dir_all(&folder).unwrap();
        Self { harness, tests, folder: folder.canonicalize().unwrap(), within }
    }

    async fn run(&self, how: &str, more: &[&str]) -> Vec<Outcome> {
        let endpoints = &self.harness.endpoints;
        let (results, log) = (self.folder.join(format!("{how}.json")), self.folder.join(format!("{how}.log")));
        let out = File::create(&log).unwrap();
        let mut command = Command::new(&endpoints.programs["conformance"]);
        command.args(["-gateway-class", CLASS, "-tests", &self.tests]).arg("-results").arg(&results);
        let kubeconfig = &endpoints.cluster().admin.kubeconfig;
        command.arg("-pod-logs").arg(kubeconfig.with_file_name("logs")).args(more);
        command.env("KUBECONFIG", kubeconfig).current_dir(&self.folder);
        command.stdout(out.try_clone().unwrap()).stderr(out).kill_on_drop(true);
        // Its exit code says that some test has failed, which the results say of each.
        let status = timeout(self.within, command.status()).await.expect("the suite ends").unwrap();
        let text = fs::read_to_string(&log).unwrap();
        let end = || text.lines().rev().take(40).collect::<Vec<_>>().into_iter().rev().collect::<Vec<_>>().join("\n");
        let outcomes = fs::read(&results)
            .unwrap_or_else(|_| panic!("the suite ran no test ({status}); see {}:\n{}", log.display(), end()));
        let outcomes: Vec<Outcome> = serde_json::from_slice(&outcomes).unwrap();
        outcomes.into_iter().map(|one| one.explained(&text)).collect()
    }

    /// Both runs, and how they differ.
    async fn compared(&self) -> Report {
        let straight = self.run("straight", &["-cleanup-base-resources=false"]).await;
        let (causeway, url) = (workspace_program("causeway").unwrap(), self.harness.platform.url());
        let through = self.run("through", &["-causeway", &causeway.to_string_lossy(), "-server", &url]).await;
        let kube = self.harness.kube().await.unwrap();
        api(&kube, GATEWAY_CLASS, None).delete(CLASS, &DeleteParams::default()).await.unwrap();
        let report = Report::new(&straight, &through, &known());
        fs::write(self.folder.join("report.txt"), report.to_string()).unwrap();
        fs::write(self.folder.join("report.json"), serde_json::to_string_pretty(&report).unwrap()).unwrap();
        report
    }
}

/// Whether the suite reaches Gateways: it connects to the ports of their listeners.
fn reaches_low_ports() -> bool {
    let reaches = machine_port(80) == 80;
    if !reaches {
        eprintln!("the conformance tests are left out: they ask port 80 itself, which the system keeps for root here");
    }
    reaches
}

#[tokio::test]
async fn a_part_of_the_conformance_tests_passes_straight_and_through_the_api() {
    if !reaches_low_ports() {
        return;
    }
    let report = Suite::new("part", PART.join(","), PART_WITHIN).await.compared().await;
    eprintln!("{report}");
    assert_eq!(report.troubles(), [""; 0], "each of these passes both ways, by records");
    assert_eq!(report.passed(), (PART.len(), PART.len()));
}

#[tokio::test]
#[ignore = "takes long: make conformance"]
async fn as_many_conformance_tests_pass_through_the_api_as_straight() {
    if !reaches_low_ports() {
        return;
    }
    let tests = std::env::var("CONFORMANCE").unwrap_or_default();
    let report = Suite::new("whole", tests, WHOLE_WITHIN).await.compared().await;
    eprintln!("{report}");
    let why = "each difference needs a reason in tests/system/conformance/differences.toml";
    assert_eq!(report.unexplained(), [""; 0], "{why}");
}
