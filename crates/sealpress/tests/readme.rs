//! The README's example is the example `upload`, and does what it says.

use sealpress_emulator::Emulator;

#[path = "../examples/upload.rs"]
#[allow(dead_code, reason = "only the example itself has a main that runs")]
mod upload;

#[test]
fn the_readme_shows_the_example_that_runs() {
    let (readme, example) = (include_str!("../README.md"), include_str!("../examples/upload.rs"));
    let shown = readme.split("```rust\n").nth(1).and_then(|rest| rest.split("\n```").next()).expect("a block of Rust");
    assert!(example.replace("pub(crate) ", "").contains(shown), "the README's Rust is not what examples/upload.rs has");
    assert!(readme.lines().count() <= 150, "a first page has 150 lines");
}

#[tokio::test]
async fn the_readmes_example_uploads_and_submits() {
    let emulator = Emulator::start().await.unwrap();
    let specimens = sealpress_testkit::media_manifest();
    let photo = specimens.media.iter().find(|m| m.path.ends_with("orientation-6.jpg")).unwrap();
    upload::upload(emulator.url(), emulator.api_key(), emulator.secret(), photo.bytes()).await.unwrap();
    let ledger = emulator.ledger();
    assert_eq!((ledger.submitted().count(), ledger.media().count()), (1, 1));
    let refused = upload::upload(emulator.url(), emulator.api_key(), emulator.secret(), b"GIF89a".to_vec()).await;
    assert!(refused.unwrap_err().to_string().starts_with("please take another photo"));
}
