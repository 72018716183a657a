//! The methods of each path, for `Allow`.

use crate::{route::Route, wire::envelope::plain};
use axum::{
    extract::MatchedPath,
    http::{HeaderValue, StatusCode, header},
    response::Response,
};
use std::{collections::HashMap, sync::Arc};

/// The methods of each path, as `Allow` lists them.
#[derive(Clone, Debug)]
pub(super) struct Verbs(Arc<HashMap<String, HeaderValue>>);

impl Verbs {
    pub(super) fn from_routes<'a>(routes: impl IntoIterator<Item = &'a Route>) -> Self {
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

    /// Puts the methods of a path on an answer. The router alone would name HEAD beside every GET, which is refused.
    pub(super) fn listed(&self, path: Option<&MatchedPath>, mut answer: Response) -> Response {
        if let Some(value) = path.and_then(|path| self.0.get(path.as_str()).cloned()) {
            answer.headers_mut().insert(header::ALLOW, value);
        }
        answer
    }
}

/// The answer to a method that a path doesn't have.
pub(super) async fn not_allowed(verbs: Verbs, path: MatchedPath) -> Response {
    verbs.listed(Some(&path), plain(StatusCode::METHOD_NOT_ALLOWED))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::route::Routes;
    use causeway_records::nouns::Role::{Editor, Viewer};

    #[test]
    fn every_path_lists_its_verbs() {
        let routes = Routes::<()>::default()
            .get("/a", Viewer, || async {})
            .get("/a/{id}", Viewer, || async {})
            .patch("/a/{id}", Editor, || async {})
            .post("/a", Editor, || async {});
        let verbs = Verbs::from_routes(routes.list());
        assert_eq!(verbs.0["/a"], "GET, POST");
        assert_eq!(verbs.0["/a/{id}"], "GET, PATCH");
    }
}
