//! Support services: what the bundle of a service is rendered to in one cluster, whether it works there, and whether Causeway may change it.

mod adoption;
mod external_dns;
mod fit;
mod health;
mod record;

use secrecy::SecretString;
use serde_json::{Value, json};

use crate::bundle::{Bundle, Version, adapt, object_ref};
use crate::labels::{Owner, label};
use crate::plan::{Object, Plan};

pub use adoption::{Adoption, Controller, Definition, Facts, survey};
pub use external_dns::{ExternalDns, Policy, dns_owner};
pub use health::{Health, health};
pub use record::INTERVAL_SECONDS;

/// Annotation on every object: which bundle it came from, `cert-manager-1.21.2`.
pub const BUNDLE: &str = "causeway.dev/bundle";

/// One support service in one cluster: everything that its objects depend on.
#[derive(Clone, Debug)]
pub struct Installation<'a> {
    /// Id of the control plane, for the labels.
    pub control_plane: &'a str,
    /// Id of the support service instance, for the labels.
    pub id: i64,
    /// The service in the wanted version.
    pub bundle: &'a Bundle,
    /// The installation's name. It names the objects of services that may be installed several times in a cluster (external-dns); the
    /// others have the names their projects gave them. A DNS label of at most 60 characters, unique in the cluster.
    pub name: &'a str,
    /// Whether to render the service's CRDs: false when those of somebody else are used ([`Adoption::ForeignDefinitions`]).
    pub definitions: bool,
    /// How it is to be installed.
    pub options: &'a Options,
}

/// How a support service is to be installed. Every field may be left at its default, except where a service needs it.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Another namespace than the bundle's own.
    pub namespace: Option<String>,
    /// The namespace is there already and not this record's: its object is left out of the plan.
    pub existing_namespace: bool,
    /// Replicas of every Deployment; None leaves them as the bundle has them.
    pub replicas: Option<u32>,
    /// It doesn't run: nothing that it needs to call AWS may be in the cluster.
    pub stopped: bool,
    /// A registry that has all images, with an optional path: `registry.example.com/mirror`.
    pub image_registry: Option<String>,
    /// ARN of the AWS role for the service account that calls AWS (IAM roles for service accounts).
    pub aws_role_arn: Option<String>,
    /// An AWS access key; it reaches the container as environment variables, out of a Secret.
    pub aws_credentials: Option<AwsCredentials>,
    /// AWS region for signing; None leaves it to the environment of the pods.
    pub aws_region: Option<String>,
    /// Anything that identifies the CRDs of what the service needs (their uid, their version). When it changes, the Deployments that
    /// look for those CRDs only at their start are restarted.
    pub restart_for: Option<String>,
    /// What external-dns is to publish. Required for external-dns, refused for all others.
    pub external_dns: Option<ExternalDns>,
}

/// Where a pod gets its AWS access key from.
#[derive(Clone, Debug)]
pub enum AwsCredentials {
    /// A Secret in the service's namespace that is there already, with [`ACCESS_KEY_ID`] and [`SECRET_ACCESS_KEY`].
    Secret(String),
    /// A key; the plan holds a Secret for it, and the pods restart when it changes.
    Keys {
        /// `AWS_ACCESS_KEY_ID`.
        id: String,
        /// `AWS_SECRET_ACCESS_KEY`.
        secret: SecretString,
    },
}

/// Key of the access key id in a Secret.
pub const ACCESS_KEY_ID: &str = "access-key-id";
/// Key of the secret access key in a Secret.
pub const SECRET_ACCESS_KEY: &str = "secret-access-key";

/// The options don't fit the service. The message names the option and what it may be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidOptions(pub String);

/// The objects of a support service: Namespace, CRDs, then the rest, in the order in which they are applied.
pub fn render(inputs: &Installation<'_>) -> Result<Plan, InvalidOptions> {
    fit::check(inputs)?;
    let manifest = &inputs.bundle.manifest;
    let names = adapt::Names { name: inputs.name, namespace: namespace(inputs.bundle, inputs.options) };
    let labels =
        label(inputs.control_plane, Owner { kind: causeway_records::Kind::SupportServiceInstance, id: inputs.id });
    let origin = bundle_name(&manifest.service, &manifest.version);
    let mut objects = Vec::new();
    let mut secret = fit::secret(inputs, names);
    for object in &inputs.bundle.objects {
        let mut body = object.clone();
        let kind = kind(object).to_owned();
        let left_out = match kind.as_str() {
            "CustomResourceDefinition" => !inputs.definitions,
            "Namespace" => inputs.options.existing_namespace,
            _ => false,
        };
        if left_out {
            continue;
        }
        if !matches!(kind.as_str(), "CustomResourceDefinition" | "Namespace") {
            objects.extend(secret.take());
        }
        adapt::rename(&mut body, names);
        if let Some(registry) = &inputs.options.image_registry {
            adapt::mirror(&mut body, &manifest.images, registry);
        }
        fit::service_account(&mut body, &kind, inputs);
        fit::deployment(&mut body, &kind, inputs);
        if kind == "Job" {
            fit::job_name(&mut body);
        }
        let bodies = match inputs.options.external_dns.as_ref().filter(|_| kind == "Deployment") {
            Some(options) => external_dns::deployments(&body, options),
            None => vec![body],
        };
        for mut body in bodies {
            let metadata = &mut body["metadata"];
            for (key, value) in &labels {
                metadata["labels"][key] = value.clone();
            }
            metadata["annotations"][BUNDLE] = json!(origin);
            let at = object_ref(&body)
                .ok_or_else(|| InvalidOptions(format!("bundle {origin} holds an object without a name")))?;
            objects.push(Object { keep: manifest.traits.keep.contains(&kind), ..Object::new(at, body) });
        }
    }
    Ok(objects.into())
}

/// The namespace a service is installed in. Empty for a service that has only cluster-scoped objects.
pub fn namespace<'a>(bundle: &'a Bundle, options: &'a Options) -> &'a str {
    options.namespace.as_deref().or(bundle.manifest.traits.namespace.as_deref()).unwrap_or_default()
}

/// The value of the [`BUNDLE`] annotation.
fn bundle_name(service: &str, version: &Version) -> String {
    format!("{service}-{version}")
}

fn kind(object: &Value) -> &str {
    object["kind"].as_str().unwrap_or_default()
}

#[cfg(test)]
mod tests;
