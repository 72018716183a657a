//! The listeners of a shared gateway.

use crate::text::choice;
use serde::Serialize;

choice! {
    /// The protocol of a listener.
    Protocol {
        /// Plain HTTP.
        Http = "HTTP",
        /// HTTP in TLS, which the gateway's proxy decrypts.
        Https = "HTTPS",
        /// A stream of bytes in TLS, which the proxy decrypts.
        Tls = "TLS",
        /// TLS that the proxy passes on: it reads only the hostname that a client asks for.
        TlsPassthrough = "TLS passthrough",
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
            Self::Http | Self::Https | Self::Tls | Self::TlsPassthrough | Self::Tcp => Transport::Tcp,
            Self::Udp => Transport::Udp,
        }
    }

    /// As Gateway API writes it. Who ends TLS is said beside it there.
    pub fn in_gateway_api(self) -> &'static str {
        match self {
            Self::Tls | Self::TlsPassthrough => Self::Tls.as_str(),
            other => other.as_str(),
        }
    }

    /// What clients begin with on a port. Listeners that have it in common can share the port, if their hostnames differ: in TLS the hostname is
    /// said before anything is encrypted.
    pub fn on_port(self) -> Self {
        match self {
            Self::Https | Self::Tls | Self::TlsPassthrough => Self::Tls,
            other => other,
        }
    }

    /// Whether a client says which hostname it asks for before it says anything else.
    pub fn is_tls(self) -> bool {
        self.on_port() == Self::Tls
    }

    /// Whether the proxy ends TLS: then it needs a certificate for the hostname.
    pub fn ends_tls(self) -> bool {
        matches!(self, Self::Https | Self::Tls)
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
    /// None: all hostnames (always so where neither requests nor TLS name one).
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
    /// The domain that its certificate is ordered for, where the proxy ends TLS: the lowest id among the users' domains.
    pub domain_name_definition_id: Option<i64>,
    /// The Secret with its certificate that the users have brought; None: one is ordered, where the proxy ends TLS.
    pub tls_secret: Option<String>,
}

impl Listener {
    /// Whether a certificate is ordered for it.
    pub fn needs_certificate(&self) -> bool {
        self.key.protocol.ends_tls() && self.tls_secret.is_none()
    }
}

/// A gateway instance that routes through a listener.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListenerUser {
    /// Id of the gateway instance.
    pub gateway_instance_id: i64,
    /// The namespace of its routes.
    pub namespace: String,
}
