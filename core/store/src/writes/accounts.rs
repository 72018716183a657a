//! Whether the AWS account that a write brings into a cluster may be used there.

use crate::{error::Result, record};
use causeway_records::{Record, nouns::AwsAccount};
use causeway_rules::accounts;
use sqlx::PgConnection;
use std::collections::BTreeSet;

/// Refuses the use of an account that its owner hasn't allowed for one of these runtimes. The account is read without a lock: a permission that is taken
/// away in this moment wakes whoever uses the account, and the worker reads it again before it renders any key.
pub(super) async fn check(connection: &mut PgConnection, account: Option<i64>, runtimes: &BTreeSet<i64>) -> Result<()> {
    let Some(id) = account.filter(|_| !runtimes.is_empty()) else { return Ok(()) };
    let account: Record<AwsAccount> = record::find(connection, id).await?;
    for runtime in runtimes {
        accounts::may_be_used(&account, *runtime)?;
    }
    Ok(())
}
