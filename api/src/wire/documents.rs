//! Documents in a body, such as manifests: they are taken out of it before it is merged into a record, so that each is parsed once, within a
//! budget. Workers never meet one that can't be read.

use causeway_manifests::{Budget, Extent, MAPPING};
use causeway_records::{
    field::Field,
    noun::Noun,
    nouns::Rules,
    overlay::members,
    problem::{Problem, Reason},
    value::{Type, Value},
};
use causeway_store::StoreError;
use serde_json::value::RawValue;
use std::fmt::Write;

/// What a body holds besides its document.
const OTHER_VALUES: usize = 64;

/// A body of a request, with its documents apart.
#[derive(Default)]
pub(crate) struct Body {
    /// The members. In place of a document there is an empty one.
    pub(super) json: Vec<u8>,
    /// The documents, each with the index of its field in the noun's table.
    pub(super) documents: Vec<(usize, Value)>,
    /// What is wrong with them.
    pub(super) problems: Vec<Problem>,
}

impl Body {
    /// A body that is merged as it is.
    pub(crate) fn plain(json: &[u8]) -> Self {
        Self { json: json.to_vec(), ..Self::default() }
    }

    /// Takes the documents out of a body and checks them. Whatever else is wrong with the body is left to [`merge`](super::body::merge), and so is to
    /// tell what is wrong with the documents: it comes last.
    pub(crate) fn read<T: Noun + Rules>(json: &[u8], budget: &Budget) -> Self {
        if !T::HAS_DOCUMENTS {
            return Self::plain(json);
        }
        let mut body = Self::split::<T>(json);
        body.problems = body.spec::<T>().check_documents(budget);
        body
    }

    /// Parses the documents of a body and takes them out of it. One that can't be parsed stays in it.
    pub(crate) fn split<T: Noun>(json: &[u8]) -> Self {
        let Ok(members) = members(json) else { return Self::plain(json) };
        let (mut parsed, mut documents, mut rest) = (T::default(), vec![], String::from("{"));
        for (key, value) in members {
            let index = T::FIELDS.iter().position(|field| field.json.eq_ignore_ascii_case(&key) && field.sensitive);
            let is_taken = index.is_some_and(|index| matches!(parsed.get_mut(index).take(value), Ok(true)));
            let value = match index.filter(|_| is_taken) {
                Some(index) => {
                    documents.retain(|known| *known != index);
                    documents.push(index);
                    empty(&T::FIELDS[index])
                }
                None => value.get(),
            };
            let comma = if rest.len() > 1 { "," } else { "" };
            // Writing to a String can't fail.
            let _ = write!(rest, "{comma}{}:{value}", serde_json::Value::from(key));
        }
        rest.push('}');
        let take = |index: usize| Some((index, parsed.get(index).to_value()?));
        Self { json: rest.into_bytes(), documents: documents.into_iter().filter_map(take).collect(), ..Self::default() }
    }

    fn spec<T: Noun>(&self) -> T {
        let mut spec = T::default();
        for (index, document) in &self.documents {
            // It was taken from such a field.
            let _ = spec.get_mut(*index).set(Some(document.clone()));
        }
        spec
    }
}

/// Refuses several bodies whose documents together have more values than one document may have, before any of them is in memory.
pub(crate) fn check_total<T: Noun>(
    bodies: &[&RawValue],
    budget: &Budget,
) -> std::result::Result<(), (usize, StoreError)> {
    let length = bodies.iter().map(|body| body.get().len()).sum();
    let (most, mut values) = (budget.nodes_in(length), 0);
    for (n, body) in bodies.iter().enumerate() {
        let extent = Extent::of(body.get().as_bytes());
        values += (extent.values + extent.maps * (MAPPING - 1)).saturating_sub(OTHER_VALUES);
        if values > most {
            let problem = format!(
                "with it the manifests of this set have more than {most} values, where a mapping counts as {MAPPING}; send it and those that \
                 follow in further sets"
            );
            return Err((n, StoreError::invalid_field(Reason::InvalidField, document_of::<T>(), problem)));
        }
    }
    Ok(())
}

fn document_of<T: Noun>() -> &'static str {
    T::FIELDS.iter().find(|field| field.sensitive).map_or("", |field| field.json)
}

/// A value that a field of documents takes.
fn empty(field: &Field) -> &'static str {
    if field.column_type() == Some(Type::Text) { "\"\"" } else { "{}" }
}

#[cfg(test)]
mod tests {
    use super::*;
    use causeway_records::nouns::{GatewayDefinition, WorkloadDefinition, WorkloadResourceDefinition};

    fn problems<T: Noun + Rules>(body: &str) -> Option<String> {
        Body::read::<T>(body.as_bytes(), &Budget::default()).problems.first().map(ToString::to_string)
    }

    #[test]
    fn only_what_a_body_sets_is_checked() {
        for body in [r#"{"Name":"a"}"#, "nonsense", "{}", r#"{"YAMLDocument":5}"#, r#"{"YAMLDocument":"---"}"#] {
            assert_eq!(problems::<WorkloadDefinition>(body), None, "{body}");
        }
        assert_eq!(problems::<WorkloadResourceDefinition>(r#"{"WorkloadDefinitionID":1}"#), None);
        assert_eq!(problems::<GatewayDefinition>(r#"{"Name":"a"}"#), None);
        let refused = problems::<WorkloadDefinition>(r#"{"YAMLDocument":"a: [b"}"#).unwrap();
        assert!(refused.starts_with("YAMLDocument: document 1, line 1, column 4: is no YAML: "), "{refused}");
        let refused = problems::<WorkloadResourceDefinition>(r#"{"JSONDefinition":{"kind":"Pod"}}"#).unwrap();
        assert!(refused.starts_with("JSONDefinition: Pod has no apiVersion"), "{refused}");
    }

    #[test]
    fn documents_are_taken_out_and_the_rest_stays() {
        let split = |json: &str| {
            let body = Body::split::<WorkloadDefinition>(json.as_bytes());
            (
                String::from_utf8(body.json).unwrap(),
                body.documents.into_iter().map(|(_, value)| value).collect::<Vec<_>>(),
            )
        };
        let text = |text: &str| vec![Value::Text(text.into())];
        assert_eq!(
            split(r#"{"Name":"a", "yamldocument":"x\n"}"#),
            (r#"{"Name":"a","yamldocument":""}"#.into(), text("x\n"))
        );
        assert_eq!(split(r#"{"YAMLDocument":"a","YAMLDocument":"b"}"#).1, text("b"), "the last counts");
        for kept in [r#"{"YAMLDocument":5}"#, r#"{"YAMLDocument":null}"#, r#"{"Na\"me":1}"#, "{}", "{", "[1]"] {
            assert_eq!(split(kept), (kept.to_owned(), vec![]));
        }
        let body = Body::split::<WorkloadResourceDefinition>(br#"{"JSONDefinition":{"kind":"Pod"}}"#);
        assert_eq!(body.json, br#"{"JSONDefinition":{}}"#);
    }

    #[test]
    fn too_many_values_are_refused() {
        let many = |count: usize| format!(r#"{{"JSONDefinition":[{}0]}}"#, "0,".repeat(count));
        let refused = problems::<WorkloadResourceDefinition>(&many(600_000)).unwrap();
        assert!(refused.starts_with("JSONDefinition: there are more than 500000 values"), "{refused}");

        let raw = |count: usize| RawValue::from_string(many(count)).unwrap();
        let (small, large) = (raw(200_000), raw(400_000));
        assert!(check_total::<WorkloadResourceDefinition>(&[&small, &small], &Budget::default()).is_ok());
        let refused = check_total::<WorkloadResourceDefinition>(&[&small, &large, &small], &Budget::default());
        let (n, error) = refused.unwrap_err();
        assert_eq!(n, 1);
        assert!(error.to_string().starts_with("JSONDefinition: with it the manifests"), "{error}");
    }
}
