//! The inputs of a record of any kind whose objects follow from records alone.

use super::{DomainNameInputs, GatewayInputs, Listener, ListenerSetInputs, Named, SharedGatewayInputs, WorkloadInputs};
use serde_json::Value;
use std::collections::BTreeMap;

/// What becomes objects in a cluster, by the kind of its record.
#[derive(Clone, Debug, PartialEq)]
pub enum AnyInputs {
    /// A workload instance.
    Workload(Box<WorkloadInputs>, KnownScopes),
    /// A shared gateway.
    SharedGateway(Box<SharedGatewayInputs>),
    /// A ListenerSet of a shared gateway.
    ListenerSet(Box<ListenerSetInputs>),
    /// A gateway instance.
    Gateway(Box<GatewayInputs>),
    /// A domain name instance.
    DomainName(Box<DomainNameInputs>, GatewayStates),
}

/// Whether objects of a kind have a namespace, by group and kind, as the cluster has said when a record was last applied.
pub type KnownScopes = BTreeMap<(String, String), bool>;

/// What the Gateways of gateway instances have published, by the id of the instance. Their addresses are in it.
pub type GatewayStates = BTreeMap<i64, Value>;

impl AnyInputs {
    /// Whether the record goes: its objects are taken away, and none is applied.
    pub fn is_leaving(&self) -> bool {
        match self {
            Self::Workload(inputs, _) => leaves(&inputs.instance),
            Self::SharedGateway(inputs) => leaves(&inputs.gateway),
            Self::ListenerSet(inputs) => leaves(&inputs.gateway),
            Self::Gateway(inputs) => leaves(&inputs.instance),
            Self::DomainName(inputs, _) => leaves(&inputs.instance),
        }
    }

    /// Whether its objects stay when the record goes.
    pub fn is_kept(&self) -> bool {
        match self {
            Self::Workload(inputs, _) => inputs.instance.record.spec.is_kept(),
            Self::SharedGateway(inputs) => inputs.gateway.record.spec.is_kept(),
            Self::Gateway(inputs) => inputs.instance.record.spec.is_kept(),
            Self::ListenerSet(_) | Self::DomainName(..) => false,
        }
    }

    /// Gives records other ids, and their objects the names that follow from them.
    pub fn renumber(&mut self, ids: &BTreeMap<i64, i64>) {
        match self {
            Self::Workload(inputs, _) => named(&mut inputs.instance, ids),
            Self::SharedGateway(inputs) => {
                named(&mut inputs.gateway, ids);
                users(&mut inputs.listeners, ids);
            }
            Self::ListenerSet(inputs) => {
                inputs.id = ids.get(&inputs.id).copied().unwrap_or(inputs.id);
                named(&mut inputs.gateway, ids);
                users(&mut inputs.listeners, ids);
            }
            Self::Gateway(inputs) => {
                named(&mut inputs.instance, ids);
                inputs.shared_gateway.iter_mut().for_each(|shared| named(&mut shared.gateway, ids));
                named(&mut inputs.workload.instance, ids);
                inputs.beside.iter_mut().for_each(|other| {
                    other.gateway_instance_id =
                        ids.get(&other.gateway_instance_id).copied().unwrap_or(other.gateway_instance_id);
                });
            }
            Self::DomainName(inputs, states) => {
                named(&mut inputs.instance, ids);
                named(&mut inputs.workload, ids);
                for gateway in &mut inputs.gateways {
                    named(&mut gateway.instance, ids);
                    gateway.shared_gateway.iter_mut().for_each(|shared| named(shared, ids));
                }
                let renumbered = std::mem::take(states).into_iter();
                states.extend(renumbered.map(|(id, state)| (ids.get(&id).copied().unwrap_or(id), state)));
            }
        }
    }
}

fn leaves<T>(of: &Named<T>) -> bool {
    of.record.status.deletion_scheduled.is_some() || of.record.common.deleted_at.is_some()
}

fn named<T>(of: &mut Named<T>, ids: &BTreeMap<i64, i64>) {
    let Some((old, new)) = ids.get_key_value(&of.record.common.id) else { return };
    of.record.common.id = *new;
    if let Some(start) = of.object_name.strip_suffix(&old.to_string()) {
        of.object_name = format!("{start}{new}");
    }
}

fn users(listeners: &mut [Listener], ids: &BTreeMap<i64, i64>) {
    for user in listeners.iter_mut().flat_map(|listener| &mut listener.users) {
        let Some((old, new)) = ids.get_key_value(&user.gateway_instance_id) else { continue };
        debug_assert!(!user.namespace.ends_with(&old.to_string()), "a namespace is named after a workload");
        user.gateway_instance_id = *new;
    }
}
