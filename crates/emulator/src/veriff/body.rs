//! The body of a request, whole or as JSON.

use bytes::Bytes;
use serde_json::Value;

use super::refusal::Refusal;
use crate::request::Request;
use crate::wire::Body;

/// The body, where it was not refused for its size.
pub(super) fn whole(request: &Request) -> Result<&Bytes, Refusal> {
    match &request.body {
        Body::Whole(bytes) => Ok(bytes),
        Body::TooLarge => Err(Refusal::new(413, "1104", "Request body is too large")),
    }
}

/// The JSON body of a small request.
pub(super) fn json(request: &Request) -> Result<Value, Refusal> {
    let bytes = whole(request)?;
    serde_json::from_slice(bytes)
        .map_err(|_| Refusal::new(400, "1102", "Mandatory parameters are missing from the request"))
}
