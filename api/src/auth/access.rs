//! Which route asks for which role. A route can't be made without saying so.

use crate::state::State;
use axum::{
    Router,
    handler::Handler,
    http::Method,
    routing::{MethodFilter, on},
};
use causeway_records::nouns::Role;
use std::collections::HashMap;

/// Who may use a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Everybody, without saying who he is.
    Open,
    /// Whoever has this role or a higher one.
    Needs(Role),
}

impl From<Role> for Access {
    fn from(role: Role) -> Self {
        Self::Needs(role)
    }
}

/// One route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// GET, POST and so on.
    pub method: Method,
    /// As axum writes it: `/v0/events/{id}`.
    pub path: String,
    /// Who may use it.
    pub access: Access,
}

/// Routes with what they ask for.
#[derive(Default)]
pub struct Routes {
    router: Router<State>,
    list: Vec<Route>,
}

impl Routes {
    /// Answers GET.
    #[must_use]
    pub fn get<H: Handler<T, State>, T: 'static>(self, path: &str, access: impl Into<Access>, handler: H) -> Self {
        self.add(Method::GET, MethodFilter::GET, path, access.into(), handler)
    }

    /// Answers POST.
    #[must_use]
    pub fn post<H: Handler<T, State>, T: 'static>(self, path: &str, access: impl Into<Access>, handler: H) -> Self {
        self.add(Method::POST, MethodFilter::POST, path, access.into(), handler)
    }

    /// Answers PATCH.
    #[must_use]
    pub fn patch<H: Handler<T, State>, T: 'static>(self, path: &str, access: impl Into<Access>, handler: H) -> Self {
        self.add(Method::PATCH, MethodFilter::PATCH, path, access.into(), handler)
    }

    /// Answers PUT.
    #[must_use]
    pub fn put<H: Handler<T, State>, T: 'static>(self, path: &str, access: impl Into<Access>, handler: H) -> Self {
        self.add(Method::PUT, MethodFilter::PUT, path, access.into(), handler)
    }

    /// Answers DELETE.
    #[must_use]
    pub fn delete<H: Handler<T, State>, T: 'static>(self, path: &str, access: impl Into<Access>, handler: H) -> Self {
        self.add(Method::DELETE, MethodFilter::DELETE, path, access.into(), handler)
    }

    /// Pages that another crate serves, with the paths that it gives them.
    #[must_use]
    pub fn pages(mut self, pages: impl Into<Router<State>>, paths: &[&str], access: Access) -> Self {
        self.router = self.router.merge(pages);
        let route = |path: &&str| Route { method: Method::GET, path: (*path).to_owned(), access };
        self.list.extend(paths.iter().map(route));
        self
    }

    fn add<H: Handler<T, State>, T: 'static>(
        mut self,
        method: Method,
        filter: MethodFilter,
        path: &str,
        access: Access,
        handler: H,
    ) -> Self {
        self.router = self.router.route(path, on(filter, handler));
        self.list.push(Route { method, path: path.to_owned(), access });
        self
    }

    /// These and others.
    #[must_use]
    pub fn merge(mut self, others: Self) -> Self {
        self.router = self.router.merge(others.router);
        self.list.extend(others.list);
        self
    }

    /// Layers around these routes.
    #[must_use]
    pub fn with(mut self, layers: impl FnOnce(Router<State>) -> Router<State>) -> Self {
        self.router = layers(self.router);
        self
    }

    /// Every route, in the order in which they were made.
    #[must_use]
    pub fn list(&self) -> &[Route] {
        &self.list
    }

    /// What answers, and what each route asks for.
    pub(crate) fn into_parts(self) -> (Router<State>, Table) {
        let mut table = Table::default();
        for Route { method, path, access } in self.list {
            table.0.entry(path).or_default().push((method, access));
        }
        (self.router, table)
    }
}

/// What each route asks for, by path.
#[derive(Debug, Default)]
pub(crate) struct Table(HashMap<String, Vec<(Method, Access)>>);

impl Table {
    /// What a request asks for. Nothing that isn't a route is told to people without a role, and a route that is missing here asks for the most.
    pub(crate) fn of(&self, method: &Method, path: Option<&str>) -> Access {
        let Some(path) = path else { return Access::Needs(Role::Viewer) };
        let Some(methods) = self.0.get(path) else { return Access::Needs(Role::Admin) };
        let method = if *method == Method::HEAD { &Method::GET } else { method };
        // Another method of a route: the answer is 405.
        methods.iter().find(|(known, _)| known == method).map_or(Access::Needs(Role::Viewer), |(_, access)| *access)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_no_entry_asks_for_more() {
        let routes = Routes::default().get("/a", Access::Open, || async {}).post("/a", Role::Editor, || async {}).get(
            "/b/{id}",
            Role::Viewer,
            || async {},
        );
        assert_eq!(routes.list().len(), 3);
        let (_, table) = routes.into_parts();
        assert_eq!(table.of(&Method::GET, Some("/a")), Access::Open);
        assert_eq!(table.of(&Method::HEAD, Some("/a")), Access::Open);
        assert_eq!(table.of(&Method::POST, Some("/a")), Access::Needs(Role::Editor));
        assert_eq!(table.of(&Method::PUT, Some("/a")), Access::Needs(Role::Viewer), "a 405");
        assert_eq!(table.of(&Method::GET, None), Access::Needs(Role::Viewer), "a 404");
        assert_eq!(table.of(&Method::GET, Some("/forgotten")), Access::Needs(Role::Admin));
    }
}
