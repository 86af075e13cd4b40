//! The example of a third vendor, sent over a socket and read back part by part.

use sealpress_client::{Failure, NewSession, Options, Provider, SessionState};

use super::common::{Raw, http, jpeg, session, upload};
use super::examples::third::vendor;

#[tokio::test]
async fn a_multipart_vendor_in_one_file() {
    let raw = Raw::start(|_, request| match request.line() {
        line if line.starts_with("POST /v3/documents ") => http(201, &[], r#"{"id":"doc-1"}"#),
        line if line.starts_with("GET ") => {
            http(200, &[], r#"{"documents":[{"id":"doc-1","side":"front","size":10000}]}"#)
        }
        line if line.starts_with("POST /v3/applicants ") => http(201, &[], r#"{"id":"applicant-1"}"#),
        _ => http(201, &[], "{}"),
    })
    .await;
    let vendor = vendor::Vendor::new(&raw.url, "api-token".into(), &Options::default()).unwrap();
    let provider: &dyn Provider = &vendor;
    let created = provider.create(&NewSession::new().with_name("Jane", "Doe")).await.unwrap();
    assert_eq!(created.session.as_str(), "applicant-1");
    let body = provider.sign(&upload(&session())).unwrap();
    let receipt = provider.send(&body).await.unwrap();
    assert_eq!(receipt.media_id.as_str(), "doc-1");
    assert_eq!(provider.list(&session()).await.unwrap().len(), 1);
    provider.finish(&session()).await.unwrap();
    assert_eq!(provider.state(&session()).await.unwrap(), SessionState::Unknown);

    let sent = &raw.seen()[1];
    assert_eq!(sent.header("authorization").as_deref(), Some("Token token=api-token"));
    let kind = sent.header("content-type").unwrap();
    let boundary = kind.strip_prefix("multipart/form-data; boundary=").unwrap();
    let (start, end) = (format!("--{boundary}\r\n"), format!("\r\n--{boundary}--\r\n"));
    let sent = sent.body();
    assert!(sent.starts_with(start.as_bytes()) && sent.ends_with(end.as_bytes()));
    let media = jpeg(10_000);
    assert!(sent.windows(media.len()).any(|window| window == &media.bytes()[..]));
    let head = String::from_utf8_lossy(&sent[..400]).into_owned();
    assert!(head.contains("name=\"applicant_id\"") && head.contains("image/jpeg"));
}

#[tokio::test]
async fn its_failures_mean_what_everybodys_mean() {
    let raw = Raw::always(429, "").await;
    let vendor = vendor::Vendor::new(&raw.url, "api-token".into(), &Options::default()).unwrap();
    let body = vendor.sign(&upload(&session())).unwrap();
    assert_eq!(Provider::send(&vendor, &body).await.unwrap_err().failure(), Failure::Throttled(None));
    assert!(!format!("{vendor:?}").contains("api-token"));
}
