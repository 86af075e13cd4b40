//! Encoding into warm and fresh buffers next to memcpy and other people's crates.
//!
//! `cargo xtask bench base64`, which is `cargo bench -p sealpress-benches --features simdutf --bench base64`:
//! without the feature no C++ is compiled and that rival is missing. With `SEALPRESS_WRITE_RESULTS=1`
//! it writes `benches/results/base64.md` and the plot.

use std::cell::RefCell;
use std::hint::black_box;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sealpress_base64::{Kernel, encode_to_slice, encoded_len};
use sealpress_benches::measure::{Contender, noise};
use sealpress_benches::report::{Row, publish, ratios, table};

const SIZES: [usize; 7] = [64, 1 << 10, 16 << 10, 64 << 10, 256 << 10, 4 << 20, 17_000_000];

fn main() {
    let warm: Vec<Row> = SIZES.iter().map(|&len| warm(len)).collect();
    let fresh: Vec<Row> = SIZES[2..].iter().map(|&len| fresh(len)).collect();
    let mut text = String::from(
        "GB of input a second (memcpy: of as many bytes as the text has, counted as input), medians of\n\
         short rounds in which all take turns. One core.\n\n\
         ## Warm: all write the same buffer, again and again; bytes and text begin on a cache line\n\n",
    );
    table(&mut text, &warm);
    text += "\n## Fresh: allocation and page faults included\n\n";
    table(&mut text, &fresh);
    for (title, rows) in [("warm", &warm), ("fresh", &fresh)] {
        text += &format!("\n## Ratios, {title}\n\n");
        ratios(
            &mut text,
            rows,
            &[
                ("ours ÷ memcpy", "ours", "memcpy"),
                ("ours ÷ base64-turbo", "ours", "base64-turbo"),
                ("ours ÷ simdutf", "ours", "simdutf"),
                ("ours ÷ base64-simd", "ours", "base64-simd"),
                ("our avx2 ÷ base64-simd", "ours, avx2", "base64-simd"),
            ],
        );
    }
    let steps = [2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0];
    publish("base64", "Base64 encoding, warm buffers, one core", &text, &warm, &steps);
}

/// A buffer whose bytes begin on a cache line.
struct Lined {
    room: Vec<u8>,
    from: usize,
}

impl Lined {
    fn new(bytes: &[u8]) -> Self {
        let mut room = vec![0; bytes.len() + 64];
        let from = room.as_ptr().addr().wrapping_neg() % 64;
        room[from..from + bytes.len()].copy_from_slice(bytes);
        Self { room, from }
    }

    fn bytes(&self) -> &[u8] {
        &self.room[self.from..self.room.len() - 64 + self.from]
    }

    fn bytes_mut(&mut self) -> &mut [u8] {
        let end = self.room.len() - 64 + self.from;
        &mut self.room[self.from..end]
    }
}

fn warm(len: usize) -> Row {
    let bytes = Lined::new(&noise(len));
    let bytes = bytes.bytes();
    let text = Lined::new(STANDARD.encode(bytes).as_bytes());
    let out = RefCell::new(Lined::new(text.bytes()));
    let (text, out) = (text.bytes(), &out);
    let copied = Lined::new(text);
    let mut contenders = vec![
        into("ours", bytes, text, out, |bytes, out| {
            black_box(encode_to_slice(bytes, out));
        }),
        into("base64-turbo", bytes, text, out, |bytes, out| {
            black_box(base64_turbo::STANDARD.encode_slice(bytes, out).is_ok());
        }),
        #[cfg(feature = "simdutf")]
        into("simdutf", bytes, text, out, simdutf_into),
        into("base64-simd", bytes, text, out, |bytes, out| {
            black_box(base64_simd::STANDARD.encode(bytes, base64_simd::Out::from_slice(out)));
        }),
        into("base64", bytes, text, out, |bytes, out| {
            black_box(STANDARD.encode_slice(bytes, out).is_ok());
        }),
    ];
    for (name, label) in [("avx2", "ours, avx2"), ("ssse3", "ours, ssse3"), ("neon", "ours, neon")] {
        let Some(kernel) = Kernel::named(name) else { continue };
        contenders.push(into(label, bytes, text, out, move |bytes, out| {
            black_box(kernel.encode_to_slice(bytes, out));
        }));
    }
    contenders.push(into("memcpy", bytes, text, out, move |_, out| out.copy_from_slice(black_box(copied.bytes()))));
    Row::of(len, contenders)
}

/// Everybody writes into the one buffer, and is right once before it counts.
fn into<'a>(
    name: &'static str,
    bytes: &'a [u8],
    text: &[u8],
    out: &'a RefCell<Lined>,
    encode: impl Fn(&[u8], &mut [u8]) + 'a,
) -> Contender<'a> {
    out.borrow_mut().bytes_mut().fill(0);
    encode(bytes, out.borrow_mut().bytes_mut());
    assert!(out.borrow().bytes() == text, "{name} is wrong");
    Contender::new(name, move || encode(black_box(bytes), black_box(out.borrow_mut().bytes_mut())))
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
            #[cfg(feature = "simdutf")]
            Contender::new("simdutf", || {
                let mut out = vec![0; encoded_len(bytes.len()).unwrap_or(0)];
                simdutf_into(black_box(bytes), &mut out);
                drop(black_box(out));
            }),
            Contender::new("base64-simd", || drop(black_box(base64_simd::STANDARD.encode_to_string(black_box(bytes))))),
            Contender::new("base64", || drop(black_box(STANDARD.encode(black_box(bytes))))),
        ],
    )
}

#[cfg(feature = "simdutf")]
#[expect(unsafe_code, reason = "the rival's only door takes pointers")]
fn simdutf_into(bytes: &[u8], out: &mut [u8]) {
    assert_eq!(Some(out.len()), encoded_len(bytes.len()));
    // SAFETY: reads `bytes` and writes the encoded length, which `out` has.
    black_box(unsafe {
        simdutf::binary_to_base64(bytes.as_ptr(), bytes.len(), out.as_mut_ptr(), simdutf::Base64Options::Default)
    });
}
