//! Threeport's documents that stand for several records: a definition and its instance in one, and a workload with its gateway and domain name.

use causeway_records::Kind;
use serde_json::{Map, Value};

use super::{
    keys::{Meaning, meaning, renamed},
    source::Document,
    wanted::Wanted,
};
use crate::{
    failure::{Failure, Outcome},
    kinds,
};

/// A word for a definition and its instance.
struct Pair {
    root: &'static str,
    definition: Kind,
    instance: Kind,
    /// The field of the instance that names the definition.
    of: &'static str,
}

static PAIRS: [Pair; 4] = [
    Pair {
        root: "KubernetesRuntime",
        definition: Kind::KubernetesRuntimeDefinition,
        instance: Kind::KubernetesRuntimeInstance,
        of: "KubernetesRuntimeDefinitionID",
    },
    Pair {
        root: "Workload",
        definition: Kind::WorkloadDefinition,
        instance: Kind::WorkloadInstance,
        of: "WorkloadDefinitionID",
    },
    Pair {
        root: "Gateway",
        definition: Kind::GatewayDefinition,
        instance: Kind::GatewayInstance,
        of: "GatewayDefinitionID",
    },
    Pair {
        root: "DomainName",
        definition: Kind::DomainNameDefinition,
        instance: Kind::DomainNameInstance,
        of: "DomainNameDefinitionID",
    },
];

const RUNTIME: &str = "KubernetesRuntimeInstanceID";

/// Parts of Threeport's documents that stand for what Causeway doesn't make.
static ELSEWHERE: [&str; 3] = ["AwsRelationalDatabase", "AwsObjectStorageBucket", "Secret"];

/// The records that a document asks for.
pub(crate) fn expand(document: Document) -> Outcome<Vec<Wanted>> {
    let root = renamed(&document.root);
    if root == "Workload" {
        return workload(document);
    }
    if let Some(pair) = PAIRS.iter().find(|pair| pair.root == root) {
        return split(pair, document);
    }
    let kind = root.parse().ok().filter(|kind| kinds::of_documents().contains(kind));
    let kind: Kind = kind.ok_or_else(|| unknown(&document.root))?;
    let mut body = document.body;
    local_profile(kind, &body)?;
    if kind == Kind::DomainNameInstance && !body.contains_key("Name") {
        body.insert("Name".into(), Value::String(unnamed_domain(&body)));
    }
    Ok(vec![Wanted::read(kind, body, &document.place, &document.folder)?])
}

fn unknown(root: &str) -> Failure {
    let pairs = PAIRS.iter().map(|pair| pair.root.to_owned());
    let known: Vec<_> = kinds::of_documents().iter().map(ToString::to_string).chain(pairs).collect();
    let sentence = format!("there is no document {}; there are {}", root.escape_debug(), known.join(", "));
    Failure::usage(sentence).next("causeway explain")
}

/// `tptctl` reads these from the AWS configuration of its machine.
fn local_profile(kind: Kind, body: &Map<String, Value>) -> Outcome<()> {
    let local = body.keys().find(|key| kind == Kind::AwsAccount && key.starts_with("Local"));
    local.map_or(Ok(()), |key| {
        let sentence = format!("{key} stands for files of this machine, which are not read; write AccessKeyID and SecretAccessKey, or RoleArn");
        Err(Failure::usage(sentence))
    })
}

/// Gives each key to the definition, or else to the instance. Both get the name.
fn split(pair: &Pair, document: Document) -> Outcome<Vec<Wanted>> {
    let (mut of, mut at) = (Map::new(), Map::new());
    for (key, value) in document.body {
        let in_definition = meaning(pair.definition.info(), &key);
        let in_instance = meaning(pair.instance.info(), &key);
        if key == "Name" {
            at.insert(key.clone(), value.clone());
            of.insert(key, value);
            continue;
        }
        match (in_definition, in_instance) {
            (Some(Meaning::Ignored), _) => {}
            (Some(_), _) => drop(of.insert(key, value)),
            (None, Some(_)) => drop(at.insert(key, value)),
            (None, None) => {
                let sentence = format!("{} has no field {}", pair.root, key.escape_debug());
                return Err(Failure::usage(sentence).next(format!("causeway explain {}", pair.definition.label())));
            }
        }
    }
    let name = of.get("Name").and_then(Value::as_str).unwrap_or_default().to_owned();
    let workload = at.get("WorkloadInstance").or(at.get("KubernetesWorkloadInstance")).cloned();
    let definition = Wanted::read(pair.definition, of, &document.place, &document.folder)?;
    if pair.root == "DomainName" {
        // A domain that nothing uses yet has no instance.
        let Some(workload) = workload else { return Ok(vec![definition]) };
        at.insert("Name".into(), Value::String(domain_instance(name_in(&workload), &name)));
    }
    let mut instance = Wanted::read(pair.instance, at, &document.place, &document.folder)?;
    instance.refer(pair.of, pair.definition, &name);
    Ok(vec![definition, instance])
}

fn workload(document: Document) -> Outcome<Vec<Wanted>> {
    let Document { place, folder, mut body, root } = document;
    if let Some(other) = ELSEWHERE.iter().find(|key| body.contains_key(**key)) {
        return Err(Failure::usage(format!("{other} is not made by Causeway; take it out of {root}")));
    }
    let part = |body: &mut Map<String, Value>, key: &str| match body.remove(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Object(part)) => Ok(Some(part)),
        Some(_) => Err(Failure::usage(format!("{key} of {root} has no fields below it"))),
    };
    let (domain, gateway) = (part(&mut body, "DomainName")?, part(&mut body, "Gateway")?);
    body.remove("WorkloadConfigPath");
    let name = body.get("Name").and_then(Value::as_str).unwrap_or_default().to_owned();
    let of = |body| Document { place: place.clone(), folder: folder.clone(), root: String::new(), body };
    let mut all = split(&PAIRS[1], of(body))?;
    let runtime = all[1].references.iter().find(|reference| reference.field == RUNTIME).cloned();
    let mut domain_name = None;
    for (pair, part) in [(&PAIRS[3], domain), (&PAIRS[2], gateway)] {
        let Some(mut part) = part else { continue };
        part.insert("WorkloadInstance".into(), Value::String(name.clone()));
        let mut made = split(pair, of(part))?;
        if pair.root == "DomainName" {
            domain_name = Some(made[0].name.clone());
        } else if let Some(domain) = &domain_name {
            made[0].refer("DomainNameDefinitionID", Kind::DomainNameDefinition, domain);
        }
        if let (Some(instance), Some(runtime)) = (made.get_mut(1), &runtime)
            && !instance.names(RUNTIME)
        {
            instance.references.push(runtime.clone());
        }
        all.extend(made);
    }
    Ok(all)
}

/// The name of a domain name instance that has none of its own, as Threeport makes it.
fn unnamed_domain(body: &Map<String, Value>) -> String {
    let name = |key: &str| body.get(key).map(|value| name_in(value).to_owned());
    let workload = name("WorkloadInstance").or(name("KubernetesWorkloadInstance")).unwrap_or_default();
    domain_instance(&workload, &name("DomainNameDefinition").unwrap_or_default())
}

fn name_in(value: &Value) -> &str {
    value.as_str().or(value.get("Name").and_then(Value::as_str)).unwrap_or_default()
}

fn domain_instance(workload: &str, definition: &str) -> String {
    format!("{workload}-{}", kebab(definition))
}

/// `my-shop` for `MyShop`, `my_shop` and `my.shop`.
fn kebab(name: &str) -> String {
    let mut kebab = String::new();
    let mut before = '-';
    for c in name.chars() {
        if matches!(c, ' ' | '_' | '.' | '-') {
            if before != '-' {
                kebab.push('-');
            }
            before = '-';
            continue;
        }
        if c.is_uppercase() && (before.is_lowercase() || before.is_ascii_digit()) {
            kebab.push('-');
        }
        kebab.extend(c.to_lowercase());
        before = c;
    }
    kebab.trim_end_matches('-').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_kebab_case() {
        let told = ["shop", "MyShop", "my_shop.eu", "Shop2Go", "a--b", "ABC"].map(kebab);
        assert_eq!(told, ["shop", "my-shop", "my-shop-eu", "shop2-go", "a-b", "abc"]);
    }
}
