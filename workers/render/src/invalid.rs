//! Inputs that cannot be rendered.

/// Inputs that cannot be rendered: a sentence for the client, with the record and the field to change.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{record}: {field}: {message}")]
pub struct InvalidInput {
    /// Kind and name of the record: `gateway definition shop`.
    pub record: String,
    /// The field's name on the wire: `HttpPorts`.
    pub field: &'static str,
    /// What is wrong and how to put it right.
    pub message: String,
}

impl InvalidInput {
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
