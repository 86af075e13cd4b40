//! Webhooks on their way: signed, posted and repeated until they are taken.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::mpsc;

use crate::crypto;
use crate::faults::{Effect, Forgery, Plan, Seen};
use crate::outbox::Target;
use crate::routes::Route;
use crate::shared::Shared;

const TIMEOUT: Duration = Duration::from_secs(10);

/// Delivers until the emulator stops; every body in a task of its own, so that one that is refused does
/// not hold up the others.
pub(crate) async fn deliver(shared: Arc<Shared>, mut waiting: mpsc::UnboundedReceiver<Bytes>) {
    let Some(target) = shared.webhooks.target() else { return };
    while let Some(body) = waiting.recv().await {
        tokio::spawn(one(Arc::clone(&shared), target.clone(), body));
    }
}

/// One webhook, until it is taken or all attempts are made. Each attempt asks the fault script, under the
/// route `webhook`: latency makes it late (and, by its jitter, out of order), a recording that is doubled
/// sends it twice, a signature is forged, and what would be no answer is an attempt that is not made.
async fn one(shared: Arc<Shared>, target: Target, body: Bytes) {
    let attempts = shared.options().webhook_attempts.max(1);
    for _ in 0..attempts {
        let plan = plan(&shared, &body);
        tokio::time::sleep(Duration::from_millis(plan.delay_ms)).await;
        let lost = plan.effects.iter().any(|e| matches!(e, Effect::Break { .. } | Effect::Stall { .. }));
        let times = if plan.effects.iter().any(|e| matches!(e, Effect::DoubleRecord)) { 2 } else { 1 };
        let mut taken = false;
        for _ in 0..times {
            let answer = async {
                if lost {
                    Err(std::io::ErrorKind::ConnectionReset.into())
                } else {
                    post(&shared, &target, &body, &plan).await
                }
            };
            taken |= matches!(tokio::time::timeout(TIMEOUT, answer).await, Ok(Ok(200)));
        }
        if taken {
            shared.webhooks_delivered.fetch_add(1, Ordering::Relaxed);
            shared.wake();
            return;
        }
        tokio::time::sleep(Duration::from_millis(shared.options().webhook_retry_ms)).await;
    }
}

fn plan(shared: &Shared, body: &Bytes) -> Plan {
    let mut hasher = DefaultHasher::new();
    body.hash(&mut hasher);
    let fingerprint = hasher.finish();
    shared.faults().plan(Seen { route: Route::Webhook, session: None, context: None, fingerprint })
}

async fn post(shared: &Shared, target: &Target, body: &Bytes, plan: &Plan) -> std::io::Result<u16> {
    let mut stream = TcpStream::connect(&target.authority).await?;
    let head = format!(
        "POST {} HTTP/1.1\r\nhost: {}\r\ncontent-type: application/json\r\nx-auth-client: {}\r\n{}content-length: {}\r\nconnection: close\r\n\r\n",
        target.path,
        target.authority,
        shared.keys.api_key,
        signatures(shared.secret(), body, plan),
        body.len()
    );
    stream.write_all(&[head.as_bytes(), body].concat()).await?;
    // "HTTP/1.1 200": the status is all that matters.
    let mut line = [0u8; 12];
    stream.read_exact(&mut line).await?;
    let status = std::str::from_utf8(&line[9..]).ok().and_then(|s| s.parse().ok());
    status.ok_or_else(|| std::io::ErrorKind::InvalidData.into())
}

/// Both schemes' headers, as they should be or as the script wants them.
fn signatures(secret: &str, body: &Bytes, plan: &Plan) -> String {
    let (right, retired) = (crypto::hmac_hex(secret, body), crypto::hex(&crypto::legacy(secret, body)));
    let forged = plan.effects.iter().find_map(|e| match e {
        Effect::Signature { how } => Some(*how),
        _ => None,
    });
    match forged {
        None => format!("x-hmac-signature: {right}\r\nx-signature: {retired}\r\n"),
        Some(Forgery::Wrong) => {
            format!("x-hmac-signature: {}\r\n", crypto::hmac_hex(secret, b"something else"))
        }
        Some(Forgery::Garbage) => "x-hmac-signature: not-a-signature\r\n".to_owned(),
        Some(Forgery::Missing) => String::new(),
        Some(Forgery::Upper) => format!("x-hmac-signature: {}\r\n", right.to_uppercase()),
        Some(Forgery::Vrf) => format!("vrf-hmac-signature: {right}\r\n"),
        Some(Forgery::Legacy) => format!("x-signature: {retired}\r\n"),
    }
}
