//! A stroke font: each glyph is a few polylines on a small grid, drawn with a round pen.
//!
//! A point is two characters: x as a digit, y as a digit, `A` for 10, `B` for 11, and `x`, `y`,
//! `z` for -1, -2, -3. The baseline is y 0, capitals reach 10, small letters 7. A stroke that
//! begins with `~` is a smooth curve along its points, one with `@` a closed smooth curve.

use std::collections::BTreeMap;
use std::sync::OnceLock;

/// One glyph: strokes and the width that they take, in grid units.
#[derive(Clone, Debug, Default)]
pub(super) struct Glyph {
    pub(super) strokes: Vec<Vec<(f32, f32)>>,
    pub(super) width: f32,
}

/// Gap between two glyphs in grid units.
pub(super) const GAP: f32 = 2.7;
/// Width of a space in grid units, before the gap.
const SPACE: f32 = 2.6;

#[rustfmt::skip]
const GLYPHS: &[(char, &str)] = &[
    ('A', "003A60 1353"), ('B', "000A ~0A4A6A654505 ~054565604000"), ('C', "~696A3A0A00306061"),
    ('D', "000A ~0A3A6A603000"), ('E', "6A0A0060 0555"), ('F', "6A0A00 0555"),
    ('G', "~696A3A0A00306065 6535"), ('H', "000A 606A 0565"), ('I', "0020 0A2A 101A"),
    ('J', "~5A50200003"), ('K', "000A 6A04 2660"), ('L', "0A0060"), ('M', "000A437A70"),
    ('N', "000A606A"), ('O', "@0A3A6A65603000 05"), ('P', "000A ~0A4A6A644404"),
    ('Q', "@0A3A6A65603000 3360"), ('R', "000A ~0A4A6A644404 3460"),
    ('S', "~696A3A0A05356560300001"), ('T', "0A6A 3A30"), ('U', "~0A0030606A"), ('V', "0A306A"),
    ('W', "0A2048608A"), ('X', "006A 0A60"), ('Y', "0A356A 3530"), ('Z', "0A6A0060"),
    ('0', "@0A5A5000"), ('1', "083A30 1050"), ('2', "~080A3A6A6600 0060"),
    ('3', "~090A3A6A6525 ~256560300001"), ('4', "404A0363"), ('5', "6A0A06 ~06466660300001"),
    ('6', "~5A2A0700306065350503"), ('7', "0A6A20"), ('8', "@0A3A6A653505 @053565603000"),
    ('9', "~1040636A3A0A05356567"),
    ('a', "@07575000 5750"), ('b', "0A00 @07575000"), ('c', "~5657270700205051"),
    ('d', "5A50 @07575000"), ('e', "0454 ~5457270700205051"), ('f', "~4A2A2720 0747"),
    ('g', "@07575000 ~575z2z0z0y"), ('h', "0A00 ~0407275750"), ('i', "1710 1A1A"),
    ('j', "~272z0z 2A2A"), ('k', "0A00 5703 1450"), ('l', "~1A1030"), ('m', "0700 ~04074740 ~44478780"),
    ('n', "0700 ~0407275750"), ('o', "@07575000"), ('p', "070z @07575000"), ('q', "575z @07575000"),
    ('r', "0700 ~04073747"), ('s', "~56572707045450200001"), ('t', "~2A2050 0747"),
    ('u', "~0700305053 5750"), ('v', "073067"), ('w', "0720456087"), ('x', "0057 0750"),
    ('y', "0730 672z"), ('z', "07570050"),
    ('.', "0000"), (',', "100y"), (':', "0000 0606"), (';', "100y 1616"), ('-', "0444"),
    ('–', "0464"), ('+', "0464 3137"), ('/', "005A"), ('<', "690561"), ('>', "096501"),
    ('(', "~2B070x2z"), (')', "~0B272x0z"), ('\'', "0A08"), ('"', "0A08 2A28"), ('!', "0A03 0000"),
    ('?', "~080A3A6A6636 33 3636 3633 3030"), ('=', "0353 0656"), ('_', "0x6x"), ('*', "2A26 0949 0749"),
    ('#', "1029 4059 0464 1767"), ('%', "006A @0A2A2707 @43636040"), ('€', "~696A3A1A10306061 0646 0444"),
    ('&', "~60094A6906 0260 64"), ('°', "@0A3A3707"), ('·', "0404"), ('@', "~7020000A8A83636656 @36666333"),
    ('ä', "@07575000 5750 1A1A 4A4A"), ('ö', "@07575000 1A1A 4A4A"), ('ü', "~0700305053 5750 1A1A 4A4A"),
    ('é', "0454 ~5457270700205051 294B"), ('ß', "~0z0A4A4636565020"), ('ñ', "0700 ~0407275750 ~092A395A"),
];

/// The glyph for `character`; an outlined box for one that the font lacks.
pub(super) fn glyph(character: char) -> &'static Glyph {
    static TABLE: OnceLock<(BTreeMap<char, Glyph>, Glyph)> = OnceLock::new();
    let (table, missing) = TABLE.get_or_init(|| {
        let mut table: BTreeMap<_, _> = GLYPHS.iter().map(|(c, text)| (*c, parse(text))).collect();
        table.insert(' ', Glyph { strokes: Vec::new(), width: SPACE });
        (table, parse("000A6A6000"))
    });
    table.get(&character).unwrap_or(missing)
}

fn parse(text: &str) -> Glyph {
    let strokes: Vec<Vec<(f32, f32)>> = text.split(' ').map(stroke).collect();
    let width = strokes.iter().flatten().fold(0.0f32, |width, point| width.max(point.0));
    Glyph { strokes, width }
}

fn stroke(text: &str) -> Vec<(f32, f32)> {
    let points: Vec<char> = text.trim_start_matches(['~', '@']).chars().collect();
    let points: Vec<(f32, f32)> =
        points.chunks_exact(2).map(|pair| (coordinate(pair[0]), coordinate(pair[1]))).collect();
    match text.chars().next() {
        Some('~') => smooth(&points, false),
        Some('@') => smooth(&points, true),
        _ => points,
    }
}

fn coordinate(character: char) -> f32 {
    match character {
        'x' => -1.0,
        'y' => -2.0,
        'z' => -3.0,
        other => other.to_digit(16).map_or(0.0, |digit| digit as f32),
    }
}

/// Cuts corners three times (Chaikin), which tends to a quadratic B-spline.
fn smooth(points: &[(f32, f32)], is_closed: bool) -> Vec<(f32, f32)> {
    let mut points = points.to_vec();
    if is_closed {
        points.push(points[0]);
    }
    for _ in 0..3 {
        let mut next = Vec::with_capacity(points.len() * 2);
        if !is_closed {
            next.push(points[0]);
        }
        for pair in points.windows(2) {
            let ((ax, ay), (bx, by)) = (pair[0], pair[1]);
            next.push((ax * 0.75 + bx * 0.25, ay * 0.75 + by * 0.25));
            next.push((ax * 0.25 + bx * 0.75, ay * 0.25 + by * 0.75));
        }
        next.push(if is_closed { next[0] } else { points[points.len() - 1] });
        points = next;
    }
    points
}

#[cfg(test)]
mod tests {
    use super::glyph;

    #[test]
    fn every_printable_letter_and_digit_has_its_own_shape() {
        let mut shapes = Vec::new();
        for character in ('A'..='Z').chain('a'..='z').chain('0'..='9') {
            let strokes = &glyph(character).strokes;
            assert!(!strokes.is_empty(), "{character}");
            assert!(!shapes.contains(&strokes), "{character} looks like another");
            shapes.push(strokes);
        }
    }

    #[test]
    fn no_glyph_leaves_its_grid() {
        for (character, _) in super::GLYPHS {
            for &(x, y) in glyph(*character).strokes.iter().flatten() {
                assert!((0.0..=9.0).contains(&x) && (-3.0..=11.0).contains(&y), "{character}");
            }
        }
    }
}
