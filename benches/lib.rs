//! What the benches beside this file share.

pub mod measure;
pub mod report;
