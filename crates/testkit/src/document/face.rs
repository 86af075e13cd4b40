//! A drawn face: enough skin, hair and edges to look like a portrait to an encoder, and like a
//! drawing to a person.

use crate::draw::{Canvas, Ink, value_noise};
use crate::{Rgb, Rng};

/// A drawn portrait of the person of this seed before a soft wall.
pub fn selfie(seed: u64, width: u32, height: u32) -> Rgb {
    let mut canvas = Canvas::new(width, height, [0; 3]);
    let mut rng = Rng::fork(seed, "wall");
    let field = rng.next_u32();
    let (w, h) = (width as f32, height as f32);
    canvas.paint(|x, y| {
        let cloud = value_noise(field, x / w * 3.0, y / h * 3.0) * 24.0;
        let light = 1.0 - 0.35 * (x / w);
        [(168.0 + cloud) * light, (182.0 + cloud) * light, (186.0 + cloud) * light]
    });
    let unit = w.min(h * 0.8);
    face(&mut canvas, seed, w / 2.0, h * 0.46, unit * 0.30);
    let size = unit * 0.07;
    let label = "SPECIMEN";
    let x = (w - Canvas::text_width(size, label)) / 2.0;
    canvas.text(x, h * 0.97, size, size * 0.16, Ink::new(255, 255, 255).at(0.85), label);
    canvas.into_picture()
}

/// Draws head and shoulders; `r` is half the width of the head.
pub(super) fn face(canvas: &mut Canvas, seed: u64, cx: f32, cy: f32, r: f32) {
    let mut rng = Rng::fork(seed, "face");
    let skins = [[238u8, 196, 164], [208, 158, 122], [158, 108, 78], [112, 74, 54]];
    let hairs = [[42u8, 30, 24], [96, 62, 34], [176, 132, 70], [120, 118, 116]];
    let skin = skins[rng.below(4) as usize];
    let hair = hairs[rng.below(4) as usize];
    let cloth = [0; 3].map(|_| rng.between(40, 170) as u8);
    let has_long_hair = rng.below(2) == 0;
    let shade =
        |colour: [u8; 3], by: f32| Ink { colour: colour.map(|v| (f32::from(v) * by).min(255.0) as u8), opacity: 1.0 };
    let at = |x: f32, y: f32| (cx + x * r, cy + y * r);
    if has_long_hair {
        canvas.ellipse(cx, cy + 0.25 * r, 1.22 * r, 1.65 * r, shade(hair, 0.85));
    }
    // Shoulders, neck, collar.
    canvas.ellipse(cx, cy + 2.55 * r, 2.0 * r, 1.15 * r, shade(cloth, 1.0));
    canvas.polygon(&[at(-0.42, 0.8), at(0.42, 0.8), at(0.5, 1.6), at(0.0, 1.95), at(-0.5, 1.6)], shade(skin, 0.86));
    canvas.stroke(&[at(-0.52, 1.5), at(0.0, 2.0), at(0.52, 1.5)], 0.1 * r, shade(cloth, 0.7));
    // Ears, head, light.
    canvas.ellipse(cx - 0.98 * r, cy + 0.1 * r, 0.16 * r, 0.28 * r, shade(skin, 0.88));
    canvas.ellipse(cx + 0.98 * r, cy + 0.1 * r, 0.16 * r, 0.28 * r, shade(skin, 0.82));
    canvas.ellipse(cx, cy, r, 1.28 * r, shade(skin, 1.0));
    canvas.glow(cx + 0.45 * r, cy + 0.2 * r, 0.75 * r, 1.2 * r, shade(skin, 0.72).at(0.6));
    canvas.glow(cx - 0.4 * r, cy - 0.45 * r, 0.7 * r, 0.6 * r, shade([255; 3], 1.0).at(0.35));
    for side in [-1.0, 1.0] {
        canvas.glow(cx + side * 0.5 * r, cy + 0.38 * r, 0.3 * r, 0.22 * r, Ink::new(214, 92, 84).at(0.4));
    }
    // Hair: a cap with a fringe.
    let mut cap = vec![at(-1.04, 0.05), at(-1.06, -0.6), at(-0.8, -1.1), at(-0.3, -1.38)];
    cap.extend([at(0.3, -1.38), at(0.8, -1.1), at(1.06, -0.6), at(1.04, 0.05)]);
    cap.extend([at(0.9, -0.45), at(0.55, -0.72), at(0.1, -0.62), at(-0.45, -0.78), at(-0.9, -0.4)]);
    canvas.polygon(&cap, shade(hair, 1.0));
    for strand in 0..14 {
        let x = -0.85 + strand as f32 * 0.13;
        let tone = 0.75 + 0.6 * rng.unit();
        canvas.stroke(&[at(x * 0.6, -1.3), at(x, -0.72)], 0.035 * r, shade(hair, tone).at(0.6));
    }
    // Eyes, brows, nose, mouth.
    let eye = [[70u8, 110, 150], [90, 70, 40], [80, 120, 80]][rng.below(3) as usize];
    for side in [-1.0, 1.0] {
        let (x, y) = at(side * 0.4, -0.08);
        canvas.ellipse(x, y, 0.2 * r, 0.11 * r, Ink::new(248, 246, 242));
        canvas.ellipse(x, y, 0.1 * r, 0.1 * r, shade(eye, 1.0));
        canvas.ellipse(x, y, 0.05 * r, 0.05 * r, Ink::new(15, 15, 18));
        canvas.ellipse(x - 0.03 * r, y - 0.03 * r, 0.02 * r, 0.02 * r, Ink::new(255, 255, 255));
        canvas.stroke(
            &[at(side * 0.4 - 0.2, -0.1), at(side * 0.4, -0.2), at(side * 0.4 + 0.2, -0.1)],
            0.035 * r,
            shade(hair, 0.6),
        );
        canvas.stroke(
            &[at(side * 0.18, -0.3), at(side * 0.4, -0.39), at(side * 0.64, -0.31)],
            0.075 * r,
            shade(hair, 0.8),
        );
    }
    canvas.stroke(
        &[at(-0.04, -0.1), at(-0.1, 0.25), at(-0.13, 0.34), at(0.0, 0.4), at(0.12, 0.34)],
        0.04 * r,
        shade(skin, 0.66),
    );
    let lips = [at(-0.34, 0.68), at(-0.1, 0.63), at(0.0, 0.66), at(0.1, 0.63), at(0.34, 0.68)];
    let mut mouth = lips.to_vec();
    mouth.extend([at(0.15, 0.8), at(0.0, 0.82), at(-0.15, 0.8)]);
    canvas.polygon(&mouth, Ink::new(178, 84, 82).at(0.85));
    canvas.stroke(&[at(-0.34, 0.68), at(0.0, 0.71), at(0.34, 0.68)], 0.025 * r, Ink::new(110, 44, 46));
    canvas.stroke(&[at(-0.18, 1.0), at(0.0, 1.04), at(0.18, 1.0)], 0.025 * r, shade(skin, 0.75));
}
