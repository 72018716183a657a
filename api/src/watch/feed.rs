//! What one client gets.

use super::{
    follower::{Follower, Told},
    limits::WatchPermit,
    sendings::{Sendings, sent},
    text::{Line, StreamFormat, news},
};
use crate::auth::Admitted;
use axum::body::Bytes;
use causeway_records::watch::{Cursor, EventFilter};
use causeway_store::Result;
use futures::Stream;
use std::{convert::Infallible, sync::Arc, time::Duration};
use tokio::{
    sync::broadcast::{
        self,
        error::{RecvError, TryRecvError},
    },
    time::{Instant, sleep_until},
};
use tokio_util::sync::CancellationToken;

/// How long a stream may say nothing: proxies end what is silent for longer.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// How often a caller must still be one who is let in.
const ADMITTED_AGAIN: Duration = Duration::from_secs(15);

/// What a client asks for.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    pub(crate) filter: EventFilter,
    /// After this position; None: what comes from now on.
    pub(crate) since: Option<Cursor>,
    /// How long the stream goes on once everything up to now is written; None: until one side ends it.
    pub(crate) wait: Option<Duration>,
    pub(crate) format: StreamFormat,
    /// The stream ends when this counts no longer.
    pub(crate) admitted: Admitted,
}

/// The stream of one client.
pub(crate) struct Feed {
    follower: Follower,
    told: broadcast::Receiver<Arc<Told>>,
    filter: EventFilter,
    format: StreamFormat,
    /// Everything up to here has been written, or wasn't asked for.
    at: Cursor,
    stage: Stage,
    /// It has seen to it that what was committed when it came is in the log.
    has_sequenced: bool,
    ends: Option<Instant>,
    /// When something must be written.
    heartbeat: Instant,
    admitted: Admitted,
    admitted_until: Instant,
    stop: CancellationToken,
    _permit: WatchPermit,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Nothing is written yet.
    Head,
    /// It is behind: it reads the log.
    Behind,
    /// It gets what the follower reads.
    Live,
}

impl Feed {
    /// A stream that begins where the client asks for.
    pub(crate) async fn begin(follower: Follower, wanted: Wanted, permit: WatchPermit) -> Result<Self> {
        // Before anything is read: what is told from here on is received.
        let told = follower.subscribe();
        let at = match wanted.since {
            Some(since) => since,
            None => follower.position().await?,
        };
        let now = Instant::now();
        Ok(Self {
            told,
            filter: wanted.filter,
            format: wanted.format,
            at,
            stage: Stage::Head,
            has_sequenced: false,
            ends: wanted.wait.map(|wait| now + wait),
            heartbeat: now + HEARTBEAT,
            admitted: wanted.admitted,
            admitted_until: now + ADMITTED_AGAIN,
            stop: follower.stop(),
            follower,
            _permit: permit,
        })
    }

    /// The position up to which it has told everything.
    pub(crate) fn at(&self) -> Cursor {
        self.at
    }

    /// As the body of an answer.
    pub(crate) fn into_stream(self) -> impl Stream<Item = std::result::Result<Bytes, Infallible>> {
        futures::stream::unfold(self, |mut feed| async move {
            let stop = feed.stop.clone();
            let written = stop.run_until_cancelled(feed.next()).await??;
            feed.heartbeat = Instant::now() + HEARTBEAT;
            Some((Ok(written), feed))
        })
    }

    /// As the body of an answer that has nothing to say for a while after each time: what happens meanwhile is said with the next. `also`: what is
    /// shown beside what events tell of.
    pub(crate) fn into_news(
        self,
        also: Option<Sendings>,
        rest: impl Fn() -> Duration,
    ) -> impl Stream<Item = std::result::Result<Bytes, Infallible>> {
        let begun = Instant::now();
        futures::stream::unfold((self, also, begun, rest), |(mut feed, mut also, rests_until, rest)| async move {
            let stop = feed.stop.clone();
            let written = async {
                let first = tokio::select! {
                    written = feed.next() => written?,
                    () = sent(&mut also, rest()) => news(feed.at),
                };
                sleep_until(rests_until).await;
                Some(feed.received().unwrap_or(first))
            };
            let written = stop.run_until_cancelled(written).await??;
            let now = Instant::now();
            feed.heartbeat = now + HEARTBEAT;
            Some((Ok(written), (feed, also, now + rest(), rest)))
        })
    }

    /// What is written next; None: the stream ends, and the client may go on where it was.
    pub(super) async fn next(&mut self) -> Option<Bytes> {
        if self.stage == Stage::Head {
            // A client that goes on where this process is needs nothing of the log, unless it wants to have all that is committed and go.
            let is_current = self.follower.known() == Some(self.at) && self.ends.is_none();
            self.stage = if is_current { Stage::Live } else { Stage::Behind };
            return Some(self.format.head(self.at));
        }
        // Streams wait for hours. What they seldom do has its memory only while they do it: the two boxes save three quarters of a stream.
        loop {
            if self.admitted_until <= Instant::now() {
                if !Box::pin(self.admitted.still_counts()).await {
                    tracing::info!("a stream of events ends: its caller would not be let in any more");
                    return None;
                }
                self.admitted_until = Instant::now() + ADMITTED_AGAIN;
            }
            let written = match self.stage {
                Stage::Live => self.receive().await?,
                Stage::Head | Stage::Behind => Box::pin(self.read()).await?,
            };
            if !written.is_empty() {
                return Some(written);
            }
        }
    }

    /// Reads the log until this is as far as it goes.
    async fn read(&mut self) -> Option<Bytes> {
        if self.format == StreamFormat::News {
            return self.read_anew().await;
        }
        let read = self.follower.read(self.at).await;
        let read =
            read.inspect_err(|error| tracing::debug!(%error, "a stream of events ends: the log can't be read")).ok()?;
        if let Some(why) = read.refuses(self.at) {
            (self.at, self.stage) = (read.newest, Stage::Live);
            return Some(self.format.reset(read.newest, why));
        }
        let lines: Vec<_> = read.events.into_iter().map(Line::from).collect();
        let written = self.written(&lines, read.read_to);
        self.at = read.read_to;
        if read.is_full {
            return Some(written);
        }
        // All that there was has been read.
        self.at = read.newest;
        if self.ends.is_some() && read.is_waiting && !self.has_sequenced && self.follower.sequence().await.is_ok() {
            // What is committed has no position yet, and somebody waits for it.
            self.has_sequenced = true;
            return Some(written);
        }
        self.stage = Stage::Live;
        Some(written)
    }

    /// A page is read anew whatever lies between, so the log isn't.
    async fn read_anew(&mut self) -> Option<Bytes> {
        let (seen, newest) = (self.at, self.follower.position().await.ok()?);
        (self.at, self.stage) = (newest, Stage::Live);
        Some(if seen == newest { Bytes::new() } else { news(newest) })
    }

    /// What the follower has read meanwhile, without waiting; of several writings the last.
    pub(super) fn received(&mut self) -> Option<Bytes> {
        let mut last = None;
        while self.stage == Stage::Live {
            match self.told.try_recv() {
                Ok(told) => last = Some(self.take(&told)).filter(|written| !written.is_empty()).or(last),
                Err(TryRecvError::Lagged(_)) => self.stage = Stage::Behind,
                Err(_) => break,
            }
        }
        last
    }

    /// Waits for what the follower reads.
    async fn receive(&mut self) -> Option<Bytes> {
        let ends = self.ends;
        let is_over = async {
            match ends {
                Some(ends) => sleep_until(ends).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            // What is there comes before the end.
            biased;
            received = self.told.recv() => match received {
                Ok(told) => Some(self.take(&told)),
                // It was too slow; the log has it all.
                Err(RecvError::Lagged(_)) => {
                    self.stage = Stage::Behind;
                    Some(Bytes::new())
                }
                Err(RecvError::Closed) => None,
            },
            () = is_over => None,
            () = sleep_until(self.heartbeat) => Some(self.format.heartbeat(self.at)),
        }
    }

    fn take(&mut self, told: &Told) -> Bytes {
        if told.is_reset || told.to.epoch != self.at.epoch || told.after.position > self.at.position {
            // Something may lie between; the log has it, or says why not.
            self.stage = Stage::Behind;
            return Bytes::new();
        }
        if told.to.position <= self.at.position {
            return Bytes::new();
        }
        let new = told.lines.partition_point(|line| line.event.cursor.position <= self.at.position);
        let written = self.written(&told.lines[new..], told.to);
        self.at = told.to;
        written
    }

    /// What of these was asked for; `to`: what has been read with them.
    fn written(&self, lines: &[Line], to: Cursor) -> Bytes {
        if self.format == StreamFormat::News {
            let is_news = lines.iter().any(|line| self.filter.passes(&line.event));
            return if is_news { news(to) } else { Bytes::new() };
        }
        let mut texts = lines.iter().filter(|line| self.filter.passes(&line.event)).map(|line| line.text(self.format));
        let (Some(first), second) = (texts.next(), texts.next()) else { return Bytes::new() };
        // Nearly always one: then all clients share its memory.
        let Some(second) = second else { return first };
        let mut all = [first, second].concat();
        texts.for_each(|text| all.extend_from_slice(&text));
        all.into()
    }
}
