//! The thread that starts every program.
//!
//! Each program asks the kernel to be killed when its parent dies. The kernel takes "parent" to be the *thread* that started
//! the program, so all of them are started from one thread which lives as long as this process.

use std::{
    process::{Command, ExitStatus},
    sync::OnceLock,
    thread,
};

use anyhow::{Context, Result, anyhow};
use nix::unistd::Pid;
use tokio::sync::{mpsc, oneshot, watch};

/// The process id of a program, and its exit status once it has ended.
pub(crate) type Started = (Pid, watch::Receiver<Option<ExitStatus>>);

/// Starts a program.
///
/// # Errors
/// When it can't be started.
pub(crate) async fn start(command: Command) -> Result<Started> {
    let (reply, started) = oneshot::channel();
    let gone = || anyhow!("the thread that starts programs has ended");
    starter()?.send(Order { command, reply }).map_err(|_| gone())?;
    started.await.map_err(|_| gone())?
}

/// A request to the starting thread.
struct Order {
    command: Command,
    reply: oneshot::Sender<Result<Started>>,
}

/// The thread that starts every program, started when first asked for.
fn starter() -> Result<&'static mpsc::UnboundedSender<Order>> {
    static STARTER: OnceLock<mpsc::UnboundedSender<Order>> = OnceLock::new();
    if let Some(starter) = STARTER.get() {
        return Ok(starter);
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (orders, mut inbox) = mpsc::unbounded_channel::<Order>();
    thread::Builder::new().name("starter".to_owned()).spawn(move || {
        runtime.block_on(async move {
            while let Some(Order { command, reply }) = inbox.recv().await {
                // Nobody listens any more when the caller gave up; the program then ends with this process.
                let _ = reply.send(spawn(command));
            }
        });
    })?;
    Ok(STARTER.get_or_init(|| orders))
}

fn spawn(command: Command) -> Result<Started> {
    let mut child = tokio::process::Command::from(command).spawn()?;
    let pid = child.id().and_then(|id| i32::try_from(id).ok()).context("it ended at once")?;
    let (tell, exit) = watch::channel(None);
    tokio::spawn(async move {
        if let Ok(status) = child.wait().await {
            tell.send_replace(Some(status));
        }
    });
    Ok((Pid::from_raw(pid), exit))
}
