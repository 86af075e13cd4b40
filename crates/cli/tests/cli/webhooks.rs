//! `sealpress webhooks serve` taking what the emulator sends, with every fault on the way, and a kill between.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::Duration;

use serde_json::Value;

use super::{Emulator, sealpress};

const SECRET: &str = "sandbox-shared-secret-0001";

/// A running `sealpress webhooks serve`.
struct Server {
    child: Child,
    url: String,
    kept: u64,
}

impl Server {
    fn start(listen: &str, out: &Path, more: &[&str]) -> Self {
        let mut child = sealpress()
            .args(["webhooks", "serve", "--json", "--listen", listen, "--out"])
            .arg(out)
            .args(more)
            .env("SEALPRESS_SECRET", format!("the-next-secret\n{SECRET}"))
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let told: Value = serde_json::from_str(&line).unwrap_or_else(|e| panic!("{e}: {line:?}"));
        Self { child, url: told["url"].as_str().unwrap().to_owned(), kept: told["kept"].as_u64().unwrap() }
    }

    fn address(&self) -> &str {
        self.url.strip_prefix("http://").unwrap().split('/').next().unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What is on disk, as (id, kind, body).
fn kept(out: &Path) -> Vec<(String, String, Value)> {
    let text = fs::read_to_string(out).unwrap_or_default();
    let line = |line: &str| {
        let value: Value = serde_json::from_str(line).unwrap();
        let text = |name: &str| value[name].as_str().unwrap().to_owned();
        (text("id"), text("kind"), value["body"].clone())
    };
    text.lines().map(line).collect()
}

fn until(what: &str, holds: impl Fn() -> bool) {
    for _ in 0..600 {
        if holds() {
            return;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    panic!("never: {what}");
}

/// A session that is decided at once, which is an event and a decision.
fn decided_session(emulator: &Emulator) -> String {
    let made = emulator.json(&["session", "create", "--first-name", "Approve", "--last-name", "Doe", "--json"]);
    let id = made[0]["session"].as_str().unwrap().to_owned();
    emulator.json(&["session", "submit", &id, "--json"]);
    id
}

#[test]
fn each_webhook_is_kept_once_through_faults_and_a_kill() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("webhooks.jsonl");
    let server = Server::start("127.0.0.1:0", &out, &["--path", "/veriff"]);
    let script = folder.path().join("script.toml");
    let faults = "[options]\ndecision_delay_ms = 0\nwebhook_retry_ms = 50\n\
        [[fault]]\nname = \"late and in any order\"\nroutes = [\"webhook\"]\neffect = { kind = \"latency\", ms = 0, jitter_ms = 150 }\n\
        [[fault]]\nname = \"doubled\"\nroutes = [\"webhook\"]\nprobability = 0.5\nseed = 3\neffect = { kind = \"double-record\" }\n\
        [[fault]]\nname = \"badly signed\"\nroutes = [\"webhook\"]\nprobability = 0.3\nseed = 5\neffect = { kind = \"signature\", how = \"wrong\" }\n\
        [[fault]]\nname = \"unsigned\"\nroutes = [\"webhook\"]\nprobability = 0.2\nseed = 7\neffect = { kind = \"signature\", how = \"missing\" }\n";
    fs::write(&script, faults).unwrap();
    let flags = ["--script", script.to_str().unwrap(), "--webhook", &server.url, "--secret", SECRET];
    let emulator = Emulator::with(&flags);
    let mut sessions: Vec<String> = (0..5).map(|_| decided_session(&emulator)).collect();
    until("the first arrive", || kept(&out).len() >= 4);

    // Killed; what comes meanwhile comes again.
    let address = server.address().to_owned();
    drop(server);
    sessions.extend((0..3).map(|_| decided_session(&emulator)));
    let server = Server::start(&address, &out, &["--path", "/veriff"]);
    assert!(server.kept >= 4);
    until("all arrive", || kept(&out).len() >= 16);
    // Doubles and repetitions that are still on their way change nothing.
    std::thread::sleep(Duration::from_millis(500));

    let kept = kept(&out);
    let ids: std::collections::HashSet<&str> = kept.iter().map(|(id, ..)| id.as_str()).collect();
    assert_eq!((kept.len(), ids.len()), (16, 16), "each once");
    for session in &sessions {
        let of = |kind: &str| kept.iter().filter(|(id, k, _)| k == kind && id.contains(session.as_str())).count();
        assert_eq!((of("event"), of("decision")), (1, 1), "{session}");
    }
    let decision = kept.iter().find(|(_, kind, _)| kind == "decision").unwrap();
    assert_eq!(decision.2["verification"]["status"], "approved");
    let fired = emulator.ledger()["faults"].clone();
    for name in ["doubled", "badly signed", "unsigned"] {
        assert!(fired[name].as_u64().unwrap() > 0, "{name} never happened: {fired}");
    }
    emulator.terminate();
}

#[test]
fn a_program_that_fails_is_asked_again_and_then_it_is_done() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let (out, program) = (folder.path().join("webhooks.jsonl"), folder.path().join("handle"));
    let (seen, gate) = (folder.path().join("seen"), folder.path().join("gate"));
    let text = format!(
        "#!/bin/sh\ncat > /dev/null\necho \"$SEALPRESS_WEBHOOK_KIND${{SEALPRESS_SECRET-}}\" >> {}\ntest -e {}\n",
        seen.display(),
        gate.display()
    );
    fs::write(&program, text).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let server = Server::start("127.0.0.1:0", &out, &["--exec", program.to_str().unwrap()]);
    let script = folder.path().join("script.toml");
    fs::write(&script, "[options]\ndecision_delay_ms = 0\nwebhook_retry_ms = 50\n").unwrap();
    let flags = ["--script", script.to_str().unwrap(), "--webhook", &server.url, "--secret", SECRET];
    let emulator = Emulator::with(&flags);
    decided_session(&emulator);
    let runs = || fs::read_to_string(&seen).unwrap_or_default().lines().count();
    until("it is asked again", || runs() >= 4);
    assert!(kept(&out).is_empty(), "kept though nobody dealt with it");
    fs::write(&gate, "").unwrap();
    until("it is done", || kept(&out).len() == 2);
    let done = runs();
    std::thread::sleep(Duration::from_millis(400));
    assert_eq!(runs(), done, "what is done is not asked again");
    let words = fs::read_to_string(&seen).unwrap();
    assert!(words.lines().all(|line| matches!(line, "event" | "decision")), "the secret is not the program's: {words}");
    emulator.terminate();
}
