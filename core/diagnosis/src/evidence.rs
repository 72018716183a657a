//! What is asked, and what was found.

use chrono::{DateTime, Utc};
use std::{collections::BTreeSet, net::IpAddr};

/// Stands for what a wildcard stands for.
const ANY_LABEL: &str = "causeway-diagnosis";

/// What records say about one hostname of a gateway.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Question {
    pub host: Host,
    /// Where it is published, and whether.
    pub stored: Stored,
    /// Other clusters have records of it, too: DNS answers with one of all.
    pub shared: bool,
    /// The addresses in the Gateway's status: IP addresses or names.
    pub addresses: Vec<String>,
    /// The first step in the cluster that isn't met: a condition's type and message.
    pub blocked: Option<(String, String)>,
    /// What the condition CertificatesReady says while it isn't met.
    pub uncertified: Option<String>,
    /// What is behind the routes. None: no record tells of it.
    pub backends: Option<Backends>,
    /// Where the gateway answers for the hostname.
    pub endpoints: Vec<Endpoint>,
    /// Ports of it that take datagrams, which nobody confirms.
    pub datagram_ports: BTreeSet<u16>,
    /// Certificates are signed by an authority that everybody knows.
    pub known_authority: bool,
    /// The name by which CAA records allow the authority that signs (RFC 8659). None: it isn't known, or nobody is asked to sign.
    pub issuer: Option<String>,
    /// Its certificate is for a wildcard, because it stands for one, or because its domain has one certificate for all.
    pub is_wildcard: bool,
}

/// A hostname.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Host {
    /// The gateway answers to every one, so none is asked for.
    #[default]
    Any,
    /// This one.
    Named(String),
}

impl Host {
    /// The hostname of a claim. Where that is a wildcard, some hostname that it stands for is asked for.
    #[must_use]
    pub fn claimed(hostname: Option<&str>) -> Self {
        hostname.map_or(Self::Any, |hostname| Self::Named(hostname.replacen('*', ANY_LABEL, 1)))
    }
}

/// What the last look into the hosted zone found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Stored {
    /// No domain name instance publishes it.
    #[default]
    NotAsked,
    /// One should, and there is no zone for it.
    NoZone(String),
    /// The records are missing or are others, and why.
    Missing(Zone, String),
    /// The records are there.
    Present(Zone),
}

/// The Services behind the routes of a gateway and their endpoints, as the gateway's controller has found them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Backends {
    /// Each Service is there, may be used, and has a pod that is ready.
    Ready,
    /// One hasn't, or isn't.
    NotReady {
        /// What the controller says of it.
        found: String,
        /// What to do.
        next: String,
    },
    /// The controller hasn't looked yet: what it is waited for.
    NotSeen(String),
}

/// A hosted zone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Zone {
    /// Its domain.
    pub name: String,
    /// It answers inside its VPCs only.
    pub private: bool,
}

/// A port at which a gateway answers.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Endpoint {
    /// Where clients connect.
    pub port: u16,
    /// What is spoken there.
    pub protocol: Protocol,
    /// For HTTP and HTTPS: a path that the gateway routes.
    pub path: String,
}

/// What is spoken at a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Protocol {
    Http,
    Https,
    /// TLS, which the gateway ends; what is inside is the workload's.
    Tls,
    /// TLS, which the workload itself ends.
    TlsPassthrough,
    /// Whatever the workload speaks.
    Tcp,
}

impl Endpoint {
    /// Where the claim of a gateway instance is answered: the protocol as records name it, and the requests as the claim has them. None: nobody
    /// confirms what arrives there, as with datagrams.
    #[must_use]
    pub fn claimed(port: i32, protocol: &str, requests: &str) -> Option<Self> {
        let protocol = match protocol {
            "HTTP" => Protocol::Http,
            "HTTPS" => Protocol::Https,
            "TCP" => Protocol::Tcp,
            "TLS" => Protocol::Tls,
            "TLS passthrough" => Protocol::TlsPassthrough,
            _ => return None,
        };
        Some(Self { port: u16::try_from(port).ok()?, protocol, path: some_path(requests) })
    }
}

/// Some path of the requests that a claim is about. What else a rule of a route demands, such as a header, is not sent: then the answer may be 404, which
/// comes from the proxy as well.
fn some_path(requests: &str) -> String {
    let path = requests.split(", ").next().unwrap_or_default();
    let is_path = path.starts_with('/') && path.chars().all(|c| c.is_ascii_graphic());
    if is_path { path.to_owned() } else { "/".to_owned() }
}

/// What was found on the way.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Evidence {
    /// The name servers to which the zone's parent leads. None: not asked, because the zone is private or unknown.
    pub delegation: Option<Found<BTreeSet<String>>>,
    /// What the zone's own name servers say, each by its name.
    pub served: Vec<Served>,
    /// What a resolver says.
    pub resolved: Option<Found<BTreeSet<IpAddr>>>,
    /// Who may sign for the hostname. Absent: everybody. None: not asked.
    pub caa: Option<Found<Caa>>,
    /// The addresses that the Gateway's own lead to, and what happened at each of its ports.
    pub contacts: Vec<Contact>,
}

/// What somebody answered, or why not.
pub type Found<T> = Result<T, Ground>;

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ground {
    /// Who was asked says that there is none.
    Absent,
    /// Nobody could be asked, or answered.
    Failed(String),
}

/// The answer of one name server.
#[derive(Clone, Debug, PartialEq)]
pub struct Served {
    /// Its name; its address and port, where only that is known.
    pub server: String,
    /// The addresses that it gives.
    pub answer: Found<BTreeSet<IpAddr>>,
}

/// The CAA records that count for a hostname (RFC 8659).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Caa {
    /// The domain that has them: the hostname, or the nearest one above it.
    pub domain: String,
    /// Who may sign, by name; the empty one is nobody.
    pub issue: BTreeSet<String>,
    /// The same for wildcards; none: as `issue` says.
    pub issue_wild: BTreeSet<String>,
}

/// One attempt to reach a gateway.
#[derive(Clone, Debug, PartialEq)]
pub struct Contact {
    /// An address as the status has it.
    pub address: String,
    pub endpoint: Endpoint,
    pub attempt: Attempt,
}

/// How far it came.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Attempt {
    /// Why there is no connection; None: there is one.
    pub refused: Option<String>,
    /// Nothing was tried, and this is why.
    pub closed: Option<String>,
    /// What the handshake of TLS showed; None with other protocols.
    pub tls: Option<Result<TlsSeen, String>>,
    /// The status code of the answer, or why there is none; None: none was asked for.
    pub answer: Option<Result<u16, String>>,
}

/// The certificate that a server presented.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsSeen {
    /// The names that it is for.
    pub names: Vec<String>,
    /// Who signed it.
    pub issuer: String,
    /// When it ends.
    pub not_after: DateTime<Utc>,
    /// Why its chain leads to no authority that this machine knows.
    pub untrusted: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_rule_demands_beside_a_path_is_no_part_of_it() {
        let paths = ["", "/api", "/, method GET", "/api, header x is 1", "~ /a.*", "method shop/Buy"].map(some_path);
        assert_eq!(paths, ["/", "/api", "/", "/api", "/", "/"]);
    }

    #[test]
    fn a_claim_is_answered_where_connections_are_taken() {
        let https = Endpoint { port: 443, protocol: Protocol::Https, path: "/api".to_owned() };
        assert_eq!(Endpoint::claimed(443, "HTTPS", "/api"), Some(https));
        assert_eq!([Endpoint::claimed(53, "UDP", ""), Endpoint::claimed(70_000, "TCP", "")], [None, None]);
        assert_eq!(Host::claimed(Some("*.example.org")), Host::Named("causeway-diagnosis.example.org".to_owned()));
        assert_eq!(Host::claimed(None), Host::Any);
    }
}
