//! The listeners of a shared gateway, on its Gateway and in its ListenerSets.
//!
//! They are read without locks. Whoever claims routes holds the shared gateway's row, and wakes the gateway and the sets whose listeners it changed
//! in the same transaction: a reconcile that reads the listeners before its commit is not the last one.

use crate::{
    Store,
    error::{Result, StoreError},
};
use causeway_records::{
    Record,
    inputs::{Listener, ListenerKey, ListenerSetState, ListenerSetStatus, ListenerUser, Protocol},
    nouns::{Labels, SharedGateway},
    status::Conditions,
};
use causeway_rules::{
    attachment::{AttachingWorkload, may_attach},
    signers::signer,
};
use sqlx::{AssertSqlSafe, Decode, Postgres, Row, Type, postgres::PgRow, types::Json};
use std::collections::HashMap;

/// The condition of a ListenerSet that its gateway sums up.
const APPLIED: &str = "Applied";

/// From listeners `l` and their claims `c`, each column as one array: a row for each of them would cost both sides more than all the rest.
const COLUMNS: &str = "SELECT * FROM (SELECT array_agg(port), array_agg(protocol), array_agg(hostname), array_agg(ordinal) FROM l) l,
    (SELECT array_agg(port), array_agg(protocol), array_agg(hostname), array_agg(gateway_instance_id), array_agg(namespace),
        array_agg(domain_name_definition_id), array_agg(tls_secret) FROM c) c";
/// The claims of listeners `l`.
const CLAIMS: &str =
    "SELECT c.* FROM l JOIN gateway_ports p ON p.gateway_id = l.shared_gateway_id AND p.port = l.port
        AND p.transport = CASE l.protocol WHEN 'UDP' THEN 'UDP' ELSE 'TCP' END
    JOIN route_claims c ON c.gateway_id = p.gateway_id AND c.bound_port = p.bound_port AND c.protocol = l.protocol AND c.hostname = l.hostname";

impl Store {
    /// The listeners on the Gateway itself, and all listeners of hostnames that have a certificate, sorted.
    pub(crate) async fn listeners_of_gateway(&self, gateway: i64) -> Result<Vec<Listener>> {
        let text = format!(
            "WITH l AS (SELECT l.*, s.ordinal FROM gateway_listeners l LEFT JOIN listener_sets s ON s.id = l.listener_set_id
                WHERE l.shared_gateway_id = $1 AND (l.listener_set_id IS NULL
                    OR l.hostname IN (SELECT hostname FROM gateway_listeners WHERE shared_gateway_id = $1 AND protocol IN ('HTTPS', 'TLS')))),
             c AS ({CLAIMS}) {COLUMNS}"
        );
        let row = sqlx::query(AssertSqlSafe(text)).bind(gateway).fetch_one(&self.pool).await?;
        listeners(&row)
    }

    /// What gateway instances that may attach claim on a shared gateway with listeners of its own, sorted, as if each had a listener for itself. The workloads
    /// are shared until all is read: whoever changes the labels of one wakes the gateways that it finds its gateway instances attached to, and one that
    /// attaches meanwhile reads the labels here once they are written. Whoever makes a grant or takes it away wakes the gateway itself.
    pub(crate) async fn attached_listeners(&self, gateway: &Record<SharedGateway>) -> Result<Vec<Listener>> {
        let text = format!(
            "SELECT c.*, w.id, w.namespace_labels, EXISTS (SELECT FROM gateway_grants t
                WHERE t.shared_gateway_id = $1 AND t.granted_workload_instance_id = w.id AND t.deleted_at IS NULL) AS is_granted
            FROM (SELECT DISTINCT port, protocol, hostname, gateway_instance_id, namespace FROM route_claims WHERE gateway_id = $1) c
                JOIN gateway_instances g ON g.id = c.gateway_instance_id JOIN workload_instances w ON w.id = g.workload_instance_id ORDER BY w.id {}",
            self.locking("FOR SHARE OF w")
        );
        let rows = sqlx::query(AssertSqlSafe(text)).bind(gateway.id()).fetch_all(&self.pool).await?;
        let mut all: HashMap<ListenerKey, Claimed> = HashMap::new();
        for row in rows {
            let namespace: String = row.try_get("namespace")?;
            let labels: Option<Json<Labels>> = row.try_get("namespace_labels")?;
            let labels = labels.as_ref().map(|labels| &labels.0);
            let (id, is_granted) = (row.try_get("id")?, row.try_get("is_granted")?);
            if may_attach(&gateway.spec, &AttachingWorkload { id, namespace: &namespace, labels, is_granted }) {
                let key = listener_key(row.try_get("port")?, row.try_get("protocol")?, row.try_get("hostname")?)?;
                let gateway_instance_id = row.try_get("gateway_instance_id")?;
                all.entry(key).or_default().users.push(ListenerUser { gateway_instance_id, namespace });
            }
        }
        Ok(sorted(all))
    }

    /// The listeners of a ListenerSet, sorted.
    pub(crate) async fn listeners_of_set(&self, listener_set: i64) -> Result<Vec<Listener>> {
        let text = format!(
            "WITH l AS (SELECT l.*, s.ordinal FROM gateway_listeners l JOIN listener_sets s ON s.id = l.listener_set_id
                WHERE l.listener_set_id = $1), c AS ({CLAIMS}) {COLUMNS}"
        );
        let row = sqlx::query(AssertSqlSafe(text)).bind(listener_set).fetch_one(&self.pool).await?;
        listeners(&row)
    }

    /// The live ListenerSets of a shared gateway as their last reconciles left them, by ordinal.
    pub(crate) async fn listener_sets_of(&self, gateway: i64) -> Result<Vec<ListenerSetStatus>> {
        let rows = sqlx::query!(
            r#"SELECT s.ordinal, (SELECT count(*) FROM gateway_listeners l WHERE l.listener_set_id = s.id) AS "listeners!",
                r.conditions AS "conditions: Json<Conditions>", r.published_state AS "state: Json<ListenerSetState>"
            FROM listener_sets s JOIN reconciliations r ON r.kind = 'ListenerSet' AND r.id = s.id
            WHERE s.shared_gateway_id = $1 AND s.deleted_at IS NULL ORDER BY s.ordinal"#,
            gateway
        )
        .fetch_all(&self.pool)
        .await?;
        let status = rows.into_iter().map(|row| {
            let listeners = usize::try_from(row.listeners).unwrap_or_default();
            ListenerSetStatus {
                ordinal: row.ordinal,
                listeners,
                applied: row.conditions.get(APPLIED).filter(|_| listeners > 0).cloned(),
                state: row.state.map(|state| state.0),
            }
        });
        Ok(status.collect())
    }
}

/// A listener as its table spells it: an empty hostname means every one.
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
struct Claimed {
    ordinal: Option<i32>,
    users: Vec<ListenerUser>,
    domain_name_definition_id: Option<i64>,
    tls_secret: Option<String>,
}

/// Listeners, sorted, from [`COLUMNS`].
fn listeners(row: &PgRow) -> Result<Vec<Listener>> {
    let mut all: HashMap<ListenerKey, Claimed> = HashMap::new();
    for (key, ordinal) in keys(row, 0)?.into_iter().zip(column(row, 3)?) {
        all.insert(key, Claimed { ordinal, ..Claimed::default() });
    }
    let (instances, namespaces, domains) = (column(row, 7)?, column(row, 8)?, column::<Option<i64>>(row, 9)?);
    let secrets = column::<Option<String>>(row, 10)?;
    let claims = keys(row, 4)?.into_iter().zip(instances).zip(namespaces).zip(domains).zip(secrets);
    for ((((key, gateway_instance_id), namespace), domain), secret) in claims {
        let claimed = all.entry(key).or_default();
        claimed.users.push(ListenerUser { gateway_instance_id, namespace });
        claimed.domain_name_definition_id = signer(claimed.domain_name_definition_id.into_iter().chain(domain));
        // All of them name the same.
        claimed.tls_secret = claimed.tls_secret.take().or(secret);
    }
    Ok(sorted(all))
}

fn sorted(all: HashMap<ListenerKey, Claimed>) -> Vec<Listener> {
    let mut all: Vec<_> = all.into_iter().map(|(key, claimed)| listener(key, claimed)).collect();
    all.sort_unstable_by(|a, b| a.key.cmp(&b.key));
    all
}

fn listener(key: ListenerKey, claimed: Claimed) -> Listener {
    let Claimed { ordinal, mut users, domain_name_definition_id, tls_secret } = claimed;
    users.sort_unstable_by_key(|user| user.gateway_instance_id);
    users.dedup();
    let mut listener = Listener { key, listener_set: ordinal, users, domain_name_definition_id, tls_secret };
    if !listener.needs_certificate() {
        listener.domain_name_definition_id = None;
    }
    listener
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
