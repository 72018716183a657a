//! Whose the service in the cluster is: ours to install, or somebody else's to adopt.

use super::super::Reconcile;
use causeway_cluster::{ClusterError, definition_ref};
use causeway_records::{Kind, inputs::SupportServiceInputs, inventory::ObjectRef};
use causeway_render::{
    bundle::Bundle,
    labels::{CONTROL_PLANE, OWNER, Owner},
    support_service::{self, Adoption, Options, survey},
};
use serde_json::json;

/// What is to be done with a service.
pub(super) enum Mode {
    Install(Box<Install>),
    Adopt {
        /// It can be worked with.
        compatible: bool,
        version: Option<String>,
        why: String,
        /// cert-manager only: where it looks for the Secrets of ClusterIssuers.
        cluster_resource_namespace: Option<String>,
    },
    /// The bundle of this release is older than what is installed.
    Refuse(String),
}

/// How a service is installed.
pub(super) struct Install {
    /// Whether its custom resource definitions are ours to apply.
    pub(super) definitions: bool,
    pub(super) options: Options,
    /// What a person should know of what else is there.
    pub(super) warning: Option<String>,
}

/// Reads what is in the cluster (needs the cluster), and decides (pure).
pub(super) async fn mode(
    ctx: &Reconcile<'_>,
    inputs: &SupportServiceInputs,
    bundle: &Bundle,
) -> Result<Mode, ClusterError> {
    let facts = ctx.connection.cluster.facts(bundle).await?;
    let (definitions, warning) = match survey(bundle, &inputs.control_plane, ctx.claimed.key.id, &facts) {
        Adoption::Absent => (true, None),
        Adoption::Ours { warning } => (true, warning),
        Adoption::ForeignDefinitions { compatible: true, why, .. } => (false, Some(why)),
        Adoption::Foreign { version, compatible, why, cluster_resource_namespace } => {
            let version = version.map(|version| version.to_string());
            return Ok(Mode::Adopt { compatible, version, why, cluster_resource_namespace });
        }
        Adoption::ForeignDefinitions { compatible: false, why, version } => {
            let version = version.map(|version| version.to_string());
            return Ok(Mode::Adopt { compatible: false, version, why, cluster_resource_namespace: None });
        }
        Adoption::Downgrade { installed, wanted } => {
            return Ok(Mode::Refuse(format!(
                "version {installed} is installed and definitions never go back to {wanted}; upgrade Causeway"
            )));
        }
    };
    let mut options = Options { image_registry: ctx.context.image_registry.clone(), ..Options::for_record(inputs) };
    let namespace = support_service::namespace(bundle, &options).to_owned();
    options.existing_namespace = !namespace.is_empty() && is_foreign_namespace(ctx, &namespace).await?;
    options.restart_for = definitions_of_needs(ctx, bundle).await?;
    Ok(Mode::Install(Box::new(Install { definitions, options, warning })))
}

async fn is_foreign_namespace(ctx: &Reconcile<'_>, name: &str) -> Result<bool, ClusterError> {
    let at = ObjectRef {
        group: String::new(),
        version: "v1".into(),
        kind: "Namespace".into(),
        namespace: None,
        name: name.into(),
    };
    let Some(live) = ctx.connection.cluster.get_builtin(&at).await? else { return Ok(false) };
    let owner = Owner { kind: Kind::SupportServiceInstance, id: ctx.claimed.key.id }.to_string();
    let ours = live.label(CONTROL_PLANE) == Some(&*ctx.context.control_plane)
        && live.label(OWNER).is_none_or(|found| found == owner);
    Ok(!ours)
}

/// What identifies the definitions of what the service needs: controllers that look for them only at their start are restarted by it.
async fn definitions_of_needs(ctx: &Reconcile<'_>, bundle: &Bundle) -> Result<Option<String>, ClusterError> {
    let mut uids = vec![];
    for need in &bundle.manifest.traits.needs {
        let Some(needed) = ctx.context.catalogue.get(need) else { continue };
        for name in &needed.manifest.definitions {
            if let Some(live) = ctx.connection.cluster.get_builtin(&definition_ref(name)).await? {
                uids.push(live.uid().to_owned());
            }
        }
    }
    uids.sort();
    Ok((!uids.is_empty()).then(|| causeway_render::plan::hash(&json!(uids))))
}
