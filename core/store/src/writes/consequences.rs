//! What follows from the write of a record beyond the record itself: one function for each noun that has rules.

use super::{accounts, claims, services, wake};
use crate::{depends, error::Result, record};
use causeway_records::{
    Kind, Record,
    nouns::{
        DomainNameDefinition, DomainNameInstance, GatewayInstance, Service, SupportServiceInstance, WorkloadInstance,
    },
};
use causeway_rules::{parents, services::for_gateway};
use sqlx::PgConnection;

/// Whether anything follows when a record of this kind is made (`new`), or when what it asks for changes.
pub(super) fn follow(kind: Kind, new: bool) -> bool {
    if new { depends::matters_when_new(kind) } else { depends::has_any(kind) }
}

/// Carries out what follows from a write whose record is locked, and wakes who depends on it.
pub(super) async fn carry_out(connection: &mut PgConnection, kind: Kind, id: i64) -> Result<()> {
    match kind {
        Kind::KubernetesRuntimeInstance => add_lease(connection, id).await?,
        Kind::GatewayInstance => gateway_instance(connection, id).await?,
        Kind::DomainNameInstance => domain_name_instance(connection, id).await?,
        Kind::DomainNameDefinition => domain_name_definition(connection, id).await?,
        Kind::SupportServiceInstance => support_service_instance(connection, id).await?,
        Kind::GatewayDefinition => {
            let has_instances = claims::replace_all(connection, id).await?;
            // Whatever depends on a definition does so through its instances.
            return if has_instances { wake::dependants(connection, kind, id, true).await } else { Ok(()) };
        }
        // A part of a gateway definition changes what the definition's instances claim.
        _ => {
            if let Some(definition) = claims::definition_of_part(connection, kind, id).await? {
                claims::check_ports(connection, definition).await?;
                claims::replace_all(connection, definition).await?;
            }
        }
    }
    wake::dependants(connection, kind, id, true).await
}

/// A cluster can be held by a worker.
async fn add_lease(connection: &mut PgConnection, runtime: i64) -> Result<()> {
    sqlx::query!("INSERT INTO leases (runtime_id) VALUES ($1) ON CONFLICT DO NOTHING", runtime)
        .execute(connection)
        .await?;
    Ok(())
}

async fn gateway_instance(connection: &mut PgConnection, id: i64) -> Result<()> {
    let instance: Record<GatewayInstance> = record::find(connection, id).await?;
    let runtime = instance.spec.kubernetes_runtime_instance_id;
    // 1. It is in its workload's cluster.
    let workload: Record<WorkloadInstance> = record::find(connection, instance.spec.workload_instance_id).await?;
    parents::same_cluster(&workload, runtime)?;
    // 2. Its routes are its own.
    let source = claims::Source::read(connection, instance.spec.gateway_definition_id).await?;
    claims::replace(connection, &source, id).await?;
    // 3. The cluster gets what it needs.
    let needed = for_gateway(source.driver(), &source.claims);
    services::ensure(connection, runtime, &needed, None).await?;
    // 4. The workload shows it.
    attach(connection, workload.id(), Kind::GatewayInstance, id).await
}

async fn domain_name_instance(connection: &mut PgConnection, id: i64) -> Result<()> {
    let instance: Record<DomainNameInstance> = record::find(connection, id).await?;
    let runtime = instance.spec.kubernetes_runtime_instance_id;
    let workload: Record<WorkloadInstance> = record::find(connection, instance.spec.workload_instance_id).await?;
    parents::same_cluster(&workload, runtime)?;
    let definition: Record<DomainNameDefinition> =
        record::find(connection, instance.spec.domain_name_definition_id).await?;
    accounts::check(connection, definition.spec.aws_account_id, runtime).await?;
    services::ensure(connection, runtime, &[Service::ExternalDns], definition.spec.aws_account_id).await?;
    attach(connection, workload.id(), Kind::DomainNameInstance, id).await
}

/// A service gets the keys of the account that it is for.
async fn support_service_instance(connection: &mut PgConnection, id: i64) -> Result<()> {
    let service: Record<SupportServiceInstance> = record::find(connection, id).await?;
    accounts::check(connection, service.spec.aws_account_id, service.spec.kubernetes_runtime_instance_id).await
}

/// Another domain gives other hostnames to its gateways, another account needs its own controller in each cluster.
async fn domain_name_definition(connection: &mut PgConnection, id: i64) -> Result<()> {
    let definitions = sqlx::query_scalar!(
        "SELECT id FROM gateway_definitions WHERE domain_name_definition_id = $1 AND deleted_at IS NULL ORDER BY id",
        id
    )
    .fetch_all(&mut *connection)
    .await?;
    for definition in definitions {
        claims::replace_all(connection, definition).await?;
    }
    let domain: Record<DomainNameDefinition> = record::find(connection, id).await?;
    let runtimes = sqlx::query_scalar!(
        "SELECT DISTINCT kubernetes_runtime_instance_id FROM domain_name_instances WHERE domain_name_definition_id = $1 AND deleted_at IS NULL ORDER BY 1",
        id
    )
    .fetch_all(&mut *connection)
    .await?;
    for runtime in runtimes {
        accounts::check(connection, domain.spec.aws_account_id, runtime).await?;
        services::ensure(connection, runtime, &[Service::ExternalDns], domain.spec.aws_account_id).await?;
    }
    Ok(())
}

/// Lists a record among the objects of its workload, as Threeport does.
async fn attach(connection: &mut PgConnection, workload: i64, kind: Kind, id: i64) -> Result<()> {
    let kind = format!("v0.{kind}");
    let attached = sqlx::query_scalar!("SELECT attach('v0.WorkloadInstance', $1, $2, $3)", workload, kind, id);
    attached.fetch_one(connection).await?;
    Ok(())
}
