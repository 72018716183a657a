//! The arguments of external-dns that differ from one installation to the next.

use serde_json::{Value, json};

use super::InvalidOptions;

/// What one external-dns publishes, and under which owner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExternalDns {
    /// Written into every ownership record; unique to the control plane and the cluster. It must never change: external-dns leaves records of
    /// another owner alone.
    pub owner: String,
    /// The zones' domains, without trailing dot. At least one: without any it would write to every zone of the account.
    pub domains: Vec<String>,
    /// Hosted zone ids, when the zones are not to be found by their domains (public and private zone of one domain).
    pub zone_ids: Vec<String>,
    /// Selects the DNSEndpoint objects to publish: `causeway.dev/control-plane=…`.
    pub label_filter: String,
    /// Whether external-dns deletes records.
    pub policy: Policy,
    /// Seconds between two synchronisations with the zone.
    pub interval_seconds: u32,
    /// Role to assume for Route53, by ARN, on top of whatever credentials the pod has.
    pub assume_role: Option<String>,
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
            return fail("needs at least one zone; without any it would write to all zones of the account");
        }
        if self.label_filter.is_empty() {
            return fail("needs a label filter; without one it would publish what others put into the cluster");
        }
        if self.interval_seconds == 0 {
            return fail("needs an interval of at least one second");
        }
        Ok(())
    }
}

/// Completes the arguments of the Deployment's container.
pub(super) fn arguments(deployment: &mut Value, wanted: &ExternalDns) {
    let Some(container) = deployment.pointer_mut("/spec/template/spec/containers/0") else { return };
    let policy = match wanted.policy {
        Policy::UpsertOnly => "upsert-only",
        Policy::Sync => "sync",
    };
    let mut set: Vec<(&str, Vec<String>)> = vec![
        ("policy", vec![policy.to_owned()]),
        ("interval", vec![format!("{}s", wanted.interval_seconds)]),
        ("txt-owner-id", vec![wanted.owner.clone()]),
        ("label-filter", vec![wanted.label_filter.clone()]),
        ("domain-filter", sorted(&wanted.domains)),
        ("zone-id-filter", sorted(&wanted.zone_ids)),
    ];
    set.extend(wanted.assume_role.iter().map(|role| ("aws-assume-role", vec![role.clone()])));

    let old = container["args"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let replaced = |arg: &str| set.iter().any(|(flag, _)| flag_of(arg) == Some(flag));
    let mut args: Vec<String> = old.filter(|arg| !replaced(arg)).map(str::to_owned).collect();
    for (flag, values) in &set {
        args.extend(values.iter().map(|value| format!("--{flag}={value}")));
    }
    container["args"] = json!(args);
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
