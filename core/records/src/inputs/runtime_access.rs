//! What workers need to know to sign in to a cluster.

use crate::{
    nouns::{AwsAccount, KubernetesRuntimeDefinition, KubernetesRuntimeInstance},
    record::Record,
};

/// A runtime, and for a cluster of EKS who signs in there.
#[derive(Clone, Debug, PartialEq)]
pub struct RuntimeAccess {
    /// Address, certificate and credentials of the cluster.
    pub runtime: Record<KubernetesRuntimeInstance>,
    /// Where the runtime has `EKSClusterName`.
    pub eks: Option<EksAccess>,
}

/// Whose tokens a cluster of EKS gets.
#[derive(Clone, Debug, PartialEq)]
pub struct EksAccess {
    /// The definition of the runtime, which names the account.
    pub definition: Record<KubernetesRuntimeDefinition>,
    /// The account of that name, if there is one.
    pub account: Option<Record<AwsAccount>>,
}
