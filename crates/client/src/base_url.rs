//! The root of a vendor's API. Parsed once and extended by path segments only, so that no id can change
//! which host or path a credential goes to.

use std::net::IpAddr;

use url::{Host, Url};

use crate::error::Error;

/// The root of a vendor's API: parsed once, extended by path segments and by nothing else.
#[derive(Clone, Debug)]
pub(crate) struct BaseUrl {
    url: Url,
    /// Segments at the end that `parse` made sure of.
    suffix: usize,
    loopback: bool,
}

impl BaseUrl {
    /// Takes the URL with or without a trailing slash and with or without `suffix` (such as `v1`);
    /// the result always ends in it exactly once.
    ///
    /// Plain `http` is taken for loopback hosts, elsewhere only where `allow_http` says so.
    pub(crate) fn parse(text: &str, suffix: &[&str], allow_http: bool) -> Result<Self, Error> {
        let refuse = |reason: &'static str| Error::config("configure", reason);
        let mut url = Url::parse(text.trim()).map_err(|e| refuse("the base URL cannot be parsed").with_source(e))?;
        let loopback = match url.host() {
            Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
            Some(Host::Ipv4(ip)) => IpAddr::V4(ip).is_loopback(),
            Some(Host::Ipv6(ip)) => IpAddr::V6(ip).is_loopback(),
            None => return Err(refuse("the base URL has no host")),
        };
        match url.scheme() {
            "https" => {}
            "http" if loopback || allow_http => {}
            "http" => return Err(refuse("the base URL must be https; plain http is for loopback hosts")),
            _ => return Err(refuse("the base URL must be https")),
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(refuse("the base URL must not contain a user or password"));
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(refuse("the base URL must not contain a query or fragment"));
        }
        let mut path: Vec<String> =
            url.path_segments().into_iter().flatten().filter(|s| !s.is_empty()).map(str::to_owned).collect();
        let given = path.iter().rev().zip(suffix.iter().rev()).take_while(|(a, b)| a == *b).count();
        if given == suffix.len() {
            path.truncate(path.len() - given);
        }
        url.path_segments_mut()
            .map_err(|()| refuse("the base URL cannot have a path"))?
            .clear()
            .extend(path.iter().map(String::as_str))
            .extend(suffix);
        Ok(Self { url, suffix: suffix.len(), loopback })
    }

    /// The URL of these path segments, each escaped as one segment.
    pub(crate) fn join(&self, segments: &[&str]) -> Url {
        let mut url = self.url.clone();
        // `parse` made sure that the URL has a path.
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(segments);
        }
        url
    }

    /// The URL of these segments in place of the suffix that `parse` made sure of.
    pub(crate) fn sibling(&self, segments: &[&str]) -> Url {
        let mut url = self.url.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            for _ in 0..self.suffix {
                path.pop();
            }
            path.pop_if_empty().extend(segments);
        }
        url
    }

    pub(crate) fn is_loopback(&self) -> bool {
        self.loopback
    }

    pub(crate) fn is_tls(&self) -> bool {
        self.url.scheme() == "https"
    }
}

/// A path segment as it appears in the URL: what has to be signed where an id is signed.
pub(crate) fn segment(url: &Url) -> &str {
    url.path().rsplit('/').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn v1(text: &str) -> Result<String, Error> {
        BaseUrl::parse(text, &["v1"], false).map(|base| base.join(&["sessions"]).to_string())
    }

    #[test]
    fn v1_is_never_doubled() {
        for text in ["https://a.example", "https://a.example/", "https://a.example/v1", " https://a.example/v1// "] {
            assert_eq!(v1(text).unwrap(), "https://a.example/v1/sessions");
        }
        assert_eq!(v1("https://a.example/proxy/v1").unwrap(), "https://a.example/proxy/v1/sessions");
    }

    #[test]
    fn http_is_for_loopback() {
        assert!(v1("http://127.0.0.1:8080").is_ok() && v1("http://[::1]:1").is_ok() && v1("http://localhost").is_ok());
        for bad in
            ["http://a.example", "ftp://a.example", "a.example", "https://u:p@a.example", "https://a.example/?q", ""]
        {
            assert_eq!(v1(bad).unwrap_err().kind().as_str(), "config", "{bad}");
        }
        assert!(BaseUrl::parse("http://a.example", &[], true).is_ok());
    }

    #[test]
    fn an_id_stays_one_segment() {
        let base = BaseUrl::parse("https://a.example", &["v1"], false).unwrap();
        let url = base.join(&["sessions", "a/b?c#d%", "media"]);
        assert_eq!(url.as_str(), "https://a.example/v1/sessions/a%2Fb%3Fc%23d%25/media");
    }
}
