//! One walk over a JPEG's markers: everything that is decided without decoding comes from here.
//!
//! Two depths: [`Scan::header`] stops at the first scan, [`Scan::whole`] goes to the end marker and
//! so sees scan counts, missing ends and what trails.

use std::borrow::Cow;
use std::ops::Range;

use crate::error::Error;
use crate::exif;

/// What the markers say.
#[derive(Debug, Default)]
pub(crate) struct Scan {
    /// The frame header.
    pub(crate) frame: Frame,
    /// Marker segments before the first scan, in order, and which parts to keep when stripping.
    segments: Vec<Segment>,
    /// Orientation of the first EXIF block, if it has a valid one.
    pub(crate) orientation: Option<u8>,
    /// Whether there is EXIF, XMP, IPTC, comments, previews: anything a strip would remove.
    pub(crate) has_metadata: bool,
    /// The assembled ICC profile, where all of its parts are there.
    pub(crate) icc: Option<Vec<u8>>,
    /// A multi-picture index: MPO, or a gain map.
    pub(crate) multi_picture: bool,
    /// Adobe's colour transform byte.
    pub(crate) adobe: Option<u8>,
    /// Scans seen. One when only the header was read.
    pub(crate) scans: u32,
    /// Where the first scan's marker starts.
    pub(crate) first_scan: usize,
    /// Just behind the end marker; `None` where the file ends without one, or only the header was
    /// read.
    pub(crate) end: Option<usize>,
    /// Whether the scans read so far give every coefficient to its last bit.
    complete: Completeness,
    /// Number of lines given behind the first scan, for frames that said zero.
    pub(crate) dnl: Option<u16>,
}

/// The start-of-frame segment.
#[derive(Clone, Debug, Default)]
pub(crate) struct Frame {
    /// Low byte of the marker: 0xC0 baseline, 0xC2 progressive and so on.
    pub(crate) marker: u8,
    pub(crate) precision: u8,
    pub(crate) width: u16,
    pub(crate) height: u16,
    /// Byte position of the height field.
    pub(crate) height_at: usize,
    /// Identifier of each component.
    components: Vec<u8>,
    /// Horizontal and vertical sampling factors of each component.
    pub(crate) factors: Vec<(u8, u8)>,
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

#[derive(Debug)]
struct Segment {
    range: Range<usize>,
    keep: Keep,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Keep {
    Always,
    Profile,
    Metadata,
}

const ICC_PREFIX: &[u8] = b"ICC_PROFILE\0";

impl Scan {
    /// Reads up to the first scan.
    pub(crate) fn header(bytes: &[u8]) -> Result<Self, Error> {
        Self::read(bytes, false)
    }

    /// Reads to the end marker.
    pub(crate) fn whole(bytes: &[u8]) -> Result<Self, Error> {
        Self::read(bytes, true)
    }

    /// The file without metadata (where `strip` says so) and without anything behind the end marker;
    /// `None` where that is the file as it is. Profile and coded data are untouched.
    pub(crate) fn stripped(&self, bytes: &[u8], strip: bool) -> Option<Vec<u8>> {
        let end = self.end.unwrap_or(bytes.len());
        let drops = |s: &Segment| strip && s.keep == Keep::Metadata;
        if end == bytes.len() && !self.segments.iter().any(drops) {
            return None;
        }
        let mut out = Vec::with_capacity(bytes.len());
        out.extend_from_slice(&bytes[..2]);
        for segment in self.segments.iter().filter(|s| !drops(s)) {
            out.extend_from_slice(&bytes[segment.range.clone()]);
        }
        out.extend_from_slice(&bytes[self.first_scan..end]);
        Some(out)
    }

    /// The segments of the ICC profile, whole and in order.
    pub(crate) fn profile_segments<'a>(&self, bytes: &'a [u8]) -> impl Iterator<Item = &'a [u8]> {
        self.segments.iter().filter(|s| s.keep == Keep::Profile).map(move |s| &bytes[s.range.clone()])
    }

    /// The bytes a decoder should see: repaired where the frame left its height to a later marker
    /// (libjpeg does not read those) and where the end marker is missing (so that the decoder's
    /// complaints are about missing picture data, not about the missing marker).
    pub(crate) fn repaired<'a>(&self, bytes: &'a [u8]) -> Cow<'a, [u8]> {
        let needs_height = self.frame.height == 0 && self.dnl.is_some();
        if !needs_height && self.end.is_some() {
            return Cow::Borrowed(bytes);
        }
        let mut out = Vec::with_capacity(bytes.len() + 2);
        out.extend_from_slice(bytes);
        if let (true, Some(lines)) = (needs_height, self.dnl) {
            out[self.frame.height_at..][..2].copy_from_slice(&lines.to_be_bytes());
        }
        if self.end.is_none() {
            // A lone marker prefix at the end would swallow the marker that is added.
            while out.last() == Some(&0xFF) {
                out.pop();
            }
            out.extend_from_slice(&[0xFF, 0xD9]);
        }
        Cow::Owned(out)
    }

    /// Whether a file without an end marker announced everything that its picture needs. What its
    /// last scan lacks is for the decoder to find.
    pub(crate) fn is_complete(&self) -> bool {
        !self.frame.progressive() || self.complete.is_complete(self.frame.components.len())
    }

    /// Height from the frame, or from the later marker.
    pub(crate) fn height(&self) -> u16 {
        if self.frame.height == 0 { self.dnl.unwrap_or(0) } else { self.frame.height }
    }

    fn read(bytes: &[u8], whole: bool) -> Result<Self, Error> {
        if bytes.get(..2) != Some(&[0xFF, 0xD8]) {
            return Err(Error::corrupt("no JPEG start marker"));
        }
        let mut scan = Self::default();
        let mut profile = ProfileParts::default();
        let mut at = 2;
        loop {
            let Some((marker, start)) = next_marker(bytes, at) else {
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
            if marker == 0xDA {
                if scan.frame.marker == 0 {
                    return Err(Error::corrupt("picture data before the frame header"));
                }
                if scan.scans == 0 {
                    scan.first_scan = start;
                }
                scan.scans = scan.scans.saturating_add(1);
                scan.complete.note(data, &scan.frame.components);
                if !whole {
                    break;
                }
            } else if matches!(marker, 0xC0..=0xCF if !matches!(marker, 0xC4 | 0xC8 | 0xCC)) {
                if scan.frame.marker == 0 {
                    scan.frame = frame(marker, data, body.start)?;
                } else if scan.scans == 0 {
                    return Err(Error::corrupt("two frame headers"));
                }
            } else if marker == 0xDC && data.len() >= 2 && scan.dnl.is_none() {
                scan.dnl = Some(u16::from_be_bytes([data[0], data[1]]));
            }
            if scan.scans == 0 {
                let keep = scan.note(marker, data, &mut profile);
                scan.segments.push(Segment { range: start..body.end, keep });
            }
            at = body.end;
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

    /// Reads an application segment and says what becomes of it.
    fn note<'a>(&mut self, marker: u8, data: &'a [u8], profile: &mut ProfileParts<'a>) -> Keep {
        let metadata = match marker {
            0xE1 => {
                if let Some(tiff) = data.strip_prefix(b"Exif\0\0")
                    && self.orientation.is_none()
                {
                    self.orientation = exif::orientation(tiff);
                }
                true
            }
            0xE2 if data.starts_with(ICC_PREFIX) => {
                profile.add(&data[ICC_PREFIX.len()..]);
                return Keep::Profile;
            }
            0xE2 => {
                self.multi_picture |= data.starts_with(b"MPF\0");
                true
            }
            0xEE => {
                if data.len() >= 12 && data.starts_with(b"Adobe") {
                    self.adobe = Some(data[11]);
                }
                false
            }
            0xE0 => !data.starts_with(b"JFIF\0"),
            0xE3..=0xED | 0xEF | 0xFE => true,
            _ => false,
        };
        self.has_metadata |= metadata;
        if metadata { Keep::Metadata } else { Keep::Always }
    }
}

/// For each component and coefficient, how many low bits are still to come; 255 for nothing yet.
#[derive(Debug)]
struct Completeness([[u8; 64]; 4]);

impl Default for Completeness {
    fn default() -> Self {
        Self([[255; 64]; 4])
    }
}

impl Completeness {
    /// Reads a scan header: components by identifier, first and last coefficient, bit position.
    fn note(&mut self, header: &[u8], components: &[u8]) {
        let Some((count, rest)) = header.split_first() else { return };
        let count = usize::from(*count);
        let (Some(chosen), Some([first, last, bits, ..])) = (rest.get(..count * 2), rest.get(count * 2..)) else {
            return;
        };
        for id in chosen.iter().step_by(2) {
            let Some(index) = components.iter().position(|c| c == id).filter(|i| *i < 4) else { continue };
            let range = usize::from(*first).min(64)..usize::from(*last).saturating_add(1).min(64);
            if let Some(range) = self.0[index].get_mut(range) {
                range.fill(bits & 15);
            }
        }
    }

    fn is_complete(&self, components: usize) -> bool {
        self.0.iter().take(components).flatten().all(|bits| *bits == 0)
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

fn frame(marker: u8, data: &[u8], at: usize) -> Result<Frame, Error> {
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
        height_at: at + 1,
        components: components.chunks_exact(3).take(count).map(|c| c[0]).collect(),
        factors,
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
