//! Decisions, persons, watch lists, as GET shows them.

use serde_json::{Value, json};

use super::auth;
use super::refusal::{Outcome, Refusal};
use crate::clock;
use crate::ledger::{SessionRecord, Vendor};
use crate::options::Options;
use crate::reports;
use crate::shared::Shared;
use crate::wire::Answer;

/// GET /v1/sessions/{id}/decision.
pub(super) fn decision(shared: &Shared, options: &Options, id: &str) -> Outcome {
    with_session(shared, options, id, |session| {
        Answer::json(
            200,
            &reports::decision(session).unwrap_or_else(|| json!({ "status": "success", "verification": null })),
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

fn with_session(shared: &Shared, options: &Options, id: &str, make: impl FnOnce(&SessionRecord) -> Answer) -> Outcome {
    auth::id(options, id)?;
    let mut state = shared.state();
    let index = state.find(Vendor::Veriff, id).ok_or_else(|| Refusal::not_found("Session not found"))?;
    shared.tick_one(&mut state, index);
    Ok(make(state.at(index)))
}
