//! Shared gateways with listeners of their own, the gateway instances that name them, and the grants that let these attach.

use super::{
    accounts,
    claims::{Claims, Instance},
    services,
};
use crate::{error::Result, gateway_facts, record, row, selects};
use causeway_records::{
    Kind, Record,
    inputs::ClassInCluster,
    noun::Noun,
    nouns::{DomainNameDefinition, GatewayGrant, GatewayListener, Service, SharedGateway, WorkloadInstance},
    problem::{Reason, Refusal},
    text::ObjectName,
};
use causeway_rules::{
    attachment::{self, AttachingWorkload, Attachment},
    capabilities::Capabilities,
    driver::Driver,
    features::{self, Need},
    listener_certificates::{self, NotSigned},
    parents,
};
use sqlx::PgConnection;
use std::collections::BTreeSet;

/// What follows from the write of a shared gateway. Who may no longer attach keeps its claims: its next reconcile takes its routes away, and those of the
/// gateway close the listeners to it.
pub(super) async fn shared_gateway(connection: &mut PgConnection, id: i64, new: bool) -> Result<()> {
    let gateway: Record<SharedGateway> = record::find(connection, id).await?;
    let known = check_features(connection, &gateway.spec, &features::of_shared_gateway(&gateway.spec)).await?;
    let Some(listeners) = &gateway.spec.listeners else { return Ok(()) };
    let class = gateway.spec.gateway_class_name.as_ref().map(ObjectName::as_str);
    attachment::check_sockets(Driver::for_class(class), listeners)?;
    if new {
        let runtimes = BTreeSet::from([gateway.spec.kubernetes_runtime_instance_id]);
        services::ensure(connection, &runtimes, Driver::of_class(class, &known).services(), None).await?;
    }
    match gateway.spec.domain_name_definition_id {
        Some(domain) => order_certificates(connection, &gateway.spec, domain, Written::Gateway).await,
        None => Ok(()),
    }
}

/// Refuses what the Gateways of the gateway's class can't carry in its cluster, and answers what is known of them.
async fn check_features(
    connection: &mut PgConnection,
    gateway: &SharedGateway,
    needs: &[Need],
) -> Result<ClassInCluster> {
    let class = gateway.gateway_class_name.as_ref().map(ObjectName::as_str);
    let runtimes = BTreeSet::from([gateway.kubernetes_runtime_instance_id]);
    let seen = gateway_facts::of_class(connection, &runtimes, class).await?;
    let Some(seen) = seen.into_values().next() else { return Ok(ClassInCluster::default()) };
    Capabilities::new(class, &seen.known).check(needs, &seen.cluster)?;
    Ok(seen.known)
}

/// What follows from a change of a domain for the shared gateways for whose listeners its issuer signs.
pub(super) async fn domain_name_definition(connection: &mut PgConnection, domain: i64) -> Result<()> {
    let gateways = sqlx::query_scalar!(
        "SELECT id FROM shared_gateways WHERE domain_name_definition_id = $1 AND deleted_at IS NULL ORDER BY id",
        domain
    );
    for id in gateways.fetch_all(&mut *connection).await? {
        let gateway: Record<SharedGateway> = record::find(connection, id).await?;
        order_certificates(connection, &gateway.spec, domain, Written::Domain).await?;
    }
    Ok(())
}

/// The record whose write is to be refused where an issuer can't sign for a listener.
#[derive(Clone, Copy)]
enum Written {
    Gateway,
    Domain,
}

/// Sees that the issuer of a domain can sign for the listeners that name no Secret, and that the cluster has what it takes. The domain is shared until the
/// transaction ends.
async fn order_certificates(
    connection: &mut PgConnection,
    gateway: &SharedGateway,
    domain: i64,
    written: Written,
) -> Result<()> {
    let Some(listeners) = gateway.listeners.as_ref().filter(|all| all.0.iter().any(GatewayListener::needs_certificate))
    else {
        return Ok(());
    };
    let query = sqlx::query(selects::for_noun(&DomainNameDefinition::INFO).share).bind(domain);
    let domain: Record<DomainNameDefinition> = row::record(&query.fetch_one(&mut *connection).await?)?;
    if let Some(NotSigned { place, field, problem }) = listener_certificates::not_signed(listeners, &domain.spec) {
        let refusal = match written {
            Written::Gateway => Refusal::field(Reason::InvalidField, format!("Listeners[{place}].Hostname"), problem),
            Written::Domain => {
                let problem = format!("listener {place} of shared gateway {}: {problem}", gateway.name);
                Refusal::field(Reason::InvalidField, field, problem)
            }
        };
        return Err(refusal.into());
    }
    let runtimes = BTreeSet::from([gateway.kubernetes_runtime_instance_id]);
    accounts::check(connection, listener_certificates::account(&domain.spec), &runtimes).await?;
    services::ensure(connection, &runtimes, &[Service::CertManager], None).await
}

/// Refuses a gateway instance whose workload may not attach to the shared gateway that it names, or that is in another cluster. One that is attached
/// already may be changed all the same: what it lost is told by its conditions.
pub(super) async fn check_workload(connection: &mut PgConnection, instance: &Instance) -> Result<()> {
    let Some(id) = instance.shared_gateway else { return Ok(()) };
    let gateway: Record<SharedGateway> = record::find(connection, id).await?;
    parents::same_cluster_as_gateway(&gateway.spec, instance.runtime)?;
    let workload: Record<WorkloadInstance> = record::find(connection, instance.workload).await?;
    let attaching = AttachingWorkload {
        id: instance.workload,
        namespace: &instance.namespace,
        labels: workload.spec.namespace_labels.as_ref(),
        is_granted: is_granted(connection, id, instance.workload).await?,
    };
    // Without listeners nothing is let: that is refused with another sentence.
    let is_let = gateway.spec.listeners.is_none() || attachment::may_attach(&gateway.spec, &attaching);
    let is_going = gateway.status.deletion_scheduled.is_some();
    if is_let && !is_going {
        return Ok(());
    }
    let is_attached = sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM route_claims WHERE gateway_instance_id = $1 AND gateway_id = $2) AS "is_attached!""#,
        instance.id,
        id
    );
    if is_attached.fetch_one(connection).await? {
        return Ok(());
    }
    if is_going {
        return Err(parents::being_deleted(Kind::SharedGateway, id).into());
    }
    let problem = attachment::not_allowed(&gateway.spec, &instance.workload_name);
    Err(Refusal::field(Reason::NotAttachable, "SharedGatewayID", problem).into())
}

/// Whether a gateway grant lets a workload attach. It is kept until the transaction ends: whoever takes it away waits, and then finds the gateway instance
/// that was attached by it.
async fn is_granted(connection: &mut PgConnection, gateway: i64, workload: i64) -> Result<bool> {
    let grants = sqlx::query_scalar!(
        "SELECT id FROM gateway_grants WHERE shared_gateway_id = $1 AND granted_workload_instance_id = $2 AND deleted_at IS NULL FOR SHARE",
        gateway,
        workload
    );
    Ok(!grants.fetch_all(connection).await?.is_empty())
}

/// Refuses a new grant to attach to a shared gateway that needs none, or that is in another cluster.
pub(super) async fn gateway_grant(connection: &mut PgConnection, id: i64) -> Result<()> {
    let grant: Record<GatewayGrant> = record::find(connection, id).await?;
    let Some(gateway) = grant.spec.shared_gateway_id else { return Ok(()) };
    let gateway: Record<SharedGateway> = record::find(connection, gateway).await?;
    let workload: Record<WorkloadInstance> = record::find(connection, grant.spec.granted_workload_instance_id).await?;
    Ok(attachment::check_grant(&gateway.spec, &workload.spec)?)
}

/// Refuses claims for which one of these shared gateways, which are locked, has no listener, and what its class can't carry.
pub(super) async fn check_listeners(
    connection: &mut PgConnection,
    named: &BTreeSet<i64>,
    claims: &Claims,
) -> Result<()> {
    let asked = Attachment {
        placement: claims.placement,
        class: claims.class.as_ref().map(ObjectName::as_str),
        claims: &claims.routes,
    };
    for id in named {
        let gateway: Record<SharedGateway> = record::find(connection, *id).await?;
        attachment::check(&gateway.spec, &asked)?;
        check_features(connection, &gateway.spec, &claims.needs).await?;
    }
    Ok(())
}
