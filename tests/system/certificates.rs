//! Certificates, as clients see them.

use std::{process::Stdio, sync::Arc};

use base64::{Engine, engine::general_purpose::STANDARD};
use causeway_testkit::kinds::SECRET;
use kube::api::DynamicObject;
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    process::Command,
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        crypto::ring,
        pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    },
};

use crate::fixture::{Fixture, labelled};

fn pem(secret: &DynamicObject, key: &str) -> Vec<u8> {
    STANDARD.decode(secret.data["data"][key].as_str().unwrap()).unwrap()
}

/// Answers each request over TLS, with this certificate.
async fn serve(certificate: &[u8], key: &[u8]) -> u16 {
    let chain = CertificateDer::pem_slice_iter(certificate).collect::<Result<Vec<_>, _>>().unwrap();
    let key = PrivateKeyDer::from_pem_slice(key).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let config = config.with_safe_default_protocol_versions().unwrap().with_no_client_auth();
    let acceptor = TlsAcceptor::from(Arc::new(config.with_single_cert(chain, key).unwrap()));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((connection, _)) = listener.accept().await {
            // A client that doesn't trust it hangs up.
            let Ok(mut tls) = acceptor.accept(connection).await else { continue };
            let _ = tls.read(&mut [0; 4096]).await;
            let _ = tls.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nOK").await;
            let _ = tls.shutdown().await;
        }
    });
    port
}

#[tokio::test]
async fn a_self_signed_certificate_is_trusted_by_whoever_is_given_it() {
    let ports = json!({"HttpPorts": [{"Port": 443, "TLSEnabled": true}], "Placement": "Dedicated"});
    let fixture = Fixture::ready("selfsigned", ports).await;
    let secrets = labelled(&fixture.kube, SECRET, &format!("gateway-instance-{}", fixture.gateway)).await;
    let [secret] = secrets.as_slice() else { panic!("{} Secrets", secrets.len()) };
    let (certificate, key) = (pem(secret, "tls.crt"), pem(secret, "tls.key"));
    let (hostname, port) = (fixture.hostname(), serve(&certificate, &key).await);
    let folder = tempfile::tempdir().unwrap();
    let authority = folder.path().join("certificate.pem");
    std::fs::write(&authority, &certificate).unwrap();
    let curl = async |arguments: &[&str]| {
        let mut command = Command::new("curl");
        command.args(["--silent", "--show-error", "--resolve", &format!("{hostname}:{port}:127.0.0.1")]);
        command.args(arguments).arg(format!("https://{hostname}:{port}/")).stdin(Stdio::null());
        command.output().await.expect("curl is installed")
    };
    let trusted = curl(&["--cacert", authority.to_str().unwrap()]).await;
    assert!(trusted.status.success(), "{}", String::from_utf8_lossy(&trusted.stderr));
    assert_eq!(trusted.stdout, b"OK");
    assert!(!curl(&[]).await.status.success(), "nobody else trusts it");
}
