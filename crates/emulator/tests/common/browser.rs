//! A real browser, steered over its debugging socket with a WebSocket client of the smallest kind.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

pub(crate) struct Browser {
    process: Child,
    socket: TcpStream,
    calls: u64,
    _profile: tempfile::TempDir,
}

impl Browser {
    /// Opens a page; `None` where no Chromium is installed.
    pub(crate) fn open(url: &str) -> Option<Self> {
        let names = ["chromium", "chromium-headless-shell", "chromium-browser", "google-chrome"];
        let there = |name: &&str| Command::new(name).arg("--version").output().is_ok_and(|o| o.status.success());
        let program = names.iter().find(|name| there(name))?;
        let profile = tempfile::tempdir().unwrap();
        let mut process = Command::new(program)
            .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars"])
            .args(["--window-size=1400,1000", "--remote-debugging-port=0"])
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .arg(url)
            .stderr(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stderr.take().unwrap()).lines();
        let said = lines.by_ref().map_while(Result::ok).find(|l| l.contains("DevTools listening on ws://")).unwrap();
        // Whatever else it has to say must not block it.
        std::thread::spawn(move || lines.map_while(Result::ok).for_each(drop));
        let authority = said.split("ws://").nth(1).unwrap().split('/').next().unwrap().to_owned();
        let began = Instant::now();
        let path = loop {
            let pages: Value = serde_json::from_slice(&http(&authority, "/json/list")).unwrap();
            let page = pages.as_array().unwrap().iter().find(|p| p["url"].as_str().is_some_and(|u| u.starts_with(url)));
            if let Some(page) = page {
                let address = page["webSocketDebuggerUrl"].as_str().unwrap();
                break address[address.find("/devtools").unwrap()..].to_owned();
            }
            assert!(began.elapsed() < Duration::from_secs(90), "the page did not open");
            std::thread::sleep(Duration::from_millis(50));
        };
        let mut socket = TcpStream::connect(&authority).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(90))).unwrap();
        let head = format!(
            "GET {path} HTTP/1.1\r\nhost: {authority}\r\nupgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-version: 13\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
        );
        socket.write_all(head.as_bytes()).unwrap();
        let mut answer = Vec::new();
        while !answer.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            socket.read_exact(&mut byte).unwrap();
            answer.push(byte[0]);
        }
        assert!(answer.starts_with(b"HTTP/1.1 101"), "{}", String::from_utf8_lossy(&answer));
        Some(Self { process, socket, calls: 0, _profile: profile })
    }

    /// The value of an expression in the page.
    pub(crate) fn eval(&mut self, script: &str) -> Value {
        let answer = self
            .call("Runtime.evaluate", &json!({ "expression": script, "awaitPromise": true, "returnByValue": true }));
        assert!(answer["exceptionDetails"].is_null(), "{script}: {answer}");
        answer["result"]["value"].clone()
    }

    /// Waits until an expression is true.
    pub(crate) fn wait(&mut self, script: &str) {
        let began = Instant::now();
        // What is not there yet is not true yet.
        let patient = format!("(() => {{ try {{ return {script} }} catch {{ return false }} }})()");
        while self.eval(&patient) != Value::Bool(true) {
            assert!(began.elapsed() < Duration::from_secs(90), "never true: {script}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// The page as a PNG in base64.
    pub(crate) fn screenshot(&mut self) -> String {
        self.call("Page.captureScreenshot", &json!({}))["data"].as_str().unwrap().to_owned()
    }

    fn call(&mut self, method: &str, params: &Value) -> Value {
        self.calls += 1;
        let text = json!({ "id": self.calls, "method": method, "params": params }).to_string();
        let mut frame = vec![0x81];
        match text.len() {
            n @ 0..126 => frame.push(0x80 | u8::try_from(n).unwrap()),
            n => {
                frame.push(0x80 | 126);
                frame.extend_from_slice(&u16::try_from(n).unwrap().to_be_bytes());
            }
        }
        // A mask of zeros changes nothing, and is one.
        frame.extend_from_slice(&[0; 4]);
        frame.extend_from_slice(text.as_bytes());
        self.socket.write_all(&frame).unwrap();
        loop {
            let value: Value = serde_json::from_slice(&self.frame()).unwrap();
            if value["id"] == self.calls {
                return value["result"].clone();
            }
        }
    }

    fn frame(&mut self) -> Vec<u8> {
        let mut head = [0; 2];
        self.socket.read_exact(&mut head).unwrap();
        let length = match head[1] & 0x7F {
            126 => {
                let mut n = [0; 2];
                self.socket.read_exact(&mut n).unwrap();
                u64::from(u16::from_be_bytes(n))
            }
            127 => {
                let mut n = [0; 8];
                self.socket.read_exact(&mut n).unwrap();
                u64::from_be_bytes(n)
            }
            n => u64::from(n),
        };
        let mut body = vec![0; usize::try_from(length).unwrap()];
        self.socket.read_exact(&mut body).unwrap();
        body
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A GET whose answer has a length and whose connection stays open.
fn http(authority: &str, path: &str) -> Vec<u8> {
    let mut stream = TcpStream::connect(authority).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    stream.write_all(format!("GET {path} HTTP/1.1\r\nhost: {authority}\r\n\r\n").as_bytes()).unwrap();
    let mut reader = BufReader::new(stream);
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        match line.trim_end().split_once(':') {
            Some((name, value)) if name.eq_ignore_ascii_case("content-length") => {
                length = value.trim().parse().unwrap()
            }
            _ if line.trim_end().is_empty() => break,
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    body
}
