//! Work that costs much, such as reading manifests of megabytes: beside the threads of the runtime, and within a budget of memory for all of it.
//!
//! ```text
//!  request ─▶ runtime's threads ── small ──▶ done there
//!                   │
//!                   └── large ──▶ Memory: so many bytes for all ──▶ Background: a thread of low priority ──▶ done
//! ```
//!
//! The threads have a low priority: as long as others have something to do, they get a tenth of the processors, and otherwise all of them. So
//! whoever sends much waits for it, and nobody else does. Therefore nothing that others may wait for is held while something is done there: no lock of
//! Postgres, above all.

use std::{io, sync::Arc, time::Duration};
use tokio::{
    runtime::{Builder, Handle, Runtime},
    sync::{OwnedSemaphorePermit, Semaphore},
};
use tokio_util::sync::CancellationToken;
use tracing::{Instrument, Span};

/// Added to the niceness of the process. Linux gives a thread that is ten higher a tenth of the time.
const NICER: i32 = 10;
/// How long a thread without work is kept, with the memory that its allocator holds.
const KEPT: Duration = Duration::from_secs(1);
/// What room is counted in.
const KIB: usize = 1024;

/// Where a process does what costs much. Clones are the same.
#[derive(Clone, Debug)]
pub struct Background(Arc<Threads>);

/// So much memory for all who take some of it. Clones are the same.
#[derive(Clone, Debug)]
pub struct Memory {
    /// In KiB.
    left: Arc<Semaphore>,
    in_all: u32,
}

/// Memory that is taken, until it is dropped.
#[derive(Debug)]
pub struct Room(Option<OwnedSemaphorePermit>);

impl Memory {
    /// So many bytes.
    pub fn new(bytes: usize) -> Self {
        let in_all = kib(bytes);
        Self { left: Arc::new(Semaphore::new(usize::try_from(in_all).unwrap_or(Semaphore::MAX_PERMITS))), in_all }
    }

    /// Waits until so many bytes are left. Who wants more than there are gets all of them, and so is alone. Those who wait take turns.
    pub async fn room(&self, bytes: usize) -> Room {
        // The semaphore is never closed.
        Room(self.left.clone().acquire_many_owned(kib(bytes).min(self.in_all)).await.ok())
    }
}

impl Room {
    /// Gives back what is more than so many bytes.
    pub fn shrink_to(&mut self, bytes: usize) {
        let kept = usize::try_from(kib(bytes)).unwrap_or(usize::MAX);
        if let Some(permit) = &mut self.0 {
            drop(permit.split(permit.num_permits().saturating_sub(kept)));
        }
    }
}

impl Background {
    /// So many threads of low priority.
    ///
    /// # Errors
    /// The system refuses what a runtime needs.
    pub fn new(threads: usize) -> io::Result<Self> {
        Self::with_threads(threads, NICER)
    }

    /// So many threads with the priority of all others: for work that somebody waits for who keeps others waiting, as one who holds locks does. On a busy
    /// machine a thread of low priority may need minutes for a second of work.
    ///
    /// # Errors
    /// The system refuses what a runtime needs.
    pub fn prompt(threads: usize) -> io::Result<Self> {
        Self::with_threads(threads, 0)
    }

    fn with_threads(threads: usize, nicer: i32) -> io::Result<Self> {
        let lower_priority = move || {
            // Where it is refused, others wait longer, and nothing else is different.
            let _ = rustix::process::nice(nicer);
        };
        // Its pool of threads for blocking work is all that is used of it.
        let runtime = Builder::new_current_thread()
            .thread_name("background")
            .max_blocking_threads(threads.max(1))
            .thread_keep_alive(KEPT)
            .on_thread_start(lower_priority)
            .build()?;
        Ok(Self(Arc::new(Threads(Some(runtime)))))
    }

    /// Does it on one of the threads. A panic there is one here.
    pub async fn run<R: Send + 'static>(&self, work: impl FnOnce() -> R + Send + 'static) -> R {
        let Some(runtime) = &self.0.0 else { unreachable!("it is taken only when it is dropped") };
        match runtime.handle().spawn_blocking(work).await {
            Ok(done) => done,
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        }
    }

    /// Polls a future on one of the threads. Its sockets and timers, and what it spawns, stay with the runtime of the caller. It is dropped at its
    /// next wait when nobody waits for it any more.
    pub async fn poll<F>(&self, work: F) -> F::Output
    where
        F: Future<Output: Send> + Send + 'static,
    {
        let stop = CancellationToken::new();
        let _stop = stop.clone().drop_guard();
        let (runtime, span) = (Handle::current(), Span::current());
        let work = async move { stop.run_until_cancelled(work).await }.instrument(span);
        let done = self.run(move || runtime.block_on(work)).await;
        done.unwrap_or_else(|| unreachable!("it is stopped only when this is dropped"))
    }
}

/// None only once it is dropped.
#[derive(Debug)]
struct Threads(Option<Runtime>);

impl Drop for Threads {
    /// A runtime that is dropped waits for its threads, which the threads of another one must not.
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

fn kib(bytes: usize) -> u32 {
    u32::try_from(bytes.div_ceil(KIB)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt;
    use std::{panic::AssertUnwindSafe, sync::mpsc};
    use tokio::time::timeout;

    const MIB: usize = 1 << 20;

    /// The niceness of the thread that asks.
    fn niceness() -> i32 {
        let stat = std::fs::read_to_string("/proc/thread-self/stat").unwrap();
        let (_, rest) = stat.rsplit_once(") ").unwrap();
        rest.split(' ').nth(16).unwrap().parse().unwrap()
    }

    #[tokio::test]
    async fn its_threads_leave_the_processors_to_others() {
        let background = Background::new(1).unwrap();
        let (own, there) = (niceness(), background.run(niceness).await);
        assert_eq!(there, (own + NICER).min(19));
        assert_eq!(background.poll(async { niceness() }).await, there);
        assert_eq!(niceness(), own);
    }

    #[tokio::test]
    async fn what_others_wait_for_is_done_at_their_priority() {
        let background = Background::prompt(1).unwrap();
        assert_eq!(background.run(niceness).await, niceness());
    }

    #[tokio::test]
    async fn so_much_is_taken_at_once() {
        let memory = Memory::new(10 * MIB);
        let first = memory.room(6 * MIB).await;
        assert!(memory.room(5 * MIB).now_or_never().is_none());
        let second = memory.room(4 * MIB).await;
        drop(first);
        assert!(memory.room(100 * MIB).now_or_never().is_none(), "more than there is counts as all");
        drop(second);
        let mut all = memory.room(100 * MIB).await;
        assert!(memory.room(1).now_or_never().is_none());
        all.shrink_to(MIB);
        all.shrink_to(2 * MIB);
        drop(memory.room(9 * MIB).now_or_never().unwrap());
        assert!(memory.room(10 * MIB).now_or_never().is_none());
    }

    #[tokio::test]
    async fn who_wants_much_is_not_overtaken_for_ever() {
        let memory = Memory::new(10 * MIB);
        let first = memory.room(MIB).await;
        let mut much = Box::pin(memory.room(10 * MIB));
        assert!((&mut much).now_or_never().is_none());
        assert!(memory.room(MIB).now_or_never().is_none(), "it came later");
        drop(first);
        much.await;
    }

    #[tokio::test]
    async fn a_panic_comes_to_who_asked() {
        let background = Background::new(1).unwrap();
        let failed = AssertUnwindSafe(background.run(|| panic!("on purpose"))).catch_unwind().await;
        assert_eq!(*failed.unwrap_err().downcast::<&str>().unwrap(), "on purpose");
        assert_eq!(background.run(|| 7).await, 7, "its thread goes on");
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn what_nobody_waits_for_ends() {
        let background = Background::new(1).unwrap();
        let (begun, has_begun) = mpsc::channel();
        let endless = {
            let background = background.clone();
            tokio::spawn(async move {
                background
                    .poll(async move {
                        begun.send(()).unwrap();
                        std::future::pending::<()>().await;
                    })
                    .await;
            })
        };
        tokio::task::spawn_blocking(move || has_begun.recv().unwrap()).await.unwrap();
        endless.abort();
        // The only thread is free again, and timers of the caller's runtime work there.
        let next = background.poll(async { tokio::time::sleep(Duration::from_millis(1)).await });
        timeout(Duration::from_secs(30), next).await.unwrap();
    }
}
