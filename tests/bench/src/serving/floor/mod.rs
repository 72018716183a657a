//! The floor: a server of one noun as one would write it by hand, with sqlx and serde and nothing general.
//!
//! It does the same statements (the record, its work, its audit event, its event for those who follow, what follows from it), over the same pool, in
//! the same envelope. The event belongs to it because any server that tells of changes needs one in the transaction of the change; what it costs is the case
//! `events`. What it leaves out is what the API does for every noun: checks of a body, refusals that name fields, `ETag` and `If-Match`, what a
//! caller may see, hints to workers. It changes a record without reading it first, and the API gives positions to its events.

mod statements;

use std::net::SocketAddr;

use anyhow::{Context, Result};
use axum::{
    Extension, Json, Router,
    extract::{Path, Query},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use causeway_api::{
    app::PAGE_REFUSALS,
    aside::Aside,
    auth::Authenticator,
    config::ServeSettings,
    diagnosis::Diagnoses,
    layers,
    route::{RouteAccess, Routes},
    server,
    state::{ApiState, Services},
    watch::Watch,
    wire::origin::REQUEST_ID,
};
use causeway_bus::Debouncer;
use causeway_records::nouns::Role;
use causeway_store::{Servers, pool::Pool};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sqlx::{FromRow, Row, types::Json as Jsonb};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use self::statements::{CHANGE, CREATE, GET, PAGE, Sent, Stored};

/// The path of an answer that costs nothing, on the port without layers.
pub(super) const EMPTY: &str = "/empty";
const KIND: &str = "GatewayDefinition";

#[derive(Deserialize)]
struct Paging {
    page: i64,
    size: i64,
}

/// Answers with the hand-written routes: below the API's own layers where its settings say, and without any at the address for probes.
///
/// # Errors
/// When a port is taken, or the settings can't be used.
pub async fn serve(settings: ServeSettings) -> Result<()> {
    let _telemetry = causeway_telemetry::init("causeway-bench-api", "info", &settings.traces)?;
    let pool = pool(&settings)?;
    let store = settings.database.connect()?;
    let state = ApiState::from(Services {
        store: store.clone(),
        hints: Debouncer::new(settings.broker.connect().await?),
        keys: settings.encryption_key.keyring()?,
        // Nobody follows here.
        watch: Watch::new(store.clone(), &settings.watch, CancellationToken::new()),
        budget: Default::default(),
        due: Default::default(),
        aside: Aside::new()?,
        diagnoses: Diagnoses::new(&settings.diagnosis),
        authenticator: Authenticator::new(settings.security.clone(), store),
        metrics: causeway_telemetry::record_figures()?,
    });
    let routes = Routes::default()
        .get("/v0/gateway-definitions", Role::Viewer, list)
        .post("/v0/gateway-definitions", Role::Editor, create)
        .get("/v0/gateway-definitions/{id}", Role::Viewer, read)
        .patch("/v0/gateway-definitions/{id}", Role::Editor, change)
        .get("/version", RouteAccess::Open, || async { "" })
        .with(|router| router.layer(Extension(pool.clone())));
    let layered = layers::wrap(routes, Routes::default(), PAGE_REFUSALS, state, &settings);
    let answer = json!({"Data": [Value::String("x".repeat(400))]}).to_string();
    let bare = Router::new()
        .route("/v0/gateway-definitions", get(list).post(create))
        .route("/v0/gateway-definitions/{id}", get(read).patch(change))
        .route(EMPTY, get(|| async { ([(header::CONTENT_TYPE, "application/json")], answer) }))
        .layer(Extension(pool));
    let (one, other) = (bind(settings.listen).await?, bind(settings.health_listen).await?);
    // The benchmark ends this process.
    let layered = server::serve(one, layered, settings.connections.clone(), None, CancellationToken::new());
    let (_, ended) = tokio::join!(layered, axum::serve(other, bare).into_future());
    Ok(ended?)
}

async fn bind(address: SocketAddr) -> Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| format!("can't listen on {address}"))
}

/// As the API's.
fn pool(settings: &ServeSettings) -> Result<Pool> {
    let database = &settings.database;
    Ok(Pool::new(Servers::from_url(&database.database_url)?, database.database_connections, database.database_wait))
}

type Answer = Result<Response, Failed>;

/// Any failure is a 500 here.
struct Failed(sqlx::Error);

impl From<sqlx::Error> for Failed {
    fn from(error: sqlx::Error) -> Self {
        Self(error)
    }
}

impl IntoResponse for Failed {
    fn into_response(self) -> Response {
        (StatusCode::INTERNAL_SERVER_ERROR, self.0.to_string()).into_response()
    }
}

async fn read(Extension(pool): Extension<Pool>, Path(id): Path<i64>) -> Answer {
    let record: Option<Stored> = sqlx::query_as(GET).bind(id).fetch_optional(&pool).await?;
    Ok(one(StatusCode::OK, record))
}

async fn list(Extension(pool): Extension<Pool>, Query(Paging { page, size }): Query<Paging>) -> Answer {
    let rows = sqlx::query(PAGE).fetch_all(&pool).await?;
    let records = rows.iter().map(Stored::from_row).collect::<sqlx::Result<Vec<_>>>()?;
    let total: Option<i64> = rows.last().map(|row| row.try_get("total")).transpose()?.flatten();
    Ok(envelope(StatusCode::OK, page, size, total.unwrap_or_default(), &records))
}

async fn create(Extension(pool): Extension<Pool>, headers: HeaderMap, Json(sent): Json<Sent>) -> Answer {
    Ok(one(StatusCode::CREATED, write(&pool, CREATE, 0, &headers, sent).await?))
}

async fn change(
    Extension(pool): Extension<Pool>,
    Path(id): Path<i64>,
    headers: HeaderMap,
    Json(sent): Json<Sent>,
) -> Answer {
    Ok(one(StatusCode::OK, write(&pool, CHANGE, id, &headers, sent).await?))
}

async fn write(
    pool: &Pool,
    text: &'static str,
    id: i64,
    headers: &HeaderMap,
    sent: Sent,
) -> sqlx::Result<Option<Stored>> {
    let changes: Vec<_> = match json!(sent) {
        Value::Object(map) => map.into_iter().filter(|(_, new)| !new.is_null()).collect(),
        _ => vec![],
    };
    let changes: Vec<_> = changes.into_iter().map(|(field, new)| json!({"Field": field, "New": new})).collect();
    let request = headers.get(REQUEST_ID).and_then(|id| id.to_str().ok());
    let statement = sqlx::query_as(text).bind(id).bind(sent.name).bind(sent.domain_name_definition_id);
    let statement = statement.bind(sent.sub_domain).bind(sent.service_name).bind(sent.workload_definition_id);
    let statement = statement.bind(sent.placement).bind(sent.gateway_class_name).bind(sent.hostnames);
    let statement = statement.bind(sent.addresses).bind(sent.allowed_routes).bind(sent.infrastructure);
    statement.bind(request).bind(Jsonb(changes)).fetch_optional(pool).await
}

fn one(code: StatusCode, record: Option<Stored>) -> Response {
    match record {
        Some(record) => envelope(code, 1, 1, 1, &[record]),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Envelope<'a> {
    meta: Meta,
    #[serde(rename = "Type")]
    kind: &'static str,
    data: &'a [Stored],
    status: Status,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Meta {
    page: i64,
    size: i64,
    total_count: i64,
}

#[derive(Serialize)]
struct Status {
    code: u16,
    message: &'static str,
    error: &'static str,
}

fn envelope(code: StatusCode, page: i64, size: i64, total_count: i64, data: &[Stored]) -> Response {
    let status = Status { code: code.as_u16(), message: code.canonical_reason().unwrap_or_default(), error: "" };
    (code, Json(Envelope { meta: Meta { page, size, total_count }, kind: KIND, data, status })).into_response()
}
