//! Every claim has exactly one listener and one rule of a route that leads to its workload, every hostname of HTTPS one certificate; nothing else
//! answers to anything.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, bail, ensure};
use kube::ResourceExt;
use serde_json::Value;

use super::{
    rows::Rows,
    snapshot::{Object, Snapshot},
};
use crate::{
    claims::{Carrier, Claim},
    draft::Layer4,
    lane::Lane,
    world::Record,
};

/// Kind, namespace, name.
type At = (String, String, String);

/// A listener: the Gateway it belongs to, by the id of that one's record, and what it listens to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Listener {
    gateway: i64,
    port: i64,
    protocol: String,
    host: Option<String>,
}

/// What a rule of a route does: on which listener, for which hostname and path, whether it redirects, and whose it is.
type Rule = (Listener, Option<String>, String, bool, i64);

/// The listeners by what holds them and their name there, and the Secret of each.
struct Listeners(BTreeMap<(At, String), (Listener, Option<At>)>);

pub(super) fn check(lane: &Lane, cluster: u8, snapshot: &Snapshot, rows: &Rows) -> Result<()> {
    let mut claims = lane.world.claims().map_err(anyhow::Error::msg)?;
    claims.retain(|claim| stands_in(lane, claim) == Some(cluster));
    let listeners = Listeners::of(lane, snapshot, rows)?;
    listeners.check(lane, &claims, rows)?;
    check_rules(lane, snapshot, &claims, &listeners, rows)?;
    check_certificates(lane, cluster, snapshot, &claims, &listeners, rows)
}

fn stands_in(lane: &Lane, claim: &Claim) -> Option<u8> {
    let Record::Gateway { workload, .. } = lane.world.records.get(&claim.by)? else { return None };
    let Record::Workload { cluster, .. } = lane.world.records.get(workload)? else { return None };
    Some(*cluster)
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn full(lane: &Lane, host: Option<&str>) -> Option<String> {
    host.map(|host| format!("{host}.{}", lane.domain))
}

fn place(object: &Object) -> At {
    (object.resource.kind.clone(), object.inner.namespace().unwrap_or_default(), object.inner.name_any())
}

impl Listeners {
    fn of(lane: &Lane, snapshot: &Snapshot, rows: &Rows) -> Result<Self> {
        let mut all = BTreeMap::new();
        for kind in ["Gateway", "ListenerSet"] {
            for holder in snapshot.applied(kind, &lane.identity) {
                let gateway = rows.gateway_of(holder.owner().context("a Gateway without an owner")?)?;
                let namespace = holder.inner.namespace().unwrap_or_default();
                for entry in holder.at("/spec/listeners").as_array().into_iter().flatten() {
                    let listener = Listener {
                        gateway,
                        port: entry["port"].as_i64().unwrap_or_default(),
                        protocol: text(&entry["protocol"]),
                        host: entry["hostname"].as_str().map(str::to_owned),
                    };
                    let secret = entry.pointer("/tls/certificateRefs/0/name").and_then(Value::as_str);
                    let secret = secret.map(|name| ("Secret".to_owned(), namespace.clone(), name.to_owned()));
                    all.insert((place(holder), text(&entry["name"])), (listener, secret));
                }
            }
        }
        Ok(Self(all))
    }

    /// Exactly those that claims need, each once, and port 80 of the common Gateway.
    fn check(&self, lane: &Lane, claims: &[Claim], rows: &Rows) -> Result<()> {
        let mut asked = BTreeSet::new();
        for claim in claims {
            asked.insert(asked_listener(lane, claim, rows)?);
            if let Carrier::Shared(_) = claim.carrier {
                let gateway = rows.carrier(lane, claim.carrier)?;
                asked.insert(Listener { gateway, port: 80, protocol: "HTTP".into(), host: None });
            }
        }
        let mut found: Vec<_> = self.0.values().map(|(listener, _)| listener.clone()).collect();
        found.sort();
        let asked: Vec<_> = asked.into_iter().collect();
        ensure!(found == asked, "the listeners are {found:#?}, and {asked:#?} were asked for");
        Ok(())
    }

    /// The one that a route's parent reference names.
    fn named(&self, route: &Object, parent: &Value) -> Result<&Listener> {
        let namespace = parent["namespace"].as_str().map(str::to_owned).or_else(|| route.inner.namespace());
        let kind = parent["kind"].as_str().unwrap_or("Gateway").to_owned();
        let at = (kind, namespace.unwrap_or_default(), text(&parent["name"]));
        let found = self.0.get(&(at, text(&parent["sectionName"])));
        let (listener, _) = found.with_context(|| format!("{} attaches to nothing: {parent}", route.title()))?;
        Ok(listener)
    }
}

fn asked_listener(lane: &Lane, claim: &Claim, rows: &Rows) -> Result<Listener> {
    Ok(Listener {
        gateway: rows.carrier(lane, claim.carrier)?,
        port: claim.port.into(),
        protocol: claim.protocol.to_owned(),
        host: full(lane, claim.listener_host()),
    })
}

/// Exactly one rule for each claim, and none for anything else.
fn check_rules(lane: &Lane, snapshot: &Snapshot, claims: &[Claim], listeners: &Listeners, rows: &Rows) -> Result<()> {
    let mut asked = vec![];
    for claim in claims {
        let host = full(lane, claim.host.as_deref());
        asked.push((asked_listener(lane, claim, rows)?, host, claim.path.clone(), claim.redirect, lane.id(claim.by)?));
    }
    let mut found: Vec<Rule> = vec![];
    for protocol in Layer4::ALL.iter().map(|of| of.protocol()).chain(["HTTP"]) {
        for route in snapshot.applied(&format!("{protocol}Route"), &lane.identity) {
            found.extend(rules(route, listeners)?);
            let Some(("gateway-instance", id)) = route.owner() else { bail!("{} has a strange owner", route.title()) };
            let namespace = namespace_of_gateway(lane, snapshot, id)?;
            ensure!(route.inner.namespace() == namespace, "{} stands outside of {namespace:?}", route.title());
        }
    }
    asked.sort();
    found.sort();
    ensure!(found == asked, "the routes do {found:#?}, and {asked:#?} were asked for");
    Ok(())
}

/// What a route does, one by one.
fn rules(route: &Object, listeners: &Listeners) -> Result<Vec<Rule>> {
    let (_, owner) = route.owner().context("a route without an owner")?;
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let hosts: Vec<Option<String>> = match list(route.at("/spec/hostnames")).as_slice() {
        [] => vec![None],
        hosts => hosts.iter().map(|host| Some(text(host))).collect(),
    };
    let mut all = vec![];
    for parent in list(route.at("/spec/parentRefs")) {
        let listener = listeners.named(route, &parent)?;
        // A hostname is heard on the listener for it alone, or for every one.
        let heard = hosts.iter().filter(|host| listener.host.is_none() || listener.host == **host);
        for (host, rule) in
            heard.flat_map(|host| list(route.at("/spec/rules")).into_iter().map(move |rule| (host, rule)))
        {
            let redirect = rule.pointer("/filters/0/requestRedirect/scheme").and_then(Value::as_str) == Some("https");
            let backend = (text(&rule["backendRefs"][0]["name"]), rule["backendRefs"][0]["port"].as_i64());
            ensure!(redirect || backend == ("web".to_owned(), Some(80)), "{} leads to {backend:?}", route.title());
            let paths = match list(&rule["matches"]).as_slice() {
                [] => vec![String::new()],
                matches => matches.iter().map(|found| text(&found["path"]["value"])).collect(),
            };
            all.extend(paths.into_iter().map(|path| (listener.clone(), host.clone(), path, redirect, owner)));
        }
    }
    Ok(all)
}

/// The namespace of a gateway instance's workload.
fn namespace_of_gateway(lane: &Lane, snapshot: &Snapshot, id: i64) -> Result<Option<String>> {
    let gateway = lane.ids.iter().find(|(_, (_, known))| *known == id).map(|(handle, _)| *handle);
    let Some(Record::Gateway { workload, .. }) = gateway.and_then(|handle| lane.world.records.get(&handle)) else {
        bail!("gateway instance {id} was not asked for");
    };
    let owner = Some(("workload-instance", lane.id(*workload)?));
    let mut namespaces = snapshot.applied("Namespace", &lane.identity).filter(|object| object.owner() == owner);
    Ok(namespaces.next().map(|object| object.inner.name_any()))
}

/// One certificate for each hostname of HTTPS, in the Secret that its listener names. Where cert-manager runs, exactly those Secrets.
fn check_certificates(
    lane: &Lane,
    cluster: u8,
    snapshot: &Snapshot,
    claims: &[Claim],
    listeners: &Listeners,
    rows: &Rows,
) -> Result<()> {
    let mut asked = BTreeSet::new();
    for claim in claims.iter().filter(|claim| claim.protocol == "HTTPS") {
        asked.insert((rows.carrier(lane, claim.carrier)?, full(lane, claim.host.as_deref()).unwrap_or_default()));
    }
    let (mut found, mut secrets) = (vec![], BTreeSet::new());
    for certificate in snapshot.applied("Certificate", &lane.identity) {
        let gateway = rows.gateway_of(certificate.owner().context("a Certificate without an owner")?)?;
        let names = certificate.at("/spec/dnsNames").as_array().cloned().unwrap_or_default();
        ensure!(names.len() == 1, "{} is for {names:?}", certificate.title());
        let namespace = certificate.inner.namespace().unwrap_or_default();
        secrets.insert(("Secret".to_owned(), namespace, text(certificate.at("/spec/secretName"))));
        found.push((gateway, text(&names[0])));
    }
    found.sort();
    let asked: Vec<_> = asked.into_iter().collect();
    ensure!(found == asked, "there are certificates for {found:?}, and {asked:?} need one");
    let named: BTreeSet<At> = listeners.0.values().filter_map(|(_, secret)| secret.clone()).collect();
    ensure!(named == secrets, "listeners name {named:?}, and certificates lie in {secrets:?}");
    if cluster == 0 {
        let lie: BTreeSet<At> =
            snapshot.0.iter().filter(|object| object.resource.kind == "Secret").map(place).collect();
        ensure!(lie == secrets, "there are the Secrets {lie:?}, and {secrets:?} belong to certificates");
    }
    Ok(())
}
