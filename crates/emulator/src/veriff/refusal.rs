//! An error answer in the making.

use serde_json::{Value, json};

use crate::error::Error;
use crate::explain::Explanation;
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
    explanation: Option<Box<Explanation>>,
    /// Fields beside the envelope's.
    more: Option<Box<(&'static str, Value)>>,
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
            explanation: None,
            more: None,
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

    pub(crate) fn explained(mut self, explanation: Explanation) -> Self {
        self.explanation = Some(Box::new(explanation));
        self
    }

    /// The same with one more field in its body.
    pub(crate) fn with(mut self, name: &'static str, value: Value) -> Self {
        self.more = Some(Box::new((name, value)));
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
                let mut body = json!({ "status": status, "code": code, "message": self.message });
                if let Some(more) = self.more {
                    body[more.0] = more.1;
                }
                Answer::json(self.status, &body)
            }
            ErrorBody::Html => Answer::new(self.status, "text/html", proxy_page(self.status)),
            ErrorBody::Empty => Answer::new(self.status, "text/plain", ""),
        };
        if let Some(seconds) = self.retry_after {
            answer.set("retry-after", seconds.to_string());
        }
        answer.code = Some(self.code);
        if let Some(explanation) = &self.explanation
            && options.hints
        {
            answer.set("x-emulator-hint", explanation.hint());
        }
        answer.explanation = self.explanation;
        answer
    }
}

/// The emulator's own troubles are its clients' 500.
impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self::new(500, "1101", format!("The emulator failed: {error}"))
    }
}
