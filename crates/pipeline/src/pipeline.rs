//! The pipeline itself: building one, putting jobs in, draining and stopping it.

use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::time::Duration;

use futures_util::{Stream, StreamExt};
use sealpress_client::{Decided, Jitter, MediaId, NewSession, Provider, SessionId, SessionState};
use sealpress_press::Press;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::Instrument;

use crate::early;
use crate::engine::Core;
use crate::error::{Error, ErrorKind};
use crate::host::Host;
use crate::job::{Job, Outcome, Stage, Submission, Timings};
use crate::journal::{Journal, JournalError, NoJournal};
use crate::metrics::{Metrics, Snapshot, add};
use crate::options::Options;
use crate::planted::{self, Bug};
use crate::pool::{Executor, Threads};
use crate::prepare::{PrepareStage, Preparer};
use crate::retry_budget::RetryBudget;
use crate::stop::Stop;
use crate::telemetry;

/// Many uploads at once inside a byte budget. Cheap to clone; clones share everything.
///
/// Must be used inside a tokio runtime with time and I/O enabled. Jobs run as tasks of their own:
/// a caller that drops its future before the first byte was sent cancels its job; after that the
/// job is seen to its end, and its journal entries are written, without the caller. Who offers the item
/// again, with its tag, waits for that end and is told what became of it: it is not sent twice.
#[derive(Clone)]
pub struct Pipeline {
    core: Arc<Core>,
    slots: Arc<Semaphore>,
    tasks: TaskTracker,
    draining: CancellationToken,
}

/// What [`Pipeline::drain`] found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Drained {
    /// Jobs that were still running when patience ended. They go on until the runtime ends.
    pub left: usize,
}

/// Sets up a [`Pipeline`].
pub struct Builder {
    provider: Arc<dyn Provider>,
    press: Arc<dyn Press>,
    journal: Arc<dyn Journal>,
    options: Options,
    executor: Option<Arc<dyn Executor>>,
    seed: Option<u64>,
}

impl Builder {
    pub(crate) fn over(provider: Arc<dyn Provider>, press: Arc<dyn Press>) -> Self {
        let (journal, options) = (Arc::new(NoJournal), Options::default());
        Self { provider, press, journal, options, executor: None, seed: None }
    }

    /// How much at once, how patient.
    #[must_use]
    pub fn options(mut self, options: Options) -> Self {
        self.options = options;
        self
    }

    /// Who writes down what must survive a crash. Default: nobody.
    #[must_use]
    pub fn journal(mut self, journal: impl Journal) -> Self {
        self.journal = Arc::new(journal);
        self
    }

    /// The same for a journal that is shared.
    #[must_use]
    pub fn shared_journal(mut self, journal: Arc<dyn Journal>) -> Self {
        self.journal = journal;
        self
    }

    /// Where computing happens. Default: [`Threads`] of the pipeline's own.
    ///
    /// With an executor that runs tasks on the thread that asks, a [`seed`](Self::seed), jobs over bytes or
    /// [`Fetch`](crate::Fetch), and a runtime of one thread whose clock is paused, a pipeline starts no thread, asks
    /// no clock but tokio's and draws no chance of its own: the same inputs give the same history.
    #[must_use]
    pub fn executor(mut self, executor: impl Executor) -> Self {
        self.executor = Some(Arc::new(executor));
        self
    }

    /// Decides every wait before a retry. Default: different in each pipeline.
    #[must_use]
    pub const fn seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }

    /// Starts the threads.
    ///
    /// # Errors
    /// [`ErrorKind::Internal`] if the system gives no threads, [`ErrorKind::NoPress`] if there is no press.
    pub fn build(self) -> Result<Pipeline, Error> {
        let Self { provider, press, journal, options, executor, seed } = self;
        let queue = options.queue();
        let executor = match executor {
            Some(executor) => executor,
            None => Arc::new(Threads::new(options.workers, queue)?),
        };
        let core = Core {
            prepare: Arc::new(PrepareStage::new(executor, press, &options)?),
            host: Host::new(&options),
            retry_budget: RetryBudget::new(options.retry.tokens),
            jitter: seed.map_or_else(Jitter::default, Jitter::seeded),
            sessions: Arc::default(),
            metrics: Metrics::default(),
            stop: Stop::default(),
            blocked: AtomicU32::new(0),
            provider,
            journal,
            options,
        };
        Ok(Pipeline {
            core: Arc::new(core),
            slots: Arc::new(Semaphore::new(queue.clamp(1, Semaphore::MAX_PERMITS))),
            tasks: TaskTracker::new(),
            draining: CancellationToken::new(),
        })
    }
}

impl Pipeline {
    /// A pipeline to one vendor, through one press.
    pub fn builder(provider: impl Provider, press: impl Press) -> Builder {
        Self::shared(Arc::new(provider), Arc::new(press))
    }

    /// The same for a vendor and a press that are shared or chosen at run time.
    pub fn shared(provider: Arc<dyn Provider>, press: Arc<dyn Press>) -> Builder {
        Builder::over(provider, press)
    }

    /// One job from its bytes to its receipt. Waits for a place in the queue first, unless it is prepared:
    /// then it holds memory that those who have the places may be waiting for.
    pub async fn process(&self, job: Job) -> Outcome {
        let slots = Arc::clone(&self.slots);
        let waits = !job.is_prepared() || planted::is(Bug::PreparedWaits);
        let slot = async move {
            match waits {
                true => slots.acquire_owned().await.map(Some),
                false => Ok(slots.try_acquire_owned().ok()),
            }
        };
        let slot = tokio::select! {
            biased;
            () = self.draining.cancelled() => return refused(job, Error::new(ErrorKind::Stopped, "the pipeline is draining")),
            () = self.core.stop.pulled() => return refused(job, self.core.stop.error()),
            slot = slot => slot,
        };
        match slot {
            Ok(slot) => self.start(job, slot).await,
            Err(_) => refused(job, Error::new(ErrorKind::Stopped, "the pipeline is closed")),
        }
    }

    /// The same for callers who would rather say "try later" than wait: starts the job at once, or
    /// gives it back when the queue is full.
    ///
    /// # Errors
    /// The job itself.
    pub fn try_process(&self, job: Job) -> Result<impl Future<Output = Outcome> + Send + use<>, Box<Job>> {
        let closed = self.draining.is_cancelled() || self.core.stop.check().is_err();
        match Arc::clone(&self.slots).try_acquire_owned() {
            Ok(slot) if !closed => Ok(self.start(job, Some(slot))),
            _ => Err(Box::new(job)),
        }
    }

    /// Every job of a stream, as many at once as the queue holds; outcomes as they come.
    pub fn process_all<S>(&self, jobs: S) -> impl Stream<Item = Outcome> + use<S>
    where
        S: Stream<Item = Job>,
    {
        let pipeline = self.clone();
        let at_once = self.core.options.queue();
        jobs.map(move |job| {
            let pipeline = pipeline.clone();
            async move { pipeline.process(job).await }
        })
        .buffer_unordered(at_once)
    }

    /// Asks once for a new session, within the host's limits and circuit like every other request.
    /// `begin` is awaited when the request has leave to go and before its first byte: the place to
    /// write down that a session may be about to exist.
    ///
    /// # Errors
    /// [`Error::is_in_doubt`] says whether the session may exist all the same. If not and
    /// [`Error::is_retryable`], the caller may ask again.
    pub async fn create(
        &self,
        new: &NewSession,
        begin: impl Future<Output = Result<(), JournalError>>,
    ) -> Result<SessionId, Error> {
        self.core.create(new, begin).await
    }

    /// Reads and presses files with this pipeline's threads, inside its byte budget: for callers who
    /// want to see a file before they open a session for it. Put in again with [`Job::prepared`].
    #[must_use]
    pub fn preparer(&self) -> Preparer {
        Preparer { stage: Arc::clone(&self.core.prepare), tag: None, subject: None }
    }

    /// Media that stand for no item any more, such as pages of a file that was replaced: they are counted as nobody's.
    pub fn disown(&self, session: &SessionId, media: &[MediaId]) {
        self.core.sessions.hold(session).disown(media);
    }

    /// Forgets what this process remembers of a session, once all that still runs of it has ended. For
    /// callers whose journal is shared with others: what they did there in the meantime is asked for anew.
    pub async fn forget(&self, session: &SessionId) {
        self.core.sessions.forget(session).await;
    }

    /// Submits a session whose items are all confirmed, for callers who count themselves instead of
    /// using [`Job::submit_after`]. A session that is submitted already is a success.
    ///
    /// # Errors
    /// As uploads: the vendor's refusal, or [`ErrorKind::InDoubt`] if its state could not be had.
    pub async fn submit(&self, session: &SessionId) -> Result<Submission, Error> {
        let (core, id) = (Arc::clone(&self.core), session.clone());
        // A task of its own: what was begun is seen to its end.
        let submission = async move {
            let session = core.sessions.hold(&id);
            core.recall(&id, &session).await?;
            core.submit(&id, &session).await
        };
        let task = self.tasks.spawn(submission.in_current_span());
        task.await.unwrap_or_else(|_| Err(Error::new(ErrorKind::Internal, "the submission panicked")))
    }

    /// Where a session stands at the vendor, asked within the host's limits like every other read.
    ///
    /// # Errors
    /// As a listing that cannot be had.
    pub async fn state(&self, session: &SessionId) -> Result<SessionState, Error> {
        self.core.state(session).await
    }

    /// What was decided of a session, asked within the host's limits like every other read; `None` as long as
    /// nothing is.
    ///
    /// # Errors
    /// As a listing that cannot be had, and where the vendor decides nothing.
    pub async fn decision(&self, session: &SessionId) -> Result<Option<Decided>, Error> {
        self.core.ask_again("decision", || self.core.provider.decision(session)).await
    }

    /// Whether sessions that are made may be left behind at the vendor.
    #[must_use]
    pub fn makes_sessions(&self) -> bool {
        self.core.provider.makes_sessions()
    }

    /// Says that the caller has so many items under way, and will have no more until one of them has ended: nobody is kept
    /// waiting for the company of others that cannot come.
    pub fn expects(&self, items: usize) {
        self.core.provider.expects(items.min(self.core.options.connections.get()));
    }

    /// Lets nobody in any more and waits for those who are in.
    pub async fn drain(&self, patience: Duration) -> Drained {
        self.draining.cancel();
        self.tasks.close();
        let _ = tokio::time::timeout(patience, self.tasks.wait()).await;
        Drained { left: self.tasks.len() }
    }

    /// Stops the run as a 401 does: jobs that wait end at once, what is on the wire is seen to its
    /// end.
    pub fn stop(&self, reason: impl Into<String>) {
        self.core.stop.pull(Error::new(ErrorKind::Stopped, reason));
    }

    /// Why the run stopped by itself, if it did: refused credentials, or a journal that failed.
    #[must_use]
    pub fn stopped(&self) -> Option<Error> {
        self.core.stop.cause()
    }

    /// Counters and gauges of this moment.
    #[must_use]
    pub fn metrics(&self) -> Snapshot {
        let core = &self.core;
        let get = |counter: &std::sync::atomic::AtomicU64| counter.load(std::sync::atomic::Ordering::Relaxed);
        let m = &core.metrics;
        Snapshot {
            admitted: get(&m.admitted),
            running: get(&m.running),
            confirmed: get(&m.confirmed),
            found: get(&m.found),
            failed: m.failures(),
            attempts: get(&m.attempts),
            retries: get(&m.retries),
            in_doubt: get(&m.in_doubt),
            looks: get(&m.looks),
            bad_signatures: get(&m.bad_signatures),
            submitted: get(&m.submitted),
            unaccounted: get(&m.unaccounted),
            bytes_in: get(&m.bytes_in),
            bytes_pressed: get(&m.bytes_pressed),
            bytes_sent: get(&m.bytes_sent),
            press_us: get(&m.press_us),
            sign_us: get(&m.sign_us),
            send_us: get(&m.send_us),
            memory_used: core.prepare.budget.used() + core.prepare.intake.used(),
            memory_peak: core.prepare.budget.peak() + core.prepare.intake.peak(),
            memory_total: core.prepare.budget.total() + core.prepare.intake.total(),
            paused_ms: core.host.paused_for().map(|d| u64::try_from(d.as_millis()).unwrap_or(u64::MAX)),
            circuit_open: core.host.is_open(),
            retry_tokens: core.retry_budget.left(),
            sessions: core.sessions.len() as u64,
            stopped: core.stop.cause().map(|cause| cause.to_string()),
        }
    }

    fn start(&self, job: Job, slot: Option<OwnedSemaphorePermit>) -> impl Future<Output = Outcome> + Send + use<> {
        let core = Arc::clone(&self.core);
        let item = job.item.clone();
        let early = match &job.stage {
            Stage::Prepared(prepared) => prepared.span.clone(),
            Stage::Unread(_) => None,
        };
        let cancel = CancellationToken::new();
        let guard = cancel.clone().drop_guard();
        add(&core.metrics.admitted, 1);
        let running = Running::one_more(&core);
        let run = async move {
            let outcome = core.run(job, cancel).await;
            drop((running, slot));
            outcome
        };
        let span = match early {
            Some(span) => {
                early::bound(&span, &item.session);
                span
            }
            None => telemetry::item(&item),
        };
        let task = self.tasks.spawn(run.instrument(span));
        async move {
            let outcome = task.await;
            guard.disarm();
            outcome.unwrap_or_else(|_| {
                let error = Error::new(ErrorKind::Internal, "the job panicked").with_doubt(true);
                ended(item, error)
            })
        }
    }
}

impl std::fmt::Debug for Pipeline {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pipeline").field("options", &self.core.options).finish_non_exhaustive()
    }
}

/// Counts a job as running for as long as it does, panics included.
struct Running(Arc<Core>);

impl Running {
    fn one_more(core: &Arc<Core>) -> Self {
        add(&core.metrics.running, 1);
        Self(Arc::clone(core))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.metrics.running.fetch_sub(1, std::sync::atomic::Ordering::Relaxed);
    }
}

fn refused(job: Job, error: Error) -> Outcome {
    let doubt = job.in_doubt;
    ended(job.item, error.with_doubt(doubt))
}

fn ended(item: crate::job::Item, error: Error) -> Outcome {
    Outcome {
        item,
        result: Err(error),
        summary: None,
        attempts: 0,
        input_bytes: 0,
        timings: Timings::default(),
        submission: None,
    }
}
