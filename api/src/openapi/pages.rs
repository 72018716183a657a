//! A page to read and try the API document. Nothing is fetched from another host.

use crate::route::{RouteAccess, Routes};
use utoipa_swagger_ui::{Config, SwaggerUi};

/// Paths of the page. It shows the document, and is no part of it.
pub(crate) const PATHS: &[&str] = &["/swagger", "/swagger/", "/swagger/{*rest}"];

/// Open to everybody: the page says nothing about an installation, and a browser can't send a token along with a page.
pub(crate) fn routes<S: Clone + Send + Sync + 'static>() -> Routes<S> {
    let page = SwaggerUi::new("/swagger").config(Config::from("/openapi.json"));
    Routes::default().pages(page, PATHS, RouteAccess::Open)
}
