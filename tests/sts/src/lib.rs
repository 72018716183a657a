//! A strict stand-in for AWS STS, and for what stands between kube-apiserver and STS in EKS, for tests.
//!
//! ```text
//! workers ── AssumeRole, AssumeRoleWithWebIdentity ──▶ Sts          (AWS_ENDPOINT_URL_STS)
//! workers ── token ──▶ kube-apiserver ── TokenReview ──▶ Sts        (--authentication-token-webhook-config-file)
//! ```
//!
//! It computes every signature anew (`sigv4.rs`) and refuses what AWS and EKS refuse: keys that it doesn't know, tokens that are no request for
//! `GetCallerIdentity`, that are older than a quarter of an hour or were made for another cluster ([`token`]), roles without their external id. EKS sends the
//! request of a token to STS; here the same is done without a request.

mod assume;
mod sigv4;
pub mod token;

use std::{
    collections::{BTreeMap, BTreeSet},
    net::Ipv4Addr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use anyhow::Result;
use axum::{
    Json, Router,
    extract::{Path, State},
    routing::post,
};
use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use tokio::{net::TcpListener, task::JoinHandle};

/// A key that STS knows.
#[derive(Clone, Debug)]
pub struct Key {
    /// What goes with its id.
    pub secret: String,
    /// Who signs with it.
    pub arn: String,
    /// Of a key that STS gave out: what must be sent along, and when it ends.
    pub session: Option<(String, DateTime<Utc>)>,
}

/// Who may assume a role.
#[derive(Clone, Debug)]
pub enum Trust {
    /// Who signs as this, and says this external id if there is one.
    Principal {
        /// Its ARN.
        arn: String,
        /// As the trust policy has it.
        external_id: Option<String>,
    },
    /// Who shows this token of a service account.
    WebIdentity(String),
}

/// Who may be what in a cluster: an access entry of EKS.
#[derive(Clone, Debug)]
pub struct AccessEntry {
    /// Of the user or the role.
    pub arn: String,
    /// The user in Kubernetes.
    pub user: String,
    /// Its groups.
    pub groups: Vec<String>,
}

#[derive(Debug, Default)]
struct Memory {
    keys: BTreeMap<String, Key>,
    roles: BTreeMap<String, Trust>,
    entries: BTreeMap<String, Vec<AccessEntry>>,
    /// Tokens that were shown and are refused from now on.
    forgotten: BTreeSet<String>,
    /// Every token that was taken, with who signed it.
    taken: BTreeMap<String, String>,
    /// Why tokens were refused.
    refusals: Vec<String>,
    /// Ends the names of keys that are given out.
    given: u32,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Shared(Arc<Mutex<Memory>>);

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Memory> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A running stand-in, on loopback.
#[derive(Debug)]
pub struct Sts {
    port: u16,
    shared: Shared,
    server: JoinHandle<()>,
}

impl Drop for Sts {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Sts {
    /// Starts it on a free port. It knows nobody.
    ///
    /// # Errors
    /// When no port is free.
    pub async fn start() -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let (port, shared) = (listener.local_addr()?.port(), Shared::default());
        let router = Router::new()
            .route("/", post(assume::answer))
            .route("/clusters/{cluster}", post(review))
            .with_state(shared.clone());
        let server = tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, router).await {
                tracing::error!(%error, "the stand-in for STS ended");
            }
        });
        Ok(Self { port, shared, server })
    }

    /// What `AWS_ENDPOINT_URL_STS` says.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// What the API server of a cluster asks about tokens: a configuration for `--authentication-token-webhook-config-file`.
    #[must_use]
    pub fn webhook_config(&self, cluster: &str) -> Value {
        json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "sts",
            "clusters": [{"name": "sts", "cluster": {"server": format!("{}/clusters/{cluster}", self.url())}}],
            "users": [{"name": "sts", "user": {}}],
            "contexts": [{"name": "sts", "context": {"cluster": "sts", "user": "sts"}}],
        })
    }

    /// A key of a user.
    pub fn add_key(&self, id: &str, secret: &str, arn: &str) {
        let key = Key { secret: secret.to_owned(), arn: arn.to_owned(), session: None };
        self.shared.lock().keys.insert(id.to_owned(), key);
    }

    /// A role.
    pub fn add_role(&self, arn: &str, trust: Trust) {
        self.shared.lock().roles.insert(arn.to_owned(), trust);
    }

    /// Lets somebody into a cluster.
    pub fn add_entry(&self, cluster: &str, entry: AccessEntry) {
        self.shared.lock().entries.entry(cluster.to_owned()).or_default().push(entry);
    }

    /// From now on tokens that were taken before are refused, as if they had ended.
    pub fn forget_tokens(&self) {
        let mut memory = self.shared.lock();
        let known: Vec<_> = memory.taken.keys().cloned().collect();
        memory.forgotten.extend(known);
    }

    /// Who signed the tokens that were taken, one for each token.
    #[must_use]
    pub fn taken(&self) -> Vec<String> {
        self.shared.lock().taken.values().cloned().collect()
    }

    /// Why tokens were refused.
    #[must_use]
    pub fn refusals(&self) -> Vec<String> {
        self.shared.lock().refusals.clone()
    }

    /// Every secret that it gave out or knows, and every token that was taken: what no log may have.
    #[must_use]
    pub fn secrets(&self) -> Vec<String> {
        let memory = self.shared.lock();
        let keys = memory.keys.values();
        let sessions = keys.clone().filter_map(|key| key.session.clone()).map(|(token, _)| token);
        let secrets = keys.map(|key| key.secret.clone()).chain(sessions);
        secrets.chain(memory.taken.keys().cloned()).collect()
    }

    /// Who shows this token to a cluster.
    ///
    /// # Errors
    /// Why the cluster doesn't take it.
    pub fn authenticate(&self, cluster: &str, token: &str) -> Result<AccessEntry, String> {
        self.shared.authenticate(cluster, token)
    }
}

impl Shared {
    fn authenticate(&self, cluster: &str, token: &str) -> Result<AccessEntry, String> {
        let mut memory = self.lock();
        let found = memory.look(cluster, token);
        match &found {
            Ok(entry) => drop(memory.taken.insert(token.to_owned(), entry.arn.clone())),
            Err(why) => memory.refusals.push(why.clone()),
        }
        found
    }
}

impl Memory {
    fn look(&self, cluster: &str, token: &str) -> Result<AccessEntry, String> {
        if self.forgotten.contains(token) {
            return Err("the token has ended".into());
        }
        let arn = token::signer(token, cluster, &self.keys, Utc::now())?;
        let mut entries = self.entries.get(cluster).into_iter().flatten();
        entries.find(|entry| entry.arn == arn).cloned().ok_or(format!("no access entry for {arn}"))
    }
}

/// Answers a TokenReview of an API server.
async fn review(State(shared): State<Shared>, Path(cluster): Path<String>, Json(review): Json<Value>) -> Json<Value> {
    let token = review["spec"]["token"].as_str().unwrap_or_default();
    let status = match shared.authenticate(&cluster, token) {
        Ok(AccessEntry { arn, user, groups }) => {
            json!({"authenticated": true, "user": {"username": user, "uid": arn, "groups": groups}})
        }
        Err(why) => json!({"authenticated": false, "error": why}),
    };
    Json(json!({"apiVersion": review["apiVersion"], "kind": "TokenReview", "status": status}))
}
