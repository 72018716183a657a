//! What dependencies would write of other people's data. It gets into no log and no trace, whatever `RUST_LOG` asks for.

use tracing::{Level, Metadata};
use tracing_subscriber::filter::{FilterFn, LevelFilter};

/// Where kube's client writes answers that it can't read, as they came: megabytes of whatever a cluster sends, Secrets among it.
const QUOTES_ANSWERS: &str = "kube_client::client";

/// Lets everything pass but that.
pub(crate) fn without_answers() -> FilterFn {
    let passes: fn(&Metadata<'_>) -> bool =
        |metadata| metadata.target() != QUOTES_ANSWERS || *metadata.level() == Level::ERROR;
    // Without the hint nothing is skipped for its level alone, which is quickest.
    FilterFn::new(passes).with_max_level_hint(LevelFilter::TRACE)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, Mutex};
    use tracing::{Event, Subscriber};
    use tracing_subscriber::{
        EnvFilter, Layer,
        filter::FilterExt,
        layer::{Context, SubscriberExt},
    };

    /// Level and target of each event.
    #[derive(Clone, Default)]
    struct Seen(Arc<Mutex<Vec<String>>>);

    impl<S: Subscriber> Layer<S> for Seen {
        fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
            let metadata = event.metadata();
            self.0.lock().unwrap().push(format!("{} {}", metadata.level(), metadata.target()));
        }
    }

    #[test]
    fn an_answer_that_kube_cannot_read_is_not_told_whatever_is_asked_for() {
        let seen = Seen::default();
        let layer = seen.clone().with_filter(EnvFilter::new("trace").and(without_answers()));
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
            tracing::warn!(target: "kube_client::client", "an answer");
            tracing::debug!(target: "kube_client::client", "an answer");
            tracing::error!(target: "kube_client::client", "no answer");
            tracing::debug!(target: "kube_client::client::builder", "a request");
            tracing::trace!(target: "causeway_workers", "work");
        });
        let told = ["ERROR kube_client::client", "DEBUG kube_client::client::builder", "TRACE causeway_workers"];
        assert_eq!(*seen.0.lock().unwrap(), told);
    }
}
