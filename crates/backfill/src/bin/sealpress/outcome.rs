use std::process::ExitCode;

use sealpress_media::Fault;
use serde::Serialize;

/// Some inputs failed; the others were done.
pub(crate) const SOME_FAILED: u8 = 3;

/// One input's failure as JSON promises it.
#[derive(Debug, Serialize)]
pub(crate) struct Failure {
    pub(crate) kind: &'static str,
    pub(crate) fault: Fault,
    pub(crate) message: String,
}

/// 0 when all is done, 3 when some failed.
pub(crate) fn exit(failed: usize) -> ExitCode {
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::from(SOME_FAILED) }
}
