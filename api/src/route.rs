//! Routes, and which role each one asks for. A route can't be made without saying so.
//!
//! Why our own list beside axum's router: the router can't be asked which routes it has, and neither axum nor utoipa-axum lets a route demand a
//! role. Authentication, the `Allow` header and the API document are all made of this list, so they can't disagree.

use axum::{
    Router,
    handler::Handler,
    http::Method,
    routing::{MethodFilter, on},
};
use causeway_records::nouns::{self, Role};
use std::collections::HashMap;

/// What stands in place of a kind for imports, which are no records: also `Type` of their answer.
pub(crate) const IMPORT: &str = "Import";

/// Who may use a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RouteAccess {
    /// Everybody, without authentication.
    Open,
    /// Callers with this role or a higher one.
    Needs(Role),
}

impl From<Role> for RouteAccess {
    fn from(role: Role) -> Self {
        Self::Needs(role)
    }
}

/// One method of one path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// GET, POST and so on.
    pub method: Method,
    /// As axum writes it: `/v0/events/{id}`.
    pub path: String,
    /// Who may use it.
    pub access: RouteAccess,
}

/// Routes over handlers with the state `S`, with the role that each one asks for.
pub struct Routes<S> {
    router: Router<S>,
    list: Vec<Route>,
}

impl<S: Clone + Send + Sync + 'static> Default for Routes<S> {
    fn default() -> Self {
        Self { router: Router::new(), list: vec![] }
    }
}

impl<S: Clone + Send + Sync + 'static> Routes<S> {
    /// Adds a handler of GET.
    #[must_use]
    pub fn get<H: Handler<T, S>, T: 'static>(self, path: &str, access: impl Into<RouteAccess>, handler: H) -> Self {
        self.add(Method::GET, MethodFilter::GET, path, access.into(), handler)
    }

    /// Adds a handler of POST.
    #[must_use]
    pub fn post<H: Handler<T, S>, T: 'static>(self, path: &str, access: impl Into<RouteAccess>, handler: H) -> Self {
        self.add(Method::POST, MethodFilter::POST, path, access.into(), handler)
    }

    /// Adds a handler of PATCH.
    #[must_use]
    pub fn patch<H: Handler<T, S>, T: 'static>(self, path: &str, access: impl Into<RouteAccess>, handler: H) -> Self {
        self.add(Method::PATCH, MethodFilter::PATCH, path, access.into(), handler)
    }

    /// Adds a handler of PUT.
    #[must_use]
    pub fn put<H: Handler<T, S>, T: 'static>(self, path: &str, access: impl Into<RouteAccess>, handler: H) -> Self {
        self.add(Method::PUT, MethodFilter::PUT, path, access.into(), handler)
    }

    /// Adds a handler of DELETE.
    #[must_use]
    pub fn delete<H: Handler<T, S>, T: 'static>(self, path: &str, access: impl Into<RouteAccess>, handler: H) -> Self {
        self.add(Method::DELETE, MethodFilter::DELETE, path, access.into(), handler)
    }

    /// Adds pages that another crate serves, with the paths that it gives them.
    #[must_use]
    pub(crate) fn pages(mut self, pages: impl Into<Router<S>>, paths: &[&str], access: RouteAccess) -> Self {
        self.router = self.router.merge(pages);
        let route = |path: &&str| Route { method: Method::GET, path: (*path).to_owned(), access };
        self.list.extend(paths.iter().map(route));
        self
    }

    fn add<H: Handler<T, S>, T: 'static>(
        mut self,
        method: Method,
        filter: MethodFilter,
        path: &str,
        access: RouteAccess,
        handler: H,
    ) -> Self {
        self.router = self.router.route(path, on(filter, handler));
        self.list.push(Route { method, path: path.to_owned(), access });
        self
    }

    /// These routes and others.
    #[must_use]
    pub fn merge(mut self, others: Self) -> Self {
        self.router = self.router.merge(others.router);
        self.list.extend(others.list);
        self
    }

    /// Puts layers around these routes.
    #[must_use]
    pub fn with(mut self, layers: impl FnOnce(Router<S>) -> Router<S>) -> Self {
        self.router = layers(self.router);
        self
    }

    /// Every route, in the order in which they were added.
    #[must_use]
    pub fn list(&self) -> &[Route] {
        &self.list
    }

    /// The router, and what each of its routes asks for.
    pub(crate) fn into_parts(self) -> (Router<S>, AccessTable) {
        let mut table = AccessTable::default();
        for Route { method, path, access } in self.list {
            table.0.entry(path).or_default().push((method, access));
        }
        (self.router, table)
    }
}

/// What each route asks for, by path.
#[derive(Debug, Default)]
pub(crate) struct AccessTable(HashMap<String, Vec<(Method, RouteAccess)>>);

impl AccessTable {
    /// What a request asks for. `path` is the route that matched it. Callers without a role don't learn which paths exist, and a route that is
    /// missing in this table asks for the highest role.
    pub(crate) fn required(&self, method: &Method, path: Option<&str>) -> RouteAccess {
        let Some(path) = path else { return RouteAccess::Needs(Role::Viewer) };
        let Some(methods) = self.0.get(path) else { return RouteAccess::Needs(Role::Admin) };
        let method = if *method == Method::HEAD { &Method::GET } else { method };
        // Another method of a route: the answer is 405.
        methods
            .iter()
            .find(|(known, _)| known == method)
            .map_or(RouteAccess::Needs(Role::Viewer), |(_, access)| *access)
    }
}

/// The kind of record that a route is about; empty: none. `path` is the route that matched a request.
pub(crate) fn kind_for_path(path: Option<&str>) -> &'static str {
    let plural = path.and_then(|path| path.split('/').nth(2)).unwrap_or_default();
    if plural == "import" {
        return IMPORT;
    }
    // Several of them at once.
    let plural = if plural == "workload-resource-definition-sets" { "workload-resource-definitions" } else { plural };
    nouns::ALL.iter().chain(nouns::OWN).find(|info| info.plural == plural).map_or("", |info| info.kind.as_str())
}

/// Whether a path is that of a page of the dashboard.
pub(crate) fn is_page(path: &str) -> bool {
    path == "/ui" || path.starts_with("/ui/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_no_entry_asks_for_more() {
        let routes = Routes::<()>::default()
            .get("/a", RouteAccess::Open, || async {})
            .post("/a", Role::Editor, || async {})
            .get("/b/{id}", Role::Viewer, || async {});
        assert_eq!(routes.list().len(), 3);
        let (_, table) = routes.into_parts();
        let required = |method, path| table.required(&method, path);
        assert_eq!(required(Method::GET, Some("/a")), RouteAccess::Open);
        assert_eq!(required(Method::HEAD, Some("/a")), RouteAccess::Open);
        assert_eq!(required(Method::POST, Some("/a")), RouteAccess::Needs(Role::Editor));
        assert_eq!(required(Method::PUT, Some("/a")), RouteAccess::Needs(Role::Viewer), "a 405");
        assert_eq!(required(Method::GET, None), RouteAccess::Needs(Role::Viewer), "a 404");
        assert_eq!(required(Method::GET, Some("/forgotten")), RouteAccess::Needs(Role::Admin));
    }

    #[test]
    fn a_path_names_its_kind() {
        assert_eq!(kind_for_path(Some("/v0/gateway-definitions/{id}")), "GatewayDefinition");
        assert_eq!(kind_for_path(Some("/v0/import")), "Import");
        assert_eq!(kind_for_path(Some("/v0/workload-resource-definition-sets")), "WorkloadResourceDefinition");
        assert_eq!((kind_for_path(Some("/version")), kind_for_path(None)), ("", ""));
    }
}
