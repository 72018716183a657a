use super::{Rules, SharedGateway};
use crate::text::Name;
use causeway_records_derive::Noun;

/// Some listeners of a shared gateway, as one ListenerSet in the cluster. Made by the write that places the first listener in it; it stays, without
/// listeners too, until its gateway goes. No client reads or writes it: it is in no path and not in the API document.
#[derive(Noun, Clone, PartialEq)]
#[noun(plural = "listener-sets", reconciled)]
pub struct ListenerSet {
    /// The name of its object when it was made.
    #[noun(required)]
    pub name: Name,
    /// The gateway that its listeners are attached to.
    #[noun(required, immutable, part_of = SharedGateway)]
    pub shared_gateway_id: i64,
    /// Which of the gateway's sets, from 0.
    #[noun(required, immutable)]
    pub ordinal: i32,
}
impl Rules for ListenerSet {}
