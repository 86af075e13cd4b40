//! Whether a file holds a whole picture, without decoding it to samples: all entropy-coded data are
//! read, of sequential files without any, of progressive ones with one word a block in memory.

use std::ops::Range;

use super::bits::{Ends, Reader};
use super::file::{File, Limits, Next};
use super::frame::{Frame, Scan};
use super::progressive::{Progressive, Transform};
use super::segments::{DNL, EOI, SOS, next_marker};
use super::transform::Planes;
use super::{Decoder, plane};
use crate::cpu::Plain;
use crate::error::Error;
use crate::plane::{Buffers, Plane, Scale};

/// What [`Decoder::verify`] found.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Verdict {
    /// `Ok` where every bit of every coefficient of every component is there and the file goes on as
    /// it should up to [`end`](Self::end). Otherwise what is wrong, or why this decoder cannot tell.
    pub result: Result<(), Error>,
    /// Where the picture ends: behind its end marker, or behind its data where that marker is missing.
    /// Whatever follows is no part of it. Where `result` is an error: how far the file was read.
    pub end: usize,
    /// Whether the picture has its end marker.
    pub end_marker: bool,
    /// Bytes between segments, or between a scan's data and the next marker, that no decoder reads.
    /// A few are padding; what stands in many, nobody knows.
    pub stray: usize,
    /// Stretches of data that end with a scan or before a restart marker.
    pub stretches: usize,
    /// Those of them whose last byte is filled up otherwise than encoders do: by ones or by zeros. No decoder minds, but
    /// [`planes`](Decoder::planes) does: it may be the only trace of damage.
    pub odd_padding: usize,
    /// Scans read.
    pub scans: u32,
    /// Size of the picture in samples, the number of lines being the true one; zeros where no frame
    /// was read.
    pub dimensions: [usize; 2],
    /// All that the picture consists of between its start marker and its end marker, in order, stray
    /// bytes left out: written one behind the other they make the same picture.
    pub pieces: Vec<Piece>,
}

/// A marker segment with all that belongs to it: of a scan also its entropy-coded data.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Piece {
    /// The marker's second byte: 0xDA for a scan.
    pub marker: u8,
    /// Where it stands in the file.
    pub range: Range<usize>,
}

/// Pieces of one file at the most.
const PIECES: usize = 1 << 16;
/// Stray bytes in one place behind a whole picture that may still be padding before the end marker.
const PADDING: usize = 4096;

impl Decoder {
    /// Reads a file from end to end, as strictly as [`planes`](Self::planes), but of any number and
    /// sampling of components and with stray bytes, which it counts. Time is bounded by the file's
    /// length and `limits`; memory by 8 bytes for each block of 64 samples of a progressive file, and
    /// nothing that grows with the picture for a sequential one.
    #[must_use]
    pub fn verify(&mut self, jpeg: &[u8], limits: Limits) -> Verdict {
        self.read_through(jpeg, limits, &mut None)
    }

    /// The same, and the plane of luma (or grey) at full size, where all is well: transforming it on the way costs a
    /// third of decoding the picture anew. Memory besides: that plane, and of progressive files [`BLOCK_BYTES`] for
    /// each block of 64 samples.
    ///
    /// [`BLOCK_BYTES`]: super::BLOCK_BYTES
    pub fn verify_with_luma(
        &mut self,
        jpeg: &[u8],
        limits: Limits,
        buffers: &mut dyn Buffers,
    ) -> (Verdict, Option<Plane>) {
        let mut luma = Some(Luma { buffers, plane: Vec::new() });
        let verdict = self.read_through(jpeg, limits, &mut luma);
        let Some(Luma { buffers, plane }) = luma else { return (verdict, None) };
        let plane = plane.into_iter().next();
        if verdict.result.is_ok() {
            return (verdict, plane);
        }
        plane.into_iter().for_each(|plane| buffers.give(plane.data));
        (verdict, None)
    }

    fn read_through(&mut self, jpeg: &[u8], limits: Limits, luma: &mut Option<Luma<'_>>) -> Verdict {
        let mut verdict = Verdict {
            result: Ok(()),
            end: 0,
            end_marker: false,
            stray: 0,
            stretches: 0,
            odd_padding: 0,
            scans: 0,
            dimensions: [0; 2],
            pieces: Vec::new(),
        };
        match File::new(jpeg, limits) {
            Err(error) => verdict.result = Err(error),
            Ok(mut file) => {
                verdict.result = self.walk(&mut file, &mut verdict, luma);
                if verdict.result.is_ok()
                    && let (Some(luma), Some(frame)) = (luma, &file.frame)
                {
                    self.finish_luma(frame, luma);
                }
                verdict.end = file.at;
                verdict.scans = file.scans;
                verdict.dimensions = file.frame.map_or([0; 2], |f| [f.width, f.height]);
            }
        }
        self.trim();
        verdict
    }

    fn walk(&mut self, file: &mut File<'_>, verdict: &mut Verdict, luma: &mut Option<Luma<'_>>) -> Result<(), Error> {
        loop {
            let is_whole = file.completeness().is_ok();
            if is_whole && !goes_on(file) {
                return Ok(());
            }
            let at = file.at;
            let (segment, stray, next) = match file.next() {
                // What follows a whole picture is no part of it where it makes no sense.
                Err(_) if is_whole => {
                    file.at = at;
                    return Ok(());
                }
                read => read?,
            };
            verdict.stray += stray;
            if verdict.pieces.len() == PIECES {
                return Err(Error::Limit("segments"));
            }
            match next {
                Next::End => {
                    verdict.end_marker = true;
                    return file.completeness();
                }
                Next::Said => {}
                Next::Scan(scan) => {
                    let start = file.at;
                    let mut outcome = self.walk_scan(file, &scan, luma);
                    if outcome.is_err() && file.use_lines_behind(start) {
                        file.at = start;
                        outcome = self.walk_scan(file, &scan, luma);
                    }
                    let ends = outcome?;
                    verdict.stretches += ends.all;
                    verdict.odd_padding += ends.odd;
                }
            }
            verdict.pieces.push(Piece { marker: segment.marker, range: segment.start..file.at });
        }
    }

    fn walk_scan(&mut self, file: &mut File<'_>, scan: &Scan, luma: &mut Option<Luma<'_>>) -> Result<Ends, Error> {
        let frame = file.frame.as_ref().ok_or(Error::Corrupt("a scan before the frame"))?;
        if file.scans == 1 {
            self.reset(frame, luma.is_some());
            if let Some(luma) = luma {
                luma.lay_out(frame);
            }
        }
        let mut reader = Reader::new(file.data, file.at, &mut self.window);
        let bits = if frame.progressive {
            let all = &mut self.coefficients;
            let (deposit, reader, tables) = (Plain, &mut reader, &file.tables);
            if luma.is_some() {
                Progressive::<true, _> { deposit, reader, frame, scan, tables, all }.run_on(self.cpu)?
            } else {
                Progressive::<false, _> { deposit, reader, frame, scan, tables, all }.run_on(self.cpu)?
            }
        } else {
            let planes = luma.as_mut().map_or(&mut [][..], |luma| &mut luma.plane[..]);
            let sink = Planes::new(self.cpu, Scale::Full, frame, scan, planes);
            sink.read(&mut self.sequential, &mut reader, frame, scan, &file.tables)?
        };
        let (end, ends) = reader.end_of_scan(&bits);
        file.at = end;
        Ok(ends)
    }
}

impl Decoder {
    /// Transforms luma of a progressive file, whose coefficients are known behind the last scan only.
    fn finish_luma(&mut self, frame: &Frame, luma: &mut Luma<'_>) {
        let ([component, ..], Some(plane)) = (&frame.components[..], luma.plane.first_mut()) else { return };
        if frame.progressive
            && let Some(steps) = component.steps
        {
            let (cpu, grid, coefficients) = (self.cpu, component.grid, &self.coefficients[0]);
            cpu.run(Transform { cpu, scale: Scale::Full, steps, grid, plane, coefficients });
        }
    }
}

/// The plane that is wanted, once its size is known, and where its memory comes from.
struct Luma<'b> {
    buffers: &'b mut dyn Buffers,
    plane: Vec<Plane>,
}

impl Luma<'_> {
    /// Nothing, where the first component is not the picture's full size.
    fn lay_out(&mut self, frame: &Frame) {
        self.plane.drain(..).for_each(|plane| self.buffers.give(plane.data));
        if let Some(first) = frame.components.first().filter(|first| first.factors == frame.largest) {
            self.plane.push(plane(frame, first, Scale::Full, self.buffers));
        }
    }
}

/// Behind a whole picture: whether what comes belongs to it, up to its end marker. Without that
/// marker it may be anything, such as a trailer or another picture.
fn goes_on(file: &File<'_>) -> bool {
    let near = &file.data[..file.data.len().min(file.at + PADDING)];
    let Some(marker) = next_marker(near, file.at) else { return false };
    match near[marker + 1] {
        EOI => true,
        // Tables, comments and applications' segments may stand before the end marker, if they
        // follow without a gap.
        DNL | SOS | 0xC4 | 0xDB | 0xDD | 0xE0..=0xEF | 0xFE => near[file.at..marker].iter().all(|b| *b == 0xFF),
        _ => false,
    }
}

#[cfg(test)]
mod tests;
