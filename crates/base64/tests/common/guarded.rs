//! Memory between two pages that nobody may touch, so that a kernel that reads or writes too far ends the
//! test.

use std::ptr;
use std::slice;

use rustix::mm::{MapFlags, MprotectFlags, ProtFlags, mmap_anonymous, mprotect, munmap};

/// Memory between two pages that nobody may touch: a kernel that reads or writes one byte too far
/// ends the test with a fault.
pub(crate) struct Guarded {
    map: *mut std::ffi::c_void,
    page: usize,
    room: usize,
}

impl Guarded {
    /// Room for at least `least` bytes, rounded up to whole pages.
    pub(crate) fn new(least: usize) -> Self {
        let page = rustix::param::page_size();
        let room = least.next_multiple_of(page);
        let length = room + 2 * page;
        // SAFETY: a new anonymous mapping at an address of the kernel's choice meets nothing.
        let map = unsafe { mmap_anonymous(ptr::null_mut(), length, ProtFlags::empty(), MapFlags::PRIVATE) };
        let map = map.expect("memory can be mapped");
        let inner = map.wrapping_byte_add(page);
        // SAFETY: the pages lie inside the mapping, which nobody else knows.
        let opened = unsafe { mprotect(inner, room, MprotectFlags::READ | MprotectFlags::WRITE) };
        opened.expect("the room can be opened");
        Self { map, page, room }
    }

    /// All of the room: the bytes before the first and behind the last cannot be touched.
    pub(crate) fn bytes(&mut self) -> &mut [u8] {
        let inner = self.map.wrapping_byte_add(self.page);
        // SAFETY: `room` bytes that are mapped, zeroed by the system, open, and borrowed with self.
        unsafe { slice::from_raw_parts_mut(inner.cast(), self.room) }
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        // SAFETY: our own mapping, whole; no slice of it outlives self.
        let _ = unsafe { munmap(self.map, self.room + 2 * self.page) };
    }
}
