//! The request of an end user, as the command that people know.

use std::{net::Ipv4Addr, process::Output, time::Duration};

use anyhow::{Context, Result, ensure};
use causeway_rig::{Endpoints, machine_port};
use causeway_testkit::Visitor;
use tokio::{process::Command, time::Instant};

use crate::view::View;

/// Conditions say that everything was told to serve. Envoy then takes a moment.
const ANSWERS_WITHIN: Duration = Duration::from_secs(30);

/// `curl` of a hostname's first page, over HTTPS with a certificate that must be right, and over plain HTTP.
pub(crate) struct Curl {
    host: String,
    address: Ipv4Addr,
    authority: String,
}

impl Curl {
    /// For a name that the zones' own name servers know. This machine's resolver doesn't, so curl is told where it leads.
    pub(crate) async fn new(endpoints: &Endpoints, host: &str) -> Result<Self> {
        let address = Visitor::new(endpoints).resolve(host).await?;
        Ok(Self { host: host.to_owned(), address, authority: endpoints.acme.root_file.display().to_string() })
    }

    /// The command line, for people.
    pub(crate) fn line(&self) -> String {
        format!("curl {}", self.arguments("https", 443).join(" "))
    }

    fn arguments(&self, scheme: &str, port: u16) -> Vec<String> {
        let Self { host, address, authority } = self;
        let to = format!("{host}:{port}:{address}:{}", machine_port(port));
        let words = ["--cacert", authority, "--connect-to", &to];
        words.map(str::to_owned).into_iter().chain([format!("{scheme}://{host}/")]).collect()
    }

    /// Waits until HTTPS answers this, and plain HTTP leads there.
    pub(crate) async fn answers(&self, text: &str) -> Result<()> {
        let until = Instant::now() + ANSWERS_WITHIN;
        loop {
            let output = self.run("https", 443, &["--fail"]).await?;
            let answer = String::from_utf8_lossy(&output.stdout).into_owned();
            if output.status.success() && answer == text {
                break;
            }
            let said = format!("{answer}{}", String::from_utf8_lossy(&output.stderr));
            ensure!(Instant::now() < until, "{} does not answer `{text}`: {said}", self.line());
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        View::checked(&format!("https://{}/ answers `{text}`, with a certificate of the ACME authority", self.host));
        let output = self.run("http", 80, &["--write-out", "%{http_code} %{redirect_url}"]).await?;
        let answer = String::from_utf8_lossy(&output.stdout).into_owned();
        ensure!(answer == format!("301 https://{}/", self.host), "plain HTTP answers {answer}");
        View::checked(&format!("http://{}/ leads there", self.host));
        Ok(())
    }

    async fn run(&self, scheme: &str, port: u16, more: &[&str]) -> Result<Output> {
        let mut curl = Command::new("curl");
        curl.args(["--silent", "--show-error", "--max-time", "5", "--noproxy", "*"]).args(more);
        curl.args(self.arguments(scheme, port)).output().await.context("can't run `curl`: install it")
    }
}
