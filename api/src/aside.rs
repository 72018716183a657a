//! Requests about much: what comes after their body was read is done beside the runtime's threads, within the memory that there is for all of them.
//!
//! This is the only place where that is decided. What a handler does there may parse, compare and write out for as long as it takes.

use crate::state::ApiState;
use causeway_background::{Background, Memory};
use causeway_manifests::memory_to_read;
use std::io;

/// Memory for all of them together.
const MEMORY: usize = 128 << 20;
/// Threads; more than processors, since some wait for Postgres.
const THREADS: usize = 4;
/// Memory for plans, beside that of all others: a plan holds the inputs of both sides of its write, and what is rendered from them. They are made one at
/// a time, so that what they lock is one write's at a time, too.
const OF_PLAN: usize = 256 << 20;
/// Less than this is done where it is. Reading a text of this length takes less than 10 ms, whatever it says.
const SMALL: usize = 8 * 1024;
/// What a list holds of its records: as they are stored, as they are answered, and in between. A page has at most 16 MiB.
const OF_LIST: usize = 4 * causeway_store::MAX_PAGE_BYTES;

/// Where requests about much are done, and the memory that there is for them.
#[derive(Clone, Debug)]
pub struct Aside {
    background: Background,
    /// For what waits for nothing else: those of the others may all wait for this. One thread, so that what it compares is in memory once. It has no low
    /// priority: a write holds its locks meanwhile.
    comparing: Background,
    memory: Memory,
    plans: Memory,
}

impl Aside {
    /// # Errors
    /// The system refuses threads.
    pub fn new() -> io::Result<Self> {
        let (background, comparing) = (Background::new(THREADS)?, Background::prompt(1)?);
        Ok(Self { background, comparing, memory: Memory::new(MEMORY), plans: Memory::new(OF_PLAN) })
    }
}

impl ApiState {
    /// Does the rest of a request about so many bytes: those of its body, or of the documents that are stored.
    pub(crate) async fn aside<R: Send + 'static>(
        &self,
        bytes: usize,
        rest: impl Future<Output = R> + Send + 'static,
    ) -> R {
        // Handlers are large: one that is passed on by value is on the stack as often.
        let rest = Box::pin(rest);
        if bytes <= SMALL { rest.await } else { self.within(memory_to_read(bytes), rest).await }
    }

    /// The same for a list of records that may be large.
    pub(crate) async fn list_aside<R: Send + 'static>(&self, rest: impl Future<Output = R> + Send + 'static) -> R {
        self.within(OF_LIST, Box::pin(rest)).await
    }

    /// The same for a write about whose effect something is asked.
    pub(crate) async fn plan_aside<R: Send + 'static>(&self, rest: impl Future<Output = R> + Send + 'static) -> R {
        self.with_room(&self.aside.plans, OF_PLAN, Box::pin(rest)).await
    }

    /// Compares what a write would do with what is expected of it. The write waits for this with all that it has locked.
    pub(crate) async fn comparing<R: Send + 'static>(&self, work: impl FnOnce() -> R + Send + 'static) -> R {
        self.aside.comparing.run(work).await
    }

    async fn within<R: Send + 'static>(&self, memory: usize, rest: impl Future<Output = R> + Send + 'static) -> R {
        self.with_room(&self.aside.memory, memory, rest).await
    }

    async fn with_room<R: Send + 'static>(
        &self,
        of: &Memory,
        bytes: usize,
        rest: impl Future<Output = R> + Send + 'static,
    ) -> R {
        let room = of.room(bytes).await;
        let rest = async move {
            // For as long as something is done, even if nobody waits for it any more.
            let _room = room;
            rest.await
        };
        self.aside.background.poll(rest).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_text_is_alone_and_smaller_ones_are_not() {
        assert!(memory_to_read(8 << 20) >= MEMORY);
        assert!(2 * memory_to_read(256 * 1024) <= MEMORY && OF_LIST * 2 <= MEMORY);
        assert!(2 * memory_to_read(causeway_store::trial::MOST_BYTES) <= OF_PLAN, "both sides of a plan");
    }
}
