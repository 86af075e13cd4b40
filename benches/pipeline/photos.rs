//! Photos with a manifest: what the benches of the pipeline send.
//!
//! `photos OUT [--count 300] [--per-session 3] [--seed 1] [--mix real|usual|plain|large|small]`
//!
//! `real`: the real JPEGs above 1920 pixels of `../shared/corpus/photos`. The others are made from a seed: eleven different photos of documents on a table (`usual`: 8 to 24 MP, qualities and turns as phones
//! write them, two of eleven with a Display P3 profile; `plain`: the same without profiles; `large`: 12 to
//! 50 MP; `small`: 320 x 240) are drawn once; every file is one of them with a comment of its own, so that no two files
//! have the same bytes and no decoder sees a picture that is simpler than a photo.

use std::fs;
use std::path::{Path, PathBuf};

use sealpress_testkit::{Exif, IccProfile, Jpeg, Sampling, Shot, photograph};

const CONTEXTS: [&str; 3] = ["document-front", "document-back", "face"];

/// One of the eleven: size, quality, orientation, sampling, profile.
type Model = (u32, u32, u8, u16, Sampling, bool);

const USUAL: [Model; 11] = [
    (4032, 3024, 90, 1, Sampling::S420, false),
    (4032, 3024, 92, 6, Sampling::S420, true),
    (3264, 2448, 88, 1, Sampling::S420, false),
    (4000, 3000, 95, 6, Sampling::S420, false),
    (4608, 3456, 90, 1, Sampling::S422, false),
    (4032, 3024, 90, 8, Sampling::S420, true),
    (4624, 3468, 85, 6, Sampling::S420, false),
    (5664, 4248, 88, 1, Sampling::S420, false),
    (3840, 2160, 90, 1, Sampling::S420, false),
    (4080, 3072, 93, 6, Sampling::S420, false),
    (4160, 3120, 90, 3, Sampling::S422, false),
];

const LARGE: [(u32, u32); 11] = [
    (4032, 3024),
    (5664, 4248),
    (8160, 6144),
    (4032, 3024),
    (6936, 5202),
    (4608, 3456),
    (8160, 6120),
    (4032, 3024),
    (5712, 4284),
    (7680, 5760),
    (4000, 3000),
];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let out = PathBuf::from(args.next().ok_or("photos OUT [--count N] [--per-session N] [--seed N] [--mix NAME]")?);
    let (mut count, mut per_session, mut seed, mut mix) = (300_usize, 3_usize, 1_u64, "usual".to_owned());
    while let Some(flag) = args.next() {
        let value = args.next().ok_or("a flag without its value")?;
        match flag.as_str() {
            "--count" => count = value.parse()?,
            "--per-session" => per_session = value.parse()?,
            "--seed" => seed = value.parse()?,
            "--mix" => mix = value,
            _ => return Err(format!("no such flag: {flag}").into()),
        }
    }
    let done = out.join("manifest.csv");
    let stamp = format!("# {count} {per_session} {seed} {mix}");
    if fs::read_to_string(out.join("made-by.txt")).is_ok_and(|s| s == stamp) {
        println!("{}", done.display());
        return Ok(());
    }
    fs::create_dir_all(&out)?;
    let mut rows = vec![String::new(); count];
    let kinds = if mix == "real" { real()? } else { models(&mix)?.map(Photo::Made).into() };
    for (n, photo) in kinds.iter().enumerate() {
        let (head, tail) = halves(photo.file(seed.wrapping_add(n as u64))?);
        for i in (n..count).step_by(kinds.len()) {
            let name = format!("{i:05}.jpg");
            fs::write(out.join(&name), [head.as_slice(), &comment(i), &tail].concat())?;
            rows[i] = format!("s{},{},{name}\n", i / per_session, CONTEXTS[i % per_session % CONTEXTS.len()]);
        }
        eprintln!("{} of {}: {:.1} MB", n + 1, kinds.len(), tail.len() as f64 / 1e6);
    }
    fs::write(&done, format!("subject,context,media\n{}", rows.concat()))?;
    fs::write(out.join("made-by.txt"), stamp)?;
    println!("{}", done.display());
    Ok(())
}

/// Where a photo comes from.
enum Photo {
    Made(Model),
    Real(PathBuf),
}

impl Photo {
    fn file(&self, seed: u64) -> std::io::Result<Vec<u8>> {
        let (width, height, quality, orientation, sampling, p3) = match self {
            Self::Real(path) => return fs::read(path),
            Self::Made(model) => *model,
        };
        let document = sealpress_testkit::scene(seed, 1600, 1008);
        let picture = photograph(&document, &Shot::new(width, height).noise(1.5), seed);
        let mut jpeg = Jpeg::new(&picture).quality(quality).sampling(sampling).exif(Exif::new(orientation));
        if p3 {
            jpeg = jpeg.icc(IccProfile::DisplayP3);
        }
        Ok(jpeg.encode())
    }
}

/// The real photos, by name.
fn real() -> Result<Vec<Photo>, Box<dyn std::error::Error>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/corpus/photos");
    let mut paths = Vec::new();
    for entry in fs::read_dir(&folder).map_err(|e| format!("{}: {e}", folder.display()))? {
        let path = entry?.path();
        if path.extension().is_some_and(|e| e.eq_ignore_ascii_case("jpg")) {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths.into_iter().map(Photo::Real).collect())
}

/// The kinds that a mix is made of.
fn models(mix: &str) -> Result<[Model; 11], String> {
    let mut models = USUAL;
    for (model, large) in models.iter_mut().zip(LARGE) {
        match mix {
            "usual" => {}
            "plain" => model.5 = false,
            "large" => (model.0, model.1) = large,
            "small" => (model.0, model.1) = (320, 240),
            _ => return Err("--mix wants real, usual, plain, large or small".into()),
        }
    }
    Ok(models)
}

/// A file in two parts, between which a comment may stand: behind the APP segments.
fn halves(mut head: Vec<u8>) -> (Vec<u8>, Vec<u8>) {
    let mut at = 2;
    while let [0xFF, 0xE0..=0xEF, high, low, ..] = head[at..] {
        at += 2 + usize::from(u16::from_be_bytes([high, low]));
    }
    let tail = head.split_off(at);
    (head, tail)
}

/// A COM segment that no other file has.
fn comment(n: usize) -> Vec<u8> {
    let text = format!("photo {n:08}");
    let mut segment = vec![0xFF, 0xFE, 0, u8::try_from(text.len() + 2).unwrap_or(u8::MAX)];
    segment.extend(text.bytes());
    segment
}
