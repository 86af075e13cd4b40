//! What a phone makes of a document on a table: perspective, uneven light, a shadow, sensor noise.

use crate::draw::value_noise;
use crate::{Rgb, Rng};

/// How a photo is taken.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Shot {
    /// Width of the photo as seen upright, in pixels.
    pub width: u32,
    /// Height of the photo as seen upright, in pixels.
    pub height: u32,
    /// Deviation of the sensor noise in grey levels; phones in daylight have 1 to 3.
    pub noise: f32,
    /// How far the corners of the document stray, as a share of the photo's shorter side.
    pub skew: f32,
    /// Share of the photo that the document's box fills, 0–1.
    pub fill: f32,
}

impl Shot {
    /// A steady photo of this size in daylight.
    pub const fn new(width: u32, height: u32) -> Self {
        Self { width, height, noise: 1.2, skew: 0.035, fill: 0.86 }
    }

    /// Other noise.
    #[must_use]
    pub const fn noise(self, noise: f32) -> Self {
        Self { noise, ..self }
    }
}

/// A photo of `document` on a wooden table.
pub fn photograph(document: &Rgb, shot: &Shot, seed: u64) -> Rgb {
    let mut rng = Rng::fork(seed, "photo");
    let (w, h) = (shot.width as f32, shot.height as f32);
    let corners = corners(document, shot, &mut rng);
    let to_document = Projection::onto_unit_square(corners);
    let grain = rng.next_u32();
    let (lx, ly) = (0.3 + 0.4 * rng.unit(), 0.25 + 0.3 * rng.unit());
    let (dw, dh) = (document.width as f32, document.height as f32);
    let unit = w.min(h);
    let mut data = Vec::with_capacity(shot.width as usize * shot.height as usize * 3);
    for y in 0..shot.height {
        for x in 0..shot.width {
            let (px, py) = (x as f32 + 0.5, y as f32 + 0.5);
            let (u, v) = to_document.apply(px, py);
            let colour = if (0.0..1.0).contains(&u) && (0.0..1.0).contains(&v) {
                bilinear(document, u * dw - 0.5, v * dh - 0.5)
            } else {
                let (su, sv) = to_document.apply(px - unit * 0.012, py - unit * 0.016);
                let gap = outside(su).max(outside(sv));
                let shade = 1.0 - 0.45 * (1.0 - gap * 22.0).max(0.0);
                table(grain, px / unit, py / unit).map(|c| c * shade)
            };
            let (nx, ny) = (px / w - lx, py / h - ly);
            let light = 1.06 - 0.42 * (nx * nx + ny * ny);
            let luma = shot.noise * rng.bell();
            let chroma = shot.noise * 0.5 * rng.bell();
            data.extend([
                (colour[0] * light + luma + chroma + 0.5).clamp(0.0, 255.0) as u8,
                (colour[1] * light + luma + 0.5).clamp(0.0, 255.0) as u8,
                (colour[2] * light * 0.985 + luma - chroma + 0.5).clamp(0.0, 255.0) as u8,
            ]);
        }
    }
    Rgb::new(shot.width, shot.height, data)
}

/// Corners of the document in the photo, clockwise from the top left.
fn corners(document: &Rgb, shot: &Shot, rng: &mut Rng) -> [(f32, f32); 4] {
    let (w, h) = (shot.width as f32, shot.height as f32);
    let shape = document.width as f32 / document.height as f32;
    let half_w = (w * shot.fill / 2.0).min(h * shot.fill / 2.0 * shape);
    let half_h = half_w / shape;
    let stray = w.min(h) * shot.skew;
    let mut corner = |sx: f32, sy: f32| {
        let mut off = || (rng.unit() * 2.0 - 1.0) * stray;
        (w / 2.0 + sx * half_w + off(), h / 2.0 + sy * half_h + off())
    };
    [corner(-1.0, -1.0), corner(1.0, -1.0), corner(1.0, 1.0), corner(-1.0, 1.0)]
}

/// How far a coordinate lies outside 0–1.
fn outside(value: f32) -> f32 {
    (-value).max(value - 1.0).max(0.0)
}

/// Wood: long grain with fine lines.
fn table(grain: u32, x: f32, y: f32) -> [f32; 3] {
    let long = value_noise(grain, x * 2.4, y * 19.0);
    let fine = value_noise(grain ^ 7, x * 9.0, y * 120.0);
    let tone = 0.72 + 0.22 * long + 0.1 * fine;
    [148.0 * tone, 108.0 * tone, 74.0 * tone]
}

fn bilinear(picture: &Rgb, x: f32, y: f32) -> [f32; 3] {
    let (x, y) = (x.max(0.0), y.max(0.0));
    let (x0, y0) = (x as u32, y as u32);
    let (x1, y1) = ((x0 + 1).min(picture.width - 1), (y0 + 1).min(picture.height - 1));
    let (tx, ty) = (x - x0 as f32, y - y0 as f32);
    let (a, b) = (picture.pixel(x0, y0), picture.pixel(x1, y0));
    let (c, d) = (picture.pixel(x0, y1), picture.pixel(x1, y1));
    [0, 1, 2].map(|i| {
        let top = f32::from(a[i]) * (1.0 - tx) + f32::from(b[i]) * tx;
        let bottom = f32::from(c[i]) * (1.0 - tx) + f32::from(d[i]) * tx;
        top * (1.0 - ty) + bottom * ty
    })
}

/// A projective map of the plane.
struct Projection([f32; 9]);

impl Projection {
    /// The map that takes this quadrangle to the unit square: the inverse (adjugate) of the
    /// well-known closed form for square to quadrangle.
    fn onto_unit_square(q: [(f32, f32); 4]) -> Self {
        let (dx1, dy1) = (q[1].0 - q[2].0, q[1].1 - q[2].1);
        let (dx2, dy2) = (q[3].0 - q[2].0, q[3].1 - q[2].1);
        let (sx, sy) = (q[0].0 - q[1].0 + q[2].0 - q[3].0, q[0].1 - q[1].1 + q[2].1 - q[3].1);
        let det = dx1 * dy2 - dx2 * dy1;
        let g = (sx * dy2 - dx2 * sy) / det;
        let h = (dx1 * sy - sx * dy1) / det;
        let (a, b) = (q[1].0 - q[0].0 + g * q[1].0, q[3].0 - q[0].0 + h * q[3].0);
        let (d, e) = (q[1].1 - q[0].1 + g * q[1].1, q[3].1 - q[0].1 + h * q[3].1);
        let (c, f, i) = (q[0].0, q[0].1, 1.0);
        Self([
            e * i - f * h,
            c * h - b * i,
            b * f - c * e,
            f * g - d * i,
            a * i - c * g,
            c * d - a * f,
            d * h - e * g,
            b * g - a * h,
            a * e - b * d,
        ])
    }

    fn apply(&self, x: f32, y: f32) -> (f32, f32) {
        let m = &self.0;
        let w = m[6] * x + m[7] * y + m[8];
        ((m[0] * x + m[1] * y + m[2]) / w, (m[3] * x + m[4] * y + m[5]) / w)
    }
}

#[cfg(test)]
mod tests {
    use super::{Projection, Shot, photograph};
    use crate::Rgb;

    #[test]
    fn corners_go_to_the_corners_of_the_square() {
        let quad = [(10.0, 12.0), (90.0, 8.0), (95.0, 70.0), (6.0, 64.0)];
        let map = Projection::onto_unit_square(quad);
        for (corner, (u, v)) in quad.into_iter().zip([(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)]) {
            let (x, y) = map.apply(corner.0, corner.1);
            assert!((x - u).abs() < 1e-3 && (y - v).abs() < 1e-3, "{corner:?} {x} {y}");
        }
    }

    #[test]
    fn the_document_lies_in_the_middle_of_the_table() {
        let document = Rgb::filled(80, 50, [20, 200, 40]);
        let photo = photograph(&document, &Shot::new(200, 150), 3);
        let middle = photo.pixel(100, 75);
        assert!(middle[1] > 150 && middle[0] < 60, "{middle:?}");
        assert!(photo.pixel(2, 2)[0] > photo.pixel(2, 2)[2]);
    }
}
