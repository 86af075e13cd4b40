//! Client credentials and the access token, which one caller fetches for all that wait.

use std::time::Duration;

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Method};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use tokio::sync::Mutex;
use tokio::time::Instant;
use url::Url;
use url::form_urlencoded::Serializer;

use super::errors;
use crate::error::Error;
use crate::lenient;
use crate::telemetry;
use crate::transport::{Call, Outgoing, Transport};

/// A token is renewed so long before it ends, or after four fifths of a short life.
const MARGIN: Duration = Duration::from_secs(60);

/// Life of a token whose answer does not say.
const UNSAID: u64 = 300;

/// Client id and secret of one application. Prints neither.
#[derive(Clone, Debug)]
pub struct Credentials {
    client_id: SecretString,
    client_secret: SecretString,
}

impl Credentials {
    /// As the admin portal shows them.
    pub fn new(client_id: impl Into<SecretString>, client_secret: impl Into<SecretString>) -> Self {
        Self { client_id: client_id.into(), client_secret: client_secret.into() }
    }

    pub(super) fn check(&self) -> Result<(), Error> {
        let empty = |secret: &SecretString| secret.expose_secret().is_empty();
        if empty(&self.client_id) || empty(&self.client_secret) {
            return Err(Error::config("configure", "client id and client secret must not be empty"));
        }
        Ok(())
    }
}

/// The access token: fetched once for everybody who waits, kept until shortly before its end.
pub(super) struct Tokens {
    credentials: Credentials,
    url: Url,
    resource: String,
    current: Mutex<Option<Token>>,
}

struct Token {
    header: HeaderValue,
    until: Instant,
}

impl Tokens {
    pub(super) fn new(credentials: Credentials, url: Url, resource: String) -> Self {
        Self { credentials, url, resource, current: Mutex::new(None) }
    }

    /// The headers of a request. Whoever comes while a token is being fetched waits for that one.
    ///
    /// # Errors
    /// Whatever the token endpoint says; the call that wanted the token was not sent.
    pub(super) async fn headers(&self, transport: &Transport) -> Result<HeaderMap, Error> {
        let mut current = self.current.lock().await;
        let token = match current.take() {
            Some(token) if token.until > Instant::now() => token,
            _ => self.fetch(transport).await.map_err(Error::in_preparation)?,
        };
        let header = token.header.clone();
        *current = Some(token);
        Ok([(AUTHORIZATION, header)].into_iter().collect())
    }

    /// Forgets the token that these headers carried, unless it was renewed meanwhile.
    pub(super) async fn refused(&self, headers: &HeaderMap) {
        let mut current = self.current.lock().await;
        if current.as_ref().is_some_and(|token| headers.get(AUTHORIZATION) == Some(&token.header)) {
            *current = None;
        }
    }

    async fn fetch(&self, transport: &Transport) -> Result<Token, Error> {
        const OPERATION: &str = "get token";
        let form = Serializer::new(String::new())
            .append_pair("grant_type", "client_credentials")
            .append_pair("client_id", self.credentials.client_id.expose_secret())
            .append_pair("client_secret", self.credentials.client_secret.expose_secret())
            .append_pair("resource", &self.resource)
            .finish();
        let form_type = HeaderValue::from_static("application/x-www-form-urlencoded");
        let call = Call {
            operation: OPERATION,
            method: Method::POST,
            url: self.url.clone(),
            headers: [(CONTENT_TYPE, form_type)].into_iter().collect(),
            body: Outgoing::Bytes(Bytes::from(form)),
        };
        let asked = Instant::now();
        let reply = telemetry::observe("transmit", OPERATION, async {
            transport.call(call).await?.success(OPERATION, errors::meaning)
        })
        .await?;
        let answer: Answer = lenient::parse(&reply.body, OPERATION)?;
        let life = Duration::from_secs(answer.expires_in.unwrap_or(UNSAID).min(30 * 86_400));
        let mut header = HeaderValue::try_from(format!("Bearer {}", answer.access_token.expose_secret()))
            .map_err(|_| Error::config(OPERATION, "the token cannot stand in a header"))?;
        header.set_sensitive(true);
        Ok(Token { header, until: asked + (life - MARGIN.min(life / 5)) })
    }
}

#[derive(Deserialize)]
struct Answer {
    #[serde(deserialize_with = "secret")]
    access_token: SecretString,
    #[serde(default, deserialize_with = "lenient::count")]
    expires_in: Option<u64>,
}

fn secret<'de, D: serde::Deserializer<'de>>(d: D) -> Result<SecretString, D::Error> {
    String::deserialize(d).map(SecretString::from)
}
