//! A bundle's objects made to follow the options of one installation.

use std::collections::BTreeMap;

use secrecy::ExposeSecret;
use serde_json::{Map, Value, json};

use super::{ACCESS_KEY_ID, AwsCredentials, Installation, InvalidOptions, SECRET_ACCESS_KEY};
use crate::bundle::adapt;
use crate::k8s::Ours;
use crate::k8s::core;
use crate::labels::Owner;
use crate::plan::{self, Object};

/// The longest name an installation may have: it is also a label's value, and those end at 63 characters.
const LONGEST_NAME: usize = 60;
/// Annotation on a pod template whose change restarts the pods.
const RESTARTED_FOR: &str = "causeway.dev/restarted-for";
/// As [`RESTARTED_FOR`], for the AWS key: environment variables keep the old one until the pods restart.
const CREDENTIALS: &str = "causeway.dev/credentials-hash";

/// Refuses options that the service can't follow.
pub(super) fn check(inputs: &Installation<'_>) -> Result<(), InvalidOptions> {
    let service = &inputs.bundle.manifest.service;
    let traits = &inputs.bundle.manifest.traits;
    let options = inputs.options;
    let fail = |why: String| Err(InvalidOptions(why));
    if !is_dns_label(inputs.name) || inputs.name.len() > LONGEST_NAME {
        return fail(format!("the name `{}` is not a DNS label of at most {LONGEST_NAME} characters", inputs.name));
    }
    if let Some(namespace) = &options.namespace {
        if traits.namespace.is_none() {
            return fail(format!("{service} has no namespace: remove the option"));
        }
        if !is_dns_label(namespace) {
            return fail(format!("the namespace `{namespace}` is not a DNS label"));
        }
    }
    if let (Some(wanted), Some(most)) = (options.replicas, traits.max_replicas)
        && wanted > most
    {
        return fail(format!("{service} elects no leader and may have at most {most} replica, not {wanted}"));
    }
    if options.replicas == Some(0) {
        return fail(format!("{service} needs at least one replica; delete the instance to stop it"));
    }
    let aws = options.aws_role_arn.is_some() || options.aws_credentials.is_some() || options.aws_region.is_some();
    if aws && traits.aws_service_account.is_none() {
        return fail(format!("{service} never calls AWS: remove the role, the credentials and the region"));
    }
    if options.image_registry.as_deref().is_some_and(|registry| registry.is_empty() || registry.contains("://")) {
        return fail(
            "the image registry is a host with an optional path, without a scheme: registry.example.com/mirror"
                .to_owned(),
        );
    }
    match (service.as_str(), &options.external_dns) {
        // What doesn't run writes to no zone.
        ("external-dns", Some(_)) if options.stopped => Ok(()),
        ("external-dns", Some(wanted)) => wanted.check(),
        ("external-dns", None) => fail("external-dns needs an owner and at least one domain".to_owned()),
        (_, Some(_)) => fail(format!("{service} takes no options of external-dns")),
        (_, None) => Ok(()),
    }
}

/// The AWS role on the service account that calls AWS.
pub(super) fn service_account(body: &mut Value, kind: &str, inputs: &Installation<'_>) {
    let Some(arn) = &inputs.options.aws_role_arn else { return };
    if kind == "ServiceAccount" && body["metadata"]["name"].as_str() == aws_account_name(inputs).as_deref() {
        body["metadata"]["annotations"]["eks.amazonaws.com/role-arn"] = json!(arn);
    }
}

/// The Secret with the AWS key, where the key itself is among the options.
pub(super) fn secret(inputs: &Installation<'_>, names: adapt::Names<'_>) -> Option<Object> {
    let AwsCredentials::Keys { id, secret } = inputs.options.aws_credentials.as_ref()? else { return None };
    let ours = Ours {
        control_plane: inputs.control_plane,
        owner: Owner { kind: causeway_records::Kind::SupportServiceInstance, id: inputs.id },
    };
    let texts = BTreeMap::from([(ACCESS_KEY_ID, id.as_str()), (SECRET_ACCESS_KEY, secret.expose_secret())]);
    Some(core::secret(&ours, names.namespace, &secret_name(names.name), &texts))
}

fn secret_name(name: &str) -> String {
    format!("{name}-aws")
}

/// Replicas, restart mark and AWS environment of a Deployment.
pub(super) fn deployment(body: &mut Value, kind: &str, inputs: &Installation<'_>) {
    if kind != "Deployment" {
        return;
    }
    let options = inputs.options;
    if let Some(replicas) = options.replicas {
        body["spec"]["replicas"] = json!(replicas);
    }
    if options.stopped {
        body["spec"]["replicas"] = json!(0);
    }
    let name = body["metadata"]["name"].as_str().unwrap_or_default().to_owned();
    let template = &mut body["spec"]["template"];
    if let Some(mark) = &options.restart_for
        && inputs.bundle.manifest.traits.restart.contains(&name)
    {
        template["metadata"]["annotations"][RESTARTED_FOR] = json!(mark);
    }
    if template["spec"]["serviceAccountName"].as_str() == aws_account_name(inputs).as_deref() {
        if let Some(AwsCredentials::Keys { id, secret }) = &options.aws_credentials {
            template["metadata"]["annotations"][CREDENTIALS] = json!(plan::hash(&json!([id, secret.expose_secret()])));
        }
        for container in template["spec"]["containers"].as_array_mut().into_iter().flatten() {
            environment(container, aws_environment(inputs));
        }
    }
}

/// A Job's template can't be changed once it exists, so its name carries the hash of what it says: what changes is a new Job.
pub(super) fn job_name(body: &mut Value) {
    let hash = plan::hash(&body["spec"]);
    let name = body["metadata"]["name"].as_str().unwrap_or_default();
    let name = format!("{name}-{}", hash.get(..8).unwrap_or_default());
    body["metadata"]["name"] = json!(name);
}

/// The service account that calls AWS, by its name in the cluster.
fn aws_account_name(inputs: &Installation<'_>) -> Option<String> {
    inputs.bundle.manifest.traits.aws_service_account.as_ref().map(|name| name.replace(adapt::NAME, inputs.name))
}

fn aws_environment(inputs: &Installation<'_>) -> Vec<Value> {
    let mut env = Vec::new();
    if let Some(region) = &inputs.options.aws_region {
        env.push(json!({ "name": "AWS_REGION", "value": region }));
    }
    let secret = inputs.options.aws_credentials.as_ref().map(|credentials| match credentials {
        AwsCredentials::Secret(name) => name.clone(),
        AwsCredentials::Keys { .. } => secret_name(inputs.name),
    });
    if let Some(secret) = secret {
        for (name, key) in [("AWS_ACCESS_KEY_ID", ACCESS_KEY_ID), ("AWS_SECRET_ACCESS_KEY", SECRET_ACCESS_KEY)] {
            env.push(json!({ "name": name, "valueFrom": { "secretKeyRef": { "name": secret, "key": key } } }));
        }
    }
    env
}

/// Adds environment variables to a container, in place of those of the same name.
fn environment(container: &mut Value, added: Vec<Value>) {
    if added.is_empty() {
        return;
    }
    let mut env = match container.as_object_mut().map(|fields: &mut Map<String, Value>| fields.remove("env")) {
        Some(Some(Value::Array(env))) => env,
        _ => Vec::new(),
    };
    env.retain(|old| !added.iter().any(|new| new["name"] == old["name"]));
    env.extend(added);
    container["env"] = Value::Array(env);
}

fn is_dns_label(text: &str) -> bool {
    let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    (1..=63).contains(&text.len()) && text.chars().all(inner) && !text.starts_with('-') && !text.ends_with('-')
}
