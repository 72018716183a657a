//! Kinds that a cluster doesn't serve, for ever or until an admin brings their definitions. Each sequence has a group of its own.

use std::collections::BTreeMap;

use anyhow::Result;
use causeway_testkit::{api, kinds::CUSTOM_RESOURCE_DEFINITION, objects::apply};
use kube::api::{ApiResource, DeleteParams, GroupVersionKind};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    harness::ADMIN,
    lane::Lane,
    sequence::Noun,
    world::{Handle, Record, World},
};

/// An object of a workload of a kind that may not be served.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Odd {
    /// No definition of it ever comes.
    Never,
    /// Its definition may come later.
    Late,
    /// So may this one's, whose objects belong to no namespace.
    Wide,
}

impl Odd {
    pub(crate) fn kind(self) -> &'static str {
        match self {
            Self::Never => "Never",
            Self::Late => "Late",
            Self::Wide => "Wide",
        }
    }

    fn resource(self, group: &str) -> ApiResource {
        ApiResource::from_gvk_with_plural(&GroupVersionKind::gvk(group, "v1", self.kind()), &self.plural())
    }

    fn plural(self) -> String {
        format!("{}s", self.kind().to_lowercase())
    }

    fn definition(self, group: &str) -> Value {
        let (plural, scope) = (self.plural(), if self == Self::Wide { "Cluster" } else { "Namespaced" });
        let schema = json!({"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}});
        json!({
            "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
            "metadata": {"name": format!("{plural}.{group}")},
            "spec": {
                "group": group, "scope": scope, "names": {"kind": self.kind(), "plural": plural},
                "versions": [{"name": "v1", "served": true, "storage": true, "schema": schema}],
            },
        })
    }
}

/// Those whose definitions may come.
const LATE: [Odd; 2] = [Odd::Late, Odd::Wide];

impl World {
    /// The odd object of a workload instance, and whether its cluster serves the kind.
    pub(crate) fn odd_of(&self, workload: Handle) -> Option<(Odd, bool)> {
        let Some(Record::Workload { definition, cluster }) = self.records.get(&workload) else { return None };
        let Some(Record::WorkloadDefinition { odd: Some(odd), .. }) = self.records.get(definition) else { return None };
        Some((*odd, *odd != Odd::Never && self.defined.contains(cluster)))
    }

    /// The kind for which a workload instance waits.
    pub(crate) fn waits_for(&self, workload: Handle) -> Option<Odd> {
        self.odd_of(workload).filter(|(_, served)| !served).map(|(odd, _)| odd)
    }

    /// Whether two workload instances want one object: that of a kind without namespaces, in the same cluster, of the same definition. Which of
    /// them gets it nobody can say, so no sequence asks for it.
    pub(crate) fn quarrels(&self) -> bool {
        let wide =
            self.records.iter().filter(|(handle, _)| self.odd_of(**handle).is_some_and(|(odd, _)| odd == Odd::Wide));
        let places: Vec<&Record> = wide.map(|(_, record)| record).collect();
        places.iter().enumerate().any(|(n, place)| places[..n].contains(place))
    }
}

impl Lane {
    /// The API group of this sequence's odd kinds.
    pub(crate) fn odd_group(&self) -> String {
        format!("g{}.{}", self.sequence, self.domain)
    }

    /// The manifest of a definition's odd object.
    pub(crate) fn odd_manifest(&self, odd: Odd, definition: Handle) -> String {
        let (group, kind) = (self.odd_group(), odd.kind());
        format!("apiVersion: {group}/v1\nkind: {kind}\nmetadata: {{name: odd-{definition}}}\nspec: {{size: 1}}\n")
    }

    /// The odd kinds that a cluster serves.
    pub(crate) fn odd_kinds(&self, cluster: u8) -> Vec<ApiResource> {
        let served: &[Odd] = if self.world.defined.contains(&cluster) { &LATE[..] } else { &[] };
        served.iter().map(|odd| odd.resource(&self.odd_group())).collect()
    }

    /// The workload instances that wait for a definition, by id.
    pub(crate) fn waiting(&self) -> Result<BTreeMap<i64, Odd>> {
        let workloads = self.world.of(Noun::Workload).into_iter();
        workloads
            .filter_map(|handle| Some((handle, self.world.waits_for(handle)?)))
            .map(|(handle, odd)| Ok((self.id(handle)?, odd)))
            .collect()
    }

    /// An admin brings the definitions to a cluster.
    pub(crate) async fn define(&mut self, cluster: u8) -> Result<()> {
        self.log.note(format_args!("cluster {cluster} gets the definitions of {}", self.odd_group()));
        for odd in LATE {
            apply(&self.ways[usize::from(cluster)].cluster.kube, ADMIN, &odd.definition(&self.odd_group())).await?;
        }
        self.world.defined.insert(cluster);
        Ok(())
    }

    /// And takes them away, when the sequence has ended.
    pub(crate) async fn undefine(&mut self) -> Result<()> {
        for cluster in std::mem::take(&mut self.world.defined) {
            let definitions = api(&self.ways[usize::from(cluster)].cluster.kube, CUSTOM_RESOURCE_DEFINITION, None);
            for odd in LATE {
                let name = format!("{}.{}", odd.plural(), self.odd_group());
                definitions.delete(&name, &DeleteParams::default()).await?;
            }
        }
        Ok(())
    }
}
