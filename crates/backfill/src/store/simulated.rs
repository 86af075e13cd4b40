//! What a simulator decides about a store, and what it is told of it.

use futures_util::future::BoxFuture;
use sealpress_client::MediaId;

use super::state::{Change, Via};

/// What a process meets on its way to the database.
pub trait Machine: Send + Sync + 'static {
    /// A statement is on its way there.
    fn reaches(&self) -> BoxFuture<'_, ()>;
    /// Its answer is on its way back.
    fn answers(&self) -> BoxFuture<'_, ()>;
    /// What happens to it.
    fn fate(&self) -> Fate;
    /// The database's clock, in milliseconds since 1970.
    fn now(&self) -> i64;
    /// A change is asked for.
    fn asks(&self, event: &Event);
    /// A change is durable.
    fn commits(&self, event: &Event);
}

/// What happens to one transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It is done.
    Done,
    /// It is aborted, or its connection is lost before the commit: tried again where machines share a database.
    Aborts,
    /// It is committed, and the answer is lost: tried again where machines share a database.
    Unanswered,
    /// Nothing can be written any more.
    Fails,
}

/// What the journal is told, by the numbers of items (the order of the manifest, from 1) and sessions (the same).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A session is this process's.
    Claimed(i64),
    /// It is for another while.
    Renewed(i64),
    /// An item may be on the wire.
    Sending(u64),
    /// An item is not, and may be sent again.
    Returned(u64),
    /// The provider has it.
    Confirmed(u64, MediaId),
    /// Another item, which the provider has, is the same.
    Duplicate(u64, u64),
    /// It will not be sent.
    Failed(u64, String),
    /// Nobody knows.
    Quarantined(u64),
    /// A session has its id.
    Created(i64, String),
    /// A session will not be.
    CreateFailed(i64, String),
    /// A session's media were counted.
    Counted(i64, u64),
    /// Its submit may be on the wire.
    Submitting(i64),
    /// It was not submitted.
    NotSubmitted(i64, String),
}

impl Event {
    pub(crate) fn of(session: i64, change: &Change) -> Option<Self> {
        let item = |item: &i64| item.unsigned_abs();
        Some(match change {
            Change::Sending { item: id, .. } => Self::Sending(item(id)),
            Change::Returned { item: id, .. } => Self::Returned(item(id)),
            Change::Confirmed { item: id, media_id, via, .. } => {
                debug_assert_ne!(*via, Via::Duplicate);
                Self::Confirmed(item(id), media_id.clone())
            }
            Change::Duplicate { item: id, of, .. } => Self::Duplicate(item(id), item(of)),
            Change::Failed { item: id, failure, .. } => Self::Failed(item(id), failure.reason.clone()),
            Change::Quarantined { item: id, .. } => Self::Quarantined(item(id)),
            Change::Created { remote } => Self::Created(session, remote.to_string()),
            Change::CreateFailed(failure) => Self::CreateFailed(session, failure.reason.clone()),
            Change::Counted { unaccounted, .. } => Self::Counted(session, *unaccounted),
            Change::Submitting => Self::Submitting(session),
            Change::SubmitFailed(failure) | Change::SubmitUnknown(failure) => {
                Self::NotSubmitted(session, failure.reason.clone())
            }
            // Documents and bursts, which are not simulated.
            Change::NotChosen { .. }
            | Change::PieceConfirmed { .. }
            | Change::BegunAnew { .. }
            | Change::Prepared { .. }
            | Change::Creating
            | Change::Gone { .. }
            | Change::CreateReturned { .. }
            | Change::Submitted => {
                return None;
            }
        })
    }
}
