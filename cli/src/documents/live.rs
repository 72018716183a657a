//! The records that stand, as far as documents are about them.

use causeway_records::Kind;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

use super::wanted::Wanted;
use crate::{
    api::{Api, Fields, id, name},
    failure::Outcome,
    kinds,
};

/// The kind's records are read by pages from this number on.
const MANY: usize = 25;

/// Records by kind and name, with their lists of parts.
#[derive(Debug, Default)]
pub(crate) struct Live {
    records: BTreeMap<Kind, BTreeMap<String, Fields>>,
    /// The runtimes that clients take when they name none.
    pub(crate) default_runtimes: Vec<Fields>,
}

impl Live {
    /// Reads what the documents ask for and what they name.
    pub(crate) async fn read(api: &Api, wanted: &[Wanted]) -> Outcome<Self> {
        let mut names: BTreeMap<Kind, BTreeSet<&str>> = BTreeMap::new();
        for one in wanted {
            names.entry(one.kind).or_default().insert(&one.name);
            for reference in &one.references {
                names.entry(reference.kind).or_default().extend(reference.names.iter().map(String::as_str));
            }
        }
        let mut live = Self::default();
        for (kind, names) in names {
            let found = if names.len() >= MANY {
                api.list(kind, &[]).await?.into_iter().filter(|record| names.contains(name(record))).collect()
            } else {
                let mut found = vec![];
                for name in names {
                    found.extend(api.by_name(kind, name).await?);
                }
                found
            };
            for record in with_parts(api, kind, found).await? {
                live.put(kind, record);
            }
        }
        let runtime = Kind::KubernetesRuntimeInstance;
        live.default_runtimes = api.list(runtime, &[("defaultruntime", "true")]).await?;
        if live.default_runtimes.is_empty() {
            live.default_runtimes = api.page(runtime, &[], 2).await?.records;
        }
        Ok(live)
    }

    /// Adds a record.
    pub(crate) fn put(&mut self, kind: Kind, record: Fields) {
        self.records.entry(kind).or_default().insert(name(&record).to_owned(), record);
    }

    /// The record of a name.
    pub(crate) fn get(&self, kind: Kind, name: &str) -> Option<&Fields> {
        self.records.get(&kind)?.get(name)
    }

    /// The id of a name.
    pub(crate) fn id(&self, kind: Kind, name: &str) -> Option<i64> {
        self.get(kind, name).map(id)
    }
}

/// Puts the rows of other nouns that are part of each record into it: a GET has none.
pub(crate) async fn with_parts(api: &Api, kind: Kind, mut records: Vec<Fields>) -> Outcome<Vec<Fields>> {
    for (list, part, whole) in kinds::children(kind.info()) {
        let key = whole.json.to_ascii_lowercase();
        let mut rows: BTreeMap<i64, Vec<Value>> = BTreeMap::new();
        let mut take = |found: Vec<Fields>| {
            for row in found {
                let of = row.get(whole.json).and_then(Value::as_i64).unwrap_or_default();
                rows.entry(of).or_default().push(Value::Object(row));
            }
        };
        if records.len() >= MANY {
            take(api.list(part.kind, &[]).await?);
        } else {
            for record in &records {
                take(api.list(part.kind, &[(&key, &id(record).to_string())]).await?);
            }
        }
        for record in &mut records {
            if let Some(rows) = rows.remove(&id(record)) {
                record.insert(list.json.to_owned(), json!(rows));
            }
        }
    }
    Ok(records)
}
