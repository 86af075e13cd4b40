//! Buffers that outlive one picture.

use sealpress_jpeg::Buffers;

/// Buffers that outlive one picture: fresh memory costs a page fault every 4 KiB, which for a full
/// decode adds up to more than the resize.
#[derive(Debug, Default)]
pub(crate) struct Pool {
    free: Vec<Vec<u8>>,
}

/// A picture has at most seven planes in flight.
const KEPT: usize = 8;

impl Pool {
    /// A buffer of exactly `len` bytes of unspecified content.
    pub(crate) fn take(&mut self, len: usize) -> Vec<u8> {
        Buffers::take(self, len)
    }

    /// Takes a buffer back.
    pub(crate) fn give(&mut self, buffer: Vec<u8>) {
        Buffers::give(self, buffer);
    }

    /// Lets go of all but the buffers that together stay within `bytes`.
    pub(crate) fn shrink(&mut self, bytes: usize) {
        let mut held = 0;
        self.free.retain(|b| {
            held += b.capacity();
            held <= bytes
        });
    }
}

impl Buffers for Pool {
    fn take(&mut self, len: usize) -> Vec<u8> {
        // The smallest that is large enough, else the largest grows.
        let best = (0..self.free.len()).min_by_key(|&i| {
            let capacity = self.free[i].capacity();
            if capacity >= len { (0, capacity) } else { (1, usize::MAX - capacity) }
        });
        let mut buffer = best.map(|i| self.free.swap_remove(i)).unwrap_or_default();
        if buffer.capacity() < len {
            // Growing would copy content that nobody wants.
            buffer = vec![0; len];
        }
        buffer.resize(len, 0);
        buffer
    }

    fn give(&mut self, buffer: Vec<u8>) {
        if self.free.len() < KEPT && buffer.capacity() > 0 {
            self.free.push(buffer);
        }
    }
}
