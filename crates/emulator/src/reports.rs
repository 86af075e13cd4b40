//! What `GET …/decision` and the webhooks say of a session: the same words, out of the same records.

use serde_json::{Map, Value, json};

use crate::clock;
use crate::ledger::{SessionRecord, Status};

/// The body of a decision, of GET and of the webhook; `None` while the latest attempt is undecided.
pub(crate) fn decision(session: &SessionRecord) -> Option<Value> {
    let attempt = session.latest()?;
    let decision = attempt.decision.as_ref()?;
    let status = decision.verdict.status();
    let given =
        |part: &str, name: &str| session.request.get(part).and_then(|p| p.get(name)).cloned().unwrap_or(Value::Null);
    let fields = |part: &str, names: &[&str]| -> Map<String, Value> {
        names.iter().map(|n| ((*n).to_owned(), given(part, n))).collect()
    };
    let mut person = fields(
        "person",
        &["firstName", "lastName", "fullName", "idNumber", "gender", "dateOfBirth", "nationality", "citizenship"],
    );
    let year = given("person", "dateOfBirth").as_str().and_then(|d| d.get(..4)).map(str::to_owned);
    person.insert("yearOfBirth".into(), json!(year));
    person.insert("placeOfBirth".into(), Value::Null);
    person.insert("pepSanctionMatch".into(), Value::Null);
    person.insert("addresses".into(), json!([]));
    let document = fields("document", &["type", "number", "country", "state", "validFrom", "validUntil"]);
    let closed = !matches!(status, Status::Expired | Status::Abandoned);
    Some(json!({
        "status": "success",
        "verification": {
            "id": session.id,
            "attemptId": attempt.id,
            "status": status.as_str(),
            "code": decision.verdict.code(),
            "reason": decision.reason,
            "reasonCode": decision.reason_code,
            "acceptanceTime": clock::rfc3339(session.created_ms),
            "submissionTime": attempt.submitted_ms.map(clock::rfc3339),
            "decisionTime": closed.then(|| clock::rfc3339(decision.at_ms)),
            "vendorData": session.request.get("vendorData").cloned().unwrap_or(Value::Null),
            "endUserId": session.request.get("endUserId").cloned().unwrap_or(Value::Null),
            "person": person,
            "document": document,
            "comments": [],
            "additionalVerifiedData": {},
            "riskScore": null,
            "riskLabels": null,
            "insights": null,
            "biometricAuthentication": null,
        },
        "technicalData": { "ip": null },
    }))
}

/// The body of an event webhook.
pub(crate) fn event(session: &SessionRecord, submitted: bool) -> Value {
    json!({
        "id": session.id,
        "attemptId": session.latest().map(|a| a.id.clone()),
        "feature": "selfid",
        "code": if submitted { 7002 } else { 7001 },
        "action": if submitted { "submitted" } else { "started" },
        "vendorData": session.request.get("vendorData").cloned().unwrap_or(Value::Null),
    })
}
