//! How many streams there may be: in all, and for each caller.

use crate::{
    config::WatchSettings,
    keyed_limit::{KeyedLimit, KeyedPermit},
};
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The streams that are left.
#[derive(Clone, Debug)]
pub(crate) struct WatchLimits {
    all: Arc<Semaphore>,
    callers: KeyedLimit<String>,
    settings: WatchSettings,
}

/// A stream is counted until this is dropped.
#[derive(Debug)]
pub(crate) struct WatchPermit {
    _all: OwnedSemaphorePermit,
    _caller: KeyedPermit<String>,
}

impl Drop for WatchPermit {
    fn drop(&mut self) {
        metrics::gauge!("causeway_api_watches").decrement(1);
    }
}

impl WatchLimits {
    pub(crate) fn new(settings: &WatchSettings) -> Self {
        Self {
            all: Arc::new(Semaphore::new(settings.max_watches.get())),
            callers: KeyedLimit::new(settings.max_watches_per_caller.get()),
            settings: settings.clone(),
        }
    }

    /// How many streams there are.
    pub(crate) fn open(&self) -> usize {
        self.settings.max_watches.get().saturating_sub(self.all.available_permits())
    }

    /// A permit for one more stream of this caller.
    ///
    /// # Errors
    /// Which limit is reached, and what to do.
    pub(crate) fn take(&self, caller: &str) -> Result<WatchPermit, String> {
        let refused =
            |what: String, flag: &str| Err(format!("{what}; end one of them, or start the API with a larger {flag}"));
        let Some(of_caller) = self.callers.try_take(caller.to_owned()) else {
            let most = self.settings.max_watches_per_caller;
            return refused(format!("{caller} follows events with {most} streams already"), "--max-watches-per-caller");
        };
        let Ok(of_all) = self.all.clone().try_acquire_owned() else {
            let most = self.settings.max_watches;
            return refused(format!("{most} streams of events are open already"), "--max-watches");
        };
        metrics::gauge!("causeway_api_watches").increment(1);
        Ok(WatchPermit { _all: of_all, _caller: of_caller })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{num::NonZeroUsize, time::Duration};

    #[test]
    fn streams_are_counted_for_each_caller_and_in_all() {
        let count = |count| NonZeroUsize::new(count).unwrap();
        let limits = WatchLimits::new(&WatchSettings {
            event_keep: Duration::ZERO,
            max_watches: count(3),
            max_watches_per_caller: count(2),
        });
        let anns = [limits.take("ann").unwrap(), limits.take("ann").unwrap()];
        let refused = limits.take("ann").unwrap_err();
        assert!(
            refused.starts_with("ann follows events with 2") && refused.contains("--max-watches-per-caller"),
            "{refused}"
        );
        let _bobs = limits.take("bob").unwrap();
        assert!(limits.take("bob").unwrap_err().contains("larger --max-watches"), "no more in all");
        drop(anns);
        assert!(
            limits.take("ann").is_ok() && limits.callers.try_take("bob".into()).is_some(),
            "nothing is kept of a refusal"
        );
    }
}
