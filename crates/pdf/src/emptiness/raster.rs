//! The page on paper, at half a pixel a point.

use hayro::vello_cpu::color::palette::css::WHITE;
use hayro::{PixmapSettings, RenderCache, RenderSettings, hayro_interpret::InterpreterSettings};
use hayro_syntax::page::Page;

/// 36 dpi.
const SCALE: f32 = 0.5;

/// Longer pages (55 inches) are not drawn but kept.
const MAX_SIDE: f32 = 4000.0;

/// A channel below this is ink; the limit of the oracle.
const PAPER: u8 = 250;

/// Edges of a scan show the scanner's bed.
const EDGE: f64 = 0.012;

/// A scan is blank if fewer than this many pixels are darker than what surrounds them …
const SPECKS: usize = 4;

/// … by more than this.
const CONTRAST: u8 = 14;

/// Paper is at least this light; a dark page is a cover or a photo.
const BRIGHT: u8 = 140;

/// An area stands out where its edge is this much darker …
const STEP: i16 = 28;

/// … within this many pixels, …
const STEP_REACH: usize = 4;

/// … along this many of them: an inch of edge.
const EDGE_PIXELS: usize = 36;

/// Darker than the paper by this much is an area, …
const AREA_CONTRAST: u8 = 70;

/// … where it covers more than one pixel in so many.
const AREA_SHARE: usize = 100;

/// Half a window of 9×9 pixels.
const REACH: usize = 4;

/// The darkest channel of each pixel.
pub(super) struct Paper {
    width: usize,
    height: usize,
    light: Vec<u8>,
}

/// Draws a page, unless it is too large to be drawn.
pub(super) fn draw(page: &Page<'_>, settings: &InterpreterSettings) -> Option<Paper> {
    let (width, height) = page.render_dimensions();
    if width.max(height) > MAX_SIDE {
        return None;
    }
    // A strip of paper is at least a pixel wide.
    let scale = |length: f32| SCALE.max(1.0 / length.max(0.1));
    let pixmap = PixmapSettings { x_scale: scale(width), y_scale: scale(height), bg_color: WHITE };
    let pixmap = hayro::render(page, &RenderCache::new(), settings, &RenderSettings::default(), &pixmap);
    let light = pixmap.data().iter().map(|p| p.r.min(p.g).min(p.b)).collect();
    Some(Paper { width: pixmap.width().into(), height: pixmap.height().into(), light })
}

impl Paper {
    pub(super) fn has_ink(&self) -> bool {
        self.light.iter().any(|light| *light < PAPER)
    }

    /// Whether a picture of paper shows nothing on it: noise, shadows and stains are soft, writing
    /// stands out from what surrounds it.
    pub(super) fn is_blank_scan(&self) -> bool {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "pixels"
        )]
        let edge = |side: usize| (side as f64 * EDGE).ceil() as usize;
        let (left, top) = (edge(self.width), edge(self.height));
        if self.width <= 2 * left + 9 || self.height <= 2 * top + 9 {
            return false;
        }
        let bright = self.light.iter().filter(|light| **light >= BRIGHT).count();
        if bright < self.light.len() / 2 {
            return false;
        }
        if self.has_areas(left, top) {
            return false;
        }
        let mut specks = 0;
        for y in top..self.height - top {
            let rows = y.saturating_sub(REACH).max(top)..(y + REACH + 1).min(self.height - top);
            let mut window = Window::default();
            for x in left..(left + REACH).min(self.width - left) {
                rows.clone().for_each(|y| window.add(self.light[y * self.width + x]));
            }
            for x in left..self.width - left {
                if x + REACH < self.width - left {
                    rows.clone().for_each(|y| window.add(self.light[y * self.width + x + REACH]));
                }
                if x > left + REACH {
                    rows.clone().for_each(|y| window.remove(self.light[y * self.width + x - REACH - 1]));
                }
                if window.median().saturating_sub(self.light[y * self.width + x]) > CONTRAST {
                    specks += 1;
                    if specks >= SPECKS {
                        return false;
                    }
                }
            }
        }
        true
    }
}

impl Paper {
    /// Whether large parts of the sheet are darker than its paper. They have no contrast of their own: what
    /// tells them from shadows, which are as large, is an edge, or how dark they are.
    fn has_areas(&self, left: usize, top: usize) -> bool {
        let inside = |x: usize, y: usize| self.light[y * self.width + x];
        let (xs, ys) = (left..self.width - left, top..self.height - top);
        let mut counts = [0usize; 256];
        ys.clone().for_each(|y| xs.clone().for_each(|x| counts[usize::from(inside(x, y))] += 1));
        let total: usize = counts.iter().sum();
        // The paper is as light as the lighter half of the sheet.
        let (mut paper, mut above) = (255usize, counts[255]);
        while paper > 0 && above * 4 < total {
            paper -= 1;
            above += counts[paper];
        }
        let dark: usize = counts[..paper.saturating_sub(usize::from(AREA_CONTRAST))].iter().sum();
        if dark * AREA_SHARE > total {
            return true;
        }
        // Means of 3×3 pixels, so that noise has no edges.
        let mean = |x: usize, y: usize| {
            let sum: u16 = (y - 1..=y + 1)
                .flat_map(|y| (x - 1..=x + 1).map(move |x| (x, y)))
                .map(|(x, y)| u16::from(inside(x, y)))
                .sum();
            i16::try_from(sum / 9).unwrap_or(255)
        };
        let mut edges = 0;
        for y in top + 1..self.height - top - 1 - STEP_REACH {
            for x in left + 1..self.width - left - 1 - STEP_REACH {
                let here = mean(x, y);
                let step = (here - mean(x + STEP_REACH, y)).abs().max((here - mean(x, y + STEP_REACH)).abs());
                edges += usize::from(step >= STEP);
                if edges >= EDGE_PIXELS * STEP_REACH {
                    return true;
                }
            }
        }
        false
    }
}

/// How often each value stands in the window, and the median, which moves little from one window to
/// the next.
struct Window {
    counts: [u16; 256],
    total: u16,
    median: u8,
    /// Values below the median.
    below: u16,
}

impl Default for Window {
    fn default() -> Self {
        Self { counts: [0; 256], total: 0, median: 0, below: 0 }
    }
}

impl Window {
    fn add(&mut self, value: u8) {
        self.counts[usize::from(value)] += 1;
        self.total += 1;
        self.below += u16::from(value < self.median);
    }

    fn remove(&mut self, value: u8) {
        self.counts[usize::from(value)] -= 1;
        self.total -= 1;
        self.below -= u16::from(value < self.median);
    }

    fn median(&mut self) -> u8 {
        let half = self.total / 2;
        while self.below > half {
            self.median -= 1;
            self.below -= self.counts[usize::from(self.median)];
        }
        while self.below + self.counts[usize::from(self.median)] <= half && self.median < 255 {
            self.below += self.counts[usize::from(self.median)];
            self.median += 1;
        }
        self.median
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paper(dot: impl Fn(usize, usize) -> u8) -> Paper {
        let (width, height) = (120, 160);
        let light = (0..width * height).map(|i| dot(i % width, i / width)).collect();
        Paper { width, height, light }
    }

    #[test]
    fn noise_and_shadows_are_blank_and_a_word_is_not() {
        let noise = |x: usize, y: usize| 235 + ((x * 7 + y * 13) % 11) as u8;
        assert!(paper(noise).is_blank_scan());
        assert!(paper(|x, y| noise(x, y) - (x / 2) as u8).is_blank_scan());
        assert!(!paper(|x, y| if y == 80 && (50..60).contains(&x) { 150 } else { noise(x, y) }).is_blank_scan());
        assert!(paper(|_, _| 255).is_blank_scan() && !paper(|_, _| 255).has_ink());
    }

    #[test]
    fn dark_and_coloured_areas_are_not_blank() {
        let noise = |x: usize, y: usize| 235 + ((x * 7 + y * 13) % 11) as u8;
        assert!(!paper(|x, y| if y > 80 { 10 } else { noise(x, y) }).is_blank_scan(), "half a sheet of black");
        assert!(!paper(|x, y| if y < 30 { 190 } else { noise(x, y) }).is_blank_scan(), "a band of pale colour");
        assert!(
            !paper(|x, y| if (20..60).contains(&x) && (20..60).contains(&y) { 200 } else { noise(x, y) })
                .is_blank_scan()
        );
        assert!(
            !paper(|x, y| 235 - ((x * 2).min(150)) as u8 + (y % 2) as u8).is_blank_scan(),
            "a sheet that fades to black"
        );
    }

    #[test]
    fn the_median_is_the_median() {
        let mut window = Window::default();
        for value in [9, 200, 3, 3, 77] {
            window.add(value);
        }
        assert_eq!(window.median(), 9);
        window.remove(3);
        window.remove(3);
        assert_eq!(window.median(), 77);
    }
}
