//! `GET …/result`: both shapes of a verification's end.

use serde_json::{Value, json};

use super::refusal::Outcome;
use super::stage::{find, stage};
use crate::ledger::Verdict;
use crate::options::Options;
use crate::request::Request;
use crate::shared::Shared;
use crate::wire::Answer;

pub(super) fn result(shared: &Shared, options: &Options, request: &Request, id: &str) -> Outcome {
    let state = shared.state();
    let session = state.at(find(&state, id)?);
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
