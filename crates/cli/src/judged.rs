//! How good a picture is, for people: numbers with bars, findings with advice, and what nobody looked for.

use sealpress_client::Context;
use sealpress_media::{FindingCode, Judged, NOT_JUDGED, Subject};

use crate::print;

/// What a context shows, as far as judging it differs by that; a document unless somebody says.
pub(crate) fn subject(context: Option<&str>) -> Subject {
    context.map_or(Subject::Document, |name| Context::from(name).subject())
}

/// A number of the table: its name, its value, the end of its bar, and what it should be.
type Row = (&'static str, Option<f64>, f64, String);

/// A table of all numbers, then what follows from them.
pub(crate) fn tell(judged: &Judged) {
    let quality = &judged.quality;
    let least = |code: FindingCode| format!("at least {}", code.threshold());
    let rows: [Row; 7] = [
        ("sharpness", quality.sharpness, 0.7, least(FindingCode::Blurred)),
        ("at half size", quality.coarse_sharpness, 0.93, least(FindingCode::BlurredHeavily)),
        ("contrast", Some(quality.contrast98), 255.0, least(FindingCode::LowContrast)),
        ("brightest 1%", Some(quality.p99), 255.0, least(FindingCode::TooDark)),
        ("noise", Some(quality.noise), 20.0, format!("below {}", FindingCode::Noisy.threshold())),
        ("glare", Some(quality.glare), 0.1, format!("below {}, documents", FindingCode::Glare.threshold())),
        ("score", quality.score, 0.0, "only among frames of one scene".to_owned()),
    ];
    for (name, value, most, expected) in rows {
        let (number, bar) = match value {
            Some(value) if most > 0.0 => (format!("{value:.3}"), bar(value / most)),
            Some(value) => (format!("{value:.3}"), " ".repeat(BAR)),
            None => ("-".to_owned(), " ".repeat(BAR)),
        };
        print::line(&format!("  {name:13} {number:>8}  {bar}  {expected}"));
    }
    match judged.findings.as_deref() {
        Some([]) => print::line("  nothing found"),
        _ => tell_findings(judged),
    }
    tell_limits();
}

/// Characters of a bar.
const BAR: usize = 16;

/// Bars are read against each other: eighths of a character are worth having.
fn bar(share: f64) -> String {
    let eighths = (share.clamp(0.0, 1.0) * (BAR * 8) as f64).round() as usize;
    let part = ['▏', '▎', '▍', '▌', '▋', '▊', '▉'];
    let mut bar = "█".repeat(eighths / 8);
    bar.extend(eighths.checked_rem(8).and_then(|rest| part.get(rest.checked_sub(1)?)));
    let length = bar.chars().count();
    bar + &"·".repeat(BAR - length)
}

/// A line for each finding.
pub(crate) fn tell_findings(judged: &Judged) {
    for finding in judged.findings.iter().flatten() {
        print::below("! ", &finding.to_string());
    }
}

/// What no finding says anything about, in the words of people.
pub(crate) fn tell_limits() {
    let words = |name: &str| match name {
        "framing" => "cut-off edges",
        "occlusion" => "fingers in the way",
        "overexposure" => "washed-out paper",
        "screen" => "photos of screens",
        "text_size" => "print that is too small",
        _ => "other things",
    };
    print::below("not judged: ", &NOT_JUDGED.map(words).join(", "));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_are_as_long_as_their_share() {
        assert_eq!(bar(0.0), "·".repeat(16));
        assert_eq!(bar(1.7), "█".repeat(16));
        assert_eq!(bar(0.5), format!("{}{}", "█".repeat(8), "·".repeat(8)));
        assert_eq!(bar(1.0 / 32.0), format!("▌{}", "·".repeat(15)));
        assert!((0..=100).all(|i| bar(f64::from(i) / 100.0).chars().count() == BAR));
    }
}
