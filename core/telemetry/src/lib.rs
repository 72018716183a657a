//! Logs, traces and figures of both programs: JSON lines on stderr and, where a collector is named, the same spans over OTLP.
//!
//! A span is declared where the work is done, with `tracing`; nothing else needs to know whether anybody collects it.

mod figures;
mod link;
mod withheld;

pub use figures::record_figures;
pub use link::{link, traceparent};

use self::withheld::without_answers;
use clap::Args;
use opentelemetry::trace::TracerProvider;
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::{Resource, trace::SdkTracerProvider};
use tracing_subscriber::{EnvFilter, Layer, filter::FilterExt, layer::SubscriberExt, util::SubscriberInitExt};

/// Settings of traces, from flags or the environment.
#[derive(Args, Clone, Debug, Default)]
pub struct Traces {
    /// Address of an OpenTelemetry collector that takes OTLP over plain HTTP, beside this program: `http://127.0.0.1:4318`. Left out: traces are
    /// in the logs only.
    #[arg(long, env = "OTEL_EXPORTER_OTLP_ENDPOINT")]
    pub otlp_endpoint: Option<String>,
}

/// Logs or traces can't begin; the program should say so and end.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The collector's address is none, or no client can be made for it.
    #[error("no traces can be sent to {endpoint}: {reason}; correct --otlp-endpoint or leave it out")]
    Collector {
        /// As it was given.
        endpoint: String,
        /// Why not.
        reason: String,
    },
    /// Something in this process writes logs already.
    #[error("logs are set up already: {0}")]
    Twice(#[from] tracing_subscriber::util::TryInitError),
}

/// Sends the last spans when it is dropped, which takes a few seconds at most.
#[derive(Debug)]
#[must_use = "dropping it ends the traces"]
pub struct Telemetry(Option<SdkTracerProvider>);

impl Drop for Telemetry {
    fn drop(&mut self) {
        if let Some(provider) = &self.0
            && let Err(error) = provider.shutdown()
        {
            tracing::warn!(%error, "the last traces were not taken by the collector");
        }
    }
}

/// Begins logs and traces of this process. `filter` is what is logged where `RUST_LOG` says nothing.
///
/// # Errors
/// When the collector's address is wrong. One that doesn't answer is no error: its traces are lost, the work goes on.
pub fn init(program: &'static str, filter: &str, traces: &Traces) -> Result<Telemetry, TelemetryError> {
    let provider = traces.otlp_endpoint.as_deref().map(|endpoint| provider(program, endpoint)).transpose()?;
    let collected = provider.as_ref().map(|provider| {
        // What the exporter itself does would be exported, and so on without end.
        let filter = EnvFilter::new("info,opentelemetry=off,reqwest=off,hyper=off,hyper_util=off");
        tracing_opentelemetry::layer().with_tracer(provider.tracer(program)).with_filter(filter.and(without_answers()))
    });
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(filter));
    // The innermost span alone would be a second time in each line: the list has it.
    let logs = tracing_subscriber::fmt::layer().json().with_current_span(false).with_writer(std::io::stderr);
    let logs = logs.with_filter(filter.and(without_answers()));
    tracing_subscriber::registry().with(collected).with(logs).try_init()?;
    log_panics();
    Ok(Telemetry(provider))
}

/// A panic is a line of the log like all others, with the spans in which it happened.
fn log_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(place, "a panic: {}", panic.payload_as_str().unwrap_or("without a text"));
    }));
}

fn provider(program: &'static str, endpoint: &str) -> Result<SdkTracerProvider, TelemetryError> {
    let refused = |reason: String| TelemetryError::Collector { endpoint: endpoint.to_owned(), reason };
    // The collector beside us encrypts what it sends on; a TLS client of our own would need roots and a reload of its own.
    if !endpoint.starts_with("http://") {
        return Err(refused("only http:// is spoken here".into()));
    }
    let address = format!("{}/v1/traces", endpoint.trim_end_matches('/'));
    // The exporter has a thread of its own, which must not wait on the runtime's; nor may the client be made on one of those.
    let client = std::thread::spawn(reqwest::blocking::Client::new).join();
    let client = client.map_err(|_| refused("no HTTP client can be made".into()))?;
    let exporter = SpanExporter::builder()
        .with_http()
        .with_http_client(client)
        .with_protocol(Protocol::HttpBinary)
        .with_endpoint(address)
        .build()
        .map_err(|error| refused(error.to_string()))?;
    let resource = Resource::builder().with_service_name(program).build();
    Ok(SdkTracerProvider::builder().with_batch_exporter(exporter).with_resource(resource).build())
}
