//! What platform teams have already, as records: objects of Gateway API, Ingress and Gloo become the documents that say the same, with a report of each field
//! that no record says as it is.
//!
//! ```text
//! manifests ─▶ one importer for each kind ─▶ records ─▶ shared ─▶ conflicts ─▶ documents
//!                  │ takes fields of a Source
//!                  ▼
//!              what nobody takes, and what can't be said ─▶ report
//! ```
//!
//! An importer gets an object as a [`source`] and takes the fields that it knows. Whoever takes a field says it in a record or reports it; what nobody takes is
//! reported when the object is closed. So a field that this crate has never heard of can't be lost without a word.
//!
//! Objects that are in a cluster can be taken over as they stand ([`take_over()`]): then a record says all of an object, or the object is left out and the
//! report says why.
//!
//! To add a kind of object: a file with an `import`, and its arm in [`sorted`]. Ingress and Gloo have folders of their own. To add an annotation of Ingress: a
//! line in `ingress/settings.rs`.

#![warn(missing_docs)]

mod attach;
mod attachable;
mod conflicts;
mod documents;
mod gateways;
mod gloo;
mod hostnames;
mod ingress;
mod listener;
mod output;
mod reference_grant;
mod report;
mod routes;
mod rules;
mod served;
mod shared;
mod sorted;
mod source;
mod take_over;
mod workloads;

pub use documents::Document;
pub use output::{Domain, Gateway, Grant, Shared, Workload};
pub use report::{Finding, ImportedObject, Loss, shown};
pub use sorted::{MOST, TooMany};
pub use take_over::take_over;

use causeway_manifests::Manifest;
use causeway_records::text::Name;
use output::Output;
use routes::Surroundings;
use sorted::Sorted;

/// What comes of a stream of manifests.
#[derive(Clone, Default, PartialEq)]
pub struct Import {
    /// Gateway definitions, each with one instance.
    pub gateways: Vec<Gateway>,
    /// The workloads that gateways and grants name.
    pub workloads: Vec<Workload>,
    /// The domains that certificates are for.
    pub domains: Vec<Domain>,
    /// Permissions between workloads.
    pub grants: Vec<Grant>,
    /// Shared gateways with listeners of their own, one for each Gateway.
    pub shared: Vec<Shared>,
    /// What no record says as it is, in the order of the stream; last what is about records.
    pub report: Vec<Finding>,
    /// Name of the cluster in which the objects are taken over; None: they are made anew.
    pub runtime: Option<Name>,
}

impl Import {
    /// The records as documents, those first that others name.
    pub fn documents(&self) -> Vec<Document> {
        documents::documents(self)
    }
}

/// Imports a stream of manifests.
///
/// # Errors
/// There are more routes and gateways than can be looked at together.
pub fn import(manifests: Vec<Manifest>) -> Result<Import, TooMany> {
    let mut sorted = Sorted::new(manifests, false)?;
    let mut output = Output::default();
    // Routes ask whether they may send elsewhere.
    for source in &mut sorted.grants {
        reference_grant::import(source, &mut output);
    }
    let (gateways, sets) = (std::mem::take(&mut sorted.gateways), std::mem::take(&mut sorted.listener_sets));
    let mut parents = gateways::parents(gateways, sets, &sorted.namespaces, &mut output);
    let all = std::mem::take(&mut sorted.routes).into_iter();
    let (mut of_mesh, routes): (Vec<_>, Vec<_>) = all.partition(routes::mesh::is_of_workload);
    sorted.routes = routes;
    of_mesh.iter_mut().for_each(|source| routes::mesh::note(source, &mut output));
    sorted.carried.extend(of_mesh);
    let mut around = Surroundings { parents: &mut parents, namespaces: &sorted.namespaces, output: &mut output };
    for source in &mut sorted.routes {
        routes::import(source, &mut around);
    }
    let ingresses = ingress::import(std::mem::take(&mut sorted.ingresses), &sorted.services, &mut output);
    let of_gloo = gloo::import(std::mem::take(&mut sorted.gloo), &mut output);
    // All workloads are known.
    let (shared, of_shared) = shared::records(&mut parents, &sorted.namespaces, &mut output);
    workloads::namespaces(&mut sorted.namespace_objects, &mut output);
    let (gateways, conflicts) = conflicts::checked(std::mem::take(&mut output.gateways), &output.domains, &shared);
    let (workloads, to_bring, carried) = workloads::workloads(&output, std::mem::take(&mut sorted.carried));

    let objects = gateways::close(parents, &output, &gateways)
        .into_iter()
        .chain(sorted.routes)
        .chain(sorted.grants)
        .chain(sorted.namespace_objects)
        .chain(sorted.refused);
    let mut objects: Vec<_> = objects.chain(ingresses).chain(of_gloo).chain(carried).collect();
    objects.sort_by_key(|source| source.number);
    let mut report: Vec<Finding> = objects.into_iter().flat_map(source::Source::close).collect();
    report.extend(conflicts);
    report.extend(of_shared);
    report.extend(output.domains.values().map(domain_to_bring));
    report.extend(to_bring);
    let domains = output.domains.into_values().collect();
    Ok(Import { gateways, workloads, domains, grants: output.grants, shared, report, runtime: None })
}

fn domain_to_bring(domain: &Domain) -> Finding {
    let name = domain.domain.to_string();
    let signs = match &domain.issuer {
        Some(issuer) => format!("ClusterIssuer {issuer} signs certificates"),
        None => "Let's Encrypt signs certificates unless IssuerKind says otherwise".into(),
    };
    let problem = format!(
        "write who hears from the certificate authority, and see that Domain and Zone are right. {signs}. Where the domain is on record already, take the document \
         out and name that record"
    );
    let object = ImportedObject { kind: "DomainNameDefinition".into(), namespace: String::new(), name };
    Finding { object, field: "AdminEmail".into(), loss: Loss::Needed, problem }
}

#[cfg(test)]
mod tests;
