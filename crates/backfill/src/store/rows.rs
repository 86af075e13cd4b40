//! Rows on their way into the tables: the parameters of statements.

use sealpress_client::Decided;
use sealpress_media::Fault;

use super::state::{Failure, ItemState, SessionState};
use super::value::Value;
use crate::manifest::{Row, Who};

/// The parameters of `MEET_SESSION` for a group of `n` rows.
pub(crate) fn session_values(id: i64, who: &Who, n: usize) -> Vec<Value> {
    let (key, n) = (who.key(), n as u64);
    match who {
        Who::Session(remote) => {
            let open = SessionState::Open as i64;
            let none = Value::Null;
            vec![
                id.into(),
                key.into(),
                none.clone(),
                none.clone(),
                none.clone(),
                none,
                remote.as_str().into(),
                open.into(),
                n.into(),
            ]
        }
        Who::Subject { subject, first_name, last_name, vendor_data } => vec![
            id.into(),
            key.into(),
            subject.as_str().into(),
            first_name.clone().into(),
            last_name.clone().into(),
            vendor_data.clone().into(),
            Value::Null,
            (SessionState::New as i64).into(),
            n.into(),
        ],
    }
}

/// The parameters of `ADD_ITEM`.
pub(crate) fn item_values(id: i64, session: Option<i64>, row: &Row) -> Vec<Value> {
    let state = if row.bad.is_some() { ItemState::Failed } else { ItemState::Pending };
    let mut values = vec![
        id.into(),
        session.into(),
        row.line.into(),
        row.context.as_str().into(),
        row.media.as_str().into(),
        row.timestamp.clone().into(),
        row.extra.clone().into(),
        (state as i64).into(),
    ];
    match &row.bad {
        Some(failure) => values.extend(failure_values(failure)),
        None => values.extend([Value::Null, Value::Null, Value::Null]),
    }
    values.push(row.raw.clone().map_or(Value::Null, Value::Blob));
    values.push(row.burst.clone().into());
    values
}

/// Rows that were fed back beside the manifest's own are numbered from here on: no manifest has so many lines.
const ADDED: u64 = 1_000_000_000;

/// The parameters of `ADD_ITEM` for a row that was fed back and stands for no other: without a line of the manifest it
/// gets a number that no other row has.
pub(crate) fn added_values(id: i64, session: i64, row: &Row) -> Vec<Value> {
    let line = if row.line == 0 { ADDED + id.unsigned_abs() } else { row.line };
    item_values(id, Some(session), &Row { line, ..row.clone() })
}

/// What is said of a row whose session is past taking it.
pub(crate) fn too_late(line: u64) -> Failure {
    let message = format!("line {line}: the session of this row is submitted and takes nothing more");
    Failure::new("session-submitted", Fault::Caller, message)
}

/// The parameters of `MEND_ITEM`.
pub(crate) fn mend_values(line: u64, session: i64, row: &Row) -> [Value; 7] {
    [
        line.into(),
        session.into(),
        row.context.as_str().into(),
        row.media.as_str().into(),
        row.timestamp.clone().into(),
        row.extra.clone().into(),
        row.burst.clone().into(),
    ]
}

/// The parameters of `DECIDE`.
pub(crate) fn decided_values(session: i64, decided: &Decided) -> [Value; 5] {
    let Decided { verdict, reason, reason_code, time, .. } = decided;
    let text = |text: &Option<String>| text.clone().into();
    [session.into(), verdict.as_str().into(), text(reason), text(reason_code), text(time)]
}

/// The parameters of `FAIL_OPEN_ITEMS`.
pub(crate) fn end_items(session: i64, state: ItemState, failure: &Failure) -> Vec<Value> {
    let mut values = vec![session.into(), (state as i64).into()];
    values.extend(failure_values(failure));
    values
}

pub(super) fn failure_values(failure: &Failure) -> [Value; 3] {
    [failure.reason.as_str().into(), failure.fault.as_str().into(), failure.message.as_str().into()]
}
