//! Which Service, and which of its ports, a gateway's traffic goes to.

use super::{about, namespace};
use crate::{
    InvalidInput,
    k8s::gateway_api::BackendRef,
    workload::{ServiceFacts, ServicePort, services},
};
use causeway_records::{
    inputs::{GatewayInputs, Transport},
    text::Port,
};

/// The Service behind a gateway.
pub(super) struct Backend<'a> {
    inputs: &'a GatewayInputs,
    name: String,
    namespace: String,
    /// Its ports; None when the workload makes the Service at run time, so that they are not known.
    ports: Option<Vec<ServicePort>>,
}

/// The Service that the definition names, or the workload's only one.
pub(super) fn backend(inputs: &GatewayInputs) -> Result<Backend<'_>, InvalidInput> {
    let services = services(&inputs.workload)?;
    let workload = &inputs.workload.definition.spec.name;
    let Some(wanted) = &inputs.definition.spec.service_name else {
        return match services.as_slice() {
            [only] => Ok(Backend::from_service(inputs, only)),
            [] => Err(about(
                inputs,
                "ServiceName",
                format!(
                    "workload definition {workload} has no Service to send traffic to; add one to its YAMLDocument"
                ),
            )),
            several => Err(about(
                inputs,
                "ServiceName",
                format!(
                    "is needed, because workload definition {workload} has several Services: set it to one of {}",
                    list_names(several)
                ),
            )),
        };
    };
    named(inputs, &services, "ServiceName", wanted.as_str())
}

/// The Service of a name among those of the workload. `field` of the definition names it.
pub(super) fn named<'a>(
    inputs: &'a GatewayInputs,
    services: &[ServiceFacts],
    field: &'static str,
    wanted: &str,
) -> Result<Backend<'a>, InvalidInput> {
    let named: Vec<_> = services.iter().filter(|service| service.name == wanted).collect();
    let ours = named.iter().find(|service| service.namespace == namespace(inputs));
    match (ours, named.as_slice()) {
        (Some(service), _) | (None, [service]) => Ok(Backend::from_service(inputs, service)),
        // An operator may make it from another manifest.
        (None, []) => {
            Ok(Backend { inputs, name: wanted.to_owned(), namespace: namespace(inputs).to_owned(), ports: None })
        }
        (None, several) => Err(about(
            inputs,
            field,
            format!(
                "workload definition {} has {} Services named {wanted}, in other namespaces than its own; rename all but one",
                inputs.workload.definition.spec.name,
                several.len()
            ),
        )),
    }
}

impl<'a> Backend<'a> {
    fn from_service(inputs: &'a GatewayInputs, service: &ServiceFacts) -> Self {
        let ServiceFacts { name, namespace, ports } = service.clone();
        Self { inputs, name, namespace, ports: Some(ports) }
    }

    /// The Service's name and namespace, if that is not the routes' own.
    pub(super) fn elsewhere(&self) -> Option<(&str, &str)> {
        (self.namespace != namespace(self.inputs)).then_some((self.name.as_str(), self.namespace.as_str()))
    }

    /// Why a port can't be the Service's; None: it can, as far as is known.
    pub(super) fn lacks(&self, transport: Transport, port: i32) -> Option<String> {
        let ports = of_transport(self.ports.as_ref()?, transport);
        (!ports.contains(&port)).then(|| format!("Service {} has {}", self.name, list_ports(&ports, transport)))
    }

    /// For a port that clients connect to: `explicit`, else the Service's only port, else the one of the same number, else `fallback`. Only ports
    /// of the `transport` count.
    pub(super) fn reference(
        &self,
        transport: Transport,
        listen: Port,
        explicit: Option<Port>,
        fallback: Option<i32>,
    ) -> Result<BackendRef, InvalidInput> {
        let ports = self.ports.as_ref().map(|ports| of_transport(ports, transport));
        let port = match (explicit.map(Port::get), ports.as_deref()) {
            (Some(explicit), None) => explicit,
            (Some(explicit), Some(ports)) if ports.contains(&explicit) => explicit,
            (Some(explicit), Some(ports)) => {
                return Err(self.refuse(format!(
                    "{explicit}: Service {} has {}; take one of them",
                    self.name,
                    list_ports(ports, transport)
                )));
            }
            (None, Some([only])) => *only,
            (None, Some(ports)) => {
                let candidates = [Some(listen.get()), fallback];
                candidates.into_iter().flatten().find(|port| ports.contains(port)).ok_or_else(|| {
                    self.refuse(format!(
                        "is needed on port {listen}, because Service {} has {}; set it to one of them",
                        self.name,
                        list_ports(ports, transport)
                    ))
                })?
            }
            (None, None) => {
                return Err(self.refuse(format!(
                    "is needed on port {listen}, because workload definition {} holds no Service {}; correct ServiceName, or set \
                     ServicePort if the workload makes that Service itself",
                    self.inputs.workload.definition.spec.name, self.name
                )));
            }
        };
        Ok(BackendRef {
            group: "",
            kind: "Service",
            name: self.name.clone(),
            namespace: self.elsewhere().map(|(_, namespace)| namespace.to_owned()),
            port,
            weight: 1,
        })
    }

    fn refuse(&self, message: String) -> InvalidInput {
        about(self.inputs, "ServicePort", message)
    }
}

fn of_transport(ports: &[ServicePort], transport: Transport) -> Vec<i32> {
    let carried = ports.iter().filter(|port| port.protocol == transport.as_str());
    carried.map(|port| port.port).collect()
}

fn list_ports(ports: &[i32], transport: Transport) -> String {
    if ports.is_empty() {
        return format!("no {transport} port");
    }
    format!("the ports {}", ports.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "))
}

fn list_names(services: &[ServiceFacts]) -> String {
    services.iter().map(|service| service.name.as_str()).collect::<Vec<_>>().join(", ")
}
