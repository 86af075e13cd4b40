//! The trimmer in process: cost follows the kept pages, and what it costs to look for empty ones.

#[path = "rivals/pdf/make.rs"]
mod make;

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use make::Kind;
use sealpress_media::Media;
use sealpress_pdf::{Policy, Probe, Trimmer};

fn media(kind: Kind, pages: u32) -> Media {
    let mut file = Vec::new();
    make::make(kind, pages, &mut file).expect("memory takes everything");
    Media::sniff(file).expect("a PDF")
}

fn trim(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("trim");
    for (name, kind, pages) in [
        ("plain-500", Kind::Plain, 500),
        ("plain-5000", Kind::Plain, 5_000),
        ("plain-50000", Kind::Plain, 50_000),
        ("packed-500", Kind::Packed, 500),
        ("packed-5000", Kind::Packed, 5_000),
    ] {
        let media = media(kind, pages);
        group.bench_function(name, |bencher| {
            let mut trimmer = Trimmer::new(Policy::default().keeping_empty_pages());
            bencher.iter(|| trimmer.trim(black_box(&media)).expect("five pages"));
        });
    }
    group.finish();
}

fn judge(criterion: &mut Criterion) {
    let media = media(Kind::Plain, 500);
    let mut group = criterion.benchmark_group("judge");
    group.throughput(Throughput::Elements(5));
    for (name, drop) in [("five-text-pages", true), ("five-pages-unseen", false)] {
        group.bench_function(name, |bencher| {
            let mut trimmer =
                Trimmer::new(if drop { Policy::default() } else { Policy::default().keeping_empty_pages() });
            bencher.iter(|| trimmer.trim(black_box(&media)).expect("five pages"));
        });
    }
    group.finish();
}

fn probe(criterion: &mut Criterion) {
    let media = media(Kind::Plain, 500);
    criterion
        .bench_function("probe/plain-500", |bencher| bencher.iter(|| Probe::read(black_box(&media)).expect("a PDF")));
}

criterion_group!(benches, trim, judge, probe);
criterion_main!(benches);
