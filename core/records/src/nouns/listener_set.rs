use super::{Rules, SharedGateway};
use crate::text::Name;
use causeway_records_derive::Noun;

/// Some of the listeners of a shared gateway. Made by the write that places listeners; no client sees it.
#[derive(Noun, Clone, Debug, PartialEq)]
#[noun(plural = "listener-sets", reconciled)]
pub struct ListenerSet {
    /// Of the object in the cluster.
    #[noun(required, example = "shared-gateway-7-0")]
    pub name: Name,
    /// The gateway that it extends.
    #[noun(required, immutable, part_of = SharedGateway)]
    pub shared_gateway_id: i64,
    /// Its number among those of the gateway, from 0.
    #[noun(required, immutable, example = 0)]
    pub ordinal: i32,
}
impl Rules for ListenerSet {}
