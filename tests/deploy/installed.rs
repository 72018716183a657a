//! The chart, installed: its pods run as the rig runs pods, with their arguments, variables, volumes and accounts, and work.

use causeway_rig::{Endpoints, machine_port};
use causeway_testkit::{INSTALLED, Kubectl, eventually, unique_name};
use rustls::{
    ClientConfig, RootCertStore,
    crypto::ring,
    pki_types::{CertificateDer, ServerName, pem::PemObject},
};
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};
use std::sync::Arc;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::TlsConnector;

use crate::helm::{Helm, RELEASE, chart};

/// A release on the rig's cluster.
struct Release {
    kubectl: Kubectl,
    namespace: String,
}

/// A client outside of the cluster: it trusts the authority of the release, and asks under a name of the certificate.
struct Outside {
    address: String,
    name: String,
    authority: Vec<u8>,
    token: String,
}

/// Where clients outside of the cluster reach a Service of type LoadBalancer.
pub(crate) async fn address(kubectl: &Kubectl, namespace: &str, service: &str) -> String {
    let path = "jsonpath={.status.loadBalancer.ingress[0].ip}";
    eventually("the Service has an address", async || {
        let found = kubectl.run(&["get", "service", service, "-n", namespace, "-o", path]).await;
        let found = String::from_utf8(found.map_err(|error| error.to_string())?).unwrap();
        if found.is_empty() { Err("none yet".to_owned()) } else { Ok(found) }
    })
    .await
}

impl Release {
    async fn secret(&self, name: &str, key: &str) -> Vec<u8> {
        let template = format!("go-template={{{{index .data \"{key}\" | base64decode}}}}");
        self.kubectl.run(&["get", "secret", name, "-n", &self.namespace, "-o", &template]).await.unwrap()
    }

    async fn outside(&self) -> Outside {
        let address = address(&self.kubectl, &self.namespace, "edge-causeway-api").await;
        let (authority, token) = eventually("the Job has filled the Secrets", async || {
            let template = ["ca.crt", "token"]
                .map(|key| format!("go-template={{{{with .data}}}}{{{{index . \"{key}\"}}}}{{{{end}}}}"));
            for (name, template) in ["edge-causeway-tls", "edge-causeway-first-token"].into_iter().zip(&template) {
                let found = self.kubectl.run(&["get", "secret", name, "-n", &self.namespace, "-o", template]).await;
                if found.map_err(|error| error.to_string())?.is_empty() {
                    return Err(format!("{name} is empty"));
                }
            }
            Ok((
                self.secret("edge-causeway-tls", "ca.crt").await,
                self.secret("edge-causeway-first-token", "token").await,
            ))
        })
        .await;
        Outside {
            address: format!("{address}:{}", machine_port(443)),
            name: format!("edge-causeway-api.{}.svc", self.namespace),
            authority,
            token: String::from_utf8(token).unwrap(),
        }
    }
}

impl Outside {
    /// Code and body of a response.
    async fn ask(&self, method: &str, path: &str, token: &str, body: &Value) -> Result<(u16, Value), String> {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {token}\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
            self.name,
            body.len()
        );
        let answered = timeout(std::time::Duration::from_secs(30), async {
            let mut stream = self.connect().await?;
            stream.write_all(request.as_bytes()).await?;
            let mut bytes = vec![];
            // Not every server says goodbye.
            let _ = stream.read_to_end(&mut bytes).await;
            Ok::<_, std::io::Error>(String::from_utf8_lossy(&bytes).into_owned())
        });
        let text = answered.await.map_err(|_| "no answer".to_owned())?.map_err(|error| error.to_string())?;
        let (head, body) = text.split_once("\r\n\r\n").ok_or_else(|| format!("no response: {text:?}"))?;
        let code = head.split(' ').nth(1).and_then(|code| code.parse().ok()).ok_or("no code")?;
        let json = body.find('{').and_then(|from| body.rfind('}').map(|to| &body[from..=to])).unwrap_or("null");
        Ok((code, serde_json::from_str(json).unwrap_or_default()))
    }

    async fn connect(&self) -> std::io::Result<tokio_rustls::client::TlsStream<TcpStream>> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(&self.authority).unwrap()).unwrap();
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
        let config =
            config.with_safe_default_protocol_versions().unwrap().with_root_certificates(roots).with_no_client_auth();
        let stream = TcpStream::connect(&self.address).await?;
        TlsConnector::from(Arc::new(config)).connect(ServerName::try_from(self.name.clone()).unwrap(), stream).await
    }

    async fn until(&self, path: &str, wanted: u16) -> Value {
        eventually(&format!("{path} answers {wanted}"), async || {
            match self.ask("GET", path, &self.token, &Value::Null).await? {
                (code, body) if code == wanted => Ok(body),
                other => Err(format!("{other:?}")),
            }
        })
        .await
    }

    async fn create(&self, path: &str, body: Value) -> i64 {
        eventually(&format!("{path} takes a record"), async || {
            match self.ask("POST", path, &self.token, &body).await? {
                (201, answer) => Ok(answer["Data"][0]["ID"].as_i64().unwrap()),
                // The other pod may remember for some seconds that it was asked before the token was stored.
                (401, answer) => Err(answer.to_string()),
                (code, answer) => panic!("{path}: {code} {answer}"),
            }
        })
        .await
    }
}

#[tokio::test]
async fn a_release_answers_with_its_own_certificate_and_token_and_its_workers_take_their_own_cluster() {
    let endpoints = Endpoints::from_env().unwrap();
    let cluster = endpoints.cluster();
    let kubectl = Kubectl::new(&endpoints, cluster).unwrap();
    let release = Release { namespace: unique_name("installed"), kubectl };
    let namespace = release.namespace.as_str();
    let database = namespace.replace('-', "_");
    let mut admin = PgConnection::connect(&endpoints.postgres.url).await.unwrap();
    admin.execute(AssertSqlSafe(format!("CREATE DATABASE {database}"))).await.unwrap();

    let done = async |arguments: &[&str]| release.kubectl.run(arguments).await.unwrap();
    done(&["create", "namespace", namespace]).await;
    done(&["label", "namespace", namespace, "pod-security.kubernetes.io/enforce=restricted"]).await;
    let url = endpoints
        .postgres
        .url
        .rsplit_once('/')
        .map(|(server, _)| format!("--from-literal=uri={server}/{database}"))
        .unwrap();
    done(&["create", "secret", "generic", "app", "-n", namespace, &url]).await;
    let key = "--from-literal=encryption-key=AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=";
    done(&["create", "secret", "generic", "keys", "-n", namespace, key]).await;

    let helm = Helm::on(cluster);
    let (chart, nats) = (chart(), format!("nats.url={}", endpoints.nats.url));
    let prefix = format!("nats.prefix={database}");
    let values = [
        "database.existingSecret=app",
        "encryptionKey.existingSecret=keys",
        &nats,
        &prefix,
        "service.type=LoadBalancer",
        "firstToken.expires=1d",
        "workers.ownCluster.enabled=true",
    ];
    let values = values.iter().flat_map(|value| ["--set", value]).collect::<Vec<_>>();
    let on = |verb: &'static str, more: &[&'static str]| {
        let all = [&[verb, RELEASE, &chart, "-n", namespace, "--wait", "--timeout", "4m"], &values[..], more].concat();
        all.into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    let run = async |arguments: Vec<String>| helm.done(&arguments.iter().map(String::as_str).collect::<Vec<_>>()).await;
    run(on("install", &[])).await;

    let outside = release.outside().await;
    outside.until("/v0/kubernetes-runtime-instances", 200).await;
    let (code, _) =
        outside.ask("GET", "/v0/kubernetes-runtime-instances", "causeway_nobody", &Value::Null).await.unwrap();
    assert_eq!(code, 401, "others are nobody");
    let tokens = outside.until("/v0/access-tokens", 200).await;
    assert_eq!(tokens["Data"].as_array().unwrap().len(), 1, "the Job stored the one token that it made: {tokens}");

    let definition =
        outside.create("/v0/kubernetes-runtime-definitions", json!({"Name": "main", "InfraProvider": "kind"})).await;
    // As `causeway cluster add --in-cluster`: the workers reach it with the service account of their pods.
    let body = json!({
        "Name": "main", "Location": "Local", "KubernetesRuntimeDefinitionID": definition, "ThreeportControlPlaneHost": true,
    });
    let id = outside.create("/v0/kubernetes-runtime-instances", body).await;
    let path = format!("/v0/kubernetes-runtime-instances/{id}");
    causeway_testkit::within(INSTALLED, "workers in pods take the cluster that they run in", async || {
        let (_, answer) = outside.ask("GET", &path, &outside.token, &Value::Null).await?;
        let conditions = answer["Data"][0]["Conditions"].as_array().cloned().unwrap_or_default();
        let ready = conditions.iter().any(|one| one["Type"] == "Ready" && one["Status"] == "True");
        if ready { Ok(()) } else { Err(format!("{conditions:?}")) }
    })
    .await;

    // Another release of the chart runs the Job again, which keeps what is there.
    run(on("upgrade", &["--set", "api.replicas=1", "--set", "image.tag=0.1.1"])).await;
    let again = release.outside().await;
    assert_eq!((&again.token, &again.authority), (&outside.token, &outside.authority));
    again.until("/v0/access-tokens", 200).await;
    helm.done(&["uninstall", RELEASE, "-n", namespace, "--wait"]).await;
    done(&["delete", "namespace", namespace, "--wait=false"]).await;
}
