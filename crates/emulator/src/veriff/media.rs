//! Listings and downloads.

use serde_json::{Value, json};

use super::auth;
use super::refusal::{Outcome, Refusal};
use crate::ledger::{MediaRecord, Vendor};
use crate::options::{MediaType, Options};
use crate::request::Request;
use crate::shared::Shared;
use crate::wire::Answer;

/// GET /v1/sessions/{id}/media: the latest attempt's.
pub(super) fn of_session(shared: &Shared, options: &Options, request: &Request, id: &str) -> Outcome {
    auth::id(options, id)?;
    let state = shared.state();
    let index = state.find(Vendor::Veriff, id).ok_or_else(|| Refusal::not_found("Session not found"))?;
    let media = state.at(index).latest().map_or(&[][..], |a| &a.media);
    Ok(listing(shared, options, request, media))
}

/// GET /v1/attempts/{id}/media.
pub(super) fn of_attempt(shared: &Shared, options: &Options, request: &Request, id: &str) -> Outcome {
    auth::id(options, id)?;
    let state = shared.state();
    let (_, attempt) = state.find_attempt(id).ok_or_else(|| Refusal::not_found("Attempt not found"))?;
    Ok(listing(shared, options, request, &attempt.media))
}

/// GET /v1/media/{id}.
pub(super) fn download(shared: &Shared, options: &Options, id: &str) -> Outcome {
    auth::id(options, id)?;
    let media = shared.state().find_media(id).cloned().ok_or_else(|| Refusal::not_found("Media not found"))?;
    let bytes = shared.store.get(&media).ok_or_else(|| Refusal::not_found("Media bytes were not kept"))?;
    let mut answer = Answer::new(200, "application/octet-stream", bytes);
    if options.media_type == MediaType::Sniffed {
        answer.set("content-type", media.mimetype);
    }
    Ok(answer)
}

/// A medium as uploads and listings describe it.
pub(super) fn entry(shared: &Shared, options: &Options, media: &MediaRecord) -> Value {
    let heif = matches!(media.mimetype.as_str(), "image/heic" | "image/heif");
    let (mimetype, size) = match heif && options.transcodes {
        true => ("image/jpeg", media.size + media.size / 2),
        false => (media.mimetype.as_str(), media.size),
    };
    json!({
        "id": media.id,
        "name": media.context,
        "context": media.context,
        "timestamp": null,
        "size": size,
        "mimetype": mimetype,
        "url": format!("{}/v1/media/{}", shared.url, media.id),
        "sessionId": media.session,
    })
}

fn listing(shared: &Shared, options: &Options, request: &Request, media: &[MediaRecord]) -> Answer {
    let now = shared.clock.now();
    let old_enough = |m: &&MediaRecord| request.tamper.lag_ms == 0 || m.received_ms + request.tamper.lag_ms <= now;
    let mut shown: Vec<&MediaRecord> = media.iter().filter(old_enough).collect();
    if options.shuffle_listings {
        // By random ids: stable, and not the order of arrival.
        shown.sort_by(|a, b| a.id.cmp(&b.id));
    }
    let images: Vec<Value> = shown.into_iter().map(|m| entry(shared, options, m)).collect();
    Answer::json(200, &json!({ "status": "success", "images": images, "videos": [] }))
}
