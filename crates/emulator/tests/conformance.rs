//! The suite in `conformance/`, which knows nothing of this crate, against a running emulator.

mod common;

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;

use sealpress_emulator::Emulator;

/// A Python that has `requests`: the one that `SEALPRESS_PYTHON` names, the workspace's own
/// environment, or the machine's.
fn python() -> Option<PathBuf> {
    let named = std::env::var_os("SEALPRESS_PYTHON").filter(|path| !path.is_empty()).map(PathBuf::from);
    let ours = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/venv/bin/python");
    let candidates = named.into_iter().chain([ours, PathBuf::from("python3")]);
    let has = |python: &PathBuf| {
        Command::new(python).args(["-c", "import requests"]).output().is_ok_and(|o| o.status.success())
    };
    candidates.into_iter().find(has)
}

#[test]
fn the_suite_passes() {
    let Some(python) = python() else {
        return common::skip("no Python with requests: `cargo xtask setup` makes one in target/venv");
    };
    // The port must be known before the emulator starts, and the suite listens on it only later: until
    // then deliveries are refused and retried, which is part of what is tested.
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let emulator = Emulator::builder()
        .webhook(format!("http://127.0.0.1:{port}/hook"))
        .configure(|o| o.webhook_retry_ms = 200)
        .start_blocking()
        .unwrap();
    let transmit = emulator.transmit();
    let output = Command::new(python)
        .arg("run.py")
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("conformance"))
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("EMULATOR_URL", emulator.url())
        .env("EMULATOR_API_KEY", emulator.api_key())
        .env("EMULATOR_SECRET", emulator.secret())
        .env("EMULATOR_CLIENT_ID", transmit.client_id)
        .env("EMULATOR_CLIENT_SECRET", transmit.client_secret)
        .env("EMULATOR_WEBHOOK_PORT", port.to_string())
        .env("NO_PROXY", "127.0.0.1")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    println!("{said}{}", String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "the conformance suite failed");
    assert!(said.contains("checks passed (requests)") && said.lines().filter(|l| l.starts_with("ok ")).count() >= 50);
}
