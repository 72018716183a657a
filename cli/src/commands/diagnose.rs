//! `causeway diagnose HOST|KIND NAME`: one sentence, with what the API sees on the way of a request, and the deepest cause that the conditions name.

use causeway_records::{Kind, noun::Info, status::Condition, text::ListenerHostname};
use chrono::Utc;
use clap::Args;
use serde_json::{Value, json};

use crate::{
    api::{Api, Fields, id, name},
    args::Format,
    exit::Exit,
    failure::{Failure, Outcome},
    kinds,
    output::{
        self, age, data, details, diagnosis,
        state::{State, state},
        style::{BOLD, FAINT, paint},
    },
    session::Session,
};

use super::describe::found;

/// Say in a sentence why a hostname is not served, or a record not Ready.
#[derive(Args, Debug)]
pub(crate) struct Diagnose {
    /// A hostname, such as www.example.org or '*.example.org'; or the record's kind, or kind/name.
    #[arg(value_name = "HOST|KIND")]
    word: String,
    /// The record's name.
    name: Option<String>,
}

/// A record that blocks, and its first step that does.
pub(crate) struct Cause {
    pub(crate) kind: Kind,
    pub(crate) record: Fields,
    pub(crate) state: State,
}

/// What is found out about a record.
struct Findings {
    kind: Kind,
    record: Fields,
    /// What its conditions tell: itself first, the deepest cause last.
    chain: Vec<Cause>,
    /// What the API sees on the way of a request, by hostname.
    diagnoses: Vec<Fields>,
}

impl Diagnose {
    pub(crate) async fn run(&self, session: &Session) -> Outcome<Exit> {
        // No kind has a dot in it.
        let is_host = self.name.is_none() && self.word.contains('.') && !self.word.contains('/');
        if is_host { self.of_host(session).await } else { self.of_record(session).await }
    }

    async fn of_host(&self, session: &Session) -> Outcome<Exit> {
        let host = hostname(&self.word)?;
        let api = session.api()?;
        let mut all = vec![];
        for instance in api.answering(host.as_str()).await? {
            let kind = Kind::GatewayInstance;
            let diagnoses = api.diagnoses(kind, instance, Some(host.as_str())).await?;
            let record = api.by_id(kind, instance).await?.record;
            let chain = causes(&api, kind, record.clone()).await?;
            all.push(Findings { kind, record, chain, diagnoses });
        }
        let served = all.iter().flat_map(|one| &one.diagnoses).all(diagnosis::is_served);
        let data = || json!({"Host": host.as_str(), "Served": served, "GatewayInstances": all.iter().map(as_data).collect::<Vec<_>>()});
        let text = || all.iter().map(text).collect::<Vec<_>>().join("\n");
        print(session, data, text)?;
        Ok(if served { Exit::Done } else { Exit::Negative })
    }

    async fn of_record(&self, session: &Session) -> Outcome<Exit> {
        let (api, kind, record) = found(session, &self.word, self.name.as_deref()).await?;
        let chain = causes(&api, kind, record.clone()).await?;
        let diagnoses = match kind {
            Kind::GatewayInstance | Kind::DomainNameInstance => look(&api, kind, id(&record)).await?,
            _ => vec![],
        };
        let well = chain.is_empty() && diagnoses.iter().all(diagnosis::is_served);
        let findings = Findings { kind, record, chain, diagnoses };
        print(session, || as_data(&findings), || text(&findings))?;
        Ok(if well { Exit::Done } else { Exit::Negative })
    }
}

/// A hostname or a wildcard as somebody has typed it.
pub(crate) fn hostname(word: &str) -> Outcome<ListenerHostname> {
    word.parse().map_err(|problem| Failure::usage(format!("`{}` {problem}", word.escape_debug())))
}

/// What the API sees. One that has no time for it now leaves what the conditions tell.
async fn look(api: &Api, kind: Kind, id: i64) -> Outcome<Vec<Fields>> {
    match api.diagnoses(kind, id, None).await {
        Err(failure) if failure.exit == Exit::Unreachable => {
            output::say(&format!("Only what its conditions tell: {}\n", failure.sentence));
            Ok(vec![])
        }
        seen => seen,
    }
}

fn print(session: &Session, data: impl Fn() -> Value, text: impl Fn() -> String) -> Outcome<()> {
    output::print(&match session.format() {
        Some(Format::Json) => data::json(&data())?,
        Some(Format::Yaml) => data::yaml(&data())?,
        _ => text(),
    })
}

/// What blocks a record: itself first, then the record that its message names, and so on. Empty: nothing does.
pub(crate) async fn causes(api: &Api, kind: Kind, record: Fields) -> Outcome<Vec<Cause>> {
    let mut chain: Vec<Cause> = vec![];
    let mut next = Some((kind, record));
    while let Some((kind, record)) = next.take() {
        let state = state(&record, kind.info().reconciled);
        if matches!(state, State::Ready | State::Plain) || chain.iter().any(|cause| id(&cause.record) == id(&record)) {
            break;
        }
        if let Some(step) = state.step() {
            next = named_by(api, kind.info(), &record, step).await?;
        }
        chain.push(Cause { kind, record, state });
    }
    Ok(chain)
}

/// A record of the same cluster, or one that this record names, that is not Ready and whose name stands in the message of a step.
async fn named_by(
    api: &Api,
    info: &'static Info,
    record: &Fields,
    step: &Condition,
) -> Outcome<Option<(Kind, Fields)>> {
    let mut near: Vec<(Kind, Fields)> = vec![];
    for (field, parent) in kinds::parents(info).filter(|(_, parent)| parent.kind.info().reconciled) {
        if let Some(of) = record.get(field.json).and_then(Value::as_i64) {
            near.push((parent.kind, api.by_id(parent.kind, of).await?.record));
        }
    }
    if let Some(runtime) = record.get("KubernetesRuntimeInstanceID").and_then(Value::as_i64) {
        let runtime = runtime.to_string();
        for kind in [Kind::SupportServiceInstance, Kind::SharedGateway] {
            let all = api.list(kind, &[("kubernetesruntimeinstanceid", &runtime)]).await?;
            near.extend(all.into_iter().map(|record| (kind, record)));
        }
    }
    let is_named = |record: &Fields| {
        let service = record.get("Service").and_then(Value::as_str);
        [Some(name(record)), service].into_iter().flatten().any(|word| word.len() > 2 && has_word(&step.message, word))
    };
    // One that says nothing yet explains less than what has named it.
    let blocks = |kind: Kind, record: &Fields| state(record, kind.info().reconciled).step().is_some();
    Ok(near.into_iter().find(|(kind, record)| blocks(*kind, record) && is_named(record)))
}

/// Whether a name stands in a text as a whole.
fn has_word(text: &str, word: &str) -> bool {
    let part = |c: char| c.is_alphanumeric() || c == '-' || c == '.' || c == '_';
    text.match_indices(word).any(|(at, _)| {
        let before = text[..at].chars().next_back().is_none_or(|c| !part(c));
        let after = text[at + word.len()..].chars().next().is_none_or(|c| !part(c) || c == '.');
        before && after
    })
}

fn text(findings: &Findings) -> String {
    let (now, info, record) = (Utc::now(), findings.kind.info(), &findings.record);
    let width = output::width();
    let mut text: String = findings.diagnoses.iter().map(|one| diagnosis::sentence(one, width)).collect();
    text.push_str(&details::headline(info, record, &state(record, info.reconciled)));
    for one in &findings.diagnoses {
        text.push_str(&diagnosis::steps(one, findings.diagnoses.len() > 1, width));
    }
    // The deepest cause is the one to mend; those above it only wait for it.
    if let Some((deepest, above)) = findings.chain.split_last() {
        if !above.is_empty() {
            text.push_str(&format!(
                "{} {} {}\n",
                paint(FAINT, "because of"),
                deepest.kind,
                paint(BOLD, &output::clean(name(&deepest.record)))
            ));
        }
        text.push_str(&details::blocking(&deepest.state, width, now));
        if deepest.state.step().is_none() {
            text.push_str(&format!(
                "  {} since {}; no worker has said more yet\n",
                deepest.state.word(),
                age::of(deepest.record.get("UpdatedAt"), now)
            ));
        }
    }
    let more = findings.chain.last().map_or((findings.kind, record), |deepest| (deepest.kind, &deepest.record));
    if !findings.chain.is_empty() || !findings.diagnoses.is_empty() {
        text.push_str(&format!("{} causeway describe {}\n", paint(FAINT, "more:"), kinds::named(more.0, name(more.1))));
    }
    text
}

fn as_data(findings: &Findings) -> Value {
    let Findings { kind, record, chain, diagnoses } = findings;
    let cause = |cause: &Cause| {
        let mut told = json!({"Kind": cause.kind, "Name": name(&cause.record), "ID": id(&cause.record).to_string(), "State": cause.state.word()});
        if let Some(step) = cause.state.step() {
            told["Condition"] = json!(step);
        }
        told
    };
    json!({
        "Kind": kind, "Name": name(record), "ID": id(record).to_string(), "Ready": chain.is_empty(),
        "Causes": chain.iter().rev().map(cause).collect::<Vec<_>>(), "Diagnoses": diagnoses,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_as_whole_words() {
        let message = "SupportService cert-manager of runtime main: its Deployment is not ready.";
        assert!(has_word(message, "cert-manager") && has_word(message, "main") && has_word("wait for main.", "main"));
        assert!(!has_word(message, "cert") && !has_word("mainly", "main") && !has_word("", "main"));
    }
}
