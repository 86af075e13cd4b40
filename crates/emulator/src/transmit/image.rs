//! Pictures of a verification: uploaded with feedback, listed, downloaded.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::{Value, json};

use super::body;
use super::refusal::{Outcome, Refusal};
use super::stage::{IMAGES, find, missing, recapture};
use crate::crypto;
use crate::ledger::Status;
use crate::options::{MediaMode, Options};
use crate::request::Request;
use crate::shared::Shared;
use crate::sniff;
use crate::state::NewMedia;
use crate::wire::Answer;

pub(super) fn upload(shared: &Shared, options: &Options, request: &Request, id: &str) -> Outcome {
    if !options.transmit_uploads {
        return Err(Refusal(404, "Not found".into()));
    }
    find(&shared.state(), id)?;
    let body = body::json(request)?;
    let image = body.get("image").filter(|i| i.is_object()).ok_or_else(|| bad("image is missing"))?;
    let text = |name: &str| image.get(name).and_then(Value::as_str);
    let format = text("format").ok_or_else(|| bad("image.format is missing"))?;
    if format != "jpg" {
        return Err(bad("image.format: only jpg is supported"));
    }
    let kind = text("image_type").ok_or_else(|| bad("image.image_type is missing"))?;
    if !IMAGES.contains(&kind) {
        return Err(bad("image.image_type is unknown"));
    }
    let content = text("content").filter(|c| !c.is_empty()).ok_or_else(|| bad("image.content is missing"))?;
    if let Some(margins) = image.get("capture_margins").filter(|m| !m.is_null())
        && !["top", "bottom", "left", "right"].iter().all(|side| margins.get(side).is_some_and(Value::is_number))
    {
        return Err(bad("image.capture_margins needs top, bottom, left and right"));
    }
    let content = match content.split_once(";base64,") {
        Some((_, data)) if options.transmit_data_uri && content.starts_with("data:") => data,
        _ => content,
    };
    let bytes: Bytes = STANDARD.decode(content).map_err(|_| bad("image.content is not base64"))?.into();
    if options.transmit_max_bytes > 0 && bytes.len() > options.transmit_max_bytes {
        return Err(bad("image.content is too large"));
    }
    let dimensions = judge(options, &bytes)?;
    let (feedback, custom) = request.tamper.feedback.clone().unwrap_or_else(|| ("ok".to_owned(), None));
    let new = NewMedia {
        context: kind.to_owned(),
        sha256: crypto::sha256_hex(&bytes),
        size: bytes.len() as u64,
        mimetype: sniff::sniff(&bytes).map_or("application/octet-stream", |s| s.mimetype).to_owned(),
        declared: Some(format.to_owned()),
        dimensions,
        feedback: Some(feedback.clone()),
    };
    let mut state = shared.state();
    let index = find(&state, id)?;
    recapture(shared, options, &mut state, index)?;
    let session = state.at(index);
    if !session.started {
        return Err(Refusal(options.transmit_unstarted_status, "the session was not started".into()));
    }
    if missing(session).is_empty() {
        return Err(Refusal(409, "All required images were successfully submitted".into()));
    }
    let now = shared.clock.now();
    let record = state.add_media(index, new, now)?;
    let left = missing(state.at(index));
    let complete = left.is_empty();
    if complete {
        state.submit(index, now);
    }
    shared.store.note_session(state.at(index));
    drop(state);
    shared.store.put(&record, &bytes)?;
    let mut value = json!({ "feedback": feedback, "complete": complete, "missing_images": left });
    if options.transmit_complete_as_string {
        value["complete"] = json!(complete.to_string());
    }
    if let Some(custom) = custom {
        value["custom_feedback"] = json!(custom);
    }
    Ok(Answer::json(200, &value))
}

pub(super) fn list(shared: &Shared, id: &str) -> Outcome {
    let state = shared.state();
    let session = state.at(find(&state, id)?);
    let mut images = Vec::new();
    for media in session.media() {
        let rejected = media.feedback.as_deref() != Some("ok");
        images.push(json!({
            "id": media.id, "format": "jpg", "type": media.context,
            "rejected": rejected, "original": true, "original_id": null,
        }));
        if !rejected && session.status != Status::Started {
            // The service lists its cropped copies, too.
            images.push(json!({
                "id": refined(&media.id), "format": "jpg", "type": media.context,
                "rejected": false, "original": false, "original_id": media.id,
            }));
        }
    }
    Ok(Answer::json(200, &json!({ "session_images": images })))
}

pub(super) fn download(shared: &Shared, request: &Request, id: &str, image: &str) -> Outcome {
    let unknown = || Refusal(404, "Image not found".into());
    let media = {
        let state = shared.state();
        let session = state.at(find(&state, id)?);
        let found = session.media().find(|m| m.id == image || refined(&m.id) == image);
        found.cloned().ok_or_else(unknown)?
    };
    let bytes = shared.store.get(&media).ok_or_else(unknown)?;
    match request.head.query("format").unwrap_or("raw") {
        "raw" => Ok(Answer::new(200, "image/jpg", bytes)),
        "base64" => Ok(Answer::new(200, "image/jpg", STANDARD.encode(&bytes))),
        _ => Err(bad("format is raw or base64")),
    }
}

/// The id of the refined copy of a picture.
fn refined(id: &str) -> String {
    format!("{id}-refined")
}

/// JPEG of 640..=3840 by 480..=2160 pixels.
pub(super) fn judge(options: &Options, bytes: &[u8]) -> Result<Option<(u32, u32)>, Refusal> {
    let found = sniff::sniff(bytes);
    if options.media == MediaMode::Any {
        return Ok(found.and_then(|f| f.size));
    }
    let found = found.filter(|f| f.mimetype == "image/jpeg").ok_or_else(|| bad("image.content is not a jpg"))?;
    let (w, h) = found.size.ok_or_else(|| bad("image.content has no dimensions"))?;
    let (a, b) = if options.transmit_rotated_box && h > w { (h, w) } else { (w, h) };
    if !(640..=3840).contains(&a) || !(480..=2160).contains(&b) {
        return Err(bad(&format!("image of {w}x{h} pixels: width must be 640 to 3840, height 480 to 2160")));
    }
    Ok(found.size)
}

fn bad(text: &str) -> Refusal {
    Refusal(400, text.to_owned())
}
