//! Why a hostname isn't served.

use crate::{
    auth::Caller,
    diagnosis::{MOST_HOSTNAMES, Subject},
    route::Routes,
    state::ApiState,
    wire::{
        envelope::{self, Meta},
        query::{QueryPairs, invalid, parse_id, value},
    },
};
use axum::{
    Extension,
    extract::{Path, Query, State},
    http::StatusCode,
    response::Response,
};
use causeway_diagnosis::{Diagnosis, Question};
use causeway_records::{
    nouns::{DomainNameDefinition, DomainNameInstance, GatewayDefinition, GatewayInstance, Role, WorkloadInstance},
    patterns::{is_wildcard, nearest},
    text::ListenerHostname,
};
use causeway_store::{Result, Store};
use std::{cmp::Reverse, collections::BTreeSet};

/// `Type` of the answer.
pub(crate) const DIAGNOSIS: &str = "Diagnosis";
/// Gateways of a workload that are looked at.
const MOST_GATEWAYS: i64 = 8;

pub(crate) fn routes() -> Routes<ApiState> {
    Routes::default().get("/v0/gateway-instances/{id}/diagnosis", Role::Viewer, of_gateway).get(
        "/v0/domain-name-instances/{id}/diagnosis",
        Role::Viewer,
        of_domain_name,
    )
}

async fn of_gateway(
    State(state): State<ApiState>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
    Query(pairs): Query<QueryPairs>,
) -> Response {
    let questions = async { about_gateway(&state.store, parse_id(&id)?, &pairs).await };
    let questions = questions.await;
    answer(&state, &caller, questions).await
}

/// What to ask about a gateway instance, for the hostname that the query names or for its first ones.
pub(crate) async fn about_gateway(store: &Store, id: i64, pairs: &QueryPairs) -> Result<Vec<Question>> {
    let subject = subject(store, id).await?;
    match wanted(pairs, subject.hostnames().into_iter())? {
        hostnames if hostnames.is_empty() => Ok(vec![subject.question(None)]),
        hostnames => Ok(hostnames.into_iter().map(|hostname| subject.question(Some(&hostname))).collect()),
    }
}

/// The hostnames that it publishes, each of the gateway that has it.
async fn of_domain_name(
    State(state): State<ApiState>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
    Query(pairs): Query<QueryPairs>,
) -> Response {
    let questions = async {
        let instance = state.store.get::<DomainNameInstance>(parse_id(&id)?).await?;
        let workload = instance.spec.workload_instance_id;
        let mut subjects = vec![];
        for gateway in state.store.gateways_of_workload(workload, MOST_GATEWAYS).await? {
            subjects.push(subject(&state.store, gateway).await?);
        }
        let domain =
            state.store.get::<DomainNameDefinition>(instance.spec.domain_name_definition_id).await?.spec.domain;
        let below = format!(".{domain}");
        let mine = |hostname: &&str| *hostname == domain.as_str() || hostname.ends_with(&below);
        let all: BTreeSet<_> = subjects.iter().flat_map(Subject::hostnames).filter(mine).collect();
        let hostnames = wanted(&pairs, all.into_iter())?;
        let of = |hostname: &String| {
            let serving = subjects.iter().filter_map(|subject| Some((subject.serving(hostname)?, subject)));
            let (_, subject) = serving.min_by_key(|(serves, _)| (is_wildcard(serves), Reverse(serves.len())))?;
            Some(subject.question(Some(hostname)))
        };
        Ok(hostnames.iter().filter_map(of).collect())
    };
    let questions = questions.await;
    answer(&state, &caller, questions).await
}

async fn answer(state: &ApiState, caller: &Caller, questions: Result<Vec<Question>>) -> Response {
    let questions = match questions {
        Ok(questions) => questions,
        Err(error) => return envelope::store_error(DIAGNOSIS, &error),
    };
    match find_out(state, caller, &questions).await {
        Ok(found) => envelope::many(DIAGNOSIS, StatusCode::OK, Meta::whole(found.len()), &found),
        Err((code, why)) => envelope::error(DIAGNOSIS, code, &why),
    }
}

/// Asks and connects for a caller.
///
/// # Errors
/// Why not now, and the code that says so.
pub(crate) async fn find_out(
    state: &ApiState,
    caller: &Caller,
    questions: &[Question],
) -> std::result::Result<Vec<Diagnosis>, (StatusCode, String)> {
    let permit = state.diagnoses.take(&caller.name).await;
    let _permit = permit.map_err(|sentence| (StatusCode::TOO_MANY_REQUESTS, sentence))?;
    let found = state.diagnoses.answer(questions).await;
    found.map_err(|why| (StatusCode::SERVICE_UNAVAILABLE, why.to_owned()))
}

/// What is on record about a gateway instance.
async fn subject(store: &Store, id: i64) -> Result<Subject> {
    let instance = store.get::<GatewayInstance>(id).await?;
    let definition = store.get::<GatewayDefinition>(instance.spec.gateway_definition_id).await?;
    let domain = match definition.spec.domain_name_definition_id {
        Some(id) => Some(store.get::<DomainNameDefinition>(id).await?.spec),
        None => None,
    };
    let claims = store.claims_of_gateway_instance(id).await?;
    let workload = instance.spec.workload_instance_id;
    let published = store.published_for_workload(workload).await?;
    let workload = store.get::<WorkloadInstance>(workload).await?.status.conditions.unwrap_or_default();
    let addresses = store.gateway_addresses(id).await?;
    Ok(Subject { instance, workload, claims, domain, published, addresses })
}

/// The hostname that the request names, or the first ones.
fn wanted<'a>(pairs: &QueryPairs, all: impl Iterator<Item = &'a str>) -> Result<Vec<String>> {
    let Some(named) = value(pairs, "hostname") else {
        return Ok(all.take(MOST_HOSTNAMES).map(str::to_owned).collect());
    };
    match named.parse::<ListenerHostname>().ok().filter(|named| nearest(all, named.as_str()).is_some()) {
        Some(hostname) => Ok(vec![hostname.to_string()]),
        None => {
            let problem = "must be a hostname that the record has, as `search` lists them, or one below a wildcard of these; leave it out for the first ones";
            Err(invalid("hostname", problem))
        }
    }
}
