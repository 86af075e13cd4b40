//! A vendor whose every request meets its fate. What it has stored is the truth.

use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use sealpress_client::sign::{Encoding, Frame, Scheme, sign};
use sealpress_client::{
    ApiError, BoxFuture, Context, Created, Error, ErrorKind, Limits, Listed, MediaId, NewSession, Provider, Receipt,
    SessionId, SessionState, SignedBody, Upload,
};
use sealpress_media::Format;

use crate::mix::{Fault, Route};
use crate::truth::{Answer, Attempt, Entry, Looks, own_id};
use crate::world::{Fate, Inner, Machine};

/// What kind of vendor it is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Manners {
    /// Whether stored media can be had back.
    pub(crate) serves: bool,
    /// Whether the list shows the ids of receipts, or ids of its own.
    pub(crate) lists_receipts: bool,
    /// Whether the list shows sizes.
    pub(crate) lists_sizes: bool,
}

/// One process's way to the vendor.
pub(crate) struct Vendor {
    machine: Machine,
    manners: Manners,
    /// Media of the bodies that this process signed, and whose they are.
    signed: Mutex<Vec<(u64, Bytes)>>,
}

impl Vendor {
    pub(crate) fn new(machine: Machine, manners: Manners) -> Self {
        Self { machine, manners, signed: Mutex::default() }
    }

    /// One request on its way there and back. `process` is what the vendor does with it.
    async fn exchange<T: Send + 'static>(
        &self,
        route: Route,
        what: String,
        fate: Fate,
        process: impl Fn(&mut Inner) -> Result<T, u16> + Send + 'static,
    ) -> Result<T, Error> {
        let Fate { fault, there, back } = fate;
        self.machine.note(format_args!("→ {what} {}", fault.map_or(String::new(), |fault| format!("[{fault:?}]"))));
        let _open = self.open();
        tokio::time::sleep(there).await;
        let answer = match fault {
            Some(fault) if !is_processed(fault) => {
                if fault == Fault::Late {
                    self.later(what.clone(), process);
                }
                None
            }
            _ => {
                let mut inner = self.machine.world.lock();
                let answer = process(&mut inner);
                if fault == Some(Fault::Twice) {
                    let _ = process(&mut inner);
                }
                Some(answer)
            }
        };
        if matches!(fault, Some(Fault::Silent | Fault::Swallowed)) {
            return std::future::pending().await;
        }
        tokio::time::sleep(back).await;
        self.machine.step().await;
        let answer = match (fault, answer) {
            (None | Some(Fault::Twice | Fault::Slow | Fault::Stale | Fault::Lies), Some(answer)) => {
                answer.map_err(|status| api(route, status, None, None))
            }
            (Some(fault), _) => Err(self.failed(route, fault)),
            (None, None) => unreachable!("without a fault it was processed"),
        };
        let said = answer.as_ref().map_or_else(ToString::to_string, |_| "good".to_owned());
        self.machine.note(format_args!("← {what}: {said}"));
        answer
    }

    /// The request arrives long after its sender lost sight of it.
    fn later<T: Send + 'static>(&self, what: String, process: impl Fn(&mut Inner) -> Result<T, u16> + Send + 'static) {
        let world = self.machine.world.clone();
        let wait = world.lock().tape.wait(Duration::from_secs(300));
        tokio::spawn(async move {
            tokio::time::sleep(wait).await;
            let mut inner = world.lock();
            inner.note("vendor", format_args!("{what} arrives late"));
            let _ = process(&mut inner);
        });
    }

    fn failed(&self, route: Route, fault: Fault) -> Error {
        let pause = || Some(Duration::from_secs(self.machine.world.lock().tape.one_of(&[1, 5, 30, 100_000])));
        match fault {
            Fault::Refused => Error::new(ErrorKind::Transport { may_have_been_sent: false }, name(route)),
            Fault::Truncated => Error::new(ErrorKind::Decode { path: ".".to_owned() }, name(route)),
            Fault::BadSignature => Error::new(ErrorKind::ResponseSignature { missing: false }, name(route)),
            Fault::BrokenAfter => api(route, 500, None, None),
            Fault::BrokenBefore => api(route, 502, None, None),
            Fault::Throttled => api(route, 429, None, None),
            Fault::ThrottledFor => self.throttled(route, 429, pause()),
            Fault::Unavailable => self.throttled(route, 503, pause()),
            Fault::Firewall => api(route, 403, None, None),
            Fault::Unauthorized => api(route, 401, Some("1801"), None),
            _ => Error::new(ErrorKind::Transport { may_have_been_sent: true }, name(route)),
        }
    }

    fn throttled(&self, route: Route, status: u16, pause: Option<Duration>) -> Error {
        let mut inner = self.machine.world.lock();
        let now = inner.elapsed();
        inner.truth.is_asked_to_wait(self.machine.number(), pause.unwrap_or_default(), now);
        drop(inner);
        api(route, status, None, pause)
    }

    /// Counts the request against the connections that the process may have.
    fn open(&self) -> Open<'_> {
        let machine = &self.machine;
        machine.world.judge(|inner| inner.truth.opens(machine.number()));
        Open(machine)
    }
}

struct Open<'a>(&'a Machine);

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.0.world.lock().truth.closes(self.0.number());
    }
}

const fn is_processed(fault: Fault) -> bool {
    matches!(
        fault,
        Fault::LostAfter
            | Fault::Silent
            | Fault::Truncated
            | Fault::BadSignature
            | Fault::BrokenAfter
            | Fault::Twice
            | Fault::Slow
            | Fault::Stale
            | Fault::Lies
    )
}

const fn name(route: Route) -> &'static str {
    match route {
        Route::Create => "create session",
        Route::Upload => "upload",
        Route::List => "list media",
        Route::Media => "download",
        Route::Finish => "submit",
        Route::State => "session state",
    }
}

fn api(route: Route, status: u16, code: Option<&str>, retry_after: Option<Duration>) -> Error {
    let mut api = ApiError::new(status);
    (api.code, api.retry_after) = (code.map(str::to_owned), retry_after);
    Error::new(ErrorKind::Api(api), name(route))
}

/// An attempt of which its process has not heard yet. Where it is given up, its outcome stays unclear.
struct Unclear<'a> {
    machine: &'a Machine,
    attempt: Attempt,
}

impl Unclear<'_> {
    fn ends(self, answer: Answer) {
        self.end(answer);
        std::mem::forget(self);
    }

    fn end(&self, answer: Answer) {
        let mut inner = self.machine.world.lock();
        let now = inner.elapsed();
        inner.truth.attempt_ends(&self.attempt, answer, now);
    }
}

impl Drop for Unclear<'_> {
    fn drop(&mut self) {
        self.end(Answer::Unclear);
    }
}

/// A look at a session's list, until it is over.
struct Looking<'a> {
    machine: &'a Machine,
    session: &'a str,
    begun: Duration,
}

impl Looking<'_> {
    /// A list that lies shows nothing that can be found by its size.
    fn ends(self, listed: &[Entry], lies: bool) {
        self.end(Some(listed));
        if lies {
            self.machine.world.lock().truth.finds_nothing(self.machine.number());
        }
        std::mem::forget(self);
    }

    fn end(&self, listed: Option<&[Entry]>) {
        let mut inner = self.machine.world.lock();
        inner.truth.look_ends(self.machine.number(), self.session, listed, self.begun);
    }
}

impl Drop for Looking<'_> {
    fn drop(&mut self) {
        self.end(None);
    }
}

impl Provider for Vendor {
    fn name(&self) -> &'static str {
        "simulated"
    }

    fn limits(&self) -> &Limits {
        static LIMITS: LazyLock<Limits> = LazyLock::new(|| {
            let mut limits = Limits::none();
            limits.formats = Format::ALL.to_vec();
            (limits.image_bytes, limits.pdf_bytes) = (10_000_000, 20_000_000);
            limits
        });
        &LIMITS
    }

    fn create<'a>(&'a self, new: &'a NewSession) -> BoxFuture<'a, Result<Created, Error>> {
        let subject = new.vendor_data.clone().unwrap_or_default();
        Box::pin(async move {
            self.machine.step().await;
            let fate = self.machine.fate(Route::Create);
            let what = format!("create for {subject}");
            let made = self.exchange(Route::Create, what, fate, move |inner| {
                let made = inner.truth.creates(&subject);
                let odds = inner.mix.expires;
                if inner.happens(odds) {
                    let at = inner.elapsed() + inner.tape.wait(Duration::from_secs(1800));
                    inner.truth.ends_at(&made, at);
                }
                Ok(made)
            });
            Ok(Created::new(made.await?, None))
        })
    }

    /// Keeps the media, and notes on the body which they are. Whose they are stands in the timestamp.
    fn sign(&self, upload: &Upload) -> Result<SignedBody, Error> {
        let item = upload.timestamp.as_deref().and_then(|text| text.parse().ok()).unwrap_or(0);
        let bytes = upload.media.bytes().clone();
        let mut signed = self.signed.lock().unwrap_or_else(PoisonError::into_inner);
        signed.push((item, bytes.clone()));
        let stamp = (signed.len() - 1).to_string();
        sign(upload, Frame::new("", bytes, Encoding::Raw, ""), Scheme::Unsigned, Some(stamp))
    }

    fn send<'a>(&'a self, body: &'a SignedBody) -> BoxFuture<'a, Result<Receipt, Error>> {
        Box::pin(async move {
            let at = body.stamp().and_then(|stamp| stamp.parse::<usize>().ok()).unwrap_or(usize::MAX);
            let signed = self.signed.lock().unwrap_or_else(PoisonError::into_inner).get(at).cloned();
            let Some((item, bytes)) = signed else { return Err(api(Route::Upload, 400, None, None)) };
            self.machine.step().await;
            let (session, context) = (body.session().clone(), body.context().clone());
            let looks = Looks { context: context.clone(), size: body.media_len(), mime: body.format().mime() };
            let attempt = Attempt { machine: self.machine.number(), item, session: session.to_string(), looks };
            self.machine.world.judge(|inner| {
                let now = inner.elapsed();
                inner.truth.attempt_begins(&attempt, now)
            });
            let unclear = Unclear { machine: &self.machine, attempt: attempt.clone() };
            let fate = self.machine.fate(Route::Upload);
            let what = format!("upload {item} to {session}");
            let stored = self.exchange(Route::Upload, what, fate, move |inner| {
                let now = inner.elapsed();
                inner.truth.stores(&attempt, &bytes, now)
            });
            let stored = stored.await;
            if fate.fault == Some(Fault::Firewall) {
                self.machine.world.lock().truth.excuse(item, "blocked");
            }
            let answer = match &stored {
                Ok(_) => Answer::Clear,
                Err(error) => match error.failure() {
                    sealpress_client::Failure::InDoubt => Answer::Unclear,
                    _ => Answer::Clear,
                },
            };
            unclear.ends(answer);
            Ok(Receipt::new(session, context, stored?))
        })
    }

    fn list<'a>(&'a self, session: &'a SessionId) -> BoxFuture<'a, Result<Vec<Listed>, Error>> {
        Box::pin(async move {
            self.machine.step().await;
            let fate = self.machine.fate(Route::List);
            let (name, manners, machine) = (session.to_string(), self.manners, self.machine.number());
            let look = self.machine.world.judge(|inner| {
                let (age, now) = match fate.fault {
                    Some(Fault::Stale) => (inner.tape.wait(Duration::from_secs(60)), inner.elapsed()),
                    _ => (Duration::ZERO, inner.elapsed()),
                };
                inner.truth.look_begins(machine, &name)?;
                Ok((now.saturating_sub(age), now))
            });
            let (as_of, begun) = look.unwrap_or_default();
            let is_stale = fate.fault == Some(Fault::Stale);
            let of = name.clone();
            let listed = self.exchange(Route::List, format!("list {name}"), fate, move |inner| {
                inner.truth.lists(&of, is_stale.then_some(as_of))
            });
            let looking = Looking { machine: &self.machine, session: &name, begun };
            let listed = listed.await?;
            let lies = fate.fault == Some(Fault::Lies) && manners.lists_sizes;
            looking.ends(&listed, lies);
            let entry = |mut stored: Entry| {
                stored.looks.size += u64::from(lies);
                let id = if manners.lists_receipts { stored.id } else { own_id(&stored.id) };
                let mut entry = Listed::new(id, Context::from(stored.looks.context.as_str()));
                entry.size = manners.lists_sizes.then_some(stored.looks.size);
                entry.mimetype = Some(stored.looks.mime.to_owned());
                entry
            };
            // Newest first: no order is promised.
            Ok(listed.into_iter().rev().map(entry).collect())
        })
    }

    fn lists_receipts(&self) -> bool {
        self.manners.lists_receipts
    }

    fn media<'a>(
        &'a self,
        session: &'a SessionId,
        media: &'a MediaId,
        _: u64,
    ) -> BoxFuture<'a, Result<Option<Bytes>, Error>> {
        Box::pin(async move {
            if !self.manners.serves {
                return Ok(None);
            }
            self.machine.step().await;
            let (fate, id) = (self.machine.fate(Route::Media), media.clone());
            let what = format!("media {media} of {session}");
            let bytes = self.exchange(Route::Media, what, fate, move |inner| inner.truth.media(&id).ok_or(404u16));
            bytes.await.map(Some)
        })
    }

    fn finish<'a>(&'a self, session: &'a SessionId) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move {
            self.machine.step().await;
            let (fate, name) = (self.machine.fate(Route::Finish), session.to_string());
            let machine = self.machine.clone();
            machine.world.judge(|inner| inner.truth.finish_begins(machine.number(), &name));
            let of = name.clone();
            let finished = self.exchange(Route::Finish, format!("submit {name}"), fate, move |inner| {
                let now = inner.elapsed();
                if inner.truth.is_gone(&of, now) {
                    return Err(410);
                }
                inner.truth.finishes(&of).unwrap_or_else(|what| {
                    inner.violate(what);
                    Ok(())
                })
            });
            finished.await
        })
    }

    fn state<'a>(&'a self, session: &'a SessionId) -> BoxFuture<'a, Result<SessionState, Error>> {
        Box::pin(async move {
            self.machine.step().await;
            let (fate, name) = (self.machine.fate(Route::State), session.to_string());
            let what = format!("state of {name}");
            if fate.fault == Some(Fault::Firewall) {
                // Who is told that this is none of their business cannot learn that a session has ended, now or later.
                let mut inner = self.machine.world.lock();
                let now = inner.elapsed();
                if inner.truth.is_gone(&name, now) {
                    inner.truth.excuse_items_of(&name, "refused");
                }
            }
            self.exchange(Route::State, what, fate, move |inner| {
                let now = inner.elapsed();
                Ok(if inner.truth.is_gone(&name, now) { SessionState::Gone } else { inner.truth.state(&name) })
            })
            .await
        })
    }
}

/// Shared by the lives of a history.
pub(crate) fn shared(machine: &Machine, manners: Manners) -> Arc<dyn Provider> {
    Arc::new(Vendor::new(machine.clone(), manners))
}
