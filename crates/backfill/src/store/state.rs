//! The state machine: which changes exist, from which states each may start and where it leads.
//! Both stores build their SQL from these tables, so there is one machine in two dialects.
//!
//! ```text
//! item     pending → prepared → sending? → confirmed
//!                      ↑             │  ↘ failed · quarantined      (retry-failed leads back)
//!             not chosen ←┴──returned───┘                  of several pieces, confirming all but the last leads to prepared
//! session  new → creating? → open → all_confirmed → submitting? → submitted
//!                   exits: failed · quarantined · dropped      (gone at the provider leads back to new)
//! ```
//! A question mark means: the journal says so before the first byte is on the wire, so that after
//! any crash nobody has to guess.

use sealpress_client::{MediaId, SessionId};
use sealpress_media::{Fault, Format};
use serde::de::IntoDeserializer as _;
use serde::{Deserialize, Serialize};

/// Where an item stands. The numbers are what the journal stores.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ItemState {
    /// Nothing was done yet.
    Pending = 0,
    /// Prepared; size and type of what will be sent are known.
    Prepared = 1,
    /// A request may be on the wire, or may have been when a process died.
    Sending = 2,
    /// The provider has it.
    Confirmed = 3,
    /// It will not be sent; the reason stands beside it.
    Failed = 4,
    /// Nobody knows whether the provider has it, and looking did not help.
    Quarantined = 5,
    /// Left out because the operator said so.
    Dropped = 6,
    /// Left out because other frames of its burst are better.
    #[serde(rename = "not-chosen")]
    NotChosen = 7,
}

impl ItemState {
    /// Every state.
    pub const ALL: [Self; 8] = [
        Self::Pending,
        Self::Prepared,
        Self::Sending,
        Self::Confirmed,
        Self::Failed,
        Self::Quarantined,
        Self::Dropped,
        Self::NotChosen,
    ];

    /// The name used in results.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Prepared => "prepared",
            Self::Sending => "sending",
            Self::Confirmed => "confirmed",
            Self::Failed => "failed",
            Self::Quarantined => "quarantined",
            Self::Dropped => "dropped",
            Self::NotChosen => "not-chosen",
        }
    }

    /// Whether it was meant to be sent and was not, or not for certain. What the operator left out is meant to be so.
    pub(crate) const fn is_bad(self) -> bool {
        matches!(self, Self::Failed | Self::Quarantined)
    }

    pub(crate) fn from_code(code: i64) -> Option<Self> {
        Self::ALL.into_iter().find(|s| *s as i64 == code)
    }
}

/// Where a session stands. The numbers are what the journal stores.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SessionState {
    /// A subject that has no session at the provider yet.
    New = 0,
    /// A session may just be made.
    Creating = 1,
    /// Takes media.
    Open = 2,
    /// Every item is confirmed: may be submitted.
    AllConfirmed = 3,
    /// The submit may be on the wire.
    Submitting = 4,
    /// The provider has it all.
    Submitted = 5,
    /// It could not be created or submitted; the reason stands beside it.
    Failed = 6,
    /// Nobody knows whether it was created or submitted.
    Quarantined = 7,
    /// Given up because the operator said so: nothing is sent to it, and it is not submitted.
    Dropped = 8,
}

impl SessionState {
    /// Every state.
    pub const ALL: [Self; 9] = [
        Self::New,
        Self::Creating,
        Self::Open,
        Self::AllConfirmed,
        Self::Submitting,
        Self::Submitted,
        Self::Failed,
        Self::Quarantined,
        Self::Dropped,
    ];

    /// The name used in results.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Creating => "creating",
            Self::Open => "open",
            Self::AllConfirmed => "all_confirmed",
            Self::Submitting => "submitting",
            Self::Submitted => "submitted",
            Self::Failed => "failed",
            Self::Quarantined => "quarantined",
            Self::Dropped => "dropped",
        }
    }

    pub(crate) fn from_code(code: i64) -> Option<Self> {
        Self::ALL.into_iter().find(|s| *s as i64 == code)
    }
}

/// Why something failed, in words that results and reports repeat.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Failure {
    /// A kebab-case kind, such as `truncated` or `bad-row`.
    pub reason: String,
    /// Who must act.
    pub fault: Fault,
    /// One line for a person.
    pub message: String,
}

impl Failure {
    pub(crate) fn new(reason: impl Into<String>, fault: Fault, message: impl Into<String>) -> Self {
        Self { reason: reason.into(), fault, message: message.into() }
    }

    /// The three columns of a journal as they were read. Words that no version wrote are a bug's.
    pub(crate) fn stored(reason: String, fault: Option<String>, message: Option<String>) -> Self {
        let fault: Result<Fault, serde::de::value::Error> =
            Fault::deserialize(fault.unwrap_or_default().into_deserializer());
        Self { reason, fault: fault.unwrap_or(Fault::Internal), message: message.unwrap_or_default() }
    }
}

impl From<&sealpress_pipeline::Error> for Failure {
    fn from(error: &sealpress_pipeline::Error) -> Self {
        Self::new(error.name(), error.fault(), error.to_string())
    }
}

/// How the confirmation came about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Via {
    /// The provider answered the upload.
    Receipt = 0,
    /// The answer was lost; the provider's list of media has it.
    Listing = 1,
    /// The same file was already confirmed in this session and context.
    Duplicate = 2,
}

impl Via {
    /// The name used in results.
    #[must_use]
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Receipt => "receipt",
            Self::Listing => "listing",
            Self::Duplicate => "duplicate",
        }
    }

    pub(crate) fn from_code(code: i64) -> Option<Self> {
        [Self::Receipt, Self::Listing, Self::Duplicate].into_iter().find(|s| *s as i64 == code)
    }
}

/// One step of one item or of the claimed session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// The item was prepared.
    Prepared {
        /// The item.
        item: i64,
        /// SHA-256 of the file as it was read.
        sha256: [u8; 32],
        /// Bytes of the file as it was read.
        bytes_in: u64,
        /// Bytes of the media that will be sent, before base64.
        bytes_out: u64,
        /// The format of what will be sent.
        format: Format,
        /// How many files it leaves as.
        pieces: u32,
    },
    /// The next attempt begins as soon as this is on disk.
    Sending {
        /// The item.
        item: i64,
        /// Bytes of the media that will be sent, before base64.
        bytes_out: u64,
        /// The format of what will be sent.
        format: Format,
        /// SHA-256 of it.
        sent_sha256: Option<[u8; 32]>,
    },
    /// The last attempt is known not to have arrived.
    Returned {
        /// The item.
        item: i64,
        /// Doubts about its attempts that the journal does not know yet.
        doubts: u32,
    },
    /// The provider has it.
    Confirmed {
        /// The item.
        item: i64,
        /// The provider's id of it.
        media_id: MediaId,
        /// How we know.
        via: Via,
        /// What was done and how long it took, as JSON.
        report: Option<String>,
        /// Doubts about its attempts that the journal does not know yet.
        doubts: u32,
    },
    /// The provider has this piece of it, and there are more to be sent.
    PieceConfirmed {
        /// The item.
        item: i64,
        /// The provider's id of the piece.
        media_id: MediaId,
        /// How we know.
        via: Via,
        /// Doubts about its attempts that the journal does not know yet.
        doubts: u32,
    },
    /// Other frames of its burst are better: it is not sent, and its session is complete without it.
    NotChosen {
        /// The item.
        item: i64,
        /// What was measured of it, as JSON.
        report: Option<String>,
    },
    /// Its file is another than the one of which some pieces were sent: from the first piece on again.
    BegunAnew {
        /// The item.
        item: i64,
    },
    /// The same file was confirmed before in this session and context, so it is not sent again.
    Duplicate {
        /// The item.
        item: i64,
        /// The item that was sent.
        of: i64,
        /// The provider's id of that one.
        media_id: MediaId,
        /// SHA-256 of both.
        sha256: [u8; 32],
        /// Bytes of both.
        bytes_in: u64,
    },
    /// The item will not be sent.
    Failed {
        /// The item.
        item: i64,
        /// Why.
        failure: Failure,
        /// Bytes of the file where it could be read.
        bytes_in: Option<u64>,
        /// Doubts about its attempts that the journal does not know yet.
        doubts: u32,
    },
    /// Nobody knows whether it arrived.
    Quarantined {
        /// The item.
        item: i64,
        /// Why.
        failure: Failure,
        /// Doubts about its attempts that the journal does not know yet.
        doubts: u32,
    },
    /// The session's creation begins as soon as this is on disk.
    Creating,
    /// The provider made the session.
    Created {
        /// The provider's id of it.
        remote: SessionId,
    },
    /// The session is to be asked for again. Where the first request may have arrived, an empty
    /// session may have been left behind.
    CreateReturned {
        /// Whether it may have arrived.
        orphan: bool,
    },
    /// The provider will not make this session; its items fail with it.
    CreateFailed(Failure),
    /// The session's media were counted at the provider.
    Counted {
        /// Media that no item accounts for.
        unaccounted: u64,
        /// Confirmed media that the provider does not list.
        missing: u64,
        /// Ids of the former, the first few, separated by spaces.
        ids: Option<String>,
    },
    /// The provider's session ended without us, and is made anew: nothing of it counts any more.
    Gone {
        /// Its id, to be named.
        orphan: SessionId,
    },
    /// The submit begins as soon as this is on disk.
    Submitting,
    /// The provider has taken the session.
    Submitted,
    /// The provider will not take the session.
    SubmitFailed(Failure),
    /// Nobody knows whether the session was taken.
    SubmitUnknown(Failure),
}

/// One row of the item machine: states from which it may start, and the state it leads to.
pub(crate) const ITEM_PREPARED: (&[ItemState], ItemState) =
    (&[ItemState::Pending, ItemState::Prepared], ItemState::Prepared);
/// From `sending` too: after a look found nothing, the next attempt follows without a step back.
pub(crate) const ITEM_SENDING: (&[ItemState], ItemState) =
    (&[ItemState::Prepared, ItemState::Sending], ItemState::Sending);
pub(crate) const ITEM_RETURNED: (&[ItemState], ItemState) = (&[ItemState::Sending], ItemState::Prepared);
pub(crate) const ITEM_CONFIRMED: (&[ItemState], ItemState) = (&[ItemState::Sending], ItemState::Confirmed);
pub(crate) const ITEM_PIECE_CONFIRMED: (&[ItemState], ItemState) = (&[ItemState::Sending], ItemState::Prepared);
pub(crate) const ITEM_NOT_CHOSEN: (&[ItemState], ItemState) =
    (&[ItemState::Pending, ItemState::Prepared], ItemState::NotChosen);
pub(crate) const ITEM_BEGUN_ANEW: (&[ItemState], ItemState) =
    (&[ItemState::Pending, ItemState::Prepared], ItemState::Pending);
pub(crate) const ITEM_DUPLICATE: (&[ItemState], ItemState) =
    (&[ItemState::Pending, ItemState::Prepared], ItemState::Confirmed);
pub(crate) const ITEM_FAILED: (&[ItemState], ItemState) =
    (&[ItemState::Pending, ItemState::Prepared, ItemState::Sending], ItemState::Failed);
pub(crate) const ITEM_QUARANTINED: (&[ItemState], ItemState) =
    (&[ItemState::Pending, ItemState::Prepared, ItemState::Sending], ItemState::Quarantined);

impl Change {
    /// Whether a request waits for this to be on disk, or a session would be lost without it. Anything
    /// else can be found out again, and may wait a moment for company.
    pub(crate) const fn is_urgent(&self) -> bool {
        matches!(self, Self::Sending { .. } | Self::Creating | Self::Created { .. } | Self::Submitting)
    }

    /// The item whose attempts in doubt it tells of, and how many there are.
    pub(crate) const fn new_doubts(&self) -> Option<(i64, u32)> {
        match self {
            Self::Returned { item, doubts }
            | Self::Confirmed { item, doubts, .. }
            | Self::PieceConfirmed { item, doubts, .. }
            | Self::Failed { item, doubts, .. }
            | Self::Quarantined { item, doubts, .. }
                if *doubts > 0 =>
            {
                Some((*item, *doubts))
            }
            _ => None,
        }
    }

    /// The rule of a session change: from where, to where. `None` for changes of items.
    pub(crate) const fn session_rule(&self) -> Option<(&'static [SessionState], SessionState)> {
        use SessionState as S;
        Some(match self {
            Self::Creating => (&[S::New], S::Creating),
            Self::Created { .. } => (&[S::Creating], S::Open),
            Self::CreateReturned { .. } => (&[S::Creating], S::New),
            Self::CreateFailed(_) => (&[S::Creating], S::Failed),
            Self::Gone { .. } => (&[S::Open, S::AllConfirmed, S::Submitting], S::New),
            Self::Submitting => (&[S::AllConfirmed, S::Submitting], S::Submitting),
            Self::Submitted => (&[S::Submitting], S::Submitted),
            // From before the request too: a count that does not come out even.
            Self::SubmitFailed(_) => (&[S::AllConfirmed, S::Submitting], S::Failed),
            Self::Counted { .. } => (&[S::AllConfirmed, S::Submitting], S::AllConfirmed),
            Self::SubmitUnknown(_) => (&[S::Submitting], S::Quarantined),
            _ => return None,
        })
    }

    /// The rule and the item of an item change. `None` for changes of the session.
    pub(crate) const fn item_rule(&self) -> Option<(i64, &'static [ItemState], ItemState)> {
        let (item, (from, to)) = match self {
            Self::Prepared { item, .. } => (*item, ITEM_PREPARED),
            Self::Sending { item, .. } => (*item, ITEM_SENDING),
            Self::Returned { item, .. } => (*item, ITEM_RETURNED),
            Self::Confirmed { item, .. } => (*item, ITEM_CONFIRMED),
            Self::PieceConfirmed { item, .. } => (*item, ITEM_PIECE_CONFIRMED),
            Self::NotChosen { item, .. } => (*item, ITEM_NOT_CHOSEN),
            Self::BegunAnew { item } => (*item, ITEM_BEGUN_ANEW),
            Self::Duplicate { item, .. } => (*item, ITEM_DUPLICATE),
            Self::Failed { item, .. } => (*item, ITEM_FAILED),
            Self::Quarantined { item, .. } => (*item, ITEM_QUARANTINED),
            _ => return None,
        };
        Some((item, from, to))
    }
}
