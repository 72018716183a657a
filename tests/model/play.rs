//! Plays a sequence step by step.

use std::time::Duration;

use anyhow::{Context, Result};
use kube::{
    ResourceExt,
    api::{DeleteParams, Patch, PatchParams},
};
use serde_json::json;
use tokio::time::{Instant, sleep, sleep_until};

use crate::{
    checks::snapshot,
    lane::{Lane, Log},
    sequence::{Act, Noun, Sequence},
    world::{Request, World},
};

/// How long the parts of a sequence took.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Took {
    /// Its steps.
    pub(crate) steps: Duration,
    /// From the last step until everything was as asked for.
    pub(crate) quiet: Duration,
    /// The deletion of all that was left.
    pub(crate) cleared: Duration,
}

impl Lane {
    /// Plays a sequence, waits until everything is quiet, checks everything, deletes everything, checks again.
    pub(crate) async fn play(&mut self, sequence: &Sequence) -> Result<Took> {
        self.sequence += 1;
        (self.world, self.log) = (World::default(), Log::begin());
        self.ids.clear();
        let begun = Instant::now();
        for (n, step) in sequence.0.iter().enumerate() {
            // The pause is a part of the sequence.
            sleep(Duration::from_millis(step.pause)).await;
            self.heal(false).await?;
            self.step(&step.act).await.with_context(|| format!("step {}: {:?}", n + 1, step.act))?;
        }
        while let Some(until) = self.ongoing.iter().map(|ongoing| ongoing.until).min() {
            // Each fault lasts as long as the sequence says.
            sleep_until(until).await;
            self.heal(false).await?;
        }
        self.heal(true).await?;
        let played = Instant::now();
        self.log.note("everything runs again");
        self.until_quiet(false).await.context("after the last step")?;
        let quiet = Instant::now();
        self.log.note("everything is as asked for");
        self.clear().await.context("deleting everything that is left")?;
        self.until_quiet(true).await.context("after everything was deleted")?;
        self.fewer_workers().await;
        Ok(Took { steps: played - begun, quiet: quiet - played, cleared: quiet.elapsed() })
    }

    async fn step(&mut self, act: &Act) -> Result<()> {
        match act {
            Act::Fault { fault, holds } => {
                self.log.note(format_args!("{fault:?} for {holds} ms"));
                self.begin(fault, Duration::from_millis(*holds)).await
            }
            Act::Meddle { cluster, which, delete } => self.meddle(*cluster, *which, *delete).await,
            act => match self.world.request(act) {
                Some(request) => self.ask(request).await,
                None => Ok(()),
            },
        }
    }

    /// Deletes whatever is there: users first.
    async fn clear(&mut self) -> Result<()> {
        for noun in
            [Noun::Name, Noun::Gateway, Noun::GatewayDefinition, Noun::Domain, Noun::Workload, Noun::WorkloadDefinition]
        {
            for handle in self.world.of(noun) {
                self.ask(Request::Delete(handle)).await?;
            }
        }
        Ok(())
    }

    /// Somebody else deletes one of our objects, or changes it.
    async fn meddle(&mut self, cluster: u8, which: u8, delete: bool) -> Result<()> {
        let cluster = self.ways[usize::from(cluster)].cluster.clone();
        let mut ours = vec![];
        for kind in ["ConfigMap", "HTTPRoute", "Service"] {
            let Some(kind) = cluster.kinds.iter().find(|known| known.kind == kind) else { continue };
            ours.extend(snapshot::of_kind(&cluster.kube, kind, &self.identity).await?);
        }
        ours.retain(|object| {
            object.is_applied_by(&self.identity) && object.owner_kind() != Some("support-service-instance")
        });
        ours.sort_by_key(snapshot::Object::title);
        let Some(object) = ours.get(usize::from(which) % ours.len().max(1)) else { return Ok(()) };
        let objects = object.api(&cluster.kube);
        let name = object.inner.name_any();
        let change = match object.resource.kind.as_str() {
            "ConfigMap" => json!({"data": {"key": "meddled", "more": "yes"}}),
            "HTTPRoute" => json!({"spec": {"hostnames": ["meddled.example"]}}),
            _ => json!({"metadata": {"annotations": {"meddled": "yes"}}}),
        };
        self.log.note(format_args!("somebody {} {}", if delete { "deletes" } else { "changes" }, object.title()));
        let done = if delete {
            objects.delete(&name, &DeleteParams::default()).await.map(|_| ())
        } else {
            let somebody = PatchParams { field_manager: Some("somebody".into()), ..PatchParams::default() };
            objects.patch(&name, &somebody, &Patch::Merge(&change)).await.map(|_| ())
        };
        match done {
            // Gone since.
            Err(kube::Error::Api(status)) if status.code == 404 => Ok(()),
            done => Ok(done?),
        }
    }
}
