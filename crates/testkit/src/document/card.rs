//! Identity card and passport page of the invented state of Utopia.

use super::face::face;
use super::{Person, mrz_card, mrz_passport};
use crate::draw::{Canvas, Ink, sine};
use crate::{Rgb, Rng};

const DARK: Ink = Ink::new(24, 30, 52);
const LABEL: Ink = Ink::new(70, 92, 128);

/// Front of an identity card, `width` pixels wide in the ID-1 shape (85.6 × 54 mm).
pub fn id_card_front(seed: u64, width: u32) -> Rgb {
    let person = Person::new(seed);
    let (mut canvas, u) = blank(seed, width, [206, 224, 238], [232, 222, 236]);
    canvas.rect(0.0, 0.0, 100.0 * u, 11.0 * u, 0.0, Ink::new(28, 62, 120).at(0.92));
    canvas.text(5.0 * u, 7.4 * u, 3.8 * u, 0.62 * u, Ink::new(255, 255, 255), "UTOPIA");
    canvas.text(38.0 * u, 7.0 * u, 2.8 * u, 0.42 * u, Ink::new(226, 234, 250), "IDENTITY CARD");
    canvas.ellipse(92.5 * u, 5.5 * u, 3.6 * u, 3.6 * u, Ink::new(250, 204, 70));
    canvas.ellipse(92.5 * u, 5.5 * u, 2.2 * u, 2.2 * u, Ink::new(28, 62, 120));
    portrait(&mut canvas, seed, 5.0 * u, 16.0 * u, 27.0 * u, 35.0 * u);
    // The chip.
    canvas.rect(36.0 * u, 43.0 * u, 11.0 * u, 9.0 * u, 1.2 * u, Ink::new(212, 176, 92));
    for line in 1..3 {
        let y = (43.0 + 3.0 * line as f32) * u;
        canvas.stroke(&[(36.0 * u, y), (47.0 * u, y)], 0.25 * u, Ink::new(140, 108, 40));
    }
    canvas.stroke(&[(41.5 * u, 43.0 * u), (41.5 * u, 52.0 * u)], 0.25 * u, Ink::new(140, 108, 40));
    for (row, (label, value)) in [
        ("SURNAME", person.family.to_uppercase()),
        ("GIVEN NAME", person.given.to_uppercase()),
        ("DATE OF BIRTH", person.born.clone()),
        ("VALID UNTIL", person.expires.clone()),
    ]
    .into_iter()
    .enumerate()
    {
        let y = (18.0 + row as f32 * 6.4) * u;
        canvas.text(36.0 * u, y, 1.15 * u, 0.2 * u, LABEL, label);
        canvas.text(36.0 * u, y + 3.6 * u, 2.3 * u, 0.4 * u, DARK, &value);
    }
    canvas.text(72.0 * u, 18.0 * u, 1.15 * u, 0.2 * u, LABEL, "SEX");
    canvas.text(72.0 * u, 21.6 * u, 2.3 * u, 0.4 * u, DARK, &person.sex.to_string());
    canvas.text(50.0 * u, 47.0 * u, 1.15 * u, 0.2 * u, LABEL, "DOCUMENT NO.");
    canvas.text(50.0 * u, 51.6 * u, 2.6 * u, 0.46 * u, Ink::new(150, 24, 40), &person.number);
    // A ghost of the portrait.
    face(&mut canvas, seed, 88.0 * u, 34.0 * u, 3.6 * u);
    canvas.rect(79.0 * u, 27.0 * u, 18.0 * u, 18.5 * u, 1.0 * u, Ink::new(214, 224, 236).at(0.55));
    signature(&mut canvas, seed, 6.0 * u, 58.0 * u, u);
    canvas.text(38.0 * u, 59.6 * u, 1.5 * u, 0.24 * u, LABEL, "NOT A REAL DOCUMENT - FOR TESTS ONLY");
    specimen(&mut canvas, 38.0 * u, 46.0 * u, 7.4 * u);
    canvas.into_picture()
}

/// Back of an identity card with address, barcode and machine-readable zone.
pub fn id_card_back(seed: u64, width: u32) -> Rgb {
    let person = Person::new(seed);
    let (mut canvas, u) = blank(seed ^ 1, width, [222, 230, 222], [210, 222, 240]);
    canvas.text(5.0 * u, 6.0 * u, 1.2 * u, 0.2 * u, LABEL, "ADDRESS");
    canvas.text(5.0 * u, 10.0 * u, 2.1 * u, 0.36 * u, DARK, &person.street);
    canvas.text(5.0 * u, 14.2 * u, 2.1 * u, 0.36 * u, DARK, &person.town);
    canvas.text(62.0 * u, 6.0 * u, 1.2 * u, 0.2 * u, LABEL, "AUTHORITY");
    canvas.text(62.0 * u, 10.0 * u, 2.1 * u, 0.36 * u, DARK, "Registry of Utopia");
    barcode(&mut canvas, seed, 5.0 * u, 18.0 * u, 90.0 * u, 15.0 * u);
    specimen(&mut canvas, 12.0 * u, 39.0 * u, 6.4 * u);
    canvas.rect(0.0, 42.0 * u, 100.0 * u, 21.1 * u, 0.0, Ink::new(246, 248, 246).at(0.8));
    for (row, line) in mrz_card(&person).iter().enumerate() {
        let y = (48.6 + row as f32 * 5.4) * u;
        canvas.mono(5.0 * u, y, 3.34 * u, 0.46 * u, Ink::new(18, 18, 22), line);
    }
    canvas.into_picture()
}

/// The data page of a passport, `width` pixels wide (125 × 88 mm).
pub fn passport_page(seed: u64, width: u32) -> Rgb {
    let person = Person::new(seed);
    let (mut canvas, u) = sheet(seed ^ 2, width, 70.4, [236, 226, 214], [214, 226, 236]);
    canvas.text(5.0 * u, 7.0 * u, 3.2 * u, 0.5 * u, Ink::new(120, 30, 44), "UTOPIA");
    canvas.text(33.0 * u, 7.0 * u, 2.4 * u, 0.36 * u, Ink::new(120, 30, 44), "PASSPORT");
    portrait(&mut canvas, seed, 5.0 * u, 12.0 * u, 25.0 * u, 33.0 * u);
    for (row, (label, value)) in [
        ("SURNAME", person.family.to_uppercase()),
        ("GIVEN NAMES", person.given.to_uppercase()),
        ("NATIONALITY", "UTOPIAN".to_owned()),
        ("DATE OF BIRTH", person.born.clone()),
        ("DATE OF EXPIRY", person.expires.clone()),
    ]
    .into_iter()
    .enumerate()
    {
        let y = (13.0 + row as f32 * 7.0) * u;
        canvas.text(34.0 * u, y, 1.1 * u, 0.18 * u, LABEL, label);
        canvas.text(34.0 * u, y + 3.7 * u, 2.2 * u, 0.36 * u, DARK, &value);
    }
    for (x, label, value) in [(68.0, "PASSPORT NO.", person.number.clone()), (91.0, "SEX", person.sex.to_string())] {
        canvas.text(x * u, 13.0 * u, 1.1 * u, 0.18 * u, LABEL, label);
        canvas.text(x * u, 16.7 * u, 2.2 * u, 0.36 * u, DARK, &value);
    }
    signature(&mut canvas, seed, 68.0 * u, 44.0 * u, u);
    specimen(&mut canvas, 34.0 * u, 48.0 * u, 7.0 * u);
    canvas.rect(0.0, 54.0 * u, 100.0 * u, 16.4 * u, 0.0, Ink::new(248, 246, 242).at(0.85));
    for (row, line) in mrz_passport(&person).iter().enumerate() {
        let y = (60.0 + row as f32 * 5.6) * u;
        canvas.mono(3.6 * u, y, 2.35 * u, 0.34 * u, Ink::new(18, 18, 22), line);
    }
    canvas.into_picture()
}

/// An ID-1 card with fine waves; returns the canvas and one hundredth of its width.
fn blank(seed: u64, width: u32, from: [u8; 3], to: [u8; 3]) -> (Canvas, f32) {
    sheet(seed, width, 63.1, from, to)
}

/// A sheet `height` hundredths of its width high.
pub(super) fn sheet(seed: u64, width: u32, height: f32, from: [u8; 3], to: [u8; 3]) -> (Canvas, f32) {
    let u = width as f32 / 100.0;
    let mut rng = Rng::fork(seed, "guilloche");
    let (a, b) = (0.6 + rng.unit(), 0.4 + rng.unit());
    let mut canvas = Canvas::new(width, (u * height) as u32, [255; 3]);
    canvas.paint(|x, y| {
        let (cx, cy) = (x / u, y / u);
        let wave = cy + 3.0 * sine(cx / 31.0 * a) + 1.6 * sine(cx / 11.0 * b + cy / 40.0);
        let line = sine(wave / 1.9);
        let ink = if line > 0.72 { (line - 0.72) * 90.0 } else { 0.0 };
        [0, 1, 2].map(|c| {
            let (f, t) = (f32::from(from[c]), f32::from(to[c]));
            f + (t - f) * (cx / 100.0) - ink
        })
    });
    (canvas, u)
}

pub(super) fn portrait(canvas: &mut Canvas, seed: u64, x: f32, y: f32, width: f32, height: f32) {
    let mut photo = Canvas::new(width as u32, height as u32, [224, 228, 232]);
    face(&mut photo, seed, width / 2.0, height * 0.44, width * 0.27);
    canvas.place(photo.picture(), x as u32, y as u32);
    canvas.frame(x, y, width, height, 0.0, width * 0.012, Ink::new(120, 130, 150));
}

/// A pattern that looks like PDF417: start, random codewords of 17 modules, stop.
fn barcode(canvas: &mut Canvas, seed: u64, x: f32, y: f32, width: f32, height: f32) {
    let mut rng = Rng::fork(seed, "barcode");
    let (words, rows) = (12, 12);
    let module = width / (17 * (words + 1) + 18) as f32;
    canvas.rect(x - module, y - module, width + 2.0 * module, height + 2.0 * module, 0.0, Ink::new(252, 252, 252));
    for row in 0..rows {
        let top = y + height * row as f32 / rows as f32;
        let mut left = x;
        let mut bars = vec![[8, 1, 1, 1, 1, 1, 1, 3].to_vec()];
        bars.extend((0..words).map(|_| codeword(&mut rng).to_vec()));
        bars.push(vec![7, 1, 1, 3, 1, 1, 1, 2, 1]);
        for (index, run) in bars.iter().flat_map(|bar| bar.iter().enumerate()) {
            let size = *run as f32 * module;
            if index % 2 == 0 {
                canvas.rect(left, top, size, height / rows as f32 + 0.5, 0.0, Ink::new(16, 16, 18));
            }
            left += size;
        }
    }
}

/// Eight runs of 1 to 6 modules that add up to 17.
fn codeword(rng: &mut Rng) -> [u32; 8] {
    let mut runs = [1u32; 8];
    let mut left = 17 - 8;
    while left > 0 {
        let at = rng.below(8) as usize;
        if runs[at] < 6 {
            runs[at] += 1;
            left -= 1;
        }
    }
    runs
}

fn signature(canvas: &mut Canvas, seed: u64, x: f32, y: f32, u: f32) {
    let mut rng = Rng::fork(seed, "signature");
    let points: Vec<(f32, f32)> = (0..160)
        .map(|step| {
            let t = step as f32 / 4.0;
            let swing = sine(t / 5.0 + rng.unit() * 0.01) * (2.4 - t * 0.03);
            (x + (t * 0.55 + 1.1 * sine(t / 3.3)) * u, y - swing * u)
        })
        .collect();
    canvas.stroke(&points, 0.32 * u, Ink::new(30, 40, 110).at(0.9));
}

pub(super) fn specimen(canvas: &mut Canvas, x: f32, y: f32, size: f32) {
    canvas.slanted(x, y, size, size * 0.17, 0.16, Ink::new(190, 20, 40).at(0.42), "SPECIMEN");
}
