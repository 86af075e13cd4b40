//! Set-up, and the one way in which every call to Veriff is signed, sent and judged.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderValue};
use http::{HeaderMap, HeaderName, Method, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use serde::de::DeserializeOwned;
use url::Url;

use super::auth::{Auth, Credentials, LEGACY_SIGNATURE, SignaturePolicy};
use super::errors;
use super::faces_shape::FacesShape;
use crate::base_url::{self, BaseUrl};
use crate::error::Error;
use crate::lenient;
use crate::retry::RetryPolicy;
use crate::sign::{BodyPool, Signature, SignedBody};
use crate::telemetry;
use crate::transport::{Call, Options, Outgoing, Reply, Transport};
use sealpress_media::Limits;

/// A client of one Veriff integration. Cloning is cheap; clones share connections.
#[derive(Clone)]
pub struct Client {
    pub(super) inner: Arc<Inner>,
}

pub(super) struct Inner {
    pub(super) base: BaseUrl,
    pub(super) transport: Transport,
    pub(super) auth: Auth,
    pub(super) limits: Limits,
    pub(super) retry: RetryPolicy,
    pub(super) pool: Option<BodyPool>,
    policy: SignaturePolicy,
    legacy: bool,
    integration: Option<HeaderValue>,
    pub(super) faces_shape: FacesShape,
    pub(super) registry_path: Vec<String>,
    pub(super) registry_key: Option<HeaderValue>,
}

/// Sets up a [`Client`].
#[derive(Clone, Debug)]
#[must_use]
pub struct Builder {
    base_url: String,
    credentials: Credentials,
    options: Options,
    limits: Limits,
    retry: RetryPolicy,
    pool: Option<BodyPool>,
    policy: SignaturePolicy,
    legacy: bool,
    integration: Option<String>,
    faces_shape: FacesShape,
    registry_path: String,
    registry_key: Option<SecretString>,
}

impl Client {
    /// Starts with the base URL out of the customer portal (it differs by integration), with or
    /// without `/v1`, and the integration's credentials.
    pub fn builder(base_url: impl Into<String>, credentials: Credentials) -> Builder {
        Builder {
            base_url: base_url.into(),
            credentials,
            options: Options::default(),
            limits: super::limits(),
            retry: RetryPolicy::default(),
            pool: None,
            policy: SignaturePolicy::default(),
            legacy: false,
            integration: None,
            faces_shape: FacesShape::default(),
            registry_path: "validate-registry".to_owned(),
            registry_key: None,
        }
    }
}

impl Builder {
    /// Timeouts, caps and connections.
    pub fn options(mut self, options: Options) -> Self {
        self.options = options;
        self
    }

    /// What uploads are judged by before they are signed: [`limits()`](super::limits) unless set.
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

    /// What is demanded of the signatures of answers: `IfPresent` unless set.
    pub const fn signature_policy(mut self, policy: SignaturePolicy) -> Self {
        self.policy = policy;
        self
    }

    /// Sends the deprecated `X-SIGNATURE` too, on every signed call but uploads: its hash puts the
    /// secret behind the message, so an upload would have to be hashed a second time.
    pub const fn legacy_signature(mut self) -> Self {
        self.legacy = true;
        self
    }

    /// Sends `VRF-INTEGRATION-ID`, for keys that serve several integrations.
    pub fn integration_id(mut self, id: impl Into<String>) -> Self {
        self.integration = Some(id.into());
        self
    }

    /// Names of the fields of a bulk import of faces, which no document shows: [`FacesShape`]'s guesses
    /// unless set.
    pub fn faces_shape(mut self, shape: FacesShape) -> Self {
        self.faces_shape = shape;
        self
    }

    /// Where registry validations are posted, below `/v1`: `validate-registry` as on the
    /// endpoint's own page. Some lists print `sessions/validate-registry`.
    pub fn registry_path(mut self, path: impl Into<String>) -> Self {
        self.registry_path = path.into();
        self
    }

    /// Sends `X-API-Key` with registry validations: the synchronous variant, on a host of its own
    /// (`sync-api.veriff.me`), asks for it. Make a second client for that host.
    pub fn registry_api_key(mut self, key: impl Into<SecretString>) -> Self {
        self.registry_key = Some(key.into());
        self
    }

    /// Judges everything that can be judged without a connection.
    ///
    /// # Errors
    /// `Config` for a base URL that is none or not https, a key that is no UUID, an empty secret.
    pub fn build(self) -> Result<Client, Error> {
        let base = BaseUrl::parse(&self.base_url, &["v1"], self.options.allow_http)?;
        let auth = self.credentials.check()?;
        let integration = match self.integration.map(HeaderValue::try_from).transpose() {
            Ok(integration) => integration,
            Err(_) => return Err(Error::config("configure", "the integration id cannot stand in a header")),
        };
        let registry_path: Vec<String> =
            self.registry_path.split('/').filter(|s| !s.is_empty()).map(str::to_owned).collect();
        if registry_path.is_empty() {
            return Err(Error::config("configure", "the registry path is empty"));
        }
        let registry_key = self.registry_key.as_ref().map(|key| HeaderValue::try_from(key.expose_secret()));
        let mut registry_key = match registry_key.transpose() {
            Ok(key) => key,
            Err(_) => return Err(Error::config("configure", "the registry's API key cannot stand in a header")),
        };
        registry_key.iter_mut().for_each(|key| key.set_sensitive(true));
        let transport = Transport::new(&self.options, base.is_tls(), base.is_loopback())?;
        Ok(Client {
            inner: Arc::new(Inner {
                base,
                transport,
                auth,
                limits: self.limits,
                retry: self.retry,
                pool: self.pool,
                policy: self.policy,
                legacy: self.legacy,
                integration,
                faces_shape: self.faces_shape,
                registry_path,
                registry_key,
            }),
        })
    }
}

impl Client {
    /// GET of something with an id, as often as the retry policy says.
    pub(super) async fn by_id(&self, operation: &'static str, segments: [&str; 3]) -> Result<Reply, Error> {
        self.inner.retry.run(|| self.judge(self.id_call(operation, Method::GET, segments))).await
    }

    /// A call about something with an id: the id is signed as it appears in the path.
    pub(super) fn id_call(&self, operation: &'static str, method: Method, segments: [&str; 3]) -> Call {
        let [collection, id, below] = segments;
        let message = self.inner.base.join(&[id]);
        let message = base_url::segment(&message).as_bytes();
        let mut headers = self.inner.auth.headers(Some(&self.inner.auth.key().sign(message)));
        if self.inner.legacy {
            headers.insert(LEGACY_SIGNATURE, self.inner.auth.legacy(message));
        }
        let url = match below {
            "" => self.inner.base.join(&[collection, id]),
            below => self.inner.base.join(&[collection, id, below]),
        };
        Call { operation, method, url, headers, body: Outgoing::Empty }
    }

    /// POST or PATCH of JSON, once: the bytes that are signed are the bytes that are sent.
    pub(super) async fn json(
        &self,
        operation: &'static str,
        method: Method,
        url: Url,
        body: Bytes,
        extra: HeaderMap,
    ) -> Result<Reply, Error> {
        let signature = self.inner.auth.key().sign(&body);
        self.judge(self.body_call(operation, method, url, &signature, body, extra)).await
    }

    /// POST or PATCH of a body that lies in memory, signed.
    pub(super) fn body_call(
        &self,
        operation: &'static str,
        method: Method,
        url: Url,
        signature: &Signature,
        body: Bytes,
        extra: HeaderMap,
    ) -> Call {
        let mut headers = self.inner.auth.headers(Some(signature));
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if self.inner.legacy {
            headers.insert(LEGACY_SIGNATURE, self.inner.auth.legacy(&body));
        }
        headers.extend(extra);
        Call { operation, method, url, headers, body: Outgoing::Bytes(body) }
    }

    /// POST of a body that was signed before, once.
    pub(super) async fn signed(&self, operation: &'static str, url: Url, body: &SignedBody) -> Result<Reply, Error> {
        let mut headers = self.inner.auth.headers(body.signature());
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        self.judge(Call { operation, method: Method::POST, url, headers, body: Outgoing::Signed(body.clone()) }).await
    }

    /// The header of keys that serve several integrations; Veriff asks for it where sessions begin.
    pub(super) fn integration(&self) -> HeaderMap {
        let id = self.inner.integration.clone();
        id.map(|id| (HeaderName::from_static("vrf-integration-id"), id)).into_iter().collect()
    }

    pub(super) fn policy(&self) -> SignaturePolicy {
        self.inner.policy
    }

    pub(super) async fn judge(&self, call: Call) -> Result<Reply, Error> {
        let operation = call.operation;
        telemetry::observe("veriff", operation, async {
            let reply = self.inner.transport.call(call).await?;
            self.verified(operation, reply)
        })
        .await
    }

    /// First the signature over the raw bytes, then the status.
    pub(super) fn verified(&self, operation: &'static str, reply: Reply) -> Result<Reply, Error> {
        self.authentic(operation, reply)?.success(operation, errors::meaning)
    }

    /// The reply itself, of any status, where its signature is what the policy demands.
    pub(super) fn authentic(&self, operation: &'static str, reply: Reply) -> Result<Reply, Error> {
        // A 401 is never signed, and a wrong secret of ours must show as a 401.
        if reply.status != StatusCode::UNAUTHORIZED {
            let excepted = reply.status.as_u16() > 401 && !lenient::is_json(&reply.body);
            self.inner.auth.verify(self.inner.policy, &reply.headers, &reply.body, excepted, operation)?;
        }
        Ok(reply)
    }

    /// Reads the answer of a call whose data is needed.
    pub(super) fn read<T: DeserializeOwned>(operation: &'static str, reply: &Reply) -> Result<T, Error> {
        lenient::parse(&reply.body, operation)
    }
}

/// Prints the base URL; never keys.
impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("veriff::Client").field("base", &self.inner.base).finish_non_exhaustive()
    }
}
