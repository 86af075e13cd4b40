//! One walk over a PNG's chunks: what is decided without inflating comes from here.

use std::ops::Range;

use crate::error::Error;
use crate::exif;

/// What the chunks say.
#[derive(Debug, Default)]
pub(crate) struct Chunks {
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) bit_depth: u8,
    /// 0 grey, 2 RGB, 3 palette, 4 grey and alpha, 6 RGB and alpha.
    pub(crate) colour_type: u8,
    pub(crate) interlaced: bool,
    /// A transparency chunk.
    pub(crate) transparency: bool,
    pub(crate) orientation: Option<u8>,
    /// Frames of an animation, 1 for a still.
    pub(crate) frames: u32,
    /// Bytes of coded picture data.
    pub(crate) coded: u64,
    /// Chunks that a strip removes: metadata, animation, anything unknown that may go.
    metadata: Vec<Range<usize>>,
    /// Just behind the last chunk; `None` where the file ends early or only the header was read.
    pub(crate) end: Option<usize>,
    /// Whether a chunk that matters has a wrong checksum.
    pub(crate) bad_checksum: bool,
}

pub(crate) const SIGNATURE: &[u8] = b"\x89PNG\r\n\x1a\n";
/// Chunks that say what the samples mean: they stay.
const KEPT: [&[u8; 4]; 12] =
    [b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"gAMA", b"cHRM", b"sRGB", b"iCCP", b"cICP", b"sBIT", b"pHYs"];

impl Chunks {
    /// Reads chunk headers only, up to the picture data.
    pub(crate) fn header(bytes: &[u8]) -> Result<Self, Error> {
        Self::read(bytes, false)
    }

    /// Reads to the end and checks every checksum.
    pub(crate) fn whole(bytes: &[u8]) -> Result<Self, Error> {
        Self::read(bytes, true)
    }

    pub(crate) const fn has_alpha(&self) -> bool {
        matches!(self.colour_type, 4 | 6) || self.transparency
    }

    pub(crate) const fn is_gray(&self) -> bool {
        matches!(self.colour_type, 0 | 4)
    }

    /// Samples per pixel as stored.
    pub(crate) const fn samples(&self) -> u8 {
        match self.colour_type {
            2 => 3,
            4 => 2,
            6 => 4,
            _ => 1,
        }
    }

    /// The file without metadata (where `strip` says so) and without what trails; `None` where that
    /// is the file as it is.
    pub(crate) fn stripped(&self, bytes: &[u8], strip: bool) -> Option<Vec<u8>> {
        let end = self.end.unwrap_or(bytes.len());
        if end == bytes.len() && (self.metadata.is_empty() || !strip) {
            return None;
        }
        let mut out = Vec::with_capacity(end);
        let mut at = 0;
        for range in self.metadata.iter().filter(|_| strip) {
            out.extend_from_slice(&bytes[at..range.start]);
            at = range.end;
        }
        out.extend_from_slice(&bytes[at..end]);
        Some(out)
    }

    fn read(bytes: &[u8], whole: bool) -> Result<Self, Error> {
        if !bytes.starts_with(SIGNATURE) {
            return Err(Error::corrupt("no PNG signature"));
        }
        let mut out = Self { frames: 1, ..Self::default() };
        let mut at = SIGNATURE.len();
        while let Some(header) = bytes.get(at..at + 8) {
            let length = u32::from_be_bytes([header[0], header[1], header[2], header[3]]) as usize;
            let id: [u8; 4] = [header[4], header[5], header[6], header[7]];
            let data_at = at + 8;
            if out.width == 0 {
                if &id != b"IHDR" {
                    return Err(Error::corrupt("a PNG that does not begin with its header"));
                }
                let body = bytes.get(data_at..data_at + 13).filter(|_| length == 13);
                out.note_header(body.ok_or_else(|| Error::truncated("a PNG header cut short"))?)?;
            }
            if &id == b"IDAT" {
                if !whole {
                    out.coded = length as u64;
                    return Ok(out);
                }
                out.coded += length as u64;
            }
            let end = data_at.saturating_add(length).saturating_add(4);
            let (Some(data), Some(sum)) = (bytes.get(data_at..data_at.saturating_add(length)), bytes.get(end - 4..end))
            else {
                break;
            };
            // Lower case in the first letter: the picture can be understood without it.
            let critical = id[0] & 0x20 == 0;
            if whole && (critical || KEPT.contains(&&id)) {
                out.bad_checksum |= crc32fast::hash(&bytes[at + 4..end - 4]).to_be_bytes() != *sum;
            }
            match &id {
                b"tRNS" => out.transparency = true,
                b"eXIf" => out.orientation = out.orientation.or_else(|| exif::orientation(data)),
                b"acTL" if data.len() >= 8 => {
                    out.frames = u32::from_be_bytes([data[0], data[1], data[2], data[3]]).max(1);
                }
                _ => {}
            }
            if !critical && !KEPT.contains(&&id) {
                out.metadata.push(at..end);
            }
            at = end;
            if &id == b"IEND" {
                out.end = Some(end);
                break;
            }
        }
        if out.width == 0 {
            return Err(Error::truncated("a PNG without its header"));
        }
        if out.coded == 0 {
            let error = if out.end.is_some() { Error::corrupt } else { Error::truncated };
            return Err(error("a PNG without picture data"));
        }
        Ok(out)
    }

    fn note_header(&mut self, b: &[u8]) -> Result<(), Error> {
        self.width = u32::from_be_bytes([b[0], b[1], b[2], b[3]]);
        self.height = u32::from_be_bytes([b[4], b[5], b[6], b[7]]);
        (self.bit_depth, self.colour_type, self.interlaced) = (b[8], b[9], b[12] == 1);
        let depth = match self.colour_type {
            0 => matches!(self.bit_depth, 1 | 2 | 4 | 8 | 16),
            2 | 4 | 6 => matches!(self.bit_depth, 8 | 16),
            3 => matches!(self.bit_depth, 1 | 2 | 4 | 8),
            _ => false,
        };
        const MAX_SIDE: u32 = i32::MAX as u32;
        let sides = (1..=MAX_SIDE).contains(&self.width) && (1..=MAX_SIDE).contains(&self.height);
        if depth && sides && b[10] == 0 && b[11] == 0 && b[12] <= 1 {
            Ok(())
        } else {
            Err(Error::corrupt("a PNG header with impossible values"))
        }
    }
}
