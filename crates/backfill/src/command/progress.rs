use std::io::IsTerminal;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::task::JoinHandle;

use crate::run::Runner;
use crate::store::Summary;
use crate::units::{show_bytes, show_duration};

/// How often a line is written where nobody watches a bar.
const LINE: Duration = Duration::from_secs(30);
const REDRAW: Duration = Duration::from_millis(200);

/// Shows how a run comes along, until it is told to end.
pub(super) struct Shown {
    task: JoinHandle<()>,
    bar: Option<ProgressBar>,
}

impl Shown {
    pub(super) fn end(self) {
        self.task.abort();
        if let Some(bar) = self.bar {
            bar.finish_and_clear();
        }
    }
}

pub(super) fn show(runner: Arc<Runner>, before: &Summary) -> Shown {
    let (total, done) = (before.total(), before.ended());
    let bar = std::io::stderr().is_terminal().then(|| {
        let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr_with_hz(5));
        if let Ok(style) = ProgressStyle::with_template("{bar:32} {human_pos}/{human_len} {msg}") {
            bar.set_style(style);
        }
        bar
    });
    let task = tokio::spawn({
        let bar = bar.clone();
        async move {
            let started = Instant::now();
            loop {
                tokio::time::sleep(if bar.is_some() { REDRAW } else { LINE }).await;
                let ended = runner.tally.ended();
                let words = words(&runner, started.elapsed(), total - done);
                match &bar {
                    Some(bar) => {
                        bar.set_position(done + ended);
                        bar.set_message(words);
                    }
                    None => eprintln!("{}/{total} {words}", done + ended),
                }
            }
        }
    });
    Shown { task, bar }
}

fn words(runner: &Runner, elapsed: Duration, to_do: u64) -> String {
    let tally = &runner.tally;
    let ended = tally.ended();
    let seconds = elapsed.as_secs_f64().max(0.001);
    let rate = ended as f64 / seconds;
    let bytes = tally.bytes_in.load(Relaxed);
    let mut words = format!("{} {rate:.1}/s {}/s", show_bytes(bytes), show_bytes((bytes as f64 / seconds) as u64));
    let failed = tally.failed.load(Relaxed);
    if failed > 0 {
        words.push_str(&format!(", {failed} failed"));
    }
    let unclear = tally.quarantined.load(Relaxed);
    if unclear > 0 {
        words.push_str(&format!(", {unclear} in quarantine"));
    }
    let metrics = runner.pipeline.metrics();
    if let Some(paused) = metrics.paused_ms {
        words.push_str(&format!(
            ", paused: the provider asked to wait {}",
            show_duration(Duration::from_millis(paused))
        ));
    } else if metrics.circuit_open {
        words.push_str(", paused: the provider keeps failing");
    }
    if rate > 0.0 && to_do > ended {
        let left = Duration::from_secs_f64((to_do - ended) as f64 / rate);
        words.push_str(&format!(", {} to go", show_duration(left)));
    }
    words
}
