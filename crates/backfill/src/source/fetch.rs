use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::StreamExt as _;
use futures_util::future::BoxFuture;
use object_store::aws::AmazonS3Builder;
use object_store::client::{ClientOptions, HttpClient, HttpConnector};
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};
use sealpress_media::{Fault, RefusalKind};
use sealpress_pipeline::{Error as Refusal, ErrorKind as Why, Fetch};
use url::Url;

use super::not_allowed;
use crate::error::Result;
use crate::store::state::Failure;

/// How long a connection and one whole download may take.
const CONNECT: Duration = Duration::from_secs(5);
const WHOLE: Duration = Duration::from_secs(120);
/// Tries of one download: reading may be repeated.
const TRIES: u32 = 3;

/// Clients of the stores in use, one per bucket.
#[derive(Default)]
pub(super) struct Fetcher {
    http: OnceLock<reqwest::Client>,
    buckets: Mutex<HashMap<String, Arc<dyn ObjectStore>>>,
}

/// One object, not read yet.
pub(crate) struct Object(From);

enum From {
    Bucket(Arc<dyn ObjectStore>, Path),
    Web(reqwest::Client, Url),
}

impl Fetcher {
    pub(super) fn object(&self, url: Url) -> Result<Object, Failure> {
        if url.scheme() != "s3" {
            return Ok(Object(From::Web(self.client(), url)));
        }
        let path = Path::from_url_path(url.path()).map_err(|e| not_allowed(format!("no name of an object: {e}")))?;
        Ok(Object(From::Bucket(self.bucket(url.host_str().unwrap_or_default())?, path)))
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

impl Fetch for Object {
    fn size_hint(&self) -> Option<u64> {
        None
    }

    fn fetch(self: Box<Self>, limit: u64) -> BoxFuture<'static, Result<Bytes, Refusal>> {
        Box::pin(async move {
            match self.0 {
                From::Bucket(store, path) => from_bucket(&*store, &path, limit).await,
                From::Web(client, url) => from_web(&client, &url, limit).await,
            }
        })
    }
}

async fn from_bucket(store: &dyn ObjectStore, path: &Path, limit: u64) -> Result<Bytes, Refusal> {
    let found = store.get(path).await.map_err(judge)?;
    check(found.meta.size, limit)?;
    // The size that a store states may be a lie.
    let mut bytes = BytesMut::new();
    let mut stream = found.into_stream();
    while let Some(chunk) = stream.next().await {
        let chunk = chunk.map_err(judge)?;
        check((bytes.len() + chunk.len()) as u64, limit)?;
        bytes.extend_from_slice(&chunk);
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

async fn from_web(client: &reqwest::Client, url: &Url, limit: u64) -> Result<Bytes, Refusal> {
    let mut tries = 0;
    loop {
        tries += 1;
        match download(client, url, limit).await {
            Err(e) if e.kind() == Why::Unreachable && tries < TRIES => {
                tokio::time::sleep(Duration::from_millis(200) * tries).await;
            }
            ended => return ended,
        }
    }
}

async fn download(client: &reqwest::Client, url: &Url, limit: u64) -> Result<Bytes, Refusal> {
    let lost = |_| Refusal::new(Why::Unreachable, "the media's host did not deliver");
    let mut answer = client.get(url.clone()).send().await.map_err(lost)?;
    let status = answer.status();
    if status.is_server_error() || status.as_u16() == 429 {
        return Err(Refusal::new(Why::Unreachable, format!("the media's host answered {}", status.as_u16())));
    }
    if !status.is_success() {
        return Err(Refusal::new(Why::Read, format!("the media's host answered {}", status.as_u16())));
    }
    check(answer.content_length().unwrap_or(0), limit)?;
    let mut bytes = BytesMut::new();
    while let Some(chunk) = answer.chunk().await.map_err(lost)? {
        check((bytes.len() + chunk.len()) as u64, limit)?;
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes.freeze())
}

fn check(size: u64, limit: u64) -> Result<(), Refusal> {
    if size > limit {
        let message = format!("{size} bytes, files of more than {limit} are not read");
        return Err(sealpress_media::Refusal::new(RefusalKind::TooLarge, Fault::Limit, message).into());
    }
    Ok(())
}
