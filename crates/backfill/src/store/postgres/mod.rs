//! The journal of many machines: PostgreSQL, the same tables and the same machine in the other
//! dialect. A session is a worker's by a lease of a minute, which is renewed while it is worked on
//! and judged by the worker's own monotonic clock before every POST. Whoever comes after a dead
//! worker finds in the journal what may have been sent.

#[cfg(test)]
pub(crate) mod cluster;
mod pool;
mod read;
mod server;
mod tls;

use std::path::Path;
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio_postgres::Transaction;

use super::schema::{self, Moved, POSTGRES};
use super::state::{Change, ItemState};
use super::value::Value;
use super::{Claim, Only, Pending, Record, Store, Summary, Ticket};
use crate::error::{Error, ErrorKind, Result};
use crate::manifest::Row;
use pool::{Failed, Pool};
use server::Server;

/// How long a claim lasts without being renewed.
const LEASE: Duration = Duration::from_secs(60);

/// A journal in a schema of its own.
pub(crate) struct Postgres {
    server: Server,
    lease: Duration,
    /// This worker: process and start.
    worker: String,
    claims: AtomicU64,
    changes: AtomicU64,
}

impl Postgres {
    /// Connects, and makes or updates the tables in `namespace`. `authority` is a file of
    /// certificates to trust besides the machine's.
    ///
    /// # Errors
    /// `Config` for a URL or name that makes no sense, `Mismatch` for tables of a newer version,
    /// `Journal` where the server cannot be reached.
    pub(crate) async fn open(url: &str, namespace: &str, authority: Option<&Path>) -> Result<Self> {
        let server = Server::start(Pool::new(url, namespace, authority)?)?;
        let lock = server.on(async |pool: Rc<Pool>| pool.lock().await).await?;
        server.on(async |pool: Rc<Pool>| pool.run(migrate).await).await?;
        drop(lock);
        let started = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        let worker = format!("{}-{}", std::process::id(), started.as_nanos());
        let lease = crate::chaos::lease().unwrap_or(LEASE);
        Ok(Self { server, lease, worker, claims: AtomicU64::new(0), changes: AtomicU64::new(0) })
    }

    fn next(&self, counter: &AtomicU64) -> String {
        format!("{}-{}", self.worker, counter.fetch_add(1, Ordering::Relaxed))
    }

    /// One statement in a transaction of its own; how many rows it changed.
    async fn execute(&self, sql: &'static str, values: Vec<Value>) -> Result<u64> {
        self.server.on(async move |pool: Rc<Pool>| pool.run(async |t| t.execute(sql, &values).await).await).await
    }
}

impl Store for Postgres {
    fn fact(&self, key: &'static str) -> Pending<'_, Option<String>> {
        Box::pin(self.server.on(async move |pool: Rc<Pool>| {
            pool.run(async |t| {
                let rows = t.query(schema::GET_FACT, &[key.into()]).await?;
                Ok(rows.first().map(|r| r.get(0)))
            })
            .await
        }))
    }

    fn note(&self, key: &'static str, value: String) -> Pending<'_, ()> {
        Box::pin(async move { self.execute(schema::SET_FACT, vec![key.into(), value.into()]).await.map(drop) })
    }

    fn import_lock(&self) -> Pending<'_, super::Guard> {
        Box::pin(async {
            let lock = self.server.on(async |pool: Rc<Pool>| pool.lock().await).await?;
            Ok(Box::new(lock) as super::Guard)
        })
    }

    fn clear(&self) -> Pending<'_, ()> {
        Box::pin(self.server.on(async |pool: Rc<Pool>| {
            pool.run(async |t| {
                for sql in schema::CLEAR {
                    t.execute(sql, &[]).await?;
                }
                Ok(())
            })
            .await
        }))
    }

    fn import(&self, rows: Vec<Row>) -> Pending<'_, ()> {
        Box::pin(self.server.on(async move |pool: Rc<Pool>| pool.run(async |t| import(t, &rows).await).await))
    }

    fn finish_import(&self, fingerprint: String) -> Pending<'_, ()> {
        Box::pin(self.server.on(async move |pool: Rc<Pool>| {
            pool.run(async |t| {
                t.execute(schema::NO_WORK_IN_BAD_SESSIONS, &[]).await?;
                let values = [super::IMPORTED.into(), fingerprint.as_str().into()];
                t.execute(schema::SET_FACT, &values).await.map(drop)
            })
            .await
        }))
    }

    fn claim(&self, max: usize, submit: bool) -> Pending<'_, Vec<Claim>> {
        let (owner, lease) = (self.next(&self.claims), self.lease);
        Box::pin(self.server.on(async move |pool: Rc<Pool>| {
            let values = [
                owner.as_str().into(),
                Value::Int(lease.as_millis() as i64),
                Value::Int(i64::try_from(max).unwrap_or(i64::MAX)),
                Value::Int(if submit { 2 } else { 1 }),
            ];
            pool.run(async |t| {
                // Counted from before the server counts: our clock ends the lease first.
                let until = Instant::now() + lease;
                let mut ids: Vec<i64> = t.query(schema::CLAIM, &values).await?.iter().map(|r| r.get(0)).collect();
                ids.sort_unstable();
                let mut claims = Vec::with_capacity(ids.len());
                for session in ids {
                    let ticket = Ticket { session, owner: owner.clone(), until: Some(until) };
                    claims.push(read::claim(t, ticket).await?);
                }
                Ok(claims)
            })
            .await
        }))
    }

    fn others_at_work(&self, submit: bool) -> Pending<'_, bool> {
        Box::pin(self.server.on(async move |pool: Rc<Pool>| {
            let highest = [Value::Int(if submit { 2 } else { 1 })];
            pool.run(async |t| Ok(!t.query(schema::ANY_DUE, &highest).await?.is_empty())).await
        }))
    }

    fn apply<'a>(&'a self, claim: &'a Ticket, changes: Vec<Change>) -> Pending<'a, ()> {
        // A commit whose answer was lost is tried again, and must not count twice.
        let (id, claim) = (self.next(&self.changes), claim.clone());
        Box::pin(
            self.server.on(async move |pool: Rc<Pool>| pool.run(async |t| apply(t, &claim, &id, &changes).await).await),
        )
    }

    fn renew<'a>(&'a self, claim: &'a Ticket) -> Pending<'a, Option<Instant>> {
        Box::pin(async move {
            let until = Instant::now() + self.lease;
            let lease = Value::Int(self.lease.as_millis() as i64);
            let values = vec![Value::Int(claim.session), claim.owner.as_str().into(), lease];
            match self.execute(schema::RENEW, values).await? {
                0 => Err(Error::new(ErrorKind::LeaseLost, "another worker has the session")),
                _ => Ok(Some(until)),
            }
        })
    }

    fn release<'a>(&'a self, claim: &'a Ticket) -> Pending<'a, ()> {
        let values = vec![Value::Int(claim.session), claim.owner.as_str().into()];
        Box::pin(async move { self.execute(schema::RELEASE, values).await.map(drop) })
    }

    fn summary(&self) -> Pending<'_, Summary> {
        Box::pin(self.server.on(async |pool: Rc<Pool>| pool.run(async |t| read::summary(t).await).await))
    }

    fn page(&self, after: i64, limit: usize, only: Only) -> Pending<'_, Vec<Record>> {
        Box::pin(
            self.server
                .on(async move |pool: Rc<Pool>| pool.run(async |t| read::page(t, after, limit, only).await).await),
        )
    }

    fn retry(&self, quarantined: bool) -> Pending<'_, u64> {
        Box::pin(self.server.on(async move |pool: Rc<Pool>| {
            let highest = [Value::Int(if quarantined { 5 } else { 4 })];
            pool.run(async |t| {
                let n = t.execute(schema::RETRY_ITEMS, &highest).await?;
                t.execute(schema::RETRY_SESSIONS, &highest).await?;
                Ok(n)
            })
            .await
        }))
    }
}

/// A transaction that speaks our SQL.
pub(super) struct Tx<'a> {
    inner: Transaction<'a>,
}

impl Tx<'_> {
    async fn query(&self, sql: &str, values: &[Value]) -> Result<Vec<tokio_postgres::Row>, Failed> {
        let values: Vec<&(dyn tokio_postgres::types::ToSql + Sync)> = values.iter().map(|v| v as _).collect();
        Ok(self.inner.query(&POSTGRES.say(sql), &values).await?)
    }

    async fn execute(&self, sql: &str, values: &[Value]) -> Result<u64, Failed> {
        let values: Vec<&(dyn tokio_postgres::types::ToSql + Sync)> = values.iter().map(|v| v as _).collect();
        Ok(self.inner.execute(&POSTGRES.say(sql), &values).await?)
    }
}

async fn migrate(t: &Tx<'_>) -> Result<(), Failed> {
    const VERSION: &str = "schema";
    t.inner.batch_execute(schema::FACTS).await?;
    let known = t.query(schema::GET_FACT, &[VERSION.into()]).await?;
    let known: usize = known.first().and_then(|r| r.get::<_, String>(0).parse().ok()).unwrap_or(0);
    if known > schema::VERSION {
        let message = format!("the tables have version {known}, this program knows up to {}", schema::VERSION);
        return Err(Error::new(ErrorKind::Mismatch, message).into());
    }
    for (n, script) in POSTGRES.migrations(known) {
        t.inner.batch_execute(&script).await?;
        t.execute(schema::SET_FACT, &[VERSION.into(), n.to_string().into()]).await?;
    }
    Ok(())
}

async fn apply(t: &Tx<'_>, claim: &Ticket, id: &str, changes: &[Change]) -> Result<(), Failed> {
    let session = claim.session;
    let values = [Value::Int(session), claim.owner.as_str().into(), id.into()];
    if t.execute(schema::HOLD, &values).await? != 1 {
        let done = t.query(schema::APPLIED, &values).await?;
        return if done.is_empty() {
            Err(Error::new(ErrorKind::LeaseLost, "another worker has the session").into())
        } else {
            Ok(())
        };
    }
    let mut moved = Moved::default();
    for change in changes {
        let (sql, values) = schema::change(session, change, &mut moved)?;
        if t.execute(&sql, &values).await? != 1 {
            return Err(schema::forbidden(change).into());
        }
        if let Some((state, failure)) = schema::ends_items(change) {
            let n = t.execute(schema::FAIL_OPEN_ITEMS, &schema::end_items(session, state, failure)).await? as i64;
            match state {
                ItemState::Failed => moved.failed += n,
                _ => moved.quarantined += n,
            }
        }
    }
    t.execute(schema::SETTLE, &moved.settle(session).map(Value::Int)).await.map(drop)
}

async fn import(t: &Tx<'_>, rows: &[Row]) -> Result<(), Failed> {
    let number = async |sql: &str| Ok::<i64, Failed>(t.query(sql, &[]).await?[0].get(0));
    let mut next_item = number("SELECT COALESCE(MAX(id), 0) FROM items").await? + 1;
    let mut next_session = number("SELECT COALESCE(MAX(id), 0) FROM sessions").await? + 1;
    for group in rows.chunk_by(Row::same_session) {
        let session = match group.iter().find_map(|row| row.who.as_ref()) {
            Some(who) => {
                let values = schema::session_values(next_session, who, group.len());
                let id: i64 = t.query(schema::MEET_SESSION, &values).await?[0].get(0);
                next_session = next_session.max(id + 1);
                let bad = group.iter().filter(|row| row.bad.is_some()).count() as i64;
                if bad > 0 {
                    t.execute(schema::COUNT_BAD_ROW, &[Value::Int(id), Value::Int(bad)]).await?;
                }
                Some(id)
            }
            None => None,
        };
        for row in group {
            t.execute(schema::ADD_ITEM, &schema::item_values(next_item, session, row)).await?;
            next_item += 1;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
