//! What the page shows: the newest sessions and requests, counts, faults, the clock.

use serde_json::{Value, json};

use crate::clock;
use crate::ledger::{SessionRecord, Vendor};
use crate::shared::Shared;

const SESSIONS: usize = 60;
const MEDIA: usize = 40;
const REQUESTS: usize = 80;

/// One consistent-enough view; a page that asks again is told the rest.
///
/// Only sessions that have `wanted` in their id, status, name, vendor data or a context are shown.
pub(crate) fn view(shared: &Shared, wanted: &str) -> Value {
    shared.tick();
    let totals = totals(shared);
    let sessions: Vec<Value> =
        shared.state().sessions().iter().rev().filter(|s| fits(s, wanted)).take(SESSIONS).map(session).collect();
    let now = shared.clock.now();
    let log = shared.log();
    let requests: Vec<Value> = log.newest(REQUESTS).map(|e| json!(e)).collect();
    let counts = json!({ "requests": log.requests(), "answers": log.answers() });
    drop(log);
    let faults = json!(shared.faults().shown().collect::<Vec<_>>());
    json!({
        "url": shared.url,
        "api_key": shared.keys.api_key,
        "now": clock::rfc3339(now),
        "now_ms": now,
        "frozen": shared.clock.is_frozen(),
        "totals": totals,
        "counts": counts,
        "sessions": sessions,
        "requests": requests,
        "faults": faults,
        "options": &*shared.options(),
    })
}

fn fits(s: &SessionRecord, wanted: &str) -> bool {
    let wanted = wanted.trim().to_lowercase();
    let holds = |text: &str| text.to_lowercase().contains(&wanted);
    let given = |path: &str| s.request.pointer(path).and_then(Value::as_str).is_some_and(holds);
    wanted.is_empty()
        || holds(&s.id)
        || holds(s.status.as_str())
        || ["/person/firstName", "/person/lastName", "/vendorData"].into_iter().any(given)
        || s.media().any(|m| holds(&m.context) || m.sha256.starts_with(&wanted))
}

/// Counts over everything that was ever recorded.
pub(crate) fn totals(shared: &Shared) -> Value {
    let state = shared.state();
    let all = state.sessions();
    let (mut media, mut bytes, mut duplicates, mut submitted) = (0u64, 0u64, 0u64, 0u64);
    for session in all {
        submitted += u64::from(session.is_submitted());
        for m in session.media() {
            media += 1;
            bytes += m.size;
            duplicates += u64::from(m.duplicate_of.is_some());
        }
    }
    json!({ "sessions": all.len(), "submitted": submitted, "media": media, "bytes": bytes, "duplicates": duplicates })
}

fn session(s: &SessionRecord) -> Value {
    let text = |path: &str| s.request.pointer(path).and_then(Value::as_str).map(str::to_owned);
    let attempts: Vec<Value> = s
        .attempts
        .iter()
        .rev()
        .map(|a| {
            json!({
                "id": a.id,
                "status": a.status.as_str(),
                "decision": a.decision,
                "media_count": a.media.len(),
                "media": a.media.iter().take(MEDIA).collect::<Vec<_>>(),
            })
        })
        .collect();
    json!({
        "id": s.id,
        "vendor": if s.vendor == Vendor::Veriff { "veriff" } else { "transmit" },
        "status": s.status.as_str(),
        "deleted": s.deleted,
        "created_ms": s.created_ms,
        "first_name": text("/person/firstName"),
        "last_name": text("/person/lastName"),
        "vendor_data": text("/vendorData"),
        "submissions": s.submissions,
        "attempts": attempts,
    })
}
