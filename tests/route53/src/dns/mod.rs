//! A name server: it answers questions with what a [`Lookup`] knows, over UDP and TCP.

mod answer;
mod ask;
mod zones;

use std::{net::SocketAddr, sync::Arc, time::Duration};

use hickory_server::{
    net::runtime::Time,
    proto::op::{Edns, MessageType, Metadata, OpCode},
    server::{Request, RequestHandler, ResponseHandler, ResponseInfo, Server},
    zone_handler::MessageResponseBuilder,
};
use tokio::net::{TcpListener, UdpSocket};

pub use self::{answer::Answer, ask::ask, zones::PublicZones};
pub use crate::state::NAME_SERVERS;
/// The types of records and codes that answers are made of.
pub use hickory_server::proto::{op::ResponseCode, rr};

/// A connection on which nothing is asked for so long is closed.
const QUIET: Duration = Duration::from_secs(10);
/// Answers that may wait on one connection.
const WAITING: usize = 64;
/// The largest answer over UDP: what fits into a packet everywhere. A longer one is cut, and the client asks again over TCP.
const DATAGRAM: u16 = 1232;

/// What a name server knows.
pub trait Lookup: Send + Sync + 'static {
    /// The answer to one question.
    fn answer(&self, name: &rr::Name, kind: rr::RecordType) -> Answer;
}

/// A running name server. It ends when it is dropped.
pub struct NameServer {
    server: Server<Handler>,
    address: SocketAddr,
}

impl NameServer {
    /// Serves at these two sockets.
    ///
    /// # Errors
    /// When they have no address.
    pub fn start(lookup: Arc<dyn Lookup>, udp: UdpSocket, tcp: TcpListener) -> std::io::Result<Self> {
        let address = udp.local_addr()?;
        let mut server = Server::new(Handler(lookup));
        server.register_socket(udp);
        server.register_listener(tcp, QUIET, WAITING);
        Ok(Self { server, address })
    }

    /// Where it is asked over UDP.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Ends it.
    pub fn stop(&self) {
        self.server.shutdown_token().cancel();
    }
}

struct Handler(Arc<dyn Lookup>);

#[async_trait::async_trait]
impl RequestHandler for Handler {
    async fn handle_request<R: ResponseHandler, T: Time>(&self, request: &Request, mut to: R) -> ResponseInfo {
        let mut metadata = Metadata::response_from_request(&request.metadata);
        let answer = match request.queries.queries() {
            [question]
                if request.metadata.op_code == OpCode::Query && request.metadata.message_type == MessageType::Query =>
            {
                self.0.answer(question.original().name(), question.query_type())
            }
            _ => Answer::failed(ResponseCode::NotImp),
        };
        metadata.response_code = answer.code;
        metadata.authoritative = answer.authoritative;
        // Whoever wants recursion gets what there is, which is all there is.
        metadata.recursion_available = true;
        let mut edns = Edns::new();
        edns.set_max_payload(DATAGRAM.min(request.max_payload()));
        let mut builder = MessageResponseBuilder::from_message_request(request);
        if request.edns.is_some() {
            builder.edns(&edns);
        }
        let response = builder.build(metadata, &answer.records, &[], &answer.authority, &[]);
        match to.send_response(response).await {
            Ok(info) => info,
            Err(error) => {
                tracing::debug!(%error, "a DNS answer could not be sent");
                ResponseInfo::from(hickory_server::proto::op::Header { metadata, counts: Default::default() })
            }
        }
    }
}
