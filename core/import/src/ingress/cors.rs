//! `enable-cors` and what goes with it: the filter CORS.

use super::settings::{flag, nginx, path};
use crate::source::Source;
use serde_json::{Value, json};

/// What ingress-nginx allows unless annotations say otherwise.
const METHODS: &str = "GET, PUT, POST, DELETE, PATCH, OPTIONS";
const HEADERS: &str =
    "DNT,Keep-Alive,User-Agent,X-Requested-With,If-Modified-Since,Cache-Control,Content-Type,Range,Authorization";
const MAX_AGE: i64 = 1_728_000;

/// The filter; None: it isn't enabled, and what would go with it is reported with all that nobody takes.
pub(super) fn filter(source: &mut Source) -> Option<Value> {
    if flag(source, "enable-cors") != Some(true) {
        return None;
    }
    let listed = |text: &str| -> Vec<String> {
        text.split(',').map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned).collect()
    };
    let mut list = |key: &str, usual: &str| listed(&nginx(source, key).unwrap_or_else(|| usual.to_owned()));
    let origins = list("cors-allow-origin", "*");
    let methods = list("cors-allow-methods", METHODS);
    let headers = list("cors-allow-headers", HEADERS);
    let exposed = list("cors-expose-headers", "");
    let credentials = flag(source, "cors-allow-credentials").unwrap_or(true);
    let age = nginx(source, "cors-max-age").map(|age| age.parse::<i64>());
    let age = match age {
        None => MAX_AGE,
        Some(Ok(age)) if (1..=i64::from(i32::MAX)).contains(&age) => age,
        Some(_) => {
            source.unsupported(&path("cors-max-age"), "is no number of seconds; ingress-nginx' default is taken");
            MAX_AGE
        }
    };
    let mut cors = json!({
        "allowOrigins": origins, "allowMethods": methods, "allowHeaders": headers, "allowCredentials": credentials, "maxAge": age,
    });
    if !exposed.is_empty() {
        cors["exposeHeaders"] = json!(exposed);
    }
    Some(json!({"type": "CORS", "cors": cors}))
}
