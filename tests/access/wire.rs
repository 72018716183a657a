//! Connections over which anything can be written.

use crate::TlsFixture;
use causeway_testkit::{ControlPlane, Credential};
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject},
};
use std::{io, net::Ipv4Addr, sync::Arc, time::Duration};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::{TlsConnector, client::TlsStream};

/// How long the server may take to answer, or to end a connection.
const PATIENCE: Duration = Duration::from_secs(30);

/// A connection to the port for requests, after these bytes.
pub(crate) async fn open(platform: &ControlPlane, bytes: impl AsRef<[u8]>) -> TcpStream {
    let url = platform.url();
    let mut stream = TcpStream::connect(url.trim_start_matches("http://")).await.unwrap();
    // A server that refuses the connection may have ended it by now.
    let _ = stream.write_all(bytes.as_ref()).await;
    stream
}

/// The same over TLS, before anything is written: of somebody with this certificate or with none, who offers these protocols.
pub(crate) async fn encrypted(
    secure: &TlsFixture,
    credential: Option<&Credential>,
    protocols: &[&str],
) -> io::Result<TlsStream<TcpStream>> {
    let chain = |pem: &str| CertificateDer::pem_slice_iter(pem.as_bytes()).collect::<Result<Vec<_>, _>>().unwrap();
    let mut roots = RootCertStore::empty();
    for root in chain(&secure.authority.pem()) {
        roots.add(root).unwrap();
    }
    let config = ClientConfig::builder().with_root_certificates(roots);
    let mut config = match credential {
        None => config.with_no_client_auth(),
        Some(Credential { certificate, key }) => {
            let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap();
            config.with_client_auth_cert(chain(certificate), key).unwrap()
        }
    };
    config.alpn_protocols = protocols.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
    let url = secure.platform.https_url();
    let stream = TcpStream::connect(url.trim_start_matches("https://")).await?;
    let name = ServerName::from(std::net::IpAddr::from(Ipv4Addr::LOCALHOST));
    TlsConnector::from(Arc::new(config)).connect(name, stream).await
}

/// All that the server sends until it ends the connection.
pub(crate) async fn answer(mut stream: impl AsyncRead + Unpin) -> String {
    let mut bytes = vec![];
    // A reset is an end, too.
    let _ = timeout(PATIENCE, stream.read_to_end(&mut bytes)).await.expect("the connection stays open");
    String::from_utf8_lossy(&bytes).into_owned()
}

/// One request over a connection that stays open: the code of the answer, and its body.
pub(crate) async fn exchange(stream: &mut (impl AsyncRead + AsyncWrite + Unpin), request: &str) -> (u16, String) {
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut head = vec![];
    while !head.ends_with(b"\r\n\r\n") {
        head.push(timeout(PATIENCE, stream.read_u8()).await.expect("there is no answer").unwrap());
    }
    let head = String::from_utf8(head).unwrap();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
    let mut body = vec![0; length.expect("the answer has a length")];
    timeout(PATIENCE, stream.read_exact(&mut body)).await.expect("the answer ends too early").unwrap();
    (codes(&head)[0], String::from_utf8(body).unwrap())
}

/// The codes of all answers in what a server has sent.
pub(crate) fn codes(said: &str) -> Vec<u16> {
    said.split("HTTP/1.").skip(1).map(|answer| answer[2..5].parse().unwrap()).collect()
}

/// A request without a body, after which the connection is to end.
pub(crate) fn get(path: &str, headers: &str) -> String {
    format!("GET {path} HTTP/1.1\r\n{headers}Connection: close\r\n\r\n")
}
