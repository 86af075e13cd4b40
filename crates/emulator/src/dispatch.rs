//! From a request to its answer: the one place that knows both vendors' rooms.

use crate::request::Request;
use crate::shared::Shared;
use crate::wire::Answer;
use crate::{transmit, veriff};

/// Works on a request, with no fault in sight.
pub(crate) fn dispatch(shared: &Shared, request: &Request) -> Answer {
    let work = || {
        if request.route.is_transmit() { transmit::handle(shared, request) } else { veriff::handle(shared, request) }
    };
    let answer = work();
    if request.tamper.double && answer.status < 300 {
        work();
    }
    answer
}
