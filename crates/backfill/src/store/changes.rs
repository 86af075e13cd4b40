//! The statements of changes: what each does to its own row, and what goes with it.

use super::rows::failure_values;
use super::state::{self, Change, Failure, ItemState};
use super::value::Value;
use crate::error::{Error, ErrorKind, Result};

/// A statement with its parameters.
pub(crate) type Statement = (String, Vec<Value>);

/// How a batch of changes moved the counters of its session.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Moved {
    pub(crate) confirmed: i64,
    pub(crate) failed: i64,
    pub(crate) quarantined: i64,
    pub(crate) not_chosen: i64,
}

impl Moved {
    pub(crate) const fn settle(self, session: i64) -> [i64; 5] {
        [session, self.confirmed, self.failed, self.quarantined, self.not_chosen]
    }
}

/// The statement of one change. It must change exactly one row, or the change was illegal.
pub(crate) fn change(session: i64, change: &Change, moved: &mut Moved) -> Result<Statement> {
    if let Some((item, from, to)) = change.item_rule() {
        match to {
            ItemState::Confirmed => moved.confirmed += 1,
            ItemState::Failed => moved.failed += 1,
            ItemState::Quarantined => moved.quarantined += 1,
            ItemState::NotChosen => moved.not_chosen += 1,
            _ => {}
        }
        let mut values = vec![Value::Int(item), Value::Int(session)];
        let set = item_columns(change, &mut values);
        let sql = format!(
            "UPDATE items SET state = {}{set} WHERE id = ?1 AND session = ?2 AND state IN ({})",
            to as i64,
            codes(from)
        );
        return Ok((sql, values));
    }
    let Some((from, to)) = change.session_rule() else {
        return Err(Error::new(ErrorKind::Illegal, "a change of neither item nor session"));
    };
    let mut values = vec![Value::Int(session)];
    let set = match change {
        Change::Created { remote } => {
            values.push(remote.as_str().into());
            ", remote = ?2"
        }
        Change::CreateFailed(f) | Change::SubmitFailed(f) | Change::SubmitUnknown(f) => {
            values.extend([f.reason.as_str().into(), f.fault.as_str().into(), f.message.as_str().into()]);
            ", reason = ?2, fault = ?3, message = ?4"
        }
        Change::CreateReturned { orphan } => {
            values.push(Value::Int(i64::from(*orphan)));
            ", orphans = orphans + CAST(?2 AS BIGINT)"
        }
        Change::Gone { orphan } => {
            values.push(orphan.as_str().into());
            ", remote = NULL, orphans = orphans + 1, confirmed = 0, quarantined = 0,
            orphan_ids = CASE WHEN orphan_ids IS NULL THEN CAST(?2 AS TEXT) ELSE orphan_ids || ' ' || CAST(?2 AS TEXT) END,
            unaccounted = NULL, missing = NULL, unaccounted_ids = NULL"
        }
        Change::Counted { unaccounted, missing, ids } => {
            values.extend([(*unaccounted).into(), (*missing).into(), ids.clone().into()]);
            let sql = "UPDATE sessions SET unaccounted = ?2, missing = ?3, unaccounted_ids = ?4
                WHERE id = ?1 AND state IN (3, 4)";
            return Ok((sql.to_owned(), values));
        }
        _ => "",
    };
    let sql = format!(
        "UPDATE sessions SET state = {}{set} WHERE id = ?1 AND state IN ({})",
        to as i64,
        from.iter().map(|s| (*s as i64).to_string()).collect::<Vec<_>>().join(",")
    );
    Ok((sql, values))
}

/// What is said of a change that the state machine does not have.
pub(crate) fn forbidden(change: &Change) -> Error {
    let what = match (change.item_rule(), change.session_rule()) {
        (Some((item, _, to)), _) => format!("item {item} may not become {} now", to.as_str()),
        (_, Some((_, to))) => format!("the session may not become {} now", to.as_str()),
        _ => "a change of neither item nor session".to_owned(),
    };
    Error::new(ErrorKind::Illegal, what)
}

/// Whether a session change ends the items that are still open, and as what.
pub(crate) fn ends_items(change: &Change) -> Option<(ItemState, &Failure)> {
    match change {
        Change::CreateFailed(failure) => Some((ItemState::Failed, failure)),
        _ => None,
    }
}

/// What goes with a change beside its own row, in this order.
pub(crate) fn beside(session: i64, change: &Change) -> Vec<Statement> {
    const SET_BACK: &str =
        "UPDATE items SET state = 0, media_id = NULL, via = NULL, duplicate_of = NULL, ended = NULL, sent_at = NULL,
        reason = NULL, fault = NULL, message = NULL, pieces = 1
        WHERE session = ?1 AND (state IN (1, 2, 3, 5) OR (state = 4 AND reason = 'session-gone'))";
    const RECOUNT_FAILED: &str =
        "UPDATE sessions SET failed = (SELECT COUNT(*) FROM items WHERE session = sessions.id AND state = 4)
        WHERE id = ?1";
    const FORGET_ALL_PIECES: &str = "DELETE FROM pieces WHERE item IN (SELECT id FROM items WHERE session = ?1)";
    // What the item's row says of what was sent is the piece's.
    const KEEP_PIECE: &str = "INSERT INTO pieces (item, piece, media_id, via, doubts, bytes_out, mime, sent_sha256)
        SELECT id, (SELECT COUNT(*) FROM pieces WHERE item = items.id), CAST(?2 AS TEXT), CAST(?3 AS BIGINT),
        CAST(ambiguous - (SELECT COALESCE(SUM(doubts), 0) FROM pieces WHERE item = items.id) AS BIGINT),
        bytes_out, mime, sent_sha256 FROM items WHERE id = ?1";
    const FORGET_PIECES: &str = "DELETE FROM pieces WHERE item = ?1";
    // What the item's row says of what was sent is said of the attempts in doubt: no other was begun since.
    const REMEMBER: &str = "INSERT INTO doubts (session, item, piece, context, bytes_out, mime, sent_sha256, times)
        SELECT session, id, (SELECT COUNT(*) FROM pieces WHERE item = items.id), context, bytes_out, mime, sent_sha256,
        CAST(?2 AS BIGINT) FROM items WHERE id = ?1";
    const FORGET_DOUBTS: &str = "DELETE FROM doubts WHERE session = ?1";
    let mut beside: Vec<Statement> = Vec::new();
    if let Some((item, times)) = change.new_doubts() {
        beside.push((REMEMBER.to_owned(), vec![Value::Int(item), Value::Int(i64::from(times))]));
    }
    match change {
        Change::Gone { .. } => {
            let forget = [FORGET_ALL_PIECES, FORGET_DOUBTS, SET_BACK, RECOUNT_FAILED];
            beside.extend(forget.map(|sql| (sql.to_owned(), vec![Value::Int(session)])));
        }
        Change::PieceConfirmed { item, media_id, via, .. } => {
            let values = vec![Value::Int(*item), media_id.as_str().into(), Value::Int(*via as i64)];
            beside.push((KEEP_PIECE.to_owned(), values));
        }
        Change::BegunAnew { item } => beside.push((FORGET_PIECES.to_owned(), vec![Value::Int(*item)])),
        _ => {}
    }
    beside
}

/// The columns of an item change beside its state, as they stand after `SET state = n`.
fn item_columns(change: &Change, values: &mut Vec<Value>) -> &'static str {
    match change {
        Change::Prepared { sha256, bytes_in, bytes_out, format, pieces, .. } => {
            values.extend([(*sha256).into(), (*bytes_in).into(), (*bytes_out).into(), format.mime().into()]);
            values.push(Value::Int(i64::from(*pieces)));
            ", sha256 = ?3, bytes_in = ?4, bytes_out = ?5, mime = ?6, pieces = ?7"
        }
        Change::Sending { bytes_out, format, sent_sha256, .. } => {
            values.extend([(*bytes_out).into(), format.mime().into(), (*sent_sha256).into()]);
            ", attempt = attempt + 1, bytes_out = ?3, mime = ?4, sent_sha256 = ?5, sent_at = COALESCE(sent_at, {now})"
        }
        Change::Returned { doubts, .. } => {
            values.push(Value::Int(i64::from(*doubts)));
            // What is known not to have been sent is sent for the first time later.
            ", ambiguous = ambiguous + CAST(?3 AS BIGINT),
            sent_at = CASE WHEN ambiguous + CAST(?3 AS BIGINT) = 0 THEN NULL ELSE sent_at END"
        }
        Change::Confirmed { media_id, via, report, doubts, .. } => {
            let doubts = i64::from(*doubts);
            values.extend([media_id.as_str().into(), Value::Int(*via as i64), report.clone().into(), doubts.into()]);
            ", media_id = ?3, via = ?4, report = ?5, ambiguous = ambiguous + CAST(?6 AS BIGINT), ended = {now}"
        }
        // The next piece is sent for the first time.
        Change::PieceConfirmed { doubts, .. } => {
            values.push(Value::Int(i64::from(*doubts)));
            ", ambiguous = ambiguous + CAST(?3 AS BIGINT), sent_at = NULL"
        }
        Change::NotChosen { report, .. } => {
            values.push(report.clone().into());
            ", report = ?3, ended = {now}"
        }
        Change::BegunAnew { .. } => ", pieces = 1, sent_at = NULL",
        Change::Duplicate { of, media_id, sha256, bytes_in, .. } => {
            values.extend([
                media_id.as_str().into(),
                Value::Int(state::Via::Duplicate as i64),
                Value::Int(*of),
                (*sha256).into(),
                (*bytes_in).into(),
            ]);
            ", media_id = ?3, via = ?4, duplicate_of = ?5, sha256 = ?6, bytes_in = ?7, ended = {now}"
        }
        Change::Failed { failure, bytes_in, doubts, .. } => {
            values.extend(failure_values(failure));
            values.extend([(*bytes_in).into(), Value::Int(i64::from(*doubts))]);
            ", reason = ?3, fault = ?4, message = ?5, bytes_in = COALESCE(CAST(?6 AS BIGINT), bytes_in), ambiguous = ambiguous + CAST(?7 AS BIGINT), ended = {now}"
        }
        Change::Quarantined { failure, doubts, .. } => {
            values.extend(failure_values(failure));
            values.push(Value::Int(i64::from(*doubts)));
            ", reason = ?3, fault = ?4, message = ?5, ambiguous = ambiguous + CAST(?6 AS BIGINT), ended = {now}"
        }
        _ => "",
    }
}

fn codes(states: &[ItemState]) -> String {
    states.iter().map(|s| (*s as i64).to_string()).collect::<Vec<_>>().join(",")
}
