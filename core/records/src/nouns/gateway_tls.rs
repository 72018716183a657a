//! TLS of a Gateway beside what its listeners say, in the JSON of Gateway API's `spec.tls`.

use crate::{
    problem::Problem,
    scalar::json_scalar,
    text::{ObjectName, Port, choice},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Bundles of authorities that one place may name: as many as Gateway API takes.
const MOST_BUNDLES: usize = 16;
/// Ports that may be told apart.
const MOST_PORTS: usize = 64;

/// TLS of a Gateway as a client of Services, and towards its own clients.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GatewayTls {
    /// Where the Gateway asks Services over TLS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backend: Option<BackendTls>,
    /// Where clients ask the Gateway over HTTPS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub frontend: Option<FrontendTls>,
}
json_scalar!(GatewayTls);

/// TLS towards Services. Which of them are asked over TLS, a BackendTLSPolicy says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BackendTls {
    /// The Secret with the certificate that the Gateway shows them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_certificate_ref: Option<TlsReference>,
}

/// TLS towards clients, for all listeners with HTTPS.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FrontendTls {
    /// On every port that `perPort` doesn't name.
    #[serde(default)]
    pub default: ClientCertificates,
    /// On single ports.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub per_port: Vec<PortTls>,
}

/// Whether clients show certificates.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ClientCertificates {
    /// They do. Left out: none is asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validation: Option<ClientValidation>,
}

/// TLS towards the clients of one port.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PortTls {
    /// The port of listeners.
    pub port: Port,
    /// Instead of the default.
    pub tls: ClientCertificates,
}

choice! {
    /// Whether a client is let in whose certificate isn't good, in the words of Gateway API.
    ClientValidationMode {
        /// It is not.
        AllowValidOnly = "AllowValidOnly",
        /// It is, and so is one without: for Services that look themselves.
        AllowInsecureFallback = "AllowInsecureFallback",
    }
}

/// Which certificates of clients are good.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ClientValidation {
    /// Objects with the certificates of the authorities that sign for clients, such as a ConfigMap with `ca.crt`.
    pub ca_certificate_refs: Vec<TlsReference>,
    /// What becomes of others.
    #[serde(default)]
    pub mode: ClientValidationMode,
}

/// An object with a certificate.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TlsReference {
    /// Its API group. Left out: the core group, which is an empty text.
    #[serde(default)]
    pub group: String,
    /// Its kind. Left out: `Secret`.
    #[serde(default = "secret")]
    pub kind: String,
    /// Its name.
    pub name: ObjectName,
    /// Its namespace, which has to grant it to the Gateway by a ReferenceGrant. Left out: the Gateway's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<ObjectName>,
}

fn secret() -> String {
    "Secret".to_owned()
}

impl GatewayTls {
    /// Whether it says anything.
    pub fn says_something(&self) -> bool {
        *self != Self::default()
    }

    /// What is wrong with it, as problems of the field `TLS`. Ports may be those of listeners that others add.
    pub(super) fn check(&self) -> Vec<Problem> {
        let mut problems = vec![];
        let certificate = self.backend.iter().filter_map(|backend| backend.client_certificate_ref.as_ref());
        problems.extend(certificate.filter_map(|at| at.check("backend.clientCertificateRef")));
        let Some(FrontendTls { default, per_port }) = &self.frontend else { return problems };
        problems.extend(default.check("frontend.default"));
        if per_port.len() > MOST_PORTS {
            let problem = format!("holds {} ports; {MOST_PORTS} are allowed", per_port.len());
            problems.push(Problem::new("TLS.frontend.perPort", problem));
        }
        let mut seen = BTreeSet::new();
        for (n, PortTls { port, tls }) in per_port.iter().enumerate() {
            let at = format!("frontend.perPort[{n}]");
            if !seen.insert(port.get()) {
                let problem = format!("{} is named before; each port is named once", port.get());
                problems.push(Problem::new(format!("TLS.{at}.port"), problem));
            }
            problems.extend(tls.check(&format!("{at}.tls")));
        }
        problems
    }
}

impl ClientCertificates {
    fn check(&self, at: &str) -> Vec<Problem> {
        let Some(ClientValidation { ca_certificate_refs: refs, .. }) = &self.validation else { return vec![] };
        let at = format!("{at}.validation.caCertificateRefs");
        if !(1..=MOST_BUNDLES).contains(&refs.len()) {
            let problem = format!("holds {} objects; 1 to {MOST_BUNDLES} are allowed", refs.len());
            return vec![Problem::new(format!("TLS.{at}"), problem)];
        }
        refs.iter().enumerate().filter_map(|(n, one)| one.check(&format!("{at}[{n}]"))).collect()
    }
}

impl TlsReference {
    fn check(&self, at: &str) -> Option<Problem> {
        let is_word = |text: &str, more: &[char]| {
            let fits = |c: char| c.is_ascii_alphanumeric() || c == '-' || more.contains(&c);
            text.len() <= 253 && text.chars().all(fits)
        };
        let problem = if self.kind.is_empty() || !is_word(&self.kind, &[]) {
            ("kind", "is no kind; give one such as Secret or ConfigMap")
        } else if !is_word(&self.group, &['.']) {
            ("group", "is no API group; leave it out for Secrets and ConfigMaps")
        } else {
            return None;
        };
        Some(Problem::new(format!("TLS.{at}.{}", problem.0), problem.1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn problems(tls: &Value) -> Vec<String> {
        let tls: GatewayTls = serde_json::from_value(tls.clone()).unwrap();
        tls.check().iter().map(ToString::to_string).collect()
    }

    fn validation(refs: &Value) -> Value {
        json!({"validation": {"caCertificateRefs": refs}})
    }

    #[test]
    fn it_is_written_as_in_gateway_api() {
        let bundle = validation(&json!([{"group": "", "kind": "ConfigMap", "name": "clients-ca"}]));
        let short = json!({"backend": {"clientCertificateRef": {"name": "client"}}});
        for good in [
            json!({}),
            short.clone(),
            json!({"frontend": {"default": bundle}}),
            json!({"frontend": {"default": {}, "perPort": [{"port": 443, "tls": bundle}]}}),
            json!({"backend": {"clientCertificateRef": {"name": "client", "namespace": "certificates"}}}),
        ] {
            assert_eq!(problems(&good), [""; 0], "{good}");
            let read: GatewayTls = serde_json::from_value(good.clone()).unwrap();
            assert_eq!(read.says_something(), good != json!({}), "{good}");
            let again: GatewayTls = serde_json::from_value(serde_json::to_value(&read).unwrap()).unwrap();
            assert_eq!(read, again, "{good}");
        }
        let read: GatewayTls = serde_json::from_value(short).unwrap();
        let whole = json!({"backend": {"clientCertificateRef": {"group": "", "kind": "Secret", "name": "client"}}});
        assert_eq!(serde_json::to_value(read).unwrap(), whole, "with its defaults");
        assert!(serde_json::from_value::<GatewayTls>(json!({"options": {}})).is_err());
    }

    #[test]
    fn what_a_cluster_would_refuse_is_told_where_it_stands() {
        let at = |port: i32| json!({"port": port, "tls": {}});
        let ports = problems(&json!({"frontend": {"default": {}, "perPort": [at(443), at(443), at(80)]}}));
        assert_eq!(ports, ["TLS.frontend.perPort[1].port: 443 is named before; each port is named once"]);
        let none = problems(&json!({"frontend": {"default": validation(&json!([]))}}));
        assert_eq!(none, ["TLS.frontend.default.validation.caCertificateRefs: holds 0 objects; 1 to 16 are allowed"]);
        let kind = problems(&json!({"backend": {"clientCertificateRef": {"kind": "", "name": "client"}}}));
        assert!(kind[0].starts_with("TLS.backend.clientCertificateRef.kind: is no kind"), "{kind:?}");
        let group = problems(&json!({"frontend": {"default": validation(&json!([{"group": "a b", "name": "ca"}]))}}));
        assert!(group[0].starts_with("TLS.frontend.default.validation.caCertificateRefs[0].group"), "{group:?}");
    }
}
