//! An answer, and what a vendor said with a status other than 2xx, in whichever shape: read here for all
//! of them.

use std::fmt;

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use serde_json::Value;

use crate::error::{ApiError, Error, ErrorKind};
use crate::lenient::{self, text_of};
use crate::retry::retry_after;

/// Longest message of a vendor that is kept, in characters.
const MAX_MESSAGE: usize = 500;

/// Headers under which request ids travel; neither vendor documents one.
const REQUEST_IDS: [&str; 5] = ["x-request-id", "request-id", "x-amzn-requestid", "x-correlation-id", "cf-ray"];

/// An answer, whatever its status.
#[non_exhaustive]
pub struct Reply {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, whole.
    pub body: Bytes,
}

/// A vendor's own tables: what a status and a code of its answers mean.
pub(crate) type Meaning = fn(http_status: u16, code: Option<&str>) -> Option<&'static str>;

impl Reply {
    /// Reads the body as JSON. A field that stands twice is the last one.
    ///
    /// # Errors
    /// `Decode` with the path of what could not be read.
    pub fn json<T: serde::de::DeserializeOwned>(&self, operation: &'static str) -> Result<T, Error> {
        lenient::parse(&self.body, operation)
    }

    /// The reply itself for any 2xx; what the vendor said otherwise.
    pub(crate) fn success(self, operation: &'static str, meaning: Meaning) -> Result<Self, Error> {
        if self.status.is_success() {
            return Ok(self);
        }
        Err(refusal(operation, &self, meaning))
    }
}

/// Prints lengths, never content.
impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Reply({}, {} bytes)", self.status, self.body.len())
    }
}

/// What the vendor said with a status other than 2xx.
pub(crate) fn refusal(operation: &'static str, reply: &Reply, meaning: Meaning) -> Error {
    let mut api = api_error(reply.status.as_u16(), &reply.headers, &reply.body);
    api.meaning = meaning(api.http_status, api.code.as_deref());
    Error::new(ErrorKind::Api(api), operation)
}

/// Reads an error body of any vendor: `{"status","code","message"}` with code as text or
/// number, OAuth's `{"error","error_description"}`, `message` as text or list, HTML, nothing.
pub(crate) fn api_error(http_status: u16, headers: &HeaderMap, body: &[u8]) -> ApiError {
    let mut json = serde_json::from_slice::<Value>(body).unwrap_or_default();
    let mut take = |name: &str| json.get_mut(name).map(Value::take);
    let code = ["code", "error_code", "statusCode", "error"].into_iter().find_map(|name| take(name).and_then(text_of));
    let message = ["message", "error_description"].into_iter().find_map(|name| match take(name)? {
        Value::Array(lines) => {
            let lines: Vec<String> = lines.into_iter().filter_map(text_of).collect();
            (!lines.is_empty()).then(|| lines.join("; "))
        }
        other => text_of(other),
    });
    let request_id = REQUEST_IDS.iter().find_map(|name| headers.get(*name)?.to_str().ok());
    ApiError {
        http_status,
        code: code.map(|code| clip(&code, 50)),
        meaning: None,
        message: message.map(|message| clip(&message, MAX_MESSAGE)),
        request_id: request_id.map(|id| clip(id, 100)),
        retry_after: retry_after(headers),
    }
}

/// Cut to length and free of control characters, so that it can stand in a log or terminal.
fn clip(text: &str, most: usize) -> String {
    text.chars().filter(|c| !c.is_control()).take(most).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &str) -> (Option<String>, Option<String>) {
        let error = api_error(400, &HeaderMap::new(), body.as_bytes());
        (error.code, error.message)
    }

    #[test]
    fn error_bodies_of_the_field() {
        let some = |a: &str, b: &str| (Some(a.to_owned()), Some(b.to_owned()));
        assert_eq!(
            read(r#"{"status":"fail","code":"1101","message":"Resource not found"}"#),
            some("1101", "Resource not found")
        );
        assert_eq!(read(r#"{"status":400,"code":1305,"message":"Session"}"#), some("1305", "Session"));
        assert_eq!(read(r#"{"message":["a","b"],"error_code":400}"#), some("400", "a; b"));
        assert_eq!(read(r#"{"statusCode":400,"message":["a"],"error":"Bad Request"}"#), some("400", "a"));
        assert_eq!(
            read(r#"{"error":"invalid_client","error_description":"unknown"}"#),
            some("invalid_client", "unknown")
        );
        for body in ["", "<html>502</html>", "[]", "null", "7", r#"{"code":{},"message":[]}"#] {
            assert_eq!(read(body), (None, None), "{body}");
        }
    }

    #[test]
    fn a_vendors_words_cannot_fill_or_fool_a_terminal() {
        let long = format!(r#"{{"code":"1","message":"\u001b[2J{}"}}"#, "x".repeat(10_000));
        let (_, message) = read(&long);
        let message = message.unwrap();
        assert!(message.chars().count() == MAX_MESSAGE && message.starts_with("[2J"));
    }
}
