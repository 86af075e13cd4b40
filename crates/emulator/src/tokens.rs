//! Access tokens of the Transmit Security half.

use std::collections::HashMap;

/// Access tokens and when they expire, in milliseconds of the emulator's clock.
#[derive(Debug, Default)]
pub(crate) struct Tokens {
    live: HashMap<String, u64>,
}

impl Tokens {
    /// Makes every token invalid at once.
    pub(crate) fn revoke(&mut self) {
        self.live.clear();
    }

    /// One more, and those that have ended go.
    pub(crate) fn add(&mut self, token: String, now: u64, end: u64) {
        self.live.retain(|_, end| *end > now);
        self.live.insert(token, end);
    }

    pub(crate) fn is_live(&self, token: &str, now: u64) -> bool {
        self.live.get(token).is_some_and(|end| *end > now)
    }
}
