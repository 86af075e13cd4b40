//! A run over a journal in memory, for a simulator that decides what happens to each of its statements.

use std::sync::Arc;
use std::time::Duration;

use sealpress_client::{Context, SessionId};
use sealpress_media::Fault;
use sealpress_pipeline::{self as pipeline, Fetch};

use crate::error::Result;
use crate::exit::Exit;
use crate::manifest::{Row, Who};
use crate::run::{Finished, RunOptions, Runner};
use crate::source::Sources;
pub use crate::store::simulated::{Event, Fate, Machine};
use crate::store::sqlite::simulated::{Database, Simulated};
use crate::store::state::Failure;
use crate::store::{Store, Which};

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
    /// Why the row can be read no further, where it cannot.
    pub bad: Option<String>,
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
    /// Whether it submits sessions that are whole.
    pub submit: bool,
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
        let Process { machine, worker, pipeline, options, sessions, submit, find, retry_failed, stopped_after } =
            process;
        let store = Simulated::open(&self.0, machine, &worker)?;
        store.retry(if retry_failed { Which::Both } else { Which::Quarantined }).await?;
        let options = RunOptions { pipeline: options, sessions, submit, ..RunOptions::default() };
        let runner = Runner::new(Arc::new(store), pipeline, Sources::simulated(find), options, "simulated".to_owned())?;
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
        burst: None,
        extra: None,
        bad: line.bad.as_ref().map(|reason| Failure::new(reason.as_str(), Fault::Input, "cannot be read")),
        raw: line.bad.as_ref().map(|_| line.media.clone().into_bytes()),
    }
}
