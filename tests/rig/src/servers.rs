//! What a control plane needs beside a cluster, for a cluster that somebody else runs: Postgres, NATS, and the emulated Route53.

use anyhow::Result;
use causeway_route53::{Route53, dns::NameServer};

use crate::{
    endpoints::{Acme, Endpoints, Server},
    nats::Nats,
    postgres::Postgres,
    rig::{RunDir, serve_zones},
    tools::Tools,
};

/// The servers, running. They end with this process, in order by [`Servers::stop`].
pub struct Servers {
    // Goes with its files.
    _dir: RunDir,
    endpoints: Endpoints,
    postgres: Postgres,
    nats: Nats,
    route53: Route53,
    dns: NameServer,
}

impl Servers {
    /// Builds what is missing and starts them.
    ///
    /// # Errors
    /// When a tool can't be built or a server doesn't start: the message shows the end of its log.
    pub async fn start() -> Result<Self> {
        // Another part of this process may have chosen one already, and any will do.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let tools = tokio::task::spawn_blocking(Tools::build).await??;
        let dir = RunDir::create()?;
        let logs = dir.path().join("logs");
        let postgres = Postgres::start(&dir.path().join("postgres"), &logs).await?;
        let nats = Nats::start(&tools, &logs).await?;
        let route53 = Route53::start().await?;
        let dns = serve_zones(&route53).await?;
        let endpoints = Endpoints {
            run_dir: dir.path().to_owned(),
            control_url: String::new(),
            postgres: Server { url: postgres.admin_url(), pid: postgres.pid() },
            nats: Server { url: nats.url(), pid: nats.pid() },
            route53_url: route53.url(),
            dns: dns.address(),
            acme: Acme::default(),
            clusters: vec![],
            programs: tools.programs().clone(),
        };
        Ok(Self { _dir: dir, endpoints, postgres, nats, route53, dns })
    }

    /// Where they are. There is no cluster among them.
    #[must_use]
    pub fn endpoints(&self) -> &Endpoints {
        &self.endpoints
    }

    /// Stops them and removes their files.
    pub async fn stop(self) {
        self.nats.stop().await;
        self.dns.stop();
        self.route53.stop();
        self.postgres.stop().await;
    }
}
