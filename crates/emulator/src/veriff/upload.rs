//! POST /v1/sessions/{id}/media.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Value, json};

use super::refusal::{Outcome, Refusal};
use super::{auth, body, media};
use crate::clock;
use crate::crypto;
use crate::ledger::{Status, Vendor};
use crate::options::{MediaMode, Options};
use crate::request::Request;
use crate::shared::Shared;
use crate::sniff::{self, Sniffed};
use crate::state::{Change, NewMedia};
use crate::wire::Answer;

/// Every context that any of the documents lets one upload; not the videos, which only listings have.
const CONTEXTS: [&str; 23] = [
    "document-front",
    "document-front-pre",
    "document-back",
    "document-back-pre",
    "document-and-face",
    "document-and-face-pre",
    "face",
    "face-pre",
    "face-nfc",
    "face-reference",
    "face-cropped",
    "registry-face",
    "address-front",
    "document-front-face-cropped",
    "document-front-qrcode",
    "document-front-qrcode-pre",
    "document-back-qrcode",
    "document-back-qrcode-pre",
    "document-back-barcode",
    "document-back-barcode-pre",
    "document-front-with-signature",
    "document-front-with-signature-pre",
    "generic-document-front",
];

#[derive(Deserialize)]
struct Posted<'a> {
    #[serde(borrow)]
    image: Image<'a>,
}

#[derive(Deserialize)]
struct Image<'a> {
    #[serde(borrow, default)]
    context: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    content: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    timestamp: Option<Cow<'a, str>>,
}

pub(super) fn upload(shared: &Shared, options: &Options, request: &Request, id: &str) -> Outcome {
    auth::id(options, id)?;
    if shared.state().find(Vendor::Veriff, id).is_none() {
        return Err(Refusal::not_found("Session not found"));
    }
    let image = read(body::whole(request)?)?;
    let content = image.content.as_deref().filter(|c| !c.is_empty());
    let content = content.ok_or_else(|| Refusal::new(400, "1400", "Image data was not found"))?;
    let (declared, bytes) = decode(options, content)?;
    let context = image.context.as_deref().unwrap_or("");
    if !CONTEXTS.contains(&context) {
        return Err(Refusal::new(400, "1402", "Image context is not supported"));
    }
    if options.check_timestamps {
        timestamp(image.timestamp.as_deref(), shared.clock.now())?;
    }
    let sniffed = judge(options, &bytes, content.len())?;
    let new = NewMedia {
        context: context.to_owned(),
        sha256: crypto::sha256_hex(&bytes),
        size: bytes.len() as u64,
        mimetype: sniffed.mimetype.to_owned(),
        declared,
        dimensions: sniffed.size,
        feedback: None,
    };
    let mut state = shared.state();
    // It may have been deleted meanwhile.
    let index = state.find(Vendor::Veriff, id).ok_or_else(|| Refusal::not_found("Session not found"))?;
    shared.tick_one(&mut state, index);
    let before = state.at(index).status;
    if !matches!(before, Status::Created | Status::Started | Status::ResubmissionRequested) {
        return Err(Refusal::conflict(options));
    }
    let record = state.add_media(index, new, shared.clock.now())?;
    if before != Status::Started {
        shared.announce(&state, &[Change::Started(index)]);
    }
    drop(state);
    shared.store.put(&record, &bytes)?;
    let image = media::entry(shared, options, &record);
    Ok(Answer::json(options.upload_status, &json!({ "status": "success", "image": image })))
}

fn read(body: &[u8]) -> Result<Image<'_>, Refusal> {
    if let Ok(posted) = serde_json::from_slice::<Posted<'_>>(body) {
        return Ok(posted.image);
    }
    // Slowly again, for the right code.
    let value: Value = serde_json::from_slice(body).unwrap_or_default();
    let image = value.get("image").filter(|i| i.is_object());
    let missing = Refusal::new(400, "1403", "Mandatory image property is missing from the request");
    let image = image.ok_or(missing)?;
    let is_text = |name: &str| image.get(name).is_none_or(|v| v.is_string() || v.is_null());
    Err(match (is_text("content"), is_text("context")) {
        (false, _) => Refusal::new(400, "1401", "Image is not in valid base64"),
        (_, false) => Refusal::new(400, "1402", "Image context is not supported"),
        _ if !is_text("timestamp") => Refusal::new(400, "1202", "Timestamp has an invalid format"),
        _ => Refusal::new(400, "1104", "Invalid parameters"),
    })
}

/// Takes off the `data:` prefix and decodes: standard alphabet, padded, no white space, unless told otherwise.
fn decode(options: &Options, content: &str) -> Result<(Option<String>, Bytes), Refusal> {
    let wrong = || Refusal::new(400, "1401", "Image is not in valid base64");
    let (declared, data) = match content.strip_prefix("data:") {
        Some(rest) => {
            let (head, data) = rest.split_once(',').ok_or_else(wrong)?;
            let mimetype = head.strip_suffix(";base64").ok_or_else(wrong)?;
            (Some(mimetype.to_ascii_lowercase()), data)
        }
        None if options.require_data_uri => return Err(wrong()),
        None => (None, content),
    };
    let bytes = if options.lenient_base64 { tolerant(data) } else { STANDARD.decode(data).ok() };
    let bytes = bytes.ok_or_else(wrong)?;
    if bytes.is_empty() {
        return Err(Refusal::new(400, "1400", "Image data was not found"));
    }
    Ok((declared, bytes.into()))
}

/// Either alphabet, with or without padding, white space anywhere.
fn tolerant(data: &str) -> Option<Vec<u8>> {
    let plain: String = data
        .chars()
        .filter(|c| !c.is_ascii_whitespace() && *c != '=')
        .map(|c| match c {
            '-' => '+',
            '_' => '/',
            other => other,
        })
        .collect();
    STANDARD_NO_PAD.decode(plain).ok()
}

fn timestamp(text: Option<&str>, now: u64) -> Result<(), Refusal> {
    const HOUR: u64 = 3_600_000;
    let Some(text) = text else { return Ok(()) };
    let wrong = || Refusal::new(400, "1202", "Timestamp has an invalid format");
    let taken = clock::parse_rfc3339(text).ok_or_else(wrong)?;
    if taken.saturating_add(HOUR) < now {
        return Err(Refusal::new(400, "1201", "Timestamp must not be older than one hour"));
    }
    Ok(())
}

fn judge(options: &Options, bytes: &[u8], characters: usize) -> Result<Sniffed, Refusal> {
    let refuse = |text: String| Err(Refusal::new(400, "1104", text));
    let unknown = Sniffed { mimetype: "application/octet-stream", size: None };
    let Some(found) = sniff::sniff(bytes) else {
        return match options.media {
            MediaMode::Any => Ok(unknown),
            _ => refuse("Invalid parameters: unknown media format".into()),
        };
    };
    if options.media != MediaMode::Strict {
        return Ok(found);
    }
    if found.mimetype == "application/pdf" {
        if !options.pdf_enabled {
            return refuse("Invalid parameters: PDF upload is not enabled".into());
        }
        if bytes.len() > options.max_pdf_bytes {
            return refuse(format!("Invalid parameters: PDF is larger than {} bytes", options.max_pdf_bytes));
        }
        return Ok(found);
    }
    if matches!(found.mimetype, "image/heic" | "image/heif") && !options.heic_enabled {
        return refuse("Invalid parameters: HEIC upload is not enabled".into());
    }
    if bytes.len() > options.max_image_bytes || characters > options.max_base64 {
        return refuse("Invalid parameters: image is too large".into());
    }
    match found.size {
        None | Some((0, _) | (_, 0)) => refuse("Invalid parameters: image has no dimensions".into()),
        Some((w, h)) if w.max(h) > options.max_edge => {
            refuse(format!("Invalid parameters: image of {w}x{h} pixels has a side over {}", options.max_edge))
        }
        Some(_) => Ok(found),
    }
}
