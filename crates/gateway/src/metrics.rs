//! What happened, in numbers: for Prometheus, and for one line of the log for each request.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use sealpress_media::Format;
use sealpress_pipeline::Budget;

use crate::problem::ProblemKind;

/// One request, as the log may tell it: no path, no header, no name, no address. Ids of sessions are the only thing
/// out of the request itself.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Record {
    /// What it was: `upload`, `submit`, `prepare`, `sign`, `pass`, `health`, `ready`, `metrics`.
    pub call: &'static str,
    /// The method.
    pub method: http::Method,
    /// How it was answered.
    pub status: u16,
    /// From its head to the head of the answer.
    pub took: Duration,
    /// The session that it is about.
    pub session: Option<String>,
    /// Why it was not handed on.
    pub refused: Option<ProblemKind>,
    /// What came and what went on: format and bytes of the file.
    pub media: Option<[(Format, u64); 2]>,
    /// What was done to it.
    pub actions: Vec<String>,
    /// Time to press it.
    pub press: Option<Duration>,
    /// From sending it on to the head of the vendor's answer.
    pub vendor: Option<Duration>,
}

impl fmt::Display for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {} {} ms", self.method, self.call, self.status, self.took.as_millis())?;
        if let Some(session) = &self.session {
            write!(f, " session={session}")?;
        }
        if let Some(kind) = self.refused {
            write!(f, " refused={}", kind.as_str())?;
        }
        if let Some([(format, bytes), (to, out)]) = self.media {
            write!(f, " {format} {bytes} B to {to} {out} B")?;
        }
        if !self.actions.is_empty() {
            write!(f, " actions={}", self.actions.join(","))?;
        }
        if let Some(press) = self.press {
            write!(f, " press={} ms", press.as_millis())?;
        }
        if let Some(vendor) = self.vendor {
            write!(f, " vendor={} ms", vendor.as_millis())?;
        }
        Ok(())
    }
}

/// Counters since the start.
#[derive(Debug, Default)]
pub(crate) struct Metrics {
    requests: Mutex<BTreeMap<(&'static str, u16), u64>>,
    refused: Mutex<BTreeMap<&'static str, u64>>,
    media_in: AtomicU64,
    media_out: AtomicU64,
    press_us: AtomicU64,
    pressed: AtomicU64,
    vendor_us: AtomicU64,
    answered: AtomicU64,
    pub(crate) under_way: AtomicU64,
}

impl Metrics {
    pub(crate) fn note(&self, record: &Record) {
        let micros = |time: Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        let add = |counter: &AtomicU64, by: u64| {
            counter.fetch_add(by, Ordering::Relaxed);
        };
        *lock(&self.requests).entry((record.call, record.status)).or_default() += 1;
        if let Some(kind) = record.refused {
            *lock(&self.refused).entry(kind.as_str()).or_default() += 1;
        }
        if let Some([(_, bytes), (_, out)]) = record.media {
            add(&self.media_in, bytes);
            add(&self.media_out, out);
        }
        if let Some(press) = record.press {
            add(&self.press_us, micros(press));
            add(&self.pressed, 1);
        }
        if let Some(vendor) = record.vendor {
            add(&self.vendor_us, micros(vendor));
            add(&self.answered, 1);
        }
    }

    /// Prometheus' text format, version 0.0.4.
    pub(crate) fn text(&self, bodies: &Budget, press: &Budget) -> String {
        let mut text = String::new();
        let head = |text: &mut String, name: &str, kind: &str, help: &str| {
            let _ = write!(text, "# HELP sealpress_gateway_{name} {help}\n# TYPE sealpress_gateway_{name} {kind}\n");
        };
        let load = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        head(&mut text, "requests_total", "counter", "Requests by what they were and how they were answered.");
        for ((call, status), n) in lock(&self.requests).iter() {
            let _ = writeln!(text, "sealpress_gateway_requests_total{{call=\"{call}\",status=\"{status}\"}} {n}");
        }
        head(&mut text, "refused_total", "counter", "Requests that were answered here, by why.");
        for (kind, n) in lock(&self.refused).iter() {
            let _ = writeln!(text, "sealpress_gateway_refused_total{{kind=\"{kind}\"}} {n}");
        }
        head(&mut text, "media_bytes_total", "counter", "Bytes of files as they came and as they went on.");
        for (way, bytes) in [("in", load(&self.media_in)), ("out", load(&self.media_out))] {
            let _ = writeln!(text, "sealpress_gateway_media_bytes_total{{way=\"{way}\"}} {bytes}");
        }
        for (name, help, micros, count) in [
            ("press_seconds", "Time to press a file.", load(&self.press_us), load(&self.pressed)),
            ("vendor_seconds", "Time of the vendor.", load(&self.vendor_us), load(&self.answered)),
        ] {
            head(&mut text, name, "summary", help);
            let _ = write!(
                text,
                "sealpress_gateway_{name}_sum {}\nsealpress_gateway_{name}_count {count}\n",
                Duration::from_micros(micros).as_secs_f64()
            );
        }
        head(&mut text, "budget_bytes", "gauge", "Bytes of the budget that are spoken for, and all there are.");
        for (part, budget) in [("bodies", bodies), ("press", press)] {
            let (used, total) = (budget.used(), budget.total());
            let _ = write!(
                text,
                "sealpress_gateway_budget_bytes{{part=\"{part}\",what=\"used\"}} {used}\n\
                 sealpress_gateway_budget_bytes{{part=\"{part}\",what=\"total\"}} {total}\n"
            );
        }
        head(&mut text, "under_way", "gauge", "Requests under way.");
        let _ = writeln!(text, "sealpress_gateway_under_way {}", load(&self.under_way));
        text
    }
}

fn lock<T>(of: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}
