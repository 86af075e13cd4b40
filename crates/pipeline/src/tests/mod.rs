//! The engine against a vendor in memory, on paused time.

mod doubts;
mod presses;
mod vendor;

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::{StreamExt, stream};
use sealpress_client::{Context, MediaId, SessionId};
use sealpress_media::Media;
use sealpress_press::{self as press, Plan, Press, Pressed, Unchanged, Worker};
use tokio::time::Instant;
use vendor::{Diary, Step, Vendor};

use crate::error::{Error, ErrorKind};
use crate::job::{Confirmed, Doubt, Job, Outcome};
use crate::journal::Known;
use crate::options::Options;
use crate::pipeline::{Builder, Pipeline};

/// A JPEG's magic and its tag; items of the same `size` look alike in a listing.
fn bytes(tag: u64, size: usize) -> Vec<u8> {
    let mut bytes = vec![0xFF, 0xD8, 0xFF, 0xE0];
    bytes.extend(tag.to_be_bytes());
    bytes.resize(size, 0);
    bytes
}

fn session(id: &str) -> SessionId {
    SessionId::new(id).unwrap()
}

fn job(id: &str, tag: u64) -> Job {
    Job::new(&session(id), "face", bytes(tag, 1000)).tag(tag)
}

fn options() -> Options {
    let mut options = Options { workers: NonZeroUsize::new(2).unwrap(), ..Options::default() };
    options.doubt.audit = false;
    options
}

fn pipeline_with(vendor: &Vendor, edit: impl FnOnce(&mut Options)) -> Pipeline {
    let mut options = options();
    edit(&mut options);
    builder(vendor).options(options).build().unwrap()
}

fn builder(vendor: &Vendor) -> Builder {
    Builder::over(Arc::new(vendor.clone()), Arc::new(Unchanged)).journal(Diary::new(vendor)).options(options())
}

fn pipeline(vendor: &Vendor) -> Pipeline {
    pipeline_with(vendor, |_| {})
}

async fn all(pipeline: &Pipeline, jobs: Vec<Job>) -> Vec<Outcome> {
    pipeline.process_all(stream::iter(jobs)).collect().await
}

fn how(outcome: &Outcome) -> Option<Confirmed> {
    outcome.result.as_ref().ok().map(|receipt| receipt.how)
}

#[tokio::test(start_paused = true)]
async fn sessions_are_submitted_when_their_last_item_is_confirmed() {
    let vendor = Vendor::new(|_| Step::Fine);
    let jobs = (0..30).map(|n| job(["a", "b", "c"][n as usize % 3], n).submit_after(10)).collect();
    let outcomes = all(&pipeline(&vendor), jobs).await;
    assert!(outcomes.iter().all(|o| o.result.is_ok()));
    assert_eq!(outcomes.iter().filter(|o| matches!(o.submission, Some(Ok(_)))).count(), 3);
    let truth = vendor.truth.lock().unwrap();
    assert_eq!((truth.records.len(), truth.submitted.len()), (30, 3));
    for (at, line) in truth.log.iter().enumerate() {
        if let Some(tag) = line.strip_prefix("post ") {
            assert!(truth.log[..at].contains(&format!("sending {tag} 1")), "{tag} was sent before its record");
        }
        if let Some(session) = line.strip_prefix("patch ") {
            let of_session = (0..30).filter(|n| ["a", "b", "c"][n % 3] == session);
            assert!(of_session.clone().all(|n| truth.log[..at].contains(&format!("confirmed {n}"))));
            assert!(truth.log[..at].contains(&format!("submitting {session}")));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_firewalls_no_costs_one_item_and_many_stop_the_run() {
    let vendor = Vendor::new(|n| if n == 3 { Step::Blocked } else { Step::Fine });
    let pipeline = pipeline_with(&vendor, |o| o.connections = NonZeroUsize::MIN);
    let outcomes = all(&pipeline, (0..50).map(|n| job(&n.to_string(), n)).collect()).await;
    let failed: Vec<_> = outcomes.iter().filter_map(|o| o.result.as_ref().err()).map(Error::kind).collect();
    assert_eq!(failed, [ErrorKind::Blocked]);
    assert!(pipeline.stopped().is_none());

    let vendor = Vendor::new(|n| if n >= 3 { Step::Blocked } else { Step::Fine });
    let pipeline = pipeline_with(&vendor, |o| o.connections = NonZeroUsize::MIN);
    let outcomes = all(&pipeline, (0..50).map(|n| job(&n.to_string(), n)).collect()).await;
    let blocked = outcomes.iter().filter(|o| o.result.as_ref().is_err_and(|e| e.kind() == ErrorKind::Blocked)).count();
    assert_eq!((blocked, vendor.posts()), (10, 13));
    assert_eq!(pipeline.stopped().unwrap().kind(), ErrorKind::Blocked);
}

#[tokio::test(start_paused = true)]
async fn a_file_may_be_pressed_before_its_session_exists() {
    let vendor = Vendor::new(|_| Step::Fine);
    let pipeline = pipeline(&vendor);
    let prepared = pipeline.preparer().bytes(bytes(7, 1000)).await.unwrap();
    assert!(pipeline.metrics().memory_used > 0, "it holds its share");
    let session = pipeline.create(&sealpress_client::NewSession::new(), async { Ok(()) }).await.unwrap();
    let outcome = pipeline.process(Job::prepared(&session, "face", prepared).tag(7)).await;
    assert_eq!((how(&outcome), outcome.input_bytes), (Some(Confirmed::Answered), 1000));
    assert_eq!(pipeline.metrics().memory_used, 0);
    let error = pipeline.preparer().bytes(b"GIF89a".to_vec()).await.unwrap_err();
    assert_eq!(error.name(), "unsupported-format");
}

#[tokio::test(start_paused = true)]
async fn a_file_that_was_prepared_on_its_own_is_no_job() {
    let vendor = Vendor::new(|_| Step::Fine);
    let pipeline = pipeline(&vendor);
    let alone = crate::Preparer::new(Unchanged, &options()).unwrap();
    let prepared = alone.bytes(bytes(7, 1000)).await.unwrap();
    assert!(prepared.is_unchanged());
    let session = pipeline.create(&sealpress_client::NewSession::new(), async { Ok(()) }).await.unwrap();
    let outcome = pipeline.process(Job::prepared(&session, "face", prepared)).await;
    assert_eq!((outcome.result.unwrap_err().kind(), vendor.posts()), (ErrorKind::Request, 0));
}

#[tokio::test(start_paused = true)]
async fn a_retry_after_of_a_day_is_two_minutes_for_everybody() {
    let vendor = Vendor::new(|n| if n == 0 { Step::Throttle(Some(86_400)) } else { Step::Fine });
    let pipeline = pipeline_with(&vendor, |o| o.connections = NonZeroUsize::MIN);
    let start = Instant::now();
    let outcomes = all(&pipeline, (0..3).map(|n| job("s", n)).collect()).await;
    assert!(outcomes.iter().all(|o| o.result.is_ok()));
    let took = start.elapsed().as_secs();
    assert!((120..123).contains(&took), "{took} s");
    assert_eq!(vendor.posts(), 4);
}

#[tokio::test(start_paused = true)]
async fn a_storm_of_429_passes() {
    let until = Instant::now() + Duration::from_secs(60);
    let vendor = Vendor::new(move |_| if Instant::now() < until { Step::Throttle(None) } else { Step::Fine });
    let outcomes = all(&pipeline(&vendor), (0..400).map(|n| job("s", n)).collect()).await;
    let (done, failed): (Vec<_>, Vec<_>) = outcomes.iter().partition(|o| o.result.is_ok());
    assert!(done.len() >= 380, "recovers by itself: {} of 400", done.len());
    assert!(failed.iter().all(|o| o.result.as_ref().unwrap_err().is_retryable()));
    assert!(vendor.posts() <= 440, "{} attempts for 400 items", vendor.posts());
}

#[tokio::test(start_paused = true)]
async fn an_outage_costs_hardly_more_attempts_than_items() {
    let vendor = Vendor::new(|_| Step::NotSent);
    let pipeline = pipeline_with(&vendor, |o| o.circuit.failures = u32::MAX);
    let outcomes = all(&pipeline, (0..1000).map(|n| job(&n.to_string(), n)).collect()).await;
    assert!(outcomes.iter().all(|o| o.result.as_ref().is_err_and(|e| !e.is_in_doubt())));
    assert!(vendor.posts() <= 1100, "{} attempts for 1000 items without a circuit", vendor.posts());

    let vendor = Vendor::new(|_| Step::NotSent);
    let outcomes = all(&pipeline_with(&vendor, |_| {}), (0..1000).map(|n| job(&n.to_string(), n)).collect()).await;
    assert_eq!(outcomes.len(), 1000);
    assert!(vendor.posts() <= 40, "{} attempts with the circuit", vendor.posts());
}

#[tokio::test(start_paused = true)]
async fn good_listings_do_not_feed_an_outage_of_uploads() {
    for step in [Step::LostBefore, Step::Throttle(None)] {
        let vendor = Vendor::new(move |_| step);
        let pipeline = pipeline_with(&vendor, |_| {});
        // Five passes, as a backfill makes them.
        for _ in 0..5 {
            let outcomes = all(&pipeline, (0..300).map(|n| job(&n.to_string(), n)).collect()).await;
            assert!(outcomes.iter().all(|o| o.result.is_err()));
        }
        assert!(vendor.posts() <= 60, "{} attempts for 300 items in five passes of {step:?}", vendor.posts());
    }
}

#[tokio::test(start_paused = true)]
async fn after_a_good_listing_without_it_an_item_is_as_if_never_sent() {
    let vendor = Vendor::new(|_| Step::LostBefore);
    let pipeline = builder(&vendor).journal(Diary::new(&vendor)).build().unwrap();
    assert!(pipeline.process(job("s", 1)).await.result.is_err());
    let log = vendor.truth.lock().unwrap().log.clone();
    let steps: Vec<_> = log.iter().map(|line| line.split(' ').next().unwrap()).collect();
    assert_eq!(steps[..5], ["sending", "post", "doubted", "not_sent", "sending"], "{log:?}");
}

#[tokio::test(start_paused = true)]
async fn a_session_is_asked_for_once_and_after_it_was_written_down() {
    let new = sealpress_client::NewSession::new();
    for (step, doubt) in [(Step::NotSent, false), (Step::LostAfter, true), (Step::Hang, true), (Step::Refused, false)] {
        let vendor = Vendor::new(move |_| step);
        let pipeline = pipeline(&vendor);
        let begin = async {
            vendor.log("begin".to_owned());
            Ok(())
        };
        let error = pipeline.create(&new, begin).await.unwrap_err();
        assert_eq!(error.is_in_doubt(), doubt, "{step:?}");
        assert_eq!(vendor.truth.lock().unwrap().log, ["begin", "create"], "{step:?}");
    }
    // A dead host is not asked a thousand times.
    let vendor = Vendor::new(|_| Step::NotSent);
    let pipeline = pipeline(&vendor);
    for _ in 0..1000 {
        assert!(pipeline.create(&new, async { Ok(()) }).await.is_err_and(|e| e.is_retryable()));
    }
    assert!(vendor.creates.load(Ordering::SeqCst) <= 40, "{:?}", vendor.creates);
}

#[tokio::test(start_paused = true)]
async fn one_percent_of_trouble_costs_one_percent() {
    let vendor = Vendor::new(|n| if n % 100 == 7 { Step::NotSent } else { Step::Fine });
    let outcomes = all(&pipeline(&vendor), (0..2000).map(|n| job(&n.to_string(), n)).collect()).await;
    assert!(outcomes.iter().all(|o| o.result.is_ok()));
    assert!(vendor.posts() <= 2100 && vendor.no_duplicates(), "{} attempts", vendor.posts());
}

#[tokio::test(start_paused = true)]
async fn refused_credentials_stop_the_run_and_fail_no_item() {
    let vendor = Vendor::new(|n| if n == 5 { Step::Unauthorized } else { Step::Fine });
    let pipeline = pipeline(&vendor);
    let outcomes = all(&pipeline, (0..500).map(|n| job("s", n)).collect()).await;
    let errors: Vec<_> = outcomes.iter().filter_map(|o| o.result.as_ref().err()).collect();
    assert_eq!(errors.iter().filter(|e| e.kind() == ErrorKind::Unauthorized).count(), 1);
    assert!(errors.iter().all(|e| e.is_retryable() && !e.is_in_doubt()));
    assert!(vendor.posts() < 40, "{} posts after a 401", vendor.posts());
    assert_eq!(pipeline.stopped().unwrap().kind(), ErrorKind::Unauthorized);
}

#[tokio::test(start_paused = true)]
async fn a_no_is_final() {
    for step in [Step::Refused, Step::Conflict] {
        let vendor = Vendor::new(move |_| step);
        let outcome = pipeline(&vendor).process(job("s", 1)).await;
        let error = outcome.result.unwrap_err();
        assert_eq!((error.kind(), error.is_retryable(), vendor.posts()), (ErrorKind::Refused, false, 1));
    }
}

#[tokio::test(start_paused = true)]
async fn a_journal_that_cannot_write_stops_everything_before_the_wire() {
    let vendor = Vendor::new(|_| Step::Fine);
    let diary = Diary { room: Some(3), ..Diary::new(&vendor) };
    let pipeline = builder(&vendor).journal(diary).build().unwrap();
    let outcomes = all(&pipeline, (0..100).map(|n| job("s", n)).collect()).await;
    assert_eq!((outcomes.len(), vendor.posts()), (100, 3));
    assert_eq!(pipeline.stopped().unwrap().kind(), ErrorKind::Journal);
}

#[tokio::test(start_paused = true)]
async fn a_dropped_future_cancels_before_the_wire_and_not_after() {
    let vendor = Vendor::new(|_| Step::Fine);
    let pipeline = pipeline(&vendor);
    let mut early = Box::pin(pipeline.process(job("s", 1)));
    assert!(futures_util::poll!(&mut early).is_pending());
    drop(early);
    pipeline.process(job("s", 2)).await.result.unwrap();
    assert_eq!(vendor.posts(), 1);

    let late = tokio::spawn({
        let pipeline = pipeline.clone();
        async move { pipeline.process(job("s", 3)).await }
    });
    while vendor.posts() < 2 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    late.abort();
    assert_eq!(pipeline.drain(Duration::from_secs(60)).await.left, 0);
    assert!(vendor.truth.lock().unwrap().log.contains(&"confirmed 3".to_owned()), "seen to its end");
    let refused = pipeline.process(job("s", 4)).await.result.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Stopped);
    let snapshot = pipeline.metrics();
    assert_eq!((snapshot.running, snapshot.memory_used), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn an_item_offered_again_while_it_is_sent_is_sent_once() {
    // The answer is lost, or comes: either way the second job goes on from what became of the first.
    for step in [Step::Fine, Step::LostAfter] {
        let vendor = Vendor::new(move |n| if n == 0 { step } else { Step::Fine });
        let pipeline = pipeline(&vendor);
        let offer = |tag| pipeline.process(job("s", tag).submit_after(2));
        let first = tokio::spawn({
            let pipeline = pipeline.clone();
            async move { pipeline.process(job("s", 1).submit_after(2)).await }
        });
        while vendor.posts() < 1 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        first.abort();
        let again = offer(1).await;
        assert!(again.result.is_ok() && again.submission.is_none(), "{step:?}: one of two items is confirmed");
        assert_eq!(vendor.posts(), 1, "{step:?}");
        assert!(offer(2).await.submission.is_some_and(|submission| submission.is_ok()), "{step:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_full_queue_gives_the_job_back() {
    let vendor = Vendor::new(|_| Step::Fine);
    let pipeline = pipeline_with(&vendor, |o| o.queue = NonZeroUsize::new(1));
    let first = pipeline.try_process(job("s", 1)).expect("room for one");
    let back = pipeline.try_process(job("s", 2)).err().expect("no room for two");
    assert_eq!(back.item().tag, 2);
    first.await.result.unwrap();
    assert!(pipeline.try_process(*back).is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_submission_whose_answer_is_lost_happened_once() {
    for (step, already) in [(Step::LostAfter, false), (Step::LostBefore, false), (Step::Hang, false)] {
        let vendor = Vendor::new(|_| Step::Fine).finishes(move |n| if n == 0 { step } else { Step::Fine });
        let pipeline = pipeline(&vendor);
        let submission = pipeline.submit(&session("s")).await.unwrap();
        assert_eq!((submission.already, vendor.truth.lock().unwrap().submitted.len()), (already, 1), "{step:?}");
        assert!(pipeline.submit(&session("s")).await.unwrap().already, "a 409 of a submitted session is a success");
    }
    let vendor = Vendor::new(|_| Step::Fine).finishes(|_| Step::Conflict);
    assert_eq!(pipeline(&vendor).submit(&session("s")).await.unwrap_err().kind(), ErrorKind::Refused);
}

#[tokio::test(start_paused = true)]
async fn what_was_recorded_twice_is_counted_before_the_session_closes() {
    // The first answer is lost and recorded only after the listing was read.
    let vendor = Vendor::new(|n| if n == 0 { Step::LostBefore } else { Step::Fine });
    let pipeline = pipeline_with(&vendor, |o| o.doubt.audit = true);
    pipeline.process(job("s", 1)).await.result.unwrap();
    let late = { vendor.truth.lock().unwrap().records[0].clone() };
    vendor.truth.lock().unwrap().records.push(vendor::Record { id: MediaId::new("late").unwrap(), ..late });
    let submission = pipeline.submit(&session("s")).await.unwrap();
    assert_eq!((submission.unaccounted, submission.missing), (Some(1), Some(0)));
    assert_eq!(pipeline.metrics().unaccounted, 1);
}
