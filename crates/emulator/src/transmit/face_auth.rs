//! POST /api/v1/face-auth and its result. A device captures the other face: here its part is played by
//! `POST /__emulator/decide`, or by the passing of time. The shape of the result is a pick.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::body;
use super::image::judge;
use super::refusal::{Outcome, Refusal};
use crate::crypto;
use crate::ledger::{FaceAuthRecord, Verdict};
use crate::options::Options;
use crate::request::Request;
use crate::shared::Shared;
use crate::wire::Answer;

const USE_CASES: [&str; 3] = ["login", "credentials-recovery", "step-up"];

pub(super) fn create(shared: &Shared, options: &Options, request: &Request) -> Outcome {
    let body = body::json(request)?;
    let text = |path: &str| body.pointer(path).and_then(Value::as_str);
    let bad = |text: &str| Refusal(400, text.to_owned());
    if text("/reference/type") != Some("raw") {
        return Err(bad("reference.type must be raw"));
    }
    if text("/reference/format") != Some("jpg") {
        return Err(bad("reference.format: only jpg is supported"));
    }
    let use_case = text("/use_case").filter(|use_case| USE_CASES.contains(use_case));
    let use_case = use_case.ok_or_else(|| bad("use_case must be login, credentials-recovery or step-up"))?;
    let content = text("/reference/content").filter(|content| !content.is_empty());
    let content = content.ok_or_else(|| bad("reference.content is missing"))?;
    let bytes = STANDARD.decode(content).map_err(|_| bad("reference.content is not base64"))?;
    judge(options, &bytes)?;
    let record = FaceAuthRecord {
        id: crypto::uuid()?,
        device_session: crypto::uuid()?,
        use_case: use_case.to_owned(),
        sha256: crypto::sha256_hex(&bytes),
        size: bytes.len() as u64,
        created_ms: shared.clock.now(),
        decision: None,
    };
    let answer = json!({ "session_id": record.id, "device_session_id": record.device_session });
    shared.state().add_face_auth(record);
    Ok(Answer::json(options.transmit_create_status, &answer))
}

pub(super) fn result(shared: &Shared, options: &Options, id: &str) -> Outcome {
    let mut state = shared.state();
    let record = state.face_auth(id).ok_or_else(|| Refusal(404, "Session not found".into()))?;
    let ends = record.created_ms.saturating_add(options.transmit_processing_ms);
    let recommendation = match record.decision.as_ref().map(|d| d.verdict) {
        Some(Verdict::Approved) => "ALLOW",
        Some(Verdict::Review) => "CHALLENGE",
        Some(_) => "DENY",
        None if shared.clock.now() >= ends => "ALLOW",
        None => return Ok(Answer::json(200, &json!({ "session_id": id, "status": "pending" }))),
    };
    let reasons = if recommendation == "DENY" { vec!["biometric_mismatch"] } else { vec![] };
    let value = json!({
        "session_id": id,
        "status": "complete",
        "recommendation": recommendation,
        "checks": { "biometric_matching": { "recommendation": recommendation, "reasons": reasons } },
    });
    Ok(Answer::json(200, &value))
}
