//! A journal in memory whose every statement meets what a simulator decides: real tables and the real SQL, with a
//! clock, aborts and lost answers that are not the machine's. Without leases it behaves as SQLite with one process,
//! with them as PostgreSQL with many.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rusqlite::functions::FunctionFlags;
use rusqlite::{Connection, params_from_iter};
use sealpress_client::{Decided, SessionId};
use tokio::time::Instant;

use super::write::{self, import};
use super::{FOREVER, apply, prepare, read, run, sql_failed};
use crate::error::{Error, ErrorKind, Result};
use crate::manifest::Row;
use crate::store::schema::{self, SQLITE};
use crate::store::simulated::{Event, Fate, Machine};
use crate::store::state::Change;
use crate::store::value::Value;
use crate::store::{
    Claim, Detail, Guard, LeaveOut, LeftOut, Mend, Mended, Only, Part, Pending, Record, Store, Summary, Ticket, Which,
};

/// The database: it outlives the processes that use it.
#[derive(Clone)]
pub(crate) struct Database {
    connection: Arc<Mutex<Connection>>,
    /// Milliseconds, as the database's own clock has it.
    now: Arc<AtomicI64>,
    lease: Option<Duration>,
}

impl Database {
    /// One that has taken these rows in.
    pub(crate) fn new(lease: Option<Duration>, rows: &[Row]) -> Result<Self> {
        let connection = Connection::open_in_memory().map_err(sql_failed)?;
        let now = Arc::new(AtomicI64::new(0));
        let clock = Arc::clone(&now);
        // The SQL asks for the time with SQLite's own function, in seconds; half a millisecond against rounding.
        let flags = FunctionFlags::SQLITE_UTF8;
        #[expect(clippy::cast_precision_loss, reason = "simulated time is short")]
        let seconds =
            move |_: &rusqlite::functions::Context<'_>| Ok((clock.load(Ordering::Relaxed) as f64 + 0.5) / 1000.0);
        connection.create_scalar_function("unixepoch", 1, flags, seconds).map_err(sql_failed)?;
        prepare(&connection)?;
        import(&connection, rows)?;
        run(&connection, schema::NO_WORK_IN_BAD_SESSIONS, &[])?;
        run(&connection, schema::SET_FACT, &[crate::store::IMPORTED.into(), "simulated".into()])?;
        Ok(Self { connection: Arc::new(Mutex::new(connection)), now, lease })
    }

    fn lock(&self) -> MutexGuard<'_, Connection> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One process's way to the database.
pub(crate) struct Simulated {
    database: Database,
    machine: Arc<dyn Machine>,
    worker: String,
    numbers: AtomicU64,
}

impl Simulated {
    /// What a process does when it starts. Without leases it is the only one.
    pub(crate) fn open(database: &Database, machine: Arc<dyn Machine>, worker: &str) -> Result<Self> {
        database.now.store(machine.now(), Ordering::Relaxed);
        if database.lease.is_none() {
            prepare(&database.lock())?;
        }
        Ok(Self { database: database.clone(), machine, worker: worker.to_owned(), numbers: AtomicU64::new(0) })
    }

    fn next(&self) -> String {
        format!("{}-{}", self.worker, self.numbers.fetch_add(1, Ordering::Relaxed))
    }

    /// One transaction, with what happens on its way there and back. Where many machines share a database, a
    /// transaction that was aborted, or whose answer was lost, is tried again.
    async fn transact<T: Send>(
        &self,
        work: impl Fn(&Connection) -> Result<T> + Send + Sync,
        committed: impl Fn(&T) + Send + Sync,
    ) -> Result<T> {
        loop {
            self.machine.reaches().await;
            let fate = self.machine.fate();
            match fate {
                Fate::Fails => return Err(Error::new(ErrorKind::Journal, "the journal cannot be written")),
                Fate::Aborts if self.database.lease.is_some() => continue,
                _ => {}
            }
            let done = {
                self.database.now.store(self.machine.now(), Ordering::Relaxed);
                let connection = self.database.lock();
                connection.execute_batch("BEGIN").map_err(sql_failed)?;
                let done = work(&connection);
                let end = if done.is_ok() { "COMMIT" } else { "ROLLBACK" };
                connection.execute_batch(end).map_err(sql_failed)?;
                done
            };
            if let Ok(value) = &done {
                committed(value);
            }
            self.machine.answers().await;
            if fate != Fate::Unanswered || self.database.lease.is_none() {
                return done;
            }
        }
    }

    async fn plain<T: Send>(&self, work: impl Fn(&Connection) -> Result<T> + Send + Sync) -> Result<T> {
        self.transact(work, |_| {}).await
    }
}

impl Store for Simulated {
    fn fact(&self, key: &'static str) -> Pending<'_, Option<String>> {
        Box::pin(self.plain(move |c| read::fact(c, key)))
    }

    fn note(&self, key: &'static str, value: String) -> Pending<'_, ()> {
        Box::pin(self.plain(move |c| run(c, schema::SET_FACT, &[key.into(), value.as_str().into()]).map(drop)))
    }

    fn import_lock(&self) -> Pending<'_, Guard> {
        Box::pin(async { Ok(Box::new(()) as Guard) })
    }

    fn clear(&self) -> Pending<'_, ()> {
        Box::pin(self.plain(|c| schema::CLEAR.iter().try_for_each(|sql| run(c, sql, &[]).map(drop))))
    }

    fn import(&self, rows: Vec<Row>) -> Pending<'_, ()> {
        Box::pin(self.plain(move |c| import(c, &rows)))
    }

    fn finish_import(&self, fingerprint: String, grown: bool) -> Pending<'_, ()> {
        Box::pin(self.plain(move |c| {
            if grown {
                run(c, schema::RECOUNT, &[])?;
                run(c, schema::RESUME, &[])?;
            }
            run(c, schema::NO_WORK_IN_BAD_SESSIONS, &[])?;
            run(c, schema::SET_FACT, &[crate::store::IMPORTED.into(), fingerprint.as_str().into()]).map(drop)
        }))
    }

    fn claim(&self, max: usize, submit: bool, part: &Part) -> Pending<'_, Vec<Claim>> {
        let (sql, keys) = schema::claim(part, &SQLITE);
        let (owner, lease) = (self.next(), self.database.lease);
        Box::pin(async move {
            // Counted from before the database counts: our clock ends the lease first.
            let until = lease.map(|lease| Instant::now() + lease);
            let sql = SQLITE.say(&sql);
            let for_ms = lease.map_or(FOREVER, |lease| i64::try_from(lease.as_millis()).unwrap_or(FOREVER));
            let max = i64::try_from(max).unwrap_or(i64::MAX);
            let highest = if submit { 2i64 } else { 1 };
            let work = |c: &Connection| {
                let values = [owner.as_str().into(), Value::Int(for_ms), Value::Int(max), Value::Int(highest)];
                let mut statement = c.prepare_cached(&sql).map_err(sql_failed)?;
                let mut ids = statement
                    .query_map(params_from_iter(values.into_iter().chain(keys.clone())), |r| r.get::<_, i64>(0))
                    .and_then(Iterator::collect::<rusqlite::Result<Vec<_>>>)
                    .map_err(sql_failed)?;
                ids.sort_unstable();
                let ticket = |session| Ticket { session, owner: owner.clone(), until };
                ids.into_iter().map(|session| read::claim(c, ticket(session))).collect::<Result<Vec<_>>>()
            };
            let claims = self.transact(work, |claims: &Vec<Claim>| {
                claims.iter().for_each(|claim| self.machine.commits(&Event::Claimed(claim.session.id)));
            });
            claims.await
        })
    }

    fn others_at_work(&self, submit: bool) -> Pending<'_, bool> {
        let highest = if submit { 2i64 } else { 1 };
        Box::pin(async move {
            if self.database.lease.is_none() {
                return Ok(false);
            }
            let due = |c: &Connection| {
                let mut statement = c.prepare_cached(schema::ANY_DUE).map_err(sql_failed)?;
                statement.exists([highest]).map_err(sql_failed)
            };
            self.plain(due).await
        })
    }

    fn apply<'a>(&'a self, claim: &'a Ticket, changes: Vec<Change>) -> Pending<'a, ()> {
        // A commit whose answer was lost is tried again, and must not count twice.
        let id = self.next();
        Box::pin(async move {
            let events: Vec<Event> = changes.iter().filter_map(|change| Event::of(claim.session, change)).collect();
            events.iter().for_each(|event| self.machine.asks(event));
            let has = |c: &Connection, sql: &str, values: &[Value]| {
                c.prepare_cached(sql).and_then(|mut s| s.exists(params_from_iter(values))).map_err(sql_failed)
            };
            let work = |c: &Connection| {
                if self.database.lease.is_some() {
                    let values = [Value::Int(claim.session), claim.owner.as_str().into(), id.as_str().into()];
                    if has(c, schema::APPLIED, &values)? {
                        return Ok(());
                    }
                    let is_ours = has(c, "SELECT 1 FROM sessions WHERE id = ?1 AND lease_owner = ?2", &values[..2])?;
                    if !is_ours {
                        return Err(Error::new(ErrorKind::LeaseLost, "another worker has the session"));
                    }
                }
                apply(c, claim.session, &claim.owner, &id, &changes)
            };
            self.transact(work, |()| events.iter().for_each(|event| self.machine.commits(event))).await
        })
    }

    fn renew<'a>(&'a self, claim: &'a Ticket) -> Pending<'a, Option<Instant>> {
        Box::pin(async move {
            let Some(lease) = self.database.lease else { return Ok(None) };
            let until = Instant::now() + lease;
            let for_ms = i64::try_from(lease.as_millis()).unwrap_or(FOREVER);
            let values = [Value::Int(claim.session), claim.owner.as_str().into(), Value::Int(for_ms)];
            let renewed = |n: &usize| {
                if *n > 0 {
                    self.machine.commits(&Event::Renewed(claim.session));
                }
            };
            match self.transact(|c| run(c, schema::RENEW, &values), renewed).await? {
                0 => Err(Error::new(ErrorKind::LeaseLost, "another worker has the session")),
                _ => Ok(Some(until)),
            }
        })
    }

    fn release<'a>(&'a self, claim: &'a Ticket) -> Pending<'a, ()> {
        let values = [Value::Int(claim.session), claim.owner.as_str().into()];
        Box::pin(self.plain(move |c| run(c, schema::RELEASE, &values).map(drop)))
    }

    fn summary(&self) -> Pending<'_, Summary> {
        Box::pin(self.plain(read::summary))
    }

    fn page(&self, after: i64, limit: usize, only: Only) -> Pending<'_, Vec<Record>> {
        Box::pin(self.plain(move |c| read::page(c, after, limit, only)))
    }

    fn detail(&self, limit: usize) -> Pending<'_, Detail> {
        Box::pin(self.plain(move |c| read::detail(c, limit)))
    }

    fn retry(&self, which: Which) -> Pending<'_, u64> {
        let states = which.states().map(Value::Int);
        Box::pin(self.plain(move |c| {
            let n = run(c, schema::RETRY_ITEMS, &states)?;
            run(c, schema::RETRY_SESSIONS, &states)?;
            Ok(n as u64)
        }))
    }

    fn undecided(&self, after: i64, limit: usize) -> Pending<'_, Vec<(i64, SessionId)>> {
        Box::pin(self.plain(move |c| read::undecided(c, after, limit)))
    }

    fn decide(&self, session: i64, decided: Decided) -> Pending<'_, ()> {
        let values = schema::decided_values(session, &decided);
        Box::pin(self.plain(move |c| run(c, schema::DECIDE, &values).map(drop)))
    }

    fn verdicts(&self) -> Pending<'_, Vec<(String, u64)>> {
        Box::pin(self.plain(read::verdicts))
    }

    fn reopen_gone(&self) -> Pending<'_, u64> {
        Box::pin(self.plain(|c| {
            let n = run(c, schema::REOPEN_GONE_ITEMS, &[])?;
            run(c, schema::REOPEN_GONE_SESSIONS, &[])?;
            Ok(n as u64)
        }))
    }

    fn leave_out(&self, keys: Vec<String>, what: LeaveOut) -> Pending<'_, Vec<LeftOut>> {
        Box::pin(self.plain(move |c| write::leave_out(c, &keys, what)))
    }

    fn mend(&self, rows: Vec<Mended>) -> Pending<'_, Vec<Mend>> {
        Box::pin(self.plain(move |c| write::mend(c, &rows)))
    }

    fn erase(&self) -> Pending<'_, ()> {
        self.clear()
    }

    fn backup(&self, to: std::path::PathBuf) -> Pending<'_, ()> {
        let message = format!("{} is no place for a journal in memory", to.display());
        Box::pin(async move { Err(Error::new(ErrorKind::Config, message)) })
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;
    use crate::store::conformance;

    /// A machine on which nothing happens.
    struct Calm;

    impl Machine for Calm {
        fn reaches(&self) -> futures_util::future::BoxFuture<'_, ()> {
            std::future::ready(()).boxed()
        }
        fn answers(&self) -> futures_util::future::BoxFuture<'_, ()> {
            std::future::ready(()).boxed()
        }
        fn fate(&self) -> Fate {
            Fate::Done
        }
        fn now(&self) -> i64 {
            1_800_000_000_000
        }
        fn asks(&self, _: &Event) {}
        fn commits(&self, _: &Event) {}
    }

    #[tokio::test]
    async fn it_is_a_store_as_the_others_are() {
        for lease in [None, Some(Duration::from_secs(60))] {
            let store = || Simulated::open(&Database::new(lease, &[]).unwrap(), Arc::new(Calm), "worker").unwrap();
            conformance::a_session_goes_its_way(&store()).await;
            conformance::failures_keep_a_session_open(&store()).await;
            conformance::retry_sets_back(&store()).await;
            conformance::pieces_outlive_their_worker(&store()).await;
            conformance::frames_are_left_out(&store()).await;
            conformance::doubts_keep_their_looks(&store()).await;
        }
    }
}
