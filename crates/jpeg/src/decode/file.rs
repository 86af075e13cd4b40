//! A file from its start to its end, scan by scan: what stands between the scans is read here, what
//! is in them is the caller's.

use super::frame::{Band, Frame, Scan};
use super::segments::{DNL, EOI, SOI, SOS, Segment, next_marker};
use super::tables::Tables;
use crate::error::Error;

/// What the caller allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Scans of one picture.
    pub max_scans: u32,
    /// Samples of luma.
    pub max_pixels: u64,
}

/// How far a file was read.
pub(crate) struct File<'d> {
    pub(crate) data: &'d [u8],
    limits: Limits,
    /// What comes next.
    pub(crate) at: usize,
    pub(crate) frame: Option<Frame>,
    pub(crate) tables: Tables,
    pub(crate) scans: u32,
    /// Whether the number of lines was taken from a segment that is still to come.
    lines_ahead: bool,
    /// Low bits still to come of each coefficient of each component, 255 where nothing came.
    missing: [[u8; 64]; 4],
}

/// What a segment was.
#[derive(Debug)]
pub(crate) enum Next {
    /// Something that was read, or that says nothing about the picture.
    Said,
    /// A scan, whose data begin at [`File::at`].
    Scan(Scan),
    /// The end marker, behind which [`File::at`] stands.
    End,
}

impl<'d> File<'d> {
    pub(crate) fn new(data: &'d [u8], limits: Limits) -> Result<Self, Error> {
        match data {
            [0xFF, SOI, ..] => {}
            [] | [0xFF] => return Err(Error::Truncated),
            _ => return Err(Error::Corrupt("no JPEG")),
        }
        let tables = Tables::default();
        Ok(Self { data, limits, at: 2, frame: None, tables, scans: 0, lines_ahead: false, missing: [[255; 64]; 4] })
    }

    /// Reads the next segment: what it is, and how many bytes before it belong to none.
    pub(crate) fn next(&mut self) -> Result<(Segment<'d>, usize, Next), Error> {
        let segment = Segment::find(self.data, self.at)?;
        // Any number of 0xFF may stand before a marker.
        let filling = self.data[self.at..segment.start].iter().rev().take_while(|b| **b == 0xFF).count();
        let stray = segment.start - filling - self.at;
        self.at = segment.end;
        let mut next = Next::Said;
        match segment.marker {
            EOI => next = Next::End,
            SOS => next = Next::Scan(self.scan(segment.body)?),
            0xC4 => self.tables.read_codes(segment.body)?,
            0xDB => self.tables.read_quantizers(segment.body)?,
            0xDD => self.tables.read_restart(segment.body)?,
            DNL => self.lines(segment.body)?,
            0xC0..=0xC3 | 0xC5..=0xC7 | 0xC9..=0xCB | 0xCD..=0xCF => {
                if self.frame.is_some() {
                    return Err(Error::Corrupt("a second frame"));
                }
                self.frame = Some(Frame::read(segment.marker, segment.body)?);
            }
            0xCC => return Err(Error::Unsupported("arithmetic coding")),
            SOI => return Err(Error::Corrupt("another picture's start inside the picture")),
            0xD0..=0xD7 => return Err(Error::Corrupt("a restart marker outside a scan")),
            0xE0..=0xEF | 0xFE => {}
            _ => return Err(Error::Unsupported("a marker of no known meaning")),
        }
        Ok((segment, stray, next))
    }

    fn scan(&mut self, body: &[u8]) -> Result<Scan, Error> {
        self.scans += 1;
        if self.scans > self.limits.max_scans {
            return Err(Error::Limit("scans"));
        }
        let at = self.at;
        let nominal = self.frame.as_ref().map(|f| f.height);
        // No lines, or all that can be written: the number comes behind the scan. Scanners that do not
        // know how long a sheet is write such files.
        if self.scans == 1 && matches!(nominal, Some(0 | 0xFFFF)) {
            self.use_lines_behind(at);
        }
        let frame = self.frame.as_mut().ok_or(Error::Corrupt("a scan before the frame"))?;
        if frame.height == 0 {
            return Err(Error::Corrupt("a frame without lines"));
        }
        if frame.width as u64 * frame.height as u64 > self.limits.max_pixels {
            return Err(Error::Limit("pixels"));
        }
        let scan = Scan::read(body, frame)?;
        if !frame.progressive {
            self.tables.supply_standard();
        }
        for part in &scan.parts {
            let component = &mut frame.components[part.component];
            if component.steps.is_none() {
                component.steps = self.tables.quantizers[component.quantizer];
            }
            if component.steps.is_none() {
                return Err(Error::Corrupt("a quantizer that the file lacks"));
            }
            let missing = &mut self.missing[part.component];
            if frame.progressive {
                expect(missing, scan.band)?;
            } else if std::mem::replace(missing, [0; 64]) != [255; 64] {
                return Err(Error::Corrupt("a component in two scans"));
            }
        }
        Ok(scan)
    }

    /// Sets the number of lines to the one behind the scan whose data begin at `start`, which must be
    /// the first. Whether there was one that differs from what was known.
    pub(crate) fn use_lines_behind(&mut self, start: usize) -> bool {
        let mut at = start;
        let marker = loop {
            match next_marker(self.data, at) {
                Some(found) if matches!(self.data[found + 1], 0xD0..=0xD7) => at = found + 2,
                found => break found,
            }
        };
        let Some(Ok(Segment { marker: DNL, body: [high, low], .. })) = marker.map(|m| Segment::find(self.data, m))
        else {
            return false;
        };
        let lines = usize::from(*high) << 8 | usize::from(*low);
        let Some(frame) = self.frame.as_mut().filter(|f| self.scans == 1 && lines != f.height && lines > 0) else {
            return false;
        };
        // A nominal number is too large.
        if frame.height > 0 && frame.height < lines {
            return false;
        }
        frame.set_lines(lines);
        self.lines_ahead = true;
        true
    }

    fn lines(&mut self, body: &[u8]) -> Result<(), Error> {
        let lines = match (body, self.scans) {
            // Before the first scan it means nothing, and everybody passes over it.
            (_, 0) => return Ok(()),
            ([high, low], 1) => usize::from(*high) << 8 | usize::from(*low),
            _ => return Err(Error::Corrupt("a number of lines where none may be")),
        };
        if self.frame.as_ref().is_some_and(|f| f.height != lines) {
            return Err(Error::Corrupt("another number of lines than were coded"));
        }
        self.lines_ahead = false;
        Ok(())
    }

    /// Whether every bit of every coefficient came, as far as scans were announced.
    pub(crate) fn completeness(&self) -> Result<(), Error> {
        if self.lines_ahead {
            return Err(Error::Incomplete("the number of lines"));
        }
        let frame = self.frame.as_ref().ok_or(Error::Incomplete("no picture at all"))?;
        let missing = &self.missing[..frame.components.len()];
        if missing.iter().any(|m| m[0] == 255) {
            return Err(Error::Incomplete("a component of which nothing came"));
        }
        if missing.iter().flatten().any(|m| *m == 255) {
            return Err(Error::Incomplete("coefficients that never came"));
        }
        if missing.iter().flatten().any(|m| *m != 0) {
            return Err(Error::Incomplete("low bits that never came"));
        }
        Ok(())
    }
}

/// Notes that a scan of this band comes, which must follow the ones before.
fn expect(missing: &mut [u8; 64], band: Band) -> Result<(), Error> {
    if band.first > 0 && missing[0] == 255 {
        return Err(Error::Unsupported("a band before its first coefficients"));
    }
    for missing in &mut missing[usize::from(band.first)..=usize::from(band.last)] {
        let follows = if band.before == 0 { *missing == 255 } else { *missing == band.before };
        if !follows {
            return Err(Error::Unsupported("scans that do not follow each other"));
        }
        *missing = band.after;
    }
    Ok(())
}
