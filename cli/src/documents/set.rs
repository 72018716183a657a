//! A set of documents under a name: what its applies have created, so that what has left the documents is found.
//!
//! What an apply is about to create stands in the set by its name before, and by its id afterwards. So whatever ends an apply in between, the next one
//! finds what it has created: the record of a name that was announced is the set's.

use causeway_records::{Kind, nouns::SetMember};
use serde_json::{Value, json};
use std::collections::BTreeSet;

use super::plan::{Operation, Verb};
use crate::{
    api::{Api, Fields, id, name},
    exit::Exit,
    failure::{Failure, Outcome},
    kinds,
    output::clean,
};

const MEMBERS: &str = "Members";
/// How often it is written once more that somebody else has written meanwhile.
const WRITES: u32 = 5;

/// The set as it stands.
pub(crate) struct DocumentSet {
    name: String,
    /// None: nobody has applied it yet.
    id: Option<i64>,
    /// The records that were created for it.
    created: BTreeSet<(Kind, i64)>,
    changes: Changes,
}

/// What a set gets and loses when it is written next.
#[derive(Default)]
struct Changes {
    added: BTreeSet<SetMember>,
    gone: BTreeSet<SetMember>,
}

impl DocumentSet {
    /// The set of a name; an empty one if there is none. What an apply has announced that didn't come to its end is looked for.
    pub(crate) async fn read(api: &Api, name: &str) -> Outcome<Self> {
        let stored = api.by_name(Kind::ApplySet, name).await?;
        let id_of_set = stored.as_ref().map(id);
        let mut set =
            Self { name: name.to_owned(), id: id_of_set, created: BTreeSet::new(), changes: Changes::default() };
        for member in stored.as_ref().map(members).unwrap_or_default() {
            match member {
                SetMember::Created(kind, id) => {
                    set.created.insert((kind, id));
                }
                SetMember::Announced(kind, name) => {
                    let found = api.by_name(kind, &name).await?.as_ref().map(id);
                    set.changes.settle(kind, &name, found);
                    set.created.extend(found.map(|id| (kind, id)));
                }
            }
        }
        Ok(set)
    }

    /// Puts on record what is about to be created. Nothing is written when nothing is.
    pub(crate) async fn announce(&mut self, api: &Api, operations: &[Operation]) -> Outcome<()> {
        let new: Vec<_> = operations.iter().filter(|one| one.verb == Verb::Create).collect();
        if new.is_empty() {
            return Ok(());
        }
        new.iter().for_each(|one| self.changes.announce(one.wanted.kind, &one.wanted.name));
        self.write(api).await
    }

    /// A record that was announced was created for it.
    pub(crate) fn add(&mut self, kind: Kind, name: &str, id: i64) {
        self.changes.settle(kind, name, Some(id));
    }

    /// These were not carried out.
    pub(crate) fn withdraw(&mut self, operations: &[Operation]) {
        let announced = operations.iter().filter(|one| one.verb == Verb::Create);
        announced.for_each(|one| self.changes.settle(one.wanted.kind, &one.wanted.name, None));
    }

    /// A record was deleted.
    pub(crate) fn remove(&mut self, kind: Kind, id: i64) {
        self.changes.gone.insert(SetMember::Created(kind, id));
    }

    /// The records that it has created and that the documents no longer ask for, those that name others first. What somebody else has deleted is
    /// forgotten.
    pub(crate) async fn leaving(&mut self, api: &Api, operations: &[Operation]) -> Outcome<Vec<(Kind, Fields)>> {
        let mut leaving = vec![];
        for (kind, id) in left(&self.created, operations) {
            match api.by_id(kind, id).await {
                Ok(found) => leaving.push((kind, found.record)),
                Err(failure) if failure.exit == Exit::NotFound => self.remove(kind, id),
                Err(failure) => return Err(failure),
            }
        }
        leaving.sort_by_key(|(kind, _)| std::cmp::Reverse(kinds::rank(*kind)));
        Ok(leaving)
    }

    /// Puts on record what was created and deleted. Nothing is written when nothing was.
    pub(crate) async fn write(&mut self, api: &Api) -> Outcome<()> {
        let mut tries = 0;
        loop {
            let written = self.write_once(api).await;
            match written {
                // Somebody else applies the same set.
                Err(failure) if failure.reason == "PreconditionFailed" && tries < WRITES => tries += 1,
                written => return written,
            }
        }
    }

    async fn write_once(&mut self, api: &Api) -> Outcome<()> {
        let Some(own) = self.id else {
            let body = json!({"Name": self.name, MEMBERS: texts(&self.changes.made_to(&BTreeSet::new()))});
            let made = api.create(Kind::ApplySet, body.as_object().unwrap_or(&Fields::new())).await?;
            self.id = Some(id(&made));
            return Ok(());
        };
        let stored = api.by_id(Kind::ApplySet, own).await?;
        let before = members(&stored.record);
        let after = self.changes.made_to(&before);
        if after != before {
            let body = json!({MEMBERS: texts(&after)});
            let body = body.as_object().cloned().unwrap_or_default();
            api.merge(Kind::ApplySet, own, stored.tag.as_deref(), &body).await?;
        }
        Ok(())
    }
}

impl Changes {
    fn announce(&mut self, kind: Kind, name: &str) {
        let member = SetMember::Announced(kind, name.to_owned());
        self.gone.remove(&member);
        self.added.insert(member);
    }

    /// What was announced is known now: a record, or none.
    fn settle(&mut self, kind: Kind, name: &str, id: Option<i64>) {
        let member = SetMember::Announced(kind, name.to_owned());
        self.added.remove(&member);
        self.gone.insert(member);
        self.added.extend(id.map(|id| SetMember::Created(kind, id)));
    }

    /// The members after them.
    fn made_to(&self, members: &BTreeSet<SetMember>) -> BTreeSet<SetMember> {
        members.union(&self.added).filter(|one| !self.gone.contains(one)).cloned().collect()
    }
}

fn members(record: &Fields) -> BTreeSet<SetMember> {
    let texts = record.get(MEMBERS).and_then(Value::as_array).into_iter().flatten();
    texts.filter_map(|text| SetMember::read(text.as_str()?)).collect()
}

fn texts(members: &BTreeSet<SetMember>) -> Vec<String> {
    members.iter().map(ToString::to_string).collect()
}

/// The records that no document asks for.
fn left(created: &BTreeSet<(Kind, i64)>, operations: &[Operation]) -> Vec<(Kind, i64)> {
    let asked = |(kind, member): &(Kind, i64)| {
        operations
            .iter()
            .any(|one| one.wanted.kind == *kind && one.stored.as_ref().is_some_and(|stored| id(stored) == *member))
    };
    created.iter().filter(|member| !asked(member)).copied().collect()
}

/// Why nothing is done: nobody has said that these may go.
pub(crate) fn not_confirmed(set: &str, leaving: &[(Kind, Fields)]) -> Failure {
    let all: Vec<_> = leaving.iter().map(|(kind, record)| format!("{kind} {}", clean(name(record)))).collect();
    let sentence = format!(
        "nothing was written: the documents of set {} no longer ask for {}, and --prune would delete {}; say --yes if that is meant",
        clean(set),
        all.join(", "),
        if all.len() == 1 { "it" } else { "them" }
    );
    Failure::new(Exit::Refused, "NotConfirmed", sentence)
        .next(format!("causeway diff -f … --set {} --prune", kinds::quoted(set)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::documents::{source::Place, wanted::Wanted};

    fn operation(kind: Kind, own: Option<i64>) -> Operation {
        let place = Place { file: "a.yaml".into(), number: 1 };
        let fields = json!({"Name": "a"}).as_object().unwrap().clone();
        let wanted = Wanted::read(kind, fields, &place, std::path::Path::new(".")).unwrap();
        let stored = own.map(|id| json!({"ID": id, "Name": "a"}).as_object().unwrap().clone());
        Operation { wanted, verb: Verb::Unchanged, stored }
    }

    #[test]
    fn only_what_the_set_has_made_and_no_document_asks_for_leaves() {
        let members =
            BTreeSet::from([(Kind::GatewayDefinition, 1), (Kind::GatewayDefinition, 2), (Kind::AwsAccount, 1)]);
        let asked = [operation(Kind::GatewayDefinition, Some(2)), operation(Kind::GatewayDefinition, Some(9))];
        assert_eq!(left(&members, &asked), [(Kind::GatewayDefinition, 1), (Kind::AwsAccount, 1)]);
        // One that somebody else has made anew under its name is another one.
        assert_eq!(left(&members, &[operation(Kind::AwsAccount, None)]).len(), 3);
    }

    #[test]
    fn what_is_announced_stays_until_it_is_known_what_became_of_it() {
        let (kind, mut first) = (Kind::AwsAccount, Changes::default());
        ["a", "b", "c"].into_iter().for_each(|name| first.announce(kind, name));
        // Killed here, this is what stands.
        let announced = first.made_to(&BTreeSet::from([SetMember::Created(kind, 1)]));
        assert_eq!(
            texts(&announced),
            ["aws-accounts/1", "aws-accounts?name=a", "aws-accounts?name=b", "aws-accounts?name=c"]
        );
        first.settle(kind, "a", Some(7));
        first.settle(kind, "c", None);
        assert_eq!(texts(&first.made_to(&announced)), ["aws-accounts/1", "aws-accounts/7", "aws-accounts?name=b"]);
        // The next one finds out, and announces one of them anew.
        let mut next = Changes::default();
        next.settle(kind, "a", Some(7));
        ["b", "c"].into_iter().for_each(|name| next.settle(kind, name, None));
        next.announce(kind, "b");
        assert_eq!(texts(&next.made_to(&announced)), ["aws-accounts/1", "aws-accounts/7", "aws-accounts?name=b"]);
    }

    #[test]
    fn what_would_go_is_named() {
        let leaving = [(Kind::GatewayDefinition, json!({"Name": "old\n", "ID": 1}).as_object().unwrap().clone())];
        let failure = not_confirmed("my shop", &leaving);
        assert!(
            failure
                .sentence
                .contains("no longer ask for GatewayDefinition old , and --prune would delete it; say --yes"),
            "{}",
            failure.sentence
        );
        assert_eq!(failure.next.as_deref(), Some("causeway diff -f … --set 'my shop' --prune"));
    }
}
