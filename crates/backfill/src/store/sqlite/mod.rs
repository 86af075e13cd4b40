//! The journal of one machine: SQLite in WAL mode, synced on every commit, written by one thread.

mod lock;
mod read;
#[cfg(feature = "simulation")]
pub(crate) mod simulated;
mod wal;
mod write;
mod writer;

use std::fs::File;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::{Connection, OpenFlags, params_from_iter};
use sealpress_client::{Decided, SessionId};
use tokio::time::Instant;
use writer::{When, Writer};

use super::changes::{self, Moved};
use super::schema::{self, SQLITE};
use super::state::{Change, ItemState};
use super::value::Value;
use super::{Claim, Detail, LeaveOut, LeftOut, Mend, Only, Part, Pending, Record, Store, Summary, Ticket, Which};
use crate::error::{Error, ErrorKind, Result};
use crate::manifest::Row;

const FILE: &str = "journal.db";
const LOCK: &str = "journal.lock";
/// `PRAGMA application_id` of our journals: "slpr".
const APPLICATION: i64 = 0x736c_7072;
/// Nobody else can take a session while we hold the lock, so that its lease never ends.
const FOREVER: i64 = 1 << 50;

/// A journal in a directory of its own.
pub(crate) struct Sqlite {
    /// `None` for onlookers, who may read while another process runs.
    writer: Option<Writer>,
    reader: Arc<Mutex<Connection>>,
    changes: AtomicU64,
    directory: std::path::PathBuf,
    /// Held while the journal is open for writing; dropped, and with it released, after the writer.
    lock: Option<File>,
}

impl Sqlite {
    /// Opens the journal in `directory` for writing, making it where there is none.
    ///
    /// # Errors
    /// `Locked` while another process has it, `Corrupt` where a record cannot be trusted,
    /// `Mismatch` where a newer version or another program wrote it.
    pub(crate) fn open(directory: &Path) -> Result<Self> {
        crate::private::folder(directory)
            .map_err(|e| Error::caused(ErrorKind::Io, format!("{} cannot be made", directory.display()), e))?;
        let (lock, begun) = lock::take(&directory.join(LOCK))?;
        let path = directory.join(FILE);
        // Journal and results carry people's names; what SQLite makes beside it gets the same rights.
        crate::private::open(&path)
            .and_then(|_| crate::private::restrict(&path, 0o600))
            .map_err(|e| Error::caused(ErrorKind::Io, format!("{} cannot be written", path.display()), e))?;
        let log = directory.join(format!("{FILE}-wal"));
        let found =
            wal::inspect(&log).map_err(|e| Error::caused(ErrorKind::Io, "the journal's log cannot be read", e))?;
        match found {
            wal::Found::Sound => {}
            wal::Found::Torn => tracing::warn!("the journal's last record was not written to its end and is cut"),
            wal::Found::Damaged => {
                let what = "its log has a damaged record before good ones";
                return Err(corrupt(what));
            }
        }
        let connection = Connection::open(&path).map_err(sql_failed)?;
        let tables: i64 =
            connection.query_row("SELECT COUNT(*) FROM sqlite_schema", [], |r| r.get(0)).map_err(sql_failed)?;
        if tables == 0 && (begun || directory.join(crate::results::RESULTS).exists()) {
            let message = format!(
                "the journal {} has no tables, but a run was here before: it was emptied, or copied without its log. \
                 Nothing was sent. Put back the journal or a copy that `backfill backup` made, or start anew with \
                 another --state directory after comparing with the provider",
                path.display()
            );
            return Err(Error::new(ErrorKind::Corrupt, message));
        }
        prepare(&connection)?;
        // From here on an empty journal is a journal that was lost.
        checkpoint(&connection);
        lock::mark_begun(&lock);
        let reader = Connection::open_with_flags(&path, OpenFlags::SQLITE_OPEN_READ_ONLY).map_err(sql_failed)?;
        let writer = Writer::start(connection)?;
        Ok(Self {
            writer: Some(writer),
            reader: Arc::new(Mutex::new(reader)),
            changes: first_change(),
            directory: directory.to_owned(),
            lock: Some(lock),
        })
    }

    /// Opens the journal in `directory` for reading only; another process may be writing.
    pub(crate) fn observe(directory: &Path) -> Result<Self> {
        let path = directory.join(FILE);
        if !path.exists() {
            return Err(Error::new(
                ErrorKind::Io,
                format!("no journal in {}; nothing was run yet", directory.display()),
            ));
        }
        let reader = Connection::open_with_flags(&path, OpenFlags::SQLITE_OPEN_READ_ONLY).map_err(sql_failed)?;
        reader.busy_timeout(std::time::Duration::from_secs(5)).map_err(sql_failed)?;
        let tables: i64 =
            reader.query_row("SELECT COUNT(*) FROM sqlite_schema", [], |r| r.get(0)).map_err(sql_failed)?;
        if tables == 0 {
            return Err(corrupt("it has no tables"));
        }
        if version(&reader)? < schema::VERSION {
            // An older version's journal: its tables are brought up to date first.
            drop(reader);
            drop(Self::open(directory)?);
            return Self::observe(directory);
        }
        Ok(Self {
            writer: None,
            reader: Arc::new(Mutex::new(reader)),
            changes: first_change(),
            directory: directory.to_owned(),
            lock: None,
        })
    }

    async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        self.write_when(When::Now, work).await
    }

    async fn write_when<T: Send + 'static>(
        &self,
        when: When,
        work: impl FnOnce(&Connection) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        match &self.writer {
            Some(writer) => writer.run(when, work).await,
            None => Err(Error::new(ErrorKind::Journal, "this journal was opened for reading")),
        }
    }

    async fn read<T: Send + 'static>(&self, work: impl FnOnce(&Connection) -> Result<T> + Send + 'static) -> Result<T> {
        let reader = Arc::clone(&self.reader);
        tokio::task::spawn_blocking(move || work(&reader.lock().unwrap_or_else(PoisonError::into_inner)))
            .await
            .map_err(|e| Error::caused(ErrorKind::Journal, "a read of the journal panicked", e))?
    }
}

impl Store for Sqlite {
    fn fact(&self, key: &'static str) -> Pending<'_, Option<String>> {
        Box::pin(self.read(move |c| read::fact(c, key)))
    }

    fn note(&self, key: &'static str, value: String) -> Pending<'_, ()> {
        Box::pin(self.write(move |c| run(c, schema::SET_FACT, &[key.into(), value.into()]).map(drop)))
    }

    fn import_lock(&self) -> Pending<'_, super::Guard> {
        // The whole journal is ours.
        Box::pin(async { Ok(Box::new(()) as super::Guard) })
    }

    fn clear(&self) -> Pending<'_, ()> {
        Box::pin(self.write(|c| schema::CLEAR.iter().try_for_each(|sql| run(c, sql, &[]).map(drop))))
    }

    fn import(&self, rows: Vec<Row>) -> Pending<'_, ()> {
        Box::pin(self.write(move |c| write::import(c, &rows)))
    }

    fn finish_import(&self, fingerprint: String, grown: bool) -> Pending<'_, ()> {
        Box::pin(self.write(move |c| {
            if grown {
                run(c, schema::RECOUNT, &[])?;
                run(c, schema::RESUME, &[])?;
            }
            run(c, schema::NO_WORK_IN_BAD_SESSIONS, &[])?;
            run(c, schema::SET_FACT, &[super::IMPORTED.into(), fingerprint.into()]).map(drop)
        }))
    }

    fn claim(&self, max: usize, submit: bool, part: &Part) -> Pending<'_, Vec<Claim>> {
        let (sql, keys) = schema::claim(part, &SQLITE);
        Box::pin(self.write(move |c| {
            let owner = "this process".to_owned();
            let max = i64::try_from(max).unwrap_or(i64::MAX);
            let sql = SQLITE.say(&sql);
            let highest = if submit { 2i64 } else { 1 };
            let mut statement = c.prepare_cached(&sql).map_err(sql_failed)?;
            let values = [owner.as_str().into(), Value::Int(FOREVER), Value::Int(max), Value::Int(highest)];
            let ids = statement
                .query_map(params_from_iter(values.into_iter().chain(keys)), |r| r.get::<_, i64>(0))
                .and_then(Iterator::collect::<rusqlite::Result<Vec<_>>>)
                .map_err(sql_failed)?;
            let mut claims: Vec<Claim> = ids
                .into_iter()
                .map(|session| read::claim(c, Ticket { session, owner: owner.clone(), until: None }))
                .collect::<Result<_>>()?;
            claims.sort_by_key(|claim| claim.ticket.session);
            Ok(claims)
        }))
    }

    fn others_at_work(&self, _: bool) -> Pending<'_, bool> {
        Box::pin(async { Ok(false) })
    }

    fn apply<'a>(&'a self, claim: &'a Ticket, changes: Vec<Change>) -> Pending<'a, ()> {
        let (session, owner) = (claim.session, claim.owner.clone());
        let id = self.changes.fetch_add(1, Ordering::Relaxed).to_string();
        let when = if changes.iter().any(Change::is_urgent) { When::Now } else { When::Soon };
        Box::pin(self.write_when(when, move |c| apply(c, session, &owner, &id, &changes)))
    }

    fn renew<'a>(&'a self, _: &'a Ticket) -> Pending<'a, Option<Instant>> {
        Box::pin(async { Ok(None) })
    }

    fn release<'a>(&'a self, claim: &'a Ticket) -> Pending<'a, ()> {
        let values = [Value::Int(claim.session), claim.owner.as_str().into()];
        Box::pin(self.write_when(When::Soon, move |c| run(c, schema::RELEASE, &values).map(drop)))
    }

    fn summary(&self) -> Pending<'_, Summary> {
        Box::pin(self.read(read::summary))
    }

    fn page(&self, after: i64, limit: usize, only: Only) -> Pending<'_, Vec<Record>> {
        Box::pin(self.read(move |c| read::page(c, after, limit, only)))
    }

    fn detail(&self, limit: usize) -> Pending<'_, Detail> {
        let (held, beside) = (self.lock.is_some(), self.directory.join(LOCK));
        Box::pin(self.read(move |c| {
            let workers = u64::from(held || lock::is_held(&beside));
            let detail = read::detail(c, limit)?;
            // Leases of a process that was killed are nobody's work.
            Ok(Detail { workers, at_work: if workers > 0 { detail.at_work } else { 0 }, ..detail })
        }))
    }

    fn retry(&self, which: Which) -> Pending<'_, u64> {
        let states = which.states().map(Value::Int);
        Box::pin(self.write(move |c| {
            let n = run(c, schema::RETRY_ITEMS, &states)?;
            run(c, schema::RETRY_SESSIONS, &states)?;
            Ok(n as u64)
        }))
    }

    fn undecided(&self, after: i64, limit: usize) -> Pending<'_, Vec<(i64, SessionId)>> {
        Box::pin(self.read(move |c| read::undecided(c, after, limit)))
    }

    fn decide(&self, session: i64, decided: Decided) -> Pending<'_, ()> {
        let values = schema::decided_values(session, &decided);
        Box::pin(self.write_when(When::Soon, move |c| run(c, schema::DECIDE, &values).map(drop)))
    }

    fn verdicts(&self) -> Pending<'_, Vec<(String, u64)>> {
        Box::pin(self.read(read::verdicts))
    }

    fn reopen_gone(&self) -> Pending<'_, u64> {
        Box::pin(self.write(|c| {
            let n = run(c, schema::REOPEN_GONE_ITEMS, &[])?;
            run(c, schema::REOPEN_GONE_SESSIONS, &[])?;
            Ok(n as u64)
        }))
    }

    fn leave_out(&self, keys: Vec<String>, what: LeaveOut) -> Pending<'_, Vec<LeftOut>> {
        Box::pin(self.write(move |c| write::leave_out(c, &keys, what)))
    }

    fn mend(&self, rows: Vec<super::Mended>) -> Pending<'_, Vec<Mend>> {
        Box::pin(self.write(move |c| write::mend(c, &rows)))
    }

    fn erase(&self) -> Pending<'_, ()> {
        Box::pin(self.write(|c| {
            // What is deleted is overwritten, in the journal and, when that is moved, in its log.
            c.execute_batch("PRAGMA secure_delete = ON").map_err(sql_failed)?;
            schema::CLEAR.iter().try_for_each(|sql| run(c, sql, &[]).map(drop))
        }))
    }

    fn backup(&self, to: std::path::PathBuf) -> Pending<'_, ()> {
        Box::pin(self.read(move |c| {
            // An empty file is taken, and keeps its rights.
            crate::private::create(&to)
                .map_err(|e| Error::caused(ErrorKind::Io, format!("{} cannot be made", to.display()), e))?;
            c.execute("VACUUM INTO ?1", [to.to_string_lossy().as_ref()]).map(drop).map_err(sql_failed)
        }))
    }
}

/// Changes are numbered from the clock on, so that no run repeats another one's numbers.
fn first_change() -> AtomicU64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    AtomicU64::new(u64::try_from(now.as_nanos()).unwrap_or_default())
}

/// Moves what stands in the log into the journal itself, so that a copy of the file is the journal.
/// One that cannot be done now is done another time.
fn checkpoint(c: &Connection) {
    let done = c.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |r| r.get::<_, i64>(0));
    if !matches!(done, Ok(0)) {
        tracing::debug!("the journal's log could not be moved into it now");
    }
}

fn prepare(c: &Connection) -> Result<()> {
    let number = |sql: &str| c.query_row(sql, [], |r| r.get::<_, i64>(0)).map_err(sql_failed);
    let tables = number("SELECT COUNT(*) FROM sqlite_schema")?;
    if tables > 0 && number("PRAGMA application_id")? != APPLICATION {
        return Err(Error::new(ErrorKind::Mismatch, "this database is not a journal of sealpress"));
    }
    c.execute_batch(&format!(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 4000;
         PRAGMA journal_size_limit = 67108864; PRAGMA cache_size = -65536; PRAGMA application_id = {APPLICATION};"
    ))
    .map_err(sql_failed)?;
    c.set_prepared_statement_cache_capacity(64);
    let damage: String = c.query_row("PRAGMA quick_check(1)", [], |r| r.get(0)).map_err(sql_failed)?;
    if damage != "ok" {
        return Err(corrupt(&damage));
    }
    let from = version(c)?;
    for (n, script) in SQLITE.migrations(from) {
        let script = format!("BEGIN IMMEDIATE; {};\n{script}; PRAGMA user_version = {n}; COMMIT", schema::FACTS);
        c.execute_batch(&script).map_err(sql_failed)?;
    }
    // A session that a dead process held is free again: we hold the lock.
    run(c, schema::FREE_ALL, &[])?;
    if read::fact(c, super::IMPORTED)?.is_some() && number(schema::AUDIT)? > 0 {
        return Err(corrupt("the counters of a session do not agree with its items"));
    }
    Ok(())
}

fn version(c: &Connection) -> Result<usize> {
    let version = c.query_row("PRAGMA user_version", [], |r| r.get::<_, i64>(0)).map_err(sql_failed)?;
    match usize::try_from(version) {
        Ok(n) if n <= schema::VERSION => Ok(n),
        _ => {
            let message = format!("the journal has version {version}, this program knows up to {}", schema::VERSION);
            Err(Error::new(ErrorKind::Mismatch, message))
        }
    }
}

fn run(c: &Connection, sql: &str, values: &[Value]) -> Result<usize> {
    c.prepare_cached(&SQLITE.say(sql)).and_then(|mut s| s.execute(params_from_iter(values))).map_err(sql_failed)
}

fn apply(c: &Connection, session: i64, owner: &str, id: &str, changes: &[Change]) -> Result<()> {
    if run(c, schema::HOLD, &[Value::Int(session), owner.into(), id.into()])? != 1 {
        return Err(Error::new(ErrorKind::Illegal, "a change of a session that nobody claimed"));
    }
    let mut moved = Moved::default();
    for change in changes {
        let (sql, values) = changes::change(session, change, &mut moved)?;
        if run(c, &sql, &values)? != 1 {
            return Err(changes::forbidden(change));
        }
        if let Some((state, failure)) = changes::ends_items(change) {
            let values = schema::end_items(session, state, failure);
            let n = run(c, schema::FAIL_OPEN_ITEMS, &values)? as i64;
            match state {
                ItemState::Failed => moved.failed += n,
                _ => moved.quarantined += n,
            }
        }
        for (sql, values) in changes::beside(session, change) {
            run(c, &sql, &values)?;
        }
    }
    run(c, schema::SETTLE, &moved.settle(session).map(Value::Int)).map(drop)
}

fn corrupt(what: &str) -> Error {
    let message = format!(
        "the journal is damaged: {what}. Nothing was sent. Keep the file, restore a copy of it, or start anew with \
         another --state directory after comparing with the provider"
    );
    Error::new(ErrorKind::Corrupt, message)
}

fn sql_failed(error: rusqlite::Error) -> Error {
    use rusqlite::ErrorCode;
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => corrupt(&error.to_string()),
        _ => Error::caused(ErrorKind::Journal, "the journal", error),
    }
}

#[cfg(test)]
mod tests;
