//! One webhook's way: verified over its raw bytes, named by what it is about, kept, handed on, answered.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use sealpress_client::ErrorKind;
use sealpress_client::veriff::{Event, Webhook};
use sha2::{Digest as _, Sha256};
use tokio::io::AsyncWriteExt as _;

use super::keep::{Keeper, Kept};

/// Largest webhook: decisions are some kilobytes.
const MOST: usize = 1 << 20;

/// Takes webhooks.
pub(super) struct Receiver {
    webhook: Webhook,
    keeper: Keeper,
    exec: Option<(PathBuf, Duration)>,
    /// Those at work, so that two deliveries of one webhook do not both run the program.
    at_work: Mutex<HashMap<String, Arc<tokio::sync::Mutex<()>>>>,
}

pub(super) fn router(receiver: Receiver, path: &str) -> Router {
    let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
    Router::new().route(&path, post(take)).layer(DefaultBodyLimit::max(MOST)).with_state(Arc::new(receiver))
}

async fn take(State(receiver): State<Arc<Receiver>>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let (status, what) = receiver.take(&headers, &body).await;
    // Kinds and outcomes only: what a webhook says is about a person.
    crate::print::note(&format!("webhook: {what}, {status}"));
    status
}

impl Receiver {
    pub(super) fn new(webhook: Webhook, keeper: Keeper, exec: Option<(PathBuf, Duration)>) -> Self {
        Self { webhook, keeper, exec, at_work: Mutex::default() }
    }

    async fn take(&self, headers: &HeaderMap, body: &Bytes) -> (StatusCode, &'static str) {
        let event = match self.webhook.verify(body, headers) {
            Ok(event) => event,
            Err(error) if matches!(error.kind(), ErrorKind::ResponseSignature { missing: true }) => {
                return (StatusCode::UNAUTHORIZED, "not signed");
            }
            Err(error) if matches!(error.kind(), ErrorKind::ResponseSignature { .. }) => {
                return (StatusCode::UNAUTHORIZED, "signature is wrong");
            }
            Err(_) => return (StatusCode::BAD_REQUEST, "signed, but not understood"),
        };
        let (kind, id) = name(&event, body);
        let turn = self.turn(&id);
        let _alone = turn.lock().await;
        let outcome = self.work(&id, kind, body).await;
        self.at_work.lock().unwrap_or_else(PoisonError::into_inner).retain(|_, turn| Arc::strong_count(turn) > 1);
        outcome
    }

    async fn work(&self, id: &str, kind: &'static str, body: &Bytes) -> (StatusCode, &'static str) {
        if self.keeper.holds(id) {
            return (StatusCode::OK, "known already");
        }
        if let Some((program, patience)) = &self.exec
            && !hand_over(program, *patience, id, kind, body).await
        {
            return (StatusCode::SERVICE_UNAVAILABLE, "the program did not deal with it");
        }
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let received_ms = u64::try_from(now.as_millis()).unwrap_or(u64::MAX);
        // The body as it came: it was read as JSON, so it can stand within JSON. A line break in it would end the
        // line; JSON knows those outside of texts only.
        let id_text = serde_json::Value::from(id);
        let mut line =
            format!("{{\"id\":{id_text},\"kind\":\"{kind}\",\"received_ms\":{received_ms},\"body\":").into_bytes();
        line.extend(body.iter().map(|&byte| if byte == b'\n' || byte == b'\r' { b' ' } else { byte }));
        line.push(b'}');
        match self.keeper.keep(id, line).await {
            Kept::Now => (StatusCode::OK, kind),
            Kept::Before => (StatusCode::OK, "known already"),
            Kept::Not => (StatusCode::SERVICE_UNAVAILABLE, "the disk did not take it"),
        }
    }

    fn turn(&self, id: &str) -> Arc<tokio::sync::Mutex<()>> {
        self.at_work.lock().unwrap_or_else(PoisonError::into_inner).entry(id.to_owned()).or_default().clone()
    }
}

/// What a webhook is about, so that its repetitions are known: the vendor's scheme has no id of its own.
/// Events and decisions are named by session, attempt and code; others by their content.
fn name(event: &Event, body: &[u8]) -> (&'static str, String) {
    let digest = || Sha256::digest(body).iter().take(16).map(|b| format!("{b:02x}")).collect::<String>();
    let text = |value: Option<String>| value.unwrap_or_else(|| "-".to_owned());
    match event {
        Event::Decision(d) => {
            let attempt = text(d.attempt_id.as_ref().map(ToString::to_string));
            let status = text(d.status.as_ref().map(ToString::to_string));
            // A decision may be changed by hand: then its time differs, and it is another one.
            let time = text(d.decision_time.clone());
            ("decision", format!("decision/{}/{attempt}/{status}/{time}", d.id))
        }
        Event::Session(e) => {
            let attempt = text(e.attempt_id.as_ref().map(ToString::to_string));
            ("event", format!("event/{}/{attempt}/{}", e.id, text(e.code.map(|code| code.to_string()))))
        }
        Event::Watchlist(_) => ("watchlist", format!("watchlist/{}", digest())),
        _ => ("other", format!("other/{}", digest())),
    }
}

/// Runs the program over a webhook; whether it ended well and in time.
async fn hand_over(program: &Path, patience: Duration, id: &str, kind: &str, body: &Bytes) -> bool {
    let child = tokio::process::Command::new(program)
        .env("SEALPRESS_WEBHOOK_ID", id)
        .env("SEALPRESS_WEBHOOK_KIND", kind)
        // The secrets are the server's own.
        .env_remove("SEALPRESS_SECRET")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .kill_on_drop(true)
        .spawn();
    let mut child = match child {
        Ok(child) => child,
        Err(e) => {
            crate::print::note(&format!("sealpress: {} cannot be run: {e}", program.display()));
            return false;
        }
    };
    let work = async {
        if let Some(mut input) = child.stdin.take() {
            // A program that does not read to the end may still have dealt with it.
            let _ = input.write_all(body).await;
        }
        child.wait().await.is_ok_and(|status| status.success())
    };
    tokio::time::timeout(patience, work).await.unwrap_or(false)
}
