//! Spans of time as people write them, and as they stand in configuration and JSON: `30s`, `1h30m`, `250ms`.
//!
//! One form wherever a span of time is *set*: flags, the environment, TOML, and policies in JSON, by
//! `#[serde(with = "sealpress_media::duration")]`. What was *measured* is a whole number whose name ends in its
//! unit (`_ms`, `_us`; [`micros`]).

use std::time::Duration;

use serde::{Deserialize, Deserializer, Serializer};

/// Units, the largest first, with their nanoseconds.
const UNITS: [(&str, u64); 7] = [
    ("d", 86_400_000_000_000),
    ("h", 3_600_000_000_000),
    ("m", 60_000_000_000),
    ("s", 1_000_000_000),
    ("ms", 1_000_000),
    ("us", 1_000),
    ("ns", 1),
];

/// Reads `90s`, `15m`, `2h`, `3d`, `250ms`, `1.5s`, or parts one after another: `1h30m`, `2 h 5 min`. A bare number
/// is seconds.
///
/// # Errors
/// What is wrong with the text, in words for whoever wrote it.
pub fn parse(text: &str) -> Result<Duration, String> {
    let mut rest = text.trim();
    if rest.is_empty() {
        return Err("empty duration; try 30s or 1h30m".to_owned());
    }
    let mut total = Duration::ZERO;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(rest.len());
        let number = &rest[..digits];
        rest = rest[digits..].trim_start();
        let end = rest.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(rest.len());
        let unit = match rest[..end].trim() {
            "" => "s",
            "min" => "m",
            other => other,
        };
        let Some((_, nanos)) = UNITS.iter().find(|(name, _)| *name == unit) else {
            return Err(format!("`{unit}` is no unit of time; use ms, s, m, h or d"));
        };
        let part = part(number, *nanos).ok_or_else(|| format!("`{text}` is no duration; try 30s or 1h30m"))?;
        total = part.and_then(|part| total.checked_add(part)).ok_or_else(|| format!("`{text}` is too long"))?;
        rest = rest[end..].trim_start();
    }
    Ok(total)
}

/// A number of units: exact where it is whole. The inner `None` is too long.
fn part(number: &str, nanos: u64) -> Option<Option<Duration>> {
    const SECOND: u128 = 1_000_000_000;
    if let Ok(whole) = number.parse::<u128>() {
        let all = whole.checked_mul(u128::from(nanos));
        return Some(all.and_then(|all| {
            Some(Duration::new(u64::try_from(all / SECOND).ok()?, u32::try_from(all % SECOND).ok()?))
        }));
    }
    let fraction: f64 = number.parse().ok()?;
    Some(Duration::try_from_secs_f64(fraction * nanos as f64 / SECOND as f64).ok())
}

/// The same span in one number of the largest unit that says it exactly: `5m`, `90s`, `2500ms`.
#[must_use]
pub fn text(duration: Duration) -> String {
    let nanos = duration.as_nanos();
    if nanos == 0 {
        return "0s".to_owned();
    }
    let exact = UNITS.iter().find(|(_, unit)| nanos.is_multiple_of(u128::from(*unit)));
    let (name, unit) = exact.unwrap_or(&("ns", 1));
    format!("{}{name}", nanos / u128::from(*unit))
}

/// Writes [`text`].
///
/// # Errors
/// The serializer's own.
pub fn serialize<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&text(*duration))
}

/// Reads what [`parse`] reads.
///
/// # Errors
/// As [`parse`], and for anything but text.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let text = String::deserialize(deserializer)?;
    parse(&text).map_err(serde::de::Error::custom)
}

/// Writes a measured time as whole microseconds; the field's name ends in `_us`.
///
/// # Errors
/// The serializer's own.
pub fn micros<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(u64::try_from(duration.as_micros()).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_write_it_with_units() {
        assert_eq!(parse("1h30m"), Ok(Duration::from_secs(5400)));
        assert_eq!(parse("250ms"), Ok(Duration::from_millis(250)));
        assert_eq!(parse("7"), Ok(Duration::from_secs(7)));
        assert_eq!(parse("2 h 5 min"), Ok(Duration::from_secs(7500)));
        assert_eq!(parse("1.5s"), Ok(Duration::from_millis(1500)));
        for wrong in ["soon", "", "-1s", "1 parsec", "1.2.3s", "."] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
        for long in ["99999999999999999999d", "1e30s", "18446744073709551615d"] {
            assert!(parse(long).is_err(), "{long}");
        }
    }

    #[test]
    fn it_is_written_in_one_number() {
        let texts = [0, 1, 2500, 90_000, 300_000, 172_800_000].map(|ms| text(Duration::from_millis(ms)));
        assert_eq!(texts, ["0s", "1ms", "2500ms", "90s", "5m", "2d"]);
    }

    proptest::proptest! {
        #[test]
        fn what_is_written_is_read(seconds: u64, nanos in 0u32..1_000_000_000) {
            let duration = Duration::new(seconds, nanos);
            proptest::prop_assert_eq!(parse(&text(duration)), Ok(duration));
        }
    }
}
