//! What stands between every decoder and the resizer: samples as the codec stored them, and what
//! they mean.

pub(crate) use sealpress_jpeg::Plane;

use crate::pool::Pool;

/// A decoded picture as its codec stored it: 8-bit luma, usually two chroma planes of their own
/// size, sometimes alpha. This is the door between every decoder and the resizer.
#[derive(Clone, Debug)]
pub(crate) struct Planes {
    /// Luma (or grey); its size is the picture's size.
    pub(crate) y: Plane,
    /// Cb and Cr, of equal size; `None` for a grey picture (4:0:0).
    pub(crate) chroma: Option<[Plane; 2]>,
    /// Alpha at luma's size, 255 opaque, not premultiplied, full range.
    pub(crate) alpha: Option<Plane>,
    /// How many luma samples one chroma sample covers, (1, 1), (2, 1), (2, 2) or others. Ignored
    /// for grey pictures.
    pub(crate) subsampling: Subsampling,
    /// Where chroma samples lie.
    pub(crate) siting: Siting,
    /// Which numbers turn Y'CbCr into R'G'B'.
    pub(crate) matrix: Matrix,
    /// Full (0–255, JPEG) or limited (16–235, video).
    pub(crate) range: Range,
}

impl Planes {
    /// Lets go of chroma that says nothing: papers are often scanned in colour and have none.
    pub(crate) fn drop_neutral_chroma(&mut self, pool: &mut Pool) {
        let Some(chroma) = &self.chroma else { return };
        let neutral = chroma.iter().all(|plane| match self.matrix {
            Matrix::Identity => (0..plane.height).all(|y| plane.row(y) == self.y.row(y)),
            _ => (0..plane.height).all(|y| plane.row(y).iter().all(|v| *v == 128)),
        });
        if neutral {
            self.chroma.take().into_iter().flatten().for_each(|plane| pool.give(plane.data));
            self.matrix = Matrix::Bt601;
        }
    }
}

/// Luma samples per chroma sample, across and down. A chroma plane of a `w × h` picture is
/// `⌈w / horizontal⌉ × ⌈h / vertical⌉`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Subsampling {
    pub(crate) horizontal: u8,
    pub(crate) vertical: u8,
}

impl Subsampling {
    pub(crate) const S444: Self = Self { horizontal: 1, vertical: 1 };
    pub(crate) const S422: Self = Self { horizontal: 2, vertical: 1 };
    pub(crate) const S420: Self = Self { horizontal: 2, vertical: 2 };

    /// Size of a chroma plane for a luma plane of `width × height`.
    pub(crate) fn chroma_size(self, width: usize, height: usize) -> (usize, usize) {
        (width.div_ceil(usize::from(self.horizontal)), height.div_ceil(usize::from(self.vertical)))
    }
}

/// Where a chroma sample lies among the luma samples that it covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Siting {
    /// In the middle both ways: JPEG, WebP.
    Centre,
    /// On the left luma column, in the middle vertically: the default of H.264 and HEVC.
    Left,
    /// On the left column and the top row.
    TopLeft,
}

/// Y'CbCr coefficients, as H.273 names them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Matrix {
    /// BT.601 (`matrix_coefficients` 5 and 6): JPEG and most HEIC.
    Bt601,
    /// BT.709 (1).
    Bt709,
    /// BT.2020 non-constant luminance (9).
    Bt2020,
    /// The planes are G, B, R (0).
    Identity,
}

impl Matrix {
    /// What red and blue weigh in luma; `None` where there is none.
    pub(crate) const fn weights(self) -> Option<(f64, f64)> {
        match self {
            Self::Bt601 => Some((0.299, 0.114)),
            Self::Bt709 => Some((0.2126, 0.0722)),
            Self::Bt2020 => Some((0.2627, 0.0593)),
            Self::Identity => None,
        }
    }
}

/// Value range of the samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Range {
    /// 0–255 for luma and chroma.
    Full,
    /// 16–235 for luma, 16–240 for chroma.
    Limited,
}

#[cfg(all(test, feature = "heif"))]
impl Planes {
    /// Size of the picture: luma's size.
    pub(crate) fn dimensions(&self) -> Result<sealpress_media::Dimensions, sealpress_media::DimensionsError> {
        let side = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        sealpress_media::Dimensions::new(side(self.y.width), side(self.y.height))
    }
}
