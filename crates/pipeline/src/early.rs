//! What is told of an item before it is a job: its span is opened when its file is prepared.

use sealpress_client::SessionId;
use tracing::field::{Empty, display};
use tracing::{Span, info_span};

use crate::error::Error;

/// The span of a file that is prepared before there is a session for it.
pub(crate) fn item(tag: u64) -> Span {
    let tag = tag.cast_signed();
    info_span!("item", session = Empty, item = tag, sha256 = Empty, outcome = Empty, otel.status_code = Empty)
}

/// Adds the session that such a file goes to.
pub(crate) fn bound(span: &Span, session: &SessionId) {
    span.record("session", display(session));
}

/// Adds why such a file goes nowhere.
pub(crate) fn refused(error: &Error) {
    Span::current().record("outcome", error.name()).record("otel.status_code", "ERROR");
}

/// Adds the first four bytes of the content's hash.
pub(crate) fn content(sha256: &[u8; 32]) {
    let span = Span::current();
    if !span.is_disabled() {
        let [a, b, c, d, ..] = *sha256;
        span.record("sha256", display(format_args!("{:08x}", u32::from_be_bytes([a, b, c, d]))));
    }
}
