//! Reads the inputs of a reconcile, whole. One file for each noun.
//!
//! Every row is read `FOR SHARE`: a read waits for a writer that holds the row but hasn't committed. Such a writer wakes its dependants by
//! what it sees once it holds the lock; a record that it could not see yet begins its first reconcile later, and then waits here for the writer's
//! commit. So no change falls between the two, however far apart the two records are.
//!
//! What counts is the waiting: a lock that was had for a moment is as good as one that is kept. So a read keeps none that a writer comes to after what the read
//! may still wait for: Postgres would have to end one of the two, and until it does, a second later, all others wait for both.
//!
//! For people who look ([`Store::viewing`]) the same is read without a lock.
//!
//! What is read most is read by functions of the database (`migrations/functions/inputs.sql`): a dozen reads, one round trip, one commit. Of
//! what a reconcile depends on it leaves out the conditions, but for those of support services.

mod any;
mod domain_name;
mod gateway;
mod listener_set;
mod shared_gateway;
mod support_service;
mod workload;

use crate::{
    Store,
    error::{Result, StoreError},
    row, selects,
};
use causeway_records::{
    Record,
    inputs::{EksAccess, Named, RuntimeAccess},
    noun::Noun,
    nouns::{AwsAccount, KubernetesRuntimeDefinition, KubernetesRuntimeInstance},
};
use sqlx::AssertSqlSafe;
use std::collections::BTreeSet;

impl Store {
    /// A record that may be gone already, with the name its objects bear.
    pub async fn named<T: Noun>(&self, id: i64) -> Result<Named<T>> {
        let row = sqlx::query(self.one_of::<T>()).bind(id).fetch_optional(&self.pool).await?;
        row::named(&row.ok_or(StoreError::NotFound)?)
    }

    /// How one record is read.
    fn one_of<T: Noun>(&self) -> &'static str {
        let selects = selects::for_noun(&T::INFO);
        if self.is_view { selects.find } else { selects.share }
    }

    /// The end of a statement that reads inputs: how rows are locked, unless they are only looked at.
    pub(crate) fn locking(&self, clause: &'static str) -> &'static str {
        if self.is_view { "" } else { clause }
    }

    /// A record that may be gone already.
    async fn shared<T: Noun>(&self, id: i64) -> Result<Record<T>> {
        let row = sqlx::query(self.one_of::<T>()).bind(id).fetch_optional(&self.pool).await?;
        row::record(&row.ok_or(StoreError::NotFound)?)
    }

    async fn shared_if<T: Noun>(&self, id: Option<i64>) -> Result<Option<Record<T>>> {
        match id {
            Some(id) => self.shared(id).await.map(Some),
            None => Ok(None),
        }
    }

    /// Those with these ids, by id; they may be gone already.
    async fn each_shared<T: Noun>(&self, ids: BTreeSet<i64>) -> Result<Vec<Record<T>>> {
        if ids.is_empty() {
            return Ok(vec![]);
        }
        let (any, lock) = (&selects::for_noun(&T::INFO).any, self.locking("FOR SHARE OF t"));
        let text = format!("{any} WHERE t.id = ANY($1) ORDER BY t.id {lock}");
        let ids: Vec<_> = ids.into_iter().collect();
        let rows = sqlx::query(AssertSqlSafe(text)).bind(ids).fetch_all(&self.pool).await?;
        rows.iter().map(row::record).collect()
    }

    /// The runtime that a cluster's worker looks after.
    pub async fn runtime(&self, id: i64) -> Result<Record<KubernetesRuntimeInstance>> {
        self.shared(id).await
    }

    /// The same with what says who signs in there.
    pub async fn runtime_access(&self, id: i64) -> Result<RuntimeAccess> {
        let runtime = self.runtime(id).await?;
        if runtime.spec.eks_cluster_name.is_none() {
            return Ok(RuntimeAccess { runtime, eks: None });
        }
        let definition: Record<KubernetesRuntimeDefinition> =
            self.shared(runtime.spec.kubernetes_runtime_definition_id).await?;
        let account = match definition.spec.account_name() {
            None => None,
            Some(name) => self.account_named(name).await?,
        };
        Ok(RuntimeAccess { runtime, eks: Some(EksAccess { definition, account }) })
    }

    async fn account_named(&self, name: &str) -> Result<Option<Record<AwsAccount>>> {
        let any = &selects::for_noun(&AwsAccount::INFO).any;
        let text = format!("{any} WHERE t.name = $1 AND t.deleted_at IS NULL FOR SHARE OF t");
        let row = sqlx::query(AssertSqlSafe(text)).bind(name).fetch_optional(&self.pool).await?;
        row.as_ref().map(row::record).transpose()
    }
}
