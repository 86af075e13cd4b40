//! Turns, mirrors and clean apertures, composed in the order in which an item carries them into
//! one crop of the stored picture and one of the eight orientations.

use super::boxes::Reader;
use super::meta::Property;
use crate::error::Error;

/// A rectangle of luma samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rect {
    pub(super) x: u32,
    pub(super) y: u32,
    pub(super) width: u32,
    pub(super) height: u32,
}

/// First crop the stored picture, then mirror it left to right where `mirrored`, then turn it
/// clockwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Geometry {
    pub(super) crop: Rect,
    mirrored: bool,
    /// Quarter turns clockwise, 0 to 3.
    turns: u8,
}

impl Geometry {
    /// Nothing done yet to a stored picture of this size.
    pub(super) fn of(width: u32, height: u32) -> Self {
        Self { crop: Rect { x: 0, y: 0, width, height }, mirrored: false, turns: 0 }
    }

    /// Adds a property if it is a transformative one.
    pub(super) fn apply(&mut self, property: &Property<'_>) -> Result<(), Error> {
        let mut r = Reader::new(property.body);
        match &property.kind {
            // Counter-clockwise.
            b"irot" => self.turn(4 - (r.u8()? & 3)),
            b"imir" => self.mirror(r.u8()? & 1 == 1),
            b"clap" => self.clap(&mut r)?,
            _ => {}
        }
        Ok(())
    }

    /// The same as an EXIF orientation, 1 to 8: what is left to do after cropping.
    pub(super) fn orientation(&self) -> u8 {
        match (self.mirrored, self.turns) {
            (false, 0) => 1,
            (false, 1) => 6,
            (false, 2) => 3,
            (false, _) => 8,
            (true, 0) => 2,
            (true, 1) => 7,
            (true, 2) => 4,
            (true, _) => 5,
        }
    }

    pub(super) fn turn(&mut self, quarters_clockwise: u8) {
        self.turns = (self.turns + quarters_clockwise) & 3;
    }

    /// Left and right change places, or top and bottom. A mirror after a turn is the mirror before
    /// the opposite turn; top to bottom is left to right and half a turn.
    pub(super) fn mirror(&mut self, left_right: bool) {
        self.turns = (4 - self.turns) & 3;
        self.mirrored = !self.mirrored;
        if !left_right {
            self.turn(2);
        }
    }

    /// A clean aperture: width, height and the offset of its centre from the picture's centre, all
    /// fractions. Rounded to whole samples and kept inside of the picture.
    fn clap(&mut self, r: &mut Reader<'_>) -> Result<(), Error> {
        let (turned_width, turned_height) =
            if self.turns & 1 == 1 { (self.crop.height, self.crop.width) } else { (self.crop.width, self.crop.height) };
        let size_x = (r.i32()?, r.i32()?);
        let size_y = (r.i32()?, r.i32()?);
        let offset_x = (r.i32()?, r.i32()?);
        let offset_y = (r.i32()?, r.i32()?);
        let (x, width) = aperture(turned_width, size_x, offset_x)?;
        let (y, height) = aperture(turned_height, size_y, offset_y)?;
        let mut rect = Rect { x, y, width, height };
        // Back through the turns, one quarter at a time, then through the mirror.
        let (mut w, mut h) = (turned_width, turned_height);
        for _ in 0..self.turns {
            // Stored (x, y) of a w×h picture stands at (h - 1 - y, x) once turned clockwise.
            (w, h) = (h, w);
            rect = Rect { x: rect.y, y: h - rect.x - rect.width, width: rect.height, height: rect.width };
        }
        if self.mirrored {
            rect.x = w - rect.x - rect.width;
        }
        self.crop = Rect { x: self.crop.x + rect.x, y: self.crop.y + rect.y, ..rect };
        Ok(())
    }
}

/// Start and length of a clean aperture along one side of `length` samples.
fn aperture(length: u32, size: (i32, i32), offset: (i32, i32)) -> Result<(u32, u32), Error> {
    let bad = || Error::corrupt("a clean aperture that shows nothing");
    let ((size_n, size_d), (offset_n, offset_d)) = (size, offset);
    if size_d <= 0 || offset_d <= 0 || size_n <= 0 {
        return Err(bad());
    }
    let wide = i128::from(length);
    let (size_n, size_d, offset_n, offset_d) =
        (i128::from(size_n), i128::from(size_d), i128::from(offset_n), i128::from(offset_d));
    let size = (2 * size_n + size_d).div_euclid(2 * size_d);
    // start = offset + (length - size) / 2, rounded down.
    let start = (2 * offset_n + (wide - size) * offset_d).div_euclid(2 * offset_d);
    let end = (start + size).clamp(0, wide);
    let start = start.clamp(0, wide);
    if end <= start {
        return Err(bad());
    }
    // Both lie between 0 and `length`.
    Ok((start as u32, (end - start) as u32))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn clap(w: i32, h: i32, x: i32, y: i32) -> Vec<u8> {
        // Offsets in halves of a sample.
        [w, 1, h, 1, x, 2, y, 2].iter().flat_map(|n| n.to_be_bytes()).collect()
    }

    fn property<'a>(kind: &[u8; 4], body: &'a [u8]) -> Property<'a> {
        Property { kind: *kind, body, essential: true }
    }

    /// A picture as a grid of labels, with the operations done the slow way.
    #[derive(Clone, Debug, PartialEq)]
    struct Labels(Vec<Vec<u32>>);

    impl Labels {
        fn turn(&self) -> Self {
            let (w, h) = (self.0[0].len(), self.0.len());
            Self((0..w).map(|x| (0..h).rev().map(|y| self.0[y][x]).collect()).collect())
        }
        fn mirror(&self) -> Self {
            Self(self.0.iter().map(|row| row.iter().rev().copied().collect()).collect())
        }
        fn flip(&self) -> Self {
            Self(self.0.iter().rev().cloned().collect())
        }
        fn crop(&self, r: Rect) -> Self {
            let (x, y, w, h) = (r.x as usize, r.y as usize, r.width as usize, r.height as usize);
            Self(self.0[y..y + h].iter().map(|row| row[x..x + w].to_vec()).collect())
        }
        fn orient(&self, orientation: u8) -> Self {
            let turned = |n: usize| (0..n).fold(self.clone(), |l, _| l.turn());
            match orientation {
                1 => self.clone(),
                2 => self.mirror(),
                3 => turned(2),
                4 => self.flip(),
                5 => self.mirror().turn().turn().turn(),
                6 => turned(1),
                7 => self.mirror().turn(),
                _ => turned(3),
            }
        }
    }

    #[test]
    fn an_iphone_held_upright() {
        let mut g = Geometry::of(4032, 3024);
        g.apply(&property(b"irot", &[3])).unwrap();
        assert_eq!(g.orientation(), 6);
    }

    #[test]
    fn an_aperture_keeps_the_left_edge() {
        let mut g = Geometry::of(64, 100);
        g.apply(&property(b"clap", &clap(29, 100, -35, 0))).unwrap();
        assert_eq!(g.crop, Rect { x: 0, y: 0, width: 29, height: 100 });
        assert!(g.apply(&property(b"clap", &clap(0, 1, 0, 0))).is_err());
    }

    proptest! {
        #[test]
        fn any_order_equals_the_slow_way(ops in proptest::collection::vec((0u8..4, 0u8..4, 1i32..9, 1i32..9, -3i32..4, -3i32..4), 0..6)) {
            let stored = Labels((0..7).map(|y| (0..9).map(|x| y * 9 + x).collect()).collect());
            let mut slow = stored.clone();
            let mut g = Geometry::of(9, 7);
            for (op, n, w, h, x, y) in ops {
                match op {
                    0 => {
                        g.apply(&property(b"irot", &[n])).unwrap();
                        for _ in 0..(4 - n) % 4 {
                            slow = slow.turn();
                        }
                    }
                    1 => {
                        g.apply(&property(b"imir", &[n & 1])).unwrap();
                        slow = if n & 1 == 1 { slow.mirror() } else { slow.flip() };
                    }
                    _ => {
                        let body = clap(w, h, x, y);
                        if g.apply(&property(b"clap", &body)).is_err() {
                            continue;
                        }
                        let (sw, sh) = (slow.0[0].len() as u32, slow.0.len() as u32);
                        let (cx, cw) = aperture(sw, (w, 1), (x, 2)).unwrap();
                        let (cy, ch) = aperture(sh, (h, 1), (y, 2)).unwrap();
                        slow = slow.crop(Rect { x: cx, y: cy, width: cw, height: ch });
                    }
                }
            }
            prop_assert_eq!(stored.crop(g.crop).orient(g.orientation()), slow);
        }
    }
}
