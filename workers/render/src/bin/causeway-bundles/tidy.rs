//! What a chart's output loses and gets on its way into a bundle.

use std::collections::BTreeSet;

use causeway_render::bundle::{Version, adapt};
use serde_json::Value;

use crate::namespace;
use crate::recipe::Recipe;

/// Kinds in the order in which they are applied: what others refer to comes first, webhooks come after the server that answers them.
const ORDER: [&str; 18] = [
    "Namespace",
    "CustomResourceDefinition",
    "ServiceAccount",
    "ClusterRole",
    "ClusterRoleBinding",
    "Role",
    "RoleBinding",
    "ConfigMap",
    "Secret",
    "Service",
    "PodDisruptionBudget",
    "Job",
    "Deployment",
    "GatewayClass",
    "ValidatingAdmissionPolicy",
    "ValidatingAdmissionPolicyBinding",
    "MutatingWebhookConfiguration",
    "ValidatingWebhookConfiguration",
];

/// The bundle's objects in order, cleaned, with their Namespace.
pub(crate) fn all(mut objects: Vec<Value>, recipe: &Recipe) -> Result<Vec<Value>, String> {
    if recipe.traits.namespace.is_some() {
        objects.push(namespace());
    }
    let mut ranked = Vec::new();
    for mut object in objects {
        clean(&mut object);
        let kind = object["kind"].as_str().unwrap_or_default().to_owned();
        let rank = ORDER.iter().position(|known| *known == kind).ok_or_else(|| {
            format!("{}: no order is known for the kind `{kind}`; decide when it is applied", recipe.service)
        })?;
        let name = object["metadata"]["name"].as_str().unwrap_or_default().to_owned();
        ranked.push(((rank, name), object));
    }
    ranked.sort_by(|(a, _), (b, _)| a.cmp(b));
    Ok(ranked.into_iter().map(|(_, object)| object).collect())
}

/// Removes what is true only of a Helm release or of a file: Helm's labels and hooks, an empty status, and the time after which a
/// finished Job is removed (it would be made again at once). And fields without a value, which say nothing, but for
/// those of definitions.
fn clean(object: &mut Value) {
    drop_helm(object);
    if object["kind"] != "CustomResourceDefinition" {
        drop_nulls(object);
    }
    let Some(fields) = object.as_object_mut() else { return };
    fields.remove("status");
    if fields.get("kind").and_then(Value::as_str) == Some("Job")
        && let Some(spec) = fields.get_mut("spec").and_then(Value::as_object_mut)
    {
        spec.remove("ttlSecondsAfterFinished");
    }
}

fn drop_nulls(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|_, field| !field.is_null());
            fields.values_mut().for_each(drop_nulls);
        }
        Value::Array(items) => items.iter_mut().for_each(drop_nulls),
        _ => {}
    }
}

fn drop_helm(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for part in ["labels", "annotations"] {
                let Some(map) = fields.get_mut(part).and_then(Value::as_object_mut) else { continue };
                map.retain(|key, value| {
                    !(key.starts_with("helm.sh/") || (key == "app.kubernetes.io/managed-by" && value == "Helm"))
                });
                if map.is_empty() {
                    fields.remove(part);
                }
            }
            fields.values_mut().for_each(drop_helm);
        }
        Value::Array(items) => items.iter_mut().for_each(drop_helm),
        _ => {}
    }
}

/// Every image the objects name. An image of the recipe that no object names is an error: then a mirror would miss what replaced it.
pub(crate) fn images(objects: &[Value], recipe: &Recipe, version: &Version) -> Result<Vec<String>, String> {
    let service = &recipe.service;
    let mut found = BTreeSet::new();
    objects.iter().for_each(|object| container_images(object, &mut found));
    for image in recipe.more_images(version) {
        let mut seen = false;
        for object in objects {
            adapt::strings(&mut object.clone(), &mut |text| seen |= text.contains(&image));
        }
        if !seen {
            return Err(format!("{service}: the recipe names image {image}, which stands in no object"));
        }
        found.insert(image);
    }
    match found.iter().find(|image| !image.split('/').next().is_some_and(|host| host.contains('.'))) {
        Some(image) => Err(format!("{service}: image {image} doesn't name its registry")),
        None => Ok(found.into_iter().collect()),
    }
}

fn container_images(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            for part in ["containers", "initContainers"] {
                let containers = fields.get(part).and_then(Value::as_array).into_iter().flatten();
                found.extend(containers.filter_map(|c| c["image"].as_str()).map(str::to_owned));
            }
            fields.values().for_each(|field| container_images(field, found));
        }
        Value::Array(items) => items.iter().for_each(|item| container_images(item, found)),
        _ => {}
    }
}

/// Names of all objects of a kind, in the order of the bundle.
pub(crate) fn names(objects: &[Value], kind: &str) -> Vec<String> {
    let of_kind = objects.iter().filter(|object| object["kind"] == kind);
    of_kind.filter_map(|object| object["metadata"]["name"].as_str()).map(str::to_owned).collect()
}
