//! An error answer in the making.

use serde_json::json;

use crate::error::Error;
use crate::options::{ErrorBody, Options};
use crate::wire::{Answer, proxy_page};

/// What a room of this vendor says: an answer, or a refusal on its way to become one.
pub(super) type Outcome = Result<Answer, Refusal>;

/// Status, code and text of a refusal.
#[derive(Debug, Clone)]
pub(crate) struct Refusal {
    status: u16,
    code: String,
    message: String,
    /// `"status"` is the number, as in the answers of DELETE.
    numeric: bool,
    body: ErrorBody,
    retry_after: Option<u64>,
}

impl Refusal {
    pub(crate) fn new(status: u16, code: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            status,
            code: code.into(),
            message: message.into(),
            numeric: false,
            body: ErrorBody::Json,
            retry_after: None,
        }
    }

    pub(crate) fn not_found(message: &str) -> Self {
        Self::new(404, "1101", message)
    }

    pub(crate) fn unauthorized(code: impl Into<String>, message: &str) -> Self {
        Self::new(401, code, message)
    }

    pub(crate) fn too_large(options: &Options) -> Self {
        Self { body: options.too_large_body, ..Self::new(413, "1104", "Request body is too large") }
    }

    /// An upload, or data, after the session was submitted.
    pub(crate) fn conflict(options: &Options) -> Self {
        let text = "Session has already been submitted";
        let refusal = Self::new(options.conflict_status, options.conflict_code.clone(), text);
        Self { body: options.conflict_body, ..refusal }
    }

    pub(crate) fn numeric(mut self) -> Self {
        self.numeric = true;
        self
    }

    pub(crate) fn retry_after(mut self, seconds: Option<u64>) -> Self {
        self.retry_after = seconds;
        self
    }

    pub(crate) fn into_answer(self, options: &Options) -> Answer {
        let mut answer = match self.body {
            ErrorBody::Json => {
                let status = if self.numeric { json!(self.status) } else { json!("fail") };
                let code = if options.only_code_1101 { "1101" } else { &self.code };
                let code = match code.parse::<u32>() {
                    Ok(number) if options.numeric_codes => json!(number),
                    _ => json!(code),
                };
                Answer::json(self.status, &json!({ "status": status, "code": code, "message": self.message }))
            }
            ErrorBody::Html => Answer::new(self.status, "text/html", proxy_page(self.status)),
            ErrorBody::Empty => Answer::new(self.status, "text/plain", ""),
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
