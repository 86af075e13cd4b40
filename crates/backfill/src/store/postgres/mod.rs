//! The journal of many machines: PostgreSQL, the same tables and the same machine in the other
//! dialect. A session is a worker's by a lease of a minute, which is renewed while it is worked on
//! and judged by the worker's own monotonic clock before every POST. Whoever comes after a dead
//! worker finds in the journal what may have been sent.

#[cfg(test)]
pub(crate) mod cluster;
mod once;
mod pgpass;
mod pool;
mod read;
mod server;
mod tls;
mod write;

use std::path::Path;
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use sealpress_client::{Decided, SessionId};
use tokio::time::Instant;
use tokio_postgres::Transaction;

use super::changes::{self, Moved};
use super::schema::{self, POSTGRES};
use super::state::{Change, ItemState};
use super::value::Value;
use super::{Claim, Detail, LeaveOut, LeftOut, Mend, Only, Part, Pending, Record, Store, Summary, Ticket, Which};
use crate::error::{Error, ErrorKind, Result};
use crate::manifest::Row;
use once::{begin_to_take_in, once, still_takes_in};
use pool::{Failed, Pool};
use server::Server;
use write::{clear, import, leave_out, mend};

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

    /// The tables of a manifest among those of many jobs: the ones that took in the same content,
    /// wherever it lay; else those of this place, which `own` names. Two workers that begin at the
    /// same moment agree.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub(crate) async fn namespace_of(
        url: &str,
        authority: Option<&Path>,
        own: &str,
        fingerprint: &str,
    ) -> Result<String> {
        // The connection makes a schema; this one is known to be wanted, if only by the next manifest.
        let server = Server::start(Pool::new(url, "sealpress_jobs", authority)?)?;
        let lock = server.on(async |pool: Rc<Pool>| pool.lock().await).await?;
        let (own, fingerprint) = (own.to_owned(), fingerprint.to_owned());
        let found = server
            .on(async move |pool: Rc<Pool>| pool.run(async |t| namespace_of(t, &own, &fingerprint).await).await)
            .await?;
        drop(lock);
        Ok(found)
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
            let worker = self.worker.clone();
            let begin = async move |pool: Rc<Pool>| pool.run(async |t| begin_to_take_in(t, &worker).await).await;
            self.server.on(begin).await?;
            Ok(Box::new(lock) as super::Guard)
        })
    }

    fn clear(&self) -> Pending<'_, ()> {
        let worker = self.worker.clone();
        Box::pin(self.server.on(async move |pool: Rc<Pool>| {
            pool.run(async |t| {
                still_takes_in(t, &worker).await?;
                clear(t).await
            })
            .await
        }))
    }

    fn import(&self, rows: Vec<Row>) -> Pending<'_, ()> {
        let (worker, id) = (self.worker.clone(), self.next(&self.changes));
        Box::pin(self.server.on(async move |pool: Rc<Pool>| {
            pool.run(async |t| {
                still_takes_in(t, &worker).await?;
                once(t, &id, async || import(t, &rows).await).await
            })
            .await
        }))
    }

    fn finish_import(&self, fingerprint: String, grown: bool) -> Pending<'_, ()> {
        let worker = self.worker.clone();
        Box::pin(self.server.on(async move |pool: Rc<Pool>| {
            pool.run(async |t| {
                still_takes_in(t, &worker).await?;
                if grown {
                    t.execute(schema::RECOUNT, &[]).await?;
                    t.execute(schema::RESUME, &[]).await?;
                }
                t.execute(schema::NO_WORK_IN_BAD_SESSIONS, &[]).await?;
                let values = [super::IMPORTED.into(), fingerprint.as_str().into()];
                t.execute(schema::SET_FACT, &values).await.map(drop)
            })
            .await
        }))
    }

    fn claim(&self, max: usize, submit: bool, part: &Part) -> Pending<'_, Vec<Claim>> {
        let (owner, lease) = (self.next(&self.claims), self.lease);
        let (sql, keys) = schema::claim(part, &POSTGRES);
        Box::pin(self.server.on(async move |pool: Rc<Pool>| {
            let mut values = vec![
                owner.as_str().into(),
                Value::Int(lease.as_millis() as i64),
                Value::Int(i64::try_from(max).unwrap_or(i64::MAX)),
                Value::Int(if submit { 2 } else { 1 }),
            ];
            values.extend(keys);
            pool.run(async |t| {
                // Counted from before the server counts: our clock ends the lease first.
                let until = Instant::now() + lease;
                let mut ids: Vec<i64> = t.query(&sql, &values).await?.iter().map(|r| r.get(0)).collect();
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

    fn detail(&self, limit: usize) -> Pending<'_, Detail> {
        Box::pin(self.server.on(async move |pool: Rc<Pool>| pool.run(async |t| read::detail(t, limit).await).await))
    }

    fn retry(&self, which: Which) -> Pending<'_, u64> {
        Box::pin(self.server.on(async move |pool: Rc<Pool>| {
            let states = which.states().map(Value::Int);
            pool.run(async |t| {
                let n = t.execute(schema::RETRY_ITEMS, &states).await?;
                t.execute(schema::RETRY_SESSIONS, &states).await?;
                Ok(n)
            })
            .await
        }))
    }

    fn undecided(&self, after: i64, limit: usize) -> Pending<'_, Vec<(i64, SessionId)>> {
        Box::pin(
            self.server
                .on(async move |pool: Rc<Pool>| pool.run(async |t| read::undecided(t, after, limit).await).await),
        )
    }

    fn decide(&self, session: i64, decided: Decided) -> Pending<'_, ()> {
        let values = schema::decided_values(session, &decided).to_vec();
        Box::pin(async move { self.execute(schema::DECIDE, values).await.map(drop) })
    }

    fn verdicts(&self) -> Pending<'_, Vec<(String, u64)>> {
        Box::pin(self.server.on(async |pool: Rc<Pool>| pool.run(async |t| read::verdicts(t).await).await))
    }

    fn reopen_gone(&self) -> Pending<'_, u64> {
        Box::pin(self.server.on(async |pool: Rc<Pool>| {
            pool.run(async |t| {
                let n = t.execute(schema::REOPEN_GONE_ITEMS, &[]).await?;
                t.execute(schema::REOPEN_GONE_SESSIONS, &[]).await?;
                Ok(n)
            })
            .await
        }))
    }

    fn leave_out(&self, keys: Vec<String>, what: LeaveOut) -> Pending<'_, Vec<LeftOut>> {
        let id = self.next(&self.changes);
        Box::pin(self.server.on(async move |pool: Rc<Pool>| {
            pool.run(async |t| once(t, &id, async || leave_out(t, &keys, what).await).await).await
        }))
    }

    fn mend(&self, rows: Vec<super::Mended>) -> Pending<'_, Vec<Mend>> {
        let id = self.next(&self.changes);
        Box::pin(self.server.on(async move |pool: Rc<Pool>| {
            pool.run(async |t| once(t, &id, async || mend(t, &rows).await).await).await
        }))
    }

    fn erase(&self) -> Pending<'_, ()> {
        Box::pin(self.server.on(async |pool: Rc<Pool>| pool.run(clear).await))
    }

    fn backup(&self, _: std::path::PathBuf) -> Pending<'_, ()> {
        Box::pin(async {
            let message = "a journal in PostgreSQL is backed up with its own tools, such as pg_dump --schema";
            Err(Error::new(ErrorKind::Config, message))
        })
    }
}

/// A transaction that speaks our SQL.
pub(super) struct Tx<'a> {
    inner: Transaction<'a>,
}

impl Tx<'_> {
    async fn query(&self, sql: &str, values: &[Value]) -> Result<Vec<tokio_postgres::Row>, Failed> {
        let values: Vec<&(dyn tokio_postgres::types::ToSql + Sync)> = values.iter().map(|v| v as _).collect();
        Ok(self.inner.query(&*POSTGRES.say(sql), &values).await?)
    }

    async fn execute(&self, sql: &str, values: &[Value]) -> Result<u64, Failed> {
        let values: Vec<&(dyn tokio_postgres::types::ToSql + Sync)> = values.iter().map(|v| v as _).collect();
        Ok(self.inner.execute(&*POSTGRES.say(sql), &values).await?)
    }
}

async fn namespace_of(t: &Tx<'_>, own: &str, fingerprint: &str) -> Result<String, Failed> {
    const JOBS: &str = "CREATE TABLE IF NOT EXISTS jobs (fingerprint TEXT PRIMARY KEY, namespace TEXT NOT NULL)";
    const KNOWN: &str = "SELECT namespace FROM jobs WHERE fingerprint = ?1";
    const NOTE: &str = "INSERT INTO jobs (fingerprint, namespace) VALUES (?1, ?2) ON CONFLICT (fingerprint) DO NOTHING";
    // Tables of the version that had one name for all jobs.
    const OLD: &str =
        "SELECT 1 FROM information_schema.tables WHERE table_schema = 'sealpress' AND table_name = 'facts'";
    const OLD_FACT: &str = "SELECT 1 FROM sealpress.facts WHERE key = 'imported' AND value = ?1";
    t.inner.batch_execute(JOBS).await?;
    if let Some(row) = t.query(KNOWN, &[fingerprint.into()]).await?.first() {
        return Ok(row.get(0));
    }
    let is_old = !t.query(OLD, &[]).await?.is_empty() && !t.query(OLD_FACT, &[fingerprint.into()]).await?.is_empty();
    let namespace = if is_old { "sealpress" } else { own };
    t.execute(NOTE, &[fingerprint.into(), namespace.into()]).await?;
    Ok(namespace.to_owned())
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
        let (sql, values) = changes::change(session, change, &mut moved)?;
        if t.execute(&sql, &values).await? != 1 {
            return Err(changes::forbidden(change).into());
        }
        if let Some((state, failure)) = changes::ends_items(change) {
            let n = t.execute(schema::FAIL_OPEN_ITEMS, &schema::end_items(session, state, failure)).await? as i64;
            match state {
                ItemState::Failed => moved.failed += n,
                _ => moved.quarantined += n,
            }
        }
        for (sql, values) in changes::beside(session, change) {
            t.execute(&sql, &values).await?;
        }
    }
    t.execute(schema::SETTLE, &moved.settle(session).map(Value::Int)).await.map(drop)
}

#[cfg(test)]
mod tests;
