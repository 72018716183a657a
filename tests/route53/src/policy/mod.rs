//! Policies of IAM: with one, an access key may do what it allows and nothing else. A key without one may do everything.
//!
//! What IAM would pass over is refused here: it ignores a condition about a key that no request has, so a typing error in a policy allows more than
//! whoever wrote it knows.

mod asked;
mod pattern;

use std::collections::{BTreeMap, BTreeSet};

use axum::{
    body::{Body, to_bytes},
    extract::{MatchedPath, Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use serde::Deserialize;

use self::{asked::Asked, pattern::matches};
use crate::{fault::Fault, handlers::access_key, state::Shared};

/// No request of Route 53 is larger.
const MOST_BYTES: usize = 4 << 20;
const VERSION: &str = "2012-10-17";

/// A policy document, as far as Route 53 has use for it.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "Document")]
pub(crate) struct Policy {
    statements: Vec<Statement>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Document {
    version: String,
    statement: Vec<Statement>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Statement {
    /// Needed here, to tell which of them were used.
    sid: String,
    effect: Effect,
    action: Texts,
    resource: Texts,
    #[serde(default)]
    condition: BTreeMap<Operator, BTreeMap<String, Texts>>,
}

#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
enum Effect {
    Allow,
    Deny,
}

/// How the values of a request are compared. All of them must be as one of the policy's; a request without any is as it should be, as in IAM.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd)]
enum Operator {
    #[serde(rename = "ForAllValues:StringEquals")]
    AllEqual,
    #[serde(rename = "ForAllValues:StringLike")]
    AllLike,
}

/// One text, or a list of them.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
enum Texts {
    One(String),
    Many(Vec<String>),
}

impl Texts {
    fn any(&self, is_it: impl Fn(&str) -> bool) -> bool {
        match self {
            Self::One(text) => is_it(text),
            Self::Many(texts) => texts.iter().any(|text| is_it(text)),
        }
    }
}

impl TryFrom<Document> for Policy {
    type Error = String;

    fn try_from(document: Document) -> Result<Self, String> {
        if document.version != VERSION {
            return Err(format!("Version is {}, not {VERSION}", document.version));
        }
        let mut ids = BTreeSet::new();
        for Statement { sid, condition, .. } in &document.statement {
            if sid.is_empty() || !sid.chars().all(|c| c.is_ascii_alphanumeric()) || !ids.insert(sid) {
                return Err(format!("Sid {sid:?} isn't letters and digits of its own"));
            }
            if let Some(key) =
                condition.values().flat_map(BTreeMap::keys).find(|key| !asked::KEYS.contains(&key.as_str()))
            {
                return Err(format!("no request has {key}"));
            }
        }
        Ok(Self { statements: document.statement })
    }
}

impl Policy {
    /// The ids of the statements by which a request is allowed; none: it isn't. One that denies it outweighs all that allow it.
    fn allowing(&self, asked: &Asked) -> Vec<&str> {
        let (allow, deny): (Vec<_>, Vec<_>) = self
            .statements
            .iter()
            .filter(|statement| statement.is_about(asked))
            .partition(|statement| statement.effect == Effect::Allow);
        if deny.is_empty() { allow.into_iter().map(|statement| statement.sid.as_str()).collect() } else { vec![] }
    }
}

impl Statement {
    fn is_about(&self, asked: &Asked) -> bool {
        let action = asked.action.to_ascii_lowercase();
        self.action.any(|pattern| matches(&pattern.to_ascii_lowercase(), &action))
            && self.resource.any(|pattern| matches(pattern, &asked.resource))
            && self.condition.iter().all(|(operator, keys)| operator.holds(keys, asked))
    }
}

impl Operator {
    fn holds(self, keys: &BTreeMap<String, Texts>, asked: &Asked) -> bool {
        let is_as = |wanted: &str, value: &str| match self {
            Self::AllEqual => wanted == value,
            Self::AllLike => matches(wanted, value),
        };
        keys.iter().all(|(key, wanted)| {
            let mut values = asked.context.get(key.as_str()).into_iter().flatten();
            values.all(|value| wanted.any(|wanted| is_as(wanted, value)))
        })
    }
}

/// The policies by access key, and which of their statements have allowed a request.
#[derive(Default)]
pub(crate) struct Policies(BTreeMap<String, (Policy, BTreeSet<String>)>);

impl Policies {
    /// From now on this key may do what the policy allows; None: everything.
    pub(crate) fn set(&mut self, access_key: &str, policy: Option<Policy>) {
        match policy {
            Some(policy) => drop(self.0.insert(access_key.to_owned(), (policy, BTreeSet::new()))),
            None => drop(self.0.remove(access_key)),
        }
    }

    /// The ids of the statements that have allowed a request of this key.
    pub(crate) fn used(&self, access_key: &str) -> BTreeSet<String> {
        self.0.get(access_key).map(|(_, used)| used.clone()).unwrap_or_default()
    }

    fn admit(&mut self, access_key: &str, asked: &Asked) -> Result<(), Fault> {
        let Some((policy, used)) = self.0.get_mut(access_key) else { return Ok(()) };
        let allowing = policy.allowing(asked);
        if allowing.is_empty() {
            return Err(Fault::access_denied(access_key, &asked.action, &asked.resource));
        }
        used.extend(allowing.into_iter().map(str::to_owned));
        Ok(())
    }
}

/// Runs before every operation.
pub(crate) async fn admit(State(shared): State<Shared>, request: Request, next: Next) -> Response {
    let operation = request.extensions().get::<MatchedPath>().map(|path| path.as_str().to_owned());
    let (head, body) = request.into_parts();
    let body = match to_bytes(body, MOST_BYTES).await {
        Ok(body) => body,
        Err(error) => return Fault::malformed(error).into_response(),
    };
    let asked = Asked::new(&head.method, operation.as_deref().unwrap_or_default(), head.uri.path(), &body);
    let admitted = shared.lock().policies.admit(&access_key(&head.headers), &asked);
    match admitted {
        Ok(()) => next.run(Request::from_parts(head, Body::from(body))).await,
        Err(fault) => fault.into_response(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::Method;
    use serde_json::{Value, json};

    const ZONE: &str = "arn:aws:route53:::hostedzone/Z1";

    fn policy(statements: Value) -> Result<Policy, serde_json::Error> {
        serde_json::from_value(json!({"Version": VERSION, "Statement": statements}))
    }

    fn writes(name: &str, kind: &str, action: &str) -> Asked {
        let body = format!(
            "<ChangeResourceRecordSetsRequest><ChangeBatch><Changes><Change><Action>{action}</Action><ResourceRecordSet><Name>{name}</Name>\
             <Type>{kind}</Type><TTL>1</TTL><ResourceRecords><ResourceRecord><Value>192.0.2.1</Value></ResourceRecord></ResourceRecords>\
             </ResourceRecordSet></Change></Changes></ChangeBatch></ChangeResourceRecordSetsRequest>"
        );
        let path = "/2013-04-01/hostedzone/Z1/rrset";
        Asked::new(&Method::POST, "/2013-04-01/hostedzone/{id}/rrset", path, body.as_bytes())
    }

    fn reads(path: &str, operation: &str) -> Asked {
        Asked::new(&Method::GET, operation, path, b"")
    }

    fn change_below_the_domain() -> Value {
        json!({"Sid": "Change", "Effect": "Allow", "Action": "route53:ChangeResourceRecordSets", "Resource": ZONE, "Condition": {
            "ForAllValues:StringLike": {
                "route53:ChangeResourceRecordSetsNormalizedRecordNames": ["shop.example.org", "*.shop.example.org"],
            },
            "ForAllValues:StringEquals": {
                "route53:ChangeResourceRecordSetsRecordTypes": ["A", "TXT"],
                "route53:ChangeResourceRecordSetsActions": ["CREATE", "UPSERT"],
            },
        }})
    }

    #[test]
    fn changes_are_allowed_by_name_type_and_action() {
        let policy = policy(json!([change_below_the_domain()])).unwrap();
        for name in ["shop.example.org", "WWW.shop.example.org.", "*.shop.example.org", "a.b.shop.example.org"] {
            assert_eq!(policy.allowing(&writes(name, "A", "UPSERT")), ["Change"], "{name}");
        }
        for (name, kind, action) in [
            ("example.org", "A", "UPSERT"),
            ("xshop.example.org", "A", "UPSERT"),
            ("www.shop.example.org", "MX", "UPSERT"),
            ("www.shop.example.org", "A", "DELETE"),
        ] {
            assert_eq!(policy.allowing(&writes(name, kind, action)), [""; 0], "{action} {kind} {name}");
        }
    }

    #[test]
    fn zones_and_actions_are_those_that_are_named() {
        let read = json!({"Sid": "Read", "Effect": "Allow", "Action": ["route53:list*"], "Resource": [ZONE]});
        let policy = policy(json!([read])).unwrap();
        let list = "/2013-04-01/hostedzone/{id}/rrset";
        assert_eq!(policy.allowing(&reads("/2013-04-01/hostedzone/Z1/rrset", list)), ["Read"]);
        assert!(policy.allowing(&reads("/2013-04-01/hostedzone/Z2/rrset", list)).is_empty());
        assert!(policy.allowing(&reads("/2013-04-01/hostedzone/Z1", "/2013-04-01/hostedzone/{id}")).is_empty());
        assert!(policy.allowing(&reads("/2013-04-01/hostedzone", "/2013-04-01/hostedzone")).is_empty(), "of all zones");
    }

    #[test]
    fn what_is_denied_stays_so_whatever_allows_it() {
        let allow = json!({"Sid": "All", "Effect": "Allow", "Action": "*", "Resource": "*"});
        let deny = json!({"Sid": "None", "Effect": "Deny", "Action": "route53:GetHostedZone", "Resource": "*"});
        let policy = policy(json!([allow, deny])).unwrap();
        assert!(policy.allowing(&reads("/2013-04-01/hostedzone/Z1", "/2013-04-01/hostedzone/{id}")).is_empty());
        assert_eq!(policy.allowing(&reads("/2013-04-01/change/C1", "/2013-04-01/change/{id}")), ["All"]);
    }

    #[test]
    fn a_policy_that_iam_would_take_for_another_one_is_refused() {
        let with = |change: &dyn Fn(&mut Value)| {
            let mut statement = change_below_the_domain();
            change(&mut statement);
            policy(json!([statement])).unwrap_err().to_string()
        };
        let typed_wrong = with(&|statement| {
            statement["Condition"]["ForAllValues:StringEquals"] =
                json!({"route53:ChangeResourceRecordSetsRecordType": "A"});
        });
        assert!(typed_wrong.contains("no request has route53:ChangeResourceRecordSetsRecordType"), "{typed_wrong}");
        assert!(with(&|statement| statement["Sid"] = json!("with-hyphen")).contains("letters and digits"));
        assert!(with(&|statement| statement["Condition"]["StringLikes"] = json!({})).contains("unknown variant"));
        assert!(with(&|statement| statement["Actions"] = json!("*")).contains("unknown field"));
        let twice = policy(json!([change_below_the_domain(), change_below_the_domain()])).unwrap_err();
        assert!(twice.to_string().contains("of its own"), "{twice}");
        assert!(serde_json::from_value::<Policy>(json!({"Version": "2008-10-17", "Statement": []})).is_err());
    }

    #[test]
    fn only_a_key_with_a_policy_is_held_to_it() {
        let mut policies = Policies::default();
        let asked = writes("www.shop.example.org", "A", "CREATE");
        assert!(policies.admit("AKIAONE", &asked).is_ok());
        policies.set("AKIAONE", Some(policy(json!([])).unwrap()));
        let denied = policies.admit("AKIAONE", &asked).unwrap_err();
        assert_eq!((denied.status.as_u16(), denied.code.as_str()), (403, "AccessDenied"));
        assert!(
            denied.message.contains(&format!("route53:ChangeResourceRecordSets on resource: {ZONE}")),
            "{denied:?}"
        );
        policies.set("AKIAONE", Some(policy(json!([change_below_the_domain()])).unwrap()));
        assert!(policies.used("AKIAONE").is_empty());
        assert!(policies.admit("AKIAONE", &asked).is_ok() && policies.admit("AKIAOTHER", &asked).is_ok());
        assert_eq!(policies.used("AKIAONE"), BTreeSet::from(["Change".to_owned()]));
    }
}
