//! Plays a sequence step by step.

use std::time::Duration;

use anyhow::{Context, Result};
use causeway_rig::Knobs;
use kube::ResourceExt;
use tokio::time::{Instant, sleep, sleep_until};

use crate::{
    lane::{Lane, Log},
    sequence::{Act, Addresses, Noun, Pick, Sequence},
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
        self.squatted.clear();
        self.taken.clear();
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
        self.undefine().await?;
        self.fewer_workers().await;
        Ok(Took { steps: played - begun, quiet: quiet - played, cleared: quiet.elapsed() })
    }

    async fn step(&mut self, act: &Act) -> Result<()> {
        match act {
            Act::Fault { fault, holds } => {
                self.log.note(format_args!("{fault:?} for {holds} ms"));
                self.begin(fault, Duration::from_millis(*holds)).await
            }
            Act::Meddle { cluster, which, how } => self.meddle(*cluster, *which, *how).await,
            Act::Define { cluster } => self.define(*cluster).await,
            Act::Address { which, addresses } => self.readdress(*which, *addresses).await,
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

    /// The load balancer of one of our Gateways gets other addresses.
    async fn readdress(&mut self, which: Pick, addresses: Addresses) -> Result<()> {
        let gateways = self.objects_of(0, &["Gateway"]).await?;
        let Some(gateway) = gateways.get(usize::from(which) % gateways.len().max(1)) else { return Ok(()) };
        let (namespace, name) = (gateway.inner.namespace().unwrap_or_default(), gateway.inner.name_any());
        self.log.note(format_args!("the address of {namespace}/{name} is {addresses:?}"));
        Knobs::new(&self.endpoints).set_ingress(&namespace, &name, addresses.ingress().as_ref()).await
    }
}
