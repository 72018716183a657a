//! From a configuration to connections. As kube makes them, but for the certificates that are trusted, which kube lets nobody choose.

use std::sync::Arc;

use hyper_rustls::{FixedServerNameResolver, HttpsConnectorBuilder};
use hyper_timeout::TimeoutConnector;
use hyper_util::{
    client::legacy::{Builder, connect::HttpConnector},
    rt::TokioExecutor,
};
use kube::{
    Client, Config,
    client::{Body, ClientBuilder, ConfigExt},
};
use rustls::pki_types::ServerName;
use tower::{BoxError, Service, ServiceBuilder, layer::layer_fn};

use super::{
    ClusterError,
    bounds::BoundedAnswers,
    sign_in::{SignInLayer, TokenSource},
    trust,
};

/// A client of the API server of this configuration, whose answers are bounded. `tokens`: it signs in with these instead of what the configuration
/// says. Nothing is sent yet.
///
/// # Errors
/// `Access`, when the configuration can't be used.
pub(crate) fn client(config: &Config, tokens: Option<Arc<TokenSource>>) -> Result<Client, ClusterError> {
    let builder = ClientBuilder::new(service(config, tokens)?, config.default_namespace.clone());
    Ok(builder.with_layer(&layer_fn(BoundedAnswers::new)).build())
}

/// What sends the requests.
fn service(
    config: &Config,
    tokens: Option<Arc<TokenSource>>,
) -> Result<
    impl Service<
        http::Request<Body>,
        Response = http::Response<hyper::body::Incoming>,
        Error = BoxError,
        Future: Send + 'static,
    > + Send
    + 'static,
    ClusterError,
> {
    let unusable = |error: &dyn std::fmt::Display| ClusterError::Access(format!("no client can be made: {error}"));
    let mut tls = config.rustls_client_config().map_err(|error| unusable(&error))?;
    if let Some(given) = &config.root_cert {
        let verifier = trust::verifier(given).map_err(|error| unusable(&error))?;
        tls.dangerous().set_certificate_verifier(verifier);
    }
    let mut connector = HttpConnector::new();
    connector.enforce_http(false);
    let mut https = HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http();
    if let Some(name) = &config.tls_server_name {
        let name = ServerName::try_from(name.clone()).map_err(|error| unusable(&error))?;
        https = https.with_server_name_resolver(FixedServerNameResolver::new(name));
    }
    let mut connector = TimeoutConnector::new(https.enable_http1().wrap_connector(connector));
    connector.set_connect_timeout(config.connect_timeout);
    connector.set_read_timeout(config.read_timeout);
    connector.set_write_timeout(config.write_timeout);
    connector.set_reset_reader_on_write(config.reset_reader_on_write);
    Ok(ServiceBuilder::new()
        .layer(config.base_uri_layer())
        .option_layer(config.auth_layer().map_err(|error| unusable(&error))?)
        .option_layer(tokens.map(SignInLayer))
        .layer(config.extra_headers_layer().map_err(|error| unusable(&error))?)
        .map_err(BoxError::from)
        .service(Builder::new(TokioExecutor::new()).build::<_, Body>(connector)))
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    };

    use axum::{
        Router,
        http::{StatusCode, header::LOCATION},
    };
    use tokio::net::TcpListener;

    use crate::fake;

    /// The credentials for a cluster would go along, and what answers there would be taken for it.
    #[tokio::test]
    async fn nobody_goes_where_a_cluster_sends_them() {
        let (asked, listener) = (Arc::new(AtomicUsize::new(0)), TcpListener::bind("127.0.0.1:0").await.unwrap());
        let (counted, elsewhere) = (asked.clone(), format!("http://{}/", listener.local_addr().unwrap()));
        let other = Router::new().fallback(async move || {
            counted.fetch_add(1, Ordering::Relaxed);
        });
        tokio::spawn(async move { axum::serve(listener, other).await });
        for code in [301, 302, 303, 307, 308] {
            let answer = (StatusCode::from_u16(code).unwrap(), [(LOCATION, elsewhere.clone())]);
            let cluster = fake::cluster(Router::new().fallback(async move || answer.clone())).await;
            assert!(cluster.identity().await.is_err(), "{code}");
        }
        assert_eq!(asked.load(Ordering::Relaxed), 0);
    }
}
