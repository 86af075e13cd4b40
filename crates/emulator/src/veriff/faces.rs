//! POST /v1/faces/import. The documents name the call, its limits and its answer; the names of its fields
//! and the body of its refusals are picks, and options.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::body;
use super::refusal::{Outcome, Refusal};
use crate::crypto;
use crate::faces::NewFace;
use crate::ledger::Vendor;
use crate::options::{MediaMode, Options};
use crate::request::Request;
use crate::shared::Shared;
use crate::sniff;
use crate::wire::Answer;

/// Faces in one request.
const MOST: usize = 10;

pub(super) fn import(shared: &Shared, options: &Options, request: &Request) -> Outcome {
    let body = body::json(request)?;
    let list = body.get(&options.faces_list).and_then(Value::as_array);
    let list = list.filter(|list| !list.is_empty()).ok_or_else(missing)?;
    if list.len() > MOST {
        return Err(Refusal::new(400, "1104", format!("Invalid parameters: {} images, at most {MOST}", list.len())));
    }
    let faces = list.iter().map(|entry| face(shared, options, entry)).collect::<Result<Vec<_>, _>>()?;
    let now = shared.clock.now();
    let mut state = shared.state();
    let available = state.faces.available(options.faces_quota);
    if state.faces.would_count(&faces, now) > available {
        let text = format!("The quota does not allow this import: {available} left");
        let refusal = Refusal::new(options.faces_quota_status, options.faces_quota_code.clone(), text);
        return Err(refusal.with("availableQuota", json!(available)));
    }
    for record in state.faces.import(faces, now) {
        shared.store.note_face(record);
    }
    let available = state.faces.available(options.faces_quota);
    Ok(Answer::json(202, &json!({ "status": "success", "availableQuota": available })))
}

fn face(shared: &Shared, options: &Options, entry: &Value) -> Result<NewFace, Refusal> {
    let text = |name: &str| entry.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    let name = text(&options.faces_name).ok_or_else(missing)?;
    if name.chars().count() > 255 {
        return Err(Refusal::new(400, "1104", "Invalid parameters: a name is longer than 255 characters"));
    }
    let name = name.to_owned();
    match (text(&options.faces_image), text(&options.faces_session)) {
        (Some(content), None) => {
            let data = content.split_once(";base64,").map_or(content, |(_, data)| data);
            let wrong = || Refusal::new(400, "1401", "Image is not in valid base64");
            let bytes = STANDARD.decode(data).map_err(|_| wrong())?;
            let found = sniff::sniff(&bytes);
            let is_picture = found.as_ref().is_some_and(|f| f.mimetype.starts_with("image/"));
            if options.media != MediaMode::Any && !is_picture {
                return Err(Refusal::new(400, "1104", "Invalid parameters: not a picture"));
            }
            let sha256 = Some(crypto::sha256_hex(&bytes));
            Ok(NewFace { name, sha256, session: None, size: bytes.len() as u64 })
        }
        (None, Some(session)) => {
            if shared.state().find(Vendor::Veriff, session).is_none() {
                return Err(Refusal::new(400, "1104", "Invalid parameters: the session does not exist"));
            }
            Ok(NewFace { name, sha256: None, session: Some(session.to_owned()), size: 0 })
        }
        (Some(_), Some(_)) => Err(Refusal::new(400, "1104", "Invalid parameters: an image or a session, not both")),
        (None, None) => Err(missing()),
    }
}

fn missing() -> Refusal {
    Refusal::new(400, "1102", "Mandatory parameters are missing from the request")
}
