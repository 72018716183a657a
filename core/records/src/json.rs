//! Reading one JSON value.

use crate::problem::Problem;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

/// Reads a value. The problem's field is the path inside it.
pub(crate) fn read<T: DeserializeOwned>(json: &RawValue) -> Result<T, Vec<Problem>> {
    let mut deserializer = serde_json::Deserializer::from_str(json.get());
    serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
        let path = error.path().to_string();
        let path = if path == "." { String::new() } else { path };
        vec![Problem::new(path, without_position(error.inner()))]
    })
}

/// A field's path says where; its line and column would be those inside the value.
fn without_position(error: &serde_json::Error) -> String {
    let (text, position) = (error.to_string(), format!(" at line {} column {}", error.line(), error.column()));
    text.strip_suffix(&position).map_or_else(|| text.clone(), ToOwned::to_owned)
}
