//! Stages and whole jobs of the normalizer, per format.
//!
//! The pictures are made from a seed: a scene of 12 MP with noise, as a phone would store it.

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use sealpress_image::{Normalizer, Policy, Probe};
use sealpress_media::Media;
use sealpress_testkit::{IccProfile, Jpeg, Png, Rgb, Sampling, WebP, scene};

fn photo(width: u32, height: u32) -> Rgb {
    scene(12, width, height)
}

fn whole(c: &mut Criterion) {
    let large = photo(4032, 3024);
    let medium = photo(1600, 1200);
    // Nothing here encodes HEVC.
    let heic = include_bytes!("../testdata/heic/id-front.heic");
    let jobs = [
        ("jpeg-420-12mp", Jpeg::new(&large).quality(90).encode(), Policy::default()),
        ("jpeg-422-12mp", Jpeg::new(&large).quality(90).sampling(Sampling::S422).encode(), Policy::default()),
        ("jpeg-progressive-12mp", Jpeg::new(&large).quality(90).progressive().encode(), Policy::default()),
        ("jpeg-p3-12mp", Jpeg::new(&large).quality(90).icc(IccProfile::DisplayP3).encode(), Policy::default()),
        ("jpeg-turned-12mp", Jpeg::new(&large).quality(90).orientation(6).encode(), Policy::default()),
        ("jpeg-conforming", Jpeg::new(&medium).encode(), Policy::default()),
        ("jpeg-conforming-again", Jpeg::new(&medium).encode(), Policy::default().without_pass_through()),
        ("png-12mp", Png::new(&large).encode(), Policy::default()),
        ("webp-12mp", WebP::new(&large).encode(), Policy::default()),
        ("heic-rust", heic.to_vec(), Policy::default()),
    ];
    let mut group = c.benchmark_group("image");
    group.sample_size(20);
    for (name, bytes, policy) in jobs {
        let media = Media::sniff(bytes).expect("a picture");
        let mut normalizer = Normalizer::new(policy);
        group.bench_function(name, |b| b.iter(|| normalizer.normalize(&media).expect("sound")));
        // Stages as the report has them, of one warm run.
        let done = normalizer.normalize(&media).expect("sound");
        let t = done.report().timings;
        eprintln!(
            "  {name}: scan {:?}, decode {:?}, transform {:?}, encode {:?}",
            t.scan, t.decode, t.transform, t.encode
        );
    }
    group.finish();
}

fn header(c: &mut Criterion) {
    let media = Media::sniff(Jpeg::new(&photo(1600, 1200)).orientation(6).encode()).expect("a picture");
    c.bench_function("image/probe-jpeg", |b| {
        b.iter_batched(|| media.clone(), |m| Probe::read(&m), BatchSize::SmallInput)
    });
}

criterion_group!(benches, whole, header);
criterion_main!(benches);
