//! A vendor in memory that keeps the ground truth and fails as it is told.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use sealpress_client::NewSession;
use sealpress_media::Media;
use sha2::{Digest, Sha256};

use crate::error::{Error, ErrorKind};
use crate::job::{Item, Receipt};
use crate::journal::{Entry, Journal, JournalError, Known, Permission};
use crate::remote::{Answer, Failure, Listed, Remote, Signed, Verdict};
use crate::submit::Submission;

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
    pub(super) session: String,
    pub(super) context: String,
    pub(super) tag: u64,
    pub(super) id: String,
    pub(super) size: u64,
    pub(super) mime: &'static str,
    pub(super) sha256: [u8; 32],
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
    fn listed(&self, session: &str) -> Vec<Listed> {
        let truth = self.truth.lock().unwrap();
        let of_session = truth.records.iter().rev().filter(|r| r.session == session);
        of_session
            .map(|r| Listed {
                media_id: if self.lists_receipts { r.id.clone() } else { format!("entry-{}", r.id) },
                context: r.context.clone(),
                size: Some(r.size),
                mime: Some(r.mime.to_owned()),
            })
            .collect()
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

async fn act<T>(step: Step, value: T) -> Result<T, Failure> {
    let fail = |verdict, kind| {
        Err(Failure { verdict, bad_signature: false, error: Error::new(kind, format!("scripted: {step:?}")) })
    };
    tokio::time::sleep(Duration::from_millis(20)).await;
    match step {
        Step::Fine => Ok(value),
        Step::LostAfter | Step::LostBefore => fail(Verdict::Ambiguous, ErrorKind::Unreachable),
        Step::BadSignature => {
            fail(Verdict::Ambiguous, ErrorKind::Unreachable).map_err(|f: Failure| Failure { bad_signature: true, ..f })
        }
        Step::Hang => std::future::pending().await,
        Step::NotSent => fail(Verdict::NotSent, ErrorKind::Unreachable),
        Step::Throttle(secs) => {
            fail(Verdict::Throttled { retry_after: secs.map(Duration::from_secs) }, ErrorKind::Unreachable)
        }
        Step::Unauthorized => fail(Verdict::Unauthorized, ErrorKind::Unauthorized),
        Step::Conflict => fail(Verdict::Conflict, ErrorKind::Refused),
        Step::Blocked => fail(Verdict::Blocked, ErrorKind::Blocked),
        Step::Refused => fail(Verdict::Refused, ErrorKind::Refused),
    }
}

fn processed(step: Step) -> bool {
    matches!(step, Step::Fine | Step::LostAfter | Step::Hang | Step::BadSignature)
}

impl Remote for Vendor {
    fn create<'a>(&'a self, _: &'a NewSession) -> Answer<'a, String> {
        let n = self.creates.fetch_add(1, Ordering::SeqCst);
        self.log("create".to_owned());
        Box::pin(act((self.uploads)(n), format!("s{n}")))
    }

    fn sign(&self, item: &Item, _: Option<&str>, media: Media) -> Result<Signed, Error> {
        let len = media.len() as u64;
        Ok(Signed { body: Arc::new((item.clone(), media)), len })
    }

    fn send<'a>(&'a self, signed: &'a Signed) -> Answer<'a, String> {
        Box::pin(async move {
            let n = self.posts.fetch_add(1, Ordering::SeqCst);
            let (item, media) = signed.body.downcast_ref::<(Item, Media)>().unwrap();
            let step = match &self.by_tag {
                None => (self.uploads)(n),
                Some(by_tag) => {
                    let mut seen = by_tag.seen.lock().unwrap();
                    let nth = seen.entry(item.tag).or_default();
                    *nth += 1;
                    (by_tag.script)(item.tag, *nth - 1)
                }
            };
            self.log(format!("post {}", item.tag));
            let id = format!("m{n}");
            if processed(step) {
                self.truth.lock().unwrap().records.push(Record {
                    session: item.session.to_string(),
                    context: item.context.to_string(),
                    tag: item.tag,
                    id: id.clone(),
                    size: media.len() as u64,
                    mime: media.format().mime(),
                    sha256: Sha256::digest(media.bytes()).into(),
                });
            }
            act(step, id).await
        })
    }

    fn list<'a>(&'a self, session: &'a str) -> Answer<'a, Vec<Listed>> {
        let step = (self.lists)(self.looks.fetch_add(1, Ordering::SeqCst));
        Box::pin(async move { act(step, self.listed(session)).await })
    }

    fn lists_receipts(&self) -> bool {
        self.lists_receipts
    }

    fn content<'a>(&'a self, _: &'a str, media_id: &'a str, _: u64) -> Answer<'a, Option<[u8; 32]>> {
        let truth = self.truth.lock().unwrap();
        let stored = truth.records.iter().find(|r| r.id == media_id).filter(|_| self.serves);
        Box::pin(act(Step::Fine, stored.map(|r| r.sha256)))
    }

    fn finish<'a>(&'a self, session: &'a str) -> Answer<'a, ()> {
        Box::pin(async move {
            let step = (self.finishes)(self.patches.fetch_add(1, Ordering::SeqCst));
            self.log(format!("patch {session}"));
            let already = self.submits(session, processed(step));
            act(if already { Step::Conflict } else { step }, ()).await
        })
    }

    fn is_finished<'a>(&'a self, session: &'a str) -> Answer<'a, bool> {
        let submitted = self.truth.lock().unwrap().submitted.iter().any(|s| s == session);
        Box::pin(act(Step::Fine, submitted))
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

    fn known<'a>(&'a self, _: &'a str) -> Entry<'a, Vec<Known>> {
        Box::pin(async { Ok(self.known.clone()) })
    }

    fn submitting<'a>(&'a self, session: &'a str) -> Entry<'a> {
        self.write(format!("submitting {session}"))
    }

    fn submitted<'a>(&'a self, session: &'a str, _: &'a Submission) -> Entry<'a> {
        self.write(format!("submitted {session}"))
    }
}
