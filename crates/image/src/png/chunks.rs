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
    /// Colours of a palette picture.
    pub(crate) palette: Option<Range<usize>>,
    /// Opacities of the palette, or the one colour that is seen through.
    pub(crate) transparency: Option<Range<usize>>,
    pub(crate) orientation: Option<u8>,
    /// Frames of an animation, 1 for a still.
    pub(crate) frames: u32,
    /// Bytes of coded picture data.
    pub(crate) coded: u64,
    /// Chunks that are the picture or say what its samples mean, without the last one.
    parts: Vec<Range<usize>>,
    /// Chunks that a strip leaves out: metadata, animation, anything unknown.
    metadata: Vec<Range<usize>>,
    /// Chunks with a wrong checksum without which the picture can be understood: they count as not there.
    pub(crate) lost: Vec<[u8; 4]>,
    /// Just behind the last chunk; `None` where the file ends early or only the header was read.
    pub(crate) end: Option<usize>,
}

pub(crate) const SIGNATURE: &[u8] = b"\x89PNG\r\n\x1a\n";
/// The last chunk, which has no content.
const END: [u8; 12] = *b"\0\0\0\0IEND\xAE\x42\x60\x82";
/// Chunks that are the picture.
const CRITICAL: [&[u8; 4]; 4] = [b"IHDR", b"PLTE", b"IDAT", b"IEND"];
/// Chunks that say what the samples mean: they stay.
const KEPT: [&[u8; 4]; 8] = [b"tRNS", b"gAMA", b"cHRM", b"sRGB", b"iCCP", b"cICP", b"sBIT", b"pHYs"];
/// Chunks that say which colours the samples are.
const COLOUR: [&[u8; 4]; 5] = [b"gAMA", b"cHRM", b"sRGB", b"iCCP", b"cICP"];

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
        matches!(self.colour_type, 4 | 6) || self.transparency.is_some()
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

    /// The file written anew from what was recognized, metadata in its place where it is to be kept: nothing with
    /// a wrong checksum, nothing behind the end, and an end.
    pub(crate) fn rewritten(&self, bytes: &[u8], keep: bool) -> Vec<u8> {
        let mut parts: Vec<&Range<usize>> = self.parts.iter().chain(self.metadata.iter().filter(|_| keep)).collect();
        parts.sort_by_key(|part| part.start);
        let length: usize = parts.iter().map(|part| part.len()).sum();
        let mut out = Vec::with_capacity(SIGNATURE.len() + length + END.len());
        out.extend_from_slice(SIGNATURE);
        parts.into_iter().for_each(|part| out.extend_from_slice(&bytes[part.clone()]));
        out.extend_from_slice(&END);
        out
    }

    /// Whether a whole file has chunks that are left out.
    pub(crate) fn has_metadata(&self) -> bool {
        self.end.is_some() && !self.metadata.is_empty()
    }

    /// What stands before the picture data and belongs to the picture, and the head of the first piece of those. A
    /// library need not mind what is metadata to us.
    pub(crate) fn head(&self, bytes: &[u8]) -> Vec<u8> {
        let mut out = SIGNATURE.to_vec();
        for part in &self.parts {
            let chunk = &bytes[part.clone()];
            if chunk[4..8] == *b"IDAT" {
                break;
            }
            out.extend_from_slice(chunk);
        }
        // Nobody reads it; only where the chunks about the picture end is looked for.
        out.extend_from_slice(b"\0\0\0\0IDAT\x35\xAF\x06\x1E");
        out
    }

    /// Whether every decoder reads what is said of transparency: more opacities than colours, or any beside alpha, some
    /// do not.
    pub(crate) fn has_usual_transparency(&self) -> bool {
        let length = |range: &Option<Range<usize>>| range.as_ref().map_or(0, Range::len);
        match self.colour_type {
            3 => length(&self.transparency) * 3 <= length(&self.palette),
            4 | 6 => self.transparency.is_none(),
            _ => true,
        }
    }

    /// Whether a chunk about colours was lost.
    pub(crate) fn lost_colour(&self) -> bool {
        self.lost.iter().any(|id| COLOUR.contains(&id))
    }

    fn read(bytes: &[u8], whole: bool) -> Result<Self, Error> {
        if !bytes.starts_with(SIGNATURE) {
            return Err(Error::corrupt("no PNG signature"));
        }
        let mut out = Self { frames: 1, ..Self::default() };
        let mut at = SIGNATURE.len();
        let mut before = *b"\0\0\0\0";
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
                if out.coded > 0 && &before != b"IDAT" {
                    return Err(Error::corrupt("a PNG whose picture data are torn apart"));
                }
            }
            let end = data_at.saturating_add(length).saturating_add(4);
            let (Some(data), Some(sum)) = (bytes.get(data_at..data_at.saturating_add(length)), bytes.get(end - 4..end))
            else {
                // What is there of the picture data counts: they may be cut behind the picture.
                if &id == b"IDAT" && whole {
                    out.coded += (bytes.len() - data_at) as u64;
                }
                break;
            };
            let sound = !whole || crc32fast::hash(&bytes[at + 4..end - 4]).to_be_bytes() == *sum;
            out.note(id, data, data_at..end - 4, at..end, sound)?;
            before = id;
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

    fn note(
        &mut self,
        id: [u8; 4],
        data: &[u8],
        body: Range<usize>,
        chunk: Range<usize>,
        sound: bool,
    ) -> Result<(), Error> {
        if CRITICAL.contains(&&id) {
            if !sound && &id != b"IEND" {
                return Err(Error::corrupt("a PNG with a wrong checksum"));
            }
            match &id {
                b"IHDR" if !self.parts.is_empty() => return Err(Error::corrupt("a PNG with two headers")),
                b"PLTE" => self.note_palette(data.len(), body)?,
                b"IDAT" if self.colour_type == 3 && self.palette.is_none() => {
                    return Err(Error::corrupt("a palette picture without its palette"));
                }
                b"IDAT" => self.coded += data.len() as u64,
                // What has no content has nothing to lose.
                b"IEND" if !sound => self.lost.push(id),
                _ => {}
            }
            if &id != b"IEND" {
                self.parts.push(chunk);
            }
            return Ok(());
        }
        // Upper case in the first letter: without it, the picture cannot be understood.
        if id[0] & 0x20 == 0 {
            return Err(Error::unsupported_feature("a PNG with a critical chunk that nobody knows"));
        }
        let kept = KEPT.contains(&&id);
        if !sound {
            if kept || &id == b"eXIf" {
                self.lost.push(id);
            }
            return Ok(());
        }
        match &id {
            b"tRNS" => self.transparency = self.transparency.take().or(Some(body)),
            b"eXIf" => self.orientation = self.orientation.or_else(|| exif::orientation(data)),
            b"acTL" if data.len() >= 8 => {
                self.frames = u32::from_be_bytes([data[0], data[1], data[2], data[3]]).max(1);
            }
            _ => {}
        }
        if kept {
            self.parts.push(chunk)
        } else {
            self.metadata.push(chunk)
        }
        Ok(())
    }

    fn note_palette(&mut self, length: usize, body: Range<usize>) -> Result<(), Error> {
        let entries = length / 3;
        if self.palette.is_some() || !length.is_multiple_of(3) || entries == 0 || entries > 256 {
            return Err(Error::corrupt("a PNG with an impossible palette"));
        }
        self.palette = Some(body);
        Ok(())
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
