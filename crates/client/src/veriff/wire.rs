//! Answers of Veriff as they travel, with the tolerance that its documents' contradictions ask for.

use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{AttemptId, Context, MediaId, SessionId};
use crate::error::Error;
use crate::lenient;
use crate::open_enum::open_enum;

/// `{"status":"success","verification":{…}}`
#[derive(Deserialize)]
pub(super) struct Verification<T> {
    pub(super) verification: T,
}

/// `{"status":"success","image":{…}}`
#[derive(Deserialize)]
pub(super) struct Image {
    pub(super) image: MediaEntry,
}

/// A session as create and submit show it.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Session {
    /// Its id.
    pub id: SessionId,
    /// The page for the person. It carries a token: does not print.
    #[serde(default, deserialize_with = "secret")]
    pub url: Option<SecretString>,
    /// Your own key, unmodified.
    #[serde(default, deserialize_with = "lenient::text")]
    pub vendor_data: Option<String>,
    /// Your own id of the person.
    #[serde(default, deserialize_with = "lenient::text")]
    pub end_user_id: Option<String>,
    /// Host of the person's page.
    #[serde(default, deserialize_with = "lenient::text")]
    pub host: Option<String>,
    /// What older answers call the host.
    #[serde(default, deserialize_with = "lenient::text")]
    base_url: Option<String>,
    /// Where it stands.
    #[serde(default, deserialize_with = "lenient::opt")]
    pub status: Option<Status>,
    /// Deprecated by Veriff.
    #[serde(default, deserialize_with = "secret")]
    pub session_token: Option<SecretString>,
}

impl Session {
    /// Host of the person's page, under either of its names.
    #[must_use]
    pub fn host(&self) -> Option<&str> {
        self.host.as_deref().or(self.base_url.as_deref())
    }
}

fn secret<'de, D: serde::Deserializer<'de>>(d: D) -> Result<Option<SecretString>, D::Error> {
    Ok(lenient::text(d)?.map(SecretString::from))
}

open_enum! {
    /// Where a session or an attempt stands.
    Status {
        /// Opened, nothing sent.
        Created = "created",
        /// Media is being sent.
        Started = "started",
        /// All is in, being judged.
        Submitted = "submitted",
        /// A person judges it.
        Review = "review",
        /// Accepted.
        Approved = "approved",
        /// Refused.
        Declined = "declined",
        /// Better media is wanted, in a new attempt.
        ResubmissionRequested = "resubmission_requested",
        /// Nobody came within seven days.
        Expired = "expired",
        /// Begun, and not ended within seven days.
        Abandoned = "abandoned",
        /// Left in the middle (older name).
        InflowCompleted = "inflow_completed",
    }
}

impl Status {
    /// Whether this is a decision, or the end without one: nothing will follow by itself.
    #[must_use]
    pub const fn is_final(&self) -> bool {
        matches!(self, Self::Approved | Self::Declined | Self::ResubmissionRequested | Self::Expired | Self::Abandoned)
    }
}

/// What Veriff has of a session or attempt. Sorted by Veriff's idea of quality, not by time.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct MediaList {
    /// Pictures, and PDFs.
    #[serde(default, deserialize_with = "lenient::list")]
    pub images: Vec<MediaEntry>,
    /// Videos; test integrations have none.
    #[serde(default, deserialize_with = "lenient::list")]
    pub videos: Vec<MediaEntry>,
    /// Data out of chips.
    #[serde(default, deserialize_with = "lenient::list")]
    pub nfc_documents: Vec<MediaEntry>,
}

/// One uploaded file.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct MediaEntry {
    /// Its id.
    pub id: MediaId,
    /// What it shows; `name` where `context` is missing.
    #[serde(default, deserialize_with = "lenient::text")]
    context: Option<String>,
    /// Usually the same as the context.
    #[serde(default, deserialize_with = "lenient::text")]
    pub name: Option<String>,
    /// Deprecated by Veriff: always nothing.
    #[serde(default, deserialize_with = "lenient::text")]
    pub timestamp: Option<String>,
    /// Bytes.
    #[serde(default, deserialize_with = "lenient::count")]
    pub size: Option<u64>,
    /// Media type, normalised: `image/jpeg` for `.jpg` and `image/jpg`.
    #[serde(default, deserialize_with = "lenient::mimetype")]
    pub mimetype: Option<String>,
    /// Where Veriff says it can be fetched. May be on a host that is not yours to trust: fetch by
    /// id instead.
    #[serde(default, deserialize_with = "lenient::text")]
    pub url: Option<String>,
    /// The session it belongs to.
    #[serde(default, deserialize_with = "lenient::opt")]
    pub session_id: Option<SessionId>,
    /// Seconds, of videos.
    #[serde(default, deserialize_with = "lenient::real")]
    pub duration: Option<f64>,
}

impl MediaEntry {
    /// What it shows.
    #[must_use]
    pub fn context(&self) -> Context {
        let name = self.context.as_deref().or(self.name.as_deref());
        Context::from(name.unwrap_or_default())
    }
}

/// `{"status":"success","verifications":[…]}`
#[derive(Deserialize)]
pub(super) struct Attempts {
    #[serde(default, deserialize_with = "lenient::list")]
    pub(super) verifications: Vec<Attempt>,
}

/// One attempt of a session.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Attempt {
    /// Its id.
    pub id: AttemptId,
    /// Where it stands.
    #[serde(default, deserialize_with = "lenient::opt")]
    pub status: Option<Status>,
    /// When it began, ISO 8601 in UTC.
    #[serde(default, deserialize_with = "lenient::text")]
    pub created_time: Option<String>,
    /// Statuses of your own making.
    #[serde(default, deserialize_with = "lenient::some")]
    pub user_defined_data: Vec<UserDefined>,
}

/// A status that your own staff gave an attempt.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct UserDefined {
    /// Its name.
    #[serde(default, deserialize_with = "lenient::text")]
    pub status: Option<String>,
    /// Its code.
    #[serde(default, deserialize_with = "lenient::text")]
    pub status_code: Option<String>,
    /// Why.
    #[serde(default, deserialize_with = "lenient::text")]
    pub reason: Option<String>,
    /// Nothing where the reason was typed freely.
    #[serde(default, deserialize_with = "lenient::text")]
    pub reason_code: Option<String>,
    /// When, ISO 8601 in UTC.
    #[serde(default, deserialize_with = "lenient::text")]
    pub created_at: Option<String>,
}

/// Serializes a request body once: these bytes are signed, and these bytes are sent.
pub(super) fn body(value: &Value, operation: &'static str) -> Result<bytes::Bytes, Error> {
    serde_json::to_vec(value)
        .map(Into::into)
        .map_err(|e| Error::config(operation, "the request cannot be written as JSON").with_source(e))
}
