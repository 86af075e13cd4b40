//! The ground truth: what the emulator received and holds, whatever its clients believe. The same records
//! are the emulator's own memory, its file format and the answer of `GET /__emulator/ledger`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Everything at one moment.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Ledger {
    /// Sessions of both vendors in order of creation, deleted ones included.
    pub sessions: Vec<SessionRecord>,
    /// Requests seen, by route name (`"upload"`, `"submit"`, …), whatever became of them.
    pub requests: BTreeMap<String, u64>,
    /// Requests answered, by status; those that got no answer (resets, stalls) are under `"0"`.
    pub answers: BTreeMap<String, u64>,
    /// Faults that fired, by the name of their rule.
    pub faults: BTreeMap<String, u64>,
    /// Webhooks delivered (answered with 200).
    pub webhooks_delivered: u64,
    /// Faces of bulk imports, in order of arrival.
    #[serde(default)]
    pub faces: Vec<FaceRecord>,
    /// Face authentications that were begun.
    #[serde(default)]
    pub face_auths: Vec<FaceAuthRecord>,
}

/// Whose API a session belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Vendor {
    /// `/v1/…`
    Veriff,
    /// `/verify/api/v1/…`
    Transmit,
}

/// Where a session stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Status {
    /// Made, no medium yet.
    Created,
    /// Holds a medium.
    Started,
    /// Closed for uploads, no decision yet.
    Submitted,
    /// A person looks at it.
    Review,
    /// Decided.
    Approved,
    /// Decided.
    Declined,
    /// Decided: a new attempt may be made.
    ResubmissionRequested,
    /// Seven days without a medium.
    Expired,
    /// Seven days without a submission.
    Abandoned,
}

impl Status {
    /// The word on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Started => "started",
            Self::Submitted => "submitted",
            Self::Review => "review",
            Self::Approved => "approved",
            Self::Declined => "declined",
            Self::ResubmissionRequested => "resubmission_requested",
            Self::Expired => "expired",
            Self::Abandoned => "abandoned",
        }
    }
}

/// A decision to be made about a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Verdict {
    /// 9001
    Approved,
    /// 9102
    Declined,
    /// 9103
    ResubmissionRequested,
    /// 9104
    Expired,
    /// 9104
    Abandoned,
    /// 9121
    Review,
}

impl Verdict {
    /// The status that a session has after it.
    pub fn status(self) -> Status {
        match self {
            Self::Approved => Status::Approved,
            Self::Declined => Status::Declined,
            Self::ResubmissionRequested => Status::ResubmissionRequested,
            Self::Expired => Status::Expired,
            Self::Abandoned => Status::Abandoned,
            Self::Review => Status::Review,
        }
    }

    /// The decision code.
    pub fn code(self) -> u16 {
        match self {
            Self::Approved => 9001,
            Self::Declined => 9102,
            Self::ResubmissionRequested => 9103,
            Self::Expired | Self::Abandoned => 9104,
            Self::Review => 9121,
        }
    }
}

/// One session.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SessionRecord {
    /// Its id.
    pub id: String,
    /// Whose API it was made through.
    pub vendor: Vendor,
    /// Where it stands.
    pub status: Status,
    /// Milliseconds since 1970 (UTC), emulator's clock.
    pub created_ms: u64,
    /// It was deleted through the API and is invisible there.
    pub deleted: bool,
    /// Submissions that were accepted, over all attempts.
    pub submissions: u32,
    /// The `verification` object (Veriff) or the whole body (Transmit) that it was created with.
    pub request: Value,
    /// What was posted as collected data.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub collected: Vec<Value>,
    /// Attempts, oldest first; the last one takes uploads. Never empty.
    pub attempts: Vec<AttemptRecord>,
    /// Transmit only: consent was granted with the start.
    #[serde(default)]
    pub started: bool,
}

/// One attempt of a session.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[non_exhaustive]
pub struct AttemptRecord {
    /// Its id.
    pub id: String,
    /// Where it stands.
    pub status: Status,
    /// Milliseconds since 1970 (UTC), emulator's clock.
    pub created_ms: u64,
    /// When it was submitted.
    pub submitted_ms: Option<u64>,
    /// What was decided, and when.
    pub decision: Option<DecisionRecord>,
    /// Media in order of arrival.
    pub media: Vec<MediaRecord>,
}

/// A decision made.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[non_exhaustive]
pub struct DecisionRecord {
    /// Which.
    pub verdict: Verdict,
    /// Milliseconds since 1970 (UTC), emulator's clock.
    pub at_ms: u64,
    /// Free text.
    pub reason: Option<String>,
    /// The vendor's reason code.
    pub reason_code: Option<u32>,
}

/// One medium as received.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[non_exhaustive]
pub struct MediaRecord {
    /// Its id.
    pub id: String,
    /// Session that it belongs to.
    pub session: String,
    /// Attempt that it belongs to.
    pub attempt: String,
    /// Context (Veriff) or image type (Transmit).
    pub context: String,
    /// Lower-case hex of the decoded bytes.
    pub sha256: String,
    /// Decoded bytes.
    pub size: u64,
    /// By content.
    pub mimetype: String,
    /// As the data URI or `format` said.
    pub declared: Option<String>,
    /// Pixels as stored, where the header tells.
    pub width: Option<u32>,
    /// Pixels as stored, where the header tells.
    pub height: Option<u32>,
    /// Position among all media that this emulator recorded, from 1.
    pub order: u64,
    /// Milliseconds since 1970 (UTC), emulator's clock.
    pub received_ms: u64,
    /// Recorded before this one in the same attempt, with the same context and the same bytes.
    pub duplicate_of: Option<String>,
    /// Transmit only: the feedback that it got.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub feedback: Option<String>,
}

/// One face of a bulk import.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct FaceRecord {
    /// Position among all faces, from 1.
    pub order: u64,
    /// The name that it was sent under.
    pub name: String,
    /// The request that it came in, from 1.
    pub request: u64,
    /// Lower-case hex of the decoded picture; none where a session was referred to.
    pub sha256: Option<String>,
    /// The session that was referred to.
    pub session: Option<String>,
    /// Decoded bytes.
    pub size: u64,
    /// Milliseconds since 1970 (UTC), emulator's clock.
    pub received_ms: u64,
    /// The name had been processed within the last five minutes: nothing was done, and nothing counted.
    pub dropped: bool,
}

/// One face authentication.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[non_exhaustive]
pub struct FaceAuthRecord {
    /// Its id.
    pub id: String,
    /// The id that a device's SDK begins with.
    pub device_session: String,
    /// `login`, `credentials-recovery` or `step-up`.
    pub use_case: String,
    /// Lower-case hex of the decoded reference picture.
    pub sha256: String,
    /// Decoded bytes of it.
    pub size: u64,
    /// Milliseconds since 1970 (UTC), emulator's clock.
    pub created_ms: u64,
    /// What was decided by hand, and when.
    pub decision: Option<DecisionRecord>,
}

impl SessionRecord {
    /// The attempt that takes uploads.
    pub fn latest(&self) -> Option<&AttemptRecord> {
        self.attempts.last()
    }

    /// All media of all attempts, in order of arrival.
    pub fn media(&self) -> impl Iterator<Item = &MediaRecord> {
        self.attempts.iter().flat_map(|a| &a.media)
    }

    /// At least one attempt was submitted.
    pub fn is_submitted(&self) -> bool {
        self.submissions > 0
    }
}

impl Ledger {
    /// The session of that id.
    pub fn session(&self, id: &str) -> Option<&SessionRecord> {
        self.sessions.iter().find(|s| s.id == id)
    }

    /// All media of all sessions; by session, then in order of arrival.
    pub fn media(&self) -> impl Iterator<Item = &MediaRecord> {
        self.sessions.iter().flat_map(SessionRecord::media)
    }

    /// Media that repeat an earlier one of the same attempt and context, byte for byte.
    pub fn duplicates(&self) -> impl Iterator<Item = &MediaRecord> {
        self.media().filter(|m| m.duplicate_of.is_some())
    }

    /// Sessions that were submitted.
    pub fn submitted(&self) -> impl Iterator<Item = &SessionRecord> {
        self.sessions.iter().filter(|s| s.is_submitted())
    }

    /// Faces that were processed: sent, and not dropped as a repeat.
    pub fn imported_faces(&self) -> impl Iterator<Item = &FaceRecord> {
        self.faces.iter().filter(|face| !face.dropped)
    }

    /// Requests seen on a route (`"upload"`, `"submit"`, `"list-media"`, `"create-session"`, …).
    pub fn requests(&self, route: &str) -> u64 {
        self.requests.get(route).copied().unwrap_or(0)
    }
}
