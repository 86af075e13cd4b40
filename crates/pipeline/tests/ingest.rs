//! The ingestion example, started for real: this program runs itself again as the example, posts to
//! it over sockets, and asks the emulator's ledger what arrived.

#![expect(clippy::unwrap_used, reason = "a helper of a test fails the test")]

#[path = "../examples/ingest.rs"]
mod ingest;

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use base64::Engine as _;
use sealpress_emulator::{Effect, Emulator, FaultRule};
use serde_json::{Value, json};

const EXAMPLE: &str = "SEALPRESS_TEST_EXAMPLE";

/// Not a test: what the children run.
#[test]
fn child() {
    if std::env::var_os(EXAMPLE).is_some() {
        ingest::main().unwrap();
    }
}

struct Service {
    process: Child,
    said: Mutex<Receiver<String>>,
    authority: String,
}

impl Service {
    fn start(emulator: &Emulator, secret: &str) -> Self {
        let mut process = Command::new(std::env::current_exe().unwrap())
            .args(["child", "--exact", "--nocapture", "--test-threads=1"])
            .env(EXAMPLE, "ingest")
            .env("SEALPRESS_BASE_URL", emulator.url())
            .env("SEALPRESS_API_KEY", emulator.api_key())
            .env("SEALPRESS_SECRET", secret)
            .env("SEALPRESS_LISTEN", "127.0.0.1:0")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let (tell, said) = channel();
        std::thread::spawn(move || lines.map_while(Result::ok).try_for_each(|line| tell.send(line)));
        let mut service = Self { process, said: Mutex::new(said), authority: String::new() };
        service.authority = service.says("http://").split("http://").nth(1).unwrap().trim().to_owned();
        service
    }

    fn says(&self, needle: &str) -> String {
        loop {
            let line = self
                .said
                .lock()
                .unwrap()
                .recv_timeout(Duration::from_secs(60))
                .unwrap_or_else(|e| panic!("{needle}: {e}"));
            if line.contains(needle) {
                return line;
            }
        }
    }

    fn ask(&self, method: &str, path: &str, kind: &str, body: &[u8]) -> Answer {
        let mut stream = TcpStream::connect(&self.authority).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(90))).unwrap();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: x\r\ncontent-type: {kind}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
            body.len()
        );
        stream.write_all(head.as_bytes()).unwrap();
        // A request that is refused by its head may not be read to its end.
        let _ = stream.write_all(body);
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        let text = String::from_utf8_lossy(&answer).into_owned();
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{path}: no answer: {text:?}"));
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Answer { status, head: head.to_ascii_lowercase(), body: body.to_owned() }
    }

    fn data_uri(&self, session: &str, context: &str, kind: &str, bytes: &[u8]) -> Answer {
        let encoded = base64::engine::general_purpose::STANDARD.encode(bytes);
        let body = json!({ "context": context, "content": format!("data:{kind};base64,{encoded}") }).to_string();
        self.ask("POST", &format!("/sessions/{session}/media"), "application/json", body.as_bytes())
    }

    fn interrupt(&self) {
        let sent = Command::new("kill").args(["-INT", &self.process.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

struct Answer {
    status: u16,
    head: String,
    body: String,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|e| panic!("{e}: {}", self.body))
    }
}

/// A multipart form of a context and a file.
fn form(context: Option<&str>, file: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    if let Some(context) = context {
        body.extend(format!("--b\r\ncontent-disposition: form-data; name=\"context\"\r\n\r\n{context}\r\n").bytes());
    }
    body.extend(b"--b\r\ncontent-disposition: form-data; name=\"file\"; filename=\"x.jpg\"\r\n\r\n");
    body.extend(file);
    body.extend(b"\r\n--b--\r\n");
    body
}

fn sideways() -> Vec<u8> {
    let manifest = sealpress_testkit::media_manifest();
    manifest.media.iter().find(|m| m.path.ends_with("orientation-6.jpg")).unwrap().bytes()
}

const FORM: &str = "multipart/form-data; boundary=b";

#[test]
fn pictures_come_in_prepared_and_go_out_signed() {
    let emulator = Emulator::builder().start_blocking().unwrap();
    let session = emulator.create_session(json!({})).unwrap();
    let service = Service::start(&emulator, emulator.secret());
    let health = service.ask("GET", "/health", "", b"");
    assert_eq!((health.status, &health.json()["ok"]), (200, &true.into()));
    let path = format!("/sessions/{session}/media");

    let picture = sideways();
    let sent = service.ask("POST", &path, FORM, &form(Some("document-front"), &picture));
    assert_eq!(sent.status, 201, "{}", sent.body);
    let report = &sent.json()["report"];
    assert!(
        report["actions"].to_string().contains("turn") || report["actions"].to_string().contains("rotat"),
        "{report}"
    );
    let again = service.data_uri(&session, "face", "image/jpeg", &picture);
    assert_eq!(again.status, 201, "{}", again.body);
    let ledger = emulator.ledger();
    let mut contexts: Vec<(String, String)> = ledger.media().map(|m| (m.context.clone(), m.id.clone())).collect();
    contexts.sort();
    let id = |answer: &Answer| answer.json()["media_id"].as_str().unwrap().to_owned();
    assert_eq!(contexts, [("document-front".to_owned(), id(&sent)), ("face".to_owned(), id(&again))]);
    // What arrived is upright: no longer what was posted.
    assert_ne!(emulator.media_bytes(&id(&sent)).unwrap(), picture);

    // Whose turn it is decides the status.
    for (answer, status) in [
        (service.ask("POST", &path, FORM, &form(None, &picture)), 400),
        (
            service.ask(
                "POST",
                &path,
                "application/json",
                br#"{"context":"face","content":"data:image/png;base64,###"}"#,
            ),
            400,
        ),
        (service.ask("POST", &path, "application/json", br#"{"context":"face","content":"AAAA"}"#), 400),
        (service.ask("POST", &path, "application/json", b"{"), 400),
        (service.data_uri(&session, "selfie", "image/jpeg", &picture), 400),
        (service.data_uri(&session, "face", "image/gif", b"GIF89a not a picture that is taken"), 422),
        (service.data_uri(&session, "face", "image/jpeg", &picture[..200]), 422),
        (service.ask("POST", &path, "application/json", &vec![b' '; (40 << 20) + 1]), 413),
        (service.ask("GET", "/nowhere", "", b""), 404),
    ] {
        assert_eq!(answer.status, status, "{} {}", answer.head, answer.body);
    }
    assert_eq!(emulator.ledger().media().count(), 2);

    let submitted = service.ask("POST", &format!("/sessions/{session}/submit"), "", b"");
    assert_eq!((submitted.status, &submitted.json()["submitted"]), (200, &true.into()), "{}", submitted.body);
    assert_eq!(emulator.ledger().submitted().count(), 1);
    let late = service.data_uri(&session, "document-back", "image/jpeg", &picture);
    assert_eq!((late.status, &late.json()["error"]["retry"]), (409, &false.into()), "{}", late.body);

    let metrics = service.ask("GET", "/metrics", "", b"");
    assert_eq!(metrics.status, 200);
    for line in metrics.body.lines().filter(|l| !l.starts_with('#') && !l.is_empty()) {
        let (name, value) = line.rsplit_once(' ').unwrap();
        assert!(name.starts_with("sealpress_") && value.parse::<f64>().is_ok(), "{line}");
    }
    assert!(metrics.body.contains("# TYPE sealpress_"), "{}", metrics.body);

    service.interrupt();
    service.says("stopped, 0 jobs left");
}

#[test]
fn a_full_queue_says_so_and_loses_nothing() {
    let emulator = Emulator::builder().start_blocking().unwrap();
    emulator.add_fault(FaultRule::new(Effect::Latency { ms: 1_500, jitter_ms: 0 }).on("upload")).unwrap();
    let session = emulator.create_session(json!({})).unwrap();
    let service = Service::start(&emulator, emulator.secret());
    // More at once than any queue of this machine holds: four per CPU and eight connections.
    let cpus = std::thread::available_parallelism().unwrap().get();
    let answers: Vec<Answer> = std::thread::scope(|scope| {
        let asked: Vec<_> = (0..4 * cpus + 8 + 20)
            .map(|n| {
                let (service, session) = (&service, &session);
                scope.spawn(move || service.data_uri(session, "face", "image/jpeg", &small(n)))
            })
            .collect();
        asked.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let taken = answers.iter().filter(|a| a.status == 201).count();
    let busy: Vec<&Answer> = answers.iter().filter(|a| a.status == 429).collect();
    assert_eq!(taken + busy.len(), answers.len());
    assert!(taken >= 8 && !busy.is_empty(), "{taken} taken, {} busy", busy.len());
    assert!(busy.iter().all(|a| a.head.contains("retry-after: 1") && a.json()["error"]["kind"] == "busy"));
    assert_eq!(emulator.ledger().media().count(), taken);
}

#[test]
fn wrong_credentials_take_it_out_of_service() {
    let emulator = Emulator::builder().start_blocking().unwrap();
    let session = emulator.create_session(json!({})).unwrap();
    let service = Service::start(&emulator, "not-the-secret");
    let refused = service.data_uri(&session, "face", "image/jpeg", &small(1));
    assert_eq!((refused.status, &refused.json()["error"]["kind"]), (500, &"unauthorized".into()), "{}", refused.body);
    let health = service.ask("GET", "/health", "", b"");
    assert_eq!((health.status, &health.json()["ok"]), (503, &false.into()));
    assert_eq!(service.data_uri(&session, "face", "image/jpeg", &small(2)).status, 503);
    assert_eq!(emulator.requests("upload"), 1);
}

/// A picture of its own for each number.
fn small(n: usize) -> Vec<u8> {
    let pixels = (0..64 * 48 * 3).map(|at| (at * (n + 3)) as u8).collect();
    sealpress_testkit::Jpeg::new(&sealpress_testkit::Rgb::new(64, 48, pixels)).encode()
}
