//! The vendor's documented calls in three languages, which know of no gateway: one URL is another.

use std::path::Path;
use std::process::Command;

use crate::common::{Stand, specimen};

fn walks(program: &Path, script: &str) {
    let stand = Stand::new();
    let folder = tempfile::tempdir().unwrap();
    let (front, face) = (folder.path().join("front.jpg"), folder.path().join("face.webp"));
    std::fs::write(&front, specimen("orientation-6.jpg")).unwrap();
    std::fs::write(&face, specimen("id-back-lossy.webp")).unwrap();
    let output = Command::new(program)
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("examples").join(script))
        .arg(format!("document-front={}", front.display()))
        .arg(format!("face={}", face.display()))
        .env("VERIFF_URL", format!("http://{}", stand.address))
        .env("VERIFF_KEY", stand.emulator.api_key())
        .env("VERIFF_SECRET", stand.emulator.secret())
        .env("NO_PROXY", "127.0.0.1")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    assert!(said.contains("document-front:") && said.contains("submitted"), "{said}");
    let ledger = stand.emulator.ledger();
    assert_eq!((ledger.submitted().count(), ledger.media().count()), (1, 2));
    let front_came = ledger.media().find(|m| m.context == "document-front").unwrap();
    assert_ne!(front_came.size, specimen("orientation-6.jpg").len() as u64, "it went through the press");
}

fn there(program: &str, version: &str) -> bool {
    let found = Command::new(program).arg(version).output().is_ok_and(|o| o.status.success());
    if !found {
        sealpress_testkit::skip(format!("no {program} on this machine (cargo xtask setup installs it)"));
    }
    found
}

#[test]
fn pythons_requests() {
    if let Some(python) = sealpress_testkit::python("requests") {
        walks(&python, "upload.py");
    }
}

#[test]
fn nodes_fetch() {
    if there("node", "--version") {
        walks(Path::new("node"), "upload.mjs");
    }
}

#[test]
fn curl() {
    if there("curl", "--version") && there("openssl", "version") {
        walks(Path::new("sh"), "upload.sh");
    }
}
