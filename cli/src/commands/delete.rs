//! `causeway delete`: what documents ask for, in reverse, or one record.

use causeway_records::Kind;
use clap::Args;
use serde_json::{Value, json};
use std::path::PathBuf;

use crate::{
    api::{Api, Fields, id, name},
    args::{Files, Format},
    documents::{self, source},
    exit::Exit,
    failure::{Failure, Outcome},
    kinds,
    output::{
        self, clean, data,
        style::{FAINT, WAITING, paint},
    },
    session::{Session, record_of},
    waiting::{Goal, Patience, until},
};

/// Delete what files ask for, or one record, and wait until it is gone.
#[derive(Args, Debug)]
pub(crate) struct Delete {
    #[command(flatten)]
    chosen: Chosen,
    /// Ask for the deletions and return; what others still need is then refused.
    #[arg(long)]
    no_wait: bool,
    #[command(flatten)]
    patience: Patience,
}

/// The records that a command takes away.
#[derive(Args, Debug)]
pub(super) struct Chosen {
    /// Kind of one record, or kind/name.
    #[arg(required_unless_present = "filename", conflicts_with = "filename")]
    kind: Option<String>,
    /// Its name.
    #[arg(requires = "kind")]
    name: Option<String>,
    /// File, folder, or `-` for stdin; what is in it goes in reverse. Can be repeated.
    #[arg(short, long = "filename", value_name = "FILE")]
    filename: Vec<PathBuf>,
    /// Read folders inside of folders, too.
    #[arg(short = 'R', long)]
    recursive: bool,
}

impl Delete {
    pub(crate) async fn run(&self, session: &Session) -> Outcome<Exit> {
        let api = session.api()?;
        let records = self.chosen.records(&api).await?;
        let manner = Manner { no_wait: self.no_wait, patience: self.patience, gives_back: false };
        print_data(session, delete_all(session, &api, records, manner).await?)?;
        Ok(Exit::Done)
    }
}

/// What was done, for those who read data.
pub(super) fn print_data(session: &Session, told: Vec<Value>) -> Outcome<()> {
    match session.format() {
        Some(Format::Json) => output::print(&data::json(&told)?),
        Some(Format::Yaml) => output::print(&data::yaml(&Value::Array(told))?),
        _ => Ok(()),
    }
}

impl Chosen {
    /// All of them, those that name others first.
    pub(super) async fn records(&self, api: &Api) -> Outcome<Vec<(Kind, Fields)>> {
        let Some(kind) = &self.kind else { return self.of_files(api).await };
        let (kind, name) = record_of(kind, self.name.as_deref())?;
        Ok(vec![(kind, api.find(kind, &name).await?)])
    }

    /// The records of the files that stand, those that name others first.
    async fn of_files(&self, api: &Api) -> Outcome<Vec<(Kind, Fields)>> {
        let files = Files { filename: self.filename.clone(), recursive: self.recursive };
        let mut records = vec![];
        for wanted in documents::wanted(source::read(&files)?)?.into_iter().rev() {
            match api.by_name(wanted.kind, &wanted.name).await? {
                Some(record) => records.push((wanted.kind, record)),
                None => output::say(&format!("{} {} is not there.\n", wanted.kind, clean(&wanted.name))),
            }
        }
        Ok(records)
    }
}

/// How records are deleted.
#[derive(Clone, Copy)]
pub(super) struct Manner {
    pub(super) no_wait: bool,
    pub(super) patience: Patience,
    /// Their objects stay, where they can.
    pub(super) gives_back: bool,
}

impl Manner {
    /// What becomes of a record of a kind, in a word.
    fn word(self, kind: Kind) -> &'static str {
        if self.gives_back && keeps(kind) { "released" } else { "deleted" }
    }
}

/// Whether objects of a kind's records may stay when these go.
pub(super) fn keeps(kind: Kind) -> bool {
    kind.info().fields.iter().any(|field| field.json == KEEP)
}

/// The field that says so.
pub(super) const KEEP: &str = "KeepOnDelete";

/// Deletes records, those that name others first, and tells what became of each.
pub(super) async fn delete_all(
    session: &Session,
    api: &Api,
    records: Vec<(Kind, Fields)>,
    manner: Manner,
) -> Outcome<Vec<Value>> {
    let Manner { no_wait, patience, .. } = manner;
    let mut told = vec![];
    let mut waiting: Vec<(Kind, Fields)> = vec![];
    for (kind, record) in records {
        // Whoever names a record goes before it.
        if !no_wait && waiting.iter().any(|(other, _)| kinds::rank(*other) > kinds::rank(kind)) {
            until_gone(api, &mut waiting, patience).await?;
        }
        let asked = !record.contains_key("DeletionScheduled") || !kind.info().reconciled;
        if asked {
            let place = format!("{kind} {}", clean(name(&record)));
            match api.delete(kind, id(&record)).await {
                Ok(_) => {}
                // It went with another one.
                Err(failure) if failure.exit == Exit::NotFound => {}
                Err(failure) => return Err(failure.at(place)),
            }
        }
        let result = manner.word(kind);
        told.push(json!({"Kind": kind, "Name": name(&record), "ID": id(&record).to_string(), "Result": result}));
        if !session.format().is_some_and(Format::is_data) {
            output::print(&line(kind, &record, session.format(), manner))?;
        }
        if kind.info().reconciled {
            waiting.push((kind, record));
        }
    }
    if !no_wait {
        until_gone(api, &mut waiting, patience).await?;
    }
    Ok(told)
}

async fn until_gone(api: &Api, waiting: &mut Vec<(Kind, Fields)>, patience: Patience) -> Outcome<()> {
    for (kind, record) in waiting.drain(..) {
        until(api, kind, id(&record), name(&record), &Goal::Gone, patience).await.map_err(explained)?;
    }
    Ok(())
}

/// A deletion that doesn't end has a page of its own.
fn explained(failure: Failure) -> Failure {
    Failure {
        next: failure.next.map(|next| format!("{next} (docs/troubleshooting.md, \"A deletion does not end\")")),
        ..failure
    }
}

fn line(kind: Kind, record: &Fields, format: Option<Format>, manner: Manner) -> String {
    if format == Some(Format::Name) {
        return format!("{}/{}\n", kind.label(), clean(name(record)));
    }
    let what = if manner.no_wait && kind.info().reconciled { "deleting" } else { manner.word(kind) };
    format!(
        "{}   {} {}\n",
        paint(if manner.no_wait { WAITING } else { FAINT }, &format!("{what:<9}")),
        kind,
        clean(name(record))
    )
}
