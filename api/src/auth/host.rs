//! Without authentication a web page could use the browser of somebody on this machine: it has its own name resolve to 127.0.0.1 (DNS
//! rebinding), and the browser takes the API for a part of the page. `Host` then has the page's name.

use axum::http::{HeaderMap, Uri, header, uri::Authority};
use std::net::IpAddr;

/// The first host that a request names and that isn't this machine's loopback. A request that names none comes from no browser.
pub(super) fn foreign_host(uri: &Uri, headers: &HeaderMap) -> Option<String> {
    let named =
        headers.get_all(header::HOST).iter().map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
    uri.authority().map(Authority::to_string).into_iter().chain(named).find(|host| !is_loopback(host))
}

fn is_loopback(host: &str) -> bool {
    let Ok(authority) = host.parse::<Authority>() else { return false };
    let name = authority.host().trim_end_matches('.');
    let address = name.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    !host.contains('@')
        && (name.eq_ignore_ascii_case("localhost") || address.is_ok_and(|address| address.to_canonical().is_loopback()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    fn foreign(uri: &str, hosts: &[&str]) -> Option<String> {
        let mut headers = HeaderMap::new();
        for host in hosts {
            headers.append(header::HOST, HeaderValue::from_str(host).unwrap());
        }
        foreign_host(&uri.parse().unwrap(), &headers)
    }

    #[test]
    fn only_loopback_names_pass() {
        for host in ["localhost", "LocalHost.:1323", "127.0.0.1:1323", "127.8.8.8", "[::1]:1323", "[::ffff:127.0.0.1]"]
        {
            assert_eq!(foreign("/v0/events", &[host]), None, "{host}");
        }
        assert_eq!(foreign("/v0/events", &[]), None);
        for host in [
            "evil.example:1323",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "10.0.0.1",
            "0.0.0.0",
            "",
            "a@localhost",
        ] {
            assert_eq!(foreign("/v0/events", &[host]).as_deref(), Some(host));
        }
        assert_eq!(foreign("/", &["localhost", "evil.example"]).as_deref(), Some("evil.example"));
        assert_eq!(foreign("http://evil.example/", &["localhost"]).as_deref(), Some("evil.example"));
    }
}
