//! A cluster: whether it can be reached, and whether it is the one it was.

use super::{CLUSTER_REACHABLE, Failure, Found, remove, unreachable};
use crate::{
    context::Context,
    site::{Reach, Site},
};
use causeway_records::status::Finding;
use causeway_store::queue::{Next, Work};
use std::{sync::Arc, time::Duration};

/// How often a cluster that answers is asked again, so that one that fell silent is noticed without any change.
const RESYNC: Duration = Duration::from_secs(300);

pub(super) async fn reconcile(context: &Context, site: &Arc<Site>, work: &Work) -> Result<Found, Failure> {
    if work.gone {
        return Ok(Found { gone: true, ..Found::default() });
    }
    let connection = match site.reach_anew().await? {
        Reach::Up(connection) => connection,
        Reach::Down(down) => return unreachable(context, site, work, down).await,
    };
    if work.being_deleted {
        return remove::confirm(context, work).await;
    }
    let message = format!("the cluster answers and runs Kubernetes {}", connection.version);
    Ok(Found {
        findings: vec![Finding::holds(CLUSTER_REACHABLE, "Reachable", message)],
        next: Next::In(RESYNC),
        applied: true,
        ..Found::default()
    })
}
