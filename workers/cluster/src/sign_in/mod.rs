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

/// A cluster that refuses everything has a token made no more often than this, and AWS is left alone for so long where it gives nothing.
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
    last: Mutex<Option<Attempt>>,
}

/// What came of an attempt to make a token.
struct Attempt {
    /// The value of `Authorization`, marked as sensitive: no log of a request shows it.
    header: Result<HeaderValue, NoToken>,
    began: Instant,
    /// From then on there is another attempt.
    counts_until: Instant,
}

impl Attempt {
    fn is_of(&self, header: &HeaderValue) -> bool {
        self.header.as_ref().is_ok_and(|made| made == header)
    }
}

impl TokenSource {
    pub(crate) fn new(issuer: impl TokenIssuer) -> Self {
        Self { issuer: Box::new(issuer), last: Mutex::default() }
    }

    /// The value of `Authorization`. Requests that come meanwhile wait for the same token, or for the same error: else each of them would wait for AWS
    /// after the other, until the time for it is over.
    async fn header(&self) -> Result<HeaderValue, NoToken> {
        let mut last = self.last.lock().await;
        last.take_if(|last| Instant::now() >= last.counts_until);
        if let Some(last) = &*last {
            return last.header.clone();
        }
        let began = Instant::now();
        let (header, counts_until) = match self.issue().await {
            Ok((header, good_for)) => (Ok(header), began + good_for),
            Err(why) => (Err(why), Instant::now() + REST),
        };
        *last = Some(Attempt { header: header.clone(), began, counts_until });
        header
    }

    async fn issue(&self) -> Result<(HeaderValue, Duration), NoToken> {
        let EksToken { token, good_for } =
            timeout(ISSUED_WITHIN, self.issuer.issue()).await.map_err(|_| NoToken::Late)??;
        let mut header =
            HeaderValue::try_from(format!("Bearer {}", token.expose_secret())).map_err(|_| NoToken::Unsendable)?;
        header.set_sensitive(true);
        Ok((header, good_for))
    }

    /// The cluster has refused this token: another one, if there may be one already.
    async fn other_than(&self, refused: &HeaderValue) -> Result<Option<HeaderValue>, NoToken> {
        let mut last = self.last.lock().await;
        last.take_if(|last| last.is_of(refused) && last.began.elapsed() >= REST);
        let is_same = last.as_ref().is_some_and(|last| last.is_of(refused));
        drop(last);
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
mod tests;
