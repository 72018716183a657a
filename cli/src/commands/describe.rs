//! `causeway describe KIND NAME`.

use causeway_records::{Kind, noun::Info, nouns};
use chrono::Utc;
use clap::Args;
use serde_json::{Value, json};
use std::{future::Future, pin::Pin};

use crate::{
    api::{Api, Fields, id, name},
    documents::live,
    exit::Exit,
    failure::{Failure, Outcome},
    kinds,
    output::{
        self,
        data::is_id,
        details::{self, Details},
        state::state,
        style::{BAD, FAINT},
        tree::Node,
    },
    session::{Session, record_of},
};

/// Gateway instances that are shown of those on a shared gateway.
const ATTACHED: usize = 50;

/// Show a record whole.
#[derive(Args, Debug)]
pub(crate) struct Describe {
    /// Its kind, or kind/name.
    kind: String,
    /// Its name.
    name: Option<String>,
}

impl Describe {
    pub(crate) async fn run(&self, session: &Session) -> Outcome<Exit> {
        let (kind, name) = record_of(&self.kind, self.name.as_deref())?;
        let api = session.api()?;
        let record = api.find(kind, &name).await?;
        let record = live::with_parts(&api, kind, vec![record]).await?.remove(0);
        if session.format().is_some_and(|format| format.is_data()) {
            session.print_record(&api, kind.info(), &record).await?;
            return Ok(Exit::Done);
        }
        output::print(&text(&api, kind, &record).await?)?;
        Ok(Exit::Done)
    }
}

/// A record whole, for people.
pub(crate) async fn text(api: &Api, kind: Kind, record: &Fields) -> Outcome<String> {
    let info = kind.info();
    let mut seen = vec![id(record)];
    let details = Details {
        info,
        record,
        depends_on: depends_on(api, info, record, &mut seen).await?,
        used_by: used_by(api, kind, record).await?,
        attached: if kind == Kind::SharedGateway { attached(api, id(record)).await? } else { vec![] },
        parts: parts(info, record),
        events: if info.reconciled { api.events_of(id(record)).await? } else { vec![] },
    };
    Ok(details::text(&details, output::width(), Utc::now()))
}

/// The records that one names, with those that they name.
fn depends_on<'a>(
    api: &'a Api,
    info: &'static Info,
    record: &'a Fields,
    seen: &'a mut Vec<i64>,
) -> Pin<Box<dyn Future<Output = Outcome<Vec<Node>>> + 'a>> {
    Box::pin(async move {
        let mut nodes = vec![];
        for (field, parent) in kinds::parents(info) {
            let Some(of) = record.get(field.json).and_then(Value::as_i64) else { continue };
            let found = match api.by_id(parent.kind, of).await {
                Ok(found) => found.record,
                Err(failure) if failure.exit == Exit::NotFound => {
                    nodes.push(Node {
                        kind: parent.kind.to_string(),
                        name: of.to_string(),
                        note: "gone".into(),
                        ..Node::default()
                    });
                    continue;
                }
                Err(failure) => return Err(failure),
            };
            // Told once, with all that is below it.
            if seen.contains(&of) {
                continue;
            }
            seen.push(of);
            let mut node = node(parent.kind, &found);
            node.below = depends_on(api, parent.kind.info(), &found, seen).await?;
            nodes.push(node);
        }
        Ok(nodes)
    })
}

/// A record in a tree.
pub(crate) fn node(kind: Kind, record: &Fields) -> Node {
    let state = state(record, kind.info().reconciled);
    let waits = state.step().map(|step| format!(", waits for {}", step.condition_type)).unwrap_or_default();
    Node {
        kind: kind.to_string(),
        name: if kind.info().named() { name(record).to_owned() } else { id(record).to_string() },
        note: format!("{}{waits}", state.word()),
        style: state.style(),
        below: vec![],
    }
}

/// The records that name one, a few of each kind.
async fn used_by(api: &Api, kind: Kind, record: &Fields) -> Outcome<Vec<Node>> {
    const SHOWN: usize = 5;
    let mut nodes = vec![];
    for info in nouns::ALL.iter().filter(|info| info.named()) {
        for (field, _) in kinds::parents(info).filter(|(field, parent)| parent.kind == kind && field.filterable) {
            let (key, id) = (field.json.to_ascii_lowercase(), id(record).to_string());
            let page = api.page(info.kind, &[(&key, &id)], SHOWN).await?;
            let shown = page.records.len();
            nodes.extend(page.records.iter().map(|user| node(info.kind, user)));
            let more = usize::try_from(page.total).unwrap_or(usize::MAX).saturating_sub(shown);
            if more > 0 {
                let all = format!(
                    "causeway get {} -f {}={}",
                    info.plural,
                    kinds::reference(field),
                    kinds::quoted(name(record))
                );
                nodes.push(Node {
                    kind: info.kind.to_string(),
                    name: format!("and {more} more"),
                    note: all,
                    style: FAINT,
                    below: vec![],
                });
            }
        }
    }
    Ok(nodes)
}

/// The first gateway instances on a shared gateway, each with what lets it attach.
async fn attached(api: &Api, gateway: i64) -> Outcome<Vec<Node>> {
    let attachments = api.answer(&format!("/v0/shared-gateways/{gateway}/attachments?size={ATTACHED}")).await?;
    let mut nodes: Vec<_> = attachments.iter().map(attachment).collect();
    if let Some(last) = attachments.get(ATTACHED - 1).and_then(|last| last.get("GatewayInstanceID")) {
        nodes.push(Node {
            kind: Kind::GatewayInstance.to_string(),
            name: "and perhaps more".into(),
            note: format!("GET /v0/shared-gateways/{gateway}/attachments?after={last}"),
            style: FAINT,
            below: vec![],
        });
    }
    Ok(nodes)
}

fn attachment(attachment: &Fields) -> Node {
    let text = |key: &str| attachment.get(key).and_then(Value::as_str);
    let own = text("AttachableBy").map(|by| format!("AttachableBy {by}"));
    let grants = attachment.get("GatewayGrants").and_then(Value::as_array).into_iter().flatten();
    let grants = grants.map(|grant| format!("GatewayGrant {}", grant["Name"].as_str().unwrap_or_default()));
    let by: Vec<_> = own.into_iter().chain(grants).collect();
    let (is_allowed, workload) = (attachment.get("Allowed") == Some(&json!(true)), text("WorkloadInstance"));
    let said = match (is_allowed, by.as_slice()) {
        (false, _) => ", let no longer".to_owned(),
        (true, []) => String::new(),
        (true, by) => format!(", let by {}", by.join(", ")),
    };
    Node {
        kind: Kind::GatewayInstance.to_string(),
        name: text("GatewayInstance").unwrap_or_default().to_owned(),
        note: format!("of WorkloadInstance {}{said}", workload.unwrap_or_default()),
        style: if is_allowed { FAINT } else { BAD },
        below: vec![],
    }
}

/// The rows of other nouns that are part of a record: ports.
fn parts(info: &'static Info, record: &Fields) -> Vec<(String, Vec<String>)> {
    let mut parts = vec![];
    for (list, part, whole) in kinds::children(info) {
        let Some(Value::Array(rows)) = record.get(list.json) else { continue };
        let row = |row: &Value| {
            let said = part.columns().filter(|field| field.json != whole.json && !is_id(field)).filter_map(|field| {
                let value = row.get(field.json).filter(|value| **value != json!(false))?;
                let value = value.as_str().map_or(value.to_string(), str::to_owned);
                Some(if field.json == "Port" {
                    value
                } else if value == "true" {
                    field.json.to_owned()
                } else {
                    format!("{} {value}", field.json)
                })
            });
            said.collect::<Vec<_>>().join(", ")
        };
        parts.push((list.json.to_owned(), rows.iter().map(row).collect()));
    }
    parts
}

/// The record that a command is about, as data or for people.
pub(crate) async fn found(session: &Session, kind: &str, name: Option<&str>) -> Outcome<(Api, Kind, Fields)> {
    let (kind, name) = record_of(kind, name)?;
    let api = session.api()?;
    let record = api.find(kind, &name).await?;
    if kind.info().reconciled {
        return Ok((api, kind, record));
    }
    let sentence = format!("nobody has to bring about a {}: it has no conditions", kinds::spoken(kind));
    Err(Failure::usage(sentence).next(format!("causeway get {}", kinds::named(kind, &name))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_attached_says_what_lets_it() {
        let node = |more: Value| {
            let mut fields = json!({"GatewayInstance": "shop", "WorkloadInstance": "of-shop", "Allowed": true});
            fields.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            let node = attachment(fields.as_object().unwrap());
            assert_eq!((node.kind.as_str(), node.name.as_str()), ("GatewayInstance", "shop"));
            node.note
        };
        assert_eq!(node(json!({})), "of WorkloadInstance of-shop", "the common gateway takes everybody");
        let both =
            json!({"AttachableBy": "Selector", "GatewayGrants": [{"ID": 1, "Name": "a"}, {"ID": 2, "Name": "b"}]});
        assert_eq!(
            node(both),
            "of WorkloadInstance of-shop, let by AttachableBy Selector, GatewayGrant a, GatewayGrant b"
        );
        assert_eq!(node(json!({"Allowed": false})), "of WorkloadInstance of-shop, let no longer");
    }
}
