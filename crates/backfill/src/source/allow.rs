//! What media may be read from: the folders, buckets and hosts that the operator named.

use std::path::{Path, PathBuf};

use url::Url;

use crate::error::{Error, ErrorKind, Result};

/// One thing that may be read from: `s3://bucket/prefix`, `https://host:8443/folder`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Allowed(Url);

impl Allowed {
    /// # Errors
    /// `Config` for text that is no such URL, or of a scheme that nothing here reads.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        let refuse = |why: &str| Err(Error::new(ErrorKind::Config, format!("--allow-source {text}: {why}")));
        let Ok(url) = Url::parse(text) else { return refuse("not a URL such as s3://bucket or https://host") };
        if !matches!(url.scheme(), "s3" | "https" | "http") {
            return refuse("schemes are s3, https and http");
        }
        if url.host_str().is_none_or(str::is_empty) {
            return refuse("no host or bucket");
        }
        if !url.username().is_empty() || url.password().is_some() || url.query().is_some() || url.fragment().is_some() {
            return refuse("only scheme, host, port and folder may stand here");
        }
        Ok(Self(url))
    }

    /// Same scheme, host and port, and a path in the same folder. Dot segments are gone: the URL
    /// was parsed, encoded ones included.
    pub(crate) fn covers(&self, url: &Url) -> bool {
        let folder = self.0.path().trim_end_matches('/');
        let inside = url.path().strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        self.0.scheme() == url.scheme()
            && self.0.host() == url.host()
            && self.0.port_or_known_default() == url.port_or_known_default()
            && url.username().is_empty()
            && url.password().is_none()
            && inside
            && !url.path().to_ascii_lowercase().contains("%2f..")
    }
}

pub(super) fn root(root: &Path) -> Result<PathBuf> {
    std::fs::canonicalize(root)
        .map_err(|e| Error::caused(ErrorKind::Config, format!("the folder {} cannot be read from", root.display()), e))
}
