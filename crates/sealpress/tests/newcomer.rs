//! The newcomer's ten lines do what they say, as a program of its own.

use std::path::PathBuf;
use std::process::Command;

use sealpress::{Format, InProcess, Media, Policies, Press, veriff};

/// Cargo builds examples beside the tests.
fn newcomer() -> PathBuf {
    let test = std::env::current_exe().expect("a test has a program");
    test.ancestors().nth(2).expect("a test lies two folders down").join("examples/newcomer")
}

#[test]
fn ten_lines_under_tokio_press_in_a_worker() {
    let specimens = sealpress_testkit::media_manifest();
    let photo = specimens.media.iter().find(|m| m.path.ends_with("orientation-6.jpg")).unwrap();
    let out = std::env::temp_dir().join(format!("sealpress-newcomer-{}.jpg", std::process::id()));
    let said = Command::new(newcomer()).arg(photo.file()).arg(&out).output().unwrap();
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
    assert!(String::from_utf8_lossy(&said.stdout).contains("turned upright from orientation 6"));
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
