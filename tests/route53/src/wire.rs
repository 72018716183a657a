//! The XML of requests and answers, and its translation into record sets and back.

use axum::{
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize};

use crate::{
    fault::Fault,
    name::Name,
    record::{Content, Key, RecordSet, Routing},
    zone::{Action, Change},
};

pub(crate) const NAMESPACE: &str = "https://route53.amazonaws.com/doc/2013-04-01/";

/// An element that only holds elements of one other name.
macro_rules! list {
    ($name:ident, $item:literal, $kind:ty) => {
        #[derive(Clone, Debug, Default, Deserialize, Serialize)]
        pub(crate) struct $name {
            #[serde(rename = $item, default)]
            pub(crate) items: Vec<$kind>,
        }
    };
}

list!(Records, "ResourceRecord", Value);
list!(Changes, "Change", ChangeXml);
list!(Tags, "Tag", Tag);
list!(TagKeys, "Key", String);
list!(ResourceIds, "ResourceId", String);

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Value {
    value: String,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Tag {
    pub(crate) key: String,
    pub(crate) value: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct ChangeRequest {
    change_batch: ChangeBatch,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ChangeBatch {
    changes: Changes,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct ChangeXml {
    action: String,
    resource_record_set: RecordSetXml,
}

#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct RecordSetXml {
    name: String,
    #[serde(rename = "Type")]
    kind: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    set_identifier: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    weight: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    region: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    failover: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    multi_value_answer: Option<bool>,
    #[serde(rename = "TTL", skip_serializing_if = "Option::is_none")]
    ttl: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    resource_records: Option<Records>,
    #[serde(skip_serializing_if = "Option::is_none")]
    alias_target: Option<AliasXml>,
    #[serde(skip_serializing_if = "Option::is_none")]
    health_check_id: Option<String>,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase")]
struct AliasXml {
    hosted_zone_id: String,
    #[serde(rename = "DNSName")]
    dns_name: String,
    evaluate_target_health: bool,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct CreateZone {
    pub(crate) name: String,
    pub(crate) caller_reference: String,
    #[serde(default)]
    pub(crate) hosted_zone_config: ZoneConfig,
}

#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct ZoneConfig {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) comment: Option<String>,
    #[serde(default)]
    pub(crate) private_zone: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct ChangeTags {
    #[serde(default)]
    pub(crate) add_tags: Tags,
    #[serde(default)]
    pub(crate) remove_tag_keys: TagKeys,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct ListTags {
    pub(crate) resource_ids: ResourceIds,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct ErrorResponse<'a> {
    #[serde(rename = "@xmlns")]
    pub(crate) xmlns: &'a str,
    pub(crate) error: ErrorBody<'a>,
    pub(crate) request_id: String,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct ErrorBody<'a> {
    #[serde(rename = "Type")]
    pub(crate) kind: &'a str,
    pub(crate) code: &'a str,
    pub(crate) message: &'a str,
}

/// Reads a request's body.
///
/// # Errors
/// `MalformedInput` when it isn't the XML that the operation wants.
pub(crate) fn read<T: for<'de> Deserialize<'de>>(body: &str) -> Result<T, Fault> {
    quick_xml::de::from_str(body).map_err(Fault::malformed)
}

/// A whole document with this root element.
pub(crate) fn document(root: &str, body: &impl Serialize) -> Result<String, String> {
    let xml = quick_xml::se::to_string_with_root(root, body).map_err(|error| error.to_string())?;
    Ok(format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{xml}"))
}

/// An answer with this root element.
pub(crate) fn answer(root: &str, body: &impl Serialize) -> Response {
    match document(root, body) {
        Ok(xml) => ([(header::CONTENT_TYPE, "text/xml")], xml).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error).into_response(),
    }
}

impl ChangeRequest {
    /// The changes, each complete in itself.
    pub(crate) fn changes(self) -> Result<Vec<Change>, Fault> {
        let changes = self.change_batch.changes.items;
        if changes.is_empty() {
            return Err(Fault::invalid_input("Invalid request: Changes must have length at least 1"));
        }
        changes.into_iter().map(ChangeXml::parse).collect()
    }
}

impl ChangeXml {
    fn parse(self) -> Result<Change, Fault> {
        let action = match self.action.as_str() {
            "CREATE" => Action::Create,
            "UPSERT" => Action::Upsert,
            "DELETE" => Action::Delete,
            other => {
                return Err(Fault::invalid_input(format!(
                    "Invalid request: Action '{other}' is none of CREATE, UPSERT, DELETE"
                )));
            }
        };
        let place = format!(
            "Change with [Action={}, Name={}, Type={}, SetIdentifier={}]",
            self.action,
            self.resource_record_set.name,
            self.resource_record_set.kind,
            self.resource_record_set.set_identifier.as_deref().unwrap_or("null"),
        );
        let record = self.resource_record_set.parse(&place).map_err(Fault::invalid_input)?;
        Ok(Change { action, record })
    }
}

impl RecordSetXml {
    fn parse(self, place: &str) -> Result<RecordSet, String> {
        let name =
            Name::parse(&self.name).ok_or_else(|| format!("FATAL problem: DomainLabelEmpty or illegal in {place}"))?;
        let key = Key { name, kind: self.kind, set_identifier: self.set_identifier };
        let mut routing = [
            self.weight.map(Routing::Weight),
            self.region.map(Routing::Region),
            self.failover.map(Routing::Failover),
            self.multi_value_answer.unwrap_or(false).then_some(Routing::MultiValue),
        ]
        .into_iter()
        .flatten();
        let first = routing.next();
        if routing.next().is_some() {
            return Err(format!("Invalid request: Expected at most one routing policy in {place}"));
        }
        let content = content(self.ttl, self.resource_records, self.alias_target, place)?;
        Ok(RecordSet { key, routing: first, content, health_check: self.health_check_id })
    }
}

fn content(
    ttl: Option<i64>,
    records: Option<Records>,
    alias: Option<AliasXml>,
    place: &str,
) -> Result<Content, String> {
    let values = records.unwrap_or_default().items.into_iter().map(|record| record.value).collect::<Vec<_>>();
    match (ttl, values.is_empty(), alias) {
        (Some(ttl), false, None) => Ok(Content::Values { ttl, values }),
        (None, true, Some(alias)) => Ok(Content::Alias {
            target: Name::parse(&alias.dns_name).ok_or_else(|| format!("Invalid alias target {}", alias.dns_name))?,
            zone: alias.hosted_zone_id,
            evaluate_health: alias.evaluate_target_health,
        }),
        (_, _, alias) => Err(format!(
            "Invalid request: Expected exactly one of [AliasTarget, all of [TTL, and ResourceRecords], or \
             TrafficPolicyInstanceId], but found {} in {place}",
            if alias.is_some() { "more than one" } else { "none" },
        )),
    }
}

impl From<&RecordSet> for RecordSetXml {
    fn from(record: &RecordSet) -> Self {
        let mut xml = Self {
            name: record.key.name.to_string(),
            kind: record.key.kind.clone(),
            set_identifier: record.key.set_identifier.clone(),
            health_check_id: record.health_check.clone(),
            ..Self::default()
        };
        match record.routing.clone() {
            None => {}
            Some(Routing::Weight(weight)) => xml.weight = Some(weight),
            Some(Routing::Region(region)) => xml.region = Some(region),
            Some(Routing::Failover(role)) => xml.failover = Some(role),
            Some(Routing::MultiValue) => xml.multi_value_answer = Some(true),
        }
        match record.content.clone() {
            Content::Values { ttl, values } => {
                xml.ttl = Some(ttl);
                xml.resource_records =
                    Some(Records { items: values.into_iter().map(|value| Value { value }).collect() });
            }
            Content::Alias { zone, target, evaluate_health } => {
                xml.alias_target = Some(AliasXml {
                    hosted_zone_id: zone,
                    dns_name: target.to_string(),
                    evaluate_target_health: evaluate_health,
                });
            }
        }
        xml
    }
}
