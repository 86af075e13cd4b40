//! Bits of an entropy-coded segment, most significant first.
//!
//! Stuffed zeros are taken out a window at a time, so that reading sees plain bits and needs no test
//! for them. Behind the data come zeros; whether more was read than there is, is asked once per unit
//! of blocks with [`Reader::overrun`], not once per bit.

/// Bytes that one unit of blocks may need at the very most: twelve blocks of 64 symbols of 31 bits
/// are 2,976.
const UNIT: usize = 4096;
const WINDOW: usize = 32 << 10;

/// Reads one segment, from the start of its data to the marker behind it.
pub(super) struct Reader<'a> {
    data: &'a [u8],
    /// The next byte of `data` that is not in the window.
    next: usize,
    /// Plain bytes, then [`UNIT`] and eight zeros more once `data` has ended.
    window: Vec<u8>,
    /// Plain bytes in the window.
    filled: usize,
    /// Whether the window holds all that is left before the marker.
    ended: bool,
}

/// Where reading stands: apart from the reader, so that loops keep it in registers.
#[derive(Clone, Copy, Default)]
pub(super) struct Bits {
    /// What is read next, from the highest bit down.
    bits: u64,
    /// How many of the bits are known.
    known: u32,
    /// The next byte of the window.
    at: usize,
}

impl<'a> Reader<'a> {
    /// A reader of what stands in `data` from `start` on.
    pub(super) fn new(data: &'a [u8], start: usize, window: Vec<u8>) -> Self {
        let mut window = window;
        window.resize(WINDOW + UNIT + 8, 0);
        let mut reader = Self { data, next: start, window, filled: 0, ended: false };
        reader.fill(0);
        reader
    }

    /// Gives the window back for the next reader.
    pub(super) fn into_window(self) -> Vec<u8> {
        self.window
    }

    /// Makes sure that a whole unit can be read without looking at the data again.
    #[inline(always)]
    pub(super) fn prepare(&mut self, bits: &mut Bits) {
        if !self.ended && self.filled < bits.at + UNIT {
            bits.at = self.fill(bits.at);
        }
    }

    /// The window that [`Bits`] reads.
    #[inline(always)]
    pub(super) fn window(&self) -> &[u8] {
        &self.window
    }

    /// Whether more bits were taken than there are.
    #[inline(always)]
    pub(super) fn overrun(&self, bits: &Bits) -> bool {
        self.ended && bits.at * 8 > self.filled * 8 + bits.known as usize
    }

    /// Ends a segment: the position of the marker behind it, where all of the data were taken but
    /// for the padding of the last byte.
    pub(super) fn finish(&mut self, bits: &mut Bits) -> Option<usize> {
        self.prepare(bits);
        let rest = (self.filled * 8 + bits.known as usize).checked_sub(bits.at * 8)?;
        (self.ended && rest < 8).then_some(self.next)
    }

    /// Goes on behind the restart marker `0xFFD0 + number`, which must come now.
    #[cold]
    #[inline(never)]
    pub(super) fn restart(&mut self, mut bits: Bits, number: u8) -> Option<Bits> {
        let marker = self.finish(&mut bits)?;
        if self.data.get(marker..marker + 2)? != [0xFF, 0xD0 + (number & 7)] {
            return None;
        }
        (self.next, self.filled, self.ended) = (marker + 2, 0, false);
        self.fill(0);
        Some(Bits::default())
    }

    /// Moves what is left from `at` on to the window's front and takes plain bytes of the data
    /// behind it. Where reading stands then.
    #[cold]
    #[inline(never)]
    fn fill(&mut self, at: usize) -> usize {
        let done = at.min(self.filled);
        self.window.copy_within(done..self.filled, 0);
        self.filled -= done;
        while self.filled < WINDOW {
            let rest = &self.data[self.next.min(self.data.len())..];
            let rest = &rest[..rest.len().min(WINDOW - self.filled)];
            let plain = memchr::memchr(0xFF, rest).unwrap_or(rest.len());
            self.window[self.filled..][..plain].copy_from_slice(&rest[..plain]);
            self.filled += plain;
            self.next += plain;
            if plain < rest.len() {
                if self.data.get(self.next + 1) != Some(&0) {
                    self.ended = true;
                    break;
                }
                self.window[self.filled] = 0xFF;
                self.filled += 1;
                self.next += 2;
            } else if self.next >= self.data.len() {
                self.ended = true;
                break;
            }
        }
        if self.ended {
            self.window[self.filled..][..UNIT + 8].fill(0);
        }
        at - done
    }
}

impl Bits {
    /// Makes at least 56 bits known.
    #[inline(always)]
    pub(super) fn refill(&mut self, window: &[u8]) {
        let Some(bytes) = window.get(self.at..).and_then(|w| w.first_chunk::<8>()) else {
            // Behind a unit of zeros behind the end: the overrun shows at the unit's end.
            self.known = 63;
            return;
        };
        self.bits |= u64::from_be_bytes(*bytes) >> self.known;
        self.at += ((63 - self.known) >> 3) as usize;
        self.known |= 56;
    }

    /// The next `n` bits without taking them, 1–32 of them.
    #[inline(always)]
    pub(super) const fn peek(&self, n: u32) -> u32 {
        (self.bits >> (64 - n)) as u32
    }

    /// Takes `n` known bits.
    #[inline(always)]
    pub(super) const fn skip(&mut self, n: u32) {
        self.bits <<= n;
        self.known -= n;
    }

    /// Takes the next `n` known bits, 0–16 of them.
    #[inline(always)]
    pub(super) const fn take(&mut self, n: u32) -> u32 {
        let value = ((self.bits >> 1) >> (63 - n)) as u32;
        self.skip(n);
        value
    }

    /// Takes a value of `n` known bits, 0–16 of them, as coefficients are written: the upper half
    /// of its range positive, the lower half negative.
    #[inline(always)]
    pub(super) const fn take_signed(&mut self, n: u32) -> i32 {
        let value = self.take(n) as i32;
        // One where the leading bit is zero.
        let negative = ((value >> n.saturating_sub(1)) & 1) ^ 1;
        if n == 0 { 0 } else { value + (negative * (1 - (1 << n))) }
    }
}
