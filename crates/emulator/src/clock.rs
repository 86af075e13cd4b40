//! The emulator's own time: the wall clock plus an offset, or frozen, so that a seven-day expiry can be
//! watched in a test of milliseconds. All times are milliseconds since 1970-01-01T00:00:00Z.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

const DAY_MS: u64 = 86_400_000;

/// The injectable clock.
#[derive(Debug, Default)]
pub(crate) struct Clock {
    state: Mutex<State>,
}

#[derive(Debug, Default, Clone, Copy)]
struct State {
    offset_ms: i64,
    frozen_at: Option<u64>,
}

impl Clock {
    pub(crate) fn now(&self) -> u64 {
        let state = *self.lock();
        match state.frozen_at {
            Some(t) => t,
            None => wall().saturating_add_signed(state.offset_ms),
        }
    }

    /// Moves the clock on; a frozen clock stays frozen at the later time.
    pub(crate) fn advance(&self, by: Duration) {
        let by = u64::try_from(by.as_millis()).unwrap_or(u64::MAX / 4).min(u64::MAX / 4);
        let mut state = self.lock();
        match &mut state.frozen_at {
            Some(t) => *t = t.saturating_add(by),
            None => state.offset_ms = state.offset_ms.saturating_add_unsigned(by),
        }
    }

    pub(crate) fn set(&self, to_ms: u64) {
        let mut state = self.lock();
        match &mut state.frozen_at {
            Some(t) => *t = to_ms,
            None => {
                let wall = i64::try_from(wall()).unwrap_or(i64::MAX);
                state.offset_ms = i64::try_from(to_ms).unwrap_or(i64::MAX).saturating_sub(wall);
            }
        }
    }

    pub(crate) fn freeze(&self, frozen: bool) {
        let now = self.now();
        let mut state = self.lock();
        if frozen {
            state.frozen_at = Some(now);
        } else if state.frozen_at.take().is_some() {
            drop(state);
            self.set(now);
        }
    }

    pub(crate) fn is_frozen(&self) -> bool {
        self.lock().frozen_at.is_some()
    }

    /// Back to the wall clock.
    pub(crate) fn reset(&self) {
        *self.lock() = State::default();
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn wall() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| u64::try_from(d.as_millis()).unwrap_or(u64::MAX))
}

/// `2026-05-02T10:11:12.345Z`.
pub(crate) fn rfc3339(ms: u64) -> String {
    let (y, m, d) = civil(ms / DAY_MS);
    let t = ms % DAY_MS;
    format!("{y:04}-{m:02}-{d:02}T{:02}:{:02}:{:02}.{:03}Z", t / 3_600_000, t / 60_000 % 60, t / 1_000 % 60, t % 1_000)
}

/// The HTTP date of `Retry-After` and `Date`: `Sat, 02 May 2026 10:11:12 GMT`.
pub(crate) fn http_date(ms: u64) -> String {
    const WEEKDAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let days = ms / DAY_MS;
    let (y, m, d) = civil(days);
    let t = ms % DAY_MS;
    let weekday = WEEKDAYS[usize::try_from(days % 7).unwrap_or(0)];
    let month = MONTHS[usize::try_from(m - 1).unwrap_or(0).min(11)];
    format!("{weekday}, {d:02} {month} {y:04} {:02}:{:02}:{:02} GMT", t / 3_600_000, t / 60_000 % 60, t / 1_000 % 60)
}

/// Reads `YYYY-MM-DDTHH:MM:SS[.fraction](Z|±HH:MM|±HHMM)`; `None` for anything else.
pub(crate) fn parse_rfc3339(text: &str) -> Option<u64> {
    let b = text.as_bytes();
    if b.len() < 20 || b[4] != b'-' || b[7] != b'-' || !matches!(b[10], b'T' | b't') || b[13] != b':' || b[16] != b':' {
        return None;
    }
    let (year, month, day) = (digits(&b[0..4])?, digits(&b[5..7])?, digits(&b[8..10])?);
    let (hour, minute, second) = (digits(&b[11..13])?, digits(&b[14..16])?, digits(&b[17..19])?);
    if !(1970..=9999).contains(&year)
        || !(1..=12).contains(&month)
        || day < 1
        || day > month_days(year, month)
        || hour > 23
        || minute > 59
        || second > 60
    {
        return None;
    }
    let mut rest = &b[19..];
    let mut ms = 0;
    if rest.first() == Some(&b'.') {
        let n = rest[1..].iter().take_while(|c| c.is_ascii_digit()).count();
        if n == 0 {
            return None;
        }
        for (i, c) in rest[1..=n].iter().take(3).enumerate() {
            ms += u64::from(c - b'0') * [100, 10, 1][i];
        }
        rest = &rest[1 + n..];
    }
    let offset_min: i64 = match rest {
        [b'Z' | b'z'] => 0,
        [sign @ (b'+' | b'-'), h1, h2, b':', m1, m2] | [sign @ (b'+' | b'-'), h1, h2, m1, m2] => {
            let (h, m) = (digits(&[*h1, *h2])?, digits(&[*m1, *m2])?);
            if h > 23 || m > 59 {
                return None;
            }
            let minutes = i64::try_from(h * 60 + m).ok()?;
            if *sign == b'-' { -minutes } else { minutes }
        }
        _ => return None,
    };
    let local = (days(year, month, day) * 86_400 + hour * 3_600 + minute * 60 + second) * 1_000 + ms;
    Some(local.saturating_add_signed(-offset_min * 60_000))
}

/// Reads `YYYY-MM-DD`.
pub(crate) fn is_date(text: &str) -> bool {
    let b = text.as_bytes();
    if b.len() != 10 || b[4] != b'-' || b[7] != b'-' {
        return false;
    }
    match (digits(&b[0..4]), digits(&b[5..7]), digits(&b[8..10])) {
        (Some(y), Some(m @ 1..=12), Some(d)) => d >= 1 && d <= month_days(y, m),
        _ => false,
    }
}

/// Reads `90`, `250ms`, `15s`, `1m30s`, `2h`, `7d`; a bare number is seconds.
pub(crate) fn parse_duration(text: &str) -> Option<Duration> {
    let mut total = 0u64;
    let mut rest = text.trim();
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let n = rest.bytes().take_while(u8::is_ascii_digit).count();
        let value: u64 = rest.get(..n)?.parse().ok()?;
        rest = &rest[n..];
        let u = rest.bytes().take_while(u8::is_ascii_alphabetic).count();
        let unit = match &rest[..u] {
            "ms" => 1,
            "s" | "" => 1_000,
            "m" => 60_000,
            "h" => 3_600_000,
            "d" => DAY_MS,
            _ => return None,
        };
        rest = &rest[u..];
        total = total.checked_add(value.checked_mul(unit)?)?;
    }
    Some(Duration::from_millis(total))
}

fn digits(bytes: &[u8]) -> Option<u64> {
    bytes.iter().try_fold(0u64, |n, b| b.is_ascii_digit().then(|| n * 10 + u64::from(b - b'0')))
}

fn is_leap(y: u64) -> bool {
    y.is_multiple_of(4) && (!y.is_multiple_of(100) || y.is_multiple_of(400))
}

fn month_days(y: u64, m: u64) -> u64 {
    match m {
        4 | 6 | 9 | 11 => 30,
        2 if is_leap(y) => 29,
        2 => 28,
        _ => 31,
    }
}

/// Days since the epoch of a date from 1970 on.
fn days(y: u64, m: u64, d: u64) -> u64 {
    // Leap days of all finished years since 1970, then whole months of this one.
    let leaps = |y: u64| y / 4 - y / 100 + y / 400;
    let whole_years = (y - 1970) * 365 + leaps(y - 1) - leaps(1969);
    whole_years + (1..m).map(|m| month_days(y, m)).sum::<u64>() + d - 1
}

/// Year, month, day of a day number.
fn civil(day: u64) -> (u64, u64, u64) {
    // A first guess that is never too late, then at most a few steps.
    let mut y = 1970 + day / 366;
    while days(y + 1, 1, 1) <= day {
        y += 1;
    }
    let mut rest = day - days(y, 1, 1);
    let mut m = 1;
    while rest >= month_days(y, m) {
        rest -= month_days(y, m);
        m += 1;
    }
    (y, m, rest + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_and_parses_known_times() {
        assert_eq!(rfc3339(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(rfc3339(1_709_210_096_007), "2024-02-29T12:34:56.007Z");
        assert_eq!(http_date(784_111_777_000), "Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(parse_rfc3339("2024-02-29T12:34:56.007Z"), Some(1_709_210_096_007));
        assert_eq!(parse_rfc3339("2024-02-29T14:34:56+02:00"), Some(1_709_210_096_000));
        assert_eq!(parse_rfc3339("2024-02-29T14:34:56+0200"), Some(1_709_210_096_000));
        for wrong in ["", "2023-02-29T00:00:00Z", "2024-02-29 12:34:56", "2024-13-01T00:00:00Z", "2024-02-29T12:34:56"]
        {
            assert_eq!(parse_rfc3339(wrong), None, "{wrong}");
        }
        assert!(is_date("2000-02-29") && !is_date("1900-02-29") && !is_date("2000-2-9"));
    }

    #[test]
    fn every_day_of_a_century_comes_back() {
        for day in 0..36_525 {
            let (y, m, d) = civil(day);
            assert_eq!(days(y, m, d), day);
        }
    }

    #[test]
    fn durations_with_units() {
        assert_eq!(parse_duration("1m30s"), Some(Duration::from_secs(90)));
        assert_eq!(parse_duration("7d"), Some(Duration::from_secs(604_800)));
        assert_eq!(parse_duration("250ms"), Some(Duration::from_millis(250)));
        assert_eq!(parse_duration("15"), Some(Duration::from_secs(15)));
        assert_eq!(parse_duration("1x"), None);
        assert_eq!(parse_duration(""), None);
    }

    #[test]
    fn a_frozen_clock_moves_only_when_told() {
        let clock = Clock::default();
        clock.freeze(true);
        let t = clock.now();
        clock.advance(Duration::from_secs(60));
        assert_eq!(clock.now(), t + 60_000);
        clock.freeze(false);
        assert!(clock.now() >= t + 60_000);
    }
}
