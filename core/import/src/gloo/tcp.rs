//! Gateways for TCP: a port for each host, with TLS where it says so.

use super::{MOST, actions::destinations, is_there, text, texts, upstreams::Upstreams};
use crate::{
    hostnames::{domain, pattern},
    output::{Gateway, Output},
    source::Source,
};
use causeway_records::{
    nouns::{GatewayDefinition, GatewayTcpPort, Hostnames, TlsMode},
    text::Port,
};

const HOSTS: &str = "/spec/tcpGateway/tcpHosts";

/// Writes the gateways of a Gateway for TCP.
pub(super) fn import(source: &mut Source, port: i64, upstreams: &mut Upstreams, output: &mut Output) {
    let count = source.entries(HOSTS, MOST);
    for index in 0..count {
        let at = format!("{HOSTS}/{index}");
        let found = host(source, &at, port, upstreams, output);
        match found {
            Some(gateway) => output.gateways.push(gateway),
            None => source.unsupported(&at, "nothing comes of it, see what is told about its destination"),
        }
    }
}

fn host(source: &mut Source, at: &str, port: i64, upstreams: &mut Upstreams, output: &mut Output) -> Option<Gateway> {
    let name = text(source, &format!("{at}/name")).unwrap_or_default();
    let list = format!("{at}/destination");
    let mut targets = destinations(source, &list, upstreams);
    targets.sort_by_key(|(_, weight)| std::cmp::Reverse(weight.unwrap_or(1)));
    if targets.len() > 1 {
        source.lossy(&format!("{list}/multi"), "a port sends to one Service, the one with the greatest weight");
    }
    let (target, _) = targets.into_iter().next()?;
    let tls = format!("{at}/sslConfig");
    let (mode, hostnames, of_domain) = match is_there(source, &tls) {
        false => (None, vec![], None),
        true => self::tls(source, &tls, output)?,
    };
    let port = Port::try_from(port).ok()?;
    let tcp = GatewayTcpPort {
        port,
        tls_enabled: mode.map(|_| true),
        tls_mode: mode,
        service_port: Port::try_from(target.port).ok(),
        ..GatewayTcpPort::default()
    };
    let hostnames: Vec<_> = hostnames.iter().filter_map(|hostname| hostname.parse().ok()).collect();
    let suffix = if name.is_empty() { String::new() } else { format!("-{name}") };
    let definition = GatewayDefinition {
        name: output.name("Gateway", &source.object, &suffix),
        tcp_ports: vec![tcp],
        service_name: target.service.parse().ok(),
        hostnames: (!hostnames.is_empty()).then_some(Hostnames(hostnames)),
        ..GatewayDefinition::default()
    };
    output.sends_to(&target.namespace, &target.service);
    let from = source.object.clone();
    Some(Gateway {
        definition,
        domain: of_domain,
        workload: target.namespace,
        shared: None,
        is_attached: true,
        route_name: None,
        from,
    })
}

/// Who ends TLS, for which hostnames, and the domain of these where the gateway does.
type Tls = (Option<TlsMode>, Vec<String>, Option<String>);

/// Without a certificate Gloo passes TLS on.
fn tls(source: &mut Source, at: &str, output: &mut Output) -> Option<Tls> {
    let hostnames: Vec<String> =
        texts(source, &format!("{at}/sniDomains")).iter().filter_map(|text| pattern(text)).collect();
    if hostnames.is_empty() {
        source.unsupported(at, "names no hostname, by which TLS leads to a workload here");
        return None;
    }
    let secret = format!("{at}/secretRef");
    if !is_there(source, &secret) {
        return Some((Some(TlsMode::Passthrough), hostnames, None));
    }
    let domains: std::collections::BTreeSet<_> = hostnames.iter().map(|hostname| domain(hostname)).collect();
    if domains.len() > 1 || domains.contains(&None) {
        source.unsupported(
            at,
            "is for hostnames of several domains, or of none; a definition with certificates is for one: split it up",
        );
        return None;
    }
    let problem = "certificates are issued anew for each hostname, by the issuer of the DomainNameDefinition; TLSSecretName of a port names a Secret of your own";
    source.lossy(&secret, problem);
    let domain = hostnames.iter().filter_map(|hostname| output.domain_of(hostname, None)).next();
    Some((Some(TlsMode::Terminate), hostnames, domain))
}
