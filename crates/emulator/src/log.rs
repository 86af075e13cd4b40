//! Counters of all requests and the last few of them, for the ledger, the page and the terminal.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;

use serde::Serialize;

use crate::clock;
use crate::explain::Explanation;

const KEPT: usize = 500;

#[derive(Debug, Default)]
pub(crate) struct Log {
    next: u64,
    last: VecDeque<RequestRecord>,
    requests: BTreeMap<&'static str, u64>,
    answers: BTreeMap<u16, u64>,
}

/// One request at its end, as the page and the terminal show it. `Display` is one line.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct RequestRecord {
    /// Position among all requests, from 1.
    pub n: u64,
    /// Its arrival, in milliseconds since 1970 (UTC) on the emulator's clock.
    pub at_ms: u64,
    /// Its method.
    pub method: String,
    /// Its path, without the query.
    pub path: String,
    /// The route's name, as in the ledger.
    pub route: String,
    /// The answer's status; 0 where no answer was given.
    pub status: u16,
    /// The error code of the answer, where there is one.
    pub code: Option<String>,
    /// From the head to the end of the answer.
    pub micros: u64,
    /// Bytes of the body.
    pub bytes_in: u64,
    /// Context or image type of an upload.
    pub context: Option<String>,
    /// Names of the faults that touched it.
    pub faults: Vec<String>,
    /// Why its signature was refused.
    pub explanation: Option<Explanation>,
}

impl fmt::Display for RequestRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let time = clock::rfc3339(self.at_ms);
        let time = time.get(11..19).unwrap_or(&time);
        // What a client sends must not be able to write over the terminal.
        let plain = |text: &str| text.chars().filter(|c| !c.is_control()).take(200).collect::<String>();
        write!(f, "{time} {} {} ", plain(&self.method), plain(&self.path))?;
        match self.status {
            0 => f.write_str("no answer")?,
            status => write!(f, "{status}")?,
        }
        self.code.iter().try_for_each(|code| write!(f, " code {code}"))?;
        self.context.iter().try_for_each(|context| write!(f, " {}", plain(context)))?;
        write!(f, " {} B {:.1} ms", self.bytes_in, self.micros as f64 / 1000.0)?;
        if !self.faults.is_empty() {
            write!(f, " (fault: {})", plain(&self.faults.join(", ")))?;
        }
        self.explanation.iter().try_for_each(|e| write!(f, "\n    {}", plain_long(&e.hint())))
    }
}

fn plain_long(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).collect()
}

impl Log {
    /// Counts a request at its arrival.
    pub(crate) fn arrived(&mut self, route: &'static str) {
        *self.requests.entry(route).or_default() += 1;
    }

    /// Numbers and counts a request at its end.
    pub(crate) fn finished(&mut self, record: &mut RequestRecord) {
        self.next += 1;
        record.n = self.next;
        *self.answers.entry(record.status).or_default() += 1;
    }

    /// Keeps it among the last.
    pub(crate) fn keep(&mut self, record: RequestRecord) {
        if self.last.len() == KEPT {
            self.last.pop_front();
        }
        self.last.push_back(record);
    }

    pub(crate) fn requests(&self) -> &BTreeMap<&'static str, u64> {
        &self.requests
    }

    pub(crate) fn answers(&self) -> &BTreeMap<u16, u64> {
        &self.answers
    }

    /// The newest `n`, newest first.
    pub(crate) fn newest(&self, n: usize) -> impl Iterator<Item = &RequestRecord> {
        self.last.iter().rev().take(n)
    }
}

/// Who is told of every request at its end.
#[derive(Default)]
pub(crate) struct Watchers(Vec<Watcher>);

type Watcher = Box<dyn Fn(&RequestRecord) + Send + Sync>;

impl Watchers {
    pub(crate) fn add(&mut self, watcher: impl Fn(&RequestRecord) + Send + Sync + 'static) {
        self.0.push(Box::new(watcher));
    }

    pub(crate) fn tell(&self, record: &RequestRecord) {
        self.0.iter().for_each(|watcher| watcher(record));
    }
}

impl fmt::Debug for Watchers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} watchers", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_one_line_whatever_was_sent() {
        let record = RequestRecord {
            n: 1,
            at_ms: 1_000,
            method: "POST".into(),
            path: "/v1/\u{1b}[2J\nsessions".into(),
            route: "upload".into(),
            status: 409,
            code: Some("1304".into()),
            micros: 1500,
            bytes_in: 12,
            context: Some("face".into()),
            faults: vec!["storm".into()],
            explanation: None,
        };
        assert_eq!(record.to_string(), "00:00:01 POST /v1/[2Jsessions 409 code 1304 face 12 B 1.5 ms (fault: storm)");
    }
}
