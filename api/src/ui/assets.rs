//! The files that pages refer to, each under a name that changes with its contents.

use crate::{
    route::{RouteAccess, Routes},
    state::ApiState,
};
use axum::{
    extract::Path,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use ring::digest::{SHA256, digest};
use std::sync::LazyLock;

/// A file with its type.
struct Asset {
    name: &'static str,
    media: HeaderValue,
    text: &'static str,
}

const STYLE: Asset = Asset {
    name: "style.css",
    media: HeaderValue::from_static("text/css; charset=utf-8"),
    text: include_str!("style.css"),
};
/// htmx 4.0.1 with its extension for server-sent events, as npm has them, and our own lines after them: in one file, since htmx must not begin before the
/// extension is there.
const SCRIPT: Asset = Asset {
    name: "script.js",
    media: HeaderValue::from_static("text/javascript; charset=utf-8"),
    text: concat!(
        include_str!("htmx/htmx.min.js"),
        "\n",
        include_str!("htmx/hx-sse.min.js"),
        "\n",
        include_str!("live.js")
    ),
};
const ICON: Asset =
    Asset { name: "icon.svg", media: HeaderValue::from_static("image/svg+xml"), text: include_str!("icon.svg") };
/// Their names say what is in them.
const FOREVER: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");

static PATHS: LazyLock<[(String, Asset); 3]> =
    LazyLock::new(|| [STYLE, SCRIPT, ICON].map(|asset| (path(&asset), asset)));

fn path(asset: &Asset) -> String {
    let hash = digest(&SHA256, asset.text.as_bytes());
    let short: String = hash.as_ref().iter().take(6).map(|byte| format!("{byte:02x}")).collect();
    format!("{short}-{}", asset.name)
}

fn href(name: &str) -> String {
    let found = PATHS.iter().find(|(_, asset)| asset.name == name);
    found.map(|(path, _)| format!("/ui/assets/{path}")).unwrap_or_default()
}

pub(super) fn style() -> String {
    href(STYLE.name)
}

pub(super) fn script() -> String {
    href(SCRIPT.name)
}

pub(super) fn icon() -> String {
    href(ICON.name)
}

/// Open to everybody: the page for signing in needs them, and they say nothing about an installation.
pub(super) fn routes() -> Routes<ApiState> {
    Routes::default().get("/ui/assets/{file}", RouteAccess::Open, file)
}

async fn file(Path(file): Path<String>) -> Response {
    match PATHS.iter().find(|(path, _)| *path == file) {
        Some((_, asset)) => {
            ([(header::CONTENT_TYPE, asset.media.clone()), (header::CACHE_CONTROL, FOREVER)], asset.text)
                .into_response()
        }
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::{Engine, prelude::BASE64_STANDARD};
    use ring::digest::SHA384;

    /// The digests of the files of npm's htmx.org 4.0.1 (`dist/htmx.min.js`, `dist/ext/hx-sse.min.js`).
    #[test]
    fn the_scripts_of_others_are_as_they_were_published() {
        let digest_of = |text: &str| BASE64_STANDARD.encode(digest(&SHA384, text.as_bytes()));
        let htmx = "Qp9rdC8H7EqOoX+nR0P3RPG2Noji+qdwJlGpfzwQJsfOpp3sGwIdSP9xO3+UlEhn";
        let sse = "v8HvucQ+ohQhMg0arboXc5049yNR46QKMjphs7YDch+Wm7zpfK5XVS01f26mQDJV";
        assert_eq!(digest_of(include_str!("htmx/htmx.min.js")), htmx);
        assert_eq!(digest_of(include_str!("htmx/hx-sse.min.js")), sse);
    }
}
