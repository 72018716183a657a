//! Whether the AWS account that a write brings into a cluster, or with which workers are to sign in to it, may be used there.

use crate::{error::Result, record, row, selects};
use causeway_records::{
    Kind, Record,
    field::{Fields, entries},
    noun::Noun,
    nouns::{AwsAccount, KubernetesRuntimeDefinition, KubernetesRuntimeInstance},
    problem::{Reason, Refusal},
};
use causeway_rules::accounts;
use sqlx::{AssertSqlSafe, PgConnection};
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

/// Whether a change concerns how a cluster of EKS is reached. A runtime whose account was taken away can still be paused and deleted.
pub(super) fn concern_eks(kind: Kind, before: &dyn Fields, after: &dyn Fields) -> bool {
    let columns: &[&str] = match kind {
        Kind::KubernetesRuntimeInstance => &["eks_cluster_name", "kubernetes_runtime_definition_id"],
        Kind::KubernetesRuntimeDefinition => &["infra_provider", "infra_provider_account_name"],
        _ => return false,
    };
    entries(before)
        .zip(entries(after))
        .any(|((field, stored), (_, value))| columns.contains(&field.column) && stored.to_value() != value.to_value())
}

/// Refuses a runtime with `EKSClusterName`, or a definition of such runtimes, without an account that lets itself be used. Read without a lock, as above: a
/// permission that is taken away in this moment wakes the runtime.
pub(super) async fn check_eks(connection: &mut PgConnection, kind: Kind, id: i64) -> Result<()> {
    let definition = match kind {
        Kind::KubernetesRuntimeInstance => {
            let runtime: Record<KubernetesRuntimeInstance> = record::find(connection, id).await?;
            if runtime.spec.eks_cluster_name.is_none() {
                return Ok(());
            }
            runtime.spec.kubernetes_runtime_definition_id
        }
        _ => id,
    };
    let of_definition = sqlx::query_scalar!(
        "SELECT id FROM kubernetes_runtime_instances
            WHERE kubernetes_runtime_definition_id = $1 AND eks_cluster_name IS NOT NULL AND deleted_at IS NULL ORDER BY id",
        id
    );
    let runtimes = match kind {
        Kind::KubernetesRuntimeInstance => vec![id],
        _ => of_definition.fetch_all(&mut *connection).await?,
    };
    if runtimes.is_empty() {
        return Ok(());
    }
    let definition: Record<KubernetesRuntimeDefinition> = record::find(connection, definition).await?;
    let account = match definition.spec.account_name() {
        Some(name) => named(connection, name).await?,
        None => None,
    };
    for runtime in runtimes {
        accounts::for_eks(runtime, &definition.spec, account.as_ref()).map_err(|refusal| {
            let field = if kind == Kind::KubernetesRuntimeInstance { "EKSClusterName" } else { refusal.field };
            Refusal::field(Reason::InvalidField, field, refusal.problem)
        })?;
    }
    Ok(())
}

/// The live account of this name.
async fn named(connection: &mut PgConnection, name: &str) -> Result<Option<Record<AwsAccount>>> {
    let text = format!("{} WHERE t.name = $1 AND t.deleted_at IS NULL", selects::for_noun(&AwsAccount::INFO).any);
    let row = sqlx::query(AssertSqlSafe(text)).bind(name).fetch_optional(connection).await?;
    row.as_ref().map(row::record).transpose()
}
