//! The inputs of the reconcile of a domain name instance.

use crate::{Store, error::Result, json_row::JsonRow, row, selects};
use causeway_records::{
    Record,
    inputs::{DomainGateway, DomainNameInputs, Elsewhere, ExternalDnsState, Named, Published},
    noun::Noun,
    nouns::{
        DnsDriver, DomainNameDefinition, DomainNameInstance, GatewayDefinition, GatewayInstance,
        KubernetesRuntimeInstance, Management, Placement, SharedGateway, WorkloadInstance,
    },
};
use causeway_rules::hostnames::{Asking, asked_for, hostnames_of, may_share_zone};
use serde::Deserialize;
use sqlx::{AssertSqlSafe, Row, types::Json};
use std::collections::{BTreeMap, BTreeSet};

impl Store {
    /// For the reconcile of a domain name instance.
    pub async fn domain_name_inputs(&self, id: i64) -> Result<DomainNameInputs> {
        let instance = self.named::<DomainNameInstance>(id).await?;
        let definition = self.shared::<DomainNameDefinition>(instance.record.spec.domain_name_definition_id).await?;
        let workload = self.named::<WorkloadInstance>(instance.record.spec.workload_instance_id).await?;
        let gateways = self.domain_gateways(workload.record.id(), &definition).await?;
        let published = sqlx::query_scalar!(
            r#"SELECT coalesce(published_state, '{"hosts":{}}') AS "published!: Json<Published>"
                FROM reconciliations WHERE kind = 'DomainNameInstance' AND id = $1"#,
            id
        );
        let published = published.fetch_one(&self.pool).await?;
        let accounts = definition.spec.aws_account_id.into_iter().chain(published.0.accounts());
        let runtime =
            self.shared::<KubernetesRuntimeInstance>(instance.record.spec.kubernetes_runtime_instance_id).await?;
        let (wanted_elsewhere, held_elsewhere) = self.hostnames_elsewhere(&instance.record, &definition.spec).await?;
        Ok(DomainNameInputs {
            wanted_elsewhere,
            held_elsewhere,
            control_plane: self.control_plane().await?,
            drained: runtime.spec.drain == Some(true),
            accounts: self.each_shared(accounts.collect()).await?,
            external_dns: match definition.spec.dns_driver() {
                DnsDriver::ExternalDns => {
                    self.external_dns_of(&instance.record, definition.spec.aws_account_id).await?
                }
                DnsDriver::Route53 => None,
            },
            instance,
            definition,
            workload,
            gateways,
            published: published.0,
        })
    }

    /// The gateways of a workload with hostnames under a domain, by id.
    async fn domain_gateways(
        &self,
        workload: i64,
        domain: &Record<DomainNameDefinition>,
    ) -> Result<Vec<DomainGateway>> {
        let instances = self.gateways_of(workload).await?;
        let definitions = instances.iter().map(|instance| instance.record.spec.gateway_definition_id).collect();
        let definitions = self.each_shared::<GatewayDefinition>(definitions).await?;
        // Those of another domain are read with the others: one that is just being changed is waited for.
        let definitions = definitions.into_iter().filter(|of| of.spec.domain_name_definition_id == Some(domain.id()));
        let definitions: BTreeMap<_, _> = definitions.map(|definition| (definition.id(), definition)).collect();
        let mut shared =
            self.shared_gateways_of(instances.iter().map(|instance| instance.record.id()).collect()).await?;
        let mut gateways = vec![];
        for instance in instances {
            let Some(of) = definitions.get(&instance.record.spec.gateway_definition_id) else { continue };
            gateways.push(DomainGateway {
                hostnames: hostnames_of(&of.spec, Some(&domain.spec.domain))?,
                shared_gateway: shared
                    .remove(&instance.record.id())
                    .filter(|_| of.spec.placement() == Placement::Shared),
                instance,
            });
        }
        Ok(gateways)
    }

    /// The live gateway instances of a workload, by id.
    async fn gateways_of(&self, workload: i64) -> Result<Vec<Named<GatewayInstance>>> {
        let selects = selects::for_noun(&GatewayInstance::INFO);
        let text = format!(
            "SELECT {}, r.object_name {} AND t.workload_instance_id = $1 ORDER BY t.id {}",
            selects.columns,
            selects.from,
            self.locking("FOR SHARE OF t")
        );
        let rows = sqlx::query(AssertSqlSafe(text)).bind(workload).fetch_all(&self.pool).await?;
        rows.iter().map(row::named).collect()
    }

    /// What publishes the records of a domain name instance, unless somebody else has installed it.
    async fn external_dns_of(
        &self,
        instance: &Record<DomainNameInstance>,
        account: Option<i64>,
    ) -> Result<Option<ExternalDnsState>> {
        let runtime = instance.spec.kubernetes_runtime_instance_id;
        self.await_services(runtime).await?;
        let found = sqlx::query!(
            r#"SELECT s.id, r.object_name, r.published_state AS "state: Json<ExternalDnsRead>" FROM support_service_instances s
            JOIN reconciliations r ON r.kind = 'SupportServiceInstance' AND r.id = s.id
            WHERE s.kubernetes_runtime_instance_id = $1 AND s.service = 'external-dns' AND s.aws_account_id IS NOT DISTINCT FROM $2
                AND s.deleted_at IS NULL"#,
            runtime,
            account
        );
        let Some(row) = found.fetch_optional(&self.pool).await? else { return Ok(None) };
        let Json(ExternalDnsRead { management, zones }) = row.state.unwrap_or_default();
        if management == Some(Management::Adopted) {
            return Ok(None);
        }
        Ok(Some(ExternalDnsState { id: row.id, object_name: row.object_name, zones }))
    }

    /// Hostnames that the cluster's other domain name instances ask for, of a domain that may be in the same zone; and those that they publish,
    /// with the zones.
    async fn hostnames_elsewhere(
        &self,
        instance: &Record<DomainNameInstance>,
        own: &DomainNameDefinition,
    ) -> Result<(BTreeMap<String, Elsewhere>, BTreeMap<String, BTreeSet<String>>)> {
        let rows = sqlx::query!(
            r#"SELECT n.id, n.name, nr.published_state AS "published: Json<Published>", to_jsonb(d) AS "definition!: Json<JsonRow>",
                to_jsonb(dd) AS "domain!: Json<JsonRow>"
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
        let (mut asking, mut held) = (vec![], BTreeMap::<String, BTreeSet<String>>::new());
        for row in rows {
            let definition: Record<GatewayDefinition> = row.definition.0.record()?;
            let domain: Record<DomainNameDefinition> = row.domain.0.record()?;
            let published = row.published.map(|published| published.0).unwrap_or_default();
            for (hostname, zone) in published.held() {
                held.entry(hostname.to_owned()).or_default().insert(zone.id.clone());
            }
            if !may_share_zone(own, &domain.spec) {
                continue;
            }
            // One that can't have its hostnames is refused elsewhere; it asks for none.
            let hostnames = hostnames_of(&definition.spec, Some(&domain.spec.domain)).unwrap_or_default();
            asking.push(Asking { id: row.id, name: row.name, hostnames, published });
        }
        Ok((asked_for(asking), held))
    }

    /// The shared gateways that carry the routes of instances, by the instance's id.
    async fn shared_gateways_of(&self, instances: Vec<i64>) -> Result<BTreeMap<i64, Named<SharedGateway>>> {
        let text = format!(
            "SELECT {}, r.object_name, c.gateway_instance_id
             FROM (SELECT DISTINCT gateway_instance_id, gateway_id FROM route_claims WHERE gateway_instance_id = ANY($1)) c
                JOIN shared_gateways t ON t.id = c.gateway_id JOIN reconciliations r ON r.kind = 'SharedGateway' AND r.id = t.id
             ORDER BY t.id {}",
            selects::for_noun(&SharedGateway::INFO).columns,
            self.locking("FOR SHARE OF t")
        );
        let rows = sqlx::query(AssertSqlSafe(text)).bind(instances).fetch_all(&self.pool).await?;
        rows.iter().map(|row| Ok((row.try_get("gateway_instance_id")?, row::named(row)?))).collect()
    }
}

/// What the reconcile of a domain name instance reads of external-dns's published state.
#[derive(Debug, Default, Deserialize)]
struct ExternalDnsRead {
    management: Option<Management>,
    #[serde(default)]
    zones: Vec<String>,
}
