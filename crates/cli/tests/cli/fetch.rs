//! `sealpress backfill run` over media that lie elsewhere: on web servers and in buckets.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use super::backfill::{Batch, HEAD, text};
use super::{lines, photo};

/// Media by URL: allowed hosts only, no redirects, no more than the limit, retried where it helps.
#[test]
fn media_are_fetched_over_http() {
    let batch = Batch::new(0, "", "");
    let picture = fs::read(photo(batch.folder.path(), "source.jpg", 640)).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let host = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        let mut flaky = 0;
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let mut head = [0; 2048];
            let n = stream.read(&mut head).unwrap_or(0);
            let line = text(&head[..n]);
            let path = line.split(' ').nth(1).unwrap_or("");
            let answer = |status: &str, more: &str, body: &[u8]| {
                let mut out =
                    format!("HTTP/1.1 {status}\r\n{more}content-length: {}\r\nconnection: close\r\n\r\n", body.len())
                        .into_bytes();
                out.extend(body);
                out
            };
            let bytes = match path {
                "/in/good.jpg" => answer("200 OK", "", &picture),
                "/in/flaky.jpg" if flaky < 2 => {
                    flaky += 1;
                    answer("503 Busy", "", b"")
                }
                "/in/flaky.jpg" => answer("200 OK", "", &[&picture[..], b"\0"].concat()),
                "/in/moved.jpg" => answer("302 Found", "location: /in/good.jpg\r\n", b""),
                "/in/huge.jpg" => b"HTTP/1.1 200 OK\r\ncontent-length: 99999999999\r\n\r\n".to_vec(),
                "/in/liar.jpg" => {
                    let mut out = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n".to_vec();
                    (0..30).for_each(|_| {
                        out.extend(
                            [format!("{:x}\r\n", 100_000).into_bytes(), vec![b'x'; 100_000], b"\r\n".to_vec()].concat(),
                        )
                    });
                    out
                }
                _ => answer("404 Not Found", "", b""),
            };
            let _ = stream.write_all(&bytes);
        }
    });
    let names = ["good", "flaky", "moved", "huge", "liar", "missing"];
    let mut rows = HEAD.to_owned();
    names.iter().for_each(|n| rows += &format!("{n},face,{host}/in/{n}.jpg,x\n"));
    rows += &format!("outside,face,{host}/out/good.jpg,x\nelsewhere,face,http://169.254.169.254/latest/meta-data/,x\n");
    fs::write(batch.path("m.csv"), rows).unwrap();
    let end = batch.json(
        &["run", "m.csv", "--allow-source", &format!("{host}/in"), "--max-input", "2MiB", "--passes", "1", "--json"],
        3,
    );
    assert_eq!((&end["items"]["confirmed"], &end["items"]["failed"]), (&2.into(), &6.into()), "{end}");
    assert_eq!(
        reasons(&batch),
        ["too-large 2", "not-allowed 2", "unreadable 2"].map(str::to_owned).into_iter().collect()
    );
}

/// How often each reason stands in results.jsonl, as `reason count`.
fn reasons(batch: &Batch) -> std::collections::BTreeSet<String> {
    let results = fs::read_to_string(batch.path("m.csv.sealpress/results.jsonl")).unwrap();
    let mut counts = std::collections::BTreeMap::<String, u32>::new();
    for line in results.lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        if let Some(reason) = line
            .pointer("/error/reason")
            .or_else(|| line.pointer("/error/kind"))
            .or_else(|| line.get("reason"))
            .and_then(Value::as_str)
        {
            *counts.entry(reason.to_owned()).or_default() += 1;
        }
    }
    counts.into_iter().map(|(reason, n)| format!("{reason} {n}")).collect()
}

struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Puts files into a bucket of moto's, and prints where it listens.
const BUCKET: &str = r#"
import sys, os, boto3
from moto.server import ThreadedMotoServer
server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
server.start()
host, port = server.get_host_and_port()
s3 = boto3.client("s3", endpoint_url=f"http://{host}:{port}", region_name="us-east-1",
                  aws_access_key_id="test", aws_secret_access_key="test")
s3.create_bucket(Bucket="photos")
s3.create_bucket(Bucket="secret")
for name in ["a.jpg", "b c.jpg"]:
    s3.upload_file(sys.argv[1], "photos", "2026/" + name)
s3.put_object(Bucket="photos", Key="2026/huge.jpg", Body=b"x" * 3_000_000)
s3.put_object(Bucket="secret", Key="a.jpg", Body=b"x")
print(f"http://{host}:{port}", flush=True)
sys.stdin.read()
"#;

#[test]
fn media_are_fetched_out_of_a_bucket() {
    let Some(python) = sealpress_testkit::python("moto.server, boto3") else { return };
    let batch = Batch::new(0, "", "");
    let picture = photo(batch.folder.path(), "source.jpg", 640);
    let mut child = Command::new(python)
        .args(["-c", BUCKET])
        .arg(picture)
        .env("NO_PROXY", "127.0.0.1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut said = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    let _ended = Ended(child);
    let url = said.find(|line| line.starts_with("http://")).unwrap();
    let rows = "one,face,s3://photos/2026/a.jpg,x\ntwo,face,s3://photos/2026/b%20c.jpg,x\nthree,face,s3://photos/2026/huge.jpg,x\n\
                four,face,s3://photos/2026/missing.jpg,x\nfive,face,s3://secret/a.jpg,x\nsix,face,s3://photos/a.jpg,x\n";
    fs::write(batch.path("m.csv"), format!("{HEAD}{rows}")).unwrap();
    let words =
        ["run", "m.csv", "--allow-source", "s3://photos/2026", "--max-input", "2MiB", "--passes", "1", "--json"];
    let output = batch
        .command(&words)
        .env("AWS_ENDPOINT_URL", url.trim())
        .env("AWS_ALLOW_HTTP", "true")
        .env("AWS_ACCESS_KEY_ID", "test")
        .env("AWS_SECRET_ACCESS_KEY", "test")
        .env("AWS_REGION", "us-east-1")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(3), "{}", text(&output.stderr));
    let end = lines(&output).pop().unwrap();
    assert_eq!((&end["items"]["confirmed"], &end["items"]["failed"]), (&2.into(), &4.into()), "{end}");
    assert_eq!(
        reasons(&batch),
        ["not-allowed 2", "too-large 1", "unreadable 1"].map(str::to_owned).into_iter().collect()
    );
}

/// Twenty files of one session and context, each behind half a second: they are asked for side by side, and
/// arrive in the order of the manifest.
#[test]
fn media_of_one_context_are_fetched_side_by_side() {
    use std::sync::atomic::{AtomicUsize, Ordering};
    const FILES: usize = 20;
    static ASKED: AtomicUsize = AtomicUsize::new(0);
    static MOST: AtomicUsize = AtomicUsize::new(0);
    let batch = Batch::new(0, "", "");
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let host = format!("http://{}", listener.local_addr().unwrap());
    let pictures: Vec<Vec<u8>> =
        (0..FILES).map(|n| fs::read(photo(batch.folder.path(), "x.jpg", 200 + 16 * n as u32)).unwrap()).collect();
    let pictures = std::sync::Arc::new(pictures);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let pictures = std::sync::Arc::clone(&pictures);
            std::thread::spawn(move || {
                let mut head = [0; 2048];
                let n = stream.read(&mut head).unwrap_or(0);
                let line = text(&head[..n]);
                let number: Option<usize> =
                    line.split('/').nth(1).and_then(|path| path.split('.').next()?.parse().ok());
                MOST.fetch_max(ASKED.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                std::thread::sleep(std::time::Duration::from_millis(500));
                ASKED.fetch_sub(1, Ordering::SeqCst);
                let picture = &pictures[number.unwrap_or(0)];
                let answer =
                    format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", picture.len());
                let _ = stream.write_all(answer.as_bytes()).and_then(|()| stream.write_all(picture));
            });
        }
    });
    let made = batch.emulator.json(&["session", "create", "--json"]);
    let id = made[0]["session"].as_str().unwrap();
    let rows: String = (0..FILES).map(|n| format!("{id},document-front,{host}/{n}.jpg\n")).collect();
    fs::write(batch.path("m.csv"), format!("session,context,media\n{rows}")).unwrap();
    let end = batch.json(&["run", "m.csv", "--allow-source", &host, "--json"], 0);
    assert_eq!(end["items"]["confirmed"], FILES, "{end}");
    assert!(MOST.load(Ordering::SeqCst) >= FILES, "{} at a time", MOST.load(Ordering::SeqCst));
    let results = fs::read_to_string(batch.path("m.csv.sealpress/results.jsonl")).unwrap();
    let ids: Vec<String> = results
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["media_id"].as_str().unwrap().to_owned())
        .collect();
    let ledger = batch.emulator.ledger();
    let media = ledger["sessions"][0]["attempts"][0]["media"].as_array().unwrap();
    let arrived: Vec<&str> = media.iter().map(|m| m["id"].as_str().unwrap()).collect();
    assert_eq!(arrived, ids, "the order of the manifest is the order of the uploads");
}
