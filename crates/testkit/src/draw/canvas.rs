//! The canvas: shapes by signed distance, so that every edge is anti-aliased by one rule.

use super::font::{GAP, glyph};
use crate::Rgb;

/// A colour with its opacity (0–1).
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Ink {
    /// sRGB colour.
    pub colour: [u8; 3],
    /// 0 invisible, 1 covering.
    pub opacity: f32,
}

impl Ink {
    /// A covering colour.
    pub const fn new(red: u8, green: u8, blue: u8) -> Self {
        Self { colour: [red, green, blue], opacity: 1.0 }
    }

    /// The same colour, see-through.
    #[must_use]
    pub const fn at(self, opacity: f32) -> Self {
        Self { opacity, ..self }
    }
}

/// A picture that can be drawn on. Coordinates are pixels from the top left; shapes outside are
/// cut off.
#[derive(Clone, Debug)]
pub struct Canvas {
    picture: Rgb,
}

impl Canvas {
    /// A canvas of one colour.
    pub fn new(width: u32, height: u32, colour: [u8; 3]) -> Self {
        Self { picture: Rgb::filled(width, height, colour) }
    }

    /// A canvas over a picture.
    pub fn over(picture: Rgb) -> Self {
        Self { picture }
    }

    /// What was drawn.
    pub fn picture(&self) -> &Rgb {
        &self.picture
    }

    /// What was drawn, without a copy.
    pub fn into_picture(self) -> Rgb {
        self.picture
    }

    /// Sets every pixel to what `colour` says for it.
    pub fn paint(&mut self, mut colour: impl FnMut(f32, f32) -> [f32; 3]) {
        let width = self.picture.width as usize;
        for (index, pixel) in self.picture.data.chunks_exact_mut(3).enumerate() {
            let value = colour((index % width) as f32, (index / width) as f32);
            for (to, from) in pixel.iter_mut().zip(value) {
                *to = from.clamp(0.0, 255.0) as u8;
            }
        }
    }

    /// An upright rectangle with corners rounded by `radius`.
    pub fn rect(&mut self, x: f32, y: f32, width: f32, height: f32, radius: f32, ink: Ink) {
        let (cx, cy) = (x + width / 2.0, y + height / 2.0);
        let (hw, hh) = (width / 2.0 - radius, height / 2.0 - radius);
        self.fill((x, y, x + width, y + height), ink, |px, py| {
            let (dx, dy) = ((px - cx).abs() - hw, (py - cy).abs() - hh);
            length(dx.max(0.0), dy.max(0.0)) + dx.max(dy).min(0.0) - radius
        });
    }

    /// The outline of a rounded rectangle, `pen` pixels wide, inside its edge.
    #[expect(clippy::too_many_arguments, reason = "a frame is a rectangle and a pen")]
    pub fn frame(&mut self, x: f32, y: f32, w: f32, h: f32, radius: f32, pen: f32, ink: Ink) {
        let (cx, cy, half) = (x + w / 2.0, y + h / 2.0, pen / 2.0);
        let (hw, hh) = (w / 2.0 - radius, h / 2.0 - radius);
        self.fill((x, y, x + w, y + h), ink, |px, py| {
            let (dx, dy) = ((px - cx).abs() - hw, (py - cy).abs() - hh);
            let edge = length(dx.max(0.0), dy.max(0.0)) + dx.max(dy).min(0.0) - radius;
            (edge + half).abs() - half
        });
    }

    /// An upright ellipse around `cx`, `cy`.
    pub fn ellipse(&mut self, cx: f32, cy: f32, rx: f32, ry: f32, ink: Ink) {
        self.fill((cx - rx, cy - ry, cx + rx, cy + ry), ink, |px, py| {
            let (nx, ny) = ((px - cx) / rx, (py - cy) / ry);
            let k = length(nx, ny);
            // First-order distance: value over the length of its gradient.
            let slope = length(nx / rx, ny / ry);
            if slope == 0.0 { -rx.min(ry) } else { (k - 1.0) * k / slope }
        });
    }

    /// A soft ellipse whose ink fades from the middle to the edge.
    pub fn glow(&mut self, cx: f32, cy: f32, rx: f32, ry: f32, ink: Ink) {
        self.blend((cx - rx, cy - ry, cx + rx, cy + ry), ink, |px, py| {
            let (nx, ny) = ((px - cx) / rx, (py - cy) / ry);
            let fade = (1.0 - (nx * nx + ny * ny)).max(0.0);
            fade * fade
        });
    }

    /// A filled polygon (even-odd).
    pub fn polygon(&mut self, points: &[(f32, f32)], ink: Ink) {
        self.fill(bounds(points, 0.0), ink, |px, py| {
            let (mut nearest, mut is_inside) = (f32::MAX, false);
            for (index, &a) in points.iter().enumerate() {
                let b = points[(index + 1) % points.len()];
                nearest = nearest.min(to_segment(px, py, a, b));
                if (a.1 > py) != (b.1 > py) && px < (b.0 - a.0) * (py - a.1) / (b.1 - a.1) + a.0 {
                    is_inside = !is_inside;
                }
            }
            if is_inside { -nearest } else { nearest }
        });
    }

    /// A polyline drawn with a round pen `pen` pixels wide.
    pub fn stroke(&mut self, points: &[(f32, f32)], pen: f32, ink: Ink) {
        match points {
            [] => return,
            [only] => return self.stroke(&[*only, *only], pen, ink),
            _ => {}
        }
        // Within a part the nearest segment decides, so that joints are not inked twice; parts
        // keep the cost of long lines linear.
        let half = pen / 2.0;
        for start in (0..points.len() - 1).step_by(24) {
            let part = &points[start..points.len().min(start + 25)];
            self.fill(bounds(part, half), ink, |px, py| {
                let near = part.windows(2).map(|s| to_segment(px, py, s[0], s[1]));
                near.fold(f32::MAX, f32::min) - half
            });
        }
    }

    /// Text with its baseline at `y`, capitals `size` pixels high, `pen` pixels thick. Returns
    /// the x where the text ends.
    pub fn text(&mut self, x: f32, y: f32, size: f32, pen: f32, ink: Ink, text: &str) -> f32 {
        let unit = size / 10.0;
        let mut left = x;
        for character in text.chars() {
            let glyph = glyph(character);
            self.glyph_at(left, y, unit, pen, ink, &glyph.strokes);
            left += (glyph.width + GAP) * unit;
        }
        left - GAP * unit
    }

    /// Text in cells of equal width (0.9 of `size`), as in machine-readable zones.
    pub fn mono(&mut self, x: f32, y: f32, size: f32, pen: f32, ink: Ink, text: &str) {
        let unit = size / 10.0;
        for (index, character) in text.chars().enumerate() {
            let glyph = glyph(character);
            let left = x + (index as f32 * 9.0 + (6.0 - glyph.width) / 2.0) * unit;
            self.glyph_at(left, y, unit, pen, ink, &glyph.strokes);
        }
    }

    /// Text along a rising line: `rise` pixels up per pixel to the right.
    #[expect(clippy::too_many_arguments, reason = "text has a place, a size, a pen and a slope")]
    pub fn slanted(&mut self, x: f32, y: f32, size: f32, pen: f32, rise: f32, ink: Ink, text: &str) {
        let unit = size / 10.0;
        let norm = 1.0 / (1.0 + rise * rise).sqrt();
        let mut along = 0.0;
        for character in text.chars() {
            let glyph = glyph(character);
            for stroke in &glyph.strokes {
                let points: Vec<(f32, f32)> = stroke
                    .iter()
                    .map(|&(gx, gy)| {
                        let (u, v) = ((along + gx) * unit, gy * unit);
                        (x + (u - v * rise) * norm, y - (u * rise + v) * norm)
                    })
                    .collect();
                self.stroke(&points, pen, ink);
            }
            along += glyph.width + GAP;
        }
    }

    /// Width in pixels that [`Canvas::text`] takes.
    pub fn text_width(size: f32, text: &str) -> f32 {
        let units: f32 = text.chars().map(|c| glyph(c).width + GAP).sum();
        (units - GAP).max(0.0) * size / 10.0
    }

    /// Copies `other` with its top left corner at `x`, `y`.
    pub fn place(&mut self, other: &Rgb, x: u32, y: u32) {
        let columns = other.width.min(self.picture.width.saturating_sub(x)) as usize * 3;
        for row in 0..other.height.min(self.picture.height.saturating_sub(y)) {
            let from = row as usize * other.width as usize * 3;
            let to = ((y + row) as usize * self.picture.width as usize + x as usize) * 3;
            self.picture.data[to..to + columns].copy_from_slice(&other.data[from..from + columns]);
        }
    }

    fn glyph_at(&mut self, x: f32, y: f32, unit: f32, pen: f32, ink: Ink, strokes: &[Vec<(f32, f32)>]) {
        for stroke in strokes {
            let points: Vec<(f32, f32)> = stroke.iter().map(|&(gx, gy)| (x + gx * unit, y - gy * unit)).collect();
            self.stroke(&points, pen, ink);
        }
    }

    /// Inks every pixel by how far inside the shape it is.
    fn fill(&mut self, bounds: (f32, f32, f32, f32), ink: Ink, distance: impl Fn(f32, f32) -> f32) {
        self.blend(bounds, ink, |x, y| (0.5 - distance(x, y)).clamp(0.0, 1.0));
    }

    fn blend(&mut self, bounds: (f32, f32, f32, f32), ink: Ink, cover: impl Fn(f32, f32) -> f32) {
        let (width, height) = (self.picture.width as usize, self.picture.height as usize);
        let clip = |low: f32, high: f32, limit: usize| {
            let from = (low - 1.0).max(0.0) as usize;
            (from, ((high + 2.0).max(0.0) as usize).min(limit))
        };
        let (left, right) = clip(bounds.0, bounds.2, width);
        let (top, bottom) = clip(bounds.1, bounds.3, height);
        for row in top..bottom {
            for column in left..right {
                let share = cover(column as f32 + 0.5, row as f32 + 0.5) * ink.opacity;
                if share > 0.0 {
                    let at = (row * width + column) * 3;
                    for (to, from) in self.picture.data[at..at + 3].iter_mut().zip(ink.colour) {
                        let old = f32::from(*to);
                        *to = (old + (f32::from(from) - old) * share + 0.5) as u8;
                    }
                }
            }
        }
    }
}

fn length(x: f32, y: f32) -> f32 {
    (x * x + y * y).sqrt()
}

fn bounds(points: &[(f32, f32)], margin: f32) -> (f32, f32, f32, f32) {
    let start = (f32::MAX, f32::MAX, f32::MIN, f32::MIN);
    let (l, t, r, b) = points.iter().fold(start, |(l, t, r, b), &(x, y)| (l.min(x), t.min(y), r.max(x), b.max(y)));
    (l - margin, t - margin, r + margin, b + margin)
}

fn to_segment(px: f32, py: f32, a: (f32, f32), b: (f32, f32)) -> f32 {
    let (dx, dy) = (b.0 - a.0, b.1 - a.1);
    let square = dx * dx + dy * dy;
    let along = if square == 0.0 { 0.0 } else { ((px - a.0) * dx + (py - a.1) * dy) / square };
    let along = along.clamp(0.0, 1.0);
    length(px - a.0 - along * dx, py - a.1 - along * dy)
}

#[cfg(test)]
mod tests {
    use super::{Canvas, Ink};

    #[test]
    fn shapes_cover_what_they_should() {
        let mut canvas = Canvas::new(40, 40, [255; 3]);
        canvas.rect(10.0, 10.0, 20.0, 20.0, 0.0, Ink::new(0, 0, 0));
        assert_eq!(canvas.picture().pixel(20, 20), [0; 3]);
        assert_eq!(canvas.picture().pixel(10, 10), [0; 3]);
        assert_eq!(canvas.picture().pixel(9, 20), [255; 3]);
        canvas.ellipse(20.0, 20.0, 5.0, 3.0, Ink::new(200, 0, 0).at(0.5));
        assert_eq!(canvas.picture().pixel(20, 20), [100, 0, 0]);
        assert_eq!(canvas.picture().pixel(20, 26), [0; 3]);
    }

    #[test]
    fn shapes_beyond_the_edge_are_cut_off() {
        let mut canvas = Canvas::new(8, 8, [0; 3]);
        canvas.rect(-50.0, -50.0, 200.0, 200.0, 3.0, Ink::new(9, 9, 9));
        canvas.text(-30.0, 300.0, 90.0, 4.0, Ink::new(1, 1, 1), "outside");
        assert_eq!(canvas.picture().pixel(7, 7), [9; 3]);
    }
}
