//! Which support services a cluster needs for a record.

use crate::{claims::RouteClaim, driver::Driver};
use causeway_records::nouns::Service;

/// What a gateway instance needs beside what its driver needs: certificates where it ends TLS and names no Secret that has them.
fn for_claims(claims: &[RouteClaim]) -> Option<Service> {
    claims.iter().any(RouteClaim::needs_certificate).then_some(Service::CertManager)
}

/// Everything that a gateway instance needs.
pub fn for_gateway(driver: Driver, claims: &[RouteClaim]) -> Vec<Service> {
    for_claims(claims).into_iter().chain(driver.services().iter().copied()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use causeway_records::inputs::{ListenerKey, Protocol};

    #[test]
    fn only_ends_of_tls_need_certificates() {
        let claim = |protocol| RouteClaim {
            listener: ListenerKey { port: 443, protocol, hostname: None },
            requests: String::new(),
            grpc: false,
            redirect: false,
            tls_secret: None,
        };
        assert_eq!(for_claims(&[claim(Protocol::Tcp), claim(Protocol::Http)]), None);
        assert_eq!(for_claims(&[claim(Protocol::TlsPassthrough)]), None);
        assert_eq!(for_claims(&[claim(Protocol::Tls)]), Some(Service::CertManager));
        let brought = RouteClaim { tls_secret: Some("shop-tls".into()), ..claim(Protocol::Https) };
        assert_eq!(for_claims(std::slice::from_ref(&brought)), None);
        assert_eq!(for_claims(&[brought, claim(Protocol::Https)]), Some(Service::CertManager));
        for driver in Driver::ALL {
            let all = for_gateway(*driver, &[claim(Protocol::Https)]);
            assert_eq!(all, [&[Service::CertManager][..], driver.services()].concat());
        }
    }
}
