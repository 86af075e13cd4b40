//! Deflated or plain streams, with PNG predictors: what structure is packed in, and most raster images.
//! Everything else is left to others.

use std::io::Read as _;

use flate2::bufread::ZlibDecoder;

use crate::object::{Dict, Object, Stream};
use crate::source::Leave;

/// The data of a stream with its filter undone, at most `limit` bytes.
pub(crate) fn undo(stream: &Stream, limit: u64) -> Result<Vec<u8>, Leave> {
    let single = |key: &[u8]| match stream.dict.get(key) {
        Some(Object::Array(items)) if items.len() == 1 => items.first(),
        other => other,
    };
    match single(b"Filter") {
        None => return Ok(stream.data.to_vec()),
        Some(filter) if filter.as_name() == Some(b"FlateDecode") => {}
        Some(_) => return Err(Leave("a rare filter")),
    }
    let mut out = Vec::new();
    let mut decoder = ZlibDecoder::new(&stream.data[..]).take(limit.saturating_add(1));
    decoder.read_to_end(&mut out).map_err(|_| Leave("data does not inflate"))?;
    if out.len() as u64 > limit {
        return Err(Leave("data inflates beyond its limit"));
    }
    match single(b"DecodeParms") {
        None | Some(Object::Null) => Ok(out),
        Some(Object::Dict(parms)) => unpredict(out, parms),
        Some(_) => Err(Leave("rare filter parameters")),
    }
}

/// How many bytes the zlib data inflates to, counted without keeping them, or `limit` if it is more.
pub(crate) fn measure(data: &[u8], limit: u64) -> u64 {
    let mut decoder = ZlibDecoder::new(data).take(limit);
    let (mut buffer, mut total) = ([0; 16 * 1024], 0u64);
    // Data that breaks off has inflated to what came before.
    while let Ok(read @ 1..) = decoder.read(&mut buffer) {
        total += read as u64;
    }
    total
}

/// PNG predictors (ISO 32000-1, 7.4.4.4): each row begins with the number of its filter.
fn unpredict(data: Vec<u8>, parms: &Dict) -> Result<Vec<u8>, Leave> {
    let value = |key: &[u8], default: i64| parms.get(key).map_or(Some(default), Object::as_int);
    match value(b"Predictor", 1) {
        Some(1) => return Ok(data),
        Some(10..=15) => {}
        _ => return Err(Leave("a rare predictor")),
    }
    let within = |key: &[u8], default: i64, most: usize| {
        let n = value(key, default).and_then(|n| usize::try_from(n).ok()).filter(|n| (1..=most).contains(n));
        n.ok_or(Leave("a predictor with strange parameters"))
    };
    let pixel_bits = within(b"Colors", 1, 32)? * within(b"BitsPerComponent", 8, 16)?;
    let width = (pixel_bits * within(b"Columns", 1, 1 << 24)?).div_ceil(8);
    let step = pixel_bits.div_ceil(8);
    let mut out = Vec::with_capacity(data.len());
    // A pixel of zeros stands left of each row.
    let mut above = vec![0u8; step + width];
    let mut corners = vec![0u8; step + width];
    for row in data.chunks(width + 1) {
        let (filter, row) = (row[0], &row[1..]);
        if row.len() != width {
            return Err(Leave("data ends within a row"));
        }
        corners.copy_from_slice(&above);
        for (i, &byte) in row.iter().enumerate() {
            let (left, up, corner) = (above[i], corners[i + step], corners[i]);
            let guess = match filter {
                0 => 0,
                1 => left,
                2 => up,
                3 => u8::midpoint(left, up),
                4 => paeth(left, up, corner),
                _ => return Err(Leave("a rare predictor")),
            };
            above[i + step] = byte.wrapping_add(guess);
        }
        out.extend_from_slice(&above[step..]);
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
