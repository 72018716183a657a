//! Brings the schema up to date: tables go forward only, functions are what their files say.
//!
//! Tables, constraints and indexes are migrations of sqlx: `migrations/NNNN_*.sql`, each applied once. Functions have no history worth keeping. sqlx
//! has no repeatable migrations, so this module is ours: a file of `migrations/functions` is applied again when its text differs from the one in force,
//! whose SHA-256 is in the table `schema_functions`.
//!
//! Whoever finds the schema up to date changes nothing, so a process without the right to CREATE can start. A schema of a later release counts as up to
//! date: that release has to work beside this one, so its functions do for this one too. They are not set back.

use crate::functions::views_sql;
use sha2::{Digest, Sha256};
use sqlx::{
    Connection as _, PgConnection,
    migrate::{Migrate as _, MigrateError, Migrator},
};
use std::{collections::HashMap, fmt::Write, sync::LazyLock};

/// The migrations of tables, embedded.
pub static TABLES: Migrator = sqlx::migrate!("../../migrations");

/// The files of functions, embedded.
pub const FUNCTIONS: &[(&str, &str)] = &[
    ("queue.sql", include_str!("../../../migrations/functions/queue.sql")),
    ("dependants.sql", include_str!("../../../migrations/functions/dependants.sql")),
    ("children.sql", include_str!("../../../migrations/functions/children.sql")),
    ("names.sql", include_str!("../../../migrations/functions/names.sql")),
    ("certificates.sql", include_str!("../../../migrations/functions/certificates.sql")),
    ("inputs.sql", include_str!("../../../migrations/functions/inputs.sql")),
];
/// What is made of these files, and stands in none.
static VIEWS: LazyLock<String> = LazyLock::new(views_sql);

/// The texts of all functions, each with its name. PL/pgSQL looks other functions up when it runs, so their order doesn't matter.
pub fn functions() -> impl Iterator<Item = (&'static str, &'static str)> {
    FUNCTIONS.iter().copied().chain([("views.sql", VIEWS.as_str())])
}

/// Taken while functions are applied, in each database for itself. Any number does; sqlx's own lock has another one.
const LOCK: i64 = 0x6361_7573_6577_6179;

/// Brings the schema up to date. Several processes may do so at once.
pub(crate) async fn run(connection: &mut PgConnection) -> Result<(), MigrateError> {
    if !tables_are_current(connection).await? {
        TABLES.run(&mut *connection).await?;
    }
    if outdated_functions(connection).await?.is_empty() {
        return Ok(());
    }
    let mut transaction = connection.begin().await?;
    sqlx::query!("SELECT pg_advisory_xact_lock($1)", LOCK).execute(&mut *transaction).await?;
    // Another process may have been faster.
    for (file, text) in outdated_functions(&mut transaction).await? {
        sqlx::raw_sql(text).execute(&mut *transaction).await?;
        sqlx::query!(
            "INSERT INTO schema_functions (file, sha256, release) VALUES ($1, $2, $3)
             ON CONFLICT (file) DO UPDATE SET sha256 = excluded.sha256, release = excluded.release",
            file,
            sha256(text),
            &release()
        )
        .execute(&mut *transaction)
        .await?;
    }
    Ok(transaction.commit().await?)
}

/// Whether every migration of this release has been applied as it is here. sqlx would find out too, but not without the right to CREATE.
async fn tables_are_current(connection: &mut PgConnection) -> Result<bool, MigrateError> {
    let begun = sqlx::query_scalar!(r#"SELECT to_regclass($1) IS NOT NULL AS "begun!""#, &*TABLES.table_name);
    if !begun.fetch_one(&mut *connection).await? {
        return Ok(false);
    }
    let applied = connection.list_applied_migrations(&TABLES.table_name).await?;
    let applied: HashMap<_, _> = applied.into_iter().map(|migration| (migration.version, migration.checksum)).collect();
    Ok(TABLES.iter().all(|migration| applied.get(&migration.version) == Some(&migration.checksum)))
}

/// The files whose text is not in force, but for those of a later release.
async fn outdated_functions(connection: &mut PgConnection) -> Result<Vec<(&'static str, &'static str)>, MigrateError> {
    let in_force =
        sqlx::query!(r#"SELECT file, sha256, release > $1 AS "is_later!" FROM schema_functions"#, &release());
    let in_force = in_force.fetch_all(connection).await?;
    let is_current = |file: &str, text: &str| {
        in_force.iter().any(|row| row.file == file && (row.is_later || row.sha256 == sha256(text)))
    };
    Ok(functions().filter(|(file, text)| !is_current(file, text)).collect())
}

/// This release, in a form that Postgres compares.
fn release() -> Vec<i32> {
    let parts = [env!("CARGO_PKG_VERSION_MAJOR"), env!("CARGO_PKG_VERSION_MINOR"), env!("CARGO_PKG_VERSION_PATCH")];
    parts.iter().map(|part| part.parse().unwrap_or_default()).collect()
}

fn sha256(text: &str) -> String {
    Sha256::digest(text).iter().fold(String::new(), |mut hex, byte| {
        // Writing to a String can't fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}
