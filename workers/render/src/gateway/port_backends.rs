//! What ports of TCP and UDP send to by name (`BackendRefs`): Services of the workload, or of others that have granted them.

use super::{about, backend::named, grants::Grants, namespace, rules::lacks_grant};
use crate::{
    InvalidInput,
    k8s::{
        ObjectKind,
        gateway_api::{BackendRef, TCP_ROUTE, TLS_ROUTE, UDP_ROUTE},
    },
    workload::services,
};
use causeway_records::{
    inputs::{GatewayInputs, Transport},
    nouns::PortBackend,
    text::Port,
};
use causeway_rules::{
    grants::{Meant, meant},
    ports::{layer4_ports, tls_ports},
};
use std::collections::BTreeSet;

/// A port whose backends are named.
#[derive(Clone, Copy)]
pub(super) struct Named<'p> {
    pub(super) kind: ObjectKind,
    pub(super) transport: Transport,
    pub(super) port: Port,
    pub(super) backends: &'p [PortBackend],
}

impl Named<'_> {
    /// The list of the definition that has the port.
    fn list(&self) -> &'static str {
        match self.transport {
            Transport::Tcp => "TcpPorts",
            Transport::Udp => "UdpPorts",
        }
    }

    fn place(&self, index: usize) -> String {
        format!("{} port {}, BackendRefs[{index}]", self.list(), self.port)
    }
}

/// `backendRefs` of a port's route. What is in other namespaces is noted down.
pub(super) fn references(
    inputs: &GatewayInputs,
    port: &Named<'_>,
    grants: &mut Grants,
) -> Result<Vec<BackendRef>, InvalidInput> {
    let services = services(&inputs.workload)?;
    let mut references = vec![];
    for (index, backend) in port.backends.iter().enumerate() {
        let name = backend.name.as_str();
        let elsewhere = match named_workload(inputs, port, backend) {
            Meant::Granted(namespace) => {
                grants.add(port.kind.kind, namespace, name);
                Some(namespace.to_owned())
            }
            // The reference stays as it is: what goes there is refused by the proxy, as Gateway API says.
            Meant::NotGranted => backend.namespace.clone(),
            Meant::Own => {
                let service = named(inputs, &services, port.list(), name)?;
                if let Some(lack) = service.lacks(port.transport, backend.port.get()) {
                    let place = port.place(index);
                    return Err(about(
                        inputs,
                        port.list(),
                        format!("{place}.port is not there: {lack}; take one of them"),
                    ));
                }
                let elsewhere = service.elsewhere().map(|(_, namespace)| namespace.to_owned());
                if let Some(namespace) = &elsewhere {
                    grants.add(port.kind.kind, namespace, name);
                }
                elsewhere
            }
        };
        references.push(BackendRef {
            group: "",
            kind: "Service",
            name: name.to_owned(),
            namespace: elsewhere.filter(|elsewhere| elsewhere != namespace(inputs)),
            port: backend.port.get(),
            weight: backend.weight(),
        });
    }
    Ok(references)
}

fn named_workload<'i>(inputs: &'i GatewayInputs, port: &Named<'_>, backend: &PortBackend) -> Meant<'i> {
    let Some(namespace) = backend.namespace.as_deref().filter(|text| !text.is_empty()) else { return Meant::Own };
    let own = inputs.workload.definition.spec.name.as_str();
    meant(own, &inputs.granted, namespace, backend.name.as_str(), port.kind.kind)
}

/// Backends of other workloads that nobody has granted, each as a sentence with what to do.
pub(super) fn not_granted(inputs: &GatewayInputs) -> BTreeSet<String> {
    let definition = &inputs.definition.spec;
    let layer4 = layer4_ports(definition);
    let tls = tls_ports(definition, &inputs.hostnames).unwrap_or_default();
    let of_layer4 = layer4.iter().map(|port| Named {
        kind: if port.protocol.transport() == Transport::Udp { UDP_ROUTE } else { TCP_ROUTE },
        transport: port.protocol.transport(),
        port: port.port,
        backends: &port.backends,
    });
    let of_tls = tls.iter().map(|port| Named {
        kind: TLS_ROUTE,
        transport: Transport::Tcp,
        port: port.port,
        backends: &port.backends,
    });
    let mut sentences = BTreeSet::new();
    for port in of_layer4.chain(of_tls) {
        for (index, backend) in port.backends.iter().enumerate() {
            if named_workload(inputs, &port, backend) == Meant::NotGranted {
                let workload = backend.namespace.as_deref().unwrap_or_default();
                sentences.insert(lacks_grant(inputs, &port.place(index), backend.name.as_str(), workload));
            }
        }
    }
    sentences
}
