//! The operations, by what they are about.

mod records;
mod tags;
mod zones;

use axum::response::Response;
use chrono::SecondsFormat;
use serde::Serialize;

pub(crate) use self::{
    records::{access_key, change_records, get_change, list_records},
    tags::{change_tags, list_tags, list_tags_of_many},
    zones::{create_zone, delete_zone, get_zone, list_zones, list_zones_by_name},
};
use crate::{
    fault::Fault,
    state::{ChangeInfo, State as Memory},
    wire::{NAMESPACE, answer},
};

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

fn page_size(asked: Option<usize>, most: usize) -> Result<usize, Fault> {
    match asked {
        Some(0) => Err(Fault::invalid_input("maxitems must be at least 1")),
        asked => Ok(asked.unwrap_or(most).min(most)),
    }
}
