//! A page to read and try the API document. Nothing is fetched from another host.

use crate::route::{RouteAccess, Routes};
use axum::{
    Router,
    body::{Body, Bytes, to_bytes},
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
};
use moka::future::Cache;
use tower_http::compression::CompressionLayer;
use utoipa_swagger_ui::{Config, SwaggerUi};

/// Paths of the page. It shows the document, and is no part of it.
pub(crate) const PATHS: &[&str] = &["/swagger", "/swagger/", "/swagger/{*rest}"];
/// The page has 13 files, each of which is kept as it is and compressed.
const MAX_FILES: u64 = 32;
/// Larger than any of the files.
const MAX_FILE: usize = 8 << 20;
/// Scripts, styles and the document come from this server only, and no other site may show the page in a frame. Swagger UI sets styles in its
/// elements, and its icons are in `data:` addresses.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self'; \
     connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
);

/// A file of the page, by its path and whether it is compressed.
type PageFiles = Cache<(String, bool), (HeaderMap, Bytes)>;

/// Open to everybody: the page says nothing about an installation, and a browser can't send a token along with a page.
pub(crate) fn routes<S: Clone + Send + Sync + 'static>() -> Routes<S> {
    Routes::default().pages(router(), PATHS, RouteAccess::Open)
}

fn router<S: Clone + Send + Sync + 'static>() -> Router<S> {
    let files = PageFiles::new(MAX_FILES);
    Router::<S>::from(SwaggerUi::new("/swagger").config(Config::from("/openapi.json")))
        .layer(CompressionLayer::new())
        .layer(middleware::from_fn_with_state(files, keep))
}

/// Compressing a file takes tens of milliseconds, and everybody may ask for it: each is compressed once.
async fn keep(State(files): State<PageFiles>, mut request: Request, next: Next) -> Response {
    let compressed = takes_gzip(request.headers());
    request.headers_mut().remove(header::ACCEPT_ENCODING);
    if compressed {
        request.headers_mut().insert(header::ACCEPT_ENCODING, HeaderValue::from_static("gzip"));
    }
    let key = (request.uri().path().to_owned(), compressed);
    let cacheable = request.method() == Method::GET;
    if cacheable && let Some(file) = files.get(&key).await {
        return file.into_response();
    }
    let response = next.run(request).await;
    if !cacheable || response.status() != StatusCode::OK {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    let Ok(bytes) = to_bytes(body, MAX_FILE).await else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    parts.headers.insert(header::CONTENT_SECURITY_POLICY, POLICY);
    files.insert(key, (parts.headers.clone(), bytes.clone())).await;
    Response::from_parts(parts, Body::from(bytes))
}

fn takes_gzip(headers: &HeaderMap) -> bool {
    let values = headers.get_all(header::ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    let mut codings = values.flat_map(|value| value.split(','));
    codings.any(|coding| {
        let (name, weight) = coding.split_once(';').unwrap_or((coding, ""));
        let refused = weight.trim().strip_prefix("q=").is_some_and(|q| q.parse::<f32>().is_ok_and(|q| q <= 0.0));
        name.trim().eq_ignore_ascii_case("gzip") && !refused
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use tower::ServiceExt;

    async fn get(router: &Router, path: &str, encoding: Option<&str>) -> (StatusCode, HeaderMap, Bytes) {
        let mut request = Request::get(path);
        if let Some(encoding) = encoding {
            request = request.header(header::ACCEPT_ENCODING, encoding);
        }
        let (parts, body) = router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap().into_parts();
        (parts.status, parts.headers, to_bytes(body, MAX_FILE).await.unwrap())
    }

    #[tokio::test]
    async fn a_file_is_compressed_once() {
        let router = router::<()>();
        let path = "/swagger/swagger-ui.css";
        let (_, headers, compressed) = get(&router, path, Some("br, gzip;q=0.5")).await;
        assert_eq!(headers[header::CONTENT_ENCODING], "gzip");
        let (_, again, same) = get(&router, path, Some("gzip")).await;
        assert_eq!((again, same.as_ptr()), (headers, compressed.as_ptr()), "the same bytes, not others that are equal");
        for plain in [None, Some("identity"), Some("gzip;q=0")] {
            let (_, headers, bytes) = get(&router, path, plain).await;
            assert!(!headers.contains_key(header::CONTENT_ENCODING) && bytes.len() > compressed.len());
            assert!(headers[header::CONTENT_TYPE].to_str().unwrap().starts_with("text/css"));
        }
        assert_eq!(get(&router, "/swagger/none.js", Some("gzip")).await.0, StatusCode::NOT_FOUND);
    }

    #[tokio::test]
    async fn the_page_runs_nothing_from_elsewhere() {
        let router = router::<()>();
        let (code, headers, page) = get(&router, "/swagger/", None).await;
        let policy = headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
        assert!(
            code == StatusCode::OK
                && policy.contains("frame-ancestors 'none'")
                && policy.contains("script-src 'self';")
        );
        // What the policy forbids the page doesn't have.
        let page = String::from_utf8(page.to_vec()).unwrap();
        assert!(
            page.contains("<script src=\"./") && !page.contains("<script>") && !page.contains("https://"),
            "{page}"
        );
    }
}
