//! Where a verification stands, and which images it still wants.

use std::time::Duration;

use serde_json::Value;

use super::refusal::Refusal;
use crate::clock;
use crate::ledger::{SessionRecord, Status, Vendor};
use crate::options::Options;
use crate::shared::Shared;
use crate::state::State;

pub(super) const IMAGES: [&str; 3] = ["document_front", "document_back", "selfie"];

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

pub(super) fn find(state: &State, id: &str) -> Result<usize, Refusal> {
    state.find(Vendor::Transmit, id).ok_or_else(|| Refusal(404, "Session not found".into()))
}

/// Image types of the latest attempt that have no picture with good feedback yet.
pub(super) fn missing(session: &SessionRecord) -> Vec<&'static str> {
    let fine = |kind: &str| {
        session
            .latest()
            .is_some_and(|a| a.media.iter().any(|m| m.context == kind && m.feedback.as_deref() == Some("ok")))
    };
    IMAGES.into_iter().filter(|kind| !fine(kind)).collect()
}

/// A new attempt, where `force_retry` has ended the first one in a recapture.
pub(super) fn recapture(shared: &Shared, options: &Options, state: &mut State, index: usize) -> Result<(), Refusal> {
    if stage(shared, options, state.at(index)) == "recapture" {
        state.at_mut(index).status = Status::ResubmissionRequested;
        state.reopen(index, shared.clock.now())?;
    }
    Ok(())
}
