//! What host and worker say to each other. Both are the same program; each still judges what the other says,
//! since the worker may have been taken over by what it decoded.

use sealpress_media::{Format, Refusal, Summary};
use serde::{Deserialize, Serialize};

use crate::plan::Plan;
use crate::policies::Policies;

/// The host's first frame.
#[derive(Serialize, Deserialize)]
pub(crate) struct Hello {
    pub(crate) policies: Policies,
    /// Bytes of private memory.
    pub(crate) memory: u64,
    /// Most bytes of a file.
    pub(crate) most_input: usize,
    /// Whether to open, while there is a file system, the decoders that need it.
    pub(crate) open: bool,
}

/// The worker's first frame, once it has locked itself down.
#[derive(Serialize, Deserialize)]
pub(crate) enum Ready {
    /// The next frame may be a file.
    Locked {
        /// Bytes of private memory that it may use: as many as were asked for, or the hard limit.
        memory: u64,
    },
    /// The lock could not be entered; no file must be given.
    Failed {
        /// Which part, and what the system said.
        why: String,
    },
}

/// Every further frame of the host; the body is the file, whose format the host has looked at.
#[derive(Clone, Copy, Serialize, Deserialize)]
pub(crate) enum Request {
    Press(Format),
    Plan(Format),
}

/// The worker's answer; the body is the pressed file, where there is one.
#[derive(Serialize, Deserialize)]
pub(crate) enum Answer {
    /// All files of a press stand in the body, one behind the other; these are the lengths of those after the first.
    Pressed {
        summary: Box<Summary>,
        further: Vec<u64>,
    },
    /// The file leaves as it came: the host has it.
    Unchanged {
        summary: Box<Summary>,
    },
    Planned(Box<Plan>),
    Refused(Refusal),
}
