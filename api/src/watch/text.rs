//! Events as text: server-sent events, or a line of JSON each.

use axum::body::Bytes;
use causeway_records::watch::{Cursor, RecordEvent};
use causeway_store::event_log::ResetReason;
use serde_json::json;
use std::fmt::Write;

/// Milliseconds after which a browser that has lost its stream connects again.
const RETRY: u32 = 2000;

/// How a stream is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StreamFormat {
    /// Server-sent events, as browsers read them.
    Sse,
    /// One JSON object on each line.
    Ndjson,
    /// Server-sent events for pages: that something happened, and not what.
    News,
}

impl StreamFormat {
    /// Its media type.
    pub(crate) fn media(self) -> &'static str {
        match self {
            Self::Sse | Self::News => "text/event-stream",
            Self::Ndjson => "application/x-ndjson",
        }
    }

    /// What a stream begins with: where it begins.
    pub(crate) fn head(self, at: Cursor) -> Bytes {
        match self {
            Self::Sse | Self::News => format!("retry: {RETRY}\nid: {at}\n\n").into(),
            Self::Ndjson => position(at),
        }
    }

    /// What is written when there is nothing to say. It moves the client's position on, past events that it didn't ask for.
    pub(crate) fn heartbeat(self, at: Cursor) -> Bytes {
        match self {
            Self::Sse | Self::News => format!(": nothing new\nid: {at}\n\n").into(),
            Self::Ndjson => position(at),
        }
    }

    /// Events after the client's position were lost to it: it lists again, and goes on from here.
    pub(crate) fn reset(self, at: Cursor, why: ResetReason) -> Bytes {
        let data = json!({"Position": at.to_string(), "Type": "reset", "Reason": why.as_str()});
        match self {
            Self::Sse => format!("event: reset\nid: {at}\ndata: {data}\n\n").into(),
            Self::Ndjson => format!("{data}\n").into(),
            Self::News => news(at),
        }
    }
}

/// What a page is told: something happened, up to this position.
pub(crate) fn news(at: Cursor) -> Bytes {
    format!("event: news\nid: {at}\ndata:\n\n").into()
}

fn position(at: Cursor) -> Bytes {
    format!("{}\n", json!({"Position": at.to_string(), "Type": "position"})).into()
}

/// An event with its text, which is the same for all clients.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    pub(crate) event: RecordEvent,
    /// As a server-sent event.
    sse: Bytes,
    /// Where the JSON begins in it.
    json: usize,
}

impl From<RecordEvent> for Line {
    fn from(event: RecordEvent) -> Self {
        let mut text = String::with_capacity(512);
        // Writing to a String can't fail.
        let _ = write!(text, "event: {}\nid: {}\ndata: ", event.event_type, event.cursor);
        let json = text.len();
        text += &serde_json::to_string(&event).unwrap_or_default();
        text += "\n\n";
        Self { event, sse: text.into(), json }
    }
}

impl Line {
    /// In this format.
    pub(crate) fn text(&self, format: StreamFormat) -> Bytes {
        match format {
            StreamFormat::Sse => self.sse.clone(),
            StreamFormat::Ndjson => self.sse.slice(self.json..self.sse.len() - 1),
            StreamFormat::News => news(self.event.cursor),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    fn shown(bytes: &Bytes) -> &str {
        std::str::from_utf8(bytes).unwrap()
    }

    #[test]
    fn an_event_has_the_same_json_in_both_formats() {
        let line = Line::from(RecordEvent::example());
        let (sse, ndjson) = (line.text(StreamFormat::Sse), line.text(StreamFormat::Ndjson));
        let (head, data) = shown(&sse).split_once("data: ").unwrap();
        assert_eq!(head, "event: condition\nid: 9f04c1d2-1042\n");
        assert_eq!(data, format!("{}\n", shown(&ndjson)));
        assert!(shown(&ndjson).ends_with("}\n") && shown(&ndjson).lines().count() == 1);
        let json: Value = serde_json::from_slice(&ndjson).unwrap();
        assert_eq!(json, serde_json::to_value(&line.event).unwrap());
    }

    #[test]
    fn what_is_no_event_moves_the_position_only() {
        let at = Cursor { epoch: 1, position: 7 };
        assert_eq!(shown(&StreamFormat::Sse.head(at)), "retry: 2000\nid: 00000001-7\n\n");
        assert_eq!(shown(&StreamFormat::Sse.heartbeat(at)), ": nothing new\nid: 00000001-7\n\n");
        let line: Value = serde_json::from_slice(&StreamFormat::Ndjson.heartbeat(at)).unwrap();
        assert_eq!(line, json!({"Position": "00000001-7", "Type": "position"}));
        let reset = StreamFormat::Sse.reset(at, ResetReason::TooOld);
        assert!(shown(&reset).starts_with("event: reset\nid: 00000001-7\ndata: {") && shown(&reset).contains("TooOld"));
    }
}
