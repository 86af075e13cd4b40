//! A vendor in memory that keeps the ground truth and fails as it is told.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

use bytes::Bytes;
use sealpress_client::sign::{Encoding, Frame, Scheme, sign};
use sealpress_client::{
    self as client, ApiError, BoxFuture, Context, Created, Limits, Listed, MediaId, NewSession, Provider, SessionId,
    SessionState, SignedBody, Upload,
};

use crate::error::Error;
use crate::job::{Item, Receipt, Submission};
use crate::journal::{Entry, Journal, JournalError, Known, Permission};

/// What happens to one request.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Step {
    Fine,
    /// Processed, and the answer is lost.
    LostAfter,
    /// Lost before it was processed.
    LostBefore,
    /// Processed; no answer for ever.
    Hang,
    /// Processed; the answer's signature is wrong.
    BadSignature,
    NotSent,
    Throttle(Option<u64>),
    Unauthorized,
    Conflict,
    Blocked,
    Refused,
}

#[derive(Clone, Debug)]
pub(super) struct Record {
    pub(super) session: SessionId,
    pub(super) context: Context,
    pub(super) tag: u64,
    pub(super) id: MediaId,
    pub(super) size: u64,
    pub(super) mime: &'static str,
    pub(super) bytes: Bytes,
}

#[derive(Default)]
pub(super) struct Truth {
    pub(super) records: Vec<Record>,
    pub(super) submitted: Vec<String>,
    pub(super) log: Vec<String>,
}

struct ByTag {
    script: Box<dyn Fn(u64, u32) -> Step + Send + Sync>,
    seen: Mutex<HashMap<u64, u32>>,
}

type Script = Box<dyn Fn(u32) -> Step + Send + Sync>;

#[derive(Clone)]
pub(super) struct Vendor {
    pub(super) truth: Arc<Mutex<Truth>>,
    uploads: Arc<Script>,
    lists: Arc<Script>,
    finishes: Arc<Script>,
    pub(super) posts: Arc<AtomicU32>,
    pub(super) looks: Arc<AtomicU32>,
    patches: Arc<AtomicU32>,
    /// Media of the bodies that were signed, by what their stamps say.
    signed: Arc<Mutex<Vec<Bytes>>>,
    /// Whether stored media can be had back.
    serves: bool,
    /// Whether the list shows the ids of receipts, or ids of its own.
    lists_receipts: bool,
    /// Uploads so far by tag, where the script goes by these.
    by_tag: Option<Arc<ByTag>>,
    pub(super) creates: Arc<AtomicU32>,
}

impl Vendor {
    /// Steps of the first, second, … upload from 0.
    pub(super) fn new(uploads: impl Fn(u32) -> Step + Send + Sync + 'static) -> Self {
        Self {
            truth: Arc::default(),
            uploads: Arc::new(Box::new(uploads)),
            lists: Arc::new(Box::new(|_| Step::Fine)),
            finishes: Arc::new(Box::new(|_| Step::Fine)),
            posts: Arc::default(),
            looks: Arc::default(),
            patches: Arc::default(),
            signed: Arc::default(),
            serves: true,
            lists_receipts: true,
            by_tag: None,
            creates: Arc::default(),
        }
    }

    /// Steps by an item's tag and the number of its upload, from 0: the same however jobs meet.
    pub(super) fn by_tag(script: impl Fn(u64, u32) -> Step + Send + Sync + 'static) -> Self {
        let by_tag = ByTag { script: Box::new(script), seen: Mutex::default() };
        Self { by_tag: Some(Arc::new(by_tag)), ..Self::new(|_| Step::Fine) }
    }

    pub(super) fn lists(mut self, lists: impl Fn(u32) -> Step + Send + Sync + 'static) -> Self {
        self.lists = Arc::new(Box::new(lists));
        self
    }

    pub(super) fn finishes(mut self, finishes: impl Fn(u32) -> Step + Send + Sync + 'static) -> Self {
        self.finishes = Arc::new(Box::new(finishes));
        self
    }

    pub(super) fn serves_nothing(mut self) -> Self {
        self.serves = false;
        self
    }

    pub(super) fn lists_its_own_ids(mut self) -> Self {
        (self.lists_receipts, self.serves) = (false, false);
        self
    }

    pub(super) fn posts(&self) -> u32 {
        self.posts.load(Ordering::SeqCst)
    }

    pub(super) fn log(&self, line: String) {
        self.truth.lock().unwrap().log.push(line);
    }

    pub(super) fn records(&self) -> usize {
        self.truth.lock().unwrap().records.len()
    }

    /// Newest first: no order is promised.
    fn listed(&self, session: &SessionId) -> Vec<Listed> {
        let truth = self.truth.lock().unwrap();
        let of_session = truth.records.iter().rev().filter(|r| r.session == *session);
        let entry = |r: &Record| {
            let id = if self.lists_receipts { r.id.clone() } else { MediaId::new(format!("entry-{}", r.id)).unwrap() };
            let mut entry = Listed::new(id, r.context.clone());
            (entry.size, entry.mimetype) = (Some(r.size), Some(r.mime.to_owned()));
            entry
        };
        of_session.map(entry).collect()
    }

    /// Whether it was submitted before.
    fn submits(&self, session: &str, processed: bool) -> bool {
        let mut truth = self.truth.lock().unwrap();
        let already = truth.submitted.iter().any(|s| s == session);
        if processed && !already {
            truth.submitted.push(session.to_owned());
        }
        already
    }

    /// Every tag at most once: what "no duplicates" means.
    pub(super) fn no_duplicates(&self) -> bool {
        let truth = self.truth.lock().unwrap();
        let mut seen = HashSet::new();
        truth.records.iter().all(|r| seen.insert(r.tag))
    }
}

async fn act<T>(step: Step, value: T) -> Result<T, client::Error> {
    let fail = |kind| Err(client::Error::new(kind, "scripted"));
    let api = |http_status, code: Option<&str>, retry_after: Option<u64>| {
        let mut api = ApiError::new(http_status);
        (api.code, api.retry_after) = (code.map(str::to_owned), retry_after.map(Duration::from_secs));
        client::ErrorKind::Api(api)
    };
    tokio::time::sleep(Duration::from_millis(20)).await;
    match step {
        Step::Fine => Ok(value),
        Step::LostAfter | Step::LostBefore => fail(client::ErrorKind::Transport { may_have_been_sent: true }),
        Step::BadSignature => fail(client::ErrorKind::ResponseSignature { missing: false }),
        Step::Hang => std::future::pending().await,
        Step::NotSent => fail(client::ErrorKind::Transport { may_have_been_sent: false }),
        Step::Throttle(secs) => fail(api(429, None, secs)),
        Step::Unauthorized => fail(api(401, Some("1801"), None)),
        Step::Conflict => fail(api(409, None, None)),
        Step::Blocked => fail(api(403, None, None)),
        Step::Refused => fail(api(400, None, None)),
    }
}

fn processed(step: Step) -> bool {
    matches!(step, Step::Fine | Step::LostAfter | Step::Hang | Step::BadSignature)
}

/// The number that a test wrote behind the magic of its media.
fn tag_of(media: &[u8]) -> u64 {
    media.get(4..12).and_then(|b| b.try_into().ok()).map_or(0, u64::from_be_bytes)
}

impl Provider for Vendor {
    fn name(&self) -> &'static str {
        "in memory"
    }

    fn limits(&self) -> &Limits {
        static LIMITS: LazyLock<Limits> = LazyLock::new(client::veriff::limits);
        &LIMITS
    }

    fn create<'a>(&'a self, _: &'a NewSession) -> BoxFuture<'a, Result<Created, client::Error>> {
        let n = self.creates.fetch_add(1, Ordering::SeqCst);
        self.log("create".to_owned());
        Box::pin(act((self.uploads)(n), Created::new(SessionId::new(format!("s{n}")).unwrap(), None)))
    }

    /// Keeps the media in memory, and notes on the body which they are.
    fn sign(&self, upload: &Upload) -> Result<SignedBody, client::Error> {
        let bytes = upload.media.bytes().clone();
        let mut signed = self.signed.lock().unwrap();
        signed.push(bytes.clone());
        let frame = Frame::new("", bytes, Encoding::Raw, "");
        sign(upload, frame, Scheme::Unsigned, Some((signed.len() - 1).to_string()))
    }

    fn send<'a>(&'a self, body: &'a SignedBody) -> BoxFuture<'a, Result<client::Receipt, client::Error>> {
        Box::pin(async move {
            let n = self.posts.fetch_add(1, Ordering::SeqCst);
            let bytes = self.signed.lock().unwrap()[body.stamp().unwrap().parse::<usize>().unwrap()].clone();
            let tag = tag_of(&bytes);
            let step = match &self.by_tag {
                None => (self.uploads)(n),
                Some(by_tag) => {
                    let mut seen = by_tag.seen.lock().unwrap();
                    let nth = seen.entry(tag).or_default();
                    *nth += 1;
                    (by_tag.script)(tag, *nth - 1)
                }
            };
            self.log(format!("post {tag}"));
            let id = MediaId::new(format!("m{n}")).unwrap();
            let (session, context) = (body.session().clone(), body.context().clone());
            if processed(step) {
                self.truth.lock().unwrap().records.push(Record {
                    session: session.clone(),
                    context: context.clone(),
                    tag,
                    id: id.clone(),
                    size: body.media_len(),
                    mime: body.format().mime(),
                    bytes,
                });
            }
            act(step, client::Receipt::new(session, context, id)).await
        })
    }

    fn list<'a>(&'a self, session: &'a SessionId) -> BoxFuture<'a, Result<Vec<Listed>, client::Error>> {
        let step = (self.lists)(self.looks.fetch_add(1, Ordering::SeqCst));
        Box::pin(async move { act(step, self.listed(session)).await })
    }

    fn lists_receipts(&self) -> bool {
        self.lists_receipts
    }

    fn media<'a>(
        &'a self,
        _: &'a SessionId,
        media: &'a MediaId,
        _: u64,
    ) -> BoxFuture<'a, Result<Option<Bytes>, client::Error>> {
        let truth = self.truth.lock().unwrap();
        let stored = truth.records.iter().find(|r| r.id == *media).filter(|_| self.serves);
        Box::pin(act(Step::Fine, stored.map(|r| r.bytes.clone())))
    }

    fn finish<'a>(&'a self, session: &'a SessionId) -> BoxFuture<'a, Result<(), client::Error>> {
        Box::pin(async move {
            let step = (self.finishes)(self.patches.fetch_add(1, Ordering::SeqCst));
            self.log(format!("patch {session}"));
            let already = self.submits(session.as_str(), processed(step));
            act(if already { Step::Conflict } else { step }, ()).await
        })
    }

    fn state<'a>(&'a self, session: &'a SessionId) -> BoxFuture<'a, Result<SessionState, client::Error>> {
        let submitted = self.truth.lock().unwrap().submitted.iter().any(|s| s == session.as_str());
        Box::pin(act(Step::Fine, if submitted { SessionState::Submitted } else { SessionState::Open }))
    }
}

/// Writes every hook into the vendor's log, so that their order can be judged.
pub(super) struct Diary {
    pub(super) vendor: Vendor,
    pub(super) known: Vec<Known>,
    /// This many `sending` records can be written.
    pub(super) room: Option<u32>,
    pub(super) written: AtomicU32,
}

impl Diary {
    pub(super) fn new(vendor: &Vendor) -> Self {
        Self { vendor: vendor.clone(), known: Vec::new(), room: None, written: AtomicU32::new(0) }
    }

    fn write(&self, line: String) -> Entry<'_> {
        Box::pin(async move {
            // A group commit takes a moment; whoever does not wait for it is found out.
            tokio::time::sleep(Duration::from_millis(5)).await;
            self.vendor.log(line);
            Ok(())
        })
    }
}

impl Journal for Diary {
    fn sending<'a>(&'a self, item: &'a Item, attempt: u32) -> Entry<'a, Permission> {
        Box::pin(async move {
            if self.room.is_some_and(|room| self.written.fetch_add(1, Ordering::SeqCst) >= room) {
                return Err(JournalError::fatal("disk full"));
            }
            self.write(format!("sending {} {attempt}", item.tag)).await?;
            Ok(Permission::default())
        })
    }

    fn not_sent<'a>(&'a self, item: &'a Item, attempt: u32) -> Entry<'a> {
        self.write(format!("not_sent {} {attempt}", item.tag))
    }

    fn confirmed<'a>(&'a self, item: &'a Item, _: &'a Receipt) -> Entry<'a> {
        self.write(format!("confirmed {}", item.tag))
    }

    fn failed<'a>(&'a self, item: &'a Item, error: &'a Error) -> Entry<'a> {
        self.write(format!("failed {} {}", item.tag, error.kind()))
    }

    fn doubted<'a>(&'a self, item: &'a Item, attempt: u32) -> Entry<'a> {
        self.write(format!("doubted {} {attempt}", item.tag))
    }

    fn known<'a>(&'a self, _: &'a SessionId) -> Entry<'a, Vec<Known>> {
        Box::pin(async { Ok(self.known.clone()) })
    }

    fn submitting<'a>(&'a self, session: &'a SessionId) -> Entry<'a> {
        self.write(format!("submitting {session}"))
    }

    fn submitted<'a>(&'a self, session: &'a SessionId, _: &'a Submission) -> Entry<'a> {
        self.write(format!("submitted {session}"))
    }
}
