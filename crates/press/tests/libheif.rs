//! The feature `libheif`: what our own HEIF reader refuses, in the isolated press and nowhere else.
#![cfg(all(feature = "libheif", target_os = "linux"))]

use sealpress_media::{Media, RefusalKind};
use sealpress_press::{Error, InProcess, Isolated, Policies, Press, WorkerLimits};

/// 64 × 48 pixels in four quarters, red and green above, blue and white below, by libavif (`speed=6`, 4:4:4).
const AVIF: &str = "\
    00000020667479706176696600000000617669666d6966316d6961664d413141000000eb6d657461000000000000002168646c720000\
    00000000000070696374000000000000000000000000000000000e7069746d0000000000010000001e696c6f63000000004400000100\
    010000000100000113000000480000002869696e660000000000010000001a696e6665020000000001000061763031436f6c6f720000\
    00006a697072700000004b6970636f000000146973706500000000000000400000003000000010706978690000000003080808000000\
    0c617631438120000000000013636f6c726e636c780001000d0006800000001769706d61000000000000000100010401028304000000\
    506d64617412000a0938157fbda404341a403239444088d4a0003c800100cfca311b90c559d44b7c55b67f4437a218e1bf114cd1223c\
    382d73a64d5c2961732defb22fc4ff45b8241924228c80";

/// The middle of each quarter, and its colour.
const QUARTERS: [(u32, u32, [u8; 3]); 4] =
    [(16, 12, [220, 40, 40]), (48, 12, [40, 160, 60]), (16, 36, [40, 70, 200]), (48, 36, [240, 240, 240])];

fn avif() -> Media {
    let digits: Vec<u8> = AVIF.bytes().filter_map(|c| char::from(c).to_digit(16)).map(|d| d as u8).collect();
    let bytes: Vec<u8> = digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect();
    Media::sniff(bytes).expect("AVIF counts as HEIF with this feature")
}

#[test]
fn avif_comes_out_of_a_locked_down_worker() {
    let pressed = Isolated::new(Policies::default()).press(&avif()).unwrap();
    assert_eq!(pressed.media.format(), sealpress_media::Format::Jpeg);
    let notes: Vec<&str> = pressed.summary.warnings.iter().map(|note| note.text.as_str()).collect();
    assert!(notes.iter().any(|text| text.contains("libheif")), "{notes:?}");
    let picture = image::load_from_memory(pressed.media.bytes()).unwrap().to_rgb8();
    assert_eq!(picture.dimensions(), (64, 48));
    for (x, y, colour) in QUARTERS {
        let got = picture.get_pixel(x, y).0;
        assert!(got.iter().zip(colour).all(|(a, b)| a.abs_diff(b) <= 6), "{x}, {y}: {got:?} for {colour:?}");
    }
}

#[test]
fn this_process_refuses_it_and_so_does_a_worker_without_native_code() {
    let kind = |error: Error| match error {
        Error::Refused(refusal) => refusal.kind(),
        other => panic!("{other:?}"),
    };
    let refused = InProcess::new(Policies::default()).press(&avif()).unwrap_err();
    assert_eq!(kind(refused), RefusalKind::UnsupportedFormat);
    let mut limits = WorkerLimits::default();
    limits.native_hevc = false;
    let refused = Isolated::new(Policies::default()).with_limits(limits).press(&avif()).unwrap_err();
    assert_eq!(kind(refused), RefusalKind::UnsupportedFormat);
}

#[test]
fn damage_is_the_files_fault() {
    let whole = avif().into_bytes();
    let press = Isolated::new(Policies::default());
    for cut in [whole.len() * 2 / 3, whole.len() - 8] {
        let error = press.press(&Media::sniff(whole.slice(..cut)).unwrap()).unwrap_err();
        assert_eq!(error.fault(), sealpress_media::Fault::Input, "{cut}: {error:?}");
    }
}
