//! Verifications: made, deleted, asked for their consent.

use serde_json::{Value, json};

use super::body;
use super::refusal::{Outcome, Refusal};
use super::stage::{IMAGES, find};
use crate::clock;
use crate::ledger::Vendor;
use crate::options::Options;
use crate::request::Request;
use crate::shared::Shared;
use crate::wire::Answer;

pub(super) fn create(shared: &Shared, options: &Options, request: &Request) -> Outcome {
    let body = body::json(request)?;
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
    let auto = options.transmit_auto_start && body.get("auto_start") == Some(&Value::Bool(true));
    let started = start.is_some() || auto;
    let now = shared.clock.now();
    let life = body.get("time_to_live").and_then(Value::as_str).unwrap_or("90d");
    let life = clock::parse_duration(life).ok_or_else(|| Refusal(400, "time_to_live is not a duration".into()))?;
    let mut state = shared.state();
    let index = state.create(Vendor::Transmit, body, now)?;
    state.at_mut(index).started = started;
    let session = state.at(index);
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
    drop(state);
    shared.wake();
    Ok(Answer::json(options.transmit_create_status, &value))
}

pub(super) fn delete(shared: &Shared, id: &str) -> Outcome {
    let mut state = shared.state();
    let index = find(&state, id)?;
    let session = state.at_mut(index);
    session.deleted = true;
    for media in session.media() {
        shared.store.remove(media);
    }
    shared.store.note_session(session);
    Ok(Answer::json(200, &json!({})))
}

pub(super) fn consent(shared: &Shared, id: &str) -> Outcome {
    let state = shared.state();
    let session = state.at(find(&state, id)?);
    let granted = session.request.pointer("/start/consent/granted") == Some(&Value::Bool(true));
    let mut value = json!({ "consent_granted": granted });
    if granted {
        value["consent_date"] = json!(clock::rfc3339(session.created_ms));
    }
    Ok(Answer::json(200, &value))
}
