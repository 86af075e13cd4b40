//! A Prometheus endpoint: one page of text, answered to whatever is asked but `/healthz`.

use std::fmt::Write;
use std::time::Duration;

use sealpress_backfill::{Kind, Reading, Watched};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use super::{Failed, Result};
use crate::listen::Listen;

/// A scraper that takes longer is let go.
const PATIENCE: Duration = Duration::from_secs(5);

/// An address that is listened on, before anything is done that would have to be watched.
pub(super) struct Endpoint(TcpListener);

impl Endpoint {
    /// Listens on the address, where there is one.
    pub(super) async fn bind(address: Option<String>) -> Result<Option<Self>> {
        let Some(address) = address else { return Ok(None) };
        let listener = Listen::from(address).bind().await.map_err(|e| Failed::usage("`metrics`", e))?;
        Ok(Some(Self(listener)))
    }

    pub(super) fn serve(self, watched: Watched) -> JoinHandle<()> {
        let Self(listener) = self;
        if let Ok(address) = listener.local_addr() {
            crate::print::note(&format!("metrics at http://{address}/metrics"));
        }
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let page = page(&watched);
                // One at a time: a scraper or two is all that is expected here.
                let _ = tokio::time::timeout(PATIENCE, answer(stream, &page)).await;
            }
        })
    }
}

async fn answer(mut stream: TcpStream, page: &str) -> std::io::Result<()> {
    let mut request = [0; 4096];
    let n = stream.read(&mut request).await?;
    // Who answers is alive: the run ends with this process.
    let (kind, page) = match request[..n].starts_with(b"GET /healthz ") {
        true => ("application/json", "{\"ok\":true}\n"),
        false => ("text/plain; version=0.0.4", page),
    };
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        page.len()
    );
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(page.as_bytes()).await?;
    stream.shutdown().await
}

fn page(watched: &Watched) -> String {
    let mut page = String::new();
    for (figure, readings) in watched.read() {
        let kind = match figure.kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
        };
        let (name, help) = (figure.name, figure.help);
        let _ = writeln!(page, "# HELP sealpress_{name} {help}\n# TYPE sealpress_{name} {kind}");
        for Reading { label, value } in readings {
            let _ = match label {
                Some((key, text)) => writeln!(page, "sealpress_{name}{{{key}=\"{text}\"}} {value}"),
                None => writeln!(page, "sealpress_{name} {value}"),
            };
        }
    }
    page
}
