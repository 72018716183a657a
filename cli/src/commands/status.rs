//! `causeway status HOST`: whether a hostname is served, and if not, why.

use causeway_records::{Kind, text::ListenerHostname};
use chrono::Utc;
use clap::Args;
use serde_json::{Value, json};

use super::{
    describe::node,
    diagnose::{causes, hostname},
};
use crate::{
    api::{Api, Fields, id, name},
    args::Format,
    exit::Exit,
    failure::Outcome,
    kinds,
    output::{
        self, data, details,
        state::{State, conditions, state},
        style::{BAD, BOLD, FAINT, GOOD, paint},
        tree,
        wrap::hanging,
    },
    session::Session,
};

/// Say whether a hostname is served, and if not, why.
#[derive(Args, Debug)]
pub(crate) struct Status {
    /// The hostname, such as www.example.org. What serves it may have a wildcard above it.
    host: String,
}

/// A gateway instance that answers to the hostname, with the domain name instances that publish it.
struct Serving {
    instance: Fields,
    publishers: Vec<Fields>,
    blocking: Option<(Kind, Fields, State)>,
}

impl Status {
    pub(crate) async fn run(&self, session: &Session) -> Outcome<Exit> {
        let host = hostname(&self.host)?;
        let api = session.api()?;
        let found = serving(&api, host.as_str()).await?;
        let served = found.iter().all(|one| one.blocking.is_none());
        let text = match session.format() {
            Some(Format::Json) => data::json(&as_data(&host, &found))?,
            Some(Format::Yaml) => data::yaml(&as_data(&host, &found))?,
            Some(Format::Name) => {
                found.iter().map(|one| format!("gateway-instance/{}\n", output::clean(name(&one.instance)))).collect()
            }
            _ => text(&host, &found),
        };
        output::print(&text)?;
        Ok(if served { Exit::Done } else { Exit::Negative })
    }
}

/// The gateways of a hostname, with what publishes it.
async fn serving(api: &Api, host: &str) -> Outcome<Vec<Serving>> {
    let mut found = vec![];
    for instance in api.answering(host).await? {
        let instance = api.by_id(Kind::GatewayInstance, instance).await?.record;
        let of = |record: &Fields, field: &str| record.get(field).and_then(Value::as_i64).unwrap_or_default();
        let definition = api.by_id(Kind::GatewayDefinition, of(&instance, "GatewayDefinitionID")).await?.record;
        let workload = of(&instance, "WorkloadInstanceID").to_string();
        let domain = of(&definition, "DomainNameDefinitionID").to_string();
        let filters = [("workloadinstanceid", workload.as_str()), ("domainnamedefinitionid", &domain)];
        let publishers = api.list(Kind::DomainNameInstance, &filters).await?;
        let mut blocking = None;
        let records = std::iter::once((Kind::GatewayInstance, &instance));
        for (kind, record) in records.chain(publishers.iter().map(|one| (Kind::DomainNameInstance, one))) {
            if blocking.is_none() {
                let cause = causes(api, kind, record.clone()).await?.pop();
                blocking = cause.map(|cause| (cause.kind, cause.record, cause.state));
            }
        }
        found.push(Serving { instance, publishers, blocking });
    }
    Ok(found)
}

fn text(host: &ListenerHostname, found: &[Serving]) -> String {
    let now = Utc::now();
    let mut text = String::new();
    for one in found {
        let of_host = |served: &str| format!("{} {served}", paint(BOLD, host.as_str()));
        match &one.blocking {
            None => text.push_str(&format!("{} {}\n", paint(GOOD, "✓"), of_host("is served: every step is done"))),
            Some((kind, record, state)) => {
                let by = format!("is not served: {} {} is {}", kind, output::clean(name(record)), state.word());
                text.push_str(&format!("{} {}\n", paint(BAD, "✗"), of_host(&hanging(&by, 2, output::width()))));
                text.push_str(&details::blocking(state, output::width(), now));
            }
        }
        text.push('\n');
        let mut gateway = node(Kind::GatewayInstance, &one.instance);
        gateway.below = one.publishers.iter().map(|publisher| node(Kind::DomainNameInstance, publisher)).collect();
        text.push_str(&tree::text(&[gateway]));
        let told = one.blocking.as_ref().and_then(|(_, _, state)| state.step());
        text.push_str(&format!("\n{}\n", paint(BOLD, "Steps")));
        text.push_str(&details::steps(&conditions(&one.instance), told, output::width(), now));
        text.push_str(&format!(
            "\n{} causeway describe {}\n",
            paint(FAINT, "more:"),
            kinds::named(Kind::GatewayInstance, name(&one.instance))
        ));
    }
    text
}

fn as_data(host: &ListenerHostname, found: &[Serving]) -> Value {
    let one = |one: &Serving| {
        let of = |kind: Kind, record: &Fields| json!({"Kind": kind, "Name": name(record), "ID": id(record).to_string(), "State": state(record, true).word()});
        let mut told = of(Kind::GatewayInstance, &one.instance);
        told["Served"] = json!(one.blocking.is_none());
        told["Conditions"] = json!(conditions(&one.instance));
        told["DomainNameInstances"] =
            one.publishers.iter().map(|publisher| of(Kind::DomainNameInstance, publisher)).collect();
        if let Some((kind, record, state)) = &one.blocking {
            told["Blocking"] = of(*kind, record);
            if let Some(step) = state.step() {
                told["Blocking"]["Condition"] = json!(step);
            }
        }
        told
    };
    json!({
        "Host": host.as_str(), "Served": found.iter().all(|one| one.blocking.is_none()),
        "GatewayInstances": found.iter().map(one).collect::<Vec<_>>(),
    })
}
