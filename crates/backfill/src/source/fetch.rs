//! Media in object stores and on web servers: asked for once, their size known before their bytes are read.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::StreamExt as _;
use futures_util::future::BoxFuture;
use object_store::aws::AmazonS3Builder;
use object_store::client::{ClientOptions, HttpClient, HttpConnector};
use object_store::path::Path;
use object_store::{GetResult, ObjectStore, ObjectStoreExt};
use sealpress_media::{Fault, RefusalKind};
use sealpress_pipeline::{Error as Refusal, ErrorKind as Why, Fetch};
use url::Url;

use tokio::sync::OwnedSemaphorePermit;

use super::host::{Host, Hosts};
use super::not_allowed;
use crate::error::Result;
use crate::store::state::Failure;

/// How long a connection and one whole download may take.
const CONNECT: Duration = Duration::from_secs(5);
const WHOLE: Duration = Duration::from_secs(120);
/// Tries of one download: reading may be repeated.
const TRIES: u32 = 3;

/// Clients of the stores in use, one per bucket.
pub(super) struct Fetcher {
    http: OnceLock<reqwest::Client>,
    buckets: Mutex<HashMap<String, Arc<dyn ObjectStore>>>,
    pub(super) hosts: Hosts,
}

/// One object, not read yet.
pub(crate) struct Object {
    place: Place,
    /// The answer whose head was read and whose body was not.
    opened: Option<Opened>,
    host: Arc<Host>,
    /// Leave for its request, and its share of the memory: given back with it.
    leave: Option<OwnedSemaphorePermit>,
    share: Option<OwnedSemaphorePermit>,
}

#[derive(Clone)]
enum Place {
    Bucket(Arc<dyn ObjectStore>, Path),
    Web(reqwest::Client, Url),
}

enum Opened {
    Bucket(Box<GetResult>),
    Web(reqwest::Response),
}

impl Fetcher {
    pub(super) fn new(memory: u64) -> Self {
        Self { http: OnceLock::new(), buckets: Mutex::default(), hosts: Hosts::new(memory) }
    }

    pub(super) fn object(&self, url: Url) -> Result<Object, Failure> {
        let host = self.hosts.host(&url[..url::Position::BeforePath]);
        let found = |place| Object { place, opened: None, host, leave: None, share: None };
        if url.scheme() != "s3" {
            return Ok(found(Place::Web(self.client(), url)));
        }
        let path = Path::from_url_path(url.path()).map_err(|e| not_allowed(format!("no name of an object: {e}")))?;
        let place = Place::Bucket(self.bucket(url.host_str().unwrap_or_default())?, path);
        Ok(found(place))
    }

    /// Credentials and region come from the environment (`AWS_ACCESS_KEY_ID` and its kin).
    fn bucket(&self, name: &str) -> Result<Arc<dyn ObjectStore>, Failure> {
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(store) = buckets.get(name) {
            return Ok(Arc::clone(store));
        }
        // The builder takes any text, and panics over it when the first object is asked for.
        for name in ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT"] {
            if std::env::var(name).is_ok_and(|text| Url::parse(&text).is_err()) {
                return Err(not_allowed(format!("the bucket cannot be used: {name} is no URL")));
            }
        }
        let is_set = |name: &str| std::env::var_os(name).is_some_and(|text| !text.is_empty());
        if (is_set("AWS_PROFILE") || is_set("AWS_DEFAULT_PROFILE")) && !is_set("AWS_ACCESS_KEY_ID") {
            return Err(not_allowed(
                "the bucket cannot be used: profiles are not read; set AWS_ACCESS_KEY_ID and its kin".to_owned(),
            ));
        }
        let store = AmazonS3Builder::from_env()
            .with_bucket_name(name)
            .with_http_connector(NoRedirects(self.client()))
            .build()
            .map_err(|e| not_allowed(format!("the bucket cannot be used: {e}")))?;
        let store: Arc<dyn ObjectStore> = Arc::new(store);
        buckets.insert(name.to_owned(), Arc::clone(&store));
        Ok(store)
    }

    fn client(&self) -> reqwest::Client {
        self.http.get_or_init(client).clone()
    }
}

/// A client that goes where it was sent and nowhere else.
fn client() -> reqwest::Client {
    // Two libraries may have asked before; whoever came first has installed the same one.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(CONNECT)
        .timeout(WHOLE)
        .no_proxy()
        .build()
        .unwrap_or_default()
}

#[derive(Debug)]
struct NoRedirects(reqwest::Client);

impl HttpConnector for NoRedirects {
    fn connect(&self, _: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(HttpClient::new(self.0.clone()))
    }
}

impl Object {
    /// Takes leave for its request at once. Whether there was any.
    pub(crate) fn reserve(&mut self) -> bool {
        if self.leave.is_none() {
            self.leave = self.host.try_request();
        }
        self.leave.is_some()
    }

    /// Asks for the object and reads the answer's head: the size is known before there is room for
    /// the body, and nothing is asked for twice.
    pub(crate) async fn open(&mut self) -> Result<Option<u64>, Refusal> {
        if self.leave.is_none() {
            self.leave = self.host.request().await;
        }
        let (opened, size) = self.place.open().await?;
        self.opened = Some(opened);
        Ok(size)
    }

    /// Waits for its host's share of the memory.
    pub(crate) async fn take_share(&mut self, size: Option<u64>) {
        self.share = self.host.share(size).await;
    }
}

impl Fetch for Object {
    fn size_hint(&self) -> Option<u64> {
        None
    }

    fn size(&mut self) -> BoxFuture<'_, Result<Option<u64>, Refusal>> {
        Box::pin(async move {
            let size = self.open().await?;
            self.take_share(size).await;
            Ok(size)
        })
    }

    fn fetch(mut self: Box<Self>, limit: u64) -> BoxFuture<'static, Result<Bytes, Refusal>> {
        Box::pin(async move {
            let mut tries = 0;
            loop {
                tries += 1;
                let opened = match self.opened.take() {
                    Some(opened) => opened,
                    None => self.place.open().await?.0,
                };
                match read(opened, limit).await {
                    // Reading may be repeated.
                    Err(e) if e.kind() == Why::Unreachable && tries < TRIES => pause(tries).await,
                    ended => return ended,
                }
            }
        })
    }
}

impl Place {
    async fn open(&self) -> Result<(Opened, Option<u64>), Refusal> {
        match self {
            Self::Bucket(store, path) => {
                let found = store.get(path).await.map_err(judge)?;
                let size = found.meta.size;
                Ok((Opened::Bucket(Box::new(found)), Some(size)))
            }
            Self::Web(client, url) => {
                let mut tries = 0;
                loop {
                    tries += 1;
                    match answer(client, url).await {
                        Ok(answer) => {
                            let size = answer.content_length();
                            return Ok((Opened::Web(answer), size));
                        }
                        Err(e) if e.kind() == Why::Unreachable && tries < TRIES => pause(tries).await,
                        Err(e) => return Err(e),
                    }
                }
            }
        }
    }
}

async fn pause(tries: u32) {
    tokio::time::sleep(Duration::from_millis(200) * tries).await;
}

/// The size that was stated may be a lie: what comes is counted.
async fn read(opened: Opened, limit: u64) -> Result<Bytes, Refusal> {
    let mut bytes = BytesMut::new();
    match opened {
        Opened::Bucket(found) => {
            check(found.meta.size, limit)?;
            let mut stream = found.into_stream();
            while let Some(chunk) = stream.next().await {
                let chunk = chunk.map_err(judge)?;
                check((bytes.len() + chunk.len()) as u64, limit)?;
                bytes.extend_from_slice(&chunk);
            }
        }
        Opened::Web(mut answer) => {
            check(answer.content_length().unwrap_or(0), limit)?;
            while let Some(chunk) = answer.chunk().await.map_err(lost)? {
                check((bytes.len() + chunk.len()) as u64, limit)?;
                bytes.extend_from_slice(&chunk);
            }
        }
    }
    Ok(bytes.freeze())
}

fn judge(error: object_store::Error) -> Refusal {
    use object_store::Error as E;
    // Not the store's own words: they repeat the object's name.
    match error {
        E::NotFound { .. } => Refusal::new(Why::Read, "the store has no such object"),
        E::PermissionDenied { .. } | E::Unauthenticated { .. } => {
            Refusal::new(Why::Read, "the store does not let us read this object")
        }
        _ => Refusal::new(Why::Unreachable, "the media's store did not deliver"),
    }
}

fn lost(_: reqwest::Error) -> Refusal {
    Refusal::new(Why::Unreachable, "the media's host did not deliver")
}

async fn answer(client: &reqwest::Client, url: &Url) -> Result<reqwest::Response, Refusal> {
    let answer = client.get(url.clone()).send().await.map_err(lost)?;
    let status = answer.status();
    if status.is_server_error() || status.as_u16() == 429 {
        return Err(Refusal::new(Why::Unreachable, format!("the media's host answered {}", status.as_u16())));
    }
    if !status.is_success() {
        return Err(Refusal::new(Why::Read, format!("the media's host answered {}", status.as_u16())));
    }
    Ok(answer)
}

fn check(size: u64, limit: u64) -> Result<(), Refusal> {
    if size > limit {
        let message = format!("{size} bytes, files of more than {limit} are not read");
        return Err(sealpress_media::Refusal::new(RefusalKind::TooLarge, Fault::Limit, message).into());
    }
    Ok(())
}
