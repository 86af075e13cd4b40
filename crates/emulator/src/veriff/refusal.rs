//! An error answer in the making.

use serde_json::json;

use crate::error::Error;
use crate::options::{ErrorBody, Options};
use crate::wire::Answer;

/// Status, code and text of a refusal.
#[derive(Debug, Clone)]
pub(crate) struct Refusal {
    status: u16,
    code: String,
    message: String,
    /// `"status"` is the number, as in the answers of DELETE.
    numeric: bool,
    html: bool,
    retry_after: Option<u64>,
}

impl Refusal {
    pub(crate) fn new(status: u16, code: impl Into<String>, message: impl Into<String>) -> Self {
        Self { status, code: code.into(), message: message.into(), numeric: false, html: false, retry_after: None }
    }

    pub(crate) fn not_found(message: &str) -> Self {
        Self::new(404, "1101", message)
    }

    pub(crate) fn unauthorized(code: impl Into<String>, message: &str) -> Self {
        Self::new(401, code, message)
    }

    pub(crate) fn too_large(options: &Options) -> Self {
        let mut refusal = Self::new(413, "1104", "Request body is too large");
        refusal.html = options.too_large_body == ErrorBody::Html;
        refusal
    }

    pub(crate) fn numeric(mut self) -> Self {
        self.numeric = true;
        self
    }

    pub(crate) fn retry_after(mut self, seconds: Option<u64>) -> Self {
        self.retry_after = seconds;
        self
    }

    pub(crate) fn into_answer(self) -> Answer {
        let mut answer = if self.html {
            Answer::new(self.status, "text/html", "<html><body><h1>413 Request Entity Too Large</h1></body></html>\n")
        } else {
            let status = if self.numeric { json!(self.status) } else { json!("fail") };
            Answer::json(self.status, &json!({ "status": status, "code": self.code, "message": self.message }))
        };
        if let Some(seconds) = self.retry_after {
            answer.set("retry-after", seconds.to_string());
        }
        answer.code = Some(self.code);
        answer
    }
}

/// The emulator's own troubles are its clients' 500.
impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self::new(500, "1101", format!("The emulator failed: {error}"))
    }
}
