//! What a client asked for and can't have.

/// Inputs that can't be rendered: a sentence for the client, with the record and the field to change.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{record}: {field}: {message}")]
pub struct Invalid {
    /// Kind and name of the record: `gateway definition shop`.
    pub record: String,
    /// Its field, as on the wire.
    pub field: &'static str,
    /// What is wrong and how to put it right.
    pub message: String,
}

impl Invalid {
    /// `kind` in words, in the singular: `gateway definition`.
    pub(crate) fn new(
        kind: &str,
        name: impl std::fmt::Display,
        field: &'static str,
        message: impl Into<String>,
    ) -> Self {
        Self { record: format!("{kind} {name}"), field, message: message.into() }
    }
}
