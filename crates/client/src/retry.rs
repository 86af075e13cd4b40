use std::time::{Duration, SystemTime};

use http::HeaderMap;

use crate::error::Error;

/// How often and how fast calls that may safely be repeated (GET, DELETE) are tried. Uploads,
/// submits and new sessions are never retried here: only whoever keeps the books knows whether
/// that is right.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RetryPolicy {
    /// Tries in all; 1 means none besides the first. 3.
    pub attempts: u32,
    /// First pause after a failed connection or a 5xx: 50 ms, doubled each time.
    pub base: Duration,
    /// First pause after a 429 or 503: 1 s, doubled each time.
    pub throttle_base: Duration,
    /// Longest pause, before jitter and for `Retry-After`: 20 s.
    pub cap: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            attempts: 3,
            base: Duration::from_millis(50),
            throttle_base: Duration::from_secs(1),
            cap: Duration::from_secs(20),
        }
    }
}

impl RetryPolicy {
    /// One try and no more.
    #[must_use]
    pub fn never() -> Self {
        Self { attempts: 1, ..Self::default() }
    }

    /// The pause before try number `next` (2, 3, …) after this error: full jitter below a doubling
    /// bound, or what the vendor asked for, clamped.
    #[must_use]
    pub fn pause(&self, error: &Error, next: u32) -> Duration {
        if let Some(asked) = error.retry_after() {
            return asked.min(self.cap);
        }
        let throttled = matches!(error.http_status(), Some(429 | 503));
        let base = if throttled { self.throttle_base } else { self.base };
        let bound = base.saturating_mul(1 << next.saturating_sub(2).min(16)).min(self.cap);
        bound.mul_f64(random_unit())
    }

    /// Runs a call that may be repeated.
    pub(crate) async fn run<T, F>(&self, mut call: impl FnMut() -> F) -> Result<T, Error>
    where
        F: Future<Output = Result<T, Error>>,
    {
        let mut attempt = 1;
        loop {
            match call().await {
                Err(error) if error.is_retryable() && attempt < self.attempts => {
                    attempt += 1;
                    tokio::time::sleep(self.pause(&error, attempt)).await;
                }
                result => return result,
            }
        }
    }
}

/// `Retry-After` as seconds or as a date; unclamped. A date in the past is no wait.
pub(crate) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let value = headers.get(http::header::RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = value.parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    let date = httpdate::parse_http_date(value).ok()?;
    Some(date.duration_since(SystemTime::now()).unwrap_or_default())
}

/// A number in 0..1 from the hasher's per-process random keys: jitter needs no better source.
fn random_unit() -> f64 {
    use std::hash::{BuildHasher, RandomState};
    let bits = RandomState::new().hash_one(SystemTime::now());
    // 53 bits fill a double's fraction exactly.
    (bits >> 11) as f64 / (1u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::{ApiError, ErrorKind};

    fn status(http_status: u16, retry_after: Option<Duration>) -> Error {
        let api = ApiError { http_status, code: None, message: None, request_id: None, retry_after };
        Error::new(ErrorKind::Api(api), "list media")
    }

    #[test]
    fn pauses_double_and_are_capped() {
        let policy = RetryPolicy::default();
        for next in 2..40 {
            let bound = policy.base.saturating_mul(1 << (next - 2).min(16)).min(policy.cap);
            assert!(policy.pause(&status(502, None), next) <= bound);
            assert!(policy.pause(&status(429, None), next) <= policy.cap);
        }
    }

    #[test]
    fn the_vendor_wins_up_to_the_cap() {
        let policy = RetryPolicy::default();
        assert_eq!(policy.pause(&status(429, Some(Duration::from_secs(7))), 2), Duration::from_secs(7));
        assert_eq!(policy.pause(&status(429, Some(Duration::from_secs(86_400))), 2), policy.cap);
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let after = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert("retry-after", text.parse().unwrap());
            retry_after(&headers)
        };
        assert_eq!(after("5"), Some(Duration::from_secs(5)));
        assert_eq!(after("Sun, 06 Nov 1994 08:49:37 GMT"), Some(Duration::ZERO));
        let soon = httpdate::fmt_http_date(SystemTime::now() + Duration::from_secs(90));
        assert!(after(&soon).is_some_and(|d| d > Duration::from_secs(80) && d <= Duration::from_secs(90)));
        assert_eq!(after("soon"), None);
        assert_eq!(after("-3"), None);
    }
}
