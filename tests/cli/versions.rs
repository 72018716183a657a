//! Whether anything was written at all: Postgres gives every version of a row a place and a transaction.

use causeway_testkit::ControlPlane;
use sqlx::{Connection, PgConnection, Row};
use std::collections::BTreeMap;

/// How many rows each table has, and which versions of them.
pub(crate) type Versions = BTreeMap<String, (i64, String)>;

/// Tables that the API writes by itself a moment after a change: the log of its events, how far webhooks are, and what is sent to them. Whoever changes a
/// record writes that, too.
const FOLLOWING: [&str; 4] = ["event_inbox", "event_log", "webhook_deliveries", "webhook_senders"];

/// The versions of all rows of a control plane's database.
pub(crate) async fn versions(platform: &ControlPlane) -> Versions {
    let mut connection = PgConnection::connect(&platform.database_url()).await.unwrap();
    let tables = sqlx::query("SELECT format('%I', tablename) FROM pg_tables WHERE schemaname = 'public' ORDER BY 1");
    let tables = tables.fetch_all(&mut connection).await.unwrap();
    let mut versions = Versions::new();
    for table in tables {
        let table: String = table.get(0);
        if FOLLOWING.contains(&table.as_str()) {
            continue;
        }
        let query = format!(
            "SELECT count(*), coalesce(md5(string_agg(ctid::text || xmin::text, ',' ORDER BY ctid)), '') FROM {table}"
        );
        let row = sqlx::query(sqlx::AssertSqlSafe(query)).fetch_one(&mut connection).await.unwrap();
        versions.insert(table, (row.get(0), row.get(1)));
    }
    versions
}

/// The tables whose rows differ.
pub(crate) fn written(before: &Versions, after: &Versions) -> Vec<String> {
    let differs = after.iter().filter(|(table, versions)| before.get(*table) != Some(versions));
    differs.map(|(table, _)| table.clone()).collect()
}
