//! The example of a third vendor, sent over a socket and read back part by part.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use sealpress_client::conformance::Fault;
use sealpress_client::{Failure, NewSession, Options, Provider, SessionState};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpListener;

use super::common::{Raw, Seen, http, jpeg, read_request, session, upload};
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

/// A stand-in of the third vendor that keeps books, and misbehaves on request.
pub(crate) struct Server {
    pub(crate) url: String,
    books: Arc<Mutex<Books>>,
}

#[derive(Default)]
struct Books {
    token: String,
    /// Sides of the documents of each applicant, and whether a check was started.
    applicants: HashMap<String, (Vec<String>, bool)>,
    arrived: u64,
    next: Option<Fault>,
}

impl Server {
    pub(crate) async fn start(token: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let books = Arc::new(Mutex::new(Books { token: format!("Token token={token}"), ..Books::default() }));
        let kept = books.clone();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let kept = kept.clone();
                tokio::spawn(async move {
                    let Some(request) = read_request(&mut stream).await else { return };
                    let answer = kept.lock().unwrap().answer(&request);
                    // No answer at all is a connection that just ends.
                    if let Some(answer) = answer {
                        let _ = stream.write_all(&answer).await;
                        let _ = stream.shutdown().await;
                    }
                });
            }
        });
        Self { url, books }
    }

    pub(crate) fn arrange(&self, fault: Fault) {
        self.books.lock().unwrap().next = Some(fault);
    }

    pub(crate) fn arrived(&self) -> u64 {
        self.books.lock().unwrap().arrived
    }

    pub(crate) fn recorded(&self, applicant: &str) -> u64 {
        self.books.lock().unwrap().applicants.get(applicant).map_or(0, |(sides, _)| sides.len() as u64)
    }
}

impl Books {
    fn answer(&mut self, request: &Seen) -> Option<Vec<u8>> {
        if request.header("authorization").as_deref() != Some(&self.token) {
            return Some(http(401, &[], r#"{"error":"unauthorized"}"#));
        }
        let line = request.line();
        let mut words = line.split(' ');
        let (method, path) = (words.next()?, words.next()?);
        let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
        match (method, parts.as_slice()) {
            ("POST", ["v3", "applicants"]) => {
                let id = format!("applicant-{}", self.applicants.len() + 1);
                self.applicants.insert(id.clone(), (Vec::new(), false));
                Some(http(201, &[], &format!(r#"{{"id":"{id}"}}"#)))
            }
            ("POST", ["v3", "documents"]) => self.document(&String::from_utf8_lossy(&request.body()[..500])),
            ("GET", ["v3", "applicants", id, "documents"]) => Some(match self.applicants.get(*id) {
                None => http(404, &[], "{}"),
                Some((sides, _)) => {
                    let entry = |(at, side): (usize, &String)| format!(r#"{{"id":"{id}-{at}","side":"{side}"}}"#);
                    let entries: Vec<String> = sides.iter().enumerate().map(entry).collect();
                    http(200, &[], &format!(r#"{{"documents":[{}]}}"#, entries.join(",")))
                }
            }),
            ("POST", ["v3", "checks"]) => {
                let body: serde_json::Value = serde_json::from_slice(request.body()).unwrap();
                match self.applicants.get_mut(body["applicant_id"].as_str()?) {
                    Some((_, started)) => *started = true,
                    None => return Some(http(404, &[], "{}")),
                }
                Some(http(201, &[], "{}"))
            }
            _ => Some(http(404, &[], "{}")),
        }
    }

    fn document(&mut self, head: &str) -> Option<Vec<u8>> {
        self.arrived += 1;
        let field = |name: &str| {
            let (_, rest) = head.split_once(&format!("name=\"{name}\"\r\n\r\n"))?;
            Some(rest.split_once("\r\n")?.0.to_owned())
        };
        let (id, side) = (field("applicant_id")?, field("side")?);
        let fault = self.next.take();
        if let Some(Fault::Status { status, retry_after }) = fault {
            let after = retry_after.map(|seconds| seconds.to_string());
            let headers: Vec<(&str, &str)> = after.iter().map(|text| ("retry-after", text.as_str())).collect();
            return Some(http(status, &headers, "{}"));
        }
        let Some((sides, started)) = self.applicants.get_mut(&id) else { return Some(http(404, &[], "{}")) };
        if *started {
            return Some(http(409, &[], "{}"));
        }
        let answer = format!(r#"{{"id":"{id}-{}"}}"#, sides.len());
        sides.push(side);
        match fault {
            Some(Fault::LostAnswer) => None,
            Some(Fault::Gibberish) => Some(http(201, &[], &answer[..answer.len() / 2])),
            _ => Some(http(201, &[], &answer)),
        }
    }
}
