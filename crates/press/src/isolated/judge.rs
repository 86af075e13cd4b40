//! What a lost worker says about the file that it had: nothing at first. Only what happens again in a fresh
//! process is the file's.

use sealpress_media::{Fault, Refusal, RefusalKind};

use super::WorkerLimits;
use super::process::{Lost, is_from_outside};
use crate::error::Error;

/// Whether a second try in a fresh process may end otherwise. CPU time is a file's own: it would take as long
/// again.
pub(crate) const fn is_worth_another(lost: &Lost) -> bool {
    matches!(lost, Lost::Ended(_) | Lost::Nonsense(_))
}

/// The verdict over a file that a fresh worker was lost with, as the one before. `memory_missing` are the bytes
/// that the worker had less than it was meant to have.
pub(crate) fn verdict(lost: &Lost, limits: &WorkerLimits, memory_missing: Option<u64>) -> Error {
    let refuse = |kind, fault, message: String| Error::Refused(Refusal::new(kind, fault, message));
    let wall = limits.patience.as_secs_f64();
    match lost {
        Lost::Deadline => {
            let most = limits.deadline.as_secs_f64();
            refuse(RefusalKind::Timeout, Fault::Limit, format!("the file took more than {most} s of CPU time"))
        }
        Lost::Patience if cfg!(target_os = "linux") => refuse(
            RefusalKind::Timeout,
            Fault::Remote,
            format!(
                "the machine was too busy: no answer within {wall} s, in which the file had less CPU time than it may take"
            ),
        ),
        // Without a clock of the worker's nobody can tell.
        Lost::Patience => refuse(RefusalKind::Timeout, Fault::Limit, format!("the file took more than {wall} s")),
        Lost::Ended(status) if is_from_outside(*status) => refuse(
            RefusalKind::Internal,
            Fault::Internal,
            format!("two workers that had this file were killed from outside ({status})"),
        ),
        Lost::Ended(_) if memory_missing.is_some() => Error::unavailable(format!(
            "the hard limit of private memory (RLIMIT_DATA) leaves a worker {} MiB less than the {} MiB that it needs, \
             and one has died of it",
            memory_missing.unwrap_or_default() >> 20,
            limits.memory >> 20,
        )),
        Lost::Ended(status) => {
            refuse(RefusalKind::Crashed, Fault::Input, format!("the decoder died over this file, twice ({status})"))
        }
        Lost::Nonsense(error) => {
            refuse(RefusalKind::Crashed, Fault::Input, format!("the decoder went wild over this file, twice ({error})"))
        }
    }
}
