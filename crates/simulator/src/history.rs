//! What happened, in the order of simulated time, and its hash.

use std::fmt;

/// A line for everything that crossed a seam. The hash is over all of them; the lines themselves are kept only
/// where somebody wants to read them.
#[derive(Debug)]
pub(crate) struct History {
    hash: u64,
    events: u64,
    lines: Option<Vec<String>>,
    buffer: String,
}

impl History {
    pub(crate) fn new(keep: Keep) -> Self {
        let lines = matches!(keep, Keep::Lines).then(Vec::new);
        Self { hash: 0xcbf2_9ce4_8422_2325, events: 0, lines, buffer: String::new() }
    }

    /// One event at `ms` of simulated time.
    pub(crate) fn note(&mut self, ms: u64, who: impl fmt::Display, what: fmt::Arguments<'_>) {
        use fmt::Write as _;
        self.events += 1;
        self.buffer.clear();
        let _ = write!(self.buffer, "{:>5}.{:03} {who} {what}", ms / 1000, ms % 1000);
        // FNV-1a: the same on every machine and in every build.
        for byte in self.buffer.bytes().chain([b'\n']) {
            self.hash = (self.hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
        if let Some(lines) = &mut self.lines {
            lines.push(self.buffer.clone());
        }
    }

    pub(crate) fn hash(&self) -> u64 {
        self.hash
    }

    pub(crate) fn events(&self) -> u64 {
        self.events
    }

    pub(crate) fn into_lines(self) -> Vec<String> {
        self.lines.unwrap_or_default()
    }
}

/// How much of a history is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// Its hash.
    Hash,
    /// Every line of it.
    Lines,
}
