//! Encoding into warm and fresh buffers next to memcpy and other people's crates.
//!
//! `cargo bench -p sealpress-benches --bench base64`; prints the tables of
//! `benches/results/base64.md` and, with `SEALPRESS_WRITE_RESULTS=1`, writes them and the plot.

use std::fmt::Write as _;
use std::hint::black_box;
use std::path::Path;

use base64::Engine as _;
use sealpress_base64::{Kernel, encode_to_slice, encoded_len};
use sealpress_benches::measure::{Contender, noise, race, size};

const SIZES: [usize; 7] = [64, 1 << 10, 16 << 10, 64 << 10, 256 << 10, 4 << 20, 17_000_000];

fn main() {
    let warm: Vec<Row> = SIZES.iter().map(|&len| warm(len)).collect();
    let fresh: Vec<Row> = SIZES[2..].iter().map(|&len| fresh(len)).collect();
    let mut text = String::from(
        "GB of input a second (memcpy: of as many bytes as the text has, counted as input), the fastest of many\n\
         short rounds in which all take turns. One core.\n\n## Warm buffers\n\n",
    );
    table(&mut text, &warm);
    text += "\n## Fresh buffers: allocation and page faults included\n\n";
    table(&mut text, &fresh);
    text += "\n## Ratios, warm\n\n";
    ratios(&mut text, &warm);
    println!("{text}");
    if std::env::var_os("SEALPRESS_WRITE_RESULTS").is_some() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
        let head = "# Base64\n\n`SEALPRESS_WRITE_RESULTS=1 cargo bench -p sealpress-benches --bench base64`\n\n";
        std::fs::write(folder.join("results/base64.md"), format!("{head}{text}")).expect("results can be written");
        std::fs::write(folder.join("plots/base64.svg"), plot(&warm)).expect("the plot can be written");
    }
}

/// A length, and GB/s by contender.
struct Row {
    len: usize,
    speeds: Vec<(&'static str, f64)>,
}

impl Row {
    fn of(len: usize, mut contenders: Vec<Contender<'_>>) -> Self {
        race(&mut contenders, if len > 1 << 20 { 60 } else { 200 });
        let speed = |c: &Contender<'_>| (c.name, len as f64 / c.seconds() / 1e9);
        Self { len, speeds: contenders.iter().map(speed).collect() }
    }

    fn speed(&self, name: &str) -> Option<f64> {
        self.speeds.iter().find(|(n, _)| *n == name).map(|(_, speed)| *speed)
    }
}

fn warm(len: usize) -> Row {
    let bytes = &noise(len)[..];
    let length = encoded_len(len).expect("a length that can be counted");
    let text = noise(length);
    let room = || vec![0_u8; length];
    let mut contenders = Vec::new();
    let mut out = room();
    contenders.push(Contender::new("memcpy", move || black_box(&mut out[..]).copy_from_slice(black_box(&text))));
    let mut out = room();
    contenders.push(Contender::new("ours", move || {
        black_box(encode_to_slice(black_box(bytes), &mut out));
    }));
    let mut out = room();
    contenders.push(Contender::new("base64-turbo", move || {
        black_box(base64_turbo::STANDARD.encode_slice(black_box(bytes), &mut out).is_ok());
    }));
    let mut out = room();
    contenders.push(Contender::new("base64-simd", move || {
        black_box(base64_simd::STANDARD.encode(black_box(bytes), base64_simd::Out::from_slice(&mut out)));
    }));
    let mut out = room();
    contenders.push(Contender::new("base64", move || {
        black_box(base64::engine::general_purpose::STANDARD.encode_slice(black_box(bytes), &mut out).is_ok());
    }));
    for (name, label) in [("avx2", "ours, avx2"), ("ssse3", "ours, ssse3"), ("neon", "ours, neon")] {
        let Some(kernel) = Kernel::named(name) else { continue };
        let mut out = room();
        contenders.push(Contender::new(label, move || {
            black_box(kernel.encode_to_slice(black_box(bytes), &mut out));
        }));
    }
    Row::of(len, contenders)
}

fn fresh(len: usize) -> Row {
    let bytes = &noise(len)[..];
    let text = noise(encoded_len(len).expect("a length that can be counted"));
    Row::of(
        len,
        vec![
            Contender::new("memcpy", move || drop(black_box(black_box(&text).clone()))),
            Contender::new("ours", || drop(black_box(sealpress_base64::encode(black_box(bytes))))),
            Contender::new("base64-turbo", || drop(black_box(base64_turbo::STANDARD.encode(black_box(bytes))))),
            Contender::new("base64-simd", || drop(black_box(base64_simd::STANDARD.encode_to_string(black_box(bytes))))),
            Contender::new("base64", || {
                drop(black_box(base64::engine::general_purpose::STANDARD.encode(black_box(bytes))));
            }),
        ],
    )
}

fn table(out: &mut String, rows: &[Row]) {
    let names: Vec<&str> = rows[0].speeds.iter().map(|(name, _)| *name).collect();
    let _ = writeln!(out, "| | {} |\n|---|{}", names.join(" | "), "--:|".repeat(names.len()));
    for row in rows {
        let speeds: Vec<String> = row.speeds.iter().map(|(_, speed)| format!("{speed:.1}")).collect();
        let _ = writeln!(out, "| {} | {} |", size(row.len), speeds.join(" | "));
    }
}

fn ratios(out: &mut String, rows: &[Row]) {
    *out += "| | ours ÷ memcpy | ours ÷ base64-turbo | ours ÷ base64-simd | our avx2 ÷ base64-simd |\n|---|--:|--:|--:|--:|\n";
    for row in rows {
        let ratio = |a: &str, b: &str| match (row.speed(a), row.speed(b)) {
            (Some(a), Some(b)) => format!("{:.2}", a / b),
            _ => "–".to_owned(),
        };
        let cells = [
            ratio("ours", "memcpy"),
            ratio("ours", "base64-turbo"),
            ratio("ours", "base64-simd"),
            ratio("ours, avx2", "base64-simd"),
        ];
        let _ = writeln!(out, "| {} | {} |", size(row.len), cells.join(" | "));
    }
}

/// GB/s over the length, both logarithmic.
fn plot(rows: &[Row]) -> String {
    const WIDTH: f64 = 760.0;
    const HEIGHT: f64 = 420.0;
    const COLOURS: [&str; 8] = ["#888888", "#d62728", "#1f77b4", "#2ca02c", "#9467bd", "#ff9896", "#ffbb78", "#c5b0d5"];
    let (low, high) = (1.0_f64.ln(), 250.0_f64.ln());
    let (left, right) = ((rows[0].len as f64).ln(), (rows[rows.len() - 1].len as f64).ln());
    let x = |len: usize| 60.0 + ((len as f64).ln() - left) / (right - left) * (WIDTH - 220.0);
    let y = |speed: f64| HEIGHT - 40.0 - (speed.max(1.0).ln() - low) / (high - low) * (HEIGHT - 70.0);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" font-family=\"sans-serif\" \
         font-size=\"12\">\n<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n\
         <text x=\"60\" y=\"20\" font-size=\"14\">Base64 encoding, GB of input a second, warm buffers, one core</text>\n"
    );
    for speed in [1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0] {
        let (y, end) = (y(speed), WIDTH - 160.0);
        let _ = writeln!(
            svg,
            "<path d=\"M60 {y:.1}H{end}\" stroke=\"#dddddd\"/><text x=\"52\" y=\"{:.1}\" text-anchor=\"end\">{speed}</text>",
            y + 4.0
        );
    }
    for row in rows {
        let _ = writeln!(
            svg,
            "<text x=\"{:.1}\" y=\"{}\" text-anchor=\"middle\">{}</text>",
            x(row.len),
            HEIGHT - 18.0,
            size(row.len)
        );
    }
    for ((name, _), colour) in rows[0].speeds.iter().zip(COLOURS) {
        let points: Vec<(f64, f64)> = rows.iter().filter_map(|r| Some((x(r.len), y(r.speed(name)?)))).collect();
        let line: Vec<String> = points.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
        let _ = writeln!(
            svg,
            "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>",
            line.join(" ")
        );
    }
    for (at, ((name, _), colour)) in rows[0].speeds.iter().zip(COLOURS).enumerate() {
        let y = 60.0 + 22.0 * at as f64;
        let x = WIDTH - 145.0;
        let _ = writeln!(
            svg,
            "<path d=\"M{x} {y}h20\" stroke=\"{colour}\" stroke-width=\"3\"/><text x=\"{}\" y=\"{}\">{name}</text>",
            x + 27.0,
            y + 4.0
        );
    }
    svg + "</svg>\n"
}
