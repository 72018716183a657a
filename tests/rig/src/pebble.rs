//! Pebble: an authority that speaks ACME and hands out certificates for a test's domains, after it has really looked at the
//! proof in the zone.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use nix::sys::signal::Signal;
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, ServerName, pem::PemObject},
};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::JoinHandle,
    time::timeout,
};
use tokio_rustls::TlsConnector;

use crate::{
    authority::{OrderFaults, front},
    endpoints::Acme,
    net::{free_port, loopback},
    pki::Pki,
    process::{Process, ProcessSpec},
    services::machine_port,
    tools::Tools,
};

/// An account that the authority knows from elsewhere: the id of its key, and the key, base64url.
pub const EXTERNAL_ACCOUNT: (&str, &str) =
    ("kid-1", "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W");

const READY_WITHIN: Duration = Duration::from_secs(20);
const ANSWERED_WITHIN: Duration = Duration::from_secs(2);

/// The running authority.
#[derive(Debug)]
pub(crate) struct Pebble {
    process: Process,
    /// What clients talk to.
    front: JoinHandle<()>,
    port: u16,
    endpoints: Acme,
}

impl Pebble {
    /// Starts it with its files in `dir`. It asks the name server at `dns` for proofs.
    pub(crate) async fn start(
        tools: &Tools,
        dir: &Path,
        logs: &Path,
        dns: SocketAddr,
        faults: OrderFaults,
    ) -> Result<Self> {
        let pki = Pki::create(dir)?;
        let (port, own, management) = (free_port()?, free_port()?, free_port()?);
        let file = dir.join("pebble.json");
        std::fs::write(&file, configuration(&pki, own, management).to_string())?;
        let process = ProcessSpec::new("pebble", tools.program("pebble")?, logs)
            .arg("-config")
            .arg(&file)
            .args(["-strict", "-dnsserver", &dns.to_string()])
            // Otherwise it waits some seconds before it looks, and refuses some good requests to see how clients take it.
            .envs([("PEBBLE_VA_NOSLEEP", "1"), ("PEBBLE_WFE_NONCEREJECT", "0")])
            .start()
            .await?;
        process.ready(READY_WITHIN, || async { root(&pki, management).await.is_ok() }).await?;
        let (root, root_file) = (root(&pki, management).await?, dir.join("root.pem"));
        std::fs::write(&root_file, &root)?;
        let front = front(&pki, port, own, faults).await?;
        let endpoints = Acme { directory: format!("https://127.0.0.1:{port}/dir"), ca: pki.ca(), root, root_file };
        Ok(Self { process, front, port, endpoints })
    }

    /// The port of loopback it listens on.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn endpoints(&self) -> &Acme {
        &self.endpoints
    }

    pub(crate) async fn stop(&self) {
        self.front.abort();
        self.process.stop(Signal::SIGKILL, READY_WITHIN).await;
    }
}

fn configuration(pki: &Pki, port: u16, management: u16) -> serde_json::Value {
    let file = |name: &str| -> PathBuf { pki.file(name) };
    json!({ "pebble": {
        "listenAddress": format!("127.0.0.1:{port}"),
        "managementListenAddress": format!("127.0.0.1:{management}"),
        "certificate": file("server.crt"),
        "privateKey": file("server.key"),
        // Where the load balancers answer at these ports.
        "httpPort": machine_port(80),
        "tlsPort": machine_port(443),
        "keyAlgorithm": "ecdsa",
        // Whoever wants may name one of these.
        "externalAccountMACKeys": { EXTERNAL_ACCOUNT.0: EXTERNAL_ACCOUNT.1 },
        "profiles": {
            "default": { "description": "as long as most", "validityPeriod": 7_776_000 },
            "shortlived": { "description": "six days", "validityPeriod": 518_400 },
        },
        "retryAfter": { "authz": 1, "order": 1 },
    }})
}

/// The certificate at the end of the chains that it hands out, in PEM.
async fn root(pki: &Pki, management: u16) -> Result<String> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(pki.ca().as_bytes())?)?;
    let config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    let exchange = async {
        let stream = TcpStream::connect(loopback(management)).await?;
        let mut stream =
            TlsConnector::from(Arc::new(config)).connect(ServerName::try_from("localhost")?, stream).await?;
        stream.write_all(b"GET /roots/0 HTTP/1.0\r\n\r\n").await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        Ok::<_, anyhow::Error>(answer)
    };
    let answer = timeout(ANSWERED_WITHIN, exchange).await??;
    let (head, body) = answer.split_once("\r\n\r\n").context("no answer of HTTP")?;
    ensure!(head.contains(" 200 "), "{head}");
    Ok(body.to_owned())
}
