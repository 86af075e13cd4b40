//! HTTP/1.1 by hand, because the faults need the socket: heads through `httparse`, bodies by length or in
//! chunks, answers byte by byte where asked.

use std::borrow::Cow;
use std::io;
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout, timeout_at};

use crate::explain::Explanation;

const MAX_HEAD: usize = 64 << 10;
const MAX_HEADERS: usize = 100;

/// The head of a request.
#[derive(Debug, Clone)]
pub(crate) struct Head {
    pub(crate) method: String,
    /// Without the query.
    pub(crate) path: String,
    pub(crate) query: String,
    headers: Vec<(String, String)>,
    pub(crate) keep_alive: bool,
    pub(crate) body: Framing,
}

/// How long the body is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Framing {
    Length(u64),
    Chunked,
}

impl Head {
    /// The first header of that name (lower case); names are compared without case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_str())
    }

    /// A query parameter, not percent-decoded.
    pub(crate) fn query(&self, name: &str) -> Option<&str> {
        self.query.split('&').filter_map(|pair| pair.split_once('=')).find(|(n, _)| *n == name).map(|(_, v)| v)
    }

    pub(crate) fn length(&self) -> u64 {
        match self.body {
            Framing::Length(n) => n,
            Framing::Chunked => 0,
        }
    }
}

/// The body of a request as far as it was read.
#[derive(Debug, Clone)]
pub(crate) enum Body {
    Whole(Bytes),
    /// Longer than the limit: refused unread.
    TooLarge,
}

/// An answer before it meets the faults.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(Cow<'static, str>, String)>,
    pub(crate) body: Bytes,
    /// Error code for the log.
    pub(crate) code: Option<String>,
    /// Why a signature was refused, for the log and for whoever debugs.
    pub(crate) explanation: Option<Box<Explanation>>,
}

impl Answer {
    pub(crate) fn new(status: u16, content_type: &'static str, body: impl Into<Bytes>) -> Self {
        let headers = vec![(Cow::Borrowed("content-type"), content_type.to_owned())];
        Self { status, headers, body: body.into(), code: None, explanation: None }
    }

    pub(crate) fn json(status: u16, value: &serde_json::Value) -> Self {
        Self::new(status, "application/json; charset=utf-8", value.to_string())
    }

    pub(crate) fn set(&mut self, name: impl Into<Cow<'static, str>>, value: impl Into<String>) {
        let name = name.into();
        self.headers.retain(|(n, _)| !n.eq_ignore_ascii_case(&name));
        self.headers.push((name, value.into()));
    }

    pub(crate) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.set(name, value);
        self
    }

    pub(crate) fn drop_header(&mut self, name: &str) {
        self.headers.retain(|(n, _)| !n.eq_ignore_ascii_case(name));
    }

    /// Status line and headers; line breaks in values (from scripts) become spaces.
    pub(crate) fn head(&self, length: usize, keep_alive: bool) -> Vec<u8> {
        use std::fmt::Write as _;
        let mut text = format!("HTTP/1.1 {} {}\r\n", self.status, reason(self.status));
        for (name, value) in &self.headers {
            let _ = write!(text, "{name}: {}\r\n", value.replace(['\r', '\n'], " "));
        }
        if !matches!(self.status, 100..=199 | 204 | 304) {
            let _ = write!(text, "content-length: {length}\r\n");
        }
        if !keep_alive {
            text.push_str("connection: close\r\n");
        }
        text.push_str("\r\n");
        text.into_bytes()
    }
}

/// How long a client may take.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Patience {
    /// From a request's first byte to the end of its head.
    pub(crate) head: Duration,
    /// Between two requests on one connection.
    pub(crate) idle: Duration,
    /// Between two pieces of a body.
    pub(crate) stall: Duration,
}

/// A connection with what was read ahead.
pub(crate) struct Conn {
    pub(crate) stream: TcpStream,
    ahead: Vec<u8>,
    patience: Patience,
}

impl Conn {
    pub(crate) fn new(stream: TcpStream, patience: Patience) -> Self {
        Self { stream, ahead: Vec::new(), patience }
    }

    /// The next request's head; `None` at the orderly end of the connection, or when nothing came for long.
    /// `TimedOut` where a head was begun and not ended.
    pub(crate) async fn head(&mut self) -> io::Result<Option<Head>> {
        if self.ahead.is_empty() {
            let got = timeout(self.patience.idle, self.fill()).await;
            if got.is_err() || got.is_ok_and(|got| matches!(got, Ok(0))) {
                return Ok(None);
            }
        }
        // One deadline for all of it: a byte now and then must not hold a connection.
        let deadline = Instant::now() + self.patience.head;
        loop {
            if let Some((head, len)) = parse(&self.ahead)? {
                self.ahead.drain(..len);
                return Ok(Some(head));
            }
            if self.ahead.len() > MAX_HEAD {
                return Err(bad("head too long"));
            }
            let got = timeout_at(deadline, self.fill()).await.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?;
            if got? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }

    /// Keeps the kernel from reading ahead of a slow reader, so that the sender feels the pace.
    pub(crate) fn narrow(&self) {
        let _ = socket2::SockRef::from(&self.stream).set_recv_buffer_size(4096);
    }

    /// Up to `n` bytes of the body without taking them; fewer if the body is shorter. Empty for chunks.
    pub(crate) async fn peek(&mut self, head: &Head, n: usize) -> io::Result<&[u8]> {
        let Framing::Length(len) = head.body else { return Ok(&[]) };
        let want = usize::try_from(len).unwrap_or(usize::MAX).min(n);
        while self.ahead.len() < want {
            if self.more().await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        Ok(&self.ahead[..want])
    }

    /// Reads about `n` bytes of a body and throws them away.
    pub(crate) async fn skip(&mut self, n: u64) -> io::Result<()> {
        let mut left = n.saturating_sub(self.ahead.len() as u64);
        self.ahead.clear();
        let mut scratch = vec![0; 64 << 10];
        while left > 0 {
            let take = usize::try_from(left).unwrap_or(usize::MAX).min(scratch.len());
            let read = timeout(self.patience.stall, self.stream.read(&mut scratch[..take])).await;
            match read.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?? {
                0 => break,
                got => left -= got as u64,
            }
        }
        Ok(())
    }

    /// The whole body, at most `limit` bytes of it, at a pace where one is given.
    pub(crate) async fn body(&mut self, head: &Head, limit: usize, pace: Option<u64>) -> io::Result<Body> {
        match head.body {
            Framing::Length(len) => match usize::try_from(len) {
                Ok(len) if len <= limit => Ok(Body::Whole(self.take(len, pace).await?)),
                _ => Ok(Body::TooLarge),
            },
            Framing::Chunked => self.chunks(limit).await,
        }
    }

    async fn take(&mut self, len: usize, pace: Option<u64>) -> io::Result<Bytes> {
        // A promised length is not yet a received one.
        let mut body = Vec::with_capacity(len.min(1 << 20));
        let ready = len.min(self.ahead.len());
        body.extend(self.ahead.drain(..ready));
        if let Some(rate) = pace {
            // What came along with the head was read too fast already.
            tokio::time::sleep(Duration::from_secs_f64(ready as f64 / rate.max(1) as f64)).await;
        }
        while body.len() < len {
            let got = match pace {
                None => {
                    let mut rest = (&mut self.stream).take((len - body.len()) as u64);
                    let read = timeout(self.patience.stall, rest.read_buf(&mut body)).await;
                    read.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??
                }
                Some(rate) => {
                    let (step, pause) = steps(rate);
                    tokio::time::sleep(pause).await;
                    let mut rest = (&mut self.stream).take(step.min(len - body.len()) as u64);
                    rest.read_buf(&mut body).await?
                }
            };
            if got == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        Ok(body.into())
    }

    async fn chunks(&mut self, limit: usize) -> io::Result<Body> {
        let mut body = Vec::new();
        loop {
            let (used, size) = loop {
                match httparse::parse_chunk_size(&self.ahead).map_err(|_| bad("chunk size"))? {
                    httparse::Status::Complete(found) => break found,
                    httparse::Status::Partial if self.ahead.len() > MAX_HEAD => return Err(bad("chunk size")),
                    httparse::Status::Partial => self.need_more().await?,
                }
            };
            self.ahead.drain(..used);
            if size == 0 {
                // Trailers, then an empty line.
                loop {
                    while let Some(end) = self.ahead.windows(2).position(|w| w == b"\r\n") {
                        self.ahead.drain(..end + 2);
                        if end == 0 {
                            return Ok(Body::Whole(body.into()));
                        }
                    }
                    self.need_more().await?;
                }
            }
            let size = usize::try_from(size).unwrap_or(usize::MAX);
            if size > limit.saturating_sub(body.len()) {
                return Ok(Body::TooLarge);
            }
            while self.ahead.len() < size + 2 {
                self.need_more().await?;
            }
            body.extend(self.ahead.drain(..size));
            if !self.ahead.starts_with(b"\r\n") {
                return Err(bad("chunk end"));
            }
            self.ahead.drain(..2);
        }
    }

    async fn need_more(&mut self) -> io::Result<()> {
        match self.more().await? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(()),
        }
    }

    async fn more(&mut self) -> io::Result<usize> {
        let stall = self.patience.stall;
        timeout(stall, self.fill()).await.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?
    }

    async fn fill(&mut self) -> io::Result<usize> {
        self.ahead.reserve(16 << 10);
        self.stream.read_buf(&mut self.ahead).await
    }

    /// Writes everything, at a pace where one is given.
    pub(crate) async fn write(&mut self, bytes: &[u8], pace: Option<u64>) -> io::Result<()> {
        let Some(rate) = pace else { return self.stream.write_all(bytes).await };
        let (step, pause) = steps(rate);
        for piece in bytes.chunks(step) {
            self.stream.write_all(piece).await?;
            tokio::time::sleep(pause).await;
        }
        Ok(())
    }

    /// Ends the connection with RST.
    pub(crate) fn reset(self) {
        let _ = self.stream.set_zero_linger();
    }

    /// Ends the connection with FIN, and waits a little for the other side, so that unread bytes do not
    /// turn the FIN into an RST before it was seen.
    pub(crate) async fn finish(mut self) {
        let _ = self.stream.shutdown().await;
        let _ = tokio::time::timeout(Duration::from_secs(2), self.skip(64 << 20)).await;
    }
}

/// Bytes per step and the pause after each, for a pace in bytes per second.
fn steps(rate: u64) -> (usize, Duration) {
    let rate = rate.max(1);
    let step = usize::try_from(rate / 20).unwrap_or(usize::MAX).max(1);
    (step, Duration::from_secs_f64(step as f64 / rate as f64))
}

fn parse(bytes: &[u8]) -> io::Result<Option<(Head, usize)>> {
    let mut fields = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut request = httparse::Request::new(&mut fields);
    let len = match request.parse(bytes).map_err(|_| bad("request head"))? {
        httparse::Status::Partial => return Ok(None),
        httparse::Status::Complete(len) => len,
    };
    let target = request.path.unwrap_or("/");
    // Clients may send the absolute form.
    let target = match target.split_once("://") {
        Some((_, rest)) => rest.find('/').map_or("/", |at| &rest[at..]),
        None => target,
    };
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let headers: Vec<(String, String)> = request
        .headers
        .iter()
        .map(|h| (h.name.to_ascii_lowercase(), String::from_utf8_lossy(h.value).trim().to_owned()))
        .collect();
    let find = |name: &str| headers.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str());
    let body = match find("transfer-encoding") {
        Some(coding) if coding.eq_ignore_ascii_case("chunked") => Framing::Chunked,
        Some(_) => return Err(bad("transfer coding")),
        None => Framing::Length(match find("content-length") {
            Some(text) => text.parse().map_err(|_| bad("content length"))?,
            None => 0,
        }),
    };
    let connection = find("connection").unwrap_or("").to_ascii_lowercase();
    let keep_alive =
        if request.version == Some(0) { connection.contains("keep-alive") } else { !connection.contains("close") };
    let head = Head {
        method: request.method.unwrap_or("").to_owned(),
        path: path.to_owned(),
        query: query.to_owned(),
        headers,
        keep_alive,
        body,
    };
    Ok(Some((head, len)))
}

fn bad(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

pub(crate) fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        201 => "Created",
        202 => "Accepted",
        204 => "No Content",
        301 => "Moved Permanently",
        302 => "Found",
        303 => "See Other",
        307 => "Temporary Redirect",
        308 => "Permanent Redirect",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        408 => "Request Timeout",
        409 => "Conflict",
        413 => "Content Too Large",
        429 => "Too Many Requests",
        500 => "Internal Server Error",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        _ => "Status",
    }
}

/// The page that a proxy in front would answer with.
pub(crate) fn proxy_page(status: u16) -> String {
    let title = format!("{status} {}", reason(status));
    format!("<html>\r\n<head><title>{title}</title></head>\r\n<body><h1>{title}</h1></body>\r\n</html>\r\n")
}
