//! A screenshot of a phone: flat colours and sharp text, which PNG holds well.

use super::Person;
use crate::draw::{Canvas, Ink};
use crate::{Rgb, Rng};

/// A banking app's account page as a phone would capture it.
pub fn screenshot(seed: u64, width: u32, height: u32) -> Rgb {
    let person = Person::new(seed);
    let mut rng = Rng::fork(seed, "screen");
    let u = width as f32 / 100.0;
    let (grey, dark) = (Ink::new(120, 126, 138), Ink::new(28, 32, 40));
    let mut canvas = Canvas::new(width, height, [244, 246, 250]);
    canvas.rect(0.0, 0.0, 100.0 * u, 46.0 * u, 0.0, Ink::new(36, 78, 160));
    let white = Ink::new(255, 255, 255);
    canvas.text(5.0 * u, 6.5 * u, 2.8 * u, 0.5 * u, white, "9:41");
    canvas.rect(86.0 * u, 3.4 * u, 8.0 * u, 3.6 * u, 0.8 * u, white.at(0.9));
    canvas.text(6.0 * u, 20.0 * u, 4.0 * u, 0.62 * u, white, "Harbour Savings");
    canvas.text(6.0 * u, 28.0 * u, 2.6 * u, 0.4 * u, white.at(0.85), &person.full_name());
    canvas.text(
        6.0 * u,
        40.0 * u,
        6.4 * u,
        0.95 * u,
        white,
        &format!("{}.{:02} EUR", rng.between(200, 9_000), rng.below(100)),
    );
    let mut y = 52.0;
    while (y + 18.0) * u < height as f32 - 20.0 * u {
        canvas.rect(4.0 * u, y * u, 92.0 * u, 16.0 * u, 2.4 * u, white);
        let colour = [0; 3].map(|_| rng.between(70, 200) as u8);
        canvas.ellipse(13.0 * u, (y + 8.0) * u, 5.0 * u, 5.0 * u, Ink { colour, opacity: 1.0 });
        let what = rng.pick(&["Groceries", "Salary", "Rent", "Tram ticket", "Bookshop", "Coffee"]);
        canvas.text(22.0 * u, (y + 7.4) * u, 2.9 * u, 0.46 * u, dark, what);
        let day = format!("{} March 2026", rng.between(1, 28));
        canvas.text(22.0 * u, (y + 12.8) * u, 2.1 * u, 0.3 * u, grey, &day);
        let amount = format!("-{}.{:02}", rng.between(1, 180), rng.below(100));
        let right = 92.0 * u - Canvas::text_width(2.9 * u, &amount);
        canvas.text(right, (y + 9.4) * u, 2.9 * u, 0.46 * u, dark, &amount);
        y += 18.0;
    }
    let (w, h) = (width as f32, height as f32);
    canvas.rect(0.0, h - 15.0 * u, w, 15.0 * u, 0.0, Ink::new(250, 230, 232));
    let (size, label) = (5.0 * u, "SPECIMEN SCREEN");
    let x = (w - Canvas::text_width(size, label)) / 2.0;
    canvas.text(x, h - 5.4 * u, size, 0.8 * u, Ink::new(190, 20, 40), label);
    canvas.into_picture()
}
