//! Every record has its objects, every object its record, and each inventory names exactly the objects that exist.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, ensure};
use kube::ResourceExt;
use serde_json::json;

use super::{
    rows::{Rows, UNSEEN},
    snapshot::Snapshot,
};
use crate::{
    claims::Carrier,
    draft::{How, Layer4},
    lane::Lane,
    world::{Handle, Record},
};

/// The kind of record whose objects come from bundles, which the model doesn't know.
const SERVICE: &str = "support-service-instance";

/// How many objects of a kind a record has: the record's kind as in an owner label, its id, and the object's kind.
type Counts = BTreeMap<(String, i64, String), usize>;

/// Uids of existing objects by their record.
pub(super) type Uids = BTreeMap<(String, i64), BTreeSet<String>>;

/// One cluster holds exactly what was requested. Adds its uids to `uids`.
pub(super) fn check(lane: &Lane, cluster: u8, snapshot: &Snapshot, rows: &Rows, uids: &mut Uids) -> Result<()> {
    owners_live(snapshot, rows)?;
    let mut standing = Counts::new();
    for object in snapshot.0.iter().filter(|object| object.is_applied_by(&lane.identity)) {
        let Some((kind, id)) = object.owner().filter(|(kind, _)| *kind != SERVICE) else { continue };
        uids.entry((kind.to_owned(), id)).or_default().insert(object.inner.uid().unwrap_or_default());
        *standing.entry((kind.to_owned(), id, object.resource.kind.clone())).or_default() += 1;
    }
    let asked = asked(lane, cluster, &super::zone::holders(lane, snapshot)?, rows)?;
    ensure!(standing == asked, "there stand {standing:#?}, and {asked:#?} were asked for");
    contents(lane, cluster, snapshot)
}

/// Each inventory names exactly the objects that exist, in whichever cluster, and perhaps one that waits for its definition.
pub(super) fn check_inventories(lane: &Lane, rows: &Rows, uids: &Uids) -> Result<()> {
    let none = BTreeSet::new();
    let waiting = lane.waiting()?;
    for ((kind, id), known) in rows.inventories.iter().filter(|(owner, _)| owner.0 != SERVICE) {
        let stand = uids.get(&(kind.clone(), *id)).unwrap_or(&none);
        let mut known = known.clone();
        if kind == "workload-instance" && waiting.contains_key(id) {
            known.remove(UNSEEN);
        }
        ensure!(known == *stand, "{kind} {id} remembers {known:?}, and {stand:?} stand");
    }
    Ok(())
}

/// Of all other kinds only support services have any.
pub(super) fn check_rest(lane: &Lane, rest: &Snapshot, rows: &Rows) -> Result<()> {
    owners_live(rest, rows)?;
    let stray =
        rest.0.iter().find(|object| object.is_applied_by(&lane.identity) && object.owner_kind() != Some(SERVICE));
    ensure!(stray.is_none(), "nobody asked for {}", stray.map(super::snapshot::Object::title).unwrap_or_default());
    Ok(())
}

/// Every object belongs to a record, also what controllers have made of ours: it goes when ours goes.
fn owners_live(snapshot: &Snapshot, rows: &Rows) -> Result<()> {
    for object in &snapshot.0 {
        let (kind, id) = object.owner().with_context(|| format!("{} has no owner", object.title()))?;
        let live = rows.live.contains(&(kind.to_owned(), id));
        ensure!(live, "{} belongs to {kind} {id}, which is not on record", object.title());
    }
    Ok(())
}

/// How many objects there must be.
fn asked(lane: &Lane, cluster: u8, holders: &BTreeMap<String, Handle>, rows: &Rows) -> Result<Counts> {
    let mut counts = Counts::new();
    let world = &lane.world;
    let mut add = |owner: &str, id: i64, kind: &str, many: usize| {
        if many > 0 {
            counts.insert((owner.to_owned(), id, kind.to_owned()), many);
        }
    };
    let here = |workload: &Handle| matches!(world.records.get(workload), Some(Record::Workload { cluster: stands, .. }) if *stands == cluster);
    let claims = world.claims().map_err(anyhow::Error::msg)?;
    for (handle, record) in &world.records {
        match record {
            Record::Workload { definition, .. } if here(handle) => {
                let Some(Record::WorkloadDefinition { maps, .. }) = world.records.get(definition) else { continue };
                for (kind, many) in [("Namespace", 1), ("Service", 1), ("ConfigMap", maps.len())] {
                    add("workload-instance", lane.id(*handle)?, kind, many);
                }
                if let Some((odd, true)) = world.odd_of(*handle) {
                    add("workload-instance", lane.id(*handle)?, odd.kind(), 1);
                }
            }
            Record::Gateway { definition, workload } if here(workload) => {
                let Some(Record::GatewayDefinition { dedicated, http, layer4, .. }) = world.records.get(definition)
                else {
                    continue;
                };
                let ports: BTreeSet<_> = http.iter().map(|port| (port.port, port.how == How::Tls)).collect();
                let id = lane.id(*handle)?;
                add("gateway-instance", id, "HTTPRoute", ports.len());
                for of in Layer4::ALL {
                    let many = layer4.iter().filter(|(protocol, _)| protocol == of).count();
                    add("gateway-instance", id, &format!("{}Route", of.protocol()), many);
                }
                if *dedicated {
                    let hosts = certified(&claims, Carrier::Own(*handle));
                    add("gateway-instance", id, "GatewayClass", 1);
                    add("gateway-instance", id, "Gateway", 1);
                    add("gateway-instance", id, "ClusterIssuer", hosts.len().min(1));
                    add("gateway-instance", id, "Certificate", hosts.len());
                }
            }
            Record::Name { workload, .. } if here(workload) => {
                let publishers: BTreeSet<Handle> = super::zone::published(world, *handle)
                    .into_iter()
                    .filter(|(host, _)| holders.get(host) == Some(handle))
                    .filter_map(|(_, by)| by.into_iter().min())
                    .collect();
                add("domain-name-instance", lane.id(*handle)?, "DNSEndpoint", publishers.len());
            }
            _ => {}
        }
    }
    let shared: Vec<_> = claims.iter().filter(|claim| claim.carrier == Carrier::Shared(cluster)).collect();
    if !shared.is_empty() {
        let id = rows.carrier(lane, Carrier::Shared(cluster))?;
        for kind in ["Namespace", "GatewayClass", "Gateway"] {
            add("shared-gateway", id, kind, 1);
        }
        // The few listeners with hostnames are all in one ListenerSet.
        let sets = rows.listener_sets.get(&id).cloned().unwrap_or_default();
        let asked_for = usize::from(shared.iter().any(|claim| claim.host.is_some()));
        ensure!(sets.len() == asked_for, "listeners are in ListenerSets {sets:?}, and {asked_for} were asked for");
        for set in sets {
            add("listener-set", set, "ListenerSet", 1);
            add("listener-set", set, "Certificate", certified(&claims, Carrier::Shared(cluster)).len());
        }
        let domains: BTreeSet<Handle> = shared
            .iter()
            .filter(|claim| claim.protocol == "HTTPS")
            .filter_map(|claim| match world.records.get(&claim.by) {
                Some(Record::Gateway { definition, .. }) => world.records.get(definition),
                _ => None,
            })
            .filter_map(|definition| match definition {
                Record::GatewayDefinition { domain, .. } => *domain,
                _ => None,
            })
            .collect();
        add("shared-gateway", id, "ClusterIssuer", domains.len());
    }
    Ok(counts)
}

/// The hostnames that need a certificate on a Gateway.
fn certified(claims: &[crate::claims::Claim], carrier: Carrier) -> BTreeSet<&Option<String>> {
    let https = claims.iter().filter(|claim| claim.carrier == carrier && claim.protocol == "HTTPS");
    https.map(|claim| &claim.host).collect()
}

/// Workloads hold what was last asked for, in their own namespace.
fn contents(lane: &Lane, cluster: u8, snapshot: &Snapshot) -> Result<()> {
    for (handle, record) in &lane.world.records {
        let Record::Workload { definition, cluster: stands } = record else { continue };
        let Some(Record::WorkloadDefinition { maps, .. }) = lane.world.records.get(definition) else { continue };
        if *stands != cluster {
            continue;
        }
        let owner = Some(("workload-instance", lane.id(*handle)?));
        let own = |kind| snapshot.applied(kind, &lane.identity).filter(|object| object.owner() == owner);
        let namespace = own("Namespace").next().map(|object| object.inner.name_any());
        for (name, value) in maps {
            let found = own("ConfigMap").find(|object| object.inner.name_any() == *name);
            let found = found.with_context(|| format!("workload {handle} has no ConfigMap {name}"))?;
            let data = found.at("/data/key");
            ensure!(*data == json!(value.to_string()), "{} holds {data} instead of {value}", found.title());
            ensure!(found.inner.namespace() == namespace, "{} stands outside of {namespace:?}", found.title());
        }
    }
    Ok(())
}
