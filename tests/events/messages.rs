//! A stream of server-sent events, message by message.

use std::time::Duration;

use reqwest::{RequestBuilder, Response};
use tokio::time::timeout;

/// Longer than any heartbeat.
const SILENT: Duration = Duration::from_secs(40);

/// One stream, as a browser reads it.
pub(crate) struct Messages {
    response: Response,
    text: String,
}

impl Messages {
    pub(crate) async fn open(request: RequestBuilder) -> Self {
        let response = request.send().await.unwrap();
        assert_eq!(
            (response.status().as_u16(), &response.headers()["content-type"]),
            (200, &"text/event-stream".parse().unwrap())
        );
        Self { response, text: String::new() }
    }

    /// The next message, as its lines: the head, a heartbeat, or an event.
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
}

/// What a message says in a field: `id`, `event`, `data`.
pub(crate) fn field<'m>(message: &'m str, name: &str) -> Option<&'m str> {
    message.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}
