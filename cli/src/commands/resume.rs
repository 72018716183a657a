//! `causeway resume KIND NAME`.

use clap::Args;

use super::{describe::found, reconcile::asked};
use crate::{documents::keys::INTERRUPT, exit::Exit, failure::Outcome, session::Session};

/// Go on with the work on a record that was paused.
#[derive(Args, Debug)]
pub(crate) struct Resume {
    /// Its kind, or kind/name.
    kind: String,
    /// Its name.
    name: Option<String>,
}

impl Resume {
    pub(crate) async fn run(&self, session: &Session) -> Outcome<Exit> {
        let (api, kind, record) = found(session, &self.kind, self.name.as_deref()).await?;
        let changed = asked(&api, kind, &record, INTERRUPT, false).await?;
        session.print_changed(&api, kind.info(), &changed, "is worked on again").await?;
        Ok(Exit::Done)
    }
}
