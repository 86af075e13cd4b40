//! An ingestion service: takes pictures and PDFs by multipart form or as a data URI, prepares them
//! and forwards them to the vendor.
//!
//! ```text
//! POST /sessions/{id}/media          multipart: fields `context` and `file`
//! POST /sessions/{id}/media          {"context":"face","content":"data:image/jpeg;base64,…"}
//! POST /sessions/{id}/submit
//! GET  /health                       200, or 503 after the pipeline stopped
//! GET  /metrics                      for Prometheus
//! ```
//!
//! A full queue answers 429 with `Retry-After`: callers wait, memory does not grow. A pipeline that
//! was stopped by wrong credentials answers 503 until somebody mends them and starts it again.
//!
//! ```sh
//! sealpress emulator            # prints the three variables
//! SEALPRESS_BASE_URL=… SEALPRESS_API_KEY=… SEALPRESS_SECRET=… SEALPRESS_LISTEN=127.0.0.1:8080 \
//!     cargo run -p sealpress-pipeline --example ingest
//! ```

use std::time::Duration;

use axum::extract::{DefaultBodyLimit, FromRequest, Multipart, Path, Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use base64::Engine;
use bytes::Bytes;
use sealpress_client::veriff;
use sealpress_media::Fault;
use sealpress_pipeline::{Error, ErrorKind, Job, Options, Pipeline, SessionId};
use sealpress_press::{Isolated, Policies};
use serde::Deserialize;
use serde_json::{Value, json};

/// The largest request: a 30 MB file as base64 in JSON.
const MAX_BODY: usize = 40 << 20;

#[tokio::main]
pub(crate) async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let address = std::env::var("SEALPRESS_LISTEN").unwrap_or_else(|_| "127.0.0.1:8080".to_owned());
    let credentials = veriff::Credentials::new(std::env::var("SEALPRESS_API_KEY")?, std::env::var("SEALPRESS_SECRET")?);
    let client = veriff::Client::builder(std::env::var("SEALPRESS_BASE_URL")?, credentials).build()?;
    let mut options = Options::default();
    // A person is waiting: better to fail soon than to be patient with a dead host.
    options.circuit.patience = Duration::from_secs(10);
    let pipeline =
        Pipeline::builder(client, Isolated::new(Policies::within(&veriff::limits()))).options(options).build()?;

    let listener = tokio::net::TcpListener::bind(&address).await?;
    println!("http://{}", listener.local_addr()?);
    axum::serve(listener, service(pipeline.clone())).with_graceful_shutdown(interrupted()).await?;
    let drained = pipeline.drain(Duration::from_secs(30)).await;
    println!("stopped, {} jobs left", drained.left);
    Ok(())
}

fn service(pipeline: Pipeline) -> Router {
    Router::new()
        .route("/sessions/{id}/media", post(upload))
        .route("/sessions/{id}/submit", post(submit))
        .route("/health", get(health))
        .route("/metrics", get(async |State(p): State<Pipeline>| p.metrics().prometheus()))
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .with_state(pipeline)
}

async fn interrupted() {
    let _ = tokio::signal::ctrl_c().await;
}

async fn upload(State(pipeline): State<Pipeline>, Path(session): Path<SessionId>, request: Request) -> Response {
    let (context, bytes) = match read(request).await {
        Ok(read) => read,
        Err(answer) => return answer,
    };
    // Dropping the connection drops this future: a job that was not sent yet is cancelled.
    let outcome = match pipeline.try_process(Job::new(&session, context, bytes)) {
        Ok(running) => running.await,
        Err(_) if pipeline.stopped().is_some() => return StatusCode::SERVICE_UNAVAILABLE.into_response(),
        Err(_full) => return busy(),
    };
    match outcome.result {
        Ok(receipt) => {
            let report = outcome.summary;
            (StatusCode::CREATED, Json(json!({"media_id": receipt.media_id, "report": report}))).into_response()
        }
        Err(error) => failed(&error),
    }
}

/// Context and file, out of a form or a data URI.
async fn read(request: Request) -> Result<(String, Bytes), Response> {
    let bad = |why: &str| {
        (StatusCode::BAD_REQUEST, Json(json!({"error": {"kind": "request", "message": why}}))).into_response()
    };
    let kind = request.headers().get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
    if !kind.starts_with("multipart/form-data") {
        #[derive(Deserialize)]
        struct Body {
            context: String,
            content: String,
        }
        let Json(body) = Json::<Body>::from_request(request, &()).await.map_err(IntoResponse::into_response)?;
        let encoded = body.content.split_once(";base64,").filter(|(head, _)| head.starts_with("data:"));
        let Some((_, encoded)) = encoded else { return Err(bad("content is not a data URI in base64")) };
        let bytes =
            base64::engine::general_purpose::STANDARD.decode(encoded).map_err(|_| bad("content is not base64"))?;
        return Ok((body.context, bytes.into()));
    }
    let mut form = Multipart::from_request(request, &()).await.map_err(IntoResponse::into_response)?;
    let (mut context, mut file) = (None, None);
    while let Some(field) = form.next_field().await.map_err(IntoResponse::into_response)? {
        match field.name() {
            Some("context") => context = Some(field.text().await.map_err(IntoResponse::into_response)?),
            Some("file") => file = Some(field.bytes().await.map_err(IntoResponse::into_response)?),
            _ => {}
        }
    }
    context.zip(file).ok_or_else(|| bad("the fields `context` and `file` are needed"))
}

async fn submit(State(pipeline): State<Pipeline>, Path(session): Path<SessionId>) -> Response {
    match pipeline.submit(&session).await {
        Ok(submission) => Json(json!({"submitted": true, "submission": submission})).into_response(),
        Err(error) => failed(&error),
    }
}

async fn health(State(pipeline): State<Pipeline>) -> (StatusCode, Json<Value>) {
    match pipeline.stopped() {
        None => (StatusCode::OK, Json(json!({"ok": true, "running": pipeline.metrics().running}))),
        Some(why) => (StatusCode::SERVICE_UNAVAILABLE, Json(json!({"ok": false, "stopped": why.to_string()}))),
    }
}

fn busy() -> Response {
    (StatusCode::TOO_MANY_REQUESTS, [(header::RETRY_AFTER, "1")], Json(json!({"error": {"kind": "busy"}})))
        .into_response()
}

/// Whose turn it is decides the status.
fn failed(error: &Error) -> Response {
    let status = match (error.kind(), error.fault()) {
        (ErrorKind::Refused, _) if error.http_status() == Some(409) => StatusCode::CONFLICT,
        (_, Fault::Input) => StatusCode::UNPROCESSABLE_ENTITY,
        (_, Fault::Limit) => StatusCode::PAYLOAD_TOO_LARGE,
        (ErrorKind::Request, _) => StatusCode::BAD_REQUEST,
        (_, Fault::Remote) => StatusCode::BAD_GATEWAY,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    };
    let body = json!({"error": {"kind": error.name(), "fault": error.fault(), "message": error.to_string(), "retry": error.is_retryable()}});
    (status, Json(body)).into_response()
}
