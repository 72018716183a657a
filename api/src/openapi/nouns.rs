//! The routes that every noun has.

use super::{
    envelope, examples, links,
    operation::Operation,
    parameters, plan,
    responses::{json_answer, list_answer},
    schema::{all_nouns, schema_ref},
};
use crate::route::Route;
use axum::http::{Method, StatusCode};
use causeway_records::{noun::Info, watch::is_watched};
use serde_json::{Value, json};

/// What a route does with a noun.
#[derive(Clone, Copy)]
enum Verb {
    List,
    Create,
    Get,
    Patch,
    Replace,
    Delete,
    Versions,
}

/// A route of a noun; None: it is another one.
pub(super) fn operation(routes: &[Route], route: &Route) -> Option<Operation> {
    let (info, verb) = recognise(route)?;
    Some(match verb {
        Verb::List => list(info),
        Verb::Create => plan::with_plan(create(routes, info), info),
        Verb::Versions => versions(info),
        Verb::Get => one(info, "get", "A", "One live record.".into(), &[400, 404]),
        Verb::Patch => {
            let does = "Sets the fields that the body names. The others stay, and so does one that is null.".into();
            let body = (schema_ref(&format!("{}Patch", info.kind)), examples::change(info).into());
            plan::with_plan(
                Operation { body: Some(body), ..changing(info, "patch", "Change a", does, &[413, 415]) },
                info,
            )
        }
        Verb::Replace => {
            let does = "Sets all fields: those that the body leaves out go back to their defaults, those that are read-only stay.".into();
            let replace = changing(info, "replace", "Replace a", does, &[413, 415]);
            plan::with_plan(Operation { body: Some(whole(info)), ..replace }, info)
        }
        Verb::Delete => plan::with_plan(changing(info, "delete", "Delete a", fate(info).into(), &[]), info),
    })
}

fn recognise(route: &Route) -> Option<(&'static Info, Verb)> {
    let segments: Vec<_> = route.path.trim_start_matches('/').split('/').collect();
    let noun = |plural: &str| all_nouns().find(|info| info.plural == plural);
    let verb = match (segments.as_slice(), route.method.clone()) {
        ([plural, "versions"], Method::GET) => (noun(plural)?, Verb::Versions),
        (["v0", plural], Method::GET) => (noun(plural)?, Verb::List),
        (["v0", plural], Method::POST) => (noun(plural)?, Verb::Create),
        (["v0", plural, "{id}"], Method::GET) => (noun(plural)?, Verb::Get),
        (["v0", plural, "{id}"], Method::PATCH) => (noun(plural)?, Verb::Patch),
        (["v0", plural, "{id}"], Method::PUT) => (noun(plural)?, Verb::Replace),
        (["v0", plural, "{id}"], Method::DELETE) => (noun(plural)?, Verb::Delete),
        _ => return None,
    };
    Some(verb)
}

fn list(info: &'static Info) -> Operation {
    let record = examples::record(info, false);
    let example = envelope::one(info.kind.as_str(), StatusCode::OK, 50, record);
    Operation {
        id: format!("list{}", info.kind),
        tag: info.kind.as_str(),
        summary: format!("List {}", info.plural.replace('-', " ")),
        description: "Live records by ascending id, a page at a time.".into(),
        parameters: parameters::list(info),
        body: None,
        answers: vec![(200, list_answer("A page of records.", response(info), example, is_watched(info.kind)))],
        refusals: vec![400],
        enveloped: true,
    }
}

pub(super) fn create(routes: &[Route], info: &'static Info) -> Operation {
    let does = if info.reconciled {
        "Makes a record, with defaults filled in. Workers then bring it about; `Conditions` of the record say how far they are."
    } else {
        "Makes a record, with defaults filled in."
    };
    let example = envelope::one(info.kind.as_str(), StatusCode::CREATED, 1, examples::record(info, true));
    let mut answer = json_answer("The new record.", response(info), example, true);
    answer.links = links::for_created(routes, info);
    Operation {
        id: format!("create{}", info.kind),
        tag: info.kind.as_str(),
        summary: format!("Create a {}", singular(info)),
        description: does.into(),
        parameters: vec![],
        body: Some(whole(info)),
        answers: vec![(201, answer)],
        refusals: vec![400, 409, 413, 415],
        enveloped: true,
    }
}

/// An operation on the record that the path names.
fn one(info: &'static Info, verb: &str, words: &str, description: String, refusals: &[u16]) -> Operation {
    let example = envelope::one(info.kind.as_str(), StatusCode::OK, 1, examples::record(info, false));
    Operation {
        id: format!("{verb}{}", info.kind),
        tag: info.kind.as_str(),
        summary: format!("{words} {}", singular(info)),
        description,
        parameters: vec![parameters::id()],
        body: None,
        answers: vec![(200, json_answer("The record.", response(info), example, true))],
        refusals: refusals.to_vec(),
        enveloped: true,
    }
}

fn changing(info: &'static Info, verb: &str, words: &str, does: String, refusals: &[u16]) -> Operation {
    let mut operation = one(info, verb, words, does, &[400, 404, 409, 412]);
    operation.parameters.push(parameters::if_match());
    operation.refusals.extend(refusals);
    operation
}

fn fate(info: &Info) -> &'static str {
    if info.reconciled {
        "Asks for the deletion. The answer has `DeletionScheduled`; the record stays, and reads show it, until the clusters confirm that all its objects are gone. Then it is 404."
    } else {
        "Deletes the record; the answer has `DeletedAt`."
    }
}

fn versions(info: &'static Info) -> Operation {
    let answer = json!({"API": info.kind.as_str(), "Versions": ["v0"]});
    Operation {
        id: format!("versionsOf{}", info.kind),
        tag: info.kind.as_str(),
        summary: format!("Versions of {}", info.plural.replace('-', " ")),
        description: "Which versions of the API have this kind of record. The answer has no envelope.".into(),
        parameters: vec![],
        body: None,
        answers: vec![(200, json_answer("The versions.", schema_ref("VersionsOfKind"), answer, false))],
        refusals: vec![],
        enveloped: true,
    }
}

/// The body that holds everything that a client sets.
pub(super) fn whole(info: &Info) -> (Value, Value) {
    (schema_ref(&format!("{}Spec", info.kind)), examples::body(info).into())
}

/// The schema of an answer with records of this noun.
pub(super) fn response(info: &Info) -> Value {
    schema_ref(&format!("{}Response", info.kind))
}

/// `gateway definition`.
fn singular(info: &Info) -> String {
    info.kind.as_str().chars().fold(String::new(), |mut words, letter| {
        if letter.is_ascii_uppercase() && !words.is_empty() {
            words.push(' ');
        }
        words.push(letter.to_ascii_lowercase());
        words
    })
}
