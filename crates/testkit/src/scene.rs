//! A picture for codec tests: soft gradients, saturated patches, fine lines and words, so that
//! chroma, orientation, ringing and banding all show.

use crate::draw::{Canvas, Ink, sine, value_noise};
use crate::{Rgb, Rng};

/// A scene of any size. No two corners look alike (red, green, blue and yellow patches from the
/// top left clockwise), so that every wrong orientation is seen.
pub fn scene(seed: u64, width: u32, height: u32) -> Rgb {
    let mut rng = Rng::fork(seed, "scene");
    let noise = rng.next_u32();
    let (w, h) = (width as f32, height as f32);
    let unit = w.min(h) / 100.0;
    let mut canvas = Canvas::new(width, height, [0; 3]);
    canvas.paint(|x, y| {
        let (u, v) = (x / w, y / h);
        let cloud = value_noise(noise, u * 7.0, v * 7.0) * 40.0;
        [
            70.0 + 130.0 * u + cloud * 0.6,
            90.0 + 70.0 * sine(u * 0.5 + v * 0.25) + cloud,
            200.0 - 120.0 * v + cloud * 0.3,
        ]
    });
    for _ in 0..6 {
        let colour = [0; 3].map(|_| rng.between(20, 235) as u8);
        let ink = Ink { colour, opacity: 0.75 };
        let (x, y) = (rng.unit() * w, rng.unit() * h);
        let (rx, ry) = (unit * (8.0 + 14.0 * rng.unit()), unit * (8.0 + 14.0 * rng.unit()));
        canvas.ellipse(x, y, rx, ry, ink);
    }
    for step in 0..12 {
        let x = w * 0.3 + unit * 0.8 * step as f32 * (1.0 + step as f32 * 0.12);
        canvas.stroke(&[(x, h * 0.66), (x + unit * 4.0, h * 0.9)], unit * 0.35, Ink::new(15, 15, 25));
    }
    canvas.text(w * 0.22, h * 0.5, unit * 11.0, unit * 1.7, Ink::new(250, 250, 245), "SCENE");
    let side = unit * 16.0;
    for (x, y, ink) in [
        (0.0, 0.0, Ink::new(220, 20, 30)),
        (w - side, 0.0, Ink::new(20, 170, 50)),
        (w - side, h - side, Ink::new(20, 60, 210)),
        (0.0, h - side, Ink::new(245, 215, 20)),
    ] {
        canvas.rect(x, y, side, side, 0.0, ink);
    }
    canvas.into_picture()
}

#[cfg(test)]
mod tests {
    use super::scene;

    #[test]
    fn scenes_repeat_by_seed_and_differ_between_seeds() {
        let one = scene(1, 160, 120);
        assert_eq!(one, scene(1, 160, 120));
        assert_ne!(one, scene(2, 160, 120));
        assert_eq!(one.pixel(2, 2), [220, 20, 30]);
        assert_eq!(one.pixel(157, 117), [20, 60, 210]);
    }
}
