//! Reads what is new, once for all clients of this process.

use super::text::Line;
use causeway_bus::Bus;
use causeway_records::watch::Cursor;
use causeway_store::{Result, Store, event_log::EventRead};
use futures::StreamExt;
use std::{sync::Arc, time::Duration};
use tokio::{
    sync::{Notify, Semaphore, broadcast, watch},
    time::{Instant, sleep, timeout},
};
use tokio_util::sync::CancellationToken;

/// How often Postgres is asked when nothing is announced.
const EVERY: Duration = Duration::from_secs(1);
/// After an announcement it is waited for others: while much happens, many events are read at once.
const GATHERED: Duration = Duration::from_millis(30);
/// The same while no client follows: webhooks can wait that long, and writers keep the processor.
const GATHERED_FOR_NOBODY: Duration = Duration::from_millis(250);
/// Events that one statement reads, and one message to the clients has.
pub(super) const PAGE: i64 = 200;
/// Messages that are kept for clients that are behind. Whoever is further behind reads the log.
const KEPT: usize = 64;
/// Events that one statement moves from the inbox to the log.
const MOVED: i64 = 2000;
/// Another process is moving events: this one looks again, so often and after this time.
const LOOKS: usize = 5;
const MOMENT: Duration = Duration::from_millis(20);
/// How long a client that wants all that is committed waits until it is in the log, whichever process moves it.
const MOVED_WITHIN: Duration = Duration::from_secs(10);
/// Clients that read the log by themselves at the same time. The others wait, so that they leave connections to everybody else.
const READERS: usize = 4;

/// Events that were read together.
#[derive(Debug)]
pub(super) struct Told {
    /// After this position.
    pub(super) after: Cursor,
    /// Up to this one.
    pub(super) to: Cursor,
    pub(super) lines: Vec<Line>,
    /// Nobody knows here what lies between the two.
    pub(super) is_reset: bool,
}

/// What this process knows of the log. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Follower {
    store: Store,
    told: broadcast::Sender<Arc<Told>>,
    /// None: nothing was read yet.
    at: Arc<watch::Sender<Option<Cursor>>>,
    readers: Arc<Semaphore>,
    stop: CancellationToken,
}

impl Follower {
    /// `stop` ends all streams.
    pub(crate) fn new(store: Store, stop: CancellationToken) -> Self {
        let (told, at) = (broadcast::Sender::new(KEPT), Arc::new(watch::Sender::new(None)));
        Self { store, told, at, readers: Arc::new(Semaphore::new(READERS)), stop }
    }

    /// A position such that everything after it is still told to whoever follows from there: what is read from now on is at least as new.
    pub(crate) async fn position(&self) -> Result<Cursor> {
        match self.known() {
            Some(at) => Ok(at),
            None => Ok(self.store.read_events(i64::MAX, 1).await?.newest),
        }
    }

    /// Changes when this process has read more.
    pub(super) fn positions(&self) -> watch::Receiver<Option<Cursor>> {
        self.at.subscribe()
    }

    /// How far this process has read.
    pub(super) fn known(&self) -> Option<Cursor> {
        *self.at.borrow()
    }

    /// Everything that is told from now on.
    pub(super) fn subscribe(&self) -> broadcast::Receiver<Arc<Told>> {
        self.told.subscribe()
    }

    /// When the process is asked to stop.
    pub(super) fn stop(&self) -> CancellationToken {
        self.stop.clone()
    }

    /// Events after a position, from the log itself.
    pub(super) async fn read(&self, after: Cursor) -> Result<EventRead> {
        // Nothing closes the semaphore.
        let _turn = self.readers.acquire().await;
        self.store.read_events(after.position, PAGE).await
    }

    /// A client follows.
    fn is_heard(&self) -> bool {
        self.told.receiver_count() > 0
    }

    /// How long to wait for more after an announcement.
    fn gathered(&self) -> Duration {
        if self.is_heard() { GATHERED } else { GATHERED_FOR_NOBODY }
    }

    /// Sees to it that what is committed is in the log. While another process moves it, that one is waited for.
    pub(super) async fn sequence(&self) -> Result<()> {
        let until = Instant::now() + MOVED_WITHIN;
        while self.store.sequence_events(MOVED).await? == 0 && self.store.read_events(i64::MAX, 1).await?.is_waiting {
            if Instant::now() > until {
                tracing::warn!("events that are committed don't get to the log; a process that moves them may hang");
                break;
            }
            sleep(MOMENT).await;
        }
        Ok(())
    }

    /// Reads and tells all that is new.
    async fn catch_up(&self) -> Result<()> {
        let (mut looks, mut may_move) = (0, true);
        loop {
            let (after, is_heard) = (self.known(), self.is_heard());
            // For nobody no event is read, and no text is made of one.
            let from = after.filter(|_| is_heard).map_or(i64::MAX, |after| after.position);
            let read = self.store.read_events(from, PAGE).await?;
            let (is_waiting, is_full) = (read.is_waiting, read.is_full);
            self.tell(after, read, is_heard);
            if is_waiting && may_move {
                let moved = self.store.sequence_events(MOVED).await?;
                if moved == 0 {
                    // Another process is at it, and has committed in a moment.
                    looks += 1;
                    sleep(MOMENT).await;
                }
                // What comes meanwhile is gathered for the next time.
                may_move = if moved == 0 { looks < LOOKS } else { moved >= MOVED.unsigned_abs() };
            } else if !is_full {
                return Ok(());
            }
        }
    }

    /// Tells what was read after a position. `is_heard`: somebody listened before it was read; otherwise the events were passed over.
    fn tell(&self, after: Option<Cursor>, read: EventRead, is_heard: bool) {
        let Some(after) = after else {
            self.at.send_replace(Some(read.newest));
            return;
        };
        let to = if is_heard { read.read_to } else { read.newest };
        let told = match read.refuses(after) {
            Some(why) => {
                tracing::warn!(why = why.as_str(), at = %after, newest = %read.newest, "the log of events is another one than before");
                Told { after, to: read.newest, lines: vec![], is_reset: true }
            }
            None if to == after => return,
            None => {
                let lines = read.events.into_iter().map(Line::from).collect();
                // Whoever has come meanwhile, and began where this was, has to read for itself what was passed over.
                Told { after, to, lines, is_reset: !is_heard }
            }
        };
        // First: whoever subscribes in between and begins at this position must not miss what comes after it.
        self.at.send_replace(Some(told.to));
        // An error means that nobody listens.
        let _ = self.told.send(Arc::new(told));
    }
}

/// Follows the log until the process stops.
pub(crate) async fn follow(follower: Follower, bus: Bus) {
    let announced = Arc::new(Notify::new());
    let listener = tokio::spawn(listen(bus, announced.clone()));
    let mut was_away = false;
    let following = async {
        loop {
            match follower.catch_up().await {
                Ok(()) => was_away = false,
                Err(error) if !was_away => {
                    was_away = true;
                    tracing::warn!(%error, "events of records can't be read; whoever follows them waits");
                }
                Err(_) => {}
            }
            // Without an announcement the time is over at some point, too.
            if timeout(EVERY, announced.notified()).await.is_ok() {
                sleep(follower.gathered()).await;
            }
        }
    };
    let stop = follower.stop();
    stop.run_until_cancelled(following).await;
    listener.abort();
}

/// Announcements for as long as the process runs; the subscription outlives every outage of the server.
async fn listen(bus: Bus, announced: Arc<Notify>) {
    match bus.event_announcements().await {
        Ok(announcements) => {
            let mut announcements = std::pin::pin!(announcements);
            while announcements.next().await.is_some() {
                announced.notify_one();
            }
        }
        Err(error) => tracing::warn!(%error, "no announcements; events are looked for each second"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use causeway_records::watch::RecordEvent;

    fn cursor(position: i64) -> Cursor {
        Cursor { epoch: 1, position }
    }

    /// One that knows a position, and never asks Postgres.
    fn follower_at(position: i64) -> Follower {
        let store = Store::connect("postgres://nobody@127.0.0.1:1/nothing", 1, EVERY).unwrap();
        let follower = Follower::new(store, CancellationToken::new());
        follower.at.send_replace(Some(cursor(position)));
        follower
    }

    /// What a log says that goes to `newest`.
    fn log(newest: i64, events: Vec<RecordEvent>, read_to: i64) -> EventRead {
        let (newest, read_to) = (cursor(newest), cursor(read_to));
        EventRead { newest, deleted_to: 0, is_waiting: false, events, read_to, is_full: false }
    }

    #[tokio::test]
    async fn whoever_comes_while_events_are_passed_over_is_told_to_read_them() {
        let follower = follower_at(7);
        assert!(!follower.is_heard());
        // The log is being read, for nobody; then somebody comes and begins where the follower is.
        let (mut told, at) = (follower.subscribe(), follower.known());
        follower.tell(at, log(9, vec![], i64::MAX), false);
        let told = told.try_recv().unwrap();
        assert_eq!((told.after, told.to, told.is_reset), (cursor(7), cursor(9), true));
        assert_eq!(follower.known(), Some(cursor(9)));
    }

    #[tokio::test]
    async fn nothing_is_told_while_nothing_happens() {
        let follower = follower_at(7);
        let mut told = follower.subscribe();
        follower.tell(follower.known(), log(7, vec![], i64::MAX), false);
        follower.tell(follower.known(), log(7, vec![], 7), true);
        assert!(told.try_recv().is_err());
        assert_eq!(follower.known(), Some(cursor(7)));
    }

    #[tokio::test]
    async fn whoever_listens_is_told_the_events_themselves() {
        let follower = follower_at(7);
        let mut told = follower.subscribe();
        let event = RecordEvent { cursor: cursor(8), ..RecordEvent::example() };
        follower.tell(follower.known(), log(9, vec![event], 8), follower.is_heard());
        let told = told.try_recv().unwrap();
        assert_eq!((told.to, told.lines.len(), told.is_reset), (cursor(8), 1, false));
        assert_eq!(follower.known(), Some(cursor(8)), "the rest is read next");
    }
}
