//! `causeway wait KIND NAME`.

use clap::Args;

use crate::{
    api::id,
    exit::Exit,
    failure::Outcome,
    kinds, output,
    session::{Session, record_of},
    waiting::{Goal, Patience, until},
};

/// Wait until a record is Ready, gone, or has a condition. Exit code 1: not in time.
#[derive(Args, Debug)]
pub(crate) struct Wait {
    /// Its kind, or kind/name.
    kind: String,
    /// Its name.
    name: Option<String>,
    /// `ready`, `gone`, or `condition=NAME`, which may end with `=False` or `=Unknown`.
    #[arg(long = "for", default_value = "ready", value_name = "GOAL")]
    goal: Goal,
    #[command(flatten)]
    patience: Patience,
}

impl Wait {
    pub(crate) async fn run(&self, session: &Session) -> Outcome<Exit> {
        let (kind, name) = record_of(&self.kind, self.name.as_deref())?;
        let api = session.api()?;
        let record = match api.find(kind, &name).await {
            Err(failure) if failure.exit == Exit::NotFound && self.goal == Goal::Gone => None,
            found => Some(found?),
        };
        let then = match record {
            Some(record) => until(&api, kind, id(&record), &name, &self.goal, self.patience).await?,
            None => None,
        };
        match (then, session.format()) {
            (Some(record), Some(_)) => session.print_record(&api, kind.info(), &record).await?,
            (None, Some(crate::args::Format::Json)) => output::print("null\n")?,
            _ => output::say(&format!("{} is {}.\n", kinds::named(kind, &name), self.goal)),
        }
        Ok(Exit::Done)
    }
}
