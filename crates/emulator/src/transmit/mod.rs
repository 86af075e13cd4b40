//! The Transmit Security half: tokens, verifications driven from a backend, images with feedback, results.

mod image;
mod result;
mod token;

use std::sync::atomic::Ordering;

use serde_json::{Value, json};

use crate::clock;
use crate::fuzz;
use crate::ledger::{SessionRecord, Status, Vendor};
use crate::options::{Options, TransmitErrors};
use crate::routes::Route;
use crate::server::Request;
use crate::shared::Shared;
use crate::wire::{Answer, Body, reason};
use crate::world::World;

pub(crate) use token::Tokens;

/// Status and messages of an error, in the form of the vendor's sibling API.
pub(crate) struct Refusal(u16, String);

type Outcome = Result<Answer, Refusal>;

const IMAGES: [&str; 3] = ["document_front", "document_back", "selfie"];

impl From<crate::Error> for Refusal {
    fn from(error: crate::Error) -> Self {
        Self(500, format!("the emulator failed: {error}"))
    }
}

/// Judges and works on one request.
pub(crate) fn handle(shared: &Shared, request: &Request) -> Answer {
    let options = shared.options();
    let mut answer = judge(shared, &options, request).unwrap_or_else(|Refusal(status, message)| {
        let mut answer = match options.transmit_errors {
            TransmitErrors::List => Answer::json(status, &json!({ "message": [message], "error_code": status })),
            TransmitErrors::Framework => {
                let value = json!({ "statusCode": status, "message": message, "error": reason(status) });
                Answer::json(status, &value)
            }
            TransmitErrors::Empty => Answer::new(status, "text/plain", ""),
        };
        answer.code = Some(status.to_string());
        answer
    });
    if (options.fuzz || request.twist.fuzz) && answer.status < 300 {
        fuzz::vary(&mut answer, options.fuzz_seed, shared.varied.fetch_add(1, Ordering::Relaxed));
    }
    answer
}

fn judge(shared: &Shared, options: &Options, request: &Request) -> Outcome {
    if request.route == Route::Token {
        return Ok(token::issue(shared, options, request));
    }
    token::bearer(shared, request)?;
    let ids = request.ids();
    let id = ids.first().copied().unwrap_or("");
    match request.route {
        Route::VerificationCreate => create(shared, options, request),
        Route::VerificationResult => result::result(shared, options, request, id),
        Route::VerificationDelete => delete(shared, id),
        Route::ImageUpload => image::upload(shared, options, request, id),
        Route::ImageList => image::list(shared, id),
        Route::Image => image::download(shared, request, id, ids.get(1).copied().unwrap_or("")),
        Route::Consent => consent(shared, id),
        _ => Err(Refusal(404, "Not found".into())),
    }
}

fn create(shared: &Shared, options: &Options, request: &Request) -> Outcome {
    let body = json_body(request)?;
    for name in ["mock_behavior", "start", "customer_information"] {
        if body.get(name).is_some_and(|v| !v.is_object() && !v.is_null()) {
            return Err(Refusal(400, format!("{name} must be an object")));
        }
    }
    let start = body.get("start").filter(|s| s.is_object());
    if let Some(start) = start
        && (start.pointer("/consent/granted") != Some(&Value::Bool(true))
            || !start.pointer("/consent/document_id").is_some_and(Value::is_string))
    {
        return Err(Refusal(400, "start.consent needs granted and document_id".into()));
    }
    let started = start.is_some() || body.get("auto_start") == Some(&Value::Bool(true));
    let now = shared.clock.now();
    let life = body.get("time_to_live").and_then(Value::as_str).unwrap_or("90d");
    let life = clock::parse_duration(life).ok_or_else(|| Refusal(400, "time_to_live is not a duration".into()))?;
    let mut world = shared.world();
    let index = world.create(Vendor::Transmit, body, now)?;
    world.at_mut(index).started = started;
    let session = world.at(index);
    shared.store.note_session(session);
    let ends = now.saturating_add(u64::try_from(life.as_millis()).unwrap_or(u64::MAX / 2));
    let mut value = json!({
        "session_id": session.id,
        "expiration": clock::rfc3339(ends),
        "missing_images": IMAGES,
    });
    if !started {
        value["start_token"] = json!(format!("start-{}", session.id));
    }
    drop(world);
    shared.wake();
    Ok(Answer::json(options.transmit_create_status, &value))
}

fn delete(shared: &Shared, id: &str) -> Outcome {
    let mut world = shared.world();
    let index = find(&world, id)?;
    let session = world.at_mut(index);
    session.deleted = true;
    for media in session.media() {
        shared.store.remove(media);
    }
    shared.store.note_session(session);
    Ok(Answer::json(200, &json!({})))
}

fn consent(shared: &Shared, id: &str) -> Outcome {
    let world = shared.world();
    let session = world.at(find(&world, id)?);
    let granted = session.request.pointer("/start/consent/granted") == Some(&Value::Bool(true));
    let mut value = json!({ "consent_granted": granted });
    if granted {
        value["consent_date"] = json!(clock::rfc3339(session.created_ms));
    }
    Ok(Answer::json(200, &value))
}

fn find(world: &World, id: &str) -> Result<usize, Refusal> {
    world.find(Vendor::Transmit, id).ok_or_else(|| Refusal(404, "Session not found".into()))
}

/// Image types of the latest attempt that have no picture with good feedback yet.
fn missing(session: &SessionRecord) -> Vec<&'static str> {
    let fine = |kind: &str| {
        session
            .latest()
            .is_some_and(|a| a.media.iter().any(|m| m.context == kind && m.feedback.as_deref() == Some("ok")))
    };
    IMAGES.into_iter().filter(|kind| !fine(kind)).collect()
}

/// A new attempt, where `force_retry` has ended the first one in a recapture.
fn recapture(shared: &Shared, options: &Options, world: &mut World, index: usize) -> Result<(), Refusal> {
    if result::stage(shared, options, world.at(index)) == "recapture" {
        world.at_mut(index).status = Status::ResubmissionRequested;
        world.reopen(index, shared.clock.now())?;
    }
    Ok(())
}

fn json_body(request: &Request) -> Result<Value, Refusal> {
    match &request.body {
        Body::TooLarge => Err(Refusal(413, "request entity too large".into())),
        // The vendor's own sample creates a session without a body.
        Body::Whole(bytes) if bytes.is_empty() => Ok(json!({})),
        Body::Whole(bytes) => {
            let value: Value = serde_json::from_slice(bytes).map_err(|_| Refusal(400, "body is not JSON".into()))?;
            if value.is_object() { Ok(value) } else { Err(Refusal(400, "body is not an object".into())) }
        }
    }
}
