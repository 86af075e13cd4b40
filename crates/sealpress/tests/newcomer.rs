//! The newcomer's ten lines do what they say, as a program of its own.

use std::path::PathBuf;
use std::process::Command;

use sealpress::{Format, InProcess, Media, Policies, Press, veriff};

/// Cargo builds examples beside the tests, for tests with a hash behind the name: the newest is this build's.
fn newcomer() -> PathBuf {
    let test = std::env::current_exe().expect("a test has a program");
    let examples = test.ancestors().nth(2).expect("a test lies two folders down").join("examples");
    let built = std::fs::read_dir(&examples).expect("cargo built the examples").flatten().map(|entry| entry.path());
    let programs = built.filter(|path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.starts_with("newcomer") && path.extension().is_none_or(|e| e == std::env::consts::EXE_EXTENSION)
    });
    let newest = programs.max_by_key(|path| path.metadata().and_then(|about| about.modified()).ok());
    newest.expect("the example was built: cargo test builds examples unless it is told otherwise")
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
