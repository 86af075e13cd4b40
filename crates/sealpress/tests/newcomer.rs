//! The newcomer's ten lines do what they say, under a runtime and in the test harness, whose `main` knows nothing
//! of workers either.

use sealpress::{Format, InProcess, Media, Policies, Press, veriff};

#[path = "../examples/newcomer.rs"]
#[allow(dead_code, reason = "only the example itself has a main that runs")]
mod newcomer;

#[tokio::test]
async fn ten_lines_press_in_a_worker() {
    let specimens = sealpress_testkit::media_manifest();
    let photo = specimens.media.iter().find(|m| m.path.ends_with("orientation-6.jpg")).unwrap();
    let out = std::env::temp_dir().join(format!("sealpress-newcomer-{}.jpg", std::process::id()));
    let done = newcomer::press(photo.file().as_ref(), &out).unwrap();
    assert!(done.iter().any(|text| text.contains("turned upright from orientation 6")), "{done:?}");
    let made = Media::sniff(std::fs::read(&out).unwrap()).unwrap();
    std::fs::remove_file(&out).unwrap();
    let here = InProcess::new(Policies::within(&veriff::limits()));
    let same = here.press(&Media::sniff(photo.bytes()).unwrap()).unwrap();
    assert_eq!(made.format(), Format::Jpeg);
    assert!(made.bytes() == same.media.bytes(), "the worker made another file");
}

#[tokio::test]
async fn it_works_under_a_runtime_and_the_test_harness() {
    let specimens = sealpress_testkit::media_manifest();
    let photo = specimens.media.iter().find(|m| m.path.ends_with("driving-licence.jpg")).unwrap();
    let press = sealpress::Isolated::new(Policies::within(&veriff::limits()));
    let media = Media::sniff(photo.bytes()).unwrap();
    let pressed = tokio::task::spawn_blocking(move || press.press(&media)).await.unwrap().unwrap();
    assert_eq!(pressed.media.format(), Format::Jpeg);
}
