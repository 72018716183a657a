//! Reads the inputs of a reconcile, whole.
//!
//! Every row is read `FOR SHARE`: a read waits for a writer that holds the row but hasn't committed. Such a writer wakes its dependants by
//! what it sees once it holds the lock; a record that it could not see yet begins its first reconcile later, and then waits here for the writer's
//! commit. So no change falls between the two, however far apart the two records are.
//!
//! What is read most is read by functions of the database (`migrations/functions/inputs.sql`): a dozen reads, one round trip, one commit. Of
//! what a reconcile depends on it leaves out the conditions, but for those of support services.

use crate::{
    Store, children,
    error::{Result, StoreError},
    json_row::{JsonRow, StatedRow},
    listeners::listener_key,
    row, sql,
};
use causeway_records::{
    Record,
    field::Noun,
    inputs::{
        DomainGateway, DomainNameInputs, DomainNameState, Elsewhere, GatewayInputs, Listener, ListenerSetInputs, Named,
        Protocol, Published, SharedGatewayInputs, SharedGatewayUse, SupportServiceInputs, WorkloadInputs,
    },
    nouns::{
        DomainNameDefinition, DomainNameInstance, GatewayDefinition, GatewayInstance, KubernetesRuntimeInstance,
        ListenerSet, Placement, SharedGateway, SupportServiceInstance, WorkloadInstance,
    },
};
use causeway_rules::hostnames::{Asking, asked_for, hostnames_of};
use serde::Deserialize;
use serde_json::Value;
use sqlx::{AssertSqlSafe, Row, postgres::PgRow, types::Json};
use std::collections::{BTreeMap, BTreeSet};

impl Store {
    /// A record that may be gone already, with the name its objects bear.
    pub async fn named<T: Noun>(&self, id: i64) -> Result<Named<T>> {
        let row = sqlx::query(sql::of(&T::INFO).share).bind(id).fetch_optional(&self.pool).await?;
        named(&row.ok_or(StoreError::NotFound)?)
    }

    /// A record that may be gone already.
    async fn shared<T: Noun>(&self, id: i64) -> Result<Record<T>> {
        let row = sqlx::query(sql::of(&T::INFO).share).bind(id).fetch_optional(&self.pool).await?;
        row::record(&row.ok_or(StoreError::NotFound)?)
    }

    async fn shared_if<T: Noun>(&self, id: Option<i64>) -> Result<Option<Record<T>>> {
        match id {
            Some(id) => self.shared(id).await.map(Some),
            None => Ok(None),
        }
    }

    /// Those with these ids, by id.
    async fn each_shared<T: Noun>(&self, ids: BTreeSet<i64>) -> Result<Vec<Record<T>>> {
        let mut records = Vec::with_capacity(ids.len());
        for id in ids {
            records.push(self.shared(id).await?);
        }
        Ok(records)
    }

    /// The live records of a noun whose `column` is `id`, by id.
    async fn children<T: Noun>(&self, column: &'static str, id: i64) -> Result<Vec<Record<T>>> {
        let statements = sql::of(&T::INFO);
        let text = format!(
            "SELECT {} {} AND t.{column} = $1 ORDER BY t.id FOR SHARE OF t",
            statements.select, statements.from
        );
        let rows = sqlx::query(AssertSqlSafe(text)).bind(id).fetch_all(&self.pool).await?;
        rows.iter().map(row::record).collect()
    }

    /// The runtime that a cluster's worker looks after.
    pub async fn runtime(&self, id: i64) -> Result<Record<KubernetesRuntimeInstance>> {
        self.shared(id).await
    }

    /// For the reconcile of a workload instance.
    pub async fn workload_inputs(&self, id: i64) -> Result<WorkloadInputs> {
        let read: Option<Json<WorkloadRead>> =
            sqlx::query_scalar("SELECT read_workload($1)").bind(id).fetch_one(&self.pool).await?;
        read.ok_or(StoreError::NotFound)?.0.inputs(self.control_plane().await?)
    }

    /// For the reconcile of a gateway instance, with the support services of its cluster.
    pub async fn gateway_inputs(&self, id: i64) -> Result<(GatewayInputs, Vec<Record<SupportServiceInstance>>)> {
        let read: Option<Json<GatewayRead>> =
            sqlx::query_scalar("SELECT read_gateway($1)").bind(id).fetch_one(&self.pool).await?;
        let mut read = read.ok_or(StoreError::NotFound)?.0;
        let services = std::mem::take(&mut read.services).into_iter().map(StatedRow::record).collect::<Result<_>>()?;
        Ok((read.inputs(self.control_plane().await?)?, services))
    }

    /// The shared gateway that carries an instance's routes.
    async fn shared_gateway_of(&self, instance: i64) -> Result<Option<Named<SharedGateway>>> {
        let text = "SELECT c.gateway_id FROM route_claims c JOIN shared_gateways g ON g.id = c.gateway_id
            WHERE c.gateway_instance_id = $1 LIMIT 1";
        match sqlx::query_scalar(text).bind(instance).fetch_optional(&self.pool).await? {
            Some(gateway) => self.named(gateway).await.map(Some),
            None => Ok(None),
        }
    }

    /// For the reconcile of a shared gateway.
    pub async fn shared_gateway_inputs(&self, id: i64) -> Result<SharedGatewayInputs> {
        let gateway = self.gateway_of_listeners(id).await?;
        let listeners = self.listeners_of_gateway(id).await?;
        let domains = self.domains_of(&listeners).await?;
        let accounts = domains.iter().filter_map(|domain| domain.spec.aws_account_id);
        Ok(SharedGatewayInputs {
            control_plane: self.control_plane().await?,
            accounts: self.each_shared(accounts.collect()).await?,
            listener_sets: self.listener_sets_of(id).await?,
            gateway,
            listeners,
            domains,
        })
    }

    /// For the reconcile of a ListenerSet.
    pub async fn listener_set_inputs(&self, id: i64) -> Result<ListenerSetInputs> {
        let set = self.shared::<ListenerSet>(id).await?;
        let listeners = self.listeners_of_set(id).await?;
        Ok(ListenerSetInputs {
            control_plane: self.control_plane().await?,
            id,
            ordinal: set.spec.ordinal,
            gateway: self.gateway_of_listeners(set.spec.shared_gateway_id).await?,
            domains: self.domains_of(&listeners).await?,
            listeners,
        })
    }

    /// Read without a lock, see [`crate::listeners`].
    async fn gateway_of_listeners(&self, id: i64) -> Result<Named<SharedGateway>> {
        let row = sqlx::query(sql::of(&SharedGateway::INFO).find).bind(id).fetch_optional(&self.pool).await?;
        named(&row.ok_or(StoreError::NotFound)?)
    }

    async fn domains_of(&self, listeners: &[Listener]) -> Result<Vec<Record<DomainNameDefinition>>> {
        // Of the others nothing is rendered from a domain.
        let https = listeners.iter().filter(|listener| listener.key.protocol == Protocol::Https);
        let domains = https.filter_map(|listener| listener.domain_name_definition_id);
        self.each_shared(domains.collect()).await
    }

    /// For the reconcile of a domain name instance.
    pub async fn domain_name_inputs(&self, id: i64) -> Result<DomainNameInputs> {
        let instance = self.named::<DomainNameInstance>(id).await?;
        let definition = self.shared::<DomainNameDefinition>(instance.record.spec.domain_name_definition_id).await?;
        let workload = self.named::<WorkloadInstance>(instance.record.spec.workload_instance_id).await?;
        let mut gateways = vec![];
        for instance in self.gateways_of(workload.record.id()).await? {
            let of = self.shared::<GatewayDefinition>(instance.record.spec.gateway_definition_id).await?;
            if of.spec.domain_name_definition_id != Some(definition.id()) {
                continue;
            }
            let shared = of.spec.placement() == Placement::Shared;
            gateways.push(DomainGateway {
                hostnames: hostnames_of(&of.spec, Some(&definition.spec.domain))?,
                shared_gateway: if shared { self.shared_gateway_of(instance.record.id()).await? } else { None },
                instance,
            });
        }
        let text = "SELECT coalesce(projection, '{\"hosts\":{}}') FROM reconciliations WHERE kind = 'DomainNameInstance' AND id = $1";
        let published: Json<Published> = sqlx::query_scalar(text).bind(id).fetch_one(&self.pool).await?;
        Ok(DomainNameInputs {
            wanted_elsewhere: self.hostnames_elsewhere(&instance.record).await?,
            control_plane: self.control_plane().await?,
            account: self.shared_if(definition.spec.aws_account_id).await?,
            instance,
            definition,
            workload,
            gateways,
            published: published.0,
        })
    }

    /// The live gateway instances of a workload, by id.
    async fn gateways_of(&self, workload: i64) -> Result<Vec<Named<GatewayInstance>>> {
        let statements = sql::of(&GatewayInstance::INFO);
        let text = format!(
            "SELECT {}, r.object_name {} AND t.workload_instance_id = $1 ORDER BY t.id FOR SHARE OF t",
            statements.select, statements.from
        );
        let rows = sqlx::query(AssertSqlSafe(text)).bind(workload).fetch_all(&self.pool).await?;
        rows.iter().map(named).collect()
    }

    /// Hostnames that the cluster's other domain name instances ask for.
    async fn hostnames_elsewhere(&self, instance: &Record<DomainNameInstance>) -> Result<BTreeMap<String, Elsewhere>> {
        let rows = sqlx::query!(
            r#"SELECT n.id, n.name, nr.projection AS "published: Json<Published>", to_jsonb(d) AS "definition!: Json<JsonRow>", dd.domain
            FROM domain_name_instances n
            JOIN reconciliations nr ON nr.kind = 'DomainNameInstance' AND nr.id = n.id AND nr.deletion_scheduled IS NULL
            JOIN gateway_instances g ON g.workload_instance_id = n.workload_instance_id AND g.deleted_at IS NULL
            JOIN reconciliations gr ON gr.kind = 'GatewayInstance' AND gr.id = g.id AND gr.deletion_scheduled IS NULL
            JOIN gateway_definitions d ON d.id = g.gateway_definition_id AND d.domain_name_definition_id = n.domain_name_definition_id
            JOIN domain_name_definitions dd ON dd.id = d.domain_name_definition_id
            WHERE n.kubernetes_runtime_instance_id = $1 AND n.id <> $2 AND n.deleted_at IS NULL ORDER BY n.id"#,
            instance.spec.kubernetes_runtime_instance_id,
            instance.id()
        )
        .fetch_all(&self.pool)
        .await?;
        let mut asking = vec![];
        for row in rows {
            let definition: Record<GatewayDefinition> = row.definition.0.record()?;
            let domain = row.domain.parse().map_err(|reason: String| StoreError::Inconsistent {
                table: "domain_name_definitions",
                column: "domain",
                reason,
            })?;
            // One that can't have its hostnames is refused elsewhere; it asks for none.
            let hostnames = hostnames_of(&definition.spec, Some(&domain)).unwrap_or_default();
            let published = row.published.map(|published| published.0).unwrap_or_default();
            asking.push(Asking { id: row.id, name: row.name, hostnames, published });
        }
        Ok(asked_for(asking))
    }

    /// For the reconcile of a support service.
    pub async fn support_service_inputs(&self, id: i64) -> Result<SupportServiceInputs> {
        let instance = self.named::<SupportServiceInstance>(id).await?;
        let runtime = instance.record.spec.kubernetes_runtime_instance_id;
        let account = instance.record.spec.aws_account_id;
        // Also the domains of instances that are on their way out: a zone leaves the filter after its last record.
        let text = "SELECT DISTINCT d.domain, d.hosted_zone_id FROM domain_name_definitions d
            JOIN domain_name_instances n ON n.domain_name_definition_id = d.id
            WHERE n.kubernetes_runtime_instance_id = $1 AND n.deleted_at IS NULL AND d.aws_account_id IS NOT DISTINCT FROM $2 ORDER BY 1, 2";
        let rows = sqlx::query(text).bind(runtime).bind(account).fetch_all(&self.pool).await?;
        let (mut domains, mut zone_ids) = (vec![], vec![]);
        for row in &rows {
            domains.push(row.try_get::<String, _>(0)?);
            zone_ids.extend(row.try_get::<Option<String>, _>(1)?);
        }
        domains.dedup();
        zone_ids.sort();
        zone_ids.dedup();
        Ok(SupportServiceInputs {
            control_plane: self.control_plane().await?,
            kubernetes_runtime_instance_id: runtime,
            account: self.shared_if(account).await?,
            instance,
            domains,
            zone_ids,
        })
    }

    /// The support services of a cluster.
    pub async fn services_of(&self, runtime: i64) -> Result<Vec<Record<SupportServiceInstance>>> {
        self.children("kubernetes_runtime_instance_id", runtime).await
    }
}

fn named<T: Noun>(row: &PgRow) -> Result<Named<T>> {
    Ok(Named { record: row::record(row)?, object_name: row.try_get("object_name")? })
}

/// The answer of `read_workload`.
#[derive(Deserialize)]
struct WorkloadRead {
    instance: StatedRow,
    definition: StatedRow,
    resources: Vec<Value>,
}

impl WorkloadRead {
    fn inputs(self, control_plane: String) -> Result<WorkloadInputs> {
        Ok(WorkloadInputs {
            control_plane,
            instance: self.instance.named()?,
            definition: self.definition.record()?,
            resources: self.resources,
        })
    }
}

/// The answer of `read_gateway`.
#[derive(Deserialize)]
struct GatewayRead {
    instance: StatedRow,
    definition: StatedRow,
    domain: Option<JsonRow>,
    account: Option<JsonRow>,
    workload: WorkloadRead,
    ports: children::Rows,
    shared_gateway: Option<StatedRow>,
    listeners: Vec<ListenerRead>,
    domain_names: Vec<DomainNameState>,
    services: Vec<StatedRow>,
}

/// A row of `gateway_listeners`, with the ordinal of its ListenerSet.
#[derive(Deserialize)]
struct ListenerRead {
    port: i32,
    protocol: String,
    hostname: String,
    ordinal: Option<i32>,
}

impl GatewayRead {
    fn inputs(self, control_plane: String) -> Result<GatewayInputs> {
        let listeners =
            self.listeners.into_iter().map(|l| Ok((listener_key(l.port, &l.protocol, l.hostname)?, l.ordinal)));
        let listener_sets = listeners.collect::<Result<BTreeMap<_, _>>>()?;
        let shared_gateway = match self.shared_gateway {
            Some(gateway) => Some(SharedGatewayUse { gateway: gateway.named()?, listener_sets }),
            None => None,
        };
        let mut definition: Record<GatewayDefinition> = self.definition.record()?;
        children::fill(&mut definition.spec, self.ports)?;
        let domain: Option<Record<DomainNameDefinition>> = self.domain.map(JsonRow::record).transpose()?;
        Ok(GatewayInputs {
            instance: self.instance.named()?,
            hostnames: hostnames_of(&definition.spec, domain.as_ref().map(|domain| &domain.spec.domain))?,
            definition,
            domain,
            account: self.account.map(JsonRow::record).transpose()?,
            workload: self.workload.inputs(control_plane.clone())?,
            shared_gateway,
            domain_names: self.domain_names,
            control_plane,
        })
    }
}
