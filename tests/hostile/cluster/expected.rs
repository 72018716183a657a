//! What has to come of a way to misbehave while it has its turn: what the worker makes of it, and how much of it is stored.

use super::{Cluster, ways::Way};
use causeway_testkit::{ApiClient, condition};
use serde_json::Value;
use std::time::Duration;

/// What a cluster sends here can be so much that a busy machine is at it for minutes; how long good ones wait meanwhile is measured elsewhere.
const JUDGED_WITHIN: Duration = Duration::from_secs(300);

/// Conditions of a record, and an event. Each of a cluster's texts may be cut at 1 kB, and conditions repeat some.
const MOST_BYTES: usize = 16 << 10;

/// The reasons of `ClusterReachable` of which one must come. None: it depends on what the worker does first, or nothing is wrong.
fn reasons(way: Way) -> &'static [&'static str] {
    match way {
        Way::ChunkWithoutEnd | Way::DenseObject | Way::EndlessAnswer | Way::GzipBomb | Way::ManyKinds => &["OverLimit"],
        Way::HugeIdentifiers => &["ServerError"],
        // The version and the identity are asked for at once.
        Way::HugeMessages => &["Unauthorized", "Unreachable"],
        _ => &[],
    }
}

/// Waits until the cluster's runtime says the reason, and its workload that the cluster can't be reached. Looks at what is stored by then.
pub(super) async fn judge(reader: &ApiClient, cluster: &Cluster) {
    let reasons = reasons(cluster.server.way);
    if reasons.is_empty() {
        return;
    }
    let is_unreachable = |record: &Value, reasons: &[&str]| {
        condition(record, "ClusterReachable").is_some_and(|reachable| {
            let says = reasons.is_empty() || reasons.iter().any(|reason| reachable["Reason"] == *reason);
            reachable["Status"] == "False" && says
        })
    };
    for (plural, id, reasons) in
        [("kubernetes-runtime-instances", cluster.runtime, reasons), ("workload-instances", cluster.workload, &[])]
    {
        let record = reader.until(plural, id, JUDGED_WITHIN, |record| is_unreachable(record, reasons)).await.unwrap();
        assert_small(plural, &record["Conditions"]);
    }
    for event in reader.list("events", "").await.unwrap() {
        assert_small("an event", &event);
    }
}

fn assert_small(what: &str, stored: &Value) {
    let bytes = stored.to_string().len();
    assert!(bytes <= MOST_BYTES, "{what} has {bytes} bytes");
}
