//! Sends requests to the API, whatever dies meanwhile, and compares each answer with what the model says it must be.

use std::time::Duration;

use anyhow::{Result, bail, ensure};
use causeway_testkit::{Answer, id_of};
use http::Method;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use crate::{
    bodies::plural,
    lane::Lane,
    sequence::Noun,
    world::{Handle, Record, Request, Verdict},
};

/// How long the API may go without an answer, while something is wrong.
const ANSWERED: Duration = Duration::from_secs(60);
/// Between two tries.
const AGAIN: Duration = Duration::from_millis(50);

impl Lane {
    /// Sends a request until it is answered, and holds the answer against the model.
    pub(crate) async fn ask(&mut self, request: Request) -> Result<()> {
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

    /// A gateway whose deletion has ended blocks no other request.
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
}
