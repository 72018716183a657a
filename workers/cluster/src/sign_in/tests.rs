use std::{future, sync::Mutex as SyncMutex};

use futures::future::join_all;
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

/// Gives nothing the first time, and never answers again.
#[derive(Clone, Default)]
struct NoCredentials(Numbered);

impl TokenIssuer for NoCredentials {
    fn issue(&self) -> BoxFuture<'_, Result<EksToken, AwsError>> {
        drop(self.0.issue());
        if self.0.made() > 1 {
            return future::pending().boxed();
        }
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

#[tokio::test(start_paused = true)]
async fn without_a_token_nothing_is_sent() {
    let server = Server::new("t1");
    let error = send(&server, &Arc::new(TokenSource::new(NoCredentials::default()))).await.unwrap_err();
    assert!(error.is::<NoToken>() && error.to_string().contains("AccessDenied"), "{error}");
    assert!(server.asked().is_empty());
}

#[tokio::test(start_paused = true)]
async fn all_requests_share_what_aws_says_or_does_not_say() {
    let (aws, server) = (NoCredentials::default(), Server::new("t1"));
    let source = Arc::new(TokenSource::new(aws.clone()));
    for expected in [NoToken::Aws(AwsError::NoCredentials("AccessDenied".into())), NoToken::Late] {
        let (begun, made) = (Instant::now(), aws.0.made());
        for answer in join_all((0..20).map(|_| send(&server, &source))).await {
            assert_eq!(answer.unwrap_err().downcast_ref::<NoToken>(), Some(&expected));
        }
        assert_eq!(aws.0.made(), made + 1, "one attempt for all");
        assert!(begun.elapsed() <= ISSUED_WITHIN + Duration::from_secs(1), "{:?}", begun.elapsed());
        tokio::time::advance(REST).await;
    }
}
