//! Bodies as they come in: counted before they are kept, and given up where they stand still.

use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use http_body::Body;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use sealpress_client::sign::Running;
use tokio::time::timeout;

use crate::options::Options;
use crate::problem::{Problem, ProblemKind};

/// The most that is read and thrown away so that a caller who is still sending sees why it was refused.
const MOST_DISCARDED: u64 = 64 << 20;
/// For so long.
const LONGEST_DISCARD: Duration = Duration::from_secs(5);

/// The bytes that a body will have at most, judged by what its head promises.
pub(crate) fn promised(body: &Incoming, options: &Options) -> Result<u64, Problem> {
    let promised = body.size_hint().exact().unwrap_or(options.max_body);
    if promised > options.max_body {
        return Err(too_large(options));
    }
    Ok(promised)
}

/// Reads a whole body of at most `most` bytes, and feeds it to the signatures that it may have.
pub(crate) async fn read(
    body: &mut Incoming,
    most: u64,
    macs: &mut [Running],
    options: &Options,
) -> Result<Vec<u8>, Problem> {
    let slow = || Problem::new(ProblemKind::TooSlow, "the body did not come in time: send it again");
    let reading = async {
        let mut whole = Vec::new();
        // What is promised was paid for out of the budget; without a promise the buffer grows as it fills.
        let exact = body.size_hint().exact().unwrap_or(0);
        let room = usize::try_from(exact.min(most)).map_err(|_| too_large(options))?;
        whole.try_reserve_exact(room).map_err(|_| Problem::internal())?;
        loop {
            let Ok(frame) = timeout(options.stall_timeout, body.frame()).await else { return Err(slow()) };
            let Some(frame) = frame else { return Ok(whole) };
            let frame = frame.map_err(|_| Problem::new(ProblemKind::BadBody, "the body was cut off on its way"))?;
            let Ok(data) = frame.into_data() else { continue };
            if whole.len() as u64 + data.len() as u64 > most {
                return Err(too_large(options));
            }
            macs.iter_mut().for_each(|mac| mac.update(&data));
            whole.extend_from_slice(&data);
        }
    };
    timeout(options.body_timeout, reading).await.unwrap_or_else(|_| Err(slow()))
}

/// Reads the rest and throws it away: a connection that is closed over unread bytes is reset, and the answer lost.
pub(crate) async fn discard(body: &mut Incoming, headers: &HeaderMap) {
    // Whoever asked first sends nothing before it is told to.
    if headers.contains_key(http::header::EXPECT) {
        return;
    }
    let reading = async {
        let mut left = MOST_DISCARDED;
        while let Some(Ok(frame)) = body.frame().await {
            let read = frame.data_ref().map_or(0, Bytes::len) as u64;
            match left.checked_sub(read) {
                Some(rest) => left = rest,
                None => return,
            }
        }
    };
    let _ = timeout(LONGEST_DISCARD, reading).await;
}

fn too_large(options: &Options) -> Problem {
    let message = format!("the body is larger than {} bytes: send a smaller file", options.max_body);
    Problem::new(ProblemKind::TooLarge, message)
}
