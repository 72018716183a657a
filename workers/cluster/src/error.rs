//! What can go wrong between us and a cluster. Each variant says who is concerned: the record, the object, or the whole cluster.

use std::time::Duration;

use causeway_records::inventory::ObjectRef;
use http::StatusCode;

use super::{
    bounds::{self, TooLong},
    reply::ApiReply,
};

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClusterError {
    /// What the runtime record says about reaching its cluster cannot be used. Nothing was sent.
    #[error("the access data of this cluster cannot be used: {0}; correct the runtime record")]
    Access(String),
    /// The whole cluster, not one object: everything for it waits.
    #[error("the cluster cannot be reached ({cause}): {message}; it is tried again by itself")]
    Unreachable {
        cause: UnreachableCause,
        /// What the network, TLS or the API server said.
        message: String,
        /// How long the API server asked us to stay away.
        retry_after: Option<Duration>,
    },
    /// The API server answered and won't take this object as it is.
    #[error("{object} is refused: {reason}")]
    Refused {
        object: Box<ObjectRef>,
        /// The server's words, or ours, with the next thing to do.
        reason: String,
    },
    /// An object of that name exists and is not ours. It was left as it is.
    #[error("{object} exists and belongs to {who}; delete or rename it, or choose another name here")]
    Conflict {
        object: Box<ObjectRef>,
        /// Who holds it, as far as its labels and managers say.
        who: String,
    },
    /// Fenced: the lease of this cluster is another worker's now. Nothing more was sent.
    #[error("stopped before {object} was written: another worker has this cluster now and goes on")]
    Cancelled { object: Box<ObjectRef> },
}

/// Why a cluster is unreachable: the reason of condition `ClusterReachable`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnreachableCause {
    /// No connection: refused, no route, no such name, cut off in the middle.
    ConnectionFailed,
    /// A connection, but no answer in time.
    Timeout,
    /// The certificates don't fit.
    TlsFailed,
    /// 401, or 403 on what every access needs.
    Unauthorized,
    /// 429.
    Overloaded,
    /// An answer, or what the cluster holds of ours, is larger than it may be.
    OverLimit,
    /// 5xx, or an answer that no API server gives.
    ServerError,
}

impl UnreachableCause {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ConnectionFailed => "ConnectionFailed",
            Self::Timeout => "Timeout",
            Self::TlsFailed => "TlsFailed",
            Self::Unauthorized => "Unauthorized",
            Self::Overloaded => "Overloaded",
            Self::OverLimit => "OverLimit",
            Self::ServerError => "ServerError",
        }
    }
}

impl std::fmt::Display for UnreachableCause {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

impl ClusterError {
    /// Nothing else for this cluster has a chance now: stop, and hold back all its records.
    pub fn stops_everything(&self) -> bool {
        matches!(self, Self::Access(_) | Self::Unreachable { .. } | Self::Cancelled { .. })
    }

    /// The object that is concerned, if it is one.
    pub fn object(&self) -> Option<&ObjectRef> {
        match self {
            Self::Refused { object, .. } | Self::Conflict { object, .. } | Self::Cancelled { object } => Some(object),
            Self::Access(_) | Self::Unreachable { .. } => None,
        }
    }

    pub(crate) fn unreachable(cause: UnreachableCause, message: impl Into<String>) -> Self {
        Self::Unreachable { cause, message: bounds::cut(message.into()), retry_after: None }
    }

    pub(crate) fn refused(object: &ObjectRef, reason: impl Into<String>) -> Self {
        Self::Refused { object: Box::new(object.clone()), reason: bounds::cut(reason.into()) }
    }

    pub(crate) fn conflict(object: &ObjectRef, who: String) -> Self {
        Self::Conflict { object: Box::new(object.clone()), who: bounds::cut(who) }
    }

    pub(crate) fn not_served(object: &ObjectRef) -> Self {
        let kind = if object.group.is_empty() { String::new() } else { format!("{}/", object.group) };
        let reason = format!(
            "the cluster does not serve {kind}{}, kind {}; install its custom resource definition",
            object.version, object.kind
        );
        Self::refused(object, reason)
    }

    /// What a failed answer to a request about one object means.
    pub(crate) fn from_reply(reply: &ApiReply, object: &ObjectRef) -> Self {
        Self::about_cluster(reply).unwrap_or_else(|| {
            // The server's message may quote what was sent.
            let secret = object.group.is_empty() && object.kind == "Secret";
            let reason = if secret { format!("the API server answered {}", reply.status) } else { reply.message() };
            Self::refused(object, reason)
        })
    }

    /// What an answer says about the cluster as a whole; None if it is about the object that was asked for.
    pub(crate) fn about_cluster(reply: &ApiReply) -> Option<Self> {
        let cause = match reply.status {
            StatusCode::UNAUTHORIZED => UnreachableCause::Unauthorized,
            StatusCode::TOO_MANY_REQUESTS => UnreachableCause::Overloaded,
            // With a Status: a webhook that is down, or a field that the schema lacks. Only this object is concerned.
            StatusCode::INTERNAL_SERVER_ERROR if reply.is_status() && !reply.message().starts_with("etcdserver:") => {
                return None;
            }
            status if status.is_server_error() => UnreachableCause::ServerError,
            _ => return None,
        };
        Some(Self::Unreachable { cause, message: reply.message(), retry_after: reply.retry_after })
    }

    /// What an error of the client means: all but an answer with a status is the cluster's failure.
    pub(crate) fn from_client(error: &kube::Error) -> Self {
        match error {
            kube::Error::Api(status) => match status.code {
                401 | 403 => Self::unreachable(UnreachableCause::Unauthorized, status.message.clone()),
                429 => Self::Unreachable {
                    cause: UnreachableCause::Overloaded,
                    message: bounds::cut(status.message.clone()),
                    retry_after: status
                        .details
                        .as_ref()
                        .map(|details| {
                            Duration::from_secs(u64::from(details.retry_after_seconds)).min(bounds::RETRY_AFTER)
                        })
                        .filter(|wait| !wait.is_zero()),
                },
                _ => Self::unreachable(UnreachableCause::ServerError, status.message.clone()),
            },
            other => {
                let message = chain(other);
                Self::unreachable(transport_cause(other, &message), message)
            }
        }
    }
}

/// The chain of sources, outermost first, without what repeats itself.
fn chain(error: &dyn std::error::Error) -> String {
    let mut message = error.to_string();
    let mut next = error.source();
    while let Some(source) = next {
        let text = source.to_string();
        if !message.contains(&text) {
            message.push_str(": ");
            message.push_str(&text);
        }
        next = source.source();
    }
    message
}

/// Found by type where the type gets through, by word where the layers in between keep only text.
fn transport_cause(error: &(dyn std::error::Error + 'static), message: &str) -> UnreachableCause {
    let mut next = Some(error);
    while let Some(source) = next {
        if source.is::<TooLong>() {
            return UnreachableCause::OverLimit;
        }
        if source.is::<rustls::Error>() {
            return UnreachableCause::TlsFailed;
        }
        if source.downcast_ref::<std::io::Error>().is_some_and(|io| io.kind() == std::io::ErrorKind::TimedOut) {
            return UnreachableCause::Timeout;
        }
        next = source.source();
    }
    let message = message.to_ascii_lowercase();
    if message.contains("certificate") || message.contains("tls") {
        UnreachableCause::TlsFailed
    } else if message.contains("timed out") || message.contains("timeout") || message.contains("deadline") {
        UnreachableCause::Timeout
    } else {
        UnreachableCause::ConnectionFailed
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn reply(status: u16, body: Value) -> ApiReply {
        ApiReply { status: StatusCode::from_u16(status).unwrap(), retry_after: None, body }
    }

    fn status(message: &str) -> Value {
        json!({"kind": "Status", "message": message})
    }

    fn gateway() -> ObjectRef {
        ObjectRef {
            group: "gateway.networking.k8s.io".into(),
            version: "v1".into(),
            kind: "Gateway".into(),
            namespace: Some("shop".into()),
            name: "web".into(),
        }
    }

    #[test]
    fn an_answer_about_the_object_is_a_refusal() {
        for (code, text) in [(422, "port is too big"), (403, "forbidden"), (500, "failed calling webhook: refused")] {
            let error = ClusterError::from_reply(&reply(code, status(text)), &gateway());
            assert_eq!(error, ClusterError::refused(&gateway(), text), "{code}");
            assert!(!error.stops_everything());
        }
    }

    #[test]
    fn an_answer_about_the_server_concerns_the_cluster() {
        let cases = [
            (401, status("Unauthorized"), UnreachableCause::Unauthorized),
            (429, status("slow down"), UnreachableCause::Overloaded),
            (500, status("etcdserver: leader changed"), UnreachableCause::ServerError),
            (503, status("apiserver is shutting down"), UnreachableCause::ServerError),
            (502, json!("bad gateway"), UnreachableCause::ServerError),
        ];
        for (code, body, expected) in cases {
            let error = ClusterError::from_reply(&reply(code, body), &gateway());
            let ClusterError::Unreachable { cause, .. } = &error else { panic!("{error:?}") };
            assert_eq!(*cause, expected, "{code}");
            assert!(error.stops_everything());
        }
    }

    #[test]
    fn what_a_cluster_says_is_cut_where_it_comes_in() {
        let long = "x".repeat(100_000);
        let said = |error: ClusterError| error.to_string().len();
        assert!(said(ClusterError::from_reply(&reply(422, status(&long)), &gateway())) < 1200);
        assert!(said(ClusterError::from_reply(&reply(503, status(&long)), &gateway())) < 1200);
        assert!(
            said(ClusterError::from_client(&kube::Error::Api(Box::new(kube::core::Status::failure(&long, "x")))))
                < 1200
        );
        assert!(said(ClusterError::conflict(&gateway(), long)) < 1200);
    }

    #[test]
    fn sentences_name_the_object_and_the_next_step() {
        let conflict = ClusterError::Conflict { object: Box::new(gateway()), who: "kubectl".into() };
        assert_eq!(
            conflict.to_string(),
            "Gateway shop/web exists and belongs to kubectl; delete or rename it, or choose another name here"
        );
        assert!(
            ClusterError::not_served(&gateway()).to_string().contains("gateway.networking.k8s.io/v1, kind Gateway")
        );
    }
}
