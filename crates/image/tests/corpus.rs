//! Every picture of the corpus of real media: a valid output, or a typed error that fits.

use sealpress_image::{Normalizer, Policy, Probe};
use sealpress_media::Media;

#[test]
fn every_picture_gives_a_valid_output_or_a_fitting_error() {
    let Some(corpus) = sealpress_testkit::corpus() else { return };
    // Hangs are judged by CPU time below: a busy machine is no hang.
    let policy = Policy::default().with_time_budget(std::time::Duration::from_secs(120));
    let mut normalizer = Normalizer::new(policy);
    let mut wrong = Vec::new();
    for entry in corpus.entries.iter().filter(|e| e.kind != "pdf") {
        let begun = cpu_ms();
        let outcome = match Media::sniff(entry.bytes()) {
            Ok(media) => normalizer.normalize(&media).map_err(|e| (e.kind().as_str(), e.to_string())),
            Err(e) => Err((e.kind().as_str(), e.to_string())),
        };
        let took = cpu_ms() - begun;
        let (kind, text) = match &outcome {
            Ok(done) => {
                let (media, report) = (done.media(), done.report());
                let probe = Probe::read(media).expect("the output can be read");
                assert_eq!(probe.upright_dimensions(), report.dimensions, "{}", entry.path);
                assert_eq!(probe.orientation(), 1, "{}", entry.path);
                assert!(report.dimensions.longer_side() <= 1920 && media.len() <= 17_000_000, "{}", entry.path);
                let actions: Vec<_> = report.actions.iter().map(ToString::to_string).collect();
                let warnings: Vec<_> = report.warnings.iter().map(ToString::to_string).collect();
                (None, format!("{} {} {actions:?} {warnings:?}", report.output_format, report.dimensions))
            }
            Err((kind, text)) => (Some(*kind), format!("{kind}: {text}")),
        };
        println!("{} ms {}\n    {text}", took, entry.path);
        if !entry.is_invalid && !entry.expected.allows(kind) {
            wrong.push(format!("{}: expected {:?}, got {text}", entry.path, entry.expected));
        }
        if took > 10_000 {
            wrong.push(format!("{}: took {took} ms of CPU", entry.path));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// CPU time of this thread in milliseconds, as the scheduler counts it; wall time where the kernel
/// does not say.
fn cpu_ms() -> u128 {
    static START: std::sync::OnceLock<std::time::Instant> = std::sync::OnceLock::new();
    let start = START.get_or_init(std::time::Instant::now);
    std::fs::read_to_string("/proc/thread-self/schedstat")
        .ok()
        .and_then(|s| s.split_whitespace().next()?.parse::<u128>().ok())
        .map_or_else(|| start.elapsed().as_millis(), |nanos| nanos / 1_000_000)
}
