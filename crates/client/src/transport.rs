//! The only file that names the HTTP stack. One request, one answer: no redirects, no retries, no
//! compression, no cookies; every wait has an end and every answer a cap.

use std::error::Error as StdError;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, Method, StatusCode, header};
use http_body::{Body, Frame, SizeHint};
use rustls::pki_types::CertificateDer;
use rustls_platform_verifier::BuilderVerifierExt;
use tokio::time::{Instant, Sleep, sleep, timeout};
use url::Url;

use crate::answer::Meaning;
pub use crate::answer::Reply;
use crate::base_url::BaseUrl;
use crate::error::{Error, ErrorKind};
use crate::progress::{Progress, Watched};
use crate::sign::SignedBody;
use crate::telemetry;

/// How long to wait for what, and how much to read. All of it can be set per client.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Options {
    /// Name lookup, TCP and TLS: 3.1 s, just above one lost SYN.
    pub connect_timeout: Duration,
    /// A whole upload, from connect to the last byte of the answer: 120 s carries 28 MB at 2 Mbit/s.
    pub upload_timeout: Duration,
    /// Any other call: 30 s.
    pub call_timeout: Duration,
    /// A body that does not move for so long while it is sent or read is given up: 20 s.
    pub stall_timeout: Duration,
    /// Answers other than media: 4 MiB.
    pub max_answer: u64,
    /// Media that is downloaded: 256 MiB, since videos are among it.
    pub max_download: u64,
    /// Idle connections kept per host: 32.
    pub max_idle: usize,
    /// HTTP/2 where the host offers it. Off: many uploads on one connection share its window, and
    /// one reset leaves all of them in doubt.
    pub http2: bool,
    /// Plain http to hosts other than this one. Off.
    pub allow_http: bool,
    /// Certificates (DER) to trust besides those of the machine.
    pub extra_roots: Vec<Vec<u8>>,
    /// The product name sent along.
    pub user_agent: String,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_millis(3100),
            upload_timeout: Duration::from_secs(120),
            call_timeout: Duration::from_secs(30),
            stall_timeout: Duration::from_secs(20),
            max_answer: 4 << 20,
            max_download: 256 << 20,
            max_idle: 32,
            http2: false,
            allow_http: false,
            extra_roots: Vec::new(),
            user_agent: concat!("sealpress/", env!("CARGO_PKG_VERSION")).to_owned(),
        }
    }
}

/// Bytes up to which a body is no upload: no request without media is larger.
const SMALL: usize = 1 << 20;

/// One host's door: connections are pooled behind it. Cloning is cheap.
#[derive(Clone, Debug)]
pub(crate) struct Transport {
    client: reqwest::Client,
    options: Arc<Options>,
}

/// A request.
pub struct Call {
    /// What is being done, for errors and metrics.
    pub operation: &'static str,
    /// The method.
    pub method: Method,
    /// Out of [`Host::url`], never out of an answer.
    pub url: Url,
    /// Credentials are marked sensitive by whoever makes them.
    pub headers: HeaderMap,
    /// The body.
    pub body: Outgoing,
}

/// The body of a request.
pub enum Outgoing {
    /// None.
    Empty,
    /// Small enough to lie in memory.
    Bytes(Bytes),
    /// Made while it is sent.
    Signed(SignedBody),
}

/// The door for vendors that are not in this crate: one host, its base URL, and calls to it.
/// See the example `third_vendor`.
#[derive(Clone, Debug)]
pub struct Host {
    base: BaseUrl,
    transport: Transport,
    meaning: Meaning,
}

impl Host {
    /// The base URL with or without a trailing slash and with or without `suffix` (`["v1"]`).
    ///
    /// # Errors
    /// `Config` for a URL that is none or not https (plain http is for loopback hosts).
    pub fn new(base_url: &str, suffix: &[&str], options: &Options) -> Result<Self, Error> {
        let base = BaseUrl::parse(base_url, suffix, options.allow_http)?;
        let transport = Transport::new(options, base.is_tls(), base.is_loopback())?;
        Ok(Self { base, transport, meaning: |_, _| None })
    }

    /// The vendor's own tables: what a status and a code of its answers mean. Stands in
    /// [`ApiError::meaning`](crate::ApiError::meaning) and behind the code in messages.
    #[must_use]
    pub fn with_meanings(mut self, meaning: fn(u16, Option<&str>) -> Option<&'static str>) -> Self {
        self.meaning = meaning;
        self
    }

    /// The URL of these path segments, each escaped as one segment.
    #[must_use]
    pub fn url(&self, segments: &[&str]) -> Url {
        self.base.join(segments)
    }

    /// Sends once and reads the whole answer, up to the cap.
    ///
    /// # Errors
    /// `Api` for any status but 2xx; `Transport` and `Timeout`, which say whether the request may
    /// have been sent; `TooLarge`.
    pub async fn call(&self, call: Call) -> Result<Reply, Error> {
        let operation = call.operation;
        telemetry::observe("other", operation, async {
            self.transport.call(call).await?.success(operation, self.meaning)
        })
        .await
    }

    /// The URL of a path and query that somebody else wrote, below what the base URL has in front of its
    /// suffix.
    ///
    /// # Errors
    /// `Config` for a path that a URL cannot carry as it stands: nothing is escaped, nothing resolved.
    pub fn at(&self, path_and_query: &str) -> Result<Url, Error> {
        let refuse = || Error::config("forward", "the path cannot be sent on as it stands");
        let root = self.base.sibling(&[]);
        let expected = format!("{}{path_and_query}", root.as_str().trim_end_matches('/'));
        let url = Url::parse(&expected).map_err(|e| refuse().with_source(e))?;
        let stands = path_and_query.starts_with('/') && url.as_str() == expected && url.fragment().is_none();
        if stands && url.origin() == root.origin() { Ok(url) } else { Err(refuse()) }
    }

    /// Sends somebody else's request once, headers and body as they are, and hands over the answer of whatever
    /// status with its body as it arrives. Until its head is there `upload_timeout` counts, then `stall_timeout`.
    ///
    /// # Errors
    /// `Transport` and `Timeout`, which say whether the request may have been sent.
    pub async fn forward<B>(
        &self,
        operation: &'static str,
        request: http::Request<Option<B>>,
        url: Url,
    ) -> Result<http::Response<AnswerBody>, Error>
    where
        B: Body<Data = Bytes> + Send + Sync + Unpin + 'static,
        B::Error: Into<Box<dyn StdError + Send + Sync>>,
    {
        telemetry::observe("other", operation, self.transport.forward(operation, request, url)).await
    }
}

impl fmt::Debug for Outgoing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("Empty"),
            Self::Bytes(bytes) => write!(f, "Bytes({} bytes)", bytes.len()),
            Self::Signed(signed) => write!(f, "{signed:?}"),
        }
    }
}

impl fmt::Debug for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Call({}, {})", self.operation, self.method)
    }
}

impl Transport {
    pub(crate) fn new(options: &Options, tls: bool, loopback: bool) -> Result<Self, Error> {
        let refuse = |e: Box<dyn StdError + Send + Sync>| {
            Error::config("configure", "the HTTP client cannot be set up").with_source(e)
        };
        let mut builder = reqwest::Client::builder()
            .tls_backend_preconfigured(tls_config(options, tls).map_err(refuse)?)
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            .connect_timeout(options.connect_timeout)
            .pool_max_idle_per_host(options.max_idle)
            .pool_idle_timeout(Duration::from_secs(30))
            .user_agent(&options.user_agent);
        if !options.http2 {
            builder = builder.http1_only();
        }
        if loopback {
            builder = builder.no_proxy();
        }
        let client = builder.build().map_err(|e| refuse(Box::new(e)))?;
        Ok(Self { client, options: Arc::new(options.clone()) })
    }

    pub(crate) fn options(&self) -> &Options {
        &self.options
    }

    /// Sends once and reads the whole answer, up to the cap.
    pub(crate) async fn call(&self, call: Call) -> Result<Reply, Error> {
        let operation = call.operation;
        let limit = match call.body {
            Outgoing::Signed(_) => self.options.upload_timeout,
            // Media that lie in memory take as long as media that are made while they are sent.
            Outgoing::Bytes(ref bytes) if bytes.len() > SMALL => self.options.upload_timeout,
            _ => self.options.call_timeout,
        };
        let progress = Arc::new(Progress::new());
        let whole = async {
            let response = self.head(call, &progress).await?;
            let (status, headers) = (response.status(), response.headers().clone());
            let mut incoming = Incoming::new(response, operation, self.options.max_answer, self.options.stall_timeout);
            let body = incoming.read_to_end().await?;
            Ok(Reply { status, headers, body })
        };
        match timeout(limit, whole).await {
            Ok(result) => result,
            Err(_) => {
                let may_have_been_sent = progress.may_have_been_sent();
                Err(Error::new(ErrorKind::Timeout { may_have_been_sent }, operation))
            }
        }
    }

    /// Sends once and hands over the answer's body as it arrives.
    pub(crate) async fn open(&self, call: Call) -> Result<(StatusCode, HeaderMap, Incoming), Error> {
        let (operation, progress) = (call.operation, Arc::new(Progress::new()));
        let response = match timeout(self.options.call_timeout, self.head(call, &progress)).await {
            Ok(result) => result?,
            Err(_) => return Err(Error::new(ErrorKind::Timeout { may_have_been_sent: true }, operation)),
        };
        let (status, headers) = (response.status(), response.headers().clone());
        let incoming = Incoming::new(response, operation, self.options.max_download, self.options.stall_timeout);
        Ok((status, headers, incoming))
    }

    async fn forward<B>(
        &self,
        operation: &'static str,
        request: http::Request<Option<B>>,
        url: Url,
    ) -> Result<http::Response<AnswerBody>, Error>
    where
        B: Body<Data = Bytes> + Send + Sync + Unpin + 'static,
        B::Error: Into<Box<dyn StdError + Send + Sync>>,
    {
        let progress = Arc::new(Progress::new());
        let (head, body) = request.into_parts();
        let mut outgoing = reqwest::Request::new(head.method, url);
        *outgoing.headers_mut() = head.headers;
        *outgoing.body_mut() = body.map(|body| reqwest::Body::wrap(Watched::new(body, &progress)));
        let head = self.execute(operation, outgoing, &progress);
        let Ok(answer) = timeout(self.options.upload_timeout, head).await else {
            let may_have_been_sent = progress.may_have_been_sent();
            return Err(Error::new(ErrorKind::Timeout { may_have_been_sent }, operation));
        };
        let answer = answer?;
        let (status, headers) = (answer.status(), answer.headers().clone());
        let mut whole = http::Response::new(AnswerBody {
            inner: answer.into(),
            stalled: Box::pin(sleep(self.options.stall_timeout)),
            stall: self.options.stall_timeout,
            operation,
        });
        (*whole.status_mut(), *whole.headers_mut()) = (status, headers);
        Ok(whole)
    }

    async fn head(&self, call: Call, progress: &Arc<Progress>) -> Result<reqwest::Response, Error> {
        let Call { operation, method, url, headers, body } = call;
        let mut request = reqwest::Request::new(method, url);
        *request.headers_mut() = headers;
        // Signatures of answers are over the bytes as they are; no transparent decompression.
        request.headers_mut().insert(header::ACCEPT_ENCODING, header::HeaderValue::from_static("identity"));
        *request.body_mut() = match body {
            Outgoing::Empty => None,
            Outgoing::Bytes(bytes) => Some(bytes.into()),
            Outgoing::Signed(signed) => Some(reqwest::Body::wrap(Watched::new(signed.body(), progress))),
        };
        self.execute(operation, request, progress).await
    }

    async fn execute(
        &self,
        operation: &'static str,
        request: reqwest::Request,
        progress: &Progress,
    ) -> Result<reqwest::Response, Error> {
        let answer = self.client.execute(request);
        tokio::select! {
            biased;
            answer = answer => answer.map_err(|e| failed(e, operation)),
            () = progress.stalled(self.options.stall_timeout) => {
                Err(Error::new(ErrorKind::Timeout { may_have_been_sent: true }, operation))
            }
        }
    }
}

/// Ring, and the roots that this machine trusts. For plain http nothing is loaded: reading the
/// machine's roots takes longer than a local test.
fn tls_config(options: &Options, tls: bool) -> Result<rustls::ClientConfig, Box<dyn StdError + Send + Sync>> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder =
        rustls::ClientConfig::builder_with_provider(provider.clone()).with_safe_default_protocol_versions()?;
    let builder = if !tls {
        builder.with_root_certificates(rustls::RootCertStore::empty())
    } else if options.extra_roots.is_empty() {
        builder.with_platform_verifier()?
    } else {
        let extra = options.extra_roots.iter().map(|der| CertificateDer::from(der.clone()));
        let verifier = rustls_platform_verifier::Verifier::new_with_extra_roots(extra, provider)?;
        builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier))
    };
    let mut config = builder.with_no_client_auth();
    config.alpn_protocols = if options.http2 { vec![b"h2".to_vec(), b"http/1.1".to_vec()] } else { Vec::new() };
    Ok(config)
}

/// What the HTTP stack's error means. Only a failed connect proves that nothing was seen.
fn failed(error: reqwest::Error, operation: &'static str) -> Error {
    // The URL carries ids, and our errors say what they need to say.
    let error = error.without_url();
    if let Some(reason) = certificate_problem(&error) {
        return Error::config(operation, format!("the host's certificate is not trusted: {reason}"));
    }
    let kind = match (error.is_builder(), error.is_connect(), error.is_timeout()) {
        (true, ..) => return Error::config(operation, "the request cannot be built").with_source(error),
        (_, connect, true) => ErrorKind::Timeout { may_have_been_sent: !connect },
        (_, connect, false) => ErrorKind::Transport { may_have_been_sent: !connect },
    };
    Error::new(kind, operation).with_source(error)
}

fn certificate_problem(error: &reqwest::Error) -> Option<String> {
    let mut next: Option<&(dyn StdError + 'static)> = Some(error);
    while let Some(error) = next {
        // An I/O error hides what it wraps from `source()`.
        let inner = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        let tls = error.downcast_ref().or_else(|| inner.and_then(|e| e.downcast_ref::<rustls::Error>()));
        match tls {
            Some(rustls::Error::InvalidCertificate(reason)) => return Some(format!("{reason:?}")),
            Some(rustls::Error::NoCertificatesPresented) => return Some("none was presented".to_owned()),
            _ => {}
        }
        next = inner.map(|e| e as &(dyn StdError + 'static)).or_else(|| error.source());
    }
    None
}

/// The body of an answer, as it arrives.
#[derive(Debug)]
pub(crate) struct Incoming {
    response: reqwest::Response,
    operation: &'static str,
    left: u64,
    cap: u64,
    stall: Duration,
}

impl Incoming {
    fn new(response: reqwest::Response, operation: &'static str, cap: u64, stall: Duration) -> Self {
        Self { response, operation, left: cap, cap, stall }
    }

    /// Lowers or raises the cap; counts from here on.
    pub(crate) fn set_cap(&mut self, cap: u64) {
        (self.cap, self.left) = (cap, cap);
    }

    /// The length that the vendor promised, which may be a lie.
    pub(crate) fn promised(&self) -> Option<u64> {
        self.response.content_length()
    }

    pub(crate) async fn chunk(&mut self) -> Result<Option<Bytes>, Error> {
        if self.promised().is_some_and(|promised| promised > self.cap) {
            return Err(self.too_large());
        }
        let chunk = match timeout(self.stall, self.response.chunk()).await {
            Ok(chunk) => chunk.map_err(|e| failed(e, self.operation))?,
            Err(_) => return Err(Error::new(ErrorKind::Timeout { may_have_been_sent: true }, self.operation)),
        };
        if let Some(chunk) = &chunk {
            self.left = self.left.checked_sub(chunk.len() as u64).ok_or_else(|| self.too_large())?;
        }
        Ok(chunk)
    }

    pub(crate) async fn read_to_end(&mut self) -> Result<Bytes, Error> {
        let Some(first) = self.chunk().await? else { return Ok(Bytes::new()) };
        let Some(second) = self.chunk().await? else { return Ok(first) };
        let mut all = BytesMut::from(first);
        all.extend_from_slice(&second);
        while let Some(more) = self.chunk().await? {
            all.extend_from_slice(&more);
        }
        Ok(all.freeze())
    }

    fn too_large(&self) -> Error {
        Error::new(ErrorKind::TooLarge { limit: self.cap }, self.operation)
    }
}

/// The body of an answer on its way through: given up where it does not move for `stall_timeout`.
pub struct AnswerBody {
    inner: reqwest::Body,
    stalled: Pin<Box<Sleep>>,
    stall: Duration,
    operation: &'static str,
}

impl Body for AnswerBody {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let operation = self.operation;
        if let Poll::Ready(frame) = Pin::new(&mut self.inner).poll_frame(cx) {
            let next = Instant::now() + self.stall;
            self.stalled.as_mut().reset(next);
            return Poll::Ready(frame.map(|frame| frame.map_err(|e| failed(e, operation))));
        }
        let stalled = self.stalled.as_mut().poll(cx);
        stalled.map(|()| Some(Err(Error::new(ErrorKind::Timeout { may_have_been_sent: true }, operation))))
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

/// Prints lengths, never content.
impl fmt::Debug for AnswerBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AnswerBody({:?} bytes)", self.inner.size_hint().exact())
    }
}
