//! Rows into the tables: the import, rows that are fed back, items that are left out.

use rusqlite::{Connection, params_from_iter};

use super::super::schema::{self, SQLITE};
use super::super::value::Value;
use super::super::{LeaveOut, LeftOut, Mend, Mended};
use super::{run, sql_failed};
use crate::error::Result;
use crate::manifest::Row;

pub(super) fn leave_out(c: &Connection, key: &str, what: LeaveOut) -> Result<LeftOut> {
    use rusqlite::OptionalExtension as _;
    let keys = schema::keys_of(key);
    let found: Option<[i64; 4]> = c
        .prepare_cached(schema::SESSION_TO_LEAVE)
        .and_then(|mut s| s.query_row(keys, |r| Ok([r.get(0)?, r.get(1)?, r.get(2)?, r.get(3)?])).optional())
        .map_err(sql_failed)?;
    let Some([id, state, confirmed, failed]) = found else { return Ok(LeftOut::Unknown) };
    if let Some(refused) = schema::may_leave_out(schema::session_state(state)?, confirmed, failed, what) {
        return Ok(refused);
    }
    let n = match what {
        LeaveOut::Failed => run(c, schema::LEAVE_FAILED, &[Value::Int(id)])?,
        LeaveOut::Everything => {
            let n = run(c, schema::DROP_ITEMS, &[Value::Int(id)])?;
            run(c, schema::DROP_SESSION, &[Value::Int(id)])?;
            n
        }
    };
    Ok(LeftOut::Done(n as u64))
}

pub(super) fn mend(c: &Connection, mended: &Mended) -> Result<Mend> {
    use rusqlite::OptionalExtension as _;
    let number = |sql: &str| c.query_row(sql, [], |r| r.get::<_, i64>(0)).map_err(sql_failed);
    let row = &mended.row;
    let Some(who) = &row.who else { return Ok(Mend::NoSuchLine) };
    let known: Option<(i64, i64)> = c
        .prepare_cached(schema::SESSION_OF_KEY)
        .and_then(|mut s| s.query_row([who.key()], |r| Ok((r.get(0)?, r.get(1)?))).optional())
        .map_err(sql_failed)?;
    let session = match known {
        Some((_, state)) if schema::is_closed(schema::session_state(state)?) => return Ok(Mend::Submitted),
        Some((id, _)) => id,
        None => number("SELECT COALESCE(MAX(id), 0) FROM sessions")? + 1,
    };
    if let Some(line) = mended.line {
        let there = c
            .prepare_cached(schema::ITEM_OF_LINE)
            .and_then(|mut s| s.query_row([line.cast_signed()], |r| r.get::<_, i64>(0)).optional())
            .map_err(sql_failed)?;
        if there.is_none() {
            return Ok(Mend::NoSuchLine);
        }
    }
    if known.is_none() {
        let values = schema::session_values(session, who, 0);
        c.prepare_cached(schema::MEET_SESSION)
            .and_then(|mut s| s.query_row(params_from_iter(values), |r| r.get::<_, i64>(0)))
            .map_err(sql_failed)?;
    }
    match mended.line {
        Some(line) => run(c, schema::MEND_ITEM, &schema::mend_values(line, session, row))?,
        None => {
            let id = number("SELECT COALESCE(MAX(id), 0) FROM items")? + 1;
            run(c, schema::ADD_ITEM, &schema::item_values(id, Some(session), row))?
        }
    };
    Ok(Mend::Taken)
}

pub(super) fn import(c: &Connection, rows: &[Row]) -> Result<()> {
    let number = |sql: &str| c.query_row(sql, [], |r| r.get::<_, i64>(0)).map_err(sql_failed);
    let mut next_item = number("SELECT COALESCE(MAX(id), 0) FROM items")? + 1;
    let mut next_session = number("SELECT COALESCE(MAX(id), 0) FROM sessions")? + 1;
    let add = SQLITE.say(schema::ADD_ITEM);
    for group in rows.chunk_by(Row::same_session) {
        let mut closed = false;
        let session = match group.iter().find_map(|row| row.who.as_ref()) {
            Some(who) => {
                let values = schema::session_values(next_session, who, group.len());
                let (id, state) = c
                    .prepare_cached(schema::MEET_SESSION)
                    .and_then(|mut s| s.query_row(params_from_iter(values), |r| Ok((r.get::<_, i64>(0)?, r.get(1)?))))
                    .map_err(sql_failed)?;
                next_session = next_session.max(id + 1);
                closed = schema::is_closed(schema::session_state(state)?);
                let bad = group.iter().filter(|row| closed || row.bad.is_some()).count() as i64;
                if bad > 0 {
                    run(c, schema::COUNT_BAD_ROW, &[Value::Int(id), Value::Int(bad)])?;
                }
                Some(id)
            }
            None => None,
        };
        for row in group {
            let mut row = row.clone();
            if closed {
                row.bad.get_or_insert_with(|| schema::too_late(row.line));
            }
            let values = schema::item_values(next_item, session, &row);
            c.prepare_cached(&add).and_then(|mut s| s.execute(params_from_iter(values))).map_err(sql_failed)?;
            next_item += 1;
        }
    }
    Ok(())
}
