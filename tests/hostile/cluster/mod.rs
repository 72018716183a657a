//! Clusters that misbehave, each in one way, and each with a workload that is to be applied there.

mod server;
mod ways;

use self::ways::Way;
use crate::{attackers::Attackers, fixture::Fixture};
use causeway_testkit::{add_workload_of, condition, config_map, eventually, id_of};
use hyper::Method;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
use serde_json::json;
use std::{
    fs,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// All of them, and how often each was asked.
pub(crate) struct Hostile {
    clusters: Vec<(Way, Arc<AtomicUsize>, i64)>,
}

impl Hostile {
    /// Starts one of each, and has the control plane work with all of them.
    pub(crate) async fn start(fixture: &Fixture, attackers: &Attackers) -> Self {
        let (acceptor, authority) = (acceptor(fixture), fs::read_to_string(fixture.pki("ca.crt")).unwrap());
        let of = json!({"Name": "hostile", "InfraProvider": "kind"});
        let of = id_of(&fixture.admin.create("kubernetes-runtime-definitions", &of).await.unwrap()).unwrap();
        let mut clusters = vec![];
        for way in Way::ALL {
            let asked = Arc::new(AtomicUsize::new(0));
            let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
            listener.set_nonblocking(true).unwrap();
            let endpoint = format!("https://{}", listener.local_addr().unwrap());
            let (task_asked, acceptor) = (asked.clone(), acceptor.clone());
            attackers.spawn(async move {
                let listener = TcpListener::from_std(listener).unwrap();
                server::serve(listener, acceptor, way, task_asked).await;
            });
            let name = format!("{way:?}");
            let body = json!({
                "Name": name, "Location": "Local", "KubernetesRuntimeDefinitionID": of, "APIEndpoint": endpoint,
                "CACertificate": authority, "ConnectionToken": "anybody",
            });
            let runtime = fixture.admin.create("kubernetes-runtime-instances", &body).await.unwrap();
            let runtime = id_of(&runtime).unwrap();
            add_workload_of(&fixture.admin, runtime, &name, &config_map("hostile", "1")).await.unwrap();
            clusters.push((way, asked, runtime));
        }
        Self { clusters }
    }

    /// Waits until something came to each of them: before, it has attacked nobody.
    pub(crate) async fn until_each_was_asked(&self) {
        eventually("each hostile cluster was asked", async || {
            let not_yet = self.clusters.iter().filter(|(_, asked, _)| asked.load(Ordering::Relaxed) == 0);
            let not_yet: Vec<_> = not_yet.map(|(way, ..)| *way).collect();
            if not_yet.is_empty() { Ok(()) } else { Err(not_yet) }
        })
        .await;
    }

    /// How often each was asked, and what its runtime says.
    pub(crate) async fn print(&self, fixture: &Fixture) {
        for (way, asked, runtime) in &self.clusters {
            let record = fixture.admin.get("kubernetes-runtime-instances", *runtime).await.unwrap();
            let reachable = condition(&record, "ClusterReachable");
            let says = reachable.map(|condition| condition["Reason"].clone()).unwrap_or_default();
            println!("  cluster {way:?}: asked {} times, ClusterReachable {says}", asked.load(Ordering::Relaxed));
        }
    }

    /// Takes their addresses away, so that the worker has nothing to do with them any more.
    pub(crate) async fn withdraw(&self, fixture: &Fixture) {
        for (_, _, runtime) in &self.clusters {
            let path = format!("/v0/kubernetes-runtime-instances/{runtime}");
            let body = json!({"APIEndpoint": null});
            let answer = fixture.admin.send(Method::PATCH, &path, Some(&body)).await.unwrap();
            assert_eq!(answer.code, 200, "{}", answer.text);
        }
    }
}

fn acceptor(fixture: &Fixture) -> TlsAcceptor {
    let chain =
        CertificateDer::pem_file_iter(fixture.pki("server.crt")).unwrap().collect::<Result<Vec<_>, _>>().unwrap();
    let key = PrivateKeyDer::from_pem_file(fixture.pki("server.key")).unwrap();
    let config = rustls::ServerConfig::builder_with_provider(rustls::crypto::ring::default_provider().into());
    let config = config.with_safe_default_protocol_versions().unwrap().with_no_client_auth();
    TlsAcceptor::from(Arc::new(config.with_single_cert(chain, key).unwrap()))
}
