//! Sessions: made, submitted, deleted, listed by attempt; collected data; registries.

use serde_json::{Value, json};

use super::refusal::{Outcome, Refusal};
use super::{auth, body};
use crate::clock;
use crate::ledger::{DecisionRecord, SessionRecord, Status, Vendor, Verdict};
use crate::options::Options;
use crate::request::Request;
use crate::shared::Shared;
use crate::state::Change;
use crate::wire::Answer;

/// What a session may be told of its document; `OTHER` is in answers only.
const DOCUMENT_TYPES: [&str; 5] = ["PASSPORT", "ID_CARD", "DRIVERS_LICENSE", "RESIDENCE_PERMIT", "VISA"];

/// POST /v1/sessions.
pub(super) fn create(shared: &Shared, options: &Options, request: &Request) -> Outcome {
    let verification = verification(request)?;
    if let Some(callback) = verification.get("callback").filter(|c| !c.is_null())
        && !callback.as_str().is_some_and(|c| c.starts_with("https://"))
    {
        return Err(Refusal::new(400, "1302", "Only HTTPS return URLs are allowed"));
    }
    match verification.get("vendorData") {
        None | Some(Value::Null) => {}
        Some(Value::String(text)) if text.chars().count() > 1000 => {
            return Err(Refusal::new(400, "1500", "VendorData must not be longer than 1000 symbols"));
        }
        Some(Value::String(_)) => {}
        Some(_) => return Err(Refusal::new(400, "1501", "VendorData must be a string")),
    }
    if let Some(birth) = verification.pointer("/person/dateOfBirth").and_then(Value::as_str)
        && !clock::is_date(birth)
    {
        return Err(Refusal::new(400, "1203", "Date is not in a valid ISO 8601 date format (YYYY-MM-DD)"));
    }
    if let Some(text) = verification.get("timestamp").and_then(Value::as_str).filter(|_| options.check_timestamps) {
        match clock::parse_rfc3339(text) {
            None => return Err(Refusal::new(400, "1202", "Timestamp has an invalid format")),
            Some(t) if t.saturating_add(3_600_000) < shared.clock.now() => {
                return Err(Refusal::new(400, "1201", "Timestamp must not be older than one hour"));
            }
            Some(_) => {}
        }
    }
    if let Some(number) = verification.pointer("/document/number").and_then(Value::as_str)
        && !number.bytes().all(|b| b.is_ascii_alphanumeric())
    {
        return Err(Refusal::new(400, "2102", "Document number contains characters other than letters and digits"));
    }
    if let Some(kind) = verification.pointer("/document/type").and_then(Value::as_str)
        && !DOCUMENT_TYPES.contains(&kind)
    {
        return Err(Refusal::new(400, "2103", "Document type is not supported"));
    }
    let mut state = shared.state();
    let index = state.create(Vendor::Veriff, verification, shared.clock.now())?;
    shared.store.note_session(state.at(index));
    Ok(Answer::json(options.create_status, &envelope(shared, options, state.at(index))))
}

/// POST /v1/validate-registry: creates and submits a session that has no media.
pub(super) fn validate_registry(shared: &Shared, options: &Options, request: &Request) -> Outcome {
    let verification = verification(request)?;
    let text = |path: &str| verification.pointer(path).and_then(Value::as_str).is_some_and(|t| !t.is_empty());
    if !text("/person/idNumber") {
        return Err(Refusal::new(400, "1308", "Mandatory id number is missing"));
    }
    if !(text("/person/fullName") || text("/person/firstName") && text("/person/lastName")) {
        return Err(Refusal::new(400, "1309", "Mandatory name is missing"));
    }
    let parts = ["street", "houseNumber", "postcode"];
    let parted = parts.iter().all(|p| text(&format!("/address/{p}")) || text(&format!("/person/address/{p}")));
    let address = text("/address/fullAddress") || text("/person/address/fullAddress") || parted;
    if !text("/person/dateOfBirth") && !address {
        return Err(Refusal::new(400, "1310", "Mandatory date of birth or address is missing"));
    }
    let now = shared.clock.now();
    let mut state = shared.state();
    let index = state.create(Vendor::Veriff, verification, now)?;
    state.submit(index, now);
    shared.announce(&state, &[Change::Submitted(index)]);
    Ok(Answer::json(options.registry_status, &envelope(shared, options, state.at(index))))
}

/// PATCH /v1/sessions/{id}.
pub(super) fn submit(shared: &Shared, options: &Options, request: &Request, id: &str) -> Outcome {
    auth::id(options, id)?;
    let unknown = || Refusal::not_found("Session not found");
    shared.state().find(Vendor::Veriff, id).ok_or_else(unknown)?;
    let body = body::json(request)?;
    let status = body.pointer("/verification/status");
    match status.map(Value::as_str) {
        None => return Err(Refusal::new(400, "1102", "Mandatory parameters are missing from the request")),
        Some(Some("submitted")) => {}
        Some(_) => return Err(Refusal::new(400, "1303", "Status is invalid")),
    }
    let mut state = shared.state();
    let index = state.find(Vendor::Veriff, id).ok_or_else(unknown)?;
    shared.tick_one(&mut state, index);
    let session = state.at(index);
    if !matches!(session.status, Status::Created | Status::Started) {
        let text = "Cannot transition to \"submitted\" status";
        return Err(Refusal::new(options.resubmit_status, "1304", text));
    }
    let held = |context: &String| session.latest().is_some_and(|a| a.media.iter().any(|m| m.context == *context));
    if let Some(missing) = options.submit_requires.iter().find(|c| !held(c)) {
        return Err(Refusal::new(400, "1102", format!("Mandatory media is missing: {missing}")));
    }
    state.submit(index, shared.clock.now());
    shared.announce(&state, &[Change::Submitted(index)]);
    Ok(Answer::json(200, &envelope(shared, options, state.at(index))))
}

/// DELETE /v1/sessions/{id}.
pub(super) fn delete(shared: &Shared, options: &Options, id: &str) -> Outcome {
    auth::id(options, id)?;
    if !options.delete_enabled {
        return Err(match options.delete_disabled_status {
            401 => Refusal::unauthorized("1815", "Deletion is not enabled for this integration"),
            status => Refusal::new(status, "1101", "Resource not found"),
        });
    }
    let now = shared.clock.now();
    let mut state = shared.state();
    let index = state.find(Vendor::Veriff, id).ok_or_else(|| Refusal::not_found("Session not found").numeric())?;
    shared.tick_one(&mut state, index);
    let before = state.at(index).status;
    if matches!(before, Status::Submitted | Status::Review) {
        return Err(Refusal::new(400, "1305", "Session is not in a completed status.").numeric());
    }
    state.allow_deletion(now, options.deletes_per_hour, options.deletes_per_day).map_err(|wait_ms| {
        let wait = options.delete_retry_after.then_some(wait_ms.div_ceil(1000));
        Refusal::new(429, "1101", "Too many requests").numeric().retry_after(wait)
    })?;
    if matches!(before, Status::Created | Status::Started | Status::ResubmissionRequested) {
        let verdict = if before == Status::Created { Verdict::Expired } else { Verdict::Abandoned };
        state.decide(index, DecisionRecord { verdict, at_ms: now, reason: None, reason_code: None });
        shared.announce(&state, &[Change::Decided(index)]);
    }
    let session = state.at_mut(index);
    session.deleted = true;
    for media in session.media() {
        shared.store.remove(media);
    }
    shared.store.note_session(session);
    if options.delete_status == 204 {
        return Ok(Answer::new(204, "application/json", ""));
    }
    Ok(Answer::json(options.delete_status, &json!({ "status": "success", "verification": { "id": id } })))
}

/// POST /v1/sessions/{id}/collected-data.
pub(super) fn collect(shared: &Shared, options: &Options, request: &Request, id: &str) -> Outcome {
    auth::id(options, id)?;
    let unknown = || Refusal::not_found("Session not found");
    shared.state().find(Vendor::Veriff, id).ok_or_else(unknown)?;
    let body = body::json(request)?;
    let text = |path: &str| body.pointer(path).and_then(Value::as_str).filter(|t| !t.is_empty());
    let provider = text("/providerName");
    let fingerprint = text("/device/fingerprint");
    let address = text("/network/ip/addressV4").or_else(|| text("/network/ip/addressV6"));
    if provider.is_none() || fingerprint.is_none() || address.is_none() {
        return Err(Refusal::new(400, "1102", "Mandatory parameters are missing from the request"));
    }
    let long = |t: Option<&str>| t.is_some_and(|t| t.chars().count() > 255);
    if long(provider) || long(fingerprint) || long(text("/browser/userAgent")) {
        return Err(Refusal::new(400, "1104", "Invalid parameters: longer than 255 characters"));
    }
    let mut state = shared.state();
    let index = state.find(Vendor::Veriff, id).ok_or_else(unknown)?;
    shared.tick_one(&mut state, index);
    let session = state.at_mut(index);
    if !matches!(session.status, Status::Created | Status::Started) {
        return Err(Refusal::conflict(options));
    }
    session.collected.push(body);
    let attempt = session.latest().map(|a| a.id.clone());
    shared.store.note_session(session);
    let mut value = json!({ "status": "success", "sessionId": id, "attemptId": attempt });
    if let Some(name) = &options.collected_under {
        value = json!({ "status": "success", name.as_str(): { "sessionId": id, "attemptId": attempt } });
    }
    Ok(Answer::json(options.collected_status, &value))
}

/// GET /v1/sessions/{id}/attempts.
pub(super) fn attempts(shared: &Shared, options: &Options, id: &str) -> Outcome {
    auth::id(options, id)?;
    let mut state = shared.state();
    let index = state.find(Vendor::Veriff, id).ok_or_else(|| Refusal::not_found("Session not found"))?;
    shared.tick_one(&mut state, index);
    let list: Vec<Value> = state
        .at(index)
        .attempts
        .iter()
        .map(|a| json!({ "id": a.id, "status": a.status.as_str(), "createdTime": clock::rfc3339(a.created_ms), "userDefinedData": [] }))
        .collect();
    Ok(Answer::json(200, &json!({ "status": "success", "verifications": list })))
}

fn verification(request: &Request) -> Result<Value, Refusal> {
    let mut body = body::json(request)?;
    match body.get_mut("verification").map(Value::take) {
        Some(object @ Value::Object(_)) => Ok(object),
        _ => Err(Refusal::new(400, "1102", "Mandatory parameters are missing from the request")),
    }
}

fn envelope(shared: &Shared, options: &Options, session: &SessionRecord) -> Value {
    let token = format!("{}.emulated", session.id);
    let given = |name: &str| session.request.get(name).cloned().unwrap_or(Value::Null);
    let mut verification = json!({
        "id": session.id,
        "url": format!("{}/v/{token}", shared.url),
        "vendorData": given("vendorData"),
        "endUserId": given("endUserId"),
        "status": session.status.as_str(),
        "sessionToken": token,
    });
    if let Some(fields) = verification.as_object_mut() {
        fields.insert(options.host_field.clone(), json!(shared.url));
    }
    json!({ "status": "success", "verification": verification })
}
