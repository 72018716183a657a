//! A support service in a cluster: installed from a bundle, or adopted from whoever installed it.

use super::{APPLIED, Failure, Found, Pass, services::all_hold};
use crate::cluster::{ClusterError, definition_ref};
use causeway_records::{
    inputs::SupportServiceInputs,
    inventory::ObjectRef,
    nouns::{Management, Service},
    status::{NewCondition, READY},
};
use causeway_render::{
    bundle::Bundle,
    labels::{CONTROL_PLANE, OWNER, Owner},
    support_service::{self, Adoption, Health, Options, survey},
};
use causeway_store::queue::Next;
use serde_json::json;
use std::time::Duration;

/// The step of a service that is installed: what has to run runs.
const AVAILABLE: &str = "Available";
/// How often somebody else's installation is looked at.
const ADOPTED_RESYNC: Duration = Duration::from_secs(300);
/// The same where it can't be worked with: whoever upgrades it waits for us.
const INCOMPATIBLE_RESYNC: Duration = Duration::from_secs(30);

pub(super) async fn reconcile(pass: &Pass<'_>) -> Result<Found, Failure> {
    let mut inputs = pass.context.store.support_service_inputs(pass.work.key.id).await?;
    if let Some(account) = &mut inputs.account
        && let Err(error) = account.spec.decrypt(&pass.context.key)
    {
        return Ok(pass.invalid(format!("aws account {}: {error}", account.spec.name)));
    }
    let spec = &inputs.instance.record.spec;
    let owner = Owner { kind: support_service::KIND, id: pass.work.key.id };
    if pass.work.being_deleted {
        return if spec.keep_on_delete == Some(true) {
            super::remove::confirm(pass.context, pass.work).await
        } else {
            pass.remove(owner).await
        };
    }
    let Some(bundle) = pass.context.catalogue.get(spec.service.as_str()) else {
        return Ok(pass.invalid(format!("this release of Causeway brings no {}", spec.service)));
    };
    let brought_version = bundle.manifest.version.to_string();
    if spec.version.as_ref().is_some_and(|wanted| *wanted != brought_version) {
        let message = format!(
            "Version: this release of Causeway brings {} {brought_version} only; leave Version out",
            spec.service
        );
        return Ok(pass.invalid(message));
    }
    let before = pass.first_steps(&needs(bundle)).await?;
    if !all_hold(&before) {
        return Ok(Found { findings: before, ..Found::default() });
    }
    if inputs.domains.is_empty() && spec.service == Service::ExternalDns {
        let finding =
            NewCondition::met(APPLIED, "NothingToPublish", "no domain name instance of this cluster needs it any more");
        return Ok(Found { findings: vec![pass.reachable(), finding], applied: true, ..Found::default() });
    }
    match prepare(pass, &inputs, bundle).await {
        Ok(Prepared::Install { definitions, options, warning }) => {
            install(pass, &inputs, bundle, owner, definitions, &options, before, warning).await
        }
        Ok(Prepared::Adopt(found)) => Ok(found),
        Err(error) => {
            pass.site.report(&error);
            Ok(Found::again("Survey", error.to_string()))
        }
    }
}

enum Prepared {
    Install { definitions: bool, options: Options, warning: Option<String> },
    Adopt(Found),
}

fn needs(bundle: &Bundle) -> Vec<Service> {
    bundle.manifest.traits.needs.iter().filter_map(|name| name.parse().ok()).collect()
}

/// Looks at what stands in the cluster, and decides whose the service is.
async fn prepare(pass: &Pass<'_>, inputs: &SupportServiceInputs, bundle: &Bundle) -> Result<Prepared, ClusterError> {
    let cluster = &pass.connection.cluster;
    let facts = cluster.facts(bundle).await?;
    let mut options = Options { image_registry: pass.context.image_registry.clone(), ..Options::for_record(inputs) };
    let (definitions, warning) = match survey(bundle, &inputs.control_plane, pass.work.key.id, &facts) {
        Adoption::Absent => (true, None),
        Adoption::Ours { warning } => (true, warning),
        Adoption::ForeignDefinitions { compatible: true, why, .. } => (false, Some(why)),
        Adoption::Foreign { version, compatible, why } => {
            let version = version.map(|version| version.to_string());
            return Ok(Prepared::Adopt(adopted(pass, compatible, version, why)));
        }
        Adoption::ForeignDefinitions { compatible: false, why, version } => {
            return Ok(Prepared::Adopt(adopted(pass, false, version.map(|version| version.to_string()), why)));
        }
        Adoption::Downgrade { installed, wanted } => {
            let message =
                format!("version {installed} is installed and definitions never go back to {wanted}; upgrade Causeway");
            return Ok(Prepared::Adopt(pass.invalid(message)));
        }
    };
    let namespace = support_service::namespace(bundle, &options).to_owned();
    options.existing_namespace = !namespace.is_empty() && is_foreign_namespace(pass, &namespace).await?;
    options.restart_for = definitions_of_needs(pass, bundle).await?;
    Ok(Prepared::Install { definitions, options, warning })
}

/// Somebody else's installation: used as it is.
fn adopted(pass: &Pass<'_>, compatible: bool, version: Option<String>, why: String) -> Found {
    let (applied, resync) = if compatible {
        (NewCondition::met(APPLIED, "Adopted", why), ADOPTED_RESYNC)
    } else {
        (NewCondition::not_met(APPLIED, "Incompatible", why), INCOMPATIBLE_RESYNC)
    };
    Found {
        findings: vec![pass.reachable(), applied],
        next: Next::In(resync),
        applied: compatible,
        wake_dependants: !pass.work.conditions.is_true(READY),
        projection: Some(json!({"management": Management::Adopted, "version": version})),
        ..Found::default()
    }
}

#[expect(clippy::too_many_arguments, reason = "the steps of one installation, each made by the one before")]
async fn install(
    pass: &Pass<'_>,
    inputs: &SupportServiceInputs,
    bundle: &Bundle,
    owner: Owner,
    definitions: bool,
    options: &Options,
    before: Vec<NewCondition>,
    warning: Option<String>,
) -> Result<Found, Failure> {
    let rendered = support_service::render(&support_service::Installation {
        control_plane: &inputs.control_plane,
        id: pass.work.key.id,
        bundle,
        name: &inputs.instance.object_name,
        definitions,
        options,
    });
    let plan = match rendered {
        Ok(plan) => plan,
        Err(invalid) => return Ok(pass.invalid(invalid.to_string())),
    };
    let brought = pass.bring(owner, &plan).await?;
    let seen = pass.seen(owner, std::iter::empty());
    let health = support_service::health(&plan, &seen);
    let trouble = health.iter().find_map(|(_, health)| match health {
        Health::Ready => None,
        Health::NotReady { reason, message } => Some((*reason, message.clone())),
    });
    let available = match trouble {
        None => {
            let note = warning.map(|warning| format!("; {warning}")).unwrap_or_default();
            NewCondition::met(
                AVAILABLE,
                "Available",
                format!("{} {}{note}", bundle.manifest.service, bundle.manifest.version),
            )
        }
        Some((reason, message)) => NewCondition::not_met(AVAILABLE, reason, message),
    };
    let ready = all_hold(std::slice::from_ref(&available)) && brought.applied;
    let mut found = brought.found(before, vec![available]);
    found.wake_dependants = ready != pass.work.conditions.is_true(READY);
    found.projection = Some(json!({"management": Management::Managed, "version": bundle.manifest.version.to_string()}));
    Ok(found)
}

async fn is_foreign_namespace(pass: &Pass<'_>, name: &str) -> Result<bool, ClusterError> {
    let at = ObjectRef {
        group: String::new(),
        version: "v1".into(),
        kind: "Namespace".into(),
        namespace: None,
        name: name.into(),
    };
    let Some(live) = pass.connection.cluster.get_builtin(&at).await? else { return Ok(false) };
    let owner = Owner { kind: support_service::KIND, id: pass.work.key.id }.to_string();
    let ours = live.label(CONTROL_PLANE) == Some(&*pass.context.control_plane)
        && live.label(OWNER).is_none_or(|found| found == owner);
    Ok(!ours)
}

/// What identifies the definitions of what the service needs: controllers that look for them only at their start are restarted by it.
async fn definitions_of_needs(pass: &Pass<'_>, bundle: &Bundle) -> Result<Option<String>, ClusterError> {
    let mut marks = vec![];
    for need in &bundle.manifest.traits.needs {
        let Some(needed) = pass.context.catalogue.get(need) else { continue };
        for name in &needed.manifest.definitions {
            if let Some(live) = pass.connection.cluster.get_builtin(&definition_ref(name)).await? {
                marks.push(live.uid().to_owned());
            }
        }
    }
    marks.sort();
    Ok((!marks.is_empty()).then(|| causeway_render::plan::hash(&json!(marks))))
}
