//! The fault matrix over real sockets: whatever the emulator does to requests, its ledger ends with
//! every item once, and sessions are submitted only when they are whole.

#![expect(clippy::unwrap_used, reason = "a helper of a test fails the test")]

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::{StreamExt, stream};
use sealpress_client::{self as client, veriff};
use sealpress_emulator::{Effect, Emulator, FaultRule, Forgery, How, Length, MediaMode, Phase};
use sealpress_pipeline::{Confirmed, ErrorKind, Job, Options, Outcome, Pipeline, SessionId, Unchanged};

const SESSIONS: u64 = 2;
const ITEMS: u64 = 3;

/// A JPEG's magic and its number. All of the same size: a listing cannot tell them apart.
fn photo(n: u64) -> Vec<u8> {
    let mut bytes = vec![0xFF, 0xD8, 0xFF, 0xE0];
    bytes.extend(n.to_be_bytes());
    bytes.resize(40_000, 0x5A);
    bytes
}

/// One that takes these photos by their magic: nothing of them can be decoded.
async fn emulator() -> Emulator {
    Emulator::builder().configure(|o| o.media = MediaMode::Lenient).start().await.unwrap()
}

fn veriff(url: &str, emulator: &Emulator) -> veriff::Client {
    let mut options = client::Options::default();
    options.connect_timeout = Duration::from_secs(1);
    options.upload_timeout = Duration::from_secs(3);
    options.call_timeout = Duration::from_secs(3);
    options.stall_timeout = Duration::from_millis(1500);
    let credentials = veriff::Credentials::new(emulator.api_key(), emulator.secret());
    veriff::Client::builder(url, credentials).options(options).build().unwrap()
}

fn options() -> Options {
    let mut options = Options::default();
    options.workers = NonZeroUsize::new(2).unwrap();
    options.doubt.settle = Duration::from_millis(400);
    options.retry.backoff.throttle = Duration::from_millis(50);
    options.circuit.failures = 50;
    options
}

struct Run {
    outcomes: Vec<Outcome>,
    pipeline: Pipeline,
    emulator: Emulator,
    took: Duration,
}

/// Two sessions of three items each, against an emulator that misbehaves like this.
async fn run(rules: Vec<FaultRule>) -> Run {
    let emulator = emulator().await;
    let client = veriff(emulator.url(), &emulator);
    let mut jobs = Vec::new();
    for s in 0..SESSIONS {
        let session = client.create_session(veriff::SessionRequest::default()).await.unwrap().id;
        for n in s * ITEMS..(s + 1) * ITEMS {
            jobs.push(Job::new(&session, "document-front", photo(n)).tag(n).submit_after(3));
        }
    }
    for rule in rules {
        emulator.add_fault(rule).unwrap();
    }
    let pipeline = Pipeline::builder(client, Unchanged).options(options()).build().unwrap();
    let started = Instant::now();
    let outcomes = pipeline.process_all(stream::iter(jobs)).collect().await;
    Run { outcomes, pipeline, emulator, took: started.elapsed() }
}

impl Run {
    /// Everything confirmed, recorded once, submitted once.
    fn is_whole(&self, what: &str) {
        let ledger = self.emulator.ledger();
        for outcome in &self.outcomes {
            assert!(outcome.result.is_ok(), "{what}: {:?}", outcome.result);
        }
        assert_eq!(ledger.media().count() as u64, SESSIONS * ITEMS, "{what}: recorded");
        assert_eq!(ledger.duplicates().count(), 0, "{what}: duplicates");
        self.receipts_are_true(what);
        assert_eq!(ledger.sessions.iter().map(|s| s.submissions).collect::<Vec<_>>(), [1, 1], "{what}: submitted");
        assert!(self.took < Duration::from_secs(30), "{what}: took {:?}", self.took);
        let snapshot = self.pipeline.metrics();
        assert_eq!((snapshot.running, snapshot.memory_used), (0, 0), "{what}");
    }
}

impl Run {
    /// Every receipt names a record of that very file, in its session and context, and no two name the same.
    fn receipts_are_true(&self, what: &str) {
        let ledger = self.emulator.ledger();
        let mut named = std::collections::HashSet::new();
        for outcome in &self.outcomes {
            let Ok(receipt) = &outcome.result else { continue };
            let id = receipt.media_id.as_str();
            let record = ledger.media().find(|m| m.id == id).unwrap_or_else(|| panic!("{what}: a receipt for nothing"));
            let bytes = photo(outcome.item.tag);
            assert_eq!(record.sha256, sha256(&bytes), "{what}: item {} is confirmed by another file", outcome.item.tag);
            assert_eq!(record.session, outcome.item.session.as_str(), "{what}");
            assert_eq!(record.context, outcome.item.context.as_str(), "{what}");
            assert!(named.insert(id), "{what}: two items are confirmed by one record");
        }
    }
}

fn sha256(bytes: &[u8]) -> String {
    use sha2::{Digest, Sha256};
    Sha256::digest(bytes).iter().map(|b| format!("{b:02x}")).collect()
}

fn upload(effect: Effect) -> FaultRule {
    FaultRule::new(effect).on("upload")
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_and_nothing_is_sent_twice() {
    let truncated = |length| Effect::Truncate { keep: 0.5, length };
    let cases: Vec<(&str, FaultRule)> = vec![
        ("no fault", upload(Effect::Latency { ms: 1, jitter_ms: 0 })),
        ("reset before the body", upload(Effect::reset(Phase::BeforeBody)).times(2)),
        ("reset within the body", upload(Effect::reset(Phase::MidBody)).times(2)),
        ("reset after the body, not recorded", upload(Effect::reset(Phase::AfterBody)).times(2)),
        ("reset after the body, recorded", upload(Effect::reset(Phase::AfterBody).recorded()).times(2)),
        ("reset within the answer", upload(Effect::reset(Phase::MidAnswer).recorded()).times(2)),
        ("idle connections closed", FaultRule::new(Effect::CloseIdle { after_ms: 0, how: How::Fin })),
        ("stall after the body, recorded", upload(Effect::stall(4_000).recorded()).times(2)),
        ("recorded within settle", upload(Effect::reset(Phase::AfterBody).recorded_after(200)).times(2)),
        ("slow answer", upload(Effect::SlowAnswer { bytes_per_second: 20, head: true }).times(1)),
        ("500, recorded", upload(Effect::status(500).recorded()).times(2)),
        ("500, not recorded", upload(Effect::status(500)).times(2)),
        ("502 of a proxy, recorded", upload(Effect::status(502).with_body("html").recorded()).times(2)),
        ("503 with Retry-After", upload(Effect::status(503).with_retry_after("1")).times(2)),
        ("429 without Retry-After", upload(Effect::status(429)).times(4)),
        ("truncated JSON", upload(truncated(Length::Cut)).times(2)),
        ("answer cut short", upload(truncated(Length::Whole)).times(2)),
        ("lost submission", FaultRule::new(Effect::status(502).with_body("html").recorded()).on("submit").times(1)),
        ("submission not taken", FaultRule::new(Effect::status(500)).on("submit").times(1)),
        ("listing broken for a while", FaultRule::new(Effect::status(500)).on("list-media").times(3)),
    ];
    for (what, rule) in cases {
        run(vec![rule]).await.is_whole(what);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_good_listing_an_item_stays_in_doubt() {
    let lost = upload(Effect::status(502).recorded()).times(1);
    let blind = FaultRule::new(Effect::status(500)).on("list-media");
    let run = run(vec![lost, blind]).await;
    let of = |outcome: &Outcome| outcome.result.as_ref().err().map(|e| (e.kind(), e.is_in_doubt()));
    let in_doubt: Vec<_> = run.outcomes.iter().filter(|o| of(o) == Some((ErrorKind::InDoubt, true))).collect();
    assert_eq!(in_doubt.len(), 1, "{:?}", run.outcomes);
    // The item in doubt was sent once and no more.
    let doubtful = in_doubt[0];
    let session = doubtful.item.session.as_str();
    assert_eq!(doubtful.attempts, 1, "sent again without a good listing");
    // Whoever looks like it and had not been sent by then stays unsent; everybody else is confirmed by his own file.
    for held in run.outcomes.iter().filter(|o| o.result.is_err() && o.item.tag != doubtful.item.tag) {
        assert_eq!((of(held), held.attempts), (Some((ErrorKind::Unreachable, false)), 0), "{held:?}");
        assert_eq!(held.item.session.as_str(), session, "an item of another session was held");
    }
    let ledger = run.emulator.ledger();
    assert_eq!((ledger.duplicates().count(), ledger.submitted().count()), (0, 1), "only the whole session is closed");
    assert!(ledger.submitted().all(|s| s.id != session), "the session of an item in doubt was submitted");
    assert!(doubtful.submission.is_none());
    run.receipts_are_true("a blind listing");
}

/// Nobody can know of an upload that is recorded after everybody has looked: it may be there twice,
/// and the item that was sent again is the only one.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_recorded_after_everybody_looked_is_the_one_possible_duplicate() {
    let late = upload(Effect::reset(Phase::AfterBody).recorded_after(1_200)).times(1);
    let run = run(vec![late]).await;
    assert!(run.outcomes.iter().all(|o| o.result.is_ok()), "{:?}", run.outcomes);
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    let ledger = run.emulator.ledger();
    let again: Vec<_> = run.outcomes.iter().filter(|o| o.attempts > 1).collect();
    assert_eq!(again.len(), 1, "it is told which item was sent twice");
    // What is there twice is that item's file and nobody else's.
    let twice = sha256(&photo(again[0].item.tag));
    assert!(ledger.duplicates().count() <= 1 && ledger.media().count() as u64 <= SESSIONS * ITEMS + 1);
    for tag in 0..SESSIONS * ITEMS {
        let file = sha256(&photo(tag));
        let copies = ledger.media().filter(|m| m.sha256 == file).count();
        assert!(copies == 1 || (copies == 2 && file == twice), "item {tag} is there {copies} times");
    }
    run.receipts_are_true("recorded late");
    assert_eq!(ledger.submitted().count(), 2);
}

/// An answer whose signature is wrong confirms nothing; the listing does.
#[tokio::test(flavor = "multi_thread")]
async fn forged_answers_are_not_believed() {
    for how in [Forgery::Wrong, Forgery::Garbage] {
        let run = run(vec![upload(Effect::Signature { how }).times(2)]).await;
        // The two whose answers were forged say so, and were not sent again for it.
        let listed = |o: &&Outcome| o.result.as_ref().is_ok_and(|receipt| receipt.how == Confirmed::Listed);
        assert_eq!(run.outcomes.iter().filter(listed).count(), 2, "{how:?}");
        assert!(
            run.outcomes.iter().all(|o| o.attempts == 1),
            "{how:?}: a forged answer was answered by another upload"
        );
        run.is_whole("a forged answer");
    }
}

/// A host that reads 1 kB a second holds up its own two uploads and nobody else's.
#[tokio::test(flavor = "multi_thread")]
async fn a_slow_reader_does_not_hold_up_the_others() {
    let run = run(vec![upload(Effect::SlowRead { bytes_per_second: 1_000 }).times(2)]).await;
    let quick = run.outcomes.iter().filter(|o| o.attempts == 1).count() as u64;
    assert!(quick >= SESSIONS * ITEMS - 2, "{quick}");
    run.is_whole("a slow reader");
}

/// The vendor's clock is ten minutes off, either way, and jumps: nothing of ours is counted by it.
#[tokio::test(flavor = "multi_thread")]
async fn clocks_that_differ_change_nothing() {
    for date in ["date:-600", "date:+600"] {
        let emulator = emulator().await;
        let client = veriff(emulator.url(), &emulator);
        let session = client.create_session(veriff::SessionRequest::default()).await.unwrap().id;
        emulator.advance(Duration::from_secs(600));
        emulator.add_fault(upload(Effect::status(503).with_retry_after(date)).times(1)).unwrap();
        let mut options = options();
        options.retry.max_retry_after = Duration::from_millis(700);
        let pipeline = Pipeline::builder(client, Unchanged).options(options).build().unwrap();
        let started = Instant::now();
        pipeline.process(Job::new(&session, "face", photo(1))).await.result.unwrap();
        assert!(started.elapsed() < Duration::from_secs(10), "{date}: {:?}", started.elapsed());
        assert_eq!(emulator.ledger().media().count(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_recorded_twice_is_reported_and_left_alone() {
    let run = run(vec![upload(Effect::DoubleRecord).times(1)]).await;
    let ledger = run.emulator.ledger();
    let told: Vec<String> = run
        .outcomes
        .iter()
        .filter_map(|o| o.submission.as_ref()?.as_ref().ok())
        .flat_map(|submission| submission.unaccounted_ids.iter().map(|id| id.as_str().to_owned()))
        .collect();
    let receipts: Vec<&str> = run.outcomes.iter().map(|o| o.result.as_ref().unwrap().media_id.as_str()).collect();
    let surplus: Vec<String> =
        ledger.media().map(|m| m.id.clone()).filter(|id| !receipts.contains(&id.as_str())).collect();
    assert_eq!((told, surplus.len()), (surplus.clone(), 1), "the record that is nobody's is told by its id, and stays");
    run.receipts_are_true("recorded twice");
    assert_eq!(ledger.submitted().count(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redirect_is_not_followed_and_stops_the_run() {
    let elsewhere = emulator().await;
    let rule = upload(Effect::Redirect { location: format!("{}/v1/sessions", elsewhere.url()), status: 307 });
    let run = run(vec![rule]).await;
    assert!(run.outcomes.iter().all(|o| o.result.as_ref().is_err_and(|e| e.is_retryable())));
    assert_eq!(run.pipeline.stopped().unwrap().kind(), ErrorKind::Unauthorized);
    assert_eq!(elsewhere.requests("create-session"), 0, "a signed body left for another host");
}

#[tokio::test(flavor = "multi_thread")]
async fn refused_credentials_stop_the_run() {
    let run = run(vec![upload(Effect::status(401))]).await;
    assert!(run.outcomes.iter().all(|o| o.result.as_ref().is_err_and(|e| e.is_retryable() && !e.is_in_doubt())));
    assert_eq!(run.emulator.ledger().submitted().count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retry_after_of_a_day_is_clamped() {
    let emulator = emulator().await;
    let client = veriff(emulator.url(), &emulator);
    let session = client.create_session(veriff::SessionRequest::default()).await.unwrap().id;
    emulator.add_fault(upload(Effect::status(429).with_retry_after("absurd")).times(1)).unwrap();
    let mut options = options();
    options.retry.max_retry_after = Duration::from_millis(700);
    let pipeline = Pipeline::builder(client, Unchanged).options(options).build().unwrap();
    let started = Instant::now();
    pipeline.process(Job::new(&session, "face", photo(1))).await.result.unwrap();
    assert!((Duration::from_millis(700)..Duration::from_secs(10)).contains(&started.elapsed()));
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_at_home_means_nothing_was_sent() {
    let emulator = emulator().await;
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let client = veriff(&format!("http://{closed}"), &emulator);
    let mut options = options();
    options.circuit.failures = 5;
    options.circuit.patience = Duration::from_millis(500);
    let pipeline = Pipeline::shared(Arc::new(client), Arc::new(Unchanged)).options(options).build().unwrap();
    let session = SessionId::new("7c2f0a2e-6d2b-4a8e-9c55-0c6d1f0b9e21").unwrap();
    let jobs = (0..60).map(|n| Job::new(&session, "face", photo(n)));
    let outcomes: Vec<Outcome> = pipeline.process_all(stream::iter(jobs)).collect().await;
    assert!(outcomes.iter().all(|o| o.result.as_ref().is_err_and(|e| e.is_retryable() && !e.is_in_doubt())));
    let snapshot = pipeline.metrics();
    assert!(snapshot.attempts <= 66 && snapshot.looks == 0, "{snapshot:?}");
}
