//! What a scalar means: YAML 1.1 as go-yaml's second version has it, which kubectl, Helm and Argo CD use.

use super::number::{self, Number};
use serde_json::Value;

const CORE: &str = "tag:yaml.org,2002:";

/// The meaning of a scalar.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Scalar<'a> {
    Null,
    Bool(bool),
    Number(Number),
    Text(&'a str),
    /// Decoded from base64.
    Binary(String),
}

/// Gives a scalar its meaning. Only plain ones are interpreted, and those with a tag of YAML's own. The error is a sentence.
pub(super) fn resolve<'a>(text: &'a str, plain: bool, tag: Option<&str>) -> Result<Scalar<'a>, String> {
    let Some(tag) = tag else {
        return Ok(if plain { implicit(text) } else { Scalar::Text(text) });
    };
    let Some(tag) = tag.strip_prefix(CORE) else { return Ok(Scalar::Text(text)) };
    match (tag, implicit(text)) {
        ("str", _) => Ok(Scalar::Text(text)),
        ("binary", _) => binary(text),
        ("null", Scalar::Null) => Ok(Scalar::Null),
        ("bool", found @ Scalar::Bool(_))
        | ("int", found @ Scalar::Number(Number::Int(_) | Number::Unsigned(_)))
        | ("float", found @ Scalar::Number(Number::Float(_))) => Ok(found),
        ("float", Scalar::Number(Number::Int(int))) => Ok(Scalar::Number(Number::Float(int as f64))),
        ("timestamp", found @ Scalar::Text(_)) if is_date(text) => Ok(found),
        ("bool" | "int" | "float" | "null" | "timestamp", _) => {
            Err(format!("the value is none that !!{tag} fits; correct it, or leave the tag out"))
        }
        _ => Ok(Scalar::Text(text)),
    }
}

/// The meaning of a plain scalar without a tag.
fn implicit(text: &str) -> Scalar<'_> {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Scalar::Null,
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => Scalar::Bool(true),
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => Scalar::Bool(false),
        _ => number::parse(text).map_or(Scalar::Text(text), Scalar::Number),
    }
}

fn binary(text: &str) -> Result<Scalar<'_>, String> {
    use base64::{Engine, engine::general_purpose::STANDARD};
    let dense: String = text.chars().filter(|c| !matches!(c, '\n' | '\r')).collect();
    let bytes = STANDARD.decode(dense).map_err(|_| "the value of !!binary is no base64; correct it")?;
    let text = String::from_utf8(bytes);
    text.map(Scalar::Binary).map_err(|_| {
        "!!binary holds bytes that are no text, which JSON can't hold; leave the tag out and put it under data or binaryData"
            .into()
    })
}

/// A date or a time is a text to Kubernetes; only the explicit tag asks whether it is one. Four digits of a year are all that is looked at.
fn is_date(text: &str) -> bool {
    text.len() >= 8 && text.as_bytes()[..4].iter().all(u8::is_ascii_digit) && text.as_bytes()[4] == b'-'
}

impl Scalar<'_> {
    pub(super) fn into_value(self) -> Result<Value, String> {
        match self {
            Scalar::Null => Ok(Value::Null),
            Scalar::Bool(bool) => Ok(bool.into()),
            Scalar::Number(number) => number.into_value(),
            Scalar::Text(text) => stored(text.to_owned()).map(Value::String),
            Scalar::Binary(text) => stored(text).map(Value::String),
        }
    }

    /// A key of a JSON object: other scalars than texts are written out.
    pub(super) fn into_key(self) -> Result<String, String> {
        match self {
            Scalar::Null => Err("a key is empty or null; give it a name, or put it in quotes".into()),
            Scalar::Bool(bool) => Ok(bool.to_string()),
            Scalar::Number(number) => number.into_key(),
            Scalar::Text(text) => stored(text.to_owned()),
            Scalar::Binary(text) => stored(text),
        }
    }
}

/// Texts are stored in a database that has no NUL.
fn stored(text: String) -> Result<String, String> {
    if text.contains('\0') {
        Err("a text holds a NUL character, which can't be stored; remove it".into())
    } else {
        Ok(text)
    }
}
