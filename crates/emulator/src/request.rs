//! A request as both vendors' rooms see it: read in full, named, and with what the fault script wants of
//! the work on it.

use crate::routes::Route;
use crate::wire::{Body, Head};

/// A request as the routes see it.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) head: Head,
    pub(crate) route: Route,
    pub(crate) body: Body,
    pub(crate) tamper: Tamper,
}

/// What the script changes about the work itself, not about the answer.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tamper {
    pub(crate) lag_ms: u64,
    pub(crate) double: bool,
    pub(crate) fuzz: bool,
    pub(crate) feedback: Option<(String, Option<String>)>,
}

impl Request {
    /// The ids in the path.
    pub(crate) fn ids(&self) -> Vec<&str> {
        Route::of(&self.head.method, &self.head.path).1
    }
}
