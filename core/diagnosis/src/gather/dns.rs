//! Questions to DNS. A name without a dot at its end would be looked for in the domains of this machine, too, so each gets one.

use crate::{
    evidence::{Caa, Found, Ground, Served},
    reach::Reach,
};
use futures::future::join_all;
use hickory_resolver::{
    Resolver, TokioResolver,
    config::{ConnectionConfig, NameServerConfig, ResolveHosts, ResolverConfig, ResolverOpts},
    net::{DnsError, NetError, runtime::TokioRuntimeProvider},
    proto::rr::{RData, RecordType},
};
use std::{
    collections::BTreeSet,
    net::{IpAddr, SocketAddr},
    time::Duration,
};

/// A name server that takes longer doesn't answer.
const ANSWERED_WITHIN: Duration = Duration::from_secs(2);
/// Name servers of a zone that are asked: Route 53 gives a zone four.
const MOST_SERVERS: usize = 4;
/// Records of an answer that are looked at.
const MOST_RECORDS: usize = 32;

pub(super) struct Dns {
    resolver: TokioResolver,
    /// Asked in place of the zones' own name servers.
    instead: Option<SocketAddr>,
}

impl Dns {
    pub(super) fn new(instead: Option<SocketAddr>) -> Result<Self, String> {
        let builder = match instead {
            Some(server) => Resolver::builder_with_config(only(server), TokioRuntimeProvider::default()),
            None => Resolver::builder_tokio()
                .map_err(|error| format!("the system's settings of DNS can't be read: {error}"))?,
        };
        Ok(Self { resolver: build(builder.with_options(options(true)))?, instead })
    }

    /// The name servers of a zone, as its parent tells them.
    pub(super) async fn name_servers(&self, zone: &str) -> Found<BTreeSet<String>> {
        let found =
            self.resolver.lookup(fully_qualified(zone), RecordType::NS).await.map_err(|error| ground(&error))?;
        let servers = found.answers().iter().take(MOST_RECORDS).filter_map(|record| match &record.data {
            RData::NS(server) => Some(server.0.to_ascii().to_ascii_lowercase()),
            _ => None,
        });
        some(servers.collect())
    }

    /// Where a resolver says that a name leads.
    pub(super) async fn addresses(&self, name: &str) -> Found<BTreeSet<IpAddr>> {
        addresses(&self.resolver, name).await
    }

    /// Who may sign for a name: the records of the nearest domain that has any, as authorities look for them (RFC 8659, section 3).
    pub(super) async fn authorities(&self, name: &str) -> Found<Caa> {
        for domain in domains(name) {
            match self.resolver.lookup(fully_qualified(domain), RecordType::CAA).await.map_err(|error| ground(&error)) {
                Ok(found) => {
                    let records = found.answers().iter().take(MOST_RECORDS).filter_map(|record| match &record.data {
                        RData::CAA(caa) => Some((caa.tag.as_str(), caa.value.as_slice())),
                        _ => None,
                    });
                    // An alias may be all that was answered.
                    let records: Vec<_> = records.collect();
                    if !records.is_empty() {
                        return Ok(caa(domain, &records));
                    }
                }
                Err(Ground::Absent) => {}
                Err(failed) => return Err(failed),
            }
        }
        Err(Ground::Absent)
    }

    /// What each of these name servers says by itself of a name.
    pub(super) async fn each(&self, servers: &BTreeSet<String>, name: &str, reach: &Reach) -> Vec<Served> {
        if let Some(server) = self.instead {
            return vec![Served { server: server.to_string(), answer: ask(server, name).await }];
        }
        let asked = servers.iter().take(MOST_SERVERS).map(|server| async move {
            let answer = match self.addresses(server).await {
                Ok(found) => match found.iter().find(|ip| reach.check(**ip).is_ok()) {
                    Some(ip) => ask(SocketAddr::new(*ip, 53), name).await,
                    None => Err(Ground::Failed("it has no address that may be asked".to_owned())),
                },
                Err(Ground::Absent) => Err(Ground::Failed("it has no address".to_owned())),
                Err(failed) => Err(failed),
            };
            Served { server: server.clone(), answer }
        });
        join_all(asked).await
    }
}

/// What one server says of what it knows itself.
async fn ask(server: SocketAddr, name: &str) -> Found<BTreeSet<IpAddr>> {
    let builder = Resolver::builder_with_config(only(server), TokioRuntimeProvider::default());
    let resolver = build(builder.with_options(options(false))).map_err(Ground::Failed)?;
    addresses(&resolver, name).await
}

async fn addresses(resolver: &TokioResolver, name: &str) -> Found<BTreeSet<IpAddr>> {
    let name = fully_qualified(name);
    let (four, six) =
        tokio::join!(resolver.lookup(name.as_str(), RecordType::A), resolver.lookup(name.as_str(), RecordType::AAAA));
    let mut found = BTreeSet::new();
    for answer in [&four, &six].into_iter().flatten() {
        found.extend(answer.answers().iter().take(MOST_RECORDS).filter_map(|record| record.data.ip_addr()));
    }
    if !found.is_empty() {
        return Ok(found);
    }
    // That one of two questions failed is no proof that there is none.
    match [four.err(), six.err()]
        .into_iter()
        .flatten()
        .map(|error| ground(&error))
        .find(|ground| *ground != Ground::Absent)
    {
        Some(failed) => Err(failed),
        None => Err(Ground::Absent),
    }
}

/// A name and the domains above it.
fn domains(name: &str) -> impl Iterator<Item = &str> {
    let name = name.trim_end_matches('.');
    std::iter::successors(Some(name), |name| name.split_once('.').map(|(_, above)| above))
}

/// What CAA records say, each by its tag and value. What follows a name are parameters for its authority.
fn caa(domain: &str, records: &[(&str, &[u8])]) -> Caa {
    let mut all = Caa { domain: domain.to_owned(), ..Caa::default() };
    for (tag, value) in records {
        let text = String::from_utf8_lossy(value);
        let issuer = text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        if tag.eq_ignore_ascii_case("issue") {
            all.issue.insert(issuer);
        } else if tag.eq_ignore_ascii_case("issuewild") {
            all.issue_wild.insert(issuer);
        }
    }
    all
}

fn some<T>(found: BTreeSet<T>) -> Found<BTreeSet<T>> {
    if found.is_empty() { Err(Ground::Absent) } else { Ok(found) }
}

fn ground(error: &NetError) -> Ground {
    match error {
        NetError::Dns(DnsError::NoRecordsFound(_)) => Ground::Absent,
        other => Ground::Failed(other.to_string()),
    }
}

fn fully_qualified(name: &str) -> String {
    format!("{}.", name.trim_end_matches('.'))
}

fn only(server: SocketAddr) -> ResolverConfig {
    let mut connections = [ConnectionConfig::udp(), ConnectionConfig::tcp()];
    connections.iter_mut().for_each(|connection| connection.port = server.port());
    ResolverConfig::from_name_servers(vec![NameServerConfig::new(server.ip(), true, connections.into())])
}

/// What is asked is what is there now: nothing is kept.
fn options(recursion: bool) -> ResolverOpts {
    let mut options = ResolverOpts::default();
    options.timeout = ANSWERED_WITHIN;
    options.attempts = 1;
    options.cache_size = 0;
    options.use_hosts_file = ResolveHosts::Never;
    options.recursion_desired = recursion;
    options
}

fn build(builder: hickory_resolver::ResolverBuilder<TokioRuntimeProvider>) -> Result<TokioResolver, String> {
    builder.build().map_err(|error| format!("DNS can't be asked: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_looked_for_from_the_name_upwards() {
        assert_eq!(domains("www.shop.example.").collect::<Vec<_>>(), ["www.shop.example", "shop.example", "example"]);
    }

    #[test]
    fn who_may_sign_is_read_without_parameters() {
        let records: [(&str, &[u8]); 4] = [
            ("issue", b"LetsEncrypt.org; validationmethods=dns-01"),
            ("ISSUE", b"pki.goog"),
            ("issuewild", b";"),
            ("iodef", b"mailto:a@example.org"),
        ];
        let found = caa("example.org", &records);
        assert_eq!(found.issue, ["letsencrypt.org".to_owned(), "pki.goog".to_owned()].into());
        assert_eq!(found.issue_wild, [String::new()].into(), "nobody");
    }
}
