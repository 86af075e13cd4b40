//! From the file in memory to a signed body: what comes on top of the hash.
//!
//! `cargo xtask bench sign`; with `SEALPRESS_WRITE_RESULTS=1` it writes `benches/results/sign.md` and
//! the plot.

use std::hint::black_box;

use base64::Engine as _;
use hmac::{Hmac, KeyInit, Mac};
use sealpress_benches::measure::{Contender, noise};
use sealpress_benches::report::{Row, publish, ratios, table};
use sealpress_client::sign::{BodyPool, Encoding, Frame, Key, Scheme, sign, sign_whole};
use sealpress_client::{Context, SessionId, SignedBody, Upload};
use sealpress_media::Media;
use sha2::Sha256;

const SIZES: [usize; 8] = [64, 1 << 10, 16 << 10, 64 << 10, 256 << 10, 1 << 20, 4 << 20, 17_000_000];
const SECRET: &[u8] = b"sandbox-shared-secret-0001";

fn main() {
    let rows: Vec<Row> = SIZES.iter().map(|&len| row(len)).collect();
    let mut text = String::from(
        "GB of input (the file) a second, medians of rounds in which all take turns. One core. The body is\n\
         Veriff's: `{\"image\":{\"context\":…,\"content\":\"data:image/jpeg;base64,…\"}}`.\n\n\
         * hash alone: HMAC-SHA256 by the crates `hmac` and `sha2` over a body that lies ready in memory\n\
         * whole: one pass (frame, base64, HMAC) into a buffer of a pool\n\
         * sign: one pass that stores nothing\n\
         * sign + send: the same, and every piece of the body encoded again as sending does it\n\
         * naive: `format!` of a data URI by the crate `base64`, a struct, `serde_json::to_vec`, `hmac`\n\n",
    );
    table(&mut text, &rows);
    text += "\n## Time over the time of the hash alone, and of the naive way over ours\n\n";
    ratios(
        &mut text,
        &rows,
        &[
            ("whole ÷ hash", "hash alone", "whole"),
            ("sign ÷ hash", "hash alone", "sign"),
            ("sign + send ÷ hash", "hash alone", "sign + send"),
            ("naive ÷ whole", "whole", "naive"),
            ("naive ÷ sign + send", "sign + send", "naive"),
        ],
    );
    publish("sign", "From file to signed body, one core", &text, &rows, &[0.05, 0.1, 0.2, 0.5, 1.0, 2.0]);
}

/// What the naive way hands to serde.
#[derive(serde::Serialize)]
struct Payload<'a> {
    image: Image<'a>,
}

#[derive(serde::Serialize)]
struct Image<'a> {
    context: &'a str,
    content: String,
}

fn naive(bytes: &[u8]) -> (Vec<u8>, [u8; 32]) {
    let content = format!("data:image/jpeg;base64,{}", base64::engine::general_purpose::STANDARD.encode(bytes));
    let payload = Payload { image: Image { context: "document-front", content } };
    let body = serde_json::to_vec(&payload).expect("text is JSON");
    let signature = hmac(&body);
    (body, signature)
}

fn hmac(body: &[u8]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET).expect("any length is a key");
    mac.update(body);
    mac.finalize().into_bytes().into()
}

/// As the HTTP stack reads it.
fn drain(signed: &SignedBody) {
    let mut body = signed.body();
    while let Some(part) = body.next_part() {
        black_box(&part);
    }
}

fn row(len: usize) -> Row {
    let mut bytes = noise(len);
    // A JPEG as far as its magic bytes go, which is as far as anybody looks here.
    bytes[..4].copy_from_slice(&[0xFF, 0xD8, 0xFF, 0xE0]);
    let media = Media::sniff(bytes).expect("it begins as a JPEG");
    let raw = media.bytes().clone();
    let session = SessionId::new("7c2f0a2e-6d2b-4a8e-9c55-0c6d1f0b9e21").expect("an id");
    let upload = &Upload::new(session, Context::DocumentFront, media);
    let prefix = r#"{"image":{"context":"document-front","content":"data:image/jpeg;base64,"#;
    let framed = || Frame::new(prefix, upload.media.bytes().clone(), Encoding::Base64, r#""}}"#);
    let key = &Key::from_bytes(SECRET);
    let scheme = || Scheme::Hmac { key, before: &[] };
    let two_passes = move || sign(upload, framed(), scheme(), None).expect("it can be signed");
    let pool = BodyPool::new(1);
    let whole = move || sign_whole(upload, framed(), scheme(), None, &pool).expect("it can be signed");

    // Everybody makes the same bytes and the same signature.
    let (body, signature) = naive(&raw);
    for signed in [two_passes(), whole()] {
        let mut sent = signed.body();
        let sent: Vec<u8> = std::iter::from_fn(|| sent.next_part()).flatten().collect();
        assert!(sent == body && signed.signature().is_some_and(|s| *s.as_bytes() == signature));
    }
    Row::of(
        len,
        vec![
            Contender::new("hash alone", || {
                black_box(hmac(black_box(&body)));
            }),
            Contender::new("whole", || drop(black_box(whole()))),
            Contender::new("sign", || drop(black_box(two_passes()))),
            Contender::new("sign + send", || drain(&two_passes())),
            Contender::new("naive", || drop(black_box(naive(black_box(&raw))))),
        ],
    )
}
