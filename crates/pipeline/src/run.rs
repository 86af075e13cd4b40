use std::sync::Arc;

use sealpress_media::Summary;
use sha2::{Digest, Sha256};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::dispatch::{Delivery, Key, cancelled};
use crate::engine::Core;
use crate::error::{Error, ErrorKind};
use crate::intake::Taken;
use crate::job::{Confirmed, Item, Job, Outcome, Receipt, Source, Timings};
use crate::journal::{Admit, Output};
use crate::meters::{add, add_time};
use crate::remote::Signed;
use crate::session::Session;
use crate::telemetry;
use crate::workshop::Worked;

/// What is learned of a job on its way, whether it arrives or not.
#[derive(Default)]
struct Progress {
    report: Option<Summary>,
    attempts: u32,
    input_bytes: u64,
    timings: Timings,
}

impl Core {
    /// One job from admission to outcome. Every way out goes through here, so that every admitted
    /// job is counted, journalled and answered once.
    pub(crate) async fn run(&self, job: Job, gone: CancellationToken) -> Outcome {
        let started = Instant::now();
        let Job { item, source, timestamp, in_doubt, doubt, session_items } = job;
        let session = self.sessions.hold(&item.session);
        if let Some(items) = session_items {
            session.expect(items);
        }
        let mut progress = Progress::default();
        let errand = Errand { core: self, item: &item, session: &session, gone: &gone, timestamp };
        let doubt = doubt.map(|d| Key { size: d.size, format: d.format });
        let mut result = errand.run(source, in_doubt, doubt, &mut progress).await;

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
                add(&self.meters.confirmed, 1);
                add(&self.meters.found, u64::from(receipt.how == Confirmed::Listed));
                if session.confirm() {
                    submission = Some(self.submit(&item.session, &session).await);
                }
            }
            Err(error) => self.meters.failure(error.name()),
        }
        drop(session);
        telemetry::ended(&result);
        let Progress { report, attempts, input_bytes, mut timings } = progress;
        timings.total = started.elapsed();
        Outcome { item, result, report, attempts, input_bytes, timings, submission }
    }
}

struct Errand<'a> {
    core: &'a Core,
    item: &'a Item,
    session: &'a Session,
    gone: &'a CancellationToken,
    timestamp: Option<String>,
}

impl Errand<'_> {
    async fn run(
        &self,
        source: Source,
        in_doubt: bool,
        doubt: Option<Key>,
        progress: &mut Progress,
    ) -> Result<Receipt, Error> {
        let core = self.core;
        let mut delivery = Delivery { core, item: self.item, session: self.session, cancelled: self.gone, attempts: 0 };
        let mut still_in_doubt = in_doubt;
        // What was sent is known: it may be there already, and the file need not even be read.
        if let Some(key) = doubt.filter(|_| in_doubt) {
            if let Some(media_id) = delivery.look(key).await? {
                return Ok(Receipt { media_id, how: Confirmed::Listed, size: key.size, format: key.format });
            }
            delivery.take_back().await?;
            still_in_doubt = false;
        }
        let prepared = self.prepare(source, progress).await.map_err(|e| e.with_doubt(in_doubt))?;
        let key = Key { size: prepared.output.size, format: prepared.output.format };
        let sending = Instant::now();
        let answer = delivery.deliver(&prepared.signed, key, still_in_doubt).await;
        progress.timings.send = sending.elapsed();
        progress.attempts = delivery.attempts;
        let (media_id, how) = answer.map_err(|e| {
            let doubt = in_doubt || e.may_be_recorded();
            e.with_doubt(doubt)
        })?;
        Ok(Receipt { media_id, how, size: key.size, format: key.format })
    }

    /// Everything before the wire. Given up at once when nobody wants it any more.
    async fn prepare(&self, source: Source, progress: &mut Progress) -> Result<Prepared, Error> {
        tokio::select! {
            biased;
            () = self.gone.cancelled() => Err(cancelled()),
            prepared = self.core.until_stopped(self.prepare_on(source, progress)) => prepared?,
        }
    }

    async fn prepare_on(&self, source: Source, progress: &mut Progress) -> Result<Prepared, Error> {
        let core = self.core;
        let reading = Instant::now();
        let Taken { media, share } = core.workshop.take(source).await?;
        progress.input_bytes = media.len() as u64;
        progress.timings.read = reading.elapsed();
        add(&core.meters.bytes_in, progress.input_bytes);

        // The share rides with the work: a task that nobody waits for any more still holds its
        // memory until the pool has come to skip it.
        let hashing = core.workshop.pool.compute(move || {
            let sha256: [u8; 32] = Sha256::digest(media.bytes()).into();
            Ok((sha256, media, share))
        });
        let (input_sha256, media, share) = hashing.await?;
        telemetry::content(&input_sha256);
        let admit = core.journal.read(self.item, &input_sha256).await.map_err(|e| core.journal_failed(e))?;
        if let Admit::Duplicate { of } = admit {
            return Err(Error::new(ErrorKind::Duplicate, format!("the same content as item {of}")));
        }

        let worked = core.workshop.press(media, share).await;
        let Worked { pressed, took, mut share } = worked.inspect_err(|e| core.press_failed(e))?;
        progress.timings.press = took;
        add_time(&core.meters.press_us, took);
        progress.report = Some(pressed.summary);
        let (size, format) = (pressed.media.len() as u64, pressed.media.format());
        add(&core.meters.bytes_pressed, size);
        // Input and pixels are gone; the result and the body that is made of it remain.
        share.shrink_to(size + size.div_ceil(3) * 4 + 4096);

        let (remote, item, timestamp) = (Arc::clone(&core.remote), self.item.clone(), self.timestamp.clone());
        let parent = tracing::Span::current();
        let signing = core.workshop.pool.compute(move || {
            let _span = tracing::debug_span!(parent: &parent, "sign").entered();
            let started = Instant::now();
            let signed = remote.sign(&item, timestamp.as_deref(), pressed.media)?;
            Ok((signed, started.elapsed(), share))
        });
        let (signed, took, mut share) = signing.await?;
        progress.timings.sign = took;
        add_time(&core.meters.sign_us, took);
        share.shrink_to(signed.len);

        let output = Output { input_sha256, input_size: progress.input_bytes, size, format };
        core.journal.pressed(self.item, &output).await.map_err(|e| core.journal_failed(e))?;
        Ok(Prepared { signed, output, _share: share })
    }
}

/// Ready for the wire, with its place in the budget.
struct Prepared {
    signed: Signed,
    output: Output,
    _share: crate::budget::Share,
}
