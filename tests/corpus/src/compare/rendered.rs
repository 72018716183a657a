//! All records of an import, rendered.

use causeway_import::{Gateway, Import, ImportedObject, Shared};
use causeway_records::{
    Record,
    inputs::{GatewayInputs, GrantedWorkload, Named},
    nouns::{DomainNameDefinition, Ids, IssuerKind, SharedGateway},
    text::Hostname,
};
use causeway_render::{gateway::render, listener_set, plan::Plan, samples, shared_gateway};
use causeway_rules::hostnames::hostnames_of;
use serde_json::Value;
use std::collections::BTreeMap;

/// What all records of an import become in a cluster.
pub(crate) struct World {
    /// By namespace and name of the Gateway that they come of.
    gateways: BTreeMap<(String, String), RenderedGateway>,
    pub(crate) pieces: Vec<Piece>,
    /// What the namespaces of workloads were called, by their names in the cluster.
    pub(crate) workloads: BTreeMap<String, String>,
}

/// A shared gateway.
pub(crate) struct RenderedGateway {
    /// With the ids of workloads.
    pub(crate) record: SharedGateway,
    /// The Gateway, or why there is none.
    pub(crate) body: Result<Value, String>,
}

/// What is rendered of one gateway definition.
pub(crate) struct Piece {
    pub(crate) from: ImportedObject,
    /// The Gateway that it is attached to, by namespace and name; empty: the common one.
    pub(crate) gateway: String,
    /// The listeners there, by name.
    pub(crate) listeners: BTreeMap<String, Value>,
    pub(crate) objects: Result<Vec<Value>, String>,
}

/// The id of the instance of a workload by its place in the import.
pub(crate) fn id_of_workload(place: usize) -> i64 {
    5000 + i64::try_from(place).unwrap_or_default()
}

/// The namespace that a workload would get.
pub(crate) fn namespace_of_workload(workload: &str) -> String {
    format!("{workload}-of-corpus")
}

impl World {
    /// Renders all records.
    pub(crate) fn new(import: &Import) -> Self {
        let names = import.workloads.iter().map(|workload| workload.name.to_string());
        let workloads = names.map(|name| (namespace_of_workload(&name), name)).collect();
        let mut world = Self { gateways: BTreeMap::new(), pieces: vec![], workloads };
        for shared in &import.shared {
            world.add(import, shared);
        }
        for gateway in import.gateways.iter().filter(|gateway| gateway.shared.is_none()) {
            let piece =
                |listeners, objects| Piece { from: gateway.from.clone(), gateway: String::new(), listeners, objects };
            world.pieces.push(match inputs(import, gateway) {
                Ok(inputs) => on_common(inputs, piece),
                Err(problem) => piece(BTreeMap::new(), Err(problem)),
            });
        }
        world
    }

    pub(crate) fn gateway(&self, called: &(String, String)) -> Option<&RenderedGateway> {
        self.gateways.get(called)
    }

    /// A shared gateway with all that is attached to it.
    fn add(&mut self, import: &Import, shared: &Shared) {
        let attached =
            import.gateways.iter().filter(|gateway| gateway.shared.as_deref() == Some(shared.gateway.name.as_str()));
        let (mut good, mut pieces) = (vec![], vec![]);
        let from = (shared.from.namespace.clone(), shared.from.name.clone());
        let called = format!("{}/{}", from.0, from.1);
        for gateway in attached {
            match inputs(import, gateway) {
                Ok(inputs) => good.push((gateway, inputs)),
                Err(problem) => pieces.push(Piece {
                    from: gateway.from.clone(),
                    gateway: called.clone(),
                    listeners: BTreeMap::new(),
                    objects: Err(problem),
                }),
            }
        }
        let record = with_ids(import, shared);
        let (gateways, inputs): (Vec<&Gateway>, Vec<GatewayInputs>) = good.into_iter().unzip();
        let mut scene = samples::given(900, vec![], inputs);
        let own = Named { record: Record { spec: record.clone(), ..Record::default() }, object_name: "shared".into() };
        let rendered = scene.shared.as_mut().map(|inputs| {
            inputs.gateway = own.clone();
            inputs.domains = shared.domain.iter().filter_map(|name| Some(domain(name)?.1)).collect();
            shared_gateway::render(inputs).map_err(|error| error.to_string())
        });
        let body = rendered.unwrap_or_else(|| Err("there is none".into())).and_then(|plan| {
            let bodies = bodies(plan).into_iter().find(|body| body["kind"] == "Gateway");
            bodies.ok_or_else(|| "there is none".to_owned())
        });
        let listeners = body.as_ref().map(listeners).unwrap_or_default();
        for (gateway, mut inputs) in gateways.into_iter().zip(scene.gateways) {
            if let Some(used) = &mut inputs.shared_gateway {
                used.gateway = own.clone();
            }
            let objects = render(&inputs).map(bodies).map_err(|error| error.to_string());
            let listeners = listeners.clone();
            pieces.push(Piece { from: gateway.from.clone(), gateway: called.clone(), listeners, objects });
        }
        self.pieces.extend(pieces);
        self.gateways.insert(from, RenderedGateway { record, body });
    }
}

fn bodies(plan: Plan) -> Vec<Value> {
    plan.objects.into_iter().map(|object| object.body).collect()
}

fn listeners(holder: &Value) -> BTreeMap<String, Value> {
    let all = holder["spec"]["listeners"].as_array().into_iter().flatten();
    all.map(|listener| (listener["name"].as_str().unwrap_or_default().to_owned(), listener.clone())).collect()
}

/// What is rendered on a common gateway.
fn on_common(
    inputs: GatewayInputs,
    piece: impl Fn(BTreeMap<String, Value>, Result<Vec<Value>, String>) -> Piece,
) -> Piece {
    let scene = samples::shared(900, vec![inputs]);
    let holders =
        scene.shared.iter().map(shared_gateway::render).chain(scene.listener_sets.iter().map(listener_set::render));
    let all = holders.flat_map(|plan| plan.map(bodies).unwrap_or_default());
    let listeners = all.flat_map(|holder| listeners(&holder)).collect();
    let objects = scene.gateways.iter().map(|inputs| render(inputs).map(bodies).map_err(|error| error.to_string()));
    piece(listeners, objects.collect::<Result<Vec<_>, _>>().map(|all| all.concat()))
}

/// The record as the API stores it.
fn with_ids(import: &Import, shared: &Shared) -> SharedGateway {
    let id = |name: &String| {
        let place = import.workloads.iter().position(|workload| workload.name.as_str() == name)?;
        Some(id_of_workload(place))
    };
    SharedGateway {
        workload_instance_ids: shared.workloads.as_ref().map(|names| Ids(names.iter().filter_map(id).collect())),
        domain_name_definition_id: shared.domain.as_ref().map(|_| 7),
        ..shared.gateway.clone()
    }
}

/// A domain as its user might complete it.
fn domain(name: &str) -> Option<(i64, Record<DomainNameDefinition>)> {
    let domain = name.parse::<Hostname>().ok()?;
    let own = DomainNameDefinition {
        domain,
        issuer_kind: Some(IssuerKind::SelfSigned),
        aws_account_id: None,
        ..samples::domain(7)
    };
    let mut record = Record { spec: own, ..Record::default() };
    record.common.id = 7;
    Some((7, record))
}

fn inputs(import: &Import, gateway: &Gateway) -> Result<GatewayInputs, String> {
    let domain = gateway.domain.as_ref().and_then(|name| domain(name)).map(|(id, record)| (id, record.spec));
    let mut inputs = samples::gateway(1, "corpus", domain, &[], &[]);
    inputs.definition.spec = gateway.definition.clone();
    inputs.definition.spec.domain_name_definition_id = inputs.domain.as_ref().map(|domain| domain.id());
    let domain = inputs.domain.as_ref().map(|domain| &domain.spec.domain);
    inputs.hostnames = hostnames_of(&inputs.definition.spec, domain).map_err(|refusal| refusal.to_string())?;
    let place = import.workloads.iter().position(|workload| workload.name.as_str() == gateway.workload);
    let workload = place.map(|place| &import.workloads[place]);
    // What the stream doesn't hold the user brings.
    let manifests = workload.and_then(|workload| workload.manifests.clone()).unwrap_or_default();
    inputs.workload.definition.spec.yaml_document = manifests;
    inputs.workload.definition.spec.name = gateway.workload.parse()?;
    let instance = &mut inputs.workload.instance;
    instance.object_name = namespace_of_workload(&gateway.workload);
    instance.record.common.id = place.map_or(-1, id_of_workload);
    instance.record.spec.namespace_labels = workload.and_then(|workload| workload.labels.clone());
    let granted = import.grants.iter().filter(|grant| grant.from == gateway.workload).map(|grant| GrantedWorkload {
        workload: grant.to.clone(),
        namespace: namespace_of_workload(&grant.to),
        services: grant.services.as_ref().map(|services| services.0.iter().map(ToString::to_string).collect()),
        kinds: grant.kinds.as_ref().map(|kinds| kinds.0.iter().map(ToString::to_string).collect()),
    });
    inputs.granted = granted.collect();
    Ok(inputs)
}
