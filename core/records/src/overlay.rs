//! Lays a JSON body over a record: POST over the defaults, PATCH over the stored record, PUT over the defaults again. All that is wrong with
//! the body is found at once.

use crate::{
    field::{Field, Fields, Table},
    json::read,
    noun::Noun,
    problem::{MAX_PROBLEMS, Problem, Reason, Refusal},
    record::Common,
    slot::{Shape, Slot},
    value::{Type, Value},
};
use serde::{
    Deserialize,
    de::{Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor},
};
use serde_json::value::RawValue;
use std::fmt;

/// What a body held.
#[derive(Debug, Default, PartialEq)]
pub struct Report {
    /// Wire names of the fields that carried a value, in the order of the body.
    pub seen: Vec<&'static str>,
    /// Members that no field takes.
    pub unknown: Vec<UnknownMember>,
    /// Read-only fields with another value than the stored one.
    pub read_only: Vec<&'static str>,
    /// Fields with a value that they can't have; they keep the one from before.
    pub problems: Vec<Problem>,
    /// Held anything at all.
    pub any: bool,
}

/// A member of a body that no field takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownMember {
    /// Its key, as the body has it.
    pub key: String,
    /// Its value is `null` or `[]`: nothing is lost when it is left out.
    pub is_empty: bool,
}

impl UnknownMember {
    fn new(key: String, json: &RawValue) -> Self {
        let is_empty_list = |json: &str| Some(json.strip_prefix('[')?.strip_suffix(']')?.trim().is_empty());
        Self { key, is_empty: json.get() == "null" || is_empty_list(json.get()) == Some(true) }
    }
}

impl Report {
    /// Fields that a POST or PUT must carry and this body doesn't, in the order of the table.
    pub fn missing(&self, fields: &[Field]) -> Vec<&'static str> {
        fields.iter().filter(|f| f.required && !self.seen.contains(&f.json)).map(|f| f.json).collect()
    }
}

/// Lays `body` over `parts`. Fails when it is no JSON object.
pub fn overlay(body: &[u8], parts: &mut [&mut dyn Fields]) -> Result<Report, Refusal> {
    let mut report = Report::default();
    for (key, json) in members(body).map_err(|problem| Refusal::fields(Reason::MalformedBody, vec![problem]))? {
        report.any = true;
        let position = |part: &&mut dyn Fields| part.fields().iter().position(|f| f.json.eq_ignore_ascii_case(&key));
        let found = parts.iter().enumerate().find_map(|(part, p)| position(p).map(|index| (part, index)));
        let Some((part, index)) = found else {
            report.unknown.push(UnknownMember::new(key, json));
            continue;
        };
        let field = &parts[part].fields()[index];
        let slot = parts[part].get_mut(index);
        match (field.read_only, if field.read_only { slot.same(json) } else { slot.take(json) }) {
            (true, Ok(false)) => report.read_only.push(field.json),
            (false, Ok(true)) => report.seen.push(field.json),
            (_, Ok(_)) => {}
            // That a value isn't a text would be told with the value. What is wrong with a text never is.
            (_, Err(_)) if field.is_secret() && is_text(field) && !json.get().starts_with('"') => {
                report.seen.push(field.json);
                report.problems.push(Problem::new(field.json, "must be a text; what was sent isn't repeated here"));
            }
            (_, Err(problems)) => {
                report.seen.push(field.json);
                report.problems.extend(problems.into_iter().map(|problem| problem.inside(field.json)));
            }
        }
    }
    Ok(report)
}

fn is_text(field: &Field) -> bool {
    matches!(field.shape, Shape::Column { ty: Type::Text, .. })
}

/// The members of a JSON object, in their order. `null` and `[]` hold none: empty payloads, which the caller reports as such.
pub fn members(body: &[u8]) -> Result<Vec<(String, &RawValue)>, Problem> {
    let (mut reading, mut json) = (String::new(), serde_json::Deserializer::from_slice(body));
    let read = json.deserialize_any(Members { reading: &mut reading }).and_then(|members| json.end().map(|()| members));
    read.map_err(|error| Problem::new(reading, error.to_string()))
}

struct Members<'a> {
    /// The key whose value is being read: where it breaks off.
    reading: &'a mut String,
}

impl<'de> Visitor<'de> for Members<'_> {
    type Value = Vec<(String, &'de RawValue)>;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }
    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(vec![])
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Self::Value, A::Error> {
        match sequence.next_element::<IgnoredAny>()? {
            None => Ok(vec![]),
            Some(_) => Err(A::Error::custom("expected a JSON object, got an array")),
        }
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members = vec![];
        while let Some(key) = map.next_key::<String>()? {
            self.reading.clone_from(&key);
            members.push((key, map.next_value::<&RawValue>()?));
            self.reading.clear();
        }
        Ok(members)
    }
}

/// Nested children: JSON in, rows of their own table out.
impl<T: Noun> Slot for Vec<T> {
    fn is_null(&self) -> bool {
        self.is_empty()
    }
    fn to_value(&self) -> Option<Value> {
        None
    }
    // They aren't stored here: all that can be set is that there are none.
    fn set(&mut self, _: Option<Value>) -> Result<(), String> {
        self.clear();
        Ok(())
    }
    fn take(&mut self, json: &RawValue) -> Result<bool, Vec<Problem>> {
        if json.get() == "null" {
            return Ok(false);
        }
        let (mut rows, mut problems) = (vec![], vec![]);
        let items = read::<Items>(json)?.0;
        for (n, item) in items.iter().enumerate() {
            // As many as a refusal names: a body of some megabytes has room for a million wrong items.
            if problems.len() >= MAX_PROBLEMS - 1 {
                problems.push(Problem::new("", format!("the last {} items were not checked", items.len() - n)));
                break;
            }
            match child(item) {
                Ok(row) => rows.push(row),
                Err(own) => problems.extend(own.into_iter().map(|problem| problem.inside(&format!("[{n}]")))),
            }
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        *self = rows;
        Ok(true)
    }
    fn same(&self, _: &RawValue) -> Result<bool, Vec<Problem>> {
        Ok(false)
    }
}

/// A child noun over its defaults. What the system sets in it may come back as it was answered, and counts for nothing: rows that stand in a
/// body are made anew, never moved from another parent.
fn child<T: Noun>(json: &RawValue) -> Result<T, Vec<Problem>> {
    let mut one = T::default();
    let report = overlay(json.get().as_bytes(), &mut [&mut one]).map_err(|refusal| refusal.details)?;
    let is_system = |key: &String| Common::FIELDS.iter().any(|field| field.json.eq_ignore_ascii_case(key));
    // The way back to the parent is filled in when the rows are made.
    let is_parent = |name: &str| T::FIELDS.iter().any(|field| field.json == name && field.parent.is_some());
    let missing = report.missing(T::FIELDS).into_iter().filter(|name| !is_parent(name));
    let missing: Vec<_> = missing.map(|name| Problem::new(name, "Missing required field")).collect();
    let unknown = report.unknown.into_iter().map(|member| member.key).filter(|key| !is_system(key));
    let unknown = unknown.map(|key| Problem::new(key, "Unsupported field"));
    let problems = Problem::first(unknown.chain(missing).chain(report.problems));
    if problems.is_empty() { Ok(one) } else { Err(problems) }
}

/// The items of an array; none for `null`.
struct Items(Vec<Box<RawValue>>);

impl<'de> Deserialize<'de> for Items {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(EveryItem).map(Self)
    }
}

struct EveryItem;

impl<'de> Visitor<'de> for EveryItem {
    type Value = Vec<Box<RawValue>>;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of objects")
    }
    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(vec![])
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Self::Value, A::Error> {
        let mut items = vec![];
        while let Some(item) = sequence.next_element()? {
            items.push(item);
        }
        Ok(items)
    }
}
