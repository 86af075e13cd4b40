//! Bugs that are planted on purpose, one at a time, so that a simulator can show that it would see them.
//!
//! Only with the feature `planted`, which tests and examples of the simulator switch on: in whatever is shipped
//! [`is`] is constantly false, and none of them is compiled.

macro_rules! bugs {
    ($($(#[doc = $doc:literal])+ $bug:ident = $name:literal,)+) => {
        /// A bug that can be planted.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[non_exhaustive]
        pub enum Bug {
            $($(#[doc = $doc])+ $bug,)+
        }

        impl Bug {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$bug),+];

            /// The name that a command line has for it.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$bug => $name),+ }
            }
        }
    };
}

bugs! {
    /// The request leaves before its record is durable.
    PostBeforeRecord = "post-before-record",
    /// A record that could not be written does not keep its request from leaving.
    RecordUnwritten = "record-unwritten",
    /// An upload whose answer was lost is sent again without a look.
    BlindRetry = "blind-retry",
    /// The look does not wait until what was lost sight of has settled.
    NoSettle = "no-settle",
    /// A listing is matched while uploads of its session are on their way.
    OpenGate = "open-gate",
    /// An entry is taken for its looks although a look-alike may stand behind it.
    Alibi = "alibi",
    /// One entry too few counts as enough.
    OffByOne = "off-by-one",
    /// An entry that confirms one item confirms the next one too.
    ClaimedTwice = "claimed-twice",
    /// What is taken back is not remembered as a doubt.
    DoubtForgotten = "doubt-forgotten",
    /// Look-alikes of an item in doubt are sent all the same.
    LookAlikesGo = "look-alikes-go",
    /// A session is submitted when all but one of its items are confirmed.
    EarlySubmit = "early-submit",
    /// What the vendor has beyond what was confirmed is not reported.
    DuplicateUnreported = "duplicate-unreported",
    /// A session of which some upload was in doubt is submitted uncounted.
    Uncounted = "uncounted",
    /// A job's share of the byte budget is given back before its body is sent.
    EarlyRelease = "early-release",
    /// A circuit that has opened stays open.
    StuckCircuit = "stuck-circuit",
    /// A Retry-After is not obeyed.
    RetryAfterIgnored = "retry-after-ignored",
    /// Who waits for a turn in the rate does not see a pause that was asked for meanwhile. Was there; the simulator found it.
    PauseOverslept = "pause-overslept",
    /// An item that was in doubt and not found is forgotten with its process. Was there; the simulator found it.
    NotFoundForgotten = "not-found-forgotten",
    /// A prepared job, which holds memory, waits for a place behind those who wait for memory. Was there; the simulator
    /// found it.
    PreparedWaits = "prepared-waits",
    /// The rate of requests is not kept.
    PaceIgnored = "pace-ignored",
    /// A worker does not ask whether its lease still holds.
    LeaseUnchecked = "lease-unchecked",
    /// An item of which nobody knows whether it arrived is called failed.
    DoubtFailed = "doubt-failed",
    /// A claim does not see that an item may be on the wire.
    DoubtUnread = "doubt-unread",
    /// An attempt in doubt that is taken back leaves no trace in the journal.
    ReturnedUndoubted = "returned-undoubted",
    /// An entry of another size is taken for what was sent.
    SizeUnread = "size-unread",
    /// A row that cannot be read is none of its session's items.
    BadRowUncounted = "bad-row-uncounted",
    /// A run that is told to submit nothing does.
    SubmitUnasked = "submit-unasked",
    /// An item is blamed for its session, which has ended.
    GoneIgnored = "gone-ignored",
    /// An item is blamed while the provider cannot be asked whether its session has ended. Was there; the simulator
    /// found it.
    UnaskedBlamed = "unasked-blamed",
    /// Two jobs of one item, of which a caller gave up the first, go side by side. Was there; the simulator found it.
    SideBySide = "side-by-side",
    /// An item that two jobs confirmed counts twice towards its session's submission. Was there; the simulator found it.
    CountedTwice = "counted-twice",
    /// A worker that a jump of the database's clock gives its own session again does not wait for its first claim.
    ClaimBeside = "claim-beside",
}

/// Whether this bug is there.
#[cfg(not(feature = "planted"))]
#[must_use]
pub const fn is(_: Bug) -> bool {
    false
}

#[cfg(feature = "planted")]
pub use chosen::{is, plant};

#[cfg(feature = "planted")]
mod chosen {
    use std::cell::Cell;

    use super::Bug;

    thread_local! {
        // A history has one thread, and tests tell many at a time.
        static CHOSEN: Cell<Option<Bug>> = const { Cell::new(None) };
    }

    /// Plants one bug, or none, in everything that this thread does from now on.
    pub fn plant(bug: Option<Bug>) {
        CHOSEN.set(bug);
    }

    /// Whether this bug is there.
    #[must_use]
    pub fn is(bug: Bug) -> bool {
        CHOSEN.get() == Some(bug)
    }
}
