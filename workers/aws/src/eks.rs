//! Tokens for clusters of EKS. A token is a request to STS, signed and not sent: whoever has the cluster sends it, and learns from STS who signed it. The
//! name of the cluster is signed with it, so another cluster can't use it.

use std::time::{Duration, SystemTime};

use aws_credential_types::{
    Credentials,
    provider::{ProvideCredentials, SharedCredentialsProvider},
};
use aws_sigv4::{
    http_request::{SignableBody, SignableRequest, SignatureLocation, SigningSettings, sign},
    sign::v4,
};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use secrecy::SecretString;
use tokio::sync::OnceCell;
use tracing::subscriber::{NoSubscriber, with_default};

use super::{Account, AwsError, error_chain};

/// What the signed header is called, and what a token begins with.
const CLUSTER: &str = "x-k8s-aws-id";
const PREFIX: &str = "k8s-aws-v1.";
/// What the request itself says of its age, in seconds. EKS asks for no more than 15 minutes, and `aws eks get-token` says this.
const EXPIRES: Duration = Duration::from_secs(60);
/// EKS takes a token until 15 minutes after it was signed. The rest is for clocks that differ.
const LIFETIME: Duration = Duration::from_secs(10 * 60);
/// So long before its credentials end a token isn't used any more.
const MARGIN: Duration = Duration::from_secs(60);

/// Who we are in a cluster of EKS.
#[derive(Clone, Debug, PartialEq)]
pub struct EksIdentity {
    /// Who signs.
    pub account: Account,
    /// The name of the cluster in EKS.
    pub cluster: String,
}

/// A token, and how long it is good.
#[derive(Clone, Debug)]
pub struct EksToken {
    /// `k8s-aws-v1.…`, for the header `Authorization`.
    pub token: SecretString,
    /// From now on: then another one is made.
    pub good_for: Duration,
}

/// Makes tokens for one cluster.
#[derive(Debug)]
pub struct EksTokens {
    identity: EksIdentity,
    provider: OnceCell<Option<SharedCredentialsProvider>>,
}

impl EksTokens {
    /// Asks nobody yet.
    #[must_use]
    pub fn new(identity: EksIdentity) -> Self {
        Self { identity, provider: OnceCell::new() }
    }

    /// A token that is signed now. Where a role is assumed, STS is asked for its credentials first.
    ///
    /// # Errors
    /// There are no credentials, or the region is no region.
    pub async fn token(&self) -> Result<EksToken, AwsError> {
        let EksIdentity { account, cluster } = &self.identity;
        let provider = self.provider.get_or_init(async || account.config().await.credentials_provider()).await;
        let provider = provider.as_ref().ok_or_else(|| AwsError::NoCredentials("there are none".into()))?;
        let credentials =
            provider.provide_credentials().await.map_err(|error| AwsError::NoCredentials(error_chain(&error)))?;
        let now = SystemTime::now();
        Ok(EksToken {
            token: eks_token(&credentials, &account.region, cluster, now)?,
            good_for: good_for(credentials.expiry(), now),
        })
    }
}

/// The token for a cluster that these credentials sign at `now`.
///
/// # Errors
/// The region makes no address.
pub fn eks_token(
    credentials: &Credentials,
    region: &str,
    cluster: &str,
    now: SystemTime,
) -> Result<SecretString, AwsError> {
    let wrong = || AwsError::Region { region: region.to_owned() };
    let uri = format!("https://{}/?Action=GetCallerIdentity&Version=2011-06-15", sts_host(region).ok_or_else(wrong)?);
    let mut settings = SigningSettings::default();
    settings.signature_location = SignatureLocation::QueryParams;
    settings.expires_in = Some(EXPIRES);
    let identity = credentials.clone().into();
    let parameters = v4::SigningParams::builder()
        .identity(&identity)
        .region(region)
        .name("sts")
        .time(now)
        .settings(settings)
        .build()
        .map_err(|_| wrong())?
        .into();
    let headers = std::iter::once((CLUSTER, cluster));
    let request = SignableRequest::new("GET", uri.as_str(), headers, SignableBody::Bytes(&[])).map_err(|_| wrong())?;
    // The finest logs of what signs show what is signed, and with it the token of a role's session.
    let signed = with_default(NoSubscriber::default(), || sign(request, &parameters));
    let (instructions, _) = signed.map_err(|_| wrong())?.into_parts();
    let mut request = http::Request::get(&uri).body(()).map_err(|_| wrong())?;
    instructions.apply_to_request_http1x(&mut request);
    Ok(format!("{PREFIX}{}", BASE64_URL_SAFE_NO_PAD.encode(request.uri().to_string())).into())
}

/// Where STS is in a region. EKS takes no token that leads elsewhere.
fn sts_host(region: &str) -> Option<String> {
    let is_region =
        !region.is_empty() && region.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
    let partition = match region {
        _ if region.starts_with("cn-") => "amazonaws.com.cn",
        _ if region.starts_with("eusc-") => "amazonaws.eu",
        _ => "amazonaws.com",
    };
    is_region.then(|| format!("sts.{region}.{partition}"))
}

/// A token is worth nothing once the credentials that signed it have ended.
fn good_for(expiry: Option<SystemTime>, now: SystemTime) -> Duration {
    let left = expiry.map(|expiry| expiry.duration_since(now).unwrap_or_default().saturating_sub(MARGIN));
    left.map_or(LIFETIME, |left| left.min(LIFETIME))
}

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::ExposeSecret;

    /// 2026-01-05T10:11:12Z.
    fn now() -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_767_607_872)
    }

    fn url(credentials: &Credentials, region: &str) -> String {
        let token = eks_token(credentials, region, "shop", now()).unwrap();
        let encoded = token.expose_secret().strip_prefix("k8s-aws-v1.").unwrap().to_owned();
        assert!(!encoded.contains('='), "without padding");
        String::from_utf8(BASE64_URL_SAFE_NO_PAD.decode(encoded).unwrap()).unwrap()
    }

    /// The signature was computed by other means: HMAC and SHA-256 of Python's standard library, as AWS's documentation of SigV4 has it.
    #[test]
    fn a_token_is_a_signed_question_who_we_are() {
        let keys = Credentials::new("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", None, None, "test");
        assert_eq!(
            url(&keys, "eu-central-1"),
            "https://sts.eu-central-1.amazonaws.com/?Action=GetCallerIdentity&Version=2011-06-15\
             &X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIDEXAMPLE%2F20260105%2Feu-central-1%2Fsts%2Faws4_request\
             &X-Amz-Date=20260105T101112Z&X-Amz-Expires=60&X-Amz-SignedHeaders=host%3Bx-k8s-aws-id&X-Amz-Signature=2a515bd2f1b0139cb99bf9734d8b5a0d268b5483e0f0e9e922475a931509e934"
        );
        let session = Credentials::new("ASIA", "secret", Some("to/ken=+".into()), None, "test");
        assert!(url(&session, "us-east-1").ends_with("&X-Amz-Security-Token=to%2Fken%3D%2B"), "also of a role");
    }

    #[test]
    fn sts_is_where_its_partition_is() {
        let host = |region: &str| sts_host(region);
        assert_eq!(host("eu-central-1").as_deref(), Some("sts.eu-central-1.amazonaws.com"));
        assert_eq!(host("cn-north-1").as_deref(), Some("sts.cn-north-1.amazonaws.com.cn"));
        assert_eq!(host("eusc-de-east-1").as_deref(), Some("sts.eusc-de-east-1.amazonaws.eu"));
        let keys = Credentials::new("AKIDEXAMPLE", "secret", None, None, "test");
        for region in ["", "Frankfurt", "eu-1.evil.example/", "eu west"] {
            let wrong = eks_token(&keys, region, "shop", now()).unwrap_err();
            assert!(wrong.to_string().contains("correct DefaultRegion"), "{wrong}");
        }
    }

    #[test]
    fn a_token_ends_with_the_credentials_that_signed_it() {
        let after = |seconds| good_for(Some(now() + Duration::from_secs(seconds)), now()).as_secs();
        assert_eq!(good_for(None, now()).as_secs(), 600);
        assert_eq!([after(3600), after(300), after(30)], [600, 240, 0]);
        assert_eq!(good_for(Some(now() - Duration::from_secs(9)), now()), Duration::ZERO);
    }

    #[tokio::test]
    async fn no_secret_is_printed() {
        let account = Account {
            credentials: crate::Credentials::Keys { id: "AKIDEXAMPLE".into(), secret: "very-secret".into() },
            role: None,
            region: "eu-central-1".into(),
        };
        let tokens = EksTokens::new(EksIdentity { account, cluster: "shop".into() });
        let token = tokens.token().await.unwrap();
        assert_eq!(token.good_for, LIFETIME);
        let printed = format!("{tokens:?} {tokens:#?} {token:?} {token:#?}");
        assert!(!printed.contains("very-secret") && !printed.contains(PREFIX), "{printed}");
    }
}
