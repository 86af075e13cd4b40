//! WebP: a reader of the container and the decoders behind it. Lossy pictures are ours to decode, lossless ones libwebp's.

mod alpha;
#[expect(unsafe_code, reason = "calls into libwebp; see the file's head")]
pub(crate) mod codec;
mod lossy;

use std::ops::Range;

use crate::ending::Ending;
use crate::error::Error;
use crate::exif;
use crate::planes::Plane;
use crate::pool::Pool;

/// What the container says.
#[derive(Debug, Default)]
pub(crate) struct Container {
    /// Canvas size.
    pub(crate) width: u32,
    pub(crate) height: u32,
    /// The first picture: its chunks, and where it lies on the canvas.
    pub(crate) picture: Range<usize>,
    pub(crate) picture_width: u32,
    pub(crate) picture_height: u32,
    pub(crate) x: u32,
    pub(crate) y: u32,
    pub(crate) lossless: bool,
    pub(crate) alpha: bool,
    /// Frames of an animation, 1 for a still.
    pub(crate) frames: u32,
    pub(crate) orientation: Option<u8>,
    pub(crate) icc: Option<Range<usize>>,
    /// Metadata, with the flag in the extended header that announces it.
    metadata: Vec<(Range<usize>, u8)>,
    /// Whether there is an extended header.
    extended: bool,
    /// Whether the picture is a frame of an animation, be it the only one.
    pub(crate) animated: bool,
    /// Just behind the last chunk.
    pub(crate) end: usize,
    /// Whether the file is shorter than it says.
    pub(crate) truncated: bool,
}

/// Bytes that a decode holds: the planes, and for lossless pictures libwebp's own copy.
pub(crate) fn memory(container: &Container) -> u64 {
    let canvas = u64::from(container.width) * u64::from(container.height);
    let picture = u64::from(container.picture_width + 1) * u64::from(container.picture_height + 1);
    // Rows of macroblocks with their edges, or Huffman tables and the colour cache.
    let working = u64::from(container.picture_width) * 96 + (2 << 20);
    if container.lossless {
        return picture * 8 + working;
    }
    let whole = |side: u32| u64::from(side.next_multiple_of(16));
    let planes = whole(container.picture_width) * whole(container.picture_height) * 3 / 2;
    // Coded as a lossless picture is.
    let alpha = if container.alpha { picture * 9 } else { 0 };
    let placed = if picture < canvas { canvas * 3 / 2 } else { 0 };
    planes + alpha + placed + working
}

/// A lossy picture as it was decoded.
pub(crate) struct Lossy {
    /// Video-range Y'CbCr, chroma halved both ways.
    pub(crate) planes: [Plane; 3],
    /// Where it is coded.
    pub(crate) alpha: Option<Plane>,
    /// How all its data end. Where that is [`Ending::Beyond`], there is no picture.
    pub(crate) ending: Ending,
}

/// Flags of the extended header.
const ICC_FLAG: u8 = 0x20;
const ALPHA_FLAG: u8 = 0x10;
const EXIF_FLAG: u8 = 0x08;
const XMP_FLAG: u8 = 0x04;

struct Chunk {
    id: [u8; 4],
    /// From the chunk's header on.
    start: usize,
    data: Range<usize>,
    /// Whether all of its data are there.
    whole: bool,
}

impl Container {
    /// Reads all chunks; picture data only as far as their headers.
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, Error> {
        let [b'R', b'I', b'F', b'F', a, b, c, d, b'W', b'E', b'B', b'P', ..] = bytes else {
            return Err(Error::corrupt("no WebP header"));
        };
        let declared = u32::from_le_bytes([*a, *b, *c, *d]) as usize;
        let end = declared.saturating_add(8);
        let mut out = Self { frames: 1, truncated: end > bytes.len(), ..Self::default() };
        let end = end.min(bytes.len());
        let mut canvas = None;
        let mut seen = 0;
        let mut alpha_start = None;
        let mut at = 12;
        while let Some(chunk) = chunk(bytes, at, end) {
            let data = &bytes[chunk.data.clone()];
            match &chunk.id {
                b"VP8X" if data.len() >= 10 => {
                    canvas = Some((u24(&data[4..]) + 1, u24(&data[7..]) + 1));
                    out.alpha |= data[0] & ALPHA_FLAG != 0;
                    out.extended = true;
                }
                b"ICCP" if chunk.whole => out.icc = Some(chunk.data.clone()),
                b"EXIF" => {
                    out.metadata.push((chunk.data.clone(), EXIF_FLAG));
                    out.orientation = out.orientation.or_else(|| exif::orientation(data));
                }
                b"XMP " => out.metadata.push((chunk.data.clone(), XMP_FLAG)),
                b"ALPH" if seen == 0 => alpha_start = Some(chunk.start),
                b"VP8 " | b"VP8L" if seen == 0 => {
                    seen = 1;
                    out.bitstream(&chunk, data)?;
                    out.alpha |= alpha_start.is_some();
                    out.picture = alpha_start.unwrap_or(chunk.start)..chunk.data.end;
                    out.truncated |= !chunk.whole;
                }
                b"ANMF" => {
                    seen += 1;
                    out.animated = true;
                    if seen == 1 {
                        out.first_frame(bytes, &chunk)?;
                    }
                }
                _ => {}
            }
            // Chunks are padded to even length.
            at = chunk.data.end + (chunk.data.len() & 1);
            out.end = at.min(end);
        }
        if seen == 0 {
            let error = if out.truncated { Error::truncated } else { Error::corrupt };
            return Err(error("a WebP without a picture"));
        }
        out.frames = seen;
        (out.width, out.height) = canvas.unwrap_or((out.picture_width, out.picture_height));
        if u64::from(out.x) + u64::from(out.picture_width) > u64::from(out.width)
            || u64::from(out.y) + u64::from(out.picture_height) > u64::from(out.height)
        {
            return Err(Error::corrupt("a frame outside its canvas"));
        }
        Ok(out)
    }

    /// The still picture written anew from what was recognized: its chunks, its profile, metadata where they are to
    /// be kept, and a header that says so. Unknown chunks and further pictures are not copied.
    pub(crate) fn rewritten(&self, bytes: &[u8], keep: bool) -> Vec<u8> {
        let mut out = b"RIFF\0\0\0\0WEBP".to_vec();
        out.reserve(self.picture.len() + self.icc.as_ref().map_or(0, Range::len) + 64);
        let metadata = || self.metadata.iter().filter(|_| keep);
        let mut flags = metadata().fold(0, |flags, (_, flag)| flags | flag);
        flags |= if self.icc.is_some() { ICC_FLAG } else { 0 };
        if self.extended {
            flags |= if self.alpha { ALPHA_FLAG } else { 0 };
            let side = |n: u32| (n - 1).to_le_bytes();
            let ([w0, w1, w2, _], [h0, h1, h2, _]) = (side(self.width), side(self.height));
            put(&mut out, b"VP8X", &[flags, 0, 0, 0, w0, w1, w2, h0, h1, h2]);
        }
        if let Some(icc) = &self.icc {
            put(&mut out, b"ICCP", &bytes[icc.clone()]);
        }
        let mut at = self.picture.start;
        while let Some(chunk) = chunk(bytes, at, self.picture.end) {
            if matches!(&chunk.id, b"ALPH" | b"VP8 " | b"VP8L") {
                put(&mut out, &chunk.id, &bytes[chunk.data.clone()]);
            }
            at = chunk.data.end + (chunk.data.len() & 1);
        }
        for (range, flag) in metadata() {
            put(&mut out, if *flag == EXIF_FLAG { b"EXIF" } else { b"XMP " }, &bytes[range.clone()]);
        }
        let size = u32::try_from(out.len() - 8).unwrap_or(u32::MAX);
        out[4..8].copy_from_slice(&size.to_le_bytes());
        out
    }

    /// Decodes a lossy picture.
    ///
    /// # Errors
    /// Where its alpha cannot be read.
    pub(crate) fn lossy(&self, bytes: &[u8], pool: &mut Pool) -> Result<Lossy, Error> {
        let mut planes = lossy::room(self.picture_width as usize, self.picture_height as usize, pool);
        let (alpha, ending) = self.each_part(bytes, pool, |data| lossy::decode(data, &mut planes))?;
        Ok(Lossy { planes, alpha, ending })
    }

    /// How the data of a lossy picture and of its alpha end; and its alpha, where it is coded.
    ///
    /// # Errors
    /// Where its alpha cannot be read.
    pub(crate) fn walk(&self, bytes: &[u8], pool: &mut Pool) -> Result<(Option<Plane>, Ending), Error> {
        self.each_part(bytes, pool, lossy::walk)
    }

    /// Whether libwebp may be held against what is made of a lossy picture: of what no encoder writes it makes something else.
    pub(crate) fn is_coded(&self, bytes: &[u8]) -> bool {
        let mut at = self.picture.start;
        while let Some(chunk) = chunk(bytes, at, self.picture.end) {
            if &chunk.id == b"VP8 " && !lossy::is_coded(&bytes[chunk.data.clone()]) {
                return false;
            }
            at = chunk.data.end + (chunk.data.len() & 1);
        }
        true
    }

    fn each_part(
        &self,
        bytes: &[u8],
        pool: &mut Pool,
        mut picture: impl FnMut(&[u8]) -> Ending,
    ) -> Result<(Option<Plane>, Ending), Error> {
        let (mut at, mut alpha, mut ending) = (self.picture.start, None, Ending::Exact);
        while let Some(chunk) = chunk(bytes, at, self.picture.end) {
            let data = &bytes[chunk.data.clone()];
            if !chunk.whole {
                // A frame may be whole and what is in it not.
                ending = Ending::Beyond;
            }
            match &chunk.id {
                b"ALPH" => {
                    let size = (self.picture_width, self.picture_height);
                    let (plane, end) = alpha::decode(data, size, pool)?;
                    (alpha, ending) = (plane, ending.max(end));
                }
                b"VP8 " => ending = ending.max(picture(data)),
                _ => {}
            }
            at = chunk.data.end + (chunk.data.len() & 1);
        }
        Ok((alpha, ending))
    }

    /// An animation's frame: a header of 16 bytes, then chunks as in a still picture.
    fn first_frame(&mut self, bytes: &[u8], frame: &Chunk) -> Result<(), Error> {
        let data = &bytes[frame.data.clone()];
        if data.len() < 16 {
            return Err(Error::truncated("a frame without its header"));
        }
        (self.x, self.y) = (u24(data) * 2, u24(&data[3..]) * 2);
        let declared = (u24(&data[6..]) + 1, u24(&data[9..]) + 1);
        let mut at = frame.data.start + 16;
        let mut start = None;
        while let Some(chunk) = chunk(bytes, at, frame.data.end) {
            match &chunk.id {
                b"ALPH" => {
                    start = Some(chunk.start);
                    self.alpha = true;
                }
                b"VP8 " | b"VP8L" => {
                    self.bitstream(&chunk, &bytes[chunk.data.clone()])?;
                    if (self.picture_width, self.picture_height) != declared {
                        return Err(Error::corrupt("a frame of another size than it says"));
                    }
                    self.picture = start.unwrap_or(chunk.start)..chunk.data.end;
                    self.truncated |= !chunk.whole && !frame.whole;
                    return Ok(());
                }
                _ => {}
            }
            at = chunk.data.end + (chunk.data.len() & 1);
        }
        Err(if frame.whole {
            Error::corrupt("a frame without a picture")
        } else {
            Error::truncated("a frame without a picture")
        })
    }

    /// Size and kind from the first bytes of coded data.
    fn bitstream(&mut self, chunk: &Chunk, data: &[u8]) -> Result<(), Error> {
        let short = || {
            if chunk.whole {
                Error::corrupt("picture data too short")
            } else {
                Error::truncated("picture data too short")
            }
        };
        if &chunk.id == b"VP8L" {
            let [0x2F, rest @ ..] = data else {
                return Err(if data.is_empty() { short() } else { Error::corrupt("no lossless WebP picture") });
            };
            let bits = u32::from_le_bytes(rest.get(..4).ok_or_else(short)?.try_into().map_err(|_| short())?);
            self.lossless = true;
            self.alpha |= bits >> 28 & 1 != 0;
            (self.picture_width, self.picture_height) = ((bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1);
            return Ok(());
        }
        let head = data.get(..10).ok_or_else(short)?;
        if head[0] & 1 != 0 || head[3..6] != [0x9D, 0x01, 0x2A] {
            return Err(Error::corrupt("no lossy WebP picture"));
        }
        let side = |lo: u8, hi: u8| u32::from(u16::from_le_bytes([lo, hi]) & 0x3FFF);
        (self.picture_width, self.picture_height) = (side(head[6], head[7]), side(head[8], head[9]));
        if self.picture_width == 0 || self.picture_height == 0 {
            return Err(Error::corrupt("a side of zero pixels"));
        }
        Ok(())
    }
}

/// Writes a chunk, padded to even length.
fn put(out: &mut Vec<u8>, id: &[u8; 4], data: &[u8]) {
    out.extend_from_slice(id);
    out.extend_from_slice(&u32::try_from(data.len()).unwrap_or(u32::MAX).to_le_bytes());
    out.extend_from_slice(data);
    if data.len() % 2 == 1 {
        out.push(0);
    }
}

fn chunk(bytes: &[u8], at: usize, end: usize) -> Option<Chunk> {
    let header = bytes.get(at..at.checked_add(8)?).filter(|_| at + 8 <= end)?;
    let size = u32::from_le_bytes([header[4], header[5], header[6], header[7]]) as usize;
    let start = at + 8;
    let stop = start.saturating_add(size);
    let id = [header[0], header[1], header[2], header[3]];
    Some(Chunk { id, start: at, data: start..stop.min(end), whole: stop <= end })
}

fn u24(b: &[u8]) -> u32 {
    u32::from(b[0]) | u32::from(b[1]) << 8 | u32::from(b[2]) << 16
}
