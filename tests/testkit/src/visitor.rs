//! An end user: knows names, asks the world's DNS where they lead, and connects there. Nothing else says where anything is.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use causeway_rig::{
    Endpoints,
    dns::{
        ResponseCode, ask,
        rr::{RData, RecordType},
    },
    machine_port,
};
use http::{HeaderName, HeaderValue, Request, header};
use http_body_util::{BodyExt, Full};
use hyper::{body::Bytes, client::conn::http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use reqwest::Url;
use tokio::{
    net::{TcpStream, UdpSocket},
    time::timeout,
};
use tokio_rustls::rustls::ClientConfig;

use crate::{
    answer::Answer,
    wire::{self, Connection},
};

/// How long an answer may take.
const ANSWERED_WITHIN: Duration = Duration::from_secs(10);
/// The largest datagram.
const DATAGRAM: usize = 65_536;

/// An end user who trusts some authorities, or none.
#[derive(Clone, Debug)]
pub struct Visitor {
    dns: SocketAddr,
    remembered: Option<Ipv4Addr>,
    tls: Option<Arc<ClientConfig>>,
}

impl Visitor {
    /// Who sees the public zones of this rig.
    #[must_use]
    pub fn new(endpoints: &Endpoints) -> Self {
        Self { dns: endpoints.dns, remembered: None, tls: None }
    }

    /// The same, trusting the authorities in this PEM text.
    ///
    /// # Errors
    /// When it is none.
    pub fn trusting(self, authority: &str) -> Result<Self> {
        let config = ClientConfig::builder().with_root_certificates(wire::roots(authority)?).with_no_client_auth();
        Ok(Self { tls: Some(Arc::new(config)), ..self })
    }

    /// The same, who has asked before where names lead and asks no more.
    #[must_use]
    pub fn remembering(self, address: Ipv4Addr) -> Self {
        Self { remembered: Some(address), ..self }
    }

    /// Where a name leads.
    ///
    /// # Errors
    /// When it leads nowhere.
    pub async fn resolve(&self, host: &str) -> Result<Ipv4Addr> {
        if let Some(address) = self.remembered {
            return Ok(address);
        }
        let (code, records) = ask(self.dns, host, RecordType::A).await?;
        ensure!(code == ResponseCode::NoError, "{host}: {code}");
        let addresses = records.iter().find_map(|record| match record.data {
            RData::A(address) => Some(address.0),
            _ => None,
        });
        addresses.with_context(|| format!("{host} has no address"))
    }

    /// Connects to a port of a name.
    ///
    /// # Errors
    /// When nobody accepts there.
    pub async fn connect(&self, host: &str, port: u16) -> Result<TcpStream> {
        let at = SocketAddr::from((self.resolve(host).await?, machine_port(port)));
        timeout(ANSWERED_WITHIN, TcpStream::connect(at)).await?.with_context(|| format!("can't connect to {at}"))
    }

    /// What `GET` of a URL answers. A redirect is not followed.
    ///
    /// # Errors
    /// When there is no answer, or the server can't prove the name.
    pub async fn get(&self, url: &str) -> Result<Answer> {
        self.get_with(url, &[]).await
    }

    /// The same with these headers.
    ///
    /// # Errors
    /// As [`Visitor::get`].
    pub async fn get_with(&self, url: &str, headers: &[(&str, &str)]) -> Result<Answer> {
        let url = Url::parse(url)?;
        let mut request = get(&url)?;
        for (name, value) in headers {
            request.headers_mut().insert(HeaderName::from_bytes(name.as_bytes())?, HeaderValue::from_str(value)?);
        }
        let exchange = async { self.open(&url).await?.send(request).await };
        timeout(ANSWERED_WITHIN, exchange).await.context("no answer in time")?
    }

    /// A connection to the host of a URL.
    pub(crate) async fn open(&self, url: &Url) -> Result<Connection> {
        let host = url.host_str().context("a URL has a host")?;
        let stream = self.connect(host, url.port_or_known_default().context("a URL has a port")?).await?;
        let tls = match url.scheme() {
            "https" => Some((self.trusted()?, host)),
            _ => None,
        };
        Connection::open(stream, tls).await
    }

    /// What a call of gRPC's own health service answers over TLS: the message, and the status that follows it.
    ///
    /// # Errors
    /// When there is no answer, or the server can't prove the name.
    pub async fn grpc_health(&self, host: &str) -> Result<(Vec<u8>, String)> {
        let mut config = ClientConfig::clone(self.trusted()?);
        config.alpn_protocols = vec![b"h2".to_vec()];
        let stream = wire::encrypt(self.connect(host, 443).await?, Arc::new(config), host).await?;
        let (mut sender, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await?;
        let connection = tokio::spawn(connection);
        // A message of gRPC: not compressed, so long. An empty one asks about the server as a whole.
        let request = Request::post(format!("https://{host}/grpc.health.v1.Health/Check"))
            .header(header::CONTENT_TYPE, "application/grpc")
            .header(header::TE, "trailers")
            .body(Full::new(Bytes::from_static(&[0; 5])))?;
        let body = timeout(ANSWERED_WITHIN, sender.send_request(request)).await.context("no answer in time")??;
        let headers = body.headers().clone();
        let whole = body.into_body().collect().await?;
        connection.abort();
        let status = whole.trailers().and_then(|trailers| trailers.get("grpc-status")).or(headers.get("grpc-status"));
        let status = status.map(|status| String::from_utf8_lossy(status.as_bytes()).into_owned());
        Ok((whole.to_bytes().to_vec(), status.context("no status")?))
    }

    fn trusted(&self) -> Result<&Arc<ClientConfig>> {
        self.tls.as_ref().context("this visitor trusts no authority")
    }

    /// What comes back for a datagram.
    ///
    /// # Errors
    /// When nothing does.
    pub async fn datagram(&self, host: &str, port: u16, text: &str) -> Result<String> {
        let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).await?;
        socket.connect((self.resolve(host).await?, machine_port(port))).await?;
        socket.send(text.as_bytes()).await?;
        let mut answer = vec![0; DATAGRAM];
        let length = timeout(Duration::from_secs(1), socket.recv(&mut answer)).await.context("nothing came back")??;
        Ok(String::from_utf8_lossy(&answer[..length]).into_owned())
    }
}

/// A request for what a URL names.
pub(crate) fn get(url: &Url) -> Result<Request<Full<Bytes>>> {
    let host = url.host_str().context("a URL has a host")?;
    let target = match url.query() {
        Some(query) => format!("{}?{query}", url.path()),
        None => url.path().to_owned(),
    };
    Ok(Request::get(target).header(header::HOST, host).body(Full::new(Bytes::new()))?)
}
