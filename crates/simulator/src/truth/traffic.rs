//! What each process has under way, held against what it was allowed.

use std::collections::BTreeMap;
use std::time::Duration;

/// What a history's processes may do at a time.
#[derive(Clone, Debug, Default)]
pub(crate) struct Limits {
    pub(crate) connections: usize,
    /// Time between two requests.
    pub(crate) pace: Option<Duration>,
    /// The longest pause that a vendor gets.
    pub(crate) longest_pause: Duration,
    /// Bytes of the large budget.
    pub(crate) memory: u64,
}

/// What is under way, by process.
#[derive(Debug, Default)]
pub(crate) struct Traffic {
    of: BTreeMap<usize, OfMachine>,
}

#[derive(Debug, Default)]
struct OfMachine {
    open: usize,
    bodies: u64,
    paused_until: Duration,
    last: Option<Duration>,
}

impl Traffic {
    pub(super) fn opens(&mut self, machine: usize, limits: &Limits) -> Result<(), String> {
        let of = self.of.entry(machine).or_default();
        of.open += 1;
        if of.open > limits.connections {
            return Err(format!("{} requests at a time, {} are allowed", of.open, limits.connections));
        }
        Ok(())
    }

    pub(super) fn closes(&mut self, machine: usize) {
        self.of.entry(machine).or_default().open -= 1;
    }

    pub(super) fn pauses(&mut self, machine: usize, until: Duration) {
        let of = self.of.entry(machine).or_default();
        of.paused_until = of.paused_until.max(until);
    }

    /// A request got leave to go.
    pub(super) fn goes(&mut self, machine: usize, now: Duration, limits: &Limits) -> Result<(), String> {
        let of = self.of.entry(machine).or_default();
        if now < of.paused_until {
            return Err(format!(
                "a request went {:?} before the pause ended that the vendor asked for",
                of.paused_until - now
            ));
        }
        // A millisecond is what the clock of a timer can tell apart.
        let early = |last: Duration, pace: Duration| now + Duration::from_millis(1) < last + pace;
        if let (Some(last), Some(pace)) = (of.last, limits.pace)
            && early(last, pace)
        {
            return Err(format!("two requests within {:?}, the rate allows one in {pace:?}", now - last));
        }
        of.last = Some(now);
        Ok(())
    }

    pub(super) fn body(&mut self, machine: usize, bytes: u64) {
        self.of.entry(machine).or_default().bodies += kib(bytes);
    }

    pub(super) fn body_is_gone(&mut self, machine: usize, bytes: u64) {
        self.of.entry(machine).or_default().bodies -= kib(bytes);
    }

    /// A file that needs this much memory is pressed now.
    pub(super) fn presses(&self, machine: usize, needs: u64, limits: &Limits) -> Result<(), String> {
        let bodies = self.of.get(&machine).map_or(0, |of| of.bodies);
        // What is larger than everything runs alone.
        let needs = kib(needs).min(kib(limits.memory));
        if bodies + needs > kib(limits.memory) {
            return Err(format!(
                "a press that holds {needs} KiB beside bodies of {bodies} KiB, in a budget of {} KiB",
                kib(limits.memory)
            ));
        }
        Ok(())
    }
}

fn kib(bytes: u64) -> u64 {
    bytes.div_ceil(1024)
}
