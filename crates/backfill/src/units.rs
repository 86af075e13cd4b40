//! Sizes, durations and error limits as people write and read them.

use std::time::Duration;

/// `256MiB`, `1.5 GB`, `4096`: bytes. Decimal units count in thousands, `KiB` and its kin in 1,024.
pub fn bytes(text: &str) -> Result<u64, String> {
    let (number, unit) = split(text)?;
    let factor: f64 = match unit.to_ascii_lowercase().as_str() {
        "" | "b" => 1.0,
        "k" | "kb" => 1e3,
        "m" | "mb" => 1e6,
        "g" | "gb" => 1e9,
        "t" | "tb" => 1e12,
        "kib" => 1024.0,
        "mib" => 1024.0 * 1024.0,
        "gib" => 1024.0 * 1024.0 * 1024.0,
        "tib" => 1024.0 * 1024.0 * 1024.0 * 1024.0,
        other => return Err(format!("`{other}` is no unit of size; try 256MiB or 1.5GB")),
    };
    whole(number * factor).ok_or_else(|| format!("`{text}` is too large"))
}

/// When a run gives up: `100` failed items, or `5%` of all.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum MaxErrors {
    /// More failed items than this stop the run.
    Count(u64),
    /// More than this share (0 to 100) of the items seen so far, judged from the hundredth on.
    Percent(f64),
}

impl MaxErrors {
    /// How many items must have ended before a share of them says anything.
    const ENOUGH: u64 = 100;

    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if let Some(number) = text.strip_suffix('%') {
            let percent: f64 = number.trim().parse().map_err(|_| format!("`{text}` is no share; try 5%"))?;
            return if (0.0..=100.0).contains(&percent) {
                Ok(Self::Percent(percent))
            } else {
                Err(format!("`{text}` is not between 0% and 100%"))
            };
        }
        text.parse().map(Self::Count).map_err(|_| format!("`{text}` is neither a count nor a share; try 100 or 5%"))
    }

    pub(crate) fn exceeded(self, failed: u64, ended: u64) -> bool {
        match self {
            Self::Count(limit) => failed > limit,
            Self::Percent(limit) => ended >= Self::ENOUGH && failed as f64 * 100.0 > limit * ended as f64,
        }
    }
}

/// `1.4 MiB`, `312 B`.
#[must_use]
pub fn show_bytes(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut value = bytes as f64;
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    if unit == 0 { format!("{bytes} B") } else { format!("{value:.1} {}", UNITS[unit]) }
}

/// `3 d 4 h`, `2 h 05 min`, `41 s`.
#[must_use]
pub fn show_duration(duration: Duration) -> String {
    let s = duration.as_secs();
    match s {
        0 => format!("{} ms", duration.subsec_millis()),
        1..60 => format!("{s} s"),
        60..3600 => format!("{} min {:02} s", s / 60, s % 60),
        3600..86_400 => format!("{} h {:02} min", s / 3600, s % 3600 / 60),
        _ => format!("{} d {} h", s / 86_400, s % 86_400 / 3600),
    }
}

/// `1 row`, `3 rows`: `things` are many, and one of them lacks the `s`.
#[must_use]
pub fn show_count(n: u64, things: &str) -> String {
    format!("{n} {}", if n == 1 { things.strip_suffix('s').unwrap_or(things) } else { things })
}

fn split(text: &str) -> Result<(f64, &str), String> {
    let text = text.trim();
    let end = text.find(|c: char| !(c.is_ascii_digit() || c == '.' || c == '_')).unwrap_or(text.len());
    let number = text[..end].replace('_', "").parse().map_err(|_| format!("`{text}` is no size; try 256MiB"))?;
    Ok((number, text[end..].trim()))
}

fn whole(value: f64) -> Option<u64> {
    // Beyond 2^53 a float no longer counts single bytes; nobody needs nine petabytes here.
    (value.is_finite() && (0.0..9.0e15).contains(&value)).then_some(value as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_units() {
        assert_eq!(bytes("256MiB"), Ok(256 << 20));
        assert_eq!(bytes("1.5 GB"), Ok(1_500_000_000));
        assert_eq!(bytes("4_096"), Ok(4096));
        assert!(bytes("12 parsecs").is_err());
        assert!(bytes("-1").is_err());
        assert!(bytes("99999999TiB").is_err());
    }

    #[test]
    fn error_limits_count_or_weigh() {
        assert!(MaxErrors::parse("2").unwrap().exceeded(3, 3));
        assert!(!MaxErrors::parse("2").unwrap().exceeded(2, 2));
        let share = MaxErrors::parse("5%").unwrap();
        assert!(!share.exceeded(50, 99), "too few to say");
        assert!(share.exceeded(6, 100));
        assert!(!share.exceeded(5, 100));
        assert!(MaxErrors::parse("105%").is_err());
    }

    #[test]
    fn people_read_it() {
        assert_eq!(show_bytes(1_468_006), "1.4 MiB");
        assert_eq!(show_duration(Duration::from_secs(7500)), "2 h 05 min");
        assert_eq!([0, 1, 2].map(|n| show_count(n, "rows")), ["0 rows", "1 row", "2 rows"]);
    }
}
