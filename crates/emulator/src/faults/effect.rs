//! What a fault does.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What happens to a chosen request. Several rules may touch one request: their delays add up, their
/// changes of the answer are all made, and the first that replaces or cuts the answer wins.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
#[non_exhaustive]
pub enum Effect {
    /// Waits before the request is worked on.
    Latency {
        /// Milliseconds.
        ms: u64,
        /// Up to so many milliseconds more, by the rule's seed.
        #[serde(default)]
        jitter_ms: u64,
    },
    /// Answers with a status of its own.
    Status {
        /// HTTP status.
        status: u16,
        /// `Retry-After`: seconds (`"3"`), `"date:+60"` for an HTTP date so many seconds ahead, `"absurd"` for a day, or any text.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        retry_after: Option<String>,
        /// `"json"` (the vendor's envelope), `"html"` (a proxy's page), `"empty"`, or any text. Default `"json"`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        body: Option<String>,
        /// Code in the envelope. Default `"1101"`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        code: Option<String>,
        /// The request is worked on first. Default false.
        #[serde(default)]
        recorded: bool,
        /// The request is worked on so many milliseconds after its end, whatever the client has seen by then.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        record_after_ms: Option<u64>,
    },
    /// Breaks the connection.
    Break {
        /// Where.
        at: Phase,
        /// With a reset (RST) or an orderly end (FIN). Default RST.
        #[serde(default)]
        how: How,
        /// The request is worked on first. Default false.
        #[serde(default)]
        recorded: bool,
        /// The request is worked on so many milliseconds after its end, whatever the client has seen by then.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        record_after_ms: Option<u64>,
    },
    /// Works on the request, then sends only a part of the answer's body.
    Truncate {
        /// Share of the body that is sent. Default 0.5.
        #[serde(default = "half")]
        keep: f64,
        /// What `Content-Length` says. Default: the truth about the cut body.
        #[serde(default)]
        length: Length,
    },
    /// Works on the request, then signs the answer differently.
    Signature {
        /// How.
        how: Forgery,
    },
    /// Works on the request, then sends the answer slowly.
    SlowAnswer {
        /// Pace.
        bytes_per_second: u64,
        /// The head too, from its first byte. Default true.
        #[serde(default = "yes")]
        head: bool,
    },
    /// Reads the request's body slowly.
    SlowRead {
        /// Pace.
        bytes_per_second: u64,
    },
    /// Takes the whole request and gives no answer for a time, then closes.
    Stall {
        /// Milliseconds.
        ms: u64,
        /// The request is worked on first. Default false.
        #[serde(default)]
        recorded: bool,
        /// The request is worked on so many milliseconds after its end, whatever the client has seen by then.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        record_after_ms: Option<u64>,
    },
    /// Answers with a redirect.
    Redirect {
        /// `Location`.
        location: String,
        /// Default 307.
        #[serde(default = "temporary_redirect")]
        status: u16,
    },
    /// Listings leave out media that are younger than this.
    StaleListing {
        /// Milliseconds of the emulator's clock.
        lag_ms: u64,
    },
    /// Uploads are recorded twice.
    DoubleRecord,
    /// Answers truthfully and closes the idle connection afterwards, without having said so.
    CloseIdle {
        /// Milliseconds after the answer.
        #[serde(default)]
        after_ms: u64,
        /// Default FIN.
        #[serde(default = "fin")]
        how: How,
    },
    /// Works on the request, then replaces the answer.
    Replace {
        /// HTTP status; the truthful one when absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        status: Option<u16>,
        /// Body; the truthful one when absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        body: Option<String>,
        /// Headers to set.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        headers: BTreeMap<String, String>,
    },
    /// Varies the answer within what the documents allow, as the option `fuzz` does for all.
    Fuzz,
    /// Transmit uploads get this feedback.
    Feedback {
        /// One of the vendor's 24 values, or anything else.
        value: String,
        /// Text for `restricted_criteria`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        custom: Option<String>,
    },
}

/// A moment in a request's life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Phase {
    /// The head was read, nothing of the body.
    BeforeBody,
    /// Half of the body was read.
    MidBody,
    /// The whole request was read.
    AfterBody,
    /// Half of the answer's body was sent.
    MidAnswer,
}

/// How a connection ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum How {
    /// RST: `SO_LINGER` of 0.
    #[default]
    Rst,
    /// FIN.
    Fin,
}

/// `Content-Length` of a truncated answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Length {
    /// Length of what is sent: well-formed HTTP around broken JSON.
    #[default]
    Cut,
    /// Length of the whole body: the connection ends too early.
    Whole,
}

/// What an answer's signature is instead of right.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Forgery {
    /// 64 digits of another body.
    Wrong,
    /// Not 64 hex digits.
    Garbage,
    /// No signature.
    Missing,
    /// Right, in capitals.
    Upper,
    /// Right, under the `vrf-` names.
    Vrf,
    /// Only the retired `x-signature`, right.
    Legacy,
}

impl Effect {
    /// An answer of this status in the vendor's envelope; the request is not worked on.
    pub fn status(status: u16) -> Self {
        Self::Status { status, retry_after: None, body: None, code: None, recorded: false, record_after_ms: None }
    }

    /// A reset (RST) at this moment; the request is not worked on.
    pub fn reset(at: Phase) -> Self {
        Self::Break { at, how: How::Rst, recorded: false, record_after_ms: None }
    }

    /// No answer for so many milliseconds; the request is not worked on.
    pub fn stall(ms: u64) -> Self {
        Self::Stall { ms, recorded: false, record_after_ms: None }
    }

    /// With this `Retry-After` (for [`Effect::Status`]; others are left as they are).
    #[must_use]
    pub fn with_retry_after(mut self, text: impl Into<String>) -> Self {
        if let Self::Status { retry_after, .. } = &mut self {
            *retry_after = Some(text.into());
        }
        self
    }

    /// With this body: `"json"`, `"html"`, `"empty"` or any text (for [`Effect::Status`]).
    #[must_use]
    pub fn with_body(mut self, text: impl Into<String>) -> Self {
        if let Self::Status { body, .. } = &mut self {
            *body = Some(text.into());
        }
        self
    }

    /// The request is worked on before the fault.
    #[must_use]
    pub fn recorded(mut self) -> Self {
        if let Self::Status { recorded, .. } | Self::Break { recorded, .. } | Self::Stall { recorded, .. } = &mut self {
            *recorded = true;
        }
        self
    }

    /// The request is worked on so many milliseconds after its end.
    #[must_use]
    pub fn recorded_after(mut self, ms: u64) -> Self {
        if let Self::Status { record_after_ms, .. }
        | Self::Break { record_after_ms, .. }
        | Self::Stall { record_after_ms, .. } = &mut self
        {
            *record_after_ms = Some(ms);
        }
        self
    }
}

fn half() -> f64 {
    0.5
}

fn yes() -> bool {
    true
}

fn fin() -> How {
    How::Fin
}

fn temporary_redirect() -> u16 {
    307
}
