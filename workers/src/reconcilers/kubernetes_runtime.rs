//! A cluster: whether it can be reached, and whether it is the one it was.

use super::{APPLIED, CLUSTER_REACHABLE, DATABASE_RESTORED, Failure, Found, remove, unreachable};
use crate::{
    context::Context,
    site::{AgeError, Reach, Site},
};
use causeway_records::status::NewCondition;
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
    let message = format!("the cluster answers and runs Kubernetes {}", connection.version);
    let reachable = NewCondition::met(CLUSTER_REACHABLE, "Reachable", message);
    if site.restored().is_some() && work.brake_released {
        match site.accept(&connection).await {
            Ok(()) => {}
            Err(AgeError::Store(error)) => return Err(error.into()),
            Err(AgeError::Cluster(error)) => return Ok(Found::again(DATABASE_RESTORED, error.to_string())),
        }
    }
    if let Some(sentence) = site.restored() {
        let findings = vec![reachable, NewCondition::not_met(APPLIED, DATABASE_RESTORED, sentence)];
        return Ok(Found { findings, next: Next::In(RESYNC), ..Found::default() });
    }
    if work.being_deleted {
        let found = remove::confirm(context, work).await?;
        if found.gone {
            site.forget(&connection).await;
        }
        return Ok(found);
    }
    Ok(Found { findings: vec![reachable], next: Next::In(RESYNC), applied: true, ..Found::default() })
}
