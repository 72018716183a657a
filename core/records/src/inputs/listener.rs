//! The listeners of a shared gateway.

use crate::text::choice;
use serde::Serialize;

choice! {
    /// The protocol of a listener, as Gateway API writes it.
    Protocol {
        /// Plain HTTP.
        Http = "HTTP",
        /// HTTP in TLS, which the gateway's proxy decrypts.
        Https = "HTTPS",
        /// A stream of bytes that the proxy does not look into.
        Tcp = "TCP",
        /// Datagrams that the proxy does not look into.
        Udp = "UDP",
    }
}

choice! {
    /// What carries a protocol. The ports of the two are independent: a proxy can bind the same number for both.
    Transport {
        /// Connections.
        Tcp = "TCP",
        /// Datagrams.
        Udp = "UDP",
    }
}

impl Protocol {
    /// What carries it.
    pub fn transport(self) -> Transport {
        match self {
            Self::Http | Self::Https | Self::Tcp => Transport::Tcp,
            Self::Udp => Transport::Udp,
        }
    }

    /// Whether the proxy sees requests, which it can tell apart by hostname and path.
    pub fn has_requests(self) -> bool {
        matches!(self, Self::Http | Self::Https)
    }
}

/// What tells one listener of a Gateway from another.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct ListenerKey {
    /// The port that clients connect to; the proxy may bind another one.
    pub port: i32,
    /// It decides which kind of route may attach.
    pub protocol: Protocol,
    /// None: all hostnames (always so where the proxy sees no requests).
    pub hostname: Option<String>,
}

/// One listener of a shared gateway and who uses it.
#[derive(Clone, Debug, PartialEq)]
pub struct Listener {
    /// Unique in the shared gateway.
    pub key: ListenerKey,
    /// Ordinal of the ListenerSet that holds it, from 0, given once and kept. None: the Gateway itself holds it.
    pub listener_set: Option<i32>,
    /// The gateway instances that route through it, by id.
    pub users: Vec<ListenerUser>,
    /// The domain that its certificate is for (HTTPS only): the lowest id among the users' domains.
    pub domain_name_definition_id: Option<i64>,
}

/// A gateway instance that routes through a listener.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListenerUser {
    /// Id of the gateway instance.
    pub gateway_instance_id: i64,
    /// The namespace of its routes.
    pub namespace: String,
}
