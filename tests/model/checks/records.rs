//! Exactly the records that were asked for, each brought about.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Result, bail, ensure};
use causeway_rig::platform::{condition, id_of, is_true};

use crate::{
    lane::Lane,
    play::plural,
    sequence::Noun,
    world::{Handle, Record},
};

const NOUNS: [Noun; 6] =
    [Noun::WorkloadDefinition, Noun::Workload, Noun::Domain, Noun::GatewayDefinition, Noun::Gateway, Noun::Name];

impl Lane {
    pub(super) async fn are_records_as_asked(&self) -> Result<()> {
        for noun in NOUNS {
            let listed = self.client.list(plural(noun), "").await?;
            let found = listed.iter().map(id_of).collect::<Result<BTreeSet<i64>>>()?;
            ensure!(found.len() == listed.len(), "{noun:?}: one is listed twice");
            let asked: BTreeMap<i64, Handle> =
                self.world.of(noun).into_iter().map(|handle| Ok((self.id(handle)?, handle))).collect::<Result<_>>()?;
            ensure!(
                found == asked.keys().copied().collect(),
                "{noun:?}: {found:?} are there, and {asked:?} were asked for"
            );
            for record in &listed {
                let handle = asked[&id_of(record)?];
                if noun != Noun::Domain && record["Reconciled"] != true {
                    bail!("record {handle} is not reconciled: {record:#}");
                }
                // Where real controllers are, everything comes true to the end.
                if self.is_in_main(handle) && !is_true(record, "Ready") {
                    bail!("record {handle} is not Ready: {:#}", condition(record, "Ready").unwrap_or(record));
                }
            }
        }
        Ok(())
    }

    /// Whether a gateway instance or a workload's domain name stands in the cluster with the real controllers.
    fn is_in_main(&self, handle: Handle) -> bool {
        let Some(Record::Gateway { workload, .. }) = self.world.records.get(&handle) else { return false };
        matches!(self.world.records.get(workload), Some(Record::Workload { cluster: 0, .. }))
    }
}
