//! What a request asks for is done later, by another program. Its span goes there as a text that is stored with the work: W3C's `traceparent`.

use opentelemetry::{Context, propagation::TextMapPropagator, trace::TraceContextExt};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use std::collections::HashMap;
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;

const TRACEPARENT: &str = "traceparent";

/// The span in which this is called, as a `traceparent`. None where no traces are collected.
#[must_use]
pub fn traceparent() -> Option<String> {
    let mut texts: HashMap<String, String> = HashMap::new();
    TraceContextPropagator::new().inject_context(&Span::current().context(), &mut texts);
    texts.remove(TRACEPARENT)
}

/// Links `span` to another one, which is named by its `traceparent`. Who reads the trace of the one finds the other. Any other text is passed over.
pub fn link(span: &Span, traceparent: &str) {
    let texts = HashMap::from([(TRACEPARENT.to_owned(), traceparent.to_owned())]);
    let context = TraceContextPropagator::new().extract_with_context(&Context::new(), &texts);
    span.add_link(context.span().span_context().clone());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_collector_nothing_is_named_and_nothing_linked() {
        tracing::info_span!("request").in_scope(|| assert_eq!(traceparent(), None));
        for text in ["00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "", "00-0-0-01", "no traceparent"] {
            link(&tracing::info_span!("reconcile"), text);
        }
    }
}
