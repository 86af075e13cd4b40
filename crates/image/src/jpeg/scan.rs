//! One walk over a JPEG's markers: everything that is decided without decoding comes from here.
//!
//! Two depths: [`Scan::header`] stops at the first scan, [`Scan::whole`] goes to the end of the first picture
//! and so sees scan counts, missing ends and what trails. [`Scan::rewritten`] writes a picture from what was
//! recognized and from nothing else: what nobody knows is not copied.

use std::ops::Range;

use super::completeness::{Completeness, Lack, ScanHeader};
use crate::error::Error;
use crate::exif;

/// What the markers say.
#[derive(Debug, Default)]
pub(crate) struct Scan {
    /// The frame header.
    pub(crate) frame: Frame,
    /// What the picture is made of, in order. Nothing else is ever copied.
    parts: Vec<Part>,
    /// Orientation of the first EXIF block, if it has a valid one.
    pub(crate) orientation: Option<u8>,
    /// The assembled ICC profile, where all of its parts are there.
    pub(crate) icc: Option<Vec<u8>>,
    /// A multi-picture index: MPO, or a gain map.
    pub(crate) multi_picture: bool,
    /// Adobe's colour transform byte.
    pub(crate) adobe: Option<u8>,
    /// Scans seen. One when only the header was read.
    pub(crate) scans: u32,
    /// Just behind the end marker; `None` where the picture ends without one, or only the header was
    /// read.
    pub(crate) end: Option<usize>,
    /// Whether the scans read so far give every coefficient to its last bit.
    complete: Completeness,
    /// Number of lines given behind the first scan. Sheet-fed scanners, which do not know it when they begin,
    /// write zero, 65,535 or the paper's nominal length into the frame.
    pub(crate) dnl: Option<u16>,
    /// Which tables were defined: quantizers, DC and AC codes.
    quantizers: u8,
    codes: [u8; 2],
    /// Whether a quantizer has steps of zero.
    pub(crate) zero_steps: bool,
    /// Whether every scan had the tables that it names.
    pub(crate) tables: bool,
}

/// The start-of-frame segment.
#[derive(Clone, Debug, Default)]
pub(crate) struct Frame {
    /// Low byte of the marker: 0xC0 baseline, 0xC2 progressive and so on.
    pub(crate) marker: u8,
    pub(crate) precision: u8,
    pub(crate) width: u16,
    pub(crate) height: u16,
    /// Identifier of each component.
    pub(super) components: Vec<u8>,
    /// Horizontal and vertical sampling factors of each component.
    pub(crate) factors: Vec<(u8, u8)>,
    /// Quantization table of each component.
    quantizers: Vec<u8>,
}

impl Frame {
    /// Whether coefficients of the whole picture are held until the last scan.
    pub(crate) const fn progressive(&self) -> bool {
        matches!(self.marker, 0xC2 | 0xC6 | 0xCA | 0xCE)
    }

    pub(crate) const fn arithmetic(&self) -> bool {
        matches!(self.marker, 0xC9..=0xCB | 0xCD..=0xCF)
    }

    pub(crate) const fn lossless(&self) -> bool {
        matches!(self.marker, 0xC3 | 0xC7 | 0xCB | 0xCF)
    }

    pub(crate) const fn hierarchical(&self) -> bool {
        matches!(self.marker, 0xC5..=0xC7 | 0xCD..=0xCF)
    }
}

/// A piece of the file that belongs to the picture.
#[derive(Debug)]
struct Part {
    range: Range<usize>,
    kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Copied as it stands: tables, intervals.
    Table,
    /// The frame header, into which the true number of lines goes.
    Frame,
    /// The JFIF header, whose thumbnail is left out.
    Jfif,
    /// Adobe's marker, of which twelve bytes mean something.
    Adobe,
    /// A piece of the profile.
    Profile,
    /// A scan's header.
    Scan,
    /// Entropy-coded data.
    Data,
}

const ICC_PREFIX: &[u8] = b"ICC_PROFILE\0";

/// The JFIF header's length, its length field included, when no thumbnail follows.
const JFIF_LENGTH: usize = 16;
/// The same of Adobe's marker.
const ADOBE_LENGTH: usize = 14;

impl Scan {
    /// Reads up to the first scan.
    pub(crate) fn header(bytes: &[u8]) -> Result<Self, Error> {
        Self::read(bytes, false)
    }

    /// Reads to the end of the first picture.
    pub(crate) fn whole(bytes: &[u8]) -> Result<Self, Error> {
        Self::read(bytes, true)
    }

    /// The picture and its profile, written anew from what was recognized: no application data, no comment, no
    /// thumbnail, nothing between the segments or behind the end, the true number of lines in the frame, the
    /// only lawful parameters in sequential scans, and an end marker.
    pub(crate) fn rewritten(&self, bytes: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.parts.iter().map(|part| part.range.len()).sum::<usize>() + 4);
        out.extend_from_slice(&[0xFF, 0xD8]);
        for part in &self.parts {
            let piece = &bytes[part.range.clone()];
            let at = out.len();
            match part.kind {
                Kind::Table | Kind::Profile | Kind::Data => out.extend_from_slice(piece),
                Kind::Frame => {
                    out.extend_from_slice(piece);
                    out[at + 5..at + 7].copy_from_slice(&self.height().to_be_bytes());
                }
                Kind::Jfif => {
                    out.extend_from_slice(&[0xFF, 0xE0, 0, JFIF_LENGTH as u8]);
                    out.extend_from_slice(&piece[4..JFIF_LENGTH]);
                    out.extend_from_slice(&[0, 0]);
                    // There is one major version; decoders complain of others.
                    if piece[9] != 1 {
                        out[at + 9..at + 11].copy_from_slice(&[1, 1]);
                    }
                }
                Kind::Adobe => {
                    out.extend_from_slice(&[0xFF, 0xEE, 0, ADOBE_LENGTH as u8]);
                    out.extend_from_slice(&piece[4..2 + ADOBE_LENGTH]);
                }
                Kind::Scan => {
                    out.extend_from_slice(piece);
                    if !self.frame.progressive() && !self.frame.lossless() {
                        let length = out.len();
                        out[length - 3..].copy_from_slice(&[0, 63, 0]);
                    }
                }
            }
        }
        out.extend_from_slice(&[0xFF, 0xD9]);
        out
    }

    /// The segments of the ICC profile, whole and in order.
    pub(crate) fn profile_segments<'a>(&self, bytes: &'a [u8]) -> impl Iterator<Item = &'a [u8]> {
        self.parts.iter().filter(|s| s.kind == Kind::Profile).map(move |s| &bytes[s.range.clone()])
    }

    /// Where the coded data of the last scan end, as far as markers tell.
    pub(crate) fn data_end(&self) -> usize {
        self.parts.iter().rfind(|part| part.kind == Kind::Data).map_or(0, |part| part.range.end)
    }

    /// Bytes that [`Self::rewritten`] writes behind the last coded data.
    pub(crate) fn behind_data(&self) -> usize {
        let parts = self.parts.iter().rev().take_while(|part| part.kind != Kind::Data);
        parts.map(|part| part.range.len()).sum::<usize>() + 2
    }

    /// Bytes that stand behind data which end at `end` in truth, where the end marker or the number of lines comes right
    /// behind them: a decoder that lost its way leaves such. A trailer has its own markers, or none.
    pub(crate) fn surplus(&self, bytes: &[u8], end: usize) -> usize {
        let data_end = self.data_end();
        let closed = self.end.and_then(|marker| bytes.get(data_end..marker - 2));
        let closed = closed.is_some_and(|between| between.iter().all(|b| *b == 0xFF));
        if closed || self.dnl.is_some() && self.scans == 1 {
            super::walk::stray(bytes.get(end..data_end).unwrap_or_default())
        } else {
            0
        }
    }

    /// Whether the scans announce every coefficient of every component to its last bit. What a scan lacks of what
    /// it announced is for the decoder to find.
    pub(crate) fn is_complete(&self) -> bool {
        self.frame.lossless() || self.complete.lacks(self.frame.components.len()) == Lack::Nothing
    }

    /// What the scans leave out.
    pub(crate) fn lacks(&self) -> Lack {
        if self.frame.lossless() { Lack::Nothing } else { self.complete.lacks(self.frame.components.len()) }
    }

    /// Height from the later marker, or from the frame.
    pub(crate) fn height(&self) -> u16 {
        self.dnl.unwrap_or(self.frame.height)
    }

    fn read(bytes: &[u8], whole: bool) -> Result<Self, Error> {
        if bytes.get(..2) != Some(&[0xFF, 0xD8]) {
            return Err(Error::corrupt("no JPEG start marker"));
        }
        let mut scan = Self { tables: true, ..Self::default() };
        let mut profile = ProfileParts::default();
        let mut at = 2;
        loop {
            let found = next_marker(bytes, at);
            // Between a scan's header and the next marker lie its data; what lies elsewhere is nobody's.
            if let Some(Part { range, kind: Kind::Scan }) = scan.parts.last()
                && whole
            {
                let mut end = found.map_or(bytes.len(), |(_, start)| start);
                let start = range.end;
                while end > start && bytes[end - 1] == 0xFF {
                    end -= 1;
                }
                scan.parts.push(Part { range: start..end, kind: Kind::Data });
            }
            let Some((marker, start)) = found else {
                return scan.ended_early(profile);
            };
            // 0xFF of the marker stands at `start`, its code at `start + 1`.
            match marker {
                0xD9 => {
                    if scan.scans == 0 {
                        return Err(Error::corrupt("a JPEG without picture data"));
                    }
                    scan.end = Some(start + 2);
                    break;
                }
                // The next picture begins, and this one had no end.
                0xD8 if scan.scans > 0 => return scan.ended_early(profile),
                0x01 | 0xD0..=0xD8 => {
                    at = start + 2;
                    continue;
                }
                _ => {}
            }
            let Some(body) = segment(bytes, start + 2) else {
                return scan.ended_early(profile);
            };
            let data = &bytes[body.clone()];
            let range = start..body.end;
            at = body.end;
            match marker {
                0xDA => {
                    scan.begin(data, range)?;
                    if !whole {
                        break;
                    }
                }
                // Right behind the first scan and nowhere else.
                0xDC if scan.scans == 1 && matches!(scan.parts.last(), Some(Part { kind: Kind::Data, .. })) => {
                    scan.dnl = data.first_chunk().map(|lines| u16::from_be_bytes(*lines)).filter(|lines| *lines > 0);
                }
                _ => scan.note(marker, data, range, &mut profile)?,
            }
        }
        scan.icc = profile.assemble();
        Ok(scan)
    }

    /// The bytes ran out: sound as far as it goes if a scan has begun.
    fn ended_early(mut self, profile: ProfileParts<'_>) -> Result<Self, Error> {
        if self.scans == 0 {
            return Err(Error::truncated("the file ends before its picture data"));
        }
        self.icc = profile.assemble();
        Ok(self)
    }

    /// A scan's header.
    fn begin(&mut self, data: &[u8], range: Range<usize>) -> Result<(), Error> {
        if self.frame.marker == 0 {
            return Err(Error::corrupt("picture data before the frame header"));
        }
        let Some(header) = ScanHeader::read(data) else {
            return Err(Error::corrupt("a scan's header too short"));
        };
        self.scans = self.scans.saturating_add(1);
        self.complete.note(&header, self.frame.progressive(), &self.frame.components);
        self.tables &= self.has_tables(&header);
        self.parts.push(Part { range, kind: Kind::Scan });
        Ok(())
    }

    /// Whether the tables that a scan names were defined before it.
    fn has_tables(&self, header: &ScanHeader<'_>) -> bool {
        let progressive = self.frame.progressive();
        header.components.iter().all(|[id, codes]| {
            let quantizer = self.frame.components.iter().position(|c| c == id).map(|i| self.frame.quantizers[i]);
            let quantizer = quantizer.is_some_and(|n| n < 4 && self.quantizers >> n & 1 == 1);
            let has = |kind: usize, n: u8| n < 4 && self.codes[kind] >> n & 1 == 1;
            let dc = header.first > 0 || (progressive && header.bits >> 4 > 0) || has(0, codes >> 4);
            let ac = (progressive && header.first == 0) || self.frame.lossless() || has(1, codes & 15);
            (quantizer || self.frame.lossless()) && (self.frame.arithmetic() || (dc && ac))
        })
    }

    /// Reads any other segment, and keeps it if the picture needs it.
    fn note<'a>(
        &mut self,
        marker: u8,
        data: &'a [u8],
        range: Range<usize>,
        profile: &mut ProfileParts<'a>,
    ) -> Result<(), Error> {
        let before = self.scans == 0;
        let kind = match marker {
            0xC4 => {
                self.note_codes(data);
                Kind::Table
            }
            0xDB => {
                self.note_quantizers(data)?;
                Kind::Table
            }
            0xCC | 0xDD => Kind::Table,
            0xC0..=0xCF if marker != 0xC8 => {
                if self.frame.marker != 0 {
                    return if before { Err(Error::corrupt("two frame headers")) } else { Ok(()) };
                }
                self.frame = frame(marker, data)?;
                Kind::Frame
            }
            0xE0 if before && data.starts_with(b"JFIF\0") && data.len() + 2 >= JFIF_LENGTH => Kind::Jfif,
            0xE1 if before => {
                if let Some(tiff) = data.strip_prefix(b"Exif\0\0")
                    && self.orientation.is_none()
                {
                    self.orientation = exif::orientation(tiff);
                }
                return Ok(());
            }
            0xE2 if before && data.starts_with(ICC_PREFIX) => {
                profile.add(&data[ICC_PREFIX.len()..]);
                Kind::Profile
            }
            0xE2 if before => {
                self.multi_picture |= data.starts_with(b"MPF\0");
                return Ok(());
            }
            0xEE if before && data.len() + 2 >= ADOBE_LENGTH && data.starts_with(b"Adobe") => {
                self.adobe = Some(data[11]);
                Kind::Adobe
            }
            _ => return Ok(()),
        };
        self.parts.push(Part { range, kind });
        Ok(())
    }

    /// The standard forbids steps of zero. No decoder minds; what the first one quantizes, the blocks' brightness, is lost.
    fn note_quantizers(&mut self, mut data: &[u8]) -> Result<(), Error> {
        while let [number, rest @ ..] = data {
            self.quantizers |= 1_u8.checked_shl(u32::from(number & 15)).unwrap_or(0);
            let width = if number >> 4 == 0 { 1 } else { 2 };
            let (steps, behind) = rest.split_at_checked(64 * width).unwrap_or((rest, &[]));
            let mut steps = steps.chunks_exact(width).map(|step| step.iter().all(|byte| *byte == 0));
            if steps.next() == Some(true) {
                return Err(Error::corrupt("a JPEG with a quantization table that begins with zero"));
            }
            self.zero_steps |= steps.any(|is_zero| is_zero);
            data = behind;
        }
        Ok(())
    }

    fn note_codes(&mut self, mut data: &[u8]) {
        while let [number, rest @ ..] = data {
            let Some((counts, rest)) = rest.split_first_chunk::<16>() else { return };
            if let Some(kind) = self.codes.get_mut(usize::from(number >> 4)) {
                *kind |= 1_u8.checked_shl(u32::from(number & 15)).unwrap_or(0);
            }
            data = rest.get(counts.iter().map(|n| usize::from(*n)).sum()..).unwrap_or_default();
        }
    }
}

/// The next marker code and the position of its 0xFF. Skips entropy-coded data, stuffed zeros, fill
/// bytes, restart markers and stray bytes between segments.
fn next_marker(bytes: &[u8], mut at: usize) -> Option<(u8, usize)> {
    loop {
        at += memchr::memchr(0xFF, bytes.get(at..)?)?;
        match *bytes.get(at + 1)? {
            0x00 | 0xD0..=0xD7 => at += 2,
            0xFF => at += 1,
            code => return Some((code, at)),
        }
    }
}

/// The data of the segment whose length field stands at `at`.
fn segment(bytes: &[u8], at: usize) -> Option<Range<usize>> {
    let length = bytes.get(at..at + 2)?;
    let length = usize::from(u16::from_be_bytes([length[0], length[1]]));
    let end = at + length.max(2);
    (end <= bytes.len()).then_some(at + 2..end)
}

fn frame(marker: u8, data: &[u8]) -> Result<Frame, Error> {
    let [precision, h0, h1, w0, w1, count, components @ ..] = data else {
        return Err(Error::corrupt("a frame header too short"));
    };
    let count = usize::from(*count);
    if count == 0 || count > 4 || components.len() < count * 3 {
        return Err(Error::corrupt("a frame header with an impossible number of components"));
    }
    let factors = components.chunks_exact(3).take(count).map(|c| (c[1] >> 4, c[1] & 15)).collect();
    let frame = Frame {
        marker,
        precision: *precision,
        width: u16::from_be_bytes([*w0, *w1]),
        height: u16::from_be_bytes([*h0, *h1]),
        components: components.chunks_exact(3).take(count).map(|c| c[0]).collect(),
        factors,
        quantizers: components.chunks_exact(3).take(count).map(|c| c[2]).collect(),
    };
    if frame.factors.iter().any(|f| !(1..=4).contains(&f.0) || !(1..=4).contains(&f.1)) {
        return Err(Error::corrupt("a sampling factor outside 1–4"));
    }
    Ok(frame)
}

/// An ICC profile is split over segments that carry their number and count.
#[derive(Default)]
struct ProfileParts<'a> {
    parts: Vec<Option<&'a [u8]>>,
    broken: bool,
}

impl<'a> ProfileParts<'a> {
    fn add(&mut self, data: &'a [u8]) {
        let [number, count, rest @ ..] = data else {
            self.broken = true;
            return;
        };
        if self.parts.is_empty() {
            self.parts.resize(usize::from(*count), None);
        }
        let index = usize::from(*number).wrapping_sub(1);
        match self.parts.get_mut(index) {
            Some(slot @ None) if usize::from(*count) > 0 => *slot = Some(rest),
            _ => self.broken = true,
        }
    }

    fn assemble(self) -> Option<Vec<u8>> {
        if self.broken || self.parts.is_empty() {
            return None;
        }
        let parts: Option<Vec<&[u8]>> = self.parts.into_iter().collect();
        Some(parts?.concat())
    }
}
