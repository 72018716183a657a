//! Threeport's configuration: each of its control planes is a context here.

use base64::{Engine, engine::general_purpose::STANDARD};
use causeway_manifests::{Budget, read_documents};
use serde::Deserialize;
use serde_json::{Map, Value};
use std::{
    env, fs,
    io::ErrorKind,
    path::{Path, PathBuf},
};

use super::Connection;
use crate::failure::{Failure, Outcome};

/// The control planes of a file.
#[derive(Debug, Default)]
pub(crate) struct ControlPlanes {
    pub(crate) path: PathBuf,
    pub(crate) planes: Vec<Plane>,
    pub(crate) current: Option<String>,
}

/// One control plane; keys that are of no use here are left out.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase", default)]
pub(crate) struct Plane {
    pub(crate) name: String,
    authenabled: bool,
    apiserver: String,
    cacert: String,
    credentials: Vec<Credential>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase", default)]
struct Credential {
    name: String,
    clientcert: String,
    clientkey: String,
}

/// Reads the file that is named, or the usual one if it is there.
pub(crate) fn read(named: Option<&Path>) -> Outcome<ControlPlanes> {
    let usual = || env::var_os("HOME").map(|home| PathBuf::from(home).join(".threeport/config.yaml"));
    let Some(path) = named.map(Path::to_owned).or_else(usual) else { return Ok(ControlPlanes::default()) };
    let wrong = |why: String| Failure::usage(format!("{}: {why}", path.display()));
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(ControlPlanes { path, ..Default::default() }),
        Err(error) => return Err(wrong(format!("can't be read: {error}"))),
    };
    parse(&text).map(|found| ControlPlanes { path: path.clone(), ..found }).map_err(wrong)
}

fn parse(text: &str) -> Result<ControlPlanes, String> {
    let mut documents = read_documents(text, &Budget::default()).map_err(|error| error.to_string())?;
    let Some(document) = documents.pop() else { return Ok(ControlPlanes::default()) };
    let document = lower(document);
    let planes = document.get("controlplanes").cloned().filter(|planes| !planes.is_null());
    let planes = planes.map(serde_json::from_value).transpose().map_err(|error| format!("ControlPlanes: {error}"))?;
    let current = document["currentcontrolplane"].as_str().filter(|name| !name.is_empty()).map(str::to_owned);
    Ok(ControlPlanes { path: PathBuf::new(), planes: planes.unwrap_or_default(), current })
}

/// Threeport's reader doesn't look at the case of keys.
fn lower(value: Value) -> Value {
    match value {
        Value::Object(map) => {
            let pairs = map.into_iter().map(|(key, value)| (key.to_lowercase(), lower(value)));
            Value::Object(pairs.collect::<Map<_, _>>())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(lower).collect()),
        other => other,
    }
}

impl Plane {
    /// Its address.
    pub(crate) fn server(&self) -> String {
        let scheme = if self.authenabled { "https" } else { "http" };
        format!("{scheme}://{}", self.apiserver.trim_end_matches('/'))
    }

    /// How to get there, with the certificate that bears the control plane's own name.
    pub(crate) fn connection(&self) -> Outcome<Connection> {
        let wrong =
            |why: String| Failure::usage(format!("control plane {} of Threeport's configuration: {why}", self.name));
        let pem = |what: &str, text: &str| {
            STANDARD.decode(text.trim()).map_err(|error| wrong(format!("{what} is no base64: {error}")))
        };
        let plain = Connection {
            context: Some(self.name.clone()),
            server: super::checked_server(&self.server()).map_err(|failure| wrong(failure.sentence))?,
            ..Connection::default()
        };
        if !self.authenabled {
            return Ok(plain);
        }
        let own = self.credentials.iter().find(|credential| credential.name == self.name);
        let own = own.ok_or_else(|| wrong("there are no Credentials of its name".into()))?;
        Ok(Connection {
            authorities: Some(pem("CACert", &self.cacert)?),
            identity: Some((pem("ClientCert", &own.clientcert)?, pem("ClientKey", &own.clientkey)?)),
            ..plain
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_control_plane_with_certificates() {
        let pem = STANDARD.encode("PEM");
        let text = format!(
            "controlplanes:\n- Name: dev\n  AuthEnabled: true\n  Genesis: true\n  APIServer: localhost:443\n  CACert: {pem}\n  \
             KubeAPI: {{APIEndpoint: x}}\n  Credentials:\n  - {{Name: dev, ClientCert: {pem}, ClientKey: {pem}}}\nCurrentControlPlane: dev\n"
        );
        let found = parse(&text).unwrap();
        assert_eq!(found.current.as_deref(), Some("dev"));
        let connection = found.planes[0].connection().unwrap();
        assert_eq!(connection.server, "https://localhost:443");
        assert_eq!(connection.identity, Some((b"PEM".to_vec(), b"PEM".to_vec())));
        assert_eq!(connection.authorities, Some(b"PEM".to_vec()));
    }

    #[test]
    fn what_is_missing_is_named() {
        let found = parse("ControlPlanes:\n- {Name: dev, AuthEnabled: true, APIServer: 'a:1'}\n").unwrap();
        let Err(failure) = found.planes[0].connection() else { panic!("it has no credentials") };
        assert!(failure.sentence.ends_with("there are no Credentials of its name"), "{}", failure.sentence);
        assert!(parse("").unwrap().planes.is_empty() && parse("ControlPlanes: null\n").unwrap().planes.is_empty());
    }
}
