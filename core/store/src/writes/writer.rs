//! The store for a caller who asks for changes.

use crate::Store;

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
}

impl Store {
    /// The store for a caller who asks for changes.
    pub fn on_behalf_of(&self, origin: Origin) -> Writer {
        Writer { store: self.clone(), origin }
    }
}
