//! The steps of both commands.

use std::time::{Duration, Instant};

use anyhow::Result;
use causeway_rig::{Knobs, Options, OrderFault, Rig};
use causeway_testkit::{ControlPlane, Kubectl, Setup, zone::create_zone};

use crate::{
    check::Check,
    curl::Curl,
    page,
    sample::Sample,
    view::{View, causeway_line},
};

const DOMAIN: &str = "example.test";
/// The authority doesn't sign for this name, so that one sees what a refusal looks like.
const FORBIDDEN: &str = "forbidden.example.test";
/// What the sample's workload says.
const ANSWER: &str = "Hello from the shop";
/// For everything to work, on a slow machine.
const WORKS_WITHIN: Duration = Duration::from_secs(240);
const GONE_WITHIN: Duration = Duration::from_secs(120);

/// The rig with a control plane and the sample on it.
struct Demo {
    rig: Rig,
    platform: ControlPlane,
    sample: Sample,
    zone: String,
    begun: Instant,
    times: Vec<(&'static str, Duration)>,
}

/// `make up`: returns when everything works; the caller keeps it running and ends it with [`Up::stop`].
///
/// # Errors
/// When something doesn't come up: the message says what, and where its log is.
pub(crate) async fn up(port: u16) -> Result<Up> {
    let mut demo = Demo::start((port != 0).then_some(port)).await?;
    match demo.create().await {
        Ok(()) => {
            demo.print_addresses().await?;
            Ok(Up(demo))
        }
        Err(error) => {
            demo.fail().await;
            Err(error)
        }
    }
}

/// A running demonstration.
pub(crate) struct Up(Demo);

impl Up {
    /// Ends everything.
    pub(crate) async fn stop(self) {
        self.0.stop().await;
    }
}

/// `make demo`: makes, checks, deletes, checks.
///
/// # Errors
/// When anything isn't as it should be.
pub(crate) async fn demo() -> Result<()> {
    let mut demo = Demo::start(None).await?;
    match demo.create_check_and_delete().await {
        Ok(()) => {
            let times = demo.times.clone();
            demo.stop().await;
            View::times(&times);
            Ok(())
        }
        Err(error) => {
            demo.fail().await;
            Err(error)
        }
    }
}

impl Demo {
    async fn start(port: Option<u16>) -> Result<Self> {
        let begun = Instant::now();
        View::title("Starting Kubernetes, Postgres, NATS and the Route53 emulator");
        let rig = Rig::start(Options::default()).await?;
        let detail = format!("the policy of this authority forbids certificates for {FORBIDDEN}");
        let refusal = OrderFault { status: 400, problem: "rejectedIdentifier".into(), detail };
        Knobs::new(rig.endpoints()).set_order_fault(FORBIDDEN, Some(&refusal)).await?;
        let started = begun.elapsed();
        View::title("Starting Causeway: the API and two workers");
        let zone = create_zone(rig.endpoints(), DOMAIN).await?;
        let setup = Setup { workers: 2, port, ..Setup::named("causeway") };
        let platform = ControlPlane::start(rig.endpoints(), setup).await?;
        let times = vec![("start the real parts", started), ("start Causeway", begun.elapsed() - started)];
        let sample = Sample::new(platform.client());
        Ok(Self { rig, platform, sample, zone, begun, times })
    }

    async fn create(&mut self) -> Result<()> {
        View::title("Creating a workload, a gateway and a domain name through the API");
        let begun = Instant::now();
        self.sample.create(self.rig.endpoints(), DOMAIN).await?;
        View::follow(&self.platform.client(), &self.sample.records(), WORKS_WITHIN).await?;
        self.times.push(("create, until every condition is True", begun.elapsed()));
        Ok(())
    }

    async fn create_check_and_delete(&mut self) -> Result<()> {
        self.create().await?;
        let check = Check {
            endpoints: self.rig.endpoints(),
            kubectl: Kubectl::new(self.rig.endpoints(), self.rig.endpoints().cluster())?,
            zone: &self.zone,
            host: format!("www.{DOMAIN}"),
        };
        View::title("Checking with kubectl and in the zone");
        let begun = Instant::now();
        check.is_there().await?;
        self.times.push(("check", begun.elapsed()));
        View::title("Asking the shop by its name");
        let begun = Instant::now();
        let curl = Curl::new(self.rig.endpoints(), &check.host).await?;
        curl.answers(ANSWER).await?;
        self.times.push(("ask", begun.elapsed()));
        View::title("Having things go wrong, as the README shows it");
        let begun = Instant::now();
        page::run(&self.platform.url()).await?;
        curl.answers(ANSWER).await?;
        self.times.push(("go wrong, and mend", begun.elapsed()));
        View::title("Deleting everything through the API");
        let begun = Instant::now();
        self.sample.delete().await?;
        self.sample.until_gone(GONE_WITHIN).await?;
        self.times.push(("delete, until every row answers 404", begun.elapsed()));
        let begun = Instant::now();
        check.is_gone().await?;
        self.times.push(("check again", begun.elapsed()));
        self.times.push(("all", self.begun.elapsed()));
        Ok(())
    }

    async fn print_addresses(&self) -> Result<()> {
        let endpoints = self.rig.endpoints();
        let curl = Curl::new(endpoints, &format!("www.{DOMAIN}")).await?;
        curl.answers(ANSWER).await?;
        let kubectl = endpoints.programs.get("kubectl").map(|path| path.display().to_string()).unwrap_or_default();
        let kubeconfig = endpoints.clusters[0].admin.kubeconfig.display().to_string();
        let url = self.platform.url();
        let tries = [
            causeway_line(&url, &format!("status www.{DOMAIN}")),
            causeway_line(&url, "describe gateway-instance shop"),
            causeway_line(&url, "export --all"),
            curl.line(),
            format!(
                "{kubectl} --kubeconfig {kubeconfig} get gateways,listenersets,httproutes,tcproutes,certificates,dnsendpoints -A"
            ),
        ];
        View::addresses(&url, &kubeconfig, &tries, self.begun.elapsed());
        Ok(())
    }

    async fn stop(self) {
        self.platform.stop().await;
        self.rig.stop().await;
    }

    async fn fail(mut self) {
        self.rig.keep_logs();
        self.stop().await;
    }
}
