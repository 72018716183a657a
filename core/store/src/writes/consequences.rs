//! What follows from the write of a record beyond the record itself: one function for each noun that has rules.

use super::{
    accounts, attachment,
    claims::{self, Claims, Instance, Source},
    services,
    wake::{self, Woken},
};
use crate::{
    depends,
    error::Result,
    event_log::begin_epoch_in,
    gateway_facts::{self, ClassSeen},
    record,
};
use causeway_records::{
    Kind, Record,
    nouns::{DnsDriver, DomainNameDefinition, DomainNameInstance, Service, SupportServiceInstance, WorkloadInstance},
    text::ObjectName,
};
use causeway_rules::{driver::Driver, parents, routing, services::for_gateway};
use sqlx::PgConnection;
use std::collections::{BTreeMap, BTreeSet};

/// Whether anything follows when a record of this kind is made (`new`), or when what it asks for changes.
pub(super) fn follow(kind: Kind, new: bool) -> bool {
    if new { kind == Kind::Webhook || depends::matters_when_new(kind) } else { depends::has_any(kind) }
}

/// Carries out what follows from a write whose record is locked, and wakes who depends on it. `new`: the record is one that this write has made.
pub(super) async fn carry_out(connection: &mut PgConnection, kind: Kind, id: i64, new: bool) -> Result<()> {
    let mut woken = Woken::default();
    match kind {
        Kind::KubernetesRuntimeInstance => {
            add_lease(connection, id).await?;
            // A change is looked at where it is known what it changes.
            if new {
                accounts::check_eks(connection, kind, id).await?;
            }
        }
        Kind::Webhook => return add_sender(connection, id).await,
        Kind::GatewayInstance => woken = gateway_instance(connection, id, new).await?,
        Kind::DomainNameInstance => domain_name_instance(connection, id, new).await?,
        Kind::DomainNameDefinition => woken = domain_name_definition(connection, id).await?,
        Kind::SupportServiceInstance => support_service_instance(connection, id).await?,
        Kind::SharedGateway => attachment::shared_gateway(connection, id, new).await?,
        Kind::GatewayGrant if new => attachment::gateway_grant(connection, id).await?,
        Kind::GatewayDefinition => {
            let source = Source::read(connection, id).await?;
            // Whatever depends on a definition does so through its instances.
            let Some(by_claims) = replace_claims(connection, id, &source, Written::Definition).await? else {
                return Ok(());
            };
            woken = by_claims;
        }
        // A part of a gateway definition changes what the definition's instances claim.
        _ => {
            if let Some(definition) = claims::definition_of_part(connection, kind, id).await? {
                let source = Source::read(connection, definition).await?;
                source.check_ports()?;
                woken = replace_claims(connection, definition, &source, Written::Definition).await?.unwrap_or_default();
            }
        }
    }
    wake::each_and_dependants(connection, &woken, (kind, id)).await
}

/// A cluster can be held by a worker.
async fn add_lease(connection: &mut PgConnection, runtime: i64) -> Result<()> {
    sqlx::query!("INSERT INTO leases (runtime_id) VALUES ($1) ON CONFLICT DO NOTHING", runtime)
        .execute(connection)
        .await?;
    Ok(())
}

/// Events are sent to a webhook that come after it. One that goes is given none: its row is there, or was.
async fn add_sender(connection: &mut PgConnection, webhook: i64) -> Result<()> {
    // Otherwise the first one of a new database would be of a history that its first reader ends.
    begin_epoch_in(connection).await?;
    sqlx::query!(
        "INSERT INTO webhook_senders (webhook_id, epoch, position)
            SELECT w.id, s.epoch, greatest(s.deleted_to, (SELECT max(position) FROM event_log)) FROM webhooks w, event_sequencer s
            WHERE w.id = $1 AND w.deleted_at IS NULL ON CONFLICT DO NOTHING",
        webhook
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// What others wait for comes last: the shared gateway is locked from the claims on.
async fn gateway_instance(connection: &mut PgConnection, id: i64, new: bool) -> Result<Woken> {
    let instance = Instance::lock(connection, id).await?;
    let runtimes = BTreeSet::from([instance.runtime]);
    // 1. It is in its workload's cluster, and the workload shows it. The shared gateway that it names takes it.
    parents::same_cluster(&instance.workload_name, instance.workload_runtime, instance.runtime)?;
    attachment::check_workload(connection, &instance).await?;
    if new {
        attach(connection, instance.workload, Kind::GatewayInstance, id).await?;
    }
    let source = Source::read(connection, instance.definition).await?;
    source.check_named(std::slice::from_ref(&instance))?;
    let claims = source.claims()?;
    // That gateway has what it needs, and certificates of its own.
    let mut seen = BTreeMap::new();
    if instance.shared_gateway.is_none() {
        // 2. Its certificates can be signed, and the keys for them may get into the cluster.
        claims.check_proofs()?;
        accounts::check(connection, claims.account, &runtimes).await?;
        // 3. The cluster gets what it needs.
        seen = ensure_services(connection, &claims, &runtimes).await?;
    }
    // 4. Its routes are its own, and the cluster can carry them.
    claims::replace(connection, &claims, std::slice::from_ref(&instance), &seen, new).await
}

async fn domain_name_instance(connection: &mut PgConnection, id: i64, new: bool) -> Result<()> {
    let instance: Record<DomainNameInstance> = record::find(connection, id).await?;
    let runtime = instance.spec.kubernetes_runtime_instance_id;
    let workload: Record<WorkloadInstance> = record::find(connection, instance.spec.workload_instance_id).await?;
    parents::same_cluster(workload.spec.name.as_str(), workload.spec.kubernetes_runtime_instance_id, runtime)?;
    let domain: Record<DomainNameDefinition> =
        record::find(connection, instance.spec.domain_name_definition_id).await?;
    routing::check_weight(&domain.spec, &instance.spec)?;
    use_account(connection, &domain.spec, &BTreeSet::from([runtime])).await?;
    if new { attach(connection, workload.id(), Kind::DomainNameInstance, id).await } else { Ok(()) }
}

/// A service gets the keys of the account that it is for, and a gateway controller what it watches.
async fn support_service_instance(connection: &mut PgConnection, id: i64) -> Result<()> {
    let service: Record<SupportServiceInstance> = record::find(connection, id).await?;
    let runtimes = BTreeSet::from([service.spec.kubernetes_runtime_instance_id]);
    if service.spec.service.is_gateway_controller() {
        services::ensure(connection, &runtimes, &[Service::GatewayApi], None).await?;
    }
    accounts::check(connection, service.spec.aws_account_id, &runtimes).await
}

/// Another domain gives other hostnames to its gateways, another account needs its own controller in each cluster.
async fn domain_name_definition(connection: &mut PgConnection, id: i64) -> Result<Woken> {
    let definitions = sqlx::query_scalar!(
        "SELECT d.id FROM gateway_definitions d WHERE d.domain_name_definition_id = $1 AND d.deleted_at IS NULL
            AND EXISTS (SELECT FROM gateway_instances i WHERE i.gateway_definition_id = d.id AND i.deleted_at IS NULL) ORDER BY d.id",
        id
    )
    .fetch_all(&mut *connection)
    .await?;
    let mut woken = Woken::default();
    for definition in definitions {
        let source = Source::read(connection, definition).await?;
        woken.add(replace_claims(connection, definition, &source, Written::Domain).await?.unwrap_or_default());
    }
    let runtimes = sqlx::query_scalar!(
        "SELECT DISTINCT kubernetes_runtime_instance_id FROM domain_name_instances WHERE domain_name_definition_id = $1 AND deleted_at IS NULL",
        id
    )
    .fetch_all(&mut *connection)
    .await?;
    let domain: Record<DomainNameDefinition> = record::find(connection, id).await?;
    use_account(connection, &domain.spec, &runtimes.into_iter().collect()).await?;
    attachment::domain_name_definition(connection, id).await?;
    Ok(woken)
}

/// What is written, when claims follow from it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Written {
    /// A gateway definition, or a part of it.
    Definition,
    /// The domain of gateway definitions.
    Domain,
}

/// Replaces the claims of all instances of a definition, with what their clusters need for them, and answers who is to be woken by that. None: it has no
/// instances.
async fn replace_claims(
    connection: &mut PgConnection,
    definition: i64,
    source: &Source,
    written: Written,
) -> Result<Option<Woken>> {
    let instances = Instance::lock_all_of(connection, definition).await?;
    if instances.is_empty() {
        return Ok(None);
    }
    source.check_named(&instances)?;
    let mut claims = source.claims()?;
    if written == Written::Domain {
        // Whatever a cluster can't do any more is asked for by the definitions, and told by conditions.
        claims.needs.clear();
    }
    // Of those on a shared gateway with listeners the certificates are the gateway's.
    let certified = instances.iter().filter(|instance| instance.shared_gateway.is_none());
    let runtimes: BTreeSet<i64> = certified.map(|instance| instance.runtime).collect();
    if !runtimes.is_empty() {
        claims.check_proofs()?;
    }
    accounts::check(connection, claims.account, &runtimes).await?;
    let seen = ensure_services(connection, &claims, &runtimes).await?;
    Ok(Some(claims::replace(connection, &claims, &instances, &seen, false).await?))
}

/// Puts on record what clusters need for the claims, which may be on another class than before, and answers what each of them says of the class.
async fn ensure_services(
    connection: &mut PgConnection,
    claims: &Claims,
    runtimes: &BTreeSet<i64>,
) -> Result<BTreeMap<i64, ClassSeen>> {
    let class = claims.class.as_ref().map(ObjectName::as_str);
    let seen = gateway_facts::of_class(connection, runtimes, class).await?;
    let needed_in = |cluster: &ClassSeen| for_gateway(Driver::of_class(class, &cluster.known), &claims.routes);
    let needed = seen.iter().map(|(runtime, cluster)| (*runtime, needed_in(cluster))).collect();
    services::ensure_each(connection, &needed, None).await?;
    Ok(seen)
}

/// The records of a domain are written with the keys of its account, in these clusters.
async fn use_account(
    connection: &mut PgConnection,
    domain: &DomainNameDefinition,
    runtimes: &BTreeSet<i64>,
) -> Result<()> {
    let account = domain.aws_account_id;
    accounts::check(connection, account, runtimes).await?;
    match domain.dns_driver() {
        DnsDriver::ExternalDns => services::ensure(connection, runtimes, &[Service::ExternalDns], account).await,
        DnsDriver::Route53 => Ok(()),
    }
}

/// Lists a record among the objects of its workload, as Threeport does.
async fn attach(connection: &mut PgConnection, workload: i64, kind: Kind, id: i64) -> Result<()> {
    let kind = format!("v0.{kind}");
    let attached = sqlx::query_scalar!("SELECT attach('v0.WorkloadInstance', $1, $2, $3)", workload, kind, id);
    attached.fetch_one(connection).await?;
    Ok(())
}
