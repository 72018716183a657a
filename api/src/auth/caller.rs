use causeway_records::nouns::Role;

/// Who sent a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The common name of a client certificate, the name of an access token, or `anonymous`.
    pub name: String,
    /// What the caller may do.
    pub role: Role,
}

impl Caller {
    /// Every caller of a server without authentication.
    #[must_use]
    pub(crate) fn anonymous() -> Self {
        Self { name: "anonymous".into(), role: Role::Admin }
    }

    /// Whether the caller gets the fields that are stored encrypted.
    pub(crate) fn may_read_ciphertext(&self) -> bool {
        self.role >= Role::Admin
    }
}
