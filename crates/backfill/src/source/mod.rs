//! Where media are: files below allowed folders, and objects in stores that were allowed by name.
//!
//! A manifest may come from anywhere, so that a path or URL in it is a request by somebody we do
//! not know. Nothing is opened that the operator did not allow: no file outside of the manifest's
//! folder, no bucket, no host, no metadata address; links are followed only to see where they lead,
//! and redirects are not followed.

mod allow;
mod fetch;
mod host;

use std::path::{Path, PathBuf};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use sealpress_media::Fault;
use sealpress_pipeline::{Error as Refusal, ErrorKind as Why, Fetch};
use url::Url;

pub(crate) use allow::Allowed;
pub(crate) use fetch::Object;

use crate::error::Result;
use crate::store::state::Failure;

/// Everything media may come from.
pub(crate) struct Sources {
    base: PathBuf,
    /// Canonical folders; a file that is judged must lie below one of them.
    roots: Vec<PathBuf>,
    /// Whether plain paths are judged too: once the operator has named a folder, nothing outside
    /// of the named ones and the manifest's is opened.
    fences_paths: bool,
    allowed: Vec<Allowed>,
    fetcher: fetch::Fetcher,
    /// Where everything is instead, in a simulation.
    elsewhere: Option<Elsewhere>,
}

/// Finds media that are neither files nor objects.
pub(crate) type Elsewhere = Box<dyn Fn(&str) -> Box<dyn Fetch> + Send + Sync>;

/// Where one file is.
pub(crate) enum Found {
    File(PathBuf),
    Object(Box<Object>),
    /// Neither, in a simulation.
    Elsewhere(Box<dyn Fetch>),
}

impl Sources {
    /// Relative paths start at `base`. Plain paths may lead anywhere unless `roots` names folders:
    /// then those and `base` are all that is opened. `file:` URLs are always held to them, and
    /// other URLs to what `allowed` names.
    /// `memory` is what all that is on its way may hold.
    ///
    /// # Errors
    /// `Config` for a folder that is not there.
    pub(crate) fn new(base: PathBuf, roots: &[PathBuf], allowed: Vec<Allowed>, memory: u64) -> Result<Self> {
        let fences_paths = !roots.is_empty();
        let roots = std::iter::once(&base).chain(roots).map(|root| allow::root(root)).collect::<Result<_>>()?;
        Ok(Self { base, roots, fences_paths, allowed, fetcher: fetch::Fetcher::new(memory), elsewhere: None })
    }

    /// Everything is where `elsewhere` says.
    #[cfg(feature = "simulation")]
    pub(crate) fn simulated(elsewhere: Elsewhere) -> Self {
        let fetcher = fetch::Fetcher::new(0);
        let (base, roots, allowed) = (PathBuf::new(), Vec::new(), Vec::new());
        Self { base, roots, fences_paths: false, allowed, fetcher, elsewhere: Some(elsewhere) }
    }

    /// Finds one file of the manifest. The failure is the item's.
    pub(crate) fn find(&self, media: &str) -> Result<Found, Failure> {
        if let Some(elsewhere) = &self.elsewhere {
            return Ok(Found::Elsewhere(elsewhere(media)));
        }
        match url(media) {
            None => self.file(&self.base.join(media), self.fences_paths),
            Some(url) if url.scheme() == "file" => {
                let path = url.to_file_path().map_err(|()| not_allowed("a file URL of another host".to_owned()))?;
                self.file(&path, true)
            }
            Some(url) => {
                if !self.allowed.iter().any(|allowed| allowed.covers(&url)) {
                    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
                    let hint = format!("{}://{}{port}", url.scheme(), url.host_str().unwrap_or_default());
                    return Err(not_allowed(format!(
                        "{hint} is not allowed; say --allow-source {hint} to read from it"
                    )));
                }
                self.fetcher.object(url).map(|object| Found::Object(Box::new(object)))
            }
        }
    }

    /// How many objects wait for their host now.
    pub(crate) fn waiting(&self) -> usize {
        self.fetcher.hosts.waiting()
    }

    /// Ends when one more begins to wait.
    pub(crate) async fn one_more_waits(&self) {
        self.fetcher.hosts.one_more_waits().await;
    }

    fn file(&self, path: &Path, is_judged: bool) -> Result<Found, Failure> {
        let real = std::fs::canonicalize(path).map_err(|e| Failure::from(&sealpress_pipeline::Error::unreadable(e)))?;
        if is_judged && !self.roots.iter().any(|root| real.starts_with(root)) {
            let message = "the file lies outside of the allowed folders; say --allow-root DIR to read from there";
            return Err(not_allowed(message.to_owned()));
        }
        if !real.is_file() {
            return Err(unreadable("not a regular file".to_owned()));
        }
        Ok(Found::File(real))
    }
}

/// A URL, as opposed to a path: `scheme://`, where a scheme has at least two letters (`C:\` has one).
fn url(media: &str) -> Option<Url> {
    let (scheme, _) = media.split_once("://")?;
    let plain = scheme.len() > 1 && scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c));
    plain.then(|| Url::parse(media).ok()).flatten()
}

fn not_allowed(message: String) -> Failure {
    Failure::new("not-allowed", Fault::Caller, message)
}

fn unreadable(message: String) -> Failure {
    Failure::new(Why::Read.as_str(), Fault::Caller, message)
}

/// Media that cannot be found, for an item that may have been sent before.
pub(crate) struct Missing(pub(crate) Failure);

impl Fetch for Missing {
    fn size_hint(&self) -> Option<u64> {
        Some(0)
    }

    fn fetch(self: Box<Self>, _: u64) -> BoxFuture<'static, Result<Bytes, Refusal>> {
        Box::pin(async move { Err(Refusal::new(Why::Read, self.0.message)) })
    }
}

#[cfg(test)]
mod tests;
