//! The figures of a run, once: a Prometheus page and OpenTelemetry's instruments both read these.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use sealpress_pipeline::Snapshot;

use crate::run::{Runner, Tally};
use crate::store::Summary;

/// A run as it is watched from outside.
#[derive(Clone)]
pub struct Watched {
    runner: Arc<Runner>,
    before: Summary,
}

/// One figure. Its name has the prefix `sealpress_` everywhere.
#[derive(Debug)]
pub struct Figure {
    /// Whether it only grows.
    pub kind: Kind,
    /// Its name behind the prefix.
    pub name: &'static str,
    /// What it counts, in a sentence.
    pub help: &'static str,
    read: fn(&Moment<'_>) -> Vec<Reading>,
}

/// How a figure moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Only grows.
    Counter,
    /// Goes up and down.
    Gauge,
}

/// A value, with the label that tells it from its siblings where there are any.
#[derive(Clone, Debug)]
pub struct Reading {
    /// Name and value of the label.
    pub label: Option<(&'static str, String)>,
    /// The value.
    pub value: f64,
}

/// How a run comes along.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Progress {
    /// Items of the manifest.
    pub total: u64,
    /// Items that had ended when this run began.
    pub ended_before: u64,
    /// Items that ended in this run.
    pub ended: u64,
    /// Of these, the failed ones.
    pub failed: u64,
    /// Of these, those of which nobody knows whether they arrived.
    pub quarantined: u64,
    /// Bytes of files read in this run.
    pub bytes_in: u64,
    /// The pipeline's own figures.
    pub pipeline: Snapshot,
}

/// What all figures of one look at a run are read from.
struct Moment<'a> {
    before: &'a Summary,
    tally: &'a Tally,
    pipeline: Snapshot,
}

use Kind::{Counter, Gauge};

/// Every figure.
pub static FIGURES: [Figure; 17] = [
    figure(Gauge, "items", "Items of the manifest.", |m| one(m.before.total())),
    figure(Gauge, "items_done_before", "Items that had ended when this run began.", |m| one(m.before.ended())),
    figure(Counter, "items_ended_total", "Items that ended in this run, by how.", |m| {
        let states =
            [("confirmed", &m.tally.confirmed), ("failed", &m.tally.failed), ("quarantined", &m.tally.quarantined)];
        states.into_iter().map(|(state, n)| labelled("state", state.to_owned(), n.load(Relaxed))).collect()
    }),
    figure(Counter, "failures_total", "Failed items by reason.", |m| {
        m.tally.reasons().into_iter().map(|(reason, n)| labelled("reason", reason, n)).collect()
    }),
    figure(Counter, "duplicates_total", "Items not sent, because the same file was.", |m| counted(&m.tally.duplicates)),
    figure(Counter, "found_total", "Items confirmed by a look at the listing.", |m| counted(&m.tally.found)),
    figure(Counter, "sessions_submitted_total", "Sessions submitted.", |m| counted(&m.tally.submitted)),
    figure(Counter, "unaccounted_total", "Media that are listed and nobody's.", |m| counted(&m.tally.unaccounted)),
    figure(Counter, "attempts_total", "Upload requests.", |m| one(m.pipeline.attempts)),
    figure(Counter, "in_doubt_total", "Upload requests that were left in doubt.", |m| one(m.pipeline.in_doubt)),
    figure(Counter, "bytes_in_total", "Bytes of files read.", |m| one(m.pipeline.bytes_in)),
    figure(Counter, "bytes_sent_total", "Bytes of upload bodies.", |m| one(m.pipeline.bytes_sent)),
    figure(Counter, "press_seconds_total", "Time of pressing.", |m| seconds(m.pipeline.press_us)),
    figure(Counter, "sign_seconds_total", "Time of encoding and signing.", |m| seconds(m.pipeline.sign_us)),
    figure(Counter, "send_seconds_total", "Time on the wire.", |m| seconds(m.pipeline.send_us)),
    figure(Gauge, "memory_bytes", "Bytes of the budget in use.", |m| one(m.pipeline.memory_used)),
    figure(Gauge, "circuit_open", "1 while the provider keeps failing.", |m| one(u64::from(m.pipeline.circuit_open))),
];

impl Watched {
    pub(crate) const fn new(runner: Arc<Runner>, before: Summary) -> Self {
        Self { runner, before }
    }

    /// The figures as they are now, all of the same moment.
    pub fn read(&self) -> impl Iterator<Item = (&'static Figure, Vec<Reading>)> {
        let moment = self.moment();
        FIGURES.iter().map(move |figure| (figure, (figure.read)(&moment)))
    }

    /// One of them.
    pub fn read_one(&self, figure: &Figure) -> Vec<Reading> {
        (figure.read)(&self.moment())
    }

    /// How the run comes along, for a bar or a line.
    #[must_use]
    pub fn progress(&self) -> Progress {
        let tally = &self.runner.tally;
        Progress {
            total: self.before.total(),
            ended_before: self.before.ended(),
            ended: tally.ended(),
            failed: tally.failed.load(Relaxed),
            quarantined: tally.quarantined.load(Relaxed),
            bytes_in: tally.bytes_in.load(Relaxed),
            pipeline: self.runner.pipeline.metrics(),
        }
    }

    fn moment(&self) -> Moment<'_> {
        Moment { before: &self.before, tally: &self.runner.tally, pipeline: self.runner.pipeline.metrics() }
    }
}

const fn figure(kind: Kind, name: &'static str, help: &'static str, read: fn(&Moment<'_>) -> Vec<Reading>) -> Figure {
    Figure { kind, name, help, read }
}

fn one(n: u64) -> Vec<Reading> {
    vec![Reading { label: None, value: n as f64 }]
}

fn counted(counter: &AtomicU64) -> Vec<Reading> {
    one(counter.load(Relaxed))
}

fn seconds(us: u64) -> Vec<Reading> {
    vec![Reading { label: None, value: us as f64 / 1e6 }]
}

fn labelled(key: &'static str, value: String, n: u64) -> Reading {
    Reading { label: Some((key, value)), value: n as f64 }
}

impl std::fmt::Debug for Watched {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Watched").finish_non_exhaustive()
    }
}
