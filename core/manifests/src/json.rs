//! JSON, as kubectl reads a text that starts with `{`: one object after the other, with nothing between them.

use crate::{
    budget::Meter,
    error::{ManifestError, Place, quoted},
    yaml::shortest,
};
use serde::{
    Deserialize, Deserializer,
    de::{DeserializeSeed, Error, MapAccess, SeqAccess, Visitor},
};
use serde_json::{Map, Value};
use std::fmt;

/// The objects of a text with their places; None if it is no series of JSON objects. An error only for what YAML would refuse, too.
pub(crate) fn objects(text: &str, meter: &mut Meter) -> Result<Option<Vec<(Place, Value)>>, ManifestError> {
    let mut objects = Vec::new();
    let mut refused = None;
    let mut rest = text;
    let mut line = 1;
    loop {
        let next = rest.trim_start();
        line += newlines(&rest[..rest.len() - next.len()]);
        rest = next;
        let place = Place { document: objects.len() + 1, line, column: 0 };
        match rest.chars().next() {
            None => return Ok(Some(objects)),
            Some('{') => {}
            Some(_) => return Ok(None),
        }
        meter.document().map_err(|problem| ManifestError::new(place, problem))?;
        // A deserializer of its own for each object: a stream of them can't be given a seed.
        let mut stream = serde_json::Deserializer::from_str(rest).into_iter::<&serde_json::value::RawValue>();
        let Some(Ok(raw)) = stream.next() else { return Ok(None) };
        let seed = Seed { meter, depth: 1, refused: &mut refused };
        match seed.deserialize(&mut serde_json::Deserializer::from_str(raw.get())) {
            Ok(object) => objects.push((place, object)),
            Err(_) => return refused.map_or(Ok(None), |problem| Err(ManifestError::new(place, problem))),
        }
        line += newlines(&rest[..stream.byte_offset()]);
        rest = &rest[stream.byte_offset()..];
    }
}

fn newlines(text: &str) -> usize {
    text.bytes().filter(|byte| *byte == b'\n').count()
}

/// Takes a value that was parsed elsewhere from the budget.
pub(crate) fn measure(value: &Value, meter: &mut Meter) -> Result<(), String> {
    let mut rest = vec![(value, 1)];
    while let Some((value, depth)) = rest.pop() {
        meter.node()?;
        match value {
            Value::Array(items) => {
                meter.depth(depth)?;
                rest.extend(items.iter().map(|item| (item, depth + 1)));
            }
            Value::Object(map) => {
                meter.depth(depth)?;
                meter.mapping()?;
                rest.extend(map.values().map(|value| (value, depth + 1)));
            }
            _ => {}
        }
    }
    Ok(())
}

/// Reads a value within a budget. What is refused is kept beside serde's error, which would add its own words.
struct Seed<'m> {
    meter: &'m mut Meter,
    depth: usize,
    refused: &'m mut Option<String>,
}

impl Seed<'_> {
    fn inner(&mut self) -> Seed<'_> {
        Seed { meter: self.meter, depth: self.depth + 1, refused: self.refused }
    }

    fn refuse<T, E: Error>(&mut self, problem: String) -> Result<T, E> {
        *self.refused = Some(problem);
        Err(E::custom("refused"))
    }

    fn text<E: Error>(&mut self, text: String) -> Result<String, E> {
        if text.contains('\0') {
            return self.refuse("a text holds a NUL character, which can't be stored; remove it".into());
        }
        Ok(text)
    }
}

impl<'de> DeserializeSeed<'de> for Seed<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(mut self, deserializer: D) -> Result<Value, D::Error> {
        match self.meter.node() {
            Ok(()) => deserializer.deserialize_any(self),
            Err(problem) => self.refuse(problem),
        }
    }
}

impl<'de> Visitor<'de> for Seed<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        Ok(i64::try_from(value).map_or_else(|_| shortest(value as f64), Value::from))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Ok(shortest(value))
    }

    fn visit_str<E: Error>(mut self, value: &str) -> Result<Value, E> {
        self.text(value.to_owned()).map(Value::String)
    }

    fn visit_string<E: Error>(mut self, value: String) -> Result<Value, E> {
        self.text(value).map(Value::String)
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut items: A) -> Result<Value, A::Error> {
        if let Err(problem) = self.meter.depth(self.depth) {
            return self.refuse(problem);
        }
        let mut all = Vec::new();
        while let Some(item) = items.next_element_seed(self.inner())? {
            all.push(item);
        }
        Ok(Value::Array(all))
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut entries: A) -> Result<Value, A::Error> {
        if let Err(problem) = self.meter.depth(self.depth).and_then(|()| self.meter.mapping()) {
            return self.refuse(problem);
        }
        let mut all = Map::new();
        while let Some(Key(key)) = entries.next_key()? {
            let key = self.text(key)?;
            let value = entries.next_value_seed(self.inner())?;
            if all.contains_key(&key) {
                let key = quoted(&key);
                return self
                    .refuse(format!("the key {key} is there twice; remove one, since only the last would count"));
            }
            all.insert(key, value);
        }
        Ok(Value::Object(all))
    }
}

#[derive(Deserialize)]
struct Key(String);
