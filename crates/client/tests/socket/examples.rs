//! The examples' mains, started for real: this program runs itself again as the example.

#[path = "../../examples/third_vendor/main.rs"]
pub(crate) mod third;
#[path = "../../examples/webhook.rs"]
mod webhook;

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use sealpress_client::sign::Key;
use sealpress_client::veriff::{Context, NewSession, Upload};
use sealpress_emulator::Emulator;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::common::{SECRET, jpeg, veriff};

/// Which example a child is to be.
const EXAMPLE: &str = "SEALPRESS_TEST_EXAMPLE";

/// Not a test: what the children run.
#[test]
fn child() {
    match std::env::var(EXAMPLE).as_deref() {
        Ok("webhook") => webhook::main().unwrap(),
        Ok("third_vendor") => third::main().unwrap(),
        _ => {}
    }
}

/// A running example; ended with its test.
struct Example {
    process: Child,
    said: Receiver<String>,
}

impl Example {
    fn start(name: &str, environment: &[(&str, &str)]) -> Self {
        let mut process = Command::new(std::env::current_exe().unwrap())
            .args(["examples::child", "--exact", "--nocapture", "--test-threads=1"])
            .env(EXAMPLE, name)
            .envs(environment.iter().copied())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let (tell, said) = channel();
        std::thread::spawn(move || lines.map_while(Result::ok).try_for_each(|line| tell.send(line)));
        Self { process, said }
    }

    /// The next line that contains this.
    fn says(&self, needle: &str) -> String {
        self.until(needle).pop().unwrap()
    }

    /// The lines up to the next one that contains this, which is the last.
    fn until(&self, needle: &str) -> Vec<String> {
        let mut lines = Vec::new();
        loop {
            match self.said.recv_timeout(Duration::from_secs(60)) {
                Ok(line) => lines.push(line),
                Err(e) => panic!("never said {needle:?} ({e}), but:\n{}", lines.join("\n")),
            }
            if lines.last().unwrap().contains(needle) {
                return lines;
            }
        }
    }
}

impl Drop for Example {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[tokio::test]
async fn the_webhook_example_takes_what_the_vendor_sends_and_nothing_else() {
    let example = Example::start(
        "webhook",
        &[("SEALPRESS_SECRET", &format!("another-secret\n{SECRET}")), ("SEALPRESS_LISTEN", "127.0.0.1:0")],
    );
    let line = example.says("waiting on http://");
    let url = line.split("waiting on ").nth(1).unwrap().trim().to_owned();

    let emulator = Emulator::builder()
        .secret(SECRET)
        .webhook(&url)
        .configure(|options| options.decision_delay_ms = 0)
        .start()
        .await
        .unwrap();
    let client = veriff(&emulator);
    let session = client.create_session(&NewSession::new().with_name("Approve", "Doe")).await.unwrap().id;
    client.send(client.sign(&Upload::new(session.clone(), Context::Face, jpeg(5_000))).unwrap()).await.unwrap();
    client.submit_session(&session).await.unwrap();
    // Extracted, verified and handled: the event of the submission and the decision, in the order in which they
    // come: the vendor promises none.
    let mut awaited = vec!["Some(\"submitted\")", "Some(Approved)"];
    while !awaited.is_empty() {
        let line = example.says(session.as_str());
        awaited.retain(|expected| !line.contains(expected));
    }
    emulator.shutdown().await;

    let key = Key::new(&SECRET.into());
    let event = |id: &str| format!(r#"{{"id":"{id}","attemptId":"a","code":7001,"action":"started"}}"#);
    let sign = |body: &str| key.sign(body.as_bytes()).hex();
    let right = event("right");
    assert_eq!(post(&url, &right, Some(&sign(&right))).await, 200);
    // Another body's signature, none, no JSON though it is signed, and more than a webhook ever has.
    let refused = event("refused");
    assert_eq!(post(&url, &refused, Some(&sign(&right))).await, 401);
    assert_eq!(post(&url, &refused, None).await, 401);
    assert_eq!(post(&url, "<refused>", Some(&sign("<refused>"))).await, 400);
    let large = event(&format!("refused{}", "x".repeat(1 << 20)));
    assert_eq!(post(&url, &large, Some(&sign(&large))).await, 413);
    let last = event("last");
    assert_eq!(post(&url, &last, Some(&sign(&last))).await, 200);
    // Nothing is said of the emulator's own deliveries: it repeats one whose answer it did not see.
    let said = example.until("last: Some(\"started\")");
    assert!(said.iter().any(|line| line.contains("right: Some(\"started\")")), "{said:?}");
    assert!(!said.iter().any(|line| line.contains("refused")), "a handler ran for what was refused: {said:?}");
}

#[test]
fn the_third_vendor_example_runs_from_end_to_end() {
    let mut example = Example::start("third_vendor", &[]);
    example.says("the vendor received ");
    example.says("third: applicant-1 holds document-1");
    assert!(example.process.wait().unwrap().success());
}

async fn post(url: &str, body: &str, signature: Option<&str>) -> u16 {
    let authority = url.strip_prefix("http://").unwrap().split('/').next().unwrap();
    let mut stream = TcpStream::connect(authority).await.unwrap();
    let signature = signature.map(|s| format!("x-hmac-signature: {s}\r\n")).unwrap_or_default();
    let head = format!(
        "POST /veriff HTTP/1.1\r\nhost: {authority}\r\n{signature}content-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    // A server that refuses by the head alone may not read the rest.
    let _ = stream.write_all(body.as_bytes()).await;
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    let text = String::from_utf8_lossy(&answer);
    text.split(' ').nth(1).unwrap_or_else(|| panic!("no status in {text:?}")).parse().unwrap()
}
