//! A run: claims sessions, works on many of them at once, stops when it is told to, and says how it
//! ended.

mod ahead;
mod bursts;
mod claimed;
mod create;
mod first;
mod gone;
mod journal;
pub(crate) mod note;
mod pass;
mod pieces;
mod record;
mod send;
mod session;
mod submit;
mod tally;

use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sealpress_media::Fault;
use sealpress_pipeline::{self as pipeline, Pipeline};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;
use tracing::Instrument as _;

pub(crate) use tally::Tally;

use crate::error::{Error, ErrorKind, Result};
use crate::exit::Exit;
use crate::source::Sources;
use crate::store::state::{Failure, ItemState, SessionState};
use crate::store::{Item, Part, Store, Summary};
use crate::units::{MaxErrors, show_count};
use claimed::ClaimedSession;
use first::{First, Held};
use journal::StoreJournal;

/// How long a stopped run waits for what is on the wire.
const DRAIN: Duration = Duration::from_secs(30);
/// How often a worker asks again while other workers hold what is left.
const OTHERS_AT_WORK: Duration = Duration::from_secs(1);

/// What a run may do, beside what the pipeline's own options say.
#[derive(Clone, Debug)]
pub(crate) struct RunOptions {
    /// Threads, memory, rates, retries.
    pub pipeline: pipeline::Options,
    /// Sessions that are worked on at the same time.
    pub sessions: usize,
    /// Passes over an item whose provider cannot be reached, before it is given up.
    pub passes: u32,
    /// Whether sessions are submitted when all of their items are confirmed.
    pub submit: bool,
    /// How many frames of a burst are sent; `None` for all of them.
    pub best: Option<usize>,
    /// Whether an item may leave as several files.
    pub pieces: bool,
    /// Whether a file that is confirmed in its session and context is not sent again.
    pub dedupe: bool,
    /// When to stop for failed items.
    pub max_errors: Option<MaxErrors>,
    /// When to stop for the clock, counted from the start.
    pub deadline: Option<Duration>,
    /// How many sessions are worked on in all; `None` for all of them.
    pub limit: Option<u64>,
    /// What of the journal is worked on.
    pub part: Part,
    /// Whether sessions that ended at the provider without us are made anew.
    pub recreate: bool,
    /// How many items may fail for one and the same reason of ours or the provider's before any
    /// arrives: so many stop the run. 0 for no limit.
    pub same_reason: usize,
}

impl Default for RunOptions {
    fn default() -> Self {
        let pipeline = pipeline::Options::default();
        let sessions = pipeline.queue();
        Self {
            pipeline,
            sessions,
            passes: 5,
            submit: true,
            best: None,
            pieces: false,
            dedupe: true,
            max_errors: None,
            deadline: None,
            limit: None,
            part: Part::default(),
            recreate: false,
            same_reason: 20,
        }
    }
}

/// One run over one journal.
pub(crate) struct Runner {
    store: Arc<dyn Store>,
    journal: Arc<StoreJournal>,
    pub(crate) pipeline: Pipeline,
    sources: Sources,
    options: RunOptions,
    /// The provider's host, for the log.
    host: String,
    pub(crate) tally: Arc<Tally>,
    stop: Stop,
    /// What was not written yet, because nothing has arrived so far.
    first: First,
    /// Sessions that were made anew in this run: once each.
    made_anew: Mutex<HashSet<i64>>,
    /// Sessions that were worked on.
    met: AtomicU64,
    /// Held by the session that is made first: until an upload was answered there is one of them.
    probe: tokio::sync::Mutex<()>,
}

/// Tells a run to stop, from anywhere. The first reason counts.
#[derive(Clone, Default)]
pub struct Stop {
    token: CancellationToken,
    reason: Arc<Mutex<Option<Stopped>>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Stopped {
    Signal(Exit),
    Deadline,
    TooManyErrors,
    /// Credentials that nobody takes, or no press.
    Refused(Failure),
    /// So many items failed for one reason before anything arrived.
    SameReason(Failure, usize),
}

impl Stop {
    /// A signal was caught, or whatever else ends with this exit code. What is on the wire may come to its end.
    pub fn signalled(&self, exit: Exit) {
        self.pull(Stopped::Signal(exit));
    }

    pub(crate) fn pull(&self, reason: Stopped) {
        self.reason.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(reason);
        self.token.cancel();
    }

    fn reason(&self) -> Option<Stopped> {
        self.reason.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl std::fmt::Debug for Stop {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Stop").field("reason", &self.reason()).finish_non_exhaustive()
    }
}

/// How a run ended and what the journal holds now.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Finished {
    /// For the shell.
    pub exit: Exit,
    /// What stopped the run before its end, for a person.
    pub stopped: Option<String>,
    /// The failure that stopped it, where it was one.
    pub cause: Option<Cause>,
    /// The journal's counts.
    pub summary: Summary,
    /// How long it took.
    pub took: Duration,
    /// Whether it was told to work on a part of the journal in which nothing was left to do.
    pub met_nothing: bool,
}

/// The failure that stopped a run, in the words that an item's failure has.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[non_exhaustive]
pub struct Cause {
    /// Its kebab-case name.
    pub kind: String,
    /// Whose turn it is.
    pub fault: Fault,
    /// For a person.
    pub message: String,
}

impl Runner {
    pub(crate) fn new(
        store: Arc<dyn Store>,
        pipeline: pipeline::Builder,
        sources: Sources,
        options: RunOptions,
        host: String,
    ) -> Result<Arc<Self>> {
        let journal = Arc::new(StoreJournal::new(Arc::clone(&store), options.dedupe));
        let hooks: Arc<dyn pipeline::Journal> = journal.clone();
        let pipeline = pipeline.options(options.pipeline.clone()).shared_journal(hooks).build()?;
        let (tally, stop) = (Arc::default(), Stop::default());
        let (first, probe) = (First::new(options.same_reason), tokio::sync::Mutex::default());
        let (made_anew, met) = (Mutex::default(), AtomicU64::new(0));
        Ok(Arc::new(Self {
            store,
            journal,
            pipeline,
            sources,
            options,
            host,
            tally,
            stop,
            first,
            made_anew,
            met,
            probe,
        }))
    }

    pub(crate) fn stop(&self) -> Stop {
        self.stop.clone()
    }

    /// Works until nothing is left or something says stop.
    ///
    /// # Errors
    /// A journal that failed. Everything else is an exit code.
    pub(crate) async fn run(self: &Arc<Self>) -> Result<Finished> {
        let started = Instant::now();
        // Ends with the run, also where the caller gives that up.
        let watch = AbortOnDropHandle::new(tokio::spawn(Arc::clone(self).watch()));
        self.work().await?;
        drop(watch);
        // What is held back of a run that was stopped stays as the journal has it.
        for held in self.first.open() {
            self.store.release(&held.claimed.ticket()).await?;
        }
        let summary = self.store.summary().await?;
        let stopped = self.stop.reason();
        let exit = match &stopped {
            Some(Stopped::Signal(exit)) => *exit,
            Some(Stopped::Deadline) => Exit::Deadline,
            Some(Stopped::TooManyErrors) => Exit::TooManyErrors,
            Some(Stopped::Refused(_) | Stopped::SameReason(..)) => Exit::Usage,
            None => exit_of(&summary),
        };
        let cause = match &stopped {
            Some(Stopped::Refused(failure) | Stopped::SameReason(failure, _)) => {
                Some(Cause { kind: failure.reason.clone(), fault: failure.fault, message: failure.message.clone() })
            }
            _ => None,
        };
        let stopped = stopped.map(|why| match why {
            Stopped::Signal(_) => "stopped by a signal; run again to go on".to_owned(),
            Stopped::Deadline => "stopped by the deadline; run again to go on".to_owned(),
            Stopped::TooManyErrors => "stopped: more items failed than --max-errors allows".to_owned(),
            Stopped::Refused(why) => format!("stopped, and no item was marked failed: {}", why.message),
            Stopped::SameReason(why, items) => format!(
                "stopped, and no item was marked failed: nothing has arrived, and {} failed for one reason, \
                 {}: {}",
                show_count(items as u64, "items"),
                why.reason,
                why.message
            ),
        });
        let is_left = summary.ended() < summary.total();
        let met_nothing = is_left && !self.options.part.is_all() && self.met.load(Ordering::Relaxed) == 0;
        Ok(Finished { exit, stopped, cause, summary, took: started.elapsed(), met_nothing })
    }

    async fn work(self: &Arc<Self>) -> Result<()> {
        let mut sessions: JoinSet<Result<()>> = JoinSet::new();
        let mut left = self.options.limit.unwrap_or(u64::MAX);
        loop {
            // Those that wait for a host of media keep nobody else from working.
            let room = self.options.sessions + self.sources.waiting().min(3 * self.options.sessions);
            while !self.is_stopping() && sessions.len() < room && left > 0 {
                let free = (room - sessions.len()).min(usize::try_from(left).unwrap_or(usize::MAX));
                let claims = self.store.claim(free, self.options.submit, &self.options.part).await?;
                if claims.is_empty() {
                    break;
                }
                left -= claims.len() as u64;
                self.met.fetch_add(claims.len() as u64, Ordering::Relaxed);
                for claim in claims {
                    let runner = Arc::clone(self);
                    let span = tracing::info_span!("session", number = claim.session.id, host = self.host);
                    sessions.spawn(async move { session::work(&runner, claim).await }.instrument(span));
                }
            }
            if sessions.is_empty() {
                // Nothing more comes: what was held back is the truth.
                if self.settle_first().await? {
                    continue;
                }
                let part = self.options.limit.is_some() || !self.options.part.is_all();
                if !part && !self.is_stopping() && self.store.others_at_work(self.options.submit).await? {
                    self.sleep(OTHERS_AT_WORK).await;
                    continue;
                }
                break;
            }
            self.pipeline.expects(sessions.len());
            tokio::select! {
                biased;
                () = self.stop.token.cancelled() => {
                    self.pipeline.stop("the run was told to stop");
                    return self.drain(sessions).await;
                }
                ended = sessions.join_next() => match ended {
                    Some(Ok(outcome)) => outcome?,
                    Some(Err(e)) => return Err(Error::caused(ErrorKind::Illegal, "a session's task ended", e)),
                    None => {}
                },
                () = self.sources.one_more_waits() => {}
            }
        }
        self.pipeline.drain(DRAIN).await;
        self.fatal()
    }

    /// Whatever is on the wire may come to its end; the rest is left as the journal has it.
    async fn drain(&self, mut sessions: JoinSet<Result<()>>) -> Result<()> {
        let patience = tokio::time::sleep(DRAIN);
        tokio::pin!(patience);
        loop {
            tokio::select! {
                biased;
                ended = sessions.join_next() => match ended {
                    None => return self.fatal(),
                    Some(Ok(outcome)) => outcome?,
                    Some(Err(e)) => return Err(Error::caused(ErrorKind::Illegal, "a session's task ended", e)),
                },
                () = &mut patience => {
                    tracing::warn!(left = sessions.len(), "still on the wire; the next run looks them up");
                    return self.fatal();
                }
            }
        }
    }

    /// Writes what was held back. Whether there was anything.
    async fn settle_first(&self) -> Result<bool> {
        let held = self.first.open();
        let any = !held.is_empty();
        for held in held {
            self.write_held(held).await?;
        }
        Ok(any)
    }

    /// Writes one held failure; a session whose lease ended meanwhile is somebody else's.
    async fn write_held(&self, held: Held) -> Result<()> {
        let Held { claimed, changes, failure, items } = held;
        match self.journal.apply(&claimed, changes).await {
            Ok(()) => {}
            Err(e) if e.kind() == ErrorKind::LeaseLost => return Ok(()),
            Err(e) => return Err(e),
        }
        // Said of what is written alone: what was held back of a run that stops is sent another day.
        tracing::warn!(
            reason = failure.reason,
            fault = failure.fault.as_str(),
            items,
            message = failure.message,
            "an item will not be sent"
        );
        (0..items).for_each(|_| self.failed_one(&failure.reason));
        if claimed.let_go() {
            self.store.release(&claimed.ticket()).await?;
        }
        Ok(())
    }

    fn fatal(&self) -> Result<()> {
        self.journal.failed().map_or(Ok(()), Err)
    }

    /// Looks after what stops a run: the clock, and a pipeline that stopped by itself.
    async fn watch(self: Arc<Self>) {
        let deadline = self.options.deadline.map(|after| Instant::now() + after);
        loop {
            tokio::time::sleep(Duration::from_millis(200)).await;
            if deadline.is_some_and(|at| Instant::now() >= at) {
                self.stop.pull(Stopped::Deadline);
            }
            if let Some(cause) = self.pipeline.stopped()
                && matches!(
                    cause.kind(),
                    pipeline::ErrorKind::Unauthorized | pipeline::ErrorKind::Blocked | pipeline::ErrorKind::NoPress
                )
            {
                self.refused(&cause);
            }
        }
    }

    fn is_stopping(&self) -> bool {
        self.stop.token.is_cancelled() || self.journal.has_failed()
    }

    /// Whether the provider has answered an upload in this run.
    fn is_proven(&self) -> bool {
        self.tally.confirmed.load(Ordering::Relaxed) > 0 || !self.first.is_watching()
    }

    /// The provider does not take our credentials, or there is no press: nobody's item is to blame.
    fn refused(&self, error: &pipeline::Error) {
        let mut failure = Failure::from(error);
        if error.http_status() == Some(401) {
            failure.message += ". Look whether `api_key` and `secret` are this account's";
        }
        self.stop.pull(Stopped::Refused(failure));
    }

    /// Whether a session that is gone is made anew. Once in a run: a provider that ends every session at once
    /// is not asked for ever.
    fn makes_anew(&self, claimed: &ClaimedSession) -> bool {
        let mut made = self.made_anew.lock().unwrap_or_else(PoisonError::into_inner);
        self.options.recreate && claimed.is_ours() && (claimed.is_gone() || made.insert(claimed.ticket().session))
    }

    /// A line of the log with what the provider's support would ask for.
    fn say_refused(&self, item: &Item, refusal: &pipeline::Error) {
        if let Some(status) = refusal.http_status() {
            let (code, request_id) = (refusal.code(), refusal.request_id());
            tracing::warn!(item = item.id, host = self.host, status, code, request_id, "the provider refused an item");
        }
    }

    fn failed_one(&self, reason: &str) {
        self.tally.failed(reason);
        let failed = self.tally.failed.load(Ordering::Relaxed);
        if self.options.max_errors.is_some_and(|limit| limit.exceeded(failed, self.tally.ended())) {
            self.stop.pull(Stopped::TooManyErrors);
        }
    }

    /// 1 s, 4 s, 16 s … up to a minute, unless the run is told to stop.
    async fn pause_before_pass(&self, pass: u32) {
        let wait = Duration::from_secs(1 << (2 * (pass - 1)).min(6)).min(Duration::from_secs(60));
        tracing::info!(pass, ?wait, "a session waits for its next pass");
        self.sleep(wait).await;
    }

    async fn sleep(&self, wait: Duration) {
        tokio::select! {
            biased;
            () = self.stop.token.cancelled() => {}
            () = tokio::time::sleep(wait) => {}
        }
    }
}

/// What the counts say about a run that came to its end by itself.
pub(crate) fn exit_of(summary: &Summary) -> Exit {
    let failed = summary.of(ItemState::Failed) + summary.sessions_of(SessionState::Failed);
    let unclear = summary.of(ItemState::Quarantined) + summary.sessions_of(SessionState::Quarantined);
    if unclear > 0 {
        Exit::Quarantined
    } else if failed > 0 {
        Exit::Failed
    } else {
        Exit::Done
    }
}
