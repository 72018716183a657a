//! Which verbs a path has.

use crate::{auth::access::Route, envelope::plain};
use axum::{
    extract::MatchedPath,
    http::{HeaderValue, StatusCode, header},
    response::Response,
};
use std::{collections::HashMap, sync::Arc};

/// The verbs of each path, as `Allow` lists them.
#[derive(Clone, Debug)]
pub struct Verbs(Arc<HashMap<String, HeaderValue>>);

impl Verbs {
    /// Those of these routes.
    #[must_use]
    pub fn of<'a>(routes: impl IntoIterator<Item = &'a Route>) -> Self {
        let mut texts: HashMap<String, String> = HashMap::new();
        for route in routes {
            let text = texts.entry(route.path.clone()).or_default();
            if !text.is_empty() {
                text.push_str(", ");
            }
            text.push_str(route.method.as_str());
        }
        let values = texts.into_iter().filter_map(|(path, text)| Some((path, HeaderValue::try_from(text).ok()?)));
        Self(Arc::new(values.collect()))
    }

    /// An answer with the verbs of a path. The router alone would name HEAD beside every GET, which is refused.
    pub(crate) fn listed(&self, path: Option<&MatchedPath>, mut answer: Response) -> Response {
        if let Some(value) = path.and_then(|path| self.0.get(path.as_str()).cloned()) {
            answer.headers_mut().insert(header::ALLOW, value);
        }
        answer
    }
}

/// A verb that a path doesn't have is answered with those that it has.
pub(crate) async fn not_allowed(verbs: Verbs, path: MatchedPath) -> Response {
    verbs.listed(Some(&path), plain(StatusCode::METHOD_NOT_ALLOWED))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app;

    #[test]
    fn every_path_lists_its_verbs() {
        let verbs = Verbs::of(app::routes().list());
        assert_eq!(verbs.0["/v0/gateway-definitions"], "GET, POST");
        assert_eq!(verbs.0["/v0/gateway-definitions/{id}"], "GET, PATCH, PUT, DELETE");
        assert_eq!(verbs.0["/v0/workload-events"], "GET, POST, DELETE");
    }
}
