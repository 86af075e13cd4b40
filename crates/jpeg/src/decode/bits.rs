//! Bits of entropy-coded data, most significant first.
//!
//! Stuffed zeros are taken out a window at a time, so that reading sees plain bits and needs no test
//! for them. Restart markers are taken out too: a segment between two of them ends at a place in the
//! window that is written down, with zeros behind it. Whether more was read than there is, is asked
//! once per chunk of units with [`Reader::overrun`], not once per bit.

use std::collections::VecDeque;

use super::segments::next_marker;
use crate::error::Error;

/// Plain bytes that reading may go on without asking for more. Eight units of ten blocks of 64 symbols
/// of 31 bits are 19,840.
const AHEAD: usize = 20 << 10;
/// Plain bytes in the window at the most; what is ahead is moved to the front now and then.
const WINDOW: usize = 96 << 10;
/// Zeros behind a segment, so that looking beyond its end does not depend on what follows.
const GAP: usize = 8;
/// So many zeros are found wherever they stand among twice as many: an aligned stretch of so many is looked for.
const ZEROS: usize = 64;
/// Segments in the window at the most.
const SEGMENTS: usize = 4096;

/// Memory that a reader works in, kept from scan to scan.
#[derive(Debug, Default)]
pub(crate) struct Window {
    bytes: Vec<u8>,
    segments: VecDeque<Segment>,
}

/// A segment that ends in the window with a restart marker.
#[derive(Clone, Copy, Debug)]
struct Segment {
    /// Its end in the window.
    end: usize,
    /// Where the marker's 0xFF stands in the file, and its number.
    marker: usize,
    number: u8,
}

/// Reads the entropy-coded data of one scan.
pub(crate) struct Reader<'a> {
    data: &'a [u8],
    /// The next byte of `data` that is not in the window.
    next: usize,
    window: &'a mut Window,
    /// Bytes in the window.
    filled: usize,
    /// Whether the window holds all that is left before the marker that ends the scan.
    ended: bool,
    ends: Ends,
    /// Where in the file the first stretch of zeros begins.
    zeros: Option<usize>,
}

/// Where reading stands: apart from the reader, so that loops keep it in registers.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Bits {
    /// What is read next, from the highest bit down. Below the known bits stand more of the same.
    pub(crate) word: u64,
    /// How many of the bits are known, 0–63.
    pub(crate) known: u32,
    /// The next byte of the window.
    pub(crate) at: usize,
}

/// Ends of scans and ends before restart markers.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Ends {
    pub(crate) all: usize,
    /// Those whose last byte is not filled up by ones or by zeros.
    pub(crate) odd: usize,
}

impl Ends {
    fn note(&mut self, is_padded: bool) {
        self.all += 1;
        self.odd += usize::from(!is_padded);
    }
}

impl<'a> Reader<'a> {
    /// A reader of what stands in `data` from `start` on.
    pub(crate) fn new(data: &'a [u8], start: usize, window: &'a mut Window) -> Self {
        window.bytes.resize(WINDOW + AHEAD + GAP, 0);
        window.segments.clear();
        let mut reader =
            Self { data, next: start, window, filled: 0, ended: false, ends: Ends::default(), zeros: None };
        reader.fill(0);
        reader
    }

    /// Makes sure that a chunk of units can be read without looking at the file again.
    #[inline(always)]
    pub(crate) fn prepare(&mut self, bits: &mut Bits) {
        if !self.ended && self.filled < bits.at + AHEAD && self.window.segments.is_empty() {
            bits.at = self.fill(bits.at);
        }
    }

    /// The bytes that [`Bits`] reads.
    #[inline(always)]
    pub(crate) fn plain(&self) -> &[u8] {
        &self.window.bytes
    }

    /// Where the segment that is being read ends in the window, as far as it is there.
    fn end(&self) -> usize {
        self.window.segments.front().map_or(self.filled, |s| s.end)
    }

    /// Whether more bits were taken than there are.
    #[inline(always)]
    pub(crate) fn overrun(&self, bits: &Bits) -> bool {
        bits.at * 8 > self.end() * 8 + bits.known as usize
    }

    /// Goes on behind the restart marker of this number, which must come now.
    #[cold]
    pub(crate) fn restart(&mut self, bits: &mut Bits, number: u8) -> Result<(), Error> {
        // The marker may not be in the window yet.
        self.prepare(bits);
        if self.overrun(bits) {
            return Err(self.lack());
        }
        let Some(segment) = self.window.segments.pop_front() else { return Err(self.lack()) };
        let left = (segment.end * 8 + bits.known as usize) - bits.at * 8;
        if left >= 8 {
            return Err(Error::Corrupt("bytes before a restart marker"));
        }
        self.ends.note(bits.are_padding(left as u32));
        if segment.number != number & 7 {
            return Err(Error::Corrupt("restart markers out of order"));
        }
        *bits = Bits { at: segment.end + GAP, ..Bits::default() };
        Ok(())
    }

    /// Why there are no more data: there is no more of the file, or there is something else.
    pub(crate) fn lack(&self) -> Error {
        let marker = self.window.segments.front().map_or_else(|| next_marker(self.data, self.next), |s| Some(s.marker));
        if marker.is_none() { Error::Truncated } else { Error::Corrupt("a scan that ends before its last unit") }
    }

    /// Where in the file the data end that were read, the last bits being padding; and all ends there were on the way.
    pub(crate) fn end_of_scan(&self, bits: &Bits) -> (usize, Ends) {
        let left = (self.end() * 8 + bits.known as usize).saturating_sub(bits.at * 8);
        let mut ends = self.ends;
        ends.note(bits.are_padding(left as u32 % 8));
        (self.position(bits), ends)
    }

    /// Whether a stretch of zeros was read. A disk or a network leaves such in the place of what it lost, and few codes
    /// mean anything by it.
    pub(crate) fn has_read_zeros(&self, bits: &Bits) -> bool {
        self.zeros.is_some_and(|at| at + ZEROS <= self.position(bits))
    }

    fn position(&self, bits: &Bits) -> usize {
        let read = (bits.at * 8 - bits.known as usize).div_ceil(8);
        let behind = self.window.segments.front().map_or(self.next, |s| s.marker);
        let mut unread = self.end().saturating_sub(read);
        // Backwards, since only the place of what was taken last is known.
        let mut at = behind;
        while unread > 0 && at > 0 {
            let stuffed = at > 1 && self.data[at - 2..at] == [0xFF, 0];
            at -= if stuffed { 2 } else { 1 };
            unread -= 1;
        }
        at
    }

    /// Moves what is left from `at` on to the window's front and takes plain bytes of the file behind
    /// it. Where reading stands then.
    #[cold]
    #[inline(never)]
    fn fill(&mut self, at: usize) -> usize {
        let Window { bytes, segments } = &mut *self.window;
        let done = at.min(self.filled);
        bytes.copy_within(done..self.filled, 0);
        self.filled -= done;
        // Only without segments in the window is it filled, so none has to move.
        while self.filled < WINDOW && segments.len() < SEGMENTS {
            let rest = &self.data[self.next.min(self.data.len())..];
            let rest = &rest[..rest.len().min(WINDOW - self.filled)];
            let plain = memchr::memchr(0xFF, rest).unwrap_or(rest.len());
            bytes[self.filled..][..plain].copy_from_slice(&rest[..plain]);
            if self.zeros.is_none() {
                let is_zero = |stretch: &[u8; ZEROS]| stretch.iter().fold(0, |all, byte| all | byte) == 0;
                let first = rest[..plain].as_chunks().0.iter().position(is_zero);
                self.zeros = first.map(|i| self.next + i * ZEROS);
            }
            self.filled += plain;
            self.next += plain;
            if plain < rest.len() {
                match self.data.get(self.next + 1) {
                    Some(0) => {
                        bytes[self.filled] = 0xFF;
                        self.filled += 1;
                        self.next += 2;
                    }
                    Some(marker @ 0xD0..=0xD7) => {
                        segments.push_back(Segment { end: self.filled, marker: self.next, number: marker & 7 });
                        bytes[self.filled..][..GAP].fill(0);
                        self.filled += GAP;
                        self.next += 2;
                    }
                    _ => {
                        self.ended = true;
                        break;
                    }
                }
            } else if self.next >= self.data.len() {
                self.ended = true;
                break;
            }
        }
        bytes[self.filled..][..GAP].fill(0);
        at - done
    }
}

impl Bits {
    /// Makes at least 56 bits known.
    #[inline(always)]
    pub(crate) fn refill(&mut self, plain: &[u8]) {
        let Some(bytes) = plain.get(self.at..).and_then(|w| w.first_chunk::<8>()) else {
            // Far behind the end: the overrun shows at the chunk's end.
            self.known = 63;
            return;
        };
        self.word |= u64::from_be_bytes(*bytes) >> self.known;
        self.at += ((63 - self.known) >> 3) as usize;
        self.known |= 56;
    }

    /// The next `n` bits without taking them, 1–32 of them.
    #[inline(always)]
    pub(crate) const fn peek(&self, n: u32) -> u32 {
        (self.word >> (64 - n)) as u32
    }

    /// Whether the next `n` bits, less than eight, are what fills the last byte up: ones, or with a few encoders zeros.
    fn are_padding(&self, n: u32) -> bool {
        let padding = self.word.checked_shr(64 - n).unwrap_or(0);
        padding == 0 || padding == (1 << n) - 1
    }

    /// Takes `n` known bits.
    #[inline(always)]
    pub(crate) const fn skip(&mut self, n: u32) {
        self.word <<= n;
        self.known -= n;
    }

    /// Takes the next `n` known bits, 0–32 of them.
    #[inline(always)]
    pub(crate) const fn take(&mut self, n: u32) -> u32 {
        let value = ((self.word >> 1) >> (63 - n)) as u32;
        self.skip(n);
        value
    }

    /// Takes a value of `n` known bits, 0–16 of them, as coefficients are written: the upper half
    /// of its range positive, the lower half negative.
    #[inline(always)]
    pub(crate) const fn take_signed(&mut self, n: u32) -> i32 {
        let value = self.take(n) as i32;
        // One where the leading bit is zero.
        let negative = ((value >> n.saturating_sub(1)) & 1) ^ 1;
        if n == 0 { 0 } else { value + (negative * (1 - (1 << n))) }
    }
}
