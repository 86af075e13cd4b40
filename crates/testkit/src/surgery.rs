//! Files taken apart and put together again otherwise: damage and dialects that no encoder writes.

/// A JPEG as its marker segments.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct JpegFile {
    /// Everything between the start marker and the end marker.
    pub segments: Vec<JpegSegment>,
    /// Whether an end marker follows.
    pub has_end: bool,
    /// Bytes behind it.
    pub trailer: Vec<u8>,
}

/// One marker with what belongs to it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct JpegSegment {
    /// The marker's code, the byte behind 0xFF.
    pub marker: u8,
    /// Content without the length field.
    pub body: Vec<u8>,
    /// Entropy-coded data behind a scan's header; bytes that belong to nobody behind any other segment.
    pub data: Vec<u8>,
}

impl JpegSegment {
    /// A segment without data.
    pub fn new(marker: u8, body: &[u8]) -> Self {
        Self { marker, body: body.to_vec(), data: Vec::new() }
    }
}

impl JpegFile {
    /// Takes a sound file apart.
    ///
    /// # Panics
    /// Where the file is not sound: specimens are.
    pub fn parse(file: &[u8]) -> Self {
        assert_eq!(file[..2], [0xFF, 0xD8], "a JPEG");
        let mut segments = Vec::new();
        let mut at = 2;
        loop {
            assert_eq!(file[at], 0xFF, "a marker at {at}");
            let marker = file[at + 1];
            if marker == 0xD9 {
                return Self { segments, has_end: true, trailer: file[at + 2..].to_vec() };
            }
            let length = usize::from(file[at + 2]) << 8 | usize::from(file[at + 3]);
            let body = file[at + 4..at + 2 + length].to_vec();
            at += 2 + length;
            let begun = at;
            if marker == 0xDA {
                while file[at] != 0xFF || matches!(file[at + 1], 0 | 0xD0..=0xD7) {
                    at += 1;
                }
            }
            segments.push(JpegSegment { marker, body, data: file[begun..at].to_vec() });
        }
    }

    /// The file.
    ///
    /// # Panics
    /// When a segment is longer than a segment can be.
    pub fn write(&self) -> Vec<u8> {
        let mut out = vec![0xFF, 0xD8];
        for segment in &self.segments {
            let length = u16::try_from(segment.body.len() + 2).expect("a segment of at most 65,533 bytes");
            out.extend_from_slice(&[0xFF, segment.marker]);
            out.extend_from_slice(&length.to_be_bytes());
            out.extend_from_slice(&segment.body);
            out.extend_from_slice(&segment.data);
        }
        if self.has_end {
            out.extend_from_slice(&[0xFF, 0xD9]);
        }
        out.extend_from_slice(&self.trailer);
        out
    }

    /// Without the segments of a marker.
    #[must_use]
    pub fn without(mut self, marker: u8) -> Self {
        self.segments.retain(|segment| segment.marker != marker);
        self
    }

    /// With a segment right before the first scan.
    #[must_use]
    pub fn before_scan(self, segment: JpegSegment) -> Self {
        let at = self.scan(0);
        self.insert(at, segment)
    }

    /// With a segment right behind the `n`th scan, counted from 0.
    #[must_use]
    pub fn behind_scan(self, n: usize, segment: JpegSegment) -> Self {
        let at = self.scan(n) + 1;
        self.insert(at, segment)
    }

    /// With only the first `n` scans.
    #[must_use]
    pub fn scans(mut self, n: usize) -> Self {
        let end = self.scan(n - 1) + 1;
        self.segments.truncate(end);
        self
    }

    /// The data of the `n`th scan, to be changed.
    pub fn data(&mut self, n: usize) -> &mut Vec<u8> {
        let at = self.scan(n);
        &mut self.segments[at].data
    }

    /// The number of lines in the frame header, to be changed.
    ///
    /// # Panics
    /// Where there is no frame header.
    #[must_use]
    pub fn lines(mut self, lines: u16) -> Self {
        let is_frame = |s: &&mut JpegSegment| matches!(s.marker, 0xC0..=0xC3);
        let frame = self.segments.iter_mut().find(is_frame).expect("a frame header");
        frame.body[1..3].copy_from_slice(&lines.to_be_bytes());
        self
    }

    fn insert(mut self, at: usize, segment: JpegSegment) -> Self {
        self.segments.insert(at, segment);
        self
    }

    fn scan(&self, n: usize) -> usize {
        let scans = self.segments.iter().enumerate().filter(|(_, s)| s.marker == 0xDA);
        scans.map(|(at, _)| at).nth(n).expect("that many scans")
    }
}

/// A PNG as its chunks.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PngFile {
    /// Name, content and whether the checksum is right.
    pub chunks: Vec<([u8; 4], Vec<u8>, bool)>,
}

impl PngFile {
    /// Takes a sound file apart.
    ///
    /// # Panics
    /// Where the file is not sound: specimens are.
    pub fn parse(file: &[u8]) -> Self {
        let mut chunks = Vec::new();
        let mut at = 8;
        while at < file.len() {
            let length = u32::from_be_bytes(file[at..at + 4].try_into().expect("four bytes")) as usize;
            let name = file[at + 4..at + 8].try_into().expect("four bytes");
            chunks.push((name, file[at + 8..at + 8 + length].to_vec(), true));
            at += 12 + length;
        }
        Self { chunks }
    }

    /// The file.
    pub fn write(&self) -> Vec<u8> {
        let mut out = b"\x89PNG\r\n\x1a\n".to_vec();
        for (name, body, sound) in &self.chunks {
            out.extend_from_slice(&(body.len() as u32).to_be_bytes());
            let from = out.len();
            out.extend_from_slice(name);
            out.extend_from_slice(body);
            let sum = crc(&out[from..]) ^ u32::from(!sound);
            out.extend_from_slice(&sum.to_be_bytes());
        }
        out
    }

    /// Without the chunks of a name.
    #[must_use]
    pub fn without(mut self, name: &[u8; 4]) -> Self {
        self.chunks.retain(|(n, ..)| n != name);
        self
    }

    /// With a chunk right behind the header.
    #[must_use]
    pub fn with(mut self, name: &[u8; 4], body: &[u8]) -> Self {
        self.chunks.insert(1, (*name, body.to_vec(), true));
        self
    }

    /// With a wrong checksum on the chunks of a name.
    #[must_use]
    pub fn unsound(mut self, name: &[u8; 4]) -> Self {
        self.chunks.iter_mut().filter(|(n, ..)| n == name).for_each(|(.., sound)| *sound = false);
        self
    }

    /// The first chunk of a name, to be changed.
    ///
    /// # Panics
    /// Where there is none.
    pub fn body(&mut self, name: &[u8; 4]) -> &mut Vec<u8> {
        &mut self.chunks.iter_mut().find(|(n, ..)| n == name).expect("such a chunk").1
    }
}

/// CRC-32 as PNG has it, a bit at a time.
fn crc(data: &[u8]) -> u32 {
    !data.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| if crc & 1 == 1 { crc >> 1 ^ 0xEDB8_8320 } else { crc >> 1 })
    })
}

/// A lossless JPEG (SOF3) of eight-bit grey or RGB samples, each predicted by its left neighbour.
///
/// # Panics
/// When a side is above 65,535 pixels.
pub fn lossless_jpeg(picture: &crate::Rgb, gray: bool) -> Vec<u8> {
    let side = |n: u32| u16::try_from(n).expect("a side of 16 bits").to_be_bytes();
    let ([w0, w1], [h0, h1]) = (side(picture.width), side(picture.height));
    let components = if gray { 1 } else { 3 };
    let mut frame = vec![8, h0, h1, w0, w1, components];
    let mut scan = vec![components];
    for id in 1..=components {
        frame.extend_from_slice(&[id, 0x11, 0]);
        scan.extend_from_slice(&[id, 0]);
    }
    // Predictor 1, no point transform.
    scan.extend_from_slice(&[1, 0, 0]);
    // Nine categories with codes of four bits each.
    let mut codes = vec![0, 0, 0, 0, 9];
    codes.resize(17, 0);
    codes.extend(0..9);
    let (mut data, mut bits, mut count) = (Vec::new(), 0_u32, 0);
    let mut put = |value: u32, length: u32| {
        bits = bits << length | value;
        count += length;
        while count >= 8 {
            count -= 8;
            let byte = (bits >> count) as u8;
            data.push(byte);
            if byte == 0xFF {
                data.push(0);
            }
        }
    };
    let (width, channels) = (picture.width as usize, usize::from(components));
    let sample = |y: usize, x: usize, c: usize| i32::from(picture.data[(y * width + x) * 3 + c]);
    for y in 0..picture.height as usize {
        for x in 0..width {
            for c in 0..channels {
                // Rows begin with the sample above, the picture with half of the range.
                let guess = match (x, y) {
                    (0, 0) => 128,
                    (0, _) => sample(y - 1, 0, c),
                    _ => sample(y, x - 1, c),
                };
                let difference = sample(y, x, c) - guess;
                let category = 32 - difference.unsigned_abs().leading_zeros();
                put(category, 4);
                let low = if difference < 0 { difference - 1 } else { difference } as u32;
                put(low & ((1 << category) - 1), category);
            }
        }
    }
    put(0x7F, 7);
    let adobe = JpegSegment::new(0xEE, b"Adobe\0\x64\0\0\0\0\0");
    let mut segments = if gray { Vec::new() } else { vec![adobe] };
    segments.push(JpegSegment::new(0xC4, &codes));
    segments.push(JpegSegment::new(0xC3, &frame));
    segments.push(JpegSegment { marker: 0xDA, body: scan, data });
    JpegFile { segments, has_end: true, trailer: Vec::new() }.write()
}

#[cfg(test)]
mod tests {
    use super::{JpegFile, PngFile};
    use crate::{Jpeg, Png, scene};

    #[test]
    fn what_was_taken_apart_goes_together_again() {
        let picture = scene(1, 61, 47);
        for jpeg in [Jpeg::new(&picture), Jpeg::new(&picture).progressive(), Jpeg::new(&picture).restart(2)] {
            let file = jpeg.trailer(b"tail").encode();
            assert_eq!(JpegFile::parse(&file).write(), file);
        }
        let file = Png::new(&picture).encode();
        assert_eq!(PngFile::parse(&file).write(), file);
    }
}
