//! A service account for workers in a cluster, with the rights that they need there.

use causeway_manifests::{Budget, read_documents};
use k8s_openapi::api::core::v1::Secret;
use kube::{
    Api, Client, Resource,
    api::{DynamicObject, Patch, PatchParams},
    core::GroupVersionKind,
    discovery::ApiResource,
    runtime::wait::await_condition,
};
use serde_json::Value;
use std::{fmt, str::FromStr, time::Duration};
use tokio::time::timeout;

use super::{failure, rights::RIGHTS};
use crate::{
    exit::Exit,
    failure::{Failure, Outcome},
};

const MANIFESTS: &str = include_str!("access.yaml");
/// Who applied it, as Kubernetes notes it.
const MANAGER: &str = "causeway-cli";
/// How long the cluster may take to make a token.
const TOKEN_WITHIN: Duration = Duration::from_secs(30);

/// A service account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Account {
    namespace: String,
    name: String,
}

impl FromStr for Account {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let is_label = |part: &str| {
            let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
            // `NAME-token` must be a label, too.
            (1..=57).contains(&part.len()) && part.bytes().all(inner) && !part.starts_with('-') && !part.ends_with('-')
        };
        let (namespace, name) = text.split_once('/').ok_or("say NAMESPACE/NAME")?;
        if is_label(namespace) && is_label(name) {
            Ok(Self { namespace: namespace.to_owned(), name: name.to_owned() })
        } else {
            Err("namespace and name have lower-case letters, digits and hyphens, 57 at most".into())
        }
    }
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

impl Account {
    /// What is to be applied for it, as text. `role`: a ClusterRole that is there already, in place of the one that lists what workers need.
    pub(crate) fn manifests(&self, role: Option<&str>) -> String {
        let documents = MANIFESTS.split("---\n").filter(|document| role.is_none() || !is_role(document));
        let text: Vec<_> = documents.map(|document| self.filled(document)).collect();
        let text = text.join("---\n");
        match role {
            None => text,
            Some(role) => text.replace(
                &format!("kind: ClusterRole\n  name: {}", self.name),
                &format!("kind: ClusterRole\n  name: {role}"),
            ),
        }
    }

    fn filled(&self, document: &str) -> String {
        let filled = document.replace("NAMESPACE", &self.namespace).replace("NAME", &self.name);
        let rules: Vec<_> = RIGHTS.lines().map(|line| format!("  {line}")).collect();
        filled.replace("RULES", &rules.join("\n"))
    }

    /// Makes it in a cluster, and returns its token.
    pub(crate) async fn establish(&self, client: &Client, role: Option<&str>) -> Outcome<String> {
        for document in &self.objects(role)? {
            apply(client, document).await?;
        }
        self.token(client).await
    }

    /// The same as objects.
    pub(crate) fn objects(&self, role: Option<&str>) -> Outcome<Vec<Value>> {
        let documents = read_documents(&self.manifests(role), &Budget::default());
        documents.map_err(|error| Failure::usage(error.to_string()))
    }

    /// Its token, where [`Self::establish`] has made it before.
    pub(crate) async fn known_token(&self, client: &Client) -> Outcome<String> {
        let secrets: Api<Secret> = Api::namespaced(client.clone(), &self.namespace);
        let found = secrets.get_opt(&self.secret()).await;
        if found.map_err(|error| failure(&format!("the token of {self} can't be read"), &error))?.is_none() {
            let sentence = format!("there is no Secret {}/{} with a token of {self}", self.namespace, self.secret());
            return Err(
                Failure::not_found(sentence).next(format!("causeway cluster add NAME --service-account={self}"))
            );
        }
        self.token(client).await
    }

    fn secret(&self) -> String {
        format!("{}-token", self.name)
    }

    async fn token(&self, client: &Client) -> Outcome<String> {
        let secret = self.secret();
        let secrets: Api<Secret> = Api::namespaced(client.clone(), &self.namespace);
        let token = |secret: &Secret| secret.data.as_ref()?.get("token").cloned();
        let has_one = |secret: Option<&Secret>| secret.is_some_and(|secret| token(secret).is_some());
        let late = || {
            let sentence = format!(
                "the cluster puts no token into Secret {}/{secret}; look at its controller manager",
                self.namespace
            );
            Failure::new(Exit::Negative, "NoToken", sentence)
        };
        let found = timeout(TOKEN_WITHIN, await_condition(secrets, &secret, has_one)).await.map_err(|_| late())?;
        let found = found.map_err(|error| Failure::new(Exit::Unreachable, "Unreachable", error.to_string()))?;
        let token = found.as_ref().and_then(token).ok_or_else(late)?;
        String::from_utf8(token.0).map_err(|_| late())
    }
}

/// A binding names the kind, too, but not at the beginning of a line.
fn is_role(document: &str) -> bool {
    document.lines().any(|line| line == "kind: ClusterRole")
}

async fn apply(client: &Client, document: &Value) -> Outcome<()> {
    let object: DynamicObject =
        serde_json::from_value(document.clone()).map_err(|error| Failure::usage(error.to_string()))?;
    let types = object.types.clone().unwrap_or_default();
    let (group, version) = types.api_version.split_once('/').unwrap_or(("", &types.api_version));
    let kind = ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, &types.kind));
    let (name, namespace) = (object.meta().name.clone().unwrap_or_default(), object.meta().namespace.as_deref());
    let api: Api<DynamicObject> = match namespace {
        Some(namespace) => Api::namespaced_with(client.clone(), namespace, &kind),
        None => Api::all_with(client.clone(), &kind),
    };
    let done = api.patch(&name, &PatchParams::apply(MANAGER).force(), &Patch::Apply(document)).await;
    done.map(drop).map_err(|error| failure(&format!("{} {name} can't be applied", types.kind), &error))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn account() -> Account {
        "ingress/workers".parse().unwrap()
    }

    #[test]
    fn an_account_is_named_with_its_namespace() {
        assert_eq!(account().to_string(), "ingress/workers");
        for wrong in ["workers", "/workers", "ingress/", "Ingress/workers", "ingress/-workers", "a/b/c"] {
            assert!(wrong.parse::<Account>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn names_are_filled_in() {
        let documents = read_documents(&account().manifests(None), &Budget::default()).unwrap();
        let kinds: Vec<_> = documents.iter().map(|document| document["kind"].as_str().unwrap()).collect();
        assert_eq!(kinds, ["Namespace", "ServiceAccount", "Secret", "ClusterRole", "ClusterRoleBinding"]);
        assert_eq!(documents[2]["metadata"]["annotations"]["kubernetes.io/service-account.name"], "workers");
        assert_eq!(documents[4]["roleRef"]["name"], "workers");
        assert_eq!(
            documents[4]["subjects"],
            json!([{"kind": "ServiceAccount", "name": "workers", "namespace": "ingress"}])
        );
        assert!(!["NAME", "RULES"].iter().any(|word| account().manifests(None).contains(word)));
        assert!(documents[3]["rules"].as_array().unwrap().len() > 8, "{}", documents[3]);
    }

    #[test]
    fn a_role_that_is_there_is_bound_as_it_is() {
        let documents = read_documents(&account().manifests(Some("cluster-admin")), &Budget::default()).unwrap();
        assert_eq!(documents.len(), 4);
        assert_eq!(documents[3]["kind"], "ClusterRoleBinding");
        assert_eq!(documents[3]["roleRef"]["name"], "cluster-admin");
        assert_eq!(documents[3]["metadata"]["name"], "workers");
    }
}
