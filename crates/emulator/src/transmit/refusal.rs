//! An error answer in the making.

use serde_json::json;

use crate::error::Error;
use crate::options::{Options, TransmitErrors};
use crate::wire::{Answer, reason};

/// Status and messages of an error, in the form of the vendor's sibling API.
pub(super) struct Refusal(pub(super) u16, pub(super) String);

/// What a room of this vendor says: an answer, or a refusal on its way to become one.
pub(super) type Outcome = Result<Answer, Refusal>;

impl Refusal {
    pub(super) fn into_answer(self, options: &Options) -> Answer {
        let Self(status, message) = self;
        let mut answer = match options.transmit_errors {
            TransmitErrors::List => Answer::json(status, &json!({ "message": [message], "error_code": status })),
            TransmitErrors::Framework => {
                let value = json!({ "statusCode": status, "message": message, "error": reason(status) });
                Answer::json(status, &value)
            }
            TransmitErrors::Empty => Answer::new(status, "text/plain", ""),
        };
        answer.code = Some(status.to_string());
        answer
    }
}

/// The emulator's own troubles are its clients' 500.
impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self(500, format!("the emulator failed: {error}"))
    }
}
