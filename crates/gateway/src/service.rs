//! One request's way: what it is, who answers, and what is noted of it.

use std::convert::Infallible;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use http::request::Parts;
use http::{Method, Request, Response, StatusCode};
use http_body::Body as _;
use hyper::body::Incoming;
use sealpress_base64::DataUri;
use sealpress_client::SessionId;
use sealpress_press::Press;
use serde_json::json;
use tokio::time::Instant;

use crate::body;
use crate::door::{Call, Caller};
use crate::metrics::{Metrics, Record};
use crate::problem::{Problem, ProblemKind};
use crate::relay::{self, Answer};
use crate::upload::{Ready, Uploads, told};

/// Told of every request when it was answered.
pub(crate) type OnRequest = Arc<dyn Fn(&Record) + Send + Sync>;

/// What all connections share.
pub(crate) struct Service {
    pub(crate) uploads: Uploads,
    pub(crate) press: Arc<dyn Press>,
    pub(crate) metrics: Metrics,
    pub(crate) draining: AtomicBool,
    pub(crate) on_request: Option<OnRequest>,
}

/// What a path of the gateway's own, or of the vendor, asks for.
enum Asked {
    Health,
    Ready,
    Metrics,
    Prepare,
    Sign,
    Vendor(Call),
}

/// Counts a request as under way, however it ends.
struct UnderWay<'a>(&'a Metrics);

impl Service {
    /// Answers, whatever happens.
    pub(crate) async fn answer(self: Arc<Self>, request: Request<Incoming>) -> Result<Answer, Infallible> {
        let began = Instant::now();
        self.metrics.under_way.fetch_add(1, Ordering::Relaxed);
        let _under_way = UnderWay(&self.metrics);
        let (head, mut body) = request.into_parts();
        let asked = self.asked(&head);
        let mut record = Record { call: asked.name(), method: head.method.clone(), ..Record::default() };
        let mut answer = match asked {
            Asked::Health => relay::words(StatusCode::OK, "text/plain", "ok\n"),
            Asked::Ready => self.ready_or_not(),
            Asked::Metrics => {
                let text = self.metrics.text(&self.uploads.bodies, self.uploads.preparer.budget());
                relay::words(StatusCode::OK, "text/plain; version=0.0.4", text)
            }
            Asked::Vendor(Call::Pass) => match self.passed(&head, body, &mut record).await {
                Ok(answer) => answer,
                Err(problem) => self.refuse(&problem, None, &mut record),
            },
            Asked::Vendor(Call::Submit { session }) => match self.submit(&head, body, &session, &mut record).await {
                Ok(answer) => answer,
                Err(problem) => self.refuse(&problem, None, &mut record),
            },
            asked => {
                let admitted = self.uploads.door.admit(&head);
                let done = match &admitted {
                    Err(problem) => Err(problem.clone()),
                    Ok(caller) => self.media(asked, &head, &mut body, caller, &mut record).await,
                };
                match done {
                    Ok(answer) => answer,
                    Err(problem) => {
                        if !body.is_end_stream() {
                            body::discard(&mut body, &head.headers).await;
                        }
                        self.refuse(&problem, admitted.as_ref().ok(), &mut record)
                    }
                }
            }
        };
        if self.draining.load(Ordering::Relaxed) {
            answer.headers_mut().insert(http::header::CONNECTION, HeaderValue::from_static("close"));
        }
        (record.status, record.took) = (answer.status().as_u16(), began.elapsed());
        self.metrics.note(&record);
        if let Some(tell) = &self.on_request {
            tell(&record);
        }
        Ok(answer)
    }

    fn asked(&self, head: &Parts) -> Asked {
        match (&head.method, head.uri.path()) {
            (&Method::GET | &Method::HEAD, "/healthz") => Asked::Health,
            (&Method::GET | &Method::HEAD, "/readyz") => Asked::Ready,
            (&Method::GET | &Method::HEAD, "/metrics") => Asked::Metrics,
            (&Method::POST, "/prepare") => Asked::Prepare,
            (&Method::POST, "/sign") => Asked::Sign,
            _ => Asked::Vendor(self.uploads.door.call(head)),
        }
    }

    fn ready_or_not(&self) -> Answer {
        let unready = |why: &'static str| relay::words(StatusCode::SERVICE_UNAVAILABLE, "text/plain", why);
        match self.press.check() {
            _ if self.draining.load(Ordering::Relaxed) => unready("draining\n"),
            Ok(()) => relay::words(StatusCode::OK, "text/plain", "ready\n"),
            Err(_) => unready("files cannot be pressed here\n"),
        }
    }

    /// Requests that bring a file.
    async fn media(
        &self,
        asked: Asked,
        head: &Parts,
        body: &mut Incoming,
        caller: &Caller,
        record: &mut Record,
    ) -> Result<Answer, Problem> {
        match asked {
            Asked::Vendor(Call::Upload { session }) => {
                record.session = Some(session.clone());
                self.uploads.upload(head, body, caller, &session, record).await
            }
            Asked::Sign => self.sign(head, body, caller, record).await,
            _ => self.prepare(head, body, caller, record).await,
        }
    }

    /// The prepared file and its report; the file alone where the caller accepts files and no JSON.
    async fn prepare(
        &self,
        head: &Parts,
        body: &mut Incoming,
        caller: &Caller,
        record: &mut Record,
    ) -> Result<Answer, Problem> {
        let (envelope, _, _share) = self.uploads.take(head, body, caller).await?.media()?;
        let prepared = self.uploads.prepared(&envelope, record).await?;
        drop(envelope);
        let accept = head.headers.get(ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let raw = !accept.contains("json")
            && ["image/", "application/pdf", "application/octet-stream"].iter().any(|kind| accept.contains(kind));
        let mime = prepared.media.format().mime();
        let mut answer = if raw {
            relay::words(StatusCode::OK, mime, prepared.media.bytes().clone())
        } else {
            let uri = DataUri::new(mime).map(|uri| uri.encode(prepared.media.bytes())).unwrap_or_default();
            let body = json!({ "report": prepared.summary, "content": uri }).to_string();
            relay::words(StatusCode::OK, "application/json", body)
        };
        told(answer.headers_mut(), &prepared);
        Ok(answer)
    }

    /// The body that would be sent on, with its signature in the header where it belongs.
    async fn sign(
        &self,
        head: &Parts,
        body: &mut Incoming,
        caller: &Caller,
        record: &mut Record,
    ) -> Result<Answer, Problem> {
        let (envelope, key, _share) = self.uploads.take(head, body, caller).await?.media()?;
        let nobodys = SessionId::new("-").map_err(|_| Problem::internal())?;
        let Ready { signed, prepared } = self.uploads.ready(envelope, key, nobodys, record).await?;
        let mut parts = signed.body();
        let mut whole = Vec::with_capacity(usize::try_from(signed.content_length()).unwrap_or(0));
        while let Some(part) = parts.next_part() {
            whole.extend_from_slice(&part);
        }
        let mut answer = relay::words(StatusCode::OK, "application/json", whole);
        self.uploads.door.seal(answer.headers_mut(), &signed);
        told(answer.headers_mut(), &prepared);
        Ok(answer)
    }

    /// Waits for the uploads of the session, and hands the submission on. In doubt nothing is submitted.
    async fn submit(
        &self,
        head: &Parts,
        body: Incoming,
        session: &str,
        record: &mut Record,
    ) -> Result<Answer, Problem> {
        record.session = Some(session.to_owned());
        if !self.uploads.flights.landed(session, self.uploads.options.submit_wait).await {
            let message = "uploads of this session are still under way, and it was not submitted: submit it again";
            return Err(Problem::busy(message, Duration::from_secs(5)));
        }
        self.passed(head, body, record).await
    }

    async fn passed(&self, head: &Parts, body: Incoming, record: &mut Record) -> Result<Answer, Problem> {
        if head.method == Method::CONNECT {
            return Err(Problem::new(ProblemKind::BadPath, "this is no proxy for other hosts"));
        }
        let host = self.uploads.door.host(head)?;
        let began = Instant::now();
        let body = (!body.is_end_stream()).then_some(body);
        let answer = relay::forward(&host, head, relay::onward(&head.headers), body).await;
        record.vendor = Some(began.elapsed());
        answer
    }

    fn refuse(&self, problem: &Problem, caller: Option<&Caller>, record: &mut Record) -> Answer {
        record.refused = Some(problem.kind());
        let mut answer: Response<Bytes> = self.uploads.door.say(problem, caller);
        *answer.status_mut() = problem.kind().status();
        let headers = answer.headers_mut();
        headers.entry(CONTENT_TYPE).or_insert(HeaderValue::from_static("application/json"));
        headers.insert("x-sealpress-error", HeaderValue::from_static(problem.kind().as_str()));
        if let Some(after) = problem.retry_after() {
            headers.insert(RETRY_AFTER, after.as_secs().max(1).into());
        }
        relay::own(answer)
    }
}

impl Asked {
    const fn name(&self) -> &'static str {
        match self {
            Self::Health => "health",
            Self::Ready => "ready",
            Self::Metrics => "metrics",
            Self::Prepare => "prepare",
            Self::Sign => "sign",
            Self::Vendor(Call::Upload { .. }) => "upload",
            Self::Vendor(Call::Submit { .. }) => "submit",
            Self::Vendor(Call::Pass) => "pass",
        }
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.0.under_way.fetch_sub(1, Ordering::Relaxed);
    }
}

impl fmt::Debug for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Service").field("options", &self.uploads.options).finish_non_exhaustive()
    }
}
