//! The JPEG decoder on real photos beside libjpeg-turbo and zune-jpeg.
//!
//! First a table: everybody in turns on every photo, CPU time of the thread, medians. Then the usual
//! groups, on a few of them, in CPU time too: the machines that this runs on are busy.

use std::path::PathBuf;
use std::time::Duration;

use criterion::measurement::{Measurement, ValueFormatter, WallTime};
use criterion::{Criterion, criterion_group, criterion_main};
use rustix::time::{ClockId, clock_gettime};
use sealpress_jpeg::{Buffers, Decoder, Limits, Scale};
use turbojpeg::{ScalingFactor, YuvImage};

const LIMITS: Limits = Limits { max_scans: 500, max_pixels: 200_000_000 };
/// Rounds of the table.
const ROUNDS: usize = 9;

/// CPU time that this thread used.
fn cpu() -> Duration {
    let now = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(now.tv_sec.unsigned_abs(), now.tv_nsec.unsigned_abs() as u32)
}

/// Measures by [`cpu`].
struct ThreadTime;

impl Measurement for ThreadTime {
    type Intermediate = Duration;
    type Value = Duration;

    fn start(&self) -> Duration {
        cpu()
    }

    fn end(&self, start: Duration) -> Duration {
        cpu().saturating_sub(start)
    }

    fn add(&self, a: &Duration, b: &Duration) -> Duration {
        *a + *b
    }

    fn zero(&self) -> Duration {
        Duration::ZERO
    }

    fn to_f64(&self, value: &Duration) -> f64 {
        WallTime.to_f64(value)
    }

    fn formatter(&self) -> &dyn ValueFormatter {
        WallTime.formatter()
    }
}

/// Planes that are given back, as a worker keeps them.
#[derive(Default)]
struct Pool(Vec<Vec<u8>>);

impl Buffers for Pool {
    fn take(&mut self, len: usize) -> Vec<u8> {
        let fits = self.0.iter().position(|b| b.capacity() >= len);
        let mut buffer = fits.map_or_else(|| vec![0; len], |i| self.0.swap_remove(i));
        buffer.resize(len, 0);
        buffer
    }

    fn give(&mut self, buffer: Vec<u8>) {
        self.0.push(buffer);
    }
}

/// Every decoder with what it keeps from picture to picture.
struct Contenders {
    ours: Decoder,
    turbo: turbojpeg::Decompressor,
    pool: Pool,
    pixels: Vec<u8>,
}

const NAMES: [&str; 6] = ["ours half", "turbo half", "ours full", "turbo full", "zune full", "ours verify"];

impl Contenders {
    fn new() -> Self {
        let turbo = turbojpeg::Decompressor::new().expect("libjpeg-turbo");
        Self { ours: Decoder::new(), turbo, pool: Pool::default(), pixels: Vec::new() }
    }

    fn run(&mut self, name: &str, jpeg: &[u8]) {
        match name {
            "ours half" => self.ours(jpeg, Scale::Half),
            "ours full" => self.ours(jpeg, Scale::Full),
            "ours verify" => self.ours.verify(jpeg, LIMITS).result.expect("a whole file"),
            "turbo half" => self.turbo(jpeg, ScalingFactor::ONE_HALF),
            "turbo full" => self.turbo(jpeg, ScalingFactor::ONE),
            // To interleaved samples with chroma upsampled: it has no planes.
            _ => {
                use zune_jpeg::zune_core::{colorspace::ColorSpace, options::DecoderOptions};
                let options = DecoderOptions::default().jpeg_set_out_colorspace(ColorSpace::YCbCr);
                let mut zune = zune_jpeg::JpegDecoder::new_with_options(std::io::Cursor::new(jpeg), options);
                zune.decode_headers().expect("a photo");
                self.pixels.resize(zune.output_buffer_size().expect("a size"), 0);
                zune.decode_into(&mut self.pixels).expect("a photo");
            }
        }
    }

    fn ours(&mut self, jpeg: &[u8], scale: Scale) {
        let planes = self.ours.planes(jpeg, scale, LIMITS, &mut self.pool).expect("a well-formed file");
        planes.into_iter().for_each(|p| self.pool.give(p.data));
    }

    fn turbo(&mut self, jpeg: &[u8], factor: ScalingFactor) {
        let header = self.turbo.read_header(jpeg).expect("a photo");
        self.turbo.set_scaling_factor(factor).expect("a factor");
        let (width, height) = (factor.scale(header.width), factor.scale(header.height));
        let len = turbojpeg::yuv_pixels_len(width, 1, height, header.subsamp).expect("a size");
        self.pixels.resize(len, 0);
        let image = YuvImage { pixels: &mut self.pixels[..], width, align: 1, height, subsamp: header.subsamp };
        self.turbo.decompress_to_yuv(jpeg, image).expect("a photo");
    }
}

/// The real photos beside the repository.
fn photos() -> Vec<(String, Vec<u8>)> {
    let folder = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/corpus/photos"));
    let mut paths: Vec<PathBuf> =
        std::fs::read_dir(&folder).map(|entries| entries.flatten().map(|e| e.path()).collect()).unwrap_or_default();
    paths.retain(|p| p.extension().is_some_and(|e| e.eq_ignore_ascii_case("jpg")));
    paths.sort();
    if paths.is_empty() {
        eprintln!("SKIPPED: no photos in {}", folder.display());
    }
    let name = |p: &PathBuf| p.file_stem().map(|s| s.to_string_lossy().chars().take(36).collect()).unwrap_or_default();
    paths.iter().map(|p| (name(p), std::fs::read(p).expect("a readable photo"))).collect()
}

fn table(photos: &[(String, Vec<u8>)]) {
    let mut contenders = Contenders::new();
    println!("CPU milliseconds, medians of {ROUNDS} rounds in turns\n");
    println!("| photo | MB | {} | half: turbo ÷ ours | full |", NAMES.join(" | "));
    println!("|---|--:|{}", "--:|".repeat(NAMES.len() + 2));
    let mut ratios = [Vec::new(), Vec::new()];
    for (name, jpeg) in photos {
        let mut rounds = [const { Vec::new() }; NAMES.len()];
        for _ in 0..ROUNDS {
            for (name, rounds) in NAMES.iter().zip(&mut rounds) {
                let start = cpu();
                contenders.run(name, jpeg);
                rounds.push((cpu() - start).as_secs_f64() * 1e3);
            }
        }
        let ms = rounds.map(median);
        let [half, full] = [ms[1] / ms[0], ms[3] / ms[2]];
        ratios[0].push(half);
        ratios[1].push(full);
        let cells: Vec<String> = ms.iter().map(|ms| format!("{ms:.1}")).collect();
        println!("| {name} | {:.2} | {} | {half:.2} | {full:.2} |", jpeg.len() as f64 / 1e6, cells.join(" | "));
    }
    let [half, full] = ratios.map(median);
    println!("\nmedian of the ratios: half {half:.2}, full {full:.2}\n");
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

fn decoders(c: &mut Criterion<ThreadTime>) {
    let photos = photos();
    table(&photos);
    let mut contenders = Contenders::new();
    for (photo, jpeg) in photos.iter().step_by(5) {
        let mut group = c.benchmark_group(format!("jpeg/{photo}"));
        group.sample_size(20);
        for name in NAMES {
            group.bench_function(name, |b| b.iter(|| contenders.run(name, jpeg)));
        }
        group.finish();
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default().with_measurement(ThreadTime);
    targets = decoders
}
criterion_main!(benches);
