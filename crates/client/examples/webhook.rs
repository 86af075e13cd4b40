//! A service that takes Veriff's webhooks. The extractor hands events to handlers only once their
//! signature was found right; everything else is answered before a handler runs.
//!
//! `SEALPRESS_SECRET=… cargo run -p sealpress-client --example webhook`, then point the emulator's
//! or the portal's webhook at `http://127.0.0.1:8787/veriff`. `SEALPRESS_LISTEN` is another address.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, FromRef, FromRequest, Request, State};
use axum::http::StatusCode;
use axum::routing::post;
use sealpress_client::ErrorKind;
use sealpress_client::veriff::{Event, Webhook};

/// An event whose signature is right.
struct Verified(Event);

impl<S> FromRequest<S> for Verified
where
    Arc<Webhook>: FromRef<S>,
    S: Send + Sync,
{
    type Rejection = StatusCode;

    async fn from_request(request: Request, state: &S) -> Result<Self, StatusCode> {
        let headers = request.headers().clone();
        // The raw bytes: JSON that was parsed and written again has another signature.
        let body = Bytes::from_request(request, state).await.map_err(|_| StatusCode::PAYLOAD_TOO_LARGE)?;
        let webhook = Arc::<Webhook>::from_ref(state);
        webhook.verify(&body, &headers).map(Self).map_err(|error| match error.kind() {
            ErrorKind::ResponseSignature { .. } => StatusCode::UNAUTHORIZED,
            _ => StatusCode::BAD_REQUEST,
        })
    }
}

/// Anything but 200 makes Veriff repeat the webhook hourly for a week, so handlers only take note
/// and work later; they drop what they have seen (session, attempt, code).
async fn veriff(State(_): State<Arc<Webhook>>, Verified(event): Verified) -> StatusCode {
    match event {
        Event::Decision(decision) => println!("{}: {:?}", decision.id, decision.status),
        Event::Session(event) => println!("{}: {:?}", event.id, event.action),
        Event::Watchlist(list) => println!("{:?}: {:?}", list.session_id, list.match_status),
        _ => println!("something new"),
    }
    StatusCode::OK
}

#[tokio::main]
pub(crate) async fn main() -> Result<(), Box<dyn std::error::Error>> {
    // During a rotation both secrets are given, one a line.
    let secrets: Vec<_> = std::env::var("SEALPRESS_SECRET")?.lines().map(|line| line.trim().into()).collect();
    let webhook = Arc::new(Webhook::new(&secrets)?);
    let router = Router::new().route("/veriff", post(veriff)).layer(DefaultBodyLimit::max(1 << 20)).with_state(webhook);
    let address = std::env::var("SEALPRESS_LISTEN").unwrap_or_else(|_| "127.0.0.1:8787".to_owned());
    let listener = tokio::net::TcpListener::bind(address).await?;
    println!("waiting on http://{}/veriff", listener.local_addr()?);
    axum::serve(listener, router).await?;
    Ok(())
}
