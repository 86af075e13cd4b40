//! One item's way over the wire. Three rules hold whatever happens:
//!
//! 1. A `sending` record is durable before the first byte of its POST.
//! 2. After an unclear outcome nothing is sent until a good listing was matched.
//! 3. While a listing is matched, no POST of the session is on its way.

use sealpress_media::Format;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::engine::{Core, timed_out};
use crate::error::{Error, ErrorKind};
use crate::host::Route;
use crate::job::{Confirmed, Item};
use crate::meters::{add, add_time};
use crate::remote::{Failure, Listed, Signed, Verdict};
use crate::session::Session;

/// What an item looks like in a listing.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Key {
    pub(crate) size: u64,
    pub(crate) format: Format,
}

/// One item at the wire.
pub(crate) struct Delivery<'a> {
    pub(crate) core: &'a Core,
    pub(crate) item: &'a Item,
    pub(crate) session: &'a Session,
    pub(crate) cancelled: &'a CancellationToken,
    /// POSTs made in this pass.
    pub(crate) attempts: u32,
}

impl Delivery<'_> {
    /// Sends until the vendor has it, says no, or patience and budget end. `in_doubt`: an earlier
    /// attempt may have been recorded.
    pub(crate) async fn deliver(
        &mut self,
        signed: &Signed,
        key: Key,
        mut in_doubt: bool,
    ) -> Result<(String, Confirmed), Error> {
        let mut ever_in_doubt = in_doubt;
        let mut last: Option<Failure> = None;
        loop {
            if in_doubt {
                if let Some(media_id) = self.look(key).await? {
                    return Ok((media_id, Confirmed::Listed));
                }
                // Not there: from now on it is as if it had never been sent, for the journal too.
                self.take_back().await?;
                in_doubt = false;
            }
            if let Some(failure) = last.take() {
                self.before_retry(failure).await.map_err(|e| e.with_doubt(ever_in_doubt))?;
            }
            let failure = match self.post(signed).await.map_err(|e| {
                let doubt = ever_in_doubt || e.may_be_recorded();
                e.with_doubt(doubt)
            })? {
                Ok(media_id) => return Ok((media_id, Confirmed::Answered)),
                Err(failure) => failure,
            };
            tracing::debug!(attempt = self.attempts, verdict = ?failure.verdict, error = %failure.error, "not answered");
            match failure.verdict {
                Verdict::Ambiguous => {
                    add(&self.core.meters.ambiguous, 1);
                    self.session.doubt();
                    (in_doubt, ever_in_doubt) = (true, true);
                }
                Verdict::NotSent | Verdict::Throttled { .. } => self.take_back().await?,
                Verdict::Unauthorized | Verdict::Conflict | Verdict::Refused => {
                    self.take_back().await?;
                    return Err(failure.error.with_doubt(ever_in_doubt));
                }
            }
            last = Some(failure);
        }
    }

    /// Looks for an item of an earlier run before it was even pressed again.
    #[tracing::instrument(level = "debug", skip_all)]
    pub(crate) async fn look(&self, key: Key) -> Result<Option<String>, Error> {
        let doubt = |e: Error| {
            Error::new(ErrorKind::InDoubt, format!("may have been recorded; not looked up: {e}")).with_source(e)
        };
        self.core.until_stopped(tokio::time::sleep(self.core.options.doubt.settle)).await.map_err(doubt)?;
        let _alone = self.session.gate.write().await;
        let listed = self.core.list(&self.item.session).await.map_err(doubt)?;
        let journalled = self
            .core
            .journal
            .confirmed_ids(&self.item.session)
            .await
            .map_err(|e| doubt(self.core.journal_failed(e)))?;
        // A multiset match: every entry that some item is confirmed by is out, and the first that
        // is left and looks like this item is this item's. Claiming it takes it out for the next.
        let found = listed.into_iter().find(|entry| {
            entry.is(&self.item.context, key)
                && !journalled.contains(&entry.media_id)
                && !self.session.is_anothers(&entry.media_id, self.item.tag)
        });
        Ok(found.filter(|entry| self.session.claim(&entry.media_id, self.item.tag)).map(|entry| entry.media_id))
    }

    /// One attempt. The outer error ends the item; the inner one is the attempt's own.
    #[tracing::instrument(name = "send", level = "debug", skip_all, fields(attempt = i64::from(self.attempts) + 1))]
    async fn post(&mut self, signed: &Signed) -> Result<Result<String, Failure>, Error> {
        let core = self.core;
        // The gate before the host: whoever looks holds the gate and needs a connection, and must
        // not wait for one that is held by somebody who waits for the gate.
        let _gate = self.until_cancelled(self.session.gate.read()).await?;
        let pass = self.until_cancelled(core.pass(Route::Upload, signed.len)).await??;
        if self.cancelled.is_cancelled() {
            return Err(cancelled());
        }
        core.stop.check()?;
        self.attempts += 1;
        let leave = core.journal.sending(self.item, self.attempts).await.map_err(|e| core.journal_failed(e))?;
        // From here on nobody cancels: what was begun is seen to its end or its deadline.
        let started = Instant::now();
        let deadline = core.attempt_deadline().min(leave.until.unwrap_or(started + core.options.retry.attempt_timeout));
        let allowed = deadline.saturating_duration_since(started);
        if allowed.is_zero() {
            return Err(Error::new(ErrorKind::Journal, "the lease ended before the first byte was sent"));
        }
        add(&core.meters.attempts, 1);
        add(&core.meters.bytes_sent, signed.len);
        let answer = tokio::time::timeout_at(deadline, core.remote.send(signed)).await;
        add_time(&core.meters.send_us, started.elapsed());
        Ok(match answer.unwrap_or_else(|_| Err(timed_out("upload", allowed))) {
            Ok(media_id) => {
                pass.worked();
                core.tokens.give();
                // Under the gate: a look of a sibling must not see the entry unclaimed.
                self.session.claim(&media_id, self.item.tag);
                Ok(media_id)
            }
            Err(failure) => {
                core.learn(pass, &failure);
                Err(failure)
            }
        })
    }

    /// Attempts left, tokens left, then the wait.
    async fn before_retry(&self, failure: Failure) -> Result<(), Error> {
        let core = self.core;
        if self.attempts >= core.options.retry.attempts {
            return Err(failure.error);
        }
        if !core.pay(failure.verdict) {
            tracing::warn!("the run's retry budget is used up");
            return Err(failure.error);
        }
        add(&core.meters.retries, 1);
        let wait = core.backoff(failure.verdict, self.attempts);
        self.until_cancelled(core.until_stopped(tokio::time::sleep(wait))).await?
    }

    pub(crate) async fn take_back(&self) -> Result<(), Error> {
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

impl Core {
    /// A good listing of a session, asked for as often as `looks` allows.
    pub(crate) async fn list(&self, session: &str) -> Result<Vec<Listed>, Error> {
        let mut tries = 0;
        loop {
            tries += 1;
            add(&self.meters.looks, 1);
            let pass = self.pass(Route::Look, 0).await?;
            let timeout = self.options.retry.attempt_timeout;
            let answer = tokio::time::timeout(timeout, self.remote.list(session)).await;
            let failure = match answer.unwrap_or_else(|_| Err(timed_out("listing", timeout))) {
                Ok(listed) => {
                    pass.worked();
                    return Ok(listed);
                }
                Err(failure) => failure,
            };
            self.learn(pass, &failure);
            let again = matches!(failure.verdict, Verdict::NotSent | Verdict::Throttled { .. } | Verdict::Ambiguous);
            if !again || tries >= self.options.doubt.looks {
                return Err(failure.error);
            }
            self.until_stopped(tokio::time::sleep(self.backoff(failure.verdict, tries))).await?;
        }
    }
}

impl Listed {
    /// Whether this may be an item of this context, size and format.
    fn is(&self, context: &str, key: Key) -> bool {
        self.context == context
            && self.size.is_none_or(|size| size == key.size)
            && self.mime.as_deref().is_none_or(|mime| same_mime(mime, key.format.mime()))
    }
}

/// Vendors write `image/jpeg`, `image/jpg`, `.jpg` and `jpeg` for the same thing.
fn same_mime(a: &str, b: &str) -> bool {
    fn subtype(mime: &str) -> String {
        let mime = mime.trim().trim_start_matches('.').to_ascii_lowercase();
        let sub = mime.rsplit('/').next().unwrap_or_default();
        match sub {
            "jpg" => "jpeg",
            "heif" => "heic",
            other => other,
        }
        .to_owned()
    }
    subtype(a) == subtype(b)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mimes_in_all_spellings() {
        for mime in ["image/jpeg", "image/jpg", ".jpg", "JPEG", "image/JPG "] {
            assert!(same_mime(mime, "image/jpeg"), "{mime}");
        }
        assert!(same_mime("image/heif", "image/heic") && !same_mime("image/png", "image/jpeg"));
    }
}
