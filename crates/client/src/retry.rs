//! How often and how fast calls are repeated, and what a vendor's `Retry-After` says.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use http::HeaderMap;
use serde::{Deserialize, Serialize};

use crate::error::Error;

/// Why something is tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Cause {
    /// A connection that broke, a 5xx, an answer that made no sense.
    Transient,
    /// The vendor wants fewer requests (429, 503).
    Throttle,
}

/// How long to wait between tries: full jitter below a bound that doubles. The same for calls that this
/// crate repeats itself and for a pipeline, which decides what may be repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Backoff {
    /// First bound after [`Cause::Transient`]: 50 ms.
    #[serde(with = "sealpress_media::duration")]
    pub transient: Duration,
    /// First bound after [`Cause::Throttle`]: 1 s.
    #[serde(with = "sealpress_media::duration")]
    pub throttle: Duration,
    /// Highest bound: 20 s.
    #[serde(with = "sealpress_media::duration")]
    pub cap: Duration,
}

impl Default for Backoff {
    fn default() -> Self {
        Self { transient: Duration::from_millis(50), throttle: Duration::from_secs(1), cap: Duration::from_secs(20) }
    }
}

impl Backoff {
    /// The most that there is to wait before retry number `retry` (from 1): the first bound, doubled
    /// for each retry, up to the cap.
    #[must_use]
    pub fn ceiling(&self, cause: Cause, retry: u32) -> Duration {
        let base = match cause {
            Cause::Transient => self.transient,
            Cause::Throttle => self.throttle,
        };
        base.saturating_mul(1u32.checked_shl(retry.saturating_sub(1)).unwrap_or(u32::MAX)).min(self.cap)
    }

    /// A wait before retry number `retry`, evenly between nothing and the ceiling.
    #[must_use]
    pub fn pause(&self, cause: Cause, retry: u32, jitter: &Jitter) -> Duration {
        self.ceiling(cause, retry).mul_f64(jitter.unit())
    }
}

/// Where the chance in waits comes from: one sequence (SplitMix64) for whoever shares it, so that a seed
/// decides all of it. The default starts where nobody knows.
#[derive(Debug)]
pub struct Jitter(Mutex<u64>);

impl Jitter {
    /// The sequence of a seed.
    #[must_use]
    pub const fn seeded(seed: u64) -> Self {
        Self(Mutex::new(seed))
    }

    /// Evenly in 0..1.
    fn unit(&self) -> f64 {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = *state;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^= bits >> 31;
        // 53 bits fill a double's fraction exactly.
        (bits >> 11) as f64 / (1u64 << 53) as f64
    }
}

impl Default for Jitter {
    /// From the keys of a fresh hasher, which are random enough to spread a crowd.
    fn default() -> Self {
        Self::seeded(RandomState::new().build_hasher().finish())
    }
}

/// How often and how fast calls that may safely be repeated (GET, DELETE) are tried. Uploads,
/// submits and new sessions are never retried here: only whoever keeps the books knows whether
/// that is right.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RetryPolicy {
    /// Tries in all; 1 means none besides the first. 3.
    pub attempts: u32,
    /// The pauses between them.
    pub backoff: Backoff,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self { attempts: 3, backoff: Backoff::default() }
    }
}

impl RetryPolicy {
    /// One try and no more.
    #[must_use]
    pub fn never() -> Self {
        Self { attempts: 1, ..Self::default() }
    }

    /// The pause before try number `next` (2, 3, …) after this error: the backoff's, or what the
    /// vendor asked for, at most the backoff's `cap`.
    #[must_use]
    pub fn pause(&self, error: &Error, next: u32) -> Duration {
        if let Some(asked) = error.retry_after() {
            return asked.min(self.backoff.cap);
        }
        let throttled = matches!(error.http_status(), Some(429 | 503));
        let cause = if throttled { Cause::Throttle } else { Cause::Transient };
        self.backoff.pause(cause, next.saturating_sub(1), &Jitter::default())
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::{ApiError, ErrorKind};

    fn status(http_status: u16, retry_after: Option<Duration>) -> Error {
        let api = ApiError { http_status, code: None, meaning: None, message: None, request_id: None, retry_after };
        Error::new(ErrorKind::Api(api), "list media")
    }

    #[test]
    fn pauses_double_and_are_capped() {
        let backoff = Backoff::default();
        let ms = |cause, n| backoff.ceiling(cause, n).as_millis();
        assert_eq!([1, 2, 3].map(|n| ms(Cause::Transient, n)), [50, 100, 200]);
        assert_eq!(
            [1, 2, 5, 6, 40, u32::MAX].map(|n| ms(Cause::Throttle, n)),
            [1000, 2000, 16_000, 20_000, 20_000, 20_000]
        );
        let policy = RetryPolicy::default();
        for next in 2..40 {
            assert!(policy.pause(&status(502, None), next) <= backoff.ceiling(Cause::Transient, next - 1));
            assert!(policy.pause(&status(429, None), next) <= backoff.ceiling(Cause::Throttle, next - 1));
        }
    }

    #[test]
    fn jitter_is_full() {
        let backoff = Backoff::default();
        let shared = Jitter::default();
        // From one sequence, and from a fresh one for each wait.
        let of_one = || backoff.pause(Cause::Throttle, 1, &shared);
        let of_many = || backoff.pause(Cause::Throttle, 1, &Jitter::default());
        for draw in [&of_one as &dyn Fn() -> Duration, &of_many] {
            let mean = (0..2000).map(|_| draw().as_secs_f64()).sum::<f64>() / 2000.0;
            assert!((0.45..0.55).contains(&mean), "full jitter has its mean at half the ceiling, this is {mean}");
        }
    }

    #[test]
    fn a_seed_decides_every_wait() {
        let waits = |seed| {
            let jitter = Jitter::seeded(seed);
            [1, 2, 3, 4].map(|n| Backoff::default().pause(Cause::Transient, n, &jitter))
        };
        assert_eq!(waits(7), waits(7));
        assert_ne!(waits(7), waits(8));
    }

    #[test]
    fn the_vendor_wins_up_to_the_cap() {
        let policy = RetryPolicy::default();
        assert_eq!(policy.pause(&status(429, Some(Duration::from_secs(7))), 2), Duration::from_secs(7));
        assert_eq!(policy.pause(&status(429, Some(Duration::from_secs(86_400))), 2), policy.backoff.cap);
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
