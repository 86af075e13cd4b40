//! How many of everything a journal has.

use super::state::{ItemState, SessionState};

/// Counts of everything in a journal.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Summary {
    /// Items by state, in the order of [`ItemState::ALL`].
    pub items: [u64; 8],
    /// Sessions by state, in the order of [`SessionState::ALL`].
    pub sessions: [u64; 9],
    /// Bytes of the files read so far.
    pub bytes_in: u64,
    /// Bytes sent, before base64.
    pub bytes_out: u64,
    /// Items that were not sent, because the same file was.
    pub duplicates: u64,
    /// Attempts that were in doubt, and looked up.
    pub doubts: u64,
    /// Attempts begun.
    pub attempts: u64,
    /// Media that the provider lists and no item accounts for: recorded twice, or somebody else's.
    pub unaccounted: u64,
    /// Confirmed media that the provider did not list when it was asked last.
    pub missing: u64,
    /// Sessions that the provider may have made and nothing will be sent to.
    pub orphans: u64,
    /// Rows of the manifest of which nobody knows whose they are.
    pub unowned: u64,
}

impl Summary {
    /// Items in one state.
    #[must_use]
    pub const fn of(&self, state: ItemState) -> u64 {
        self.items[state as usize]
    }

    /// Sessions in one state.
    #[must_use]
    pub const fn sessions_of(&self, state: SessionState) -> u64 {
        self.sessions[state as usize]
    }

    /// All items.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.items.iter().sum()
    }

    /// Items that need no more work.
    #[must_use]
    pub const fn ended(&self) -> u64 {
        self.of(ItemState::Confirmed)
            + self.of(ItemState::Failed)
            + self.of(ItemState::Quarantined)
            + self.of(ItemState::Dropped)
            + self.of(ItemState::NotChosen)
    }
}
