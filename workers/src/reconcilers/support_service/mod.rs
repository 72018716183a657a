//! A support service in a cluster: installed from a bundle, or adopted from whoever installed it.

mod survey;

use self::survey::{Install, Mode};
use super::{APPLIED, Failed, Interrupted, Reconcile, account, prerequisites::all_met};
use causeway_records::{
    Kind,
    inputs::SupportServiceInputs,
    inventory::ObjectRef,
    nouns::{Management, Service},
    status::{NewCondition, READY},
};
use causeway_render::{
    bundle::Bundle,
    k8s::gateway_api::GATEWAY_CLASS,
    labels::Owner,
    plan::Plan,
    support_service::{self, Health},
};
use causeway_store::queue::{Key, Outcome};
use serde_json::{Value, json};
use std::time::Duration;

/// The condition of a service that is installed: what has to run runs.
const AVAILABLE: &str = "Available";
/// Where the state of a gateway controller has what its GatewayClasses list.
const GATEWAY_CLASSES: &str = "gateway_classes";
/// How often somebody else's installation is surveyed.
const ADOPTED_RESYNC: Duration = Duration::from_secs(300);
/// The same where it can't be worked with: whoever upgrades it waits for us.
const INCOMPATIBLE_RESYNC: Duration = Duration::from_secs(30);

pub(super) async fn reconcile(ctx: &Reconcile<'_>) -> Result<Outcome, Interrupted> {
    // 1. Read (needs Postgres), decrypt (pure).
    let mut inputs = ctx.context.store.support_service_inputs(ctx.claimed.key.id).await?;
    if let Some(account) = &mut inputs.account
        && let Err(error) = account.spec.decrypt_for(ctx.session.cluster_id(), &ctx.context.key)
    {
        return Ok(ctx.invalid(format!("aws account {}: {error}", account.spec.name)));
    }
    let owner = Owner { kind: Kind::SupportServiceInstance, id: ctx.claimed.key.id };
    if ctx.claimed.being_deleted {
        return match inputs.instance.record.spec.keep_on_delete {
            Some(true) => ctx.leave(owner).await,
            _ => ctx.delete(owner).await,
        };
    }
    let refused = inputs.account.as_ref().and_then(|account| account::refused(account, ctx.session.cluster_id()));
    // 2. The bundle of this release (pure).
    let bundle = match bundle(ctx, &inputs) {
        Ok(bundle) => bundle,
        Err(sentence) => return Ok(ctx.invalid(sentence)),
    };
    // 3. Prerequisites (needs Postgres).
    let needs: Vec<Service> = bundle.manifest.traits.needs.iter().filter_map(|name| name.parse().ok()).collect();
    let before = ctx.prerequisites(&needs).await?;
    if !all_met(&before) {
        return Ok(Outcome::with(before));
    }
    let is_idle = inputs.domains.is_empty() && inputs.instance.record.spec.service == Service::ExternalDns;
    if is_idle && refused.is_none() {
        let message = "no domain name instance of this cluster needs it any more";
        let conditions = vec![ctx.reachable(), NewCondition::met(APPLIED, "NothingToPublish", message)];
        return Ok(Outcome { applied: true, ..Outcome::with(conditions) });
    }
    // 4. Whose the service is (needs the cluster).
    let mut install = match survey::mode(ctx, &inputs, bundle).await {
        Ok(Mode::Install(install)) => install,
        Ok(Mode::Adopt { compatible, version, why, cluster_resource_namespace }) => {
            let state = json!({
                "management": Management::Adopted, "version": version,
                "cluster_resource_namespace": cluster_resource_namespace,
            });
            let wake = ctx.runtime_to_wake(&inputs, &state, !ctx.claimed.conditions.is_true(READY));
            return Ok(Outcome { wake, ..adopted(ctx, compatible, why, state) });
        }
        Ok(Mode::Refuse(sentence)) => return Ok(ctx.invalid(sentence)),
        Err(error) => {
            ctx.session.report_failure(&error);
            return Ok(Failed::new(APPLIED, "Survey", error.to_string()).ends(Outcome::default(), ctx.claimed));
        }
    };
    // 5. Render (pure). Without its account it has no keys, so that their Secret is pruned, and it doesn't run: it would take another identity.
    install.options.stopped = refused.is_some();
    let rendered = support_service::render(&support_service::Installation {
        control_plane: &inputs.control_plane,
        id: ctx.claimed.key.id,
        bundle,
        name: &inputs.instance.object_name,
        definitions: install.definitions,
        options: &install.options,
    });
    let plan = match rendered {
        Ok(plan) => plan,
        Err(invalid) => return Ok(ctx.invalid(invalid.to_string())),
    };
    // 6. Apply and prune (needs the cluster).
    let (outcome, _) = ctx.apply_and_prune(owner, &plan, before).await?;
    // 7. Observe (from the cache), conditions (pure).
    let available = available(ctx, owner, &plan, bundle, &install);
    let ready = all_met(std::slice::from_ref(&available)) && outcome.applied && refused.is_none();
    let version = bundle.manifest.version.to_string();
    let zones: Vec<_> = inputs.zones.iter().map(|zone| &zone.id).collect();
    let mut state = json!({"management": Management::Managed, "version": version, "zones": zones});
    if let Some(classes) = gateway_classes(ctx, owner, &plan) {
        state[GATEWAY_CLASSES] = classes;
    }
    let changes = ready != ctx.claimed.conditions.is_true(READY);
    let wake = ctx.runtime_to_wake(&inputs, &state, changes);
    let outcome = refused.into_iter().fold(outcome, Outcome::then);
    Ok(Outcome { wake_dependants: changes, wake, published_state: Some(state), ..outcome.then(available) })
}

/// The features that the GatewayClasses of a plan list, as the cluster shows them; None: it has no class.
fn gateway_classes(ctx: &Reconcile<'_>, owner: Owner, plan: &Plan) -> Option<Value> {
    let mut classes = plan.objects.iter().filter(|object| GATEWAY_CLASS.is(&object.at)).peekable();
    classes.peek()?;
    let seen = ctx.seen(owner, std::iter::empty());
    let features = |at: &ObjectRef| seen.get(at).map_or(Value::Null, |class| class.status["supportedFeatures"].clone());
    Some(classes.map(|object| (object.at.name.clone(), features(&object.at))).collect())
}

impl Reconcile<'_> {
    /// The record of the cluster, which tells the API of its gateway controllers: if the service is one of them, or Gateway API itself, and something of it
    /// has changed.
    fn runtime_to_wake(&self, inputs: &SupportServiceInputs, state: &Value, changes: bool) -> Vec<Key> {
        let concerns = inputs.instance.record.spec.service == Service::GatewayApi || !state[GATEWAY_CLASSES].is_null();
        let changes = changes || self.claimed.published_state.as_ref() != Some(state);
        if concerns && changes { vec![self.runtime_key()] } else { Vec::new() }
    }
}

/// The bundle, or why this release has none that fits.
fn bundle<'a>(ctx: &'a Reconcile<'_>, inputs: &SupportServiceInputs) -> Result<&'a Bundle, String> {
    let spec = &inputs.instance.record.spec;
    let Some(bundle) = ctx.context.catalogue.get(spec.service.as_str()) else {
        return Err(format!("this release of Causeway brings no {}", spec.service));
    };
    let brought = bundle.manifest.version.to_string();
    match &spec.version {
        Some(wanted) if *wanted != brought => {
            Err(format!("Version: this release of Causeway brings {} {brought} only; leave Version out", spec.service))
        }
        _ => Ok(bundle),
    }
}

/// Somebody else's installation is used as it is.
fn adopted(ctx: &Reconcile<'_>, compatible: bool, why: String, state: Value) -> Outcome {
    let (applied, resync) = if compatible {
        (NewCondition::met(APPLIED, "Adopted", why), ADOPTED_RESYNC)
    } else {
        (NewCondition::not_met(APPLIED, "Incompatible", why), INCOMPATIBLE_RESYNC)
    };
    let outcome = Outcome {
        applied: compatible,
        wake_dependants: !ctx.claimed.conditions.is_true(READY),
        ..Outcome::with(vec![ctx.reachable(), applied]).requeue_after(resync)
    };
    outcome.publish(ctx.claimed.published_state.as_ref(), state)
}

fn available(ctx: &Reconcile<'_>, owner: Owner, plan: &Plan, bundle: &Bundle, install: &Install) -> NewCondition {
    let seen = ctx.seen(owner, std::iter::empty());
    let not_ready = support_service::health(plan, &seen).into_iter().find_map(|(_, health)| match health {
        Health::Ready => None,
        Health::NotReady { reason, message } => Some(NewCondition::not_met(AVAILABLE, reason, message)),
    });
    not_ready.unwrap_or_else(|| {
        let note = install.warning.as_ref().map(|warning| format!("; {warning}")).unwrap_or_default();
        let message = format!("{} {}{note}", bundle.manifest.service, bundle.manifest.version);
        NewCondition::met(AVAILABLE, "Available", message)
    })
}
