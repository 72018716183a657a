//! Names of the records on a page.

use crate::state::ApiState;
use causeway_records::Kind;
use causeway_store::Result;
use maud::{Markup, html};
use std::collections::{BTreeMap, HashMap};

use super::parts::link;

/// The names of some clusters, by id.
#[derive(Default)]
pub(super) struct ClusterNames(HashMap<i64, String>);

impl ClusterNames {
    pub(super) async fn read(state: &ApiState, ids: impl IntoIterator<Item = i64>) -> Result<Self> {
        let mut ids: Vec<i64> = ids.into_iter().collect();
        ids.sort_unstable();
        ids.dedup();
        Ok(Self(state.store.record_names(Kind::KubernetesRuntimeInstance.info(), &ids).await?))
    }

    pub(super) fn get(&self, id: i64) -> String {
        self.0.get(&id).cloned().unwrap_or_else(|| id.to_string())
    }

    /// A cluster by its name, as a link.
    pub(super) fn link(&self, id: Option<i64>) -> Markup {
        html! { @if let Some(id) = id { a href={"/ui/kubernetes-runtime-instances/" (id)} { (self.get(id)) } } }
    }
}

/// The names of records of any kinds.
pub(super) struct RecordNames(BTreeMap<Kind, HashMap<i64, String>>);

impl RecordNames {
    pub(super) async fn read(state: &ApiState, records: impl IntoIterator<Item = (Kind, i64)>) -> Result<Self> {
        let mut ids: BTreeMap<Kind, Vec<i64>> = BTreeMap::new();
        records.into_iter().for_each(|(kind, id)| ids.entry(kind).or_default().push(id));
        let mut names = BTreeMap::new();
        for (kind, ids) in ids {
            names.insert(kind, state.store.record_names(kind.info(), &ids).await?);
        }
        Ok(Self(names))
    }

    /// A record by its name, as a link, and its id as the API has it.
    pub(super) fn link(&self, kind: Kind, id: i64) -> Markup {
        let name = self.0.get(&kind).and_then(|names| names.get(&id));
        html! {
            @if let Some(name) = name { a href=(link(kind, id)) { (name) } " " span class="note code" { (id) } }
            @else { a href=(link(kind, id)) { (id) } }
        }
    }
}
