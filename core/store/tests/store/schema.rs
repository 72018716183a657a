//! The schema: what the files in `migrations/` make, and who may bring it up to date.

use crate::{
    fixture::{connect_as, record, store},
    wake::until_waiting,
};
use causeway_records::nouns::GatewayDefinition;
use causeway_store::{Origin, migrate};
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, PgPool};
use std::{collections::BTreeSet, env, fs};

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/schema.md");
const FUNCTIONS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../migrations/functions");
const HEAD: &str = "# The database\n\nWhat the files in `migrations/` make, by kind and name; for reading only. Written by `make schema`, and compared by a test.\n\n```sql\n";

/// What each file in force says of itself.
async fn in_force(pool: &PgPool) -> Vec<(String, String, Vec<i32>)> {
    sqlx::query_as("SELECT file, sha256, release FROM schema_functions ORDER BY file").fetch_all(pool).await.unwrap()
}

/// The names of the functions in a text.
fn names(text: &str) -> Vec<&str> {
    let made = text.lines().filter_map(|line| line.strip_prefix("CREATE OR REPLACE FUNCTION "));
    made.map(|line| line.split('(').next().unwrap()).collect()
}

#[sqlx::test(migrations = false)]
async fn a_new_database_is_as_its_page_says(pool: PgPool) {
    store(&pool).await;
    let blocks: Vec<String> = sqlx::query_scalar(include_str!("schema_text.sql")).fetch_all(&pool).await.unwrap();
    let text = format!("{HEAD}{}\n```\n", blocks.join("\n\n"));
    if env::var_os("WRITE_SCHEMA").is_some() {
        fs::write(FILE, &text).unwrap();
    }
    assert!(fs::read_to_string(FILE).unwrap() == text, "docs/schema.md is old: run make schema");
}

#[sqlx::test(migrations = false)]
async fn each_function_of_the_database_is_in_one_file(pool: PgPool) {
    store(&pool).await;
    let files: Vec<&str> = migrate::functions().flat_map(|(_, text)| names(text)).collect();
    let set: BTreeSet<&str> = files.iter().copied().collect();
    assert_eq!(set.len(), files.len(), "a function is in two files: {files:?}");
    let there: Vec<String> = sqlx::query_scalar(
        "SELECT proname::text FROM pg_proc WHERE pronamespace = current_schema()::regnamespace ORDER BY proname",
    )
    .fetch_all(&pool)
    .await
    .unwrap();
    assert_eq!(there, set.into_iter().collect::<Vec<_>>());
}

/// What would run with other rights than those of who asks, or needs a superuser to be made.
#[sqlx::test(migrations = false)]
async fn the_database_does_nothing_with_more_rights_than_who_asks(pool: PgPool) {
    store(&pool).await;
    let text = "SELECT 'function ' || proname FROM pg_proc JOIN pg_language l ON l.oid = prolang
            WHERE pronamespace = current_schema()::regnamespace AND (prosecdef OR lanname NOT IN ('sql', 'plpgsql'))
        UNION ALL SELECT 'extension ' || extname FROM pg_extension WHERE extname <> 'plpgsql'
        UNION ALL SELECT 'event trigger ' || evtname FROM pg_event_trigger";
    let found = async || -> Vec<String> { sqlx::query_scalar(text).fetch_all(&pool).await.unwrap() };
    assert_eq!(found().await, Vec::<String>::new());
    let planted = "CREATE FUNCTION planted() RETURNS int LANGUAGE sql SECURITY DEFINER AS 'SELECT 1'";
    sqlx::query(planted).execute(&pool).await.unwrap();
    assert_eq!(found().await, ["function planted"], "it would be seen");
}

#[test]
fn each_file_of_functions_is_embedded() {
    let files = fs::read_dir(FUNCTIONS).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let embedded = migrate::FUNCTIONS.iter().map(|(file, _)| (*file).to_owned());
    assert_eq!(files.collect::<BTreeSet<_>>(), embedded.collect());
}

#[sqlx::test(migrations = false)]
async fn each_file_of_functions_applies_twice(pool: PgPool) {
    store(&pool).await;
    // Refuses nothing: a lock is given back where it was taken, which only an error does that is caught at once.
    let given_back = "RAISE SQLSTATE 'CW001';\n        EXCEPTION WHEN SQLSTATE 'CW001' THEN\n            NULL;\n";
    for (file, text) in migrate::functions() {
        assert!(!text.replace(given_back, "").contains("RAISE"), "{file}: rules that refuse are in causeway-rules");
        let done = sqlx::raw_sql(text).execute(&pool).await;
        assert!(done.is_ok(), "{file}: {done:?}");
    }
}

#[sqlx::test(migrations = false)]
async fn a_file_that_differs_is_applied_again(pool: PgPool) {
    let store = store(&pool).await;
    let before = in_force(&pool).await;
    assert_eq!(before.len(), migrate::functions().count());
    // As a release left it in which both files were different.
    let other = "CREATE OR REPLACE FUNCTION with_state(r json, k text, record bigint) RETURNS json LANGUAGE sql AS 'SELECT NULL::json';
        CREATE OR REPLACE FUNCTION wake_dependants(k text, record bigint, intent boolean) RETURNS void LANGUAGE sql AS '';
        UPDATE schema_functions SET sha256 = '', release = '{0, 0, 1}' WHERE file = 'inputs.sql';
        DELETE FROM schema_functions WHERE file = 'queue.sql'";
    sqlx::raw_sql(other).execute(&pool).await.unwrap();
    let (one, two) = tokio::join!(store.migrate(), store.migrate());
    one.and(two).unwrap();
    assert_eq!(in_force(&pool).await, before);
    let text = "SELECT count(*) FROM pg_proc WHERE proname IN ('with_state', 'wake_dependants') AND prolang = (SELECT oid FROM pg_language WHERE lanname = 'plpgsql')";
    let restored: i64 = sqlx::query_scalar(text).fetch_one(&pool).await.unwrap();
    assert_eq!(restored, 2);
}

#[sqlx::test(migrations = false)]
async fn an_earlier_release_runs_on_a_later_schema_and_sets_nothing_back(pool: PgPool) {
    let store = store(&pool).await;
    let later = "INSERT INTO _sqlx_migrations SELECT 9999, 'later', now(), true, '', 0;
        CREATE OR REPLACE FUNCTION slug(name text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT name';
        UPDATE schema_functions SET sha256 = 'later', release = '{999, 0, 0}' WHERE file = 'queue.sql'";
    sqlx::raw_sql(later).execute(&pool).await.unwrap();
    let before = in_force(&pool).await;
    store.migrate().await.unwrap();
    assert_eq!(in_force(&pool).await, before);
    let slug: String = sqlx::query_scalar("SELECT slug('A b')").fetch_one(&pool).await.unwrap();
    assert_eq!(slug, "A b");
}

/// A program of the release before locks two tables in another order than 0015. It waits for longer than the migration, so Postgres ends that one.
#[sqlx::test(migrations = false)]
async fn a_migration_that_meets_a_transaction_in_another_order_is_tried_again(pool: PgPool) {
    migrate::TABLES.run_to(14, &pool).await.unwrap();
    let patience =
        "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET deadlock_timeout = ''3s''', current_database()); END $$";
    sqlx::raw_sql(patience).execute(&pool).await.unwrap();
    let mut program = PgConnection::connect_with(&pool.connect_options()).await.unwrap();
    let mut transaction = program.begin().await.unwrap();
    transaction.execute("SET LOCAL deadlock_timeout = '1min'").await.unwrap();
    transaction.execute("LOCK TABLE kubernetes_runtime_instances IN ROW SHARE MODE").await.unwrap();
    let store = connect_as(pool.connect_options().get_username(), &pool);
    let (migrated, ()) = tokio::join!(store.migrate(), async {
        until_waiting(&pool, 1).await;
        transaction.execute("LOCK TABLE domain_name_definitions IN ROW SHARE MODE").await.unwrap();
        transaction.commit().await.unwrap();
    });
    migrated.unwrap();
    let applied: i64 = sqlx::query_scalar("SELECT count(*) FROM _sqlx_migrations").fetch_one(&pool).await.unwrap();
    assert_eq!(usize::try_from(applied).unwrap(), migrate::TABLES.iter().count());
}

#[sqlx::test(migrations = false)]
async fn a_process_that_only_writes_rows_starts_on_a_schema_that_is_up_to_date(pool: PgPool) {
    store(&pool).await;
    // Users belong to all databases of a server: one of our own, so that tests don't meet.
    let database = pool.connect_options().get_database().unwrap().to_owned();
    let user = format!("{database}_api");
    let grants = format!(
        "CREATE ROLE \"{user}\" LOGIN;
         REVOKE CREATE ON SCHEMA public FROM PUBLIC;
         GRANT USAGE ON SCHEMA public TO \"{user}\";
         GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO \"{user}\";
         GRANT USAGE, SELECT, UPDATE ON ALL SEQUENCES IN SCHEMA public TO \"{user}\""
    );
    sqlx::raw_sql(AssertSqlSafe(grants)).execute(&pool).await.unwrap();
    let api = connect_as(&user, &pool);
    let started = api.migrate().await;
    let writer = api.on_behalf_of(Origin { caller: "tester".into(), request_id: None });
    let written = writer.create(record::<GatewayDefinition>(r#"{"Name":"web","TcpPorts":[{"Port":5432}]}"#)).await;
    sqlx::query("DELETE FROM schema_functions WHERE file = 'queue.sql'").execute(&pool).await.unwrap();
    let outdated = api.migrate().await;
    api.close();
    drop(api);
    let clean = format!("DROP OWNED BY \"{user}\"; DROP ROLE \"{user}\"");
    sqlx::raw_sql(AssertSqlSafe(clean)).execute(&pool).await.unwrap();
    started.unwrap();
    written.unwrap();
    let refused = outdated.unwrap_err().to_string();
    assert!(refused.contains("permission denied for schema"), "{refused}");
}
