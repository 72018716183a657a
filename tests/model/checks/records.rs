//! Exactly the records that were asked for, each brought about.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, bail, ensure};
use causeway_testkit::{condition, id_of};
use serde_json::Value;

use crate::{
    bodies::plural,
    lane::Lane,
    late::Odd,
    sequence::Noun,
    world::{Handle, Record},
};

const NOUNS: [Noun; 6] =
    [Noun::WorkloadDefinition, Noun::Workload, Noun::Domain, Noun::GatewayDefinition, Noun::Gateway, Noun::Name];

impl Lane {
    /// `misled`: gateway instances to which a hostname of theirs doesn't lead.
    pub(super) async fn are_records_as_asked(&self, misled: &BTreeSet<Handle>) -> Result<()> {
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
                if let Some(odd) = self.world.waits_for(handle) {
                    says_that_it_waits(record, odd).with_context(|| format!("record {handle}"))?;
                } else if noun != Noun::Domain && record["Reconciled"] != true {
                    bail!("record {handle} is not reconciled: {record:#}");
                }
                if self.is_in_main(handle) {
                    came_true(record, misled.contains(&handle)).with_context(|| format!("record {handle}"))?;
                }
            }
        }
        Ok(())
    }

    /// Whether it is a gateway instance in the cluster with the real controllers.
    fn is_in_main(&self, handle: Handle) -> bool {
        let Some(Record::Gateway { workload, .. }) = self.world.records.get(&handle) else { return false };
        matches!(self.world.records.get(workload), Some(Record::Workload { cluster: 0, .. }))
    }
}

/// A workload with an object of a kind that isn't served says which.
fn says_that_it_waits(record: &Value, odd: Odd) -> Result<()> {
    let applied = condition(record, "Applied").context("it has no condition Applied")?;
    let named = applied["Message"].as_str().is_some_and(|message| message.contains(odd.kind()));
    ensure!(
        record["Reconciled"] == false && applied["Status"] == "False" && named,
        "it doesn't name the kind {odd:?}: {record:#}"
    );
    Ok(())
}

/// Where real controllers are, every step of a gateway comes true, but for the one that needs a pod: no workload here has any. One whose hostname
/// leads to another says so.
fn came_true(record: &Value, misled: bool) -> Result<()> {
    let steps = record["Conditions"].as_array().context("it has no conditions")?;
    let counts = |step: &&Value| !["RefsResolved", "Ready"].iter().any(|without| step["Type"] == *without);
    let is_wrong = |step: &&Value| (step["Status"] == "True") == (misled && step["Type"] == "DnsPublished");
    match steps.iter().filter(counts).find(is_wrong) {
        Some(step) if misled && step["Status"] == "True" => bail!("{} leads elsewhere: {step:#}", step["Message"]),
        Some(step) => bail!("{} is not True: {step:#}", step["Type"]),
        None => Ok(()),
    }
}
