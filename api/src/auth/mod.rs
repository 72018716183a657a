//! Who the caller is. `layers/admit.rs` asks for each request; `docs/security.md` describes it for operators.

mod admitted;
mod authenticator;
mod caller;
pub(crate) mod cookie;
mod host;
pub(crate) mod tokens;

pub(crate) use admitted::Admitted;
pub(crate) use authenticator::AuthFailure;
pub use authenticator::Authenticator;
pub use caller::Caller;
