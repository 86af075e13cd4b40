//! Deflated, LZW-packed or plain streams, with predictors, also written as text: what structure is packed in, and
//! most raster images. Everything else is left to others.

use std::io::Read as _;

use bytes::Bytes;
use flate2::bufread::ZlibDecoder;
use flate2::{Decompress, FlushDecompress, Status};

use crate::ascii;
use crate::failure::Leave;
use crate::object::{Dict, Name, Object, Stream};

/// Filters upon filters. Real files have two.
const MAX_FILTERS: usize = 8;

/// The data of a stream with those filters undone that are ours, and the first one that is not.
pub(crate) struct Peeled {
    pub(crate) data: Bytes,
    /// The filter of an image codec, with its parameters; nothing stands behind it.
    pub(crate) codec: Option<(Name, Option<Object>)>,
}

/// The data of a stream with its filters undone, at most `limit` bytes.
pub(crate) fn undo(stream: &Stream, limit: u64) -> Result<Bytes, Leave> {
    let peeled = peel(stream, limit)?;
    if peeled.codec.is_some() { Err(Leave("a rare filter")) } else { Ok(peeled.data) }
}

/// Undoes filters up to an image codec. No step makes more than `limit` bytes.
pub(crate) fn peel(stream: &Stream, limit: u64) -> Result<Peeled, Leave> {
    let list = |key: &[u8]| match stream.dict.get(key) {
        None | Some(Object::Null) => Vec::new(),
        Some(Object::Array(items)) => items.clone(),
        Some(single) => vec![single.clone()],
    };
    let (filters, parms) = (list(b"Filter"), list(b"DecodeParms"));
    if filters.len() > MAX_FILTERS {
        return Err(Leave("too many filters"));
    }
    let mut data = stream.data.clone();
    for (index, filter) in filters.iter().enumerate() {
        let Object::Name(name) = filter else { return Err(Leave("a rare filter")) };
        let parms = parms.get(index).filter(|parms| **parms != Object::Null);
        const BAD: Leave = Leave("data does not decode");
        data = match name.as_bytes() {
            b"FlateDecode" | b"Fl" => unpredicted(inflated(&data, limit)?, parms)?,
            b"ASCII85Decode" | b"A85" => ascii::base85(&data).ok_or(BAD)?,
            b"ASCIIHexDecode" | b"AHx" => ascii::hex(&data).ok_or(BAD)?,
            b"LZWDecode" | b"LZW" => unpredicted(unpacked(&data, parms, limit)?, parms)?,
            b"RunLengthDecode" | b"RL" => ascii::runs(&data, limit).ok_or(BAD)?,
            _ if index + 1 == filters.len() => return Ok(Peeled { data, codec: Some((name.clone(), parms.cloned())) }),
            _ => return Err(Leave("a rare filter")),
        }
        .into();
    }
    Ok(Peeled { data, codec: None })
}

/// Zlib data inflated, at most `limit` bytes.
pub(crate) fn inflated(data: &[u8], limit: u64) -> Result<Vec<u8>, Leave> {
    let mut out = Vec::new();
    let mut decoder = ZlibDecoder::new(data).take(limit.saturating_add(1));
    decoder.read_to_end(&mut out).map_err(|_| Leave("data does not inflate"))?;
    if out.len() as u64 > limit {
        return Err(Leave("data inflates beyond its limit"));
    }
    Ok(out)
}

/// LZW data unpacked, at most `limit` bytes.
fn unpacked(data: &[u8], parms: Option<&Object>, limit: u64) -> Result<Vec<u8>, Leave> {
    let early = match parms {
        Some(Object::Dict(parms)) => parms.get(b"EarlyChange").map_or(Some(1), Object::as_int),
        _ => Some(1),
    };
    match early {
        Some(1) => unpacked_early(data, limit),
        Some(0) => unpacked_by(weezl::decode::Decoder::new(weezl::BitOrder::Msb, 8), data, limit),
        _ => Err(Leave("rare filter parameters")),
    }
}

/// LZW data unpacked whose codes grow one code early, as in TIFFs.
pub(crate) fn unpacked_early(data: &[u8], limit: u64) -> Result<Vec<u8>, Leave> {
    unpacked_by(weezl::decode::Decoder::with_tiff_size_switch(weezl::BitOrder::Msb, 8), data, limit)
}

fn unpacked_by(mut decoder: weezl::decode::Decoder, data: &[u8], limit: u64) -> Result<Vec<u8>, Leave> {
    let (mut out, mut rest, mut buffer) = (Vec::new(), data, vec![0; 64 << 10]);
    loop {
        let step = decoder.decode_bytes(rest, &mut buffer);
        out.extend_from_slice(&buffer[..step.consumed_out]);
        rest = &rest[step.consumed_in..];
        if out.len() as u64 > limit {
            return Err(Leave("data unpacks beyond its limit"));
        }
        match step.status {
            Ok(weezl::LzwStatus::Done) => return Ok(out),
            Ok(_) if step.consumed_in + step.consumed_out > 0 => {}
            // Many writers leave the end code out.
            Ok(_) if rest.is_empty() => return Ok(out),
            Ok(_) | Err(_) => return Err(Leave("data does not unpack")),
        }
    }
}

fn unpredicted(data: Vec<u8>, parms: Option<&Object>) -> Result<Vec<u8>, Leave> {
    match parms {
        None => Ok(data),
        Some(Object::Dict(parms)) => unpredict(data, parms),
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

/// Whether zlib data is whole: foreign decoders take what they get of it for all there is. Data beyond
/// the limit is not looked at.
pub(crate) fn is_whole(data: &[u8], limit: u64) -> bool {
    let (mut decoder, mut buffer) = (Decompress::new(true), [0; 16 * 1024]);
    loop {
        let read = usize::try_from(decoder.total_in()).unwrap_or(usize::MAX);
        let (before_in, before_out) = (decoder.total_in(), decoder.total_out());
        match decoder.decompress(data.get(read..).unwrap_or_default(), &mut buffer, FlushDecompress::None) {
            Ok(Status::StreamEnd) => return true,
            Ok(_) if decoder.total_out() > limit => return true,
            Ok(_) if (decoder.total_in(), decoder.total_out()) != (before_in, before_out) => {}
            Ok(_) | Err(_) => return false,
        }
    }
}

/// PNG predictors (ISO 32000-1, 7.4.4.4): each row begins with the number of its filter.
fn unpredict(data: Vec<u8>, parms: &Dict) -> Result<Vec<u8>, Leave> {
    let value = |key: &[u8], default: i64| parms.get(key).map_or(Some(default), Object::as_int);
    match value(b"Predictor", 1) {
        Some(1) => return Ok(data),
        Some(2 | 10..=15) => {}
        _ => return Err(Leave("a rare predictor")),
    }
    let within = |key: &[u8], default: i64, most: usize| {
        let n = value(key, default).and_then(|n| usize::try_from(n).ok()).filter(|n| (1..=most).contains(n));
        n.ok_or(Leave("a predictor with strange parameters"))
    };
    let (colors, bits) = (within(b"Colors", 1, 32)?, within(b"BitsPerComponent", 8, 16)?);
    let pixel_bits = colors * bits;
    let width = (pixel_bits * within(b"Columns", 1, 1 << 24)?).div_ceil(8);
    if value(b"Predictor", 1) == Some(2) {
        return if bits == 8 { Ok(differences(data, colors, width)) } else { Err(Leave("a rare predictor")) };
    }
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

/// TIFF's predictor 2: each sample is the difference to the one left of it.
fn differences(mut data: Vec<u8>, colors: usize, width: usize) -> Vec<u8> {
    for row in data.chunks_mut(width) {
        for i in colors..row.len() {
            row[i] = row[i].wrapping_add(row[i - colors]);
        }
    }
    data
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
