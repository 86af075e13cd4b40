//! Rows into words.

use std::time::Duration;

use rusqlite::{Connection, Row, params};
use sealpress_client::{Context, MediaId, SessionId};

use super::super::schema::{self, SQLITE};
use super::super::state::{Failure, Via};
use super::super::{
    Claim, Detail, Item, Only, OpenSession, Piece, Record, Remembered, Session, Summary, Ticket, decided, format_of,
    hand_out, no_media_id, session_id,
};
use super::sql_failed;
use crate::error::{Error, ErrorKind, Result};

pub(super) fn fact(c: &Connection, key: &str) -> Result<Option<String>> {
    use rusqlite::OptionalExtension;
    c.prepare_cached(schema::GET_FACT).and_then(|mut s| s.query_row([key], |r| r.get(0)).optional()).map_err(sql_failed)
}

pub(super) fn claim(c: &Connection, ticket: Ticket) -> Result<Claim> {
    let (session, state, doubts) = c
        .prepare_cached(schema::SESSION)
        .and_then(|mut s| {
            s.query_row([ticket.session], |r| {
                let session = Session {
                    id: r.get(0)?,
                    subject: r.get(1)?,
                    first_name: r.get(2)?,
                    last_name: r.get(3)?,
                    vendor_data: r.get(4)?,
                    remote: session_id(r.get(5)?).map_err(stored_wrong)?,
                    state: super::super::state::SessionState::New,
                };
                Ok((session, r.get::<_, i64>(6)?, r.get::<_, i64>(7)?))
            })
        })
        .map_err(sql_failed)?;
    let session = Session { state: schema::session_state(state)?, ..session };
    let mut items = collect(c, &SQLITE.say(schema::ITEMS), params![ticket.session], item)?;
    if items.iter().any(|item| item.pieces > 1) {
        hand_out(collect(c, schema::PIECES, params![ticket.session], piece)?, items.iter_mut());
    }
    let doubts = match doubts {
        0 => Vec::new(),
        _ => collect(c, schema::DOUBTS, params![ticket.session], doubt)?,
    };
    Ok(Claim { ticket, session, items, doubts })
}

pub(super) fn summary(c: &Connection) -> Result<Summary> {
    let mut summary = Summary::default();
    let items = collect(c, schema::COUNT_ITEMS, [], |r| {
        Ok([r.get(0)?, r.get(1)?, r.get(2)?, r.get(3)?, r.get(4)?, r.get(5)?, r.get(6)?, r.get(7)?])
    })?;
    for [state, n, bytes_in, bytes_out, duplicates, doubts, attempts, unowned] in items {
        summary.unowned += natural(unowned);
        summary.items[schema::item_state(state)? as usize] += natural(n);
        summary.bytes_in += natural(bytes_in);
        summary.bytes_out += natural(bytes_out);
        summary.duplicates += natural(duplicates);
        summary.doubts += natural(doubts);
        summary.attempts += natural(attempts);
    }
    let pieces = collect(c, schema::COUNT_PIECES, [], |r| r.get::<_, i64>(0))?;
    summary.bytes_out += pieces.into_iter().map(natural).sum::<u64>();
    let sessions =
        collect(c, schema::COUNT_SESSIONS, [], |r| Ok([r.get(0)?, r.get(1)?, r.get(2)?, r.get(3)?, r.get(4)?]))?;
    for [state, n, unaccounted, missing, orphans] in sessions {
        summary.sessions[schema::session_state(state)? as usize] += natural(n);
        summary.unaccounted += natural(unaccounted);
        summary.missing += natural(missing);
        summary.orphans += natural(orphans);
    }
    Ok(summary)
}

pub(super) fn page(c: &Connection, after: i64, limit: usize, only: Only) -> Result<Vec<Record>> {
    let sql = schema::PAGE.replace("{only}", only.condition());
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut records = collect(c, &SQLITE.say(&sql), params![after, limit], |r| {
        let code: Option<i64> = r.get(23)?;
        let reason: Option<String> = r.get(26)?;
        let failure = match reason {
            Some(reason) => Some(Failure::stored(reason, r.get(27)?, r.get(28)?)),
            None => None,
        };
        Ok(Record {
            item: item(r)?,
            line: natural(r.get(17)?),
            subject: r.get(18)?,
            first_name: r.get(19)?,
            last_name: r.get(20)?,
            vendor_data: r.get(21)?,
            remote: session_id(r.get(22)?).map_err(stored_wrong)?,
            session_state: code.map(schema::session_state).transpose().map_err(stored_wrong)?,
            extra: r.get(24)?,
            bytes_in: r.get::<_, Option<i64>>(25)?.map(natural),
            failure,
            report: r.get(29)?,
            ended: r.get(30)?,
            unaccounted: r.get::<_, Option<i64>>(31)?.map(natural),
            raw: r.get(32)?,
            decided: decided([r.get(33)?, r.get(34)?, r.get(35)?, r.get(36)?]),
        })
    })?;
    let is_more = |record: &Record| record.item.pieces > 1 || record.item.duplicate_of.is_some();
    if let (Some(first), Some(last), true) = (records.first(), records.last(), records.iter().any(is_more)) {
        let found = collect(c, schema::PIECES_OF_PAGE, params![first.item.id, last.item.id], piece)?;
        hand_out(found, records.iter_mut().map(|record| &mut record.item));
    }
    Ok(records)
}

pub(super) fn detail(c: &Connection, limit: usize) -> Result<Detail> {
    let number = |sql: &str| -> Result<u64> {
        Ok(collect(c, &SQLITE.say(sql), [], |r| r.get::<_, i64>(0))?.first().copied().map_or(0, natural))
    };
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    Ok(Detail {
        failures: collect(c, schema::FAILURES, [], |r| Ok((r.get(0)?, natural(r.get(1)?))))?,
        last_error: collect(c, schema::LAST_ERROR, [], |r| r.get(0))?.pop(),
        last_minute: number(schema::LAST_MINUTE)?,
        at_work: number(schema::AT_WORK)?,
        // Whoever holds the lock; the caller looks.
        workers: 0,
        open: collect(c, schema::UNSUBMITTED, [limit], |r| {
            let state = schema::session_state(r.get(2)?).map_err(stored_wrong)?;
            let counts = [r.get(3)?, r.get(4)?, r.get(5)?, r.get(6)?].map(natural);
            let session = session_id(r.get(1)?).map_err(stored_wrong)?;
            Ok(OpenSession::new(r.get(0)?, session, state, counts, r.get(7)?))
        })?,
        orphans: super::super::ids(collect(c, schema::ORPHANS, [limit], |r| r.get(0))?),
    })
}

pub(super) fn undecided(c: &Connection, after: i64, limit: usize) -> Result<Vec<(i64, SessionId)>> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let found = collect(c, schema::UNDECIDED, params![after, limit], |r| {
        Ok((r.get(0)?, session_id(r.get(1)?).map_err(stored_wrong)?))
    })?;
    Ok(found.into_iter().filter_map(|(id, remote)| Some((id, remote?))).collect())
}

pub(super) fn verdicts(c: &Connection) -> Result<Vec<(String, u64)>> {
    collect(c, schema::VERDICTS, [], |r| Ok((r.get(0)?, natural(r.get(1)?))))
}

fn item(r: &Row<'_>) -> rusqlite::Result<Item> {
    Ok(Item {
        id: r.get(0)?,
        context: Context::from(r.get_ref(1)?.as_str()?),
        media: r.get(2)?,
        timestamp: r.get(3)?,
        state: schema::item_state(r.get(4)?).map_err(stored_wrong)?,
        attempt: u32::try_from(r.get::<_, i64>(5)?).unwrap_or(u32::MAX),
        sha256: r.get(6)?,
        bytes_out: r.get::<_, Option<i64>>(7)?.map(natural),
        format: format_of(r.get_ref(8)?.as_str_or_null()?),
        media_id: r.get::<_, Option<String>>(9)?.and_then(|id| MediaId::new(id).ok()),
        sent_sha256: r.get(10)?,
        doubts: u32::try_from(r.get::<_, i64>(11)?).unwrap_or(u32::MAX),
        duplicate_of: r.get(12)?,
        via: r.get::<_, Option<i64>>(13)?.and_then(Via::from_code),
        sent_ago: r.get::<_, Option<i64>>(14)?.and_then(|ms| u64::try_from(ms).ok()).map(Duration::from_millis),
        pieces: u32::try_from(r.get::<_, i64>(15)?).unwrap_or(u32::MAX),
        before: Vec::new(),
        burst: r.get(16)?,
    })
}

fn piece(r: &Row<'_>) -> rusqlite::Result<(i64, Piece)> {
    let piece = Piece {
        media_id: MediaId::new(r.get::<_, String>(1)?).map_err(|_| stored_wrong(no_media_id()))?,
        via: Via::from_code(r.get(2)?),
        doubts: u32::try_from(r.get::<_, i64>(3)?).unwrap_or(u32::MAX),
        bytes_out: r.get::<_, Option<i64>>(4)?.map(natural),
        format: format_of(r.get_ref(5)?.as_str_or_null()?),
        sent_sha256: r.get(6)?,
    };
    Ok((r.get(0)?, piece))
}

fn doubt(r: &Row<'_>) -> rusqlite::Result<Remembered> {
    let (context, mime) = (r.get_ref(2)?.as_str()?, r.get_ref(4)?.as_str_or_null()?);
    Ok(Remembered::stored((r.get(0)?, r.get(1)?), context, (r.get(3)?, mime), r.get(5)?, r.get(6)?))
}

fn collect<T>(
    c: &Connection,
    sql: &str,
    params: impl rusqlite::Params,
    map: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
) -> Result<Vec<T>> {
    let mut statement = c.prepare_cached(sql).map_err(sql_failed)?;
    let rows = statement.query_map(params, map).map_err(sql_failed)?;
    rows.collect::<rusqlite::Result<_>>().map_err(sql_failed)
}

fn stored_wrong(error: Error) -> rusqlite::Error {
    debug_assert_eq!(error.kind(), ErrorKind::Corrupt);
    rusqlite::Error::FromSqlConversionFailure(0, rusqlite::types::Type::Integer, Box::new(error))
}

pub(super) fn natural(n: i64) -> u64 {
    u64::try_from(n).unwrap_or(0)
}
