//! Waiting for a decision.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use sealpress_client::veriff::{PollOptions, Status};
use tokio_util::sync::CancellationToken;

use super::common::{Raw, http, session};

const NONE: &str = r#"{"status":"success","verification":null}"#;

fn fast() -> PollOptions {
    let mut options = PollOptions::default();
    options.first = Duration::from_millis(5);
    options.longest = Duration::from_millis(20);
    options.deadline = Duration::from_millis(500);
    options
}

#[tokio::test]
async fn through_nothing_review_and_trouble_to_a_decision() {
    let raw = Raw::start(|number, _| match number {
        1 => http(200, &[], NONE),
        2 => http(502, &[], "<html>"),
        3 => http(429, &[("retry-after", "0")], ""),
        4 => http(200, &[], r#"{"verification":{"id":"s","status":"review"}}"#),
        _ => http(200, &[], r#"{"verification":{"id":"s","status":"approved","code":9001}}"#),
    })
    .await;
    let decision = raw.client().wait_for_decision(&session(), &fast()).await.unwrap();
    assert_eq!((decision.status, raw.seen().len()), (Some(Status::Approved), 5));
}

#[tokio::test]
async fn review_can_be_enough() {
    let raw = Raw::always(200, r#"{"verification":{"id":"s","status":"review"}}"#).await;
    let mut options = fast();
    options.review_is_final = true;
    assert!(raw.client().wait_for_decision(&session(), &options).await.is_ok());
}

#[tokio::test]
async fn the_deadline_holds() {
    let raw = Raw::always(200, NONE).await;
    let start = Instant::now();
    let error = raw.client().wait_for_decision(&session(), &fast()).await.unwrap_err();
    assert_eq!(error.kind().as_str(), "timeout");
    assert!(start.elapsed() < Duration::from_secs(3));
    assert!(raw.seen().len() > 5, "{}", raw.seen().len());
}

#[tokio::test]
async fn what_asking_again_cannot_mend_ends_it() {
    for status in [401, 404] {
        let raw = Raw::start(move |_, _| http(status, &[], "")).await;
        let error = raw.client().wait_for_decision(&session(), &fast()).await.unwrap_err();
        assert_eq!((error.http_status(), raw.seen().len()), (Some(status), 1));
    }
}

#[tokio::test]
async fn it_can_be_cancelled() {
    let asked = std::sync::Arc::new(AtomicUsize::new(0));
    let count = asked.clone();
    let raw = Raw::start(move |_, _| {
        count.fetch_add(1, Ordering::Relaxed);
        http(200, &[], NONE)
    })
    .await;
    let token = CancellationToken::new();
    let mut options = fast();
    options.deadline = Duration::from_secs(60);
    options.cancel = Some(token.clone());
    let client = raw.client();
    let wait = tokio::spawn(async move { client.wait_for_decision(&session(), &options).await });
    while asked.load(Ordering::Relaxed) < 3 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    token.cancel();
    assert_eq!(wait.await.unwrap().unwrap_err().kind().as_str(), "cancelled");
}
