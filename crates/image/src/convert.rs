//! Between interleaved RGB and planes, a band of rows at a time.

use sealpress_media::Dimensions;

use crate::error::Error;
use crate::jpeg::turbo::{Compressor, Sampling};
use crate::planes::{Matrix, Plane, Planes, Range, Siting, Subsampling};
use crate::pool::Pool;

/// Rows per band: enough that the call costs nothing, few enough that a band stays in L2.
const BAND: usize = 32;

/// What the rows become.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// Y'CbCr with chroma at full size: where the picture is enlarged or hardly shrunk.
    Full,
    /// Y'CbCr 4:2:0: where chroma will be halved anyway.
    Halved,
    /// G, B and R planes: for output that is not JPEG.
    Rgb,
    /// One grey plane, from the red samples.
    Gray,
}

/// Luma of an sRGB pixel as JPEG has it.
pub(crate) fn luma([r, g, b]: [u8; 3]) -> u8 {
    let weighted = 19_595 * u32::from(r) + 38_470 * u32::from(g) + 7_471 * u32::from(b);
    ((weighted + 0x8000) >> 16) as u8
}

/// Whether chroma may be halved while converting: where nothing is scaled (the encoder halves it
/// just so), and where the picture shrinks enough that the halved chroma still has more samples
/// than the output's.
pub(crate) fn chroma_target(stored: Dimensions, wanted: Dimensions) -> Target {
    let enough = stored == wanted || stored.width() >= wanted.width() / 2 * 3;
    if enough { Target::Halved } else { Target::Full }
}

/// Takes rows of RGB from top to bottom and makes planes of them.
#[derive(Debug)]
pub(crate) struct RgbSink {
    target: Target,
    planes: Vec<Plane>,
    /// Rows of RGB that wait for their band.
    band: Vec<u8>,
    width: usize,
    height: usize,
    /// Rows already converted.
    done: usize,
}

impl RgbSink {
    pub(crate) fn new(dimensions: Dimensions, target: Target, pool: &mut Pool) -> Self {
        let (width, height) = (dimensions.width() as usize, dimensions.height() as usize);
        let mut plane = |w: usize, h: usize| {
            // Odd sizes: the converter writes whole chroma samples' worth of luma.
            let stride = w.next_multiple_of(2);
            Plane { data: pool.take(stride * h.next_multiple_of(2)), width: w, height: h, stride }
        };
        let full = plane(width, height);
        let planes = match target {
            Target::Gray => vec![full],
            Target::Full | Target::Rgb => vec![full, plane(width, height), plane(width, height)],
            Target::Halved => {
                let (w, h) = Subsampling::S420.chroma_size(width, height);
                vec![full, plane(w, h), plane(w, h)]
            }
        };
        Self { target, planes, band: Vec::with_capacity(width * 3 * BAND), width, height, done: 0 }
    }

    /// One row; rows beyond the height are ignored.
    pub(crate) fn push(&mut self, rgb: &[u8], convert: &mut Compressor) -> Result<(), Error> {
        self.band.extend_from_slice(&rgb[..self.width * 3]);
        if self.band.len() == self.width * 3 * BAND { self.flush(convert) } else { Ok(()) }
    }

    /// Whether one grey plane is made.
    pub(crate) fn is_gray(&self) -> bool {
        self.target == Target::Gray
    }

    /// One row of grey samples for a grey plane; rows beyond the height are ignored.
    pub(crate) fn push_gray(&mut self, row: &[u8]) {
        if self.done < self.height {
            self.planes[0].row_mut(self.done).copy_from_slice(&row[..self.width]);
            self.done += 1;
        }
    }

    /// The planes; rows that never came stay as they are in the buffer.
    pub(crate) fn finish(mut self, convert: &mut Compressor) -> Result<Planes, Error> {
        self.flush(convert)?;
        let subsampling = if self.target == Target::Halved { Subsampling::S420 } else { Subsampling::S444 };
        let matrix = if self.target == Target::Rgb { Matrix::Identity } else { Matrix::Bt601 };
        let mut planes = self.planes.into_iter();
        let y = planes.next().ok_or_else(|| Error::internal("a sink without planes"))?;
        let chroma = planes.next().zip(planes.next()).map(|(cb, cr)| [cb, cr]);
        Ok(Planes { y, chroma, alpha: None, subsampling, siting: Siting::Centre, matrix, range: Range::Full })
    }

    fn flush(&mut self, convert: &mut Compressor) -> Result<(), Error> {
        let rows = (self.band.len() / (self.width * 3)).min(self.height - self.done);
        if rows == 0 {
            self.band.clear();
            return Ok(());
        }
        match self.target {
            Target::Full => self.ycc(rows, Sampling::S444, convert)?,
            Target::Halved => self.ycc(rows, Sampling::S420, convert)?,
            // H.273's identity: G, B, R stand where Y, Cb, Cr do.
            Target::Rgb => self.split(rows),
            Target::Gray => self.first(rows),
        }
        self.done += rows;
        self.band.clear();
        Ok(())
    }

    fn ycc(&mut self, rows: usize, sampling: Sampling, convert: &mut Compressor) -> Result<(), Error> {
        let halved = usize::from(sampling.factors().1);
        let strides = [self.planes[0].stride, self.planes[1].stride, self.planes[2].stride];
        let [y, cb, cr] = &mut self.planes[..] else {
            return Err(Error::internal("a sink without chroma"));
        };
        let planes = [
            &mut y.data[self.done * strides[0]..],
            &mut cb.data[self.done / halved * strides[1]..],
            &mut cr.data[self.done / halved * strides[2]..],
        ];
        convert.convert(&self.band, (self.width, rows), sampling, planes, strides)
    }

    /// To planes of green, blue and red.
    fn split(&mut self, rows: usize) {
        let [green, blue, red] = &mut self.planes[..] else { return };
        for (y, rgb) in (self.done..).zip(self.band.chunks_exact(self.width * 3).take(rows)) {
            let samples = green.row_mut(y).iter_mut().zip(blue.row_mut(y)).zip(red.row_mut(y));
            for (((green, blue), red), pixel) in samples.zip(rgb.as_chunks::<3>().0) {
                [*red, *green, *blue] = *pixel;
            }
        }
    }

    /// To the grey plane, whose samples are red's.
    fn first(&mut self, rows: usize) {
        for (y, rgb) in (self.done..).zip(self.band.chunks_exact(self.width * 3).take(rows)) {
            for (out, pixel) in self.planes[0].row_mut(y).iter_mut().zip(rgb.as_chunks::<3>().0) {
                *out = pixel[0];
            }
        }
    }
}
