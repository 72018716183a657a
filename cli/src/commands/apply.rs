//! `causeway apply -f`: creates what documents ask for, and changes what differs.

use causeway_records::Kind;
use clap::Args;
use serde_json::{Value, json};

use super::delete::{Manner, delete_all};
use crate::{
    api::{Api, Fields, id},
    args::{Files, Format},
    documents::{
        self, intent,
        live::{Live, with_parts},
        plan::{self, Mode, Operation, Verb, about, secrets},
        set::{self, DocumentSet},
        source,
        wanted::Wanted,
    },
    exit::Exit,
    failure::{Failure, Outcome},
    kinds,
    output::{
        self, data,
        done::{Became, Done, Secret, remarks},
    },
    session::Session,
    waiting::{Goal, Patience, until},
};

/// Create what files ask for, and change what differs. The same files again change nothing.
#[derive(Args, Debug)]
pub(crate) struct Apply {
    #[command(flatten)]
    files: Files,
    #[command(flatten)]
    pub(crate) how: How,
    #[command(flatten)]
    set: SetArguments,
    /// Go through with what --prune would delete. Without it that is told, and nothing is written.
    #[arg(long, requires = "prune")]
    yes: bool,
    /// Wait until everything that was asked for is Ready.
    #[arg(long)]
    wait: bool,
    #[command(flatten)]
    patience: Patience,
}

/// How documents are understood.
#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct How {
    /// Leave fields as they are that a document doesn't mention. Without it they go back to their defaults.
    #[arg(long)]
    merge: bool,
    /// Write secrets again. Otherwise they are written when a record is created, or changed for another reason: nobody can see whether they differ.
    #[arg(long)]
    send_secrets: bool,
}

impl How {
    pub(crate) const fn mode(self) -> Mode {
        Mode { merge: self.merge, send_secrets: self.send_secrets }
    }
}

/// Which set the documents are.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct SetArguments {
    /// Name of the set that these documents are: what is created for it is kept in mind.
    #[arg(long, value_name = "NAME")]
    pub(crate) set: Option<String>,
    /// Delete what earlier applies of the set have created, and its documents no longer ask for.
    #[arg(long, requires = "set")]
    pub(crate) prune: bool,
}

impl Apply {
    pub(crate) async fn run(&self, session: &Session) -> Outcome<Exit> {
        let wanted = documents::wanted(source::read(&self.files)?)?;
        let api = session.api()?;
        let mut set = match &self.set.set {
            Some(name) => Some(DocumentSet::read(&api, name).await?),
            None => None,
        };
        let mut work = Work { session, api: &api, mode: self.how.mode(), live: Live::read(&api, &wanted).await? };
        let operations = plan::plan(wanted, &work.live, work.mode)?;
        let leaving = match &mut set {
            Some(set) if self.set.prune => set.leaving(&api, &operations).await?,
            _ => vec![],
        };
        if !leaving.is_empty() && !self.yes {
            return Err(set::not_confirmed(self.set.set.as_deref().unwrap_or_default(), &leaving));
        }
        let done = work.perform_all(operations, set.as_mut()).await?;
        let mut told: Vec<_> = done.iter().map(Done::data).collect();
        told.extend(self.prune(&work, set, leaving).await?);
        work.finish(&done, told, self.wait.then_some(self.patience)).await
    }

    /// Deletes what has left the set, and forgets it.
    async fn prune(
        &self,
        work: &Work<'_>,
        set: Option<DocumentSet>,
        leaving: Vec<(Kind, Fields)>,
    ) -> Outcome<Vec<Value>> {
        let Some(mut set) = set else { return Ok(vec![]) };
        let members: Vec<_> = leaving.iter().map(|(kind, record)| (*kind, id(record))).collect();
        let manner = Manner { no_wait: false, patience: self.patience, gives_back: false };
        let told = delete_all(work.session, work.api, leaving, manner).await?;
        members.into_iter().for_each(|(kind, id)| set.remove(kind, id));
        set.write(work.api).await?;
        Ok(told)
    }
}

/// Applies what is wanted, and says what became of each record.
pub(crate) async fn run(
    session: &Session,
    wanted: Vec<Wanted>,
    mode: Mode,
    patience: Option<Patience>,
) -> Outcome<Exit> {
    let api = session.api()?;
    let mut work = Work { session, api: &api, mode, live: Live::read(&api, &wanted).await? };
    let operations = plan::plan(wanted, &work.live, mode)?;
    let done = work.perform_all(operations, None).await?;
    let told = done.iter().map(Done::data).collect();
    work.finish(&done, told, patience).await
}

/// What one apply works on.
struct Work<'a> {
    session: &'a Session,
    api: &'a Api,
    mode: Mode,
    live: Live,
}

impl Work<'_> {
    /// Carries operations out until one is refused. What was created is in the set in any case.
    async fn perform_all(
        &mut self,
        operations: Vec<Operation>,
        mut set: Option<&mut DocumentSet>,
    ) -> Outcome<Vec<Done>> {
        if let Some(set) = &mut set {
            set.announce(self.api, &operations).await?;
        }
        let (mut done, mut refused) = (vec![], None);
        for (at, operation) in operations.iter().enumerate() {
            match perform(self.api, &mut self.live, operation, self.mode).await {
                Ok(one) => {
                    if let Some(set) = set.as_mut().filter(|_| one.became == Became::Created) {
                        set.add(one.kind, &one.name, one.id);
                    }
                    if !self.session.format().is_some_and(Format::is_data) {
                        output::print(&one.line(self.session.format()))?;
                    }
                    done.push(one);
                }
                Err(failure) => {
                    // Whoever gets no answer doesn't know whether the record was created.
                    let unknown = usize::from(failure.exit == Exit::Unreachable);
                    if let Some(set) = &mut set {
                        set.withdraw(&operations[at + unknown..]);
                    }
                    refused = Some(stopped(failure, operation, at, operations.len()));
                    break;
                }
            }
        }
        let written = match set {
            Some(set) => set.write(self.api).await,
            None => Ok(()),
        };
        refused.map_or(written.map(|()| done), Err)
    }

    /// Says what became of all, and waits for it.
    async fn finish(&self, done: &[Done], told: Vec<Value>, patience: Option<Patience>) -> Outcome<Exit> {
        match self.session.format() {
            Some(Format::Json) => output::print(&data::json(&told)?)?,
            Some(Format::Yaml) => output::print(&data::yaml(&told)?)?,
            _ => {}
        }
        output::say(&remarks(done));
        if let Some(patience) = patience {
            for one in done.iter().filter(|one| one.kind.info().reconciled) {
                until(self.api, one.kind, one.id, &one.name, &Goal::Ready, patience).await?;
            }
        }
        Ok(Exit::Done)
    }
}

/// What stands and what doesn't, when a write was refused half-way.
fn stopped(failure: Failure, operation: &Operation, done: usize, total: usize) -> Failure {
    let left = total - done;
    let so_far = if done == 0 {
        "nothing was changed".to_owned()
    } else {
        format!("the {done} before it are applied, {left} of {total} are not")
    };
    let told =
        Failure { sentence: format!("{} ({so_far}; run it again when this is mended)", failure.sentence), ..failure };
    told.at(about(&operation.wanted))
}

async fn perform(api: &Api, live: &mut Live, operation: &Operation, mode: Mode) -> Outcome<Done> {
    let wanted = &operation.wanted;
    let done = |id, became, secret| Done { kind: wanted.kind, name: wanted.name.clone(), id, became, secret };
    let body = plan::body(wanted, |kind, name| live.id(kind, name))?;
    match (&operation.verb, &operation.stored) {
        (Verb::Unchanged, Some(stored)) => {
            let secret = if secrets(wanted).is_empty() { Secret::Nothing } else { Secret::NotCompared };
            Ok(done(id(stored), Became::Unchanged, secret))
        }
        (Verb::Change(_), Some(stored)) => {
            let (changed, fields) = change(api, wanted, body, stored, mode).await?;
            live.put(wanted.kind, changed.clone());
            let became = if fields.is_empty() { Became::Unchanged } else { Became::Changed(fields) };
            Ok(done(id(&changed), became, Secret::Nothing))
        }
        _ => {
            let mut body = body;
            if let Some(interrupt) = wanted.interrupt {
                body.insert(documents::keys::INTERRUPT.into(), json!(interrupt));
            }
            let made = api.create(wanted.kind, &body).await?;
            live.put(wanted.kind, made.clone());
            let secret = Secret::of_new(wanted.kind, &body);
            Ok(done(id(&made), Became::Created, secret))
        }
    }
}

/// Writes a change on the state of the record that was looked at: somebody else's change in between is refused, not overwritten.
async fn change(
    api: &Api,
    wanted: &Wanted,
    body: Fields,
    stored: &Fields,
    mode: Mode,
) -> Outcome<(Fields, Vec<&'static str>)> {
    let own = id(stored);
    let seen = api.by_id(wanted.kind, own).await?;
    let now = with_parts(api, wanted.kind, vec![seen.record]).await?.remove(0);
    let changes = plan::differences(wanted, &body, &now, mode)?;
    let fields: Vec<_> = changes.iter().map(|change| change.field).collect();
    let emptied = intent::emptied(wanted.kind, &changes);
    let mut result = now.clone();
    if changes.iter().any(|change| !emptied.contains(&change.field)) {
        let secrets = secrets(wanted);
        let said = |key: &str| fields.contains(&key) || secrets.contains(&key);
        result = if mode.merge {
            let mut part: Fields = body.into_iter().filter(|(key, _)| said(key)).collect();
            if let Some(interrupt) = wanted.interrupt.filter(|_| fields.contains(&documents::keys::INTERRUPT)) {
                part.insert(documents::keys::INTERRUPT.into(), json!(interrupt));
            }
            api.merge(wanted.kind, own, seen.tag.as_deref(), &part).await?
        } else {
            api.replace(wanted.kind, own, seen.tag.as_deref(), &plan::whole(wanted, body, &now)).await?
        };
    }
    // A PUT leaves a list as it is that is empty in the body.
    for (list, part, _) in kinds::children(wanted.kind.info()).filter(|(list, ..)| emptied.contains(&list.json)) {
        for row in
            now.get(list.json).and_then(Value::as_array).into_iter().flatten().filter_map(|row| row["ID"].as_i64())
        {
            api.delete(part.kind, row).await?;
        }
    }
    Ok((result, fields))
}
