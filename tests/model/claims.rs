//! What gateway instances answer to, and when two of them can't both: the rules of Gateway API and of Envoy Gateway, written down a second
//! time. Pure.

use std::collections::BTreeMap;

use crate::{
    draft::{How, HttpPort, Layer4},
    world::Handle,
};

/// Which Gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Carrier {
    /// The common one of a cluster.
    Shared(u8),
    /// A gateway instance's own.
    Own(Handle),
}

/// One thing that a gateway instance answers to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Claim {
    pub(crate) carrier: Carrier,
    pub(crate) port: u16,
    /// As listeners spell it: `HTTP`.
    pub(crate) protocol: &'static str,
    /// None: every one.
    pub(crate) host: Option<String>,
    /// Beginning of the paths; empty where the proxy sees none.
    pub(crate) path: String,
    pub(crate) redirect: bool,
    /// The gateway instance.
    pub(crate) by: Handle,
}

impl Claim {
    /// The hostname of its listener: a Gateway of its own needs one for each hostname only for certificates.
    pub(crate) fn listener_host(&self) -> Option<&str> {
        let every = matches!(self.carrier, Carrier::Own(_)) && self.protocol != "HTTPS";
        self.host.as_deref().filter(|_| !every)
    }

    fn says(&self) -> String {
        let (protocol, host) = (self.protocol, self.host.as_deref().unwrap_or("*"));
        format!("{protocol} {} {host}{} of {}", self.port, self.path, self.by)
    }
}

/// The claims of one gateway instance.
pub(crate) fn of(
    by: Handle,
    cluster: u8,
    dedicated: bool,
    hosts: &[String],
    http: &[HttpPort],
    layer4: &[(Layer4, u16)],
) -> Vec<Claim> {
    let carrier = if dedicated { Carrier::Own(by) } else { Carrier::Shared(cluster) };
    let hosts: Vec<Option<String>> =
        if hosts.is_empty() { vec![None] } else { hosts.iter().cloned().map(Some).collect() };
    let mut claims = vec![];
    for port in http {
        let protocol = if port.how == How::Tls { "HTTPS" } else { "HTTP" };
        let (path, redirect) = (format!("/{}", port.path.trim_matches('/')), port.how == How::Redirect);
        claims.extend(hosts.iter().map(|host| Claim {
            carrier,
            port: port.port,
            protocol,
            host: host.clone(),
            path: path.clone(),
            redirect,
            by,
        }));
    }
    let layer4 = layer4.iter().map(|(protocol, port)| Claim {
        carrier,
        port: *port,
        protocol: protocol.protocol(),
        host: None,
        path: String::new(),
        redirect: false,
        by,
    });
    claims.extend(layer4);
    claims
}

/// Why not all of these claims can be granted; None when they can.
pub(crate) fn clash(claims: &[Claim]) -> Option<String> {
    let (mut ports, mut held) = (BTreeMap::new(), BTreeMap::new());
    for claim in claims {
        // The proxy may not bind ports below 1024 and takes those 10000 above; the common Gateway always has plain HTTP on 80.
        if let Carrier::Shared(_) = claim.carrier {
            ports.entry((claim.carrier, 10080, false)).or_insert((80, "HTTP"));
        }
        let bound = if claim.port < 1024 { claim.port + 10000 } else { claim.port };
        let is = (claim.port, claim.protocol);
        // UDP has ports of its own.
        let stands = *ports.entry((claim.carrier, bound, claim.protocol == "UDP")).or_insert(is);
        if stands != is {
            return Some(format!("{} beside {} {}", claim.says(), stands.1, stands.0));
        }
        let key = (claim.carrier, claim.port, claim.protocol, &claim.host, &claim.path);
        match held.insert(key, claim) {
            Some(other) if !(other.redirect && claim.redirect) => {
                return Some(format!("{} is {}", claim.says(), other.says()));
            }
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn http(port: u16, how: How) -> Vec<HttpPort> {
        vec![HttpPort { port, path: "/".into(), how }]
    }

    type Side<'a> = (bool, &'a [HttpPort], &'a [(Layer4, u16)]);

    fn two(first: Side<'_>, second: Side<'_>) -> Option<String> {
        let hosts = ["a".to_owned()];
        let mut claims = of(1, 0, first.0, &hosts, first.1, first.2);
        claims.extend(of(2, 0, second.0, &hosts, second.1, second.2));
        clash(&claims)
    }

    #[test]
    fn what_two_gateways_can_not_both_have() {
        let (plain, redirect) = (http(8080, How::Plain), http(8080, How::Redirect));
        assert!(two((false, &plain, &[]), (false, &plain, &[])).is_some(), "one path twice");
        assert!(two((false, &redirect, &[]), (false, &redirect, &[])).is_none(), "two redirects say the same");
        assert!(two((false, &plain, &[]), (true, &plain, &[])).is_none(), "another Gateway");
        assert!(two((false, &plain, &[]), (false, &[], &[(Layer4::Tcp, 8080)])).is_some(), "TCP on a port of HTTP");
        assert!(two((false, &plain, &[]), (false, &[], &[(Layer4::Udp, 8080)])).is_none(), "UDP is beside everything");
        assert!(
            two((false, &[], &[(Layer4::Udp, 443)]), (false, &[], &[(Layer4::Udp, 10443)])).is_some(),
            "but for other UDP"
        );
        assert!(
            two((false, &http(443, How::Tls), &[]), (false, &[], &[(Layer4::Tcp, 10443)])).is_some(),
            "both bound to 10443"
        );
        assert!(
            two((false, &http(10080, How::Plain), &[]), (true, &[], &[(Layer4::Tcp, 1)])).is_some(),
            "80 is always there"
        );
    }
}
