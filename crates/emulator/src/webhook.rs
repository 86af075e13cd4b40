//! Decision and event webhooks: queued under the world's lock, delivered by a task that retries.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::mpsc;

use crate::crypto;
use crate::error::Error;
use crate::ledger::{SessionRecord, Vendor};
use crate::shared::Shared;
use crate::veriff;
use crate::world::Change;

const TIMEOUT: Duration = Duration::from_secs(10);

/// Where events go: nowhere, or to a URL.
#[derive(Debug)]
pub(crate) struct Outbox {
    target: Option<Target>,
    queue: mpsc::UnboundedSender<Bytes>,
}

/// An `http://` URL taken apart.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    authority: String,
    path: String,
}

impl Target {
    /// `http://host[:port][/path]`. TLS is not spoken: the emulator delivers to machines at hand.
    pub(crate) fn parse(url: &str) -> Result<Self, Error> {
        let rest = url.strip_prefix("http://");
        let rest =
            rest.ok_or_else(|| Error::config("a webhook goes to an http:// URL; put a TLS proxy in front of others"))?;
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        if authority.is_empty() || authority.contains('@') {
            return Err(Error::config("the webhook's URL has no host, or credentials in it"));
        }
        let colon = authority.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
        let authority = if colon { authority.to_owned() } else { format!("{authority}:80") };
        Ok(Self { authority, path: format!("/{path}") })
    }
}

impl Outbox {
    pub(crate) fn new(target: Option<Target>) -> (Self, mpsc::UnboundedReceiver<Bytes>) {
        let (queue, waiting) = mpsc::unbounded_channel();
        (Self { target, queue }, waiting)
    }

    /// Writes the body of what happened and queues it.
    pub(crate) fn queue(&self, session: &SessionRecord, change: &Change) {
        if self.target.is_none() || session.vendor != Vendor::Veriff {
            return;
        }
        let body = match change {
            Change::Started(_) => Some(veriff::event_body(session, false)),
            Change::Submitted(_) => Some(veriff::event_body(session, true)),
            Change::Decided(_) => veriff::decision_body(session),
        };
        if let Some(body) = body {
            // The receiver goes away only when the emulator stops.
            let _ = self.queue.send(body.to_string().into());
        }
    }

    /// Queues any body, for the kinds that nothing here causes (watch lists, user-defined statuses).
    pub(crate) fn send(&self, body: &Value) -> Result<(), Error> {
        if self.target.is_none() {
            return Err(Error::config("the emulator was started without a webhook URL"));
        }
        let _ = self.queue.send(body.to_string().into());
        Ok(())
    }
}

/// Delivers until the emulator stops; every body in a task of its own, so that one that is refused does
/// not hold up the others.
pub(crate) async fn deliver(shared: Arc<Shared>, mut waiting: mpsc::UnboundedReceiver<Bytes>) {
    let Some(target) = shared.webhooks.target.clone() else { return };
    while let Some(body) = waiting.recv().await {
        let (shared, target) = (Arc::clone(&shared), target.clone());
        tokio::spawn(async move {
            let attempts = shared.options().webhook_attempts.max(1);
            for _ in 0..attempts {
                match tokio::time::timeout(TIMEOUT, post(&shared, &target, &body)).await {
                    Ok(Ok(200)) => {
                        shared.webhooks_delivered.fetch_add(1, Ordering::Relaxed);
                        shared.wake();
                        return;
                    }
                    _ => tokio::time::sleep(Duration::from_millis(shared.options().webhook_retry_ms)).await,
                }
            }
        });
    }
}

async fn post(shared: &Shared, target: &Target, body: &Bytes) -> std::io::Result<u16> {
    let mut stream = TcpStream::connect(&target.authority).await?;
    let head = format!(
        "POST {} HTTP/1.1\r\nhost: {}\r\ncontent-type: application/json\r\nx-auth-client: {}\r\nx-hmac-signature: {}\r\nx-signature: {}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        target.path,
        target.authority,
        shared.keys.api_key,
        crypto::hmac_hex(shared.secret(), body),
        crypto::hex(&crypto::legacy(shared.secret(), body)),
        body.len()
    );
    stream.write_all(&[head.as_bytes(), body].concat()).await?;
    // "HTTP/1.1 200": the status is all that matters.
    let mut line = [0u8; 12];
    stream.read_exact(&mut line).await?;
    let status = std::str::from_utf8(&line[9..]).ok().and_then(|s| s.parse().ok());
    status.ok_or_else(|| std::io::ErrorKind::InvalidData.into())
}
