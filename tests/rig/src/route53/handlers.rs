//! The operations.

use std::collections::BTreeMap;

use axum::{
    extract::{Path, Query, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use chrono::SecondsFormat;
use serde::{Deserialize, Serialize};

use super::{
    fault::Fault,
    name::Name,
    record::{Key, RecordSet},
    state::{ChangeInfo, NAME_SERVERS, Shared, State as Memory},
    wire::{self, NAMESPACE, RecordSetXml, Tag, Tags, ZoneConfig, answer},
    zone::Zone,
};

/// The longest page of zones and of record sets.
const MAX_ZONES: usize = 100;
const MAX_RECORDS: usize = 300;

/// An answer's body, with the namespace that every answer carries.
#[derive(Serialize)]
struct Body<T> {
    #[serde(rename = "@xmlns")]
    xmlns: &'static str,
    #[serde(flatten)]
    content: T,
}

fn reply<T: Serialize>(root: &str, content: T) -> Response {
    answer(root, &Body { xmlns: NAMESPACE, content })
}

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
struct ChangeInfoXml {
    id: String,
    status: &'static str,
    submitted_at: String,
}

impl ChangeInfoXml {
    fn new(memory: &Memory, change: &ChangeInfo) -> Self {
        Self {
            id: format!("/change/{}", change.id),
            status: memory.status(change),
            submitted_at: change.at.to_rfc3339_opts(SecondsFormat::Millis, true),
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ChangeAnswer {
    change_info: ChangeInfoXml,
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

pub(super) async fn create_zone(State(shared): State<Shared>, body: String) -> Result<Response, Fault> {
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

pub(super) async fn get_zone(State(shared): State<Shared>, Path(id): Path<String>) -> Result<Response, Fault> {
    let memory = shared.lock();
    let hosted_zone = memory.zone(&id)?.into();
    let content = ZoneAnswer { hosted_zone, change_info: None, delegation_set: delegation_set() };
    Ok(reply("GetHostedZoneResponse", content))
}

pub(super) async fn delete_zone(State(shared): State<Shared>, Path(id): Path<String>) -> Result<Response, Fault> {
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
pub(super) struct ZonePage {
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

pub(super) async fn list_zones(State(shared): State<Shared>, Query(page): Query<ZonePage>) -> Result<Response, Fault> {
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
pub(super) struct ZoneNamePage {
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

pub(super) async fn list_zones_by_name(
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

#[derive(Deserialize)]
pub(super) struct RecordPage {
    name: Option<String>,
    r#type: Option<String>,
    identifier: Option<String>,
    maxitems: Option<usize>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct RecordList {
    resource_record_sets: RecordSets,
    is_truncated: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_record_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_record_type: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_record_identifier: Option<String>,
    max_items: usize,
}

#[derive(Serialize)]
struct RecordSets {
    #[serde(rename = "ResourceRecordSet")]
    items: Vec<RecordSetXml>,
}

pub(super) async fn list_records(
    State(shared): State<Shared>,
    Path(id): Path<String>,
    Query(page): Query<RecordPage>,
) -> Result<Response, Fault> {
    let max_items = page_size(page.maxitems, MAX_RECORDS)?;
    let start = first_key(&page)?;
    let memory = shared.lock();
    let mut rest =
        memory.zone(&id)?.records.values().skip_while(|record| start.as_ref().is_some_and(|key| record.key < *key));
    let items: Vec<&RecordSet> = rest.by_ref().take(max_items).collect();
    let next = rest.next().map(|record| record.key.clone());
    let content = RecordList {
        resource_record_sets: RecordSets { items: items.into_iter().map(RecordSetXml::from).collect() },
        is_truncated: next.is_some(),
        next_record_name: next.as_ref().map(|key| key.name.to_string()),
        next_record_type: next.as_ref().map(|key| key.kind.clone()),
        next_record_identifier: next.and_then(|key| key.set_identifier),
        max_items,
    };
    Ok(reply("ListResourceRecordSetsResponse", content))
}

/// Where a page of record sets begins.
fn first_key(page: &RecordPage) -> Result<Option<Key>, Fault> {
    let Some(text) = &page.name else {
        return match page.r#type.is_some() || page.identifier.is_some() {
            true => Err(Fault::invalid_input("The input for type or identifier needs a name")),
            false => Ok(None),
        };
    };
    if page.identifier.is_some() && page.r#type.is_none() {
        return Err(Fault::invalid_input("The input for identifier needs a type"));
    }
    let name = Name::parse(text).ok_or_else(|| Fault::invalid_domain_name(text))?;
    let kind = page.r#type.clone().unwrap_or_default();
    Ok(Some(Key { name, kind, set_identifier: page.identifier.clone() }))
}

pub(super) async fn change_records(
    State(shared): State<Shared>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: String,
) -> Result<Response, Fault> {
    let request: wire::ChangeRequest = wire::read(&body)?;
    let mut memory = shared.lock();
    memory.zone(&id)?;
    let change = memory.change(&id, &request.changes()?, &access_key(&headers))?;
    Ok(reply("ChangeResourceRecordSetsResponse", ChangeAnswer { change_info: ChangeInfoXml::new(&memory, &change) }))
}

pub(super) async fn get_change(State(shared): State<Shared>, Path(id): Path<String>) -> Result<Response, Fault> {
    let memory = shared.lock();
    let change_info = ChangeInfoXml::new(&memory, memory.change_by_id(&id)?);
    Ok(reply("GetChangeResponse", ChangeAnswer { change_info }))
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct TagSet {
    resource_type: &'static str,
    resource_id: String,
    tags: Tags,
}

impl TagSet {
    fn new(zone: &Zone) -> Self {
        let items = zone.tags.iter().map(|(key, value)| Tag { key: key.clone(), value: value.clone() }).collect();
        Self { resource_type: "hostedzone", resource_id: zone.id.clone(), tags: Tags { items } }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct TagAnswer {
    resource_tag_set: TagSet,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct TagSetsAnswer {
    resource_tag_sets: TagSets,
}

#[derive(Serialize)]
struct TagSets {
    #[serde(rename = "ResourceTagSet")]
    items: Vec<TagSet>,
}

pub(super) async fn list_tags(State(shared): State<Shared>, Path(id): Path<String>) -> Result<Response, Fault> {
    let resource_tag_set = TagSet::new(shared.lock().zone(&id)?);
    Ok(reply("ListTagsForResourceResponse", TagAnswer { resource_tag_set }))
}

pub(super) async fn list_tags_of_many(State(shared): State<Shared>, body: String) -> Result<Response, Fault> {
    let request: wire::ListTags = wire::read(&body)?;
    let memory = shared.lock();
    let sets = request.resource_ids.items.iter().map(|id| Ok(TagSet::new(memory.zone(id)?)));
    let resource_tag_sets = TagSets { items: sets.collect::<Result<_, Fault>>()? };
    Ok(reply("ListTagsForResourcesResponse", TagSetsAnswer { resource_tag_sets }))
}

pub(super) async fn change_tags(
    State(shared): State<Shared>,
    Path(id): Path<String>,
    body: String,
) -> Result<Response, Fault> {
    let request: wire::ChangeTags = wire::read(&body)?;
    let mut memory = shared.lock();
    let tags = &mut memory.zone_mut(&id)?.tags;
    tags.retain(|key, _| !request.remove_tag_keys.items.contains(key));
    tags.extend(request.add_tags.items.into_iter().map(|tag| (tag.key, tag.value)));
    Ok(reply("ChangeTagsForResourceResponse", BTreeMap::<String, String>::new()))
}

fn page_size(asked: Option<usize>, most: usize) -> Result<usize, Fault> {
    match asked {
        Some(0) => Err(Fault::invalid_input("maxitems must be at least 1")),
        asked => Ok(asked.unwrap_or(most).min(most)),
    }
}

/// The access key in the request's signature. The signature itself isn't checked.
fn access_key(headers: &HeaderMap) -> String {
    let header = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let (_, credential) = header.split_once("Credential=").unwrap_or_default();
    credential.split(['/', ',']).next().unwrap_or_default().to_owned()
}
