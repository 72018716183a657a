//! `causeway manifests KIND NAME`: the objects of a record.

use clap::Args;
use serde_json::{Value, json};

use crate::{
    api::{Fields, id},
    args::Format,
    exit::Exit,
    failure::{Failure, Outcome},
    kinds,
    output::{self, clean, data},
    session::{Session, record_of},
};

/// Print the objects of a record as its worker applies them, as YAML for `kubectl` and for Git. Values of Secrets are masked.
#[derive(Args, Debug)]
pub(crate) struct Manifests {
    /// Its kind, or kind/name: gateway instances, domain name instances, shared gateways and workload instances have objects.
    kind: String,
    /// Its name.
    name: Option<String>,
}

/// Plurals of the kinds whose objects the API shows.
const RENDERED: &[&str] = &["domain-name-instances", "gateway-instances", "shared-gateways", "workload-instances"];

impl Manifests {
    pub(crate) async fn run(&self, session: &Session) -> Outcome<Exit> {
        let (kind, name) = record_of(&self.kind, self.name.as_deref())?;
        let plural = kind.info().plural;
        if !RENDERED.contains(&plural) {
            let sentence = format!("a {} has no objects of its own that could be shown", kinds::spoken(kind));
            return Err(Failure::usage(sentence).next("causeway manifests gateway-instance NAME"));
        }
        let api = session.api()?;
        let path = format!("/v0/{plural}/{}/manifests", id(&api.find(kind, &name).await?));
        let text = match session.format() {
            Some(Format::Json) => data::json(&api.answer(&path).await?)?,
            Some(Format::Name) => api.answer(&path).await?.iter().map(called).collect(),
            // As the server writes it: with its remarks.
            _ => api.text(&path, "application/yaml").await?,
        };
        output::print(&text)?;
        Ok(Exit::Done)
    }
}

/// `HTTPRoute.gateway.networking.k8s.io/shop`, which `kubectl get` takes.
fn called(object: &Fields) -> String {
    let text = |value: &Value| clean(value.as_str().unwrap_or_default());
    let object = json!(object);
    let version = text(&object["apiVersion"]);
    let group = version.split_once('/').map(|(group, _)| format!(".{group}")).unwrap_or_default();
    format!("{}{group}/{}\n", text(&object["kind"]), text(&object["metadata"]["name"]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_are_called_as_kubectl_does() {
        let object = |version: &str, kind: &str| {
            let object = json!({"apiVersion": version, "kind": kind, "metadata": {"name": "shop"}});
            called(object.as_object().unwrap())
        };
        assert_eq!(object("gateway.networking.k8s.io/v1", "HTTPRoute"), "HTTPRoute.gateway.networking.k8s.io/shop\n");
        assert_eq!(object("v1", "Service"), "Service/shop\n");
    }
}
