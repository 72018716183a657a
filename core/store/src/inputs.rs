//! Fills the inputs of a pass.
//!
//! Every row is read `FOR SHARE`: a read waits for a writer that holds the row but hasn't committed. Such a writer wakes its dependants by
//! what it sees once it holds the lock; a record that it could not see yet begins its first pass later, and then waits here for the writer's
//! commit. So no change falls between the two, however far apart the two records are.

use crate::{
    Store,
    error::{Result, StoreError},
    row, sql,
};
use causeway_records::{
    Record,
    field::Noun,
    inputs::{
        DomainGateway, DomainNameInputs, DomainNameState, GatewayInputs, Listener, ListenerKey, ListenerUser, Named,
        Protocol, Published, SharedGatewayInputs, SharedGatewayUse, SupportServiceInputs, WorkloadInputs,
    },
    nouns::{
        DomainNameDefinition, DomainNameInstance, GatewayDefinition, GatewayHttpPort, GatewayInstance, GatewayTcpPort,
        KubernetesRuntimeInstance, Placement, SharedGateway, SupportServiceInstance, WorkloadDefinition,
        WorkloadInstance, WorkloadResourceDefinition,
    },
};
use sqlx::{AssertSqlSafe, Row, postgres::PgRow, types::Json};
use std::collections::BTreeSet;

impl Store {
    /// A record that may be gone already, with the name its objects bear.
    pub async fn named<T: Noun>(&self, id: i64) -> Result<Named<T>> {
        let row = sqlx::query(sql::of(&T::INFO).share).bind(id).fetch_optional(&self.pool).await?;
        let row = row.ok_or(StoreError::NotFound)?;
        Ok(Named { record: row::record(&row)?, object_name: row.try_get("object_name")? })
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

    /// For the pass of a workload instance.
    pub async fn workload_inputs(&self, id: i64) -> Result<WorkloadInputs> {
        let instance = self.named::<WorkloadInstance>(id).await?;
        let definition = self.shared::<WorkloadDefinition>(instance.record.spec.workload_definition_id).await?;
        let resources = self.children::<WorkloadResourceDefinition>("workload_definition_id", definition.id()).await?;
        Ok(WorkloadInputs {
            control_plane: self.control_plane().await?,
            instance,
            definition,
            resources: resources.into_iter().map(|resource| resource.spec.json_definition).collect(),
        })
    }

    /// For the pass of a gateway instance.
    pub async fn gateway_inputs(&self, id: i64) -> Result<GatewayInputs> {
        let instance = self.named::<GatewayInstance>(id).await?;
        let definition = self.shared::<GatewayDefinition>(instance.record.spec.gateway_definition_id).await?;
        let domain = self.shared_if::<DomainNameDefinition>(definition.spec.domain_name_definition_id).await?;
        let account = self.shared_if(domain.as_ref().and_then(|domain| domain.spec.aws_account_id)).await?;
        let workload = self.workload_inputs(instance.record.spec.workload_instance_id).await?;
        Ok(GatewayInputs {
            control_plane: workload.control_plane.clone(),
            http_ports: self.children::<GatewayHttpPort>("gateway_definition_id", definition.id()).await?,
            tcp_ports: self.children::<GatewayTcpPort>("gateway_definition_id", definition.id()).await?,
            hostnames: self.hostnames(definition.id()).await?,
            shared_gateway: self.shared_gateway_use(id, definition.spec.placement()).await?,
            domain_names: self.domain_name_states(instance.record.spec.workload_instance_id).await?,
            instance,
            definition,
            domain,
            account,
            workload,
        })
    }

    async fn hostnames(&self, definition: i64) -> Result<Vec<String>> {
        let text = "SELECT h FROM gateway_definitions d LEFT JOIN domain_name_definitions n ON n.id = d.domain_name_definition_id,
            hostnames_of(d, n.domain) h WHERE d.id = $1 AND h <> '' ORDER BY h";
        Ok(sqlx::query_scalar(text).bind(definition).fetch_all(&self.pool).await?)
    }

    async fn shared_gateway_use(&self, instance: i64, placement: Placement) -> Result<Option<SharedGatewayUse>> {
        if placement != Placement::Shared {
            return Ok(None);
        }
        let text = "SELECT c.gateway_id, l.port, l.protocol, l.hostname, l.slot FROM route_claims c JOIN gateway_listeners l
            ON l.shared_gateway_id = c.gateway_id AND l.port = c.port AND l.protocol = c.protocol AND l.hostname = c.hostname
            WHERE c.gateway_instance_id = $1";
        let rows = sqlx::query(text).bind(instance).fetch_all(&self.pool).await?;
        let Some(first) = rows.first() else { return Ok(None) };
        let gateway = self.named::<SharedGateway>(first.try_get(0)?).await?;
        let slots = rows.iter().map(|row| Ok((listener_key(row, 1)?, row.try_get(4)?))).collect::<Result<_>>()?;
        Ok(Some(SharedGatewayUse { gateway, slots }))
    }

    async fn domain_name_states(&self, workload: i64) -> Result<Vec<DomainNameState>> {
        // Those that are gone count as well: answers about them may still be kept somewhere.
        let text = "SELECT t.id, t.name, coalesce(r.projection, '{\"hosts\":{}}'), r.reconciled FROM domain_name_instances t
            JOIN reconciliations r ON r.kind = 'DomainNameInstance' AND r.id = t.id
            WHERE t.workload_instance_id = $1 AND (t.deleted_at IS NULL OR t.deleted_at > now() - interval '8 days') ORDER BY t.id";
        let rows = sqlx::query(text).bind(workload).fetch_all(&self.pool).await?;
        let state = |row: &PgRow| {
            let published = row.try_get::<Json<Published>, _>(2)?.0;
            Ok(DomainNameState { id: row.try_get(0)?, name: row.try_get(1)?, reconciled: row.try_get(3)?, published })
        };
        rows.iter().map(state).collect()
    }

    /// For the pass of a shared gateway.
    pub async fn shared_gateway_inputs(&self, id: i64) -> Result<SharedGatewayInputs> {
        let gateway = self.named::<SharedGateway>(id).await?;
        let text = "SELECT l.port, l.protocol, l.hostname, l.slot,
                array_agg(g.id ORDER BY g.id), array_agg(w.object_name ORDER BY g.id), min(d.domain_name_definition_id)
            FROM gateway_listeners l
            JOIN route_claims c ON c.gateway_id = l.shared_gateway_id AND c.port = l.port AND c.protocol = l.protocol AND c.hostname = l.hostname
            JOIN gateway_instances g ON g.id = c.gateway_instance_id
            JOIN gateway_definitions d ON d.id = g.gateway_definition_id
            JOIN reconciliations w ON w.kind = 'WorkloadInstance' AND w.id = g.workload_instance_id
            WHERE l.shared_gateway_id = $1 GROUP BY l.port, l.protocol, l.hostname, l.slot ORDER BY l.port, l.protocol, l.hostname";
        let rows = sqlx::query(text).bind(id).fetch_all(&self.pool).await?;
        let listeners = rows.iter().map(listener).collect::<Result<Vec<_>>>()?;
        let (mut domains, mut accounts) = (vec![], vec![]);
        let mut ids: Vec<_> = listeners.iter().filter_map(|listener| listener.domain_name_definition_id).collect();
        ids.sort_unstable();
        ids.dedup();
        for id in ids {
            domains.push(self.shared::<DomainNameDefinition>(id).await?);
        }
        let mut ids: Vec<_> = domains.iter().filter_map(|domain| domain.spec.aws_account_id).collect();
        ids.sort_unstable();
        ids.dedup();
        for id in ids {
            accounts.push(self.shared(id).await?);
        }
        Ok(SharedGatewayInputs { control_plane: self.control_plane().await?, gateway, listeners, domains, accounts })
    }

    /// For the pass of a domain name instance.
    pub async fn domain_name_inputs(&self, id: i64) -> Result<DomainNameInputs> {
        let instance = self.named::<DomainNameInstance>(id).await?;
        let definition = self.shared::<DomainNameDefinition>(instance.record.spec.domain_name_definition_id).await?;
        let workload = self.named::<WorkloadInstance>(instance.record.spec.workload_instance_id).await?;
        let mut gateways = vec![];
        for gateway in self.children::<GatewayInstance>("workload_instance_id", workload.record.id()).await? {
            let instance = self.named::<GatewayInstance>(gateway.id()).await?;
            let of = self.shared::<GatewayDefinition>(gateway.spec.gateway_definition_id).await?;
            if of.spec.domain_name_definition_id != Some(definition.id()) {
                continue;
            }
            let shared = self.shared_gateway_use(gateway.id(), of.spec.placement()).await?;
            gateways.push(DomainGateway {
                instance,
                hostnames: self.hostnames(of.id()).await?,
                shared_gateway: shared.map(|shared| shared.gateway),
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

    /// Hostnames that the cluster's other domain name instances publish.
    async fn hostnames_elsewhere(&self, instance: &Record<DomainNameInstance>) -> Result<BTreeSet<String>> {
        let text = "SELECT DISTINCT h FROM domain_name_instances n
            JOIN reconciliations nr ON nr.kind = 'DomainNameInstance' AND nr.id = n.id AND nr.deletion_scheduled IS NULL
            JOIN gateway_instances g ON g.workload_instance_id = n.workload_instance_id AND g.deleted_at IS NULL
            JOIN reconciliations gr ON gr.kind = 'GatewayInstance' AND gr.id = g.id AND gr.deletion_scheduled IS NULL
            JOIN gateway_definitions d ON d.id = g.gateway_definition_id AND d.domain_name_definition_id = n.domain_name_definition_id
            JOIN domain_name_definitions dd ON dd.id = d.domain_name_definition_id, hostnames_of(d, dd.domain) h
            WHERE n.kubernetes_runtime_instance_id = $1 AND n.id <> $2 AND n.deleted_at IS NULL";
        let rows: Vec<String> = sqlx::query_scalar(text)
            .bind(instance.spec.kubernetes_runtime_instance_id)
            .bind(instance.id())
            .fetch_all(&self.pool)
            .await?;
        Ok(rows.into_iter().collect())
    }

    /// For the pass of a support service.
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

fn listener_key(row: &PgRow, at: usize) -> Result<ListenerKey> {
    let protocol: String = row.try_get(at + 1)?;
    let protocol = protocol.parse::<Protocol>().map_err(|reason| StoreError::Inconsistent {
        table: "gateway_listeners",
        column: "protocol",
        reason,
    })?;
    let hostname: String = row.try_get(at + 2)?;
    Ok(ListenerKey {
        port: row.try_get(at)?,
        protocol,
        hostname: Some(hostname).filter(|hostname| !hostname.is_empty()),
    })
}

fn listener(row: &PgRow) -> Result<Listener> {
    let (ids, namespaces): (Vec<i64>, Vec<String>) = (row.try_get(4)?, row.try_get(5)?);
    let users = ids.into_iter().zip(namespaces);
    let mut users: Vec<_> =
        users.map(|(gateway_instance_id, namespace)| ListenerUser { gateway_instance_id, namespace }).collect();
    users.dedup();
    Ok(Listener {
        key: listener_key(row, 0)?,
        slot: row.try_get(3)?,
        users,
        domain_name_definition_id: row.try_get(6)?,
    })
}
