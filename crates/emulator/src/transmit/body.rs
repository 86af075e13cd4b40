//! The JSON body of a request.

use serde_json::{Value, json};

use super::refusal::Refusal;
use crate::request::Request;
use crate::wire::Body;

/// An object; nothing at all counts as an empty one.
pub(super) fn json(request: &Request) -> Result<Value, Refusal> {
    match &request.body {
        Body::TooLarge => Err(Refusal(413, "request entity too large".into())),
        // The vendor's own sample creates a session without a body.
        Body::Whole(bytes) if bytes.is_empty() => Ok(json!({})),
        Body::Whole(bytes) => {
            let value: Value = serde_json::from_slice(bytes).map_err(|_| Refusal(400, "body is not JSON".into()))?;
            if value.is_object() { Ok(value) } else { Err(Refusal(400, "body is not an object".into())) }
        }
    }
}
