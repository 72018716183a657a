//! `causeway export`: records as documents that `apply` takes.

use causeway_records::Kind;
use clap::Args;
use serde_json::Value;
use std::collections::BTreeMap;

use crate::{
    api::{Api, Fields, id, name},
    args::Format,
    documents::{live::with_parts, written},
    exit::Exit,
    failure::{Failure, Outcome},
    kinds,
    output::{self, columns::Names, data},
    session::{Session, words},
};

/// Print records as documents that `apply` takes, without their secrets. Applied again they change nothing.
#[derive(Args, Debug)]
pub(crate) struct Export {
    /// A kind, or kind/name.
    #[arg(required_unless_present = "all", conflicts_with = "all")]
    kind: Option<String>,
    /// Name of one record.
    #[arg(requires = "kind")]
    name: Option<String>,
    /// Every kind. What the API has made by itself and nobody has changed is left out.
    #[arg(long)]
    all: bool,
}

impl Export {
    pub(crate) async fn run(&self, session: &Session) -> Outcome<Exit> {
        let api = session.api()?;
        let mut records: Vec<(Kind, Vec<Fields>)> = vec![];
        match &self.kind {
            None => {
                for kind in kinds::of_documents() {
                    let stand = api.list(kind, &[]).await?;
                    let goes = |record: &Fields| kind.info().reconciled && record.contains_key("DeletionScheduled");
                    let own =
                        stand.into_iter().filter(|record| !written::is_made_by_the_api(kind, record) && !goes(record));
                    records.push((kind, with_parts(&api, kind, own.collect()).await?));
                }
                self.tell_what_is_left_out(&api).await?;
            }
            Some(kind) => {
                let (kind, name) = words(kind, self.name.as_deref())?;
                if !kinds::of_documents().contains(&kind) {
                    let sentence =
                        format!("a {} has no name of its own, so no document can ask for it", kinds::spoken(kind));
                    return Err(Failure::usage(sentence).next(format!("causeway get {} -o yaml", kind.info().plural)));
                }
                let stand = match name {
                    Some(name) => vec![api.find(kind, &name).await?],
                    None => api.list(kind, &[]).await?,
                };
                records.push((kind, with_parts(&api, kind, stand).await?));
            }
        }
        let names = names(&api, &records).await?;
        let all = records.iter().flat_map(|(kind, records)| records.iter().map(|record| (*kind, record)));
        let document = |kind: Kind, record: &Fields| written::document(kind, record, &names);
        let text = match session.format() {
            Some(Format::Json) => {
                let all: Vec<_> = all.map(|(kind, record)| BTreeMap::from([(kind, document(kind, record))])).collect();
                data::json(&all)?
            }
            Some(Format::Name) => {
                all.map(|(kind, record)| format!("{}/{}\n", kind.label(), output::clean(name(record)))).collect()
            }
            _ => {
                let all = all.map(|(kind, record)| data::document(kind.as_str(), document(kind, record)));
                all.collect::<Outcome<Vec<_>>>()?.join("---\n")
            }
        };
        output::print(&text)?;
        Ok(Exit::Done)
    }

    /// Parts without names that no document can hold.
    async fn tell_what_is_left_out(&self, api: &Api) -> Outcome<()> {
        let kind = Kind::WorkloadResourceDefinition;
        let count = api.page(kind, &[], 1).await?.total;
        if count > 0 {
            output::say(&format!("Left out: {count} {}, which have no names of their own.\n", kind.info().plural));
        }
        Ok(())
    }
}

/// The names of all records that these name.
async fn names(api: &Api, records: &[(Kind, Vec<Fields>)]) -> Outcome<Names> {
    let mut names = Names::new();
    for (kind, records) in records {
        let known = names.entry(*kind).or_default();
        known.extend(records.iter().map(|record| (id(record), name(record).to_owned())));
    }
    let mut missing: BTreeMap<Kind, Vec<i64>> = BTreeMap::new();
    for (kind, records) in records {
        for field in kind.info().fields {
            let of = field.parent.map(|parent| parent.kind).or(kinds::list_of(field));
            let Some(of) = of else { continue };
            let ids = records.iter().filter_map(|record| record.get(field.json));
            let ids = ids.flat_map(|value| match value {
                Value::Array(ids) => ids.iter().filter_map(Value::as_i64).collect(),
                one => one.as_i64().into_iter().collect::<Vec<_>>(),
            });
            let unknown = ids.filter(|id| !names.get(&of).is_some_and(|names| names.contains_key(id)));
            missing.entry(of).or_default().extend(unknown.collect::<Vec<_>>());
        }
    }
    for (kind, mut ids) in missing {
        ids.sort_unstable();
        ids.dedup();
        if !ids.is_empty() {
            let found = api.names(kind, &ids).await?;
            names.entry(kind).or_default().extend(found);
        }
    }
    Ok(names)
}
