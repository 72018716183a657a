//! Connections to a gateway.

use super::{Gatherer, STEP_WITHIN};
use crate::evidence::{Attempt, Endpoint, Host, Protocol};
use http::{Request, header};
use http_body_util::Empty;
use hyper::{body::Bytes, client::conn::http1};
use hyper_util::rt::TokioIo;
use std::{fmt::Display, net::IpAddr};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    time::timeout,
};

/// What a server learns of who asks.
const AGENT: &str = "causeway-diagnosis";

impl Gatherer {
    /// One attempt at one address.
    pub(super) async fn attempt(&self, ip: IpAddr, endpoint: &Endpoint, host: &Host) -> Attempt {
        if let Err(closed) = self.reach.check(ip) {
            return Attempt { closed: Some(closed.to_string()), ..Attempt::default() };
        }
        let stream = match within(TcpStream::connect((ip, endpoint.port))).await {
            Ok(stream) => stream,
            Err(why) => return Attempt { refused: Some(why), ..Attempt::default() },
        };
        // Without a hostname the address itself is asked for.
        let name = match host {
            Host::Named(host) => host.clone(),
            Host::Any => ip.to_string(),
        };
        match endpoint.protocol {
            Protocol::Tcp => Attempt::default(),
            Protocol::Http => {
                Attempt { answer: Some(answer(stream, &name, &endpoint.path).await), ..Attempt::default() }
            }
            Protocol::Https => self.encrypted(stream, &name, &endpoint.path).await,
            Protocol::Tls | Protocol::TlsPassthrough => {
                let seen = within(self.tls.connect(stream, &name)).await.map(|(seen, _)| seen);
                Attempt { tls: Some(seen), ..Attempt::default() }
            }
        }
    }

    async fn encrypted(&self, stream: TcpStream, name: &str, path: &str) -> Attempt {
        match within(self.tls.connect(stream, name)).await {
            Ok((seen, stream)) => {
                let answer = answer(stream, name, path).await;
                Attempt { tls: Some(Ok(seen)), answer: Some(answer), ..Attempt::default() }
            }
            Err(why) => Attempt { tls: Some(Err(why)), ..Attempt::default() },
        }
    }
}

/// The status code of the answer to a GET. Its body is not read.
async fn answer(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    host: &str,
    path: &str,
) -> Result<u16, String> {
    let request =
        Request::get(path).header(header::HOST, host).header(header::USER_AGENT, AGENT).body(Empty::<Bytes>::new());
    let request = request.map_err(|error| format!("nobody can be asked for {path}: {error}"))?;
    let exchange = async {
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        let connection = tokio::spawn(connection);
        let answer = sender.send_request(request).await;
        connection.abort();
        answer
    };
    within(exchange).await.map(|answer| answer.status().as_u16())
}

/// What comes in time; otherwise why not.
async fn within<T, E: Display>(step: impl Future<Output = Result<T, E>>) -> Result<T, String> {
    match timeout(STEP_WITHIN, step).await {
        Ok(done) => done.map_err(|error| error.to_string()),
        Err(_) => Err(format!("it takes longer than {} s", STEP_WITHIN.as_secs())),
    }
}
