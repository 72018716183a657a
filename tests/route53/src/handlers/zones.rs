//! Hosted zones: made, read, listed by id and by name, deleted.

use axum::{
    extract::{Path, Query, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize};

use super::{ChangeAnswer, ChangeInfoXml, page_size, reply};
use crate::{
    fault::Fault,
    name::Name,
    state::{NAME_SERVERS, Shared},
    wire::{self, ZoneConfig},
    zone::Zone,
};

/// The longest page.
const MAX_ZONES: usize = 100;

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ZoneXml {
    id: String,
    name: String,
    caller_reference: String,
    config: ZoneConfig,
    resource_record_set_count: usize,
}

impl From<&Zone> for ZoneXml {
    fn from(zone: &Zone) -> Self {
        Self {
            id: format!("/hostedzone/{}", zone.id),
            name: zone.name.to_string(),
            caller_reference: zone.caller_reference.clone(),
            config: ZoneConfig { comment: zone.comment.clone(), private_zone: zone.private },
            resource_record_set_count: zone.records.len(),
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct DelegationSet {
    name_servers: NameServers,
}

#[derive(Serialize)]
struct NameServers {
    #[serde(rename = "NameServer")]
    items: Vec<&'static str>,
}

fn delegation_set() -> DelegationSet {
    DelegationSet { name_servers: NameServers { items: NAME_SERVERS.to_vec() } }
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ZoneAnswer {
    hosted_zone: ZoneXml,
    #[serde(skip_serializing_if = "Option::is_none")]
    change_info: Option<ChangeInfoXml>,
    delegation_set: DelegationSet,
}

pub(crate) async fn create_zone(State(shared): State<Shared>, body: String) -> Result<Response, Fault> {
    let request: wire::CreateZone = wire::read(&body)?;
    let mut memory = shared.lock();
    let config = request.hosted_zone_config;
    let (zone, change) =
        memory.create_zone(&request.name, request.caller_reference, config.comment, config.private_zone)?;
    let content = ZoneAnswer {
        hosted_zone: (&zone).into(),
        change_info: Some(ChangeInfoXml::new(&memory, &change)),
        delegation_set: delegation_set(),
    };
    let location = format!("https://route53.amazonaws.com/2013-04-01/hostedzone/{}", zone.id);
    Ok((StatusCode::CREATED, [(header::LOCATION, location)], reply("CreateHostedZoneResponse", content))
        .into_response())
}

pub(crate) async fn get_zone(State(shared): State<Shared>, Path(id): Path<String>) -> Result<Response, Fault> {
    let memory = shared.lock();
    let hosted_zone = memory.zone(&id)?.into();
    let content = ZoneAnswer { hosted_zone, change_info: None, delegation_set: delegation_set() };
    Ok(reply("GetHostedZoneResponse", content))
}

pub(crate) async fn delete_zone(State(shared): State<Shared>, Path(id): Path<String>) -> Result<Response, Fault> {
    let mut memory = shared.lock();
    let change = memory.delete_zone(&id)?;
    Ok(reply("DeleteHostedZoneResponse", ChangeAnswer { change_info: ChangeInfoXml::new(&memory, &change) }))
}

#[derive(Serialize)]
struct Zones {
    #[serde(rename = "HostedZone")]
    items: Vec<ZoneXml>,
}

#[derive(Deserialize)]
pub(crate) struct ZonePage {
    marker: Option<String>,
    maxitems: Option<usize>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ZoneList {
    hosted_zones: Zones,
    #[serde(skip_serializing_if = "Option::is_none")]
    marker: Option<String>,
    is_truncated: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_marker: Option<String>,
    max_items: usize,
}

pub(crate) async fn list_zones(State(shared): State<Shared>, Query(page): Query<ZonePage>) -> Result<Response, Fault> {
    let max_items = page_size(page.maxitems, MAX_ZONES)?;
    let memory = shared.lock();
    let from = page.marker.clone().unwrap_or_default();
    let mut rest = memory.zones.range(from..).map(|(_, zone)| zone);
    let items = rest.by_ref().take(max_items).map(ZoneXml::from).collect();
    let next_marker = rest.next().map(|zone| zone.id.clone());
    let is_truncated = next_marker.is_some();
    let content = ZoneList { hosted_zones: Zones { items }, marker: page.marker, is_truncated, next_marker, max_items };
    Ok(reply("ListHostedZonesResponse", content))
}

#[derive(Deserialize)]
pub(crate) struct ZoneNamePage {
    dnsname: Option<String>,
    hostedzoneid: Option<String>,
    maxitems: Option<usize>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ZoneNameList {
    hosted_zones: Zones,
    #[serde(rename = "DNSName", skip_serializing_if = "Option::is_none")]
    dns_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hosted_zone_id: Option<String>,
    is_truncated: bool,
    #[serde(rename = "NextDNSName", skip_serializing_if = "Option::is_none")]
    next_dns_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_hosted_zone_id: Option<String>,
    max_items: usize,
}

pub(crate) async fn list_zones_by_name(
    State(shared): State<Shared>,
    Query(page): Query<ZoneNamePage>,
) -> Result<Response, Fault> {
    let max_items = page_size(page.maxitems, MAX_ZONES)?;
    let first = match &page.dnsname {
        None if page.hostedzoneid.is_some() => return Err(Fault::invalid_input("hostedzoneid needs dnsname")),
        None => None,
        Some(name) => Some(Name::parse(name).ok_or_else(|| Fault::invalid_domain_name(name))?),
    };
    let memory = shared.lock();
    let mut zones: Vec<&Zone> = memory.zones.values().collect();
    zones.sort_by_key(|zone| (&zone.name, &zone.id));
    let start = (first.as_ref(), page.hostedzoneid.as_deref().unwrap_or_default());
    let mut rest = zones.into_iter().skip_while(|zone| (Some(&zone.name), zone.id.as_str()) < start);
    let items = rest.by_ref().take(max_items).map(ZoneXml::from).collect();
    let next = rest.next();
    let content = ZoneNameList {
        hosted_zones: Zones { items },
        dns_name: page.dnsname,
        hosted_zone_id: page.hostedzoneid,
        is_truncated: next.is_some(),
        next_dns_name: next.map(|zone| zone.name.to_string()),
        next_hosted_zone_id: next.map(|zone| zone.id.clone()),
        max_items,
    };
    Ok(reply("ListHostedZonesByNameResponse", content))
}
