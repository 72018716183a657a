//! Record sets and the batches that change them.

use axum::{
    extract::{Path, Query, State},
    http::{HeaderMap, header},
    response::Response,
};
use serde::{Deserialize, Serialize};

use super::{ChangeAnswer, ChangeInfoXml, page_size, reply};
use crate::{
    fault::Fault,
    name::Name,
    record::{Key, RecordSet},
    state::Shared,
    wire::{self, RecordSetXml},
};

/// The longest page.
const MAX_RECORDS: usize = 300;

#[derive(Deserialize)]
pub(crate) struct RecordPage {
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

pub(crate) async fn list_records(
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

pub(crate) async fn change_records(
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

pub(crate) async fn get_change(State(shared): State<Shared>, Path(id): Path<String>) -> Result<Response, Fault> {
    let memory = shared.lock();
    let change_info = ChangeInfoXml::new(&memory, memory.change_by_id(&id)?);
    Ok(reply("GetChangeResponse", ChangeAnswer { change_info }))
}

/// The access key in the request's signature. The signature itself isn't checked.
pub(crate) fn access_key(headers: &HeaderMap) -> String {
    let header = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let (_, credential) = header.split_once("Credential=").unwrap_or_default();
    credential.split(['/', ',']).next().unwrap_or_default().to_owned()
}
