//! The listeners of a shared gateway, and what their users have heard of them.

use crate::{
    Store,
    error::{Result, StoreError},
    queue::Claimed,
};
use causeway_records::inputs::{Listener, ListenerKey, ListenerUser, Protocol};
use sqlx::{AssertSqlSafe, Decode, Postgres, Row, Type, postgres::PgRow};
use std::collections::{BTreeSet, HashMap};

/// What is read of `gateway_listeners`.
const LISTENER_COLUMNS: &str =
    "SELECT array_agg(port), array_agg(protocol), array_agg(hostname), array_agg(slot), array_agg(state)";
/// What is read of `route_claims`.
const CLAIM_COLUMNS: &str = "SELECT array_agg(port), array_agg(protocol), array_agg(hostname), array_agg(gateway_instance_id), \
                             array_agg(namespace), array_agg(domain_name_definition_id)";

impl Store {
    /// The listeners of a shared gateway, sorted.
    pub(crate) async fn listeners(&self, gateway: i64) -> Result<Vec<Listener>> {
        // Both tables whole: for a thousand listeners that costs Postgres a twentieth of putting them together there. And by column: a row for
        // each of them would cost both sides more than all the rest.
        let text = format!(
            "SELECT * FROM ({LISTENER_COLUMNS} FROM gateway_listeners WHERE shared_gateway_id = $1) l,
            ({CLAIM_COLUMNS} FROM route_claims WHERE gateway_id = $1) c"
        );
        let row = sqlx::query(AssertSqlSafe(text)).bind(gateway).fetch_one(&self.pool).await?;
        listeners(&row)
    }

    /// The listeners in some ListenerSets of a shared gateway, and all others with their hostnames, sorted.
    pub(crate) async fn listeners_beside(&self, gateway: i64, slots: &[i32]) -> Result<Vec<Listener>> {
        let text = format!("WITH names AS (SELECT DISTINCT hostname FROM gateway_listeners WHERE shared_gateway_id = $1 AND slot = ANY($2)),
            l AS (SELECT l.* FROM names CROSS JOIN gateway_ports p JOIN gateway_listeners l
                ON l.shared_gateway_id = $1 AND l.port = p.port AND l.protocol = p.protocol AND l.hostname = names.hostname WHERE p.gateway_id = $1),
            c AS (SELECT c.* FROM l JOIN route_claims c
                ON c.gateway_id = $1 AND c.bound_port = bound_port(l.port) AND c.protocol = l.protocol AND c.hostname = l.hostname)
            SELECT * FROM ({LISTENER_COLUMNS} FROM l) l, ({CLAIM_COLUMNS} FROM c) c");
        let row = sqlx::query(AssertSqlSafe(text)).bind(gateway).bind(slots).fetch_one(&self.pool).await?;
        listeners(&row)
    }

    /// The ListenerSets, by slot, that all wakes of a shared gateway since the `since`th and up to this pass were about. None: one of them was about
    /// more, or there was none.
    pub async fn woken_listener_sets(&self, claimed: &Claimed, since: i64) -> Result<Option<Vec<i32>>> {
        let text =
            "SELECT slots FROM listener_set_wakes WHERE shared_gateway_id = $1 AND wake_seq > $2 AND wake_seq <= $3";
        let wakes: Vec<Vec<i32>> = sqlx::query_scalar(text)
            .bind(claimed.key.id)
            .bind(since)
            .bind(claimed.wake_seq)
            .fetch_all(&self.pool)
            .await?;
        let all_known = !wakes.is_empty() && i64::try_from(wakes.len()) == Ok(claimed.wake_seq - since);
        let slots: BTreeSet<i32> = wakes.into_iter().flatten().collect();
        Ok(all_known.then(|| slots.into_iter().collect()))
    }

    /// A pass looks at the whole gateway, and so does the next if this one fails: what it was woken for need not be told apart any more.
    pub async fn forget_listener_set_wakes(&self, claimed: &Claimed) -> Result<()> {
        let text = "DELETE FROM listener_set_wakes WHERE shared_gateway_id = $1 AND wake_seq <= $2";
        sqlx::query(text).bind(claimed.key.id).bind(claimed.wake_seq).execute(&self.pool).await?;
        Ok(())
    }

    /// Notes down what the users of listeners were told. Nothing is written when somebody else has the lease, nor for a listener that is gone.
    pub async fn save_listener_states(&self, claimed: &Claimed, states: &[(&ListenerKey, String)]) -> Result<()> {
        if states.is_empty() {
            return Ok(());
        }
        // Whoever claims routes locks the gateway before its listeners, and so do we: two that take the same rows in another order would
        // wait for each other.
        let text = "WITH gateway AS (SELECT id FROM shared_gateways WHERE id = $1 FOR NO KEY UPDATE)
            UPDATE gateway_listeners l SET state = told.state
            FROM gateway, unnest($2::int[], $3::text[], $4::text[], $5::text[]) told (port, protocol, hostname, state)
            WHERE l.shared_gateway_id = gateway.id AND l.port = told.port AND l.protocol = told.protocol AND l.hostname = told.hostname
                AND EXISTS (SELECT FROM leases WHERE scope = $6 AND epoch = $7)";
        let keys = || states.iter().map(|(key, _)| key);
        sqlx::query(text)
            .bind(claimed.key.id)
            .bind(keys().map(|key| key.port).collect::<Vec<_>>())
            .bind(keys().map(|key| key.protocol.as_str()).collect::<Vec<_>>())
            .bind(keys().map(|key| key.hostname.as_deref().unwrap_or_default()).collect::<Vec<_>>())
            .bind(states.iter().map(|(_, state)| state.as_str()).collect::<Vec<_>>())
            .bind(claimed.lease.cluster_id)
            .bind(claimed.lease.epoch)
            .execute(&self.pool)
            .await?;
        Ok(())
    }
}

/// A listener as its table spells it: an empty hostname stands for every one.
pub(crate) fn listener_key(port: i32, protocol: &str, hostname: String) -> Result<ListenerKey> {
    let protocol = protocol.parse::<Protocol>().map_err(|reason| StoreError::Inconsistent {
        table: "gateway_listeners",
        column: "protocol",
        reason,
    })?;
    Ok(ListenerKey { port, protocol, hostname: Some(hostname).filter(|hostname| !hostname.is_empty()) })
}

/// What is known of one listener beside its key.
#[derive(Default)]
struct Listening {
    slot: Option<i32>,
    state: Option<String>,
    users: Vec<ListenerUser>,
    domain_name_definition_id: Option<i64>,
}

/// Listeners, sorted, from [`LISTENER_COLUMNS`] and [`CLAIM_COLUMNS`].
fn listeners(row: &PgRow) -> Result<Vec<Listener>> {
    let mut all: HashMap<ListenerKey, Listening> = HashMap::new();
    let (slots, states) = (column(row, 3)?, column(row, 4)?);
    for ((key, slot), state) in keys(row, 0)?.into_iter().zip(slots).zip(states) {
        all.insert(key, Listening { slot, state, ..Listening::default() });
    }
    let (instances, namespaces, domains) = (column(row, 8)?, column(row, 9)?, column::<Option<i64>>(row, 10)?);
    let claims = keys(row, 5)?.into_iter().zip(instances).zip(namespaces).zip(domains);
    for (((key, gateway_instance_id), namespace), domain) in claims {
        let listening = all.entry(key).or_default();
        listening.users.push(ListenerUser { gateway_instance_id, namespace });
        listening.domain_name_definition_id = listening.domain_name_definition_id.into_iter().chain(domain).min();
    }
    let mut all: Vec<_> = all.into_iter().map(|(key, listening)| listener(key, listening)).collect();
    all.sort_unstable_by(|a, b| a.key.cmp(&b.key));
    Ok(all)
}

fn listener(key: ListenerKey, listening: Listening) -> Listener {
    let Listening { slot, state, mut users, domain_name_definition_id } = listening;
    users.sort_unstable_by_key(|user| user.gateway_instance_id);
    users.dedup();
    Listener { key, listener_set: slot, users, domain_name_definition_id, state }
}

/// The keys of listeners, from three columns that begin at `first`.
fn keys(row: &PgRow, first: usize) -> Result<Vec<ListenerKey>> {
    let (protocols, hostnames) = (column::<String>(row, first + 1)?, column(row, first + 2)?);
    let keys = column(row, first)?.into_iter().zip(protocols).zip(hostnames);
    keys.map(|((port, protocol), hostname)| listener_key(port, &protocol, hostname)).collect()
}

/// A column of many rows as one array, which is NULL where there are none.
fn column<T>(row: &PgRow, index: usize) -> Result<Vec<T>>
where
    Vec<T>: for<'r> Decode<'r, Postgres> + Type<Postgres>,
{
    Ok(row.try_get::<Option<Vec<T>>, _>(index)?.unwrap_or_default())
}
