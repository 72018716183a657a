//! The store for a caller who asks for changes.

use crate::{Store, error::Result};
use sqlx::PgConnection;

/// Who asks for a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// Name of the caller, as audit events have it.
    pub caller: String,
    /// The id of the request, if there was one.
    pub request_id: Option<String>,
}

/// The only way to make, change and delete records for clients. Each of its writes leaves an audit event, in the same transaction.
#[derive(Clone, Debug)]
pub struct Writer {
    pub(crate) store: Store,
    pub(crate) origin: Origin,
    /// See [`Self::in_trace`].
    pub(crate) traceparent: Option<String>,
}

impl Writer {
    /// The same for a span, which W3C's `traceparent` names: reconciles that carry out what is asked for from now on are linked to it. None: no traces are
    /// collected.
    #[must_use]
    pub fn in_trace(self, traceparent: Option<String>) -> Self {
        Self { traceparent, ..self }
    }

    /// Tells a transaction of the span, for the records that it wakes and makes. It is forgotten when the transaction ends.
    pub(super) async fn trace(&self, transaction: &mut PgConnection) -> Result<()> {
        if let Some(traceparent) = self.traceparent.as_deref() {
            sqlx::query_scalar!("SELECT set_config('causeway.traceparent', $1, true)", traceparent)
                .fetch_one(transaction)
                .await?;
        }
        Ok(())
    }
}

impl Store {
    /// The store for a caller who asks for changes.
    pub fn on_behalf_of(&self, origin: Origin) -> Writer {
        Writer { store: self.clone(), origin, traceparent: None }
    }
}
