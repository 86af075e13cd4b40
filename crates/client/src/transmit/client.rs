//! Set-up, and the one way in which every call to Transmit Security is authorised, sent and judged.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderValue};
use http::{HeaderMap, Method, StatusCode};
use url::Url;

use super::auth::{Credentials, Tokens};
use super::errors;
use crate::base_url::BaseUrl;
use crate::error::Error;
use crate::retry::RetryPolicy;
use crate::sign::{BodyPool, SignedBody};
use crate::telemetry;
use crate::transport::{Call, Incoming, Options, Outgoing, Reply, Transport};
use sealpress_media::Limits;

/// The resource that a token for this API has to name.
const RESOURCE: &str = "https://verify.identity.security";

/// A client of one Transmit Security application. Cloning is cheap; clones share connections and
/// the token.
#[derive(Clone)]
pub struct Client {
    pub(super) inner: Arc<Inner>,
}

pub(super) struct Inner {
    base: BaseUrl,
    transport: Transport,
    tokens: Tokens,
    pub(super) limits: Limits,
    pub(super) retry: RetryPolicy,
    pub(super) pool: Option<BodyPool>,
    pub(super) consent: Option<String>,
    pub(super) serial: std::sync::atomic::AtomicU64,
}

/// Sets up a [`Client`].
#[derive(Clone, Debug)]
#[must_use]
pub struct Builder {
    base_url: String,
    credentials: Credentials,
    token_url: Option<String>,
    resource: String,
    options: Options,
    limits: Limits,
    retry: RetryPolicy,
    pool: Option<BodyPool>,
    consent: Option<String>,
}

impl Client {
    /// Starts with the region's host, such as `https://api.eu.transmitsecurity.io`, with or without
    /// `/verify`, and the application's credentials.
    pub fn builder(base_url: impl Into<String>, credentials: Credentials) -> Builder {
        Builder {
            base_url: base_url.into(),
            credentials,
            token_url: None,
            resource: RESOURCE.to_owned(),
            options: Options::default(),
            limits: super::limits(),
            retry: RetryPolicy::default(),
            pool: None,
            consent: None,
        }
    }
}

impl Builder {
    /// Where tokens are fetched: `/oidc/token` on the same host unless set.
    pub fn token_url(mut self, url: impl Into<String>) -> Self {
        self.token_url = Some(url.into());
        self
    }

    /// The resource that tokens are asked for.
    pub fn resource(mut self, resource: impl Into<String>) -> Self {
        self.resource = resource.into();
        self
    }

    /// Timeouts, caps and connections.
    pub fn options(mut self, options: Options) -> Self {
        self.options = options;
        self
    }

    /// What uploads are judged by before they are framed: [`limits()`](super::limits) unless set.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// How calls that may be repeated are repeated.
    pub fn retry(mut self, retry: RetryPolicy) -> Self {
        self.retry = retry;
        self
    }

    /// Keeps the bodies that [`sign`](Client::sign) makes in one piece, in buffers of this pool: one
    /// pass over the file instead of two, for 4/3 of each file in memory until it is sent. Without
    /// it bodies are hashed once and encoded again while they are sent, in a few KiB.
    pub fn body_pool(mut self, pool: BodyPool) -> Self {
        self.pool = Some(pool);
        self
    }

    /// States, for every session that a pipeline opens, that the person agreed to this document.
    /// Without it such sessions begin without a word about consent.
    pub fn consent_document(mut self, document_id: impl Into<String>) -> Self {
        self.consent = Some(document_id.into());
        self
    }

    /// Judges everything that can be judged without a connection.
    ///
    /// # Errors
    /// `Config` for URLs that are none or not https, and for empty credentials.
    pub fn build(self) -> Result<Client, Error> {
        self.credentials.check()?;
        let base = BaseUrl::parse(&self.base_url, &["verify"], self.options.allow_http)?;
        let token_url = match &self.token_url {
            Some(url) => BaseUrl::parse(url, &[], self.options.allow_http)?.join(&[]),
            None => base.sibling(&["oidc", "token"]),
        };
        let transport = Transport::new(&self.options, base.is_tls(), base.is_loopback())?;
        Ok(Client {
            inner: Arc::new(Inner {
                base,
                transport,
                tokens: Tokens::new(self.credentials, token_url, self.resource),
                limits: self.limits,
                retry: self.retry,
                pool: self.pool,
                consent: self.consent,
                serial: 0.into(),
            }),
        })
    }
}

impl Client {
    /// A URL below `/verify/api/v1/verification`.
    pub(super) fn url(&self, segments: &[&str]) -> Url {
        self.inner.base.join(&[&["api", "v1", "verification"], segments].concat())
    }

    /// A URL below `/verify/api/v1/face-auth`.
    pub(super) fn face_auth_url(&self, segments: &[&str]) -> Url {
        self.inner.base.join(&[&["api", "v1", "face-auth"], segments].concat())
    }

    /// A call without a body, as often as the retry policy says.
    pub(super) async fn simple(&self, operation: &'static str, method: Method, url: &Url) -> Result<Reply, Error> {
        self.inner.retry.run(|| self.once(operation, method.clone(), url, || Outgoing::Empty)).await
    }

    /// JSON, sent once.
    pub(super) async fn json(&self, operation: &'static str, url: &Url, body: &Bytes) -> Result<Reply, Error> {
        self.once(operation, Method::POST, url, || Outgoing::Bytes(body.clone())).await
    }

    /// An image, sent once.
    pub(super) async fn signed(&self, operation: &'static str, url: &Url, body: &SignedBody) -> Result<Reply, Error> {
        self.once(operation, Method::POST, url, || Outgoing::Signed(body.clone())).await
    }

    /// A file, as it arrives.
    pub(super) async fn open(&self, operation: &'static str, url: &Url) -> Result<(HeaderMap, Incoming), Error> {
        self.inner
            .retry
            .run(|| async {
                let (mut status, mut headers, mut incoming) = self.open_once(operation, url).await?;
                if status == StatusCode::UNAUTHORIZED {
                    (status, headers, incoming) = self.open_once(operation, url).await?;
                }
                if status.is_success() {
                    return Ok((headers, incoming));
                }
                incoming.set_cap(self.inner.transport.options().max_answer);
                let body = incoming.read_to_end().await?;
                Err(crate::answer::refusal(operation, &Reply { status, headers, body }, errors::meaning))
            })
            .await
    }

    async fn open_once(&self, operation: &'static str, url: &Url) -> Result<(StatusCode, HeaderMap, Incoming), Error> {
        let headers = self.inner.tokens.headers(&self.inner.transport).await?;
        let call = self.call(operation, Method::GET, url, headers.clone(), Outgoing::Empty);
        let opened = telemetry::observe("transmit", operation, async { self.inner.transport.open(call).await }).await?;
        if opened.0 == StatusCode::UNAUTHORIZED {
            self.inner.tokens.refused(&headers).await;
        }
        Ok(opened)
    }

    /// One request; a second one with a fresh token where the first was answered with 401, which
    /// says that nothing was done.
    async fn once(
        &self,
        operation: &'static str,
        method: Method,
        url: &Url,
        body: impl Fn() -> Outgoing,
    ) -> Result<Reply, Error> {
        let mut again = false;
        loop {
            let headers = self.inner.tokens.headers(&self.inner.transport).await?;
            let call = self.call(operation, method.clone(), url, headers.clone(), body());
            let result = telemetry::observe("transmit", operation, async {
                self.inner.transport.call(call).await?.success(operation, errors::meaning)
            })
            .await;
            match result {
                Err(error) if error.http_status() == Some(401) && !again => {
                    self.inner.tokens.refused(&headers).await;
                    again = true;
                }
                result => return result,
            }
        }
    }

    fn call(&self, operation: &'static str, method: Method, url: &Url, mut headers: HeaderMap, body: Outgoing) -> Call {
        if !matches!(body, Outgoing::Empty) {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        Call { operation, method, url: url.clone(), headers, body }
    }
}

/// Prints the base URL; never credentials or tokens.
impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("transmit::Client").field("base", &self.inner.base).finish_non_exhaustive()
    }
}
