//! The engine against a vendor in memory, on paused time.

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
async fn a_lost_answer_is_found_in_the_listing() {
    for step in [Step::LostAfter, Step::Hang, Step::BadSignature] {
        let vendor = Vendor::new(move |n| if n == 0 { step } else { Step::Fine });
        let pipeline = pipeline(&vendor);
        let outcome = pipeline.process(job("s", 1)).await;
        assert_eq!((how(&outcome), vendor.posts(), vendor.records()), (Some(Confirmed::Listed), 1, 1), "{step:?}");
        assert_eq!(pipeline.metrics().bad_signatures, u64::from(step == Step::BadSignature));
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_not_listed_is_sent_again_after_it_settled() {
    let vendor = Vendor::new(|n| if n == 0 { Step::LostBefore } else { Step::Fine });
    let start = Instant::now();
    let outcome = pipeline(&vendor).process(job("s", 1)).await;
    assert_eq!((how(&outcome), outcome.attempts, vendor.records()), (Some(Confirmed::Answered), 2, 1));
    assert!(start.elapsed() >= Duration::from_secs(5), "looked before it could settle");
}

/// Items that a listing cannot tell apart: each one's first answer is lost, and only the odd ones
/// were recorded.
fn half_recorded() -> Vendor {
    Vendor::by_tag(|tag, nth| match nth {
        0 if tag % 2 == 1 => Step::LostAfter,
        0 => Step::LostBefore,
        _ => Step::Fine,
    })
}

#[tokio::test(start_paused = true)]
async fn look_alikes_are_told_apart_by_their_bytes() {
    let vendor = half_recorded();
    let pipeline = pipeline_with(&vendor, |o| o.circuit.failures = 100);
    let outcomes = all(&pipeline, (1..9).map(|n| job("s", n)).collect()).await;
    assert!(outcomes.iter().all(|o| o.result.is_ok()));
    assert_eq!((vendor.posts(), vendor.records()), (12, 8), "four were found, four sent again");
    assert!(vendor.no_duplicates(), "who was found was the one that was recorded");
    let truth = vendor.truth.lock().unwrap();
    for outcome in &outcomes {
        let id = &outcome.result.as_ref().unwrap().media_id;
        let record = truth.records.iter().find(|r| r.id == *id).unwrap();
        assert_eq!(record.tag, outcome.item.tag, "confirmed by another item's upload");
    }
}

#[tokio::test(start_paused = true)]
async fn without_their_bytes_too_few_entries_confirm_nobody() {
    let vendor = half_recorded().serves_nothing();
    let pipeline = pipeline_with(&vendor, |o| o.circuit.failures = 100);
    let outcomes = all(&pipeline, (1..9).map(|n| job("s", n)).collect()).await;
    assert!(outcomes.iter().all(|o| o.result.is_ok()));
    // How many of them are in doubt at a time is the scheduler's; what holds is that nobody is missing, and
    // that whatever is there twice is said.
    let tags: std::collections::HashSet<_> = vendor.truth.lock().unwrap().records.iter().map(|r| r.tag).collect();
    assert_eq!(tags.len(), 8, "an item is confirmed by another one's upload");
    let twice = vendor.records() as u64 - 8;
    let submission = pipeline.submit(&session("s")).await.unwrap();
    assert_eq!((submission.unaccounted, submission.missing), (Some(twice), Some(0)));
    assert_eq!(submission.unaccounted_ids.len() as u64, twice);
}

#[tokio::test(start_paused = true)]
async fn where_a_list_has_ids_of_its_own_an_answered_twins_entry_confirms_nobody() {
    let vendor = Vendor::by_tag(|tag, nth| if tag == 2 && nth == 0 { Step::LostBefore } else { Step::Fine });
    let vendor = vendor.lists_its_own_ids();
    let pipeline = pipeline(&vendor);
    pipeline.process(job("s", 1)).await.result.unwrap();
    let second = pipeline.process(job("s", 2)).await;
    assert_eq!((how(&second), vendor.records()), (Some(Confirmed::Answered), 2), "the one entry is the first one's");
    pipeline.submit(&session("s")).await.expect("there is nothing to compare, and nothing that blocks");
    // Recorded, and its answer lost: one entry more than answered items.
    let vendor = Vendor::by_tag(|tag, nth| if tag == 2 && nth == 0 { Step::LostAfter } else { Step::Fine });
    let vendor = vendor.lists_its_own_ids();
    let pipeline = pipeline_with(&vendor, |_| {});
    pipeline.process(job("s", 1)).await.result.unwrap();
    assert_eq!(how(&pipeline.process(job("s", 2)).await), Some(Confirmed::Listed));
    assert!(vendor.no_duplicates());
}

#[tokio::test(start_paused = true)]
async fn who_looks_first_sends_nothing_twice_and_no_look_alike_short() {
    let vendor = Vendor::new(|_| Step::Fine);
    pipeline(&vendor).process(job("s", 1)).await.result.unwrap();
    // Another process, without a journal.
    let pipeline = pipeline(&vendor);
    let again = pipeline.process(job("s", 1).look_first()).await;
    assert_eq!((how(&again), vendor.posts()), (Some(Confirmed::Listed), 1));
    let other = pipeline.process(job("s", 2).look_first()).await;
    assert_eq!((how(&other), vendor.posts()), (Some(Confirmed::Answered), 2), "it only looks the same");
    let blind = vendor.clone().serves_nothing();
    let again = pipeline_with(&blind, |_| {}).process(job("s", 1).look_first()).await;
    assert_eq!(how(&again), Some(Confirmed::Answered), "what cannot be compared is sent");
}

#[tokio::test(start_paused = true)]
async fn a_twin_that_was_reset_is_not_confirmed_by_the_first_ones_upload() {
    for serves in [true, false] {
        // One: recorded, its answer lost, and no listing to be had. Two, of the same looks: never arrived.
        let lists = |n| if n < 5 { Step::LostBefore } else { Step::Fine };
        let vendor = Vendor::new(|n| match n {
            0 => Step::LostAfter,
            1 => Step::LostBefore,
            _ => Step::Fine,
        })
        .lists(lists);
        let vendor = if serves { vendor } else { vendor.serves_nothing() };
        let pipeline = pipeline(&vendor);
        let first = pipeline.process(job("s", 1)).await.result.unwrap_err();
        assert_eq!(first.kind(), ErrorKind::InDoubt);
        let blocked = pipeline.process(job("s", 2)).await.result.unwrap_err();
        assert_eq!((blocked.kind(), blocked.is_in_doubt()), (ErrorKind::Unreachable, false), "nothing was sent");
        assert_eq!(vendor.posts(), 1);
        // The next pass.
        let again = pipeline.process(job("s", 1).in_doubt(None)).await;
        assert_eq!(how(&again), Some(Confirmed::Listed));
        assert!(pipeline.process(job("s", 2)).await.result.is_ok());
        let tags: Vec<_> = vendor.truth.lock().unwrap().records.iter().map(|r| r.tag).collect();
        assert_eq!(tags, [1, 2], "serves: {serves}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_answered_twins_second_record_confirms_nobody() {
    // The vendor recorded the first one twice; the second one's request never arrived.
    let vendor = Vendor::new(|n| if n == 1 { Step::LostBefore } else { Step::Fine });
    let pipeline = pipeline_with(&vendor, |o| o.doubt.audit = true);
    pipeline.process(job("s", 1)).await.result.unwrap();
    let twice = { vendor.truth.lock().unwrap().records[0].clone() };
    vendor.truth.lock().unwrap().records.push(vendor::Record { id: MediaId::new("twice").unwrap(), ..twice });
    let second = pipeline.process(job("s", 2)).await;
    assert_eq!((how(&second), vendor.posts()), (Some(Confirmed::Answered), 3));
    assert_eq!(pipeline.submit(&session("s")).await.unwrap().unaccounted_ids, [MediaId::new("twice").unwrap()]);
}

#[tokio::test(start_paused = true)]
async fn doubts_of_an_earlier_run_hold_look_alikes_back() {
    let vendor = Vendor::new(|_| Step::Fine);
    let sent = Doubt { size: 1000, format: sealpress_media::Format::Jpeg, sha256: None };
    let diary = Diary { known: vec![Known::in_doubt(1, Context::Face, Some(sent), 1)], ..Diary::new(&vendor) };
    let pipeline = builder(&vendor).journal(diary).build().unwrap();
    let blocked = pipeline.process(job("s", 2)).await.result.unwrap_err();
    assert_eq!((blocked.kind(), vendor.posts()), (ErrorKind::Unreachable, 0));
    let other = Job::new(&session("s"), "face", bytes(3, 2000)).tag(3);
    assert!(pipeline.process(other).await.result.is_ok(), "does not look like it");
    assert!(pipeline.process(job("s", 1).in_doubt(Some(sent))).await.result.is_ok());
    assert!(pipeline.process(job("s", 2)).await.result.is_ok());
    assert!(vendor.no_duplicates());
}

#[tokio::test(start_paused = true)]
async fn what_is_confirmed_and_not_listed_blocks_the_submission() {
    let vendor = Vendor::new(|_| Step::Fine);
    let pipeline = pipeline_with(&vendor, |o| o.doubt.audit = true);
    pipeline.process(job("s", 1)).await.result.unwrap();
    let record = vendor.truth.lock().unwrap().records.pop().unwrap();
    let error = pipeline.submit(&session("s")).await.unwrap_err();
    assert_eq!((error.kind(), error.fault().as_str()), (ErrorKind::Missing, "remote"));
    assert!(vendor.truth.lock().unwrap().submitted.is_empty());
    vendor.truth.lock().unwrap().records.push(record);
    assert_eq!(pipeline.submit(&session("s")).await.unwrap().missing, Some(0), "it was only late");
}

#[tokio::test(start_paused = true)]
async fn a_doubted_session_is_not_submitted_uncounted() {
    let vendor = Vendor::new(|n| if n == 0 { Step::LostAfter } else { Step::Fine });
    let blind = vendor.clone().lists(|n| if n == 0 { Step::Fine } else { Step::LostBefore });
    let pipeline = pipeline(&blind);
    assert_eq!(how(&pipeline.process(job("s", 1)).await), Some(Confirmed::Listed));
    assert!(pipeline.submit(&session("s")).await.unwrap_err().is_retryable());
    assert!(vendor.truth.lock().unwrap().submitted.is_empty());
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
async fn without_a_good_listing_nothing_is_sent_again() {
    let vendor = Vendor::new(|_| Step::LostBefore).lists(|_| Step::LostBefore);
    let outcome = pipeline(&vendor).process(job("s", 1)).await;
    let error = outcome.result.unwrap_err();
    assert_eq!((error.kind(), error.is_in_doubt(), error.is_retryable()), (ErrorKind::InDoubt, true, true));
    assert_eq!((vendor.posts(), vendor.looks.load(Ordering::SeqCst)), (1, 5));
}

#[tokio::test(start_paused = true)]
async fn an_item_of_an_earlier_run_is_looked_up_first() {
    let vendor = Vendor::new(|_| Step::Fine);
    let first = pipeline(&vendor).process(job("s", 1)).await;
    let id = first.result.unwrap().media_id;
    let doubt = Doubt { size: 1000, format: sealpress_media::Format::Jpeg, sha256: None };

    // Another process: it has no memory of what it confirmed.
    for known in [None, Some(doubt)] {
        let again = pipeline(&vendor).process(job("s", 1).in_doubt(known)).await;
        assert_eq!((how(&again), again.attempts, vendor.posts()), (Some(Confirmed::Listed), 0, 1));
    }
    // The journal knows that this entry is another item's: the look-alike is sent.
    let known = vec![Known::confirmed(1, Context::Face, Some(doubt), id, 0)];
    let diary = Diary { known, ..Diary::new(&vendor) };
    let other = builder(&vendor).journal(diary).build().unwrap().process(job("s", 2).in_doubt(Some(doubt))).await;
    assert_eq!((how(&other), vendor.posts()), (Some(Confirmed::Answered), 2));
    assert!(vendor.no_duplicates());
}

#[tokio::test(start_paused = true)]
async fn an_answered_item_that_no_journal_took_down_is_found_again() {
    let vendor = Vendor::new(|_| Step::Fine);
    let pipeline = pipeline(&vendor);
    assert!(pipeline.process(job("s", 1)).await.result.is_ok());
    let doubt = Doubt { size: 1000, format: sealpress_media::Format::Jpeg, sha256: None };
    // The same process claims the session anew, and its journal says "sending".
    let again = pipeline.process(job("s", 1).in_doubt(Some(doubt))).await;
    assert_eq!((how(&again), vendor.posts()), (Some(Confirmed::Listed), 1));
    // To any other item this entry is not its own.
    let other = pipeline.process(job("s", 2).in_doubt(Some(doubt))).await;
    assert_eq!((how(&other), vendor.posts()), (Some(Confirmed::Answered), 2));
    assert!(vendor.no_duplicates());
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

/// Needs as much as it was told, and panics on tag 13.
struct Heavy(u64);

impl Press for Heavy {
    fn worker(&self) -> Box<dyn Worker> {
        Box::new(Self(self.0))
    }
    fn estimate(&self, _: &Media) -> Result<u64, press::Error> {
        Ok(self.0)
    }
    fn plan(&self, media: &Media) -> Result<Plan, press::Error> {
        Unchanged.plan(media)
    }
}

impl Worker for Heavy {
    fn press(&mut self, media: &Media) -> Result<Pressed, press::Error> {
        assert_ne!(media.bytes()[11], 13, "scripted");
        Unchanged.press(media)
    }
}

#[tokio::test]
async fn a_panic_costs_one_job_and_the_budget_holds() {
    let vendor = Vendor::new(|_| Step::Fine);
    let mut small = options();
    small.memory = 64 << 20;
    let pipeline = Builder::over(Arc::new(vendor.clone()), Arc::new(Heavy(40 << 20))).options(small).build().unwrap();
    let outcomes = all(&pipeline, (0..40).map(|n| job("s", n)).collect()).await;
    let failed: Vec<_> = outcomes.iter().filter(|o| o.result.is_err()).collect();
    assert_eq!((failed.len(), failed[0].item.tag), (1, 13));
    assert_eq!(failed[0].result.as_ref().unwrap_err().kind(), ErrorKind::Internal);
    let snapshot = pipeline.metrics();
    assert!(snapshot.memory_peak <= snapshot.memory_total, "{snapshot:?}");
    assert_eq!((snapshot.memory_used, vendor.records()), (0, 39));
}

/// There until its first file, then gone.
struct Gone;

impl Press for Gone {
    fn worker(&self) -> Box<dyn Worker> {
        Box::new(Self)
    }
    fn estimate(&self, _: &Media) -> Result<u64, press::Error> {
        Ok(0)
    }
    fn plan(&self, media: &Media) -> Result<Plan, press::Error> {
        Unchanged.plan(media)
    }
}

impl Worker for Gone {
    fn press(&mut self, _: &Media) -> Result<Pressed, press::Error> {
        Err(press::Error::unavailable("scripted"))
    }
}

#[tokio::test]
async fn a_press_that_goes_away_stops_the_run_and_blames_no_file() {
    let vendor = Vendor::new(|_| Step::Fine);
    let pipeline = Builder::over(Arc::new(vendor.clone()), Arc::new(Gone)).options(options()).build().unwrap();
    for outcome in all(&pipeline, (0..10).map(|n| job("s", n)).collect()).await {
        let error = outcome.result.unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::NoPress | ErrorKind::Stopped), "{error:?}");
        assert!(error.is_retryable());
    }
    assert_eq!(pipeline.stopped().unwrap().kind(), ErrorKind::NoPress);
    assert_eq!(vendor.records(), 0);
}

#[tokio::test]
async fn bad_files_fail_alone_with_their_reason() {
    let vendor = Vendor::new(|_| Step::Fine);
    let pipeline = pipeline(&vendor);
    let jobs = vec![
        Job::new(&session("s"), "face", Vec::new()),
        Job::new(&session("s"), "face", b"GIF89a".to_vec()),
        Job::file(&session("s"), "face", "/nonexistent/file"),
        Job::file(&session("s"), "face", "/"),
        job("s", 1),
    ];
    let mut names = Vec::new();
    for outcome in all(&pipeline, jobs).await {
        names.push(outcome.result.map_or_else(|e| e.name(), |_| "confirmed"));
    }
    names.sort_unstable();
    assert_eq!(names, ["confirmed", "empty", "unreadable", "unreadable", "unsupported-format"]);
}

/// A press whose files come out as two.
#[derive(Clone, Copy)]
struct Doubling;

impl Press for Doubling {
    fn worker(&self) -> Box<dyn Worker> {
        Box::new(*self)
    }

    fn estimate(&self, _: &Media) -> Result<u64, press::Error> {
        Ok(0)
    }

    fn plan(&self, media: &Media) -> Result<Plan, press::Error> {
        Unchanged.plan(media)
    }
}

impl Worker for Doubling {
    fn press(&mut self, media: &Media) -> Result<Pressed, press::Error> {
        Ok(Unchanged.press(media)?.with_further(vec![media.clone()]))
    }
}

#[tokio::test(start_paused = true)]
async fn what_leaves_as_several_files_is_not_sent_in_part() {
    let vendor = Vendor::new(|_| Step::Fine);
    let pipeline = Builder::over(Arc::new(vendor.clone()), Arc::new(Doubling)).options(options()).build().unwrap();
    let error = pipeline.process(job("a", 1)).await.result.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Press);
    assert!(error.to_string().contains("2 files"), "{error}");
    assert!(vendor.truth.lock().unwrap().records.is_empty());
}
