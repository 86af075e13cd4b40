//! The bar on a terminal, and a line now and then where nobody watches one.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use sealpress_backfill::{Progress, Watched, show_bytes, show_duration};
use tokio::task::JoinHandle;

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

pub(super) fn show(watched: Watched) -> Shown {
    let total = watched.progress().total;
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
                let progress = watched.progress();
                let words = words(&progress, started.elapsed());
                let ended = progress.ended_before + progress.ended;
                match &bar {
                    Some(bar) => {
                        bar.set_position(ended);
                        bar.set_message(words);
                    }
                    None => crate::print::note(&format!("{ended}/{total} {words}")),
                }
            }
        }
    });
    Shown { task, bar }
}

fn words(progress: &Progress, elapsed: Duration) -> String {
    let Progress { ended, failed, quarantined, bytes_in, pipeline, .. } = progress;
    let seconds = elapsed.as_secs_f64().max(0.001);
    let rate = *ended as f64 / seconds;
    let per_second = show_bytes((*bytes_in as f64 / seconds) as u64);
    let mut words = format!("{} {rate:.1}/s {per_second}/s", show_bytes(*bytes_in));
    if *failed > 0 {
        words.push_str(&format!(", {failed} failed"));
    }
    if *quarantined > 0 {
        words.push_str(&format!(", {quarantined} in quarantine"));
    }
    if let Some(paused) = pipeline.paused_ms {
        words.push_str(&format!(
            ", paused: the provider asked to wait {}",
            show_duration(Duration::from_millis(paused))
        ));
    } else if pipeline.circuit_open {
        words.push_str(", paused: the provider keeps failing");
    }
    let to_do = progress.total - progress.ended_before;
    if rate > 0.0 && to_do > *ended {
        let left = Duration::from_secs_f64((to_do - ended) as f64 / rate);
        words.push_str(&format!(", {} to go", show_duration(left)));
    }
    words
}
