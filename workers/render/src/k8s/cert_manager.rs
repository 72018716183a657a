//! cert-manager, `cert-manager.io/v1`. Neither its CRDs nor its webhook fill anything in but `parentRefs`, and its controller writes only
//! status, so both kinds stay as they were applied.

use super::{Kind, gateway_api::ParentReference};
use serde::Serialize;
use std::collections::BTreeMap;

/// A certificate to be kept valid in a Secret.
pub const CERTIFICATE: Kind = Kind { group: "cert-manager.io", version: "v1", kind: "Certificate", exclusive: true };
/// Who signs, for every namespace.
pub const CLUSTER_ISSUER: Kind =
    Kind { group: "cert-manager.io", version: "v1", kind: "ClusterIssuer", exclusive: true };
/// One proof to an ACME server. Made by cert-manager; we only read why it doesn't succeed.
pub const CHALLENGE: Kind = Kind { group: "acme.cert-manager.io", version: "v1", kind: "Challenge", exclusive: false };

/// Spec of a Certificate.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CertificateSpec {
    /// The Secret that it is kept in.
    pub secret_name: String,
    /// Labels for that Secret.
    pub secret_template: SecretTemplate,
    /// The hostnames it is for.
    pub dns_names: Vec<String>,
    /// Who signs.
    pub issuer_ref: IssuerRef,
    /// How the key is made.
    pub private_key: PrivateKey,
    /// Share of the lifetime, in percent, that is left when it is renewed. Lifetimes get shorter: a fixed time would one day be too long.
    pub renew_before_percentage: i32,
}

/// What the Secret of a certificate carries.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SecretTemplate {
    /// Labels.
    pub labels: BTreeMap<String, String>,
}

/// Names an issuer.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct IssuerRef {
    /// `cert-manager.io`.
    pub group: &'static str,
    /// `ClusterIssuer`.
    pub kind: &'static str,
    /// Its name.
    pub name: String,
}

/// How a certificate's key is made.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PrivateKey {
    /// `Always`: a new key with every renewal.
    pub rotation_policy: &'static str,
}

/// Spec of a ClusterIssuer.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum ClusterIssuerSpec {
    /// An authority that speaks ACME.
    Acme(Acme),
    /// A key pair in a Secret of cert-manager's namespace.
    #[serde(rename_all = "camelCase")]
    Ca {
        /// The Secret.
        secret_name: String,
    },
    /// Every certificate signs itself.
    SelfSigned {},
}

/// An ACME authority.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Acme {
    /// Address of its directory.
    pub server: String,
    /// Who hears from it.
    pub email: String,
    /// Where cert-manager keeps the account's key.
    pub private_key_secret_ref: Name,
    /// How challenges are met.
    pub solvers: Vec<Solver>,
}

/// Names a Secret.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Name {
    /// Its name.
    pub name: String,
}

/// Names one entry of a Secret.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SecretKey {
    /// The Secret's name.
    pub name: String,
    /// The entry.
    pub key: &'static str,
}

/// How the challenges of some hostnames are met.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Solver {
    /// Which hostnames; None: all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub selector: Option<SolverSelector>,
    /// How.
    #[serde(flatten)]
    pub by: Challenge,
}

/// Which hostnames a solver is for.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SolverSelector {
    /// Exactly these.
    pub dns_names: Vec<String>,
}

/// How a challenge is met.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Challenge {
    /// A TXT record.
    #[serde(rename = "dns01")]
    Dns01 {
        /// In Route53.
        route53: Route53,
    },
    /// A path on the hostname.
    #[serde(rename = "http01", rename_all = "camelCase")]
    Http01 {
        /// Through a Gateway.
        #[serde(rename = "gatewayHTTPRoute")]
        gateway_http_route: SolverRoute,
    },
}

/// Access to Route53. Without keys cert-manager uses what its pod has.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Route53 {
    /// Region to sign requests for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// The zone; None: cert-manager looks for it by its name.
    #[serde(rename = "hostedZoneID", skip_serializing_if = "Option::is_none")]
    pub hosted_zone_id: Option<String>,
    /// Role to assume.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// Id of the access key.
    #[serde(rename = "accessKeyIDSecretRef", skip_serializing_if = "Option::is_none")]
    pub access_key_id_secret_ref: Option<SecretKey>,
    /// The access key's secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret_access_key_secret_ref: Option<SecretKey>,
}

/// The route that cert-manager makes for the time of a challenge.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SolverRoute {
    /// The listener for plain HTTP on port 80.
    pub parent_refs: Vec<ParentReference>,
    /// `ClusterIP`: the answer is fetched through the Gateway, no node needs a port for it.
    pub service_type: &'static str,
}
