//! The stream of one page of the dashboard, as a browser reads it.

use std::time::Duration;

use reqwest::{Client, Response};
use tokio::time::timeout;

/// Longer than any heartbeat.
const SILENT: Duration = Duration::from_secs(40);
/// News that don't end within this never do.
const ENDLESS: Duration = Duration::from_secs(90);
/// Without news for this long, all that happened before has been told.
const QUIET: Duration = Duration::from_millis(3000);

/// The stream of one page.
pub(crate) struct News {
    response: Response,
    text: String,
}

impl News {
    pub(crate) async fn open(url: &str, query: &str) -> Self {
        let response = Client::new().get(format!("{url}/ui/watch?{query}")).send().await.unwrap();
        assert_eq!(
            (response.status().as_u16(), &response.headers()["content-type"]),
            (200, &"text/event-stream".parse().unwrap())
        );
        Self { response, text: String::new() }
    }

    /// The next message, as its lines: the head, a heartbeat, or news.
    pub(crate) async fn next(&mut self) -> String {
        loop {
            if let Some((message, rest)) = self.text.split_once("\n\n") {
                let message = message.to_owned();
                self.text = rest.to_owned();
                return message;
            }
            let chunk = timeout(SILENT, self.response.chunk()).await.expect("the stream is silent").unwrap();
            self.text += std::str::from_utf8(&chunk.expect("the stream has ended")).unwrap();
        }
    }

    /// The position of the next news.
    pub(crate) async fn news(&mut self) -> String {
        loop {
            let message = self.next().await;
            if message.starts_with("event: news") {
                return message.split_once("id: ").unwrap().1.lines().next().unwrap().to_owned();
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
