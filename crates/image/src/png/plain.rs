//! The usual PNG, eight bits of RGB with or without alpha, not interlaced, and sound: inflated and
//! unfiltered here, in less than half the time that the `png` crate's row filters take. At anything else
//! this gives up, and the `png` crate has the file and says what is wrong with it.

use super::chunks::{Chunks, SIGNATURE};
use super::unfilter::{self, Kernel, ROWS, SLACK};
use crate::error::Error;

/// What a back reference may reach.
const LOOKBACK: usize = 32 << 10;
/// Inflated at once beyond what four rows need.
const AHEAD: usize = 64 << 10;

/// Bytes that a decode of rows of `row` bytes holds.
pub(super) const fn memory(row: u64) -> u64 {
    (LOOKBACK + AHEAD) as u64 + (ROWS as u64 + 1) * (row + 8) * 2 + (64 << 10)
}

/// Whether a file is of the kind.
pub(super) const fn is_plain(chunks: &Chunks) -> bool {
    chunks.bit_depth == 8 && matches!(chunks.colour_type, 2 | 6) && !chunks.interlaced && !chunks.transparency
}

/// Hands the rows over, from top to bottom. `false` where the file turned out not to be sound: rows
/// may have been handed over by then.
pub(super) fn rows(
    bytes: &[u8],
    chunks: &Chunks,
    push: &mut dyn FnMut(&[u8]) -> Result<(), Error>,
) -> Result<bool, Error> {
    let samples = if chunks.colour_type == 6 { 4 } else { 3 };
    let row = chunks.width as usize * samples;
    let mut inflated = Inflated::new(bytes, ROWS * (row + 1));
    let kernel = Kernel::detect();
    let stride = row + SLACK;
    let mut rows = vec![0; stride * (ROWS + 1)];
    let height = chunks.height as usize;
    for y in (0..height).step_by(ROWS) {
        let count = ROWS.min(height - y);
        let Some(raw) = inflated.take(count * (row + 1)) else { return Ok(false) };
        let line = |i: usize| &raw[i * (row + 1)..];
        let undone = if count < ROWS {
            (0..count).try_for_each(|i| {
                let (above, out) = rows[i * stride..].split_at_mut(stride);
                unfilter::one(line(i)[0], &line(i)[1..=row], above, &mut out[..row], samples)
            })
        } else if samples == 3 {
            kernel.four::<3>([line(0), line(1), line(2), line(3)], &mut rows, stride, chunks.width as usize)
        } else {
            kernel.four::<4>([line(0), line(1), line(2), line(3)], &mut rows, stride, chunks.width as usize)
        };
        if undone.is_none() {
            return Ok(false);
        }
        for out in rows.chunks_exact(stride).skip(1).take(count) {
            push(&out[..row])?;
        }
        rows.copy_within(stride * ROWS.., 0);
    }
    Ok(true)
}

/// The inflated picture data, a piece at a time.
struct Inflated<'a> {
    bytes: &'a [u8],
    /// Start of the next chunk.
    next: usize,
    /// What is left of the present one.
    chunk: &'a [u8],
    inflater: fdeflate::Decompressor,
    /// What back references reach, what was not yet taken, and room.
    buffer: Vec<u8>,
    taken: usize,
    filled: usize,
}

impl<'a> Inflated<'a> {
    /// For pieces of at most `most` bytes.
    fn new(bytes: &'a [u8], most: usize) -> Self {
        let buffer = vec![0; LOOKBACK + AHEAD + most + SLACK];
        let inflater = fdeflate::Decompressor::new();
        Self { bytes, next: SIGNATURE.len(), chunk: &[], inflater, buffer, taken: 0, filled: 0 }
    }

    /// The next `len` bytes, with [`SLACK`] bytes behind them; `None` where they do not come.
    fn take(&mut self, len: usize) -> Option<&[u8]> {
        if self.filled - self.taken < len {
            let kept = self.taken.saturating_sub(LOOKBACK);
            self.buffer.copy_within(kept..self.filled, 0);
            (self.taken, self.filled) = (self.taken - kept, self.filled - kept);
            while self.filled - self.taken < len {
                self.inflate()?;
            }
        }
        let at = self.taken;
        self.taken += len;
        self.buffer.get(at..at + len + SLACK)
    }

    fn inflate(&mut self) -> Option<()> {
        if self.chunk.is_empty() {
            self.chunk = self.next_chunk()?;
        }
        let room = self.buffer.len() - SLACK;
        let (read, written) = self.inflater.read(self.chunk, &mut self.buffer[..room], self.filled, false).ok()?;
        self.chunk = &self.chunk[read..];
        self.filled += written;
        (read + written > 0).then_some(())
    }

    /// The data of the next picture chunk, if its checksum is right.
    fn next_chunk(&mut self) -> Option<&'a [u8]> {
        loop {
            let header = self.bytes.get(self.next..)?.first_chunk::<8>()?;
            let [l0, l1, l2, l3, id @ ..] = *header;
            let end = (self.next + 8).checked_add(u32::from_be_bytes([l0, l1, l2, l3]) as usize)?;
            let (whole, rest) = (self.bytes.get(self.next + 4..end)?, self.bytes.get(end..)?);
            self.next = end + 4;
            if &id == b"IEND" {
                return None;
            }
            if &id == b"IDAT" && whole.len() > 4 {
                let sum = u32::from_be_bytes(*rest.first_chunk()?);
                return (crc32fast::hash(whole) == sum).then_some(&whole[4..]);
            }
        }
    }
}
