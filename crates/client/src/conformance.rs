//! What every [`Provider`] has to keep, as a suite for whoever writes one: run it against a stand-in of the
//! vendor that can misbehave on request, and knows what it really holds.
//!
//! A pipeline's books rest on these promises. A provider that retries an upload by itself makes
//! duplicates that nobody sees; one that calls a lost answer "not sent" makes them, too; one that calls
//! it "permanent" loses media. Both vendors of this crate and the example of a third go through it
//! (`tests/socket/conformance.rs`).
//!
//! ```no_run
//! # use sealpress_client::conformance::{Bench, Broken, check};
//! # async fn example(bench: &dyn Bench) -> Result<(), Broken> {
//! for promise in check(bench).await? {
//!     println!("kept: {promise}");
//! }
//! # Ok(())
//! # }
//! ```

use std::fmt;
use std::time::Duration;

use sealpress_media::{Fault as Turn, Media};

use crate::error::{Error, Failure};
use crate::id::SessionId;
use crate::provider::{BoxFuture, NewSession, Provider, SessionState};
use crate::upload::Upload;

/// What the suite needs: the provider, and power over the vendor's stand-in.
pub trait Bench: Sync {
    /// The provider, set up with good credentials, without retries of its own where it has a setting.
    fn provider(&self) -> &dyn Provider;

    /// The same with credentials that the vendor refuses.
    fn refused(&self) -> &dyn Provider;

    /// The same towards an address where nobody listens.
    fn unreachable(&self) -> &dyn Provider;

    /// The uploads that make a session whole, in any order; at least two, of different contexts.
    fn uploads(&self, session: &SessionId) -> Vec<Upload>;

    /// What happens to the next upload, and to that one only.
    fn arrange(&self, fault: Fault);

    /// How many upload requests have arrived since the beginning, answered or not.
    fn arrived(&self) -> u64;

    /// How many media the vendor's stand-in really holds of a session.
    fn recorded<'a>(&'a self, session: &'a SessionId) -> BoxFuture<'a, u64>;

    /// Texts that must not stand in any error: keys, secrets, tokens.
    fn secrets(&self) -> Vec<String>;
}

/// What happens to an upload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// It is recorded, and the connection ends without an answer.
    LostAnswer,
    /// It is answered with this status, not recorded.
    Status {
        /// The status.
        status: u16,
        /// Seconds of `Retry-After`.
        retry_after: Option<u64>,
    },
    /// It is recorded, and answered with half of what is meant to be JSON.
    Gibberish,
}

/// A promise that was not kept.
#[derive(Debug)]
pub struct Broken {
    promise: &'static str,
    seen: String,
}

impl Broken {
    /// The promise, as [`check`] lists it.
    #[must_use]
    pub const fn promise(&self) -> &'static str {
        self.promise
    }
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.promise, self.seen)
    }
}

impl std::error::Error for Broken {}

type Kept<'a> = BoxFuture<'a, Result<(), String>>;
type Promise = (&'static str, for<'a> fn(&'a dyn Bench) -> Kept<'a>);

/// All promises, in the order in which they are tried.
const PROMISES: &[Promise] = &[
    ("its name is a word and its limits take something", |b| Box::pin(async move { names_and_limits(b) })),
    ("two sessions have two ids", |b| Box::pin(two_sessions(b))),
    ("a body is as long as it says, and the same each time", |b| Box::pin(bodies(b))),
    ("what the vendor would refuse is refused before anything is sent", |b| Box::pin(refusals(b))),
    ("an upload that is answered is recorded once, and listed", |b| Box::pin(one_upload(b))),
    ("an upload whose answer is lost is in doubt, and was sent once", |b| Box::pin(lost_answer(b))),
    ("an answer that makes no sense leaves the upload in doubt", |b| Box::pin(gibberish(b))),
    ("a server error leaves the upload in doubt, and is not retried", |b| Box::pin(server_error(b))),
    ("throttling is not a failure of the upload, and says for how long", |b| Box::pin(throttling(b))),
    ("a bad request is the upload's own end", |b| Box::pin(bad_request(b))),
    ("refused credentials stop the run, and blame no upload", |b| Box::pin(refused_credentials(b))),
    ("where nobody listens nothing was sent", |b| Box::pin(unreachable(b))),
    ("a session is open until it is whole or submitted, and takes nothing after", |b| Box::pin(to_the_end(b))),
    ("a session that there is not is no empty session", |b| Box::pin(unknown_session(b))),
    ("errors name no secret", |b| Box::pin(secrets(b))),
];

/// Tries every promise. Gives those that were kept, which are all of them.
///
/// # Errors
/// The first that was not.
pub async fn check(bench: &dyn Bench) -> Result<Vec<&'static str>, Broken> {
    let mut kept = Vec::with_capacity(PROMISES.len());
    for (promise, keeps) in PROMISES {
        keeps(bench).await.map_err(|seen| Broken { promise, seen })?;
        kept.push(*promise);
    }
    Ok(kept)
}

/// The text of what was seen, unless it is what was promised.
fn ensure(holds: bool, seen: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(seen()) }
}

fn told(what: &'static str) -> impl Fn(Error) -> String {
    move |error| format!("{what}: {error}")
}

async fn open(bench: &dyn Bench) -> Result<SessionId, String> {
    let created = bench.provider().create(&NewSession::new().with_name("Ann", "Doe")).await;
    Ok(created.map_err(told("create"))?.session)
}

/// A session and its first upload, signed.
async fn first(bench: &dyn Bench) -> Result<(SessionId, crate::SignedBody), String> {
    let session = open(bench).await?;
    let body = sign_first(bench, bench.provider(), &session)?;
    Ok((session, body))
}

/// The first upload of a session, signed by this provider.
fn sign_first(bench: &dyn Bench, by: &dyn Provider, session: &SessionId) -> Result<crate::SignedBody, String> {
    let uploads = bench.uploads(session);
    let upload = uploads.first().filter(|_| uploads.len() >= 2).ok_or("the bench has fewer than two uploads")?;
    by.sign(upload).map_err(told("sign"))
}

/// Sends the first upload of a new session into a fault; how it failed, how often it was sent, and what
/// is recorded now.
async fn into(bench: &dyn Bench, fault: Fault) -> Result<(Error, u64, u64), String> {
    let (session, body) = first(bench).await?;
    bench.arrange(fault);
    let before = bench.arrived();
    match bench.provider().send(&body).await {
        Ok(_) => Err(format!("{fault:?} was taken for success")),
        Err(error) => Ok((error, bench.arrived() - before, bench.recorded(&session).await)),
    }
}

fn names_and_limits(bench: &dyn Bench) -> Result<(), String> {
    let (name, limits) = (bench.provider().name(), bench.provider().limits());
    ensure(!name.is_empty() && name.chars().all(|c| c.is_ascii_lowercase() || c == '-'), || name.to_owned())?;
    ensure(!limits.formats.is_empty(), || "no format is taken".to_owned())
}

async fn two_sessions(bench: &dyn Bench) -> Result<(), String> {
    let (one, two) = (open(bench).await?, open(bench).await?);
    ensure(one != two, || format!("both are {one}"))
}

async fn bodies(bench: &dyn Bench) -> Result<(), String> {
    let (_, body) = first(bench).await?;
    let whole = || {
        let mut reader = body.body();
        std::iter::from_fn(|| reader.next_part()).flatten().collect::<Vec<u8>>()
    };
    let (once, again) = (whole(), whole());
    ensure(once.len() as u64 == body.content_length(), || {
        format!("{} bytes, and it says {}", once.len(), body.content_length())
    })?;
    ensure(once == again, || "two readings differ".to_owned())
}

async fn refusals(bench: &dyn Bench) -> Result<(), String> {
    let (provider, before) = (bench.provider(), bench.arrived());
    let session = open(bench).await?;
    let uploads = bench.uploads(&session);
    let good = uploads.first().ok_or("the bench has no upload")?;
    let expect = |upload: Upload, turn: Turn, what: &str| match provider.sign(&upload) {
        Ok(_) => Err(format!("{what} was signed")),
        Err(error) if error.fault() == turn && error.failure() == Failure::Permanent => Ok(()),
        Err(error) => Err(format!("{what}: {error}, {} and {:?}", error.fault().as_str(), error.failure())),
    };
    let context = crate::Context::from("no-such-context-of-any-vendor\n");
    expect(Upload::new(session.clone(), context, good.media.clone()), Turn::Caller, "a context that is none")?;
    let limits = provider.limits();
    for format in sealpress_media::Format::ALL {
        let Some(specimen) = specimen(format).filter(|_| !limits.formats.contains(&format)) else { continue };
        expect(Upload::new(session.clone(), good.context.clone(), specimen), Turn::Input, format.extension())?;
    }
    ensure(bench.arrived() == before, || "something was sent".to_owned())
}

/// The shortest bytes that are seen as this format.
fn specimen(format: sealpress_media::Format) -> Option<Media> {
    let bytes: &[u8] = match format.extension() {
        "jpg" => b"\xff\xd8\xff\xe0",
        "png" => b"\x89PNG\r\n\x1a\n\0\0\0\0",
        "webp" => b"RIFF\x04\0\0\0WEBP",
        "tif" => b"II*\0\x08\0\0\0",
        "pdf" => b"%PDF-1.7",
        _ => b"\0\0\0\x18ftypheic\0\0\0\0mif1heic",
    };
    Media::sniff(bytes.to_vec()).ok().filter(|media| media.format() == format)
}

async fn one_upload(bench: &dyn Bench) -> Result<(), String> {
    let (session, body) = first(bench).await?;
    let before = bench.arrived();
    let receipt = bench.provider().send(&body).await.map_err(told("send"))?;
    ensure(bench.arrived() - before == 1, || format!("sent {} times", bench.arrived() - before))?;
    ensure(&receipt.session == body.session() && &receipt.context == body.context(), || format!("{receipt:?}"))?;
    let recorded = bench.recorded(&session).await;
    ensure(recorded == 1, || format!("{recorded} media are recorded"))?;
    let listed = bench.provider().list(&session).await.map_err(told("list"))?;
    let [entry] = listed.as_slice() else { return Err(format!("{} media are listed", listed.len())) };
    ensure(&entry.context == body.context(), || format!("{} is listed as {}", body.context(), entry.context))?;
    ensure(entry.size.is_none_or(|size| size == body.media_len()), || format!("listed with {:?} bytes", entry.size))?;
    let same = entry.media_id == receipt.media_id;
    ensure(same == bench.provider().lists_receipts(), || {
        format!("listed as {}, the receipt says {}", entry.media_id, receipt.media_id)
    })
}

async fn lost_answer(bench: &dyn Bench) -> Result<(), String> {
    let (error, sent, recorded) = into(bench, Fault::LostAnswer).await?;
    ensure(error.failure() == Failure::InDoubt, || format!("{error} is called {:?}", error.failure()))?;
    ensure((sent, recorded) == (1, 1), || format!("sent {sent} times, recorded {recorded} times"))
}

async fn gibberish(bench: &dyn Bench) -> Result<(), String> {
    let (error, sent, _) = into(bench, Fault::Gibberish).await?;
    ensure(error.failure() == Failure::InDoubt, || format!("{error} is called {:?}", error.failure()))?;
    ensure(sent == 1, || format!("sent {sent} times"))
}

async fn server_error(bench: &dyn Bench) -> Result<(), String> {
    for status in [500, 502, 504] {
        let (error, sent, _) = into(bench, Fault::Status { status, retry_after: None }).await?;
        ensure(error.failure() == Failure::InDoubt, || format!("{status} is called {:?}", error.failure()))?;
        ensure(error.http_status() == Some(status), || format!("{status} is told as {error}"))?;
        ensure(sent == 1, || format!("{status}: sent {sent} times"))?;
    }
    Ok(())
}

async fn throttling(bench: &dyn Bench) -> Result<(), String> {
    for (status, retry_after) in [(429, Some(7)), (429, None), (503, Some(2))] {
        let (error, sent, recorded) = into(bench, Fault::Status { status, retry_after }).await?;
        let expected = Failure::Throttled(retry_after.map(Duration::from_secs));
        ensure(error.failure() == expected, || format!("{status} is called {:?}", error.failure()))?;
        ensure((sent, recorded) == (1, 0), || format!("sent {sent} times, recorded {recorded} times"))?;
    }
    Ok(())
}

async fn bad_request(bench: &dyn Bench) -> Result<(), String> {
    for (status, turn) in [(400, Turn::Caller), (413, Turn::Limit)] {
        let (error, sent, _) = into(bench, Fault::Status { status, retry_after: None }).await?;
        ensure(error.failure() == Failure::Permanent && error.fault() == turn, || {
            format!("{status} is called {:?}, {}", error.failure(), error.fault().as_str())
        })?;
        ensure(sent == 1, || format!("sent {sent} times"))?;
    }
    Ok(())
}

async fn refused_credentials(bench: &dyn Bench) -> Result<(), String> {
    let session = open(bench).await?;
    let body = sign_first(bench, bench.refused(), &session)?;
    let Err(error) = bench.refused().send(&body).await else { return Err("an upload was taken".to_owned()) };
    ensure(error.failure() == Failure::AuthStop, || format!("{error} is called {:?}", error.failure()))?;
    let Err(error) = bench.refused().create(&NewSession::new()).await else { return Err("a session was made".into()) };
    ensure(error.failure() == Failure::AuthStop, || format!("create: {error} is called {:?}", error.failure()))?;
    let recorded = bench.recorded(&session).await;
    ensure(recorded == 0, || format!("{recorded} media are recorded"))
}

async fn unreachable(bench: &dyn Bench) -> Result<(), String> {
    let (_, body) = first(bench).await?;
    let Err(error) = bench.unreachable().send(&body).await else { return Err("an upload was taken".to_owned()) };
    ensure(error.failure() == Failure::NotSent, || format!("{error} is called {:?}", error.failure()))
}

async fn to_the_end(bench: &dyn Bench) -> Result<(), String> {
    let (provider, session) = (bench.provider(), open(bench).await?);
    let state = |when: &'static str, wanted: SessionState| {
        let (provider, session) = (provider, session.clone());
        async move {
            let state = provider.state(&session).await.map_err(told("state"))?;
            // A vendor may not say at all; what it says has to be true.
            ensure(state == wanted || state == SessionState::Unknown, || format!("{when} it is {state:?}"))
        }
    };
    state("at the beginning", SessionState::Open).await?;
    let mut complete = false;
    let uploads = bench.uploads(&session);
    for upload in &uploads {
        ensure(!complete, || "complete before the last upload".to_owned())?;
        let body = provider.sign(upload).map_err(told("sign"))?;
        complete = provider.send(&body).await.map_err(told("send"))?.complete;
    }
    provider.finish(&session).await.map_err(told("finish"))?;
    state("at the end", SessionState::Submitted).await?;
    let late = uploads.first().ok_or("the bench has no upload")?;
    let body = provider.sign(late).map_err(told("sign"))?;
    match provider.send(&body).await {
        Ok(_) => return Err("an upload was taken after the end".to_owned()),
        Err(error) => ensure(error.failure() == Failure::Permanent && error.is_conflict(), || {
            format!("an upload after the end: {error} is called {:?}", error.failure())
        })?,
    }
    let recorded = bench.recorded(&session).await;
    ensure(recorded == uploads.len() as u64, || format!("{recorded} of {} media are recorded", uploads.len()))
}

async fn unknown_session(bench: &dyn Bench) -> Result<(), String> {
    let nobody = SessionId::new("00000000-0000-4000-8000-000000000000").map_err(told("id"))?;
    match bench.provider().list(&nobody).await {
        Ok(listed) => Err(format!("it has {} media", listed.len())),
        Err(error) => ensure(error.failure() == Failure::Permanent, || format!("{error}: {:?}", error.failure())),
    }
}

async fn secrets(bench: &dyn Bench) -> Result<(), String> {
    let session = open(bench).await?;
    let mut said = String::new();
    for provider in [bench.refused(), bench.unreachable()] {
        let body = sign_first(bench, provider, &session)?;
        said += &format!("{body:?}");
        if let Err(error) = provider.send(&body).await {
            let mut next: Option<&dyn std::error::Error> = Some(&error);
            while let Some(error) = next {
                said += &format!("{error} {error:?}");
                next = error.source();
            }
        }
    }
    for secret in bench.secrets() {
        ensure(!secret.is_empty() && !said.contains(&secret), || "a secret is in an error".to_owned())?;
    }
    Ok(())
}
