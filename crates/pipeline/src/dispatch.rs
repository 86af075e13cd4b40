//! One item's way over the wire. Four rules hold whatever happens:
//!
//! 1. A `sending` record is durable before the first byte of its POST.
//! 2. After an unclear outcome nothing is sent until a good listing was matched: neither the item
//!    nor another one of its session that a listing cannot tell from it.
//! 3. While a listing is matched, no POST of the session is on its way.
//! 4. An entry that may be a look-alike's confirms nobody by its looks: its bytes are compared, and
//!    where the vendor does not serve them there must be an entry for every attempt in doubt.

use std::collections::HashSet;

use sealpress_media::Format;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::engine::{Core, timed_out};
use crate::error::{Error, ErrorKind};
use crate::host::Route;
use crate::job::{Confirmed, Item};
use crate::meters::{add, add_time};
use crate::remote::{Failure, Listed, Signed, Verdict};
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
pub(crate) enum Look {
    /// The vendor has it, under this id.
    Found(String),
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
        if in_doubt {
            self.session.doubt(self.number, &self.item.context, Some(key.looks()));
        }
        loop {
            if in_doubt {
                match self.look(key).await? {
                    Look::Found(media_id) => return Ok((media_id, Confirmed::Listed)),
                    Look::Absent => {}
                    Look::NeedsBytes => {
                        return Err(Error::new(ErrorKind::Internal, "an item was looked for without its bytes")
                            .with_doubt(true));
                    }
                }
                // Not there: from now on it is as if it had never been sent, for the journal too.
                self.take_back().await?;
                self.session.clear(self.number);
                in_doubt = false;
            }
            if let Some(failure) = last.take() {
                self.before_retry(failure).await.map_err(|e| e.with_doubt(ever_in_doubt))?;
            }
            let failure = match self.post(signed, key).await.map_err(|e| {
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
                    let core = self.core;
                    core.journal.doubted(self.item, self.attempts).await.map_err(|e| {
                        let error = core.journal_failed(e);
                        error.with_doubt(true)
                    })?;
                    (in_doubt, ever_in_doubt) = (true, true);
                }
                Verdict::NotSent | Verdict::Throttled { .. } => self.take_back().await?,
                Verdict::Unauthorized | Verdict::Conflict | Verdict::Blocked | Verdict::Refused => {
                    self.take_back().await?;
                    return Err(failure.error.with_doubt(ever_in_doubt));
                }
            }
            last = Some(failure);
        }
    }

    /// Looks for an item whose outcome is unclear.
    #[tracing::instrument(level = "debug", skip_all)]
    pub(crate) async fn look(&self, key: Key) -> Result<Look, Error> {
        let doubt = |e: Error| {
            Error::new(ErrorKind::InDoubt, format!("may have been recorded; not looked up: {e}")).with_source(e)
        };
        self.core.until_stopped(tokio::time::sleep(self.core.options.doubt.settle)).await.map_err(doubt)?;
        self.matched(key, false).await.map_err(doubt)
    }

    /// Looks for this very file, of which nobody says that it was sent: only its bytes are believed.
    pub(crate) async fn look_for_the_same(&self, key: Key) -> Result<Option<String>, Error> {
        Ok(match self.matched(key, true).await? {
            Look::Found(media_id) => Some(media_id),
            Look::Absent | Look::NeedsBytes => None,
        })
    }

    /// A good listing, matched. `strict`: no entry is taken for its looks.
    async fn matched(&self, key: Key, strict: bool) -> Result<Look, Error> {
        let _alone = self.session.gate.write().await;
        let listed = self.core.list(&self.item.session).await?;
        let journal = &self.core.journal;
        let known = journal.known(&self.item.session).await.map_err(|e| self.core.journal_failed(e))?;
        // What others are confirmed by is out, and what is left and looks like this item may be it.
        let anothers = |id: &str| {
            let journalled = known.iter().any(|k| k.tag != self.number && k.media_id.as_deref() == Some(id));
            journalled || self.session.is_anothers(id, self.number)
        };
        let sized = listed.iter().all(|entry| entry.size.is_some());
        let ids: HashSet<String> = listed.iter().map(|entry| entry.media_id.clone()).collect();
        let likely: Vec<Listed> = listed
            .into_iter()
            .filter(|entry| entry.is(&self.item.context, key) && !anothers(&entry.media_id))
            .collect();
        // Where the list has ids of its own, an answered upload's entry cannot be told from others.
        let lists_receipts = self.core.remote.lists_receipts();
        let rivals = self.session.look_alikes(self.number, &self.item.context, sized.then_some(key.looks()), |id| {
            lists_receipts || ids.contains(id)
        });
        if likely.len() <= rivals.unlisted {
            return Ok(Look::Absent);
        }
        let found = if rivals.items == 0 && !strict {
            likely.into_iter().next().map(|entry| entry.media_id)
        } else {
            let Some(sha256) = key.sha256 else { return Ok(Look::NeedsBytes) };
            self.among_look_alikes(likely, key.size, sha256, (!strict).then_some(rivals)).await?
        };
        // Claiming it takes it out for the next.
        Ok(match found {
            Some(media_id) if self.session.claim(&media_id, self.number) => {
                self.session.clear(self.number);
                Look::Found(media_id)
            }
            _ => Look::Absent,
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
    ) -> Result<Option<String>, Error> {
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
        Ok(unserved.filter(|_| rivals.is_some_and(|rivals| n > rivals.doubts + rivals.unlisted)))
    }

    /// One attempt. The outer error ends the item; the inner one is the attempt's own.
    #[tracing::instrument(name = "send", level = "debug", skip_all, fields(attempt = i64::from(self.attempts) + 1))]
    async fn post(&mut self, signed: &Signed, key: Key) -> Result<Result<String, Failure>, Error> {
        let core = self.core;
        let (_gate, pass) = loop {
            self.until_clear(key).await?;
            // The gate before the host: whoever looks holds the gate and needs a connection, and must
            // not wait for one that is held by somebody who waits for the gate.
            let gate = self.until_cancelled(self.session.gate.read()).await?;
            let pass = self.until_cancelled(core.pass(Route::Upload, signed.len)).await??;
            // A look-alike may have come into doubt while this one waited.
            if self.session.standing(self.number, &self.item.context, key.looks()) == Standing::Clear {
                break (gate, pass);
            }
        };
        if self.cancelled.is_cancelled() {
            return Err(cancelled());
        }
        core.stop.check()?;
        self.attempts += 1;
        self.session.sending(self.number, &self.item.context, key.looks());
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
                core.passed(pass);
                core.tokens.give();
                // Under the gate: a look of a sibling must not see the entry unclaimed.
                self.session.claim(&media_id, self.number);
                Ok(media_id)
            }
            Err(failure) => {
                core.learn(pass, &failure);
                if failure.verdict == Verdict::Ambiguous {
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
        tracing::info!(attempt = self.attempts, ?wait, error = %failure.error, "an upload is tried again");
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
        add(&self.meters.looks, 1);
        self.look_until_answered("listing", || self.remote.list(session)).await
    }

    /// What the vendor stores under an id, as [`Remote::content`](crate::remote::Remote::content).
    async fn content(&self, session: &str, media_id: &str, cap: u64) -> Result<Option<[u8; 32]>, Error> {
        self.look_until_answered("stored media", || self.remote.content(session, media_id, cap)).await
    }

    /// Reads may be repeated: as often as `looks` allows.
    async fn look_until_answered<'a, T>(
        &'a self,
        what: &str,
        ask: impl Fn() -> crate::remote::Answer<'a, T>,
    ) -> Result<T, Error> {
        let mut tries = 0;
        loop {
            tries += 1;
            let pass = self.pass(Route::Look, 0).await?;
            let timeout = self.options.retry.attempt_timeout;
            let answer = tokio::time::timeout(timeout, ask()).await;
            let failure = match answer.unwrap_or_else(|_| Err(timed_out(what, timeout))) {
                Ok(answer) => {
                    self.passed(pass);
                    return Ok(answer);
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
