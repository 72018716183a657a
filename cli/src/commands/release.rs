//! `causeway release`: records go, and their objects stay in the cluster as they are.

use causeway_records::Kind;
use clap::Args;
use serde_json::{Value, json};

use super::delete::{Chosen, KEEP, Manner, delete_all, keeps, print_data};
use crate::{
    api::{Api, Fields, id, name},
    exit::Exit,
    failure::{Failure, Outcome},
    output::clean,
    session::Session,
    waiting::Patience,
};

/// Delete what files ask for, or one record, and give its objects back as they stand.
#[derive(Args, Debug)]
pub(crate) struct Release {
    #[command(flatten)]
    chosen: Chosen,
    #[command(flatten)]
    patience: Patience,
}

impl Release {
    pub(crate) async fn run(&self, session: &Session) -> Outcome<Exit> {
        let api = session.api()?;
        let records = self.chosen.records(&api).await?;
        // All of them before the first goes.
        if let Some((kind, record)) = records.iter().find(|(kind, _)| has_objects(*kind) && !keeps(*kind)) {
            let sentence = format!(
                "what {kind} {} has outside of the control plane can't be given back; delete it by itself, or leave it out",
                clean(name(record))
            );
            return Err(Failure::usage(sentence));
        }
        for (kind, record) in &records {
            keep(&api, *kind, record).await?;
        }
        let manner = Manner { no_wait: false, patience: self.patience, gives_back: true };
        print_data(session, delete_all(session, &api, records, manner).await?)?;
        Ok(Exit::Done)
    }
}

/// Whether workers make something of a kind's records.
fn has_objects(kind: Kind) -> bool {
    kind.info().reconciled && !kind.as_str().ends_with("Definition")
}

/// Has the objects of a record stay when it goes.
async fn keep(api: &Api, kind: Kind, record: &Fields) -> Outcome<()> {
    if !keeps(kind) || record.get(KEEP).and_then(Value::as_bool) == Some(true) {
        return Ok(());
    }
    let change = Fields::from_iter([(KEEP.to_owned(), json!(true))]);
    let kept = api.merge(kind, id(record), None, &change).await;
    kept.map(drop).map_err(|failure| failure.at(format!("{kind} {}", clean(name(record)))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gateways_and_workloads_can_be_given_back_and_dns_records_can_not() {
        for kind in [Kind::GatewayInstance, Kind::SharedGateway, Kind::WorkloadInstance] {
            assert!(has_objects(kind) && keeps(kind), "{kind}");
        }
        assert!(has_objects(Kind::DomainNameInstance) && !keeps(Kind::DomainNameInstance));
        for kind in [Kind::GatewayDefinition, Kind::WorkloadDefinition, Kind::GatewayGrant, Kind::DomainNameDefinition]
        {
            assert!(!has_objects(kind), "{kind}");
        }
    }
}
