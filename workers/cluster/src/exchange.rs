//! One request and its answer, within a time.

use std::time::Duration;

use http::Request;
use http_body_util::BodyExt;
use kube::client::Body;
use serde_json::Value;

use super::{Cluster, ClusterError, UnreachableCause, reply::ApiReply};

/// For one request and its whole answer; a write that takes longer goes on while the cluster answers otherwise.
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(15);
/// For a write and its whole answer. One admission webhook may take 30 seconds, and an API server gives a write up after 34. So much later
/// than the lease was lost may a write land; it is bound to the state that was seen.
const WRITE_TIMEOUT: Duration = Duration::from_secs(40);

impl Cluster {
    /// Sends one request and reads the whole answer, within [`REQUEST_TIMEOUT`]. Fails with what looks like a failure of the cluster: see
    /// [`Self::attribute`].
    pub(crate) async fn send(&self, request: Request<Vec<u8>>) -> Result<ApiReply, ClusterError> {
        match tokio::time::timeout(REQUEST_TIMEOUT, self.exchange(request)).await {
            Ok(answered) => answered,
            Err(_) => Err(no_answer(REQUEST_TIMEOUT)),
        }
    }

    /// As [`Self::send`], within [`WRITE_TIMEOUT`] as long as the cluster answers otherwise.
    pub(crate) async fn send_write(&self, request: Request<Vec<u8>>) -> Result<ApiReply, ClusterError> {
        let mut exchange = std::pin::pin!(self.exchange(request));
        if let Ok(answered) = tokio::time::timeout(REQUEST_TIMEOUT, &mut exchange).await {
            return answered;
        }
        self.ensure_answers().await?;
        match tokio::time::timeout(WRITE_TIMEOUT - REQUEST_TIMEOUT, exchange).await {
            Ok(answered) => answered,
            Err(_) => Err(no_answer(WRITE_TIMEOUT)),
        }
    }

    async fn exchange(&self, request: Request<Vec<u8>>) -> Result<ApiReply, ClusterError> {
        let exchange = async {
            let response = self.client().send(request.map(Body::from)).await?;
            let (head, body) = response.into_parts();
            Ok::<_, kube::Error>((head, body.collect().await?.to_bytes()))
        };
        let (head, bytes) = exchange.await.map_err(|error| ClusterError::from_client(&error))?;
        let body = serde_json::from_slice(&bytes)
            .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&bytes).chars().take(300).collect()));
        let retry_after = head.headers.get(http::header::RETRY_AFTER).and_then(|value| value.to_str().ok());
        let reply = ApiReply::new(head.status, retry_after, body);
        // An object is a JSON object; a page of some proxy in between is not.
        if reply.status.is_success() && !reply.body.is_object() {
            return Err(ClusterError::unreachable(UnreachableCause::ServerError, "an answer that is no JSON object"));
        }
        ClusterError::about_cluster(&reply).map_or(Ok(reply), Err)
    }
}

fn no_answer(within: Duration) -> ClusterError {
    ClusterError::unreachable(UnreachableCause::Timeout, format!("no answer within {}s", within.as_secs()))
}
