//! What can go wrong between us and a cluster. Each variant says who is concerned: the record, the object, or the whole cluster.
//!
//! An answer alone can't always say it: the server of an aggregated API that is down looks like an API server that is down. Then
//! `reachability.rs` asks.

mod advice;
mod sources;

use std::time::Duration;

use causeway_aws::error_chain;
use causeway_records::inventory::ObjectRef;
use http::StatusCode;

use self::{
    advice::next_step,
    sources::{missing_token, transport_cause},
};
use super::{
    bounds,
    reply::ApiReply,
    tls_error::{remedy, tls_error},
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
    /// The cluster answers, and this one object nobody answers for: an admission webhook hangs, or the server of its API group is down.
    #[error("{object} is not answered for: {reason}")]
    Unanswered {
        object: Box<ObjectRef>,
        /// What was answered, if anything was, with the next thing to do.
        reason: String,
        /// How long the object is left alone.
        retry_after: Option<Duration>,
    },
    /// The object was applied, and what becomes of it can't be seen: its kind may not be listed, or there is more of it than is kept.
    #[error("{object} was applied, and what becomes of it can't be seen: {reason}")]
    Unwatched {
        object: Box<ObjectRef>,
        /// Why its kind isn't watched, with the next thing to do.
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
    /// No token can be made to sign in with. Nothing was sent.
    NoToken,
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
            Self::NoToken => "NoToken",
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
            Self::Refused { object, .. }
            | Self::Unanswered { object, .. }
            | Self::Unwatched { object, .. }
            | Self::Conflict { object, .. }
            | Self::Cancelled { object } => Some(object),
            Self::Access(_) | Self::Unreachable { .. } => None,
        }
    }

    pub(crate) fn unreachable(cause: UnreachableCause, message: impl Into<String>) -> Self {
        Self::Unreachable { cause, message: bounds::cut(message.into()), retry_after: None }
    }

    pub(crate) fn refused(object: &ObjectRef, reason: impl Into<String>) -> Self {
        Self::Refused { object: Box::new(object.clone()), reason: bounds::cut(reason.into()) }
    }

    pub(crate) fn unanswered(object: &ObjectRef, reason: impl Into<String>) -> Self {
        Self::Unanswered { object: Box::new(object.clone()), reason: bounds::cut(reason.into()), retry_after: None }
    }

    pub(crate) fn unwatched(object: &ObjectRef, reason: impl Into<String>) -> Self {
        Self::Unwatched { object: Box::new(object.clone()), reason: bounds::cut(reason.into()) }
    }

    /// How long the object is to be left alone at least.
    pub(crate) fn asked_rest(&self) -> Duration {
        match self {
            Self::Unanswered { retry_after, .. } => retry_after.unwrap_or_default(),
            _ => Duration::ZERO,
        }
    }

    /// The same error, about an object that is left alone for so long.
    pub(crate) fn not_before(mut self, rest: Duration) -> Self {
        if let Self::Unanswered { retry_after, .. } = &mut self {
            *retry_after = Some(rest);
        }
        self
    }

    /// The same failure of a request about this object, when the cluster is known to answer others.
    pub(crate) fn about_object(self, object: &ObjectRef) -> Self {
        let Self::Unreachable { cause, message, retry_after } = self else { return self };
        // The server's message may quote what was sent.
        let said = if is_secret(object) { cause.to_string() } else { message };
        let group = if object.group.is_empty() {
            String::new()
        } else {
            format!(", and whether the API service of group {} is Available", object.group)
        };
        let reason =
            format!("{said}, while the cluster answers otherwise; see which admission webhooks match it{group}");
        Self::Unanswered { object: Box::new(object.clone()), reason: bounds::cut(reason), retry_after }
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
            let message = reply.message();
            let said =
                if is_secret(object) { format!("the API server answered {}", reply.status) } else { message.clone() };
            let reason = format!("{}; {}", said.trim_end_matches('.'), next_step(reply.status, &message));
            Self::refused(object, reason)
        })
    }

    /// What an answer says about the cluster as a whole, as far as it can be told from the answer; None if it is about the object that was
    /// asked for.
    pub(crate) fn about_cluster(reply: &ApiReply) -> Option<Self> {
        let cause = match reply.status {
            // A webhook chooses the code with which it refuses, and etcd refuses what is too large.
            _ if reply.is_status() && is_about_what_was_sent(&reply.message()) => return None,
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
                if let Some(missing) = missing_token(other) {
                    return Self::unreachable(UnreachableCause::NoToken, missing.to_string());
                }
                let mut message = error_chain(other);
                let cause = transport_cause(other, &message);
                if let Some(remedy) = tls_error(other).and_then(remedy) {
                    message = format!("{}; {remedy}", bounds::cut(message));
                }
                Self::unreachable(cause, message)
            }
        }
    }
}

fn is_secret(object: &ObjectRef) -> bool {
    object.group.is_empty() && object.kind == "Secret"
}

fn is_about_what_was_sent(message: &str) -> bool {
    message.starts_with("admission webhook ") || message == "etcdserver: request is too large"
}

#[cfg(test)]
mod tests;
