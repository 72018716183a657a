//! `causeway search [TEXT]`: records of all kinds and clusters, by what people know of them.

use causeway_records::{Kind, status::ConditionStatus};
use clap::Args;

use crate::{
    api::id,
    exit::Exit,
    failure::Outcome,
    kinds,
    output::{self, summaries},
    session::Session,
};

/// Find records of all kinds in all clusters by name, hostname, id or address.
#[derive(Args, Debug)]
pub(crate) struct Search {
    /// A part of a name, a hostname or a domain; a hostname below a wildcard; an id; the whole IP address or name of a load balancer.
    #[arg(required_unless_present_any = ["kind", "shared_gateway"])]
    text: Option<String>,
    /// Only records of this kind.
    #[arg(long)]
    kind: Option<String>,
    /// Only records whose condition Ready has this status: True, False or Unknown.
    #[arg(long, value_name = "STATUS")]
    ready: Option<ConditionStatus>,
    /// Only records in this cluster.
    #[arg(long, value_name = "NAME")]
    runtime: Option<String>,
    /// Only gateway instances that have routes on this shared gateway.
    #[arg(long, value_name = "NAME")]
    shared_gateway: Option<String>,
}

impl Search {
    pub(crate) async fn run(&self, session: &Session) -> Outcome<Exit> {
        let kind = self.kind.as_deref().map(kinds::kind).transpose()?;
        let api = session.api()?;
        let mut wanted = vec![];
        wanted.extend(self.text.clone().map(|text| ("q", text)));
        wanted.extend(kind.map(|kind| ("kind", kind.as_str().to_owned())));
        wanted.extend(self.ready.map(|ready| ("ready", ready.to_string())));
        for (key, kind, name) in [
            ("kubernetesruntimeinstanceid", Kind::KubernetesRuntimeInstance, &self.runtime),
            ("sharedgatewayid", Kind::SharedGateway, &self.shared_gateway),
        ] {
            if let Some(name) = name {
                wanted.push((key, id(&api.find(kind, name).await?).to_string()));
            }
        }
        let wanted: Vec<_> = wanted.iter().map(|(key, value)| (*key, value.as_str())).collect();
        let found = api.found(&wanted).await?;
        if found.is_empty() && session.format().is_none() {
            output::say("Nothing is found.\n");
            return Ok(Exit::Done);
        }
        summaries::print(session, &api, &found).await?;
        Ok(Exit::Done)
    }
}
