//! A cluster's address and credentials out of a kubeconfig.

use base64::{Engine, engine::general_purpose::STANDARD};
use causeway_manifests::{Budget, read_documents};
use serde_json::{Value, json};
use std::path::Path;

use crate::{
    api::Fields,
    context,
    failure::{Failure, Outcome},
};

/// Fields of a runtime instance for a context of a kubeconfig; None: its current one.
pub(crate) fn read(path: &Path, context: Option<&str>) -> Outcome<Fields> {
    of_file(path, context, fields)
}

/// The fields that say where the cluster is, without credentials.
pub(crate) fn address(path: &Path, context: Option<&str>) -> Outcome<Fields> {
    of_file(path, context, |text, context, folder| Chosen::find(text, context)?.address(folder))
}

fn of_file(
    path: &Path,
    context: Option<&str>,
    read: impl Fn(&str, Option<&str>, &Path) -> Outcome<Fields>,
) -> Outcome<Fields> {
    let text = String::from_utf8_lossy(&context::read(path)?).into_owned();
    let folder = path.parent().unwrap_or(Path::new("."));
    read(&text, context, folder).map_err(|failure| failure.at(path.display()))
}

fn fields(text: &str, context: Option<&str>, folder: &Path) -> Outcome<Fields> {
    let chosen = Chosen::find(text, context)?;
    let mut found = chosen.address(folder)?;
    found.extend(chosen.credentials(folder)?);
    Ok(found)
}

/// What a context names.
struct Chosen {
    cluster: (String, Value),
    user: (String, Value),
}

impl Chosen {
    fn find(text: &str, context: Option<&str>) -> Outcome<Self> {
        let read = read_documents(text, &Budget::default()).map_err(|error| Failure::usage(error.to_string()))?;
        let config = read.into_iter().next().ok_or_else(|| Failure::usage("is empty"))?;
        let context = context.or(config["current-context"].as_str()).filter(|name| !name.is_empty());
        let context = context.ok_or_else(|| {
            Failure::usage(format!("has no current context; name one of {}", names(&config, "contexts")))
        })?;
        let chosen = entry(&config, "contexts", "context", context)?;
        let of = |list: &str, inner: &str| {
            let name = chosen[inner].as_str().unwrap_or_default();
            entry(&config, list, inner, name).map(|found| (name.to_owned(), found))
        };
        Ok(Self { cluster: of("clusters", "cluster")?, user: of("users", "user")? })
    }

    fn address(&self, folder: &Path) -> Outcome<Fields> {
        let (name, cluster) = &self.cluster;
        let server =
            cluster["server"].as_str().ok_or_else(|| Failure::usage(format!("cluster {name} has no server")))?;
        if cluster["insecure-skip-tls-verify"] == json!(true) {
            let sentence = "insecure-skip-tls-verify is set, and a cluster's certificate is always checked here; write certificate-authority instead";
            return Err(Failure::usage(sentence));
        }
        Ok(given([
            ("APIEndpoint", Some(server.to_owned())),
            ("CACertificate", pem(cluster, "certificate-authority", folder)?),
        ]))
    }

    fn credentials(&self, folder: &Path) -> Outcome<Fields> {
        let (name, user) = &self.user;
        let (certificate, key) = (pem(user, "client-certificate", folder)?, pem(user, "client-key", folder)?);
        let token = match (user["token"].as_str(), user["tokenFile"].as_str()) {
            (Some(token), _) => Some(token.to_owned()),
            (None, Some(path)) => Some(String::from_utf8_lossy(&context::read(&folder.join(path))?).trim().to_owned()),
            (None, None) => None,
        };
        if certificate.is_none() && token.is_none() {
            let how = if user["exec"].is_null() {
                "has neither token nor client certificate"
            } else {
                "signs in by running a program, which workers can't"
            };
            let sentence = format!(
                "user {name} {how}; have a service account made for the workers: causeway cluster add NAME --service-account"
            );
            return Err(Failure::usage(sentence));
        }
        let token = token.filter(|_| certificate.is_none());
        Ok(given([("Certificate", certificate), ("CertificateKey", key), ("ConnectionToken", token)]))
    }
}

/// The fields that have a value.
fn given<const N: usize>(fields: [(&str, Option<String>); N]) -> Fields {
    let given = fields.into_iter().filter_map(|(field, value)| Some((field.to_owned(), json!(value?))));
    given.collect()
}

/// An entry of one of the lists of a kubeconfig.
fn entry(config: &Value, list: &str, inner: &str, name: &str) -> Outcome<Value> {
    let found = config[list].as_array().into_iter().flatten().find(|one| one["name"] == name);
    found.map(|one| one[inner].clone()).ok_or_else(|| {
        Failure::usage(format!("there is no {inner} `{}`; there is {}", name.escape_debug(), names(config, list)))
    })
}

fn names(config: &Value, list: &str) -> String {
    let names: Vec<_> = config[list].as_array().into_iter().flatten().filter_map(|one| one["name"].as_str()).collect();
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

/// A PEM that stands in the file, or in another one.
fn pem(holder: &Value, key: &str, folder: &Path) -> Outcome<Option<String>> {
    let bytes = match (holder[format!("{key}-data")].as_str(), holder[key].as_str()) {
        (Some(data), _) => Some(
            STANDARD
                .decode(data.trim())
                .map_err(|error| Failure::usage(format!("{key}-data is no base64: {error}")))?,
        ),
        (None, Some(path)) => Some(context::read(&folder.join(path))?),
        (None, None) => None,
    };
    Ok(bytes.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const KUBECONFIG: &str = "
apiVersion: v1
kind: Config
current-context: kind-main
clusters:
- {name: kind-main, cluster: {server: 'https://127.0.0.1:6443', certificate-authority-data: UEVN}}
contexts:
- {name: kind-main, context: {cluster: kind-main, user: admin}}
- {name: eks, context: {cluster: kind-main, user: eks}}
- {name: robot, context: {cluster: kind-main, user: robot}}
users:
- {name: admin, user: {client-certificate-data: UEVN, client-key-data: UEVN}}
- {name: robot, user: {token: abc}}
- {name: eks, user: {exec: {command: aws}}}
";

    fn found(context: Option<&str>) -> Result<Value, String> {
        fields(KUBECONFIG, context, Path::new(".")).map(Value::Object).map_err(|failure| failure.sentence)
    }

    #[test]
    fn certificates_and_tokens() {
        let expected = json!({"APIEndpoint": "https://127.0.0.1:6443", "CACertificate": "PEM", "Certificate": "PEM", "CertificateKey": "PEM"});
        assert_eq!(found(None).unwrap(), expected);
        assert_eq!(found(Some("robot")).unwrap()["ConnectionToken"], "abc");
    }

    #[test]
    fn what_workers_cannot_use_is_refused() {
        assert!(found(Some("eks")).unwrap_err().contains("signs in by running a program"));
        assert_eq!(found(Some("x")).unwrap_err(), "there is no context `x`; there is kind-main, eks, robot");
    }
}
