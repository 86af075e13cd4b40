//! Items whose answer was lost, and items that look alike: who is confirmed by a listing, and who is not.

use super::*;

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
