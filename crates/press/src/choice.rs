//! Which press a program uses that leaves the choice to its operator.

use std::sync::Arc;

use crate::in_process::InProcess;
use crate::policies::Policies;
use crate::press::Press;

/// The environment variable that [`from_env`] reads.
pub const ISOLATION: &str = "SEALPRESS_ISOLATION";

/// Worker processes, since files come from strangers; with `SEALPRESS_ISOLATION=off`, for debuggers and
/// profilers, this process. [`Press::isolation`] tells which, and programs that print tell their users.
#[must_use]
pub fn from_env(policies: Policies) -> Arc<dyn Press> {
    #[cfg(feature = "isolate")]
    if isolates() {
        return Arc::new(crate::isolated::Isolated::new(policies));
    }
    Arc::new(InProcess::new(policies))
}

/// Whether [`from_env`] gives worker processes.
#[cfg(feature = "isolate")]
#[must_use]
pub fn isolates() -> bool {
    std::env::var_os(ISOLATION).is_none_or(|value| value != "off")
}
