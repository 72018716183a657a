//! Which rights in Postgres the programs need.

use causeway_rig::{Endpoints, Server};
use causeway_testkit::{SOON, Setup, add_runtime, add_workload_of, config_map, unique_name};
use serde_json::json;
use sqlx::{AssertSqlSafe, Connection, PgConnection};

/// The roles that operators are told to make, in a database of this name.
fn documented(name: &str) -> String {
    let (_, section) = include_str!("../../docs/security.md").split_once("## Roles in Postgres").unwrap();
    let (_, block) = section.split_once("```sql\n").expect("there are no statements in this section");
    let (statements, _) = block.split_once("```").unwrap();
    assert!(statements.contains("CREATE ROLE causeway_api LOGIN"), "{statements}");
    // Roles belong to all databases of a server.
    statements.replace("causeway_", &format!("{name}_"))
}

/// An owner who is no superuser, an API and workers that only write rows: as `docs/security.md` has it.
#[tokio::test]
async fn programs_that_only_write_rows_do_all_of_their_work() {
    let (endpoints, bundles) = (Endpoints::from_env().unwrap(), tempfile::tempdir().unwrap());
    let setup = Setup { workers: 0, bundles: Some(bundles.path().to_owned()), ..Setup::for_test("rows") };
    let name = setup.name.clone();
    let mut platform = crate::start(setup).await;
    let role = |role: &str| {
        let url = endpoints.postgres.url.replacen("postgres@", &format!("{name}_{role}@"), 1);
        Server { url, ..endpoints.postgres.clone() }
    };

    // The grants count for what is made after them: so all of it is made anew, by an owner of its own.
    platform.kill_api().await;
    let anew = format!(
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = '{name}' AND pid <> pg_backend_pid();
         DROP SCHEMA public CASCADE;
         CREATE ROLE {name}_owner LOGIN CREATEROLE;
         CREATE SCHEMA public AUTHORIZATION {name}_owner"
    );
    let mut superuser = PgConnection::connect(&platform.database_url()).await.unwrap();
    sqlx::raw_sql(AssertSqlSafe(anew)).execute(&mut superuser).await.unwrap();
    platform.follow_postgres(role("owner"));
    let mut owner = PgConnection::connect(&platform.database_url()).await.unwrap();
    sqlx::raw_sql(AssertSqlSafe(documented(&name))).execute(&mut owner).await.unwrap();
    let migrated = platform.run_api(&["migrate"]).await.unwrap();
    assert!(migrated.status.success(), "{migrated:?}");

    platform.follow_postgres(role("api"));
    platform.start_api_again().await.unwrap();
    let made = platform.run_api(&["token", "create", "--name", "ops", "--role", "admin"]).await.unwrap();
    assert!(made.status.success(), "{made:?}");
    let mut api = PgConnection::connect(&platform.database_url()).await.unwrap();
    platform.follow_postgres(role("workers"));
    platform.add_worker().await.unwrap();
    let mut workers = PgConnection::connect(&platform.database_url()).await.unwrap();

    // All the way to a cluster and back.
    let (client, record) = (platform.client(), unique_name("rows"));
    let runtime = add_runtime(&client, &endpoints.clusters[1], &record).await.unwrap();
    let workload = add_workload_of(&client, runtime, &record, &config_map("settings", "1")).await.unwrap();
    client.until_ready("workload-instances", workload, SOON).await.unwrap();
    let of = json!({"Name": record, "HttpPorts": [{"Port": 80}, {"Port": 81}]});
    let of = client.create("gateway-definitions", &of).await.unwrap()["ID"].as_i64().unwrap();
    client.patch("gateway-definitions", of, &json!({"HttpPorts": [{"Port": 82}]})).await.unwrap();
    client.delete("workload-instances", workload).await.unwrap();
    client.until_gone("workload-instances", workload, SOON).await.unwrap();

    for connection in [&mut api, &mut workers] {
        // After the restore of a backup ids are skipped.
        sqlx::query("SELECT setval('ids', last_value) FROM ids").execute(&mut *connection).await.unwrap();
        for statement in [
            "CREATE TABLE more (id bigint)",
            "CREATE FUNCTION more() RETURNS int LANGUAGE sql AS 'SELECT 1'",
            "ALTER TABLE audit_events DROP COLUMN caller",
            "TRUNCATE audit_events",
            "DROP TABLE audit_events",
        ] {
            let refused = sqlx::query(statement).execute(&mut *connection).await.unwrap_err().to_string();
            let is_for_owners = refused.contains("permission denied") || refused.contains("must be owner");
            assert!(is_for_owners, "{statement}: {refused}");
        }
    }
    platform.stop().await;
}
