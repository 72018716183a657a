//! The stream of one page of the dashboard, as a browser reads it.

use std::time::Duration;

use reqwest::Client;
use tokio::time::timeout;

use crate::messages::{Messages, field};

/// News that don't end within this never do.
const ENDLESS: Duration = Duration::from_secs(90);
/// Without news for this long, all that happened before has been told.
const QUIET: Duration = Duration::from_millis(3000);

/// The stream of one page.
pub(crate) struct News(Messages);

impl News {
    pub(crate) async fn open(url: &str, query: &str) -> Self {
        Self(Messages::open(Client::new().get(format!("{url}/ui/watch?{query}"))).await)
    }

    /// The next message, as its lines: the head, a heartbeat, or news.
    pub(crate) async fn next(&mut self) -> String {
        self.0.next().await
    }

    /// The position of the next news.
    pub(crate) async fn news(&mut self) -> String {
        loop {
            let message = self.next().await;
            if field(&message, "event") == Some("news") {
                return field(&message, "id").unwrap().to_owned();
            }
        }
    }

    /// Until nothing was told for as long as a stream may be silent.
    pub(crate) async fn until_heartbeat(&mut self) {
        let heartbeat = async { while !self.next().await.starts_with(": nothing new") {} };
        timeout(ENDLESS, heartbeat).await.expect("the page is told of something again and again");
    }

    /// Until nothing was told for so long that nothing more will be of what has happened.
    pub(crate) async fn until_quiet(&mut self) {
        while timeout(QUIET, self.news()).await.is_ok() {}
    }
}
