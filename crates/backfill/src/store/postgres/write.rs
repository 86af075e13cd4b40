//! Rows into the tables: the import, rows that are fed back, items that are left out.

use super::super::intake::{Intake, LAST_ITEM, LAST_SESSION, Met, groups};
use super::super::schema;
use super::super::value::Value;
use super::super::{LeaveOut, LeftOut, Mend, Mended};
use super::Tx;
use super::pool::Failed;
use crate::manifest::{Row, Who};

/// Leaves items of all these sessions out, or of none where one of them may not be.
pub(super) async fn leave_out(t: &Tx<'_>, keys: &[String], what: LeaveOut) -> Result<Vec<LeftOut>, Failed> {
    let mut found = Vec::with_capacity(keys.len());
    for key in keys {
        found.push(session_to_leave(t, key, what).await?);
    }
    if found.iter().any(Result::is_err) {
        return Ok(found.into_iter().map(|of| of.err().unwrap_or(LeftOut::Done(0))).collect());
    }
    let mut left = Vec::with_capacity(keys.len());
    for id in found.into_iter().flatten() {
        left.push(leave_out_of(t, id, what).await?);
    }
    t.execute(schema::RECOUNT, &[]).await?;
    t.execute(schema::RESUME, &[]).await?;
    Ok(left)
}

/// The session of a key, or why nothing of it is left out.
async fn session_to_leave(t: &Tx<'_>, key: &str, what: LeaveOut) -> Result<Result<i64, LeftOut>, Failed> {
    let found = t.query(schema::SESSION_TO_LEAVE, &schema::keys_of(key).map(Value::Text)).await?;
    let Some(row) = found.first() else { return Ok(Err(LeftOut::Unknown)) };
    let refused = schema::may_leave_out(schema::session_state(row.get(1))?, row.get(2), row.get(3), what);
    Ok(refused.map_or_else(|| Ok(row.get(0)), Err))
}

async fn leave_out_of(t: &Tx<'_>, id: i64, what: LeaveOut) -> Result<LeftOut, Failed> {
    let id = [Value::Int(id)];
    let n = match what {
        LeaveOut::Failed => t.execute(schema::LEAVE_FAILED, &id).await?,
        LeaveOut::Everything => {
            let n = t.execute(schema::DROP_ITEMS, &id).await?;
            t.execute(schema::DROP_SESSION, &id).await?;
            n
        }
    };
    Ok(LeftOut::Done(n))
}

/// Takes all of these rows in, or none where one of them is refused.
pub(super) async fn mend(t: &Tx<'_>, rows: &[Mended]) -> Result<Vec<Mend>, Failed> {
    let mut refused = Vec::with_capacity(rows.len());
    for mended in rows {
        refused.push(refuses(t, mended).await?);
    }
    if refused.iter().any(Option::is_some) {
        return Ok(refused.into_iter().map(|why| why.unwrap_or(Mend::Withheld)).collect());
    }
    let mut ended = Vec::with_capacity(rows.len());
    for mended in rows {
        ended.push(mend_one(t, mended).await?);
    }
    t.execute(schema::RECOUNT, &[]).await?;
    t.execute(schema::RESUME, &[]).await?;
    Ok(ended)
}

/// The session that a row's key stands for, and its state.
async fn session_of(t: &Tx<'_>, who: &Who) -> Result<Option<(i64, i64)>, Failed> {
    Ok(t.query(schema::SESSION_OF_KEY, &[who.key().into()]).await?.first().map(|row| (row.get(0), row.get(1))))
}

/// Why a row cannot be taken in, if it cannot.
async fn refuses(t: &Tx<'_>, mended: &Mended) -> Result<Option<Mend>, Failed> {
    let Some(who) = &mended.row.who else { return Ok(Some(Mend::NoSuchLine)) };
    if let Some((_, state)) = session_of(t, who).await?
        && schema::is_closed(schema::session_state(state)?)
    {
        return Ok(Some(Mend::Submitted));
    }
    let Some(line) = mended.line else { return Ok(None) };
    Ok(schema::may_mend(t.query(schema::ITEMS_OF_LINE, &[line.into()]).await?[0].get(0)))
}

async fn mend_one(t: &Tx<'_>, mended: &Mended) -> Result<Mend, Failed> {
    let number = async |sql: &str| Ok::<i64, Failed>(t.query(sql, &[]).await?[0].get(0));
    let row = &mended.row;
    let Some(who) = &row.who else { return Ok(Mend::NoSuchLine) };
    let known = session_of(t, who).await?;
    let session = match known {
        Some((id, _)) => id,
        None => number(LAST_SESSION).await? + 1,
    };
    if known.is_none() {
        t.query(schema::MEET_SESSION, &schema::session_values(session, who, 0)).await?;
    }
    match mended.line {
        Some(line) => {
            let values = schema::mend_values(line, session, row);
            t.execute(schema::MEND_PIECES, &values[..4]).await?;
            t.execute(schema::MEND_ITEM, &values).await?
        }
        None => {
            let id = number(LAST_ITEM).await? + 1;
            t.execute(schema::ADD_ITEM, &schema::added_values(id, session, row)).await?
        }
    };
    Ok(Mend::Taken)
}

pub(super) async fn clear(t: &Tx<'_>) -> Result<(), Failed> {
    for sql in schema::CLEAR {
        t.execute(sql, &[]).await?;
    }
    Ok(())
}

pub(super) async fn import(t: &Tx<'_>, rows: &[Row]) -> Result<(), Failed> {
    let number = async |sql: &str| Ok::<i64, Failed>(t.query(sql, &[]).await?[0].get(0));
    let mut intake = Intake::new(number(LAST_ITEM).await?, number(LAST_SESSION).await?);
    for group in groups(rows) {
        let mut met = None;
        if let Some(values) = intake.meets(group) {
            let session = t.query(schema::MEET_SESSION, &values).await?.remove(0);
            met = Some(intake.met(group, (session.get(0), session.get(1)))?);
        }
        if let Some(bad) = met.as_ref().and_then(Met::bad) {
            t.execute(schema::COUNT_BAD_ROW, &bad).await?;
        }
        for values in intake.items(group, met.as_ref()) {
            t.execute(schema::ADD_ITEM, &values).await?;
        }
    }
    Ok(())
}
