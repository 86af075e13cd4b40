//! What the pipeline's spans tell: ids of sessions, numbers of items, the first bytes of a hash,
//! names of outcomes. Never a name of a file, a URL or a text of somebody else's.

use tracing::field::Empty;
use tracing::{Span, info_span};

use crate::error::{Error, ErrorKind};
use crate::job::{Confirmed, Item, Receipt};

/// The span of one item's whole way, below whatever span its caller is in.
pub(crate) fn item(item: &Item) -> Span {
    // OpenTelemetry knows no unsigned numbers, and would make texts of them.
    let (session, tag) = (&item.session, item.tag.cast_signed());
    info_span!("item", %session, item = tag, sha256 = Empty, outcome = Empty, otel.status_code = Empty)
}

/// Adds how the item ended.
pub(crate) fn ended(result: &Result<Receipt, Error>) {
    let span = Span::current();
    match result {
        Ok(receipt) if receipt.how == Confirmed::Listed => span.record("outcome", "listed"),
        Ok(_) => span.record("outcome", "answered"),
        // Not a fault: the same file has arrived in its place.
        Err(error) if error.kind() == ErrorKind::Duplicate => span.record("outcome", error.name()),
        Err(error) => span.record("outcome", error.name()).record("otel.status_code", "ERROR"),
    };
}
