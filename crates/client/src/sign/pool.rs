//! Buffers for bodies that are kept in one piece, used again so that a steady stream allocates nothing.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;

/// Buffers for whole bodies, used again. A fresh buffer of some megabytes costs nearly as much as
/// filling it, since the system hands it out page by page.
///
/// Two passes (the default) need no buffer at all. Take a pool where a body is read by something
/// that wants it in one piece, and memory for 4/3 of each file in flight is there.
///
/// A buffer that waits in the pool still holds the last body. Cloning is cheap; clones share the
/// buffers.
#[derive(Clone)]
pub struct BodyPool {
    inner: Arc<Inner>,
}

struct Inner {
    free: Mutex<Vec<Vec<u8>>>,
    keep: usize,
}

/// Bytes of a cache line, and of a block of the hash.
const LINE: usize = 64;

/// A buffer on loan: the last reader of the body gives it back.
pub(super) struct Loan {
    buffer: Vec<u8>,
    /// Where the body begins: on a cache line, so that the blocks that are hashed and stored together
    /// lie in one line each.
    from: usize,
    length: usize,
    pool: Arc<Inner>,
}

impl BodyPool {
    /// Keeps up to `keep` buffers, each as large as the largest body it held.
    #[must_use]
    pub fn new(keep: usize) -> Self {
        Self { inner: Arc::new(Inner { free: Mutex::default(), keep }) }
    }

    pub(super) fn lend(&self, length: usize) -> Loan {
        let mut free = self.inner.free.lock().unwrap_or_else(PoisonError::into_inner);
        // The largest lies last.
        let mut buffer = free.pop().unwrap_or_default();
        drop(free);
        let room = length.saturating_add(LINE - 1);
        if buffer.len() < room {
            // Not `resize`, which would copy what was there and write zeros that the system gives.
            buffer = vec![0; room];
        }
        let from = buffer.as_ptr().addr().wrapping_neg() % LINE;
        Loan { buffer, from, length, pool: self.inner.clone() }
    }
}

impl Loan {
    pub(super) fn bytes(&mut self) -> &mut [u8] {
        &mut self.buffer[self.from..self.from + self.length]
    }

    pub(super) fn into_bytes(self) -> Bytes {
        Bytes::from_owner(self)
    }
}

impl AsRef<[u8]> for Loan {
    fn as_ref(&self) -> &[u8] {
        &self.buffer[self.from..self.from + self.length]
    }
}

impl Drop for Loan {
    fn drop(&mut self) {
        let mut free = self.pool.free.lock().unwrap_or_else(PoisonError::into_inner);
        let buffer = std::mem::take(&mut self.buffer);
        let at = free.partition_point(|other| other.len() <= buffer.len());
        free.insert(at, buffer);
        if free.len() > self.pool.keep {
            free.remove(0);
        }
    }
}

/// Prints how many buffers wait, never what they hold.
impl fmt::Debug for BodyPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let waiting = self.inner.free.lock().unwrap_or_else(PoisonError::into_inner).len();
        write!(f, "BodyPool({waiting} of {} waiting)", self.inner.keep)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_reader_gives_the_buffer_back() {
        let pool = BodyPool::new(1);
        let body = pool.lend(1000).into_bytes();
        let (address, copy) = (body.as_ptr(), body.clone());
        assert_eq!(address.addr() % LINE, 0);
        drop(body);
        assert_eq!(format!("{pool:?}"), "BodyPool(0 of 1 waiting)");
        drop(copy);
        assert_eq!(format!("{pool:?}"), "BodyPool(1 of 1 waiting)");
        // A shorter body takes the same buffer; the pool keeps no more than it was told.
        let (shorter, other) = (pool.lend(10), pool.lend(10));
        assert_eq!((shorter.as_ref().as_ptr(), shorter.as_ref().len()), (address, 10));
        drop(other);
        drop(shorter);
        assert_eq!(format!("{pool:?}"), "BodyPool(1 of 1 waiting)");
        assert_eq!(pool.lend(1000).as_ref().as_ptr(), address, "the larger one was kept");
    }
}
