//! Figures of the whole control plane, read from Postgres when somebody asks for metrics. Every worker tells the same.

use causeway_store::{Figures, Store};
use std::{
    collections::BTreeSet,
    sync::{Mutex, PoisonError},
};

/// Which groups of records have had a figure: one that is empty now has to say 0.
#[derive(Debug, Default)]
pub(crate) struct FleetFigures {
    told: Mutex<BTreeSet<(String, String)>>,
}

impl FleetFigures {
    /// Reads them anew. Where Postgres doesn't answer, the last ones stay, and `/readyz` says why.
    pub(crate) async fn read(&self, store: &Store) {
        if let Ok((depth, oldest)) = store.backlog_of_all().await {
            metrics::gauge!("causeway_workers_queue_depth").set(depth as f64);
            metrics::gauge!("causeway_workers_queue_oldest_seconds").set(oldest.as_secs_f64());
        }
        if let Ok(figures) = store.figures().await {
            self.record(&figures);
        }
    }

    fn record(&self, figures: &Figures) {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let now: BTreeSet<_> = figures.blocked.iter().map(|one| (one.kind.to_string(), one.step.clone())).collect();
        for group in told.difference(&now) {
            blocked(group, 0.0, 0.0);
        }
        for one in &figures.blocked {
            blocked(&(one.kind.to_string(), one.step.clone()), one.count as f64, one.longest.as_secs_f64());
        }
        told.extend(now);
        metrics::gauge!("causeway_workers_clusters_restored").set(figures.restored as f64);
        metrics::gauge!("causeway_workers_mass_deletions_held").set(figures.mass_deletions as f64);
        metrics::gauge!("causeway_workers_zone_deletions_held").set(figures.zone_deletions as f64);
        metrics::gauge!("causeway_workers_clusters_without_worker").set(figures.without_worker as f64);
        // Without certificates the end of time, so that no alert has to know of it.
        let expiry = figures.first_expiry.map_or(f64::INFINITY, |time| time.timestamp() as f64);
        metrics::gauge!("causeway_workers_certificate_expiry_timestamp_seconds").set(expiry);
    }
}

fn blocked((kind, step): &(String, String), count: f64, longest: f64) {
    let labels = [("kind", kind.clone()), ("step", step.clone())];
    metrics::gauge!("causeway_workers_records_blocked", &labels).set(count);
    metrics::gauge!("causeway_workers_records_blocked_seconds", &labels).set(longest);
}

#[cfg(test)]
mod tests {
    use super::*;
    use causeway_records::Kind;
    use causeway_store::BlockedRecords;
    use metrics_exporter_prometheus::PrometheusBuilder;
    use std::time::Duration;

    #[test]
    fn a_group_that_is_empty_again_says_zero() {
        let recorder = PrometheusBuilder::new().build_recorder();
        let handle = recorder.handle();
        let figures = FleetFigures::default();
        let one = BlockedRecords {
            kind: Kind::GatewayInstance,
            step: "Applied".into(),
            count: 2,
            longest: Duration::from_secs(60),
        };
        let line = |value: u32| {
            format!("causeway_workers_records_blocked{{kind=\"GatewayInstance\",step=\"Applied\"}} {value}\n")
        };
        metrics::with_local_recorder(&recorder, || {
            figures.record(&Figures { blocked: vec![one], ..Figures::default() });
        });
        let text = handle.render();
        assert!(text.contains(&line(2)) && text.contains("_timestamp_seconds inf"), "{text}");
        metrics::with_local_recorder(&recorder, || figures.record(&Figures::default()));
        let text = handle.render();
        assert!(text.contains(&line(0)) && !text.contains(&line(2)), "{text}");
    }
}
