//! The Python and the Node example upload over plain HTTP, and the ledger has what they say they sent.

mod common;

use std::path::Path;
use std::process::Command;

use sealpress_emulator::Emulator;

fn runs_with(program: &str, script: &str) {
    if !Command::new(program).arg("--version").output().is_ok_and(|o| o.status.success()) {
        return common::skip(&format!("no {program} on this machine"));
    }
    let emulator = Emulator::builder().start_blocking().expect("an emulator");
    let folder = tempfile::tempdir().expect("a directory");
    let photo = common::jpeg(1600, 1200, script);
    let file = folder.path().join("photo.jpg");
    std::fs::write(&file, &photo).expect("a file");
    let output = Command::new(program)
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("examples").join(script))
        .args(["document-front", "face"].map(|context| format!("{context}={}", file.display())))
        .env("SEALPRESS_BASE_URL", emulator.url())
        .env("SEALPRESS_API_KEY", emulator.api_key())
        .env("SEALPRESS_SECRET", emulator.secret())
        .env("NO_PROXY", "127.0.0.1")
        .output()
        .expect("a process");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    let ledger = emulator.ledger();
    assert_eq!((ledger.submitted().count(), ledger.media().count()), (1, 2));
    for media in ledger.media() {
        assert!(said.contains(&format!("{}: {} image/jpeg {} bytes", media.context, media.id, photo.len())), "{said}");
        assert_eq!(emulator.media_bytes(&media.id).as_deref(), Some(&photo[..]));
    }
}

#[test]
fn the_python_example_uploads() {
    runs_with("python3", "upload.py");
}

#[test]
fn the_node_example_uploads() {
    runs_with("node", "upload.mjs");
}
