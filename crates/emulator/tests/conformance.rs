//! The suite in `conformance/`, which knows nothing of this crate, against a running emulator.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;

use sealpress_emulator::Emulator;

/// A Python that has `requests`: the machine's, or one of a virtual environment made here; else the
/// machine's without it, on which the suite falls back to the standard library.
fn python() -> Option<PathBuf> {
    let runs =
        |python: &Path, code: &str| Command::new(python).args(["-c", code]).output().is_ok_and(|o| o.status.success());
    let system = PathBuf::from("python3");
    if !runs(&system, "pass") {
        return None;
    }
    if runs(&system, "import requests") {
        return Some(system);
    }
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("conformance-venv");
    let inside = folder.join("bin/python3");
    if !runs(&inside, "import requests") {
        let made = Command::new(&system).args(["-m", "venv"]).arg(&folder).output();
        let made = made.is_ok_and(|o| o.status.success());
        let pip = ["-m", "pip", "install", "-q", "--disable-pip-version-check", "requests"];
        if !made || !Command::new(&inside).args(pip).output().is_ok_and(|o| o.status.success()) {
            println!("requests could not be installed: the suite uses http.client");
            return Some(system);
        }
    }
    Some(inside)
}

#[test]
fn the_suite_passes() {
    let Some(python) = python() else {
        println!("SKIPPED: no python3 on this machine");
        return;
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
    assert!(said.contains("checks passed") && said.lines().filter(|l| l.starts_with("ok ")).count() >= 50);
}
