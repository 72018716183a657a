//! Clusters that misbehave, each in one way, and each with a workload that is to be applied there.

mod bodies;
mod expected;
mod misbehave;
mod server;
mod ways;

use self::{server::Server, ways::Way};
use crate::{
    attack::Hostile,
    attackers::{self, Attackers},
    connections::until_closed,
    fixture::Fixture,
};
use causeway_testkit::{ApiClient, add_workload_of, condition, config_map, id_of, unique_name};
use hyper::Method;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
use serde_json::json;
use std::{fs, sync::Arc};
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_rustls::TlsAcceptor;

/// An address at which nothing listens. Null would leave the old one as it is.
const NOBODY: &str = "https://127.0.0.1:1";

pub(crate) struct Clusters<'a> {
    fixture: &'a Fixture,
    attackers: &'a Attackers,
    acceptor: TlsAcceptor,
    authority: String,
    /// The definition of all their runtimes.
    definition: i64,
    /// Reads what came of them; not the good one, whose requests are counted.
    reader: ApiClient,
}

/// A cluster at work.
pub(crate) struct Cluster {
    task: JoinHandle<()>,
    server: Arc<Server>,
    port: u16,
    runtime: i64,
    /// The workload instance that is to be applied there.
    workload: i64,
}

impl<'a> Clusters<'a> {
    pub(crate) async fn new(fixture: &'a Fixture, attackers: &'a Attackers) -> Self {
        let of = json!({"Name": "hostile", "InfraProvider": "kind"});
        let of = fixture.admin.create("kubernetes-runtime-definitions", &of).await.unwrap();
        let authority = fs::read_to_string(fixture.pki("ca.crt")).unwrap();
        let reader = fixture.admin.with_token(&fixture.viewer);
        Self { fixture, attackers, acceptor: acceptor(fixture), authority, definition: id_of(&of).unwrap(), reader }
    }

    /// How often it was asked, and what its runtime says.
    async fn outcome(&self, cluster: &Cluster) -> String {
        let record = self.fixture.admin.get("kubernetes-runtime-instances", cluster.runtime).await.unwrap();
        let reachable = condition(&record, "ClusterReachable");
        let says = reachable.map(|condition| condition["Reason"].clone()).unwrap_or_default();
        format!("asked {} times, ClusterReachable {says}", cluster.server.asked())
    }

    /// Takes its address away, so that the worker has nothing to do with it any more.
    async fn withdraw(&self, cluster: &Cluster) {
        let path = format!("/v0/kubernetes-runtime-instances/{}", cluster.runtime);
        let answer =
            self.fixture.admin.send(Method::PATCH, &path, Some(&json!({"APIEndpoint": NOBODY}))).await.unwrap();
        assert_eq!(answer.code, 200, "{}", answer.text);
    }
}

impl Hostile for Clusters<'_> {
    type Attack = Cluster;

    fn fixture(&self) -> &Fixture {
        self.fixture
    }

    fn ways(&self) -> Vec<String> {
        Way::ALL.iter().map(|way| format!("cluster {way:?}")).collect()
    }

    async fn begin(&self, way: usize) -> Cluster {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let (address, name) =
            (listener.local_addr().unwrap(), unique_name(&format!("{:?}", Way::ALL[way]).to_lowercase()));
        let server = Arc::new(Server::new(Way::ALL[way], &name));
        let (task_server, acceptor) = (server.clone(), self.acceptor.clone());
        let task = self.attackers.spawn(async move {
            task_server.serve(TcpListener::from_std(listener).unwrap(), acceptor).await;
        });
        let body = json!({
            "Name": name, "Location": "Local", "KubernetesRuntimeDefinitionID": self.definition, "APIEndpoint": format!("https://{address}"),
            "CACertificate": self.authority, "ConnectionToken": "anybody",
        });
        let admin = &self.fixture.admin;
        let runtime = id_of(&admin.create("kubernetes-runtime-instances", &body).await.unwrap()).unwrap();
        let workload = add_workload_of(admin, runtime, &name, &config_map("hostile", "1")).await.unwrap();
        Cluster { task, server, port: address.port(), runtime, workload }
    }

    fn has_begun(cluster: &Cluster) -> bool {
        cluster.server.asked() > 0
    }

    fn came_through(cluster: &Cluster) -> bool {
        Self::has_begun(cluster)
    }

    async fn judge(&self, cluster: &Cluster) {
        expected::judge(&self.reader, cluster).await;
    }

    async fn end(&self, clusters: Vec<Cluster>) -> Vec<String> {
        let (mut outcomes, mut ports) = (vec![], vec![]);
        for cluster in clusters {
            outcomes.push(self.outcome(&cluster).await);
            self.withdraw(&cluster).await;
            attackers::end(cluster.task).await;
            ports.push(cluster.port);
        }
        until_closed("hostile clusters", |connection| {
            [connection.local, connection.remote].iter().any(|end| ports.contains(&end.port()))
        })
        .await;
        outcomes
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
