//! The main job from end to end: everything started, a workload with a gateway and a domain name made through the API, every step shown as
//! it comes true. `up` then stays; `demo` looks at what came of it with kubectl, deletes it, and looks again.

mod check;
mod kubectl;
mod sample;
mod view;

use std::time::{Duration, Instant};

use anyhow::Result;

use self::{check::Check, kubectl::Kubectl, sample::Sample, view::View};
use crate::{
    Options, Rig,
    platform::{ControlPlane, Setup, create_zone},
};

/// Where the API answers unless it is told otherwise, as Threeport's does.
const PORT: u16 = 1323;
const DOMAIN: &str = "example.test";
/// For everything to work, on a slow machine.
const WORKS_WITHIN: Duration = Duration::from_secs(240);
const GONE_WITHIN: Duration = Duration::from_secs(120);

/// The rig with a control plane and the sample on it.
struct Stage {
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
pub async fn up() -> Result<Up> {
    let mut stage = Stage::set(Some(PORT)).await?;
    match stage.create().await {
        Ok(()) => {
            stage.tell();
            Ok(Up(stage))
        }
        Err(error) => {
            stage.fail().await;
            Err(error)
        }
    }
}

/// A running demonstration.
pub struct Up(Stage);

impl Up {
    /// Ends everything.
    pub async fn stop(self) {
        self.0.strike().await;
    }
}

/// `make demo`: makes, checks, deletes, checks.
///
/// # Errors
/// When anything isn't as it should be.
pub async fn demo() -> Result<()> {
    let mut stage = Stage::set(None).await?;
    match stage.play().await {
        Ok(()) => {
            let times = stage.times.clone();
            stage.strike().await;
            View::times(&times);
            Ok(())
        }
        Err(error) => {
            stage.fail().await;
            Err(error)
        }
    }
}

impl Stage {
    async fn set(port: Option<u16>) -> Result<Self> {
        let begun = Instant::now();
        View::title("Starting Kubernetes, Postgres, NATS and the Route53 emulator");
        let rig = Rig::start(Options::default()).await?;
        let started = begun.elapsed();
        View::title("Starting Causeway: the API and two workers");
        let zone = create_zone(rig.endpoints(), DOMAIN).await?;
        let setup = Setup { name: "causeway".into(), workers: 2, port, ..Setup::default() };
        let platform = ControlPlane::start(rig.endpoints(), setup).await?;
        let times = vec![("start the real parts", started), ("start Causeway", begun.elapsed() - started)];
        let sample = Sample::new(platform.client());
        Ok(Self { rig, platform, sample, zone, begun, times })
    }

    async fn create(&mut self) -> Result<()> {
        View::title("Creating a workload, a gateway and a domain name through the API");
        let begun = Instant::now();
        self.sample.create(&self.rig.endpoints().clusters[0], DOMAIN).await?;
        View::follow(&self.platform.client(), &self.sample.records(), WORKS_WITHIN).await?;
        self.times.push(("create, until every condition is True", begun.elapsed()));
        Ok(())
    }

    async fn play(&mut self) -> Result<()> {
        self.create().await?;
        let check = Check {
            endpoints: self.rig.endpoints(),
            kubectl: Kubectl::new(self.rig.endpoints())?,
            zone: &self.zone,
            host: format!("www.{DOMAIN}"),
        };
        View::title("Checking with kubectl and in the zone");
        let begun = Instant::now();
        check.stands().await?;
        self.times.push(("check", begun.elapsed()));
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

    fn tell(&self) {
        let endpoints = self.rig.endpoints();
        let kubectl = endpoints.programs.get("kubectl").map(|path| path.display().to_string()).unwrap_or_default();
        View::tell(
            &self.platform.url(),
            &endpoints.clusters[0].admin.kubeconfig.display().to_string(),
            &kubectl,
            self.begun.elapsed(),
        );
    }

    async fn strike(self) {
        self.platform.stop().await;
        self.rig.stop().await;
    }

    async fn fail(mut self) {
        self.rig.keep_logs();
        self.strike().await;
    }
}
