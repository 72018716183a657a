//! Plays a sequence: asks the API, whatever dies meanwhile, and holds what it says against the model.

use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use causeway_rig::platform::{Answer, id_of};
use kube::{
    ResourceExt,
    api::{DeleteParams, Patch, PatchParams},
};
use reqwest::Method;
use serde_json::{Map, Value, json};
use tokio::time::{Instant, sleep};

use crate::{
    checks::snapshot,
    lane::{Lane, Log},
    sequence::{Act, How, Noun, Sequence},
    world::{Handle, Hosts, Record, Request, Verdict, World},
};

/// How long the API may go without an answer, while something is wrong.
const ANSWERED: Duration = Duration::from_secs(60);
/// Between two tries.
const AGAIN: Duration = Duration::from_millis(50);

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
    /// Plays a sequence, waits until everything is quiet, looks at everything, deletes everything, looks again.
    pub(crate) async fn play(&mut self, sequence: &Sequence) -> Result<Took> {
        self.sequence += 1;
        (self.world, self.log) = (World::default(), Log::begin());
        self.ids.clear();
        let begun = Instant::now();
        for (n, step) in sequence.0.iter().enumerate() {
            sleep(Duration::from_millis(step.pause)).await;
            self.heal(false).await?;
            self.step(&step.act).await.with_context(|| format!("step {}: {:?}", n + 1, step.act))?;
        }
        while let Some(until) = self.ongoing.iter().map(|ongoing| ongoing.until).min() {
            tokio::time::sleep_until(until).await;
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

    /// Sends a request until it is answered, and holds the answer against the model.
    async fn ask(&mut self, request: Request) -> Result<()> {
        let mut verdict = self.world.verdict(&request);
        if verdict == Verdict::Either {
            self.forget_the_gone().await?;
            verdict = self.world.verdict(&request);
        }
        let answer = match &request {
            Request::Put(handle, record) if !self.world.records.contains_key(handle) => {
                self.create(*handle, record).await?
            }
            Request::Put(handle, record) => {
                let (method, body) = self.change(*handle, record)?;
                let path = self.path(record.noun(), *handle)?;
                self.until_answered(method, &path, Some(&body)).await?
            }
            Request::Force(handle) => {
                let path = self.path(self.world.records[handle].noun(), *handle)?;
                self.until_answered(Method::PATCH, &path, Some(&json!({"Reconciled": false}))).await?
            }
            Request::Delete(handle) => self.delete(*handle).await?,
        };
        self.log.note(format_args!("{request:?}: {} {}", answer.code, answer.error()));
        let accepted = match answer.code {
            200 | 201 => true,
            400 | 409 => false,
            code => bail!("the API says {code} to {request:?}: {}", answer.error()),
        };
        match verdict {
            Verdict::Accepted => {
                ensure!(accepted, "the API refuses what it must accept: {request:?}: {}", answer.error())
            }
            Verdict::Refused(why) => ensure!(!accepted, "the API accepts what it must refuse, {why}: {request:?}"),
            Verdict::Either => {}
        }
        if accepted {
            self.world = self.world.after(&request);
        }
        Ok(())
    }

    /// Sends until there is an answer that means something. Whatever is wrong may be put right meanwhile.
    async fn until_answered(&mut self, method: Method, path: &str, body: Option<&Value>) -> Result<Answer> {
        Ok(self.answered(method, path, body).await?.0)
    }

    /// The same, and whether it had to be sent again: then an earlier one may have been done.
    async fn answered(&mut self, method: Method, path: &str, body: Option<&Value>) -> Result<(Answer, bool)> {
        let deadline = Instant::now() + ANSWERED;
        let mut again = false;
        loop {
            match self.client.send(method.clone(), path, body).await {
                Ok(answer) if ![500, 503].contains(&answer.code) => return Ok((answer, again)),
                Ok(answer) if Instant::now() > deadline => {
                    bail!("{method} {path} is still answered {}: {}", answer.code, answer.error())
                }
                Err(error) if Instant::now() > deadline => bail!("{method} {path} is not answered: {error:#}"),
                Ok(_) => {}
                Err(_) => {
                    if !self.platform.api().is_running() {
                        self.restart_api().await?;
                    }
                }
            }
            again = true;
            sleep(AGAIN).await;
            self.heal(false).await?;
        }
    }

    async fn restart_api(&mut self) -> Result<()> {
        // It doesn't come up without Postgres.
        self.heal_database().await?;
        self.log.note("the API is started again");
        self.platform.start_api_again().await
    }

    async fn create(&mut self, handle: Handle, record: &Record) -> Result<Answer> {
        let (plural, name) = (plural(record.noun()), self.name(record.noun(), handle));
        let body = self.body(handle, record)?;
        let (answer, again) = self.answered(Method::POST, &format!("/v0/{plural}"), Some(&body)).await?;
        let answer = match answer.code {
            // Perhaps made by one that was not answered.
            409 if again => {
                let found = self.until_answered(Method::GET, &format!("/v0/{plural}?name={name}"), None).await?;
                if found.record().is_null() { answer } else { Answer { code: 201, ..found } }
            }
            _ => answer,
        };
        if answer.code == 201 {
            self.ids.insert(handle, (record.noun(), id_of(answer.record())?));
        }
        Ok(answer)
    }

    async fn delete(&mut self, handle: Handle) -> Result<Answer> {
        let path = self.path(self.world.records[&handle].noun(), handle)?;
        let (answer, again) = self.answered(Method::DELETE, &path, None).await?;
        let done = again && (answer.code == 404 || answer.error().contains("already being deleted"));
        Ok(if done { Answer { code: 200, ..answer } } else { answer })
    }

    /// PATCH where it can say it, PUT where something has to go back to its default.
    fn change(&self, handle: Handle, record: &Record) -> Result<(Method, Value)> {
        let (before, after) = (self.body(handle, &self.world.records[&handle])?, self.body(handle, record)?);
        let (Value::Object(before), Value::Object(after)) = (before, after) else { bail!("a body is no object") };
        if before.keys().any(|key| !after.contains_key(key)) {
            return Ok((Method::PUT, Value::Object(after)));
        }
        let changed: Map<_, _> =
            after.clone().into_iter().filter(|(key, value)| before.get(key) != Some(value)).collect();
        Ok((Method::PATCH, Value::Object(if changed.is_empty() { after } else { changed })))
    }

    fn path(&self, noun: Noun, handle: Handle) -> Result<String> {
        Ok(format!("/v0/{}/{}", plural(noun), self.id(handle)?))
    }

    fn name(&self, noun: Noun, handle: Handle) -> String {
        format!("{}-{}-{handle}", singular(noun), self.sequence)
    }

    fn body(&self, handle: Handle, record: &Record) -> Result<Value> {
        let name = self.name(record.noun(), handle);
        Ok(match record {
            Record::WorkloadDefinition { maps } => {
                let maps = maps.iter().map(|(name, value)| causeway_tests::config_map(name, &value.to_string()));
                let service = "apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {ports: [{port: 80}]}\n";
                let all: Vec<String> = maps.chain([service.to_owned()]).collect();
                json!({"Name": name, "YAMLDocument": all.join("---\n")})
            }
            Record::Workload { definition, cluster } => json!({
                "Name": name, "WorkloadDefinitionID": self.id(*definition)?, "KubernetesRuntimeInstanceID": self.runtime(*cluster),
            }),
            Record::Domain { label } => json!({
                "Name": name, "Domain": format!("{label}.{}", self.domain), "Zone": "Public",
                "AdminEmail": "ops@model.example", "TTL": 1, "IssuerKind": "SelfSigned",
            }),
            Record::GatewayDefinition { domain, hosts, dedicated, http, tcp } => {
                let mut body = json!({
                    "Name": name, "Placement": if *dedicated { "Dedicated" } else { "Shared" },
                    "HttpPorts": http.iter().map(|port| json!({
                        "Port": port.port, "Path": port.path, "TLSEnabled": port.how == How::Tls,
                        "HTTPSRedirect": port.how == How::Redirect,
                    })).collect::<Vec<_>>(),
                    "TcpPorts": tcp.iter().map(|port| json!({"Port": port})).collect::<Vec<_>>(),
                });
                if let Some(domain) = domain {
                    body["DomainNameDefinitionID"] = json!(self.id(*domain)?);
                }
                match hosts {
                    Hosts::Sub(None) => {}
                    Hosts::Sub(Some(label)) => body["SubDomain"] = json!(label),
                    Hosts::List(list) => {
                        let hosts = list.iter().map(|host| format!("{host}.{}", self.domain));
                        body["Hostnames"] = json!(hosts.collect::<Vec<_>>());
                    }
                }
                body
            }
            Record::Gateway { definition, workload } => json!({
                "Name": name, "GatewayDefinitionID": self.id(*definition)?, "WorkloadInstanceID": self.id(*workload)?,
                "KubernetesRuntimeInstanceID": self.runtime_of(*workload)?,
            }),
            Record::Name { domain, workload } => json!({
                "Name": name, "DomainNameDefinitionID": self.id(*domain)?, "WorkloadInstanceID": self.id(*workload)?,
                "KubernetesRuntimeInstanceID": self.runtime_of(*workload)?,
            }),
        })
    }

    fn runtime(&self, cluster: u8) -> i64 {
        self.ways[usize::from(cluster)].runtime
    }

    fn runtime_of(&self, workload: Handle) -> Result<i64> {
        match self.world.records.get(&workload).or_else(|| self.world.leaving.get(&workload)) {
            Some(Record::Workload { cluster, .. }) => Ok(self.runtime(*cluster)),
            _ => bail!("record {workload} is no workload"),
        }
    }

    /// A gateway that was on its way out and is gone is in nobody's way any more.
    async fn forget_the_gone(&mut self) -> Result<()> {
        let leaving: Vec<(Handle, Noun)> =
            self.world.leaving.iter().map(|(handle, record)| (*handle, record.noun())).collect();
        for (handle, noun) in leaving.into_iter().filter(|(_, noun)| *noun == Noun::Gateway) {
            let path = self.path(noun, handle)?;
            if let Ok(answer) = self.client.send(Method::GET, &path, None).await
                && answer.code == 404
            {
                self.world.leaving.remove(&handle);
            }
        }
        Ok(())
    }

    /// Somebody else deletes one of our objects, or changes it.
    async fn meddle(&mut self, cluster: u8, which: u8, delete: bool) -> Result<()> {
        let field = self.ways[usize::from(cluster)].field.clone();
        let mut ours = vec![];
        for kind in ["ConfigMap", "HTTPRoute", "Service"] {
            let Some(kind) = field.kinds.iter().find(|known| known.kind == kind) else { continue };
            ours.extend(snapshot::of_kind(&field.kube, kind, &self.identity).await?);
        }
        ours.retain(|object| {
            object.is_applied_by(&self.identity) && object.owner_kind() != Some("support-service-instance")
        });
        ours.sort_by_key(snapshot::Object::title);
        let Some(object) = ours.get(usize::from(which) % ours.len().max(1)) else { return Ok(()) };
        let objects = object.api(&field.kube);
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

pub(crate) fn plural(noun: Noun) -> &'static str {
    match noun {
        Noun::WorkloadDefinition => "workload-definitions",
        Noun::Workload => "workload-instances",
        Noun::Domain => "domain-name-definitions",
        Noun::GatewayDefinition => "gateway-definitions",
        Noun::Gateway => "gateway-instances",
        Noun::Name => "domain-name-instances",
    }
}

/// As in the label of an owner.
pub(crate) fn singular(noun: Noun) -> &'static str {
    plural(noun).trim_end_matches('s')
}
