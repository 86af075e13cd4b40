//! Transparency laid on a background, in planes.

use crate::planes::{Matrix, Plane, Planes, Range};
use crate::pool::Pool;

/// The picture on the background: luma by its own alpha, chroma by the mean alpha of the luma
/// samples that it covers.
pub(crate) fn flatten(mut planes: Planes, background: [u8; 3], pool: &mut Pool) -> Planes {
    let Some(alpha) = planes.alpha.take() else {
        return planes;
    };
    let [y, cb, cr] = components(background, planes.matrix, planes.range);
    for row in 0..planes.y.height.min(alpha.height) {
        for (sample, alpha) in planes.y.row_mut(row).iter_mut().zip(alpha.row(row)) {
            *sample = mix(*sample, y, *alpha);
        }
    }
    let (h, v) = (usize::from(planes.subsampling.horizontal), usize::from(planes.subsampling.vertical));
    if let Some(chroma) = &mut planes.chroma {
        let [cb_plane, cr_plane] = chroma;
        for row in 0..cb_plane.height {
            for column in 0..cb_plane.width {
                let alpha = mean(&alpha, column * h, row * v, h, v);
                for (plane, background) in [(&mut *cb_plane, cb), (&mut *cr_plane, cr)] {
                    let sample = &mut plane.row_mut(row)[column];
                    *sample = mix(*sample, background, alpha);
                }
            }
        }
    }
    pool.give(alpha.data);
    planes
}

/// The picture at a place of a larger canvas. The place is even where chroma is halved.
pub(crate) fn place(
    planes: Planes,
    background: [u8; 3],
    size: (usize, usize),
    at: (usize, usize),
    pool: &mut Pool,
) -> Planes {
    let values = components(background, planes.matrix, planes.range);
    let (h, v) = (usize::from(planes.subsampling.horizontal), usize::from(planes.subsampling.vertical));
    let mut put = |plane: Plane, value: u8, h: usize, v: usize| {
        let (width, height) = (size.0.div_ceil(h), size.1.div_ceil(v));
        let mut data = pool.take(width * height);
        data.fill(value);
        let mut out = Plane { data, width, height, stride: width };
        let (x, y) = (at.0 / h, at.1 / v);
        for row in 0..plane.height.min(height.saturating_sub(y)) {
            let fits = plane.width.min(width.saturating_sub(x));
            out.row_mut(y + row)[x..x + fits].copy_from_slice(&plane.row(row)[..fits]);
        }
        pool.give(plane.data);
        out
    };
    let y = put(planes.y, values[0], 1, 1);
    let chroma = planes.chroma.map(|[cb, cr]| [put(cb, values[1], h, v), put(cr, values[2], h, v)]);
    Planes { y, chroma, ..planes }
}

fn mix(sample: u8, background: u8, alpha: u8) -> u8 {
    let a = u32::from(alpha);
    ((u32::from(sample) * a + u32::from(background) * (255 - a) + 127) / 255) as u8
}

fn mean(alpha: &Plane, x: usize, y: usize, w: usize, h: usize) -> u8 {
    let (right, bottom) = ((x + w).min(alpha.width), (y + h).min(alpha.height));
    let mut sum = 0;
    let mut count = 0;
    for row in y..bottom {
        for value in alpha.row(row).get(x..right).unwrap_or_default() {
            sum += u32::from(*value);
            count += 1;
        }
    }
    u32::checked_div(sum, count).map_or(255, |mean| mean as u8)
}

/// An sRGB colour as the planes' components.
pub(crate) fn components([r, g, b]: [u8; 3], matrix: Matrix, range: Range) -> [u8; 3] {
    let (kr, kb) = match matrix {
        Matrix::Identity => return [g, b, r],
        Matrix::Bt601 => (0.299, 0.114),
        Matrix::Bt709 => (0.2126, 0.0722),
        Matrix::Bt2020 => (0.2627, 0.0593),
    };
    let [r, g, b] = [r, g, b].map(f64::from);
    let y = kr * r + (1.0 - kr - kb) * g + kb * b;
    let (cb, cr) = ((b - y) / (2.0 * (1.0 - kb)), (r - y) / (2.0 * (1.0 - kr)));
    let (luma, chroma, zero) = match range {
        Range::Full => (1.0, 1.0, 0.0),
        Range::Limited => (219.0 / 255.0, 224.0 / 255.0, 16.0),
    };
    [zero + y * luma, 128.0 + cb * chroma, 128.0 + cr * chroma].map(|v| v.round().clamp(0.0, 255.0) as u8)
}
