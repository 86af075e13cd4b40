//! How good the pictures are whose paths come on standard input, a line of JSON for each, in their order: what
//! `cargo xtask bench preflight` asks.
//!
//! `quality make DIR N` writes N specimens of each kind to DIR instead: cards, passports, licences and bills as phones
//! photograph them, and faces. `quality cost ROUNDS` says for each path the CPU time of the whole job with preflight
//! and without, and of encoding anew what would pass through, interleaved.

use std::io::BufRead;
use std::path::Path;
use std::time::Duration;

use sealpress_image::{Normalizer, Policy};
use sealpress_media::{Media, Preflight};
use sealpress_testkit as testkit;

type Fallible<T> = Result<T, Box<dyn std::error::Error>>;

fn main() -> Fallible<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => measure(),
        ["make", folder, count] => make(Path::new(folder), count.parse()?),
        ["cost", rounds] => cost(rounds.parse()?),
        _ => Err("usage: quality [make DIR N | cost ROUNDS] < PATHS".into()),
    }
}

fn paths() -> impl Iterator<Item = Fallible<String>> {
    std::io::stdin().lock().lines().map(|line| Ok(line?))
}

fn policy(preflight: Preflight) -> Policy {
    Policy::default().with_preflight(preflight).with_time_budget(Duration::from_secs(60))
}

fn measure() -> Fallible<()> {
    let mut normalizer = Normalizer::new(policy(Preflight::Advise));
    for path in paths() {
        let path = path?;
        let line = match normalizer.normalize(&Media::sniff(std::fs::read(&path)?)?) {
            Ok(done) => {
                serde_json::json!({"file": path, "size": done.report().dimensions, "judged": done.report().judged})
            }
            Err(e) => serde_json::json!({"file": path, "error": e.to_string()}),
        };
        println!("{line}");
    }
    Ok(())
}

/// CPU time of a whole job in milliseconds, the medians of so many rounds.
fn cost(rounds: usize) -> Fallible<()> {
    let ways = [
        ("off_ms", policy(Preflight::Off)),
        ("on_ms", policy(Preflight::Advise)),
        ("encoded_off_ms", policy(Preflight::Off).without_pass_through()),
        ("encoded_on_ms", policy(Preflight::Advise).without_pass_through()),
    ];
    let mut normalizers = ways.map(|(name, policy)| (name, Normalizer::new(policy)));
    for path in paths() {
        let path = path?;
        let media = Media::sniff(std::fs::read(&path)?)?;
        let mut times = vec![Vec::new(); normalizers.len()];
        for _ in 0..rounds {
            for ((_, normalizer), times) in normalizers.iter_mut().zip(&mut times) {
                let before = spent();
                normalizer.normalize(&media)?;
                times.push(spent() - before);
            }
        }
        let mut line = serde_json::Map::new();
        line.insert("file".into(), path.into());
        for ((name, _), mut times) in normalizers.iter().zip(times) {
            times.sort();
            line.insert((*name).into(), (times[times.len() / 2].as_secs_f64() * 1e3).into());
        }
        println!("{}", serde_json::Value::Object(line));
    }
    Ok(())
}

fn spent() -> Duration {
    Duration::try_from(rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime)).unwrap_or_default()
}

fn make(folder: &Path, count: u64) -> Fallible<()> {
    for seed in 0..count {
        // Each with a camera of its own: size, noise, distance, angle.
        let mut shot =
            testkit::Shot::new([1920, 1600, 1440][seed as usize % 3], 1440).noise(0.6 + (seed % 5) as f32 * 0.5);
        shot.fill = [0.86, 0.7, 0.93, 0.6][seed as usize % 4];
        shot.skew = [0.02, 0.035, 0.06][seed as usize / 4 % 3];
        let documents = [
            ("id-front", testkit::id_card_front(seed, 1200)),
            ("id-back", testkit::id_card_back(seed, 1200)),
            ("passport", testkit::passport_page(seed, 1300)),
            ("licence", testkit::driving_licence(seed, 1200)),
            ("bill", testkit::bill_page(seed, 1100)),
        ];
        for (name, document) in documents {
            let photo = testkit::photograph(&document, &shot, seed);
            let file = testkit::Jpeg::new(&photo).quality(92).encode();
            std::fs::write(folder.join(format!("document-{name}-{seed:03}.jpg")), file)?;
        }
        let face = testkit::selfie(seed, 1200, 1600);
        std::fs::write(folder.join(format!("person-{seed:03}.jpg")), testkit::Jpeg::new(&face).quality(92).encode())?;
    }
    Ok(())
}
