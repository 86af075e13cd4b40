//! A raw HTTP server that keeps what it was sent, and clients pointed at it.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use sealpress_client::veriff::{Builder, Client, Context, Credentials, SessionId, Upload};
use sealpress_client::{Options, RetryPolicy};
use sealpress_emulator::Emulator;
use sealpress_media::Media;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

pub(crate) const KEY: &str = "3f0e8a52-7d61-4c0b-9e58-1d2c3b4a5f60";
pub(crate) const SECRET: &str = "sandbox-shared-secret-0001";

/// One request as it stood on the wire.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) raw: Vec<u8>,
    pub(crate) body_at: usize,
}

impl Seen {
    pub(crate) fn line(&self) -> String {
        self.head().lines().next().unwrap_or_default().to_owned()
    }

    pub(crate) fn head(&self) -> String {
        String::from_utf8(self.raw[..self.body_at].to_vec()).unwrap()
    }

    pub(crate) fn body(&self) -> &[u8] {
        &self.raw[self.body_at..]
    }

    pub(crate) fn header(&self, name: &str) -> Option<String> {
        let head = self.head();
        let mut lines = head.lines().skip(1).filter_map(|l| l.split_once(':'));
        lines.find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.trim().to_owned())
    }
}

pub(crate) struct Raw {
    pub(crate) url: String,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Raw {
    /// Answers every request with what `answer` makes of its number and content, and closes.
    pub(crate) async fn start(answer: impl Fn(usize, &Seen) -> Vec<u8> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (kept, answer) = (seen.clone(), Arc::new(answer));
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let (kept, answer) = (kept.clone(), answer.clone());
                tokio::spawn(async move {
                    let Some(request) = read_request(&mut stream).await else { return };
                    let bytes = {
                        let mut kept = kept.lock().unwrap();
                        kept.push(request.clone());
                        answer(kept.len(), &request)
                    };
                    let _ = stream.write_all(&bytes).await;
                    let _ = stream.shutdown().await;
                });
            }
        });
        Self { url, seen }
    }

    /// Always the same answer.
    pub(crate) async fn always(status: u16, body: &'static str) -> Self {
        Self::start(move |_, _| http(status, &[], body)).await
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    pub(crate) fn client(&self) -> Client {
        self.builder().build().unwrap()
    }

    pub(crate) fn builder(&self) -> Builder {
        Client::builder(&self.url, Credentials::new(KEY, SECRET)).retry(RetryPolicy::never())
    }
}

/// A whole answer.
pub(crate) fn http(status: u16, headers: &[(&str, &str)], body: &str) -> Vec<u8> {
    let mut out = format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\nconnection: close\r\n", body.len());
    headers.iter().for_each(|(name, value)| out += &format!("{name}: {value}\r\n"));
    (out + "\r\n" + body).into_bytes()
}

pub(crate) async fn read_request(stream: &mut TcpStream) -> Option<Seen> {
    let mut raw = Vec::new();
    let mut buffer = vec![0; 64 << 10];
    loop {
        if let Some(end) = raw.windows(4).position(|w| w == b"\r\n\r\n") {
            let mut seen = Seen { raw: raw.clone(), body_at: end + 4 };
            let length = seen.header("content-length").map_or(0, |l| l.parse::<usize>().unwrap());
            while raw.len() < end + 4 + length {
                match stream.read(&mut buffer).await {
                    Ok(0) | Err(_) => return None,
                    Ok(n) => raw.extend_from_slice(&buffer[..n]),
                }
            }
            seen.raw = raw;
            return Some(seen);
        }
        match stream.read(&mut buffer).await {
            Ok(0) | Err(_) => return None,
            Ok(n) => raw.extend_from_slice(&buffer[..n]),
        }
    }
}

/// A JPEG as far as its header goes, of a size that both vendors take, and `len` bytes long.
pub(crate) fn jpeg(len: usize) -> Media {
    let mut bytes =
        vec![0xFF, 0xD8, 0xFF, 0xC0, 0, 17, 8, 0x02, 0xD0, 0x05, 0x00, 3, 1, 0x22, 0, 2, 0x11, 1, 3, 0x11, 1];
    let mut state = 0x9E37_79B9_u32;
    while bytes.len() < len {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        bytes.push(state.to_le_bytes()[0]);
    }
    Media::sniff(bytes).unwrap()
}

pub(crate) fn session() -> SessionId {
    SessionId::new("7c2f0a2e-6d2b-4a8e-9c55-0c6d1f0b9e21").unwrap()
}

pub(crate) fn upload(session: &SessionId) -> Upload {
    Upload::new(session.clone(), Context::DocumentFront, jpeg(10_000))
}

/// Timeouts that a test can wait for.
pub(crate) fn quick() -> Options {
    let mut options = Options::default();
    options.connect_timeout = Duration::from_millis(500);
    options.call_timeout = Duration::from_millis(800);
    options.upload_timeout = Duration::from_millis(1500);
    options.stall_timeout = Duration::from_millis(400);
    options
}

pub(crate) fn veriff(emulator: &Emulator) -> Client {
    let credentials = Credentials::new(emulator.api_key(), emulator.secret());
    Client::builder(emulator.url(), credentials).retry(RetryPolicy::never()).build().unwrap()
}

/// A certificate of our own for `localhost`, and a server's TLS set-up with it.
pub(crate) fn tls() -> (Arc<rustls::ServerConfig>, Vec<u8>) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let der = made.cert.der().clone();
    let key = rustls::pki_types::PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![der.clone()], key)
        .unwrap();
    (Arc::new(config), der.to_vec())
}

pub(crate) async fn shake_hands(
    config: Arc<rustls::ServerConfig>,
    stream: TcpStream,
) -> Option<tokio_rustls::server::TlsStream<TcpStream>> {
    tokio_rustls::TlsAcceptor::from(config).accept(stream).await.ok()
}
