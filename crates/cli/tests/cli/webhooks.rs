//! `sealpress webhooks serve` taking what the emulator sends, with every fault on the way, and a kill between.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;
use sha2::{Digest as _, Sha256};

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
        Self::started(sealpress(), listen, out, more)
    }

    fn started(mut command: Command, listen: &str, out: &Path, more: &[&str]) -> Self {
        let mut child = command
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

impl Server {
    /// The status of the answer to a webhook that is signed with this secret; without one it is not signed.
    fn post(&self, body: &str, secret: Option<&str>) -> u16 {
        let signature =
            secret.map_or_else(String::new, |secret| format!("x-hmac-signature: {}\r\n", hmac(secret, body)));
        let path = self.url.rsplit('/').next().unwrap();
        let head = format!("POST /{path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{signature}");
        let mut stream = TcpStream::connect(self.address()).unwrap();
        // What is refused for its length is not read to its end.
        let _ = write!(stream, "{head}content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}", body.len());
        let mut status = [0; 12];
        stream.read_exact(&mut status).unwrap();
        String::from_utf8_lossy(&status[9..]).parse().unwrap()
    }
}

/// HMAC-SHA256 as RFC 2104 has it, in hex.
fn hmac(secret: &str, message: &str) -> String {
    let mut key = [0; 64];
    key[..secret.len()].copy_from_slice(secret.as_bytes());
    let pad =
        |with: u8, rest: &[u8]| Sha256::new().chain_update(key.map(|byte| byte ^ with)).chain_update(rest).finalize();
    pad(0x5c, &pad(0x36, message.as_bytes())).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn event(attempt: &str, code: u32) -> String {
    format!(r#"{{"id":"s-1","attemptId":"{attempt}","feature":"selfid","code":{code},"action":"x"}}"#)
}

/// A program for webhooks, which is told in shell.
fn program(folder: &Path, words: &str) -> String {
    use std::os::unix::fs::PermissionsExt as _;
    let path = folder.join("handle");
    fs::write(&path, format!("#!/bin/sh\ncat > /dev/null\n{words}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path.to_str().unwrap().to_owned()
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

/// What the answer is, by who signed, and what is kept under which name.
#[test]
fn who_signed_is_believed_and_each_is_itself() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("webhooks.jsonl");
    let server = Server::start("127.0.0.1:0", &out, &[]);
    let one = event("a-1", 7001);
    for (secret, status) in [(None, 401), (Some("nobody's"), 401), (Some(""), 401)] {
        assert_eq!(server.post(&one, secret), status, "{secret:?}");
    }
    assert_eq!(server.post("no JSON", Some(SECRET)), 400);
    assert_eq!(server.post(&format!("\"{}\"", "x".repeat(2 << 20)), Some(SECRET)), 413, "no webhook is so long");
    assert!(kept(&out).is_empty());
    // Any of the secrets, and each once.
    for (body, secret, kept_then) in [
        (one.as_str(), SECRET, 1),
        (&one, "the-next-secret", 1),
        (&event("a-1", 7002), "the-next-secret", 2),
        (&event("a-2", 7001), SECRET, 3),
        (&one.replace(',', ",\r\n  "), SECRET, 3),
        (&event("a-3", 7001).replace(',', ",\r\n  "), SECRET, 4),
    ] {
        assert_eq!(server.post(body, Some(secret)), 200);
        assert_eq!(kept(&out).len(), kept_then, "{body}");
    }
    // A decision that was changed by hand is another one.
    let decision = |status: &str, time: &str| {
        format!(r#"{{"verification":{{"id":"s-1","attemptId":"a-1","status":"{status}","decisionTime":"{time}"}}}}"#)
    };
    for (status, time, kept_then) in [
        ("declined", "T1", 5),
        ("declined", "T1", 5),
        ("approved", "T1", 6),
        ("declined", "T2", 7),
        ("approved", "T1", 7),
    ] {
        assert_eq!(server.post(&decision(status, time), Some(SECRET)), 200);
        assert_eq!(kept(&out).len(), kept_then, "{status} {time}");
    }
    // And so is one of another attempt.
    assert_eq!(server.post(&decision("approved", "T1").replace("a-1", "a-2"), Some(SECRET)), 200);
    assert_eq!(kept(&out).len(), 8);
}

/// Two deliveries at one moment, and one later: the program deals with it once.
#[test]
fn a_program_is_asked_once_and_not_for_ever() {
    let folder = tempfile::tempdir().unwrap();
    let (out, seen) = (folder.path().join("webhooks.jsonl"), folder.path().join("seen"));
    let words = format!(
        "echo $SEALPRESS_WEBHOOK_ID >> {0}; case $SEALPRESS_WEBHOOK_ID in *slow*) exec sleep 60;; *) sleep 0.3;; esac",
        seen.display()
    );
    let program = program(folder.path(), &words);
    let server = Server::start("127.0.0.1:0", &out, &["--exec", &program, "--exec-timeout", "1"]);
    let body = event("a-1", 7001);
    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let both = [0; 2].map(|_| scope.spawn(|| server.post(&body, Some(SECRET))));
        both.map(|one| one.join().unwrap()).into()
    });
    assert_eq!((statuses, server.post(&body, Some(SECRET))), (vec![200, 200], 200));
    let runs = || fs::read_to_string(&seen).unwrap().lines().count();
    assert_eq!((runs(), kept(&out).len()), (1, 1));
    // One that takes too long has not dealt with it: it is sent again.
    assert_eq!(server.post(&event("slow", 7001), Some(SECRET)), 503);
    assert_eq!((runs(), kept(&out).len()), (2, 1));
}

/// A disk that is full: nothing is answered for that is not on it, and what was half written tears nothing.
#[test]
fn what_the_disk_does_not_take_is_not_answered_for() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("webhooks.jsonl");
    // Four blocks of 512 bytes; the shell's children inherit the limit, and a signal that is ignored.
    let mut limited = Command::new("sh");
    limited.env_clear().args(["-c", "trap '' XFSZ; ulimit -f 4; exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_sealpress")]);
    let server = Server::started(limited, "127.0.0.1:0", &out, &[]);
    let long = |attempt: &str| event(attempt, 7001).replace("\"x\"", &format!("\"{}\"", "x".repeat(900)));
    assert_eq!(server.post(&long("a-1"), Some(SECRET)), 200);
    assert_eq!(server.post(&long("a-2"), Some(SECRET)), 503);
    assert_eq!(server.post(&event("a-3", 7001), Some(SECRET)), 200, "a short one still fits");
    drop(server);
    assert_eq!(kept(&out).len(), 2, "and every line is whole");
    let server = Server::start("127.0.0.1:0", &out, &[]);
    assert_eq!(server.post(&long("a-2"), Some(SECRET)), 200);
    assert_eq!(kept(&out).len(), 3);
}
