//! cert-manager, `cert-manager.io/v1`. Neither its CRDs nor its webhook fill anything in but `parentRefs`, and its controller writes only
//! status, so both kinds stay as they were applied.
//!
//! Why our own structs: cert-manager publishes no Rust types, and types generated from its CRDs hold hundreds of fields that Causeway never
//! sets. Types carry the names of the Go API where it has one.

use super::{ObjectKind, gateway_api::ParentReference};
use serde::Serialize;
use std::collections::BTreeMap;

/// Keeps a certificate valid in a Secret.
pub const CERTIFICATE: ObjectKind =
    ObjectKind { group: "cert-manager.io", version: "v1", kind: "Certificate", exclusive: true };
/// The authority that signs, usable from every namespace. Cluster-scoped.
pub const CLUSTER_ISSUER: ObjectKind =
    ObjectKind { group: "cert-manager.io", version: "v1", kind: "ClusterIssuer", exclusive: true };
/// One proof to an ACME server. Made by cert-manager; Causeway only reads why it does not succeed.
pub const CHALLENGE: ObjectKind =
    ObjectKind { group: "acme.cert-manager.io", version: "v1", kind: "Challenge", exclusive: false };

/// `spec` of a Certificate.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CertificateSpec {
    /// The Secret that cert-manager writes certificate and key into, in the namespace of the Certificate.
    pub secret_name: String,
    /// Metadata of that Secret.
    pub secret_template: CertificateSecretTemplate,
    /// The subject, of at most 64 characters; None: the authority gives one, or none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub common_name: Option<String>,
    /// The hostnames that the certificate is valid for.
    pub dns_names: Vec<String>,
    /// The authority that signs.
    pub issuer_ref: IssuerRef,
    /// Rules for the key.
    pub private_key: CertificatePrivateKey,
    /// Share of the lifetime, in percent, that is left when it is renewed.
    pub renew_before_percentage: i32,
}

/// Metadata of the Secret of a certificate.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CertificateSecretTemplate {
    /// Causeway's own, so that the Secret is found when the Certificate is gone.
    pub labels: BTreeMap<String, String>,
}

/// Names a ClusterIssuer.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct IssuerRef {
    /// `cert-manager.io`.
    pub group: &'static str,
    /// `ClusterIssuer`.
    pub kind: &'static str,
    /// `metadata.name` of the issuer.
    pub name: String,
}

/// Rules for the key of a certificate.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CertificatePrivateKey {
    /// `Always`: a new key with every renewal.
    pub rotation_policy: &'static str,
    /// `RSA` or `ECDSA`; None: RSA.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub algorithm: Option<&'static str>,
    /// In bits; None: 2048.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<i32>,
}

/// `spec` of a ClusterIssuer: the kind of authority.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum ClusterIssuerSpec {
    /// An authority that speaks ACME, such as Let's Encrypt.
    Acme(AcmeIssuer),
    /// A key pair in a Secret of cert-manager's namespace.
    #[serde(rename_all = "camelCase")]
    Ca {
        /// `metadata.name` of the Secret.
        secret_name: String,
    },
    /// Every certificate signs itself.
    SelfSigned {},
}

/// An authority that speaks ACME.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AcmeIssuer {
    /// URL of its directory.
    pub server: String,
    /// PEM of the authorities that vouch for the server, in base64; None: the public ones.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca_bundle: Option<String>,
    /// The contact of the ACME account, for warnings about expiry.
    pub email: String,
    /// The Secret in which cert-manager keeps the key of the ACME account.
    pub private_key_secret_ref: SecretRef,
    /// Binds that account to one that the authority knows already.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub external_account_binding: Option<ExternalAccountBinding>,
    /// Which of its profiles the authority takes; None: its default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
    /// How challenges are met. cert-manager takes the one whose selector fits a hostname best.
    pub solvers: Vec<AcmeSolver>,
}

/// An account at the authority that was made elsewhere (RFC 8555, 7.3.4).
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ExternalAccountBinding {
    /// The id that the authority gave its key.
    #[serde(rename = "keyID")]
    pub key_id: String,
    /// Where the key is stored, base64url.
    pub key_secret_ref: SecretKeySelector,
}

/// Names a Secret in cert-manager's namespace.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SecretRef {
    /// `metadata.name` of the Secret.
    pub name: String,
}

/// Names one value in a Secret of cert-manager's namespace.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SecretKeySelector {
    /// `metadata.name` of the Secret.
    pub name: String,
    /// Key in the Secret's `data`.
    pub key: &'static str,
}

/// How the challenges of some hostnames are met.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AcmeSolver {
    /// Which hostnames; None: all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub selector: Option<SolverSelector>,
    /// After how long the authority is asked to look, as Go writes durations; None: when cert-manager has seen the proof itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wait_instead_of_self_check: Option<String>,
    /// ACME challenge type this solver answers (HTTP-01 or DNS-01).
    #[serde(flatten)]
    pub challenge: ChallengeSolver,
}

/// Which hostnames a solver is for.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SolverSelector {
    /// Exactly these hostnames.
    pub dns_names: Vec<String>,
}

/// The answer to one type of ACME challenge.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum ChallengeSolver {
    /// A TXT record under the hostname.
    #[serde(rename = "dns01")]
    Dns01 {
        /// Access to the hosted zone.
        route53: Route53Solver,
    },
    /// A response under a well-known path of the hostname, by plain HTTP on port 80.
    #[serde(rename = "http01", rename_all = "camelCase")]
    Http01 {
        /// How the request reaches the pod that answers.
        #[serde(rename = "gatewayHTTPRoute")]
        gateway_http_route: SolverHttpRoute,
    },
}

/// Access to Route53. Without keys cert-manager uses what its pod has.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Route53Solver {
    /// AWS region that requests are signed for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// The hosted zone; None: cert-manager looks for it by its name.
    #[serde(rename = "hostedZoneID", skip_serializing_if = "Option::is_none")]
    pub hosted_zone_id: Option<String>,
    /// ARN of a role to assume.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// Where the id of the access key is stored.
    #[serde(rename = "accessKeyIDSecretRef", skip_serializing_if = "Option::is_none")]
    pub access_key_id_secret_ref: Option<SecretKeySelector>,
    /// Where the secret part of the access key is stored.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret_access_key_secret_ref: Option<SecretKeySelector>,
}

/// The HTTPRoute that cert-manager makes for the time of a challenge.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SolverHttpRoute {
    /// The listener that serves the hostname by plain HTTP on port 80.
    pub parent_refs: Vec<ParentReference>,
    /// `ClusterIP`: the answer is fetched through the Gateway, no node needs a port for it.
    pub service_type: &'static str,
}
