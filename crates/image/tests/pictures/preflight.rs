//! How good a picture is, by each way that it may take: encoded, passed through, refused.

use crate::support::{actions, normalize};
use sealpress_image::{ErrorKind, Normalizer, Policy};
use sealpress_media::{FindingCode, Media, Preflight, Quality};
use sealpress_testkit::{Jpeg, Png, PngKind, Rgb, WebP, driving_licence};

fn quality(policy: &Policy, file: Vec<u8>) -> Quality {
    let done = normalize(policy.clone(), file);
    done.report().judged.clone().expect("a judgement").quality
}

#[test]
fn what_passes_is_judged_as_what_is_encoded() {
    let card = driving_licence(1, 960);
    let encoded = quality(&Policy::default().without_pass_through(), Jpeg::new(&card).quality(95).encode());
    for (name, file) in [
        ("baseline", Jpeg::new(&card).quality(95).encode()),
        ("progressive", Jpeg::new(&card).quality(95).progressive().encode()),
        ("PNG", Png::new(&card).encode()),
        ("PNG of a grey level in sixteen bits", Png::new(&card).kind(PngKind::Gray16).encode()),
        ("PNG of sixteen bits", Png::new(&card).kind(PngKind::Rgb16).encode()),
        ("WebP", WebP::new(&card).encode()),
    ] {
        let done = normalize(Policy::default(), file);
        assert!(actions(&done).contains(&"passed-through"), "{name}: {:?}", actions(&done));
        let quality = done.report().judged.clone().expect(name).quality;
        let near = |a: f64, b: f64, by: f64| (a - b).abs() <= by;
        let sharpness = [&quality, &encoded].map(|q| q.sharpness.expect("sharp enough to be judged"));
        assert!(near(sharpness[0], sharpness[1], 0.02), "{name}: {quality:?}, {encoded:?}");
        assert!(near(quality.p50, encoded.p50, 2.0) && near(quality.p99, encoded.p99, 2.0), "{name}: {quality:?}");
    }
}

#[test]
fn policies_say_measure_and_refuse() {
    let empty = Rgb::filled(960, 640, [200, 198, 190]);
    let file = || Jpeg::new(&empty).encode();
    let judged = |preflight: Preflight, policy: Policy| {
        normalize(policy.with_preflight(preflight), file()).report().judged.clone()
    };
    for policy in [Policy::default(), Policy::default().without_pass_through()] {
        assert_eq!(judged(Preflight::Off, policy.clone()), None);
        assert_eq!(judged(Preflight::Report, policy.clone()).unwrap().findings, None);
        let advised = judged(Preflight::Advise, policy.clone()).unwrap();
        assert_eq!(advised.findings.unwrap()[0].code, FindingCode::Blank);
        assert!(advised.not_judged.iter().any(|what| what == "framing"));
        let refuse: Preflight = "refuse:blank".parse().unwrap();
        let mut normalizer = Normalizer::new(policy.with_preflight(refuse));
        let refused = normalizer.normalize(&Media::sniff(file()).unwrap()).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Quality);
        assert!(refused.to_string().contains("take the picture again"), "{refused}");
        let card = Jpeg::new(&driving_licence(1, 960)).encode();
        assert!(normalizer.normalize(&Media::sniff(card).unwrap()).is_ok(), "a good picture behind it is taken");
    }
}
