//! Rows into words.

use std::time::Duration;

use sealpress_client::{Context, MediaId, SessionId};
use tokio_postgres::Row;

use super::super::schema;
use super::super::state::{Failure, Via};
use super::super::value::Value;
use super::super::{
    Claim, Detail, Item, Only, OpenSession, Piece, Record, Remembered, Session, Summary, Ticket, decided, format_of,
    hand_out, ids, no_media_id, session_id,
};
use super::Tx;
use super::pool::Failed;

pub(super) async fn claim(t: &Tx<'_>, ticket: Ticket) -> Result<Claim, Failed> {
    let id = [Value::Int(ticket.session)];
    let row = t.query(schema::SESSION, &id).await?.remove(0);
    let session = Session {
        id: row.get(0),
        subject: row.get(1),
        first_name: row.get(2),
        last_name: row.get(3),
        vendor_data: row.get(4),
        remote: session_id(row.get(5))?,
        state: schema::session_state(row.get(6))?,
    };
    let mut items: Vec<Item> = t.query(schema::ITEMS, &id).await?.iter().map(item).collect::<Result<_, Failed>>()?;
    if items.iter().any(|item| item.pieces > 1) {
        let found = t.query(schema::PIECES, &id).await?.iter().map(piece).collect::<Result<_, Failed>>()?;
        hand_out(found, items.iter_mut());
    }
    let mut doubts = Vec::new();
    if row.get::<_, i64>(7) > 0 {
        doubts = t.query(schema::DOUBTS, &id).await?.iter().map(doubt).collect();
    }
    Ok(Claim { ticket, session, items, doubts })
}

pub(super) async fn summary(t: &Tx<'_>) -> Result<Summary, Failed> {
    let mut summary = Summary::default();
    for row in t.query(schema::COUNT_ITEMS, &[]).await? {
        let n = |column: usize| natural(row.get(column));
        summary.items[schema::item_state(row.get(0))? as usize] += n(1);
        summary.bytes_in += n(2);
        summary.bytes_out += n(3);
        summary.duplicates += n(4);
        summary.doubts += n(5);
        summary.attempts += n(6);
        summary.unowned += n(7);
    }
    for row in t.query(schema::COUNT_PIECES, &[]).await? {
        summary.bytes_out += natural(row.get(0));
    }
    for row in t.query(schema::COUNT_SESSIONS, &[]).await? {
        let n = |column: usize| natural(row.get(column));
        summary.sessions[schema::session_state(row.get(0))? as usize] += n(1);
        summary.unaccounted += n(2);
        summary.missing += n(3);
        summary.orphans += n(4);
    }
    Ok(summary)
}

pub(super) async fn page(t: &Tx<'_>, after: i64, limit: usize, only: Only) -> Result<Vec<Record>, Failed> {
    let sql = schema::PAGE.replace("{only}", only.condition());
    let values = [Value::Int(after), Value::Int(i64::try_from(limit).unwrap_or(i64::MAX))];
    let mut records: Vec<Record> = t.query(&sql, &values).await?.iter().map(record).collect::<Result<_, Failed>>()?;
    let is_more = |record: &Record| record.item.pieces > 1 || record.item.duplicate_of.is_some();
    if let (Some(first), Some(last), true) = (records.first(), records.last(), records.iter().any(is_more)) {
        let found = t.query(schema::PIECES_OF_PAGE, &[first.item.id.into(), last.item.id.into()]).await?;
        let found = found.iter().map(piece).collect::<Result<_, Failed>>()?;
        hand_out(found, records.iter_mut().map(|record| &mut record.item));
    }
    Ok(records)
}

fn record(r: &Row) -> Result<Record, Failed> {
    let reason: Option<String> = r.get(26);
    Ok(Record {
        item: item(r)?,
        line: natural(r.get(17)),
        subject: r.get(18),
        first_name: r.get(19),
        last_name: r.get(20),
        vendor_data: r.get(21),
        remote: session_id(r.get(22))?,
        session_state: r.get::<_, Option<i64>>(23).map(schema::session_state).transpose()?,
        extra: r.get(24),
        bytes_in: r.get::<_, Option<i64>>(25).map(natural),
        failure: reason.map(|reason| Failure::stored(reason, r.get(27), r.get(28))),
        report: r.get(29),
        ended: r.get(30),
        unaccounted: r.get::<_, Option<i64>>(31).map(natural),
        raw: r.get(32),
        decided: decided([r.get(33), r.get(34), r.get(35), r.get(36)]),
    })
}

pub(super) async fn detail(t: &Tx<'_>, limit: usize) -> Result<Detail, Failed> {
    let number = async |sql: &str| Ok::<u64, Failed>(natural(t.query(sql, &[]).await?[0].get(0)));
    let limit = [Value::Int(i64::try_from(limit).unwrap_or(i64::MAX))];
    let open = |r: &Row| {
        let counts = [3, 4, 5, 6].map(|column| natural(r.get(column)));
        Ok(OpenSession::new(r.get(0), session_id(r.get(1))?, schema::session_state(r.get(2))?, counts, r.get(7)))
    };
    Ok(Detail {
        failures: t.query(schema::FAILURES, &[]).await?.iter().map(|r| (r.get(0), natural(r.get(1)))).collect(),
        last_error: t.query(schema::LAST_ERROR, &[]).await?.first().map(|r| r.get(0)),
        last_minute: number(schema::LAST_MINUTE).await?,
        at_work: number(schema::AT_WORK).await?,
        workers: number(schema::WORKERS).await?,
        orphans: ids(t.query(schema::ORPHANS, &limit).await?.iter().map(|r| r.get(0))),
        open: t.query(schema::UNSUBMITTED, &limit).await?.iter().map(open).collect::<Result<_, Failed>>()?,
    })
}

pub(super) async fn undecided(t: &Tx<'_>, after: i64, limit: usize) -> Result<Vec<(i64, SessionId)>, Failed> {
    let values = [Value::Int(after), Value::Int(i64::try_from(limit).unwrap_or(i64::MAX))];
    let mut found = Vec::new();
    for row in t.query(schema::UNDECIDED, &values).await? {
        found.extend(session_id(row.get(1))?.map(|remote| (row.get(0), remote)));
    }
    Ok(found)
}

pub(super) async fn verdicts(t: &Tx<'_>) -> Result<Vec<(String, u64)>, Failed> {
    Ok(t.query(schema::VERDICTS, &[]).await?.iter().map(|r| (r.get(0), natural(r.get(1)))).collect())
}

fn item(r: &Row) -> Result<Item, Failed> {
    Ok(Item {
        id: r.get(0),
        context: Context::from(r.get::<_, &str>(1)),
        media: r.get(2),
        timestamp: r.get(3),
        state: schema::item_state(r.get(4))?,
        attempt: u32::try_from(r.get::<_, i64>(5)).unwrap_or(u32::MAX),
        sha256: r.get::<_, Option<&[u8]>>(6).and_then(|hash| hash.try_into().ok()),
        bytes_out: r.get::<_, Option<i64>>(7).map(natural),
        format: format_of(r.get(8)),
        media_id: r.get::<_, Option<String>>(9).and_then(|id| MediaId::new(id).ok()),
        sent_sha256: r.get::<_, Option<&[u8]>>(10).and_then(|hash| hash.try_into().ok()),
        doubts: u32::try_from(r.get::<_, i64>(11)).unwrap_or(u32::MAX),
        duplicate_of: r.get(12),
        via: r.get::<_, Option<i64>>(13).and_then(Via::from_code),
        sent_ago: r.get::<_, Option<i64>>(14).and_then(|ms| u64::try_from(ms).ok()).map(Duration::from_millis),
        pieces: u32::try_from(r.get::<_, i64>(15)).unwrap_or(u32::MAX),
        before: Vec::new(),
        burst: r.get(16),
    })
}

fn piece(r: &Row) -> Result<(i64, Piece), Failed> {
    let piece = Piece {
        media_id: MediaId::new(r.get::<_, String>(1)).map_err(|_| no_media_id())?,
        via: Via::from_code(r.get(2)),
        doubts: u32::try_from(r.get::<_, i64>(3)).unwrap_or(u32::MAX),
        bytes_out: r.get::<_, Option<i64>>(4).map(natural),
        format: format_of(r.get(5)),
        sent_sha256: r.get::<_, Option<&[u8]>>(6).and_then(|hash| hash.try_into().ok()),
    };
    Ok((r.get(0), piece))
}

fn doubt(r: &Row) -> Remembered {
    let sha256 = r.get::<_, Option<&[u8]>>(5).and_then(|hash| hash.try_into().ok());
    Remembered::stored((r.get(0), r.get(1)), r.get(2), (r.get(3), r.get(4)), sha256, r.get(6))
}

fn natural(n: i64) -> u64 {
    u64::try_from(n).unwrap_or(0)
}
