//! Marker segments, one after the other, and the bytes between them that belong to none.

use crate::error::Error;

/// One marker and what its length covers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Segment<'d> {
    /// The byte behind 0xFF.
    pub(crate) marker: u8,
    /// Where its 0xFF stands.
    pub(crate) start: usize,
    /// Where the first byte behind it stands.
    pub(crate) end: usize,
    /// What stands behind the length; nothing for markers that have none.
    pub(crate) body: &'d [u8],
}

pub(crate) const SOI: u8 = 0xD8;
pub(crate) const EOI: u8 = 0xD9;
pub(crate) const SOS: u8 = 0xDA;
pub(crate) const DNL: u8 = 0xDC;

impl<'d> Segment<'d> {
    /// The next segment from `at` on, behind any number of bytes that are no marker.
    pub(crate) fn find(data: &'d [u8], at: usize) -> Result<Self, Error> {
        let start = next_marker(data, at).ok_or(Error::Truncated)?;
        let marker = *data.get(start + 1).ok_or(Error::Truncated)?;
        // TEM, RST0 to RST7, SOI and EOI stand alone.
        if matches!(marker, 0x01 | 0xD0..=0xD9) {
            return Ok(Self { marker, start, end: start + 2, body: &[] });
        }
        let length = data.get(start + 2..start + 4).ok_or(Error::Truncated)?;
        let length = usize::from(length[0]) << 8 | usize::from(length[1]);
        if length < 2 {
            return Err(Error::Corrupt("a segment shorter than its length"));
        }
        let end = start + 2 + length;
        let body = data.get(start + 4..end).ok_or(Error::Truncated)?;
        Ok(Self { marker, start, end, body })
    }
}

/// Where the next marker's last 0xFF stands: before a byte that is neither a stuffed zero nor filling.
pub(crate) fn next_marker(data: &[u8], mut at: usize) -> Option<usize> {
    loop {
        at += memchr::memchr(0xFF, data.get(at..)?)?;
        match data.get(at + 1)? {
            0 => at += 2,
            0xFF => at += 1,
            _ => return Some(at),
        }
    }
}
