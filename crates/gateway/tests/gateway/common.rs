//! A gateway in front of an emulator, and a caller that writes requests by hand.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use sealpress_client::sign::Key;
use sealpress_client::{Options as ClientOptions, veriff};
use sealpress_emulator::Emulator;
use sealpress_gateway::veriff::{Account, Accounts, VeriffDoor};
use sealpress_gateway::{Builder, Gateway, Options, Record};
use sealpress_press::{InProcess, Policies, Press};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

/// A gateway on a runtime of its own, so that tests may block.
pub(crate) struct Stand {
    pub(crate) emulator: Arc<Emulator>,
    pub(crate) door: Arc<VeriffDoor>,
    pub(crate) address: SocketAddr,
    pub(crate) gateway: Option<Gateway>,
    pub(crate) runtime: Runtime,
    pub(crate) log: Arc<Mutex<Vec<String>>>,
}

pub(crate) fn press() -> Arc<dyn Press> {
    Arc::new(InProcess::new(Policies::within(&veriff::limits())))
}

pub(crate) fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

impl Stand {
    pub(crate) fn new() -> Self {
        Self::with(|_| {}, |_| {})
    }

    pub(crate) fn with(change: impl FnOnce(&mut Options), client: impl FnOnce(&mut ClientOptions)) -> Self {
        let emulator = Arc::new(Emulator::builder().start_blocking().unwrap());
        let url = emulator.url().to_owned();
        Self::before(emulator, &url, press(), change, client, |builder| builder)
    }

    /// In front of whatever answers at `url`, with the emulator's credentials.
    pub(crate) fn before(
        emulator: Arc<Emulator>,
        url: &str,
        press: Arc<dyn Press>,
        change: impl FnOnce(&mut Options),
        client: impl FnOnce(&mut ClientOptions),
        more: impl FnOnce(Builder) -> Builder,
    ) -> Self {
        let (mut options, mut client_options) = (Options::default(), ClientOptions::default());
        change(&mut options);
        client(&mut client_options);
        let account = Account::new(url, emulator.api_key(), [emulator.secret().into()]);
        let door = Arc::new(VeriffDoor::new(Accounts::new(&[account], &client_options).unwrap()));
        let log = Arc::new(Mutex::new(Vec::new()));
        let (lines, runtime) = (Arc::clone(&log), runtime());
        let builder = Gateway::builder(door.clone(), press)
            .options(options)
            .on_request(move |record: &Record| lines.lock().unwrap().push(record.to_string()));
        let gateway = runtime.block_on(async {
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
            more(builder).start(listener).unwrap()
        });
        Self { emulator, door, address: gateway.address(), gateway: Some(gateway), runtime, log }
    }

    pub(crate) fn session(&self) -> String {
        self.emulator.create_session(json!({})).unwrap()
    }

    pub(crate) fn key(&self) -> Key {
        Key::from_bytes(self.emulator.secret().as_bytes())
    }

    /// A request signed over its body.
    pub(crate) fn post(&self, path: &str, kind: &str, body: &[u8]) -> Said {
        self.signed("POST", path, &[("Content-Type", kind)], body)
    }

    pub(crate) fn signed(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Said {
        let signature = self.key().sign(body).hex();
        let mut all = vec![("X-AUTH-CLIENT", self.emulator.api_key()), ("X-HMAC-SIGNATURE", &signature)];
        all.extend(headers);
        ask(self.address, method, path, &all, body)
    }

    pub(crate) fn upload(&self, session: &str, context: &str, uri: &str) -> Said {
        self.post(&media_path(session), "application/json", upload_body(context, uri).as_bytes())
    }
}

pub(crate) fn media_path(session: &str) -> String {
    format!("/v1/sessions/{session}/media")
}

pub(crate) fn upload_body(context: &str, uri: &str) -> String {
    json!({ "image": { "context": context, "content": uri } }).to_string()
}

pub(crate) fn uri(mime: &str, bytes: &[u8]) -> String {
    format!("data:{mime};base64,{}", sealpress_base64::encode(bytes))
}

/// A committed specimen by the end of its path.
pub(crate) fn specimen(end: &str) -> Vec<u8> {
    let manifest = sealpress_testkit::media_manifest();
    manifest.media.iter().find(|m| m.path.ends_with(end)).unwrap_or_else(|| panic!("no specimen {end}")).bytes()
}

/// An answer as it stood on the wire.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Said {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|e| panic!("{e}: {self:?}"))
    }
}

pub(crate) fn head(method: &str, path: &str, headers: &[(&str, &str)], length: usize) -> String {
    let mut head = format!("{method} {path} HTTP/1.1\r\nHost: gateway.example\r\n");
    headers.iter().for_each(|(name, value)| head.push_str(&format!("{name}: {value}\r\n")));
    head + &format!("Content-Length: {length}\r\nConnection: close\r\n\r\n")
}

pub(crate) fn connect(address: SocketAddr) -> TcpStream {
    let socket = TcpStream::connect(address).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    socket
}

pub(crate) fn ask(address: SocketAddr, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Said {
    let mut socket = connect(address);
    socket.write_all(head(method, path, headers, body.len()).as_bytes()).unwrap();
    // An answer may come before the body was taken.
    let _ = socket.write_all(body);
    read_answer(socket).unwrap_or_else(|e| panic!("{method} {path}: {e}"))
}

pub(crate) fn read_answer(socket: TcpStream) -> std::io::Result<Said> {
    let mut reader = BufReader::new(socket);
    let mut line = || {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        Ok::<_, std::io::Error>(line.trim_end().to_owned())
    };
    let status = line()?;
    let status = status.split(' ').nth(1).and_then(|code| code.parse().ok());
    let Some(status) = status else { return Err(std::io::ErrorKind::UnexpectedEof.into()) };
    let mut headers = Vec::new();
    loop {
        let text = line()?;
        let Some((name, value)) = text.split_once(':') else { break };
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let mut body = Vec::new();
    reader.read_to_end(&mut body)?;
    if headers.iter().any(|(name, value)| name == "transfer-encoding" && value == "chunked") {
        body = unchunk(&body);
    }
    Ok(Said { status, headers, body })
}

fn unchunk(mut rest: &[u8]) -> Vec<u8> {
    let mut whole = Vec::new();
    while let Some(at) = rest.windows(2).position(|w| w == b"\r\n") {
        let size = usize::from_str_radix(std::str::from_utf8(&rest[..at]).unwrap(), 16).unwrap();
        whole.extend_from_slice(&rest[at + 2..at + 2 + size]);
        rest = &rest[at + 2 + size + 2..];
    }
    whole
}
