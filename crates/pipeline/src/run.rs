//! One job's way from admission to outcome.

use std::sync::Arc;

use sealpress_client::{SessionId, SignedBody, Upload};
use sealpress_media::{Fault, Refusal, RefusalKind, Summary};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::budget::Share;
use crate::dispatch::{Delivery, Key, Reconciled, cancelled};
use crate::early;
use crate::engine::Core;
use crate::error::{Error, ErrorKind};
use crate::job::{Confirmed, Doubt, Item, Job, Outcome, Receipt, Stage, Timings};
use crate::journal::{Admit, Output};
use crate::metrics::{add, add_time};
use crate::planted::{self, Bug};
use crate::prepare::{Identity, Prepared};
use crate::session::{Became, Session};
use crate::source::Source;
use crate::telemetry;

/// What is learned of a job on its way, whether it arrives or not.
#[derive(Default)]
struct Progress {
    summary: Option<Summary>,
    attempts: u32,
    input_bytes: u64,
    timings: Timings,
}

impl Core {
    /// Takes in once what the journal knows of a session.
    pub(crate) async fn recall(&self, id: &SessionId, session: &Session) -> Result<(), Error> {
        let recall = async {
            let known = self.journal.known(id).await?;
            for item in known.iter().filter(|item| item.media_id.is_none()) {
                let Some(ago) = item.sent_ago else { continue };
                // The first one first: it is the one that may have been taken.
                for Doubt { sha256, .. } in item.earlier.iter().chain([&item.sent]).flatten() {
                    if let Some(sha256) = sha256 {
                        self.provider.recall(id, &item.context, sha256, ago);
                    }
                }
            }
            session.recall(known);
            Ok(())
        };
        session.recalled.get_or_try_init(|| recall).await.map(drop).map_err(|e| self.journal_failed(e))
    }

    /// One job from admission to outcome. Every way out goes through here, so that every admitted
    /// job is counted, journalled and answered once.
    pub(crate) async fn run(&self, job: Job, cancel: CancellationToken) -> Outcome {
        let started = Instant::now();
        let Job { item, stage, timestamp, in_doubt, doubt, session_items, look_first } = job;
        let session = self.sessions.hold(&item.session);
        if let Some(items) = session_items {
            session.expect(items);
        }
        let mut progress = Progress::default();
        // Jobs without a number of the caller's are different items nonetheless.
        let number = if item.tag == 0 { self.sessions.unnumbered() } else { item.tag };
        // Held until its entries are written: who offers the item again goes on from there.
        let turn = Turn::begin(&session, number, &cancel).await;
        let mut result = match &turn {
            Ok(turn) => {
                let trace = Trace { session: &session, number };
                let job_run = JobRun { core: self, item: &item, trace: &trace, cancel: &cancel, timestamp, look_first };
                match self.recall(&item.session, &session).await {
                    Ok(()) => job_run.take_over(stage, turn.waited, (in_doubt, doubt), &mut progress).await,
                    Err(error) => Err(error.with_doubt(in_doubt)),
                }
            }
            Err(_) => Err(cancelled().with_doubt(in_doubt)),
        };

        let journalled = match &result {
            Ok(receipt) => self.journal.confirmed(&item, receipt).await,
            Err(error) => self.journal.failed(&item, error).await,
        };
        if let Err(failed) = journalled {
            let error = self.journal_failed(failed);
            // What the vendor has it has; but what the journal does not know must be looked up.
            result = Err(error.with_doubt(result.is_ok()));
        }
        let mut submission = None;
        match &result {
            Ok(receipt) => {
                add(&self.metrics.confirmed, 1);
                add(&self.metrics.found, u64::from(receipt.how == Confirmed::Listed));
                if session.confirm(number) {
                    submission = Some(self.submit(&item.session, &session).await);
                }
            }
            Err(error) => self.metrics.failure(error.name()),
        }
        drop(turn);
        drop(session);
        telemetry::ended(&result);
        let Progress { summary, attempts, input_bytes, mut timings } = progress;
        timings.total = started.elapsed();
        Outcome { item, result, summary, attempts, input_bytes, timings, submission }
    }
}

/// The item's trace in its session. When the job ends, however it ends, nobody waits for it.
struct Trace<'a> {
    session: &'a Session,
    number: u64,
}

impl Drop for Trace<'_> {
    fn drop(&mut self) {
        self.session.leave(self.number);
    }
}

/// A job's turn with its item: one at a time.
struct Turn<'a> {
    session: &'a Session,
    number: u64,
    /// An earlier job of the item, which its caller gave up, was seen to its end first.
    waited: bool,
}

/// The caller gave the job up while it waited.
struct GivenUp;

impl<'a> Turn<'a> {
    async fn begin(session: &'a Session, number: u64, cancel: &CancellationToken) -> Result<Self, GivenUp> {
        tokio::select! {
            biased;
            waited = session.turn(number) => Ok(Self { session, number, waited }),
            () = cancel.cancelled() => Err(GivenUp),
        }
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.session.end(self.number);
    }
}

struct JobRun<'a> {
    core: &'a Core,
    item: &'a Item,
    trace: &'a Trace<'a>,
    cancel: &'a CancellationToken,
    timestamp: Option<String>,
    look_first: bool,
}

impl JobRun<'_> {
    /// Goes on from what is remembered of the item: of an earlier job that nobody waited for, or whose doubt is open.
    async fn take_over(
        &self,
        stage: Stage,
        waited: bool,
        (in_doubt, doubt): (bool, Option<Doubt>),
        progress: &mut Progress,
    ) -> Result<Receipt, Error> {
        let Trace { session, number } = self.trace;
        let in_doubt = match session.became(*number) {
            Became::Confirmed(media_id, size, format) if waited => {
                return Ok(Receipt { media_id, how: Confirmed::Answered, size, format });
            }
            Became::InDoubt => true,
            _ => in_doubt,
        };
        self.run(stage, in_doubt, doubt, progress).await
    }

    async fn run(
        &self,
        stage: Stage,
        in_doubt: bool,
        doubt: Option<Doubt>,
        progress: &mut Progress,
    ) -> Result<Receipt, Error> {
        let (core, Trace { session, number }) = (self.core, self.trace);
        let mut delivery = Delivery::new(core, self.item, session, *number, self.cancel);
        let mut still_in_doubt = in_doubt;
        if in_doubt {
            session.doubt(*number, &self.item.context, doubt.map(|d| (d.size, d.format)));
            if doubt.is_none() {
                session.leave(*number);
            }
        }
        // What was sent is known: it may be there already, and the file need not even be read.
        if let Some(Doubt { size, format, sha256 }) = doubt.filter(|_| in_doubt) {
            match delivery.reconcile(Key { size, format, sha256 }).await? {
                Reconciled::Found(media_id) => return Ok(Receipt { media_id, how: Confirmed::Listed, size, format }),
                Reconciled::Absent => {
                    delivery.mark_not_sent().await?;
                    session.clear(*number);
                    still_in_doubt = false;
                }
                // Look-alikes: only its bytes tell it from them.
                Reconciled::NeedsBytes => session.leave(*number),
            }
        }
        let prepared = self.ready(stage, progress).await.map_err(|e| e.with_doubt(in_doubt))?;
        let Output { size, format, sha256, .. } = prepared.output;
        let key = Key { size, format, sha256: Some(sha256) };
        if self.look_first
            && !still_in_doubt
            && let Some(media_id) = delivery.reconcile_by_content(key).await?
        {
            return Ok(Receipt { media_id, how: Confirmed::Listed, size, format });
        }
        let answer = delivery.deliver(&prepared.signed, key, still_in_doubt).await;
        (progress.timings.send, progress.timings.wait) = (delivery.on_wire, delivery.waited);
        progress.attempts = delivery.attempts;
        let (media_id, how) = answer.map_err(|e| {
            let doubt = in_doubt || e.is_in_doubt();
            e.with_doubt(doubt)
        })?;
        Ok(Receipt { media_id, how, size, format })
    }

    /// Everything before the wire. Given up at once when nobody wants it any more.
    async fn ready(&self, stage: Stage, progress: &mut Progress) -> Result<Ready, Error> {
        tokio::select! {
            biased;
            () = self.cancel.cancelled() => Err(cancelled()),
            ready = self.core.until_stopped(self.ready_on(stage, progress)) => ready?,
        }
    }

    async fn ready_on(&self, stage: Stage, progress: &mut Progress) -> Result<Ready, Error> {
        let core = self.core;
        let prepared = match stage {
            Stage::Unread(source) => self.press(source, progress).await?,
            Stage::Prepared(prepared) => {
                if let Some(identity) = prepared.identity {
                    early::content(&identity.input);
                    progress.input_bytes = prepared.input_bytes;
                    self.admit(&identity.input).await?;
                }
                *prepared
            }
        };
        let Prepared { media, further, summary, input_bytes, read, press, identity, share, is_further, .. } = prepared;
        let Some(identity) = identity else {
            let message = "it was prepared on its own: a job's files come from the preparer of its pipeline";
            return Err(Error::new(ErrorKind::Request, message));
        };
        if !further.is_empty() {
            let files = further.len() + 1;
            let message =
                format!("it leaves as {files} files, and a job sends one: prepare it, then send each of them");
            return Err(Refusal::new(RefusalKind::UnsupportedFormat, Fault::Caller, message).into());
        }
        (progress.timings.read, progress.timings.press) = (read, press);
        let summary = core.prepare.judge(summary, self.item.context.subject())?;
        if !is_further {
            add(&core.metrics.bytes_in, input_bytes);
            add_time(&core.metrics.press_us, press);
        }
        progress.summary = Some(summary);
        let (size, format) = (media.len() as u64, media.format());
        add(&core.metrics.bytes_pressed, size);

        let provider = Arc::clone(&core.provider);
        let mut upload = Upload::new(self.item.session.clone(), self.item.context.clone(), media);
        upload.timestamp.clone_from(&self.timestamp);
        let parent = tracing::Span::current();
        let signing = core.prepare.pool.compute(move || {
            let _span = tracing::debug_span!(parent: &parent, "sign").entered();
            let started = Instant::now();
            let signed = provider.sign(&upload).map_err(|e| Error::of_client(ErrorKind::Request, e))?;
            Ok((signed, started.elapsed(), share))
        });
        let (signed, took, mut share) = signing.await?;
        progress.timings.sign = took;
        add_time(&core.metrics.sign_us, took);
        share.shrink_to(signed.content_length());

        let Identity { input, output } = identity;
        let output = Output { input_sha256: input, input_size: input_bytes, sha256: output, size, format };
        core.journal.pressed(self.item, &output).await.map_err(|e| core.journal_failed(e))?;
        let share = (!planted::is(Bug::EarlyRelease)).then_some(share);
        Ok(Ready { signed, output, _share: share })
    }

    /// Reads and presses, unless the journal has the same content already.
    async fn press(&self, source: Source, progress: &mut Progress) -> Result<Prepared, Error> {
        let core = self.core;
        let reading = Instant::now();
        let admitted = core.prepare.admit(source).await?;
        let read = reading.elapsed();
        (progress.input_bytes, progress.timings.read) = (admitted.media.len() as u64, read);
        let (input_sha256, admitted) = core.prepare.hash(admitted).await?;
        early::content(&input_sha256);
        self.admit(&input_sha256).await?;
        core.prepare.press(admitted, read, Some(input_sha256)).await.inspect_err(|e| core.press_failed(e))
    }

    async fn admit(&self, input_sha256: &[u8; 32]) -> Result<(), Error> {
        let core = self.core;
        match core.journal.read(self.item, input_sha256).await.map_err(|e| core.journal_failed(e))? {
            Admit::Proceed => Ok(()),
            Admit::Duplicate { of } => Err(Error::new(ErrorKind::Duplicate, format!("the same content as item {of}"))),
        }
    }
}

/// Ready for the wire, with its place in the budget.
struct Ready {
    signed: SignedBody,
    output: Output,
    _share: Option<Share>,
}
