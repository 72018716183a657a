//! `causeway import -f`: what others have in their clusters already, as documents.

use causeway_manifests::{Budget, read_documents};
use causeway_records::Kind;
use clap::Args;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::{
    api::{Fields, id},
    args::{Files, Format},
    documents::{source, written},
    envelope::foreign,
    exit::Exit,
    failure::{Failure, Outcome},
    output::{self, clean, data, report},
    session::Session,
};

/// Print objects of Gateway API and of Gloo, and Ingresses, as documents that `apply` takes; writes nothing. What no document says as it is is told on stderr.
#[derive(Args, Debug)]
pub(crate) struct Import {
    #[command(flatten)]
    files: Files,
    /// The objects are in the cluster that --runtime names: print records that take them over as they stand, under their names.
    #[arg(long, requires = "runtime")]
    take_over: bool,
    /// With --take-over: the cluster.
    #[arg(long, value_name = "NAME", requires = "take_over")]
    runtime: Option<String>,
}

/// The server's answer.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    documents: Vec<Fields>,
    report: Vec<report::Finding>,
}

impl Import {
    pub(crate) async fn run(&self, session: &Session) -> Outcome<Exit> {
        let api = session.api()?;
        let stream = stream(&self.files)?;
        let runtime = match &self.runtime {
            Some(name) => Some(id(&api.find(Kind::KubernetesRuntimeInstance, name).await?)),
            None => None,
        };
        let answer = api.import(&stream, runtime).await?;
        if session.format() == Some(Format::Json) {
            output::print(&data::json(&answer)?)?;
            return Ok(Exit::Done);
        }
        let read: Result<Answer, _> = serde_json::from_value(Value::Object(answer));
        let answer = read.map_err(|error| foreign(api.server(), &error.to_string()))?;
        let documents: Option<Vec<(Kind, Fields)>> = answer.documents.into_iter().map(document).collect();
        let documents =
            documents.ok_or_else(|| foreign(api.server(), "it answers with documents of a newer release"))?;
        let text = match session.format() {
            Some(Format::Name) => documents.iter().map(called).collect(),
            _ => {
                let texts = documents
                    .into_iter()
                    .map(|(kind, fields)| data::document(kind.as_str(), written::ordered(kind, fields)));
                texts.collect::<Outcome<Vec<_>>>()?.join("---\n")
            }
        };
        output::print(&text)?;
        output::say(&report::text(&answer.report));
        Ok(Exit::Done)
    }
}

/// All files as one stream: a route in one of them may attach to a Gateway in another. Objects in a row are JSON, whatever they were written as.
fn stream(files: &Files) -> Outcome<String> {
    let mut stream = String::new();
    for text in source::texts(files)? {
        let documents = read_documents(&text.text, &Budget::default());
        for document in documents.map_err(|error| Failure::usage(format!("{}: {error}", text.file)))? {
            if matches!(&document, Value::Object(object) if !object.is_empty()) {
                stream.push_str(&format!("{document}\n"));
            } else if !matches!(&document, Value::Null | Value::Object(_)) {
                let sentence =
                    format!("{}: holds what is no manifest; one has apiVersion, kind and metadata", text.file);
                return Err(Failure::usage(sentence));
            }
        }
    }
    if stream.is_empty() {
        return Err(Failure::usage("the files hold no manifest"));
    }
    Ok(stream)
}

/// A document by its kind; None: this release doesn't know the kind.
fn document(roots: Map<String, Value>) -> Option<(Kind, Fields)> {
    let (kind, fields) = roots.into_iter().next()?;
    let Value::Object(fields) = fields else { return None };
    Some((kind.parse().ok()?, fields))
}

fn called((kind, fields): &(Kind, Fields)) -> String {
    let name = fields.get("Name").and_then(Value::as_str).map(clean).unwrap_or_default();
    format!("{}/{name}\n", kind.label())
}
