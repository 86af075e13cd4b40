//! Decisions, persons, watch lists: bodies that GET and the webhooks share.

use serde_json::{Map, Value, json};

use super::{Outcome, Refusal, auth};
use crate::clock;
use crate::ledger::{SessionRecord, Status, Vendor};
use crate::options::Options;
use crate::shared::Shared;
use crate::wire::Answer;

/// GET /v1/sessions/{id}/decision.
pub(super) fn decision(shared: &Shared, options: &Options, id: &str) -> Outcome {
    with_session(shared, options, id, |session| {
        Answer::json(
            200,
            &decision_body(session).unwrap_or_else(|| json!({ "status": "success", "verification": null })),
        )
    })
}

/// GET /v1/sessions/{id}/person.
pub(super) fn person(shared: &Shared, options: &Options, id: &str) -> Outcome {
    with_session(shared, options, id, |session| {
        let given = |name: &str| session.request.pointer(&format!("/person/{name}")).cloned().unwrap_or(Value::Null);
        let person = json!({
            "id": session.id,
            "firstName": given("firstName"),
            "lastName": given("lastName"),
            "idCode": given("idNumber"),
            "dateOfBirth": given("dateOfBirth"),
            "gender": given("gender"),
            "nationality": null,
            "placeOfBirth": null,
            "citizenships": [],
            "pepSanctionMatches": [],
        });
        Answer::json(200, &json!({ "status": "success", "person": person }))
    })
}

/// GET /v1/sessions/{id}/watchlist-screening.
pub(super) fn watchlist(shared: &Shared, options: &Options, id: &str) -> Outcome {
    with_session(shared, options, id, |session| {
        let given = |name: &str| session.request.pointer(&format!("/person/{name}")).and_then(Value::as_str);
        let name = [given("firstName"), given("lastName")].into_iter().flatten().collect::<Vec<_>>().join(" ");
        let year = given("dateOfBirth").and_then(|d| d.get(..4)).map(str::to_owned);
        let data = json!({
            "attemptId": session.latest().map(|a| a.id.clone()),
            "sessionId": session.id,
            "vendorData": session.request.get("vendorData").cloned().unwrap_or(Value::Null),
            "checkType": "initial_result",
            "matchStatus": "no_match",
            "monitorStatus": "disabled",
            "searchTerm": { "name": name, "year": year },
            "totalHits": 0,
            "createdAt": clock::rfc3339(session.created_ms),
            "hits": [],
        });
        Answer::json(200, &json!({ "status": "success", "data": data }))
    })
}

/// The body of a decision, of GET and of the webhook; `None` while the latest attempt is undecided.
pub(crate) fn decision_body(session: &SessionRecord) -> Option<Value> {
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
pub(crate) fn event_body(session: &SessionRecord, submitted: bool) -> Value {
    json!({
        "id": session.id,
        "attemptId": session.latest().map(|a| a.id.clone()),
        "feature": "selfid",
        "code": if submitted { 7002 } else { 7001 },
        "action": if submitted { "submitted" } else { "started" },
        "vendorData": session.request.get("vendorData").cloned().unwrap_or(Value::Null),
    })
}

fn with_session(shared: &Shared, options: &Options, id: &str, make: impl FnOnce(&SessionRecord) -> Answer) -> Outcome {
    auth::id(options, id)?;
    let mut world = shared.world();
    let index = world.find(Vendor::Veriff, id).ok_or_else(|| Refusal::not_found("Session not found"))?;
    shared.tick_one(&mut world, index);
    Ok(make(world.at(index)))
}
