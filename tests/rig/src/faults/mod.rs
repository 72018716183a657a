//! What tests of failures do to the parts: a network that is slow, silent or cut off, an API server that answers nonsense, a wall clock that
//! is wrong, webhooks that hang or refuse. Each test has its own, so that no other notices.

mod answers;
mod clock;
mod network;
mod refusal;
mod silence;

pub(crate) use self::answers::Tls;
pub use self::{
    answers::{Answer, Answers},
    clock::wall_clock,
    network::{Network, Proxy, Toxic},
    refusal::Refusal,
    silence::Silence,
};
