//! The inputs of a record of any kind whose objects follow from records alone, and what the cluster was found to be when they were applied.

use crate::{Store, error::Result, queue::Key};
use causeway_records::{
    Kind,
    inputs::{AnyInputs, DomainNameInputs, GatewayStates, KnownScopes},
    inventory::Inventory,
};
use sqlx::types::Json;

impl Store {
    /// What a worker would read now of a record, which may be gone already. None: objects of this kind don't follow from records alone. Keys of AWS accounts
    /// are left as ciphertext, where the cluster gets them; where it doesn't, they are left out.
    pub async fn inputs_of(&self, key: Key) -> Result<Option<AnyInputs>> {
        Ok(Some(match key.kind {
            Kind::WorkloadInstance => {
                let inputs = self.workload_inputs(key.id).await?;
                AnyInputs::Workload(Box::new(inputs), self.known_scopes(key).await?)
            }
            Kind::SharedGateway => {
                let mut inputs = self.shared_gateway_inputs(key.id).await?;
                let cluster = inputs.gateway.record.spec.kubernetes_runtime_instance_id;
                inputs.accounts.iter_mut().for_each(|account| account.spec.keep_for(cluster));
                AnyInputs::SharedGateway(Box::new(inputs))
            }
            Kind::ListenerSet => AnyInputs::ListenerSet(Box::new(self.listener_set_inputs(key.id).await?)),
            Kind::GatewayInstance => {
                let (mut inputs, _) = self.gateway_inputs(key.id).await?;
                let cluster = inputs.instance.record.spec.kubernetes_runtime_instance_id;
                inputs.account.iter_mut().for_each(|account| account.spec.keep_for(cluster));
                AnyInputs::Gateway(Box::new(inputs))
            }
            Kind::DomainNameInstance => {
                let inputs = self.domain_name_inputs(key.id).await?;
                let states = self.gateway_states(&inputs).await?;
                AnyInputs::DomainName(Box::new(inputs), states)
            }
            _ => return Ok(None),
        }))
    }

    /// How long the texts are that the inputs of these records have: manifests of workloads, and rules of routes, in bytes. A text that several read counts as often.
    pub async fn bytes_of_inputs(&self, keys: &[Key]) -> Result<usize> {
        let (kinds, ids): (Vec<_>, Vec<_>) = keys.iter().map(|key| (key.kind.as_str(), key.id)).unzip();
        let bytes = sqlx::query_scalar!(
            r#"SELECT coalesce(sum(coalesce((SELECT octet_length(d.yaml_document) + coalesce((SELECT sum(octet_length(m.json_definition))
                    FROM workload_resource_definitions m WHERE m.workload_definition_id = d.id AND m.deleted_at IS NULL), 0)
                FROM workload_instances w JOIN workload_definitions d ON d.id = w.workload_definition_id
                WHERE w.id = CASE k.kind WHEN 'WorkloadInstance' THEN k.id ELSE g.workload_instance_id END), 0)
            + coalesce((SELECT sum(octet_length(r.rules::text)) FROM gateway_http_routes r
                WHERE r.gateway_definition_id = g.gateway_definition_id AND r.deleted_at IS NULL), 0)
            + coalesce((SELECT sum(octet_length(r.rules::text)) FROM gateway_grpc_routes r
                WHERE r.gateway_definition_id = g.gateway_definition_id AND r.deleted_at IS NULL), 0)), 0)::bigint AS "bytes!"
            FROM unnest($1::text[], $2::bigint[]) k(kind, id) LEFT JOIN gateway_instances g ON k.kind = 'GatewayInstance' AND g.id = k.id"#,
            kinds as _,
            &ids
        );
        Ok(usize::try_from(bytes.fetch_one(&self.pool).await?).unwrap_or_default())
    }

    /// The live ListenerSets of a shared gateway, by ordinal.
    pub async fn listener_sets_to_render(&self, gateway: i64) -> Result<Vec<Key>> {
        let ids = sqlx::query_scalar!(
            "SELECT id FROM listener_sets WHERE shared_gateway_id = $1 AND deleted_at IS NULL ORDER BY ordinal",
            gateway
        );
        Ok(ids.fetch_all(&self.pool).await?.into_iter().map(|id| Key { kind: Kind::ListenerSet, id }).collect())
    }

    /// The scopes of the kinds of which the record has objects.
    async fn known_scopes(&self, key: Key) -> Result<KnownScopes> {
        let inventory = sqlx::query_scalar!(
            r#"SELECT inventory AS "inventory: Json<Inventory>" FROM reconciliations WHERE kind = $1 AND id = $2"#,
            key.kind.as_str(),
            key.id
        );
        let Some(Json(inventory)) = inventory.fetch_optional(&self.pool).await? else {
            return Ok(KnownScopes::new());
        };
        let made = inventory.iter().filter(|entry| entry.uid.is_some()).map(|entry| &entry.object);
        Ok(made.map(|at| ((at.group.clone(), at.kind.clone()), at.namespace.is_some())).collect())
    }

    /// What the Gateways of a domain name instance have published: shared ones for themselves, others by their gateway instances.
    async fn gateway_states(&self, inputs: &DomainNameInputs) -> Result<GatewayStates> {
        let carriers = inputs.gateways.iter().map(|gateway| match &gateway.shared_gateway {
            Some(shared) => (gateway.instance.record.id(), Kind::SharedGateway, shared.record.id()),
            None => (gateway.instance.record.id(), Kind::GatewayInstance, gateway.instance.record.id()),
        });
        let (mut instances, mut kinds, mut ids) = (vec![], vec![], vec![]);
        for (instance, kind, id) in carriers {
            instances.push(instance);
            kinds.push(kind.as_str());
            ids.push(id);
        }
        let rows = sqlx::query!(
            r#"SELECT c.instance AS "instance!", r.published_state AS "state!" FROM unnest($1::bigint[], $2::text[], $3::bigint[]) c(instance, kind, id)
            JOIN reconciliations r USING (kind, id) WHERE r.published_state IS NOT NULL"#,
            &instances,
            kinds as _,
            &ids
        );
        Ok(rows.fetch_all(&self.pool).await?.into_iter().map(|row| (row.instance, row.state)).collect())
    }
}
