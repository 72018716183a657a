//! What the database says: work, claims, listeners and inventories, without rows of anything that is gone.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use sqlx::PgConnection;

use crate::{
    claims::{Carrier, Claim},
    lane::Lane,
    sequence::Noun,
};

/// A row of `route_claims` but for its Gateway: port, protocol, hostname, path, whether it redirects, gateway instance.
type ClaimRow = (i64, i32, String, String, String, bool, i64);

/// In an inventory, in the place of a uid.
pub(super) const UNSEEN: &str = "an object whose uid was never seen";

/// The rows that other checks need.
pub(crate) struct Rows {
    /// Shared gateways by runtime instance.
    pub(crate) shared: BTreeMap<i64, i64>,
    /// The ListenerSets of each shared gateway that hold a listener.
    pub(crate) listener_sets: BTreeMap<i64, BTreeSet<i64>>,
    /// Uids of objects by the record that remembers them: kind and id.
    pub(crate) inventories: BTreeMap<(String, i64), BTreeSet<String>>,
    /// Records that workers reconcile, by kind as in an owner label.
    pub(crate) live: BTreeSet<(String, i64)>,
    claims: Vec<ClaimRow>,
    listeners: Vec<(i64, i32, String, String)>,
}

/// A record that a worker still has something to do for.
#[derive(sqlx::FromRow)]
struct Left {
    kind: String,
    id: i64,
    reconciled: bool,
    being_deleted: bool,
    error: String,
    conditions: Value,
}

impl fmt::Display for Left {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, id, reconciled, being_deleted, error, conditions } = self;
        write!(f, "{kind} {id}, reconciled {reconciled}, being deleted {being_deleted}, error {error:?}")?;
        conditions.as_array().into_iter().flatten().try_for_each(|condition| {
            let said = ["Type", "Status", "LastTransitionTime", "Reason", "Message"];
            let said = said.map(|field| condition[field].as_str().unwrap_or_default());
            write!(f, "\n    {}", said.join(" "))
        })
    }
}

impl Lane {
    /// Err with what is left to do, each record with its conditions.
    pub(super) async fn is_settled(&self, database: &mut PgConnection) -> Result<()> {
        // An object that is on its way out, as namespaces are for a while, is named by its record until it is gone. A workload that waits for a
        // definition is tried again and again.
        let text = "SELECT kind, id, reconciled, deletion_scheduled IS NOT NULL AS being_deleted, coalesce(last_error, '') AS error, conditions
            FROM reconciliations
            WHERE (due_at <= now()
                OR (gone_at IS NULL AND (NOT reconciled OR deletion_scheduled IS NOT NULL OR conditions @> '[{\"Reason\": \"Pruning\"}]')))
                AND NOT (kind = 'WorkloadInstance' AND id = ANY($1) AND deletion_scheduled IS NULL)
            ORDER BY kind, id";
        let waiting: Vec<i64> = self.waiting()?.into_keys().collect();
        let left: Vec<Left> = sqlx::query_as(text).bind(&waiting).fetch_all(database).await?;
        let left: Vec<_> = left.iter().map(Left::to_string).collect();
        ensure!(left.is_empty(), "work is left:\n{}", left.join("\n"));
        Ok(())
    }

    pub(super) async fn rows(&self, database: &mut PgConnection) -> Result<Rows> {
        let shared: Vec<(i64, i64)> =
            sqlx::query_as("SELECT kubernetes_runtime_instance_id, id FROM shared_gateways WHERE deleted_at IS NULL")
                .fetch_all(&mut *database)
                .await?;
        let text = "SELECT shared_gateway_id, listener_set_id FROM gateway_listeners WHERE listener_set_id IS NOT NULL";
        let mut listener_sets: BTreeMap<i64, BTreeSet<i64>> = BTreeMap::new();
        for (gateway, set) in sqlx::query_as::<_, (i64, i64)>(text).fetch_all(&mut *database).await? {
            listener_sets.entry(gateway).or_default().insert(set);
        }
        let text = "SELECT kind, id, inventory FROM reconciliations WHERE gone_at IS NULL";
        let work: Vec<(String, i64, Value)> = sqlx::query_as(text).fetch_all(&mut *database).await?;
        let text =
            "SELECT gateway_id, port, protocol, hostname, match, redirect, gateway_instance_id FROM route_claims";
        let claims = sqlx::query_as(text).fetch_all(&mut *database).await?;
        let text = "SELECT shared_gateway_id, port, protocol, hostname FROM gateway_listeners";
        let listeners = sqlx::query_as(text).fetch_all(&mut *database).await?;
        let uids = |inventory: &Value| {
            let entries = inventory.as_array().into_iter().flatten();
            entries.map(|entry| entry["uid"].as_str().unwrap_or(UNSEEN).to_owned()).collect()
        };
        Ok(Rows {
            shared: shared.into_iter().collect(),
            listener_sets,
            live: work.iter().map(|(kind, id, _)| (label(kind), *id)).collect(),
            inventories: work.iter().map(|(kind, id, inventory)| ((label(kind), *id), uids(inventory))).collect(),
            claims,
            listeners,
        })
    }
}

impl Rows {
    /// Exactly the records' own work, claims and listeners.
    pub(super) fn check(&self, lane: &Lane) -> Result<()> {
        let mut asked = BTreeSet::new();
        for (handle, record) in &lane.world.records {
            if record.noun() != Noun::Domain {
                asked.insert((crate::bodies::singular(record.noun()).to_owned(), lane.id(*handle)?));
            }
        }
        let ours =
            ["runtime-definition", "runtime-instance", "support-service-instance", "shared-gateway", "listener-set"];
        let found: BTreeSet<_> =
            self.live.iter().filter(|(kind, _)| !ours.iter().any(|own| kind.ends_with(own))).cloned().collect();
        ensure!(found == asked, "work for {found:?}, and {asked:?} were asked for");

        let all = lane.world.claims().map_err(anyhow::Error::msg)?;
        let mut asked = all.iter().map(|claim| self.row(lane, claim)).collect::<Result<Vec<_>>>()?;
        let mut found = self.claims.clone();
        asked.sort();
        found.sort();
        ensure!(found == asked, "the claims are {found:#?}, and {asked:#?} were asked for");

        let shared = |claim: &&Claim| matches!(claim.carrier, Carrier::Shared(_));
        let rows = all.iter().filter(shared).map(|claim| self.row(lane, claim)).collect::<Result<Vec<_>>>()?;
        let asked: BTreeSet<_> = rows.into_iter().map(|row| (row.0, row.1, row.2, row.3)).collect();
        let found: BTreeSet<_> = self.listeners.iter().cloned().collect();
        ensure!(found == asked, "the listeners are {found:#?}, and {asked:#?} were asked for");
        Ok(())
    }

    fn row(&self, lane: &Lane, claim: &Claim) -> Result<ClaimRow> {
        let gateway = self.carrier(lane, claim.carrier)?;
        let host = claim.host.as_ref().map(|host| format!("{host}.{}", lane.domain)).unwrap_or_default();
        let (port, protocol) = (i32::from(claim.port), claim.protocol.to_owned());
        Ok((gateway, port, protocol, host, claim.path.clone(), claim.redirect, lane.id(claim.by)?))
    }

    /// The id of the record that a Gateway belongs to.
    /// The Gateway that an object belongs to: its owner, or the one whose ListenerSet its owner is.
    pub(crate) fn gateway_of(&self, (kind, id): (&str, i64)) -> Result<i64> {
        if kind != "listener-set" {
            return Ok(id);
        }
        let gateway = self.listener_sets.iter().find(|(_, sets)| sets.contains(&id)).map(|(gateway, _)| *gateway);
        gateway.with_context(|| format!("ListenerSet {id} holds no listener"))
    }

    pub(crate) fn carrier(&self, lane: &Lane, carrier: Carrier) -> Result<i64> {
        match carrier {
            Carrier::Own(handle) => lane.id(handle),
            Carrier::Shared(cluster) => {
                let runtime = lane.ways[usize::from(cluster)].runtime;
                self.shared
                    .get(&runtime)
                    .copied()
                    .ok_or_else(|| anyhow::anyhow!("no shared gateway in cluster {cluster}"))
            }
        }
    }
}

/// `GatewayInstance` as an owner label spells it: `gateway-instance`.
fn label(kind: &str) -> String {
    let mut label = String::new();
    for letter in kind.chars() {
        if letter.is_ascii_uppercase() && !label.is_empty() {
            label.push('-');
        }
        label.push(letter.to_ascii_lowercase());
    }
    label
}
