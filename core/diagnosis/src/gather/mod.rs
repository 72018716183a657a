//! Asks and connects. Every wait has an end, and what is asked of a hostname at once is bounded.

mod connect;
mod dns;
mod tls;

use self::dns::Dns;
use crate::{
    evidence::{Attempt, Contact, Evidence, Host, Question, Stored},
    reach::Reach,
};
use futures::future::join_all;
use ipnet::IpNet;
use std::{
    net::{IpAddr, SocketAddr},
    time::Duration,
};

/// Addresses of a Gateway that are tried, and that one of its names may lead to.
const MOST_ADDRESSES: usize = 4;
/// Ports of each that are tried.
const MOST_ENDPOINTS: usize = 8;
/// Until a connection is there, a handshake is done, an answer has begun: for each so long.
const STEP_WITHIN: Duration = Duration::from_secs(4);

/// Whom to ask, and what may be reached.
#[derive(Clone, Debug, Default)]
pub struct GathererSettings {
    /// Asked for names, in place of the system's resolver and of the zones' own name servers. None: those are asked.
    pub resolver: Option<SocketAddr>,
    /// Networks of this machine that are open.
    pub open: Vec<IpNet>,
}

/// Asks DNS and connects.
pub struct Gatherer {
    dns: Dns,
    reach: Reach,
    tls: tls::Client,
}

impl Gatherer {
    /// Reads the system's settings of DNS and its authorities. rustls' provider must have been chosen.
    ///
    /// # Errors
    /// When they can't be read; the message says which.
    pub fn new(settings: &GathererSettings) -> Result<Self, String> {
        let reach = Reach { open: settings.open.clone() };
        Ok(Self { dns: Dns::new(settings.resolver)?, reach, tls: tls::Client::new()? })
    }

    /// What there is to see on the way to a hostname.
    pub async fn gather(&self, question: &Question) -> Evidence {
        let (named, contacts) = tokio::join!(self.names(question), self.contacts(question));
        Evidence { contacts, ..named }
    }

    /// The same without DNS: what there is to see at the addresses of the Gateway.
    pub async fn connect(&self, question: &Question) -> Evidence {
        Evidence { contacts: self.contacts(question).await, ..Evidence::default() }
    }

    async fn names(&self, question: &Question) -> Evidence {
        let Host::Named(host) = &question.host else { return Evidence::default() };
        let zone = match &question.stored {
            Stored::Missing(zone, _) | Stored::Present(zone) => Some(zone),
            Stored::NotAsked | Stored::NoZone(_) => None,
        };
        let public = zone.filter(|zone| !zone.private);
        if zone.is_some() && public.is_none() {
            return Evidence::default();
        }
        let delegation = async {
            let delegation = self.dns.name_servers(&public?.name).await;
            let served = match &delegation {
                Ok(servers) => self.dns.each(servers, host, &self.reach).await,
                Err(_) => vec![],
            };
            Some((delegation, served))
        };
        let caa = async {
            match question.issuer {
                Some(_) => Some(self.dns.authorities(host).await),
                None => None,
            }
        };
        let (delegation, resolved, caa) = tokio::join!(delegation, self.dns.addresses(host), caa);
        let (delegation, served) = delegation.unzip();
        Evidence { delegation, served: served.unwrap_or_default(), resolved: Some(resolved), caa, contacts: vec![] }
    }

    async fn contacts(&self, question: &Question) -> Vec<Contact> {
        let addresses = question.addresses.iter().take(MOST_ADDRESSES).map(|address| self.led_to(address));
        let addresses: Vec<_> = join_all(addresses).await.concat();
        let endpoints = || question.endpoints.iter().take(MOST_ENDPOINTS);
        let each = addresses.iter().flat_map(|(text, ip)| endpoints().map(move |endpoint| (text, ip, endpoint)));
        let contacts = each.map(|(text, ip, endpoint)| async move {
            let attempt = match ip {
                Ok(ip) => self.attempt(*ip, endpoint, &question.host).await,
                Err(why) => Attempt { refused: Some(why.clone()), ..Attempt::default() },
            };
            Contact { address: text.clone(), endpoint: endpoint.clone(), attempt }
        });
        join_all(contacts).await
    }

    /// Where an address of a Gateway leads: itself, or for a name what DNS says.
    async fn led_to(&self, address: &str) -> Vec<(String, Result<IpAddr, String>)> {
        if let Ok(ip) = address.parse() {
            return vec![(address.to_owned(), Ok(ip))];
        }
        match self.dns.addresses(address).await {
            Ok(found) => found.into_iter().take(MOST_ADDRESSES).map(|ip| (format!("{address} {ip}"), Ok(ip))).collect(),
            Err(ground) => vec![(address.to_owned(), Err(format!("it leads nowhere: {ground:?}")))],
        }
    }
}
