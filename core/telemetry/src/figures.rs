//! Figures for Prometheus.

use metrics_exporter_prometheus::{BuildError, PrometheusBuilder, PrometheusHandle};
use std::time::Duration;

/// How often recorded times are put into their histograms. Until then each takes 16 bytes.
const UPKEEP_EVERY: Duration = Duration::from_secs(5);

/// Records the figures of this process from now on; the handle renders them. A task keeps their memory bounded also where nobody reads them: the
/// recorder alone would keep every single time until somebody does. It must be called on a tokio runtime.
///
/// # Errors
/// When something in this process records figures already.
pub fn record_figures() -> Result<PrometheusHandle, BuildError> {
    let handle = PrometheusBuilder::new().install_recorder()?;
    let figures = handle.clone();
    tokio::spawn(repeat(UPKEEP_EVERY, move || figures.run_upkeep()));
    Ok(handle)
}

async fn repeat(every: Duration, work: impl Fn()) {
    let mut ticks = tokio::time::interval(every);
    loop {
        ticks.tick().await;
        work();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::sync::mpsc;

    #[tokio::test]
    async fn upkeep_comes_again_and_again() {
        let (done, mut seen) = mpsc::unbounded_channel();
        tokio::spawn(repeat(Duration::from_millis(1), move || {
            let _ = done.send(());
        }));
        for _ in 0..3 {
            tokio::time::timeout(Duration::from_secs(30), seen.recv()).await.unwrap().unwrap();
        }
    }

    #[tokio::test]
    async fn a_process_has_one_recorder() {
        let handle = record_figures().unwrap();
        assert!(record_figures().is_err());
        metrics::histogram!("seconds").record(0.5);
        assert!(handle.render().contains("seconds_count 1"));
    }
}
