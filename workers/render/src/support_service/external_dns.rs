//! The arguments of external-dns that differ from one installation to the next.

use causeway_records::inputs::PublishedZone;
use causeway_rules::ownership::OWNERSHIP_PREFIX;
use serde_json::{Value, json};

use super::InvalidOptions;
use crate::labels::HOSTED_ZONE;

/// What one external-dns publishes, and under which owner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExternalDns {
    /// Written into every ownership record; unique to the control plane and the cluster. It must never change: external-dns leaves records of
    /// another owner alone.
    pub owner: String,
    /// The domains, without trailing dot. At least one: without any it would write all names of its zones.
    pub domains: Vec<String>,
    /// The hosted zones to write to. While there are none, nothing runs.
    pub zones: Vec<PublishedZone>,
    /// Selects the DNSEndpoint objects of this control plane and AWS account: `causeway.dev/control-plane=…`.
    pub label_filter: String,
    /// Whether external-dns deletes records.
    pub policy: Policy,
    /// Seconds between two synchronisations with the zone.
    pub interval_seconds: u32,
    /// Role to assume for Route53, by ARN, on top of whatever credentials the pod has.
    pub assume_role: Option<String>,
    /// The external id that the role asks for.
    pub external_id: Option<String>,
}

/// What external-dns may do to records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    /// Create and change only: Causeway's workers delete records, within their budget for deletions.
    UpsertOnly,
    /// Delete as well: for clusters where Causeway's workers have no access to Route53.
    Sync,
}

/// The owner in the ownership records of a zone, one for each control plane and cluster. The workers delete only records of this owner.
pub fn dns_owner(control_plane: &str, kubernetes_runtime_instance_id: i64) -> String {
    format!("causeway-{control_plane}-{kubernetes_runtime_instance_id}")
}

impl ExternalDns {
    pub(super) fn check(&self) -> Result<(), InvalidOptions> {
        let fail = |why: &str| Err(InvalidOptions(format!("external-dns {why}")));
        if self.owner.is_empty() || self.owner.contains([',', '"', '=', ' ']) {
            return fail("needs an owner without blanks, commas, quotes and equal signs");
        }
        if self.domains.is_empty() || self.domains.iter().any(String::is_empty) {
            return fail("needs at least one domain; without any it would write all names of its zones");
        }
        if self.label_filter.is_empty() {
            return fail("needs a label filter; without one it would publish what others put into the cluster");
        }
        // external-dns takes a selector that it can't read for none.
        if self.zones.iter().any(|zone| zone.id.is_empty() || !zone.id.chars().all(|c| c.is_ascii_alphanumeric())) {
            return fail("needs ids of hosted zones in letters and digits");
        }
        if self.interval_seconds == 0 {
            return fail("needs an interval of at least one second");
        }
        Ok(())
    }
}

/// The Deployments for all zones, made of the one that a bundle has. external-dns takes the records of all its zones for one: where one zone lies in
/// another, or a private zone beside a public one, it would write to both, or compare with the wrong one. So no two zones of one process overlap, and
/// each process sees only the DNSEndpoints of its own zones.
pub(super) fn deployments(deployment: &Value, wanted: &ExternalDns) -> Vec<Value> {
    let numbered = processes(&wanted.zones).into_iter().enumerate();
    let of_zones = numbered.map(|(n, zones)| {
        let mut deployment = deployment.clone();
        arguments(&mut deployment, wanted, &zones);
        if zones.is_empty() {
            deployment["spec"]["replicas"] = json!(0);
        }
        if n > 0 {
            let name = format!("{}-{n}", deployment["metadata"]["name"].as_str().unwrap_or_default());
            deployment["metadata"]["name"] = json!(name);
            // A Deployment looks for its pods by labels.
            for labels in ["/spec/selector/matchLabels", "/spec/template/metadata/labels"] {
                if let Some(labels) = deployment.pointer_mut(labels) {
                    labels[PROCESS] = json!(n.to_string());
                }
            }
        }
        deployment
    });
    of_zones.collect()
}

/// Label that tells the pods of several processes apart.
const PROCESS: &str = "causeway.dev/process";

/// The zones of each process. A zone is in the process with the number of zones that it overlaps and that come before it, by length of the name: so two
/// zones that overlap are never in one process, and a zone without others around it is always in the first.
fn processes(zones: &[PublishedZone]) -> Vec<Vec<&PublishedZone>> {
    let mut sorted: Vec<_> = zones.iter().collect();
    sorted.sort_by_key(|zone| (zone.name.len(), &zone.name, zone.private, &zone.id));
    sorted.dedup_by_key(|zone| &zone.id);
    let mut processes = vec![vec![]];
    for (n, zone) in sorted.iter().enumerate() {
        let level = sorted.iter().take(n).filter(|outer| is_within(&zone.name, &outer.name)).count();
        while processes.len() <= level {
            processes.push(vec![]);
        }
        processes[level].push(*zone);
    }
    processes
}

fn is_within(name: &str, outer: &str) -> bool {
    name.strip_suffix(outer).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

/// Completes the arguments of the Deployment's container.
fn arguments(deployment: &mut Value, wanted: &ExternalDns, zones: &[&PublishedZone]) {
    let mut ids: Vec<_> = zones.iter().map(|zone| zone.id.clone()).collect();
    ids.sort();
    // No DNSEndpoint is for a zone of this name.
    let seen = if ids.is_empty() { "none".to_owned() } else { ids.join(",") };
    let Some(container) = deployment.pointer_mut("/spec/template/spec/containers/0") else { return };
    let policy = match wanted.policy {
        Policy::UpsertOnly => "upsert-only",
        Policy::Sync => "sync",
    };
    let mut set: Vec<(&str, Vec<String>)> = vec![
        ("policy", vec![policy.to_owned()]),
        ("interval", vec![format!("{}s", wanted.interval_seconds)]),
        ("txt-owner-id", vec![wanted.owner.clone()]),
        ("txt-prefix", vec![OWNERSHIP_PREFIX.to_owned()]),
        ("label-filter", vec![format!("{},{HOSTED_ZONE} in ({seen})", wanted.label_filter)]),
        ("domain-filter", sorted(&wanted.domains)),
        ("zone-id-filter", ids),
        ("aws-zone-type", zone_type(zones).into_iter().map(str::to_owned).collect()),
    ];
    set.extend(wanted.assume_role.iter().map(|role| ("aws-assume-role", vec![role.clone()])));
    set.extend(wanted.external_id.iter().map(|id| ("aws-assume-role-external-id", vec![id.clone()])));

    let old = container["args"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let replaced = |arg: &str| set.iter().any(|(flag, _)| flag_of(arg) == Some(flag));
    let mut args: Vec<String> = old.filter(|arg| !replaced(arg)).map(str::to_owned).collect();
    for (flag, values) in &set {
        args.extend(values.iter().map(|value| format!("--{flag}={value}")));
    }
    container["args"] = json!(args);
}

/// The type that all zones have.
fn zone_type(zones: &[&PublishedZone]) -> Option<&'static str> {
    let private = zones.first()?.private;
    let name = if private { "private" } else { "public" };
    zones.iter().all(|zone| zone.private == private).then_some(name)
}

/// The name of a flag: `policy` of `--policy=sync`.
fn flag_of(arg: &str) -> Option<&str> {
    arg.strip_prefix("--").map(|rest| rest.split('=').next().unwrap_or(rest))
}

/// Sorted and without repetitions, so that the order in which records come in never restarts a pod.
fn sorted(values: &[String]) -> Vec<String> {
    let mut values = values.to_vec();
    values.sort();
    values.dedup();
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    fn zone(id: &str, name: &str, private: bool) -> PublishedZone {
        PublishedZone { id: id.into(), name: name.into(), private, account: None }
    }

    fn ids(zones: &[PublishedZone]) -> Vec<Vec<&str>> {
        processes(zones).into_iter().map(|zones| zones.iter().map(|zone| zone.id.as_str()).collect()).collect()
    }

    #[test]
    fn zones_that_overlap_are_in_different_processes() {
        assert_eq!(ids(&[]), [Vec::<&str>::new()]);
        let zones = [
            zone("Z4", "a.shop.test", true),
            zone("Z2", "shop.test", true),
            zone("Z1", "shop.test", false),
            zone("Z3", "other.test", true),
            zone("Z5", "bshop.test", false),
            zone("Z1", "shop.test", false),
        ];
        assert_eq!(ids(&zones), [vec!["Z1", "Z5", "Z3"], vec!["Z2"], vec!["Z4"]]);
    }

    #[test]
    fn each_process_is_told_of_its_own_zones() {
        let bundle = json!({"metadata": {"name": "dns-7"}, "spec": {"replicas": 1, "selector": {"matchLabels": {"a": "b"}},
            "template": {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"args": ["--source=crd"]}]}}}});
        let wanted = |zones| ExternalDns { zones, ..crate::samples::support_service::external_dns() };
        let made = deployments(&bundle, &wanted(vec![zone("Z2", "a.example", true), zone("Z1", "a.example", false)]));
        let args = |n: usize| made[n].pointer("/spec/template/spec/containers/0/args").unwrap().to_string();
        assert!(args(0).contains("--zone-id-filter=Z1") && args(0).contains("--aws-zone-type=public"), "{}", args(0));
        assert!(args(0).contains("causeway.dev/hosted-zone in (Z1)") && !args(0).contains("Z2"), "{}", args(0));
        assert!(args(1).contains("--zone-id-filter=Z2") && args(1).contains("--aws-zone-type=private"), "{}", args(1));
        assert_eq!((&made[0]["metadata"]["name"], &made[1]["metadata"]["name"]), (&json!("dns-7"), &json!("dns-7-1")));
        assert_eq!(made[1].pointer("/spec/selector/matchLabels"), made[1].pointer("/spec/template/metadata/labels"));
        assert_ne!(made[0].pointer("/spec/selector"), made[1].pointer("/spec/selector"));
        let none = deployments(&bundle, &wanted(vec![]));
        assert_eq!((none.len(), &none[0]["spec"]["replicas"]), (1, &json!(0)), "nothing to write to");
    }
}
