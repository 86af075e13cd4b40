//! A Prometheus endpoint: one page of text, answered to whatever is asked.

use std::fmt::Write;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use crate::error::{Error, ErrorKind, Result};
use crate::run::Runner;
use crate::store::Summary;

/// A scraper that takes longer is let go.
const PATIENCE: Duration = Duration::from_secs(5);

pub(super) async fn serve(address: &str, runner: Arc<Runner>, before: Summary) -> Result<JoinHandle<()>> {
    let listener = TcpListener::bind(address)
        .await
        .map_err(|e| Error::caused(ErrorKind::Config, format!("`metrics`: {address} cannot be listened on"), e))?;
    if let Ok(address) = listener.local_addr() {
        eprintln!("metrics at http://{address}/metrics");
    }
    Ok(tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let page = page(&runner, &before);
            // One at a time: a scraper or two is all that is expected here.
            let _ = tokio::time::timeout(PATIENCE, answer(stream, &page)).await;
        }
    }))
}

async fn answer(mut stream: TcpStream, page: &str) -> std::io::Result<()> {
    let mut request = [0; 4096];
    let _ = stream.read(&mut request).await?;
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: text/plain; version=0.0.4\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        page.len()
    );
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(page.as_bytes()).await?;
    stream.shutdown().await
}

fn page(runner: &Runner, before: &Summary) -> String {
    let (tally, pipeline) = (&runner.tally, runner.pipeline.metrics());
    let mut page = String::new();
    let mut say = |kind: &str, name: &str, help: &str, values: &[(&str, f64)]| {
        let _ = writeln!(page, "# HELP sealpress_{name} {help}\n# TYPE sealpress_{name} {kind}");
        for (label, value) in values {
            let _ = writeln!(page, "sealpress_{name}{label} {value}");
        }
    };
    let get = |counter: &std::sync::atomic::AtomicU64| counter.load(Relaxed) as f64;
    say("gauge", "items", "Items of the manifest.", &[("", before.total() as f64)]);
    say("gauge", "items_done_before", "Items that had ended when this run began.", &[("", before.ended() as f64)]);
    say(
        "counter",
        "items_ended_total",
        "Items that ended in this run, by how.",
        &[
            ("{state=\"confirmed\"}", get(&tally.confirmed)),
            ("{state=\"failed\"}", get(&tally.failed)),
            ("{state=\"quarantined\"}", get(&tally.quarantined)),
        ],
    );
    let reasons: Vec<(String, f64)> =
        tally.reasons().into_iter().map(|(reason, n)| (format!("{{reason=\"{reason}\"}}"), n as f64)).collect();
    let reasons: Vec<(&str, f64)> = reasons.iter().map(|(label, n)| (label.as_str(), *n)).collect();
    say("counter", "failures_total", "Failed items by reason.", &reasons);
    say("counter", "twins_total", "Items not sent because a twin was.", &[("", get(&tally.twins))]);
    say("counter", "found_total", "Items confirmed by a look at the listing.", &[("", get(&tally.found))]);
    say("counter", "sessions_submitted_total", "Sessions submitted.", &[("", get(&tally.submitted))]);
    say("counter", "unaccounted_total", "Media that are listed and nobody's.", &[("", get(&tally.unaccounted))]);
    say("counter", "attempts_total", "Upload requests.", &[("", pipeline.attempts as f64)]);
    say("counter", "ambiguous_total", "Upload requests with an unclear outcome.", &[("", pipeline.ambiguous as f64)]);
    say("counter", "bytes_in_total", "Bytes of files read.", &[("", pipeline.bytes_in as f64)]);
    say("counter", "bytes_sent_total", "Bytes of upload bodies.", &[("", pipeline.bytes_sent as f64)]);
    say("counter", "press_seconds_total", "Time of pressing.", &[("", pipeline.press_us as f64 / 1e6)]);
    say("counter", "send_seconds_total", "Time on the wire.", &[("", pipeline.send_us as f64 / 1e6)]);
    say("gauge", "memory_bytes", "Bytes of the budget in use.", &[("", pipeline.memory_used as f64)]);
    say(
        "gauge",
        "circuit_open",
        "1 while the provider keeps failing.",
        &[("", f64::from(u8::from(pipeline.circuit_open)))],
    );
    page
}
