//! The usual PNG, not interlaced, of eight bits or fewer: inflated and unfiltered here, in less than
//! half the time that the `png` crate's row filters take. And the proof that a PNG that is to be sent as it came has
//! all of its picture, which for pictures without alpha needs no filter undone.

use super::chunks::{Chunks, SIGNATURE};
use super::palette::{self, Palette};
use super::unfilter::{self, ROWS, SLACK};
use crate::cpu::Cpu;
use crate::error::Error;
use crate::report::Stopwatch;

/// What a back reference may reach.
const LOOKBACK: usize = 32 << 10;
/// Inflated at once beyond what four rows need.
const AHEAD: usize = 64 << 10;
/// Rows between two looks at the clock, a multiple of [`ROWS`].
pub(super) const CLOCK_ROWS: usize = 64;

/// Bytes that a decode of rows of `row` bytes holds.
pub(super) const fn memory(row: u64) -> u64 {
    (LOOKBACK + AHEAD) as u64 + (ROWS as u64 + 1) * (row + 8) * 2 + (64 << 10)
}

/// Whether a file is of the kind.
pub(super) const fn is_plain(chunks: &Chunks) -> bool {
    let keyed = chunks.transparency.is_some() && chunks.colour_type != 3;
    (chunks.bit_depth == 8 || palette::is_used(chunks)) && !chunks.interlaced && !keyed
}

/// What became known about a picture whose data are whole.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) surplus: Surplus,
    /// Pixels that the palette has no colour for.
    pub(crate) stray_colours: bool,
}

/// What there is more than the picture.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Surplus {
    #[default]
    Nothing,
    /// Bytes behind the compressed data.
    Bytes,
    /// Data as of further rows: the header may say too few.
    Rows,
}

/// Hands the rows over from top to bottom, as grey, grey and alpha, RGB or RGBA: what the file has, a palette's
/// colours in the place of their numbers.
pub(super) fn rows(
    bytes: &[u8],
    chunks: &Chunks,
    watch: &Stopwatch,
    push: &mut dyn FnMut(&[u8]) -> Result<(), Error>,
) -> Result<Found, Error> {
    let row = row_bytes(chunks, chunks.width);
    let samples = usize::from(chunks.samples());
    let mut inflated = Inflated::new(bytes, ROWS * (row + 1));
    let cpu = Cpu::detect();
    let stride = row + SLACK;
    let mut rows = vec![0; stride * (ROWS + 1)];
    let (width, height) = (chunks.width as usize, chunks.height as usize);
    let mut palette = palette::is_used(chunks).then(|| Palette::new(bytes, chunks));
    for y in (0..height).step_by(ROWS) {
        if y % CLOCK_ROWS == 0 {
            watch.check()?;
        }
        let count = ROWS.min(height - y);
        let raw = inflated.take(count * (row + 1))?;
        let line = |i: usize| &raw[i * (row + 1)..];
        let undone = match samples {
            1 if count == ROWS => cpu.four::<1>([line(0), line(1), line(2), line(3)], &mut rows, stride, row),
            2 if count == ROWS => cpu.four::<2>([line(0), line(1), line(2), line(3)], &mut rows, stride, width),
            3 if count == ROWS => cpu.four::<3>([line(0), line(1), line(2), line(3)], &mut rows, stride, width),
            4 if count == ROWS => cpu.four::<4>([line(0), line(1), line(2), line(3)], &mut rows, stride, width),
            _ => (0..count).try_for_each(|i| {
                let (above, out) = rows[i * stride..].split_at_mut(stride);
                unfilter::one(line(i)[0], &line(i)[1..=row], above, &mut out[..row], samples)
            }),
        };
        undone.ok_or_else(no_filter)?;
        for out in rows.chunks_exact(stride).skip(1).take(count) {
            match &mut palette {
                Some(palette) => push(palette.row(&out[..row]))?,
                None => push(&out[..row])?,
            }
        }
        rows.copy_within(stride * ROWS.., 0);
    }
    Ok(Found { surplus: inflated.finish()?, stray_colours: palette.is_some_and(|p| p.has_strays()) })
}

/// Inflates everything and looks at the number of each row's filter; pixels stay filtered.
pub(super) fn check(bytes: &[u8], chunks: &Chunks, watch: &Stopwatch) -> Result<Found, Error> {
    let passes = passes(chunks);
    let longest = passes.iter().map(|(width, _)| row_bytes(chunks, *width)).max().unwrap_or(0);
    let mut inflated = Inflated::new(bytes, longest + 1);
    for (width, height) in passes {
        let row = row_bytes(chunks, width);
        for y in 0..height as usize {
            if y % CLOCK_ROWS == 0 {
                watch.check()?;
            }
            if inflated.take(row + 1)?[0] > 4 {
                return Err(no_filter());
            }
        }
    }
    Ok(Found { surplus: inflated.finish()?, stray_colours: false })
}

/// Width and height of each pass: one, or the seven of interlaced pictures, those without pixels left out.
fn passes(chunks: &Chunks) -> Vec<(u32, u32)> {
    if !chunks.interlaced {
        return vec![(chunks.width, chunks.height)];
    }
    // First column and row, and the steps between them (PNG § 8.2).
    const ADAM7: [(u32, u32, u32, u32); 7] =
        [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)];
    let count = |side: u32, first: u32, step: u32| side.saturating_sub(first).div_ceil(step);
    let size = ADAM7.iter().map(|(x, y, dx, dy)| (count(chunks.width, *x, *dx), count(chunks.height, *y, *dy)));
    size.filter(|(width, height)| *width > 0 && *height > 0).collect()
}

/// Bytes of a row of so many pixels, without its filter's number.
fn row_bytes(chunks: &Chunks, width: u32) -> usize {
    let bits = u64::from(width) * u64::from(chunks.samples()) * u64::from(chunks.bit_depth);
    usize::try_from(bits.div_ceil(8)).unwrap_or(usize::MAX)
}

fn early() -> Error {
    Error::truncated("picture data end early")
}

fn no_filter() -> Error {
    Error::corrupt("picture data with a row filter that does not exist")
}

/// The inflated picture data, a piece at a time. The checksums of their chunks were found right before.
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

    /// The next `len` bytes, with [`SLACK`] bytes behind them.
    fn take(&mut self, len: usize) -> Result<&[u8], Error> {
        if self.filled - self.taken < len {
            self.make_room();
            while self.filled - self.taken < len {
                if self.inflater.is_done() {
                    return Err(early());
                }
                self.inflate()?;
            }
        }
        let at = self.taken;
        self.taken += len;
        Ok(&self.buffer[at..at + len + SLACK])
    }

    /// Reads to the end of the compressed data, whose checksum is judged there. What was left over.
    fn finish(mut self) -> Result<Surplus, Error> {
        let mut surplus = self.filled > self.taken;
        while !self.inflater.is_done() {
            // Nobody takes the rest, however long it is.
            self.taken = self.filled;
            self.make_room();
            self.inflate()?;
            surplus |= self.filled > self.taken;
            if surplus {
                // Whatever it is, it is no part of the picture; its length is anybody's guess.
                return Ok(Surplus::Rows);
            }
        }
        if surplus {
            return Ok(Surplus::Rows);
        }
        let behind = !self.chunk.is_empty() || self.next_chunk().is_some_and(|chunk| !chunk.is_empty());
        Ok(if behind { Surplus::Bytes } else { Surplus::Nothing })
    }

    fn make_room(&mut self) {
        let kept = self.taken.saturating_sub(LOOKBACK);
        self.buffer.copy_within(kept..self.filled, 0);
        (self.taken, self.filled) = (self.taken - kept, self.filled - kept);
    }

    fn inflate(&mut self) -> Result<(), Error> {
        let mut last = false;
        while self.chunk.is_empty() && !last {
            match self.next_chunk() {
                Some(chunk) => self.chunk = chunk,
                None => last = true,
            }
        }
        let room = self.buffer.len() - SLACK;
        let done = self.inflater.read(self.chunk, &mut self.buffer[..room], self.filled, last);
        let (read, written) = done.map_err(|e| match e {
            fdeflate::DecompressionError::InsufficientInput => early(),
            other => Error::corrupt(format!("picture data are damaged: {other:?}")),
        })?;
        self.chunk = &self.chunk[read..];
        self.filled += written;
        if read + written > 0 || self.inflater.is_done() { Ok(()) } else { Err(early()) }
    }

    /// The data of the next picture chunk, or what is there of it.
    fn next_chunk(&mut self) -> Option<&'a [u8]> {
        loop {
            let header = self.bytes.get(self.next..)?.first_chunk::<8>()?;
            let [l0, l1, l2, l3, id @ ..] = *header;
            let start = self.next + 8;
            let end = start.checked_add(u32::from_be_bytes([l0, l1, l2, l3]) as usize)?;
            self.next = end.saturating_add(4);
            match &id {
                b"IEND" => return None,
                b"IDAT" => return self.bytes.get(start..end.min(self.bytes.len())),
                _ => {}
            }
        }
    }
}
