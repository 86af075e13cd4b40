//! `GET …/result`: where a verification stands, and both shapes of its end.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Outcome, find, missing};
use crate::clock;
use crate::ledger::{SessionRecord, Verdict};
use crate::options::Options;
use crate::server::Request;
use crate::shared::Shared;
use crate::wire::Answer;

/// `pending` → `capturing` → `processing` → `complete` or `recapture`.
pub(super) fn stage(shared: &Shared, options: &Options, session: &SessionRecord) -> &'static str {
    let Some(attempt) = session.latest() else { return "error" };
    if attempt.media.is_empty() {
        return if session.attempts.len() > 1 { "capturing" } else { "pending" };
    }
    if !missing(session).is_empty() {
        return "capturing";
    }
    let mock = |name: &str| session.request.pointer(&format!("/mock_behavior/{name}"));
    let time = mock("processing_time").and_then(Value::as_str).and_then(clock::parse_duration);
    let time = time.unwrap_or(Duration::from_millis(options.transmit_processing_ms));
    let ends = attempt.submitted_ms.unwrap_or(0).saturating_add(u64::try_from(time.as_millis()).unwrap_or(u64::MAX));
    if shared.clock.now() < ends && attempt.decision.is_none() {
        return "processing";
    }
    if mock("force_retry") == Some(&Value::Bool(true)) && session.attempts.len() == 1 {
        return "recapture";
    }
    "complete"
}

pub(super) fn result(shared: &Shared, options: &Options, request: &Request, id: &str) -> Outcome {
    let world = shared.world();
    let session = world.at(find(&world, id)?);
    let stage = stage(shared, options, session);
    if stage != "complete" {
        return Ok(Answer::json(200, &json!({ "session_id": session.id, "status": stage })));
    }
    let mock = |path: &str| session.request.pointer(&format!("/mock_behavior/{path}"));
    let wished = mock("recommendation").or_else(|| mock("mock_recommendation")).and_then(Value::as_str);
    let decided = session.latest().and_then(|a| a.decision.as_ref()).map(|d| d.verdict);
    let recommendation = match (decided, wished) {
        (Some(Verdict::Approved), _) => "ALLOW",
        (Some(Verdict::Review), _) => "CHALLENGE",
        (Some(_), _) => "DENY",
        (None, Some(word)) => word,
        (None, None) => "ALLOW",
    };
    let info = |name: &str| mock(&format!("info/{name}")).cloned().unwrap_or_else(|| json!({}));
    if request.head.query("detailed") == Some("false") {
        return Ok(Answer::json(200, &old_shape(recommendation, &info("person_details"), &info("document_details"))));
    }
    let check = |reason: &str| {
        let bad = recommendation == "DENY" && !reason.is_empty();
        json!({ "recommendation": if bad { "DENY" } else { "ALLOW" }, "reasons": if bad { vec![reason] } else { vec![] } })
    };
    let images: Vec<Value> = session
        .media()
        .filter(|m| m.feedback.as_deref() == Some("ok"))
        .map(|m| json!({ "id": m.id, "type": m.context }))
        .collect();
    let value = json!({
        "session_id": session.id,
        "status": "complete",
        "recommendation": recommendation,
        "person": info("person_details"),
        "document": info("document_details"),
        "checks": {
            "document_validation": check(""),
            "document_authentication": check("document_tampering"),
            "document_liveness": check(""),
            "biometric_matching": check(""),
            "biometric_liveness": check(""),
            "flagged_identity": check(""),
            "risk_recommendation": { "recommendation": "N/A", "reasons": [] },
        },
        "verification_images": images,
    });
    Ok(Answer::json(200, &value))
}

/// What `detailed=false` and older tenants get.
fn old_shape(recommendation: &str, person: &Value, document: &Value) -> Value {
    let rejected = if recommendation == "DENY" { vec!["document_tampering"] } else { vec![] };
    json!({
        "status": "complete",
        "recommendation": recommendation,
        "rejection_description": rejected,
        "extracted_info": { "person": person, "document": document },
        "verified_info": { "person": person, "document": document },
    })
}
