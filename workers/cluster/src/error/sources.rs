//! What an error of the client says, by its chain of sources.

use super::UnreachableCause;
use crate::{bounds::TooLong, sign_in::NoToken, tls_error::tls_error};

/// What says that there is nothing to sign in with.
pub(super) fn missing_token<'a>(error: &'a (dyn std::error::Error + 'static)) -> Option<&'a NoToken> {
    std::iter::successors(Some(error), |error| error.source()).find_map(|error| error.downcast_ref())
}

/// Found by type where the type gets through, by word where the layers in between keep only text.
pub(super) fn transport_cause(error: &(dyn std::error::Error + 'static), message: &str) -> UnreachableCause {
    if tls_error(error).is_some() {
        return UnreachableCause::TlsFailed;
    }
    let mut next = Some(error);
    while let Some(source) = next {
        if source.is::<TooLong>() {
            return UnreachableCause::OverLimit;
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
