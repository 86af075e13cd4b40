//! Decoded tiles put together to 8-bit planes, clean apertures cut out, alpha fitted.

use super::decoder::{Frame, HevcDecoder, Samples};
use super::geometry::Rect;
use super::hvcc::Config;
use super::meta::Meta;
use super::picture::Picture;
use super::{Native, Pure, walk};
use crate::ending::Ending;
use crate::error::Error;
use crate::limits::Limits;
use crate::planes::{Matrix, Plane, Planes, Range, Siting, Subsampling};

/// What one picture may be decoded with.
pub(super) struct Decoders {
    native: Option<Native>,
    /// Always there, but for the tests that want to know what the other one does.
    pure: Option<Pure>,
}

/// The stored picture.
pub(super) struct Canvas {
    sheet: Sheet,
    /// The lower eight bits of each sample, where the sheet has the upper ones.
    low: Option<Sheet>,
    subsampling: Subsampling,
}

/// Luma, and chroma where there is any.
pub(super) struct Sheet {
    pub(super) y: Plane,
    pub(super) chroma: Option<[Plane; 2]>,
}

/// What is kept of decoded samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Keep {
    /// Luma alone, rounded to eight bits.
    Luma,
    /// All planes, rounded to eight bits.
    Rounded,
    /// All planes and all bits, in two sheets.
    Deep,
}

impl Decoders {
    pub(super) fn new(limits: &Limits, native: bool) -> Result<Self, Error> {
        let native = if native { Native::open(limits).transpose()? } else { None };
        Ok(Self { native, pure: Some(Pure::default()) })
    }

    fn decode(
        &mut self,
        config: &Config<'_>,
        units: &[&[u8]],
        limits: &Limits,
        sink: &mut dyn FnMut(&Frame<'_>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        match walk::ending(config, units) {
            Some(Ending::Amiss) => {
                return Err(Error::corrupt(
                    "the picture's data are damaged: get the file anew from where it was taken",
                ));
            }
            Some(Ending::Beyond) => {
                return Err(Error::truncated(
                    "the picture's data end too early: get the file anew from where it was taken",
                ));
            }
            // What the walk does not know, the decoder judges alone.
            Some(Ending::Exact | Ending::Odd) | None => {}
        }
        let native = self.native.as_mut().map(|d| d.decode(config, units, limits, sink));
        match (native, &mut self.pure) {
            (Some(Ok(())), _) => Ok(()),
            // Whatever libavcodec refuses is judged here: one file, one verdict on every machine.
            (_, Some(pure)) => pure.decode(config, units, limits, sink),
            (Some(refused), None) => refused,
            (None, None) => Err(Error::internal("no HEVC decoder")),
        }
    }

    /// Leaves libavcodec alone with its work.
    #[cfg(test)]
    pub(super) fn forget_pure(&mut self) {
        self.pure = None;
    }
}

impl Canvas {
    /// Decodes every tile into its place.
    pub(super) fn decode(
        picture: &Picture<'_>,
        meta: Option<&Meta<'_>>,
        limits: &Limits,
        decoders: &mut Decoders,
        keep: Keep,
    ) -> Result<Self, Error> {
        // All places are checked first: a file that is cut short fails before the work is done.
        for tile in &picture.tiles {
            picture.data(meta, tile)?;
        }
        let subsampling = picture.sps().subsampling().filter(|_| keep != Keep::Luma);
        let (width, height) = (picture.width as usize, picture.height as usize);
        let (tile_width, tile_height) = (picture.tile_width as usize, picture.tile_height as usize);
        let step = subsampling.map_or((1, 1), |s| (usize::from(s.horizontal), usize::from(s.vertical)));
        if picture.tiles.len() > 1 && (tile_width % step.0 != 0 || tile_height % step.1 != 0) {
            return Err(Error::unsupported_feature("a HEIF grid of tiles of an odd size"));
        }
        let empty = || Sheet {
            y: Plane::filled(width, height, 0),
            chroma: subsampling.map(|s| {
                let (w, h) = s.chroma_size(width, height);
                [Plane::filled(w, h, 0), Plane::filled(w, h, 0)]
            }),
        };
        let mut canvas = Self {
            sheet: empty(),
            low: (keep == Keep::Deep).then(empty),
            subsampling: subsampling.unwrap_or(Subsampling::S444),
        };
        for (n, tile) in picture.tiles.iter().enumerate() {
            let columns = picture.columns as usize;
            let (x, y) = (n % columns * tile_width, n / columns * tile_height);
            let config = picture.config(tile);
            let Some(data) = picture.data(meta, tile)? else {
                canvas.fill(x, y, (tile_width, tile_height));
                continue;
            };
            let units = config.units(&data, limits)?;
            decoders.decode(config, &units, limits, &mut |frame| {
                if frame.y.width < tile_width || frame.y.height < tile_height {
                    return Err(Error::corrupt("an HEVC picture smaller than its parameter set says"));
                }
                canvas.put(frame, (x, y), step)
            })?;
        }
        Ok(canvas)
    }

    /// A decoded tile to its place.
    fn put(&mut self, frame: &Frame<'_>, (x, y): (usize, usize), step: (usize, usize)) -> Result<(), Error> {
        let copy = |from: &Samples<'_>, to: &mut Plane, low: Option<&mut Plane>, x, y| match low {
            None => from.copy_to(to, x, y),
            Some(low) => from.split_to(to, low, x, y),
        };
        copy(&frame.y, &mut self.sheet.y, self.low.as_mut().map(|low| &mut low.y), x, y)?;
        match (&mut self.sheet.chroma, &frame.chroma) {
            (None, _) => Ok(()),
            (Some(to), Some(from)) => {
                let mut low = self.low.as_mut().and_then(|low| low.chroma.as_mut());
                for (i, (to, from)) in to.iter_mut().zip(from).enumerate() {
                    copy(from, to, low.as_mut().map(|low| &mut low[i]), x / step.0, y / step.1)?;
                }
                Ok(())
            }
            (Some(_), None) => Err(Error::corrupt("a grey HEVC picture among coloured ones")),
        }
    }

    /// Sets luma of a tile to its most.
    fn fill(&mut self, x: usize, y: usize, tile: (usize, usize)) {
        let right = (x + tile.0).min(self.sheet.y.width);
        for row in y..(y + tile.1).min(self.sheet.y.height) {
            self.sheet.y.row_mut(row)[x..right].fill(255);
        }
    }

    /// Cuts out a rectangle. One that begins between two chroma samples makes the chroma planes
    /// as large as luma first.
    pub(super) fn crop(self, rect: Rect) -> Self {
        let whole = (0, 0, self.sheet.y.width, self.sheet.y.height);
        if (rect.x as usize, rect.y as usize, rect.width as usize, rect.height as usize) == whole {
            return self;
        }
        let from = self.subsampling;
        let step = (u32::from(from.horizontal), u32::from(from.vertical));
        let between = self.sheet.chroma.is_some() && !(rect.x.is_multiple_of(step.0) && rect.y.is_multiple_of(step.1));
        Self {
            sheet: self.sheet.crop(rect, from),
            low: self.low.map(|low| low.crop(rect, from)),
            subsampling: if between { Subsampling::S444 } else { from },
        }
    }

    /// Planes of unknown colour, JPEG's until the caller says otherwise, and the lower bits of them.
    pub(super) fn into_planes(self) -> (Planes, Option<Sheet>) {
        let planes = Planes {
            y: self.sheet.y,
            chroma: self.sheet.chroma,
            alpha: None,
            subsampling: self.subsampling,
            siting: Siting::Left,
            matrix: Matrix::Bt601,
            range: Range::Full,
        };
        (planes, self.low)
    }
}

impl Sheet {
    fn crop(self, rect: Rect, subsampling: Subsampling) -> Self {
        let (x, y) = (rect.x as usize, rect.y as usize);
        let (width, height) = (rect.width as usize, rect.height as usize);
        let step = (usize::from(subsampling.horizontal), usize::from(subsampling.vertical));
        let chroma = match self.chroma {
            Some(planes) if x % step.0 != 0 || y % step.1 != 0 => Some(planes.map(|p| {
                let mut out = Plane::filled(width, height, 0);
                for row in 0..height {
                    let from = p.row((y + row) / step.1);
                    for (column, to) in out.row_mut(row).iter_mut().enumerate() {
                        *to = from[(x + column) / step.0];
                    }
                }
                out
            })),
            Some(planes) => {
                let (w, h) = subsampling.chroma_size(width, height);
                Some(planes.map(|p| cut(&p, x / step.0, y / step.1, w, h)))
            }
            None => None,
        };
        Self { y: cut(&self.y, x, y, width, height), chroma }
    }
}

/// The same rectangle of planes that all have luma's size.
pub(super) fn cut_out(planes: Planes, rect: Rect) -> Planes {
    let (x, y, width, height) = (rect.x as usize, rect.y as usize, rect.width as usize, rect.height as usize);
    if (x, y, width, height) == (0, 0, planes.y.width, planes.y.height) {
        return planes;
    }
    let piece = |plane: Plane| cut(&plane, x, y, width, height);
    Planes { y: piece(planes.y), chroma: planes.chroma.map(|c| c.map(piece)), alpha: planes.alpha.map(piece), ..planes }
}

/// Bytes that a decoder holds for one tile at its peak, the finished picture included. What
/// libavcodec costs a process once, some 20 MB of code and tables, is not in it.
pub(super) fn tile_memory(picture: &Picture<'_>) -> u64 {
    let sps = picture.sps();
    let pixels = u64::from(sps.coded_width.next_multiple_of(64)) * u64::from(sps.coded_height.next_multiple_of(64));
    // Measured on single pictures of three megapixels (resident memory), and a third on top.
    let per_pixel = match (sps.chroma_format, sps.depth > 8) {
        // Samples of 32 bits with a flag each, and copies of them while filtering.
        (0, _) => 12,
        (2, _) => 24,
        (3, false) => 16,
        (3, true) => 28,
        (_, false) => 8,
        (_, true) => 15,
    };
    pixels * per_pixel + (1 << 20)
}

/// A plane scaled to another size by taking the nearest sample. Alpha usually has the picture's
/// size and comes back as it is.
pub(super) fn fit(plane: Plane, width: usize, height: usize) -> Plane {
    if (plane.width, plane.height) == (width, height) {
        return plane;
    }
    let mut out = Plane::filled(width, height, 255);
    for row in 0..height {
        let from = plane.row(row * plane.height / height);
        for (column, to) in out.row_mut(row).iter_mut().enumerate() {
            *to = from[column * plane.width / width];
        }
    }
    out
}

/// Divides the samples by alpha, where a file stores them multiplied with it.
pub(super) fn unpremultiply(planes: &mut Planes) {
    let Some(alpha) = &planes.alpha else { return };
    let black = if planes.range == Range::Limited { 16 } else { 0 };
    for row in 0..planes.y.height {
        for (sample, &a) in planes.y.row_mut(row).iter_mut().zip(alpha.row(row)) {
            *sample = divide(*sample, black, a);
        }
    }
    let step = (usize::from(planes.subsampling.horizontal), usize::from(planes.subsampling.vertical));
    let zero = if planes.matrix == Matrix::Identity { 0 } else { 128 };
    for plane in planes.chroma.iter_mut().flatten() {
        for row in 0..plane.height {
            let alpha = alpha.row(row * step.1);
            for (column, sample) in plane.row_mut(row).iter_mut().enumerate() {
                *sample = divide(*sample, zero, alpha[column * step.0]);
            }
        }
    }
}

fn divide(sample: u8, zero: i32, alpha: u8) -> u8 {
    if alpha == 0 {
        return sample;
    }
    let (distance, alpha) = ((i32::from(sample) - zero) * 255, i32::from(alpha));
    let rounded = (2 * distance + alpha).div_euclid(2 * alpha);
    (zero + rounded).clamp(0, 255) as u8
}

fn cut(plane: &Plane, x: usize, y: usize, width: usize, height: usize) -> Plane {
    let mut data = Vec::with_capacity(width * height);
    for row in y..y + height {
        data.extend_from_slice(&plane.row(row)[x..x + width]);
    }
    Plane { data, width, height, stride: width }
}
