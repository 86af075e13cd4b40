//! One item's way over the wire. Four rules hold whatever happens:
//!
//! 1. A `sending` record is durable before the first byte of its POST.
//! 2. After an unclear outcome nothing is sent until a good listing was matched: neither the item
//!    nor another one of its session that a listing cannot tell from it.
//! 3. While a listing is matched, no POST of the session is on its way.
//! 4. An entry that may be a look-alike's confirms nobody by its looks: its bytes are compared, and
//!    where the vendor does not serve them there must be an entry for every attempt in doubt.

use std::collections::HashSet;
use std::time::Duration;

use sealpress_client::{Failure as Meaning, Listed, MediaId, SignedBody};
use sealpress_media::Format;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::engine::Core;
use crate::error::{Error, ErrorKind};
use crate::failure::Failure;
use crate::host::Route;
use crate::job::{Confirmed, Item};
use crate::journal::Permission;
use crate::lookup::may_be;
use crate::metrics::{add, add_time};
use crate::planted::{self, Bug};
use crate::session::{LookAlikes, Session, Standing};

/// What an item looks like in a listing, and what it is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Key {
    pub(crate) size: u64,
    pub(crate) format: Format,
    /// SHA-256 of the media, where it is known.
    pub(crate) sha256: Option<[u8; 32]>,
}

impl Key {
    const fn looks(&self) -> (u64, Format) {
        (self.size, self.format)
    }
}

/// What a good listing says about an item in doubt.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Reconciled {
    /// The vendor has it, under this id.
    Found(MediaId),
    /// The vendor does not have it, or nobody can tell: it may be sent.
    Absent,
    /// There are entries that may be a look-alike's, and nobody knows the item's own bytes yet.
    NeedsBytes,
}

/// One item at the wire.
pub(crate) struct Delivery<'a> {
    pub(crate) core: &'a Core,
    pub(crate) item: &'a Item,
    pub(crate) session: &'a Session,
    /// The item's number in its session.
    pub(crate) number: u64,
    pub(crate) cancelled: &'a CancellationToken,
    /// POSTs made in this pass.
    pub(crate) attempts: u32,
    /// Time of these POSTs.
    pub(crate) on_wire: Duration,
    /// Time of waiting for leave to make them: look-alikes, the host's rate, connections and circuit,
    /// and the pauses before retries.
    pub(crate) waited: Duration,
}

impl<'a> Delivery<'a> {
    pub(crate) const fn new(
        core: &'a Core,
        item: &'a Item,
        session: &'a Session,
        number: u64,
        cancelled: &'a CancellationToken,
    ) -> Self {
        Self { core, item, session, number, cancelled, attempts: 0, on_wire: Duration::ZERO, waited: Duration::ZERO }
    }
}

impl Delivery<'_> {
    /// Sends until the vendor has it, says no, or patience and budget end. `in_doubt`: an earlier
    /// attempt may have been recorded.
    pub(crate) async fn deliver(
        &mut self,
        signed: &SignedBody,
        key: Key,
        mut in_doubt: bool,
    ) -> Result<(MediaId, Confirmed), Error> {
        let mut ever_in_doubt = in_doubt;
        let mut last: Option<Failure> = None;
        if in_doubt {
            self.session.doubt(self.number, &self.item.context, Some(key.looks()));
        }
        loop {
            if in_doubt {
                match self.reconcile(key).await? {
                    Reconciled::Found(media_id) => return Ok((media_id, Confirmed::Listed)),
                    Reconciled::Absent => {}
                    Reconciled::NeedsBytes => {
                        return Err(Error::new(ErrorKind::Internal, "an item was looked for without its bytes")
                            .with_doubt(true));
                    }
                }
                // Not there: from now on it is as if it had never been sent, for the journal too.
                self.mark_not_sent().await?;
                self.session.clear(self.number);
                in_doubt = false;
            }
            if let Some(failure) = last.take() {
                self.before_retry(failure).await.map_err(|e| e.with_doubt(ever_in_doubt))?;
            }
            let failure = match self.post(signed, key).await.map_err(|e| {
                let doubt = ever_in_doubt || e.is_in_doubt();
                e.with_doubt(doubt)
            })? {
                Ok(media_id) => return Ok((media_id, Confirmed::Answered)),
                Err(failure) => failure,
            };
            tracing::debug!(attempt = self.attempts, meaning = ?failure.meaning, error = %failure.error, "not answered");
            match failure.meaning {
                // A session that takes nothing more: because it has what an attempt in doubt left, which was recorded
                // after everybody looked, or never will.
                _ if failure.is_conflict() && self.session.has_doubts(self.number) => {
                    if let Reconciled::Found(media_id) = self.reconcile(key).await? {
                        return Ok((media_id, Confirmed::Listed));
                    }
                    self.mark_not_sent().await?;
                    return Err(failure.error.with_doubt(ever_in_doubt));
                }
                _ if failure.is_final() => {
                    self.mark_not_sent().await?;
                    return Err(failure.error.with_doubt(ever_in_doubt));
                }
                Meaning::NotSent | Meaning::Throttled(_) => self.mark_not_sent().await?,
                _ if planted::is(Bug::BlindRetry) => self.mark_not_sent().await?,
                _ => {
                    add(&self.core.metrics.in_doubt, 1);
                    let core = self.core;
                    core.journal.doubted(self.item, self.attempts).await.map_err(|e| {
                        let error = core.journal_failed(e);
                        error.with_doubt(true)
                    })?;
                    (in_doubt, ever_in_doubt) = (true, true);
                }
            }
            last = Some(failure);
        }
    }

    /// Looks for an item whose outcome is unclear.
    #[tracing::instrument(name = "look", level = "debug", skip_all)]
    pub(crate) async fn reconcile(&self, key: Key) -> Result<Reconciled, Error> {
        let doubt = |e: Error| {
            Error::new(ErrorKind::InDoubt, format!("may have been recorded; not looked up: {e}")).with_source(e)
        };
        let settle = if planted::is(Bug::NoSettle) { Duration::ZERO } else { self.core.options.doubt.settle };
        self.core.until_stopped(tokio::time::sleep(settle)).await.map_err(doubt)?;
        self.matched(key, false).await.map_err(doubt)
    }

    /// Looks for this very file, of which nobody says that it was sent: only its bytes are believed.
    pub(crate) async fn reconcile_by_content(&self, key: Key) -> Result<Option<MediaId>, Error> {
        Ok(match self.matched(key, true).await? {
            Reconciled::Found(media_id) => Some(media_id),
            Reconciled::Absent | Reconciled::NeedsBytes => None,
        })
    }

    /// A good listing, matched. `strict`: no entry is taken for its looks.
    async fn matched(&self, key: Key, strict: bool) -> Result<Reconciled, Error> {
        let alone = self.session.gate.write().await;
        let _alone = (!planted::is(Bug::OpenGate)).then_some(alone);
        let listed = self.core.list(&self.item.session).await?;
        let journal = &self.core.journal;
        let known = journal.known(&self.item.session).await.map_err(|e| self.core.journal_failed(e))?;
        // What others are confirmed by is out, and what is left and looks like this item may be it.
        let anothers = |id: &MediaId| {
            let journalled = known.iter().any(|k| k.tag != self.number && k.media_id.as_ref() == Some(id));
            journalled || self.session.is_anothers(id, self.number)
        };
        let sized = listed.iter().all(|entry| entry.size.is_some());
        let ids: HashSet<MediaId> = listed.iter().map(|entry| entry.media_id.clone()).collect();
        let likely: Vec<Listed> = listed
            .into_iter()
            .filter(|entry| may_be(entry, &self.item.context, key.looks()))
            .filter(|entry| !anothers(&entry.media_id) || planted::is(Bug::ClaimedTwice))
            .collect();
        // Where the list has ids of its own, an answered upload's entry cannot be told from others.
        let lists_receipts = self.core.provider.lists_receipts();
        let rivals = self.session.look_alikes(self.number, &self.item.context, sized.then_some(key.looks()), |id| {
            lists_receipts || ids.contains(id)
        });
        if likely.len() <= rivals.unlisted {
            return Ok(Reconciled::Absent);
        }
        let found = if (rivals.items == 0 || planted::is(Bug::Alibi)) && !strict {
            likely.into_iter().next().map(|entry| entry.media_id)
        } else {
            let Some(sha256) = key.sha256 else { return Ok(Reconciled::NeedsBytes) };
            self.among_look_alikes(likely, key.size, sha256, (!strict).then_some(rivals)).await?
        };
        // Claiming it takes it out for the next.
        Ok(match found {
            Some(media_id) if self.session.claim(&media_id, self.number) || planted::is(Bug::ClaimedTwice) => {
                self.session.found(self.number);
                Reconciled::Found(media_id)
            }
            _ => Reconciled::Absent,
        })
    }

    /// The entry with this item's bytes. Where the vendor does not serve them back, any entry, as
    /// long as there is one for each attempt that may have left one; none without `rivals`.
    async fn among_look_alikes(
        &self,
        likely: Vec<Listed>,
        size: u64,
        sha256: [u8; 32],
        rivals: Option<LookAlikes>,
    ) -> Result<Option<MediaId>, Error> {
        let n = likely.len();
        let mut unserved = None;
        for entry in likely {
            let content = match self.session.content(&entry.media_id) {
                Some(content) => Some(content),
                None => self.core.content(&self.item.session, &entry.media_id, size).await?,
            };
            match content {
                Some(content) => {
                    self.session.note_content(&entry.media_id, content);
                    if content == sha256 {
                        return Ok(Some(entry.media_id));
                    }
                }
                None => drop(unserved.get_or_insert(entry.media_id)),
            }
        }
        let n = n + usize::from(planted::is(Bug::OffByOne));
        Ok(unserved.filter(|_| rivals.is_some_and(|rivals| n > rivals.doubts + rivals.unlisted)))
    }

    /// One attempt. The outer error ends the item; the inner one is the attempt's own.
    #[tracing::instrument(name = "send", level = "debug", skip_all, fields(attempt = i64::from(self.attempts) + 1))]
    async fn post(&mut self, signed: &SignedBody, key: Key) -> Result<Result<MediaId, Failure>, Error> {
        let core = self.core;
        let waiting = Instant::now();
        let (_gate, permit) = loop {
            self.until_clear(key).await?;
            // The gate before the host: whoever looks holds the gate and needs a connection, and must
            // not wait for one that is held by somebody who waits for the gate.
            let gate = self.until_cancelled(self.session.gate.read()).await?;
            let permit = self.until_cancelled(core.permit(Route::Upload, signed.content_length())).await??;
            // A look-alike may have come into doubt while this one waited.
            let standing = self.session.standing(self.number, &self.item.context, key.looks());
            if standing == Standing::Clear || planted::is(Bug::LookAlikesGo) {
                break (gate, permit);
            }
        };
        self.waited += waiting.elapsed();
        if self.cancelled.is_cancelled() {
            return Err(cancelled());
        }
        core.stop.check()?;
        self.attempts += 1;
        self.session.sending(self.number, &self.item.context, key.looks());
        let recorded = async {
            let recorded = core.journal.sending(self.item, self.attempts).await;
            recorded.map_err(|e| core.journal_failed(e))
        };
        let leave = match planted::is(Bug::PostBeforeRecord) {
            true => Permission::default(),
            false if planted::is(Bug::RecordUnwritten) => recorded.await.unwrap_or_default(),
            false => recorded.await?,
        };
        // From here on nobody cancels: what was begun is seen to its end or its deadline.
        let started = Instant::now();
        let deadline = core.attempt_deadline().min(leave.until.unwrap_or(started + core.options.retry.attempt_timeout));
        let allowed = deadline.saturating_duration_since(started);
        if allowed.is_zero() {
            return Err(Error::new(ErrorKind::Journal, "the lease ended before the first byte was sent"));
        }
        add(&core.metrics.attempts, 1);
        add(&core.metrics.bytes_sent, signed.content_length());
        let answer = tokio::time::timeout_at(deadline, core.provider.send(signed)).await;
        self.on_wire += started.elapsed();
        if planted::is(Bug::PostBeforeRecord) {
            let _ = core.journal.sending(self.item, self.attempts).await;
        }
        add_time(&core.metrics.send_us, started.elapsed());
        let answer = match answer {
            Ok(answer) => answer.map_err(Failure::from),
            Err(_) => Err(Failure::timed_out("upload", allowed)),
        };
        Ok(match answer {
            Ok(receipt) => {
                let media_id = receipt.media_id;
                core.answered(permit);
                core.retry_budget.give();
                // Under the gate: a look of a sibling must not see the entry unclaimed.
                self.session.claim(&media_id, self.number);
                Ok(media_id)
            }
            Err(failure) => {
                core.record(permit, &failure);
                if failure.is_in_doubt() {
                    // Under the gate too: from here on no look-alike is sent.
                    self.session.doubt(self.number, &self.item.context, Some(key.looks()));
                }
                Err(failure)
            }
        })
    }

    /// Waits while something that looks like this item is in doubt; an error where nobody is about
    /// to clear it.
    async fn until_clear(&self, key: Key) -> Result<(), Error> {
        loop {
            let cleared = self.session.cleared();
            tokio::pin!(cleared);
            cleared.as_mut().enable();
            match self.session.standing(self.number, &self.item.context, key.looks()) {
                _ if planted::is(Bug::LookAlikesGo) => return Ok(()),
                Standing::Clear => return Ok(()),
                Standing::Wait => self.until_cancelled(self.core.until_stopped(cleared)).await??,
                Standing::Blocked => {
                    let message =
                        "not sent: another file of the session that looks the same in the vendor's list is in doubt";
                    return Err(Error::new(ErrorKind::Unreachable, message));
                }
            }
        }
    }

    /// Attempts left, tokens left, then the wait.
    async fn before_retry(&mut self, failure: Failure) -> Result<(), Error> {
        let core = self.core;
        if self.attempts >= core.options.retry.attempts {
            return Err(failure.error);
        }
        if !core.pay(failure.meaning) {
            tracing::warn!("the run's retry budget is used up");
            return Err(failure.error);
        }
        add(&core.metrics.retries, 1);
        let wait = core.backoff(failure.meaning, self.attempts);
        tracing::info!(attempt = self.attempts, ?wait, error = %failure.error, request_id = failure.error.request_id(), "an upload is tried again");
        self.waited += wait;
        self.until_cancelled(core.until_stopped(tokio::time::sleep(wait))).await?
    }

    pub(crate) async fn mark_not_sent(&self) -> Result<(), Error> {
        self.core.journal.not_sent(self.item, self.attempts).await.map_err(|e| self.core.journal_failed(e))
    }

    async fn until_cancelled<T>(&self, future: impl Future<Output = T>) -> Result<T, Error> {
        tokio::select! {
            biased;
            () = self.cancelled.cancelled() => Err(cancelled()),
            out = future => Ok(out),
        }
    }
}

pub(crate) fn cancelled() -> Error {
    Error::new(ErrorKind::Cancelled, "given up by the caller before anything was sent")
}
