//! Placement Dedicated: a Gateway for one instance, in its workload's namespace.

use super::{about, brought, capabilities, gateway_ref, listeners, namespace, needs_certificate, owner};
use crate::{
    InvalidInput,
    certificates::{Certificates, IssuedCertificates, NONE_ISSUED, solves_by_http},
    driver, infrastructure,
    k8s::{
        Ours,
        gateway_api::{GATEWAY, GatewaySpec, Namespaces},
    },
    listeners::{ListenerAt, PLAIN_HTTP, listener},
    plan::{Object, Superseded},
};
use causeway_records::{
    inputs::{GatewayInputs, ListenerKey},
    inventory::ObjectRef,
    nouns::AllowedRoutes,
};
use causeway_rules::listeners::MOST_ON_GATEWAY;
use std::collections::{BTreeMap, BTreeSet};

/// The Secrets that cert-manager makes for the instance's own Gateway, see [`crate::shared_gateway::secrets`]. None with a shared one.
pub fn secrets(inputs: &GatewayInputs) -> Vec<ObjectRef> {
    if inputs.shared_gateway.is_some() {
        return Vec::new();
    }
    let ours = Ours { control_plane: &inputs.control_plane, owner: owner(&inputs.instance.record) };
    certificates(inputs, &ours, NONE_ISSUED).map(|certificates| certificates.secrets()).unwrap_or_default()
}

/// The GatewayClass unless the definition names another one, the Gateway, and what its certificates need.
pub(super) fn objects(
    inputs: &GatewayInputs,
    ours: &Ours<'_>,
    issued: &IssuedCertificates,
) -> Result<Vec<Object>, InvalidInput> {
    let name = &inputs.instance.object_name;
    let spec = &inputs.definition.spec;
    let keys = keys(inputs)?;
    let (certificates, brought) = (certificates(inputs, ours, issued)?, brought(inputs));
    let from = match spec.allowed_routes.unwrap_or_default() {
        AllowedRoutes::Same => Namespaces::Same,
        AllowedRoutes::All => Namespaces::All,
    };
    let capabilities = capabilities(inputs);
    let render = |key: &ListenerKey| {
        let served = || certificates.served(key.hostname.as_deref()?).map(|served| served.secret);
        let secret = if key.protocol.ends_tls() { brought.get(key).cloned().or_else(served) } else { None };
        listener(key, from.clone(), secret, &capabilities)
    };
    let gateway = GatewaySpec {
        gateway_class_name: driver::gateway_class_name(spec.gateway_class_name.as_ref().map(|c| c.as_str()), name),
        listeners: keys.iter().map(render).collect(),
        addresses: infrastructure::addresses(spec.addresses.as_ref()),
        infrastructure: infrastructure::labels_and_annotations(spec.infrastructure.as_ref()),
        allowed_listeners: None,
        tls: None,
    };
    let class = spec.gateway_class_name.is_none().then(|| driver::gateway_class(super::driver(inputs), ours, name));
    let mut objects: Vec<Object> = class.into_iter().collect();
    objects.push(GATEWAY.object(ours, gateway_ref(inputs), &gateway));
    let plain_http = ListenerAt::new(PLAIN_HTTP, gateway_ref(inputs));
    objects.extend(certificates.render(&|_| plain_http.parent())?);
    Ok(objects)
}

/// The Certificates that its listeners no longer have, because others have taken their place.
pub(super) fn superseded(inputs: &GatewayInputs, issued: &IssuedCertificates) -> Superseded {
    let ours = Ours { control_plane: &inputs.control_plane, owner: owner(&inputs.instance.record) };
    let Ok(certificates) = certificates(inputs, &ours, issued) else { return Superseded::default() };
    let objects = certificates.own_superseded().into_iter().chain(certificates.wildcards_superseded()).collect();
    Superseded { objects, by: Some(gateway_ref(inputs)) }
}

/// The listeners, and one for plain HTTP on port 80 if challenges of ACME are answered there.
fn keys(inputs: &GatewayInputs) -> Result<Vec<ListenerKey>, InvalidInput> {
    let mut keys: Vec<ListenerKey> = listeners(inputs)?.into_iter().map(|at| at.key).collect();
    if needs_certificate(inputs) && inputs.domain.as_ref().is_some_and(solves_by_http) && !keys.contains(&PLAIN_HTTP) {
        if keys.iter().any(|key| key.port == PLAIN_HTTP.port) {
            let message = "port 80 must speak plain HTTP, because the domain's AcmeChallenge HTTP01 is answered there; free the port, or \
                           use DNS01";
            return Err(about(inputs, "HttpPorts", message));
        }
        keys.insert(0, PLAIN_HTTP);
    }
    if keys.len() > MOST_ON_GATEWAY {
        let message = format!(
            "need {} listeners, and a Gateway has at most {MOST_ON_GATEWAY}; take fewer, or Placement Shared",
            keys.len()
        );
        return Err(about(inputs, "Hostnames", message));
    }
    keys.sort();
    Ok(keys)
}

/// The hostnames of the listeners for which a certificate is ordered.
fn certified(inputs: &GatewayInputs) -> Result<BTreeSet<String>, InvalidInput> {
    let brought = brought(inputs);
    let is_ordered = |key: &ListenerKey| key.protocol.ends_tls() && !brought.contains_key(key);
    let ordered = listeners(inputs)?.into_iter().filter(|at| is_ordered(&at.key));
    Ok(ordered.filter_map(|at| at.key.hostname).collect())
}

/// For the hostnames on which TLS ends and for which nobody has brought a Secret, all under the one domain of the definition.
fn certificates<'a>(
    inputs: &'a GatewayInputs,
    ours: &Ours<'a>,
    issued: &'a IssuedCertificates,
) -> Result<Certificates<'a>, InvalidInput> {
    let mut hostnames = BTreeMap::new();
    let needing = certified(inputs)?;
    if !needing.is_empty() {
        let missing = || {
            about(
                inputs,
                "DomainNameDefinitionID",
                "is needed for TLSEnabled: the certificate is for a hostname under it",
            )
        };
        let domain = inputs.domain.as_ref().ok_or_else(missing)?;
        let all = inputs.hostnames.iter().filter(|hostname| needing.contains(*hostname));
        hostnames.extend(all.map(|hostname| (hostname.as_str(), domain.common.id)));
    }
    Ok(Certificates {
        ours: *ours,
        object_name: &inputs.instance.object_name,
        namespace: namespace(inputs),
        hostnames,
        domains: inputs.domain.iter().collect(),
        accounts: inputs.account.iter().collect(),
        cluster_resource_namespace: inputs.cluster_resource_namespace.as_deref(),
        issued,
    })
}
