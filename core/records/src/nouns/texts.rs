//! Lists of texts that are one value of a record.

use crate::{scalar::json_scalar, text::ListenerHostname};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A list of hostnames and wildcards.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
#[schemars(inline)]
pub struct Hostnames(pub Vec<ListenerHostname>);
json_scalar!(Hostnames);

/// A list of texts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
#[schemars(inline)]
pub struct Texts(pub Vec<String>);
json_scalar!(Texts);
