//! Which hostnames a listener and a route have in common, as far as a record can say it.

use crate::{
    attach::MOST,
    hostnames::{domain, in_common, pattern},
    listener::Listener,
    source::Source,
};
use causeway_records::{
    inputs::{ListenerKey, Protocol},
    nouns::GatewayListeners,
};
use causeway_rules::attachment::listener_for;

/// A hostname of a route, and what has become of it.
pub(crate) struct Wanted {
    pub(crate) path: String,
    pattern: String,
    pub(crate) is_said: bool,
}

/// Where a route attaches: a listener, and those beside it on its Gateway.
pub(crate) struct At<'p> {
    /// The path of the reference in the route.
    pub(crate) path: &'p str,
    pub(crate) protocol: Protocol,
    pub(crate) hostname: Option<&'p str>,
    /// The listener in the record of its Gateway, and all of that. None: there is no such record.
    pub(crate) given: Option<(&'p Listener, &'p GatewayListeners)>,
}

impl At<'_> {
    /// Whether requests for a hostname come to the listener: not those for which another one is nearer.
    fn is_nearest(&self, hostname: Option<&str>) -> bool {
        let Some((listener, all)) = self.given else { return true };
        let key = ListenerKey {
            port: listener.port.get(),
            protocol: listener.protocol,
            hostname: hostname.map(str::to_owned),
        };
        listener_for(all, &key).is_some_and(|nearest| Some(&nearest.name) == listener.given.as_ref())
    }
}

/// The hostnames that a route names.
pub(crate) fn hostnames(source: &mut Source) -> Vec<Wanted> {
    let mut wanted = vec![];
    for index in 0..source.entries("/spec/hostnames", MOST) {
        let path = format!("/spec/hostnames/{index}");
        match source.seen(&path).as_str().and_then(pattern) {
            Some(pattern) => wanted.push(Wanted { path, pattern, is_said: false }),
            None => source.unsupported(&path, "is no hostname"),
        }
    }
    wanted
}

const NO_CERTIFICATE: &str =
    "leads to a listener that ends TLS for a single label, for which there can be no certificate";

/// Where the gateway ends TLS, a hostname needs a domain that the certificate is for.
fn can_have(protocol: Protocol, hostname: &str) -> bool {
    !protocol.ends_tls() || domain(hostname).is_some()
}

/// What a listener and the route have in common, as far as a record can say it.
pub(crate) fn for_hostnames(source: &mut Source, at: &At<'_>, wanted: &mut [Wanted]) -> Vec<Option<String>> {
    let At { path, protocol, hostname: listener, .. } = *at;
    if !protocol.has_requests() && !protocol.is_tls() {
        return vec![None];
    }
    let mut hostnames = vec![];
    if wanted.is_empty() {
        match listener {
            Some(hostname) if !can_have(protocol, hostname) => source.unsupported(path, NO_CERTIFICATE),
            Some(hostname) => hostnames.push(Some(hostname.to_owned())),
            None if protocol.is_tls() => {
                let problem = "leads to a listener with TLS for every hostname, and a record names each one: name them in the route";
                source.unsupported(path, problem);
            }
            None => hostnames.push(None),
        }
    }
    for one in wanted {
        match in_common(listener, Some(&one.pattern)) {
            Some(Some(hostname)) if !can_have(protocol, &hostname) => source.unsupported(path, NO_CERTIFICATE),
            Some(hostname) if at.is_nearest(hostname.as_deref()) => {
                one.is_said = true;
                hostnames.push(hostname);
            }
            _ => {}
        }
    }
    hostnames
}
