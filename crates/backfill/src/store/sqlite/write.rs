//! Rows into the tables: the import, rows that are fed back, items that are left out.

use rusqlite::{Connection, params_from_iter};

use super::super::intake::{Intake, LAST_ITEM, LAST_SESSION, Met, groups};
use super::super::schema::{self, SQLITE};
use super::super::value::Value;
use super::super::{LeaveOut, LeftOut, Mend, Mended};
use super::{run, sql_failed};
use crate::error::Result;
use crate::manifest::{Row, Who};

/// Leaves items of all these sessions out, or of none where one of them may not be.
pub(super) fn leave_out(c: &Connection, keys: &[String], what: LeaveOut) -> Result<Vec<LeftOut>> {
    let found: Vec<_> = keys.iter().map(|key| session_to_leave(c, key, what)).collect::<Result<_>>()?;
    if found.iter().any(Result::is_err) {
        return Ok(found.into_iter().map(|of| of.err().unwrap_or(LeftOut::Done(0))).collect());
    }
    let left = found.into_iter().flatten().map(|id| leave_out_of(c, id, what)).collect::<Result<_>>()?;
    run(c, schema::RECOUNT, &[])?;
    run(c, schema::RESUME, &[])?;
    Ok(left)
}

/// The session of a key, or why nothing of it is left out.
fn session_to_leave(c: &Connection, key: &str, what: LeaveOut) -> Result<Result<i64, LeftOut>> {
    use rusqlite::OptionalExtension as _;
    let keys = schema::keys_of(key);
    let found: Option<[i64; 4]> = c
        .prepare_cached(schema::SESSION_TO_LEAVE)
        .and_then(|mut s| s.query_row(keys, |r| Ok([r.get(0)?, r.get(1)?, r.get(2)?, r.get(3)?])).optional())
        .map_err(sql_failed)?;
    let Some([id, state, confirmed, failed]) = found else { return Ok(Err(LeftOut::Unknown)) };
    Ok(schema::may_leave_out(schema::session_state(state)?, confirmed, failed, what).map_or(Ok(id), Err))
}

fn leave_out_of(c: &Connection, id: i64, what: LeaveOut) -> Result<LeftOut> {
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

/// Takes all of these rows in, or none where one of them is refused.
pub(super) fn mend(c: &Connection, rows: &[Mended]) -> Result<Vec<Mend>> {
    let refused: Vec<_> = rows.iter().map(|mended| refuses(c, mended)).collect::<Result<_>>()?;
    if refused.iter().any(Option::is_some) {
        return Ok(refused.into_iter().map(|why| why.unwrap_or(Mend::Withheld)).collect());
    }
    let ended = rows.iter().map(|mended| mend_one(c, mended)).collect::<Result<_>>()?;
    run(c, schema::RECOUNT, &[])?;
    run(c, schema::RESUME, &[])?;
    Ok(ended)
}

/// The session that a row's key stands for, and its state.
fn session_of(c: &Connection, who: &Who) -> Result<Option<(i64, i64)>> {
    use rusqlite::OptionalExtension as _;
    c.prepare_cached(schema::SESSION_OF_KEY)
        .and_then(|mut s| s.query_row([who.key()], |r| Ok((r.get(0)?, r.get(1)?))).optional())
        .map_err(sql_failed)
}

/// Why a row cannot be taken in, if it cannot.
fn refuses(c: &Connection, mended: &Mended) -> Result<Option<Mend>> {
    let Some(who) = &mended.row.who else { return Ok(Some(Mend::NoSuchLine)) };
    if let Some((_, state)) = session_of(c, who)?
        && schema::is_closed(schema::session_state(state)?)
    {
        return Ok(Some(Mend::Submitted));
    }
    let Some(line) = mended.line else { return Ok(None) };
    let of_line = c
        .prepare_cached(schema::ITEMS_OF_LINE)
        .and_then(|mut s| s.query_row([line.cast_signed()], |r| r.get(0)))
        .map_err(sql_failed)?;
    Ok(schema::may_mend(of_line))
}

fn mend_one(c: &Connection, mended: &Mended) -> Result<Mend> {
    let number = |sql: &str| c.query_row(sql, [], |r| r.get::<_, i64>(0)).map_err(sql_failed);
    let row = &mended.row;
    let Some(who) = &row.who else { return Ok(Mend::NoSuchLine) };
    let known = session_of(c, who)?;
    let session = match known {
        Some((id, _)) => id,
        None => number(LAST_SESSION)? + 1,
    };
    if known.is_none() {
        let values = schema::session_values(session, who, 0);
        c.prepare_cached(schema::MEET_SESSION)
            .and_then(|mut s| s.query_row(params_from_iter(values), |r| r.get::<_, i64>(0)))
            .map_err(sql_failed)?;
    }
    match mended.line {
        Some(line) => {
            let values = schema::mend_values(line, session, row);
            run(c, schema::MEND_PIECES, &values[..4])?;
            run(c, schema::MEND_ITEM, &values)?
        }
        None => {
            let id = number(LAST_ITEM)? + 1;
            run(c, schema::ADD_ITEM, &schema::added_values(id, session, row))?
        }
    };
    Ok(Mend::Taken)
}

pub(super) fn import(c: &Connection, rows: &[Row]) -> Result<()> {
    let number = |sql: &str| c.query_row(sql, [], |r| r.get::<_, i64>(0)).map_err(sql_failed);
    let mut intake = Intake::new(number(LAST_ITEM)?, number(LAST_SESSION)?);
    let add = SQLITE.say(schema::ADD_ITEM);
    for group in groups(rows) {
        let mut met = None;
        if let Some(values) = intake.meets(group) {
            let session = c
                .prepare_cached(schema::MEET_SESSION)
                .and_then(|mut s| s.query_row(params_from_iter(values), |r| Ok((r.get(0)?, r.get(1)?))))
                .map_err(sql_failed)?;
            met = Some(intake.met(group, session)?);
        }
        if let Some(bad) = met.as_ref().and_then(Met::bad) {
            run(c, schema::COUNT_BAD_ROW, &bad)?;
        }
        for values in intake.items(group, met.as_ref()) {
            c.prepare_cached(&add).and_then(|mut s| s.execute(params_from_iter(values))).map_err(sql_failed)?;
        }
    }
    Ok(())
}
