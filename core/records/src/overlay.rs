//! Lays a JSON body over a record in one pass: POST over the defaults, PATCH over the stored record, PUT over the defaults again.

use crate::{
    field::{Field, Fields, Noun, Slot},
    value::Value,
};
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::{borrow::Cow, fmt, marker::PhantomData};

/// What a body held.
#[derive(Debug, Default, PartialEq)]
pub struct Report {
    /// Wire names of the fields that took a value, in the order of the body.
    pub seen: Vec<&'static str>,
    /// Keys that no field has.
    pub unknown: Vec<String>,
    /// Read-only fields with another value than the stored one.
    pub read_only: Vec<&'static str>,
    /// Held anything at all.
    pub any: bool,
}

impl Report {
    /// Fields that a POST or PUT must carry and this body doesn't, in the order of the table.
    pub fn missing(&self, fields: &[Field]) -> Vec<&'static str> {
        fields.iter().filter(|f| f.required && !self.seen.contains(&f.json)).map(|f| f.json).collect()
    }
}

/// Lays `body` over `parts`. The error names path and reason: `HttpPorts[0].Port: invalid type: string "x", expected i32`.
pub fn overlay(body: &[u8], parts: &mut [&mut dyn Fields]) -> Result<Report, String> {
    let mut report = Report::default();
    let mut json = serde_json::Deserializer::from_slice(body);
    let mut track = serde_path_to_error::Track::new();
    let deserializer = serde_path_to_error::Deserializer::new(&mut json, &mut track);
    let laid = Over { parts, report: &mut report }.deserialize(deserializer);
    if let Err(error) = laid {
        let path = track.path().to_string();
        return Err(if path == "." { error.to_string() } else { format!("{path}: {error}") });
    }
    json.end().map_err(|error| error.to_string())?;
    Ok(report)
}

struct Over<'a, 'b> {
    parts: &'a mut [&'b mut dyn Fields],
    report: &'a mut Report,
}

/// A slot, and whether its value may only be compared.
struct Into<'a> {
    slot: &'a mut dyn Slot,
    compare: bool,
}

impl<'de> DeserializeSeed<'de> for Into<'_> {
    type Value = bool;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        let from = &mut <dyn erased_serde::Deserializer<'_>>::erase(deserializer);
        if self.compare { self.slot.same(from) } else { self.slot.take(from) }.map_err(D::Error::custom)
    }
}

impl<'de> DeserializeSeed<'de> for Over<'_, '_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Over<'_, '_> {
    type Value = ();
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }
    // `null` and `[]` are empty payloads, which the caller reports as such.
    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<(), A::Error> {
        match sequence.next_element::<IgnoredAny>()? {
            None => Ok(()),
            Some(_) => Err(A::Error::custom("expected a JSON object, got an array")),
        }
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<Cow<'_, str>>()? {
            self.report.any = true;
            let position =
                |part: &&mut dyn Fields| part.fields().iter().position(|f| f.json.eq_ignore_ascii_case(&key));
            let found = self.parts.iter().enumerate().find_map(|(part, p)| position(p).map(|index| (part, index)));
            let Some((part, index)) = found else {
                self.report.unknown.push(key.into_owned());
                map.next_value::<IgnoredAny>()?;
                continue;
            };
            let field = &self.parts[part].fields()[index];
            let seed = Into { slot: self.parts[part].get_mut(index), compare: field.read_only };
            match (field.read_only, map.next_value_seed(seed)?) {
                (true, false) => self.report.read_only.push(field.json),
                (false, true) => self.report.seen.push(field.json),
                _ => {}
            }
        }
        Ok(())
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
    fn set(&mut self, _: Option<Value>) -> Result<(), String> {
        Ok(())
    }
    fn take(&mut self, from: &mut dyn erased_serde::Deserializer<'_>) -> Result<bool, erased_serde::Error> {
        *self = children(from)?;
        Ok(true)
    }
    fn same(&self, _: &mut dyn erased_serde::Deserializer<'_>) -> Result<bool, erased_serde::Error> {
        Ok(false)
    }
}

/// Reads a list of child nouns, each over its defaults.
fn children<'de, T: Noun, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<T>, D::Error> {
    deserializer.deserialize_any(Many(PhantomData))
}

struct One<T>(PhantomData<T>);
struct Many<T>(PhantomData<T>);

impl<'de, T: Noun> DeserializeSeed<'de> for One<T> {
    type Value = T;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<T, D::Error> {
        let (mut one, mut report) = (T::default(), Report::default());
        Over { parts: &mut [&mut one], report: &mut report }.deserialize(deserializer)?;
        if !report.unknown.is_empty() {
            return Err(D::Error::custom(format!("Unsupported fields are not allowed : {}", report.unknown.join(","))));
        }
        // The way back to the parent is filled in when the rows are made.
        let missing: Vec<_> =
            report.missing(T::FIELDS).into_iter().filter(|name| !is_parent(T::FIELDS, name)).collect();
        if missing.is_empty() {
            Ok(one)
        } else {
            Err(D::Error::custom(format!("Missing required field(s) : {}", missing.join(","))))
        }
    }
}

fn is_parent(fields: &[Field], name: &str) -> bool {
    fields.iter().any(|field| field.json == name && field.parent.is_some())
}

impl<'de, T: Noun> Visitor<'de> for Many<T> {
    type Value = Vec<T>;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of objects")
    }
    fn visit_unit<E>(self) -> Result<Vec<T>, E> {
        Ok(vec![])
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Vec<T>, A::Error> {
        let mut all = vec![];
        while let Some(one) = sequence.next_element_seed(One(PhantomData))? {
            all.push(one);
        }
        Ok(all)
    }
}
