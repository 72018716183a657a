//! `causeway explain KIND[.FIELD]`: what a kind and its fields mean, from the nouns. No server is asked.

use causeway_records::{
    Kind,
    field::{Field, OnDelete, Table},
    noun::Info,
    nouns,
    slot::Shape,
    status::Status,
    value::Type,
};
use clap::Args;
use serde_json::json;
use unicode_width::UnicodeWidthStr;

use crate::{
    args::Format,
    documents::keys::known,
    exit::Exit,
    failure::{Failure, Outcome},
    kinds,
    output::{
        self, data,
        fields::{facts, field_data, is_read, kind_data, type_of},
        style::{BOLD, FAINT, WAITING, paint},
        table::{Cell, Table as Columns},
        wrap::hanging,
    },
    session::Session,
};

/// Explain a kind or a field; asks no server.
#[derive(Args, Debug)]
pub(crate) struct Explain {
    /// A kind, or kind.field: `gateway-definition.HttpPorts`. Without one: all kinds.
    what: Option<String>,
}

impl Explain {
    pub(crate) fn run(&self, session: &Session) -> Outcome<Exit> {
        let text = match &self.what {
            None => all(session)?,
            Some(what) => {
                let (kind, path) =
                    what.split_once('.').map_or((what.as_str(), None), |(kind, path)| (kind, Some(path)));
                let kind = kinds::kind(kind)?;
                match path {
                    None => of_kind(session, kind)?,
                    Some(path) => of_field(session, kind, path)?,
                }
            }
        };
        output::print(&text)?;
        Ok(Exit::Done)
    }
}

fn all(session: &Session) -> Outcome<String> {
    let infos = || nouns::ALL.iter().chain(nouns::OWN);
    let data: Vec<_> = infos().map(|info| json!({"Kind": info.kind, "Plural": info.plural, "Doc": info.doc})).collect();
    match session.format() {
        Some(Format::Json) => return data::json(&data),
        Some(Format::Yaml) => return data::yaml(&data),
        Some(Format::Name) => return Ok(infos().map(|info| format!("{}\n", info.plural)).collect()),
        _ => {}
    }
    let row = |info: &&'static Info| vec![Cell::new(info.plural), Cell::new(first_sentence(info.doc))];
    let heads = ["KIND", "WHAT IT IS"].map(str::to_owned).to_vec();
    Ok(Columns { heads, rows: infos().map(row).collect() }.text(output::width()))
}

fn first_sentence(text: &str) -> &str {
    text.split_once(". ").map_or(text, |(first, _)| first).trim_end_matches('.')
}

/// The fields that a caller writes, then those that are read.
fn of_kind(session: &Session, kind: Kind) -> Outcome<String> {
    let info = kind.info();
    let status: &[Field] = if info.reconciled { Status::FIELDS } else { &[] };
    let fields: Vec<_> = info.fields.iter().chain(status).collect();
    match session.format() {
        Some(Format::Json) => return data::json(&kind_data(kind, &fields)),
        Some(Format::Yaml) => return data::yaml(&kind_data(kind, &fields)),
        Some(Format::Name) => return Ok(fields.iter().map(|field| format!("{}\n", field.json)).collect()),
        _ => {}
    }
    let width = output::width().map(|width| width.min(100));
    let mut text =
        format!("{} {}\n\n{}\n", paint(BOLD, kind.as_str()), paint(FAINT, info.plural), hanging(info.doc, 0, width));
    let (read, written): (Vec<_>, Vec<_>) = fields.into_iter().partition(|field| is_read(field));
    text.push_str(&format!("\n{}\n", paint(BOLD, "Fields")));
    text.push_str(&written.iter().map(|field| short(field, width)).collect::<String>());
    if !read.is_empty() {
        let names = read.iter().map(|field| field.json).collect::<Vec<_>>().join(", ");
        let title = paint(BOLD, "Read only, or not used here");
        text.push_str(&format!("\n{title}\n  {}\n", hanging(&names, 2, width)));
    }
    let example = kinds::of_documents().contains(&kind).then(|| document(kind));
    if let Some(example) = example {
        text.push_str(&format!("\n{}\n{}", paint(BOLD, "As a document"), indented(&example?)));
    }
    text.push_str(&format!("\n{} causeway explain {}.FIELD\n", paint(FAINT, "more:"), kind.label()));
    Ok(text)
}

fn short(field: &Field, width: Option<usize>) -> String {
    let marks = if field.required { format!(", {}", paint(WAITING, "required")) } else { String::new() };
    let key = field.parent.map_or(field.json, |_| kinds::reference(field));
    format!("  {}   {}{marks}\n    {}\n", paint(BOLD, key), paint(FAINT, &type_of(field)), hanging(field.doc, 4, width))
}

fn of_field(session: &Session, kind: Kind, path: &str) -> Outcome<String> {
    let mut kind = kind;
    let mut parts = path.split('.').peekable();
    loop {
        let key = parts.next().unwrap_or_default();
        let info = kind.info();
        let status: &[Field] = if info.reconciled { Status::FIELDS } else { &[] };
        let is =
            |field: &&Field| field.json.eq_ignore_ascii_case(key) || kinds::reference(field).eq_ignore_ascii_case(key);
        let missing = || {
            let sentence = format!("{kind} has no field {}; it has {}", key.escape_debug(), known(info).join(", "));
            Failure::not_found(sentence).next(format!("causeway explain {}", kind.label()))
        };
        let field = info.fields.iter().chain(status).find(is).ok_or_else(missing)?;
        if parts.peek().is_none() {
            return field_text(session, kind, field);
        }
        match (field.shape, field.parent) {
            (Shape::Children { kind: below }, _) => kind = below,
            (_, Some(parent)) => kind = parent.kind,
            _ => return Err(Failure::usage(format!("{} has no fields below it", field.json))),
        }
    }
}

fn field_text(session: &Session, kind: Kind, field: &Field) -> Outcome<String> {
    match session.format() {
        Some(Format::Json) => return data::json(&field_data(field)),
        Some(Format::Yaml) => return data::yaml(&field_data(field)),
        Some(Format::Name) => return Ok(format!("{kind}.{}\n", field.json)),
        _ => {}
    }
    let width = output::width().map(|width| width.min(100));
    let mut text = format!(
        "{}.{} {}\n\n{}\n",
        kind,
        paint(BOLD, field.json),
        paint(FAINT, &type_of(field)),
        hanging(field.doc, 0, width)
    );
    let facts: Vec<(&str, String)> = facts(field);
    let widest = facts.iter().map(|(key, _)| key.width()).max().unwrap_or(0);
    if !facts.is_empty() {
        text.push('\n');
    }
    for (key, value) in facts {
        let pad = " ".repeat(widest - key.width());
        text.push_str(&format!("  {}{pad}   {}\n", paint(FAINT, key), hanging(&value, widest + 5, width)));
    }
    if let Shape::Children { kind: below } = field.shape {
        text.push_str(&format!("\n{}\n", paint(BOLD, "Each has")));
        let own = below
            .info()
            .fields
            .iter()
            .filter(|own| !own.parent.is_some_and(|parent| parent.on_delete == OnDelete::Takes));
        text.push_str(&own.map(|own| short(own, width)).collect::<String>());
    }
    Ok(text)
}

/// An example of a document, from the examples of the fields.
fn document(kind: Kind) -> Outcome<String> {
    let info = kind.info();
    let mut members = vec![];
    let shown = info
        .fields
        .iter()
        .filter(|field| field.required || (field.example.is_some() && !is_read(field) && !field.encrypted));
    for field in shown {
        if field.parent.is_some() {
            members.push((kinds::reference(field).to_owned(), json!({"Name": "…"}).into()));
            continue;
        }
        let choice = match field.shape {
            Shape::Column { hints, .. } => hints.choices.first().copied(),
            Shape::Children { .. } => None,
        };
        let Some(example) = field.example.or(choice) else { continue };
        let value = match field.column_type() {
            Some(Type::Text | Type::Time) => json!(example),
            _ => serde_json::from_str(example).unwrap_or_else(|_| json!(example)),
        };
        members.push((field.json.to_owned(), value.into()));
    }
    data::document(kind.as_str(), data::Ordered(members))
}

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("  {line}\n")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::documents;

    #[test]
    fn the_example_of_every_kind_is_a_document() {
        for kind in kinds::of_documents() {
            let text = document(kind).unwrap().replace('…', "other");
            let read = documents::source::parse(&text, "example", std::path::Path::new(".")).unwrap();
            let wanted =
                documents::wanted(read).unwrap_or_else(|failure| panic!("{kind}: {}\n{text}", failure.sentence));
            assert_eq!(wanted[0].kind, kind);
        }
    }

    #[test]
    fn every_field_has_a_text() {
        let global =
            crate::args::Global { context: None, server: None, config: None, threeport_config: None, output: None };
        let session = Session { global };
        for info in nouns::ALL.iter().chain(nouns::OWN) {
            for field in info.fields {
                let text = of_field(&session, info.kind, field.json).unwrap();
                assert!(text.contains(field.json), "{text}");
            }
        }
        let text = of_field(&session, Kind::GatewayInstance, "GatewayDefinition.HttpPorts.Port").unwrap();
        assert!(text.contains("Where clients connect"), "{text}");
        assert!(of_field(&session, Kind::GatewayInstance, "Name.x").is_err());
    }
}
