//! Where hostile clusters and clients run: on threads of lower priority, since they would have machines of their own.

use std::{future::Future, time::Duration};
use tokio::{
    runtime::{Builder, Runtime},
    task::JoinHandle,
};

/// Ends what runs here when it is dropped.
pub(crate) struct Attackers(Option<Runtime>);

impl Attackers {
    pub(crate) fn start() -> Self {
        let lower_priority = || {
            // Without it the figures are worse, and nothing else is.
            let _ = rustix::process::nice(19);
        };
        let runtime =
            Builder::new_multi_thread().worker_threads(2).enable_all().on_thread_start(lower_priority).build();
        Self(Some(runtime.unwrap()))
    }

    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) -> JoinHandle<()> {
        self.0.as_ref().expect("attackers that were stopped").spawn(task)
    }

    /// Ends them.
    pub(crate) fn stop(self) {
        drop(self);
    }
}

/// Ends a task. Once this is over, the task has dropped its connections.
///
/// # Panics
/// When the task itself has panicked: then it has attacked nobody.
pub(crate) async fn end(task: JoinHandle<()>) {
    task.abort();
    if let Err(error) = task.await {
        assert!(error.is_cancelled(), "an attacker has failed: {error}");
    }
}

impl Drop for Attackers {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_timeout(Duration::ZERO);
        }
    }
}
