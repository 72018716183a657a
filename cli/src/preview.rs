//! What `apply` would do with documents, as far as the records that are stored tell it: read by the commands that only show it.

use causeway_records::Kind;
use clap::Args;

use crate::{
    api::{Api, Fields},
    args::Files,
    commands::apply::{How, SetArguments},
    documents::{
        self,
        live::Live,
        plan::{self, Mode, Operation, Verb},
        set::DocumentSet,
        source,
    },
    failure::Outcome,
    session::Session,
};

/// Documents, and how `apply` would take them.
#[derive(Args, Debug)]
pub(crate) struct Preview {
    #[command(flatten)]
    files: Files,
    #[command(flatten)]
    how: How,
    #[command(flatten)]
    set: SetArguments,
}

/// What `apply` would do, and what it is told from.
pub(crate) struct Previewed {
    pub(crate) api: Api,
    pub(crate) live: Live,
    /// Those that change something.
    pub(crate) operations: Vec<Operation>,
    /// What has left the set and would be deleted.
    pub(crate) leaving: Vec<(Kind, Fields)>,
}

impl Preview {
    pub(crate) const fn mode(&self) -> Mode {
        self.how.mode()
    }

    /// Reads the documents and what is stored; writes nothing.
    pub(crate) async fn read(&self, session: &Session) -> Outcome<Previewed> {
        let wanted = documents::wanted(source::read(&self.files)?)?;
        let api = session.api()?;
        let live = Live::read(&api, &wanted).await?;
        let mut operations = plan::plan(wanted, &live, self.mode())?;
        let leaving = match &self.set.set {
            Some(name) if self.set.prune => DocumentSet::read(&api, name).await?.leaving(&api, &operations).await?,
            _ => vec![],
        };
        operations.retain(|operation| operation.verb != Verb::Unchanged);
        Ok(Previewed { api, live, operations, leaving })
    }
}
