//! JPEG in and out.
pub(crate) mod completeness;
pub(crate) mod decode;
pub(crate) mod lossless;
pub(crate) mod scan;
#[expect(unsafe_code, reason = "calls into libjpeg-turbo; see the file's head")]
pub(crate) mod turbo;
pub(crate) mod walk;
