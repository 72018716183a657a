//! The Secrets with certificates that a gateway definition names for its ports (`TLSSecretName`). Where one is named, no certificate is ordered.

use crate::{ports::tls_ports, routes::protocol};
use causeway_records::{
    inputs::ListenerKey,
    nouns::{GatewayDefinition, TLS_SECRET_NAME},
    problem::{Reason, Refusal},
    text::ObjectName,
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
    for port in tls_ports(definition, hostnames)?.iter().filter(|port| port.protocol.ends_tls()) {
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

#[cfg(test)]
mod tests {
    use super::*;
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
}
