//! What a request says about plans: `?plan=true` and `If-Plan`.

use super::query::{QueryPairs, invalid, value};
use axum::{
    extract::{FromRequestParts, Query},
    http::{HeaderMap, HeaderName, HeaderValue, Method, Uri, request::Parts},
    response::Response,
};
use causeway_records::trial::PLANNED;
use causeway_store::Result;
use std::convert::Infallible;

/// The revision of the effect that a write is to have.
pub(crate) const IF_PLAN: HeaderName = HeaderName::from_static("if-plan");
/// The revision of a plan.
const PLAN_REVISION: HeaderName = HeaderName::from_static("plan-revision");

/// What is asked of a write beside writing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Planning {
    /// Show what it would do, and do nothing.
    Show,
    /// Do it if it does exactly this.
    Expect(String),
}

/// As the request says it, not yet read.
#[derive(Clone, Debug, Default)]
pub(crate) struct PlanRequest {
    plan: Option<String>,
    expected: Option<String>,
}

impl<S: Send + Sync> FromRequestParts<S> for PlanRequest {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> std::result::Result<Self, Infallible> {
        Ok(Self::new(&parts.uri, &parts.headers))
    }
}

impl PlanRequest {
    fn new(uri: &Uri, headers: &HeaderMap) -> Self {
        let expected = headers.get(IF_PLAN).map(|revision| revision.to_str().unwrap_or_default().to_owned());
        if uri.query().is_none() {
            return Self { plan: None, expected };
        }
        let pairs = Query::<QueryPairs>::try_from_uri(uri).map(|Query(pairs)| pairs).unwrap_or_default();
        Self { plan: value(&pairs, "plan").map(str::to_owned), expected }
    }

    /// What is asked of a write; None: only to write.
    pub(crate) fn read(self) -> Result<Option<Planning>> {
        match (self.plan.as_deref(), self.expected) {
            (Some("true"), _) => Ok(Some(Planning::Show)),
            (None | Some("false"), None) => Ok(None),
            (None | Some("false"), Some(revision)) => Ok(Some(Planning::Expect(revision))),
            _ => Err(invalid("plan", "must be true or false")),
        }
    }
}

/// Refuses a write that asks for a plan where none can be made: it must not be written as if it had not asked. `path` is the route that matched.
pub(crate) fn check(method: &Method, path: Option<&str>, uri: &Uri, headers: &HeaderMap) -> Result<()> {
    if matches!(*method, Method::GET | Method::HEAD) || path.is_some_and(has_plans) {
        return Ok(());
    }
    let request = PlanRequest::new(uri, headers);
    let field = if request.plan.is_some() { "plan" } else { "If-Plan" };
    match request.read() {
        Ok(None) => Ok(()),
        _ => Err(invalid(
            field,
            "is for writes of gateways, domain names, workloads and what is part of them; leave it out here",
        )),
    }
}

/// Whether a path is that of records of which plans are made.
fn has_plans(path: &str) -> bool {
    let plural = path.strip_prefix("/v0/").map(|path| path.strip_suffix("/{id}").unwrap_or(path));
    PLANNED.iter().any(|kind| Some(kind.info().plural) == plural)
}

/// Puts the revision of a plan on its answer.
pub(crate) fn add_revision(mut answer: Response, revision: &str) -> Response {
    if let Ok(value) = HeaderValue::try_from(revision) {
        answer.headers_mut().insert(PLAN_REVISION, value);
    }
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(query: &str, revision: Option<&'static str>) -> (Uri, HeaderMap) {
        let revision = revision.map(|revision| (IF_PLAN, HeaderValue::from_static(revision)));
        (format!("http://a/v0/x{query}").parse().unwrap(), revision.into_iter().collect())
    }

    #[test]
    fn a_request_asks_for_a_plan_or_names_one() {
        let read = |query, revision| {
            let (uri, headers) = request(query, revision);
            PlanRequest::new(&uri, &headers).read().map_err(|error| error.to_string())
        };
        assert_eq!([read("", None), read("?plan=false", None), read("?name=a", None)], [const { Ok(None) }; 3]);
        assert_eq!(read("?Plan=true", None), Ok(Some(Planning::Show)));
        assert_eq!(read("?plan=true", Some("a")), Ok(Some(Planning::Show)), "nothing is written");
        assert_eq!(read("", Some("a")), Ok(Some(Planning::Expect("a".into()))));
        assert!(read("?plan=yes", None).unwrap_err().contains("must be true or false"));
    }

    #[test]
    fn what_has_no_plan_is_not_written_as_if_it_had_one() {
        let refused = |method, path, query, revision| {
            let (uri, headers) = request(query, revision);
            check(&method, Some(path), &uri, &headers).is_err()
        };
        for path in ["/v0/webhooks", "/v0/access-tokens/{id}", "/v0/workload-resource-definition-sets"] {
            assert!(refused(Method::POST, path, "?plan=true", None), "{path}");
            assert!(refused(Method::DELETE, path, "", Some("a")), "{path}");
            assert!(!refused(Method::GET, path, "?plan=true", None) && !refused(Method::POST, path, "", None));
        }
        for path in ["/v0/gateway-definitions", "/v0/gateway-http-ports/{id}"] {
            assert!(!refused(Method::POST, path, "?plan=true", None), "{path}");
        }
    }
}
