//! Who asks, and what he may do.
//!
//! Every request that reaches a handler carries a [`Caller`] in its extensions.

use axum::{extract::Request, middleware::Next, response::Response};

/// What a caller may do. Each role may do what those before it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Reads records; ciphertext is left out.
    Viewer,
    /// Writes records too.
    Editor,
    /// Reads ciphertext, access tokens and audit events too, and makes and revokes access tokens.
    Admin,
}

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The common name of a client certificate, the name of an access token, or `anonymous`.
    pub name: String,
    /// What he may do.
    pub role: Role,
}

impl Caller {
    /// Everybody, where nobody is asked who he is.
    #[must_use]
    pub fn anonymous() -> Self {
        Self { name: "anonymous".into(), role: Role::Admin }
    }
}

/// Lets everybody in as [`Caller::anonymous`].
pub async fn anonymous(mut request: Request, next: Next) -> Response {
    request.extensions_mut().insert(Caller::anonymous());
    next.run(request).await
}
