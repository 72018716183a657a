//! The Secrets with certificates that a gateway definition names for its ports (`TLSSecretName`). Where one is named, no certificate is ordered.

use crate::{claims::RouteClaim, ports::tls_ports, routes::protocol};
use causeway_records::{
    inputs::ListenerKey,
    nouns::{GatewayDefinition, TLS_SECRET_NAME},
    problem::{Reason, Refusal},
    text::{Hostname, ObjectName},
};
use std::collections::BTreeMap;

/// The Secret of each listener that has one. `hostnames` are those of the definition.
///
/// # Errors
/// Two ports of one number say different things about a hostname, which has one certificate there; or as [`tls_ports`].
pub fn tls_secrets(
    definition: &GatewayDefinition,
    hostnames: &[String],
) -> Result<BTreeMap<ListenerKey, String>, Refusal> {
    let tls_ports = tls_ports(definition, hostnames)?;
    let mut said: BTreeMap<ListenerKey, Option<&ObjectName>> = BTreeMap::new();
    let mut say = |listener: ListenerKey, secret| {
        let before = *said.entry(listener.clone()).or_insert(secret);
        if before == secret { Ok(()) } else { Err(two_certificates(definition, &listener)) }
    };
    for port in definition.http_ports.iter().filter(|port| protocol(port).ends_tls()) {
        let key = |hostname| ListenerKey { port: port.port.get(), protocol: protocol(port), hostname };
        if hostnames.is_empty() {
            say(key(None), port.tls_secret_name.as_ref())?;
        }
        for hostname in hostnames {
            say(key(Some(hostname.clone())), port.tls_secret_name.as_ref())?;
        }
    }
    for port in tls_ports.iter().filter(|port| port.protocol.ends_tls()) {
        for listener in port.listeners() {
            say(listener, port.tls_secret_name.as_ref())?;
        }
    }
    Ok(said.into_iter().filter_map(|(listener, secret)| Some((listener, secret?.to_string()))).collect())
}

fn two_certificates(definition: &GatewayDefinition, listener: &ListenerKey) -> Refusal {
    let (port, name) = (listener.port, &definition.name);
    let hostname = listener.hostname.as_deref().unwrap_or("every hostname");
    let problem = format!(
        "port {port} of gateway definition {name} has two certificates for {hostname}; name the same Secret wherever that port stands, or none"
    );
    Refusal::field(Reason::InvalidField, TLS_SECRET_NAME, problem)
}

/// A certificate is for a hostname: one that is ordered for a hostname of the domain, one that is brought for any.
pub(crate) fn lacks_for_tls(
    definition: &GatewayDefinition,
    domain: Option<&Hostname>,
    claim: &RouteClaim,
) -> Option<Refusal> {
    let (port, name) = (claim.listener.port, &definition.name);
    let problem = match &claim.tls_secret {
        None if claim.needs_certificate() && domain.is_none() => {
            format!("port {port} needs a domain on gateway definition {name}: the certificate is for its hostname")
        }
        Some(secret) if claim.listener.hostname.is_none() => format!(
            "port {port} needs Hostnames or a domain on gateway definition {name}: the certificate of Secret {secret} is for hostnames"
        ),
        _ => return None,
    };
    Some(Refusal::field(Reason::InvalidField, "TLSEnabled", problem))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::claims::claims_of;
    use causeway_records::{
        inputs::Protocol,
        nouns::{GatewayHttpPort, GatewayTcpPort, Hostnames, TlsMode},
    };

    fn http(path: &str, secret: Option<&str>) -> GatewayHttpPort {
        GatewayHttpPort {
            port: 443.try_into().unwrap(),
            path: path.parse().ok(),
            tls_enabled: Some(true),
            tls_secret_name: secret.map(|secret| secret.parse().unwrap()),
            ..GatewayHttpPort::default()
        }
    }

    fn of(http_ports: Vec<GatewayHttpPort>, tcp_ports: Vec<GatewayTcpPort>) -> GatewayDefinition {
        GatewayDefinition { name: "web".parse().unwrap(), http_ports, tcp_ports, ..GatewayDefinition::default() }
    }

    fn names() -> Vec<String> {
        ["a.test", "b.test"].map(str::to_owned).into()
    }

    #[test]
    fn each_listener_of_a_port_has_the_secret_that_the_port_names() {
        let tcp = GatewayTcpPort {
            port: 5432.try_into().unwrap(),
            tls_enabled: Some(true),
            hostnames: Some(Hostnames(vec!["b.test".parse().unwrap()])),
            tls_secret_name: "db-tls".parse().ok(),
            ..GatewayTcpPort::default()
        };
        let through = GatewayTcpPort {
            port: 8443.try_into().unwrap(),
            tls_mode: Some(TlsMode::Passthrough),
            tls_secret_name: None,
            ..tcp.clone()
        };
        let plain = GatewayHttpPort { port: 80.try_into().unwrap(), ..GatewayHttpPort::default() };
        let ordered = GatewayHttpPort { port: 444.try_into().unwrap(), ..http("/", None) };
        let definition = of(vec![http("/", Some("shop-tls")), plain, ordered], vec![tcp, through]);
        let found = tls_secrets(&definition, &names()).unwrap();
        let key = |port, protocol, hostname: &str| ListenerKey { port, protocol, hostname: Some(hostname.to_owned()) };
        let expected = [
            (key(443, Protocol::Https, "a.test"), "shop-tls".to_owned()),
            (key(443, Protocol::Https, "b.test"), "shop-tls".to_owned()),
            (key(5432, Protocol::Tls, "b.test"), "db-tls".to_owned()),
        ];
        assert_eq!(found, expected.into());
    }

    #[test]
    fn a_hostname_of_a_port_has_one_certificate() {
        let same = of(vec![http("/", Some("shop-tls")), http("/api", Some("shop-tls"))], vec![]);
        assert_eq!(tls_secrets(&same, &names()).unwrap().len(), 2);
        for other in [None, Some("api-tls")] {
            let two = of(vec![http("/", Some("shop-tls")), http("/api", other)], vec![]);
            let refusal = tls_secrets(&two, &names()).unwrap_err().to_string();
            let sentence = "TLSSecretName: port 443 of gateway definition web has two certificates for a.test";
            assert!(refusal.starts_with(sentence), "{refusal}");
        }
    }

    #[test]
    fn a_secret_takes_the_place_of_a_domain_and_not_of_a_hostname() {
        let port = http("/", Some("shop-tls"));
        let refusal = claims_of(&of(vec![port.clone()], vec![]), None).unwrap_err().to_string();
        let sentence = "TLSEnabled: port 443 needs Hostnames or a domain on gateway definition";
        assert!(refusal.starts_with(sentence) && refusal.contains("Secret shop-tls"), "{refusal}");
        let hostnames = Some(Hostnames(vec!["shop.test".parse().unwrap()]));
        let claims = claims_of(&GatewayDefinition { hostnames, ..of(vec![port], vec![]) }, None).unwrap();
        let secrets: Vec<_> = claims.iter().map(|claim| claim.tls_secret.as_deref()).collect();
        assert_eq!(secrets, [Some("shop-tls")]);
        assert!(!claims[0].needs_certificate());
    }
}
