//! A run over a journal in memory, for a simulator that decides what happens to each of its statements.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use sealpress_client::{Context, MediaId, SessionId};
use sealpress_pipeline::{self as pipeline, Fetch};

use crate::error::Result;
use crate::exit::Exit;
use crate::manifest::{Row, Who};
use crate::run::{Finished, RunOptions, Runner};
use crate::source::Sources;
use crate::store::sqlite::simulated::{Database, Simulated};
use crate::store::state::{Change, Via};
use crate::store::{Store, Which};

/// What a process meets on its way to the database.
pub trait Machine: Send + Sync + 'static {
    /// A statement is on its way there.
    fn reaches(&self) -> BoxFuture<'_, ()>;
    /// Its answer is on its way back.
    fn answers(&self) -> BoxFuture<'_, ()>;
    /// What happens to it.
    fn fate(&self) -> Fate;
    /// The database's clock, in milliseconds since 1970.
    fn now(&self) -> i64;
    /// A change is asked for.
    fn asks(&self, event: &Event);
    /// A change is durable.
    fn commits(&self, event: &Event);
}

/// What happens to one transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It is done.
    Done,
    /// It is aborted, or its connection is lost before the commit: tried again where machines share a database.
    Aborts,
    /// It is committed, and the answer is lost: tried again where machines share a database.
    Unanswered,
    /// Nothing can be written any more.
    Fails,
}

/// What the journal is told, by the numbers of items (the order of the manifest, from 1) and sessions (the same).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A session is this process's.
    Claimed(i64),
    /// An item may be on the wire.
    Sending(u64),
    /// An item is not, and may be sent again.
    Returned(u64),
    /// The provider has it.
    Confirmed(u64, MediaId),
    /// Another item, which the provider has, is the same.
    Duplicate(u64, u64),
    /// It will not be sent.
    Failed(u64, String),
    /// Nobody knows.
    Quarantined(u64),
    /// A session has its id.
    Created(i64, String),
    /// A session will not be.
    CreateFailed(i64, String),
    /// A session's media were counted.
    Counted(i64, u64),
    /// Its submit may be on the wire.
    Submitting(i64),
    /// It was not submitted.
    NotSubmitted(i64, String),
}

impl Event {
    pub(crate) fn of(session: i64, change: &Change) -> Option<Self> {
        let item = |item: &i64| item.unsigned_abs();
        Some(match change {
            Change::Sending { item: id, .. } => Self::Sending(item(id)),
            Change::Returned { item: id, .. } => Self::Returned(item(id)),
            Change::Confirmed { item: id, media_id, via, .. } => {
                debug_assert_ne!(*via, Via::Duplicate);
                Self::Confirmed(item(id), media_id.clone())
            }
            Change::Duplicate { item: id, of, .. } => Self::Duplicate(item(id), item(of)),
            Change::Failed { item: id, failure, .. } => Self::Failed(item(id), failure.reason.clone()),
            Change::Quarantined { item: id, .. } => Self::Quarantined(item(id)),
            Change::Created { remote } => Self::Created(session, remote.to_string()),
            Change::CreateFailed(failure) => Self::CreateFailed(session, failure.reason.clone()),
            Change::Counted { unaccounted, .. } => Self::Counted(session, *unaccounted),
            Change::Submitting => Self::Submitting(session),
            Change::SubmitFailed(failure) | Change::SubmitUnknown(failure) => {
                Self::NotSubmitted(session, failure.reason.clone())
            }
            Change::Prepared { .. } | Change::Creating | Change::CreateReturned { .. } | Change::Submitted => {
                return None;
            }
        })
    }
}

/// One row of a manifest.
#[derive(Clone, Debug)]
pub struct Line {
    /// A session that is there, or a subject that is to have one.
    pub of: Whose,
    /// What it shows.
    pub context: Context,
    /// What the media are found by.
    pub media: String,
    /// Capture time.
    pub timestamp: String,
}

/// Whose a row is.
#[derive(Clone, Debug)]
pub enum Whose {
    /// A session's that the provider has.
    Session(SessionId),
    /// A subject's.
    Subject(String),
}

/// Finds media by what a row names them by.
pub type Find = Box<dyn Fn(&str) -> Box<dyn Fetch> + Send + Sync>;

/// A journal that outlives the processes that use it.
#[derive(Clone)]
pub struct Journal(Database);

/// How a process runs.
pub struct Process {
    /// What it meets on its way to the journal.
    pub machine: Arc<dyn Machine>,
    /// Its name.
    pub worker: String,
    /// Its pipeline, but for options and journal.
    pub pipeline: pipeline::Builder,
    /// The pipeline's options.
    pub options: pipeline::Options,
    /// Sessions at a time.
    pub sessions: usize,
    /// Where media are.
    pub find: Find,
    /// Whether failed items are set back to work first, as with `retry-failed`.
    pub retry_failed: bool,
    /// When it is told to stop, if it is.
    pub stopped_after: Option<Duration>,
}

impl Journal {
    /// A journal that has taken these rows in; with a lease, one of many machines.
    ///
    /// # Errors
    /// If the database cannot be made.
    pub fn new(lines: &[Line], lease: Option<Duration>) -> Result<Self> {
        let rows: Vec<Row> = lines.iter().zip(2..).map(row).collect();
        Database::new(lease, &rows).map(Self)
    }

    /// One run, as the program does it: what was in quarantine is looked up again.
    ///
    /// # Errors
    /// A journal that failed.
    pub async fn run(&self, process: Process) -> Result<Finished> {
        let Process { machine, worker, pipeline, options, sessions, find, retry_failed, stopped_after } = process;
        let store = Simulated::open(&self.0, machine, &worker)?;
        store.retry(if retry_failed { Which::Both } else { Which::Quarantined }).await?;
        let options = RunOptions { pipeline: options, sessions, ..RunOptions::default() };
        let runner = Runner::new(Arc::new(store), pipeline, Sources::simulated(find), options)?;
        let stop = runner.stop();
        let signal = async {
            if let Some(after) = stopped_after {
                tokio::time::sleep(after).await;
                stop.signalled(Exit::Terminated);
            }
            std::future::pending::<()>().await;
        };
        tokio::select! {
            biased;
            () = signal => unreachable!("a signal does not end a run by itself"),
            finished = runner.run() => finished,
        }
    }
}

fn row((line, number): (&Line, u64)) -> Row {
    let who = match &line.of {
        Whose::Session(id) => Who::Session(id.clone()),
        Whose::Subject(subject) => {
            Who::Subject { subject: subject.clone(), first_name: None, last_name: None, vendor_data: None }
        }
    };
    Row {
        line: number,
        who: Some(who),
        context: line.context.clone(),
        media: line.media.clone(),
        timestamp: Some(line.timestamp.clone()),
        extra: None,
        bad: None,
        raw: None,
    }
}
