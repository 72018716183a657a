//! Work that takes time for each byte.

/// Less is done where it is; more would keep other requests of the thread waiting.
pub(super) const LARGE: usize = 64 * 1024;

/// Lets others go on with this thread's requests while a large text is read.
pub(crate) fn off_the_runtime<R>(length: usize, read: impl FnOnce() -> R) -> R {
    use tokio::runtime::{Handle, RuntimeFlavor};
    let on_many = Handle::try_current().is_ok_and(|runtime| runtime.runtime_flavor() == RuntimeFlavor::MultiThread);
    if length > LARGE && on_many { tokio::task::block_in_place(read) } else { read() }
}

/// Does it on a thread for blocking work. A panic there is one here.
pub(crate) async fn on_blocking_thread<R: Send + 'static>(work: impl FnOnce() -> R + Send + 'static) -> R {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}
