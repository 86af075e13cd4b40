//! The binary as a shell sees it: exit codes, JSON, names, and a whole session against its own
//! emulator.

#![expect(clippy::unwrap_used, reason = "a helper of a test fails the test")]

mod backfill;
mod bursts;
mod clocks;
#[expect(dead_code, reason = "what only the store's own tests need")]
#[path = "../../../backfill/src/store/postgres/cluster.rs"]
mod cluster;
mod decisions;
mod documents;
mod doors;
mod endings;
mod faces;
mod faults;
mod fetch;
mod gateway;
mod kills;
mod leases;
mod outage;
mod pieces;
mod preflight;
mod rows;
mod shell;
#[cfg(feature = "otel")]
mod telemetry;
mod transmit;
mod untouched;
mod veriff;
mod webhooks;

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;

fn sealpress() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sealpress"));
    command.env_clear();
    command
}

fn lines(output: &Output) -> Vec<Value> {
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"))).collect()
}

/// A JPEG of real pixels, made here.
fn photo(folder: &Path, name: &str, width: u32) -> PathBuf {
    let pixels = image::RgbImage::from_fn(width, width / 2, |x, y| image::Rgb([x as u8, y as u8, (x ^ y) as u8]));
    let path = folder.join(name);
    pixels.save_with_format(&path, image::ImageFormat::Jpeg).unwrap();
    path
}

#[test]
fn one_bad_file_never_stops_the_others() {
    let folder = tempfile::tempdir().unwrap();
    let (at, out) = (folder.path(), folder.path().join("out/deep"));
    fs::create_dir(at.join("sub")).unwrap();
    let good = photo(at, "a.jpg", 2400);
    let other = photo(&at.join("sub"), "A.jpg", 64);
    fs::write(at.join("empty.jpg"), b"").unwrap();
    fs::write(at.join("a.png"), b"GIF89a....").unwrap();
    let output = sealpress()
        .args(["prepare", "--json", "--out"])
        .arg(&out)
        .args([&good, &at.join("empty.jpg"), &at.join("missing.jpg"), &at.to_path_buf(), &at.join("a.png"), &other])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(3));
    let lines = lines(&output);
    let told: Vec<_> =
        lines.iter().map(|l| l["error"]["kind"].as_str().or(l["output_format"].as_str()).unwrap()).collect();
    assert_eq!(told, ["jpeg", "empty", "unreadable", "unreadable", "unsupported-format", "jpeg"]);
    assert_eq!((&lines[0]["width"], &lines[0]["height"]), (&1920.into(), &960.into()));
    assert_eq!(lines[1]["error"]["fault"], "input");
    assert!(lines[0]["output"].as_str().unwrap().ends_with("/a.jpg"));
    assert!(lines[5]["output"].as_str().unwrap().ends_with("/A-3.jpg"), "no collision where case is not kept");
    assert_eq!(fs::read_dir(&out).unwrap().count(), 2);
    let keys: Vec<_> = lines[0].as_object().unwrap().keys().map(String::as_str).collect();
    let promised =
        ["input", "ok", "format", "output", "output_format", "bytes", "width", "height", "actions", "warnings", "ms"];
    assert!(promised.iter().all(|key| keys.contains(key)), "{keys:?}");

    let again = sealpress().args(["prepare", "--out"]).arg(&out).arg(&good).output().unwrap();
    assert_eq!(again.status.code(), Some(0));
    assert!(String::from_utf8_lossy(&again.stdout).contains("1 prepared, 0 failed"));
}

#[test]
fn an_input_is_never_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let input = photo(folder.path(), "a.jpg", 2400);
    let before = fs::read(&input).unwrap();
    let output = sealpress().args(["prepare", "--json", "--out"]).args([folder.path(), &input]).output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(fs::read(&input).unwrap(), before);
    assert!(folder.path().join("a-2.jpg").exists());
}

#[test]
fn wrong_usage_is_two() {
    let out = tempfile::tempdir().unwrap();
    for args in
        [&["prepare"][..], &["nonsense"], &["prepare", "x", "--out", "y", "--provider", "nobody"], &["upload", "x"]]
    {
        assert_eq!(sealpress().current_dir(&out).args(args).output().unwrap().status.code(), Some(2), "{args:?}");
    }
    let no_settings = sealpress().args(["session", "create"]).output().unwrap();
    assert_eq!(no_settings.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&no_settings.stderr).contains("SEALPRESS_BASE_URL"));
    for shell in ["bash", "zsh", "fish"] {
        let script = sealpress().args(["completions", shell]).output().unwrap();
        assert!(script.status.success() && script.stdout.len() > 1000, "{shell}");
    }
}

#[test]
fn inspect_says_what_it_is_and_why() {
    let folder = tempfile::tempdir().unwrap();
    let input = photo(folder.path(), "looks-like.pdf", 2400);
    let output = sealpress().args(["inspect", "--json"]).arg(&input).output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    let line = &lines(&output)[0];
    assert_eq!((&line["format"], &line["width"], &line["orientation"]), (&"jpeg".into(), &2400.into(), &1.into()));
    assert!(line["plan"].as_array().unwrap().iter().any(|p| p["name"] == "resized" && p["reason"].is_string()));
}

/// A running `sealpress emulator`.
struct Emulator {
    child: Child,
    told: Value,
}

impl Emulator {
    fn start() -> Self {
        Self::with(&[])
    }

    /// With more flags of `sealpress emulator`.
    fn with(flags: &[&str]) -> Self {
        let mut child =
            sealpress().args(["emulator", "--json", "--quiet"]).args(flags).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        Self { child, told: serde_json::from_str(&line).unwrap() }
    }

    fn run(&self, args: &[&str]) -> Output {
        let told = |pointer: &str| self.told.pointer(pointer).and_then(Value::as_str).unwrap().to_owned();
        sealpress()
            .args(args)
            .env("SEALPRESS_BASE_URL", told("/url"))
            .env("SEALPRESS_API_KEY", told("/api_key"))
            .env("SEALPRESS_SECRET", told("/secret"))
            .env("SEALPRESS_TRANSMIT_BASE_URL", told("/transmit/url"))
            .env("SEALPRESS_TRANSMIT_CLIENT_ID", told("/transmit/client_id"))
            .env("SEALPRESS_TRANSMIT_CLIENT_SECRET", told("/transmit/client_secret"))
            .env("SEALPRESS_TRANSMIT_TOKEN_URL", told("/transmit/token_url"))
            .env("SEALPRESS_TRANSMIT_RESOURCE", told("/transmit/resource"))
            .output()
            .unwrap()
    }

    fn json(&self, args: &[&str]) -> Vec<Value> {
        let output = self.run(args);
        assert!(
            output.status.success(),
            "{args:?}: {}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
        lines(&output)
    }

    /// The emulator's own book of what it received.
    fn ledger(&self) -> Value {
        serde_json::from_str(&self.asked("GET", "ledger")).unwrap()
    }

    /// From now on nothing fails that the script made fail.
    fn recover(&self) {
        self.asked("DELETE", "faults");
    }

    /// What the emulator's own routes answer.
    fn asked(&self, method: &str, what: &str) -> String {
        self.told_to(method, what, "")
    }

    /// The same, told a JSON body.
    fn said(&self, what: &str, body: &str) -> String {
        self.told_to("POST", what, body)
    }

    fn told_to(&self, method: &str, what: &str, body: &str) -> String {
        let url = self.told["url"].as_str().unwrap();
        let authority = url.strip_prefix("http://").unwrap();
        let mut stream = std::net::TcpStream::connect(authority).unwrap();
        let length = body.len();
        let head = format!("{method} /__emulator/{what} HTTP/1.1\r\nhost: {authority}\r\ncontent-length: {length}\r\n");
        let request = format!("{head}connection: close\r\n\r\n{body}");
        std::io::Write::write_all(&mut stream, request.as_bytes()).unwrap();
        let mut answer = String::new();
        std::io::Read::read_to_string(&mut stream, &mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 2"), "{what}: {answer}");
        answer.split_once("\r\n\r\n").unwrap().1.to_owned()
    }

    /// What a command that fails prints, its exit code being 3 unless said otherwise.
    fn refusal(&self, args: &[&str], exit: i32) -> Value {
        let output = self.run(args);
        let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert_eq!(output.status.code(), Some(exit), "{args:?}: {said}");
        let line = lines(&output).pop().unwrap_or_else(|| panic!("{args:?} printed nothing: {said}"));
        assert_eq!(line["ok"], false, "{line}");
        line["error"].clone()
    }

    /// The table that a person reads: rows of name and value.
    fn table(&self, args: &[&str]) -> Vec<(String, String)> {
        let output = self.run(args);
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        let text = String::from_utf8(output.stdout).unwrap();
        let column = text.lines().next().and_then(|line| line.find("  ")).unwrap();
        let rows = text.lines().map(|line| {
            let (name, value) = line.split_once(' ').unwrap_or_else(|| panic!("no row: {line}"));
            assert!(name.len() <= column.max(name.len()), "{line}");
            (name.to_owned(), value.trim().to_owned())
        });
        rows.collect()
    }

    fn terminate(mut self) {
        let sent = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status().unwrap();
        assert!(sent.success());
        assert!(self.child.wait().unwrap().success(), "SIGTERM ends it in order");
    }
}

/// A test that fails leaves no emulator behind.
impl Drop for Emulator {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_session_from_the_first_call_to_the_decision() {
    let folder = tempfile::tempdir().unwrap();
    let front = [photo(folder.path(), "front1.jpg", 2000), photo(folder.path(), "front2.jpg", 700)];
    let front: Vec<_> = front.iter().map(|p| p.to_str().unwrap()).collect();
    let emulator = Emulator::start();

    let made = emulator.json(&["session", "create", "--first-name", "Approve", "--last-name", "Doe", "--json"]);
    let id = made[0]["session"].as_str().unwrap();
    let sent = emulator.json(&["upload", "--session", id, "--context", "document-front", front[0], front[1], "--json"]);
    assert!(sent.len() == 2 && sent.iter().all(|l| l["ok"] == true && l["media_id"].is_string()), "{sent:?}");
    let bad = folder.path().join("bad.jpg");
    fs::write(&bad, b"no picture").unwrap();
    let bad = bad.to_str().unwrap();
    let refused = emulator.run(&["upload", "--session", id, "--context", "face", bad, front[1], "--submit", "--json"]);
    assert_eq!(refused.status.code(), Some(3));
    let told = lines(&refused);
    assert_eq!((&told[0]["ok"], &told[1]["ok"], &told[2]["submitted"]), (&false.into(), &true.into(), &false.into()));

    let closed = emulator.json(&["upload", "--session", id, "--context", "face", front[1], "--submit", "--json"]);
    assert_eq!((&closed[0]["confirmed"], &closed[1]["submitted"]), (&"listed".into(), &true.into()));
    let listed = emulator.json(&["session", "media", id, "--json"]);
    let images = listed[0].pointer("/media/images").and_then(Value::as_array).unwrap();
    assert_eq!(images.len(), 3, "what the session has is not sent again");
    let again = emulator.run(&["upload", "--session", id, "--context", "document-front", front[0]]);
    let said = String::from_utf8_lossy(&again.stdout).into_owned();
    assert!(again.status.success() && said.contains("there already"), "{said}");
    let media_id = sent[0]["media_id"].as_str().unwrap();
    let copy = folder.path().join("copy.jpg");
    let got = emulator.json(&["media", "get", media_id, "--out", copy.to_str().unwrap(), "--json"]);
    assert_eq!((&got[0]["bytes"], &got[0]["format"]), (&sent[0]["bytes"], &"jpeg".into()));

    let decision = emulator.json(&["session", "decision", id, "--wait", "30", "--json"]);
    assert_eq!(decision[0].pointer("/decision/status").unwrap(), "approved");
    assert!(
        emulator.json(&["session", "attempts", id, "--json"])[0]["attempts"].as_array().is_some_and(|a| !a.is_empty())
    );
    let late = emulator.run(&["upload", "--session", id, "--context", "face", front[1], "--force", "--json"]);
    assert_eq!(lines(&late)[0]["error"]["kind"], "refused", "409 is an answer");
    emulator.terminate();
}

#[test]
fn transmit_takes_jpeg_and_says_what_is_missing() {
    let folder = tempfile::tempdir().unwrap();
    let front = photo(folder.path(), "front.jpg", 2000);
    let emulator = Emulator::start();
    let made = emulator.json(&["transmit", "create", "--json"]);
    let id = made[0]["session"].as_str().unwrap();
    let front = front.to_str().unwrap();
    let sent = emulator.json(&["transmit", "upload", "--session", id, "--context", "document-front", front, "--json"]);
    assert_eq!(sent[0]["ok"], true, "{sent:?}");
    let images = emulator.json(&["transmit", "images", id, "--json"]);
    assert!(images[0]["images"].as_array().is_some_and(|i| !i.is_empty()), "{images:?}");
    assert!(emulator.json(&["transmit", "result", id, "--json"])[0]["status"].is_string());
    emulator.terminate();
}
