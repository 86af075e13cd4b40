//! Paper and plastic beside the identity card: a driving licence and a utility bill.

use super::Person;
use super::card::{portrait, sheet, specimen};
use crate::draw::{Canvas, Ink};
use crate::{Rgb, Rng};

const DARK: Ink = Ink::new(30, 32, 40);
const PINK: Ink = Ink::new(150, 40, 90);

/// Front of a driving licence, `width` pixels wide (ID-1), with a line barcode.
pub fn driving_licence(seed: u64, width: u32) -> Rgb {
    let person = Person::new(seed);
    let (mut canvas, u) = sheet(seed ^ 3, width, 63.1, [246, 218, 226], [226, 214, 238]);
    canvas.text(5.0 * u, 8.0 * u, 3.4 * u, 0.54 * u, PINK, "UTOPIA");
    canvas.text(36.0 * u, 8.0 * u, 2.8 * u, 0.42 * u, PINK, "DRIVING LICENCE");
    portrait(&mut canvas, seed, 5.0 * u, 14.0 * u, 25.0 * u, 32.0 * u);
    let lines = [
        format!("1.  {}", person.family.to_uppercase()),
        format!("2.  {}", person.given.to_uppercase()),
        format!("3.  {}", person.born),
        format!("4b. {}", person.expires),
        format!("5.  {}", person.number),
        format!("8.  {}", person.street),
        "9.  AM B".to_owned(),
    ];
    for (row, line) in lines.iter().enumerate() {
        let y = (17.0 + row as f32 * 4.6) * u;
        canvas.text(34.0 * u, y, 2.0 * u, 0.34 * u, DARK, line);
    }
    let mut rng = Rng::fork(seed, "lines");
    canvas.rect(33.0 * u, 50.0 * u, 62.0 * u, 10.0 * u, 0.0, Ink::new(252, 252, 252));
    let mut x = 35.0;
    while x < 92.0 {
        let bar = 0.22 * (1 + rng.below(4)) as f32;
        canvas.rect(x * u, 51.0 * u, bar * u, 8.0 * u, 0.0, Ink::new(14, 14, 16));
        x += bar + 0.22 * (1 + rng.below(4)) as f32;
    }
    specimen(&mut canvas, 40.0 * u, 42.0 * u, 7.0 * u);
    canvas.into_picture()
}

/// A utility bill on A4 paper, `width` pixels wide, as a proof of address.
pub fn bill_page(seed: u64, width: u32) -> Rgb {
    let person = Person::new(seed);
    let mut rng = Rng::fork(seed, "bill");
    let u = width as f32 / 100.0;
    let mut canvas = Canvas::new(width, (u * 141.4) as u32, [250, 250, 248]);
    canvas.rect(0.0, 0.0, 100.0 * u, 14.0 * u, 0.0, Ink::new(16, 92, 116));
    let white = Ink::new(255, 255, 255);
    canvas.text(7.0 * u, 8.4 * u, 3.6 * u, 0.58 * u, white, "Northlake Water");
    canvas.text(7.0 * u, 12.0 * u, 1.3 * u, 0.2 * u, white, "SPECIMEN BILL - not a real company");
    for (row, line) in [&person.full_name(), &person.street, &person.town].into_iter().enumerate() {
        canvas.text(7.0 * u, (23.0 + row as f32 * 3.4) * u, 1.8 * u, 0.28 * u, DARK, line);
    }
    let mut total = 0;
    for (row, service) in ["Water", "Sewage", "Rain water", "Meter", "Service"].iter().enumerate() {
        let (y, cents) = (48.0 + row as f32 * 6.0, rng.between(300, 6_000));
        total += cents;
        canvas.text(7.0 * u, y * u, 1.7 * u, 0.26 * u, DARK, service);
        let price = format!("{}.{:02} EUR", cents / 100, cents % 100);
        let x = 93.0 * u - Canvas::text_width(1.7 * u, &price);
        canvas.text(x, y * u, 1.7 * u, 0.26 * u, DARK, &price);
        let line = (y + 2.0) * u;
        canvas.stroke(&[(7.0 * u, line), (93.0 * u, line)], 0.12 * u, Ink::new(160, 170, 176));
    }
    let sum = format!("Total  {}.{:02} EUR", total / 100, total % 100);
    let x = 93.0 * u - Canvas::text_width(2.4 * u, &sum);
    canvas.text(x, 84.0 * u, 2.4 * u, 0.44 * u, DARK, &sum);
    for month in 0..12 {
        let height = rng.between(6, 24) as f32;
        let left = 9.0 + month as f32 * 7.0;
        canvas.rect(left * u, (122.0 - height) * u, 4.6 * u, height * u, 0.0, Ink::new(70, 150, 168));
    }
    specimen(&mut canvas, 22.0 * u, 116.0 * u, 9.0 * u);
    canvas.into_picture()
}
