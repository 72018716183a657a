//! Tags of hosted zones.

use std::collections::BTreeMap;

use axum::{
    extract::{Path, State},
    response::Response,
};
use serde::Serialize;

use super::reply;
use crate::{
    fault::Fault,
    state::Shared,
    wire::{self, Tag, Tags},
    zone::Zone,
};

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

pub(crate) async fn list_tags(State(shared): State<Shared>, Path(id): Path<String>) -> Result<Response, Fault> {
    let resource_tag_set = TagSet::new(shared.lock().zone(&id)?);
    Ok(reply("ListTagsForResourceResponse", TagAnswer { resource_tag_set }))
}

pub(crate) async fn list_tags_of_many(State(shared): State<Shared>, body: String) -> Result<Response, Fault> {
    let request: wire::ListTags = wire::read(&body)?;
    let memory = shared.lock();
    let sets = request.resource_ids.items.iter().map(|id| Ok(TagSet::new(memory.zone(id)?)));
    let resource_tag_sets = TagSets { items: sets.collect::<Result<_, Fault>>()? };
    Ok(reply("ListTagsForResourcesResponse", TagSetsAnswer { resource_tag_sets }))
}

pub(crate) async fn change_tags(
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
