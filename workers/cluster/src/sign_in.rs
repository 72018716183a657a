//! Signing in with tokens that are made anew before they end, for as long as a connection is there: what is cached and watched over it stays.
//!
//! ```text
//! request ──▶ SignIn ──▶ TokenSource: the token that is held, or another one ──▶ Authorization ──▶ API server
//!                ▲                                                                                     │
//!                └───── 401: the token is forgotten, and the request sent once more ◀──────────────────┘
//! ```
//!
//! kube reads tokens anew from files only, so its own layer is left out where this one is.

use std::{
    mem,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use causeway_aws::{AwsError, EksToken, EksTokens};
use futures::{FutureExt, future::BoxFuture};
use http::{HeaderValue, Request, Response, StatusCode, header::AUTHORIZATION};
use kube::client::Body;
use secrecy::ExposeSecret;
use tokio::{
    sync::Mutex,
    time::{Instant, timeout},
};
use tower::{BoxError, Layer, Service, ServiceExt};

/// A cluster that refuses everything has a token made no more often than this.
const REST: Duration = Duration::from_secs(5);
/// How long AWS may take: less than a request to the cluster, so that its error names AWS.
const ISSUED_WITHIN: Duration = Duration::from_secs(8);

/// Makes tokens.
pub(crate) trait TokenIssuer: Send + Sync + 'static {
    fn issue(&self) -> BoxFuture<'_, Result<EksToken, AwsError>>;
}

impl TokenIssuer for EksTokens {
    fn issue(&self) -> BoxFuture<'_, Result<EksToken, AwsError>> {
        self.token().boxed()
    }
}

/// There is nothing to sign in with. Nothing was sent to the cluster.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NoToken {
    #[error(transparent)]
    Aws(#[from] AwsError),
    #[error("AWS gave no credentials to sign with within {}s; see that the workers reach STS", ISSUED_WITHIN.as_secs())]
    Late,
    #[error("the token that was made can't be sent")]
    Unsendable,
}

/// One token for all requests of a connection.
pub(crate) struct TokenSource {
    issuer: Box<dyn TokenIssuer>,
    held: Mutex<Option<Held>>,
}

#[derive(Clone)]
struct Held {
    /// Marked as sensitive: no log of a request shows it.
    header: HeaderValue,
    made: Instant,
    good_for: Duration,
}

impl TokenSource {
    pub(crate) fn new(issuer: impl TokenIssuer) -> Self {
        Self { issuer: Box::new(issuer), held: Mutex::default() }
    }

    /// The value of `Authorization`. Requests that come meanwhile wait for the same token.
    async fn header(&self) -> Result<HeaderValue, NoToken> {
        let mut held = self.held.lock().await;
        held.take_if(|held| held.made.elapsed() >= held.good_for);
        if let Some(held) = &*held {
            return Ok(held.header.clone());
        }
        let made = Instant::now();
        let EksToken { token, good_for } =
            timeout(ISSUED_WITHIN, self.issuer.issue()).await.map_err(|_| NoToken::Late)??;
        let mut header =
            HeaderValue::try_from(format!("Bearer {}", token.expose_secret())).map_err(|_| NoToken::Unsendable)?;
        header.set_sensitive(true);
        *held = Some(Held { header: header.clone(), made, good_for });
        Ok(header)
    }

    /// The cluster has refused this token: another one, if there may be one already.
    async fn other_than(&self, refused: &HeaderValue) -> Result<Option<HeaderValue>, NoToken> {
        let mut held = self.held.lock().await;
        held.take_if(|held| held.header == *refused && held.made.elapsed() >= REST);
        let is_same = held.as_ref().is_some_and(|held| held.header == *refused);
        drop(held);
        if is_same { Ok(None) } else { self.header().await.map(Some) }
    }
}

/// Signs in with the tokens of this source.
pub(crate) struct SignInLayer(pub(crate) Arc<TokenSource>);

impl<S> Layer<S> for SignInLayer {
    type Service = SignIn<S>;

    fn layer(&self, inner: S) -> SignIn<S> {
        SignIn { inner, source: self.0.clone() }
    }
}

/// What the layer makes of a client.
#[derive(Clone)]
pub(crate) struct SignIn<S> {
    inner: S,
    source: Arc<TokenSource>,
}

impl<S, B> Service<Request<Body>> for SignIn<S>
where
    S: Service<Request<Body>, Response = Response<B>, Error = BoxError> + Clone + Send + 'static,
    S::Future: Send,
    B: Send,
{
    type Response = Response<B>;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Self::Response, BoxError>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        // The one that was asked whether it is ready.
        let another = self.inner.clone();
        let mut ready = mem::replace(&mut self.inner, another.clone());
        let source = self.source.clone();
        let once_more = copy(&request);
        async move {
            let header = source.header().await?;
            request.headers_mut().insert(AUTHORIZATION, header.clone());
            let response = ready.call(request).await?;
            let (StatusCode::UNAUTHORIZED, Some(mut request)) = (response.status(), once_more) else {
                return Ok(response);
            };
            let Some(header) = source.other_than(&header).await? else { return Ok(response) };
            request.headers_mut().insert(AUTHORIZATION, header);
            another.oneshot(request).await
        }
        .boxed()
    }
}

/// None, where the body is a stream.
fn copy(request: &Request<Body>) -> Option<Request<Body>> {
    let mut copy = Request::new(request.body().try_clone()?);
    *copy.method_mut() = request.method().clone();
    *copy.uri_mut() = request.uri().clone();
    *copy.version_mut() = request.version();
    *copy.headers_mut() = request.headers().clone();
    *copy.extensions_mut() = request.extensions().clone();
    Some(copy)
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex as SyncMutex;

    use tower::service_fn;

    use super::*;

    /// Makes `t1`, `t2` and so on, each good for ten minutes.
    #[derive(Clone, Default)]
    struct Numbered(Arc<SyncMutex<u32>>);

    impl Numbered {
        fn made(&self) -> u32 {
            *self.0.lock().unwrap()
        }
    }

    impl TokenIssuer for Numbered {
        fn issue(&self) -> BoxFuture<'_, Result<EksToken, AwsError>> {
            let mut number = self.0.lock().unwrap();
            *number += 1;
            let token = format!("t{number}").into();
            async { Ok(EksToken { token, good_for: Duration::from_secs(600) }) }.boxed()
        }
    }

    struct NoCredentials;

    impl TokenIssuer for NoCredentials {
        fn issue(&self) -> BoxFuture<'_, Result<EksToken, AwsError>> {
            async { Err(AwsError::NoCredentials("AccessDenied".into())) }.boxed()
        }
    }

    /// What an API server is asked that takes this token only: the token, and how long the body was.
    #[derive(Clone)]
    struct Server {
        takes: Arc<SyncMutex<&'static str>>,
        asked: Arc<SyncMutex<Vec<(String, u64)>>>,
    }

    impl Server {
        fn new(takes: &'static str) -> Self {
            Self { takes: Arc::new(SyncMutex::new(takes)), asked: Arc::default() }
        }

        fn answer(&self, request: &Request<Body>) -> Response<()> {
            let header = &request.headers()[AUTHORIZATION];
            assert!(header.is_sensitive());
            let token = header.to_str().unwrap().strip_prefix("Bearer ").unwrap().to_owned();
            let is_taken = token == *self.takes.lock().unwrap();
            let length = hyper::body::Body::size_hint(request.body()).exact().unwrap();
            self.asked.lock().unwrap().push((token, length));
            let mut response = Response::new(());
            *response.status_mut() = if is_taken { StatusCode::OK } else { StatusCode::UNAUTHORIZED };
            response
        }

        fn asked(&self) -> Vec<(String, u64)> {
            mem::take(&mut *self.asked.lock().unwrap())
        }
    }

    async fn send(server: &Server, source: &Arc<TokenSource>) -> Result<StatusCode, BoxError> {
        let at = server.clone();
        let inner = service_fn(move |request: Request<Body>| {
            let response = at.answer(&request);
            async move { Ok::<_, BoxError>(response) }
        });
        let request = Request::post("/api/v1/namespaces").body(Body::from(b"four".to_vec())).unwrap();
        SignInLayer(source.clone()).layer(inner).oneshot(request).await.map(|response| response.status())
    }

    #[tokio::test(start_paused = true)]
    async fn a_token_is_made_anew_before_it_ends() {
        let (tokens, server) = (Numbered::default(), Server::new("t1"));
        let source = Arc::new(TokenSource::new(tokens.clone()));
        for _ in 0..2 {
            tokio::time::advance(Duration::from_secs(299)).await;
            assert_eq!(send(&server, &source).await.unwrap(), StatusCode::OK);
        }
        assert_eq!(tokens.made(), 1, "one for all requests");
        *server.takes.lock().unwrap() = "t2";
        tokio::time::advance(Duration::from_secs(301)).await;
        server.asked();
        assert_eq!(send(&server, &source).await.unwrap(), StatusCode::OK);
        assert_eq!(server.asked(), [("t2".into(), 4)], "the old one isn't shown any more");
    }

    #[tokio::test(start_paused = true)]
    async fn a_refused_token_is_forgotten_and_the_request_sent_again() {
        let (tokens, server) = (Numbered::default(), Server::new("t1"));
        let source = Arc::new(TokenSource::new(tokens.clone()));
        assert_eq!(send(&server, &source).await.unwrap(), StatusCode::OK);
        tokio::time::advance(REST).await;
        *server.takes.lock().unwrap() = "t2";
        server.asked();
        assert_eq!(send(&server, &source).await.unwrap(), StatusCode::OK);
        assert_eq!(server.asked(), [("t1".into(), 4), ("t2".into(), 4)], "with the same body");
    }

    #[tokio::test(start_paused = true)]
    async fn a_cluster_that_refuses_everything_costs_few_tokens() {
        let (tokens, server) = (Numbered::default(), Server::new("none"));
        let source = Arc::new(TokenSource::new(tokens.clone()));
        for _ in 0..20 {
            assert_eq!(send(&server, &source).await.unwrap(), StatusCode::UNAUTHORIZED);
        }
        assert_eq!((tokens.made(), server.asked().len()), (1, 20), "none is sent twice");
        tokio::time::advance(REST).await;
        assert_eq!(send(&server, &source).await.unwrap(), StatusCode::UNAUTHORIZED);
        assert_eq!((tokens.made(), server.asked().len()), (2, 2));
    }

    #[tokio::test]
    async fn without_a_token_nothing_is_sent() {
        let server = Server::new("t1");
        let error = send(&server, &Arc::new(TokenSource::new(NoCredentials))).await.unwrap_err();
        assert!(error.is::<NoToken>() && error.to_string().contains("AccessDenied"), "{error}");
        assert!(server.asked().is_empty());
    }
}
