//! What somebody else does to our objects, or in their place.

use std::time::Duration;

use anyhow::Result;
use causeway_testkit::{
    api,
    kinds::{CONFIG_MAP, CONTROL_PLANE, NAMESPACE, OWNER},
    object_name,
};
use kube::{
    Api, ResourceExt,
    api::{DeleteParams, DynamicObject, Patch, PatchParams, PostParams, Preconditions},
};
use proptest::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sqlx::PgConnection;
use tokio::{task::JoinHandle, time::sleep};

use crate::{
    checks::snapshot::{Object, of_kind},
    lane::Lane,
    ongoing::Remedy,
    sequence::{Noun, Pick},
    world::Record,
};

/// The field manager of somebody who isn't us.
const SOMEBODY: &str = "somebody";
/// Keeps an object that is deleted until its owner has looked.
const FINALIZER: &str = "model.example/look";
/// Between two looks of somebody who writes again and again.
const LOOK: Duration = Duration::from_millis(50);

/// What somebody does to an object of ours, once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Meddling {
    Delete,
    Change,
    /// Changes it by server-side apply, so that our field is somebody else's then.
    Take,
    /// Takes our labels off.
    Strip,
    /// Makes it another record's.
    Claim,
}

pub(crate) fn meddling() -> impl Strategy<Value = Meddling> {
    let all = vec![Meddling::Delete, Meddling::Change, Meddling::Take, Meddling::Strip, Meddling::Claim];
    proptest::sample::select(all)
}

/// What somebody does for a while.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Habit {
    /// Writes a value as often as it is put back: too seldom to be taken for a fight.
    Rewrites { times: u8 },
    /// Holds an object back that is being deleted.
    HoldsBack,
    /// Has an object of a name that a workload may want, in its namespace.
    Squats { name: String },
}

pub(crate) fn habit() -> impl Strategy<Value = Habit> {
    prop_oneof![
        (1..4_u8).prop_map(|times| Habit::Rewrites { times }),
        Just(Habit::HoldsBack),
        "[a-d]".prop_map(|name| Habit::Squats { name }),
    ]
}

/// How a habit ends.
pub(crate) enum End {
    Rewriter(JoinHandle<()>),
    Finalizer { objects: Box<Api<DynamicObject>>, name: String },
    Squatter { cluster: u8, namespace: String, made: Box<DynamicObject> },
}

impl Lane {
    /// What we applied of these kinds, in a fixed order.
    pub(crate) async fn objects_of(&self, cluster: u8, kinds: &[&str]) -> Result<Vec<Object>> {
        let cluster = &self.ways[usize::from(cluster)].cluster;
        let mut ours = vec![];
        for kind in cluster.kinds.iter().filter(|known| kinds.contains(&known.kind.as_str())) {
            ours.extend(of_kind(&cluster.kube, kind, &self.identity).await?);
        }
        ours.retain(|object| {
            object.is_applied_by(&self.identity) && object.owner_kind() != Some("support-service-instance")
        });
        ours.sort_by_key(Object::title);
        Ok(ours)
    }

    async fn one_of(&self, cluster: u8, kinds: &[&str], which: Pick) -> Result<Option<(Object, Api<DynamicObject>)>> {
        let mut ours = self.objects_of(cluster, kinds).await?;
        if ours.is_empty() {
            return Ok(None);
        }
        let object = ours.swap_remove(usize::from(which) % ours.len());
        let objects = object.api(&self.ways[usize::from(cluster)].cluster.kube);
        Ok(Some((object, objects)))
    }

    /// Somebody does something to an object of ours.
    pub(crate) async fn meddle(&mut self, cluster: u8, which: Pick, how: Meddling) -> Result<()> {
        let Some((object, objects)) = self.one_of(cluster, &["ConfigMap", "HTTPRoute", "Service"], which).await? else {
            return Ok(());
        };
        self.log.note(format_args!("somebody does {how:?} to {}", object.title()));
        let name = object.inner.name_any();
        if matches!(how, Meddling::Strip | Meddling::Claim) {
            self.taken.push((objects.clone(), name.clone(), object.inner.uid().unwrap_or_default()));
            self.squatted.push((cluster, object.inner.namespace().unwrap_or_default()));
        }
        let done = match how {
            Meddling::Delete => objects.delete(&name, &DeleteParams::default()).await.map(drop),
            Meddling::Change => merge(&objects, &name, &change(&object)).await,
            Meddling::Strip => {
                merge(&objects, &name, &json!({"metadata": {"labels": {CONTROL_PLANE: null, OWNER: null}}})).await
            }
            Meddling::Claim => {
                merge(&objects, &name, &json!({"metadata": {"labels": {OWNER: "gateway-instance-1"}}})).await
            }
            Meddling::Take => {
                let mut applied = change(&object);
                let resource = &object.resource;
                (applied["apiVersion"], applied["kind"]) = (json!(resource.api_version), json!(resource.kind));
                // Bound to what was seen: in the place of an object that is gone nothing is made.
                applied["metadata"]["uid"] = json!(object.inner.uid());
                applied["metadata"]["name"] = json!(name);
                let force = PatchParams::apply(SOMEBODY).force();
                objects.patch(&name, &force, &Patch::Apply(&applied)).await.map(drop)
            }
        };
        unless_gone(done)
    }

    /// Somebody begins a habit.
    pub(crate) async fn begin_habit(&mut self, cluster: u8, which: Pick, habit: &Habit) -> Result<Option<Remedy>> {
        if let Habit::Squats { name } = habit {
            return Ok(self.squat(which, name).await?.map(Remedy::Habit));
        }
        let Some((object, objects)) = self.one_of(cluster, &["ConfigMap", "HTTPRoute"], which).await? else {
            return Ok(None);
        };
        let name = object.inner.name_any();
        self.log.note(format_args!("it concerns {}", object.title()));
        let end = match habit {
            Habit::Rewrites { times } => {
                let (times, change) = (*times, change(&object));
                End::Rewriter(tokio::spawn(async move { rewrite(&objects, &name, &change, times).await }))
            }
            _ => {
                let finalizer = json!({"metadata": {"finalizers": [FINALIZER]}});
                unless_gone(merge(&objects, &name, &finalizer).await)?;
                End::Finalizer { objects: Box::new(objects), name }
            }
        };
        Ok(Some(Remedy::Habit(end)))
    }

    /// Somebody's object stands where one of a workload's could stand.
    async fn squat(&mut self, which: Pick, name: &str) -> Result<Option<End>> {
        let workloads = self.world.of(Noun::Workload);
        let Some(handle) = workloads.get(usize::from(which) % workloads.len().max(1)) else { return Ok(None) };
        let Some(Record::Workload { cluster, .. }) = self.world.records.get(handle) else { return Ok(None) };
        let (cluster, namespace) = (*cluster, object_name(&self.name(Noun::Workload, *handle), self.id(*handle)?));
        let object = json!({
            "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": namespace}, "data": {"mine": "yes"},
        });
        let maps = api(&self.ways[usize::from(cluster)].cluster.kube, CONFIG_MAP, Some(&namespace));
        // There is one already, or no namespace yet or any more.
        let Ok(made) = maps.create(&PostParams::default(), &serde_json::from_value(object)?).await else {
            return Ok(None);
        };
        self.log.note(format_args!("it is {namespace}/{name}"));
        Ok(Some(End::Squatter { cluster, namespace, made: Box::new(made) }))
    }

    /// A habit ends.
    pub(crate) async fn end_habit(&mut self, end: End) -> Result<()> {
        match end {
            End::Rewriter(task) => task.abort(),
            End::Finalizer { objects, name } => {
                unless_gone(merge(&objects, &name, &json!({"metadata": {"finalizers": null}})).await)?;
            }
            End::Squatter { cluster, namespace, made } => {
                let maps = api(&self.ways[usize::from(cluster)].cluster.kube, CONFIG_MAP, Some(&namespace));
                if let Some(now) = maps.get_opt(&made.name_any()).await? {
                    let same = now.resource_version() == made.resource_version();
                    anyhow::ensure!(same, "somebody else's object was changed: {now:?}");
                    unless_gone(maps.delete(&made.name_any(), &DeleteParams::default()).await.map(drop))?;
                }
                self.squatted.push((cluster, namespace));
            }
        }
        Ok(())
    }

    /// Deletes by hand what was left to somebody: objects that had lost our labels when they weren't wanted any more, and the namespaces that hold
    /// what is somebody's.
    pub(crate) async fn sweep(&self, database: &mut PgConnection) -> Result<()> {
        for (objects, name, uid) in &self.taken {
            let text = "SELECT EXISTS (SELECT FROM reconciliations WHERE gone_at IS NULL AND inventory @> jsonb_build_array(jsonb_build_object('uid', $1)))";
            let remembered: bool = sqlx::query_scalar(text).bind(uid).fetch_one(&mut *database).await?;
            if !remembered {
                let preconditions = Preconditions { uid: Some(uid.clone()), resource_version: None };
                let parameters = DeleteParams::default().preconditions(preconditions);
                unless_gone(objects.delete(name, &parameters).await.map(drop))?;
            }
        }
        for (cluster, namespace) in &self.squatted {
            let namespaces = api(&self.ways[usize::from(*cluster)].cluster.kube, NAMESPACE, None);
            let found = namespaces.get_opt(namespace).await?;
            if found.is_some_and(|found| !found.labels().contains_key(OWNER)) {
                unless_gone(namespaces.delete(namespace, &DeleteParams::default()).await.map(drop))?;
            }
        }
        Ok(())
    }
}

/// Something that we say otherwise.
fn change(object: &Object) -> Value {
    match object.resource.kind.as_str() {
        "ConfigMap" => json!({"data": {"key": "meddled", "more": "yes"}}),
        "HTTPRoute" => json!({"spec": {"hostnames": ["meddled.example"]}}),
        _ => json!({"metadata": {"annotations": {"meddled": "yes"}}}),
    }
}

async fn rewrite(objects: &Api<DynamicObject>, name: &str, change: &Value, times: u8) {
    let mut left = times;
    while left > 0 {
        let Ok(Some(now)) = objects.get_opt(name).await else { return };
        let is_so = match change.pointer("/data/key") {
            Some(value) => now.data.pointer("/data/key") == Some(value),
            None => now.data.pointer("/spec/hostnames") == change.pointer("/spec/hostnames"),
        };
        if !is_so {
            if merge(objects, name, change).await.is_err() {
                return;
            }
            left -= 1;
        }
        sleep(LOOK).await;
    }
}

async fn merge(objects: &Api<DynamicObject>, name: &str, change: &Value) -> Result<(), kube::Error> {
    let somebody = PatchParams { field_manager: Some(SOMEBODY.into()), ..PatchParams::default() };
    objects.patch(name, &somebody, &Patch::Merge(change)).await.map(drop)
}

/// An object that has gone or goes, or that is another one since.
fn unless_gone(done: Result<(), kube::Error>) -> Result<()> {
    match done {
        Err(kube::Error::Api(status)) if [404, 409, 422].contains(&status.code) => Ok(()),
        done => Ok(done?),
    }
}
