//! Pixel comparison on interleaved 8-bit RGB. Written for tests: plain arithmetic that a reader
//! can check, not speed.

/// Interleaved 8-bit RGB rows without padding.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Rgb {
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// `width * height * 3` bytes.
    pub data: Vec<u8>,
}

impl std::fmt::Debug for Rgb {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Rgb {}x{}", self.width, self.height)
    }
}

impl Rgb {
    /// A picture over `data`.
    ///
    /// # Panics
    /// When `data` is not `width * height * 3` bytes.
    pub fn new(width: u32, height: u32, data: Vec<u8>) -> Self {
        assert_eq!(data.len(), width as usize * height as usize * 3, "{width}x{height}");
        Self { width, height, data }
    }

    /// A picture of one colour.
    pub fn filled(width: u32, height: u32, colour: [u8; 3]) -> Self {
        Self::new(width, height, colour.repeat(width as usize * height as usize))
    }

    /// The pixel at `x`, `y`.
    ///
    /// # Panics
    /// Outside the picture.
    pub fn pixel(&self, x: u32, y: u32) -> [u8; 3] {
        let at = (y as usize * self.width as usize + x as usize) * 3;
        [self.data[at], self.data[at + 1], self.data[at + 2]]
    }

    /// The picture shown upright: what a viewer does with EXIF orientation `orientation`
    /// (1–8; anything else is taken as 1).
    #[must_use]
    pub fn upright(&self, orientation: u8) -> Self {
        let (w, h) = (self.width, self.height);
        let (width, height) = if (5..=8).contains(&orientation) { (h, w) } else { (w, h) };
        let mut data = Vec::with_capacity(self.data.len());
        for y in 0..height {
            for x in 0..width {
                let (sx, sy) = match orientation {
                    2 => (w - 1 - x, y),
                    3 => (w - 1 - x, h - 1 - y),
                    4 => (x, h - 1 - y),
                    5 => (y, x),
                    6 => (y, h - 1 - x),
                    7 => (w - 1 - y, h - 1 - x),
                    8 => (w - 1 - y, x),
                    _ => (x, y),
                };
                data.extend_from_slice(&self.pixel(sx, sy));
            }
        }
        Self { width, height, data }
    }

    /// The picture as it must be stored so that a viewer who honours `orientation` shows `self`.
    #[must_use]
    pub fn stored_for(&self, orientation: u8) -> Self {
        // Every orientation is its own inverse but the two quarter turns, which undo each other.
        self.upright(match orientation {
            6 => 8,
            8 => 6,
            other => other,
        })
    }

    /// The picture at `width` × `height` by the mean over each target pixel's exact source box:
    /// a slow, plain judge of resizers for pictures that shrink.
    #[must_use]
    pub fn shrunk(&self, width: u32, height: u32) -> Self {
        let rows = box_pass(&self.data, self.width, self.height, width, true);
        let data = box_pass(&rows, width, self.height, height, false);
        Self { width, height, data }
    }
}

/// One direction of the box filter: along rows to `target` columns, or along columns.
fn box_pass(data: &[u8], width: u32, height: u32, target: u32, is_horizontal: bool) -> Vec<u8> {
    let (source, lines) = if is_horizontal { (width, height) } else { (height, width) };
    let (out_w, out_h) = if is_horizontal { (target, height) } else { (width, target) };
    let mut out = vec![0u8; out_w as usize * out_h as usize * 3];
    let scale = f64::from(source) / f64::from(target.max(1));
    for t in 0..target {
        let (from, to) = (f64::from(t) * scale, f64::from(t + 1) * scale);
        let (first, last) = (from.floor() as u32, (to.ceil() as u32).min(source));
        for line in 0..lines {
            for c in 0..3 {
                let (mut sum, mut weight) = (0.0, 0.0);
                for s in first..last {
                    let share = (f64::from(s + 1).min(to) - f64::from(s).max(from)).max(0.0);
                    let (x, y) = if is_horizontal { (s, line) } else { (line, s) };
                    let at = (y as usize * width as usize + x as usize) * 3 + c;
                    sum += share * f64::from(data[at]);
                    weight += share;
                }
                let (x, y) = if is_horizontal { (t, line) } else { (line, t) };
                let at = (y as usize * out_w as usize + x as usize) * 3 + c;
                out[at] = (sum / weight).round() as u8;
            }
        }
    }
    out
}

/// How far two pictures are apart, in grey levels (0–255) over all channel values.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Difference {
    /// Mean absolute difference.
    pub mean: f64,
    /// Largest absolute difference.
    pub max: u8,
    /// Mean of the squared difference.
    pub mean_square: f64,
}

/// Compares two pictures of equal size.
///
/// # Panics
/// When sizes differ: that is a failed test already.
pub fn difference(a: &Rgb, b: &Rgb) -> Difference {
    assert_same_size(a, b);
    let (mut sum, mut squares, mut max) = (0u64, 0u64, 0u8);
    for (&x, &y) in a.data.iter().zip(&b.data) {
        let distance = x.abs_diff(y);
        sum += u64::from(distance);
        squares += u64::from(distance) * u64::from(distance);
        max = max.max(distance);
    }
    let count = a.data.len().max(1) as f64;
    Difference { mean: sum as f64 / count, max, mean_square: squares as f64 / count }
}

/// Peak signal-to-noise ratio in dB; infinite for equal pictures.
///
/// # Panics
/// When sizes differ.
pub fn psnr(a: &Rgb, b: &Rgb) -> f64 {
    10.0 * (255.0 * 255.0 / difference(a, b).mean_square).log10()
}

/// Share (0–1) of pixels whose three channels all differ by at most `levels` grey levels.
///
/// # Panics
/// When sizes differ.
pub fn share_within(a: &Rgb, b: &Rgb, levels: u8) -> f64 {
    assert_same_size(a, b);
    let pixels = a.data.chunks_exact(3).zip(b.data.chunks_exact(3));
    let near = pixels.filter(|(p, q)| p.iter().zip(*q).all(|(x, y)| x.abs_diff(*y) <= levels));
    near.count() as f64 / (a.data.len() / 3).max(1) as f64
}

/// Mean structural similarity of luma over 8×8 windows, 4 pixels apart (Wang et al. 2004, with
/// flat windows): 1 for equal pictures, about 0 for unrelated ones.
///
/// # Panics
/// When sizes differ, or a side is below 8 pixels.
pub fn ssim(a: &Rgb, b: &Rgb) -> f64 {
    assert_same_size(a, b);
    assert!(a.width >= 8 && a.height >= 8, "SSIM needs 8x8 pixels, not {a:?}");
    let (la, lb) = (luma(a), luma(b));
    let (c1, c2) = ((0.01 * 255.0f64).powi(2), (0.03 * 255.0f64).powi(2));
    let (mut total, mut windows) = (0.0, 0u64);
    for top in (0..=a.height as usize - 8).step_by(4) {
        for left in (0..=a.width as usize - 8).step_by(4) {
            let (mut sa, mut sb, mut saa, mut sbb, mut sab) = (0.0, 0.0, 0.0, 0.0, 0.0);
            for y in top..top + 8 {
                let row = y * a.width as usize + left;
                for (&x, &y) in la[row..row + 8].iter().zip(&lb[row..row + 8]) {
                    sa += x;
                    sb += y;
                    saa += x * x;
                    sbb += y * y;
                    sab += x * y;
                }
            }
            let (ma, mb) = (sa / 64.0, sb / 64.0);
            let (va, vb) = (saa / 64.0 - ma * ma, sbb / 64.0 - mb * mb);
            let cov = sab / 64.0 - ma * mb;
            total += (2.0 * ma * mb + c1) * (2.0 * cov + c2) / ((ma * ma + mb * mb + c1) * (va + vb + c2));
            windows += 1;
        }
    }
    total / windows as f64
}

/// CIEDE2000 colour difference of two sRGB colours (D65 white).
pub fn delta_e_2000(a: [u8; 3], b: [u8; 3]) -> f64 {
    delta_e_lab(lab(a), lab(b))
}

/// Mean CIEDE2000 difference over all pixels.
///
/// # Panics
/// When sizes differ.
pub fn mean_delta_e(a: &Rgb, b: &Rgb) -> f64 {
    assert_same_size(a, b);
    let pixels = a.data.chunks_exact(3).zip(b.data.chunks_exact(3));
    let sum: f64 = pixels.map(|(p, q)| delta_e_2000([p[0], p[1], p[2]], [q[0], q[1], q[2]])).sum();
    sum / (a.data.len() / 3).max(1) as f64
}

fn assert_same_size(a: &Rgb, b: &Rgb) {
    assert_eq!((a.width, a.height), (b.width, b.height), "pictures of different size");
}

fn luma(picture: &Rgb) -> Vec<f64> {
    let weigh = |p: &[u8]| 0.299 * f64::from(p[0]) + 0.587 * f64::from(p[1]) + 0.114 * f64::from(p[2]);
    picture.data.chunks_exact(3).map(weigh).collect()
}

/// CIE L*a*b* of an sRGB colour.
fn lab(rgb: [u8; 3]) -> [f64; 3] {
    let linear = rgb.map(|v| {
        let v = f64::from(v) / 255.0;
        if v <= 0.040_45 { v / 12.92 } else { ((v + 0.055) / 1.055).powf(2.4) }
    });
    let [r, g, b] = linear;
    let xyz = [
        (0.412_456_4 * r + 0.357_576_1 * g + 0.180_437_5 * b) / 0.950_47,
        0.212_672_9 * r + 0.715_152_2 * g + 0.072_175_0 * b,
        (0.019_333_9 * r + 0.119_192_0 * g + 0.950_304_1 * b) / 1.088_83,
    ];
    let [fx, fy, fz] = xyz.map(|t| if t > 216.0 / 24_389.0 { t.cbrt() } else { (24_389.0 / 27.0 * t + 16.0) / 116.0 });
    [116.0 * fy - 16.0, 500.0 * (fx - fy), 200.0 * (fy - fz)]
}

/// CIEDE2000 by Sharma, Wu and Dalal (2005), with unit weights.
fn delta_e_lab(one: [f64; 3], two: [f64; 3]) -> f64 {
    let mean_c = (one[1].hypot(one[2]) + two[1].hypot(two[2])) / 2.0;
    let c7 = mean_c.powi(7);
    let g = 0.5 * (1.0 - (c7 / (c7 + 25f64.powi(7))).sqrt());
    let polar = |lab: [f64; 3]| {
        let a = lab[1] * (1.0 + g);
        let hue = if a == 0.0 && lab[2] == 0.0 { 0.0 } else { lab[2].atan2(a).to_degrees() };
        (a.hypot(lab[2]), hue.rem_euclid(360.0))
    };
    let ((c1, h1), (c2, h2)) = (polar(one), polar(two));
    let is_grey = c1 * c2 == 0.0;
    let dh = match h2 - h1 {
        _ if is_grey => 0.0,
        d if d > 180.0 => d - 360.0,
        d if d < -180.0 => d + 360.0,
        d => d,
    };
    let mean_h = match h1 + h2 {
        sum if is_grey => sum,
        sum if (h1 - h2).abs() <= 180.0 => sum / 2.0,
        sum if sum < 360.0 => (sum + 360.0) / 2.0,
        sum => (sum - 360.0) / 2.0,
    };
    let (mean_l, mean_c) = ((one[0] + two[0]) / 2.0, (c1 + c2) / 2.0);
    let cos = |degrees: f64| degrees.to_radians().cos();
    let t = 1.0 - 0.17 * cos(mean_h - 30.0) + 0.24 * cos(2.0 * mean_h) + 0.32 * cos(3.0 * mean_h + 6.0)
        - 0.20 * cos(4.0 * mean_h - 63.0);
    let l50 = (mean_l - 50.0).powi(2);
    let sl = 1.0 + 0.015 * l50 / (20.0 + l50).sqrt();
    let sc = 1.0 + 0.045 * mean_c;
    let sh = 1.0 + 0.015 * mean_c * t;
    let c7 = mean_c.powi(7);
    let turn = 60.0 * (-((mean_h - 275.0) / 25.0).powi(2)).exp();
    let rt = -2.0 * (c7 / (c7 + 25f64.powi(7))).sqrt() * turn.to_radians().sin();
    let l = (two[0] - one[0]) / sl;
    let c = (c2 - c1) / sc;
    let h = 2.0 * (c1 * c2).sqrt() * (dh / 2.0).to_radians().sin() / sh;
    (l * l + c * c + h * h + rt * c * h).max(0.0).sqrt()
}

#[cfg(test)]
mod tests {
    use super::{Rgb, delta_e_2000, delta_e_lab, difference, psnr, share_within, ssim};

    fn ramp() -> Rgb {
        let data = (0..32u32 * 24).flat_map(|i| [(i % 251) as u8, (i / 3 % 256) as u8, 90]);
        Rgb::new(32, 24, data.collect())
    }

    #[test]
    fn equal_pictures_are_equal_by_every_measure() {
        let picture = ramp();
        assert_eq!(difference(&picture, &picture).max, 0);
        assert_eq!(psnr(&picture, &picture), f64::INFINITY);
        assert!((ssim(&picture, &picture) - 1.0).abs() < 1e-12);
        assert_eq!(share_within(&picture, &picture, 0), 1.0);
    }

    #[test]
    fn a_known_change_has_known_distances() {
        let before = Rgb::filled(10, 10, [100, 100, 100]);
        let mut after = before.clone();
        after.data[0] = 110;
        let d = difference(&before, &after);
        assert_eq!((d.max, d.mean), (10, 10.0 / 300.0));
        assert!((psnr(&before, &after) - 10.0 * (65_025.0f64 * 3.0).log10()).abs() < 1e-9);
        assert_eq!(share_within(&before, &after, 9), 0.99);
    }

    #[test]
    fn ciede2000_gives_the_published_values() {
        // Pairs 1, 4, 7 and 17 of the test data published with the formula.
        for (one, two, expected) in [
            ([50.0, 2.6772, -79.7751], [50.0, 0.0, -82.7485], 2.0425),
            ([50.0, -1.3802, -84.2814], [50.0, 0.0, -82.7485], 1.0000),
            ([50.0, 0.0, 0.0], [50.0, -1.0, 2.0], 2.3669),
            ([50.0, 2.5, 0.0], [73.0, 25.0, -18.0], 27.1492),
        ] {
            let got = delta_e_lab(one, two);
            assert!((got - expected).abs() < 1e-4, "{one:?} {two:?}: {got} != {expected}");
        }
        assert_eq!(delta_e_2000([12, 99, 200], [12, 99, 200]), 0.0);
        assert!((delta_e_2000([0; 3], [255; 3]) - 100.0).abs() < 0.01);
    }

    #[test]
    fn every_orientation_is_undone_by_storing_for_it() {
        let picture = ramp();
        for orientation in 1..=8 {
            let stored = picture.stored_for(orientation);
            assert_eq!(stored.upright(orientation), picture, "{orientation}");
            assert_eq!(stored == picture, orientation == 1);
        }
        // Orientation 6: the first stored row is the right side of what is seen.
        assert_eq!(picture.stored_for(6).pixel(0, 0), picture.pixel(31, 0));
    }

    #[test]
    fn shrinking_is_the_mean_of_the_box() {
        let picture = Rgb::new(4, 1, vec![0, 0, 0, 100, 0, 0, 200, 0, 0, 40, 0, 0]);
        assert_eq!(picture.shrunk(2, 1).data, [50, 0, 0, 120, 0, 0]);
    }
}
