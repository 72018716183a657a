//! Where hostile clusters and clients run: on threads of lower priority, since they would have machines of their own.

use std::{future::Future, time::Duration};
use tokio::runtime::{Builder, Runtime};

/// Ends what runs here when it is dropped.
pub(crate) struct Attackers(Option<Runtime>);

impl Attackers {
    pub(crate) fn start() -> Self {
        let lower_priority = || {
            // Without it the figures are worse, and nothing else is.
            let _ = rustix::process::nice(10);
        };
        let runtime =
            Builder::new_multi_thread().worker_threads(2).enable_all().on_thread_start(lower_priority).build();
        Self(Some(runtime.unwrap()))
    }

    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        if let Some(runtime) = &self.0 {
            runtime.spawn(task);
        }
    }

    /// Ends them.
    pub(crate) fn stop(self) {
        drop(self);
    }
}

impl Drop for Attackers {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_timeout(Duration::ZERO);
        }
    }
}
