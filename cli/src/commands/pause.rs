//! `causeway pause KIND NAME`.

use clap::Args;

use super::{describe::found, reconcile::asked};
use crate::{documents::keys::INTERRUPT, exit::Exit, failure::Outcome, session::Session};

/// Pause the work on a record; on a runtime instance, on everything in its cluster.
#[derive(Args, Debug)]
pub(crate) struct Pause {
    /// Its kind, or kind/name.
    kind: String,
    /// Its name.
    name: Option<String>,
}

impl Pause {
    pub(crate) async fn run(&self, session: &Session) -> Outcome<Exit> {
        let (api, kind, record) = found(session, &self.kind, self.name.as_deref()).await?;
        let changed = asked(&api, kind, &record, INTERRUPT, true).await?;
        session.print_changed(&api, kind.info(), &changed, "is paused").await?;
        Ok(Exit::Done)
    }
}
