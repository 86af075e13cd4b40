//! The invariant of a worker: nothing of a picture survives into the next. Hundreds of odd files go through one
//! normalizer in shuffled orders, and each must come out, or be refused, as it is alone.

use std::time::Duration;

use sealpress_image::{Normalizer, Policy};
use sealpress_media::Media;
use sealpress_testkit::{
    Exif, IccProfile, Jpeg, JpegFile, Png, PngFile, PngKind, Rng, Sampling, WebP, lossless_jpeg, scene,
};

/// Every maker's files, and each of them without one of its parts or with a part of another.
fn files() -> Vec<(String, Vec<u8>)> {
    let mut out = Vec::new();
    for (n, (width, height)) in [(160, 120), (75, 203), (331, 90)].into_iter().enumerate() {
        let picture = scene(n as u64 + 1, width, height);
        let jpegs = [
            ("plain", Jpeg::new(&picture).quality(75)),
            ("optimised at 20", Jpeg::new(&picture).quality(20).optimized()),
            ("optimised at 95", Jpeg::new(&picture).quality(95).optimized().sampling(Sampling::S444)),
            ("progressive", Jpeg::new(&picture).progressive()),
            ("grey", Jpeg::new(&picture).gray().quality(40)),
            ("restarts", Jpeg::new(&picture).restart(3).sampling(Sampling::S422)),
            ("inks", Jpeg::new(&picture).ycck().quality(60)),
            ("Display P3", Jpeg::new(&picture).icc(IccProfile::DisplayP3)),
            ("turned", Jpeg::new(&picture).exif(Exif::new(6))),
        ];
        for (name, jpeg) in jpegs {
            let whole = jpeg.encode();
            let parts = JpegFile::parse(&whole);
            let mut add = |what: &str, file: Vec<u8>| out.push((format!("{name} {width}×{height}{what}"), file));
            // Motion JPEG leaves the codes out, abbreviated streams the quantizers.
            for (marker, what) in [(0xC4, " without codes"), (0xDB, " without quantizers"), (0xDD, " without restarts")]
            {
                add(what, parts.clone().without(marker).write());
            }
            let (mut first, mut second) = (parts.clone(), parts.clone());
            let mut seen = [0; 2];
            let mut every_other = |marker: u8, keep: usize| {
                let seen = &mut seen[keep];
                *seen += usize::from(marker == 0xDB || marker == 0xC4);
                !(marker == 0xDB || marker == 0xC4) || *seen % 2 == keep
            };
            first.segments.retain(|s| every_other(s.marker, 0));
            second.segments.retain(|s| every_other(s.marker, 1));
            add(" with half of its tables", first.write());
            add(" with the other half", second.write());
            add(" cut", whole[..whole.len() / 2].to_vec());
            add("", whole);
        }
        out.push((format!("lossless {width}×{height}"), lossless_jpeg(&picture, n == 1)));
        for kind in [PngKind::Rgb8, PngKind::Rgba16, PngKind::Palette8, PngKind::Gray1] {
            let whole = Png::new(&picture).kind(kind).icc(IccProfile::AdobeRgb).encode();
            let parts = PngFile::parse(&whole);
            out.push((
                format!("{kind:?} {width}×{height} without its palette"),
                parts.clone().without(b"PLTE").write(),
            ));
            out.push((format!("{kind:?} {width}×{height} cut"), whole[..whole.len() / 2].to_vec()));
            out.push((format!("{kind:?} {width}×{height}"), whole));
        }
        let whole = WebP::new(&picture).encode();
        out.push((format!("WebP {width}×{height} cut"), whole[..whole.len() / 2].to_vec()));
        out.push((format!("WebP {width}×{height}"), whole));
    }
    let folders = [sealpress_testkit::corpus_root(), sealpress_testkit::corpus_root().join("../cases")];
    for folder in folders.map(|folder| folder.join("picture")).into_iter().filter(|f| f.is_dir()) {
        let mut entries: Vec<_> = std::fs::read_dir(folder).expect("a folder").flatten().map(|e| e.path()).collect();
        entries.sort();
        for path in entries.into_iter().filter(|p| p.metadata().is_ok_and(|m| m.len() < 200_000)) {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            out.push((name, std::fs::read(path).expect("a file")));
        }
    }
    out
}

/// A refusal's words, or the bytes and what was warned of.
fn outcome(normalizer: &mut Normalizer, file: &[u8]) -> Result<(Vec<u8>, String), String> {
    let media = Media::sniff(file.to_vec()).map_err(|e| e.to_string())?;
    let done = normalizer.normalize(&media).map_err(|e| format!("{}: {e}", e.kind()))?;
    let said = format!("{:?} {:?}", done.report().actions, done.report().warnings);
    Ok((done.media().bytes().to_vec(), said))
}

#[test]
fn no_outcome_depends_on_the_picture_before() {
    let files = files();
    assert!(files.len() >= 200, "only {} files", files.len());
    let policies = [
        Policy::default().with_time_budget(Duration::from_secs(60)),
        Policy::default().with_longer_side(64).without_pass_through().with_time_budget(Duration::from_secs(60)),
    ];
    for policy in policies {
        let alone: Vec<_> = files.iter().map(|(_, file)| outcome(&mut Normalizer::new(policy.clone()), file)).collect();
        let mut rng = Rng::new(7);
        for _ in 0..4 {
            let mut order: Vec<usize> = (0..files.len()).collect();
            for i in (1..order.len()).rev() {
                order.swap(i, rng.below(i as u32 + 1) as usize);
            }
            let mut worker = Normalizer::new(policy.clone());
            let mut before = "nothing";
            for i in order {
                let (name, file) = &files[i];
                let after = outcome(&mut worker, file);
                assert!(after == alone[i], "{name} behind {before} is not what it is alone");
                before = name;
            }
        }
    }
}
