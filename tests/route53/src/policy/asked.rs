//! What a request asks of IAM.

use std::collections::BTreeMap;

use axum::http::Method;

use crate::wire::{self, ChangeRequest};

const NAMES: &str = "route53:ChangeResourceRecordSetsNormalizedRecordNames";
const TYPES: &str = "route53:ChangeResourceRecordSetsRecordTypes";
const ACTIONS: &str = "route53:ChangeResourceRecordSetsActions";
/// All that a condition can be about.
pub(super) const KEYS: [&str; 3] = [NAMES, TYPES, ACTIONS];

/// An action on a resource.
#[derive(Debug)]
pub(super) struct Asked {
    /// `route53:GetChange`.
    pub(super) action: String,
    /// Its ARN; `*` where the action is about none.
    pub(super) resource: String,
    /// The values that conditions compare.
    pub(super) context: BTreeMap<&'static str, Vec<String>>,
}

impl Asked {
    /// `operation`: the path with a word in braces for what varies. What isn't listed here is an action that no policy of a test names.
    pub(super) fn new(method: &Method, operation: &str, path: &str, body: &[u8]) -> Self {
        let operation = operation.trim_start_matches("/2013-04-01").trim_end_matches('/');
        let (action, of) = match (method.as_str(), operation) {
            ("GET", "/hostedzone") => ("ListHostedZones", None),
            ("POST", "/hostedzone") => ("CreateHostedZone", None),
            ("GET", "/hostedzonesbyname") => ("ListHostedZonesByName", None),
            ("GET", "/hostedzone/{id}") => ("GetHostedZone", Some("hostedzone")),
            ("DELETE", "/hostedzone/{id}") => ("DeleteHostedZone", Some("hostedzone")),
            ("GET", "/hostedzone/{id}/rrset") => ("ListResourceRecordSets", Some("hostedzone")),
            ("POST", "/hostedzone/{id}/rrset") => ("ChangeResourceRecordSets", Some("hostedzone")),
            ("GET", "/change/{id}") => ("GetChange", Some("change")),
            _ => ("AnotherOperation", None),
        };
        let id = |of: &str| path.split_once(&format!("/{of}/")).and_then(|(_, rest)| rest.split('/').next());
        let resource = of.map(|of| format!("arn:aws:route53:::{of}/{}", id(of).unwrap_or_default()));
        let context = if action == "ChangeResourceRecordSets" { changes(body) } else { BTreeMap::new() };
        Self { action: format!("route53:{action}"), resource: resource.unwrap_or_else(|| "*".to_owned()), context }
    }
}

/// What a batch does, for conditions. Empty for one that can't be read, which is refused as such.
fn changes(body: &[u8]) -> BTreeMap<&'static str, Vec<String>> {
    let text = std::str::from_utf8(body).unwrap_or_default();
    let Ok(changes) = wire::read::<ChangeRequest>(text).and_then(ChangeRequest::changes) else {
        return BTreeMap::new();
    };
    let mut context = BTreeMap::<_, Vec<String>>::new();
    for change in changes {
        let key = change.record.key;
        // In lower case, with escapes, without the final dot.
        let name = key.name.to_string().trim_end_matches('.').to_owned();
        for (of, value) in [(NAMES, name), (TYPES, key.kind), (ACTIONS, change.action.as_str().to_owned())] {
            context.entry(of).or_default().push(value);
        }
    }
    context
}
