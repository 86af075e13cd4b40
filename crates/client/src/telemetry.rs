//! One span and two metrics per request, without a URL, an id or a byte of a body.

use std::time::Instant;

use tracing::Instrument;

use crate::error::Error;

/// Runs one request inside a span and counts it. Names, numbers and kinds only: no URL, no id of a
/// person, no header, no byte of a body.
///
/// Metrics: counter `sealpress_client_requests_total{vendor,operation,outcome}` where outcome is
/// `ok`, the status or the error's kind; histogram `sealpress_client_request_seconds`.
pub(crate) async fn observe<T>(
    vendor: &'static str,
    operation: &'static str,
    call: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    let span = tracing::debug_span!("request", vendor, operation);
    let start = Instant::now();
    let result = call.instrument(span.clone()).await;
    let seconds = start.elapsed().as_secs_f64();
    let outcome = match &result {
        Ok(_) => "ok".to_owned(),
        Err(error) => error.http_status().map_or_else(|| error.kind().as_str().to_owned(), |s| s.to_string()),
    };
    let _entered = span.enter();
    tracing::debug!(outcome = %outcome, seconds, "answered");
    metrics::histogram!("sealpress_client_request_seconds", "vendor" => vendor, "operation" => operation)
        .record(seconds);
    metrics::counter!(
        "sealpress_client_requests_total", "vendor" => vendor, "operation" => operation, "outcome" => outcome
    )
    .increment(1);
    result
}
