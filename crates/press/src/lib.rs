#![doc = include_str!("../README.md")]
#![deny(unsafe_code)]

#[cfg(any(feature = "image", feature = "pdf"))]
mod choice;
mod error;
#[cfg(any(feature = "image", feature = "pdf"))]
mod formats;
#[cfg(any(feature = "image", feature = "pdf"))]
mod in_process;
#[cfg(all(feature = "isolate", any(feature = "image", feature = "pdf")))]
mod isolated;
mod plan;
#[cfg(any(feature = "image", feature = "pdf"))]
mod policies;
mod press;
mod rank;

#[cfg(all(feature = "isolate", any(feature = "image", feature = "pdf")))]
pub use choice::isolates;
#[cfg(any(feature = "image", feature = "pdf"))]
pub use choice::{ISOLATION, from_env};
pub use error::Error;
#[cfg(any(feature = "image", feature = "pdf"))]
pub use in_process::InProcess;
#[cfg(all(feature = "isolate", any(feature = "image", feature = "pdf")))]
#[doc(hidden)]
pub use isolated::fuzzing;
#[cfg(all(feature = "isolate", any(feature = "image", feature = "pdf")))]
pub use isolated::{Isolated, WorkerLimits, fork_first_worker};
pub use plan::{Plan, Probe};
#[cfg(any(feature = "image", feature = "pdf"))]
pub use policies::Policies;
pub use press::{Isolation, Press, Pressed, Unchanged, Worker};
pub use rank::{Grade, Ranked, order, rank};
