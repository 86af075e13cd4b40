//! Webhooks on their way: signed, posted and repeated until they are taken.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::mpsc;

use crate::crypto;
use crate::outbox::Target;
use crate::shared::Shared;

const TIMEOUT: Duration = Duration::from_secs(10);

/// Delivers until the emulator stops; every body in a task of its own, so that one that is refused does
/// not hold up the others.
pub(crate) async fn deliver(shared: Arc<Shared>, mut waiting: mpsc::UnboundedReceiver<Bytes>) {
    let Some(target) = shared.webhooks.target() else { return };
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
