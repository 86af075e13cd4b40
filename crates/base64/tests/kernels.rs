//! Every kernel that this CPU runs, against the scalar one and two crates of other hands.

mod common;

use base64::Engine as _;
use sealpress_base64::{Kernel, encode, encode_append, encode_into, encode_to_slice, encoded_len};

/// The kernels of this architecture, in the order of `Kernel::all`.
const KNOWN: &[&str] = if cfg!(target_arch = "x86_64") {
    &["avx512-vbmi", "avx2", "ssse3", "portable", "scalar"]
} else if cfg!(target_arch = "aarch64") {
    &["neon", "portable", "scalar"]
} else {
    &["portable", "scalar"]
};

fn scalar() -> Kernel {
    Kernel::named("scalar").expect("the scalar kernel runs everywhere")
}

fn encode_with(kernel: Kernel, bytes: &[u8]) -> Vec<u8> {
    let mut text = vec![0; encoded_len(bytes.len()).expect("short inputs fit")];
    assert_eq!(kernel.encode_to_slice(bytes, &mut text).map(|text| text.len()), encoded_len(bytes.len()));
    text
}

#[test]
fn vectors_of_rfc_4648() {
    const VECTORS: [(&str, &str); 7] = [
        ("", ""),
        ("f", "Zg=="),
        ("fo", "Zm8="),
        ("foo", "Zm9v"),
        ("foob", "Zm9vYg=="),
        ("fooba", "Zm9vYmE="),
        ("foobar", "Zm9vYmFy"),
    ];
    for (bytes, text) in VECTORS {
        for kernel in Kernel::all() {
            assert_eq!(encode_with(kernel, bytes.as_bytes()), text.as_bytes(), "{kernel:?} of {bytes:?}");
        }
        assert_eq!(encode(bytes.as_bytes()), text);
        let mut appended = String::from("before ");
        encode_append(bytes.as_bytes(), &mut appended);
        assert_eq!(appended, format!("before {text}"));
    }
}

/// Every index of six bits, at every place of a group.
#[test]
fn every_letter_at_every_place() {
    let groups: Vec<u8> = (0..=u8::MAX).flat_map(|b| [b, b.wrapping_mul(3), b.rotate_left(3), !b, b, b]).collect();
    let all: Vec<u8> = (0..64_u32)
        .flat_map(|six| (0..4).map(move |place| six << (6 * place)))
        .flat_map(|group| group.to_be_bytes()[1..].to_vec())
        .collect();
    for bytes in [groups, all] {
        let text = base64::engine::general_purpose::STANDARD.encode(&bytes);
        for kernel in Kernel::all() {
            assert_eq!(encode_with(kernel, &bytes), text.as_bytes(), "{kernel:?}");
        }
    }
}

/// Lengths 0 to 4,096 at all alignments to 63 of either end, source and text between unmapped
/// pages, with the bytes around the text watched.
#[test]
#[cfg(unix)]
fn exhaustively() {
    const LONGEST: usize = 4096;
    let (longest, alignments): (usize, Vec<usize>) = match common::quick() {
        true => (300, vec![0, 1, 2, 3, 15, 16, 17, 31, 33, 63]),
        false => (LONGEST, (0..64).collect()),
    };
    let missing: Vec<_> = KNOWN.iter().filter(|name| Kernel::named(name).is_none()).collect();
    if !missing.is_empty() {
        common::not_on_this_cpu(&format!("what {missing:?} needs"));
    }
    let noise = common::noise(LONGEST);
    let workers: Vec<_> = Kernel::all()
        .map(|kernel| {
            let (noise, alignments) = (noise.clone(), alignments.clone());
            std::thread::spawn(move || between_guards(kernel, &noise[..longest], &alignments))
        })
        .collect();
    let compared: usize = workers.into_iter().map(|worker| worker.join().expect("no kernel differs")).sum();
    assert_eq!(compared, (longest + 1) * alignments.len() * 2 * Kernel::all().count());
}

#[cfg(unix)]
fn between_guards(kernel: Kernel, noise: &[u8], alignments: &[usize]) -> usize {
    const UNTOUCHED: u8 = 0x2a;
    let mut source = common::guarded::Guarded::new(noise.len() + 64);
    let mut target = common::guarded::Guarded::new(encoded_len(noise.len()).expect("short inputs fit") + 64);
    let mut compared = 0;
    for len in 0..=noise.len() {
        let bytes = &noise[noise.len() - len..];
        let text = encode_with(scalar(), bytes);
        assert_eq!(text, base64_simd::STANDARD.encode_to_string(bytes).as_bytes(), "base64-simd at {len}");
        assert_eq!(text, base64_turbo::STANDARD.encode(bytes).as_bytes(), "base64-turbo at {len}");
        for &alignment in alignments {
            for at_end in [false, true] {
                // The text stands at another alignment than the source.
                let (source, target) = (source.bytes(), target.bytes());
                let spare = 63 - alignment;
                let (from, to) = match at_end {
                    false => (alignment, spare),
                    true => (source.len() - len - alignment, target.len() - text.len() - spare),
                };
                let bytes_here = &mut source[from..from + len];
                bytes_here.copy_from_slice(bytes);
                let around = to.saturating_sub(64)..(to + text.len() + 64).min(target.len());
                target[around.clone()].fill(UNTOUCHED);
                let out = &mut target[to..to + text.len()];
                assert!(kernel.encode_to_slice(bytes_here, out).is_some_and(|out| out == text), "{kernel:?} at {len}");
                let untouched = |bytes: &[u8]| bytes.iter().all(|&b| b == UNTOUCHED);
                assert!(untouched(&target[around.start..to]), "{kernel:?} at {len} wrote before the text");
                assert!(untouched(&target[to + text.len()..around.end]), "{kernel:?} at {len} wrote behind the text");
                compared += 1;
            }
        }
    }
    compared
}

/// Long texts are stored in other ways than short ones: on the boundaries of lines from 1 MiB, past
/// the caches from 12 MiB. Guard pages stand behind both buffers, then before both.
#[test]
#[cfg(unix)]
fn long_texts_at_many_alignments() {
    const UNTOUCHED: u8 = 0x2a;
    let noise = common::noise(9_500_000);
    let mut source = common::guarded::Guarded::new(noise.len() + 64);
    let mut target = common::guarded::Guarded::new(encoded_len(noise.len()).expect("inputs fit") + 64);
    let mib = 786_432;
    let every: Vec<usize> = (0..64).collect();
    for (len, alignments) in [
        (mib - 1, &every[..]),
        (mib + 64, &every[..]),
        (mib * 12 - 3, &[0, 5, 16]),
        (mib * 12, &[0, 1, 2, 3, 4, 8, 15, 16, 32, 48, 60, 61, 63]),
        (mib * 12 + 47, &[0, 1, 16, 63]),
        (noise.len(), &[0, 2, 16, 60]),
    ] {
        let text = base64_simd::STANDARD.encode_to_string(&noise[..len]);
        let most = if common::quick() { 2 } else { 64 };
        for (&alignment, at_end) in alignments.iter().take(most).flat_map(|a| [(a, false), (a, true)]) {
            let (source, target) = (source.bytes(), target.bytes());
            let (from, to) = match at_end {
                false => (63 - alignment, alignment),
                true => (source.len() - len - (63 - alignment), target.len() - text.len() - alignment),
            };
            source[from..from + len].copy_from_slice(&noise[..len]);
            let around = to.saturating_sub(64)..(to + text.len() + 64).min(target.len());
            target[around.clone()].fill(UNTOUCHED);
            for kernel in [Kernel::best(), Kernel::all().nth(1).expect("there are always two")] {
                let out = kernel.encode_to_slice(&source[from..from + len], &mut target[to..to + text.len()]);
                assert!(out.is_some_and(|out| out == text.as_bytes()), "{kernel:?} of {len} at {alignment}");
                let untouched = |bytes: &[u8]| bytes.iter().all(|&b| b == UNTOUCHED);
                assert!(untouched(&target[around.start..to]), "{kernel:?} of {len} wrote before the text");
                assert!(untouched(&target[to + text.len()..around.end]), "{kernel:?} of {len} wrote behind the text");
            }
        }
    }
}

#[test]
fn no_kernel_writes_where_the_text_does_not_fit() {
    for kernel in Kernel::all() {
        for len in 1..200 {
            let mut short = vec![7; encoded_len(len).unwrap() - 1];
            assert!(kernel.encode_to_slice(&vec![1; len], &mut short).is_none(), "{kernel:?}");
            assert!(short.iter().all(|&b| b == 7), "{kernel:?}");
        }
    }
    assert!(encode_into(b"abc", &mut []).is_none());
    assert_eq!(encode_to_slice(b"", &mut []).as_deref(), Some(&b""[..]));
}

#[test]
fn lengths_are_counted_or_refused() {
    for (len, text) in [(0, 0), (1, 4), (2, 4), (3, 4), (4, 8), (17_000_000, 22_666_668)] {
        assert_eq!(encoded_len(len), Some(text));
    }
    let most = usize::MAX / 4 * 3;
    assert_eq!(encoded_len(most), Some(usize::MAX - 3));
    assert_eq!(encoded_len(most + 1), None);
    assert_eq!(encoded_len(usize::MAX), None);
}

/// `cpus.sh` says which kernel its emulated CPU has to choose.
#[test]
fn the_best_kernel_is_the_first_and_the_one_expected() {
    assert_eq!(Some(Kernel::best()), Kernel::all().next());
    let names: Vec<_> = Kernel::all().map(Kernel::name).collect();
    assert!(names.iter().all(|name| KNOWN.contains(name)), "{names:?}");
    assert!(names.ends_with(&["portable", "scalar"]), "{names:?}");
    if let Ok(expected) = std::env::var("SEALPRESS_EXPECT_KERNEL") {
        assert_eq!(Kernel::best().name(), expected);
    }
}
