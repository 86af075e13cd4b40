//! Streams that hold structure: deflated or plain, with the predictors that cross-reference streams
//! use. Everything else is left to the sure way.

use std::io::Read as _;

use flate2::bufread::ZlibDecoder;

use crate::object::{Dict, Object, Stream};
use crate::source::Leave;

/// The data of a stream with its filter undone, at most `limit` bytes.
pub(super) fn undo(stream: &Stream, limit: u64) -> Result<Vec<u8>, Leave> {
    let single = |key: &[u8]| match stream.dict.get(key) {
        Some(Object::Array(items)) if items.len() == 1 => items.first(),
        other => other,
    };
    match single(b"Filter") {
        None => return Ok(stream.data.to_vec()),
        Some(filter) if filter.as_name() == Some(b"FlateDecode") => {}
        Some(_) => return Err(Leave("structure behind a rare filter")),
    }
    let mut out = Vec::new();
    let mut decoder = ZlibDecoder::new(&stream.data[..]).take(limit.saturating_add(1));
    decoder.read_to_end(&mut out).map_err(|_| Leave("structure does not inflate"))?;
    if out.len() as u64 > limit {
        return Err(Leave("structure inflates beyond its limit"));
    }
    match single(b"DecodeParms") {
        None | Some(Object::Null) => Ok(out),
        Some(Object::Dict(parms)) => unpredict(out, parms),
        Some(_) => Err(Leave("structure behind rare parameters")),
    }
}

/// PNG predictors over bytes (ISO 32000-1, 7.4.4.4): each row begins with the number of its filter.
fn unpredict(data: Vec<u8>, parms: &Dict) -> Result<Vec<u8>, Leave> {
    let value = |key: &[u8], default: i64| parms.get(key).map_or(Some(default), Object::as_int);
    match value(b"Predictor", 1) {
        Some(1) => return Ok(data),
        Some(10..=15) if value(b"Colors", 1) == Some(1) && value(b"BitsPerComponent", 8) == Some(8) => {}
        _ => return Err(Leave("structure behind a rare predictor")),
    }
    let columns = value(b"Columns", 1).and_then(|n| usize::try_from(n).ok()).filter(|n| (1..=4096).contains(n));
    let columns = columns.ok_or(Leave("structure with strange columns"))?;
    let mut out = Vec::with_capacity(data.len());
    let mut above = vec![0u8; columns];
    for row in data.chunks(columns + 1) {
        let (filter, row) = (row[0], &row[1..]);
        if row.len() != columns {
            return Err(Leave("structure ends within a row"));
        }
        let (mut left, mut corner) = (0u8, 0u8);
        for (slot, &byte) in above.iter_mut().zip(row) {
            let up = *slot;
            let guess = match filter {
                0 => 0,
                1 => left,
                2 => up,
                3 => u8::midpoint(left, up),
                4 => paeth(left, up, corner),
                _ => return Err(Leave("structure behind a rare predictor")),
            };
            *slot = byte.wrapping_add(guess);
            (left, corner) = (*slot, up);
        }
        out.extend_from_slice(&above);
    }
    Ok(out)
}

fn paeth(left: u8, up: u8, corner: u8) -> u8 {
    let guess = i16::from(left) + i16::from(up) - i16::from(corner);
    let distance = |n: u8| (guess - i16::from(n)).abs();
    if distance(left) <= distance(up) && distance(left) <= distance(corner) {
        left
    } else if distance(up) <= distance(corner) {
        up
    } else {
        corner
    }
}
