//! As whom AWS is called, and the tokens with which workers sign in to clusters of EKS.
//!
//! ```text
//! AwsAccount ──account──▶ Account ──config──▶ SdkConfig ──▶ clients of Route 53 (`causeway-dns`)
//!                            └── with a cluster's name: EksIdentity ──connect──▶ EksTokens ──token──▶ EksToken (`causeway-cluster`)
//! ```
//!
//! - **In**: the record of an AWS account, decrypted; what the process finds around it, where its operator allows that.
//! - **May fail**: AWS may give no credentials, as an [`AwsError`].
//! - **Invariant**: no secret is in a `Debug`, an error or a log. A token is one, too: whoever has it is us in that cluster for a quarter of an hour.
//!
//! To call another service of AWS: a client of its own crate, from [`Account::config`].

mod account;
mod eks;
mod error_chain;

pub use account::{Account, AssumedRole, Credentials, account};
pub use eks::{EksIdentity, EksToken, EksTokens, eks_token};
pub use error_chain::error_chain;

/// Why there is no token.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AwsError {
    /// AWS gives no credentials, or nobody answers who could.
    #[error(
        "AWS gives no credentials to sign with: {0}; see the keys, the role and the external id of the AWS account, and that the workers reach STS"
    )]
    NoCredentials(String),
    /// What is on record makes no request.
    #[error("no request to STS can be made for region {region:?}: correct DefaultRegion of the AWS account")]
    Region {
        /// As it is on record.
        region: String,
    },
}
