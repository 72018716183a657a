//! `causeway blocked`: what isn't Ready, of all kinds and clusters.

use causeway_records::Kind;
use clap::Args;

use crate::{
    api::id,
    exit::Exit,
    failure::Outcome,
    kinds,
    output::{self, summaries},
    session::Session,
};

/// List the records that something blocks, of all kinds, the longest first.
#[derive(Args, Debug)]
pub(crate) struct Blocked {
    /// Only records of this kind.
    #[arg(long)]
    kind: Option<String>,
    /// Only records in this cluster.
    #[arg(long, value_name = "NAME")]
    runtime: Option<String>,
}

impl Blocked {
    pub(crate) async fn run(&self, session: &Session) -> Outcome<Exit> {
        let kind = self.kind.as_deref().map(kinds::kind).transpose()?;
        let api = session.api()?;
        let mut filters = vec![];
        filters.extend(kind.map(|kind| ("kind", kind.as_str().to_owned())));
        if let Some(runtime) = &self.runtime {
            let runtime = api.find(Kind::KubernetesRuntimeInstance, runtime).await?;
            filters.push(("kubernetesruntimeinstanceid", id(&runtime).to_string()));
        }
        let filters: Vec<_> = filters.iter().map(|(key, value)| (*key, value.as_str())).collect();
        let found = api.blocked(&filters).await?;
        if found.is_empty() && session.format().is_none() {
            output::say("Nothing is blocked: every record that workers reconcile is Ready.\n");
            return Ok(Exit::Done);
        }
        summaries::print(session, &api, &found).await?;
        Ok(Exit::Done)
    }
}
