//! The inputs of the reconcile of a shared gateway, and what its ListenerSets read as it does.

use crate::{
    Store,
    error::{Result, StoreError},
    row, selects,
};
use causeway_records::{
    Record,
    inputs::{ClassInCluster, Listener, Named, SharedGatewayInputs},
    noun::Noun,
    nouns::{DomainNameDefinition, GatewayListener, GatewayListeners, SharedGateway},
    text::ObjectName,
};
use sqlx::AssertSqlSafe;

impl Store {
    /// For the reconcile of a shared gateway.
    pub async fn shared_gateway_inputs(&self, id: i64) -> Result<SharedGatewayInputs> {
        let gateway = self.gateway_of_listeners(id).await?;
        let (listeners, domains) = match &gateway.record.spec.listeners {
            Some(given) => {
                let attached = self.attached_listeners(&gateway.record).await?;
                (attached, self.domain_of_given(&gateway.record.spec, given).await?)
            }
            None => {
                let listeners = self.listeners_of_gateway(id).await?;
                let domains = self.domains_of(&listeners).await?;
                (listeners, domains)
            }
        };
        let accounts = domains.iter().filter_map(|domain| domain.spec.aws_account_id);
        let cluster = gateway.record.spec.kubernetes_runtime_instance_id;
        Ok(SharedGatewayInputs {
            class_in_cluster: self.class_of(&gateway.record.spec).await?,
            control_plane: self.control_plane().await?,
            cluster_resource_namespace: self.cluster_resource_namespace(cluster).await?,
            accounts: self.each_shared(accounts.collect()).await?,
            listener_sets: self.listener_sets_of(id).await?,
            gateway,
            listeners,
            domains,
        })
    }

    /// The domain that signs for listeners of the gateway's record.
    async fn domain_of_given(
        &self,
        gateway: &SharedGateway,
        given: &GatewayListeners,
    ) -> Result<Vec<Record<DomainNameDefinition>>> {
        let is_needed = given.0.iter().any(GatewayListener::needs_certificate);
        let domain = gateway.domain_name_definition_id.filter(|_| is_needed);
        let mut domains: Vec<Record<DomainNameDefinition>> = self.each_shared(domain.into_iter().collect()).await?;
        domains.iter_mut().for_each(|domain| domain.spec.wildcard_certificate = Some(false));
        Ok(domains)
    }

    /// Where the cluster's cert-manager looks for the Secrets of ClusterIssuers, as its record has published it.
    pub(super) async fn cluster_resource_namespace(&self, cluster: i64) -> Result<Option<String>> {
        let text = format!(
            "SELECT r.published_state ->> 'cluster_resource_namespace' FROM support_service_instances s
            JOIN reconciliations r ON r.kind = 'SupportServiceInstance' AND r.id = s.id
            WHERE s.kubernetes_runtime_instance_id = $1 AND s.service = 'cert-manager' AND s.deleted_at IS NULL ORDER BY s.id {}",
            self.locking("FOR SHARE OF r")
        );
        let found: Vec<Option<String>> =
            sqlx::query_scalar(AssertSqlSafe(text)).bind(cluster).fetch_all(&self.pool).await?;
        Ok(found.into_iter().flatten().next())
    }

    /// What the gateway's cluster says of the gateway's class, and not what it said before somebody who is just publishing it.
    pub(super) async fn class_of(&self, gateway: &SharedGateway) -> Result<ClassInCluster> {
        self.await_services(gateway.kubernetes_runtime_instance_id).await?;
        let class = gateway.gateway_class_name.as_ref().map(ObjectName::as_str);
        self.class_in_cluster(gateway.kubernetes_runtime_instance_id, class).await
    }

    /// Read without a lock, see [`crate::listeners`].
    pub(super) async fn gateway_of_listeners(&self, id: i64) -> Result<Named<SharedGateway>> {
        let row = sqlx::query(selects::for_noun(&SharedGateway::INFO).find).bind(id).fetch_optional(&self.pool).await?;
        row::named(&row.ok_or(StoreError::NotFound)?)
    }

    pub(super) async fn domains_of(&self, listeners: &[Listener]) -> Result<Vec<Record<DomainNameDefinition>>> {
        // Of the others nothing is rendered from a domain.
        let with_certificates = listeners.iter().filter(|listener| listener.needs_certificate());
        let domains = with_certificates.filter_map(|listener| listener.domain_name_definition_id);
        self.each_shared(domains.collect()).await
    }
}
