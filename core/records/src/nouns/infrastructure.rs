use crate::scalar::json_scalar;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Labels and annotations of what the controller makes for a Gateway: where a cloud's load balancer is told what to do.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase", default, deny_unknown_fields)]
pub struct Infrastructure {
    /// At most 8.
    pub labels: BTreeMap<String, String>,
    /// At most 16.
    pub annotations: BTreeMap<String, String>,
}
json_scalar!(Infrastructure);
