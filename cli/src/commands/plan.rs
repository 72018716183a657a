//! `causeway plan -f`: what `apply` would do in clusters and in DNS, as the server finds out.

use causeway_records::{Kind, trial::PLANNED};
use clap::Args;
use http::Method;
use serde_json::{Value, json};

use crate::{
    api::{Api, Fields, id, name},
    args::Format,
    documents::{
        intent, keys,
        live::{Live, with_parts},
        plan::{self, Mode, Operation, Verb, about},
    },
    exit::Exit,
    failure::Outcome,
    kinds,
    output::{
        self, clean, data,
        plan::{Count, text},
        style::{BAD, BOLD, FAINT, GOOD, WAITING, paint},
    },
    preview::{Preview, Previewed},
    session::Session,
};

/// Show what `apply` would do in clusters and in DNS; writes nothing. Each record is planned by itself, with all others as they stand now.
#[derive(Args, Debug)]
pub(crate) struct Plan {
    #[command(flatten)]
    preview: Preview,
    /// End with code 1 when something would change, and 0 when nothing would.
    #[arg(long)]
    exit_code: bool,
}

/// What would be done with one record.
struct Planned {
    kind: Kind,
    name: String,
    would: Would,
    /// The plans of its writes; one, unless rows are taken out of a list that ends up empty.
    plans: Vec<Fields>,
    /// Why there is none.
    unknown: Option<String>,
}

enum Would {
    Create,
    /// With the fields that differ.
    Change(Vec<&'static str>),
    Delete,
}

impl Plan {
    pub(crate) async fn run(&self, session: &Session) -> Outcome<Exit> {
        let Previewed { api, live, operations, leaving } = self.preview.read(session).await?;
        let mut all = vec![];
        for operation in &operations {
            let planned = written(&api, &live, operation, self.preview.mode()).await;
            all.push(planned.map_err(|failure| failure.at(about(&operation.wanted)))?);
        }
        for (kind, record) in &leaving {
            all.push(deleted(&api, *kind, record).await?);
        }
        let told: Vec<_> = all.iter().map(as_data).collect();
        let text = match session.format() {
            Some(Format::Json) => data::json(&told)?,
            Some(Format::Yaml) => data::yaml(&told)?,
            Some(Format::Name) => {
                all.iter().map(|one| format!("{}/{}\n", one.kind.label(), clean(&one.name))).collect()
            }
            _ => whole(&all),
        };
        output::print(&text)?;
        Ok(if self.exit_code && !all.is_empty() { Exit::Negative } else { Exit::Done })
    }
}

async fn written(api: &Api, live: &Live, operation: &Operation, mode: Mode) -> Outcome<Planned> {
    let wanted = &operation.wanted;
    let would = match &operation.verb {
        Verb::Change(changes) => Would::Change(changes.iter().map(|change| change.field).collect()),
        _ => Would::Create,
    };
    let planned = |plans, unknown| Planned { kind: wanted.kind, name: wanted.name.clone(), would, plans, unknown };
    let missing = wanted.references.iter().find_map(|reference| {
        let name = reference.names.iter().find(|name| live.id(reference.kind, name).is_none())?;
        Some(format!("known when {} {name} is made", kinds::spoken(reference.kind)))
    });
    if missing.is_some() {
        return Ok(planned(vec![], missing));
    }
    if let Some(why) = unplanned(wanted.kind) {
        return Ok(planned(vec![], Some(why)));
    }
    let mut body = plan::body(wanted, |kind, name| live.id(kind, name))?;
    let plans = match &operation.stored {
        None => {
            if let Some(interrupt) = wanted.interrupt {
                body.insert(keys::INTERRUPT.into(), json!(interrupt));
            }
            vec![api.plan(Method::POST, &format!("/v0/{}", wanted.kind.info().plural), Some(&body)).await?]
        }
        Some(stored) => changed(api, operation, body, stored, mode).await?,
    };
    Ok(planned(plans, None))
}

/// Why there is no plan of a kind.
fn unplanned(kind: Kind) -> Option<String> {
    (!PLANNED.contains(&kind)).then(|| "nothing in a cluster follows at once".to_owned())
}

/// What has left the set.
async fn deleted(api: &Api, kind: Kind, record: &Fields) -> Outcome<Planned> {
    let unknown = unplanned(kind);
    let plans = match unknown {
        Some(_) => vec![],
        None => vec![api.plan(Method::DELETE, &format!("/v0/{}/{}", kind.info().plural, id(record)), None).await?],
    };
    Ok(Planned { kind, name: name(record).to_owned(), would: Would::Delete, plans, unknown })
}

/// The writes by which `apply` changes a record.
async fn changed(api: &Api, operation: &Operation, body: Fields, stored: &Fields, mode: Mode) -> Outcome<Vec<Fields>> {
    let (wanted, own) = (&operation.wanted, id(stored));
    let path = format!("/v0/{}/{own}", wanted.kind.info().plural);
    let now = with_parts(api, wanted.kind, vec![api.by_id(wanted.kind, own).await?.record]).await?.remove(0);
    let changes = plan::differences(wanted, &body, &now, mode)?;
    let emptied = intent::emptied(wanted.kind, &changes);
    let mut plans = vec![];
    if changes.iter().any(|change| !emptied.contains(&change.field)) {
        let (method, body) = match mode.merge {
            true => (Method::PATCH, body),
            false => (Method::PUT, plan::whole(wanted, body, &now)),
        };
        plans.push(api.plan(method, &path, Some(&body)).await?);
    }
    for (list, part, _) in kinds::children(wanted.kind.info()).filter(|(list, ..)| emptied.contains(&list.json)) {
        let rows = now.get(list.json).and_then(Value::as_array).into_iter().flatten();
        for row in rows.filter_map(|row| row["ID"].as_i64()) {
            plans.push(api.plan(Method::DELETE, &format!("/v0/{}/{row}", part.kind.info().plural), None).await?);
        }
    }
    Ok(plans)
}

fn whole(all: &[Planned]) -> String {
    if all.is_empty() {
        return "Nothing would change.\n".to_owned();
    }
    let plans = || all.iter().flat_map(|one| &one.plans);
    let count = plans().map(Count::of).fold(Count::default(), Count::plus);
    let records: String = all.iter().map(|one| one.text() + "\n").collect();
    format!("{records}{} {}.\n", paint(BOLD, "Plan:"), count.text())
}

impl Planned {
    fn text(&self) -> String {
        let (sign, fields) = match &self.would {
            Would::Create => (paint(GOOD, "+"), String::new()),
            Would::Change(fields) => (paint(WAITING, "~"), paint(FAINT, &format!("  {}", fields.join(", ")))),
            Would::Delete => (paint(BAD, "-"), String::new()),
        };
        let head = format!("{sign} {} {}{fields}\n", paint(BOLD, self.kind.as_str()), paint(BOLD, &clean(&self.name)));
        let plans: String = self.plans.iter().map(text).collect();
        let unknown = self.unknown.as_ref().map(|why| format!("  {}\n", paint(FAINT, &clean(why)))).unwrap_or_default();
        head + &plans + &unknown
    }
}

fn as_data(one: &Planned) -> Value {
    let would = match one.would {
        Would::Create => "create",
        Would::Change(_) => "change",
        Would::Delete => "delete",
    };
    let mut told = json!({"Kind": one.kind, "Name": one.name, "Would": would, "Plans": one.plans});
    if let Some(unknown) = &one.unknown {
        told["Unknown"] = json!(unknown);
    }
    told
}
